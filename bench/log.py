"""100 million events in the log: its size, the page of a customer, and the trend of any event by day over a year.

The engine itself makes the events (`INSERT … SELECT` from `numbers`, in the order of time, as they would arrive): 30
names, half of all events page views, a million customers with some hundred each, a year that ends in the middle of a
calendar year. Merges are left to the engine, as in a server. The page is the whole answer of the application (all
middleware, no network), of another customer each time; bare SQL is what one would write by hand for the same counts.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EVENTS = 100_000_000
CUSTOMERS = 1_000_000
BLOCK = 2_000_000
LOOKED_AT = 20  # customers
ZONE = "Europe/Kyiv"
SINCE, UNTIL = datetime(2024, 7, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
NAMES = ("page_viewed", *(f"Event {number}" for number in range(1, 30)))
CUSTOMER = "reinterpretAsUUID(sipHash128(cityHash64(number, {s:UInt64}, 1) % {customers:UInt64}))"
# cityHash64 of the row's number and a salt is its random source: the same rows on every run.
GENERATE = f"""
INSERT INTO events (workspace_id, event_id, name, customer_id, occurred_at, received_at, source, source_id, type,
                    user_id, sent_at, properties, context)
SELECT {{workspace:UInt32}}, reinterpretAsUUID(sipHash128(number, {{s:UInt64}})),
       if(cityHash64(number, {{s:UInt64}}, 2) % 2 = 0, 'page_viewed',
          'Event ' || toString(1 + cityHash64(number, {{s:UInt64}}, 3) % 29)) AS name,
       {CUSTOMER}, toDateTime64({int(SINCE.timestamp())} + number * {{step:Float64}}, 3, 'UTC') AS occurred_at,
       occurred_at, 'capture', 1, if(name = 'page_viewed', 'page', 'track'),
       'user-' || toString(cityHash64(number, {{s:UInt64}}, 1) % {{customers:UInt64}}), occurred_at,
       '{{"product_id":' || toString(cityHash64(number, {{s:UInt64}}, 4) % 5000) || ',"revenue":'
           || toString(cityHash64(number, {{s:UInt64}}, 5) % 20000 / 100) || ',"channel":"'
           || ['web', 'app', 'email', 'shop'][1 + cityHash64(number, {{s:UInt64}}, 6) % 4] || '"}}',
       '{{"library":{{"name":"analytics-python","version":"2.4.0"}},"locale":"'
           || ['en-GB', 'pl-PL', 'ru-RU', 'uk-UA', 'zh-TW'][1 + cityHash64(number, {{s:UInt64}}, 7) % 5] || '"}}'
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
BARE = """
SELECT toDate(occurred_at, '{zone}') AS day, count() FROM events
WHERE workspace_id = {workspace} AND occurred_at >= '2024-07-01 00:00:00' AND occurred_at < '2025-07-01 00:00:00'{named}
GROUP BY day ORDER BY day
"""
COLUMNS = """
SELECT column, sum(column_data_compressed_bytes) AS packed, sum(column_data_uncompressed_bytes)
FROM system.parts_columns WHERE database = currentDatabase() AND table = 'events' AND active
GROUP BY column ORDER BY packed DESC
"""
PARTS = """
SELECT count(), sum(rows), sum(bytes_on_disk), sum(secondary_indices_compressed_bytes) FROM system.parts
WHERE database = currentDatabase() AND table = 'events' AND active
"""
PROJECTIONS = """
SELECT name, sum(bytes_on_disk) AS packed FROM system.projection_parts
WHERE database = currentDatabase() AND table = 'events' AND active
GROUP BY name ORDER BY packed DESC
"""


def main() -> int:
    from bench.report import Report, arguments, installation

    options = arguments(__doc__)
    events, customers = (200_000, 2_000) if options.small else (EVENTS, CUSTOMERS)
    with installation() as directory:
        from cxm.testing.cast import make_user, make_workspace

        user = make_user()
        workspace = make_workspace(owner=user, time_zone=ZONE)
        asked = {"workspace": workspace.pk, "s": options.seed, "customers": customers}
        generate(events, asked)
        sizes(directory, events)
        report = Report("log", small=options.small)
        pages(report, workspace, user, asked)
        trends(report, workspace, rounds=1 if options.small else 5)
    return report.exit_code


