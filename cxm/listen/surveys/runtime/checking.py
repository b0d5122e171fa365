"""What stands against an answer: missing, outside the question's limits, or against the author's own rules.

`required` is asked only of questions that are shown. Limits and the author's rules are asked only of what was answered:
an optional question may stay empty whatever its limits.
"""

from __future__ import annotations

import re
from typing import Any

from cxm.lib.conditions import holds

from ..definition import Question, said
from .order import maxdiff_tasks
from .values import TEXTS, as_field, several
from .view import Problem
from .walk import Walk

EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@(?:[^\s@<>()\[\],;:\"\\.]+\.)+[^\s@<>()\[\],;:\"\\.]{2,}")
PHONE = re.compile(r"\+?[\d\s()./–-]{3,30}(?:(?:x|ext\.?|доб\.?|вн\.?)\s?\d{1,6})?", re.IGNORECASE)
URL = re.compile(r"(?:https?://)?(?:[^\s/@:?#.]+\.)+[^\s/@:?#.]{2,}(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE)


def problems_of(walk: Walk, id_: str) -> tuple[Problem, ...]:
    """The problems of a question that is shown, in the order in which they are to be read."""
    question = walk.survey.questions[id_]
    value = walk.value(id_)
    required = walk.required(question)
    if value is None:
        if question.kind == "consent" and required:
            return (Problem("consent"),)
        return (Problem("required"),) if required else ()
    if question.kind == "consent" and required and value is not True:
        return (Problem("consent"),)
    found = [*_limits(walk, question, value, required), *_other(walk, question, value)]
    if not found:
        found = [
            Problem("check", message=said(check.message, walk.language, walk.survey.definition.languages))
            for check in question.checks
            if not holds(
                check.must, lambda leaf: as_field(question, value) if leaf.field == "value" else walk.field(leaf.field)
            )
        ]
    return tuple(found)


def _other(walk: Walk, question: Question, value: Any) -> list[Problem]:
    chosen = value if isinstance(value, list) else [value]
    offers = walk.choices(question.id) if question.kind in ("single", "dropdown", "multiple", "picture") else {}
    asked = [
        one.choice.id for one in offers.values() if one.choice.other and not one.carried and one.choice.id in chosen
    ]
    return [Problem("other_text", part=asked[0])] if asked and not walk.other(question.id) else []


def _limits(walk: Walk, question: Question, value: Any, required: bool) -> list[Problem]:
    kind = question.kind
    if kind in ("number", "slider"):
        return _range(question, value)
    if kind in TEXTS:
        return _text(question, value)
    if several(question):
        found = _count(question, len(value))
        offers = walk.choices(question.id)
        if len(value) > 1 and any(offers[one].choice.exclusive for one in value):
            found.append(Problem("exclusive"))
        return found
    match kind:
        case "ranking":
            if required and question.at_least is None and question.at_most is None:
                offered = len(walk.choices(question.id))
                return (
                    [Problem("too_few", {"least": float(offered), "count": len(value)})] if len(value) < offered else []
                )
            return _count(question, len(value))
        case "matrix":
            return _rows(walk, question, value, required)
        case "constant_sum":
            total = sum(value.values())
            if question.total is not None and abs(total - question.total) > 1e-6:
                return [Problem("total", {"total": question.total, "sum": round(total, 6)})]
        case "maxdiff":
            return _tasks(walk, question, value, required)
        case "file":
            return _files(question, value)
        case "contact":
            return _contact(walk, question, value)
    return []


def _range(question: Question, value: float) -> list[Problem]:
    if question.at_least is not None and value < question.at_least:
        return [Problem("too_small", {"least": question.at_least})]
    if question.at_most is not None and value > question.at_most:
        return [Problem("too_large", {"most": question.at_most})]
    return []


def _count(question: Question, count: int) -> list[Problem]:
    if question.at_least is not None and count < question.at_least:
        return [Problem("too_few", {"least": question.at_least, "count": count})]
    if question.at_most is not None and count > question.at_most:
        return [Problem("too_many", {"most": question.at_most, "count": count})]
    return []


def _text(question: Question, value: str) -> list[Problem]:
    pattern = {"email": EMAIL, "phone": PHONE, "url": URL}.get(question.kind)
    if pattern and not _fits(pattern, value):
        return [Problem(question.kind)]
    if question.kind == "date":
        from .reading import read_day

        return [] if read_day(value) == value else [Problem("date")]
    if question.at_least is not None and len(value) < question.at_least:
        return [Problem("too_short", {"least": question.at_least, "length": len(value)})]
    if question.at_most is not None and len(value) > question.at_most:
        return [Problem("too_long", {"most": question.at_most, "length": len(value)})]
    return []


def _fits(pattern: re.Pattern[str], value: str) -> bool:
    return len(value) <= 2000 and pattern.fullmatch(value.strip()) is not None


def _rows(walk: Walk, question: Question, value: dict[str, Any], required: bool) -> list[Problem]:
    """A compulsory matrix wants an answer in each row."""
    missing = [
        Problem("required", part=row)
        for row, offer in walk.rows(question.id).items()
        if (required or offer.choice.required) and row not in value
    ]
    if question.several:
        missing += [
            Problem(problem.code, problem.params, part=row)
            for row, cell in value.items()
            for problem in _count(question, len(cell))
        ]
    return missing


def _tasks(walk: Walk, question: Question, value: list[dict[str, str]], required: bool) -> list[Problem]:
    ids = tuple(walk.choices(question.id))
    tasks = maxdiff_tasks(ids, question.per_task, question.tasks, walk.seed, question.id)
    found = []
    for number, shown in enumerate(tasks, 1):
        task = value[number - 1] if number <= len(value) else {}
        best, worst = task.get("best"), task.get("worst")
        if best and best == worst:
            found.append(Problem("same_choice", {"task": number}))
        elif (best and best not in shown) or (worst and worst not in shown):
            found.append(Problem("unknown_choice", part=str(number)))
        elif (required or task) and not (best and worst):
            found.append(Problem("task", {"task": number}))
    return found


def _files(question: Question, value: list[dict[str, Any]]) -> list[Problem]:
    found = _count(question, len(value))
    for one in value:
        if question.accept and not one["name"].lower().endswith(tuple(ending.lower() for ending in question.accept)):
            found.append(Problem("file_type", {"name": one["name"], "accept": ", ".join(question.accept)}))
        if one["size"] > question.largest_mb * 1_000_000:
            found.append(Problem("file_size", {"name": one["name"], "largest_mb": question.largest_mb}))
    return found


def _contact(walk: Walk, question: Question, value: dict[str, str]) -> list[Problem]:
    """Parts called email, phone and url are checked as such."""
    found = []
    for part, offer in walk.choices(question.id).items():
        if part not in value:
            if offer.choice.required:
                found.append(Problem("required", part=part))
        elif (pattern := {"email": EMAIL, "phone": PHONE, "url": URL}.get(part)) and not _fits(pattern, value[part]):
            found.append(Problem(part, part=part))
    return found
