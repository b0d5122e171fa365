"""What a workflow is: a trigger, a condition, and a tree of steps; and the tree laid out so that a run can walk it.

A tree has no way back, so a run makes each step at most once and always comes to an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from cxm.lib.conditions import Condition, faults

TriggerKind = Literal[
    "event", "answer", "segment_entered", "segment_left", "alert", "case", "date", "webhook", "schedule"
]
StepKind = Literal[
    "mail", "case", "change_case", "task", "tag", "untag", "trait", "survey", "notify", "webhook",
    "wait", "wait_until", "branch", "split", "stop",
]  # fmt: skip
Texts = dict[str, str]  # language -> text
TRIGGERS: tuple[str, ...] = get_args(TriggerKind)
STEPS: tuple[str, ...] = get_args(StepKind)
MOST_STEPS = 60
DEEPEST = 6  # branches in branches
LONGEST_WAIT = 730  # days
MOST_PER_HOUR = 1000  # runs that begin in an hour, unless the workflow says another number
LONGEST_TEXT = 20_000


class Trigger(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What begins a run. Which fields count follows from `kind`; times are in the workspace's time zone."""

    kind: TriggerKind = "event"
    event: str = ""  # event: the name of an event; case: the name of a fact of cases
    survey: str = ""  # answer: the key of a survey; empty: any
    metric: str = ""  # answer: nps · csat · ces …; empty: any
    segment: str = ""  # segment_entered, segment_left: its id; schedule: whom it begins for
    alert: str = ""  # alert: the name of a rule; empty: any
    trait: str = ""  # date: the trait that holds it
    days: int = 0  # date: so many days after it; negative: before
    yearly: bool = False  # date: each year, like a birthday
    every: Literal["day", "week", "month"] = "day"  # schedule
    day: int = 1  # schedule: of the week (1 is Monday) or of the month (after its end: the last)
    hour: int = 9  # date, schedule


