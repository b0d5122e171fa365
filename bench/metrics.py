"""Metrics through the public API against plain SQL on the same engine, and the home board against a tuned PostgreSQL.

10 million answers over 24 months: half NPS, half CSAT, 8 segments (a property), 6 channels, 200 000 customers. They go
straight into `feedback` (`INSERT … SELECT` from `numbers`), whose materialised view fills the roll-up; writing them as
events first would only measure the reading of JSON. Plain SQL is what one would write by hand for the same numbers in
the same time zone, without intervals, n or a check of scales. PostgreSQL gets the same rows by COPY, statistics on the
grouped columns, ANALYZE and parallel workers.

In the end `cxm serve` gets the same log, with an event behind each answer, and is left alone, then asked all of it over
HTTP again and again: the most that its process ever has in memory meanwhile counts, not what it has in between.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import Report, arguments, in_turn
from cxm.testing.site import Site

ROWS = 10_000_000
WORKSPACE = 7
CALM = 70  # seconds that the server is left alone: longer than its clocks take to tidy up once
ROUNDS = 5  # of all questions over HTTP
ZONE = "Europe/Kyiv"
SINCE, UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = int((UNTIL - SINCE).total_seconds())

# cityHash64 of the row's number and a salt is its random source: the same rows on every run and every engine.
GENERATE = f"""
INSERT INTO feedback (workspace_id, event_id, customer_id, occurred_at, import_id, metric, question, scale, score,
                      weight, response_id, survey, channel, touchpoint, language, comment, properties)
SELECT {WORKSPACE}, reinterpretAsUUID(sipHash128(number, {{s:UInt64}})),
       reinterpretAsUUID(sipHash128(cityHash64(number, {{s:UInt64}}, 1) % 200000)),
       toDateTime64({int(SINCE.timestamp())} + cityHash64(number, {{s:UInt64}}, 2) % {SECONDS}, 3, 'UTC'),
       toUUID('00000000-0000-0000-0000-000000000000'),
       if(number % 2 = 0, 'nps', 'csat'), if(number % 2 = 0, 'nps', 'csat'), if(number % 2 = 0, '0-10', '1-5'),
       if(number % 2 = 0, least(10, cityHash64(number, {{s:UInt64}}, 3) % 14),
          least(5, 1 + cityHash64(number, {{s:UInt64}}, 3) % 8)),
       0.5 + cityHash64(number, {{s:UInt64}}, 4) % 100 / 100,
       '', 'relationship',
       ['email', 'web', 'app', 'sms', 'chat', 'phone'][1 + cityHash64(number, {{s:UInt64}}, 5) % 6],
       ['checkout', 'delivery', 'support', 'billing'][1 + cityHash64(number, {{s:UInt64}}, 6) % 4],
       ['en', 'pl', 'ru', 'uk', 'zh'][1 + cityHash64(number, {{s:UInt64}}, 7) % 5], '',
       CAST('{{"segment":"s' || toString(1 + cityHash64(number, {{s:UInt64}}, 8) % 8) || '"}}',
            'JSON(max_dynamic_paths = 512)')
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
# What the server mends after a crash is an answer without its event.
GENERATE_EVENTS = """
INSERT INTO events (workspace_id, event_id, name, customer_id, occurred_at, source, properties)
SELECT workspace_id, event_id, 'answer_given', customer_id, occurred_at, 'import',
       concat('{"metric":"', metric, '","question":"', question, '","scale":"', scale, '","score":', toString(score),
              ',"survey":"', survey, '","channel":"', channel, '","properties":', toString(properties), '}')
FROM feedback
"""
GIVEN = f"""
import json
from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Workspace
workspace = Workspace.objects.create(pk={WORKSPACE}, name="Answers", slug="answers", time_zone="{ZONE}")
print(json.dumps(create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="load", by=None)[1]))
"""
# A server that finds a log of which it does not know whether it ended well looks through all of it first.
LOOKED_THROUGH = """
import json
from cxm.record.eventlog.models import LogCheckpoint
print(json.dumps(LogCheckpoint.objects.filter(name="repair").exists()))
"""
PERIOD = "since=2024-01-01T00:00:00Z&until=2026-01-01T00:00:00Z"
ASKED = [
    f"nps?{PERIOD}&grain=month&by=property.segment",
    f"csat?{PERIOD}&grain=month&by=property.segment",
    f"nps?{PERIOD}&grain=week&filter=property.segment:is:s3&filter=channel:is:email",
    f"respondents?{PERIOD}&by=property.segment&kind=nps",
    f"median_score?{PERIOD}&by=property.segment&kind=nps",
    f"nps?{PERIOD}&grain=month",
    f"csat?{PERIOD}&grain=month",
]
SCOPE_SQL = (
    f"workspace_id = {WORKSPACE} AND occurred_at >= '2024-01-01 00:00:00' AND occurred_at < '2026-01-01 00:00:00'"
)
PLAIN = {
    "nps_month_segment": f"""
        SELECT toStartOfMonth(occurred_at, '{ZONE}') AS month, toString(properties.segment) AS segment,
               100 * (countIf(score >= 9) - countIf(score <= 6)) / count() AS nps
        FROM feedback WHERE {SCOPE_SQL} AND metric = 'nps' GROUP BY month, segment ORDER BY month, segment""",
    "csat_month_segment": f"""
        SELECT toStartOfMonth(occurred_at, '{ZONE}') AS month, toString(properties.segment) AS segment,
               100 * countIf(score >= 4) / count() AS csat
        FROM feedback WHERE {SCOPE_SQL} AND metric = 'csat' GROUP BY month, segment ORDER BY month, segment""",
    "nps_week_one_segment_channel": f"""
        SELECT toMonday(occurred_at, '{ZONE}') AS week,
               100 * (countIf(score >= 9) - countIf(score <= 6)) / count() AS nps
        FROM feedback WHERE {SCOPE_SQL} AND metric = 'nps' AND properties.segment = 's3' AND channel = 'email'
        GROUP BY week ORDER BY week""",
    "customers_and_medians_segment": f"""
        SELECT toString(properties.segment) AS segment, uniqExact(customer_id) AS customers, quantileExact(0.5)(score)
        FROM feedback WHERE {SCOPE_SQL} AND metric = 'nps' GROUP BY segment ORDER BY segment""",
}
POSTGRES_BOARD = [
    f"""SELECT date_trunc('month', occurred_at AT TIME ZONE '{ZONE}') AS month,
               count(*) FILTER (WHERE score >= 9), count(*) FILTER (WHERE score <= 6), count(*)
        FROM feedback WHERE metric = 'nps' GROUP BY 1 ORDER BY 1""",
    f"""SELECT date_trunc('month', occurred_at AT TIME ZONE '{ZONE}') AS month,
               count(*) FILTER (WHERE score >= 4), count(*)
        FROM feedback WHERE metric = 'csat' GROUP BY 1 ORDER BY 1""",
]


