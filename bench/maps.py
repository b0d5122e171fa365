"""The living map of 12 stages and 60 touchpoints over 1,000,000 customers: the page from warm tables, and computing it.

Each customer walks about ten touchpoints; every fourth answers, and every answer has a comment that was read. `page` is
the whole answer of the application (all middleware, no network), median of several rounds, while the log has moved
since the figures were computed: it says how old they are and asks for newer ones. `compute` is the work of the job.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

CUSTOMERS = 1_000_000
STAGES, POINTS = 12, 60
PAGE_BOUND = 1.0  # seconds
COMPUTE_BOUND = 60.0
LONGEST = 20  # steps of a journey
STEPS = """
INSERT INTO steps (workspace_id, process, case_id, journey, number, from_end, customer_id, event_id, occurred_at,
                   import_id, label, next, gap_ms, left_ms, path, visit, pass, touchpoint, channel, version)
SELECT {workspace:UInt32}, {process:UInt32}, who, who, k + 1, length - k, who, reinterpretAsUUID(sipHash128(who, k)),
       fromUnixTimestamp64Milli(toInt64(began + k * 7200000), 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'),
       concat('t', toString(first + k)), if(k + 1 < length, concat('t', toString(first + k + 1)), ''),
       if(k + 1 < length, 7200000, 0), (length - k - 1) * 7200000, sipHash64(first, length), 1, 1,
       concat('t', toString(first + k)), 'web', 1
FROM (
    SELECT reinterpretAsUUID(sipHash128(number, {workspace:UInt32})) AS who, cityHash64(number, 1) % 41 AS first,
           1 + cityHash64(number, 2) % {longest:UInt64} AS length,
           {since:Int64} + cityHash64(number, 3) % (300 * 86400000) AS began
    FROM numbers({n:UInt64})
) ARRAY JOIN range(length) AS k WHERE first + k < 60
"""
EVENTS = """
INSERT INTO events (workspace_id, event_id, name, customer_id, occurred_at, source, properties)
SELECT workspace_id, event_id, label, customer_id, occurred_at, 'capture', '{}' FROM steps
WHERE workspace_id = {workspace:UInt32}
"""
ANSWERS = """
INSERT INTO feedback (workspace_id, event_id, customer_id, occurred_at, import_id, metric, question, scale, score,
                      weight, touchpoint, comment, properties)
SELECT workspace_id, event_id, customer_id, occurred_at, import_id, 'csat', 'q', '1-5',
       1 + cityHash64(event_id) % 5, 1, label, 'A comment of some length about what happened here and there.', '{}'
FROM steps WHERE workspace_id = {workspace:UInt32} AND number = 1 AND cityHash64(customer_id) % 4 = 0
"""
READ = """
INSERT INTO annotations (workspace_id, event_id, customer_id, occurred_at, import_id, version, model, language,
                         sentiment, sentiment_score, emotion)
SELECT workspace_id, event_id, customer_id, occurred_at, import_id, 1, 'm', 'en',
       ['negative', 'neutral', 'positive'][1 + cityHash64(event_id) % 3], (cityHash64(event_id) % 200) / 100 - 1,
       ['joy', 'anger', 'none'][1 + cityHash64(event_id) % 3]
FROM feedback WHERE workspace_id = {workspace:UInt32}
"""


def main() -> int:
    from bench.report import Report, arguments, installation

    options = arguments(__doc__)
    n = 10_000 if options.small else CUSTOMERS
    with installation():
        from django.core.management import call_command

        call_command("createcachetable", verbosity=0)
        report = Report("maps", small=options.small)
        owner, drawn = fill(n)
        measure(report, owner, drawn, rounds=3 if options.small else 7)
    return report.exit_code


def fill(n: int) -> tuple[Any, Any]:
    from cxm.record.eventlog.engine import engine
    from cxm.record.eventlog.steps import StepCursor
    from cxm.testing.cast import make_user, make_workspace
    from cxm.understand.journeys.definition import (
        Binding,
        EventRule,
        FeedbackRule,
        MapDefinition,
        Stage,
        Test,
        Touchpoint,
    )
    from cxm.understand.journeys.maps.actions import create_map
    from cxm.understand.journeys.models import Process
    from cxm.understand.journeys.steps.actions import process_for_map

    owner = make_user()
    workspace = make_workspace(owner=owner)
    points = [
        Touchpoint(
            f"t{k}", f"Touchpoint {k}", channel="web", partner="Partner" if k % 9 == 8 else "",
            binding=Binding(
                events=(EventRule(f"t{k}"),), feedback=(FeedbackRule((Test("touchpoint", "is", (f"t{k}",)),)),)
            ),
        )
        for k in range(POINTS)
    ]  # fmt: skip
    each = POINTS // STAGES
    stages = tuple(Stage(f"s{k}", f"Stage {k}", tuple(points[k * each : (k + 1) * each])) for k in range(STAGES))
    drawn = create_map(workspace=workspace, name="Large", definition=MapDefinition(stages=stages), by=owner)
    process = process_for_map(drawn)
    since = int((datetime.now(UTC) - timedelta(days=310)).timestamp() * 1000)
    began = time.perf_counter()
    with engine().client() as client:
        for start in (STEPS, EVENTS, ANSWERS, READ):
            client.command(
                start, parameters={"workspace": workspace.pk, "process": process.pk, "n": n, "since": since,
                                   "longest": LONGEST},
            )  # fmt: skip
        rows = client.query("SELECT count() FROM steps").result_rows[0][0]
    Process.objects.filter(pk=process.pk).update(built_at=datetime.now(UTC))
    cursor = StepCursor("bench")  # as if the keeper of the steps had looked at all of it
    cursor.take()
    while new := cursor.next(0):
        cursor.advance(new)
    print(f"filled {n} customers, {rows} steps in {time.perf_counter() - began:.1f} s")
    return owner, drawn


def measure(report: Any, owner: Any, drawn: Any, rounds: int) -> None:
    from django.test import Client
    from django.urls import reverse
    from django.utils import timezone

    from cxm.understand.journeys.evidence import keeping
    from cxm.understand.journeys.models import MapEvidence

    began = time.perf_counter()
    keeping.warm(drawn)
    report.line("compute", time.perf_counter() - began, bound=COMPUTE_BOUND)
    client = Client()
    client.force_login(owner)
    address = reverse("evidence:show", args=[drawn.workspace.slug, drawn.pk])
    taken = []
    for _ in range(rounds + 1):
        # Old enough that the page looks whether the log moved, which it did.
        MapEvidence.objects.update(computed_at=timezone.now() - timedelta(minutes=5), mark="before", wanted_at=None)
        began = time.perf_counter()
        answer = client.get(address, headers={"host": "localhost"})
        taken.append(time.perf_counter() - began)
        assert answer.status_code == 200 and "Touchpoint 59" in answer.content.decode()
    report.line("page", statistics.median(taken[1:]), bound=PAGE_BOUND)


if __name__ == "__main__":
    raise SystemExit(main())
