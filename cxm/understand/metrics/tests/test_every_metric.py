"""Every metric of the registry: with nothing, with little, in every grain, split by all it may be split by."""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings

from cxm.record.eventlog.scope import COLUMNS, Grain, Scope
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, at, event, given_events, make_workspace
from cxm.understand.metrics.queries import measure, question_of
from cxm.understand.metrics.registry import METRICS, metric_called

pytestmark = pytest.mark.django_db
KEYS = [metric.key for metric in METRICS]
PREDICTIONS = {"clv_predicted", "expected_purchases"}
GRAINS: list[Grain] = ["day", "week", "month", "quarter", "year", "all"]


@pytest.mark.parametrize("key", KEYS)
def test_nothing_gives_one_figure_without_a_value_or_a_count_of_zero(key: str) -> None:
    workspace = make_workspace()
    (figure,) = measure(key, Scope(workspace.pk))
    nothing = 0 if figure.unit == "count" else None
    assert (figure.value, figure.low, figure.high, figure.n) == (nothing, None, None, 0)


@pytest.mark.parametrize("key", sorted(set(KEYS) - PREDICTIONS))
def test_every_period_of_an_empty_scope_has_a_figure(key: str) -> None:
    workspace = make_workspace()
    scope = Scope(workspace.pk, since=at("2026-01-15"), until=at("2026-03-02"))
    figures = measure(key, scope, grain="month")
    assert [str(figure.period) for figure in figures] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert {figure.n for figure in figures} == {0}


@pytest.mark.parametrize("key", KEYS)
def test_one_of_each_event_can_be_asked_in_every_way(key: str) -> None:
    workspace = make_workspace()
    ada = uuid.uuid4()
    put_customers([customer_row(workspace.pk, ada, {"plan": "gold"})])
    given_events(
        [
            *(
                answer(workspace, 4, metric=kind, question=kind, customer_id=ada, touchpoint="resolution",
                       response_id="r1", survey="s", properties={"order_id": "o1"})
                for kind in ("nps", "csat", "ces", "rating")
            ),
            event(workspace, "survey_invited", "2026-02-27", customer_id=ada, response_id="r1", survey="s"),
            event(workspace, "ticket_updated", "2026-03-01", customer_id=ada, ticket_id="t1", version=1,
                  opened_at="2026-03-01T00:00:00Z", first_responded_at="2026-03-01T01:00:00Z",
                  resolved_at="2026-03-01T02:00:00Z", sla_met=True, complaint=True, state="closed"),
            event(workspace, "order_placed", "2026-03-01", customer_id=ada, order_id="o1", amount=10, currency="EUR",
                  promised_at="2026-03-05T00:00:00Z"),
            event(workspace, "order_delivered", "2026-03-03", customer_id=ada, order_id="o1"),
            event(workspace, "subscription_updated", "2026-03-01", customer_id=ada, subscription_id="s1", version=1,
                  status="active", amount=5, currency="EUR", tenure=14),
        ]
    )  # fmt: skip
    scope = Scope(workspace.pk)
    (figure,) = measure(key, scope)
    metric = metric_called(key)
    fields = ["property.survey", "trait.plan", *sorted(COLUMNS[metric.table])]
    # A column or a grain more is the same SQL with another name: on servers one of each sort is asked.
    for field in fields[:3] if settings.EVENTLOG_URL else fields:
        measure(key, scope, by=field)
    grains = GRAINS[2:3] if settings.EVENTLOG_URL else GRAINS
    for grain in grains if key not in PREDICTIONS else []:
        measure(key, scope, grain=grain)
        measure(key, scope, grain=grain, by="trait.plan")
    for option in metric.options:
        for value in option.values:
            measure(key, scope, options={option.key: value})
    if metric.weighted:
        (weighted,) = measure(key, scope, weighted=True)
        assert (weighted.value, weighted.n) == (figure.value, figure.n)
    if metric.excluded:
        metric.excluded(question_of(metric, scope, options={}))
