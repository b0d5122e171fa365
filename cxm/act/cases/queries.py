"""The desk's questions: what lies in a queue, how much, what comes after this case, and what is in a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Substr
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.listen.channels.models import Message

from .models import Case, Link, Notice, Task, Team
from .searching import FEW, about_topic, matching

PAGE: Final = 50
COUNTED: Final = 1000  # more are shown as "999+"
DEEPEST: Final = 200  # pages
SNIPPET: Final = 160

Turn = Case.Turn
State = Case.State


@dataclass(frozen=True)
class Queue:
    """A list that is always there: its name, its icon, and which cases of a workspace lie in it for somebody."""

    key: str
    name: str | Promise
    icon: str
    narrow: Callable[[QuerySet[Case], User], QuerySet[Case]]


def _ours(rows: QuerySet[Case], _user: User) -> QuerySet[Case]:
    return rows.filter(turn=Turn.US)


QUEUES: Final = {
    queue.key: queue
    for queue in (
        Queue("mine", pgettext_lazy("queue", "Mine"), "user", lambda rows, user: rows.filter(turn=Turn.US, owner=user)),
        Queue(
            "team", pgettext_lazy("queue", "My teams"), "users",
            lambda rows, user: rows.filter(turn=Turn.US, team__in=Team.objects.filter(members__user=user).values("pk")),
        ),
        Queue(
            "unassigned", pgettext_lazy("queue", "Unassigned"), "user-circle",
            lambda rows, _user: rows.filter(turn=Turn.US, owner=None),
        ),
        Queue(
            "overdue", pgettext_lazy("queue", "Overdue"), "alert-triangle",
            lambda rows, _user: rows.filter(turn=Turn.US, queue_at__lt=timezone.now()),
        ),
        Queue("todo", pgettext_lazy("queue", "Everything to do"), "list-check", _ours),
        Queue(
            "waiting", pgettext_lazy("queue", "With the customer"), "hourglass",
            lambda rows, _user: rows.filter(state=State.WAITING),
        ),
        Queue(
            "snoozed", pgettext_lazy("queue", "Snoozed"), "clock",
            lambda rows, _user: rows.filter(state=State.SNOOZED),
        ),
        Queue("done", pgettext_lazy("queue", "Done"), "circle-check", lambda rows, _user: rows.filter(turn=Turn.DONE)),
        Queue("all", pgettext_lazy("queue", "All"), "archive", lambda rows, _user: rows),
    )
}  # fmt: skip

# What went on with a case, as the drivers of satisfaction name it.
HAD: Final[dict[str, Q]] = {
    "reopened": Q(reopened__gt=0),
    "hand_overs": Q(reassigned__gt=0),
}
SORTS: Final[dict[str, tuple[str, ...]]] = {
    "due": ("queue_at", "number"),
    "priority": ("-priority", "queue_at", "number"),
    "patience": ("last_customer_at", "number"),
    "newest": ("-number",),
    "oldest": ("number",),
}


@dataclass(frozen=True)
class Wanted:
    """A list of the desk, as its address says it."""

    queue: str = "todo"
    text: str = ""
    team: int | None = None
    owner: str = ""  # number of a user, or "nobody"
    state: str = ""
    priority: int | None = None
    category: str = ""
    tag: str = ""
    channel: str = ""
    touchpoint: str = ""
    topic: str = ""  # key of a topic of comments: those below it count too
    had: str = ""  # a key of HAD
    cause: int | None = None
    complaint: bool = False
    customer: UUID | None = None
    sort: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        return SORTS.get(self.sort, SORTS["newest" if self.queue in {"done", "all"} else "due"])

    @property
    def narrows(self) -> bool:
        return replace(self, queue="todo", sort="") != Wanted()

    def address(self) -> str:
        """The query string that says the same."""
        query = QueryDict(mutable=True)
        for name, value in self.__dict__.items():
            if value not in ("", None, False):
                query["q" if name == "text" else name] = "1" if value is True else str(value)
        return query.urlencode()


def cases(workspace: Workspace, user: User, wanted: Wanted) -> QuerySet[Case]:
    """The cases of a list, in its order."""
    rows = Case.objects.filter(workspace=workspace)
    rows = QUEUES.get(wanted.queue, QUEUES["todo"]).narrow(rows, user)
    exact: dict[str, Any] = {
        "team": wanted.team, "state": wanted.state, "priority": wanted.priority, "category": wanted.category,
        "channel": wanted.channel, "touchpoint": wanted.touchpoint, "cause": wanted.cause,
    }  # fmt: skip
    rows = rows.filter(**{name: value for name, value in exact.items() if value not in ("", None)})
    if wanted.customer:
        # Their own, whatever the workspace: of what both say the database would read all cases of the workspace.
        own = Case.objects.filter(customer=wanted.customer).values_list("pk", flat=True)
        theirs = list(own[: FEW + 1])
        rows = rows.filter(pk__in=theirs) if len(theirs) <= FEW else rows.filter(customer=wanted.customer)
    if wanted.owner:
        rows = rows.filter(owner=None if wanted.owner == "nobody" else int(wanted.owner))
    if wanted.had in HAD:
        rows = rows.filter(HAD[wanted.had])
    if wanted.topic:
        rows = about_topic(rows, workspace, wanted.topic)
    if wanted.complaint:
        rows = rows.filter(is_complaint=True)
    if wanted.tag:
        # JSON arrays are texts in SQLite: the tag with its quotes is a part of them there.
        is_sqlite = connection.vendor == "sqlite"
        rows = (
            rows.filter(tags__icontains=json.dumps(wanted.tag))
            if is_sqlite
            else rows.filter(tags__contains=[wanted.tag])
        )
    if wanted.text:
        rows = matching(rows, workspace, wanted.text)
    if wanted.sort == "patience":
        rows = rows.filter(last_customer_at__isnull=False)
    if wanted.narrows and not wanted.text:
        # What fits may lie far apart in the order, and a walk would pass all the rest. Without an order, the database
        # takes the index that narrows most.
        found = list(rows.order_by().values_list("pk", flat=True)[: FEW + 1])
        if len(found) <= FEW:
            rows = Case.objects.filter(pk__in=found)
    return rows.order_by(*wanted.order)


def complete(rows: QuerySet[Case]) -> QuerySet[Case]:
    """With what a line of the list shows: people, and the beginning of what was said last."""
    last = Message.objects.filter(conversation=OuterRef("conversation")).order_by("-at")
    return rows.select_related("customer", "team", "owner").annotate(
        snippet=Subquery(last.annotate(start=Substr("text", 1, SNIPPET)).values("start")[:1]),
        said_by=Subquery(last.values("direction")[:1], output_field=CharField()),
    )


def page_of(rows: QuerySet[Case], number: int) -> tuple[list[Case], bool]:
    """The cases of a page (counted from 1), and whether there are more behind them."""
    start = (max(1, min(number, DEEPEST)) - 1) * PAGE
    # The keys are found by the index alone; only the rows that are shown are read and joined.
    keys = list(rows.values_list("pk", flat=True)[start : start + PAGE + 1])
    found = {case.pk: case for case in complete(Case.objects.filter(pk__in=keys[:PAGE]))}
    return [found[pk] for pk in keys[:PAGE] if pk in found], len(keys) > PAGE


def counts(workspace: Workspace, user: User) -> dict[str, int]:
    """How much lies in each queue; counting ends at COUNTED."""
    rows = Case.objects.filter(workspace=workspace).order_by()
    # The number stands in every index, so that no row is read.
    counted = {
        key: queue.narrow(rows, user).values("number")[:COUNTED].count()
        for key, queue in QUEUES.items()
        if key not in {"done", "all"}
    }
    counted["for_me"] = Notice.objects.filter(workspace=workspace, user=user, read_at=None)[:COUNTED].count()
    counted["tasks"] = tasks(workspace, user)[:COUNTED].count()
    return counted


def tasks(workspace: Workspace, user: User) -> QuerySet[Task]:
    """What this person, or nobody yet of one of their teams, is asked to do; what is due first comes first."""
    mine = Q(owner=user) | Q(owner=None, team__in=Team.objects.filter(members__user=user).values("pk"))
    return (
        Task.objects.filter(mine, workspace=workspace, state=Task.State.OPEN)
        .select_related("case", "team", "owner", "asked_by")
        .order_by(F("due_at").asc(nulls_last=True), "created_at")
    )


def beside(rows: QuerySet[Case], order: Sequence[str], case: Case, *, before: bool = False) -> Case | None:
    """The case that comes after `case` in the order (or before it), whether or not `case` still lies in the queue."""
    now = Case.objects.filter(pk=case.pk).values(*(name.lstrip("-") for name in order)).first()
    if now is None:
        return None
    behind, same, bound = Q(), Q(), Q()
    for name in order:
        field = name.lstrip("-")
        if now[field] is None:
            return rows.exclude(pk=case.pk).first()
        down = name.startswith("-") != before
        behind |= same & Q(**{f"{field}__{'lt' if down else 'gt'}": now[field]})
        # Says nothing new, but lets the database begin in the middle of its index.
        bound = bound or Q(**{f"{field}__{'lte' if down else 'gte'}": now[field]})
        same &= Q(**{field: now[field]})
    ordered = rows.filter(bound, behind).exclude(pk=case.pk)
    return (ordered.reverse() if before else ordered).first()


def others_of_customer(case: Case, profiles: Sequence[UUID], limit: int = 10) -> list[Case]:
    """The other cases of the same person, newest first."""
    rows = Case.objects.filter(customer__in=profiles, workspace=case.workspace_id)
    return list(rows.exclude(pk=case.pk).order_by("-opened_at")[:limit])


def ended_in(case: Case) -> Case:
    """The case that a merged one ended in; the case itself, if it was not merged."""
    seen = set()
    while case.merged_into_id and case.pk not in seen:
        seen.add(case.pk)
        case = Case.objects.select_related("team", "workspace", "owner").get(pk=case.merged_into_id)
    return case


def case_of_thread(workspace: Workspace, conversation_id: UUID) -> Case | None:
    """The newest case of a conversation; of one that was merged, the case in which it goes on."""
    rows = Case.objects.select_related("workspace", "team", "owner")
    rows = rows.filter(workspace=workspace, conversation=conversation_id)
    case = rows.exclude(state=State.MERGED).order_by("-opened_at").first() or rows.order_by("-opened_at").first()
    return ended_in(case) if case else None


def linked(case: Case) -> list[Case]:
    """Those that people linked, and those that were merged into this one."""
    pairs = Link.objects.filter(Q(one=case) | Q(other=case)).values_list("one", "other")
    ids = {pk for pair in pairs for pk in pair} - {case.pk}
    found = [*Case.objects.filter(pk__in=ids), *Case.objects.filter(merged_into=case).exclude(pk__in=ids)]
    return sorted(found, key=lambda one: one.number)


def categories(workspace: Workspace) -> list[str]:
    """What categories the newest cases have."""
    newest = Case.objects.filter(workspace=workspace).exclude(category="").order_by("-number").values("category")[:2000]
    sql, given = newest.query.sql_with_params()
    with connection.cursor() as cursor:  # 2,000 rows are much to carry here for a handful of words
        cursor.execute(f"SELECT DISTINCT category FROM ({sql}) AS newest", given)
        return sorted(name for (name,) in cursor.fetchall())
