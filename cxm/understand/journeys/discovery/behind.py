"""The journeys behind a part of a page, as the address of their list says it.

step=A                         journeys with the step A; with number=3 as their third, with from_end=1 as their last
step=A&next=B                  that go straight from A to B; step=A&ends=1: that end after A
                               both with number=3 or from_end=3 too: as their third step, or third from the end
step_not=A&step_not=B          in the place of step: any step but these; next_not in the place of next
path=HASH                      whose steps are those of one path
first=A&then=B&reached=1       that come from A to B later; reached=0: that never do
funnel=A&funnel=B&level=1      that come so far in a funnel; with dropped=1: and no further; with by and of: of one
                               group; see funnels.py
cohort=2026-01-05&stretch=2    customers who began in that period, of whom we know whether they came back in the second
                               stretch; with back=1: who did; see retention.py
group=2&groups=3               of the second of three groups of journeys that are alike
nothing of these               all journeys
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.queries import Behind, Journey, count_of, journeys_of

from .funnels import Asked, funnel_ids, funnel_size, read_funnel
from .grouping import groups
from .labels import Names
from .reading import texts, whole
from .retention import cell_rows, cell_size, read_cell

AT_ONCE = 1000  # journeys that are named one by one in a question


@dataclass(frozen=True, slots=True)
class Among(Behind):
    """Behind a number are these journeys."""

    journeys: tuple[UUID, ...] = ()

    def sql(self) -> tuple[str, dict[str, Any]]:
        return "journey IN {behind_journeys:Array(UUID)}", {"behind_journeys": [str(one) for one in self.journeys]}


@dataclass(frozen=True, slots=True)
class Stream(Behind):
    """Journeys that go from a step to the next, where either may be any but some."""

    label_not: tuple[str, ...] = ()
    next_not: tuple[str, ...] = ()

    def sql(self) -> tuple[str, dict[str, Any]]:
        parts, asked = [], {}
        plain, named = Behind.sql(self)
        if named:
            parts.append(plain)
        if self.label_not:
            parts.append("label NOT IN {behind_label_not:Array(String)}")
            asked["behind_label_not"] = list(self.label_not)
        if self.next_not:  # the empty one is the end of the journey
            parts.append("next NOT IN {behind_next_not:Array(String)}")
            asked["behind_next_not"] = ["", *self.next_not]
        return " AND ".join(parts), named | asked


@dataclass(frozen=True, slots=True)
class Between(Behind):
    """Journeys that come from their first `first` to a later `then`, or never do."""

    first: str = ""
    then: str = ""
    reached: bool = True

    def sql(self) -> tuple[str, dict[str, Any]]:
        came = (
            "maxIf(number, label = {behind_then:String}) > minIf(number, label = {behind_first:String})"
            " AND countIf(label = {behind_then:String}) > 0"
        )
        inside = (
            "journey GLOBAL IN (SELECT journey FROM steps $join WHERE $scope AND process = {process:UInt32}"
            " AND label IN ({behind_first:String}, {behind_then:String}) GROUP BY journey"
            f" HAVING countIf(label = {{behind_first:String}}) > 0 AND {'' if self.reached else 'NOT '}({came}))"
        )
        return inside, {"behind_first": self.first, "behind_then": self.then}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of journeys: how many there are, of how many customers (None: not counted), and a part of them.

    `by_customer`: a row for each customer, with the journey that they began with.
    """

    title: str
    journeys: int
    customers: int | None
    part: Callable[[int, int], Sequence[Journey]]  # from which, how many
    by_customer: bool = False


def listed(process: Process, scope: Scope, given: QueryDict, names: Names, now: datetime) -> Listed:
    """The journeys that the address asks for. Raises ValueError for a funnel that cannot be."""
    if stretch := whole(given, "stretch"):
        return _of_retention(process, scope, given, stretch, now)
    if number := whole(given, "group"):
        found = groups(process, scope, whole(given, "groups"))
        group = next((one for one in found.groups if one.number == number), None)
        members = group.journeys if group else []
        return _named(process, scope, _("Journeys of group %(number)s") % {"number": number}, len(members),
                      lambda start, size: members[start : start + size],
                      customers=group.customers if group else 0)  # fmt: skip
    if given.getlist("funnel"):
        return _of_funnel(process, scope, read_funnel(given), given, names)
    behind, title = read_behind(given, names)
    count = count_of(process, scope, behind)

    def part(start: int, size: int) -> Sequence[Journey]:
        return journeys_of(process, scope, behind, limit=size, offset=start).rows

    return Listed(title, count.journeys, count.customers, part)


