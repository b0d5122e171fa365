"""What a renderer gets: one page of a survey as it is to be shown to one person now.

Pages without JavaScript, the widget and apps all render these structures; `msgspec.json.encode(view)` is the JSON of
the answers API. All texts are plain text in the respondent's language, with answers already put in: **whoever renders
them escapes them**. Line breaks in texts are kept. Numbers are floats; renderers write 3.0 as "3".
In JSON, a member that has its default (empty text, false, null, nothing) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field


class Problem(Struct, frozen=True, omit_defaults=True):
    """What is wrong with an answer: a code, and the values that a sentence about it needs. `PROBLEMS` lists the codes.

    `message` is the author's own sentence where there is one (code `check`). `part` is the row, the choice or the part
    of a contact block that it is about; empty: the whole question.
    """

    code: str
    params: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    part: str = ""


# Every code with the names of its parameters. The sentences are the renderers'.
PROBLEMS: dict[str, tuple[str, ...]] = {
    "required": (),  # with a part: that row, that part of the contact block
    "consent": (),  # a compulsory consent was not given
    "other_text": (),  # "other" was chosen and its text is missing
    "wrong_type": (),  # not an answer to this kind of question at all (only clients of the API can send such)
    "unknown_choice": (),  # something that this question does not offer
    "not_on_scale": ("lowest", "highest", "step"),
    "number": (),  # not a number
    "date": (),  # not a date
    "email": (),
    "phone": (),
    "url": (),
    "too_small": ("least",),
    "too_large": ("most",),
    "too_short": ("least", "length"),  # characters
    "too_long": ("most", "length"),
    "too_few": ("least", "count"),  # choices, files, ranks
    "too_many": ("most", "count"),
    "same_rank": ("rank",),  # two choices on one place
    "exclusive": (),  # "none of these" together with others
    "total": ("total", "sum"),
    "same_choice": ("task",),  # best and worst are the same; tasks count from 1
    "task": ("task",),  # a task of MaxDiff lacks its best or worst
    "file_type": ("name", "accept"),
    "file_size": ("name", "largest_mb"),
    "check": (),  # the author's rule, with the author's message
}


class ChoiceView(Struct, frozen=True, omit_defaults=True):
    """A choice, a row, a column or a part of a contact block, in the order in which it is shown.

    Choices that were carried forward have the ids that they have in the question they come from.
    """

    id: str
    label: str
    image: str = ""
    exclusive: bool = False
    other: bool = False  # needs a text field beside it; its text is `QuestionView.other`
    required: bool = False  # of a row or a part of a contact block
    chosen: bool = False  # whether the value holds it


class PointView(Struct, frozen=True, omit_defaults=True):
    """A point of a scale. `label` is its own name, or that of the end; most points have none."""

    value: float
    label: str = ""
    chosen: bool = False


class ScaleView(Struct, frozen=True, omit_defaults=True):
    """`points` are empty for a slider and for scales of more than 21 points."""

    lowest: float
    highest: float
    step: float
    look: str
    lowest_label: str = ""
    highest_label: str = ""
    points: tuple[PointView, ...] = ()


class QuestionView(Struct, frozen=True, omit_defaults=True):
    """A question with everything that is needed to draw it, its answer as it is now, and what is wrong with it.

    `value` has the format of answers (docs/reference/survey-definition.md); None: not answered. `entered` is what was
    typed when that could not be read as an answer: show it in place of the value. `prefill` is the author's default, to
    be shown while there is no answer; it becomes one when the page is sent.
    """

    id: str
    kind: str
    title: str
    hint: str = ""
    placeholder: str = ""
    required: bool = False
    live: bool = False  # what is shown on this page may change with this answer: ask for the view again after a change
    value: Any = None
    other: str = ""  # the text of "other"
    entered: str = ""
    prefill: Any = None
    choices: tuple[ChoiceView, ...] = ()  # of a matrix: its columns; of MaxDiff: all of them; of a contact: its parts
    rows: tuple[ChoiceView, ...] = ()
    tasks: tuple[tuple[str, ...], ...] = ()  # of MaxDiff: the ids of the choices shown together, in order
    scale: ScaleView | None = None
    several: bool = False
    beside: bool = False  # of a matrix: it has the rows of the matrix before it, and one table can show both
    at_least: float | None = None
    at_most: float | None = None
    total: float | None = None
    accept: tuple[str, ...] = ()
    largest_mb: float = 0
    explains: str = ""
    link: str = ""  # of a statement: http(s), mailto or tel; open it beside the survey
    link_label: str = ""
    problems: tuple[Problem, ...] = ()


class SectionView(Struct, frozen=True, omit_defaults=True):
    id: str
    title: str = ""
    text: str = ""
    questions: tuple[QuestionView, ...] = ()


class PageView(Struct, frozen=True, omit_defaults=True):
    """One screen. Its id is the page's; when a survey shows one question at a time, `<page>:<question>`."""

    id: str
    title: str = ""
    sections: tuple[SectionView, ...] = ()

    def questions(self) -> Iterator[QuestionView]:
        for section in self.sections:
            yield from section.questions


class View(Struct, frozen=True, omit_defaults=True):
    """The page that is to be shown. `page` is None when no page is left to show: then `finish` says what comes.

    `number` of `of` counts the screens on the way that the answers so far lead to; it may change as answers come.
    `last`: with the answers so far, sending this page completes the survey.
    """

    language: str
    languages: tuple[str, ...]  # that the survey can be read in
    title: str
    page: PageView | None = None
    intro: str = ""  # on the first page only
    purpose: str = ""
    number: int = 1
    of: int = 1
    progress: float = 0.0  # 0 to 1, of the screens before this one
    back: str = ""  # the screen to go back to; empty: none, or going back is not allowed
    last: bool = False


class EndingView(Struct, frozen=True, omit_defaults=True):
    """The last screen. Without an id, it is none of the survey's own: thank in our own words."""

    id: str = ""
    title: str = ""
    text: str = ""
    link: str = ""  # http(s), mailto, tel, or a path on this server; anything else is left out
    link_label: str = ""
    redirect: bool = False
    completes: bool = True


class Case(Struct, frozen=True, omit_defaults=True):
    """A case that a rule asks for."""

    rule: str
    priority: str


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What a finished response comes to.

    `answers` hold only what counts: answers of questions that are shown on the way that was taken. `problems` say what
    still stands against completing, per question, `problem_page` the first screen with one.
    """

    ending: EndingView
    answers: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    quotas: tuple[str, ...] = ()  # ids of the quotas that this response counts towards
    full: str = ""  # the id of the full quota that ended it
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    problem_page: str = ""
