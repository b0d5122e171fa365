"""Which of the five languages a sentence and a text are in, or another one.

The script decides first: Chinese characters without kana are Chinese; Cyrillic is Russian, Ukrainian or another;
Latin is English, Polish or another. Within a script hashed n-grams of characters decide, of the letters of that script
only, so that a Latin name in a Ukrainian sentence says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .characters import CYRILLIC, DIGIT, HAN, HANGUL, KANA, LATIN, LETTER, Array, Characters
from .grams import BITS

LANGUAGE_BITS = 16
LANGUAGES = ("en", "ru", "uk", "pl", "zh", "other", "")
EN, RU, UK, PL, ZH, ELSE, NONE = range(7)
OF_LATIN, OF_CYRILLIC = np.array([EN, PL, ELSE]), np.array([RU, UK, ELSE])


def script_at(characters: Characters) -> Array:
    """The script of the n-grams that begin at each position: of its letter, or of the letter after it."""
    kind = characters.kind
    letter = (kind == LATIN) | (kind == CYRILLIC)
    script = np.where(letter, kind, 0)
    script[:-1] = np.where(~letter[:-1] & (kind[:-1] != DIGIT) & (kind[:-1] != HAN), script[1:], script[:-1])
    return script


@dataclass(slots=True)
class Letters:
    """Letters by script, and what n-grams of Latin and of Cyrillic say (three classes each), by sentence or text."""

    latin: Array
    cyrillic: Array
    han: Array
    kana: Array
    other: Array
    of_latin: Array
    of_cyrillic: Array

    def over(self, at: Array) -> Letters:
        """Of texts, from sentences; `at` is the first sentence of each text."""
        return Letters(*(np.add.reduceat(getattr(self, name), at, axis=0) for name in Letters.__slots__))

    def languages(self) -> tuple[Array, Array]:
        """The number of the language, and by how much the best of its script leads (in log-odds)."""
        latin, cyrillic, han, kana, other = self.latin, self.cyrillic * 1.5, self.han * 3, self.kana * 3, self.other * 2
        most = np.argmax(np.stack([latin, cyrillic, han + kana, other]), axis=0)
        scores = np.where((most == 0)[:, None], self.of_latin, self.of_cyrillic)
        scores = scores / np.sqrt(np.maximum(np.where(most == 0, self.latin, self.cyrillic), 1))[:, None]
        best = scores.argmax(axis=1)
        ordered = np.sort(scores, axis=1)
        out = np.where(most == 0, OF_LATIN[best], OF_CYRILLIC[best])
        out = np.where(most == 2, np.where(kana > 0.1 * han, ELSE, ZH), out)
        out = np.where(most == 3, ELSE, out)
        none = latin + cyrillic + han + kana + other == 0
        return np.where(none, NONE, out), np.where(most < 2, ordered[:, 2] - ordered[:, 1], 9.0)


def letters_of(characters: Characters, columns: list[Array], table: Array, scale: float) -> Letters:
    """Counts and sums by sentence. `table` is (2^16, 4) of int8, three columns used."""
    packed = table.view(np.uint32).ravel()
    total = np.zeros((len(characters.codes), 4), dtype=np.int16)
    for column in columns:
        total += packed[column >> (BITS - LANGUAGE_BITS)].view(np.int8).reshape(-1, 4)
    script = script_at(characters)
    at = characters.sentence_at[:-1]

    def counted(which: Array) -> Array:
        return np.add.reduceat(which, at, dtype=np.int32).astype(np.float64)

    def said(which: Array) -> Array:
        out: Array = np.add.reduceat(total * which[:, None], at, axis=0, dtype=np.int32)[:, :3] * scale
        return out

    kind = characters.kind
    has_cyrillic = bool((kind == CYRILLIC).any())
    zero = np.zeros(len(at))
    han = counted(kind == HAN)
    return Letters(
        latin=counted(script == LATIN),
        cyrillic=counted(script == CYRILLIC) if has_cyrillic else zero,
        han=han,
        kana=counted((kind == KANA) | (kind == HANGUL)),
        other=counted(kind == LETTER),
        of_latin=said(script == LATIN),
        of_cyrillic=said(script == CYRILLIC) if has_cyrillic else np.zeros((len(at), 3)),
    )


def scripts_of_chinese(raw: Array, group: Array, count: int, variant: Array) -> Array:
    """Hant where more characters are only Traditional than only Simplified: 1, else 0."""
    said = variant[np.minimum(raw, 0xFFFF)]
    traditional = np.bincount(group, weights=said == 1, minlength=count)
    simplified = np.bincount(group, weights=said == 2, minlength=count)
    return np.asarray(traditional > simplified)
