"""Journeys of the real sets: each file through its shipped mapping, as a plain count of the files says.

The figures are those of the README of the sets, computed with plain pandas apart from this project.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cxm.accounts.models import Membership, Role, Workspace
from cxm.record.capture import actions, running
from cxm.record.capture.examples import example
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import make_workspace
from cxm.understand.journeys.definition import (
    Binding,
    EventRule,
    MapDefinition,
    ProcessDefinition,
    Promise,
    Stage,
    Touchpoint,
)
from cxm.understand.journeys.evidence.computing import compute
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.actions import create_process, process_for_map
from cxm.understand.journeys.steps.building import StepKeeper, build_steps, steps_state
from cxm.understand.journeys.steps.queries import Transition, starts_and_ends, step_matrix, transitions, variants
from cxm.understand.metrics.queries import measure

DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not part of the repository"),
]
ORDERS = {
    "placed": "order_purchase_timestamp", "approved": "order_approved_at", "shipped": "order_delivered_carrier_date",
    "delivered": "order_delivered_customer_date",
}  # fmt: skip


def take(workspace: Workspace, file: str, mapping: str) -> int:
    """Import a file as a job would; returns the rows read."""
    owner = Membership.objects.get(workspace=workspace, role=Role.OWNER).user
    path = DATA / file
    draft = actions.add_file(workspace=workspace, path=path, name=path.name, by=owner, move=False)
    started = actions.start_import(one=draft, yaml=example(mapping).yaml, by=owner)
    done = running.run(started.pk)
    assert done is not None and done.problem == "" and done.rows_rejected == 0
    return done.rows_read


def process_of(workspace: Workspace, **definition: Any) -> Process:
    return create_process(workspace=workspace, name="Real", definition=ProcessDefinition(**definition), by=None)


def rows_of(file: str) -> list[dict[str, str]]:
    with gzip.open(DATA / file, "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def edges(found: list[Transition]) -> dict[tuple[str, str], int]:
    return {(one.label, one.next): one.n for one in found if one.next}


def test_the_orders_of_the_marketplace(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    take(workspace, "olist/olist_customers_dataset.csv.gz", "olist_customers")
    process = process_of(
        workspace, case="order_id", events=("order_placed", "order_approved", "order_shipped", "order_delivered")
    )
    keeper = StepKeeper("test")
    keeper.catch_up()  # what comes by import afterwards is taken in as it comes
    take(workspace, "olist/olist_orders_dataset.csv.gz", "olist_orders")
    keeper.catch_up()
    state = steps_state(process)
    assert (state.journeys, state.waiting, state.building) == (8135, 0, False)
    scope = Scope(workspace.pk)
    ends = {one.label: one.n for one in starts_and_ends(process, scope).rows}
    assert ends == {
        "order_placed": 8135, "order_approved": 7989, "order_shipped": 6353, "order_delivered": 5170
    }  # fmt: skip
    ways = variants(process, scope)
    assert (ways.distinct, ways.journeys) == (10, 8135)
    placed, approved, shipped, delivered = ends
    assert [(one.labels, one.n) for one in ways.rows[:4]] == [
        ((placed, approved, shipped, delivered), 5099), ((placed, approved), 1636), ((placed, approved, shipped), 1174),
        ((placed,), 146),
    ]  # fmt: skip

    # The same by hand: in the order of time, of one moment in the order of the milestones.
    journeys = []
    for row in rows_of("olist/olist_orders_dataset.csv.gz"):
        times = [
            (row[column], rank, f"order_{name}") for rank, (name, column) in enumerate(ORDERS.items()) if row[column]
        ]
        journeys.append(sorted(times))
    counted = Counter(tuple(label for _at, _rank, label in journey) for journey in journeys)
    every = variants(process, scope, limit=1000).rows
    assert {one.labels: one.n for one in every} == counted
    gaps: dict[tuple[str, str], list[float]] = {}
    for journey in journeys:
        for before, after in pairwise(journey):
            took = datetime.fromisoformat(after[0]) - datetime.fromisoformat(before[0])
            gaps.setdefault((before[2], after[2]), []).append(took.total_seconds())
    found = transitions(process, scope).rows
    assert edges(list(found)) == {pair: len(some) for pair, some in gaps.items()}
    for one in found:
        if one.next:
            some = sorted(gaps[one.label, one.next])
            assert one.mean_s == pytest.approx(math.fsum(some) / len(some))
            assert one.median_s == pytest.approx(quantile(some, 0.5))
            assert one.p90_s == pytest.approx(quantile(some, 0.9))
    first = {one.label: one.n for one in step_matrix(process, scope, first=1).rows}
    assert first == Counter(journey[0][2] for journey in journeys)

    once = {(one.label, one.next, one.n, one.median_s) for one in found}
    build_steps(process)
    assert {(one.label, one.next, one.n, one.median_s) for one in transitions(process, scope).rows} == once
    agree_with_process_mining(journeys, edges(list(found)), dict(counted), monkeypatch)


def test_the_states_of_the_incidents() -> None:
    workspace = make_workspace()
    assert take(workspace, "incident_log/incident_event_log.csv.gz", "incident_log") == 141_712
    process = process_of(
        workspace, case="ticket_id", events=("ticket_updated",), label_by="state", order_by="version", collapse=True
    )
    build_steps(process)
    scope = Scope(workspace.pk)
    ways = variants(process, scope, limit=1000)
    assert (ways.distinct, ways.journeys) == (191, 24_918)
    assert [(">".join(one.labels), one.n) for one in ways.rows[:4]] == [
        ("New>Resolved>Closed", 6282), ("New>Active>Resolved>Closed", 5491), ("Active>Resolved>Closed", 5360),
        ("Resolved>Closed", 1816),
    ]  # fmt: skip
    incidents: dict[str, list[tuple[int, datetime, str]]] = {}
    for row in rows_of("incident_log/incident_event_log.csv.gz"):
        moment = datetime.strptime(f"{row['sys_updated_at']} +0000", "%d/%m/%Y %H:%M %z")
        incidents.setdefault(row["number"], []).append((int(row["sys_mod_count"]), moment, row["incident_state"]))
    collapsed = []
    for updates in incidents.values():
        states = [state for _version, _at, state in sorted(updates)]
        collapsed.append([state for k, state in enumerate(states) if k == 0 or states[k - 1] != state])
    counted = Counter(map(tuple, collapsed))
    assert len(counted) == 191
    assert {one.labels: one.n for one in ways.rows} == counted
    pairs = Counter(pair for states in collapsed for pair in pairwise(states))
    assert edges(list(transitions(process, scope, times=False).rows)) == pairs


def quantile(some: list[float], q: float) -> float:
    at = q * (len(some) - 1)
    low = math.floor(at)
    high = min(low + 1, len(some) - 1)
    return some[low] + (some[high] - some[low]) * (at - low)


def agree_with_process_mining(
    journeys: list[list[tuple[str, int, str]]],
    found: dict[tuple[str, str], int],
    ways: dict[tuple[str, ...], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pm4py and retentioneering count the same transitions, pm4py the same variants."""
    pm4py = pytest.importorskip("pm4py", reason="pm4py is in the group “journeys”")
    pandas = pytest.importorskip("pandas", reason="pandas is in the group “dev”")
    table = pandas.DataFrame(
        [
            # A millisecond for each rank: both sort by time alone.
            (str(case), label, pandas.Timestamp(at, tz="UTC") + pandas.Timedelta(milliseconds=rank))
            for case, journey in enumerate(journeys) for at, rank, label in journey
        ],
        columns=["case:concept:name", "concept:name", "time:timestamp"],
    )  # fmt: skip
    graph, _starts, _ends = pm4py.discover_dfg(table)
    assert dict(graph) == found
    assert {tuple(way): n for way, n in pm4py.get_variants(table).items()} == ways

    monkeypatch.setenv("RETENTIONEERING_NO_TRACK", "1")  # or it reports to its makers from its import on
    retentioneering = pytest.importorskip("retentioneering", reason="retentioneering is in the group “journeys”")
    stream = retentioneering.Eventstream(
        table.rename(columns={"case:concept:name": "user_id", "concept:name": "event", "time:timestamp": "timestamp"})
    )
    matrix = stream.transition_graph_data("count")
    counts = {(row, column): int(matrix.loc[row, column]) for row in matrix.index for column in matrix.columns}
    theirs = {pair: n for pair, n in counts.items() if n and all(name.startswith("order_") for name in pair)}
    assert theirs == found


