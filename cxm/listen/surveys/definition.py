"""A questionnaire as data: what is stored, versioned, imported, exported and run.

Texts are per language: `{"en": "…", "uk": "…"}`; the first language of the definition is the one the others fall back
to. Ids are short codes that authors may choose and that never change once published: answers are kept under them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct, field

from cxm.lib.conditions import Condition

Text = dict[str, str]
Kind = Literal[
    "nps", "csat", "ces", "rating",  # a score on a scale
    "yes_no", "thumbs", "single", "multiple", "dropdown", "picture",
    "matrix", "ranking", "slider", "constant_sum", "maxdiff",
    "short_text", "long_text", "number", "email", "phone", "url", "date", "file",
    "consent", "statement", "contact",
]  # fmt: skip
SCORED: frozenset[str] = frozenset({"nps", "csat", "ces", "rating", "slider"})
CHOOSING: frozenset[str] = frozenset(
    {"single", "multiple", "dropdown", "picture", "ranking", "constant_sum", "maxdiff"}
)
WRITTEN: frozenset[str] = frozenset({"short_text", "long_text"})

UPLOADED = "pictures/"  # begins the `image` of a choice that names a picture kept by us; its digest follows


def picture_address(image: str) -> str:
    """Where a picture of a choice is shown: at an address of ours for an uploaded one."""
    return f"/s/{image}" if image.startswith(UPLOADED) else image


class Choice(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One answer to choose. Also a row or a column of a matrix, and a part of a contact block (id: name, email …)."""

    id: str
    label: Text
    score: float | None = None
    image: str = ""  # address of a picture, or the key of an uploaded one
    fixed: bool = False  # keeps its place when the order is random
    exclusive: bool = False  # of several choices: excludes all others ("none of these")
    other: bool = False  # asks for a text, kept as "<question>.other"
    required: bool = False  # of a part of a contact block, and of a row
    show: Condition | None = None