def generate(events: int, asked: dict[str, Any]) -> None:
    from cxm.record.eventlog.engine import engine

    started = time.perf_counter()
    step = (UNTIL - SINCE).total_seconds() / events
    for first in range(0, events, BLOCK):
        with engine().client() as client:
            client.command(
                GENERATE, parameters={**asked, "step": step, "first": first, "count": min(BLOCK, events - first)},
                settings={"max_threads": 1, "max_insert_threads": 1, "min_insert_block_size_bytes": 0,
                          "min_insert_block_size_rows": BLOCK},
            )  # fmt: skip
        taken = time.perf_counter() - started
        print(f"# {min(first + BLOCK, events):,} events in {taken:.0f} s", file=sys.stderr, flush=True)
    print(f"# {events:,} events made in {time.perf_counter() - started:.0f} s", flush=True)


def sizes(directory: Path, events: int) -> None:
    from cxm.record.eventlog.engine import engine

    with engine().client() as client:
        [(parts, rows, whole, indexes)] = client.query(PARTS).result_rows
        projections = client.query(PROJECTIONS).result_rows
        columns = client.query(COLUMNS).result_rows
    assert rows == events, f"{events} events were made, {rows} are in the log"
    disk = sum(file.stat().st_size for file in (directory / "eventlog").rglob("*") if file.is_file())
    print(f"# {parts} parts, {whole / 1e9:.2f} GB, {whole / rows:.1f} bytes an event; on disk {disk / 1e9:.2f} GB")
    for projection, packed in projections:
        print(f"# of that, the projection {projection} {packed / 1e9:.2f} GB")
    print(f"# of that, other indexes {indexes / 1e9:.2f} GB")
    for column, packed, unpacked in columns:
        print(f"# {column} {packed / 1e9:.3f} GB, {packed / rows:.2f} bytes an event, unpacked {unpacked / 1e9:.2f} GB")


def pages(report: Any, workspace: Any, user: Any, asked: dict[str, Any]) -> None:
    """The page of some customers, each for the first time."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from cxm.record.customers.models import Customer
    from cxm.record.customers.queries import kinds_of_events
    from cxm.record.eventlog.engine import engine

    settings.ALLOWED_HOSTS = ["*"]
    with engine().client() as client:
        ids = [
            row[0]
            for row in client.query(f"SELECT {CUSTOMER} FROM numbers({LOOKED_AT + 1})", parameters=asked).result_rows
        ]
    browser = Client()
    browser.force_login(user)
    seconds, counted = [], []
    for number, customer_id in enumerate(ids):
        customer = Customer.objects.create(pk=customer_id, workspace=workspace, name=f"Customer {number}")
        started = time.perf_counter()
        reply = browser.get(reverse("customers:show", args=[workspace.slug, customer.pk]))
        taken = time.perf_counter() - started
        assert reply.status_code == 200, reply.status_code
        if number:  # the first one loads templates and the like
            seconds.append(taken)
            counted.append(sum(one.n for one in kinds_of_events(workspace, [customer_id])))
    assert min(counted) > 0
    print(f"# customers have {min(counted)} to {max(counted)} events; slowest page {max(seconds) * 1000:.0f} ms")
    report.line("customer page", statistics.median(seconds) * 1000, bound=300, unit="ms")


def trends(report: Any, workspace: Any, rounds: int) -> None:
    from bench.report import in_turn
    from cxm.record.eventlog.engine import engine
    from cxm.record.eventlog.scope import Scope
    from cxm.understand.metrics.queries import trend

    scope = Scope(workspace.pk, ZONE, SINCE, UNTIL)

    def ours(options: dict[str, Any]) -> Callable[[], list[float | None]]:
        return lambda: [figure.value for figure in trend("events", scope, grain="day", options=options).figures]

    def bare(named: str) -> Callable[[], list[float]]:
        sql = BARE.format(zone=ZONE, workspace=workspace.pk, named=named)

        def run() -> list[float]:
            with engine().client() as client:
                return [float(row[1]) for row in client.query(sql).result_rows]

        return run

    for what, name in (("an event", "Event 7"), ("page views", "page_viewed"), ("all events", "")):
        mine = ours({"name": (name,)} if name else {})
        theirs = bare(f" AND name = '{name}'" if name else "")
        assert [n for n in mine() if n] == theirs(), what  # a day without any is a row of ours only
        figure, baseline = in_turn([mine, theirs], rounds=rounds)
        report.line(f"trend of {what}", figure, baseline, bound=1.5)


if __name__ == "__main__":
    sys.exit(main())
