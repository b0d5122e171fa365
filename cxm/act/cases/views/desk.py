"""The desk: queues and lists, what is done with many cases at once, saved views, tasks, and what waits for oneself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.act.cases import actions, causes, presence
from cxm.act.cases.errors import Refused
from cxm.act.cases.forms import agents, assignee, choices_of_people, snooze_until, wanted_in, wanted_of
from cxm.act.cases.models import Case, Cause, Notice, Resolution, TeamMember, View
from cxm.act.cases.queries import COUNTED, QUEUES, Wanted, cases, categories, counts, page_of, tasks
from cxm.listen.channels.actions import Refused as ChannelRefused
from cxm.record.customers.access import customer_for
from cxm.understand.text.topics.queries import names_of

MOST_AT_ONCE = 200


def may_change(membership: Membership) -> bool:
    return Role(membership.role).includes(Role.AGENT)


def first_queue(membership: Membership) -> str:
    """Where somebody begins who named no queue: their teams' cases, or all where they are in no team."""
    in_team = TeamMember.objects.filter(user=membership.user, team__workspace=membership.workspace).exists()
    return "team" if in_team else "todo"


def of_page(membership: Membership) -> dict[str, Any]:
    return {"membership": membership, "workspace": membership.workspace, "may_change": may_change(membership)}


def sidebar(membership: Membership, current: str = "") -> dict[str, Any]:
    """The queues with their counts, and the saved views."""
    counted = counts(membership.workspace, membership.user)
    views = View.objects.filter(Q(owner=None) | Q(owner=membership.user), workspace=membership.workspace)
    return {
        "queues": [(queue, shown_count(counted.get(queue.key))) for queue in QUEUES.values()],
        "for_me": shown_count(counted["for_me"]), "task_count": shown_count(counted["tasks"]),
        "views": views, "current": current,
    }  # fmt: skip


def shown_count(n: int | None) -> str:
    return "" if not n else f"{COUNTED - 1}+" if n >= COUNTED else str(n)


def of_bulk(workspace: Workspace) -> dict[str, Any]:
    """What the dialogs for one and for many cases offer."""
    return {
        "people": choices_of_people(workspace), "agents": agents(workspace), "priorities": Case.Priority.choices,
        "resolutions": Resolution.choices, "causes": causes.tree(workspace),
        "snoozes": [
            ("3h", _("For 3 hours")), ("tomorrow", _("Until tomorrow, 9:00")), ("3d", _("For 3 days")),
            ("monday", _("Until Monday, 9:00")),
        ],
    }  # fmt: skip


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    wanted = wanted_of(request.GET, first_queue(membership))
    number = request.GET.get("page", "1")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    rows, more = page_of(cases(workspace, membership.user, wanted), page)
    context = of_page(membership) | {
        "rows": rows, "wanted": wanted, "list": wanted.address(), "page": max(1, page), "more": more,
        "queue": QUEUES[wanted.queue], "seen_by": presence.looked_at(rows, membership.user), "now": timezone.now(),
        "is_new": not rows and not wanted.narrows and not Case.objects.filter(workspace=workspace).exists(),
    }  # fmt: skip
    if getattr(request, "htmx", False) and request.htmx.target == "found":  # type: ignore[attr-defined]  # django-htmx
        return render(request, "cases/_list.html", context)
    context |= sidebar(membership, wanted.queue if not wanted.narrows else "") | of_bulk(workspace)
    context |= {
        "states": Case.State.choices, "categories": categories(workspace), "view": _view(membership, wanted),
        "channels": ["email", "form", "reviews", "calls", "webhook"], "topics": names_of(workspace.pk),
        "happened": [("reopened", _("Reopened")), ("hand_overs", _("Hand-overs"))],
    }  # fmt: skip
    return render(request, "cases/desk.html", context)


def _view(membership: Membership, wanted: Wanted) -> View | None:
    """The saved view whose address this is."""
    rows = View.objects.filter(workspace=membership.workspace, query=wanted.address())
    return next((row for row in rows if row.owner_id in (None, membership.user_id)), None)


