"""Reading answers: from the fields of a form, or from JSON.

The names of form fields, which every renderer uses (`field_name`):

    a.<question>             most kinds; repeated for several choices; yes_no, thumbs and consent send "yes" or "no"
    a.<question>.other       the text of "other"
    a.<question>.<row>       a matrix; repeated when several columns may be chosen
    a.<question>.<choice>    an amount of a constant sum; the place of a choice in a ranking, 1 is the best
                             (a script may send `a.<question>` repeated, best first, instead)
    a.<question>.<task>.best and .worst    MaxDiff, tasks count from 0
    a.<question>.<part>      a contact block

Files arrive by another way; their answer is put together by whoever stores them.

Whatever has the right type is kept, even when it breaks a rule of the question (too many choices, no e-mail address),
so that nothing anybody typed is lost; `check_page` says what stands against it. Only what is no answer is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from ..definition import SCORED, Definition, Question
from .prepared import Prepared, prepared
from .values import BOOLEAN, LONGEST, ONE_CHOICE, TEXTS, number, scale_of, several, typed
from .view import Problem

Form = Mapping[str, Sequence[str]]
YES = frozenset({"yes", "true", "1", "on", "up"})
NO = frozenset({"no", "false", "0", "off", "down"})
DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:T.*)?|(\d{1,2})\.(\d{1,2})\.(\d{4})")


class Reading(Struct, frozen=True):
    """`answers` are to be put over those kept so far; None takes one away. `entered` is what could not be read."""

    answers: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    entered: dict[str, str] = field(default_factory=dict)


def field_name(question: str, *parts: str | int) -> str:
    return ".".join(("a", question, *map(str, parts)))


def read_form(survey: Definition | Prepared, questions: Iterable[str], form: Form, *, language: str = "") -> Reading:
    """The answers to the questions that the form showed: one that it leaves empty is taken away."""
    ready = prepared(survey)
    found = [_read_one(ready, ready.questions[id_], form, language) for id_ in questions if id_ in ready.questions]
    return _together(found)


def read_value(survey: Definition | Prepared, question: str, form: Form, *, language: str = "") -> Reading:
    """The answer to one question."""
    return read_form(survey, (question,), form, language=language)


def read_json(survey: Definition | Prepared, answers: Mapping[str, Any]) -> Reading:
    """Answers in their stored format, as clients of the API send them; null takes one away. Unknown names fall out."""
    ready = prepared(survey)
    kept: dict[str, Any] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for name, value in answers.items():
        if name in ready.questions:
            if value is None or value == "" or value == [] or value == {}:
                kept[name] = None
                continue
            kept[name] = found = typed(ready.questions[name], value, ready.choices[name], ready.rows[name])
            if found is None:
                del kept[name]
                problems[name] = (_refusal(ready.questions[name], value),)
        elif name.endswith(".other") and name[: -len(".other")] in ready.questions:
            if value is None or (isinstance(value, str) and len(value) <= LONGEST):
                kept[name] = value or None
            else:
                problems[name[: -len(".other")]] = (Problem("wrong_type"),)
    return Reading(kept, problems, {})


def _together(readings: Iterable[Reading]) -> Reading:
    whole = Reading()
    for one in readings:
        whole.answers.update(one.answers)
        whole.problems.update(one.problems)
        whole.entered.update(one.entered)
    return whole


def _refusal(question: Question, value: Any) -> Problem:
    if question.kind in SCORED and number(value) is not None:
        scale = scale_of(question)
        return Problem("not_on_scale", {"lowest": scale.lowest, "highest": scale.highest, "step": scale.step})
    if isinstance(value, str) and question.kind in TEXTS:
        return Problem("too_long", {"most": LONGEST, "length": len(value)})
    if isinstance(value, str) and (question.kind in ONE_CHOICE or question.kind == "picture"):
        return Problem("unknown_choice")
    return Problem("wrong_type")


def _read_one(survey: Prepared, question: Question, form: Form, language: str) -> Reading:
    id_, kind = question.id, question.kind
    choices, rows = survey.choices[id_], survey.rows[id_]
    own = [one for one in form.get(field_name(id_), ()) if isinstance(one, str)]
    first = own[0].strip() if own else ""
    if kind in ("statement", "file"):
        return Reading()
    if kind in SCORED or kind == "number":
        return _number(question, first, language)
    if kind in BOOLEAN:
        return _one(id_, True if first.lower() in YES else False if first.lower() in NO else None)
    if kind in TEXTS:
        return _text(question, own[0] if own else "")
    if kind == "maxdiff":
        return _one(id_, typed(question, _tasks(question, form), choices, rows))
    parts = {part: list(form.get(field_name(id_, part), ())) for part in (rows if kind == "matrix" else choices)}
    if kind == "matrix":
        raw: Any = {row: values if question.several else values[0] for row, values in parts.items() if values}
        return _one(id_, typed(question, raw, choices, rows))
    if kind == "contact":
        told = {part: _clean(values[0]) for part, values in parts.items() if values and len(values[0]) <= LONGEST}
        return _one(id_, typed(question, told, choices, rows))
    if kind == "constant_sum":
        return _amounts(question, parts, language)
    if kind == "ranking" and not own:
        return _ranking(question, parts)
    read = _one(id_, typed(question, own if several(question) or kind == "ranking" else first, choices, rows))
    if first and read.answers[id_] is None:
        return Reading({}, {id_: (Problem("unknown_choice"),)}, {})
    if any(choice.other for choice in choices.values()):
        text = next(iter(form.get(field_name(id_, "other"), ())), "")
        read.answers[f"{id_}.other"] = _clean(text[:LONGEST]) or None
    return read


def _one(id_: str, value: Any) -> Reading:
    return Reading({id_: value}, {}, {})


def _number(question: Question, text: str, language: str) -> Reading:
    if not text:
        return _one(question.id, None)
    found = read_number(text, language)
    if found is None:
        return Reading({question.id: None}, {question.id: (Problem("number"),)}, {question.id: text[:200]})
    if typed(question, found, (), ()) is None:
        return Reading({question.id: None}, {question.id: (_refusal(question, found),)}, {question.id: text[:200]})
    return _one(question.id, found)


def _text(question: Question, text: str) -> Reading:
    kept = _clean(text)
    if len(kept) > LONGEST:
        problem = Problem("too_long", {"most": LONGEST, "length": len(kept)})
        return Reading({}, {question.id: (problem,)}, {question.id: kept[:LONGEST]})
    if question.kind == "date" and kept:
        day = read_day(kept)
        if not day:
            return Reading({question.id: None}, {question.id: (Problem("date"),)}, {question.id: kept[:200]})
        kept = day
    return _one(question.id, kept or None)


def _tasks(question: Question, form: Form) -> list[dict[str, str]]:
    found = []
    for task in range(100):
        pair = {end: form.get(field_name(question.id, task, end), ()) for end in ("best", "worst")}
        found.append({end: values[0] for end, values in pair.items() if values})
    while found and not found[-1]:
        found.pop()
    return found


def _amounts(question: Question, parts: Mapping[str, list[str]], language: str) -> Reading:
    amounts: dict[str, float] = {}
    problems = []
    entered = ""
    for part, values in parts.items():
        text = values[0].strip() if values else ""
        if not text:
            continue
        amount = read_number(text, language)
        if amount is None or amount < 0:
            problems.append(
                Problem("number", part=part) if amount is None else Problem("too_small", {"least": 0.0}, part=part)
            )
            entered = entered or text[:200]
        else:
            amounts[part] = amount
    faults = {question.id: tuple(problems)} if problems else {}
    return Reading({question.id: amounts or None}, faults, {})


def _ranking(question: Question, parts: Mapping[str, list[str]]) -> Reading:
    places: dict[str, float] = {}
    for choice, values in parts.items():
        place = read_number(values[0].strip(), "") if values else None
        if place is not None:
            places[choice] = place
    taken: set[float] = set()
    for place in places.values():
        if place in taken:
            return Reading({}, {question.id: (Problem("same_rank", {"rank": place}),)}, {})
        taken.add(place)
    return _one(question.id, sorted(places, key=lambda choice: places[choice]) or None)


def _clean(text: str) -> str:
    """Without the spaces around it, with one kind of line end, without controls and lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "ignore").decode()
    return "".join(one for one in text if one >= " " or one in "\n\t").strip()


def read_number(text: str, language: str = "") -> float | None:
    """A number as people write it: 1234.5, 1 234,5, 1,234.5. A single comma is a decimal one, except where the language
    writes thousands so. None: not a finite number."""
    text = re.sub(r"[\s' ’]", "", text).replace("−", "-")
    if "," in text and "." in text:
        text = text.replace(",", "") if text.rindex(".") > text.rindex(",") else text.replace(".", "").replace(",", ".")
    elif text.count(",") > 1 or (
        language.split("-")[0] in ("en", "ja", "zh") and re.fullmatch(r"-?\d{1,3}(,\d{3})+", text)
    ):
        text = text.replace(",", "")
    else:
        text = text.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)", text, re.ASCII):
        return None
    return number(float(text))


def read_day(text: str) -> str:
    """YYYY-MM-DD, or with a time behind it, or D.M.YYYY; empty: no day of the calendar."""
    from datetime import date

    found = DAY.fullmatch(text.strip())
    if not found:
        return ""
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""
