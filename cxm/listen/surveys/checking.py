"""Whether a definition may be stored (`faults`) and published (`check`), in sentences that name the place.

A draft may be half done, but never harmful: ids, sizes and addresses are right at every save. What else is missing or
contradicts itself is told all the time, and stops publishing only.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

import regex
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.lib import conditions as language_of_conditions
from cxm.lib.conditions import leaves

from . import stylesheets
from .definition import CHOOSING, SCORED, WRITTEN, Definition, Formula, Question, Rule
from .places import SURVEY, Place, conditions, fields_used, matrix_before, question_in, texts, walk
from .wording import scale_of, shape_of

MOST_PAGES: Final = 200
MOST_QUESTIONS: Final = 1_000
MOST_CHOICES: Final = 1_000
LONGEST_TEXT: Final = 20_000
DEEPEST: Final = 20  # levels of a formula
ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
PRIORITIES: Final = ("low", "normal", "high", "urgent")
PLAIN_FIELDS: Final = {"segment", "language", "channel", "device", "url"}
KNOWN_FIELDS: Final = PLAIN_FIELDS | {"quota", "trait", "survey", "variable", "hidden", "value", "event", "tag"}


@dataclass(frozen=True)
class Problem:
    """`level` is "error" (stops publishing) or "warning"; `code` stays the same in every language."""

    level: Literal["error", "warning"]
    code: str
    place: Place
    message: str


@dataclass
class Taken:
    """What published versions hold, by question: the shape of its answers, its choices and rows with their labels."""

    shapes: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    choices: dict[str, dict[str, list[dict[str, str]]]] = field(default_factory=dict)
    newest: dict[str, set[str]] = field(default_factory=dict)

    def add(self, question: Question) -> None:
        """One wording; the newest comes last."""
        self.shapes[question.id], self.kinds[question.id] = shape_of(question), question.kind
        known = self.choices.setdefault(question.id, {})
        for one in (*question.choices, *question.rows):
            known.setdefault(one.id, []).append(one.label)
        self.newest[question.id] = {one.id for one in (*question.choices, *question.rows)}


def faults(definition: Definition, taken: Taken) -> list[Problem]:
    """What must not even be stored: ids that are none or stand twice, sizes, addresses that could harm."""
    return list(_faults(definition))


def check(definition: Definition, taken: Taken) -> list[Problem]:
    """Everything that is wrong or doubtful, errors first."""
    found = [*_faults(definition), *_structure(definition), *_published(definition, taken)]
    for _page, _section, question in walk(definition):
        found += _question(definition, question)
    found += [*_references(definition), *_rules(definition), *_ends(definition)]
    return sorted(dict.fromkeys(found), key=lambda one: one.level != "error")


def _error(code: str, place: Place, message: str) -> Problem:
    return Problem("error", code, place, message)


def _warning(code: str, place: Place, message: str) -> Problem:
    return Problem("warning", code, place, message)


def _faults(definition: Definition) -> Iterator[Problem]:
    languages = definition.languages
    if not languages or len(set(languages)) != len(languages) or not all(LANGUAGE.fullmatch(one) for one in languages):
        yield _error("languages", SURVEY, _("Name at least one language, each of them once, by codes such as “en”."))
    groups: list[tuple[str, list[str]]] = [
        ("page", [one.id for one in definition.pages]),
        ("section", [section.id for page in definition.pages for section in page.sections]),
        ("question", [one.id for one in definition.questions()]),
        ("rule", [one.id for one in definition.rules]),
        ("quota", [one.id for one in definition.quotas]),
        ("ending", [one.id for one in definition.endings]),
        ("variable", definition.variables),
        ("hidden", definition.hidden),
    ]
    for part, ids in groups:
        yield from _ids(Place(part), ids, part)
    for question in definition.questions():
        for ones in (question.choices, question.rows):
            yield from _ids(Place("question", question.id), [one.id for one in ones], "question")
    if len(definition.pages) > MOST_PAGES or sum(1 for _one in definition.questions()) > MOST_QUESTIONS:
        yield _error("too_many", SURVEY, _("A survey has at most 200 pages and 1,000 questions."))
    for place, _what, text in texts(definition):
        if any(len(one) > LONGEST_TEXT for one in text.values()):
            yield _error("too_long", place, _("A text is longer than 20,000 characters. Make it shorter."))
        if any("\x00" in one for one in text.values()) or not all(LANGUAGE.fullmatch(one) for one in text):
            yield _error("text", place, _("A text holds a character, or a language code, that cannot be stored."))
    if len(definition.look.css) > stylesheets.LONGEST:
        yield _error("css", SURVEY, _("The style sheet has more than 20,000 characters. Make it shorter."))
    yield from _addresses(definition)
    yield from _numbers(definition)
    for rule in definition.rules:
        if rule.formula and depth(rule.formula) > DEEPEST:
            yield _error("formula", Place("rule", rule.id), _("A formula is nested too deeply."))
    for place, condition in conditions(definition):
        if language_of_conditions.faults(condition):
            yield _error("condition", place, _("A condition is incomplete, too large or nested too deeply."))


def depth(formula: Formula, level: int = 1) -> int:
    """Levels of nesting, as far as they matter."""
    if level > DEEPEST:
        return level
    return max((depth(one, level + 1) for one in formula.of if isinstance(one, Formula)), default=level)


def _ids(place: Place, ids: list[str], part: str) -> Iterator[Problem]:
    for one, times in Counter(ids).items():
        here = Place(place.part, place.id or one)
        if not ID.fullmatch(one):
            yield _error(
                "id", here,
                _("“%(id)s” cannot be a code: use Latin letters, digits, hyphens and underscores, at most 64 of them.")
                % {"id": one[:80]},
            )  # fmt: skip
        if times > 1:
            yield _error(
                "id_twice",
                here,
                _("The code “%(id)s” is used twice. Give one of them another code.") % {"id": one[:80]},
            )


def safe_link(address: str) -> bool:
    """An address that a page of ours may lead to."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not re.search(r"[\s<>\"\\]", address)


