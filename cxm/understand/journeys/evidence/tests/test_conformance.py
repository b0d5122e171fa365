"""How journeys keep to the path that a map expects."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import product
from random import Random

import pytest

from cxm.accounts.models import User, Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, at, event, given_events, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.evidence.conformance import Expected, align, conformance, expected_path
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps

PATH = Expected(("a", "b", "c", "d"), (True, True, False, True), (False, False, False, True))
EITHER = Expected(("a", "b", "c"), (True, True, True), (False, True, True))  # may end at b


def named(path: Expected, steps: str) -> tuple[int, str]:
    found = align(path, steps)
    return found.cost, " ".join(f"{kind}:{key}" for kind, key in found.deviations)


def test_each_kind_of_deviation_is_named() -> None:
    assert named(PATH, "abcd") == (0, "")
    assert named(PATH, "abd") == (0, "")  # c is optional
    assert named(PATH, "xaybzd") == (0, "")  # steps of no touchpoint
    assert named(PATH, "acd") == (1, "skipped:b")
    assert named(PATH, "ab") == (1, "not_reached:d")
    assert named(PATH, "aabd") == (1, "repeated:a")
    # b behind d: a step that is not on the path, and a gap where it was expected.
    assert named(PATH, "adb") == (2, "out_of_order:b")
    # The optional c before b costs the step only.
    assert named(PATH, "acbd") == (1, "out_of_order:c")
    assert named(EITHER, "ab") == (0, "")
    assert named(EITHER, "abc") == (0, "")
    assert named(EITHER, "a") == (1, "not_reached:b")
    assert named(EITHER, "abac") == (1, "repeated:a")
    assert named(Expected(("a", "b"), (True, False), (True, True)), "ab") == (0, "")
    # 1 − 1 / (3 steps + 3 required), and nothing in common: 1 − 3 / 3.
    assert align(PATH, "acd").fitness == 1 - 1 / 6
    assert align(PATH, "").fitness == 0
    assert align(EITHER, "a").fitness == 1 - 1 / 3  # the shortest way is a, b


def naive(path: Expected, steps: str) -> int:
    """The cost by trying every way through the map against the steps."""
    best = 10**9
    for end, may_end in enumerate(path.ends):
        choices = [(True,) if path.required[place] else (True, False) for place in range(end + 1)]
        if not may_end:
            continue
        for chosen in product(*choices):
            way = [key for key, there in zip(path.keys, chosen, strict=False) if there]
            row = list(range(len(way) + 1))  # steps and touchpoints left over, by dynamic programming
            for step in steps:
                last, row = row, [row[0] + 1]
                for place, key in enumerate(way):
                    match = last[place] if key == step else 10**9
                    row.append(min(match, last[place + 1] + 1, row[-1] + 1))
            best = min(best, row[-1])
    return best


def test_the_alignment_is_the_cheapest_of_all() -> None:
    random = Random(7)
    for _ in range(300):
        n = random.randint(1, 5)
        path = Expected(
            tuple("abcde"[:n]),
            tuple(random.random() < 0.6 for _ in range(n)),
            (*(random.random() < 0.3 for _ in range(n - 1)), True),
        )
        steps = "".join(random.choices("abcde"[:n], k=random.randint(0, 7)))
        assert align(path, steps).cost == naive(path, steps), (path, steps)


def drawn() -> MapDefinition:
    def point(key: str, **more: object) -> Touchpoint:
        return Touchpoint(key, key.title(), binding=Binding(events=(EventRule(key),)), **more)  # type: ignore[arg-type]  # fields of a touchpoint

    return MapDefinition(
        metric="nps",
        stages=(
            Stage("buy", "Buy", (point("search"), point("order"), Touchpoint("think", "Thinks it over"))),
            Stage("use", "Use", (point("help", optional=True), point("arrive"))),
        ),
    )


def journeys(workspace: Workspace) -> Iterator[Event]:
    """20 keep to the path and 16 of them recommend (9); 20 never search, of whom 2 do; one has only begun."""
    for number in range(41):
        who = uuid.UUID(int=number + 1)
        if number == 40:
            yield event(workspace, "search", "2026-05-30 12:00", customer_id=who)
            continue
        if number < 20:
            yield event(workspace, "search", "2026-03-01 12:00", customer_id=who)
        yield event(workspace, "order", "2026-03-02 12:00", customer_id=who)
        yield event(workspace, "arrive", "2026-03-04 12:00", customer_id=who)
        score = 9 if number < 16 or number in (20, 21) else 3
        teller = uuid.UUID(int=99) if number == 0 else who
        yield answer(workspace, score, "2026-03-05 12:00", customer_id=teller, scale="0-10")
        # Said before the journey, and too long behind it: about something else.
        yield answer(workspace, 0, "2026-02-27 12:00", customer_id=who, scale="0-10")
        yield answer(workspace, 0, "2026-04-27 12:00", customer_id=who, scale="0-10")


@pytest.mark.django_db
def test_journeys_are_held_against_the_path_of_the_map() -> None:
    workspace = make_workspace()
    owner = User.objects.get(email="olena@example.com")
    given_events(journeys(workspace))
    # The answer of one of them came under another profile, which is theirs.
    put_customers([customer_row(workspace.pk, uuid.UUID(int=99), {}, canonical_id=uuid.UUID(int=1))])
    definition = drawn()
    assert expected_path(definition) == Expected(
        ("search", "order", "help", "arrive"), (True, True, False, True), (False, False, False, True)
    )
    process = process_for_map(create_map(workspace=workspace, name="Kettle", definition=definition, by=owner))
    build_steps(process)
    found = conformance(definition, process.pk, Scope(workspace.pk), at("2026-06-01 00:00"))
    assert (found.journeys, found.judged, found.conforms.value) == (41, 40, 0.5)
    # Half have fitness 1, half 1 − 1 / (2 + 3).
    assert found.fitness.value == pytest.approx(0.9)
    # (16 − 4) / 20 and (2 − 18) / 20.
    assert (found.conforming.value, found.deviating.value, found.difference.value) == (60, -80, 140)
    assert found.verdict == "up"
    assert [(one.kind, one.key, one.n, one.with_it.value, one.verdict) for one in found.deviations] == [
        ("skipped", "search", 20, -80, "down"),
    ]  # fmt: skip
    assert [(way.labels, way.n) for way in found.ways] == [
        (("order", "arrive"), 20), (("search", "order", "arrive"), 20),
    ]  # fmt: skip
    # Later on, the one that had only begun is over.
    late = conformance(definition, process.pk, Scope(workspace.pk), at("2026-08-01 00:00"))
    assert (late.judged, late.conforms.n, late.deviations[1].kind) == (41, 41, "not_reached")
    nothing = conformance(
        definition, process.pk, Scope(workspace.pk, until=at("2026-01-01 00:00")), at("2026-08-01 00:00")
    )
    assert (nothing.journeys, nothing.judged, nothing.conforms.value, nothing.deviations) == (0, 0, None, [])
