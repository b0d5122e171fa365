"""The same message taken by two processes at once: one event stays, in every table. A single process needs it not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.twins import drop_twins
from cxm.testing.captured import Captured, captured, put_captured
from cxm.testing.cast import make_workspace

pytestmark = pytest.mark.django_db
ANSWER = {"metric": "nps", "question": "nps", "scale": "0-10", "score": 9}


@dataclass
class Count:
    n: int
    total: float


def test_the_earlier_of_two_twins_stays() -> None:
    workspace = make_workspace()
    first = captured(workspace, Captured("track", "u1", "", name="answer_given", properties=ANSWER, message_id="m1"))
    other = captured(workspace, Captured("track", "u2", "", name="answer_given", properties={**ANSWER, "score": 1},
                                         message_id="m1"))  # fmt: skip
    later = replace(other, received_at=first.received_at + timedelta(milliseconds=5))
    alone = captured(workspace, Captured("track", "u3", "", name="answer_given", properties=ANSWER))
    put_captured([later])
    put_captured([first, alone])
    if engine().in_process:
        assert drop_twins([first, alone, later]) == 0  # one process compares with itself
        return
    assert drop_twins([first, alone]) == 1
    assert drop_twins([first, alone, later]) == 0
    scope = Scope(workspace.pk)
    for sql, table, time in (
        ("SELECT count() AS n, sum(JSONExtractFloat(properties, 'score')) AS total FROM events WHERE $scope",
         "events", "occurred_at"),
        ("SELECT count() AS n, sum(score) AS total FROM feedback WHERE $scope", "feedback", "occurred_at"),
        ("SELECT toUInt64(sum(n)) AS n, sum(score * w) AS total FROM feedback_rollup WHERE $scope", "feedback_rollup",
         "bucket"),
    ):  # fmt: skip
        [row] = ask(sql, scope, row=Count, name="test", table=table, time=time).rows
        assert (row.n, row.total) == (2, 18.0)  # the two answers of 9; the later twin said 1
