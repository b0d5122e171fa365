"""The table of steps: built from the log, kept up as events come, go and change hands, equal to a plain reading."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import NOBODY, Event
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.engine import EventlogError, engine
from cxm.record.eventlog.forget import forget_customer, forget_events, forget_import
from cxm.record.eventlog.repair import repair
from cxm.record.eventlog.scope import Filter, Scope
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import at, event, given_events, make_workspace
from cxm.testing.effort import full_or
from cxm.understand.journeys.definition import EventRule, Label, ProcessDefinition
from cxm.understand.journeys.definition import Test as Where
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.actions import change_process, create_process, remove_process
from cxm.understand.journeys.steps.building import StepKeeper, build_steps, steps_state
from cxm.understand.journeys.steps.funnels import funnel, funnel_journeys
from cxm.understand.journeys.steps.queries import (
    Behind,
    count_of,
    journeys_of,
    sankey,
    starts_and_ends,
    step_matrix,
    transitions,
    variants,
)

pytestmark = pytest.mark.django_db


@dataclass
class Step:
    journey: uuid.UUID
    case_id: uuid.UUID
    number: int
    from_end: int
    event_id: uuid.UUID
    label: str
    next: str
    gap_ms: int
    left_ms: int
    path: int
    visit: int
    step_pass: int


ALL = """
SELECT journey, case_id, number, from_end, event_id, label, next, gap_ms, left_ms, path, visit, pass AS step_pass
FROM steps WHERE $scope AND process = {process:UInt32} ORDER BY case_id, journey, number
"""


def kept(process: Process) -> list[list[tuple[Any, ...]]]:
    """Each journey as its steps, without its id; in an order of their own."""
    rows = ask(ALL, Scope(process.workspace_id), row=Step, name="test", table="steps", process=process.pk).rows
    journeys: dict[uuid.UUID, list[Step]] = defaultdict(list)
    for row in rows:
        journeys[row.journey].append(row)
    paths: dict[int, tuple[str, ...]] = {}
    found = []
    for steps in journeys.values():
        way = tuple(one.label for one in steps)
        assert paths.setdefault(steps[0].path, way) == way and len({one.path for one in steps}) == 1
        found.append([
            (str(one.event_id), one.number, one.from_end, one.label, one.next, one.gap_ms, one.left_ms, one.visit,
             one.step_pass)
            for one in steps
        ])  # fmt: skip
    return sorted(found)


def naive(events: list[Event], definition: ProcessDefinition, belongs: dict[uuid.UUID, uuid.UUID]) -> list[Any]:
    """The same from the definition's own words."""
    cases: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    for one in events:
        says = json.loads(one.properties)
        label, rank = "", 0
        if definition.labels:
            for number, wanted in enumerate(definition.labels):
                if any(rule.event == one.name and all(says.get(test.field.partition(".")[2], "") in test.values
                                                      for test in rule.where) for rule in wanted.events):  # fmt: skip
                    label, rank = wanted.key, number
                    break
        elif not definition.events or one.name in definition.events:
            label = says.get(definition.label_by) or one.name
            rank = definition.events.index(one.name) if definition.events else 0
        if definition.case == "customer":
            case: Any = belongs.get(one.customer_id, one.customer_id) if one.customer_id != NOBODY else None
        else:
            case = says.get(definition.case)
        if label and case:
            # The engine orders ids by their second half, then by the first.
            halves = one.event_id.int & (2**64 - 1), one.event_id.int >> 64
            key = (one.occurred_at, rank, says.get("version", 0), halves)
            if definition.order_by:
                key = (says.get(definition.order_by, 0), *key)  # type: ignore[assignment]  # longer, for sorting alone
            cases[case].append((key, str(one.event_id), label, one.occurred_at))
    found = []
    for steps in cases.values():
        journeys: list[list[tuple[Any, ...]]] = []
        last = None
        for step in sorted(steps):
            pause = last is not None and definition.gap_s and step[3] - last > timedelta(seconds=definition.gap_s)
            if last is None or pause:
                journeys.append([])
            if not (definition.collapse and journeys[-1] and journeys[-1][-1][2] == step[2]):
                journeys[-1].append(step)
            last = step[3]
        for journey in journeys:
            times = [round(step[3].timestamp() * 1000) for step in journey]
            labels = [step[2] for step in journey]
            visits: Counter[Any] = Counter()
            rows = []
            for k, (_key, event_id, label, _at) in enumerate(journey):
                following = labels[k + 1] if k + 1 < len(labels) else ""
                visits[label] += 1
                visits[label, following] += 1
                gap = times[k + 1] - times[k] if following else 0
                rows.append((event_id, k + 1, len(labels) - k, label, following, gap, times[-1] - times[k],
                             visits[label], visits[label, following]))  # fmt: skip
            found.append(rows)
    return sorted(found)