def main() -> int:
    options = arguments(__doc__)
    rows = 100_000 if options.small else ROWS
    with tempfile.TemporaryDirectory(prefix="cxm-bench-") as directory:
        os.environ["CXM_DATA_DIR"] = f"{directory}/data"  # never the data of an installation
        os.environ.pop("CXM_EVENTLOG_URL", None)
        site = Site(Path(directory) / "data", servers=False)
        site.install()
        key = site.ask(GIVEN)
        os.environ["DJANGO_SETTINGS_MODULE"] = "cxm.settings"
        import django

        django.setup()
        generate(rows, options.seed)
        report = Report("metrics", small=options.small)
        for name, ours in questions().items():
            check(name, ours)
            figure, baseline = in_turn([ours, plain(PLAIN[name])], rounds=1 if options.small else 9)
            report.line(name, figure, baseline, bound=1.3)
        board_seconds = median_seconds(board, 2 if options.small else 15)
        report.line("home_board", board_seconds, bound=0.05)
        postgres_seconds = on_postgres(Path(directory), rows, 1 if options.small else 3)
        report.line("postgres_over_home_board", postgres_seconds, board_seconds, bound=15, at_least=True)
        from cxm.record.eventlog.engine import engine

        with engine().client() as client:
            client.command(GENERATE_EVENTS)
            client.command("OPTIMIZE TABLE events FINAL")
        engine().close()
        serve_memory(report, site, key)
    return report.exit_code


