"""What is done on the page of a case: each deed reads the form and calls one verb."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, User
from cxm.act.cases import actions, canned, tasks
from cxm.act.cases.errors import Overtaken, Refused
from cxm.act.cases.forms import assignee, snooze_until, wanted_in
from cxm.act.cases.models import Case, Cause, Macro, Resolution, Task
from cxm.listen.channels.actions import Refused as ChannelRefused
from cxm.listen.channels.receiving import File
from cxm.record.customers.access import customer_for

from .case import case_for, context_of, to_next
from .desk import first_queue

Given = QueryDict
Deed = Callable[[Case, User, Given], object]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _other(case: Case, given: Given) -> Case:
    number = _number(given.get("other", "").strip().lstrip("#"))
    other = Case.objects.select_related("team", "workspace").filter(workspace=case.workspace, number=number).first()
    if other is None:
        raise Refused(_("There is no case of this number."))
    return other


def _cause(case: Case, given: Given) -> Cause | None:
    return Cause.objects.filter(workspace=case.workspace, pk=_number(given.get("cause", ""))).first()


def assign(case: Case, me: User, given: Given) -> None:
    team, owner = assignee(case.workspace, given.get("to", ""), me)
    if team and team.pk != case.team_id:
        actions.hand_over(case=case, team=team, owner=owner, reason=given.get("reason", ""), by=me)
    else:
        actions.assign(case=case, team=team, owner=owner, by=me)


def describe(case: Case, me: User, given: Given) -> None:
    fields: dict[str, Any] = {name: given[name] for name in ("subject", "category") if name in given}
    if "cause" in given:
        fields["cause"] = _cause(case, given)
    if "flags" in given:
        fields |= {"is_complaint": "complaint" in given, "is_severe": "severe" in given}
    if "tags" in given:
        actions.tag(case=case, tags=given.get("tags", "").split(","), by=me)
    priority = _number(given.get("priority", ""))
    if priority and priority != case.priority:
        actions.set_priority(case=case, priority=priority, by=me)
    actions.describe(case=case, by=me, **fields)


def set_customer(case: Case, me: User, given: Given) -> None:
    customer = customer_for(case.workspace, given.get("customer", "")) if given.get("customer") else None
    actions.describe(case=case, by=me, customer=customer)


def snooze(case: Case, me: User, given: Given) -> None:
    actions.snooze(case=case, until=snooze_until(given.get("until", ""), given.get("at", "")), by=me)


def resolve(case: Case, me: User, given: Given) -> None:
    actions.resolve(
        case=case, resolution=given.get("resolution", ""), cause=_cause(case, given), note=given.get("note", ""), by=me
    )


def watch(case: Case, me: User, given: Given) -> None:
    actions.watch(case=case, by=me, on=given.get("on") == "1")


def ask(case: Case, me: User, given: Given) -> None:
    team, owner = assignee(case.workspace, given.get("to", ""), me)
    try:
        day = parse_date(given.get("due", ""))
    except ValueError as error:
        raise Refused(_("There is no such day.")) from error
    due = timezone.make_aware(datetime.combine(day, time(17))) if day else None
    tasks.ask(case=case, text=given.get("text", ""), team=team or case.team, owner=owner, due_at=due, by=me)


def _task(case: Case, given: Given) -> Task:
    try:
        return get_object_or_404(
            Task.objects.select_related("case__workspace"), case=case, pk=UUID(given.get("task", ""))
        )
    except ValueError as error:
        raise Http404 from error


def task_done(case: Case, me: User, given: Given) -> None:
    tasks.finish(task=_task(case, given), result=given.get("result", ""), declined="declined" in given, by=me)


def task_hand_over(case: Case, me: User, given: Given) -> None:
    task = _task(case, given)
    team, owner = assignee(case.workspace, given.get("to", ""), me)
    tasks.hand_over(task=task, team=team or task.team, owner=owner, reason=given.get("reason", ""), by=me)


def macro(case: Case, me: User, given: Given) -> None:
    found = get_object_or_404(Macro, workspace=case.workspace, pk=_number(given.get("macro", "")))
    canned.run_macro(macro=found, case=case, by=me)


DEEDS: Final[dict[str, Deed]] = {
    "assign": assign,
    "describe": describe,
    "customer": set_customer,
    "snooze": snooze,
    "wake": lambda case, me, _given: actions.wake(case=case, by=me),
    "resolve": resolve,
    "reopen": lambda case, me, given: actions.reopen(case=case, reason=given.get("reason", ""), by=me),
    "close": lambda case, me, _given: actions.close(case=case, by=me),
    "merge": lambda case, me, given: actions.merge(case=case, into=_other(case, given), by=me),
    "link": lambda case, me, given: actions.link(case=case, other=_other(case, given), by=me),
    "unlink": lambda case, me, given: actions.unlink(case=case, other=_other(case, given), by=me),
    "watch": watch,
    "ask": ask,
    "task_done": task_done,
    "task_hand_over": task_hand_over,
    "macro": macro,
}  # fmt: skip
# After these there is nothing left to do here: with "go to the next", the desk does.
LAST: Final = {"snooze", "resolve", "close", "merge", "reply", "assign"}


@require_POST
def do(request: HttpRequest, slug: str, number: int, deed: str) -> HttpResponse:
    """One deed on one case; back to the case, or on to the next one of the list."""
    membership = membership_for(request.user, slug, Role.AGENT)
    case = case_for(membership, number)
    if deed not in DEEDS:
        raise Http404
    try:
        DEEDS[deed](case, membership.user, request.POST)
    except (Refused, ChannelRefused) as refused:
        messages.error(request, str(refused))
        return _back(membership, case, request.POST)
    return _on(request, membership, case, deed)


@require_POST
def write(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Send a reply or keep a note. What was typed comes back when it cannot be taken."""
    membership = membership_for(request.user, slug, Role.AGENT)
    case = case_for(membership, number)
    given, me = request.POST, membership.user
    text, how = given.get("text", ""), given.get("how", "reply")
    try:
        if how == "note":
            actions.add_note(case=case, text=text, by=me)
            return _back(membership, case, given)
        files = [
            File(one.name or "file", one.content_type or "application/octet-stream", one.read())
            for one in request.FILES.getlist("files")
        ]
        actions.reply_to_customer(
            case=case, text=text, by=me, attachments=files, stay_open=how == "open",
            seen=None if "anyway" in given else _uuid(given.get("seen", "")),
        )  # fmt: skip
        if saved := _number(given.get("saved", "")):
            canned.used(case.workspace, saved)
        if how == "resolve" and case.state in Case.OPEN_STATES:
            actions.resolve(case=case, resolution=Resolution.SOLVED, by=me)
        return _on(request, membership, case, "reply")
    except (Refused, ChannelRefused) as refused:
        case = case_for(membership, number)
        more = {
            "draft": text, "draft_kind": "note" if how == "note" else "reply", "problem": str(refused),
            "anyway": isinstance(refused, Overtaken),
        }  # fmt: skip
        context = context_of(request, membership, case, **more)
        wanted = wanted_in(given.get("list", ""), first_queue(membership))
        return render(request, "cases/case.html", context | {"wanted": wanted, "list": wanted.address()})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _on(request: HttpRequest, membership: Membership, case: Case, deed: str) -> HttpResponse:
    if deed in LAST and request.POST.get("go") == "next":
        return to_next(membership, case, wanted_in(request.POST.get("list", ""), first_queue(membership)))
    return _back(membership, case, request.POST)


def _back(membership: Membership, case: Case, given: Given) -> HttpResponse:
    answer = redirect("cases:show", membership.workspace.slug, case.number)
    wanted = wanted_in(given.get("list", ""), first_queue(membership))
    answer["Location"] += f"?{wanted.address()}"
    return answer
