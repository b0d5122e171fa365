"""Conditions mean the same in Python, for one customer, as in SQL, for all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, holds
from cxm.record.customers.marks import tag
from cxm.record.customers.merging import merge_customers
from cxm.record.customers.models import Customer, Identity
from cxm.record.customers.segments import Answers, count, member_page, members
from cxm.record.customers.snapshot import ids_in_log, put_snapshot
from cxm.record.eventlog.append import Event, append
from cxm.record.eventlog.membership import SAID
from cxm.record.eventlog.texts import Annotation, write_annotations
from cxm.testing.cast import make_customer
from cxm.testing.effort import full_or

from .cast import Firm

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
# What is hard to compare: numbers that only look so, dates and moments, folds of three scripts, quotes, lists, objects.
VALUES: list[Any] = [
    5, 5.0, 2.5, -3, 0, 1e-7, 10**20, True, False, "5", "5.0", "05", "+5", " 5", "1_0", "1e3", "nan", "inf", "٣", "",
    None, "2026-03-01", "2026-03-01T10:00:00Z", "2026-03-02 09:00", "2026-3-1", "pro", "PRO", "Straße", "STRASSE",
    "ПРО", "про", "ΟΔΟΣ", "οδος", "it's \\ {x:String} $scope", "a%b", "专业", [], ["pro", 5, True],
    ["5", ["x", "PRO"]],
    {"deep": {"er": 5}}, "true", "9" * 320, "0.1", 0.1, "x\ny", "2026-03-01\n",
]  # fmt: skip
NAMES = ["plan", "seats", "since", "odd.name", "odd", "deep", "qu\"o`t'e"]
EVENTS = ["order_placed", "ticket_updated", "it's"]
WANTED: list[Any] = [
    5, 2.5, 0, -3, 1, 2, 1000, "5", "05", "pro", "PRO", "strasse", "Straße", "про", "οδοσ", True, False, "true",
    "2026-03-01", "2026-03-02", "2026-03-01T10:00:00Z", "2026-03-01T23:00:00Z", "it's", "\\", "{x", "%", "专", "x",
    "nan", 0.1, "9" * 320, "negative", "positive", "price", "staff", "complaint",
]  # fmt: skip
OPERATORS = [
    "is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "at_least", "at_most", "more_than",
    "less_than", "is_set", "is_not_set", "includes_all",
]  # fmt: skip


def a_value(rng: random.Random) -> Any:
    value = rng.choice(VALUES)
    return {"er": 5, "list": [1, "pro"]} if isinstance(value, dict) and rng.random() < 0.5 else value


def a_leaf(rng: random.Random) -> Condition:
    kind = rng.random()
    if kind < 0.55:
        path = rng.choice([*NAMES, "deep.er", "plan.deep.er", "nobody has it"])
        field = f"trait.{path}"
    elif kind < 0.7:
        field = rng.choice(["name", "email", "language", "tag", "phone"])
    elif kind < 0.8:
        field = "last_seen_days"
    elif kind < 0.87:
        field = rng.choice(sorted(SAID))
    else:
        field = f"event.{rng.choice(EVENTS)}"
    values = tuple(rng.sample(WANTED, rng.choice([1, 1, 1, 2, 3])))
    within = rng.choice([None, 1, 7, 30, 400]) if field.startswith(("event.", "said.")) else None
    operator: Any = rng.choice(OPERATORS)
    return Condition(field=field, operator=operator, values=values, within_days=within)


def a_tree(rng: random.Random, depth: int = 0) -> Condition:
    kind = rng.random()
    if depth > 3 or kind < 0.45:
        return a_leaf(rng)
    below = tuple(a_tree(rng, depth + 1) for _ in range(rng.randrange(4)))
    if kind < 0.7:
        return Condition(all=below)
    if kind < 0.9:
        return Condition(any=below)
    return Condition(not_=a_tree(rng, depth + 1))


def people(firm: Firm, rng: random.Random, n: int) -> list[Customer]:
    made = [
        make_customer(
            firm.workspace, rng.choice(["", "Ada", "Олена", "Straße 5", "5"]),
            email=rng.choice(["", f"u{k}@Example.com"]), language=rng.choice(["", "en", "uk"]),
            traits={name: a_value(rng) for name in rng.sample(NAMES, rng.randrange(len(NAMES)))},
        )
        for k in range(n)
    ]  # fmt: skip
    for name in ("vip", "PRO", "5"):
        tag(workspace=firm.workspace, customers=rng.sample(made, n // 3), name=name, by=firm.owner)
    for one in made[: n // 4]:
        Identity.objects.create(workspace=firm.workspace, customer=one, kind="user_id", value=f"user {one.pk}")
    for one in made[:4]:
        merge_customers(customer=one, into=made[-1], by=firm.owner)
    put_snapshot(firm.workspace.pk, [one.pk for one in made])
    return made


def happened(workspace: Workspace, made: list[Customer], rng: random.Random, n: int) -> None:
    events = []
    for _ in range(n):
        one = rng.choice(made)
        whose: UUID = rng.choice(ids_in_log(workspace.pk, [one]))
        at = NOW - timedelta(days=rng.choice([0, 1, 7, 30, 100, 500]), seconds=rng.randrange(-90_000, 90_000))
        events.append(
            Event(
                workspace_id=workspace.pk, event_id=UUID(int=rng.getrandbits(128)), name=rng.choice(EVENTS),
                customer_id=whose, occurred_at=at, source=rng.choice(["import", "capture", "fact"]), properties="{}",
            )
        )  # fmt: skip
    append(events)


def wrote(workspace: Workspace, made: list[Customer], rng: random.Random, n: int) -> None:
    """Texts that have been read; of each the newer reading holds."""
    rows = []
    for _ in range(n):
        whose: UUID = rng.choice(ids_in_log(workspace.pk, [rng.choice(made)]))
        at = NOW - timedelta(days=rng.choice([0, 1, 7, 30, 100]), seconds=rng.randrange(-90_000, 90_000))
        event_id = UUID(int=rng.getrandbits(128))
        for version in (1, 2):
            topics = tuple(rng.sample(["price", "staff", "PRO", "5"], rng.randrange(3)))
            rows.append(
                Annotation(
                    workspace_id=workspace.pk, event_id=event_id, customer_id=whose, occurred_at=at,
                    import_id=UUID(int=0), version=version, model="m", language=rng.choice(["en", "uk", ""]), script="",
                    sentiment=rng.choice(["negative", "positive", "neutral", ""]), sentiment_score=0.0, emotion="none",
                    intent=rng.choice(["complaint", ""]), effort=rng.random() < 0.5, urgent=False, topics=topics,
                    topic_sentiments=tuple(0.0 for _one in topics), personal=(), tags="{}",
                )
            )  # fmt: skip
    write_annotations(rows)


def test_for_random_trees_and_customers_python_and_sql_agree() -> None:
    """56 customers × 100 or 300 trees: each answer of SQL is the one that Python gives for that customer."""
    rng = random.Random("segments 1")
    firm, other = Firm(), Workspace.objects.create(slug="other", name="Other")
    made = people(firm, rng, 60)
    happened(firm.workspace, made, rng, 400)
    wrote(firm.workspace, made, rng, 60)
    stranger = make_customer(other, "Ada", traits={"plan": "pro"})
    put_snapshot(other.pk, [stranger.pk])
    whole = [one for one in Customer.objects.filter(workspace=firm.workspace) if one.canonical_id is None]
    assert len(whole) == 56
    trees = [a_tree(rng) for _ in range(full_or(300, 100))]
    known = {one.pk: Answers(one, trees, NOW) for one in whole}
    some = 0
    for place, tree in enumerate(trees):
        expected = {pk for pk, answers in known.items() if holds(tree, answers)}
        assert set(members(firm.workspace, tree, NOW)) == expected, tree
        some += 0 < len(expected) < 56
        if place % 10 == 0:
            assert count(firm.workspace, tree, NOW) == len(expected)
            page = member_page(firm.workspace, tree, limit=100, now=NOW)
            assert set(page) == expected and len(page) == len(expected)
    assert some > len(trees) / 5  # the others are of all or of nobody, which would agree by chance
