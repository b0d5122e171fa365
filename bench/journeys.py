"""Journeys from the table of steps, beside retentioneering 5, pm4py, polars and plain SQL over the events.

10 million seeded events of about a million customers go straight into `events`; a process over all of them is built as
the product builds it, then further events come late and out of order and are taken in. Each question of the product
must give what the naive answer gives (plain SQL with window functions over the events), and is asked in a process of
its own, whose peak of memory counts. The limit is a numpy pass over arrays that lie sorted in memory. Each peer reads
the log once and has its own time; what is not installed or does not answer in it is left out, and said to be. The
funnel of retentioneering knows no time limit, so its figure has no bound. `--full` takes 100 million events and leaves
the peers out. All of it takes about five minutes on two idle cores; `--data DIR` keeps the log, so that `--parts` can
be asked one by one:

    python -m bench.journeys --data /tmp/log --parts
    python -m bench.journeys --data /tmp/log --parts ours retentioneering
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

EVENTS, MANY = 10_000_000, 100_000_000
WORKSPACE = 7
LABELS = 20
DAYS = 120
STEPS = ("step 00", "step 01", "step 02", "step 03")
WITHIN_S = 7 * 86_400
LATE = 1_000  # events that come when everything is built

# cityHash64 of the row's number and a salt is its random source. A square makes some customers busy and most not, and
# some steps frequent; the same rows on every run and every engine.
SEED = "{seed:UInt64}"
SHARE = "(cityHash64(number, {s}, {salt}) % 1000003 / 1000003)"
GENERATE = f"""
INSERT INTO events (workspace_id, event_id, name, customer_id, occurred_at, received_at, source, properties)
SELECT {WORKSPACE}, reinterpretAsUUID(sipHash128(number, {SEED})),
       'step ' || leftPad(toString(toUInt8({LABELS} * pow({SHARE.format(s=SEED, salt=1)}, 2))), 2, '0'),
       reinterpretAsUUID(sipHash128(toUInt32({{people:UInt64}} * pow({SHARE.format(s=SEED, salt=2)}, 2)), {SEED})),
       toDateTime64(1767225600 + (cityHash64(number, {SEED}, 3) % {DAYS * 86_400_000}) / 1000, 3, 'UTC'),
       now64(3), 'import', '{{}}'
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
ORDERED = f"""(SELECT customer_id, name, occurred_at,
    leadInFrame(name) OVER w AS following, leadInFrame(occurred_at) OVER w AS then_at, row_number() OVER w AS number
    FROM events WHERE workspace_id = {WORKSPACE}
    WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at, event_id
                 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))"""
TESTS = ", ".join(f"name = '{one}'" for one in STEPS)
PLAIN = {
    "matrix": f"SELECT name, following, count() AS n FROM {ORDERED} GROUP BY name, following",
    "sankey": f"SELECT number, name, following, count() AS n FROM {ORDERED} WHERE number <= 5"
              " GROUP BY number, name, following",
    "paths": "SELECT way, count() AS n FROM (SELECT arrayStringConcat(arrayMap(x -> x.3, arraySort(groupArray("
             "(occurred_at, event_id, CAST(name, 'String'))))), '>') AS way FROM events"
             f" WHERE workspace_id = {WORKSPACE} GROUP BY customer_id) GROUP BY way ORDER BY n DESC, way LIMIT 20",
    "times": f"SELECT name, following, count() AS n, quantileExactInclusive(0.5)(toInt64(dateDiff('millisecond',"
             f" occurred_at, then_at))) / 1000 FROM {ORDERED} WHERE following != '' GROUP BY name, following",
    "funnel": f"SELECT level, count() FROM (SELECT windowFunnel({WITHIN_S * 1000})(toUInt64(toUnixTimestamp64Milli("
              f"occurred_at)), {TESTS}) AS level FROM events WHERE workspace_id = {WORKSPACE} GROUP BY customer_id)"
              " WHERE level > 0 GROUP BY level",
}  # fmt: skip
BOUNDS = {"matrix": 0.4, "sankey": 0.4, "paths": 0.4, "times": 0.8, "funnel": 0.5}  # seconds
PATIENCE_S = 150  # of one peer, from reading the log to its last answer
RETE = "retentioneering"
AHEAD = {(RETE, "matrix"): 15.0, (RETE, "times"): 15.0, (RETE, "sankey"): 3.0, (RETE, "funnel"): 0.0}  # times; else 1


