"""Answers in texts: `{answer.reason|your last visit}` becomes the answer, or without one the words after the bar.

One pass only: what a respondent wrote is never read as a template. Braces around anything that is no field stay as they
are. The result is plain text; whoever renders it escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from cxm.lib.conditions import text_of

from .prepared import FIELD

LONGEST = 500  # characters of one answer inside another text


def piped(template: str, in_words: Callable[[str], str]) -> str:
    return FIELD.sub(lambda found: in_words(found[1]) or found[2] or "", template)


def piped_address(template: str, in_words: Callable[[str], str]) -> str:
    """The same for addresses: what is put in is percent-encoded, so it stays one part of the address."""
    return FIELD.sub(lambda found: quote(in_words(found[1]) or found[2] or "", safe=""), template)


def value_in_words(value: Any, labels: Mapping[str, str], words: Mapping[str, str]) -> str:
    """Several values are joined by commas; long texts are cut."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        said = ", ".join(one for one in (value_in_words(item, labels, words) for item in value[:50]) if one)
    elif isinstance(value, bool):
        said = words.get("yes", "yes") if value else words.get("no", "no")
    elif value is None:
        said = ""
    elif isinstance(value, str):
        said = labels.get(value, value)
    else:
        said = text_of(round(value, 6) if isinstance(value, float) else value)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
