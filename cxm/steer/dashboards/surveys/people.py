"""The responses as rows: those that a view shows, how far people came, and how long it took them.

The log knows a response once it is completed or given up; that somebody started and where they stopped is known here
only. Filters mean the same on both sides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce

from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.wordings import Asked, asked_questions
from cxm.record.customers.queries import Wanted, customers
from cxm.record.eventlog.scope import SEGMENT, Filter, Scope, UnknownField
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.stats.quantiles import median

from .asking import ANSWER

MOST_WALKED: Final = 100_000  # responses, the newest, whose way through the questions is followed
MOST_TIMED: Final = 10_000  # responses, the newest, whose times make the median
COLUMNS: Final = {
    "channel": "channel", "language": "language", "version": "version", "state": "state", "property.origin": "origin",
}  # fmt: skip


def responses_of(survey: Survey, scope: Scope, *, archived: bool = False) -> QuerySet[Response]:
    """The responses that count, with the filters of a scope: no tests; archived ones only if asked for."""
    found = Response.objects.filter(survey=survey, test=False, archived_at__isnull=not archived)
    found = found.annotate(ended_at=Coalesce("completed_at", "updated_at"))
    if scope.since is not None:
        found = found.filter(ended_at__gte=scope.since)
    if scope.until is not None:
        found = found.filter(ended_at__lt=scope.until)
    for number, one in enumerate(scope.filters):
        found = _filtered(survey, found, one, f"filter{number}")
    return found


def _filtered(survey: Survey, found: QuerySet[Response], one: Filter, alias: str) -> QuerySet[Response]:
    negated = one.operator in {"is_not", "is_not_set"}
    if one.field in COLUMNS:
        condition = _of_text(COLUMNS[one.field], one)
    elif one.field.startswith("trait."):
        name = one.field.removeprefix("trait.")
        if one.operator in {"at_least", "at_most"}:
            found = found.annotate(**{alias: KeyTransform(name, "customer__traits")})
            return found.filter(_ordered(alias, one))
        found = found.annotate(**{alias: Cast(KeyTextTransform(name, "customer__traits"), TextField())})
        condition = _of_text(alias, one)
    elif one.field.startswith("property.") and one.operator not in {"at_least", "at_most"}:  # they are texts
        name = one.field.removeprefix("property.")
        if name not in hidden_names(survey):
            raise UnknownField(one.field)
        found = found.annotate(**{alias: Cast(KeyTextTransform(name, "hidden"), TextField())})
        condition = _of_text(alias, one)
    elif one.field.startswith(ANSWER):
        return _by_answer(found, one, alias)
    elif one.field == "touchpoint":
        condition = _at_touchpoint(survey, one)
    elif one.field == SEGMENT and one.members is not None and one.operator in {"is", "is_not"}:
        condition = _in_segments(survey, one)
    else:
        raise UnknownField(one.field)
    return _without(found, condition) if negated else found.filter(condition)


def hidden_names(survey: Survey) -> list[str]:
    """The hidden fields of all published versions: what an address or a client said of a response."""
    found = survey.versions.order_by("number").values_list("definition__hidden", flat=True)
    return list(dict.fromkeys(name for names in found for name in names or ()))


def _without(found: QuerySet[Response], condition: Q) -> QuerySet[Response]:
    """All others, also those of whom the condition is not known: SQL would leave them out."""
    return found.exclude(pk__in=found.filter(condition).values("pk"))


def _in_segments(survey: Survey, one: Filter) -> Q:
    """Its customer, or the one whom it was merged into, is in one of the segments."""
    members = Q(pk__in=[])
    for segment in one.values:
        rows = customers(survey.workspace, Wanted(segment=segment)).order_by().values("pk")
        members |= Q(customer__in=rows) | Q(customer__canonical__in=rows)
    return members


def _at_touchpoint(survey: Survey, one: Filter) -> Q:
    """A question of the touchpoint was answered: touchpoints belong to questions, so each answer in the log has one."""
    tests: dict[str, Callable[[str], bool]] = {
        "is": lambda at: at in one.values, "is_not": lambda at: at in one.values, "is_set": bool, "is_not_set": bool,
        "contains": lambda at: any(value.lower() in at.lower() for value in one.values),
    }  # fmt: skip
    fits = tests.get(one.operator)
    if fits is None:
        raise UnknownField(one.field)
    questions = [asked.id for asked in asked_questions(survey) if fits(asked.newest.touchpoint)]
    return Q(answers__has_any_keys=questions) if questions else Q(pk__in=[])


def _of_text(name: str, one: Filter) -> Q:
    """The condition without its negation, which the caller adds."""
    match one.operator:
        case "is" | "is_not":
            return Q(**{f"{name}__in": one.values})
        case "contains":
            condition = Q()
            for value in one.values:
                condition |= Q(**{f"{name}__icontains": value})
            return condition
        case "at_least" | "at_most":
            return Q(**{f"{name}__{'gte' if one.operator == 'at_least' else 'lte'}": one.values[0]})
        case "is_set" | "is_not_set":
            return Q(**{f"{name}__isnull": False}) & ~Q(**{name: ""})
    raise UnknownField(one.field)


def _by_answer(found: QuerySet[Response], one: Filter, alias: str) -> QuerySet[Response]:
    """A part of a question (`matrix.row`) is a key inside its answer; several choices are a list, found as text."""
    value_at: Any = "answers"  # by expressions, because a name may look like a lookup of Django's
    text_at: Any = "answers"
    for part in one.field.removeprefix(ANSWER).split("."):
        value_at, text_at = KeyTransform(part, value_at), KeyTextTransform(part, text_at)
    value_name, text_name = f"{alias}_value", f"{alias}_text"
    found = found.annotate(**{value_name: value_at, text_name: Cast(text_at, TextField())})
    negated = one.operator in {"is_not", "is_not_set"}
    condition = Q()
    if one.operator in {"at_least", "at_most"}:
        return found.filter(_ordered(value_name, one))
    if one.operator in {"is_set", "is_not_set"}:
        condition = Q(**{f"{value_name}__isnull": False})
    for value in one.values:
        if one.operator == "contains":
            condition |= Q(**{f"{text_name}__icontains": value})
        else:
            condition |= Q(**{text_name: value}) | holds_item(text_name, value)
            if value in {"yes", "no"}:  # as the log says it; here it is true or false
                condition |= Q(**{value_name: value == "yes"})
    return _without(found, condition) if negated else found.filter(condition)


def _ordered(name: str, one: Filter) -> Q:
    return Q(**{f"{name}__{'gte' if one.operator == 'at_least' else 'lte'}": float(one.values[0])})


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of responses by state. `completion`: of those who started, a share of 0..1; `seconds`: the median."""

    started: int
    completed: int
    partial: int
    screened_out: int
    open: int
    completion: Estimate
    seconds: Estimate


