"""What the readers of QSF and LSS share: texts by language without markup, names, notes, and what needs all names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from cxm.lib.conditions import Condition

from ..definition import Definition, Question, Rule, Text
from ..places import fields_used
from .expressions import Unsaid
from .naming import Ids, has_markup, language_code, plain
from .report import Notes

LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}")
MEDIA = re.compile(r"<\s*(?:img|video|audio|iframe|object|embed|source)\b", re.IGNORECASE)
SCRIPT = re.compile(r"<\s*script\b|\bon[a-z]+\s*=", re.IGNORECASE)


class Reading:
    """`late` holds what needs all names: conditions and piping. `names` maps theirs to the fields of ours."""

    def __init__(self, first: str) -> None:
        self.notes = Notes()
        self.first = safe_language(first) or "en"
        self.languages: dict[str, None] = {self.first: None}
        self.ids, self.pages, self.sections, self.others = Ids(), Ids(), Ids(), Ids()
        self.rules: list[Rule] = []
        self.hidden: dict[str, None] = {}
        self.late: list[Callable[[], None]] = []

    def pipe(self, said: str, where: str) -> str:
        """A text with their piping as ours; asked when all names are known."""
        raise NotImplementedError

    def text(self, said: dict[str, str], where: str) -> Text:
        """Texts by their codes of languages as ours: without markup, and what was lost with it named."""
        text: Text = {}
        for code, one in said.items():
            language = safe_language(code)
            if not language:
                self.notes.add(where, f"language {code[:40]}", "broken", "content", one)
            elif one.strip():
                text[language] = one
                self.languages.setdefault(language, None)
        if any(MEDIA.search(one) for one in text.values()):
            self.notes.add(where, "image, video or frame in a text", "no_counterpart", "content")
        if any(SCRIPT.search(one) for one in text.values() if has_markup({"": one})):
            self.notes.add(where, "script in a text", "no_counterpart", "logic")
        if has_markup(text):
            self.notes.add(where, "HTML", "approximated", "look")
        text = {code: found for code, one in text.items() if (found := plain(one))}
        if any("{" in one for one in text.values()):
            self.late.append(partial(self._pipe, text, where))
        return text

    def _pipe(self, text: Text, where: str) -> None:
        for code, one in text.items():
            text[code] = self.pipe(one, where)

    def lost_piping(self, where: str, what: str) -> str:
        self.notes.add(where, "piping", "no_counterpart", "content", what)
        return "…"

    def when(self, make: Callable[[], Condition], where: str, what: str, put: Callable[[Condition], None]) -> None:
        """A condition, put in its place once all names are known; left out whole and reported when we cannot say it."""

        def finish() -> None:
            try:
                put(make())
            except (Unsaid, RecursionError) as error:
                self.notes.add(where, what, "expression", "logic", str(error))

        self.late.append(finish)

    def show(self, target: Question, make: Callable[[], Condition], where: str, what: str) -> None:
        def put(condition: Condition) -> None:
            target.show = both(target.show, condition)

        self.when(make, where, what, put)

    def settle(self, definition: Definition) -> Definition:
        """Does what waited for all names, and drops what is empty."""
        for finish in self.late:
            finish()
        for page in definition.pages:
            page.sections = [one for one in page.sections if one.questions or one.text]
        definition.pages = [one for one in definition.pages if one.sections]
        definition.languages = list(self.languages)
        definition.rules = self.rules
        definition.hidden = list(self.hidden)
        computed = [one.target for one in self.rules if one.do == "compute"]
        named = [
            name.removeprefix("variable.") for _at, name in fields_used(definition) if name.startswith("variable.")
        ]
        definition.variables = list(dict.fromkeys((*computed, *named)))
        return definition


def safe_language(code: str) -> str:
    """Our code of a language; empty for what is none."""
    found = language_code(code)
    found = {"zh-t": "zh-hant", "zh-s": "zh-hans", "zh-hant-tw": "zh-hant", "zh-hant-hk": "zh-hant"}.get(found, found)
    return found if LANGUAGE.fullmatch(found) else ""


def all_of(conditions: Iterable[Condition]) -> Condition:
    """One by itself needs no group."""
    found = tuple(conditions)
    return found[0] if len(found) == 1 else Condition(all=found)


def any_of(conditions: Iterable[Condition]) -> Condition:
    found = tuple(conditions)
    return found[0] if len(found) == 1 else Condition(any=found)


def both(one: Condition | None, other: Condition) -> Condition:
    return other if one is None else Condition(all=(one, other))


def name_of_field(name: str) -> str:
    """A name of theirs as one that a hidden field or a variable may have; empty if nothing of it can stand in one."""
    return re.sub(r"[^0-9A-Za-z_-]+", "_", name).strip("_-")[:60]