def new(request: HttpRequest, slug: str) -> HttpResponse:
    """A case that a person opens: somebody called, or stood at the counter."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    given = request.POST if request.method == "POST" else request.GET
    customer = customer_for(workspace, given["customer"]) if given.get("customer") else None
    context = of_page(membership) | of_bulk(workspace) | {
        "customer": customer, "given": given, "categories": categories(workspace), "problem": "",
    }  # fmt: skip
    if request.method == "POST":
        try:
            to = given.get("to", "")
            team, owner = assignee(workspace, to, membership.user) if to else (None, None)
            priority = given.get("priority", "")
            case = actions.open_case(
                workspace=workspace, subject=given.get("subject", ""), opened_by=actions.new_reference(),
                customer=customer, category=given.get("category", ""), by=membership.user, team=team, owner=owner,
                priority=int(priority) if priority in {"1", "2", "3", "4"} else Case.Priority.NORMAL,
                complaint="complaint" in given, severe="severe" in given,
                touchpoint=given.get("touchpoint", ""),
            )  # fmt: skip
            if given.get("note", "").strip():
                actions.add_note(case=case, text=given["note"], by=membership.user)
            return redirect("cases:show", slug, case.number)
        except Refused as refused:
            context["problem"] = str(refused)
    return render(request, "cases/new.html", context)


@require_POST
def bulk(request: HttpRequest, slug: str) -> HttpResponse:
    """One deed for many cases; each is a change of its own, and what is refused does not stop the others."""
    membership = membership_for(request.user, slug, Role.AGENT)
    given = request.POST
    numbers = [int(one) for one in given.getlist("case") if one.isascii() and one.isdigit() and len(one) < 10]
    chosen = Case.objects.filter(workspace=membership.workspace, number__in=numbers[:MOST_AT_ONCE])
    done, refusals = 0, []
    for case in chosen.select_related("team", "workspace", "owner", "customer", "cause").order_by("number"):
        try:
            to_one(case, membership, given)
            done += 1
        except (Refused, ChannelRefused) as refused:
            refusals.append(f"#{case.number}: {refused}")
    if done:
        words = ngettext("%(n)d case was changed.", "%(n)d cases were changed.", done) % {"n": done}
        messages.success(request, words)
    if refusals or not done:
        messages.error(request, " ".join(refusals[:5]) or _("Choose at least one case."))
    return HttpResponseRedirect(f"{reverse('cases:list', args=[slug])}?{wanted_in(given.get('list', '')).address()}")


def to_one(case: Case, membership: Membership, given: Any) -> None:
    """What the bar below the list does with each chosen case."""
    by, workspace = membership.user, membership.workspace
    deed, _colon, more = given.get("do", "").partition(":")
    match deed:
        case "assign":
            team, owner = assignee(workspace, given.get("to", ""), by)
            actions.assign(case=case, team=team, owner=owner, by=by)
        case "priority":
            text = given.get("priority", "")
            actions.set_priority(case=case, priority=int(text) if text.isascii() and text.isdigit() else 0, by=by)
        case "tag":
            actions.add_tags(case=case, tags=given.get("tags", "").split(","), by=by)
        case "snooze":
            actions.snooze(case=case, until=snooze_until(more, given.get("at", "")), by=by)
        case "resolve":
            text = given.get("cause", "")
            pk = int(text) if text.isascii() and text.isdigit() else 0
            cause = Cause.objects.filter(workspace=workspace, pk=pk).first()
            actions.resolve(case=case, resolution=given.get("resolution", ""), cause=cause, by=by)
        case "close":
            actions.close(case=case, by=by)
        case "reopen":
            actions.reopen(case=case, by=by)
        case _:
            raise Refused(_("Choose what is to be done."))


@require_POST
def save_view(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the address of a list under a name; for oneself, or for everybody."""
    membership = membership_for(request.user, slug, Role.AGENT)
    query = wanted_in(request.POST.get("list", "")).address()
    name = " ".join(request.POST.get("name", "").replace("\x00", "").split())[:60]
    owner = None if request.POST.get("shared") else membership.user
    if name:
        View.objects.update_or_create(
            workspace=membership.workspace, owner=owner, name=name, defaults={"query": query[:1000]}
        )
        messages.success(request, _("The view is saved."))
    else:
        messages.error(request, _("Give the view a name."))
    return HttpResponseRedirect(f"{reverse('cases:list', args=[slug])}?{query}")


@require_POST
def remove_view(request: HttpRequest, slug: str, view_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    view = get_object_or_404(View, workspace=membership.workspace, pk=view_id)
    if view.owner_id in (None, membership.user_id):
        view.delete()
        messages.success(request, _("The view was removed. Its cases are as they were."))
    return redirect("cases:list", slug)


@require_safe
def show_tasks(request: HttpRequest, slug: str) -> HttpResponse:
    """What this person and their teams are asked to do on cases of others."""
    membership = membership_for(request.user, slug)
    rows = list(tasks(membership.workspace, membership.user)[:200])
    context = of_page(membership) | sidebar(membership, "tasks") | {"tasks": rows, "now": timezone.now()}
    return render(request, "cases/tasks.html", context)


@require_safe
def show_notices(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for this person: mentions, cases and tasks that they were given."""
    membership = membership_for(request.user, slug)
    rows = Notice.objects.filter(workspace=membership.workspace, user=membership.user)
    rows = rows.select_related("case", "entry__by").order_by("-at")[:100]
    context = of_page(membership) | sidebar(membership, "for_me") | {"notices": list(rows)}
    return render(request, "cases/notices.html", context)


@require_POST
def read_all(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    rows = Notice.objects.filter(workspace=membership.workspace, user=membership.user, read_at=None)
    rows.update(read_at=timezone.now())
    return redirect("cases:notices", slug)