def generate(rows: int, seed: int) -> None:
    """Ten inserts, as ten imports would, then the merges that the engine does by itself within minutes."""
    from cxm.record.eventlog.engine import engine

    started = time.perf_counter()
    part = max(rows // 10, 1)
    with engine().client() as client:
        for first in range(0, rows, part):
            client.command(GENERATE, parameters={"s": seed, "first": first, "count": min(part, rows - first)})
        for table in ("feedback", "feedback_rollup"):
            client.command(f"OPTIMIZE TABLE {table} FINAL")
        ((scored, kept),) = client.query(
            "SELECT (SELECT count() FROM feedback), (SELECT count() FROM feedback_rollup)"
        ).result_rows
    print(f"# {scored} answers, {kept} rows of roll-up, made in {time.perf_counter() - started:.0f} s", flush=True)


def questions() -> dict[str, Callable[[], Any]]:
    from cxm.record.eventlog.scope import Filter, Scope
    from cxm.understand.metrics.queries import measure

    scope = Scope(WORKSPACE, ZONE, SINCE, UNTIL)
    one = scope.where(Filter("property.segment", "is", ("s3",)), Filter("channel", "is", ("email",)))
    return {
        "nps_month_segment": lambda: measure("nps", scope, grain="month", by="property.segment"),
        "csat_month_segment": lambda: measure("csat", scope, grain="month", by="property.segment"),
        "nps_week_one_segment_channel": lambda: measure("nps", one, grain="week"),
        "customers_and_medians_segment": lambda: (
            measure("respondents", scope, by="property.segment", kind="nps"),
            measure("median_score", scope, by="property.segment", kind="nps"),
        ),
    }


def plain(sql: str) -> Callable[[], Any]:
    from cxm.record.eventlog.engine import engine

    def run() -> Any:
        with engine().client() as client:
            return client.query(sql).result_rows

    return run


def check(name: str, ours: Callable[[], Any]) -> None:
    """The two ways must give the same numbers, or their times mean nothing."""
    found = ours()
    expected = plain(PLAIN[name])()
    if name == "customers_and_medians_segment":
        customers, medians = found
        got = [(one.by, one.value, two.value) for one, two in zip(customers, medians, strict=True)]
        assert got == [(segment, float(n), float(middle)) for segment, n, middle in expected], (got, expected)
        return
    assert [round(figure.value, 9) for figure in found] == [round(row[-1], 9) for row in expected], name


def board() -> None:
    """What the home board shows of answers: two years of NPS and CSAT by month, the newest change of each, judged."""
    from cxm.record.eventlog.scope import Scope
    from cxm.understand.metrics.queries import judge, trend

    scope = Scope(WORKSPACE, ZONE, SINCE, UNTIL)
    tiles = [trend(metric, scope, grain="month") for metric in ("nps", "csat")]
    judge([tile.change for tile in tiles if tile.change])


def median_seconds(run: Callable[[], Any], rounds: int) -> float:
    taken = []
    for _round in range(rounds):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def on_postgres(directory: Path, rows: int, rounds: int) -> float:
    """Seconds for the home board's two questions on a tuned PostgreSQL with the same rows."""
    import psycopg

    from cxm.testing.engines import postgres

    place = directory / "postgres-bench"
    place.mkdir()
    directory.chmod(0o755)
    with postgres(place) as server, psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            "CREATE UNLOGGED TABLE feedback (occurred_at timestamptz NOT NULL, metric text NOT NULL,"
            " segment text NOT NULL, channel text NOT NULL, customer_id uuid NOT NULL, score real)"
        )
        copy_rows(connection, rows)
        connection.execute(
            f"CREATE STATISTICS by_month ON (date_trunc('month', occurred_at AT TIME ZONE '{ZONE}')), metric"
            " FROM feedback"
        )
        connection.execute("VACUUM ANALYZE feedback")
        connection.execute("SET max_parallel_workers_per_gather = 4")
        connection.execute("SET min_parallel_table_scan_size = 0")
        connection.execute("SET work_mem = '256MB'")
        connection.execute("SET jit = off")
        return median_seconds(lambda: [connection.execute(sql).fetchall() for sql in POSTGRES_BOARD], rounds)


def serve_memory(report: Report, site: Site, key: str) -> None:
    """The most that the server's process holds while it is left alone, before and after, and while it is asked."""
    calm, rounds = (5, 1) if report.small else (CALM, ROUNDS)
    site.start()
    try:
        assert site.process is not None
        process = Path(f"/proc/{site.process.pid}")
        while not site.ask(LOOKED_THROUGH):
            time.sleep(1)
        time.sleep(calm)
        idle = [peak_mb(process, lambda: time.sleep(calm))]
        asked = peak_mb(process, lambda: read_all(site, key, rounds))
        time.sleep(calm)
        idle.append(peak_mb(process, lambda: time.sleep(calm)))
    finally:
        site.kill()
    report.line("serve_memory", asked, bound=700, unit="MB")
    report.line("serve_memory_idle", max(idle), bound=400, unit="MB")


def peak_mb(process: Path, do: Callable[[], object]) -> float:
    """The most that a process of this machine has in memory while `do` runs, in MB."""
    (process / "clear_refs").write_text("5")  # from here on, the peak is that of `do`
    do()
    return int((process / "status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def read_all(site: Site, key: str, rounds: int) -> None:
    for address in ASKED * rounds:
        request = urllib.request.Request(
            site.url(f"/api/v1/metrics/{address}"), headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            assert json.loads(reply.read())["figures"]


def copy_rows(connection: Any, rows: int) -> None:
    from cxm.record.eventlog.engine import engine

    part = 500_000
    columns = "toString(occurred_at) || '+00', metric, toString(properties.segment), channel, customer_id, score"
    with engine().client() as client, connection.cursor().copy("COPY feedback FROM STDIN") as copy:
        for first in range(0, rows, part):
            copy.write(
                client.raw_query(
                    f"SELECT {columns} FROM feedback ORDER BY workspace_id, metric, question, occurred_at, event_id"
                    f" LIMIT {part} OFFSET {first}",
                    fmt="TabSeparated",
                )
            )


if __name__ == "__main__":
    sys.exit(main())
