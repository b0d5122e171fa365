"""Numbers and texts of an address, of which nobody knows who wrote it."""

from __future__ import annotations

from django.http import QueryDict

MOST, LONGEST = 200, 500


def whole(given: QueryDict, name: str) -> int:
    """A small whole number; 0 where there is none."""
    text = given.get(name, "")
    return int(text) if text.isdigit() and text.isascii() and len(text) < 8 else 0


def texts(given: QueryDict, name: str) -> list[str]:
    return [text[:LONGEST] for text in given.getlist(name)[:MOST] if text]