def main() -> int:
    from bench.report import Report

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="a small load that checks the path, not the bound")
    parser.add_argument("--full", action="store_true", help="100 million events, without the peers")
    parser.add_argument("--events", type=int, default=0, help="another number of events")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the generated load")
    parser.add_argument("--data", type=Path, help="keep the log in this directory; the one that lies there is asked")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, help="only these; without one, only build")
    parser.add_argument("--patience", type=int, default=PATIENCE_S, help="seconds that each peer has")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask or options.peer:
        return child(options)
    events = options.events or (100_000 if options.small else MANY if options.full else EVENTS)
    report = Report("journeys", small=options.small)
    with nullcontext(options.data) if options.data else tempfile.TemporaryDirectory(prefix="cxm-bench-") as directory:
        os.environ["CXM_DATA_DIR"] = str(directory)  # never the data of an installation
        os.environ.pop("CXM_EVENTLOG_URL", None)
        if not (kept := Path(directory) / "built").exists():
            prepare(events, options.seed, report, Path(directory))
            kept.touch()
        for part in options.parts:
            if part == OURS:
                beside_plain_sql(report, Path(directory), full=options.full)
            elif not options.full:
                beside_peer(report, part, Path(directory), options.patience)
    return report.exit_code


def beside_plain_sql(report: Any, directory: Path, *, full: bool) -> None:
    limits = {} if full else numpy_limits(directory)
    for name, bound in BOUNDS.items():
        ours, plain = answer(name, "ours"), answer(name, "plain")
        assert ours["rows"] == plain["rows"], f"{name} differs from the naive answer"
        report.line(name, ours["seconds"], bound=5.0 if full else bound)
        print(f"journeys.{name}.cpu figure={ours['cpu']:.3f}s")
        print(f"journeys.{name}.plain figure={plain['seconds']:.3f}s, {plain['memory']:.0f}MB")
        report.line(f"{name}.memory", ours["memory"], bound=700, unit="MB")
        if name in limits:
            print(f"journeys.{name}.numpy figure={limits[name]:.3f}s (the limit)")


def setup() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "cxm.settings"
    import django

    django.setup()


