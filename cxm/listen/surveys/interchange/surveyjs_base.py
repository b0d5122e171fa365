"""Reading SurveyJS: names, texts, conditions and variables, which all elements share."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from cxm.lib.conditions import Condition, text_of

from ..definition import Question, Rule, Text
from .expressions import Field, Unsaid, branches_of, condition_of, parse
from .naming import Ids, has_markup, language_code, plain
from .report import Element, Notes
from .surveyjs_names import COSMETIC, LOGIC, PIPED, is_text


class Shared:
    """What is known of a survey while it is read. `late` holds what needs all names: conditions and piping."""

    def __init__(self, data: dict[str, Any], language: str) -> None:
        self.survey = Element(data, "survey")
        self.notes = Notes()
        self.first = language_code(str(data.get("locale") or "")) or language
        self.languages: dict[str, None] = {self.first: None}
        self.ids, self.sections, self.pages = Ids(), Ids(), Ids()
        self.fields: dict[str, Field] = {}  # by their name, in small letters
        self.parts: dict[str, dict[str, str]] = {}  # question -> their row or part -> ours
        self.hidden: dict[str, None] = {}
        self.rules: list[Rule] = []
        self.questions: dict[str, Question] = {}  # by their name
        self.page_of: dict[str, str] = {}  # their question's name -> our page
        self.kept_orders: set[str] = set()  # ids of sections that stay in their order whatever is around them
        self.late: list[Callable[[], None]] = []  # what needs all names: conditions, piping

    def _text(self, raw: Any, where: str) -> Text:
        """A localisable string, without markup, its answers piped our way once all names are known."""
        if raw is None or raw == "":
            return {}
        pairs = raw.items() if isinstance(raw, dict) else [("default", raw)]
        text: Text = {}
        for code, said in pairs:
            if is_text(said) and text_of(said).strip():
                language = self.first if code == "default" else language_code(str(code))
                self.languages.setdefault(language, None)
                text[language] = text_of(said)
        if has_markup(text):
            self.notes.add(where, "HTML", "approximated", "look")
            text = {code: said for code, markup in text.items() if (said := plain(markup))}
        if any("{" in said for said in text.values()):
            self.late.append(partial(self._pipe, text))
        return text

    def _pipe(self, text: Text) -> None:
        for code, said in text.items():
            text[code] = PIPED.sub(lambda found: self._piped(found[1]) or found[0], said)

    def _piped(self, name: str) -> str:
        try:
            field = self.resolve(name, strict=True)
        except Unsaid:
            return ""
        return "{" + field.name + "}"

    def resolve(self, name: str, *, strict: bool = False) -> Field:
        """What `{name}` means. A name that nothing in the survey has is a hidden field, unless `strict`."""
        name = name.strip().removeprefix("#").removeprefix("$self.")
        if (known := self.fields.get(name.lower())) is not None:
            return known
        if name.lower() == "locale":
            return Field("language")
        if name.lower().endswith("-comment") and (known := self.fields.get(name[: -len("-comment")].lower())):
            return Field(f"{known.name}.other")
        head, _, rest = name.partition(".")
        known = self.fields.get(head.lower())
        if known is not None and known.name.startswith("answer."):
            id_ = known.name[len("answer.") :]
            if rest == "length":
                return Field(f"count.{id_}")
            if rest in self.parts.get(id_, {}):
                return Field(f"{known.name}.{self.parts[id_][rest]}", listed=known.listed, codes=known.codes)
        if (
            strict
            or re.search(r"[\[\]]", name)
            or head in ("panel", "row", "item", "self", "$self")
            or known is not None
        ):
            raise Unsaid(name)
        hidden = re.sub(r"[^0-9A-Za-z_-]+", "_", name).strip("_")[:60]
        if not hidden:
            raise Unsaid(name)
        self.hidden[hidden] = None
        return Field(f"hidden.{hidden}")

    def _when(self, raw: Any, where: str, what: str, put: Callable[[Condition], None]) -> None:
        """A condition, put in its place once all names are known; reported when we cannot say it."""
        if raw is None or raw == "":
            return

        def finish() -> None:
            try:
                put(condition_of(parse(text_of(raw), "surveyjs"), self.resolve))
            except (Unsaid, RecursionError):
                self.notes.add(where, what, "expression", "logic", raw)

        self.late.append(finish)

    def _rest(self, element: Element) -> None:
        for name, value in element.rest().items():
            if value is None or value is False or value == "" or value == []:
                continue  # says what holds anyway
            if name in COSMETIC:
                self.notes.add(element.where, name, "look", "look", value)
            else:
                self.notes.add(element.where, name, "no_counterpart", "logic" if name in LOGIC else "content", value)

    def _calculated(self, raws: list[Any]) -> None:
        for raw in raws:
            element = Element(raw, f"calculated value {raw.get('name') if isinstance(raw, dict) else ''}")
            self._variable(text_of(element.take("name") or ""), element.take("expression"), element.where)
            element.take("includeIntoResult")
            self._rest(element)

    def _variable(self, name: str, raw: Any, where: str) -> None:
        id_ = re.sub(r"[^0-9A-Za-z_-]+", "_", name).strip("_")
        if not id_ or not is_text(raw):
            self.notes.add(where, "expression", "broken", "logic", raw)
            return
        self.fields.setdefault(name.lower(), Field(f"variable.{id_}"))

        def finish() -> None:
            try:
                self._compute(id_, text_of(raw))
            except (Unsaid, RecursionError):
                self.notes.add(where, "expression", "expression", "logic", raw)

        self.late.append(finish)

    def _compute(self, id_: str, raw: str) -> None:
        """`iif(when, a, b)` becomes two rules: b always, then a when it holds."""
        for number, (when, formula) in enumerate(branches_of(parse(raw, "surveyjs"), "iif", self.resolve), 1):
            self.rules.append(Rule(f"compute_{id_}_{number}", "compute", when, target=id_, formula=formula))