class Scale(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """`lowest` to `highest` in steps; labels name the ends, `points` may name each point (key: the number as text)."""

    lowest: float = 1
    highest: float = 5
    step: float = 1
    look: Literal["numbers", "stars", "faces", "slider"] = "numbers"
    lowest_label: Text = field(default_factory=dict)
    highest_label: Text = field(default_factory=dict)
    points: dict[str, Text] = field(default_factory=dict)


class Carry(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Choices taken over from an earlier question: those selected there, those not, or all that were shown."""

    question: str
    which: Literal["selected", "unselected", "shown"] = "selected"


class Check(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A rule that an answer must satisfy. In `must`, the field `value` is this answer; all else as in any condition."""

    must: Condition
    message: Text


class Question(Struct, omit_defaults=True, forbid_unknown_fields=True):
    id: str
    kind: Kind
    title: Text
    hint: Text = field(default_factory=dict)
    required: bool = False
    show: Condition | None = None
    scale: Scale | None = None  # of nps, csat, ces, rating, slider
    choices: list[Choice] = field(default_factory=list)
    rows: list[Choice] = field(default_factory=list)  # of a matrix; its columns are the choices
    several: bool = False  # of a matrix: several columns per row; of a picture choice: several pictures
    beside: bool = False  # of a matrix: in one table with the matrix right before it, whose rows it has
    carry: Carry | None = None
    order: Literal["as_is", "random", "reversed_half"] = "as_is"  # of choices or rows; reversed for half the people
    checks: list[Check] = field(default_factory=list)
    at_least: float | None = None  # choices, characters, files; of a number and a slider: its value; of a date: —
    at_most: float | None = None
    total: float | None = None  # of a constant sum: what the parts must add up to
    per_task: int = 4  # of MaxDiff: choices shown together
    tasks: int = 0  # of MaxDiff: how many times; 0: so that each choice is shown three times
    accept: list[str] = field(default_factory=list)  # of a file: extensions such as ".pdf"
    largest_mb: float = 10
    placeholder: Text = field(default_factory=dict)
    link: str = ""  # of a statement: where its button leads, in a window of its own; pipes as the link of an ending
    link_label: Text = field(default_factory=dict)
    explains: str = ""  # of a text: the id of the score whose comment it is
    instructed: str = ""  # of a single choice: the one that its text tells to choose; who chooses another did not read
    touchpoint: str = ""
    role: str = ""  # a code shared by questions of several surveys that ask the same thing; its own id if empty
    default: str = ""  # a template of text, as in piping


class Section(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Questions that belong together on a page; a page that needs no headings has one section without title."""

    id: str
    questions: list[Question] = field(default_factory=list)
    title: Text = field(default_factory=dict)
    text: Text = field(default_factory=dict)
    show: Condition | None = None
    order: Literal["as_is", "random"] = "as_is"


class Page(Struct, omit_defaults=True, forbid_unknown_fields=True):
    id: str
    sections: list[Section] = field(default_factory=list)
    title: Text = field(default_factory=dict)
    show: Condition | None = None
    order: Literal["as_is", "random"] = "as_is"  # of its sections; those without a question keep their places


class Formula(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """`of` are numbers, texts, fields ({"field": …}) and formulas. `value` passes the first one on."""

    do: Literal["value", "add", "subtract", "multiply", "divide", "average", "smallest", "largest", "count", "join"]
    of: list[float | str | Formula] = field(default_factory=list)  # a text "{answer.nps}" is a field


class Rule(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What happens when a condition holds. Checked when a page is left (`after`), or whenever it matters if empty.

    `skip` goes on at the page `target`; `end` ends with the ending `target`; `require` makes the questions `targets`
    compulsory; `compute` puts `formula` into the variable `target`; `tag` puts the tag `target` on the response and its
    customer; `open_case` asks for a case of the priority `target`. Rules apply in order.
    """

    id: str
    do: Literal["skip", "end", "require", "compute", "tag", "open_case"]
    when: Condition | None = None  # None: always
    after: str = ""
    target: str = ""
    targets: list[str] = field(default_factory=list)
    formula: Formula | None = None


class Quota(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """How many completed responses there are for which `when` holds, and what happens when they are `limit`.

    `end` ends the survey for whoever fits too, with `ending`; `close` lets nobody begin any more; `count` counts on.
    Conditions may ask whether it is full: `{"field": "quota.<id>", "values": [true]}`. For one response that is settled
    when it begins, so that no answer is lost when the quota fills up meanwhile.
    """

    id: str
    name: str
    limit: int
    when: Condition | None = None
    ending: str = ""
    then: Literal["end", "close", "count"] = "end"


class Ending(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """The last screen. The first whose condition holds is shown; the one without condition is for everybody else."""

    id: str
    title: Text
    text: Text = field(default_factory=dict)
    when: Condition | None = None
    link: str = ""
    link_label: Text = field(default_factory=dict)
    redirect: bool = False  # go to the link at once
    completes: bool = True  # False: a screen-out, whose answers do not count


class Look(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Colours are #rrggbb; the text on them is chosen for contrast."""

    accent: str = "#206bc4"
    logo: str = ""
    background: str = ""
    font: Literal["system", "serif", "rounded"] = "system"
    dark: Literal["auto", "never", "always"] = "auto"
    progress: bool = True
    one_at_a_time: bool = False  # each question on a screen of its own
    css: str = ""  # the author's own; stylesheets.py says what of it is served


class Definition(Struct, omit_defaults=True, forbid_unknown_fields=True):
    title: Text
    languages: list[str]
    pages: list[Page] = field(default_factory=list)
    intro: Text = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)  # names that an address or a client may fill in
    purpose: Text = field(default_factory=dict)  # whom the answers go to and what for; shown at the foot of each page
    back: bool = True
    look: Look = field(default_factory=Look)

    def questions(self) -> Iterator[Question]:
        """Every question in the order in which it is written down."""
        for page in self.pages:
            for section in page.sections:
                yield from section.questions


def said(text: Text, language: str, languages: list[str]) -> str:
    """A text in a language, else in the first language of the survey, else in any; empty when nobody wrote it."""
    for one in (language, *languages[:1], *text):
        if found := text.get(one, ""):
            return found
    return ""


def default_scale(kind: Kind) -> Scale:
    """NPS is 0 to 10 by definition; the others are what most companies ask."""
    if kind == "nps":
        return Scale(lowest=0, highest=10)
    if kind == "ces":
        return Scale(lowest=1, highest=7)
    if kind == "slider":
        return Scale(lowest=0, highest=100, look="slider")
    return Scale(lowest=1, highest=5, look="stars" if kind == "rating" else "faces")
