"""What a process and a map say, as data: which events are steps, and what belongs to a touchpoint.

All of it is kept as JSON with the row that it belongs to, and is the same in the REST API.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cxm.record.eventlog.scope import Operator

CUSTOMER = "customer"


class Test(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A test of one field of a record, with the fields and operators of `eventlog.scope.Filter`."""

    field: str
    operator: Operator = "is"
    values: tuple[str, ...] = ()


class EventRule(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Events of one name for which all tests hold: `source`, or `property.NAME` of the event as it came."""

    event: str
    where: tuple[Test, ...] = ()


class Label(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A step: events that one of the rules matches are called `key`; the first label that fits counts."""

    key: str
    events: tuple[EventRule, ...]


class ProcessDefinition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What counts as one journey and what as its steps.

    A journey is all that one customer did, or all events with the same text in the property `case` (`order_id`). With
    `labels`, only events that match one are steps; else every event of `events` (none: every received one) is, under
    its name or, with `label_by`, under the text of that property. Steps are in the order of time; of one moment, in
    that of the labels or of `events`, then of the property `version`, then of the ids. With `order_by`, the number in
    that property comes before the time (sources that count updates but know them only to the minute). With `collapse`,
    a step that repeats the one before is not counted. With `gap_s`, a journey ends when nothing happens for so long.
    """

    case: str = CUSTOMER
    events: tuple[str, ...] = ()
    label_by: str = ""
    labels: tuple[Label, ...] = ()
    order_by: str = ""
    collapse: bool = False
    gap_s: int | None = None


class FeedbackRule(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Answers for which all tests hold (fields of `feedback`: metric, question, survey, touchpoint, property.NAME)."""

    where: tuple[Test, ...]


class Binding(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What belongs to a touchpoint: steps by events, opinions by answers and topics, trouble by tickets and cases."""

    events: tuple[EventRule, ...] = ()
    feedback: tuple[FeedbackRule, ...] = ()
    topics: tuple[str, ...] = ()  # keys of topics; their subtopics belong to them
    tickets: tuple[FeedbackRule, ...] = ()  # tests on fields of `tickets`


class Promise(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What customers were told: within `within_s` seconds they reach the touchpoint `reaches` (empty: the next).

    Or by a moment of each journey's own: `until` names the property that holds it in the events of the touchpoint.
    """

    text: str
    within_s: int = 0
    reaches: str = ""
    until: str = ""


class Touchpoint(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One meeting of customer and firm. `key` never changes; it is the label of the map's process."""

    key: str
    name: str
    text: str = ""
    channel: str = ""
    owner: int | None = None  # the user's number
    partner: str = ""  # who runs it, if not the firm itself
    moment_of_truth: bool = False
    optional: bool = False  # the expected path may pass it by
    ends: bool = False  # a journey may end well here
    binding: Binding = Binding()
    promises: tuple[Promise, ...] = ()
    cost: float | None = None  # of one contact, in the currency of the map
    target: float | None = None  # of the score, in the unit of the map's metric
    lanes: dict[str, str] = {}  # actions, thoughts, emotion, pain_points, opportunities, or a lane of the firm's own


class Stage(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    key: str
    name: str
    touchpoints: tuple[Touchpoint, ...] = ()


class MapDefinition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A journey map. `case` says what one journey is, as in ProcessDefinition; `segment` and `persona` whose it is."""

    case: str = CUSTOMER
    gap_s: int | None = None
    persona: str = ""
    goal: str = ""
    segment: str = ""  # id of a segment; empty: everybody
    metric: Literal["nps", "csat", "ces"] = "csat"
    currency: str = ""
    stale_after_days: int = 90
    lanes: tuple[str, ...] = ("actions", "thoughts", "emotion", "pain_points", "opportunities")
    stages: tuple[Stage, ...] = ()

    def touchpoints(self) -> list[Touchpoint]:
        """All of them in the order of the map, which is the expected path."""
        return [one for stage in self.stages for one in stage.touchpoints]

    def following(self) -> dict[str, Touchpoint]:
        """What is expected after each touchpoint: the next one of the path that events are bound to. Where there is
        none, nobody can be seen to go on."""
        found: dict[str, Touchpoint] = {}
        after = None
        for one in reversed(self.touchpoints()):
            if after:
                found[one.key] = after
            if one.binding.events and not one.optional:
                after = one
        return found

    def process(self) -> ProcessDefinition:
        """The process whose steps are the touchpoints of this map."""
        labels = tuple(Label(one.key, one.binding.events) for one in self.touchpoints() if one.binding.events)
        nothing = () if labels else ("",)  # without any binding no event is a step
        return ProcessDefinition(case=self.case, gap_s=self.gap_s, events=nothing, labels=labels)
