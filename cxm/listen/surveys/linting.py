"""A second pair of eyes on the wording of a survey, in the five languages: what may bend or spoil the answers.

Findings are advice, never a reason to refuse. The codes and what to do about them: docs/reference/survey-lint.md, which
also says how often they are right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from cxm.lib.conditions import text_of

from .definition import CHOOSING, SCORED, Choice, Definition, Question, Text, default_scale
from .lint_words import BAD, DOUBLE, GOOD, LEADING, NEGATED, NOT_BAD, PLAIN, SINGLE
from .runtime.prepared import FIELD
from .texts import texts_of

# Each code with the names of its parameters. The sentences are written where they are shown.
CODES: dict[str, tuple[str, ...]] = {
    "leading": ("words",),  # presumes or praises
    "double_barrelled": ("words",),  # asks two things at once
    "negated": ("words",),  # a denial that is easily missed
    "too_long": ("length", "most"),  # words, in Chinese characters
    "unbalanced_scale": ("good", "bad"),  # more labels on one side than on the other
    "overlapping_ranges": ("first", "second"),  # 0–5 and 5–10: which one is 5?
    "untranslated": (),  # no text in this language
    "copied": (),  # the same text as in the first language
    "inconsistent_scale": ("what",),  # labels, direction or numbers differ from the first language
    "different_fields": ("fields",),  # answers put into the text differ from the first language
}
CLOSED = (SCORED | CHOOSING | {"yes_no", "thumbs", "matrix"}) - {"maxdiff"}  # which asks for the best and the worst
MOST_WORDS = {"title": 25, "choice": 15, "row": 15}
MOST_CHARACTERS = {"title": 45, "choice": 25, "row": 25}  # of Chinese, which writes no spaces
NUMBER = re.compile(r"\d+")
RANGE = re.compile(r"^\D*?(\d+(?:[.,]\d+)?)\s*(?:-|–|—|to|do|до|至|到)\s*(\d+(?:[.,]\d+)?)\D*$")
WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")


class Finding(Struct, frozen=True):
    """`path` is the address of the text (see `texts`), `language` the one it is about."""

    code: str
    path: str
    language: str
    params: dict[str, Any] = field(default_factory=dict)


def lint(definition: Definition) -> list[Finding]:
    """In the order of the survey; a language whose words are not known gets only the checks that need none."""
    found: list[Finding] = []
    for question in definition.questions():
        for language in definition.languages:
            found += _question(question, language)
        found += _scales(question, definition.languages)
    found += _translations(definition)
    order = {one.path: number for number, one in enumerate(texts_of(definition))}
    return sorted(found, key=lambda one: (order.get(one.path, len(order)), one.language, one.code))


def lint_text(text: str, language: str, *, closed: bool = True) -> dict[str, str]:
    """The codes of wording that apply to one question, each with the words that say so."""
    language = language.lower()
    found: dict[str, str] = {}
    if language not in LEADING:
        return found
    if match := LEADING[language].search(text):
        found["leading"] = match[0].strip()
    if closed and (match := DOUBLE[language].search(SINGLE[language].sub(" ", text))):
        found["double_barrelled"] = match[0]
    if closed and "leading" not in found and (match := NEGATED[language].search(PLAIN[language].sub(" ", text))):
        found["negated"] = match[0]
    return found


def length_of(text: str, language: str) -> int:
    """Words; in Chinese, characters."""
    if language.startswith("zh"):
        return sum(1 for one in text if "\u3400" <= one <= "\u9fff") + len(re.findall(r"[A-Za-z]+|\d+", text))
    return len(WORD.findall(text))


def feeling(label: str, language: str) -> int:
    """1: good, -1: bad, 0: neither, or both ("neither satisfied nor dissatisfied")."""
    if language not in BAD:
        return 0
    label, denied = NOT_BAD[language].subn(" ", label)
    bad = bool(BAD[language].search(label))
    good = bool(denied) or bool(GOOD[language].search(BAD[language].sub(" ", label)))
    return 0 if good and bad else -1 if bad else 1 if good else 0


def _question(question: Question, language: str) -> Iterator[Finding]:
    head = f"question/{question.id}"
    title = question.title.get(language, "")
    if question.kind not in ("statement", "consent", "contact"):
        for code, words in lint_text(title, language, closed=question.kind in CLOSED).items():
            yield Finding(code, f"{head}/title", language, {"words": words})
        yield from _too_long(title, "title", f"{head}/title", language)
    for kind, choices in (("choice", question.choices), ("row", question.rows)):
        for choice in choices:
            said = choice.label.get(language, "")
            yield from _too_long(said, kind, f"{head}/{kind}/{choice.id}", language)
            if kind == "row" and question.kind == "matrix":
                for code, words in lint_text(said, language).items():
                    yield Finding(code, f"{head}/row/{choice.id}", language, {"words": words})
    yield from _balance(question, language)
    yield from _ranges(question.choices, head, language)


def _too_long(text: str, kind: str, path: str, language: str) -> Iterator[Finding]:
    most = (MOST_CHARACTERS if language.startswith("zh") else MOST_WORDS)[kind]
    if (length := length_of(text, language)) > most:
        yield Finding("too_long", path, language, {"length": length, "most": most})


def _balance(question: Question, language: str) -> Iterator[Finding]:
    """Labels of a scale, or of choices and columns that all but one say good or bad."""
    labels: list[Text] = []
    if question.kind in SCORED:
        scale = question.scale or default_scale(question.kind)
        labels = [scale.lowest_label, *scale.points.values(), scale.highest_label]
        ends = [feeling(one.get(language, ""), language) for one in (scale.lowest_label, scale.highest_label)]
        if ends[0] == ends[1] != 0:
            good = 2 if ends[0] > 0 else 0
            yield Finding(
                "unbalanced_scale", f"question/{question.id}/scale/lowest", language, {"good": good, "bad": 2 - good}
            )
            return
    elif question.kind in ("single", "dropdown", "matrix"):
        labels = [choice.label for choice in question.choices]
    said = [feeling(one.get(language, ""), language) for one in labels if one.get(language)]
    good, bad = said.count(1), said.count(-1)
    if len(said) >= 3 and good + bad >= len(said) - 1 and abs(good - bad) > (0 if (good + bad) % 2 == 0 else 1):
        yield Finding("unbalanced_scale", f"question/{question.id}/title", language, {"good": good, "bad": bad})


def _ranges(choices: list[Choice], head: str, language: str) -> Iterator[Finding]:
    before: tuple[float, str] | None = None
    for choice in choices:
        match = RANGE.match(choice.label.get(language, "").strip())
        if not match:
            before = None
            continue
        low, high = (float(one.replace(",", ".")) for one in match.groups())
        if before is not None and low == before[0]:
            params = {"first": before[1], "second": choice.label[language]}
            yield Finding("overlapping_ranges", f"{head}/choice/{choice.id}", language, params)
        before = (high, choice.label[language])


def _scales(question: Question, languages: list[str]) -> Iterator[Finding]:
    """A scale means the same in each language: the same points named, the same end good, the same numbers told."""
    if question.kind not in SCORED or len(languages) < 2:
        return
    head, first = f"question/{question.id}", languages[0]
    scale = question.scale or default_scale(question.kind)
    labels = {"lowest": scale.lowest_label, "highest": scale.highest_label}
    labels |= {f"point/{point}": label for point, label in scale.points.items()}
    for language in languages[1:]:
        for place, label in labels.items():
            here, there = feeling(label.get(language, ""), language), feeling(label.get(first, ""), first)
            if here * there < 0:
                yield Finding("inconsistent_scale", f"{head}/scale/{place}", language, {"what": "direction"})
        given, original = question.title.get(language, ""), question.title.get(first, "")
        if given and original and sorted(NUMBER.findall(given)) != sorted(NUMBER.findall(original)):
            yield Finding("inconsistent_scale", f"{head}/title", language, {"what": "numbers"})
    ends = {text_of(scale.lowest), text_of(scale.highest)}
    for language in languages:
        told = set(NUMBER.findall(question.title.get(language, "")))
        if len(told) == 2 and told & ends and told != ends:
            yield Finding("inconsistent_scale", f"{head}/title", language, {"what": "numbers"})


def _translations(definition: Definition) -> Iterator[Finding]:
    first = definition.languages[0] if definition.languages else "en"
    for one in texts_of(definition):
        original = one.text.get(first, "")
        for language in definition.languages:
            said = one.text.get(language, "")
            if not said.strip():
                what = {"what": "labels"} if one.kind == "scale" else {}
                yield Finding("inconsistent_scale" if what else "untranslated", one.path, language, what)
            elif language != first and original:
                if said.strip() == original.strip() and length_of(said, first) >= 3:
                    yield Finding("copied", one.path, language)
                fields = {match[1] for match in FIELD.finditer(original)} ^ {match[1] for match in FIELD.finditer(said)}
                if fields:
                    yield Finding("different_fields", one.path, language, {"fields": sorted(fields)})