def test_the_late_delivery_is_the_worst_hand_over_without_being_told() -> None:
    """Nothing says which step matters: that of the carrier stands first among the hand-overs of the map."""
    workspace = make_workspace()
    take(workspace, "olist/olist_customers_dataset.csv.gz", "olist_customers")
    take(workspace, "olist/olist_orders_dataset.csv.gz", "olist_orders")
    take(workspace, "olist/olist_order_reviews_dataset.csv.gz", "olist_reviews")
    promised = Promise("Delivered on the day that was named", reaches="order_delivered", until="promised_at")
    points = tuple(
        Touchpoint(
            name, name, partner="Carrier" if name == "order_shipped" else "",
            promises=(promised,) if name == "order_placed" else (), binding=Binding(events=(EventRule(name),)),
        )
        for name in ("order_placed", "order_approved", "order_shipped", "order_delivered")
    )  # fmt: skip
    definition = MapDefinition(case="order_id", stages=(Stage("orders", "Orders", points),))
    owner = Membership.objects.get(workspace=workspace, role=Role.OWNER).user
    drawn = create_map(workspace=workspace, name="Orders", definition=definition, by=owner)
    process = process_for_map(drawn)
    build_steps(process)
    found = compute(definition, process.pk, Scope(workspace.pk), datetime(2018, 12, 1, tzinfo=UTC))
    worst = found.handovers[0]
    assert (worst.key, worst.to, worst.is_real) == ("order_shipped", "order_delivered", True)
    assert worst.difference.value is not None and worst.difference.value < -1  # of a scale from 1 to 5
    # The estimate counts for all 8 135 orders; late are 8.027079 % of the 5 170 that came, 415, and what never came.
    assert [(one.n, one.late) for one in found.of("order_placed").promises] == [(8135, 415 + 8135 - 5170)]
    scores = {one.by: one for one in measure("csat_mean", Scope(workspace.pk), by="order.delivery")}
    assert (scores["on time"].n, scores["late"].n) == (4819, 419)
    assert scores["on time"].value == pytest.approx(4.277028, abs=1e-6)
    assert scores["late"].value == pytest.approx(2.498807, abs=1e-6)