def process_of(workspace: Workspace, definition: ProcessDefinition, name: str = "Orders") -> Process:
    return create_process(workspace=workspace, name=name, definition=definition, by=None)


def crash(*_given: Any) -> None:
    raise EventlogError("The end.", retry=True)


DEFINITIONS = (
    ProcessDefinition(),
    ProcessDefinition(events=("a", "b", "c"), collapse=True),
    ProcessDefinition(case="order", events=("b", "a", "c"), gap_s=3600),
    ProcessDefinition(case="order", label_by="state", collapse=True, gap_s=7200),
    ProcessDefinition(case="order", label_by="state", order_by="version", collapse=True),
    ProcessDefinition(labels=(
        Label("good", (EventRule("a", (Where("property.state", "is", ("x", "y")),)), EventRule("b"))),
        Label("bad", (EventRule("a"),)),
    )),
)  # fmt: skip


def test_steps_kept_up_are_those_of_a_plain_reading_whatever_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random events of few moments (many ties), late and out of order; deletions, merges and crashes in between."""
    chance = random.Random(7)
    workspace = make_workspace()
    people = [uuid.uuid4() for _ in range(6)]
    imports = [uuid.uuid4() for _ in range(3)]
    processes = [process_of(workspace, one, f"P{n}") for n, one in enumerate(DEFINITIONS)]
    keeper = StepKeeper("test")
    belongs: dict[uuid.UUID, uuid.UUID] = {}
    version = 1
    there: list[Event] = []

    def happened() -> Event:
        says = {"order": chance.choice(("", "o1", "o2", "o3")), "state": chance.choice(("", "x", "y", "z")),
                "version": chance.randrange(3)}  # fmt: skip
        minutes = chance.randrange(30) * 20
        made = event(workspace, chance.choice("abcd"), "2026-03-01 00:00",
                     customer_id=chance.choice([NOBODY, *people]), **says)  # fmt: skip
        return msgspec.structs.replace(
            made, occurred_at=made.occurred_at + timedelta(minutes=minutes), import_id=chance.choice(imports),
            event_id=uuid.UUID(int=chance.getrandbits(128), version=4),
        )  # fmt: skip

    for turn in range(full_or(60, 3)):
        new = [happened() for _ in range(chance.randrange(1, 9))]
        given_events(new)
        there += new
        match chance.randrange(6):
            case 0:
                gone = set(chance.sample([one.event_id for one in there], min(3, len(there))))
                forget_events(workspace.pk, list(gone))
                there = [one for one in there if one.event_id not in gone]
            case 1:
                gone_import = chance.choice(imports)
                forget_import(workspace.pk, gone_import)
                there = [one for one in there if one.import_id != gone_import]
            case 2:
                somebody = chance.choice(people)
                forget_customer(workspace.pk, [somebody])
                there = [one for one in there if one.customer_id != somebody]
                belongs.pop(somebody, None)
            case 3 | 4:
                below, above = chance.sample(people, 2)
                belongs[below] = chance.choice([above, below])
                version += 1
                put_customers([customer_row(workspace.pk, below, {}, canonical_id=belongs[below], version=version)])
        if turn % 3 == 1:  # an end at some point of the work, and another process that takes it up
            place = chance.choice(("_insert", "_unmark", "_mark", "_remove_together"))
            with monkeypatch.context() as broken:
                broken.setattr(f"cxm.record.eventlog.steps.{place}", crash)
                with suppress(EventlogError):
                    keeper.catch_up()
            keeper = StepKeeper("another", alone=True)
        assert keeper.catch_up()
        for process in processes:
            definition = DEFINITIONS[processes.index(process)]
            assert kept(process) == naive(there, definition, belongs), (turn, definition)
    assert repair(timedelta(0)).orphaned == 0
    keeper.end()
    for process in processes:
        before = kept(process)
        build_steps(process)
        assert kept(process) == before


def test_questions_to_the_steps_have_the_answers_worked_out_by_hand() -> None:
    """Four customers: a b c, a b b c, a c, b a; each step ten minutes after the one before, on days of their own."""
    workspace = make_workspace()
    ada, bob, cyd, dan = people = [uuid.uuid4() for _ in range(4)]
    given_events([
        event(workspace, name, f"2026-03-0{day + 1} 10:{number}0", customer_id=people[day], channel="web",
              touchpoint="shop")
        for day, way in enumerate(("abc", "abbc", "ac", "ba")) for number, name in enumerate(way)
    ])  # fmt: skip
    put_customers(
        [customer_row(workspace.pk, one, {"plan": "gold" if one in (ada, bob) else "basic"}) for one in people]
    )
    process = process_of(workspace, ProcessDefinition())
    build_steps(process)
    scope = Scope(workspace.pk)

    found = {(one.label, one.next): (one.n, one.journeys, one.median_s) for one in transitions(process, scope).rows}
    assert found == {
        ("a", "b"): (2, 2, 600.0), ("b", "c"): (2, 2, 600.0), ("b", "b"): (1, 1, 600.0), ("a", "c"): (1, 1, 600.0),
        ("b", "a"): (1, 1, 600.0), ("c", ""): (3, 3, None), ("a", ""): (1, 1, None),
    }  # fmt: skip
    gold = scope.where(Filter("trait.plan", "is", ("gold",)))
    assert {(one.label, one.next, one.n, one.journeys) for one in transitions(process, gold, times=False).rows} == {
        ("a", "b", 2, 2), ("b", "c", 2, 2), ("b", "b", 1, 1), ("c", "", 2, 2)
    }  # fmt: skip
    day = scope.during(at("2026-03-01 00:00"), at("2026-03-02 00:00"))
    assert {(one.label, one.next) for one in transitions(process, day).rows} == {
        ("a", "b"),
        ("b", "c"),
        ("c", ""),
    }

    matrix = step_matrix(process, scope, first=2).rows
    assert {(one.number, one.label, one.n, one.share) for one in matrix} == {
        (1, "a", 3, 0.75), (1, "b", 1, 0.25), (2, "b", 2, 0.5), (2, "c", 1, 0.25), (2, "a", 1, 0.25)
    }  # fmt: skip
    assert {(one.number, one.label, one.n) for one in step_matrix(process, scope, last=1).rows} == {
        (1, "c", 3), (1, "a", 1)
    }  # fmt: skip
    assert {(one.number, one.label, one.next, one.n) for one in sankey(process, scope, first=2).rows} == {
        (1, "a", "b", 2), (1, "a", "c", 1), (1, "b", "a", 1)
    }  # fmt: skip
    assert {(one.number, one.label, one.next, one.n) for one in sankey(process, scope, last=2).rows} == {
        (2, "b", "c", 2), (2, "a", "c", 1), (2, "b", "a", 1)
    }  # fmt: skip

    ways = variants(process, scope)
    assert (ways.distinct, ways.journeys) == (4, 4)
    assert {(one.labels, one.n, one.share, one.median_s) for one in ways.rows} == {
        (("a", "b", "c"), 1, 0.25, 1200.0), (("a", "b", "b", "c"), 1, 0.25, 1800.0), (("a", "c"), 1, 0.25, 600.0),
        (("b", "a"), 1, 0.25, 600.0),
    }  # fmt: skip
    ends = {one.label: (one.n, one.journeys, one.starts, one.ends, one.repeats)
            for one in starts_and_ends(process, scope).rows}  # fmt: skip
    assert ends == {"a": (4, 4, 3, 1, 0), "b": (4, 3, 1, 0, 1), "c": (3, 3, 0, 3, 0)}

    def behind(**what: Any) -> list[uuid.UUID]:
        asked = Behind(**what)
        rows = journeys_of(process, scope, asked).rows
        assert count_of(process, scope, asked).journeys == len(rows)
        return [one.customer_id for one in rows]

    assert behind() == [dan, cyd, bob, ada]  # the newest first
    assert behind(label="b", next="c") == [bob, ada]
    assert behind(label="a", next="") == [dan]
    assert behind(number=2, label="c") == [cyd]
    (way,) = (one.path for one in ways.rows if one.labels == ("a", "c"))
    assert behind(path=way) == [cyd]
    (longest,) = (one for one in journeys_of(process, scope, Behind(label="b", next="b")).rows)
    assert (longest.steps, longest.duration_s) == (4, 1800.0)

    def reached(*steps: str, **how: Any) -> list[int]:
        return [one.n for one in funnel(process, scope, steps, **how).rows]

    assert reached("a", "b", "c") == [4, 2, 2]
    assert reached("a", "c", within_s=600) == [4, 1]  # only that of cyd within ten minutes
    assert reached("a", "c", within_s=599.9) == [4, 0]
    assert reached("a", "c", exclusions=["b"]) == [4, 1]
    assert reached("a", "b", ordered=False) == [4, 3]
    assert reached("b", "a", "c", ordered=False) == [3, 3, 2]
    assert reached("a", "b", ordered=False, within_s=1) == [4, 0]
    split = funnel(process, scope, ["a", "c"], by="trait.plan").rows
    assert {(one.by, one.level, one.n) for one in split} == {
        ("gold", 1, 2), ("gold", 2, 2), ("basic", 1, 2), ("basic", 2, 1)
    }  # fmt: skip
    lost = funnel_journeys(process, scope, ["a", "b"], 1, dropped=True).rows
    assert {one.customer_id for one in lost} == {cyd, dan}
    with pytest.raises(ValueError, match="two to twelve"):
        funnel(process, scope, ["a"])


def test_a_changed_process_is_built_anew_and_a_removed_one_leaves_nothing(
    django_capture_on_commit_callbacks: Any,
) -> None:
    workspace = make_workspace()
    ada = uuid.uuid4()
    given_events([event(workspace, "a", "2026-03-01 10:00", customer_id=ada),
                  event(workspace, "b", "2026-03-01 11:00", customer_id=ada)])  # fmt: skip
    process = process_of(workspace, ProcessDefinition(events=("a",)))
    assert steps_state(process).building
    keeper = StepKeeper("test")
    assert keeper.catch_up()
    state = steps_state(process)
    assert (state.rows, state.journeys, state.building, state.waiting) == (1, 1, False, 0)
    given_events([event(workspace, "a", "2026-02-28 10:00", customer_id=ada)])
    assert steps_state(process).waiting == 1
    keeper.catch_up()
    assert [[step[3] for step in journey] for journey in kept(process)] == [["a", "a"]]
    change_process(process=process, name="Renamed", definition=ProcessDefinition(events=("a", "b")), by=None)
    keeper.catch_up()
    assert [[step[3] for step in journey] for journey in kept(process)] == [["a", "a", "b"]]

    # A crash has left steps of an event that is not in the log: the start finds them, and the journey is made anew.
    (journey,) = kept(process)
    engine().everywhere(f"DELETE FROM {engine().local('events')} WHERE event_id = '{journey[1][0]}'")
    assert repair(timedelta(0)).orphaned >= 1
    assert kept(process) == []
    keeper.catch_up()
    assert [[step[3] for step in journey] for journey in kept(process)] == [["a", "b"]]
    with pytest.raises(ValidationError, match="cannot be understood"):
        bad = ProcessDefinition(labels=(Label("x", (EventRule("a", (Where("trait.plan"),)),)),))
        process_of(workspace, bad, "Bad")
    assert Process.objects.filter(workspace=workspace).count() == 1
    number = process.pk
    with django_capture_on_commit_callbacks(execute=True):
        remove_process(process=process, by=None)
    assert kept(Process(pk=number, workspace=workspace)) == []
