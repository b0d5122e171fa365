"""What customers write: sentences put together by language, topic and mood, spoken by the right person."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Mood = Literal["bad", "mixed", "good"]
LANGUAGES = ("en", "pl", "ru", "uk", "zh-Hant")
SAME = 8  # one text is written at most about so often


@cache
def texts(language: str) -> dict[str, Any]:
    file = Path(__file__).parent / "texts" / f"{language}.yaml"
    loaded: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


def counted(language: str, unit: str, number: int) -> str:
    """ "3 days" in that language."""
    one, few, many = texts(language)[unit]
    if language == "zh-Hant":
        return f"{number}{many}"
    if number == 1 or (language in {"ru", "uk"} and number % 10 == 1 and number % 100 != 11):
        form = one
    elif number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14}:
        form = few
    else:
        form = many
    return f"{number} {form}"


class Writer:
    """Composes comments; remembers them, so that none is written too often."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.written: Counter[str] = Counter()
        self._choices: dict[tuple[str, str, str, str, bool], list[str]] = {}

    def comment(
        self, language: str, topic: str, mood: Mood, *, female: bool, partner: str = "", store: str = "", plan: str = ""
    ) -> str:
        slots = {"partner": partner or "NordPost", "store": store or "Lumo", "plan": plan or "Lumo Basic"}
        text = ""
        for _ in range(6):
            text = self._compose(language, topic, mood, female, slots)
            if self.written[text] < SAME:
                break
        self.written[text] += 1
        return text

    def note(self, language: str, *, female: bool) -> str:
        choices = [text for text in texts(language)["notes"] if self._speaks(language, text, female)]
        return self._fill(language, self.rng.choice(choices), {})

    def _compose(self, language: str, topic: str, mood: Mood, female: bool, slots: dict[str, str]) -> str:
        rng = self.rng
        parts = [rng.choice(self._sentences(language, topic, mood, "say", female))]
        if rng.random() < 0.6:
            parts.append(rng.choice(self._sentences(language, topic, mood, "because", female)))
        if rng.random() < 0.25:
            parts.append(rng.choice(self._sentences(language, "close", mood, "", female)))
        filled = [self._fill(language, part, slots) for part in parts]
        if language == "zh-Hant":
            return "".join(filled)
        text = " ".join(filled)
        habit = rng.random()
        if habit < 0.12:
            text = text[0].lower() + text[1:].rstrip(".")
        elif habit < 0.2:
            text = text.rstrip(".") + "!"
        return text

    def _sentences(self, language: str, topic: str, mood: Mood, part: str, female: bool) -> list[str]:
        key = (language, topic, mood, part, female)
        if key not in self._choices:
            found = texts(language)[topic][mood]
            self._choices[key] = [
                text for text in (found[part] if part else found) if self._speaks(language, text, female)
            ]
        return self._choices[key]

    @staticmethod
    def _speaks(language: str, text: str, female: bool) -> bool:
        """Whether the sentence fits the speaker; in three of the languages a verb tells who speaks."""
        other = texts(language).get("he" if female else "she")
        return not (other and re.search(other, text))

    def _fill(self, language: str, text: str, slots: dict[str, str]) -> str:
        if "{" in text:
            rng = self.rng
            text = text.format(
                **slots,
                product=rng.choice(texts(language)["products"]),
                days=counted(language, "days", rng.choice((1, 2, 2, 3, 3, 4, 5, 6, 8))),
                minutes=counted(language, "minutes", rng.choice((3, 5, 10, 12, 15, 20, 25, 30, 40))),
            )
        return text[0].upper() + text[1:]
