"""What an import or export could not carry over. Every element is mapped or in this list: nothing falls silently."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from ..definition import Definition

Weight = Literal["look", "content", "logic"]
LONGEST = 200


class Note(Struct, frozen=True):
    """`where`: the element, as its author named it. `what`: the property, type or rule. `why`: a code of REASONS.

    `weight`: `look` changes nothing in questions and answers; `content` loses a question or text; `logic` changes when
    something is shown, compulsory or valid.
    """

    where: str
    what: str
    why: str
    weight: Weight = "content"
    value: str = ""  # what was written there, shortened


# The codes, for whoever makes sentences of them.
REASONS = frozenset({
    "no_counterpart",  # there is nothing like it on the other side
    "look",  # how it looks is decided elsewhere
    "expression",  # a condition or formula that the other side cannot say
    "unknown_property",  # not part of the format
    "renamed",  # carried over under another name or code
    "approximated",  # carried over with a slightly different meaning
    "repeated",  # asked several times there, once here
    "broken",  # not sound in itself
    "absent",  # named, but the file does not hold it
    "no_picture",  # said to be a picture, and none
    "too_much",  # pictures beyond what one file may hold
})  # fmt: skip


class Imported(Struct):
    definition: Definition
    notes: list[Note] = field(default_factory=list)


class Exported(Struct):
    """`file` is what to save: text of JSON, or the bytes of a workbook."""

    file: bytes
    notes: list[Note] = field(default_factory=list)


class ImportRefused(Exception):
    """It is not such a file at all. `code`: not_json, not_a_survey, not_a_workbook, no_survey_sheet, not_qsf, not_lss,
    too_large."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail


class Notes:
    """Gathers notes; each once."""

    def __init__(self) -> None:
        self.list: list[Note] = []
        self._seen: set[tuple[str, str, str]] = set()

    def add(self, where: str, what: str, why: str, weight: Weight = "content", value: Any = "") -> None:
        if (where, what, why) not in self._seen:
            self._seen.add((where, what, why))
            self.list.append(Note(where, what, why, weight, shortened(value)))


class Element:
    """A JSON object that remembers which of its properties were used; the rest is reported."""

    def __init__(self, data: Any, where: str) -> None:
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        self.where = where
        self._used: set[str] = set()

    def take(self, *names: str) -> Any:
        """The first of these properties that is given; all of them count as used."""
        self._used.update(names)
        return next((self.data[name] for name in names if self.data.get(name) is not None), None)

    def rest(self) -> dict[str, Any]:
        return {name: value for name, value in self.data.items() if name not in self._used}


def shortened(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
