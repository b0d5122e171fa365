"""Shares of a closed loop, by hand, by team and by cause."""

from __future__ import annotations

import pytest

from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.cast import at, event, given_events, make_workspace
from cxm.understand.metrics.queries import measure, why

pytestmark = pytest.mark.django_db


def test_loop_metrics_count_each_case_once_and_only_what_is_decided() -> None:
    workspace = make_workspace()
    rows: list[tuple[str, int, dict[str, str]]] = [
        ("a", 1, {"team": "Billing", "acknowledged_in_time": "true"}),
        ("a", 2, {"team": "Billing", "acknowledged_in_time": "true", "promise_kept": "false", "root_cause": "Seal",
                  "first_reply_in_time": "false", "closed_in_time": "true"}),
        ("b", 5, {"team": "Service", "acknowledged_in_time": "false", "first_reply_in_time": "true"}),
        ("c", 1, {"team": "Service", "acknowledged_in_time": "true", "promise_kept": "true", "root_cause": "Seal",
                  "first_reply_in_time": "true", "closed_in_time": "false"}),
        ("d", 1, {}),  # of another system: says nothing
    ]  # fmt: skip
    given_events(
        [
            event(workspace, "ticket_updated", "2026-04-01", ticket_id=number, version=version,
                  opened_at=at("2026-03-01").isoformat(), properties=said)
            for number, version, said in rows
        ]
    )  # fmt: skip
    scope = Scope(workspace.pk)

    def share(key: str, of: Scope = scope) -> tuple[float | None, int]:
        (figure,) = measure(key, of)
        return (None if figure.value is None else round(figure.value, 6), figure.n)

    assert share("acknowledged_in_time") == (66.666667, 3)
    assert share("promise_kept") == (50, 2)
    assert share("first_reply_in_time") == (66.666667, 3)
    assert share("closed_in_time") == (50, 2)
    by_team = {one.by: (one.value, one.n) for one in measure("acknowledged_in_time", scope, by="property.team")}
    assert by_team == {"Billing": (100, 1), "Service": (50, 2)}
    by_cause = {one.by: (one.value, one.n) for one in measure("closed_in_time", scope, by="property.root_cause")}
    assert by_cause == {"Seal": (50, 2)}
    assert share("promise_kept", scope.where(Filter("property.team", "is", ("Billing",)))) == (0, 1)
    (figure,) = measure("promise_kept", scope)
    assert why(figure).excluded == {}
    # 1 of 2 by Wilson at 95 %: 9.45 to 90.55
    assert figure.low and figure.high and (round(figure.low, 2), round(figure.high, 2)) == (9.45, 90.55)
