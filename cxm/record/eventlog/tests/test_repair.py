"""Derived tables after a crash between the parts of one insert: mended by what the log holds, and by nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cxm.accounts.models import Workspace
from cxm.record.eventlog import repair as repairing
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.repair import repair
from cxm.testing.cast import answer, given_events, make_workspace

pytestmark = pytest.mark.django_db
NOW = timedelta(0)


def scores(workspace: Workspace) -> list[float]:
    return [row[0] for row in ask(f"SELECT score FROM feedback WHERE workspace_id = {workspace.pk} ORDER BY score")]


def counted(workspace: Workspace) -> int:
    return int(ask(f"SELECT sum(n) FROM feedback_rollup WHERE workspace_id = {workspace.pk}")[0][0])


def ask(sql: str) -> list[tuple[float, ...]]:
    with engine().client() as client:
        return [tuple(row) for row in client.query(sql).result_rows]


def lose(table: str, workspace: Workspace, condition: str) -> None:
    opened = engine()
    opened.everywhere(f"DELETE FROM {opened.local(table)} WHERE workspace_id = {workspace.pk} AND {condition}")


def test_an_event_without_its_derived_row_gets_it_and_is_counted() -> None:
    workspace = make_workspace()
    repair(NOW)
    given_events([answer(workspace, score) for score in (2, 9, 10)])
    lose("feedback", workspace, "score = 9")
    lose("feedback_rollup", workspace, "score = 9")
    mended = repair(NOW)
    assert (mended.missing, mended.orphaned) == (1, 0)
    assert (scores(workspace), counted(workspace)) == ([2, 9, 10], 3)
    assert not repair(NOW)


def test_a_derived_row_without_its_event_goes() -> None:
    workspace = make_workspace()
    repair(NOW)
    given_events([answer(workspace, score) for score in (2, 9, 10)])
    lose("events", workspace, "JSONExtractFloat(properties, 'score') = 2")
    mended = repair(NOW)
    assert (mended.missing, mended.orphaned, mended.recounted) == (0, 1, 1)
    assert (scores(workspace), counted(workspace)) == ([9, 10], 2)


def test_a_whole_log_is_left_as_it_is_and_what_is_young_is_not_judged() -> None:
    workspace = make_workspace()
    repair(NOW)
    given_events([answer(workspace, score) for score in (2, 9)])
    lose("feedback", workspace, "score = 9")
    lose("feedback_rollup", workspace, "score = 9")
    repair(timedelta(minutes=1))
    assert scores(workspace) == [2]  # an insert could be half-way
    repair(NOW)
    assert (scores(workspace), counted(workspace)) == ([2, 9], 2)
    given_events([answer(workspace, 5)])
    assert not repair(NOW)


def test_much_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    repair(NOW)
    top = int(ask(f"SELECT max(_block_number) FROM {engine().local('events')}")[0][0])
    monkeypatch.setattr(repairing, "STRETCH", 2)
    for score in (2, 9, 10, 4, 5):
        given_events([answer(workspace, score)])
    opened = engine()
    parts, rows = [], 0
    for address in opened.addresses:
        with opened.client(address) as client:
            local = opened.local("events")
            last = int(client.query(f"SELECT max(_block_number) FROM {local}").result_rows[0][0])
            found = repairing._stretches(client, local, 0 if len(opened.addresses) > 1 else top, last)
            assert [first for first, _last in found[1:]] == [last for _first, last in found[:-1]], (
                "no block is left out"
            )
            assert not found or found[-1][1] == last
            parts += found
            rows += sum(
                client.query(f"SELECT count() FROM {local} WHERE _block_number > {first} AND _block_number <= {last}"
                             f" AND workspace_id = {workspace.pk}").result_rows[0][0]
                for first, last in found
            )  # fmt: skip
    assert len(parts) >= 3
    assert rows == 5
    lose("feedback", workspace, "score = 9")
    lose("feedback_rollup", workspace, "score = 9")
    lose("events", workspace, "JSONExtractFloat(properties, 'score') = 5")
    mended = repair(NOW)
    assert (mended.missing, mended.orphaned) == (1, 1)
    assert (scores(workspace), counted(workspace)) == ([2, 4, 9, 10], 4)
    assert not repair(NOW)