def safe_template(address: str) -> bool:
    """The same with names to be filled in later, such as {hidden.order}: never in front of the host."""
    return safe_link(re.sub(r"\{[^{}]*\}", "x", address))


def safe_picture(address: str) -> bool:
    """An https address, or the key of a file that was uploaded here."""
    return safe_link(address) or bool(
        re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}", address) and ".." not in address
    )


def _addresses(definition: Definition) -> Iterator[Problem]:
    links = [(Place("ending", one.id), one.link) for one in definition.endings]
    links += [(Place("question", one.id), one.link) for one in definition.questions()]
    for here, link in links:
        if link and not safe_template(link):
            yield _error("link", here, _("A link starts with https:// or http://."))
    for question in definition.questions():
        for choice in (*question.choices, *question.rows):
            if choice.image and not safe_picture(choice.image):
                yield _error(
                    "picture", Place("question", question.id), _("The address of a picture starts with https://.")
                )
        if any(not re.fullmatch(r"\.[A-Za-z0-9]{1,12}", one) for one in question.accept):
            yield _error(
                "accept", Place("question", question.id), _("Write the kinds of files as endings, such as “.pdf”.")
            )
    look = definition.look
    if not COLOUR.fullmatch(look.accent) or (look.background and not COLOUR.fullmatch(look.background)):
        yield _error("colour", Place("look"), _("Write colours as # and six hexadecimal digits, such as #206bc4."))
    if look.logo and not safe_picture(look.logo):
        yield _error("picture", Place("look"), _("The address of a picture starts with https://."))


def _numbers(definition: Definition) -> Iterator[Problem]:
    for question in definition.questions():
        numbers = [question.at_least, question.at_most, question.total, question.largest_mb]
        numbers += [one.score for one in question.choices]
        if question.scale:
            numbers += [question.scale.lowest, question.scale.highest, question.scale.step]
        if any(one is not None and (not math.isfinite(one) or abs(one) > 1e15) for one in numbers):
            yield _error("number", Place("question", question.id), _("A number is too large."))
        if len(question.choices) > MOST_CHOICES or len(question.rows) > MOST_CHOICES:
            yield _error("too_many", Place("question", question.id), _("A question has at most 1,000 choices."))
        if not 0 <= question.tasks <= 100 or not 0 < question.largest_mb <= 1000:
            yield _error("number", Place("question", question.id), _("A number is too large."))


def _structure(definition: Definition) -> Iterator[Problem]:
    if not any(one.kind != "statement" for one in definition.questions()):
        yield _error("no_question", SURVEY, _("The survey asks nothing yet. Add a question."))
    first = definition.languages[0] if definition.languages else "en"
    if not definition.title.get(first, "").strip():
        yield _error("no_title", Place("settings"), _("Give the survey a title for the people who answer it."))
    for page in definition.pages:
        if not any(section.questions or section.text or section.title for section in page.sections):
            yield _warning("empty_page", Place("page", page.id), _("A page holds no question. It will not be shown."))


