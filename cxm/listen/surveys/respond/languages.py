"""Which of a survey's languages a person reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_PART = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)(?:\s*;\s*q=([01](?:\.\d{1,3})?))?")
MOST = 20


@lru_cache(maxsize=1024)
def _wanted(header: str) -> tuple[str, ...]:
    found = [(float(match[2] or 1), match[1].lower()) for match in _PART.finditer(header[:500])][:MOST]
    return tuple(code for weight, code in sorted(found, key=lambda one: -one[0]) if weight > 0 and code != "*")


def wanted_languages(header: str) -> list[str]:
    """The languages of an Accept-Language header, best first."""
    return list(_wanted(header))


def best_language(wanted: Sequence[str], offered: Sequence[str]) -> str:
    """The first wanted language that is offered: itself, else one with the same first part; else the first offered."""
    by_code = {one.lower(): one for one in offered}
    for code in wanted:
        code = code.lower()
        if code in by_code:
            return by_code[code]
        if code.startswith("zh") and (found := _chinese(code, by_code)):
            return found
        head = code.partition("-")[0]
        if head in by_code:
            return by_code[head]
        for other, name in by_code.items():
            if other.partition("-")[0] == head and head != "zh":
                return name
    return offered[0] if offered else "en"


def _chinese(code: str, by_code: dict[str, str]) -> str:
    """Traditional and simplified are two written languages; the place says which one where the code does not."""
    traditional = any(part in code for part in ("hant", "tw", "hk", "mo"))
    return by_code.get("zh-hant" if traditional else "zh-hans", "")


def chosen_language(code: str) -> str:
    """A code from an address, or nothing."""
    return code if re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,3}", code) else ""