def overview(found: QuerySet[Response]) -> Overview:
    """`open` are those that may still be answered; they count as started."""
    state = Response.State
    counts = found.aggregate(**{one.value: Count("pk", filter=Q(state=one)) for one in state})
    total = sum(counts.values())
    times = found.filter(state=state.COMPLETED, completed_at__isnull=False).order_by("-started_at")
    seconds = [
        max((ended - started).total_seconds(), 0.0)
        for started, ended in times.values_list("started_at", "completed_at")[:MOST_TIMED]
        if ended is not None
    ]
    counted = total - counts[state.SCREENED_OUT]  # a screen-out had no chance to complete
    return Overview(
        started=total,
        completed=counts[state.COMPLETED],
        partial=counts[state.PARTIAL],
        screened_out=counts[state.SCREENED_OUT],
        open=counts[state.STARTED],
        completion=share(counts[state.COMPLETED], counted),
        seconds=median(seconds),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One question on the way: how many saw it, how many answered, and how many went no further."""

    asked: Asked
    seen: int
    answered: int
    lost: int
    answer_rate: Estimate
    loss: Estimate
    seconds: Estimate


@dataclass(frozen=True, slots=True)
class Funnel:
    steps: list[Step]
    walked: int
    total: int


def funnel(found: QuerySet[Response], questions: Iterable[Asked]) -> Funnel:
    """By question, in the order of the survey: people who are still answering are left out, nothing is lost yet."""
    state = Response.State
    questions = list(questions)
    order = {one.id: place for place, one in enumerate(questions)}
    seen: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    times: dict[str, list[float]] = {one.id: [] for one in questions}
    ended = found.exclude(state__in=[state.STARTED, state.SCREENED_OUT])
    walked = 0
    rows = ended.order_by("-started_at").values_list("state", "seen", "answers")[:MOST_WALKED]
    for how, shown, answers in rows.iterator(chunk_size=2000):
        walked += 1
        met = [name for name in order if name in shown or name in answers]
        for name in met:
            seen[name] += 1
            if name in answers:
                answered[name] += 1
            spent = shown.get(name)
            if isinstance(spent, int | float) and not isinstance(spent, bool) and spent >= 0:
                times[name].append(float(spent))
        if met and how == state.PARTIAL:
            lost[max(met, key=order.__getitem__)] += 1
    steps = [
        Step(
            one, seen[one.id], answered[one.id], lost[one.id], share(answered[one.id], seen[one.id]),
            share(lost[one.id], seen[one.id]), median(times[one.id]),
        )
        for one in questions
    ]  # fmt: skip
    return Funnel(steps, walked, ended.count() if walked >= MOST_WALKED else walked)


def as_text(column: str) -> Cast:
    """A JSON column as the text that it is stored as, in which an item of a list can be looked for."""
    return Cast(column, TextField())


def holds_item(name: str, text: str) -> Q:
    """A list in JSON holds this text. Letters beyond ASCII are escaped on SQLite, and as they are on PostgreSQL."""
    return Q(**{f"{name}__contains": json.dumps(text)}) | Q(
        **{f"{name}__contains": json.dumps(text, ensure_ascii=False)}
    )
