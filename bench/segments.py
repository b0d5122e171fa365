"""Segments of a million customers with ten million events: counted, listed, asked of one customer.

Customers and events go straight into the log (`INSERT … SELECT` from `numbers`) and, as rows of the same ids, into the
operational database (SQLite); writing them through imports would only measure imports. Each customer has seven traits,
four fields and one of three tags; events are of five names over two years. The figures are seconds.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from uuid import UUID

CUSTOMERS, EVENTS = 1_000_000, 10_000_000
ID = "toUUID(concat('00000000-0000-4000-8000-', leftPad(lower(hex({number})), 12, '0')))"
FILL_CUSTOMERS = f"""
INSERT INTO customers (workspace_id, customer_id, canonical_id, items, version)
SELECT {{w:UInt32}}, {ID.format(number="number")}, {ID.format(number="number")},
       map('name', [concat('Name ', toString(cityHash64(number) % 100000))],
           'email', [concat('u', toString(number), '@example', toString(number % 50), '.com')],
           'language', [['en', 'pl', 'ru', 'uk', 'zh'][1 + number % 5]], 'tag', [['vip', 'new', 'old'][1 + number % 3]],
           'trait.plan', [['free', 'pro', 'team'][1 + cityHash64(number, 1) % 3]],
           'trait.seats', [toString(cityHash64(number, 2) % 100)],
           'trait.since', [toString(toDate('2020-01-01') + cityHash64(number, 3) % 2000)],
           'trait.city', [concat('City ', toString(cityHash64(number, 4) % 1000))],
           'trait.score', [toString(cityHash64(number, 5) % 1000 / 100)],
           'trait.vip', [if(number % 7 = 0, 'true', 'false')], 'trait.source', ['web']), 1
FROM numbers({{n:UInt64}})
"""
FILL_EVENTS = f"""
INSERT INTO events (workspace_id, event_id, name, customer_id, occurred_at, source, import_id, properties)
SELECT {{w:UInt32}}, generateUUIDv4(number),
       ['order_placed', 'page_viewed', 'ticket_updated', 'answer_given', 'app_opened'][1 + cityHash64(number, 6) % 5],
       {ID.format(number="cityHash64(number, 7) % {n:UInt64}")},
       now64(3, 'UTC') - cityHash64(number, 8) % (730 * 86400), 'import', toUUID('{UUID(int=1)}'), '{{}}'
FROM numbers({{n:UInt64}} * 10)
"""
FILL_ROWS = """
INSERT INTO customers_customer (id, workspace_id, name, email, phone, language, traits, search_text, answers,
                                trait_times, created_at, updated_at, last_seen_at)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %s)
SELECT '0000000000004000' || '8000' || printf('%%012x', i), %s, 'Name ' || i, 'u' || i || '@example.com', '', 'en',
       '{}', '', 0, '{}', '2026-01-01', '2026-01-01', '2026-01-01' FROM n
"""


def seconds(run: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return median(taken)


def main() -> int:
    from bench.report import Report, arguments

    options = arguments(__doc__)
    n = 20_000 if options.small else CUSTOMERS
    with tempfile.TemporaryDirectory(prefix="cxm-bench-") as directory:
        os.environ["CXM_DATA_DIR"] = directory  # never the data of an installation
        for name in ("CXM_EVENTLOG_URL", "DATABASE_URL"):
            os.environ.pop(name, None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "cxm.settings"
        import django

        django.setup()
        report = Report("segments", small=options.small)
        measure(report, n, 1 if options.small else 5)
        from cxm.record.eventlog.engine import engine

        engine().close()
    return report.exit_code


def measure(report: object, n: int, rounds: int) -> None:
    from django.core.management import call_command
    from django.core.paginator import Paginator
    from django.db import connection

    from bench.report import Report
    from cxm.accounts.models import Workspace
    from cxm.lib.conditions import Condition
    from cxm.record.customers.models import Customer, Segment
    from cxm.record.customers.queries import Wanted, customers
    from cxm.record.customers.segment_actions import create_segment
    from cxm.record.customers.segments import MemberList, count, counts, member_page, segments_of
    from cxm.record.eventlog.engine import engine

    assert isinstance(report, Report)
    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(slug="bench", name="Bench")
    with engine().client() as client:
        for sql in (FILL_CUSTOMERS, FILL_EVENTS):
            client.command(sql, parameters={"w": workspace.pk, "n": n})
    with connection.cursor() as cursor:
        cursor.execute(FILL_ROWS, [n, workspace.pk])
    plan = Condition(field="trait.plan", values=("pro",))
    several = Condition(all=(plan, Condition(field="trait.seats", operator="at_least", values=(50,)),
                             Condition(field="email", operator="ends_with", values=("@EXAMPLE7.com",)),
                             Condition(not_=Condition(field="tag", values=("vip",)))))  # fmt: skip
    orders = Condition(field="event.order_placed", operator="at_least", values=(1,), within_days=90)
    ever = Condition(all=(plan, Condition(field="event.order_placed", operator="at_least", values=(3,))))
    seen = Condition(field="last_seen_days", operator="at_most", values=(30,))
    for name, condition, bound in (
        ("count_by_a_trait", plan, 1), ("count_by_four_conditions", several, 1.5),
        ("count_by_events_in_90_days", orders, 3), ("count_by_trait_and_events_ever", ever, 4),
        ("count_by_last_seen", seen, 5),
    ):  # fmt: skip
        found = count(workspace, condition)
        assert 0 < found < n, (name, found)
        report.line(name, seconds(lambda wanted=condition: count(workspace, wanted), rounds), bound=bound)  # type: ignore[misc]  # a default binds it
    report.line("five_counts_in_one_pass", seconds(
        lambda: counts(workspace, [plan, several, orders, ever, seen]), rounds), bound=8)  # fmt: skip
    report.line("a_page_by_name", seconds(lambda: member_page(workspace, plan, limit=50), rounds), bound=2)

    def page_of_list() -> None:
        rows = customers(workspace, Wanted(segment=str(kept.pk)))
        list(Paginator(rows, 50).get_page(3))

    kept = create_segment(workspace=workspace, name="Pro", condition=plan, by=None)
    assert len(MemberList(workspace, plan)) == customers(workspace, Wanted(segment=str(kept.pk))).count()
    report.line("the_customer_list_narrowed", seconds(page_of_list, rounds), bound=6)
    for number in range(20):
        Segment.objects.create(workspace=workspace, name=f"S {number}", condition={
            "all": [{"field": "trait.plan", "values": [f"p{number}"]},
                    {"field": "tag", "operator": "is_not", "values": ["x"]}]})  # fmt: skip
    one = Customer.objects.filter(workspace=workspace).order_by("pk")[n // 2]
    report.line("segments_of_one_by_traits", seconds(lambda: segments_of(one), 20) * 1000, bound=20, unit="ms")
    create_segment(workspace=workspace, name="Buyers", condition=orders, by=None)
    report.line("segments_of_one_with_events", seconds(lambda: segments_of(one), 20) * 1000, bound=200, unit="ms")


if __name__ == "__main__":
    sys.exit(main())
