"""REST: cases, what is done with them, their history and tasks; root causes and saved replies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import ApiKey, Membership, Role, User
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.listen.channels.actions import Refused as ChannelRefused
from cxm.record.customers.access import customer_for

from . import actions, canned, causes, history, tasks
from .errors import Overtaken, Refused
from .models import Case, CaseEntry, Cause, Resolution, SavedReply, Task, Team
from .searching import matching

router = Router(tags=["cases"])
Priority = Literal["low", "normal", "high", "urgent"]


class CaseOut(Schema):
    id: UUID
    number: int = Field(description="What people call it by")
    subject: str
    state: str = Field(description="new, open, waiting, snoozed, resolved, closed or merged")
    priority: Priority
    complaint: bool
    severe: bool
    opened_by: str = Field(description="What opened it; at most one case for each")
    category: str
    channel: str
    touchpoint: str
    language: str
    tags: list[str]
    properties: dict[str, Any]
    customer: UUID | None
    conversation: UUID | None
    team: str
    owner: str | None = Field(description="E-mail address of the member who has it")
    root_cause: int | None
    resolution: str
    merged_into: int | None = Field(description="Number of the case that it ended in")
    opened_at: datetime
    acknowledged_at: datetime | None
    promised_at: datetime | None
    first_replied_at: datetime | None = Field(description="First answer of a person to the customer")
    waiting_since: datetime | None = Field(description="Since then the customer waits for us")
    snoozed_until: datetime | None
    due_at: datetime | None = Field(description="The nearest target of its service level")
    resolved_at: datetime | None
    closed_at: datetime | None
    reopened: int
    reassigned: int
    version: int


class CaseIn(Schema):
    subject: str = Field(max_length=300)
    reference: str = Field("", max_length=80, description="Yours: a second request with it answers the first case")
    customer: UUID | None = None
    category: str = Field("", max_length=60)
    priority: Priority = "normal"
    severe: bool = False
    complaint: bool = False
    channel: str = Field("", max_length=30)
    touchpoint: str = Field("", max_length=100)
    language: str = Field("", max_length=10)
    team: str = Field("", max_length=200, description="Name of the team; empty: it is routed")
    owner: str = Field("", max_length=254, description="E-mail address of a member")
    tags: list[str] = []
    properties: dict[str, Any] = {}


class CaseChange(Schema):
    """What is left out stays as it is."""

    subject: str | None = Field(None, max_length=300)
    category: str | None = Field(None, max_length=60)
    priority: Priority | None = None
    severe: bool | None = None
    complaint: bool | None = None
    language: str | None = Field(None, max_length=10)
    tags: list[str] | None = None
    customer: UUID | None = None
    root_cause: int | None = None


class ListQuery(PageQuery):
    state: str = Field("", description="A state; `us` for those that we must do something about, `open` states else")
    team: str = Field("", max_length=200)
    owner: str = Field("", max_length=254, description="E-mail address, or nobody")
    customer: UUID | None = None
    category: str = Field("", max_length=60)
    q: str = Field("", max_length=120, description="Number, subject, tag or customer")


class TextIn(Schema):
    text: str = Field(max_length=100_000)


class ReplyIn(TextIn):
    stay_open: bool = Field(False, description="Else the case waits for the customer")


class AssignIn(Schema):
    team: str = Field("", max_length=200, description="Empty: the team that has it")
    owner: str = Field("", max_length=254, description="Empty: nobody of the team")
    reason: str = Field("", max_length=5000)


class SnoozeIn(Schema):
    until: datetime


class ResolveIn(Schema):
    resolution: str = Field(description=", ".join(Resolution.values))
    root_cause: int | None = None
    note: str = Field("", max_length=5000)


class OtherIn(Schema):
    number: int = Field(ge=1, le=2_000_000_000)


class EntryOut(Schema):
    at: datetime
    kind: str
    by: str = Field(description="The person, or the name of the API key; empty: OpenCXM itself")
    text: str
    title: str
    data: dict[str, Any]


class TaskOut(Schema):
    id: UUID
    text: str
    team: str
    owner: str | None
    state: str
    due_at: datetime | None
    result: str
    created_at: datetime
    done_at: datetime | None


class TaskIn(Schema):
    text: str = Field(max_length=500)
    team: str = Field(max_length=200)
    owner: str = Field("", max_length=254)
    due_at: datetime | None = None


class TaskChange(Schema):
    state: Literal["done", "declined"]
    result: str = Field("", max_length=5000)


class CauseOut(Schema):
    id: int
    name: str
    path: str
    parent: int | None
    retired: bool
    cases: int


class CauseIn(Schema):
    name: str = Field(max_length=200)
    parent: int | None = None


class SavedReplyOut(Schema):
    id: int
    name: str
    texts: dict[str, str] = Field(description="By language")
    team: str | None
    used: int


class SavedReplyIn(Schema):
    name: str = Field(max_length=100)
    texts: dict[str, str]
    team: str = Field("", max_length=200)


@contextmanager
def problems() -> Iterator[None]:
    """What the verbs refuse, as a Problem."""
    try:
        yield
    except Overtaken as overtaken:
        raise Problem(409, "overtaken", str(overtaken)) from overtaken
    except (Refused, ChannelRefused) as refused:
        raise Problem(422, "refused", str(refused)) from refused


def _clean(text: str) -> str:
    return text.replace("\x00", "")


def _case(key: ApiKey, number: int) -> Case:
    rows = Case.objects.select_related("workspace", "team", "owner", "customer", "conversation", "cause", "merged_into")
    case = rows.filter(workspace=key.workspace, number=number).first() if number < 2**31 else None
    if case is None:
        raise Http404
    return case


def _team(key: ApiKey, name: str) -> Team | None:
    if not name:
        return None
    team = Team.objects.filter(workspace=key.workspace, name=_clean(name)).first()
    if team is None:
        raise Problem(422, "no_such_team", _("This team does not exist."))
    return team


def _owner(key: ApiKey, email: str) -> User | None:
    if not email:
        return None
    member = Membership.objects.filter(workspace=key.workspace, user__email__iexact=_clean(email)).first()
    if member is None:
        raise Problem(422, "no_member", _("This person is no member of the workspace. Choose somebody else."))
    return member.user


def _cause(key: ApiKey, pk: int | None) -> Cause | None:
    if pk is None:
        return None
    cause = Cause.objects.filter(workspace=key.workspace, pk=pk).first() if pk < 2**63 else None
    if cause is None:
        raise Problem(422, "no_such_cause", _("This root cause does not exist."))
    return cause


def _number(priority: str) -> int:
    return Case.Priority[priority.upper()]


def _out(case: Case) -> dict[str, Any]:
    same = (
        "id", "number", "subject", "state", "opened_by", "category", "channel", "touchpoint", "language", "tags",
        "properties", "resolution", "opened_at", "acknowledged_at", "promised_at", "first_replied_at", "snoozed_until",
        "due_at", "resolved_at", "closed_at", "reopened", "reassigned", "version",
    )  # fmt: skip
    return {name: getattr(case, name) for name in same} | {
        "priority": Case.Priority(case.priority).name.lower(), "complaint": case.is_complaint, "severe": case.is_severe,
        "customer": case.customer_id, "conversation": case.conversation_id, "team": case.team.name,
        "owner": case.owner.email if case.owner else None, "root_cause": case.cause_id,
        "merged_into": case.merged_into.number if case.merged_into else None, "waiting_since": case.last_customer_at,
    }  # fmt: skip


@router.get("/cases", response=PageOut[CaseOut], summary="Cases, newest first")
def list_cases(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    key = require_key(request)
    rows = Case.objects.filter(workspace=key.workspace).select_related("team", "owner", "merged_into")
    if query.state in Case.Turn.values:
        rows = rows.filter(turn=query.state)
    elif query.state:
        rows = rows.filter(state=_clean(query.state))
    if query.team:
        rows = rows.filter(team__name=_clean(query.team))
    if query.owner:
        rows = rows.filter(owner=None if query.owner == "nobody" else _owner(key, query.owner))
    if query.customer:
        rows = rows.filter(customer=query.customer)
    if query.category:
        rows = rows.filter(category=_clean(query.category))
    if query.q:
        rows = matching(rows, key.workspace, query.q)
    page = page_of(rows, query, by="number", newest_first=True)
    return {"items": [_out(one) for one in page["items"]], "next": page["next"]}


@router.post("/cases", response={201: CaseOut}, summary="Open a case; the one that exists for the same reference")
def open_case(request: HttpRequest, body: CaseIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.AGENT)
    given = body.dict(exclude={"reference", "customer", "team", "owner", "priority"})
    customer = customer_for(key.workspace, body.customer) if body.customer else None
    with problems():
        case = actions.open_case(
            workspace=key.workspace, by=key, customer=customer, team=_team(key, body.team),
            priority=_number(body.priority), owner=_owner(key, body.owner),
            opened_by=f"api:{_clean(body.reference) or uuid4()}", **given,
        )  # fmt: skip
    return 201, _out(_case(key, case.number))


@router.get("/cases/{int:number}", response=CaseOut, summary="One case")
def get_case(request: HttpRequest, number: int) -> dict[str, Any]:
    return _out(_case(require_key(request), number))


@router.patch("/cases/{int:number}", response=CaseOut, summary="Correct what a case says of itself")
def change_case(request: HttpRequest, number: int, body: CaseChange) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    case, given = _case(key, number), body.dict(exclude_unset=True)
    with problems():
        if given.get("tags") is not None:
            actions.tag(case=case, tags=given["tags"], by=key)
        if given.get("priority"):
            actions.set_priority(case=case, priority=_number(given["priority"]), by=key)
        fields = {name: given[name] for name in ("subject", "category", "language") if given.get(name) is not None}
        for name in ("complaint", "severe"):
            if given.get(name) is not None:
                fields[f"is_{name}"] = given[name]
        if "root_cause" in given:
            fields["cause"] = _cause(key, given["root_cause"])
        if "customer" in given:
            fields["customer"] = customer_for(key.workspace, given["customer"]) if given["customer"] else None
        if fields:
            actions.describe(case=case, by=key, **fields)
    return _out(_case(key, number))


@router.get("/cases/{int:number}/history", response=list[EntryOut], summary="All that was done, oldest first")
def get_history(request: HttpRequest, number: int) -> list[dict[str, Any]]:
    case = _case(require_key(request), number)
    return [_entry(one) for one in case.entries.select_related("by").order_by("at", "pk")]


def _entry(one: CaseEntry) -> dict[str, Any]:
    who = one.by.name if one.by else one.by_name
    return {
        "at": one.at, "kind": one.kind, "by": who, "text": one.text, "title": history.sentence(one), "data": one.data,
    }  # fmt: skip


@router.post("/cases/{int:number}/notes", response={201: EntryOut}, summary="Write a note for colleagues")
def add_note(request: HttpRequest, number: int, body: TextIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.AGENT)
    with problems():
        return 201, _entry(actions.add_note(case=_case(key, number), text=body.text, by=key))


@router.post("/cases/{int:number}/replies", response={201: CaseOut}, summary="Answer the customer")
def reply(request: HttpRequest, number: int, body: ReplyIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.AGENT)
    with problems():
        actions.reply_to_customer(case=_case(key, number), text=body.text, by=key, stay_open=body.stay_open)
    return 201, _out(_case(key, number))


@router.post("/cases/{int:number}/assign", response=CaseOut, summary="Give it to a team and one of its people")
def assign(request: HttpRequest, number: int, body: AssignIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    case, team, owner = _case(key, number), _team(key, body.team), _owner(key, body.owner)
    with problems():
        if team and team.pk != case.team_id:
            actions.hand_over(case=case, team=team, owner=owner, reason=body.reason, by=key)
        else:
            actions.assign(case=case, team=team, owner=owner, by=key)
    return _out(_case(key, number))


@router.post("/cases/{int:number}/snooze", response=CaseOut, summary="Out of sight until then")
def snooze(request: HttpRequest, number: int, body: SnoozeIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    if body.until.tzinfo is None:
        raise Problem(422, "no_zone", _("Give the time with its zone, such as 2026-03-01T09:00:00+02:00."))
    with problems():
        actions.snooze(case=_case(key, number), until=body.until, by=key)
    return _out(_case(key, number))


@router.post("/cases/{int:number}/resolve", response=CaseOut, summary="It is done: how, and from which root cause")
def resolve(request: HttpRequest, number: int, body: ResolveIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        actions.resolve(
            case=_case(key, number),
            resolution=body.resolution,
            cause=_cause(key, body.root_cause),
            note=body.note,
            by=key,
        )
    return _out(_case(key, number))


@router.post("/cases/{int:number}/reopen", response=CaseOut, summary="Bring it back")
def reopen(request: HttpRequest, number: int) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        actions.reopen(case=_case(key, number), by=key)
    return _out(_case(key, number))


@router.post("/cases/{int:number}/close", response=CaseOut, summary="Put a resolved case away for good")
def close(request: HttpRequest, number: int) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        actions.close(case=_case(key, number), by=key)
    return _out(_case(key, number))


@router.post(
    "/cases/{int:number}/merge", response=CaseOut, summary="End it in another case, whose present state is the answer"
)
def merge(request: HttpRequest, number: int, body: OtherIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        actions.merge(case=_case(key, number), into=_case(key, body.number), by=key)
    return _out(_case(key, body.number))


@router.post("/cases/{int:number}/links", response=CaseOut, summary="Link another case")
def link(request: HttpRequest, number: int, body: OtherIn) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    with problems():
        actions.link(case=_case(key, number), other=_case(key, body.number), by=key)
    return _out(_case(key, number))


def _task(one: Task) -> dict[str, Any]:
    same = ("id", "text", "state", "due_at", "result", "created_at", "done_at")
    return {name: getattr(one, name) for name in same} | {
        "team": one.team.name, "owner": one.owner.email if one.owner else None,
    }  # fmt: skip


@router.get("/cases/{int:number}/tasks", response=list[TaskOut], summary="What others are asked to do for it")
def list_tasks(request: HttpRequest, number: int) -> list[dict[str, Any]]:
    case = _case(require_key(request), number)
    return [_task(one) for one in case.tasks.select_related("team", "owner").order_by("created_at")]


@router.post("/cases/{int:number}/tasks", response={201: TaskOut}, summary="Ask a team for something")
def add_task(request: HttpRequest, number: int, body: TaskIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.AGENT)
    case, team = _case(key, number), _team(key, body.team)
    with problems():
        if team is None:
            raise Refused(_("This team does not exist."))
        task = tasks.ask(
            case=case, text=body.text, team=team, owner=_owner(key, body.owner), due_at=body.due_at, by=key
        )
    return 201, _task(task)


@router.patch("/cases/{int:number}/tasks/{uuid:task_id}", response=TaskOut, summary="Finish or decline a task")
def change_task(request: HttpRequest, number: int, task_id: UUID, body: TaskChange) -> dict[str, Any]:
    key = require_key(request, Role.AGENT)
    rows = Task.objects.select_related("team", "owner", "workspace", "case__workspace")
    task = rows.filter(case=_case(key, number), pk=task_id).first()
    if task is None:
        raise Http404
    with problems():
        tasks.finish(task=task, result=body.result, declined=body.state == "declined", by=key)
    return _task(rows.get(pk=task_id))


@router.get("/root-causes", response=list[CauseOut], summary="The tree of root causes")
def list_causes(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {"id": one.cause.pk, "name": one.cause.name, "path": one.path, "parent": one.cause.parent_id,
         "retired": one.cause.is_retired, "cases": one.cases}
        for one in causes.tree(require_key(request).workspace, retired=True)
    ]  # fmt: skip


@router.post("/root-causes", response={201: CauseOut}, summary="A new root cause")
def add_cause(request: HttpRequest, body: CauseIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.ANALYST)
    with problems():
        one = causes.add(workspace=key.workspace, name=body.name, parent=_cause(key, body.parent), by=key)
    path = next(branch.path for branch in causes.tree(key.workspace) if branch.cause.pk == one.pk)
    return 201, {"id": one.pk, "name": one.name, "path": path, "parent": one.parent_id, "retired": False, "cases": 0}


@router.get("/saved-replies", response=list[SavedReplyOut], summary="Texts that are written often")
def list_replies(request: HttpRequest) -> list[dict[str, Any]]:
    rows = SavedReply.objects.filter(workspace=require_key(request).workspace).select_related("team")
    return [_saved(one) for one in rows]


@router.post("/saved-replies", response={201: SavedReplyOut}, summary="A new saved reply")
def add_reply(request: HttpRequest, body: SavedReplyIn) -> tuple[int, dict[str, Any]]:
    key = require_key(request, Role.AGENT)
    with problems():
        one = canned.save_reply(
            workspace=key.workspace, name=_clean(body.name),
            texts={code: _clean(text) for code, text in body.texts.items()}, team=_team(key, body.team), by=key,
        )  # fmt: skip
    return 201, _saved(one)


def _saved(one: SavedReply) -> dict[str, Any]:
    return {
        "id": one.pk, "name": one.name, "texts": one.texts, "team": one.team.name if one.team else None,
        "used": one.used,
    }  # fmt: skip
