"""What an alert rule looks at, and rules as functions: compiled once for each version, found by event name and metric.

A rule is looked at in two halves. The first asks the event alone and needs no database, so that thousands of events a
second cost little; only what passes it is asked the second, about the customer.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from cxm.act.cases.models import AlertRule, Case
from cxm.act.cases.text_fields import TEXT, asks_text, of_properties
from cxm.lib.conditions import Condition, Value, holds, is_time, leaves, number_of, text_of
from cxm.record.eventlog.follow import LogEvent
from cxm.stats.sequential import Side

Kind = AlertRule.Kind
FEEDBACK = ("answer_given", "message_received", "review_received", "call_transcribed")
CONTACT = "contact"  # as the event of a pattern: any of CONTACTS
CONTACTS = ("message_received", "call_transcribed", "chat_started", "call_ended")
DEEPEST = 5  # from this depth on, what rules have caused is not looked at: they would go in circles
ANSWER = (
    "metric", "question", "score", "percent", "survey", "channel", "touchpoint", "language", "comment", "place",
)  # fmt: skip
_wide = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")  # scripts that part no words
_word = re.compile(r"\w+")
_scale = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)\s*")
_decoder = msgspec.json.Decoder()


class What(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a rule looks at; each kind reads its own fields.

    words: `phrases`. pattern: `event` (a name, or "contact") `times` times within `days`. late: more than `hours`.
    metric: `metric` of the records that `filters` pick, `mode` beyond (`target`, in the unit of the metric) or changed
    (against the `days` before the rule was switched on), to the `side`. silence: nothing for `days`.
    """

    phrases: tuple[str, ...] = ()
    event: str = ""
    times: int = 3
    days: int = 7
    hours: int = 0
    metric: str = ""
    filters: tuple[str, ...] = ()
    mode: Literal["beyond", "changed"] = "changed"
    side: Side = "below"
    target: float | None = None


