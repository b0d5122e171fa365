"""Import of a service desk log beside `pandas.read_csv`: time, and memory as the file grows.

The load is shared/data/incident_log where it lies beside the repository, else a generated file of the same shape.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import Report, arguments, in_turn

REAL = Path(__file__).parents[2] / "shared" / "data" / "incident_log" / "incident_event_log.csv.gz"
DATES = ["opened_at", "sys_created_at", "sys_updated_at", "resolved_at", "closed_at"]
FORM = "%d/%m/%Y %H:%M"
HEADER = [
    "number",
    "incident_state",
    "active",
    "reassignment_count",
    "reopen_count",
    "sys_mod_count",
    "made_sla",
    "caller_id",
    "opened_by",
    "opened_at",
    "sys_created_by",
    "sys_created_at",
    "sys_updated_by",
    "sys_updated_at",
    "contact_type",
    "location",
    "category",
    "subcategory",
    "u_symptom",
    "cmdb_ci",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "knowledge",
    "u_priority_confirmation",
    "notify",
    "problem_id",
    "rfc",
    "vendor",
    "caused_by",
    "closed_code",
    "resolved_by",
    "resolved_at",
    "closed_at",
]
ROWS = 141_712
MEMORY_BOUND = 300  # MB that ten times the rows may take more: merges of the engine, which reach their size once


def generate(path: Path, rows: int, seed: int) -> None:
    """A file of the shape of the real one: about six updates of each incident."""
    chance = random.Random(seed)
    with gzip.open(path, "wt", newline="", compresslevel=1) as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        number = left = 0
        for _row in range(rows):
            if not left:
                number, left, version = number + 1, chance.randint(1, 11), 0
                opened = datetime(2016, 2, 29, tzinfo=UTC) + timedelta(minutes=chance.randrange(500_000))
                fixed = [f"Location {chance.randrange(200)}", f"Category {chance.randrange(60)}",
                         f"Subcategory {chance.randrange(200)}", f"Symptom {chance.randrange(500)}"]  # fmt: skip
                ended = opened + timedelta(minutes=chance.randrange(30_000))
            left -= 1
            version += 1
            updated = opened + timedelta(minutes=version * chance.randrange(1, 500))
            writer.writerow([
                f"INC{number:07d}", chance.choice(["New", "Active", "Resolved", "Closed"]), "true", version // 3, 0,
                version, chance.choice(["true", "false"]), f"Caller {chance.randrange(5000)}",
                f"Opened by {chance.randrange(200)}", _date(opened), f"Created by {chance.randrange(200)}",
                _date(opened), f"Updated by {chance.randrange(800)}", _date(updated), "Phone", *fixed, "?",
                "2 - Medium", "2 - Medium", chance.choice(["3 - Moderate", "4 - Low", "2 - High"]),
                f"Group {chance.randrange(70)}", f"Resolver {chance.randrange(200)}", "true", "false", "Do Not Notify",
                "?", "?", "?", "?", f"code {chance.randrange(17)}", f"Resolved by {chance.randrange(200)}",
                _date(ended), _date(ended + timedelta(days=5)),
            ])  # fmt: skip


def _date(at: datetime) -> str:
    return f"{at.day}/{at.month}/{at.year} {at.hour:02d}:{at.minute:02d}"


def start_product(directory: Path) -> None:
    os.environ["CXM_DATA_DIR"] = str(directory)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def run_import(path: Path) -> int:
    """Import the file into a workspace of its own by the public verbs; returns the number of events."""
    from cxm.accounts.actions import create_workspace
    from cxm.record.capture import actions, running
    from cxm.record.capture.examples import example

    workspace = create_workspace(name="Bench", owner=None)
    one = actions.add_file(workspace=workspace, path=path, name=path.name, by=None, move=False)
    actions.start_import(one=one, yaml=example("incident_log").yaml, by=None)
    done = running.run(one.pk)
    assert done is not None
    if done.state != "done" or done.rows_rejected:
        raise SystemExit(f"The import failed: {done.problem or done.rows_rejected}")
    return done.events_added


def run_pandas(path: Path) -> None:
    import pandas

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # columns that hold both numbers and texts
        pandas.read_csv(path, parse_dates=DATES, date_format=FORM, na_values=["?"])


def peak_mb(path: Path) -> float:
    """Peak resident memory of a process that imports the file, in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.import", "--peak", str(path)], check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


def main() -> int:
    options = arguments(__doc__)
    report = Report("import", small=options.small)
    with tempfile.TemporaryDirectory(prefix="cxm-bench-") as made:
        directory = Path(made)
        path = REAL
        if options.small or not REAL.exists():
            path = directory / "incidents.csv.gz"
            generate(path, 5_000 if options.small else ROWS, options.seed)
        start_product(directory / "data")
        from cxm.record.eventlog.engine import engine

        engine()
        run_pandas(path)  # the first call loads the library
        ours, theirs = in_turn([lambda: run_import(path), lambda: run_pandas(path)], rounds=1 if options.small else 3)
        report.line("incident_log", ours, theirs, bound=3)
        engine().close()
        rows = 2_000 if options.small else 150_000
        short, long = directory / "short.csv.gz", directory / "long.csv.gz"
        generate(short, rows, options.seed)
        generate(long, 10 * rows, options.seed)
        report.line("memory", peak_mb(long) - peak_mb(short), bound=MEMORY_BOUND, unit="MB")
    return report.exit_code


def peak(path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="cxm-bench-") as made:
        start_product(Path(made))
        run_import(path)
        # Not getrusage: its maximum begins with that of the process that started this one.
        status = Path("/proc/self/status").read_text()
        print(int(status.partition("VmHWM:")[2].split()[0]) / 1024, flush=True)
        shutil.rmtree(made, ignore_errors=True)
        os._exit(0)  # the engine's threads need not say goodbye


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        peak(Path(sys.argv[2]))
    sys.exit(main())
