"""Derived tables after a crash between the parts of one insert: mended by what the log holds, and by nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cxm.accounts.models import Workspace
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
