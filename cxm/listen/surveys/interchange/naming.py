"""Ids out of names of others: short, of letters, digits, - and _, and each once."""

from __future__ import annotations

import html
import re
from typing import Any

from cxm.lib.conditions import text_of

from ..definition import Text

LONGEST = 60
# Codes of languages that others write differently.
LANGUAGES = {"zh-tw": "zh-hant", "zh-hk": "zh-hant", "ua": "uk"}
BLOCKS = re.compile(r"<\s*(?:br|/p|/div|/li|/h\d|/tr)\b[^>]*>", re.IGNORECASE)
TAGS = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^>]*>", re.IGNORECASE | re.DOTALL)


class Ids:
    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, name: Any, otherwise: str) -> str:
        """An id for a name; `otherwise` when nothing of the name can stand in one."""
        text = (
            re.sub(r"[^0-9A-Za-z_-]+", "_", text_of(name) if name is not None else "").strip("_")[:LONGEST] or otherwise
        )
        found, number = text, 2
        while found in self._taken:
            found, number = f"{text[: LONGEST - 6]}_{number}", number + 1
        self._taken.add(found)
        return found


def language_code(code: str) -> str:
    code = code.strip().lower().replace("_", "-")
    return LANGUAGES.get(code, code)


def plain(markup: str) -> str:
    """The text of a piece of HTML, with line breaks where blocks end."""
    text = html.unescape(TAGS.sub("", BLOCKS.sub("\n", markup)))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+", " ", text)).strip()


def has_markup(text: Text) -> bool:
    return any(TAGS.search(one) for one in text.values())
