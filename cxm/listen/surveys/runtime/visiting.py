"""The questions that whoever runs a survey asks: what to show, what stands against it, where to go, how it ends.

All are pure functions of a definition, the answers so far, facts, a language and a seed: the same in, the same out.
`Prepared(definition)` is worth keeping per version; a plain Definition works too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cxm.lib.conditions import text_of

from ..definition import SCORED, Definition, Ending, Question, picture_address, said
from .checking import problems_of
from .order import arranged, maxdiff_tasks
from .piping import piped, piped_address
from .prepared import Prepared, prepared
from .reading import field_name, read_value
from .values import scale_of
from .view import (
    Case,
    ChoiceView,
    EndingView,
    Outcome,
    PageView,
    PointView,
    Problem,
    QuestionView,
    ScaleView,
    SectionView,
    View,
)
from .walk import Facts, Offer, Screen, Walk, quotas_of

MOST_POINTS = 21
LINK = re.compile(r"(?:https?://|mailto:|tel:|/(?!/))[^\s<>\"]*", re.IGNORECASE)
NOTHING: dict[str, Any] = {}
NOBODY = Facts()


def visit(
    survey: Definition | Prepared,
    answers: Mapping[str, Any],
    facts: Facts = NOBODY,
    *,
    language: str,
    seed: int = 0,
    page: str = "",
    problems: Mapping[str, Iterable[Problem]] = NOTHING,
    entered: Mapping[str, str] = NOTHING,
    full: Collection[str] = (),
) -> View:
    """The screen `page`, or the first; if that is not on the way (any more), the next one that is.

    `problems` and `entered` (of a Reading, of `check_page`) are shown at their questions. `full`: quotas that are full.
    A question may come to be shown by an answer on the same page: compare `view.page.questions()` with what a form
    showed, and show the page again without complaint when there is a new one.
    """
    walk = Walk(prepared(survey), answers, facts, language=language, seed=seed, full=full)
    definition = walk.survey.definition
    at = _find(walk, page)
    screen = walk.screens[at] if at < len(walk.screens) else None
    return View(
        language=language,
        languages=tuple(definition.languages),
        title=walk.said(definition.title),
        page=_page(walk, screen, problems, entered) if screen else None,
        intro=walk.said(definition.intro) if at == 0 else "",
        purpose=walk.said(definition.purpose),
        number=at + 1,
        of=len(walk.screens),
        progress=at / len(walk.screens) if walk.screens else 1.0,
        back=walk.screens[at - 1].id if at and definition.back else "",
        last=at == len(walk.screens) - 1,
    )


def check_page(
    survey: Definition | Prepared,
    answers: Mapping[str, Any],
    facts: Facts = NOBODY,
    *,
    language: str,
    seed: int = 0,
    page: str,
    full: Collection[str] = (),
) -> dict[str, tuple[Problem, ...]]:
    """What stands against going on from a screen, per question; empty: nothing. A screen off the way has none."""
    walk = Walk(prepared(survey), answers, facts, language=language, seed=seed, full=full)
    return {
        id_: found
        for screen in walk.screens
        if screen.id == page
        for id_ in screen.questions()
        if (found := problems_of(walk, id_))
    }


def next_page(
    survey: Definition | Prepared,
    answers: Mapping[str, Any],
    facts: Facts = NOBODY,
    *,
    language: str,
    seed: int = 0,
    page: str,
    full: Collection[str] = (),
) -> str | None:
    """The id of the screen after this one; None: it was the last, `finish` says how it ends."""
    walk = Walk(prepared(survey), answers, facts, language=language, seed=seed, full=full)
    at = _find(walk, page)
    if at < len(walk.screens) and walk.screens[at].id == page:
        at += 1
    return walk.screens[at].id if at < len(walk.screens) else None


def finish(
    survey: Definition | Prepared,
    answers: Mapping[str, Any],
    facts: Facts = NOBODY,
    *,
    language: str,
    seed: int = 0,
    full: Collection[str] = (),
) -> Outcome:
    """What the response comes to. It may be completed when `problems` is empty."""
    return outcome_of(Walk(prepared(survey), answers, facts, language=language, seed=seed, full=full))


def outcome_of(walk: Walk) -> Outcome:
    """`finish` for whoever has walked already."""
    definition = walk.survey.definition
    problems: dict[str, tuple[Problem, ...]] = {}
    problem_page = ""
    counted: dict[str, Any] = {}
    for screen in walk.screens:
        for id_ in screen.questions():
            if found := problems_of(walk, id_):
                problems[id_] = found
                problem_page = problem_page or screen.id
            if (value := walk.value(id_)) is not None:
                counted[id_] = value
            if text := walk.other(id_):
                counted[f"{id_}.other"] = text
    followed = [
        rule
        for rule in definition.rules
        if rule.do in ("tag", "open_case") and rule.after in ("", *walk.left) and walk.is_so(rule.when)
    ]
    return Outcome(
        ending=_ending(walk),
        answers=counted,
        variables=walk.variables(),
        tags=tuple(dict.fromkeys(rule.target for rule in followed if rule.do == "tag" and rule.target)),
        cases=tuple(Case(rule.id, rule.target) for rule in followed if rule.do == "open_case"),
        quotas=() if walk.full_quota else tuple(quota.id for quota in quotas_of(walk)),
        full=walk.full_quota,
        problems=problems,
        problem_page=problem_page,
    )


def _find(walk: Walk, page: str) -> int:
    """The place of a screen on the way; of one that is not on it, the place of the first screen after it."""
    if not page:
        return 0
    for at, screen in enumerate(walk.screens):
        if screen.id == page:
            return at
    head, _, question = page.partition(":")
    number = walk.survey.page_number.get(head, -1)
    if number < 0:
        return 0
    later = set(walk.following(number, question))
    return next(
        (
            at
            for at, screen in enumerate(walk.screens)
            if screen.page > number
            or (screen.page == number and (not question or later.intersection(screen.questions())))
        ),
        len(walk.screens),
    )


def _ending(walk: Walk) -> EndingView:
    endings = {ending.id: ending for ending in reversed(walk.survey.definition.endings)}
    ending: Ending | None = endings.get(walk.ended_by)
    if ending is None:
        offered = walk.survey.definition.endings
        ending = next((one for one in offered if one.when is not None and walk.is_so(one.when)), None)
        ending = ending or next((one for one in offered if one.when is None), None)
    if ending is None:
        return EndingView(completes=not walk.full_quota)
    link = _link(walk, ending.link)
    return EndingView(
        id=ending.id,
        title=walk.said(ending.title),
        text=walk.said(ending.text),
        link=link,
        link_label=walk.said(ending.link_label),
        redirect=ending.redirect and bool(link),
        completes=ending.completes and not walk.full_quota,
    )


def _link(walk: Walk, address: str) -> str:
    """An address with what is known put in; empty when a page of ours may not lead there."""
    link = piped_address(address, walk.in_words) if address else ""
    return link if LINK.fullmatch(link) else ""


def _page(
    walk: Walk, screen: Screen, problems: Mapping[str, Iterable[Problem]], entered: Mapping[str, str]
) -> PageView:
    page = walk.survey.definition.pages[screen.page]
    return PageView(
        id=screen.id,
        title=walk.said(page.title),
        sections=tuple(
            SectionView(
                section.id,
                walk.said(section.title),
                walk.said(section.text),
                tuple(
                    _question(walk, id_, tuple(problems.get(id_, ())), entered.get(id_, ""), screen.page, before)
                    for before, id_ in zip(("", *ids), ids, strict=False)
                ),
            )
            for section, ids in screen.sections
        ),
    )


def _question(
    walk: Walk, id_: str, problems: tuple[Problem, ...], entered: str, page: int, before: str
) -> QuestionView:
    question = walk.survey.questions[id_]
    value = walk.value(id_)
    prefill = _prefill(walk, question) if question.default and value is None and not entered else None
    shown = prefill if value is None else value
    choices = _choices(walk, question, shown)
    return QuestionView(
        id=id_,
        kind=question.kind,
        title=walk.said(question.title),
        hint=walk.said(question.hint),
        placeholder=walk.said(question.placeholder),
        required=walk.required(question),
        live=id_ in walk.survey.live[page],
        value=value,
        other=_kept_other(walk, id_),
        entered=entered,
        prefill=prefill,
        choices=choices,
        rows=_rows(walk, question, shown),
        tasks=maxdiff_tasks(tuple(walk.choices(id_)), question.per_task, question.tasks, walk.seed, id_)
        if question.kind == "maxdiff"
        else (),
        scale=_scale(walk, question, shown) if question.kind in SCORED else None,
        several=question.several or question.kind == "multiple",
        beside=_beside(walk, id_, before),
        at_least=question.at_least,
        at_most=question.at_most,
        total=question.total,
        accept=tuple(question.accept),
        largest_mb=question.largest_mb if question.kind == "file" else 0,
        explains=question.explains,
        link=_link(walk, question.link),
        link_label=walk.said(question.link_label),
        problems=problems,
    )


def _beside(walk: Walk, id_: str, before: str) -> bool:
    """Whether a matrix can share a table with the question shown before it."""
    head = walk.survey.beside.get(id_, "")
    return bool(head) and head in (before, walk.survey.beside.get(before)) and [*walk.rows(id_)] == [*walk.rows(before)]


def _kept_other(walk: Walk, id_: str) -> str:
    """The text is shown even while "other" is not chosen: nothing that was typed is lost."""
    text = walk.answers.get(f"{id_}.other")
    return text if isinstance(text, str) else ""


def _prefill(walk: Walk, question: Question) -> Any:
    """The default as an answer; None when it does not make one. Several choices are separated by commas."""
    text = piped(question.default, walk.in_words).strip()
    if not text:
        return None
    several = question.kind in ("multiple", "ranking") or (question.kind == "picture" and question.several)
    values = [one.strip() for one in text.split(",")] if several else [text]
    return read_value(walk.survey, question.id, {field_name(question.id): values}).answers.get(question.id)


def _choices(walk: Walk, question: Question, value: Any) -> tuple[ChoiceView, ...]:
    """The columns of a matrix stay in their order: its rows are what moves."""
    offers = list(walk.choices(question.id).values())
    if question.kind not in ("matrix", "contact"):
        offers = _arranged(walk, question, offers)
    chosen: Collection[Any] = value if isinstance(value, list | dict) else (value,)
    if question.kind in ("matrix", "maxdiff", "file"):
        chosen = ()
    return tuple(_choice(walk, offer, offer.choice.id in chosen) for offer in offers)


def _rows(walk: Walk, question: Question, value: Any) -> tuple[ChoiceView, ...]:
    if question.kind != "matrix":
        return ()
    offers = _arranged(walk, question, list(walk.rows(question.id).values()))
    return tuple(_choice(walk, offer, isinstance(value, dict) and offer.choice.id in value) for offer in offers)


def _arranged(walk: Walk, question: Question, offers: list[Offer]) -> list[Offer]:
    """ "Other" and "none of these" keep their places, as what is fixed does. One table has its rows in one order."""
    first = walk.survey.questions[walk.survey.beside.get(question.id, question.id)]
    return arranged(
        offers,
        first.order,
        walk.seed,
        first.id,
        id_of=lambda offer: offer.choice.id,
        fixed=lambda offer: offer.choice.fixed or offer.choice.exclusive or (offer.choice.other and not offer.carried),
    )


def _choice(walk: Walk, offer: Offer, chosen: bool) -> ChoiceView:
    choice = offer.choice
    return ChoiceView(
        id=choice.id,
        label=offer.label or walk.said(choice.label),
        image=picture_address(choice.image),
        exclusive=choice.exclusive,
        other=choice.other and not offer.carried,
        required=choice.required,
        chosen=chosen,
    )


def _scale(walk: Walk, question: Question, value: Any) -> ScaleView:
    scale = scale_of(question)
    count = int((scale.highest - scale.lowest) / scale.step + 1e-6) + 1 if scale.step > 0 else 0
    points = []
    if question.kind != "slider" and 0 < count <= MOST_POINTS:
        for index in range(count):
            point = round(scale.lowest + index * scale.step, 9)
            label = scale.points.get(text_of(point)) or (
                scale.lowest_label if index == 0 else scale.highest_label if index == count - 1 else {}
            )
            points.append(PointView(point, walk.said(label), value is not None and value == point))
    return ScaleView(
        lowest=scale.lowest,
        highest=scale.highest,
        step=scale.step,
        look=scale.look,
        lowest_label=walk.said(scale.lowest_label),
        highest_label=walk.said(scale.highest_label),
        points=tuple(points),
    )


def label_of(survey: Definition | Prepared, question: str, value: Any, language: str) -> str:
    """An answer's choice, row or column in words, for lists and exports; the value itself where it has none."""
    ready = prepared(survey)
    choice = ready.choices.get(question, {}).get(str(value)) or ready.rows.get(question, {}).get(str(value))
    return said(choice.label, language, ready.definition.languages) if choice else text_of(value)