def _published(definition: Definition, taken: Taken) -> Iterator[Problem]:
    for question in definition.questions():
        here = Place("question", question.id)
        if taken.shapes.get(question.id, shape_of(question)) != shape_of(question):
            yield _error(
                "shape", here,
                _("There may be other answers under the code “%(id)s”. Delete this question and add a new one.")
                % {"id": question.id},
            )  # fmt: skip
            continue
        known, newest = taken.choices.get(question.id, {}), taken.newest.get(question.id, set())
        for one in (*question.choices, *question.rows):
            if one.id in known and one.id not in newest and one.label not in known[one.id]:
                yield _error(
                    "choice_again", here,
                    _("The code “%(id)s” meant something else in an earlier version. Delete and re-add the choice.")
                    % {"id": one.id},
                )  # fmt: skip


def _question(definition: Definition, question: Question) -> Iterator[Problem]:
    here, first = Place("question", question.id), definition.languages[0]
    if not question.title.get(first, "").strip():
        yield _error("no_text", here, _("A question has no text in the first language of the survey."))
    ones = (*question.choices, *question.rows)
    if any(not (one.label.get(first, "").strip() or (question.kind == "picture" and one.image)) for one in ones):
        yield _error("no_label", here, _("A choice has no text in the first language of the survey."))
    fewest = {"maxdiff": 3, "picture": 1, "contact": 1, "matrix": 1}.get(question.kind, 2)
    needs = question.kind in CHOOSING or question.kind in ("matrix", "contact")
    if needs and not question.carry and len(question.choices) < fewest:
        yield _error(
            "few_choices", here,
            ngettext("Add at least %(count)s choice.", "Add at least %(count)s choices.", fewest) % {"count": fewest},
        )  # fmt: skip
    if question.kind == "matrix" and not question.rows and not question.carry:
        yield _error("no_rows", here, _("A matrix needs at least one row."))
    if question.beside and not matrix_before(definition, question):
        yield _warning(
            "beside", here, _("There is no matrix right before this question to stand beside. It is shown by itself.")
        )
    if question.kind == "maxdiff" and question.choices and not 2 <= question.per_task <= len(question.choices):
        yield _error("per_task", here, _("Show at least two choices together, and not more than there are."))
    if question.at_least is not None and question.at_most is not None and question.at_least > question.at_most:
        yield _error("limits", here, _("The least is larger than the most. Change one of them."))
    if question.kind == "multiple" and not question.carry and (question.at_least or 0) > len(question.choices):
        yield _error("limits", here, _("More choices are asked for than there are."))
    if question.kind == "constant_sum" and not (question.total or 100) > 0:
        yield _error("total", here, _("What the parts add up to must be more than 0."))
    if question.kind in SCORED:
        yield from _scale(question, here)
    if sum(one.exclusive for one in question.choices) and question.kind not in ("multiple", "picture"):
        yield _warning("exclusive", here, _("Only where several can be chosen does one choice exclude the others."))
    if question.explains:
        explained = next((one for one in definition.questions() if one.id == question.explains), None)
        if explained is None or explained.kind not in SCORED or question.kind not in WRITTEN:
            yield _error(
                "explains", here, _("A text can explain a question with a score only. Choose one of this survey.")
            )
    if question.instructed and question.instructed not in {one.id for one in question.choices}:
        yield _error("instructed", here, _("The choice that everybody is told to choose is not there any more."))
    if question.carry:
        yield from _carry(definition, question, here)


def _scale(question: Question, here: Place) -> Iterator[Problem]:
    scale = scale_of(question)
    if scale is None:
        return
    if not scale.lowest < scale.highest or not scale.step > 0:
        yield _error(
            "scale", here, _("The lowest point of a scale is smaller than its highest, and the step more than 0.")
        )
    elif (scale.highest - scale.lowest) / scale.step > (1000 if question.kind == "slider" else 20):
        yield _error("scale", here, _("The scale has too many points. Take larger steps, or a slider."))
    elif question.kind == "nps" and (scale.lowest, scale.highest, scale.step) != (0, 10, 1):
        yield _error("scale", here, _("A Net Promoter Score is asked from 0 to 10. Use a rating for other scales."))


def _carry(definition: Definition, question: Question, here: Place) -> Iterator[Problem]:
    assert question.carry
    before = {}
    for one in definition.questions():
        if one.id == question.id:
            break
        before[one.id] = one
    source = before.get(question.carry.question)
    if source is None or not (source.choices or source.carry):
        yield _error("carry", here, _("Choices can be taken over only from an earlier question that has choices."))


