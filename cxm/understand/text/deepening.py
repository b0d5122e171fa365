"""The deep tier reads texts again, behind the fast one: a text is put to the encoder once, and its annotation is
written anew with the sentiment that both tiers give it.

The fast tier writes every text's first annotation and never waits for this. What the encoder said is kept in the
annotation (`deep.using`), so restarts, readings anew and corrections ask it for nothing again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.follow import Pace
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.texts import Annotation, Text, annotations_of, texts_by_id, write_annotations

from .annotating import rows_for
from .deep.encoder import LONGEST
from .deep.sentiment import Judge, Point, mark, points_of
from .deep.using import counts, in_use, judge, point_in

TURN = 20.0  # seconds of one workspace, before the next has its turn
AT_ONCE = 16  # texts between two looks whether somebody waits
WRITTEN = 128  # annotations in one insert
LOOKED_UP = 2_048  # texts that are looked up at once
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Number:
    n: int


@dataclass(frozen=True, slots=True)
class _Id:
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the texts that are understood both tiers have read."""

    deep: int
    texts: int

    @property
    def percent(self) -> float:
        return 100 * self.deep / self.texts if self.texts else 0.0


NEWEST = "SELECT max(version) AS n FROM annotations WHERE $scope"
# Of a longer text the encoder would be given the beginning only: it stays with the fast tier, which reads all of it.
WAITING = """
SELECT event_id FROM annotations FINAL
WHERE $scope AND sentiment != '' AND position(model, {mark:String}) = 0 AND event_id GLOBAL IN (
    SELECT event_id FROM feedback WHERE $scope AND comment != '' AND lengthUTF8(comment) <= {longest:UInt32})
ORDER BY occurred_at DESC LIMIT {most:UInt32}
"""
READ = """
SELECT countIf(position(model, {mark:String}) > 0) AS deep, count() AS texts FROM annotations FINAL
WHERE $scope AND sentiment != ''
"""
_done: dict[int, int] = {}  # by workspace: the version of its newest annotation, when all was done


def read_by_both(workspace_id: int) -> Share | None:
    """None where the deep tier has no say. Raises EventlogError."""
    if not counts(workspace_id):
        return None
    return ask(READ, Scope(workspace_id), row=Share, name="texts.read_by_both", mark=mark()).rows[0]


def deepen(workspace_id: int, stopping: Stop = lambda: False) -> bool:
    """One turn of a workspace; whether all is done, as where the deep tier has no say. Raises EventlogError."""
    if not in_use() or not counts(workspace_id):
        return True
    newest = ask(NEWEST, Scope(workspace_id), row=_Number, name="texts.newest").rows[0].n
    if _done.get(workspace_id) == newest or (encoder := judge()) is None:
        return True
    until = time.monotonic() + TURN
    pace, left = Pace(last=True), set[UUID]()
    while not stopping() and time.monotonic() < until:
        rows = ask(
            WAITING, Scope(workspace_id), row=_Id, name="texts.waiting", mark=mark(), longest=LONGEST, most=LOOKED_UP
        ).rows  # fmt: skip
        ids = [one.event_id for one in rows if one.event_id not in left]
        if not ids:
            _done[workspace_id] = newest
            return True
        for start in range(0, len(ids), WRITTEN):
            some = ids[start : start + WRITTEN]
            points = _asked(encoder, workspace_id, some, pace, stopping)
            left |= set(some) - _write(workspace_id, points)
            if stopping() or time.monotonic() > until:
                return False
    return False


def _asked(
    encoder: Judge, workspace_id: int, event_ids: Sequence[UUID], pace: Pace, stopping: Stop
) -> dict[UUID, Point]:
    """What the deep tier says of these texts: as it said before, where it was asked; fewer of them when stopped."""
    before = annotations_of(workspace_id, event_ids)
    points = {row.event_id: point for row in before.values() if (point := point_in(row.tags)) is not None}
    texts = [one for one in texts_by_id(workspace_id, event_ids) if one.event_id not in points]
    for start in range(0, len(texts), AT_ONCE):
        if stopping():
            break
        began, some = time.monotonic(), texts[start : start + AT_ONCE]
        found = points_of([one.comment for one in some], encoder)
        points |= {one.event_id: point for one, point in zip(some, found, strict=True)}
        time.sleep(pace.rest_after(time.monotonic() - began))
    return points


def _write(workspace_id: int, points: dict[UUID, Point]) -> set[UUID]:
    """Annotate these texts with what both tiers say; returns which have been.

    Each row is one version later than the row that it takes the place of, and no later than that: what anybody else
    writes meanwhile, a correction above all, is of the time of its writing and holds. A row that knows of a correction
    which the database does not (its transaction has not ended), or the other way, is left alone.
    """
    before = annotations_of(workspace_id, list(points))
    texts: list[Text] = [one for one in texts_by_id(workspace_id, list(points)) if one.event_id in before]
    rows: list[Annotation] = []
    for row in rows_for(workspace_id, texts, points, opinions=False):
        old = before[row.event_id]
        if bool(old.corrected) == row.corrected:
            rows.append(replace(row, version=old.version + 1))
    write_annotations(rows)
    return {one.event_id for one in rows if mark() in one.model}
