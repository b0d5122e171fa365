"""Appending: an event is in the log when the call returns, once, and in its derived table."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

import pytest

from cxm.record.eventlog.append import append, encode_properties
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.forget import forget_customer, forget_import
from cxm.record.eventlog.outbox import emit, move_outbox
from cxm.record.eventlog.rebuild import rebuild
from cxm.record.eventlog.scope import Filter, Scope, UnknownField
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, at, given_events, make_workspace

pytestmark = pytest.mark.django_db


@dataclass
class Count:
    period: object
    by: str
    n: int
    total: float


COUNT = """
SELECT $period AS period, $by AS by, count() AS n, sum(score) AS total
FROM feedback $join WHERE $scope GROUP BY period, by ORDER BY period, by
"""
ROLLUP = """
SELECT $period AS period, $by AS by, toUInt64(sum(n)) AS n, sum(score * w) AS total
FROM feedback_rollup WHERE $scope GROUP BY period, by ORDER BY period, by
"""


def count(scope: Scope, **more: object) -> list[tuple[str, int, float]]:
    found = ask(COUNT, scope, row=Count, name="test", **more)  # type: ignore[arg-type]  # options pass through
    return [(row.by, row.n, row.total) for row in found.rows]


def rollup(scope: Scope) -> list[tuple[str, int, float]]:
    rows = ask(ROLLUP, scope, row=Count, name="test", table="feedback_rollup", time="bucket").rows
    return [(row.by, row.n, row.total) for row in rows]


def test_an_event_is_stored_once() -> None:
    workspace = make_workspace()
    events = [answer(workspace, 9), answer(workspace, 3)]
    assert append(events) == 2
    assert append(events) == 0
    assert append([events[0], events[0]]) == 0
    assert count(Scope(workspace.pk)) == [("", 2, 12.0)]  # 9 + 3
    assert rollup(Scope(workspace.pk)) == [("", 2, 12.0)]


def test_a_workspace_sees_only_its_own_events() -> None:
    ours = make_workspace()
    theirs = make_workspace("Theirs", owner=ours.memberships.get().user)
    given_events([answer(ours, 9), answer(theirs, 1)])
    assert count(Scope(ours.pk)) == [("", 1, 9.0)]


def test_periods_follow_the_time_zone() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 1, "2026-02-28 23:30"), answer(workspace, 2, "2026-03-01 10:00")])
    rows = ask(COUNT, Scope(workspace.pk, "Europe/Kyiv"), row=Count, name="test", grain="month").rows
    assert [(str(row.period), row.n) for row in rows] == [("2026-03-01", 2)]  # 23:30 UTC is 1 March in Kyiv
    rows = ask(COUNT, Scope(workspace.pk, "UTC"), row=Count, name="test", grain="month").rows
    assert [(str(row.period), row.n) for row in rows] == [("2026-02-01", 1), ("2026-03-01", 1)]


def test_filters_and_breakdowns_by_column_property_and_trait() -> None:
    workspace = make_workspace()
    ada, bob = uuid.uuid4(), uuid.uuid4()
    put_customers(
        [
            customer_row(workspace.pk, ada, {"plan": "gold"}),
            customer_row(workspace.pk, bob, {"plan": "tin", "seats": 3}),
        ]
    )
    given_events(
        [
            answer(workspace, 9, customer_id=ada, channel="email", properties={"area": "A's `x` \\", "age": 40}),
            answer(workspace, 2, customer_id=bob, channel="web", properties={"area": "B", "age": 7}),
        ]
    )
    scope = Scope(workspace.pk)
    assert count(scope, by="channel") == [("email", 1, 9.0), ("web", 1, 2.0)]
    assert count(scope, by="property.area") == [("A's `x` \\", 1, 9.0), ("B", 1, 2.0)]
    assert count(scope, by="trait.plan") == [("gold", 1, 9.0), ("tin", 1, 2.0)]
    assert count(scope.where(Filter("trait.plan", "is", ("gold",)))) == [("", 1, 9.0)]
    assert count(scope.where(Filter("trait.seats", "at_least", ("3",)))) == [("", 1, 2.0)]
    assert count(scope.where(Filter("property.age", "at_most", ("10",)))) == [("", 1, 2.0)]
    assert count(scope.where(Filter("channel", "is_not", ("web",)))) == [("", 1, 9.0)]
    assert count(scope.where(Filter("property.area", "contains", ("a'S",)))) == [("", 1, 9.0)]
    assert count(scope.where(Filter("property.none", "is_set"))) == []
    assert count(scope.during(at("2026-03-02"), None)) == []
    for name in ("customer_id", "property.", "a' OR 1=1", ""):
        with pytest.raises(UnknownField):
            count(scope.where(Filter(name)))


def test_a_fact_reaches_the_log_only_if_its_transaction_commits(
    django_capture_on_commit_callbacks: object,
) -> None:
    from django.db import transaction

    workspace = make_workspace()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        emit("answer_given", workspace_id=workspace.pk, metric="nps", score=1)
        raise ZeroDivisionError
    with transaction.atomic():
        emit("answer_given", workspace_id=workspace.pk, metric="nps", score=8)
    assert move_outbox() == 1
    assert move_outbox() == 0
    assert count(Scope(workspace.pk)) == [("", 1, 8.0)]


def test_forgetting_an_import_or_a_customer_leaves_the_rest() -> None:
    import msgspec

    workspace = make_workspace()
    batch, ada = uuid.uuid4(), uuid.uuid4()
    given_events(
        [
            msgspec.structs.replace(answer(workspace, 9), import_id=batch),
            answer(workspace, 2, customer_id=ada),
            answer(workspace, 5),
        ]
    )
    forget_import(workspace.pk, batch)
    assert count(Scope(workspace.pk)) == rollup(Scope(workspace.pk)) == [("", 2, 7.0)]
    forget_customer(workspace.pk, [ada])
    assert count(Scope(workspace.pk)) == rollup(Scope(workspace.pk)) == [("", 1, 5.0)]


def test_derived_tables_can_be_rebuilt_from_the_events() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, score, properties={"area": "A"}) for score in (0, 10, None)])
    before = count(Scope(workspace.pk), by="property.area"), rollup(Scope(workspace.pk))
    assert before == (
        [("A", 3, 10.0)],
        [("", 2, 10.0)],
    )  # an answer without a score is feedback, but no score
    rebuild()
    assert (count(Scope(workspace.pk), by="property.area"), rollup(Scope(workspace.pk))) == before


def test_a_field_named_like_a_mark_stays_a_name() -> None:
    workspace = make_workspace()
    theirs = make_workspace("Theirs", owner=workspace.memberships.get().user)
    given_events([answer(workspace, 9, properties={"$by": "a", "$tz": "b"}), answer(theirs, 1)])
    scope = Scope(workspace.pk)
    assert count(scope, by="property.$by") == [("a", 1, 9.0)]
    assert count(scope.where(Filter("property.$tz", "is", ("b",))), by="property.$by") == [("a", 1, 9.0)]
    assert count(scope.where(Filter("property.$by", "is_set")), by="property.x) OR 1=1 --") == [("", 1, 9.0)]
    assert count(scope.where(Filter("property.$scope", "is_set"))) == []


def test_a_nul_is_dropped_and_a_text_about_it_stays() -> None:
    given = {"a": "x\x00y", "b": "\\u0000", "c": "\\\x00\x00"}
    assert json.loads(encode_properties(given)) == {"a": "xy", "b": "\\u0000", "c": "\\"}


@pytest.mark.parametrize("setting", ["fsync_after_insert", "fsync_part_directory", "min_rows_to_fsync_after_merge"])
def test_events_are_on_disk_when_they_are_taken_and_before_a_merge_removes_what_it_replaced(setting: str) -> None:
    opened = engine()
    with opened.client(opened.addresses[0]) as client:
        [[made]] = client.query(
            "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
            parameters={"table": opened.local("events")},
        ).result_rows
    assert f"{setting} = 1" in made


def test_an_insert_of_a_few_events_waits_for_one_file() -> None:
    """A part of twelve files takes twice as long until it is on disk: decision 0412."""
    workspace = make_workspace()
    given_events([answer(workspace, 9)])
    opened, kinds = engine(), set()
    for node in opened.addresses:
        with opened.client(node) as client:
            kinds |= {
                row[0]
                for row in client.query(
                    "SELECT part_storage_type FROM system.parts WHERE database = currentDatabase() AND active"
                    " AND table = {table:String} AND rows < 100",
                    parameters={"table": opened.local("events")},
                ).result_rows
            }
    assert kinds == {"Packed"}