def _references(definition: Definition) -> Iterator[Problem]:
    """Fields that name nothing, or something that is asked later only."""
    order = {one.id: number for number, (_page, _section, one) in enumerate(walk(definition))}
    page_number = {
        question.id: number
        for number, page in enumerate(definition.pages)
        for section in page.sections
        for question in section.questions
    }
    for place, name in fields_used(definition):
        asked = question_in(name)
        first, _dot, rest = name.partition(".")
        if asked and asked not in order:
            message = _("A condition or a text names the question “%(id)s”, which is not in the survey.")
            yield _error("no_such_question", place, message % {"id": asked})
        elif asked and place.part == "question" and order.get(place.id, len(order)) < order[asked]:
            if page_number[asked] > page_number.get(place.id, 0):
                message = _("A condition or a text depends on the question “%(id)s”, which is asked on a later page.")
                yield _error("asked_later", place, message % {"id": asked})
        elif first == "variable" and rest not in definition.variables:
            message = _("There is no variable “%(name)s”. Add it under “Logic”, or correct the name.")
            yield _error("no_such_variable", place, message % {"name": rest})
        elif first == "hidden" and rest not in definition.hidden:
            message = _("There is no hidden field “%(name)s”. Add it under “Settings”, or correct the name.")
            yield _error("no_such_hidden", place, message % {"name": rest})
        elif first == "quota" and rest not in {one.id for one in definition.quotas}:
            message = _("There is no quota “%(name)s”. Add it under “Logic”, or correct the name.")
            yield _error("no_such_quota", place, message % {"name": rest})
        elif (first == "value" and place.part != "question") or (not asked and first not in KNOWN_FIELDS):
            yield _error("no_such_field", place, _("Nothing is called “%(name)s” here.") % {"name": name})
    for place, condition in conditions(definition):
        for leaf in leaves(condition):
            if leaf.operator == "matches" and not all(_compiles(str(one)) for one in leaf.values):
                yield _error(
                    "pattern", place, _("A pattern is no regular expression. Correct it, or choose “contains”.")
                )


def _compiles(pattern: str) -> bool:
    try:
        regex.compile(pattern)
    except regex.error:
        return False
    return True


def _rules(definition: Definition) -> Iterator[Problem]:
    pages = {page.id: number for number, page in enumerate(definition.pages)}
    for rule in definition.rules:
        here = Place("rule", rule.id)
        if rule.after and rule.after not in pages:
            yield _error("no_such_page", here, _("A rule waits for a page that is not in the survey."))
        elif rule.do == "skip" and pages.get(rule.target, -1) <= pages.get(rule.after, -1):
            yield _error("skip", here, _("A rule goes on at a page that does not come later. Choose a later page."))
        yield from _target(definition, rule, here)


def _target(definition: Definition, rule: Rule, here: Place) -> Iterator[Problem]:
    questions = {one.id for one in definition.questions()}
    match rule.do:
        case "end" if rule.target and rule.target not in {one.id for one in definition.endings}:
            yield _error(
                "no_such_ending", here, _("A rule ends with a screen that does not exist. Choose another one.")
            )
        case "require" if not rule.targets or not questions.issuperset(rule.targets):
            yield _error("no_such_question", here, _("Choose which questions the rule makes compulsory."))
        case "compute" if rule.target not in definition.variables or rule.formula is None:
            yield _error("compute", here, _("A rule that computes needs a variable and a formula."))
        case "tag" if not rule.target.strip():
            yield _error("tag", here, _("Write the tag that the rule puts on."))
        case "open_case" if rule.target and rule.target not in PRIORITIES:
            yield _error("priority", here, _("Choose the priority of the case."))


def _ends(definition: Definition) -> Iterator[Problem]:
    endings = {one.id for one in definition.endings}
    for quota in definition.quotas:
        here = Place("quota", quota.id)
        if quota.limit < 1:
            yield _error("quota", here, _("A quota lets at least one response in."))
        if quota.ending and quota.ending not in endings:
            yield _error(
                "no_such_ending", here, _("A quota ends with a screen that does not exist. Choose another one.")
            )
    plain = [one for one in definition.endings if one.when is None]
    named = {rule.target for rule in definition.rules if rule.do == "end"} | {one.ending for one in definition.quotas}
    if definition.endings and not [one for one in plain if one.id not in named or len(plain) == 1]:
        message = _("Every end screen has a condition. Add one without, for everybody else.")
        yield _warning("no_plain_ending", Place("ending", definition.endings[0].id), message)
    for ending in definition.endings:
        if ending.redirect and not ending.link:
            yield _error("redirect", Place("ending", ending.id), _("Write the link that the end screen leads to."))
    for one in [one for one in plain if one.id not in named][1:]:
        message = _("This end screen is never shown: an earlier one is for everybody. Give it a condition.")
        yield _warning("ending_never", Place("ending", one.id), message)
