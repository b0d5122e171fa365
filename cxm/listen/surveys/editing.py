"""The edits of a draft, one function each. They change a definition in place and keep its references right.

Each takes the definition and what it needs to know, and raises `EditRefused` with a sentence where it makes no sense.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Final, Literal, TypeVar

import msgspec
from django.conf import settings
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from cxm.lib.conditions import Condition

from .checking import MOST_CHOICES, MOST_PAGES, MOST_QUESTIONS, Taken
from .definition import CHOOSING, SCORED, Choice, Definition, Ending, Kind, Page, Question, Section, default_scale
from .kinds import READY
from .places import Place, matrix_before, walk
from .presets import LANGUAGES
from .presets import question as preset_question
from .wording import shape_of

T = TypeVar("T")
KINDS: Final[tuple[str, ...]] = Kind.__args__  # type: ignore[attr-defined]  # Literal keeps its values there


class EditRefused(ValueError):
    """Nothing was changed; the message says why and what to do."""


def gone() -> EditRefused:
    return EditRefused(_("This part of the survey is not there any more: it was deleted or moved meanwhile."))


SIDE_BY_SIDE: Final = ("importance", "satisfaction")  # the parts of presets.yaml that make one table


# Ids


def free_id(wish: str, taken: Iterable[str]) -> str:
    """`wish` as a code, with a number if it is taken."""
    base, used, number = re.sub(r"[^A-Za-z0-9_]", "_", wish)[:50] or "x", set(taken), 1
    while (found := base if number == 1 else f"{base}_{number}") in used:
        number += 1
    return found


def question_ids(definition: Definition, taken: Taken) -> set[str]:
    """Those of the draft, and those that any published version has used: answers may lie under them."""
    return {one.id for one in definition.questions()} | taken.shapes.keys()


def free_question_id(definition: Definition, taken: Taken, wish: str) -> str:
    return free_id(wish, question_ids(definition, taken))


def free_choice_id(question: Question, taken: Taken, label: str) -> str:
    """From its text where that gives a short Latin word, else c1, c2 …; never one that meant something before."""
    used = {one.id for one in (*question.choices, *question.rows)} | taken.choices.get(question.id, {}).keys()
    wish = slugify(label).replace("-", "_")[:30].strip("_")
    if wish:
        return free_id(wish, used)
    number = 1
    while f"c{number}" in used:
        number += 1
    return f"c{number}"


# Finding


def question_at(definition: Definition, question_id: str) -> tuple[Page, Section, Question]:
    for page, section, question in walk(definition):
        if question.id == question_id:
            return page, section, question
    raise gone()


def section_at(definition: Definition, section_id: str) -> tuple[Page, Section]:
    for page in definition.pages:
        for section in page.sections:
            if section.id == section_id:
                return page, section
    raise gone()


def page_at(definition: Definition, page_id: str) -> Page:
    for page in definition.pages:
        if page.id == page_id:
            return page
    raise gone()


def ending_at(definition: Definition, ending_id: str) -> Ending:
    for ending in definition.endings:
        if ending.id == ending_id:
            return ending
    raise gone()


# Adding


def speaking(language: str) -> AbstractContextManager[None]:
    """Our own words in a language of a survey, where we have it; else in that of the person who edits."""
    return translation.override(language) if language in dict(settings.LANGUAGES) else nullcontext()


def new_question(kind: Kind, question_id: str, language: str) -> Question:
    """A question of that kind with what it needs to be shown at once, in a language of the survey."""
    with speaking(language):
        return _new_question(kind, question_id, language)


def _new_question(kind: Kind, question_id: str, language: str) -> Question:
    question = Question(id=question_id, kind=kind, title={language: str(first_words(kind))})
    if kind in SCORED:
        question.scale = default_scale(kind)
        low, high = _ends_of(kind)
        question.scale.lowest_label = {language: low} if low else {}
        question.scale.highest_label = {language: high} if high else {}
    if kind in CHOOSING:
        count = 4 if kind == "maxdiff" else 3
        question.choices = [
            Choice(id=f"c{number}", label={language: _("Choice %(number)s") % {"number": number}})
            for number in range(1, count + 1)
        ]
    if kind == "matrix":
        question.rows = [
            Choice(id=f"r{number}", label={language: _("Row %(number)s") % {"number": number}}) for number in (1, 2)
        ]
        labels = [_("Strongly disagree"), _("Disagree"), _("Neither"), _("Agree"), _("Strongly agree")]
        question.choices = [
            Choice(id=f"c{number}", label={language: label}, score=float(number))
            for number, label in enumerate(labels, 1)
        ]
    if kind == "contact":
        parts = (("name", _("Name")), ("email", _("E-mail")), ("phone", _("Phone")), ("company", _("Company")))
        question.choices = [Choice(id=part, label={language: label}) for part, label in parts]
    if kind == "constant_sum":
        question.total = 100
    if kind == "maxdiff":
        question.per_task = 3
    if kind == "file":
        question.accept, question.at_most = [".pdf", ".png", ".jpg", ".jpeg"], 1
    if kind == "consent":
        question.required = True
    return question


def first_words(kind: str) -> str:
    """What a new question says until its author has written something better: the proven wording where there is one."""
    match kind:
        case "nps":
            return _("How likely is it that you would recommend us to a friend or colleague?")
        case "csat":
            return _("How satisfied are you with your experience?")
        case "ces":
            return _("How easy was it to get done what you wanted?")
        case "consent":
            return _("I agree that you may contact me about my answers.")
        case "statement":
            return _("Thank you for taking the time.")
        case "contact":
            return _("How can we reach you?")
        case _:
            return _("New question")


def _ends_of(kind: str) -> tuple[str, str]:
    match kind:
        case "nps":
            return _("Not at all likely"), _("Extremely likely")
        case "csat":
            return _("Very dissatisfied"), _("Very satisfied")
        case "ces":
            return _("Very difficult"), _("Very easy")
        case _:
            return "", ""


def add_question(definition: Definition, taken: Taken, *, kind: str, after: Place, language: str) -> Question:
    """Put a new question after the place: a question, at the end of a section or page, or of the last page.

    `kind` is one, or the key of a ready-made question.
    """
    ready = {one.key for one in READY}
    if kind not in KINDS and kind not in ready:
        raise EditRefused(_("There is no such kind of question."))
    if sum(1 for _one in definition.questions()) >= MOST_QUESTIONS:
        raise EditRefused(_("The survey is full. Delete a question first."))
    section, index = _slot(definition, after)
    if kind not in ready:
        new_id = free_question_id(definition, taken, kind)
        section.questions.insert(index, new_question(kind, new_id, language))  # type: ignore[arg-type]  # checked above
        return section.questions[index]
    languages = [one for one in definition.languages if one in LANGUAGES] or ["en"]
    for place, key in enumerate(SIDE_BY_SIDE if kind == "side_by_side" else (kind,), index):
        question = preset_question(key, languages)
        question.id = free_question_id(definition, taken, key)
        section.questions.insert(place, question)
    return section.questions[index]


def _slot(definition: Definition, after: Place) -> tuple[Section, int]:
    """The section and the index behind a place."""
    match after.part:
        case "question":
            _page, section, question = question_at(definition, after.id)
            return section, section.questions.index(question) + 1
        case "section":
            _page, section = section_at(definition, after.id)
            return section, len(section.questions)
        case "page":
            page = page_at(definition, after.id)
        case _:
            page = definition.pages[-1] if definition.pages else add_page(definition, after=Place())
    if not page.sections:
        page.sections.append(_new_section(definition))
    return page.sections[-1], len(page.sections[-1].questions)


def _new_section(definition: Definition) -> Section:
    used = {one.id for page in definition.pages for one in page.sections}
    return Section(id=_numbered("s", used))


def _numbered(letter: str, used: Iterable[str]) -> str:
    known, number = set(used), 1
    while f"{letter}{number}" in known:
        number += 1
    return f"{letter}{number}"


def add_page(definition: Definition, *, after: Place) -> Page:
    """A new page behind the page of that place, or at the end."""
    if len(definition.pages) >= MOST_PAGES:
        raise EditRefused(_("The survey is full. Delete a page first."))
    page = Page(id=_numbered("p", (one.id for one in definition.pages)))
    index = len(definition.pages)
    for number, one in enumerate(definition.pages):
        if Place("page", one.id) == after or any(
            Place("section", section.id) == after or any(Place("question", q.id) == after for q in section.questions)
            for section in one.sections
        ):
            index = number + 1
    definition.pages.insert(index, page)
    page.sections.append(_new_section(definition))
    return page


def add_section(definition: Definition, *, page_id: str, language: str) -> Section:
    page = page_at(definition, page_id)
    section = _new_section(definition)
    with speaking(language):
        section.title = {language: _("New section")}
    page.sections.append(section)
    return section


def add_ending(definition: Definition, *, language: str) -> Ending:
    ending = Ending(id=_numbered("end", (one.id for one in definition.endings)), title={})
    with speaking(language):
        ending.title[language] = _("Thank you!")
    definition.endings.append(ending)
    return ending


# Moving, copying, deleting


def move(definition: Definition, *, place: Place, step: int) -> None:
    """One place up (-1) or down (1). A question at the edge of its section goes on into the next one."""
    match place.part:
        case "page":
            _swap(definition.pages, definition.pages.index(page_at(definition, place.id)), step)
        case "section":
            page, section = section_at(definition, place.id)
            index = page.sections.index(section) + step
            if 0 <= index < len(page.sections):
                _swap(page.sections, page.sections.index(section), step)
            else:
                number = definition.pages.index(page) + step
                if 0 <= number < len(definition.pages):
                    page.sections.remove(section)
                    other = definition.pages[number].sections
                    other.insert(0 if step > 0 else len(other), section)
        case "question":
            _page, section, question = question_at(definition, place.id)
            index = section.questions.index(question) + step
            if 0 <= index < len(section.questions):
                _swap(section.questions, index - step, step)
                return
            sections = [one for page in definition.pages for one in page.sections]
            number = sections.index(section) + step
            if 0 <= number < len(sections):
                section.questions.remove(question)
                others = sections[number].questions
                others.insert(0 if step > 0 else len(others), question)
        case "ending":
            _swap(definition.endings, definition.endings.index(ending_at(definition, place.id)), step)
        case "rule":
            index = next((n for n, one in enumerate(definition.rules) if one.id == place.id), -1)
            if index < 0:
                raise gone()
            _swap(definition.rules, index, step)
        case _:
            raise gone()


def _swap(ones: list[T], index: int, step: int) -> None:
    other = index + step
    if 0 <= other < len(ones):
        ones[index], ones[other] = ones[other], ones[index]


def _move_question(definition: Definition, question_id: str, after: Place) -> None:
    """Take a question out and put it behind a place; "first:<section>" means in front of all of a section."""
    if after == Place("question", question_id):
        return
    _page, section, question = question_at(definition, question_id)
    if after.part == "first":
        target, index = section_at(definition, after.id)[1], 0
        section.questions.remove(question)
    else:
        _slot(definition, after)  # it must exist before the question leaves its place
        section.questions.remove(question)
        target, index = _slot(definition, after)
    target.questions.insert(index, question)


def move_after(definition: Definition, *, place: Place, after: Place) -> None:
    """Take a question, a section or a page out and put it behind a place, or a section in front of all of a page.

    Behind a question means, for a section or page, behind the one that holds it.
    """
    match place.part:
        case "question":
            _move_question(definition, place.id, after)
        case "section":
            page, section = section_at(definition, place.id)
            target, before = _around(definition, after)
            if before is not section:
                page.sections.remove(section)
                target.sections.insert(target.sections.index(before) + 1 if before else 0, section)
        case "page":
            moved = page_at(definition, place.id)
            target, _section = _around(definition, after)
            if target is not moved:
                definition.pages.remove(moved)
                definition.pages.insert(definition.pages.index(target) + 1, moved)
        case _:
            raise gone()


def _around(definition: Definition, place: Place) -> tuple[Page, Section | None]:
    """The page and the section that a place is, or is in; no section for a page itself."""
    match place.part:
        case "question":
            page, section, _question = question_at(definition, place.id)
            return page, section
        case "section" | "first":
            return section_at(definition, place.id)
        case "page":
            return page_at(definition, place.id), None
        case _:
            raise gone()


def duplicate(definition: Definition, taken: Taken, *, place: Place) -> Place:
    """A copy behind the original, with codes of its own; returns its place."""
    match place.part:
        case "question":
            _page, section, question = question_at(definition, place.id)
            twin = _copy(question, free_question_id(definition, taken, question.id))
            index = section.questions.index(question) + 1
            if question.kind == "matrix" and any(one.beside for one in section.questions[index : index + 1]):
                twin.beside = True  # one more in the table, which goes on behind it
            section.questions.insert(index, twin)
            return Place("question", twin.id)
        case "page":
            page = page_at(definition, place.id)
            twin_page = copy.deepcopy(page)
            twin_page.id = _numbered("p", (one.id for one in definition.pages))
            twin_page.sections, sections = [], twin_page.sections
            definition.pages.insert(definition.pages.index(page) + 1, twin_page)
            for section in sections:
                questions, section.questions = section.questions, []
                section.id = _new_section(definition).id
                twin_page.sections.append(section)
                for question in questions:
                    section.questions.append(_copy(question, free_question_id(definition, taken, question.id)))
            return Place("page", twin_page.id)
        case _:
            raise EditRefused(_("This part cannot be copied."))


def _copy(question: Question, new_id: str) -> Question:
    twin = copy.deepcopy(question)
    twin.id = new_id
    return twin


def delete(definition: Definition, *, place: Place) -> None:
    """Take a part out. What refers to it stays and is named among the problems: nothing changes in silence."""
    match place.part:
        case "question":
            _page, section, question = question_at(definition, place.id)
            section.questions.remove(question)
        case "section":
            page, section = section_at(definition, place.id)
            page.sections.remove(section)
        case "page":
            definition.pages.remove(page_at(definition, place.id))
        case "ending":
            definition.endings.remove(ending_at(definition, place.id))
        case "rule":
            definition.rules = [one for one in definition.rules if one.id != place.id]
        case "quota":
            definition.quotas = [one for one in definition.quotas if one.id != place.id]
        case _:
            raise gone()


# Changing


def change_kind(definition: Definition, taken: Taken, *, question_id: str, kind: str, language: str) -> Question:
    """Another kind for a question, with what both kinds know. A published one whose answers would be of another shape
    gets a new code, so that its earlier answers stay what they are."""
    if kind not in KINDS:
        raise EditRefused(_("There is no such kind of question."))
    _page, section, before = question_at(definition, question_id)
    fresh = new_question(kind, before.id, language)  # type: ignore[arg-type]  # checked above
    for name in ("title", "hint", "required", "show", "touchpoint", "role", "placeholder"):
        setattr(fresh, name, getattr(before, name))
    if fresh.choices and before.choices and kind != "contact" and before.kind not in ("contact", "matrix"):
        fresh.choices = before.choices
    if fresh.choices and before.carry:
        fresh.carry = before.carry
    with speaking(language):
        if before.title.get(language) == first_words(before.kind):
            fresh.title = {language: first_words(kind)}
    section.questions[section.questions.index(before)] = fresh
    if taken.shapes.get(before.id, shape_of(fresh)) != shape_of(fresh):
        rename_question(definition, taken, question_id=before.id, new_id=free_question_id(definition, taken, kind))
    return fresh


def rename_question(definition: Definition, taken: Taken, *, question_id: str, new_id: str) -> None:
    """Give a question another code, everywhere it is named: in conditions, texts, rules and other questions."""
    if new_id == question_id:
        return
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", new_id):
        raise EditRefused(_("A code has Latin letters, digits, hyphens and underscores only, and at most 64 of them."))
    if new_id in question_ids(definition, taken):
        raise EditRefused(_("The code “%(id)s” is taken, perhaps by an earlier version.") % {"id": new_id})
    question_at(definition, question_id)[2].id = new_id
    old = re.escape(question_id)

    def field(name: str) -> str:
        return re.sub(rf"^(answer|count)\.{old}(?=\.|$)", rf"\g<1>.{new_id}", name)

    def text(value: str) -> str:
        return re.sub(rf"\{{\s*(answer|count)\.{old}(?=[.|}}\s])", rf"{{\g<1>.{new_id}", value)

    data = msgspec.to_builtins(definition)
    renamed = msgspec.convert(_mapped(data, field, text), Definition)
    for name in Definition.__struct_fields__:
        setattr(definition, name, getattr(renamed, name))
    for one in definition.questions():
        if one.explains == question_id:
            one.explains = new_id
        if one.carry and one.carry.question == question_id:
            one.carry.question = new_id
    for rule in definition.rules:
        rule.targets = [new_id if one == question_id else one for one in rule.targets]


def _mapped(value: object, field: Callable[[str], str], text: Callable[[str], str], key: str = "") -> object:
    """The JSON value with every field name and every text passed through the two functions."""
    if isinstance(value, dict):
        return {name: _mapped(one, field, text, str(name)) for name, one in value.items()}
    if isinstance(value, list):
        return [_mapped(one, field, text, key) for one in value]
    if isinstance(value, str):
        return field(value) if key == "field" else text(value)
    return value


def put_condition(definition: Definition, *, place: Place, condition: Condition | None) -> None:
    """When a page, section or question is shown; when a rule, quota or ending applies. None: always."""
    match place.part:
        case "question":
            question_at(definition, place.id)[2].show = condition
        case "section":
            section_at(definition, place.id)[1].show = condition
        case "page":
            page_at(definition, place.id).show = condition
        case "ending":
            ending_at(definition, place.id).when = condition
        case "rule" | "quota":
            ones = definition.rules if place.part == "rule" else definition.quotas
            found = next((one for one in ones if one.id == place.id), None)
            if found is None:
                raise gone()
            found.when = condition
        case _:
            raise gone()


def condition_at(definition: Definition, place: Place) -> Condition | None:
    match place.part:
        case "question":
            return question_at(definition, place.id)[2].show
        case "section":
            return section_at(definition, place.id)[1].show
        case "page":
            return page_at(definition, place.id).show
        case "ending":
            return ending_at(definition, place.id).when
        case "rule" | "quota":
            ones = definition.rules if place.part == "rule" else definition.quotas
            for one in ones:
                if one.id == place.id:
                    return one.when
    raise gone()


# Choices and rows


def align_rows(definition: Definition) -> None:
    """Matrices in one table have one set of rows: that of the first."""
    for _page, section, _question in walk(definition):
        for before, question in pairwise(section.questions):
            if question.beside and question.kind == before.kind == "matrix":
                question.rows, question.carry = copy.deepcopy(before.rows), copy.copy(before.carry)


def part_tables(before: Definition, definition: Definition) -> None:
    """A matrix that came to stand behind another one than before leaves its table rather than its rows.

    So what was moved, deleted or put between two matrices never gives one the rows of a stranger.
    """
    were = {one.id: matrix_before(before, one) for one in before.questions() if one.beside}
    for question in [one for one in definition.questions() if one.beside and one.id in were]:
        head, was = matrix_before(definition, question), were[question.id]
        if head is None or (was is not None and was.id == head.id):
            continue
        if (head.rows, head.carry) != (question.rows, question.carry):
            question.beside = False


def put_choices(question: Question, choices: list[Choice], which: Literal["choices", "rows"]) -> None:
    if len(choices) > MOST_CHOICES:
        raise EditRefused(_("A question has at most 1,000 choices."))
    setattr(question, which, choices)


def add_choices(
    question: Question, taken: Taken, labels: list[str], which: Literal["choices", "rows"], language: str
) -> None:
    """A choice for each line, at the end, but in front of those that stay last ("other", "none of these")."""
    ones: list[Choice] = getattr(question, which)
    last = next((n for n, one in enumerate(ones) if one.other or one.exclusive), len(ones))
    for label in labels:
        choice = Choice(id=free_choice_id(question, taken, label), label={language: label} if label else {})
        if question.kind == "matrix" and which == "choices" and ones and ones[-1].score is not None:
            choice.score = ones[-1].score + 1
        ones.insert(last, choice)
        last += 1
    put_choices(question, ones, which)
