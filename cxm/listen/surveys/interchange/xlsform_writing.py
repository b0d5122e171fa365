"""A Definition as an XLSForm workbook that pyxform accepts: sheets survey, choices and settings."""

from __future__ import annotations

import io
import re
from typing import Any

from cxm.lib.conditions import Condition, text_of

from ..definition import SCORED, UPLOADED, Choice, Definition, Question, Section, Text, default_scale
from ..runtime.prepared import FIELD
from .expressions import Unsaid
from .naming import Ids
from .report import Exported, Notes
from .writing import Their, Writer

NAMES = {"en": "English", "pl": "Polski", "ru": "Русский", "uk": "Українська", "zh-hant": "繁體中文"}
TYPES = {
    "short_text": "text", "long_text": "text", "number": "decimal", "email": "text", "phone": "text", "url": "text",
    "date": "date", "consent": "acknowledge", "statement": "note", "slider": "range", "file": "file",
}  # fmt: skip
FILES = {"image": {".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic"}}


def write_xlsform(definition: Definition, *, form_id: str = "survey") -> Exported:
    writer = _Writer(definition)
    return Exported(writer.workbook(form_id), writer.notes.list)


class _Writer:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.notes = Notes()
        self.rows: list[dict[str, str]] = []
        self.lists: list[dict[str, str]] = []
        self.names: dict[str, str] = {}  # our question -> their name
        self.ids = Ids()
        self.questions = {question.id: question for question in definition.questions()}
        for id_ in self.questions:
            self.names[id_] = self._name(id_)
            if self.names[id_] != id_:
                self.notes.add(id_, "name", "renamed", "look", self.names[id_])
        self.expressions = Writer("xpath", self.lookup)
        self.variables = list(dict.fromkeys(rule.target for rule in definition.rules if rule.do == "compute"))
        self.given = {f"variable.{one}": self._name(one) for one in self.variables}
        self.given |= {f"hidden.{one}": self._name(one) for one in definition.hidden}

    def _name(self, id_: str) -> str:
        """Names begin with a letter or underscore there."""
        return self.ids.give(id_ if re.match(r"_*[A-Za-z]", id_) else f"q_{id_}", "question")

    def workbook(self, form_id: str) -> bytes:
        definition, notes = self.definition, self.notes
        for name in definition.hidden:
            self.rows.append({"type": "hidden", "name": self.given[f"hidden.{name}"]})
        for page in definition.pages:
            self._begin(page.id, page.title, page.show)
            if page.order != "as_is":
                notes.add(page.id, "order", "no_counterpart", "look", page.order)
            for section in page.sections:
                self._section(section)
            self.rows.append({"type": "end group"})
        self._calculated()
        for rule in definition.rules:
            if rule.do in ("skip", "end", "tag", "open_case"):
                notes.add(rule.id, rule.do, "no_counterpart", "logic", rule.target)
        for quota in definition.quotas:
            notes.add(quota.name or quota.id, "quota", "no_counterpart", "logic", quota.limit)
        for ending in definition.endings:
            notes.add(ending.id, "ending", "no_counterpart", "content", next(iter(ending.title.values()), ""))
        for what in ("intro", "purpose"):
            if text := getattr(definition, what):
                notes.add("survey", what, "no_counterpart", "content", next(iter(text.values()), ""))
        title = next(iter(definition.title.values()), "Survey")
        settings = {"form_title": title, "form_id": form_id, "default_language": self._language(self._first())}
        import openpyxl  # see cxm/record/capture/sheets.py

        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for name, rows in (("survey", self.rows), ("choices", self.lists), ("settings", [settings])):
            sheet = book.create_sheet(name)
            headings = list(dict.fromkeys(heading for row in rows for heading in row))
            for place, heading in enumerate(headings, 1):
                for number, row in enumerate([{heading: heading}, *rows], 1):
                    if value := row.get(heading, ""):
                        cell = sheet.cell(number, place, "".join(c for c in value if c >= " " or c in "\n\t"))
                        cell.data_type = "s"  # never a formula
        target = io.BytesIO()
        book.save(target)
        return target.getvalue()

    # Cells

    def _language(self, code: str) -> str:
        return f"{NAMES.get(code, code)} ({code})"

    def _texts(self, column: str, text: Text, where: str) -> dict[str, str]:
        return {
            f"{column}::{self._language(code)}": FIELD.sub(lambda found: self._piped(found[1], found[2], where), said)
            for code, said in text.items()
            if said
        }

    def _piped(self, name: str, fallback: str | None, where: str) -> str:
        if fallback:
            self.notes.add(where, "fallback", "no_counterpart", "content", fallback)
        try:
            return self.lookup(name).text
        except Unsaid:
            self.notes.add(where, "piping", "no_counterpart", "content", name)
            return fallback or ""

    def lookup(self, name: str) -> Their:
        if name in self.given:
            return Their("${" + self.given[name] + "}")
        root, _, rest = name.partition(".")
        question = self.questions.get(rest)
        if root == "count" and question is not None and question.kind in ("multiple", "ranking"):
            return Their(f"count-selected(${{{self.names[rest]}}})")
        if root != "answer":
            raise Unsaid(name)
        if question is not None and question.kind not in ("matrix", "contact", "constant_sum", "maxdiff", "file"):
            listed = question.kind in ("multiple", "ranking") or (question.kind == "picture" and question.several)
            codes: dict[str, Any] = {"true": "yes", "false": "no"} if question.kind in ("yes_no", "thumbs") else {}
            codes = {"true": "OK"} if question.kind == "consent" else codes
            return Their("${" + self.names[rest] + "}", listed, codes)
        head, _, part = rest.rpartition(".")
        if head in self.questions and self.questions[head].kind in ("matrix", "contact", "constant_sum"):
            return Their("${" + f"{self.names[head]}_{part}" + "}", self.questions[head].several)
        raise Unsaid(name)

    def _when(self, condition: Condition | None, where: str, what: str) -> dict[str, str]:
        if condition is None:
            return {}
        try:
            return {what: self.expressions.condition(condition)}
        except Unsaid as unsaid:
            self.notes.add(where, what, "expression", "logic", str(unsaid))
            return {}

    def _begin(self, id_: str, title: Text, show: Condition | None) -> None:
        row = {"type": "begin group", "name": self._name(id_), **self._texts("label", title, id_)}
        self.rows.append({**row, **self._when(show, id_, "relevant")})

    def _section(self, section: Section) -> None:
        plain = not section.title and section.show is None
        if not plain:
            self._begin(section.id, section.title, section.show)
        if section.text:
            label = self._texts("label", section.text, section.id)
            self.rows.append({"type": "note", "name": self._name(f"{section.id}_text"), **label})
        if section.order != "as_is":
            self.notes.add(section.id, "order", "no_counterpart", "look", section.order)
        for question in section.questions:
            self._question(question)
        if not plain:
            self.rows.append({"type": "end group"})

    # Questions

    def _question(self, question: Question) -> None:
        name, kind = self.names[question.id], question.kind
        row = {
            "name": name,
            **self._texts("label", question.title, question.id),
            **self._texts("hint", question.hint, question.id),
        }
        row |= self._when(question.show, question.id, "relevant")
        row |= self._required(question)
        if kind == "maxdiff":
            self.notes.add(question.id, kind, "no_counterpart", "content", next(iter(question.title.values()), ""))
            return
        if kind in ("matrix", "contact", "constant_sum"):
            self._parts(question, row)
            return
        if kind in ("single", "dropdown", "multiple", "picture", "ranking"):
            row |= self._select(question)
        elif kind in ("yes_no", "thumbs"):
            labels = ("Yes", "No") if kind == "yes_no" else ("👍", "👎")
            choices = [Choice(id_, {self._first(): label}) for id_, label in zip(("yes", "no"), labels, strict=True)]
            row["type"] = f"select_one {self._list(name, choices, question.id)}"
        elif kind in SCORED and kind != "slider":
            row["type"] = f"select_one {self._list(name, self._points(question), question.id)}"
            row["appearance"] = "likert"
        else:
            row["type"] = TYPES[kind]
        if kind == "slider":
            scale = question.scale or default_scale(kind)
            row["parameters"] = f"start={text_of(scale.lowest)} end={text_of(scale.highest)} step={text_of(scale.step)}"
        if kind == "file" and question.accept and set(question.accept) <= FILES["image"]:
            row["type"] = "image"
        if kind == "long_text":
            row["appearance"] = "multiline"
        row |= self._constraint(question)
        if question.default and not FIELD.search(question.default):
            row["default"] = question.default.replace(",", " ") if kind in ("multiple", "ranking") else question.default
        elif question.default:
            self.notes.add(question.id, "default", "expression", "content", question.default)
        for what in ("placeholder", "explains", "instructed", "touchpoint", "role", "carry", "link", "beside"):
            if getattr(question, what):
                weight: Any = {"carry": "logic", "link": "content"}.get(what, "look")
                self.notes.add(question.id, what, "no_counterpart", weight)
        self.rows.append({"type": row.pop("type"), **row})

    def _first(self) -> str:
        return self.definition.languages[0] if self.definition.languages else "en"

    def _required(self, question: Question) -> dict[str, str]:
        if question.required:
            return {"required": "yes"} if question.kind != "statement" else {}
        texts = [
            self._when(rule.when or Condition(all=()), question.id, "required").get("required", "")
            for rule in self.definition.rules
            if rule.do == "require" and question.id in rule.targets
        ]
        return {"required": " or ".join(text for text in texts if text)} if any(texts) else {}

    def _select(self, question: Question) -> dict[str, str]:
        several = question.kind == "multiple" or (question.kind == "picture" and question.several)
        word = "rank" if question.kind == "ranking" else "select_multiple" if several else "select_one"
        row = {"type": f"{word} {self._list(self.names[question.id], question.choices, question.id)}"}
        if question.kind == "dropdown":
            row["appearance"] = "minimal"
        if question.order != "as_is":
            row["parameters"] = "randomize=true"
            if question.order != "random" or any(choice.fixed for choice in question.choices):
                self.notes.add(question.id, "order", "approximated", "look", question.order)
        return row

    def _list(self, name: str, choices: list[Choice], where: str) -> str:
        for choice in choices:
            row = {"list_name": f"{name}_choices", "name": re.sub(r"\s+", "_", choice.id)}
            row |= self._texts("label", choice.label, f"{where} · {choice.id}")
            if choice.image.startswith(UPLOADED):
                self.notes.add(f"{where} · {choice.id}", "image", "absent")
            elif choice.image:
                row[f"image::{self._language(self._first())}"] = choice.image
            self.lists.append(row)
            for what in ("exclusive", "score", "show", "other"):
                if getattr(choice, what) not in (None, False):
                    self.notes.add(f"{where} · {choice.id}", what, "no_counterpart", "logic")
        if not choices:
            self.notes.add(where, "choices", "broken", "content")
            self.lists.append(
                {"list_name": f"{name}_choices", "name": "none", f"label::{self._language(self._first())}": "–"}
            )
        return f"{name}_choices"

    def _points(self, question: Question) -> list[Choice]:
        scale = question.scale or default_scale(question.kind)
        count = round((scale.highest - scale.lowest) / scale.step) + 1 if scale.step > 0 else 1
        made = []
        for index in range(min(count, 101)):
            value = text_of(round(scale.lowest + index * scale.step, 9))
            end = scale.lowest_label if index == 0 else scale.highest_label if index == count - 1 else {}
            label = scale.points.get(value) or {code: f"{value} – {said}" for code, said in end.items() if said}
            made.append(Choice(value, {self._first(): value, **label}))
        return made

    def _parts(self, question: Question, row: dict[str, str]) -> None:
        """A matrix is a group of questions with one list; a contact block and a sum are groups of fields."""
        name = self.names[question.id]
        relevant = {"relevant": row["relevant"]} if "relevant" in row else {}
        label = {heading: said for heading, said in row.items() if heading.startswith("label::")}
        listed = self._list(name, question.choices, question.id) if question.kind == "matrix" else ""
        group = {"type": "begin group", "name": self._name(f"{name}_group"), **label, **relevant}
        if question.kind == "matrix":
            group["appearance"] = "table-list"
        self.rows.append(group)
        parts = question.rows if question.kind == "matrix" else question.choices
        for part in parts:
            inner = {
                "name": self._name(f"{name}_{part.id}"),
                **self._texts("label", part.label, f"{question.id} · {part.id}"),
            }
            kinds = {
                "matrix": "select_multiple " if question.several else "select_one ",
                "contact": "text",
                "constant_sum": "decimal",
            }
            kind = kinds[question.kind] + listed
            required = {"required": "yes"} if part.required or (question.required and question.kind == "matrix") else {}
            limit = {"constraint": ". >= 0"} if question.kind == "constant_sum" else {}
            self.rows.append(
                {"type": kind, **inner, **required, **limit, **self._when(part.show, question.id, "relevant")}
            )
        self.rows.append({"type": "end group"})
        if question.total is not None:
            self.notes.add(question.id, "total", "no_counterpart", "logic", question.total)
        if question.carry is not None:
            self.notes.add(question.id, "carry", "no_counterpart", "logic")

    def _constraint(self, question: Question) -> dict[str, str]:
        texts: list[str] = []
        message: dict[str, str] = {}
        least, most = question.at_least, question.at_most
        counted = {"short_text": "string-length(.)", "long_text": "string-length(.)", "multiple": "count-selected(.)",
                   "ranking": "count-selected(.)", "picture": "count-selected(.)"}  # fmt: skip
        field = counted.get(question.kind, "." if question.kind in ("number", "slider") else "")
        if field:
            texts += [f"{field} >= {text_of(least)}"] if least is not None else []
            texts += [f"{field} <= {text_of(most)}"] if most is not None else []
        patterns = {"email": r"[^@\s]+@[^@\s]+\.[^@\s]+", "phone": r"[+0-9 ()./-]{3,40}", "url": r"\S+\.\S+"}
        if question.kind in patterns:
            texts.append(f"regex(., '{patterns[question.kind]}')")
        own = Their(".", question.kind in ("multiple", "ranking"))
        writer = Writer("xpath", lambda name: own if name == "value" else self.lookup(name))
        for number, check in enumerate(question.checks, 1):
            try:
                texts.append(writer.condition(check.must))
                message = message or self._texts("constraint_message", check.message, question.id)
            except Unsaid as unsaid:
                self.notes.add(question.id, f"check {number}", "expression", "logic", str(unsaid))
        return {"constraint": " and ".join(texts), **message} if texts else {}

    def _calculated(self) -> None:
        made: dict[str, str] = {}
        for rule in self.definition.rules:
            if rule.do != "compute" or rule.formula is None:
                continue
            try:
                value = self.expressions.formula(rule.formula)
                if "${" + self.given[f"variable.{rule.target}"] + "}" in value:
                    raise Unsaid("a variable made of itself")
                if rule.when is not None:
                    value = (
                        f"if({self.expressions.condition(rule.when)}, {value}, {made.get(rule.target, chr(39) * 2)})"
                    )
            except Unsaid as unsaid:
                self.notes.add(rule.id, "compute", "expression", "logic", str(unsaid))
                continue
            if rule.after:
                self.notes.add(rule.id, "compute", "approximated", "logic", rule.after)
            made[rule.target] = value
        for name in self.variables:
            calculation = made.get(name, "''")
            self.rows.append({"type": "calculate", "name": self.given[f"variable.{name}"], "calculation": calculation})