class CaseOf(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The case that a rule opens. `team`: its id; None leaves it to routing."""

    category: str = ""
    priority: int = int(Case.Priority.NORMAL)
    severe: bool = False
    complaint: bool = False
    team: int | None = None


@dataclass(slots=True)
class Seen:
    """An event with its properties taken apart. `depth`: how many rules lie before it."""

    event: LogEvent
    properties: Mapping[str, Any]

    @property
    def signals(self) -> Mapping[str, Any]:
        """What its comment says; read when it is asked for."""
        return of_properties(self.event.workspace_id, self.properties)

    @property
    def depth(self) -> int:
        """0 for what came from outside, whatever it says of itself."""
        said = self.properties.get("depth") if self.event.source == "fact" else 0
        return said if isinstance(said, int) else 0

    @property
    def percent(self) -> float | None:
        """Where the score lies on its scale, 0 to 100."""
        score = self.properties.get("score")
        found = _scale.fullmatch(str(self.properties.get("scale") or ""))
        if isinstance(score, bool) or not isinstance(score, int | float) or not found:
            return None
        low, high = float(found[1]), float(found[2])
        return (score - low) / (high - low) * 100 if low < high else None


def seen(event: LogEvent) -> Seen:
    try:
        properties = _decoder.decode(event.properties) if event.properties else {}
    except msgspec.DecodeError:
        properties = {}
    return Seen(event, properties if isinstance(properties, dict) else {})


Check = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class Compiled:
    """`names` of events it waits for, of feedback with one of `metrics` (None: any).

    `first` asks the event; `second` is what the customer must be asked as well, or None.
    """

    rule: AlertRule
    what: What
    names: tuple[str, ...]
    metrics: frozenset[str] | None
    first: Check
    second: Condition | None
    asks_text: bool = False


def what_of(rule: AlertRule) -> What:
    return msgspec.convert(rule.what, What)


def case_of(rule: AlertRule) -> CaseOf:
    return msgspec.convert(rule.case, CaseOf)


def condition_of(rule: AlertRule) -> Condition | None:
    return msgspec.convert(rule.condition, Condition) if rule.condition else None


def compile_rule(rule: AlertRule) -> Compiled:
    what, condition = what_of(rule), condition_of(rule)
    early, second = halves(condition)
    checks: list[Check] = [checked(early)] if early is not None else []
    metrics = metrics_of(early)
    match rule.kind:
        case Kind.ANSWER:
            names: tuple[str, ...] = FEEDBACK
        case Kind.WORDS:
            names = FEEDBACK
            found = phrase_finder(what.phrases)
            checks.insert(0, lambda one: found(one) != "")
        case Kind.PATTERN:
            names = events_of(what)
        case Kind.LATE:
            names = ("order_delivered",)
        case _:  # watched by the clock
            names = ()
    metrics = metrics if names == FEEDBACK else None
    return Compiled(rule, what, names, metrics, joined(checks), second, asks_text(condition))


def events_of(what: What) -> tuple[str, ...]:
    return CONTACTS if what.event == CONTACT else (what.event,)


def joined(checks: Sequence[Check]) -> Check:
    if not checks:
        return lambda _one: True
    first, *rest = checks
    if not rest:
        return first
    then = joined(rest)
    return lambda one: first(one) and then(one)


# Conditions


def is_early(name: str) -> bool:
    return name.startswith(("answer.", "property.", TEXT))


def halves(condition: Condition | None) -> tuple[Condition | None, Condition | None]:
    """What the event alone can be asked, and the rest; both must hold."""
    if condition is None:
        return None, None
    parts = condition.all if condition.all is not None else (condition,)
    early = tuple(one for one in parts if all(is_early(leaf.field) for leaf in leaves(one)))
    late = tuple(one for one in parts if one not in early)
    return Condition(all=early) if early else None, Condition(all=late) if late else None


def metrics_of(condition: Condition | None) -> frozenset[str] | None:
    """The metrics that it can hold for, where one part of the whole says so."""
    for one in (condition.all or ()) if condition else ():
        if one.field == "answer.metric" and one.operator == "is":
            return frozenset(str(value) for value in one.values)
    return None


def checked(condition: Condition) -> Check:
    """The tree as one function; it asks the event only."""
    if condition.all is not None:
        return joined([checked(one) for one in sorted(condition.all, key=asks_text)])  # reading a text costs most
    if condition.any is not None:
        several = [checked(one) for one in condition.any]
        return lambda one: any(check(one) for check in several)
    if condition.not_ is not None:
        inner = checked(condition.not_)
        return lambda one: not inner(one)
    return leaf_check(condition, getter(condition.field))


ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_most": operator.le, "at_least": operator.ge, "more_than": operator.gt, "less_than": operator.lt,
}  # fmt: skip


def leaf_check(leaf: Condition, get: Callable[[Seen], Value]) -> Check:
    """A leaf as a function: `holds`, with a short way for what nearly all rules ask, a number or a plain word."""
    slow: Check = lambda one: holds(leaf, {leaf.field: get(one)})  # noqa: E731  # the name of what follows
    compare_numbers, numbers = ORDERED.get(leaf.operator), [number_of(one) for one in leaf.values]
    if compare_numbers is not None and len(numbers) == 1 and (limit := numbers[0]) is not None:

        def ordered(one: Seen) -> bool:
            value = get(one)
            return compare_numbers(value, limit) if type(value) in (int, float) else slow(one)

        return ordered
    if leaf.operator == "is" and not any(
        n is not None or is_time(one) for n, one in zip(numbers, leaf.values, strict=True)
    ):
        texts = frozenset(map(text_of, leaf.values))

        def among(one: Seen) -> bool:
            value = get(one)
            return value in texts if type(value) is str else slow(one)

        return among
    return slow


def getter(name: str) -> Callable[[Seen], Value]:
    """How to find a field of an event: `answer.NAME`, `property.NAME` or, of its comment, `text.NAME`."""
    kind, _dot, rest = name.partition(".")
    if kind == "text":
        return lambda one: one.signals.get(rest)
    if name == "answer.percent":
        return lambda one: one.percent
    if kind == "answer":
        return lambda one: one.properties.get(rest)

    def of_property(one: Seen) -> Value:
        if rest in one.properties:
            return one.properties[rest]  # type: ignore[no-any-return]  # what a sender sent
        inner = one.properties.get("properties")
        return inner.get(rest) if isinstance(inner, dict) else None

    return of_property


def phrase_finder(phrases: Iterable[str]) -> Callable[[Seen], str]:
    """The first of the phrases in a comment, as it was written there; an empty text for none.

    Whole words, in any letters; a star at the end stands for any ending. Chinese and its like part no words.
    """
    parts = []
    for phrase in phrases:
        words = phrase.split()
        if not words:
            continue
        body = r"\s+".join(re.escape(one.rstrip("*")) + (r"\w*" if one.endswith("*") else "") for one in words)
        parts.append(body if _wide.search(phrase) else rf"(?<!\w){body}(?!\w)")
    if not parts:
        return lambda _one: ""
    pattern = re.compile("|".join(parts), re.IGNORECASE)

    def find(one: Seen) -> str:
        comment = one.properties.get("comment")
        match = pattern.search(comment) if isinstance(comment, str) and comment else None
        return match[0] if match else ""

    return find


@dataclass(slots=True)
class Hints:
    """Quickly: whether a comment can hold any of many phrases. It may say yes for nothing, never no for something."""

    words: set[str] = field(default_factory=set)
    beginnings: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    always: bool = False

    def add(self, phrases: Iterable[str]) -> None:
        for phrase in phrases:
            words = phrase.casefold().split()
            if not words:
                continue
            head = _word.match(words[0])
            if _wide.search(phrase):
                self.parts += (words[0].rstrip("*"),)
            elif head is None:
                self.always = True
            elif head[0] + "*" == words[0]:
                self.beginnings += (head[0],)
            else:
                self.words.add(head[0])

    def may(self, one: Seen) -> bool:
        comment = one.properties.get("comment")
        if not comment or not isinstance(comment, str):
            return False
        text = comment.casefold()
        found = _word.findall(text)
        return (
            self.always
            or not self.words.isdisjoint(found)
            or (bool(self.beginnings) and any(word.startswith(self.beginnings) for word in found))
            or any(part in text for part in self.parts)
        )


# All rules


@dataclass(slots=True)
class RuleBook:
    """The rules of one workspace that wait for events."""

    by_name: dict[str, list[Compiled]] = field(default_factory=lambda: defaultdict(list))
    by_metric: dict[tuple[str, str], list[Compiled]] = field(default_factory=lambda: defaultdict(list))
    of_words: list[Compiled] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)
    asks_text: bool = False

    def add(self, one: Compiled) -> None:
        self.asks_text = self.asks_text or one.asks_text
        if one.rule.kind == Kind.WORDS:
            self.of_words.append(one)
            self.hints.add(one.what.phrases)
            return
        for name in one.names:
            if one.metrics is None:
                self.by_name[name].append(one)
            for metric in one.metrics or ():
                self.by_metric[name, metric].append(one)

    def names(self) -> set[str]:
        """Of the events that some rule waits for."""
        feedback = FEEDBACK if self.of_words or self.by_metric else ()
        return {*self.by_name, *feedback}

    def waits_for(self, name: str) -> bool:
        if name in FEEDBACK:
            return bool(self.of_words or self.by_metric or name in self.by_name)
        return name in self.by_name

    def met(self, one: Seen) -> list[Compiled]:
        """The rules whose first half holds, by name."""
        name, metric = one.event.name, one.properties.get("metric")
        found = [each for each in self.by_name.get(name, ()) if each.first(one)]
        if isinstance(metric, str):
            found += [each for each in self.by_metric.get((name, metric), ()) if each.first(one)]
        if self.of_words and name in FEEDBACK and self.hints.may(one):
            found += [each for each in self.of_words if each.first(one)]
        return sorted(found, key=lambda each: each.rule.name) if len(found) > 1 else found


_compiled: dict[UUID, Compiled] = {}
_books: dict[int, tuple[frozenset[tuple[UUID, int]], RuleBook]] = {}
MOST_KEPT = 10_000


def books(workspace_ids: Iterable[int]) -> dict[int, RuleBook]:
    """The rules that are on, compiled anew only where they have changed. One short question for all workspaces."""
    wanted = set(workspace_ids)
    on: dict[int, set[tuple[UUID, int]]] = {pk: set() for pk in wanted}
    rows = AlertRule.objects.filter(is_on=True, workspace__in=wanted).values_list("workspace_id", "pk", "version")
    for workspace_id, pk, version in rows.order_by():
        on[workspace_id].add((pk, version))
    found = {}
    for workspace_id, versions in on.items():
        kept = _books.get(workspace_id)
        if kept is None or kept[0] != versions:
            kept = (frozenset(versions), _book(versions))
            _books[workspace_id] = kept
        found[workspace_id] = kept[1]
    return found


def _book(versions: Iterable[tuple[UUID, int]]) -> RuleBook:
    book = RuleBook()
    if len(_compiled) > MOST_KEPT:
        _compiled.clear()
    rules = AlertRule.objects.filter(pk__in=[pk for pk, _version in versions]).order_by("name")
    for rule in rules:
        known = _compiled.get(rule.pk)
        if known is None or known.rule.version != rule.version:
            known = _compiled[rule.pk] = compile_rule(rule)
        book.add(known)
    return book
