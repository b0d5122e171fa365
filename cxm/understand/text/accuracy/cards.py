"""The model cards that ship with the weights: how right the built-in model is, language by language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

CARDS: Final = Path(__file__).parent.parent / "weights" / "cards.json"  # written by bench.text --cards
LANGUAGES: Final[dict[str, Promise]] = {
    "en": gettext_lazy("English"),
    "ru": gettext_lazy("Russian"),
    "uk": gettext_lazy("Ukrainian"),
    "pl": gettext_lazy("Polish"),
    "zh": gettext_lazy("Chinese"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """Macro-F1 on one set of texts that the model was not trained on: [value, low, high], or None."""

    language: str
    texts: str
    n: int
    sides: list[float] | None
    classes: list[float] | None
    seen: bool  # whether it was trained on other texts of the same kind


@cache
def cards() -> tuple[Card, ...]:
    """Of the shipped weights; none where they came without."""
    if not CARDS.is_file():
        return ()
    stored: list[dict[str, Any]] = json.loads(CARDS.read_text(encoding="utf-8"))
    return tuple(
        Card(one["language"], one["set"], one["n"], one.get("sides"), one.get("classes"), bool(one.get("seen")))
        for one in stored
    )


def rows() -> list[tuple[str, Card]]:
    """Each card with the name of its language."""
    return [(str(LANGUAGES.get(one.language, one.language)), one) for one in cards()]
