"""Tables of characters: what each of the first 65,536 code points is folded to, and its class."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np

from ..reading import characters as c

STOPS = ".!?…"
WIDE_STOPS = "。！？；︒"
CLOSING = "\"')]}»”’」』）"
PLAIN = {"’": "'", "ʼ": "'", "`": "'", "´": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": "-",
         "—": "-", "−": "-", "‐": "-", "‑": "-", "ё": "е", "Ё": "е", "İ": "i", "ı": "i"}  # fmt: skip
KEPT_WIDE = set("。！？；")


def tables() -> c.Tables:
    """Folding by Unicode's own data and OpenCC's table of Traditional characters."""
    import opencc

    simplify = opencc.OpenCC("t2s").convert
    fold = np.zeros(65536, dtype=np.uint16)
    kind = np.zeros(65536, dtype=np.uint8)
    for code in range(1, 65536):
        fold[code] = folded(code, simplify)
    fold[c.ADDRESS], fold[c.MENTION] = 32, 32  # the private characters themselves never come from a text
    for code in range(65536):
        kind[code] = kind_of(code)
    return c.Tables(fold, kind)


def folded(code: int, simplify: Callable[[str], str]) -> int:
    character = chr(code)
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):
        return 0
    if character in PLAIN:
        return ord(PLAIN[character])
    if character in KEPT_WIDE:
        return code
    if category[0] == "Z" or category in ("Cc", "Cs", "Cn", "Co"):
        return 32
    if category == "Nd":
        return ord("0")
    plain = unicodedata.normalize("NFKC", character)
    character = plain if len(plain) == 1 else character
    low = character.lower()
    character = low if len(low) == 1 else low[0]
    if 0x3400 <= ord(character) <= 0x9FFF:
        simple = simplify(character)
        character = simple if len(simple) == 1 else character
    return min(ord(character), 65535) if ord(character) < 65536 else code


def kind_of(code: int) -> int:
    character = chr(code)
    category = unicodedata.category(character)
    if character in STOPS:
        return c.STOP
    if character in WIDE_STOPS:
        return c.WIDE_STOP
    if character == "'":
        return c.APOSTROPHE
    if character in CLOSING:
        return c.CLOSING
    if category[0] == "Z" or category == "Cc":
        return c.SPACE
    if category == "Nd":
        return c.DIGIT
    if 0x2600 <= code <= 0x27BF or code in (0x2B50, 0x203C, 0x2049, 0x2B55, 0x263A) or 0x2190 <= code <= 0x21FF:
        return c.EMOJI if category == "So" else c.OTHER
    if 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or code == 0x3005:
        return c.HAN
    if 0x3040 <= code <= 0x30FF or 0x31F0 <= code <= 0x31FF:
        return c.KANA
    if 0xAC00 <= code <= 0xD7AF or 0x1100 <= code <= 0x11FF or 0x3130 <= code <= 0x318F:
        return c.HANGUL
    if category[0] == "L":
        name = unicodedata.name(character, "")
        return c.LATIN if name.startswith("LATIN") else c.CYRILLIC if name.startswith("CYRILLIC") else c.LETTER
    return c.OTHER


def variants() -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    """Of each code point: 1 where only Traditional Chinese has it, 2 where only Simplified Chinese has it."""
    import opencc

    simplify, traditionalise = opencc.OpenCC("t2s").convert, opencc.OpenCC("s2t").convert
    out = np.zeros(65536, dtype=np.int8)
    for code in range(0x3400, 0xA000):
        character = chr(code)
        if simplify(character) != character:
            out[code] = 1
        elif traditionalise(character) != character:
            out[code] = 2
    return out
