"""The page of one case: the conversation with its notes, and the customer beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for, sees_personal
from cxm.accounts.models import Membership, Role
from cxm.act.cases import canned, history, noticing, presence
from cxm.act.cases.forms import wanted_of
from cxm.act.cases.models import Case, CaseEntry, Macro, Task
from cxm.act.cases.queries import QUEUES, Wanted, beside, cases, categories, linked, others_of_customer
from cxm.lib.personal import mask_all
from cxm.listen.channels.models import Message
from cxm.record.customers.queries import Person, person_of, scores, timeline
from cxm.record.customers.timeline import moment
from cxm.record.customers.traits import shown
from cxm.record.eventlog.engine import EventlogError

from .desk import first_queue, of_bulk, of_page

# Lines of the history that the conversation shows already.
SAID_BY_MESSAGES = {"replied", "customer_wrote"}
MOST_MESSAGES = 300
SHOWN = 8  # lines of the thread; the ones before them are folded away
# Deeds of the dialogs and buttons whose form stands empty in the page.
FORMS = ("assign", "snooze", "resolve", "macro", "wake", "reopen", "close")


@dataclass(frozen=True)
class Item:
    """A line of the thread: a message, a note, or something that was done."""

    at: datetime
    kind: str  # message · note · event
    message: Message | None = None
    entry: CaseEntry | None = None
    icon: str = ""
    text: str = ""


def case_for(membership: Membership, number: int) -> Case:
    """The case of that number in the member's workspace; Http404 for any other."""
    rows = Case.objects.select_related(
        "workspace", "team", "owner", "customer__canonical", "conversation__channel", "cause", "merged_into"
    )
    case = rows.filter(workspace=membership.workspace, number=number).first()
    if case is None:
        raise Http404
    return case


@require_safe
def show(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    membership = membership_for(request.user, slug)
    case = case_for(membership, number)
    if case.merged_into and not request.GET.get("stay"):
        return redirect("cases:show", slug, case.merged_into.number)
    noticing.read(case, membership.user)
    return render(request, "cases/case.html", context_of(request, membership, case))


def context_of(request: HttpRequest, membership: Membership, case: Case, **more: Any) -> dict[str, Any]:
    """Everything that the page of a case shows; `more` may hold a draft that must not be lost, and why."""
    wanted = wanted_of(request.GET, first_queue(membership))
    items = thread(case)
    cut = max(0, len(items) - SHOWN) if len(items) > SHOWN + 2 else 0
    said = [item.message for item in items if item.message]
    person = person_of(case.customer.canonical or case.customer) if case.customer else None
    traits = person.traits if person else {}
    if not sees_personal(membership):
        traits = mask_all(traits, under="traits")
    found = of_page(membership) | of_bulk(membership.workspace)
    return found | {
        "case": case, "older": items[:cut], "newer": items[cut:], "items": items,
        "last_message": said[-1] if said else None,
        "mark": mark_of(case), "list": wanted.address(),
        "queue": QUEUES[wanted.queue], "wanted": wanted, "now": timezone.now(),
        "is_open": case.state in Case.OPEN_STATES, "tasks": tasks_of(case), "linked": linked(case),
        "others": others_of_customer(case, person.ids) if person else [],
        "watchers": [one.user for one in case.watchers.select_related("user")],
        "replies": [(one, canned.text_of(one, case, membership.user)) for one in canned.replies_for(case)],
        "macros": list(Macro.objects.filter(workspace=membership.workspace)[:100]),
        "categories": categories(membership.workspace), "customer_language": canned.language_of(case),
        "person": person,
        "colleagues": presence.colleagues(case, membership.user), "forms": FORMS,
        "traits": [(name, shown(value)) for name, value in list(traits.items())[:8]], **more,
    }  # fmt: skip


def thread(case: Case) -> list[Item]:
    """Messages, notes and deeds in the order in which they happened; of merged cases, too."""
    merged = list(Case.objects.filter(merged_into=case).values_list("pk", "conversation"))
    conversations = {one for one in (case.conversation_id, *(pk for _case, pk in merged)) if one}
    rows = Message.objects.filter(conversation__in=conversations).select_related("author", "delivery")
    newest = list(rows.prefetch_related("attachments").order_by("-at", "-pk")[:MOST_MESSAGES])
    items = [Item(one.at, "message", message=one) for one in newest]
    entries = CaseEntry.objects.filter(case__in=[case.pk, *(pk for pk, _one in merged)]).select_related("by")
    for entry in entries.exclude(kind__in=SAID_BY_MESSAGES).order_by("-at", "-pk")[:MOST_MESSAGES]:
        kind = "note" if entry.kind == "note" else "event"
        items.append(Item(entry.at, kind, entry=entry, icon=history.icon(entry), text=history.sentence(entry)))
    return sorted(items, key=lambda item: item.at)


def tasks_of(case: Case) -> list[Task]:
    return list(case.tasks.select_related("team", "owner", "asked_by").order_by("state", "created_at"))


@require_safe
def beside_it(request: HttpRequest, slug: str, number: int, way: str) -> HttpResponse:
    """To the next or the previous case of the list that one came from; to the list where there is none."""
    membership = membership_for(request.user, slug)
    case = case_for(membership, number)
    return to_next(membership, case, wanted_of(request.GET, first_queue(membership)), before=way == "previous")


def to_next(membership: Membership, case: Case, wanted: Wanted, *, before: bool = False) -> HttpResponse:
    rows = cases(membership.workspace, membership.user, wanted)
    found = beside(rows, wanted.order, case, before=before)
    if found is None and not before and not rows.filter(pk=case.pk).exists():
        found = rows.first()  # what was done with it took it out of the queue, which begins with the most urgent
    slug = membership.workspace.slug
    answer = redirect("cases:show", slug, found.number) if found else redirect("cases:list", slug)
    answer["Location"] += f"?{wanted.address()}"
    return answer


@require_safe
def story(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The newest of the customer's story, from the log: it comes after the page, so that the log never delays it."""
    membership = membership_for(request.user, slug)
    case = case_for(membership, number)
    context: dict[str, Any] = of_page(membership) | {"case": case, "problem": ""}
    if case.customer:
        person: Person = person_of(case.customer.canonical or case.customer)
        try:
            page = timeline(membership.workspace, person.log_ids, limit=15)
            context["moments"] = [moment(row, personal=sees_personal(membership)) for row in page.events]
            context["scores"] = scores(membership.workspace, person.log_ids, 5)
        except EventlogError:
            context["problem"] = _("The event log does not answer just now. Try again in a moment.")
    return render(request, "cases/_story.html", context)


@require_POST
def look(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The page says that it is open, and learns who else looks and whether something has changed."""
    membership = membership_for(request.user, slug)
    case = case_for(membership, number)
    if request.POST.get("leave"):
        presence.leave(case, membership.user)
        return HttpResponse(status=204)
    if Role(membership.role).includes(Role.AGENT):
        presence.look(case, membership.user, types=request.POST.get("types") == "1")
    newer = request.POST.get("seen", "")
    context = of_page(membership) | {
        "case": case, "colleagues": presence.colleagues(case, membership.user),
        "changed": bool(newer) and newer != mark_of(case), "list": request.POST.get("list", ""),
    }  # fmt: skip
    return render(request, "cases/_presence.html", context)


def mark_of(case: Case) -> str:
    """Differs as soon as there is something that the page does not show yet."""
    rows = Message.objects.filter(conversation=case.conversation_id) if case.conversation_id else Message.objects.none()
    last = rows.order_by("-at", "-pk").values_list("pk", flat=True).first()
    return f"{case.version}:{last or ''}"
