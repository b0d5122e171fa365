"""The contact budget at a million customers: time of a decision, and a million requests by 8 workers, no violation.

The baseline of a single decision is the bare look-up of one customer by its key through the same ORM. Violations are
counted by an oracle that reads the table of contacts and nothing else (test_contact_budget.py, of the surveys).
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from uuid import UUID

from bench.report import Report, arguments

WORKERS, BATCH = 8, 500


def main() -> int:
    options = arguments(__doc__)
    directory = tempfile.mkdtemp(prefix="cxm-bench-")
    os.environ["CXM_DATA_DIR"] = directory
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    try:
        return measure(1_000_000 if not options.small else 5_000, options.small, options.seed)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure(size: int, small: bool, seed: int) -> int:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from cxm.listen.surveys.budget import Request, decide
    from cxm.listen.surveys.models import Contact, Survey
    from cxm.listen.surveys.tests.test_contact_budget import START, simulate, violations
    from cxm.record.customers.models import Customer
    from cxm.testing.cast import make_workspace

    workspace = make_workspace()
    fill(workspace.pk, size)
    started = time.perf_counter()
    allowed = simulate(workspace, requests=size, workers=WORKERS, people=size, batch=BATCH, seed=seed)
    took = time.perf_counter() - started
    print(f"{size} requests by {WORKERS} workers in {took:.0f} s, {allowed} allowed", flush=True)
    report = Report("contact_budget", small=small)
    assert Contact.objects.filter(workspace=workspace).count() == allowed
    report.line("violations", violations(workspace), bound=0, unit="")
    report.line("of_a_batch", took / size * 1000, bound=1, unit="ms")

    chosen = random.Random(seed)
    people: list[UUID] = [
        UUID(str(pk)) for pk in chosen.sample(list(Customer.objects.values_list("pk", flat=True)), 2000)
    ]
    survey = Survey.objects.filter(workspace=workspace).first()
    assert survey is not None
    bare = median_ms(people, lambda person: Customer.objects.get(pk=person))
    forecast = median_ms(
        people, lambda person: decide(workspace.pk, [Request(person, survey.pk, "email")], now=START, record=False)
    )
    kept = median_ms(people, lambda person: decide(workspace.pk, [Request(person, survey.pk, "email")]))
    print(f"median of one decision alone: {forecast:.2f} ms, recorded and on disk {kept:.2f} ms; get() {bare:.2f} ms")
    report.line("alone", forecast, bound=1, unit="ms")
    report.line("alone_recorded", kept, bare, bound=20, unit="ms")
    return report.exit_code


def median_ms(people: list[UUID], run: Callable[[UUID], object]) -> float:
    times = []
    for person in people:
        started = time.perf_counter()
        run(person)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def fill(workspace_id: int, size: int) -> None:
    """A million rows by the database itself: the ORM would take minutes."""
    from django.db import connection

    from cxm.record.customers.models import Customer

    now = "'2026-01-01 00:00:00'"
    values = {
        "id": "lower(hex(randomblob(16)))", "workspace_id": str(workspace_id), "name": "'c' || n",
        "traits": "CASE WHEN n % 3 = 0 THEN '{\"vip\": true}' ELSE '{\"vip\": false}' END", "trait_times": "'{}'",
        "created_at": now, "updated_at": now, "answers": "0",
    }  # fmt: skip
    columns, given = [], []
    for one in Customer._meta.concrete_fields:
        columns.append(f'"{one.column}"')
        given.append(values.get(str(one.column)) or ("NULL" if one.null else "''"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {size})"
            f' INSERT INTO "{Customer._meta.db_table}" ({", ".join(columns)})'
            f" SELECT {', '.join(given)} FROM numbers"
        )


if __name__ == "__main__":
    sys.exit(main())
