"""Which of the five languages a sentence and a text are in, or another one.

The script decides first: Chinese characters without kana are Chinese; Cyrillic is Russian, Ukrainian or another;
Latin is English, Polish or another. Within a script hashed n-grams of characters decide, of the letters of that script
only, so that a Latin name in a Ukrainian sentence says nothing.
"""

from __future__ import annotations

import numpy as np

from .characters import CLOSING, CYRILLIC, DIGIT, HAN, HANGUL, KANA, LATIN, LETTER, Array, Characters
from .grams import BITS

LANGUAGE_BITS = 16
LANGUAGES = ("en", "ru", "uk", "pl", "zh", "other", "")
EN, RU, UK, PL, ZH, ELSE, NONE = range(7)
# Of a letter of each script: Chinese says more with fewer, and names and quotations in Latin letters stand in texts of
# the others, not the other way (of 123,000 training texts 25 were of the wrong script, with 1.5 and 3; now 19).
WORTH = np.array([1.0, 3.0, 5.0, 5.0, 2.0])
# By kind of character: the script that a letter has, and whether an n-gram has the script of the character after it.
OF_LETTER = np.array([kind if kind in (LATIN, CYRILLIC) else 0 for kind in range(CLOSING + 1)], dtype=np.uint8)
OF_NEXT = np.isin(np.arange(CLOSING + 1), (LATIN, CYRILLIC, DIGIT, HAN), invert=True)
# Cyrillic letters that neither Russian nor Ukrainian has: what each of them is worth for another language, in log-odds.
FOREIGN = np.zeros(0x100, dtype=bool)
FOREIGN[[code for code in range(0x50, 0x100) if chr(0x400 + code) not in "ёєіїґ"]] = True
OF_A_FOREIGN_LETTER = 8.0
OF_LATIN, OF_CYRILLIC = np.array([EN, PL, ELSE]), np.array([RU, UK, ELSE])


def script_at(characters: Characters) -> Array:
    """The script of the n-grams that begin at each position: of its letter, or of the letter after it."""
    kind = characters.kind
    script: Array = OF_LETTER.take(kind)
    script[:-1] = np.where(OF_NEXT.take(kind[:-1]), script[1:], script[:-1])
    return script


def languages_of(letters: Array) -> tuple[Array, Array]:
    """The number of the language, and by how much the best of its script leads (in log-odds), of `letters_of`."""
    worth = letters[:, :5] * WORTH
    latin, cyrillic, han, kana, other = worth.T
    said = np.array([latin, cyrillic, han + kana, other])
    most = said.argmax(axis=0)
    is_latin = most == 0
    scores = np.where(is_latin[:, None], letters[:, 5:8], letters[:, 8:])
    scores /= np.sqrt(np.maximum(np.where(is_latin, latin, letters[:, 1]), 1))[:, None]
    best = scores.argmax(axis=1)
    scores.sort(axis=1)
    out = np.where(is_latin, OF_LATIN[best], OF_CYRILLIC[best])
    out = np.where(most == 2, np.where(kana > 0.1 * han, ELSE, ZH), out)
    out[most == 3] = ELSE
    out[~worth.any(axis=1)] = NONE
    return out, np.where(most < 2, scores[:, 2] - scores[:, 1], 9.0)


def letters_of(characters: Characters, columns: Array, table: Array, scale: float) -> Array:
    """By sentence, (rows, 11): letters of Latin, of Cyrillic, of Chinese, of Japanese and Korean, and others; then what
    n-grams of Latin, and of Cyrillic, say (three classes each). `table` is (2^16, 4) of int8, three columns used."""
    found = table.view(np.uint32).ravel().take(columns >> (BITS - LANGUAGE_BITS))
    total = found.view(np.int8).reshape(len(columns), -1, 4).sum(axis=0, dtype=np.int16)
    script, kind, at = script_at(characters), characters.kind, characters.sentence_at[:-1]
    out = np.zeros((len(at), 11))

    def counted(which: Array) -> Array:
        return np.add.reduceat(which, at, dtype=np.int32)

    for place, which in enumerate((LATIN, CYRILLIC)):
        here = script == which
        out[:, place] = letters = counted(here)
        if letters.any():
            begin = 5 + 3 * place
            out[:, begin : begin + 3] = np.add.reduceat(total * here[:, None], at, axis=0, dtype=np.int32)[:, :3]
    if kind.max() >= HAN:
        out[:, 2] = counted(kind == HAN)
        out[:, 3] = counted((kind == KANA) | (kind == HANGUL))
        out[:, 4] = counted(kind == LETTER)
    out[:, 5:] *= scale
    cyrillic = script == CYRILLIC
    if cyrillic.any():
        foreign = cyrillic & FOREIGN.take(np.clip(characters.codes, 0x400, 0x4FF) - 0x400)
        out[:, 10] += OF_A_FOREIGN_LETTER * counted(foreign)
    return out


def scripts_of_chinese(raw: Array, group: Array, count: int, variant: Array) -> Array:
    """Hant where more characters are only Traditional than only Simplified: 1, else 0."""
    said = variant[np.minimum(raw, 0xFFFF)]
    traditional = np.bincount(group, weights=said == 1, minlength=count)
    simplified = np.bincount(group, weights=said == 2, minlength=count)
    return np.asarray(traditional > simplified)
