"""Reading LSS: questions of every type, by its letter."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from cxm.lib.conditions import Condition

from ..definition import Check, Choice, Question, Rule, Scale, Text
from .expressions import Field, Unsaid
from .lss_base import DEFAULTS, LOOKS, USUAL, Answer, Asked, Names, Row
from .reading import both
from .report import Element
from .surveyjs_names import number_in

OTHER = "-oth-"
# The columns that arrays of fixed scales have; their words are the exporter's, so they are in English here.
FIXED: dict[str, list[tuple[str, str]]] = {
    "A": [(str(one), str(one)) for one in range(1, 6)],
    "B": [(str(one), str(one)) for one in range(1, 11)],
    "C": [("Y", "Yes"), ("U", "Uncertain"), ("N", "No")],
    "E": [("I", "Increase"), ("S", "Same"), ("D", "Decrease")],
    "G": [("F", "Female"), ("M", "Male")],
}
DROPPED = {":": "array of numbers", ";": "array of texts", "I": "language switch"}
# Each letter's reader, `_read_<name>`.
READERS = {
    **dict.fromkeys("L!OG", "single"), **dict.fromkeys("MP", "multiple"), **dict.fromkeys("FABCEH", "array"),
    **dict.fromkeys("STU", "written"), "1": "dual", "5": "five", "N": "number", "K": "numbers", "Q": "texts",
    "R": "ranking", "X": "text_only", "Y": "yes_no", "D": "date", "|": "file", "*": "equation",
}  # fmt: skip
DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Questions(Names):
    def __init__(self, first: str) -> None:
        super().__init__(first)
        self.subs: dict[tuple[str, str], list[Asked]] = {}  # (qid, scale) -> subquestions in their order
        self.answers: dict[tuple[str, str], list[Answer]] = {}  # (qid, scale)
        self.taken: set[tuple[str, str, str]] = set()  # (table, qid, scale) that a question was made of
        self.attributes: dict[str, dict[str, Any]] = {}  # qid -> name -> value, or values by language

    def questions_of(self, asked: Asked) -> list[Question]:
        row, qid = asked.row, asked.row.get("qid", "")
        name, kind = row.get("title") or qid, row.get("type", "")
        element = Element(self.attributes.get(qid, {}), name)
        reader: Callable[[Element, Question, Asked], list[Question]] | None
        reader = getattr(self, f"_read_{READERS.get(kind)}", None)
        if kind == ":" and element.data.get("multiflexible_checkbox") == "1":
            reader = self._read_checkboxes
        if reader is None:
            self.notes.add(name, f"{DROPPED.get(kind, 'question type')} {kind}", "no_counterpart", "content",
                           next(iter(asked.title.values()), ""))  # fmt: skip
            return []
        question = Question(self.ids.give(name, "question"), "short_text", {})
        if question.id != name:
            self.notes.add(name, "code", "renamed", "look", question.id)
        question.title = self.text(asked.title, name) or {self.first: name}
        question.hint = self.text(asked.help, name)
        made = reader(element, question, asked)
        for one in made:
            self._common(element, one, row)
        if made or kind == "*":
            self._rest(element)
        return made

    def _common(self, element: Element, question: Question, row: Row) -> None:
        where = element.where
        if question.kind != "statement" and not question.id.endswith("_comment"):
            question.required = row.get("mandatory") == "Y"
        if row.get("mandatory") == "S":
            self.notes.add(where, "mandatory S", "approximated", "logic")
        self.shown(element.take("relevance") or row.get("relevance", ""), where, partial(_show, question))
        if element.take("hidden") == "1":
            question.show = Condition(any=())
        if pattern := row.get("preg"):
            found = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL)
            pattern = (f"(?i){found[1]}" if "i" in found[2] else found[1]) if found else pattern
            if question.kind in ("short_text", "long_text", "number"):
                must = Condition(field="value", operator="matches", values=(pattern,))
                question.checks.append(Check(must, self._localised(element, "em_validation_q_tip")))
            else:
                self.notes.add(where, "preg", "no_counterpart", "logic", pattern)
        if row.get("other") == "Y" and not any(one.other for one in question.choices):
            self.notes.add(where, "other", "no_counterpart", "content")
        if element.take("random_order", "answer_order", "subquestion_order") in ("1", "random"):
            question.order = "random"
        self._bounds(element, question)

    def _bounds(self, element: Element, question: Question) -> None:
        least, most = element.take("min_answers"), element.take("max_answers")
        if question.kind in ("multiple", "ranking"):
            question.at_least, question.at_most = number_in(least), number_in(most)
        elif least or most:
            self.notes.add(element.where, "min_answers/max_answers", "no_counterpart", "logic", [least, most])
        longest = number_in(element.take("maximum_chars"))
        if longest and question.kind in ("short_text", "long_text"):
            question.at_most = longest

    def _rest(self, element: Element) -> None:
        looks = []
        for name, value in element.rest().items():
            values = value.values() if isinstance(value, dict) else [value]
            if all(one in USUAL or one == DEFAULTS.get(name) for one in values):
                continue
            if LOOKS.fullmatch(name):
                looks.append(name)
            else:
                logic = re.match(r"em_|array_filter|random|time_limit|num_value|exclude|equals|min_|max_", name)
                self.notes.add(element.where, name, "no_counterpart", "logic" if logic else "content", value)
        if looks:
            self.notes.add(element.where, ", ".join(looks), "look", "look")

    def _localised(self, element: Element, name: str) -> Text:
        found = element.take(name)
        values = found if isinstance(found, dict) else {self.first: found or ""}
        return self.text({code: one for code, one in values.items() if one}, element.where)

    # Choices, rows and columns

    def _choices(self, element: Element, qid: str, scale: str = "0") -> tuple[list[Choice], dict[str, Any]]:
        """The answers to choose from, and our id for each of their codes."""
        made: list[Choice] = []
        codes: dict[str, Any] = {}
        self.taken.add(("answers", qid, scale))
        for one in self.answers.get((qid, scale), []):
            id_ = _id(one.code, {choice.id for choice in made})
            label = self.text(one.text, f"{element.where} · {one.code}") or {self.first: one.code}
            made.append(Choice(id_, label, score=one.score))
            codes[one.code] = id_
        return made, codes

    def _rows(self, element: Element, qid: str, scale: str = "0") -> tuple[list[Choice], dict[str, str]]:
        """The subquestions as choices or rows, and our id for each of their codes."""
        made: list[Choice] = []
        codes: dict[str, str] = {}
        self.taken.add(("subquestions", qid, scale))
        for one in self.subs.get((qid, scale), []):
            code = one.row.get("title", "")
            where = f"{element.where} · {code}"
            choice = Choice(_id(code, {known.id for known in made}), self.text(one.title, where) or {self.first: code})
            self.shown(one.row.get("relevance", ""), where, partial(_show, choice))
            made.append(choice)
            codes[code] = choice.id
        return made, codes

    def _filtered(self, element: Element, choices: list[Choice], codes: dict[str, Any]) -> None:
        """Rows and choices that are shown when the same code was, or was not, answered before."""
        for name, sign in (("array_filter", "!"), ("array_filter_exclude", "")):
            for source in str(element.take(name) or "").split(";"):
                if source.strip():
                    self.late.append(partial(self._filter, source.strip(), sign, choices, codes, element.where, name))

    def _filter(
        self, source: str, sign: str, choices: list[Choice], codes: dict[str, Any], where: str, name: str
    ) -> None:
        found = [code for code in codes if f"{source}_{code}" in self.fields]
        if not found:
            self.notes.add(where, name, "expression", "logic", source)
        for code in found:
            choice = next(one for one in choices if one.id == codes[code])
            _show(choice, self.condition(f"{sign}is_empty({source}_{code})"))

    def _fixed(self, kind: str, where: str) -> tuple[list[Choice], dict[str, Any]]:
        if kind in "CEG":
            self.notes.add(where, "words of the choices", "approximated", "content")
        numbers = kind in "AB"
        made = [Choice(code, {self.first: said}, score=float(code) if numbers else None) for code, said in FIXED[kind]]
        return made, {one.id: one.id for one in made}

    def _other(self, element: Element, question: Question, asked: Asked, codes: dict[str, Any]) -> None:
        if asked.row.get("other") == "Y":
            label = self._localised(element, "other_replace_text") or {self.first: "Other"}
            choice = Choice(_id("other", {one.id for one in question.choices}), label, other=True, fixed=True)
            question.choices.append(choice)
            codes[OTHER] = choice.id
            self._know(asked, "other", Field(f"answer.{question.id}.other"))

    def _know(self, asked: Asked, part: str, found: Field) -> None:
        self.know(asked.row.get("title", ""), asked.row.get("qid", ""), part, found)

    # Types

    def _read_single(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        kind = asked.row["type"]
        question.kind = "dropdown" if kind == "!" else "single"
        qid = asked.row.get("qid", "")
        question.choices, codes = self._fixed("G", element.where) if kind == "G" else self._choices(element, qid)
        self._filtered(element, question.choices, dict(codes))
        self._other(element, question, asked, codes)
        self._know(asked, "", Field(f"answer.{question.id}", codes=codes))
        if kind != "O":
            return [question]
        comment = Question(self.ids.give(f"{question.id}_comment", "comment"), "long_text", {})
        comment.title = question.title
        self._know(asked, "comment", Field(f"answer.{comment.id}"))
        self.notes.add(element.where, "comment", "renamed", "look", comment.id)
        return [question, comment]

    def _read_multiple(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind, qid = "multiple", asked.row.get("qid", "")
        question.choices, codes = self._rows(element, qid)
        excluding = str(element.take("exclude_all_others") or "").split(";")
        for code, id_ in codes.items():
            self.know_tick(asked.row.get("title", ""), qid, code, question.id, id_)
            next(one for one in question.choices if one.id == id_).exclusive = code in excluding
        self._filtered(element, question.choices, codes)
        self._other(element, question, asked, {})
        if asked.row["type"] == "P":
            self.notes.add(element.where, "comments on the choices", "no_counterpart", "content")
        return [question]

    def _read_five(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind, question.scale = "rating", Scale(1, 5)
        self._know(asked, "", Field(f"answer.{question.id}"))
        return [question]

    def _read_array(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind, kind, qid = "matrix", asked.row["type"], asked.row.get("qid", "")
        question.rows, codes = self._rows(element, qid)
        question.choices, columns = self._fixed(kind, element.where) if kind in FIXED else self._choices(element, qid)
        for code, id_ in codes.items():
            self._know(asked, code, Field(f"answer.{question.id}.{id_}", codes=columns))
        self._filtered(element, question.rows, codes)
        if kind == "H":
            self.notes.add(element.where, "array by column", "look", "look")
        return [question]

    def _read_dual(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        """Each scale becomes a matrix; the second stands beside the first."""
        made, qid = list[Question](), asked.row.get("qid", "")
        for scale, heading in (("0", "dualscale_headerA"), ("1", "dualscale_headerB")):
            columns, known = self._choices(element, qid, scale)
            if not columns:
                continue
            one = Question(self.ids.give(f"{question.id}_{scale}", "matrix"), "matrix", {}, question.hint)
            one.title = self._joined(question.title, self._localised(element, heading), element.where)
            one.choices, one.beside = columns, bool(made)
            one.rows, codes = self._rows(element, qid)
            for code, id_ in codes.items():
                self._know(asked, f"{code}_{scale}", Field(f"answer.{one.id}.{id_}", codes=known))
            self._filtered(Element(element.data, element.where), one.rows, codes)
            self.notes.add(element.where, f"scale {scale}", "renamed", "look", one.id)
            made.append(one)
        element.take("array_filter", "array_filter_exclude")
        return made

    def _read_checkboxes(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind, question.several, qid = "matrix", True, asked.row.get("qid", "")
        question.rows, _codes = self._rows(element, qid)
        question.choices, _columns = self._rows(element, qid, "1")
        return [question]

    def _read_number(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind = "number"
        question.at_least = number_in(element.take("min_num_value_n"))
        question.at_most = number_in(element.take("max_num_value_n"))
        self._know(asked, "", Field(f"answer.{question.id}"))
        return [question]

    def _read_numbers(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        """With a fixed sum: a constant sum. Else each becomes a question, a slider if it was one."""
        qid, total = asked.row.get("qid", ""), number_in(element.take("equals_num_value"))
        choices, codes = self._rows(element, qid)
        slider = element.data.get("slider_layout") == "1"
        bounds = [number_in(element.take(name)) for name in ("slider_min", "slider_max", "slider_accuracy")]
        least, most = number_in(element.take("min_num_value_n")), number_in(element.take("max_num_value_n"))
        if total and total > 0:
            question.kind, question.choices, question.total = "constant_sum", choices, total
            for code, id_ in codes.items():
                self._know(asked, code, Field(f"answer.{question.id}.{id_}"))
            return [question]
        made = []
        for code, choice in zip(codes, choices, strict=True):
            one = Question(self.ids.give(f"{question.id}_{code}", "number"), "slider" if slider else "number", {})
            one.title = self._joined(question.title, choice.label, element.where)
            one.hint = question.hint
            if slider:
                one.scale = Scale(bounds[0] or 0, 100 if bounds[1] is None else bounds[1], bounds[2] or 1, "slider")
            else:
                one.at_least, one.at_most = least, most
            self.late.append(partial(_show_as, one, choice))
            self._know(asked, code, Field(f"answer.{one.id}"))
            self.notes.add(f"{element.where} · {code}", "part", "renamed", "look", one.id)
            made.append(one)
        return made

    def _joined(self, title: Text, part: Text, where: str) -> Text:
        joined = {
            language: f"{said} – {part.get(language) or part.get(self.first, '')}".removesuffix(" – ")
            for language, said in title.items()
        }
        self.late.append(partial(self._pipe, joined, where))
        return joined

    def _read_written(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind = "long_text" if asked.row["type"] in "TU" else "short_text"
        if element.take("numbers_only") == "1":
            question.kind = "number"
        if element.data.get("location_mapservice") not in (None, "", "0"):
            self.notes.add(element.where, "map", "no_counterpart", "content")
        self._know(asked, "", Field(f"answer.{question.id}"))
        return [question]

    def _read_texts(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind, qid = "contact", asked.row.get("qid", "")
        question.choices, codes = self._rows(element, qid)
        for code, id_ in codes.items():
            self._know(asked, code, Field(f"answer.{question.id}.{id_}"))
        return [question]

    def _read_ranking(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind, qid = "ranking", asked.row.get("qid", "")
        question.choices, codes = self._choices(element, qid)
        if not question.choices:
            question.choices, codes = self._rows(element, qid)
        self._filtered(element, question.choices, codes)
        return [question]

    def _read_text_only(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind = "statement"
        return [question]

    def _read_yes_no(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind = "yes_no"
        self._know(asked, "", Field(f"answer.{question.id}", codes={"Y": True, "N": False}))
        return [question]

    def _read_date(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind = "date"
        if re.search(r"[HhM]+:", str(element.data.get("date_format") or "")):
            self.notes.add(element.where, "time of day", "no_counterpart", "content")
        bounds: list[tuple[str, Any]] = [("date_min", "at_least"), ("date_max", "at_most")]
        for name, operator in bounds:
            given = str(element.take(name) or "")
            if DATE.fullmatch(given):
                question.checks.append(Check(Condition(field="value", operator=operator, values=(given,)), {}))
            elif given:
                self.notes.add(element.where, name, "expression", "logic", given)
        self._know(asked, "", Field(f"answer.{question.id}"))
        return [question]

    def _read_file(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        question.kind = "file"
        question.at_least = number_in(element.take("min_num_of_files")) or None
        question.at_most = min(number_in(element.take("max_num_of_files")) or 1, 20)
        kilobytes = number_in(element.take("max_filesize"))
        if kilobytes and kilobytes > 0:
            question.largest_mb = min(max(round(kilobytes / 1024, 3), 0.001), 1000)
        for one in str(element.take("allowed_filetypes") or "").split(","):
            ending = "." + one.strip().lower().lstrip(".")
            if re.fullmatch(r"\.[a-z0-9]{1,12}", ending):
                question.accept.append(ending)
        return [question]

    def _read_equation(self, element: Element, question: Question, asked: Asked) -> list[Question]:
        """A variable, where the formula can be said; showing it is left out."""
        found = element.take("equation") or next(iter(asked.title.values()), "")
        found = next(iter(found.values()), "") if isinstance(found, dict) else found
        formula = re.fullmatch(r"\s*\{(.*)\}\s*", found, re.DOTALL)
        expression = formula[1] if formula else found
        name = f"variable.{question.id}"
        self._know(asked, "", Field(name))

        def finish() -> None:
            try:
                for number, (when, one) in enumerate(self.computed(expression), 1):
                    rule = Rule(f"compute_{question.id}_{number}", "compute", when, target=question.id, formula=one)
                    self.rules.append(rule)
            except (Unsaid, RecursionError):
                self.fields = {one: found for one, found in self.fields.items() if found.name != name}
                self.notes.add(element.where, "equation", "expression", "logic", expression)

        self.late.append(finish)
        self.notes.add(element.where, "equation is not shown", "approximated", "content")
        if (when := element.take("relevance") or asked.row.get("relevance")) not in (None, "", "1"):
            self.notes.add(element.where, "relevance of an equation", "no_counterpart", "logic", when)
        element.take("hidden")
        return []


def _show(target: Question | Choice, condition: Condition) -> None:
    target.show = both(target.show, condition)


def _show_as(question: Question, choice: Choice) -> None:
    if choice.show is not None:
        question.show = both(question.show, choice.show)


def _id(code: str, taken: set[str]) -> str:
    found = base = re.sub(r"[^0-9A-Za-z_-]+", "_", code).strip("_-")[:60] or "choice"
    number = 2
    while found in taken:
        found, number = f"{base}_{number}", number + 1
    return found