class Path(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One of the ways of a split: `share` in percent."""

    share: float
    name: str = ""
    steps: list[Step] = []


class Step(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One step. Which fields count follows from `kind`; see `effects.py` for those that do something."""

    id: str
    kind: StepKind
    subject: Texts = {}  # mail, case, task, notify
    text: Texts = {}  # mail, task, notify; case and change_case: a note
    marketing: bool = False  # mail: only to those who did not refuse it, and within the contact budget
    name: str = ""  # tag, trait; change_case: a tag
    value: str = ""  # trait: as it is typed; empty: it is removed
    category: str = ""  # case, change_case
    priority: int = 0  # case, change_case; 0: as it is
    team: str = ""  # case, change_case, task, notify: the name of a team; empty: as it is, everybody
    severe: bool = False
    complaint: bool = False
    state: str = ""  # change_case: resolve · close; empty: as it is
    survey: str = ""  # its key
    people: list[str] = []  # notify: e-mail addresses of members
    type: str = ""  # webhook: what receivers know it by
    days: int = 0  # wait; wait_until: at most
    hours: int = 0
    minutes: int = 0
    until: Literal["condition", "time"] = "condition"  # wait_until
    weekdays: list[int] = []  # wait_until time: 1 is Monday; empty: any
    hour: int = 9  # wait_until time: of the day, in the workspace's time zone
    condition: Condition | None = None  # branch, wait_until
    then: list[Step] = []  # branch, wait_until: it holds
    otherwise: list[Step] = []  # branch, wait_until: it does not, or did not in time
    paths: list[Path] = []  # split


class Definition(Struct, omit_defaults=True, forbid_unknown_fields=True):
    trigger: Trigger = msgspec.field(default_factory=Trigger)
    condition: Condition | None = None  # of the event and the customer, when it happens
    again_days: int | None = 0  # for one customer: 0 each time, n after so many days, None only once ever
    most_per_hour: int = MOST_PER_HOUR
    languages: list[str] = msgspec.field(default_factory=lambda: ["en"])
    steps: list[Step] = []

    @property
    def days_between(self) -> int | None:
        """Days until the same customer may enter again; None: never. Nobody goes in and out of a segment all day long:
        that nothing is known of what moved them would make a circle of two workflows endless."""
        if self.again_days == 0 and self.trigger.kind in ("segment_entered", "segment_left"):
            return 1
        return self.again_days


def read(stored: Mapping[str, Any]) -> Definition:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(stored, Definition)


def stored(definition: Definition) -> dict[str, Any]:
    return dict(msgspec.to_builtins(definition))


# The tree


def lists_of(step: Step) -> list[tuple[str, list[Step]]]:
    """The lists of steps below a step, by the name of the way that leads there."""
    if step.kind in ("branch", "wait_until"):
        return [("then", step.then), ("otherwise", step.otherwise)]
    if step.kind == "split":
        return [(str(number), one.steps) for number, one in enumerate(step.paths)]
    return []


def every_step(steps: Sequence[Step]) -> Iterator[Step]:
    for one in steps:
        yield one
        for _way, below in lists_of(one):
            yield from every_step(below)


def step_called(definition: Definition, step_id: str) -> Step | None:
    return next((one for one in every_step(definition.steps) if one.id == step_id), None)


def new_id(definition: Definition) -> str:
    taken = {one.id for one in every_step(definition.steps)}
    return next(name for number in range(1, MOST_STEPS + 2) if (name := f"s{number}") not in taken)


# Laid out for a run


@dataclass(frozen=True, slots=True)
class Node:
    """A step with what comes after it; "" is the end. `ways` are the first steps of its branches."""

    step: Step
    after: str
    ways: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Program:
    definition: Definition
    first: str
    nodes: Mapping[str, Node]

    @property
    def waits_for_conditions(self) -> bool:
        return any(one.step.kind == "wait_until" and one.step.until == "condition" for one in self.nodes.values())


def program_of(definition: Definition) -> Program:
    nodes: dict[str, Node] = {}

    def lay(steps: Sequence[Step], after: str) -> str:
        for one in reversed(steps):
            nodes[one.id] = Node(one, after, {way: lay(below, after) for way, below in lists_of(one)})
            after = one.id
        return after

    return Program(definition, lay(definition.steps, ""), nodes)


@lru_cache(maxsize=512)
def program_called(workflow_id: int, number: int, key: str) -> Program | None:
    """Of a published version, which never changes. `key` is the workflow's: another database may give its id again."""
    from .models import WorkflowVersion

    row = WorkflowVersion.objects.filter(workflow=workflow_id, workflow__key=key, number=number).first()
    return program_of(read(row.definition)) if row else None


def way_of(step: Step, workflow_id: int, person: UUID | str) -> str:
    """The way of a split that this person always gets. Shares that do not fill 100 % are taken in proportion."""
    digest = blake2b(f"{workflow_id}\x1f{step.id}\x1f{person}".encode(), digest_size=8).digest()
    total = sum(max(one.share, 0) for one in step.paths)
    place, passed = int.from_bytes(digest) / 2**64 * total, 0.0
    for number, one in enumerate(step.paths):
        passed += max(one.share, 0)
        if place < passed:
            return str(number)
    return str(len(step.paths) - 1)


def in_language(texts: Texts, language: str, languages: Sequence[str] = ("en",)) -> str:
    """The text in that language, else in one of its family, else in the first language of the workflow."""
    wanted = language.casefold()
    for one, text in texts.items():
        if text and one.casefold() == wanted:
            return text
    for one, text in texts.items():
        if text and wanted and one.partition("-")[0].casefold() == wanted.partition("-")[0]:
            return text
    return next((texts[one] for one in (*languages, *texts) if texts.get(one)), "")


# What is wrong with it

NAME = re.compile(r"[^\s].{0,59}")


def problems(definition: Definition) -> list[tuple[str, str]]:
    """(id of the step, or "trigger", and a code); `texts.problem` has the sentences."""
    return [*_of_trigger(definition), *_of_steps(definition)]


def _of_trigger(definition: Definition) -> Iterator[tuple[str, str]]:
    trigger = definition.trigger
    needed = {
        "event": trigger.event, "case": trigger.event, "segment_entered": trigger.segment,
        "segment_left": trigger.segment, "date": trigger.trait,
    }.get(trigger.kind, "-")  # fmt: skip
    if not needed:
        yield "trigger", f"no_{trigger.kind}"
    if not 0 <= trigger.hour <= 23 or not -365 <= trigger.days <= 3650 or not 1 <= trigger.day <= 31:
        yield "trigger", "time"
    if definition.condition is not None and faults(definition.condition):
        yield "trigger", "condition"
    if definition.again_days is not None and not 0 <= definition.again_days <= 3650:
        yield "trigger", "again"
    if not 1 <= definition.most_per_hour <= 100_000:
        yield "trigger", "most_per_hour"


def _of_steps(definition: Definition) -> Iterator[tuple[str, str]]:
    steps = list(every_step(definition.steps))
    if not steps:
        yield "trigger", "no_steps"
    if len(steps) > MOST_STEPS or _depth(definition.steps) > DEEPEST:
        yield "trigger", "too_many"
    if len({one.id for one in steps}) != len(steps) or any(not re.fullmatch(r"[a-z0-9]{1,20}", s.id) for s in steps):
        yield "trigger", "ids"
    for one in steps:
        yield from ((one.id, code) for code in _of_step(one))


def _depth(steps: Sequence[Step]) -> int:
    return 1 + max((_depth(below) for one in steps for _way, below in lists_of(one)), default=0) if steps else 0


def _of_step(step: Step) -> Iterator[str]:
    if any(len(text) > LONGEST_TEXT for text in (*step.subject.values(), *step.text.values())):
        yield "long"
    if step.kind in ("mail", "notify", "case", "task") and not any(step.subject.values()):
        yield "no_subject"
    if step.kind == "mail" and not any(step.text.values()):
        yield "no_text"
    if step.kind in ("tag", "untag", "trait") and not NAME.fullmatch(step.name):
        yield "no_name"
    if step.kind == "survey" and not step.survey:
        yield "no_survey"
    if step.kind == "notify" and not step.people and not step.team:
        yield "nobody"
    if step.kind == "webhook" and not re.fullmatch(r"(?=.{1,60}$)[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", step.type):
        yield "no_type"
    if step.kind in ("case", "change_case") and not 0 <= step.priority <= 4:
        yield "priority"
    if step.kind == "change_case" and step.state not in ("", "resolve", "close"):
        yield "state"
    if step.kind in ("wait", "wait_until"):
        minutes = step.days * 1440 + step.hours * 60 + step.minutes
        if (
            min(step.days, step.hours, step.minutes) < 0
            or minutes > LONGEST_WAIT * 1440
            or (not minutes and (step.kind == "wait" or step.until == "condition"))
        ):
            yield "wait"
    if step.kind == "wait_until" and step.until == "time":
        if not 0 <= step.hour <= 23 or any(not 1 <= one <= 7 for one in step.weekdays):
            yield "time"
    elif step.kind in ("branch", "wait_until") and (step.condition is None or faults(step.condition)):
        yield "condition"
    if step.kind == "split" and (
        not 2 <= len(step.paths) <= 10 or abs(sum(one.share for one in step.paths) - 100) > 0.01
        or any(not 0 <= one.share <= 100 for one in step.paths)
    ):  # fmt: skip
        yield "shares"