def prepare(events: int, seed: int, report: Any, directory: Path) -> None:
    """The log, the process and its steps, the late events; then the merges that the engine does within minutes."""
    setup()
    from django.core.management import call_command

    from cxm.accounts.models import Workspace
    from cxm.record.eventlog.engine import close_engine, engine
    from cxm.understand.journeys.definition import ProcessDefinition
    from cxm.understand.journeys.steps.actions import create_process
    from cxm.understand.journeys.steps.building import StepKeeper, build_steps

    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(pk=WORKSPACE, name="Bench", slug="bench")
    people = max(events // 10, 1)
    part = 1_000_000
    with engine().client() as client:
        for first in range(0, events - LATE, part):
            count = min(part, events - LATE - first)
            client.command(GENERATE, parameters={"seed": seed, "first": first, "count": count, "people": people})
    process = create_process(workspace=workspace, name="All", definition=ProcessDefinition(), by=None)
    started = time.perf_counter()
    build_steps(process)
    took = time.perf_counter() - started
    print(f"journeys.build figure={took:.1f}s, {events / took:,.0f} events/s, peak of memory {peak():.0f} MB")
    keeper = StepKeeper("bench", alone=True)
    keeper.catch_up()
    with engine().client() as client:
        client.command("OPTIMIZE TABLE steps FINAL")
        client.command(GENERATE, parameters={"seed": seed, "first": events - LATE, "count": LATE, "people": people})
    started = time.perf_counter()
    keeper.catch_up()
    report.line("late_events", time.perf_counter() - started, bound=30 if events > EVENTS else 5)
    with engine().client() as client:
        client.command("OPTIMIZE TABLE steps FINAL")
        if events <= EVENTS:
            data = client.raw_query(
                "SELECT toUInt32(dense_rank() OVER (ORDER BY customer_id)) AS person,"
                f" toUInt8(substring(name, 6)) AS code, toUnixTimestamp64Milli(occurred_at) AS at FROM events"
                f" WHERE workspace_id = {WORKSPACE} ORDER BY person, occurred_at, event_id",
                fmt="Parquet",
            )
            (directory / "log.parquet").write_bytes(data)
    close_engine()


def peak() -> float:
    """Megabytes that this process has had in memory at most; getrusage would count those of the parent before exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def answer(name: str, how: str) -> dict[str, Any]:
    """Asked in a process of its own: rows, seconds (the median of five), cpu seconds, peak of memory in MB."""
    return run_child("--ask", f"{name}:{how}")


def run_child(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.journeys", *arguments], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def child(options: argparse.Namespace) -> int:
    if options.peer:
        questions = PEERS[options.peer]()
        for name in ASKED[options.peer]:
            Path("/proc/self/clear_refs").write_text("5")  # from here on, `peak` is that of this question
            tell(name, measured(questions[name], rounds=1))
    else:
        name, _, how = options.ask.partition(":")
        setup()
        run = our_question(name) if how == "ours" else plain_question(name)
        run()  # opens the log
        tell(name, measured(run, rounds=5))
    os._exit(0)


def measured(run: Callable[[], Any], *, rounds: int) -> dict[str, Any]:
    times, began, rows = [], time.process_time(), None
    for _round in range(rounds):
        started = time.perf_counter()
        rows = run()
        times.append(time.perf_counter() - started)
    return {
        "seconds": statistics.median(times), "cpu": (time.process_time() - began) / rounds, "memory": peak(),
        "rows": sorted(rows or []),
    }  # fmt: skip


def tell(name: str, found: dict[str, Any]) -> None:
    print(json.dumps({"name": name, **found}), flush=True)


def our_question(name: str) -> Callable[[], list[Any]]:
    from cxm.record.eventlog.scope import Scope
    from cxm.understand.journeys.models import Process
    from cxm.understand.journeys.steps import funnels, queries

    process, scope = Process.objects.get(workspace=WORKSPACE), Scope(WORKSPACE)

    def funnel() -> list[Any]:
        reached = [one.n for one in funnels.funnel(process, scope, STEPS, within_s=WITHIN_S).rows]
        return [[k + 1, n - (reached[k + 1] if k + 1 < len(reached) else 0)] for k, n in enumerate(reached)]

    return {
        "matrix": lambda: [
            [one.label, one.next, one.n] for one in queries.transitions(process, scope, times=False).rows
        ],
        "sankey": lambda: [[one.number, one.label, one.next, one.n] for one in queries.sankey(process, scope).rows],
        "paths": lambda: sizes([(">".join(one.labels), one.n) for one in queries.variants(process, scope).rows]),
        "times": lambda: [
            [one.label, one.next, one.n, round(one.median_s or 0, 6)]
            for one in queries.transitions(process, scope).rows if one.next
        ],
        "funnel": lambda: [one for one in funnel() if one[1]],
    }[name]  # fmt: skip


def plain_question(name: str) -> Callable[[], list[Any]]:
    from cxm.record.eventlog.engine import engine

    def run() -> list[Any]:
        with engine().client() as client:
            rows = [list(row) for row in client.query(PLAIN[name]).result_rows]
        if name == "paths":
            return sizes([(row[0], row[1]) for row in rows])
        return [[round(one, 6) if isinstance(one, float) else one for one in row] for row in rows]

    return run


def sizes(ways: list[tuple[str, int]]) -> list[Any]:
    """Of the twentieth there may be several of one size, and which of them is told is chance: those are left out."""
    last = min((n for _way, n in ways), default=0)
    return [[way, n] for way, n in ways if n > last]


def numpy_limits(directory: Path) -> dict[str, float]:
    """Seconds of one pass over arrays that lie sorted in memory: nothing that reads a table can be faster."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(directory / "log.parquet")
    person, code, at = (table.column(name).to_numpy() for name in ("person", "code", "at"))

    def matrix() -> None:
        same = person[1:] == person[:-1]
        np.bincount((code[:-1].astype(np.int32) * LABELS + code[1:])[same], minlength=LABELS * LABELS)

    def times() -> None:
        same = person[1:] == person[:-1]
        pairs = (code[:-1].astype(np.int32) * LABELS + code[1:])[same]
        gaps = np.diff(at)[same]
        ends = np.cumsum(np.bincount(pairs, minlength=LABELS * LABELS))
        for some in np.split(gaps[np.argsort(pairs, kind="stable")], ends[:-1]):
            if len(some):
                np.median(some)

    found = {}
    for name, run in (("matrix", matrix), ("times", times)):
        started = time.perf_counter()
        run()
        found[name] = time.perf_counter() - started
    return found


def beside_peer(report: Any, tool: str, directory: Path, patience: int) -> None:
    answers, problem = peer_answers(tool, directory, patience)
    for name in ASKED[tool]:
        if name not in answers:
            print(f"journeys.{tool}.{name} left out: {problem}")
            continue
        ours, theirs = answer(name, "ours"), answers[name]
        print(f"journeys.{tool}.{name}.memory figure={theirs['memory']:.0f}MB")
        bound = AHEAD.get((tool, name), 1.0)
        report.line(f"{tool}.{name}", theirs["seconds"], ours["seconds"], bound=bound, at_least=True)


def peer_answers(tool: str, directory: Path, patience: int) -> tuple[dict[str, Any], str]:
    """What the peer answered in its time, one process for all its questions; and why it did not answer the others."""
    said, wrong = directory / f"{tool}.out", directory / f"{tool}.err"
    with said.open("w") as out, wrong.open("w") as err:
        process = subprocess.Popen([sys.executable, "-m", "bench.journeys", "--peer", tool], stdout=out, stderr=err)
        try:
            process.wait(patience)
            lines = wrong.read_text().strip().splitlines()
            problem = lines[-1] if lines else f"it ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            problem = f"no answer within {patience} s"
    found = [json.loads(line) for line in said.read_text().splitlines() if line.startswith('{"name"')]
    return {one["name"]: one for one in found}, problem


def frame() -> Any:
    """The log as both libraries want it, made outside of the measured time."""
    import pandas as pd

    table = pd.read_parquet(Path(os.environ["CXM_DATA_DIR"]) / "log.parquet")
    names = pd.array([f"step {code:02d}" for code in range(LABELS)], dtype="str")
    return pd.DataFrame({
        "user_id": table["person"], "event": names.take(table["code"].to_numpy()),
        "timestamp": pd.to_datetime(table["at"], unit="ms"),
    })  # fmt: skip


def retentioneering() -> dict[str, Callable[[], Any]]:
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"
    import retentioneering as rete

    stream = rete.Eventstream(frame())
    return {
        "matrix": lambda: stream.transition_graph_data("count") is None,
        "times": lambda: stream.transition_graph_data("time_median") is None,
        "sankey": lambda: stream.step_sankey_data(max_steps=6) is None,
        "funnel": lambda: stream.funnel_data(steps=list(STEPS)) is None,
    }


def process_mining() -> dict[str, Callable[[], Any]]:
    import pm4py

    table = pm4py.format_dataframe(frame(), case_id="user_id", activity_key="event", timestamp_key="timestamp")
    return {
        "matrix": lambda: pm4py.discover_dfg(table) is None,
        "times": lambda: pm4py.discover_performance_dfg(table) is None,
        "paths": lambda: pm4py.get_variants(table) is None,
    }


def polars() -> dict[str, Callable[[], Any]]:
    import polars as pl

    table = pl.read_parquet(Path(os.environ["CXM_DATA_DIR"]) / "log.parquet").sample(fraction=1, shuffle=True, seed=1)

    def ordered() -> Any:
        return table.lazy().sort("person", "at").with_columns(
            pl.col("code").shift(-1).over("person").alias("next"),
            (pl.col("at").shift(-1).over("person") - pl.col("at")).alias("gap"),
            pl.col("code").cum_count().over("person").alias("number"),
        )  # fmt: skip

    return {
        "matrix": lambda: ordered().group_by("code", "next").len().collect() is None,
        "sankey": lambda: ordered().filter(pl.col("number") < 6).group_by("number", "code", "next").len().collect()
        is None,
        "times": lambda: ordered().group_by("code", "next").agg(pl.col("gap").median()).collect() is None,
        "paths": lambda: table.lazy().sort("person", "at").group_by("person").agg(pl.col("code")).group_by("code")
        .len().sort("len", descending=True).head(20).collect() is None,
    }  # fmt: skip


PEERS: dict[str, Callable[[], dict[str, Callable[[], Any]]]] = {
    RETE: retentioneering, "pm4py": process_mining, "polars": polars,
}  # fmt: skip
ASKED = {
    RETE: ("matrix", "times", "sankey", "funnel"),
    "pm4py": ("matrix", "times", "paths"),
    "polars": ("matrix", "times", "sankey", "paths"),
}
OURS = "ours"
PARTS = (OURS, *PEERS)

if __name__ == "__main__":
    sys.exit(main())
