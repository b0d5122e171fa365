"""The way of one person through a survey: which pages, questions and choices there are for these answers.

The rules, in the order in which they are applied:

1.  Pages are walked through in the order in which they are written. A page is shown when its condition holds and it
    has a question to show, or a section that is text only; a section when its condition holds; a question when its
    condition holds and, for kinds that offer choices, at least one is left.
2.  An answer counts only while its question is shown on the way. For every condition, text and formula, an answer of a
    hidden question, of a page that was jumped over, or a choice that is not offered any more, is not there. It is kept
    while somebody still edits, so that it is back when the question is, and dropped in `finish`.
3.  When a page is left, the rules `skip` and `end` are tried in their order, those for this page (`after`) and those
    for every page; the first that holds is followed. A skip leads only forward – to a page before or to none it is
    passed over – so there are no loops. A page that was not shown is not left: its rules are not tried.
4.  A variable is what the last `compute` rule that holds made of it; a rule with `after` counts once that page was
    left. A rule sees the variables as the rules before it left them.
5.  A question whose being shown depends on itself sees itself as not answered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct, field

from cxm.lib.conditions import Condition, holds

from ..definition import Choice, Page, Question, Quota, Section, said
from .formulas import computed
from .order import arranged
from .piping import piped, value_in_words
from .prepared import Prepared
from .values import as_field, count_of, part_of, typed

OFFERING = frozenset({"single", "multiple", "dropdown", "picture", "matrix", "ranking", "constant_sum", "maxdiff"})


class Facts(Struct, frozen=True):
    """What is known beside the answers.

    `earlier` holds this customer's newest earlier answers by key of the survey, and under `days` how long ago it was
    completed. `full` are the quotas that were full when the response began. `words` are "yes" and "no" in the
    respondent's language, for texts that repeat such an answer.
    """

    hidden: dict[str, Any] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)
    segments: list[str] = field(default_factory=list)
    channel: str = "link"
    device: str = "desktop"
    url: str = ""
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)
    full: Collection[str] = ()
    words: dict[str, str] = field(default_factory=dict)


class Offer(Struct, frozen=True):
    """A choice as it is offered. `label` is set when it is not the author's: the text of an "other" carried forward."""

    choice: Choice
    label: str = ""
    carried: bool = False


class Screen(Struct, frozen=True):
    id: str
    page: int  # its number
    sections: tuple[tuple[Section, tuple[str, ...]], ...]  # with the ids of the questions shown, in order

    def questions(self) -> list[str]:
        return [id_ for _, ids in self.sections for id_ in ids]


