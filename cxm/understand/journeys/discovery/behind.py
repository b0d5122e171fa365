"""The journeys behind a part of a page, as the address of their list says it.

step=A                         journeys with the step A; with number=3 as their third, with from_end=1 as their last
step=A&next=B                  that go straight from A to B; step=A&ends=1: that end after A
path=HASH                      whose steps are those of one path
first=A&then=B&reached=1       that come from A to B later; reached=0: that never do
funnel=A&funnel=B&level=1      that come so far in a funnel; with dropped=1: and no further; see funnels.py
group=2&groups=3               of the second of three groups of journeys that are alike
nothing of these               all journeys
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.queries import Behind, Journey, count_of, journeys_of

from .funnels import Asked, funnel_ids, funnel_size, read_funnel
from .grouping import groups
from .labels import Names
from .reading import whole

AT_ONCE = 1000  # journeys that are named one by one in a question


@dataclass(frozen=True, slots=True)
class Among(Behind):
    """Behind a number are these journeys."""

    journeys: tuple[UUID, ...] = ()

    def sql(self) -> tuple[str, dict[str, Any]]:
        return "journey IN {behind_journeys:Array(UUID)}", {"behind_journeys": [str(one) for one in self.journeys]}


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
    """A list of journeys: how many there are, of how many customers (None: not counted), and a part of them."""

    title: str
    journeys: int
    customers: int | None
    part: Callable[[int, int], Sequence[Journey]]  # from which, how many


def listed(process: Process, scope: Scope, given: QueryDict, names: Names) -> Listed:
    """The journeys that the address asks for. Raises ValueError for a funnel that cannot be."""
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
    n = funnel_size(process, scope, asked, level, dropped=dropped)
    return _named(
        process, scope, title, n,
        lambda start, size: funnel_ids(process, scope, asked, level, dropped=dropped, start=start, size=size),
    )  # fmt: skip


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
    if step and (following := given.get("next", "")):
        return Behind(step, following), _("Journeys from “%(step)s” straight to “%(next)s”") % said
    if step and (given.get("ends") or from_end == 1):
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
