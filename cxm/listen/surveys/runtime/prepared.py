"""A definition made ready to run: what can be known without knowing anybody's answers. Made once per version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cxm.lib.conditions import Condition, leaves

from ..definition import Choice, Definition, Formula, Page, Question, Rule, Section, Text

FIELD = re.compile(
    r"\{((?:answer|count|hidden|variable|trait|survey)\.[^{}|\n]+|language|channel|device|url)(?:\|([^{}\n]*))?\}"
)


class Prepared:
    """`place` says where a question stands: its page's number, its section. Of two questions with one id, the first."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.questions: dict[str, Question] = {}
        self.place: dict[str, tuple[int, Section]] = {}
        self.page_number: dict[str, int] = {}
        for number, page in enumerate(definition.pages):
            self.page_number.setdefault(page.id, number)
            for section in page.sections:
                for question in section.questions:
                    if question.id not in self.questions:
                        self.questions[question.id] = question
                        self.place[question.id] = (number, section)
        self.beside = dict(self._beside())
        self.choices = {id_: self._choices(question, frozenset()) for id_, question in self.questions.items()}
        self.rows = {id_: self._rows(question) for id_, question in self.questions.items()}
        self.turns = [rule for rule in definition.rules if rule.do in ("skip", "end")]
        self.requiring: dict[str, list[Rule]] = {}
        self.computing: dict[str, list[tuple[int, Rule]]] = {}
        for index, rule in enumerate(definition.rules):
            if rule.do == "require":
                for target in rule.targets:
                    self.requiring.setdefault(target, []).append(rule)
            elif rule.do == "compute" and rule.target and rule.formula is not None:
                self.computing.setdefault(rule.target, []).append((index, rule))
        self.live = [frozenset(self._live(page)) for page in definition.pages]

    def _beside(self) -> Iterator[tuple[str, str]]:
        """Matrices that stand beside others, each with the first matrix of its table."""
        for page in self.definition.pages:
            for section in page.sections:
                head = ""
                for question in section.questions:
                    if question.kind != "matrix":
                        head = ""
                    elif question.beside and head:
                        yield question.id, head
                    else:
                        head = question.id

    def _choices(self, question: Question, seen: frozenset[str]) -> dict[str, Choice]:
        """All that could ever be offered: the carried ones, then its own. In a matrix, what is carried becomes rows."""
        carried = self._carried(question, seen) if question.kind != "matrix" else {}
        return carried | {choice.id: choice for choice in question.choices if choice.id not in carried}

    def _rows(self, question: Question) -> dict[str, Choice]:
        carried = self._carried(question, frozenset()) if question.kind == "matrix" else {}
        return carried | {row.id: row for row in question.rows if row.id not in carried}

    def _carried(self, question: Question, seen: frozenset[str]) -> dict[str, Choice]:
        source = self.questions.get(question.carry.question) if question.carry else None
        if source is None or source.id in seen or source.id == question.id:
            return {}
        if source.kind == "matrix":
            return {row.id: row for row in source.rows}
        return self._choices(source, seen | {question.id})

    def _live(self, page: Page) -> Iterator[str]:
        """The questions of a page on whose answers depends what the page shows."""
        here = {question.id for section in page.sections for question in section.questions}
        fields: set[str] = set()
        texts: list[Text] = [page.title]
        for section in page.sections:
            fields.update(fields_in(section.show))
            texts += [section.title, section.text]
            for question in section.questions:
                fields.update(fields_in(question.show))
                texts += [question.title, question.hint, question.placeholder, question.link_label, {"": question.link}]
                if question.carry:
                    fields.add(f"answer.{question.carry.question}")
                for choice in (*question.choices, *question.rows):
                    fields.update(fields_in(choice.show))
                    texts.append(choice.label)
                for rule in self.requiring.get(question.id, []):
                    fields.update(fields_in(rule.when))
        fields.update(match[1] for text in texts for said in text.values() for match in FIELD.finditer(said))
        done: set[str] = set()
        while fields:
            name = fields.pop()
            done.add(name)
            root, _, rest = name.partition(".")
            if root in ("answer", "count") and (known := self.known(rest)):
                if known in here:
                    yield known
            elif root == "variable":
                for _, rule in self.computing.get(rest, []):
                    fields.update({*fields_in(rule.when), *fields_of(rule.formula)} - done)

    def known(self, rest: str) -> str:
        """The question that `answer.<rest>` is about; empty: none. Ids hold no dots, but be kind to those that do."""
        if rest in self.questions:
            return rest
        head = rest.rpartition(".")[0]
        while head and head not in self.questions:
            head = head.rpartition(".")[0]
        return head


def fields_in(condition: Condition | None) -> Iterable[str]:
    return (leaf.field for leaf in leaves(condition)) if condition is not None else ()


def fields_of(formula: Formula | None) -> Iterator[str]:
    for one in formula.of if formula else ():
        if isinstance(one, str):
            yield from (match[1] for match in FIELD.finditer(one))
        elif isinstance(one, Formula):
            yield from fields_of(one)


def prepared(definition: Definition | Prepared) -> Prepared:
    return definition if isinstance(definition, Prepared) else Prepared(definition)