class Walk:
    """Walks as soon as it is made. `screens` is the way, `ended_by` the ending that a rule or quota led to."""

    def __init__(
        self,
        survey: Prepared,
        answers: Mapping[str, Any],
        facts: Facts,
        *,
        language: str,
        seed: int,
        full: Collection[str] = (),
    ) -> None:
        self.survey, self.answers, self.facts, self.language, self.seed = survey, answers, facts, language, seed
        self.full = full
        self.screens: list[Screen] = []
        self.left: set[str] = set()  # pages that were shown and left
        self.ended_by = ""
        self.full_quota = ""
        self._off: set[int] = set()  # numbers of pages that are not on the way
        self._here = 0
        self._shown: dict[str, bool] = {}
        self._counting: dict[str, Any] = {}
        self._offers: dict[str, dict[str, Offer]] = {}
        self._variables: dict[tuple[str, int], Any] = {}
        self._busy: set[str] = set()
        self._go()

    # The way

    def _go(self) -> None:
        pages = self.survey.definition.pages
        number = 0
        if self._quota_full(started=False):
            self._off.update(range(len(pages)))
            return
        while number < len(pages):
            self._here = number
            screens = self._screens(number)
            if not screens:
                self._off.add(number)
                self._forget()
                number += 1
                continue
            self.screens += screens
            self.left.add(pages[number].id)
            following = self._leave(number)
            self._off.update(range(number + 1, following))
            self._forget()
            number = following

    def _screens(self, number: int) -> list[Screen]:
        page = self.survey.definition.pages[number]
        if not self.is_so(page.show):
            return []
        sections: list[tuple[Section, tuple[str, ...]]] = []
        for section in self._sections(page):
            if not section.questions:
                if section.text and self.is_so(section.show):
                    sections.append((section, ()))
            elif ids := tuple(one.id for one in self._in_order(section) if self.is_shown(one.id)):
                sections.append((section, ids))
        if not self.survey.definition.look.one_at_a_time:
            return [Screen(page.id, number, tuple(sections))] if sections else []
        return [
            Screen(f"{page.id}:{table[0] if table else section.id}", number, ((section, table),))
            for section, ids in sections
            for table in self._tables(ids)
        ]

    def _tables(self, ids: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Each question by itself, but matrices that stand beside each other together; of none, one without any."""
        tables: list[tuple[str, ...]] = []
        for id_ in ids:
            if tables and self.survey.beside.get(id_) == tables[-1][0]:
                tables[-1] += (id_,)
            else:
                tables.append((id_,))
        return tables or [()]

    def _sections(self, page: Page) -> list[Section]:
        return arranged(page.sections, page.order, self.seed, page.id, id_of=lambda one: one.id,
                        fixed=lambda one: not one.questions)  # fmt: skip

    def _in_order(self, section: Section) -> list[Question]:
        """A text that explains a score of the same section moves with it, a matrix with the one it stands beside."""
        if section.order == "as_is":
            return section.questions
        here = {question.id for question in section.questions}
        led_by = self.survey.beside | {one.id: one.explains for one in section.questions if one.explains in here}
        leading = [one for one in section.questions if led_by.get(one.id, one.id) == one.id]
        heads = arranged(leading, "random", self.seed, section.id, id_of=lambda one: one.id, fixed=lambda _: False)
        ordered = [
            one
            for head in heads
            for one in (head, *(q for q in section.questions if led_by.get(q.id) == head.id and q is not head))
        ]
        rest = {one.id for one in ordered}
        return ordered + [one for one in section.questions if one.id not in rest]

    def following(self, number: int, id_: str) -> list[str]:
        """The questions that come after one on its page, shown or not."""
        page = self.survey.definition.pages[number]
        ids = [one.id for section in self._sections(page) for one in self._in_order(section)]
        return ids[ids.index(id_) + 1 :] if id_ in ids else []

    def _leave(self, number: int) -> int:
        """The number of the page to go on with."""
        pages = self.survey.definition.pages
        self._forget()
        for rule in self.survey.turns:
            if rule.after not in ("", pages[number].id) or not self.is_so(rule.when):
                continue
            if rule.do == "end":
                self.ended_by = rule.target
                return len(pages)
            target = self.survey.page_number.get(rule.target, -1)
            if target > number:
                return target
        if self._quota_full(started=True):
            return len(pages)
        return number + 1

    def _quota_full(self, *, started: bool) -> bool:
        """Before the first page only quotas without condition are asked: they count everybody."""
        for quota in self.survey.definition.quotas:
            if (
                quota.then != "count"
                and quota.id in self.full
                and (quota.when is None or (started and self.is_so(quota.when)))
            ):
                self.full_quota, self.ended_by = quota.id, quota.ending
                return True
        return False

    def _forget(self) -> None:
        """What was concluded may change once a page is left: variables, and pages that turn out not to be shown."""
        self._variables.clear()
        for known in (self._shown, self._counting, self._offers):
            for id_ in [id_ for id_ in known if self.survey.place[id_][0] > self._here]:
                del known[id_]

    # What is shown

    def is_so(self, condition: Condition | None) -> bool:
        return condition is None or holds(condition, lambda leaf: self.field(leaf.field))

    def is_shown(self, id_: str) -> bool:
        """Whether a question is on the way, as far as is known on the page that the walk has come to."""
        place = self.survey.place.get(id_)
        if place is None or place[0] in self._off:
            return False
        if (known := self._shown.get(id_)) is not None:
            return known
        if id_ in self._busy:
            return False
        number, section = place
        question = self.survey.questions[id_]
        self._busy.add(id_)
        shown = (
            self.is_so(self.survey.definition.pages[number].show)
            and self.is_so(section.show)
            and self.is_so(question.show)
            and (question.kind not in OFFERING or bool(self.choices(id_)))
            and (question.kind != "matrix" or bool(self.rows(id_)))
        )
        self._busy.discard(id_)
        self._shown[id_] = shown
        return shown

    def choices(self, id_: str) -> dict[str, Offer]:
        """What a question offers, in the written order: what is carried forward first, then its own."""
        question = self.survey.questions[id_]
        return self._offered(id_, question.choices, carried=question.kind != "matrix", slot=id_)

    def rows(self, id_: str) -> dict[str, Offer]:
        question = self.survey.questions[id_]
        return self._offered(id_, question.rows, carried=question.kind == "matrix", slot=f"{id_} rows")

    def _offered(self, id_: str, own: list[Choice], *, carried: bool, slot: str) -> dict[str, Offer]:
        known = self._offers.get(id_, {}) if slot == id_ else None
        if known:
            return known
        offers = self._carried(id_) if carried else {}
        for choice in own:
            if choice.id not in offers and self.is_so(choice.show):
                offers[choice.id] = Offer(choice)
        if slot == id_:
            self._offers[id_] = offers
        return offers

    def _carried(self, id_: str) -> dict[str, Offer]:
        """An "other" is carried only with its text, under which it is then offered like any choice."""
        carry = self.survey.questions[id_].carry
        if carry is None or carry.question not in self.survey.questions or not self.is_shown(carry.question):
            return {}
        source = self.survey.questions[carry.question]
        offers = self.rows(source.id) if source.kind == "matrix" else self.choices(source.id)
        value = self.value(source.id)
        chosen = (
            set(value) if isinstance(value, dict) and source.kind == "matrix" else set(_listed(as_field(source, value)))
        )
        taken = {}
        for offer in offers.values():
            if carry.which != "shown" and (offer.choice.id in chosen) is (carry.which == "unselected"):
                continue
            label = offer.label
            if offer.choice.other and not offer.carried:
                label = self.other(source.id) if offer.choice.id in chosen else ""
                if not label:
                    continue
            taken[offer.choice.id] = Offer(offer.choice, label, carried=True)
        return taken

    # What counts

    def value(self, id_: str) -> Any:
        """The answer of a question if it counts, else None."""
        if id_ in self._counting:
            return self._counting[id_]
        raw = self.answers.get(id_)
        if raw is None or not self.is_shown(id_):
            return None
        question = self.survey.questions[id_]
        rows = self.rows(id_) if question.kind == "matrix" else ()
        value = typed(question, raw, self.choices(id_), rows)
        self._counting[id_] = value
        return value

    def other(self, id_: str) -> str:
        """The text of "other", if such a choice is chosen."""
        text = self.answers.get(f"{id_}.other")
        if not isinstance(text, str) or not text.strip():
            return ""
        chosen = _listed(self.value(id_))
        return (
            text
            if any(
                one.choice.other and not one.carried and one.choice.id in chosen for one in self.choices(id_).values()
            )
            else ""
        )

    def required(self, question: Question) -> bool:
        """Asked of questions that are shown only."""
        if question.kind == "statement":
            return False
        return question.required or any(
            rule.after in ("", *self.left) and self.is_so(rule.when)
            for rule in self.survey.requiring.get(question.id, ())
        )

    def variable(self, name: str, before: int | None = None) -> Any:
        """What the last rule that holds, of those before the rule of that number, makes of a variable."""
        rules = [one for one in self.survey.computing.get(name, ()) if before is None or one[0] < before]
        for index, _ in reversed(rules):
            if (name, index) not in self._variables:
                self._variables[name, index] = self._computed(index)
            held, value = self._variables[name, index]
            if held:
                return value
        return None

    def _computed(self, index: int) -> tuple[bool, Any]:
        rule = self.survey.definition.rules[index]
        assert rule.formula is not None  # see Prepared.computing
        if rule.after and rule.after not in self.left:
            return False, None
        if f"rule {index}" in self._busy:
            return False, None  # a question's being shown depends on this variable and the variable on the question
        self._busy.add(f"rule {index}")
        try:
            if rule.when is not None and not holds(rule.when, lambda leaf: self.field(leaf.field, before=index)):
                return False, None
            return True, computed(
                rule.formula,
                lambda name: self._scored(name, index),
                lambda template: piped(template, lambda name: self.in_words(name, before=index)),
            )
        finally:
            self._busy.discard(f"rule {index}")

    def variables(self) -> dict[str, Any]:
        names = dict.fromkeys((*self.survey.definition.variables, *self.survey.computing))
        return {name: value for name in names if (value := self.variable(name)) is not None}

    def field(self, name: str, before: int | None = None) -> Any:
        """The value of a field of conditions; None: not set, or no such field."""
        root, _, rest = name.partition(".")
        facts = self.facts
        match root:
            case "answer":
                return self._answer(rest)
            case "count":
                return (
                    count_of(self.survey.questions[rest], self.value(rest)) if rest in self.survey.questions else None
                )
            case "hidden":
                return facts.hidden.get(rest)
            case "variable":
                return self.variable(rest, before)
            case "trait":
                return facts.traits.get(rest)
            case "segment":
                return facts.segments
            case "language":
                return self.language
            case "channel" | "device" | "url":
                return getattr(facts, root)
            case "quota":
                return rest in facts.full
            case "survey":
                key, _, question = rest.partition(".")
                earlier = facts.earlier.get(key, {}).get(question)
                return list(earlier.values()) if isinstance(earlier, dict) else earlier
        return None

    def _answer(self, rest: str) -> Any:
        id_ = rest if rest in self.survey.questions else self.survey.known(rest)
        if not id_:
            return None
        question, value = self.survey.questions[id_], self.value(id_)
        if id_ == rest:
            return as_field(question, value)
        part = rest[len(id_) + 1 :]
        return (
            self.other(id_) or None
            if part == "other" and question.kind not in ("matrix", "contact")
            else part_of(question, value, part)
        )

    def _scored(self, name: str, before: int) -> Any:
        """A field as formulas see it: choices as their scores."""
        value = self.field(name, before)
        root, _, rest = name.partition(".")
        if root != "answer" or not (id_ := self.survey.known(rest)):
            return value
        scores = {one.choice.id: one.choice.score for one in self.choices(id_).values() if one.choice.score is not None}
        if isinstance(value, list):
            return [scores.get(one, one) if isinstance(one, str) else one for one in value]
        return scores.get(value, value) if isinstance(value, str) else value

    # Texts

    def said(self, text: Mapping[str, str]) -> str:
        """A text in the respondent's language with answers put in."""
        found = said(dict(text), self.language, self.survey.definition.languages) if text else ""
        return piped(found, self.in_words) if "{" in found else found

    def in_words(self, name: str, before: int | None = None) -> str:
        """A field as a person reads it: choices by their labels. Empty when it is not set."""
        root, _, rest = name.partition(".")
        id_ = self.survey.known(rest) if root == "answer" else ""
        labels: dict[str, str] = {}
        if id_ and self.survey.questions[id_].kind != "contact":
            labels = {one: self.label(id_, offer) for one, offer in self.choices(id_).items()}
        return value_in_words(self.field(name, before), labels, self.facts.words)

    def label(self, id_: str, offer: Offer) -> str:
        if offer.label:
            return offer.label
        if offer.choice.other and (text := self.other(id_)):
            return text
        # A label is not piped here: it could name the very question that it belongs to.
        return said(offer.choice.label, self.language, self.survey.definition.languages)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def quotas_of(walk: Walk) -> list[Quota]:
    return [quota for quota in walk.survey.definition.quotas if quota.when is None or walk.is_so(quota.when)]