def _named(
    process: Process, scope: Scope, title: str, n: int, ids: Callable[[int, int], Sequence[UUID]],
    customers: int | None = None,
) -> Listed:  # fmt: skip
    def part(start: int, size: int) -> Sequence[Journey]:
        found: list[Journey] = []
        for place in range(start, start + size, AT_ONCE):
            some = ids(place, min(AT_ONCE, start + size - place))
            if not some:
                break
            among = Among(journeys=tuple(some))
            found += journeys_of(process, Scope(scope.workspace_id), among, limit=len(some)).rows
        return found

    return Listed(title, n, customers, part)


def _of_retention(process: Process, scope: Scope, given: QueryDict, stretch: int, now: datetime) -> Listed:
    asked = read_cell(given, stretch)
    n = cell_size(process, scope, now, asked)

    def part(start: int, size: int) -> Sequence[Journey]:
        begun = cell_rows(process, scope, now, asked, start=start, size=size)
        among = Among(journeys=tuple({one.journey for one in begun}))
        found = journeys_of(process, Scope(scope.workspace_id), among, limit=size).rows if begun else ()
        by_id = {one.journey: one for one in found}
        return [replace(by_id[one.journey], customer_id=one.customer_key) for one in begun if one.journey in by_id]

    return Listed(pgettext("journeys", "Coming back"), n, n, part, by_customer=True)


def _of_funnel(
    process: Process, scope: Scope, asked: Asked, given: QueryDict, names: Names
) -> Listed:  # fmt: skip
    level = min(max(whole(given, "level"), 1), len(asked.steps))
    dropped = given.get("dropped") == "1"
    step = names.get(asked.steps[level - 1], asked.steps[level - 1])
    said = {"step": step, "number": level}
    title = (
        _("Journeys that come to step %(number)s of the funnel, “%(step)s”, and no further") % said if dropped
        else _("Journeys that come to step %(number)s of the funnel, “%(step)s”") % said
    )  # fmt: skip
    if asked.group is not None:
        title = f"{title} · {asked.group or _('Not known')}"
    n = funnel_size(process, scope, asked, level, dropped=dropped)
    return _named(
        process, scope, title, n,
        lambda start, size: funnel_ids(process, scope, asked, level, dropped=dropped, start=start, size=size),
    )  # fmt: skip


def _stream_title(said: dict[str, Any], stream: Stream) -> str:
    """The place comes first, as above a column of the picture."""
    from_end, number = stream.from_end, stream.number
    place = (_("%(number)s from the end") if from_end else _("Step %(number)s")) % {"number": from_end or number}
    names = {"step": _("Other steps"), "next": pgettext("journey", "End")} | said
    if stream.next_not:
        names["next"] = _("Other steps")
    if stream.next is None and not stream.next_not:
        title = _("Journeys with “%(step)s”") % names
    elif stream.next == "":
        only = stream.label is None and not stream.label_not
        title = names["next"] if only else _("Journeys that end with “%(step)s”") % names
    else:
        title = _("Journeys from “%(step)s” straight to “%(next)s”") % names
    return f"{place} · {title}" if from_end or number else title


def read_behind(given: QueryDict, names: Names) -> tuple[Behind, str]:
    """What the address names directly, and a title for it."""
    said: dict[str, Any] = {
        name: names.get(text, text) for name in ("step", "next", "first", "then") if (text := given.get(name, ""))
    }
    path = given.get("path", "")
    if path.isdigit() and int(path) < 2**64:
        return Behind(path=int(path)), _("Journeys that take one path")
    first, then = given.get("first", ""), given.get("then", "")
    if first and then:
        reached = given.get("reached") != "0"
        title = (
            _("Journeys that come from “%(first)s” to “%(then)s”")
            if reached
            else _("Journeys that never come from “%(first)s” to “%(then)s”")
        )
        return Between(first=first, then=then, reached=reached), title % said
    step = given.get("step", "")
    number, from_end = whole(given, "number"), whole(given, "from_end")
    following, ends = given.get("next", ""), bool(given.get("ends"))
    step_not, next_not = tuple(texts(given, "step_not")), tuple(texts(given, "next_not"))
    if step_not or next_not or ((number or from_end) and (following or ends)):
        stream = Stream(
            step or None, "" if ends else following or None, number or None, from_end or None,
            label_not=step_not, next_not=next_not,
        )  # fmt: skip
        return stream, _stream_title(said, stream)
    if step and following:
        return Behind(step, following), _("Journeys from “%(step)s” straight to “%(next)s”") % said
    if step and (ends or from_end == 1):
        return Behind(step, from_end=1), _("Journeys that end with “%(step)s”") % said
    if step and number == 1:
        return Behind(step, number=1), _("Journeys that begin with “%(step)s”") % said
    if step and number:
        title = _("Journeys with “%(step)s” as step %(number)s") % {**said, "number": number}
        return Behind(step, number=number), title
    if step and from_end:
        title = _("Journeys with “%(step)s” as step %(number)s from the end") % {**said, "number": from_end}
        return Behind(step, from_end=from_end), title
    if step:
        return Behind(step), _("Journeys with “%(step)s”") % said
    return Behind(), _("All journeys")
