"""What a person types to find texts: words in any inflection, "phrases" as they stand, -without.

Pure: from the typed text to a condition for the log, and to an expression that marks what was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import regex

from cxm.understand.text.words.folding import table

LONGEST: Final = 200  # characters that are read of what was typed
MOST_TERMS: Final = 10
SHORTEST, LONGEST_TOKEN = 3, 8  # letters of the beginnings of words in the index
QUOTES: Final = str.maketrans(dict.fromkeys("“”„«»‟＂「」『』", '"') | dict.fromkeys("−–—", "-"))
TYPED: Final = regex.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
# The same pieces as in the schema of `texts`: they must be cut alike, or nothing is found.
PIECES: Final = regex.compile(r"\p{Han}+|[\p{Latin}\p{Cyrillic}\p{N}]+|\p{L}+")
HAN: Final = "⺀"  # from here on, a piece is Chinese (or of a script without spaces), and is indexed by pairs
# What inflection puts behind a stem, the longest first.
CYRILLIC: Final = (
    "иями ями ами ого его ому ему ыми ими ать ять ить еть ует ают яют ала ила али или ало ило ов ев ей ой ий ый ая яя"
    " ое ее ую юю ом ем ам ям ах ях ия ие ию ью ів їв ою ею ть ти ю я а о е и ы у ь й і ї є"
)
LATIN: Final = (
    "ing ies ied ers er ed es ami ach owi ego emu ymi imi ych ich ów om em ie ia ią ię ej s y e a o i u ą ę ł"
)


@dataclass(frozen=True, slots=True)
class Term:
    """`pieces`: words without capitals, in their order; `exact`: as they stand; not `wanted`: texts without it."""

    pieces: tuple[str, ...]
    exact: bool
    wanted: bool
    raw: str  # what has no letters (an emoji) is looked for as it is


def terms_of(typed: str) -> list[Term]:
    typed = " ".join(typed.replace("\x00", "")[:LONGEST].translate(QUOTES).split())
    found = []
    for one in TYPED.finditer(typed):
        raw = one["phrase"] if one["phrase"] is not None else one["word"]
        if raw.strip("- "):
            pieces = tuple(PIECES.findall(raw.lower().replace("ё", "е")))
            found.append(Term(pieces, one["phrase"] is not None, not one["minus"], raw.strip().lower()))
    return found[:MOST_TERMS]


@dataclass(frozen=True, slots=True)
class Search:
    """`sql` is a condition on rows of `texts`; empty where nothing is looked for."""

    sql: str
    values: dict[str, Any]


def search_of(typed: str) -> Search:
    conditions, values = [], dict[str, Any]()
    for number, term in enumerate(terms_of(typed)):
        condition = _condition(term, f"search{number}", values)
        conditions.append(condition if term.wanted else f"NOT ({condition})")
    return Search(" AND ".join(conditions), values)


FOLDED: Final = "replaceAll(lowerUTF8(comment), 'ё', 'е')"


def _condition(term: Term, name: str, values: dict[str, Any]) -> str:
    if not term.pieces:
        values[name] = term.raw
        return f"position(lowerUTF8(comment), {{{name}:String}}) > 0"
    parts, sure = [], []
    for number, tokens in enumerate(_tokens(term)):
        if len(tokens) == 1:
            sure.append(tokens[0])
        else:
            values[f"{name}_{number}"] = tokens
            parts.append(f"hasAnyTokens(words, {{{name}_{number}:Array(String)}})")
    if sure:
        values[f"{name}_all"] = list(dict.fromkeys(sure))
        parts.insert(0, f"hasAllTokens(words, {{{name}_all:Array(String)}})")
    if not _is_told_by_index(term):
        values[name] = _pattern(term)
        parts.append(f"match({FOLDED}, {{{name}:String}})")
    return " AND ".join(parts)


def _is_told_by_index(term: Term) -> bool:
    """Whether the tokens alone say that the text has the term; else the text itself is looked at."""
    [piece, *others] = term.pieces
    return not others and (piece < HAN or len(piece) == 2)


def _tokens(term: Term) -> list[list[str]]:
    """What a text with the term must hold among its `words`; of each, one of several spellings."""
    found: list[list[str]] = []
    for number, piece in enumerate(term.pieces):
        if piece >= HAN:
            found += [[a + b for a in spellings(one) for b in spellings(two)] for one, two in pairwise(piece)]
        elif term.exact or len(piece) < SHORTEST or number < len(term.pieces) - 1:
            found.append([f"={piece}"])
        else:
            found.append([stem(piece)[:LONGEST_TOKEN]])
    return found


def _pattern(term: Term, *, marks: bool = False) -> str:
    """For RE2, on the folded text; with `marks` for `regex`, on the text as it came."""
    written = []
    for number, piece in enumerate(term.pieces):
        if piece >= HAN:
            written.append("".join(f"[{''.join(spellings(one))}]" for one in piece))
        else:
            whole = term.exact or len(piece) < SHORTEST or number < len(term.pieces) - 1
            text = piece if whole else stem(piece)[:LONGEST_TOKEN]
            text = text.replace("е", "[её]") if marks else text
            written.append(text if whole else rf"{text}[\p{{L}}\p{{N}}]*")
    # A Chinese word has no edges; other words begin and end where letters do.
    begins = "" if term.pieces[0] >= HAN else r"\b" if marks else r"(?:^|[^\p{L}\p{N}])"
    ends = "" if term.pieces[-1] >= HAN else r"\b" if marks else r"(?:[^\p{L}\p{N}]|$)"
    return begins + r"[^\p{L}\p{N}]*".join(written) + ends


def stem(word: str) -> str:
    """The word without what inflection changes at its end; at least three letters stay."""
    endings = CYRILLIC if "Ѐ" <= word[0] <= "ӿ" else LATIN
    for ending in endings.split():
        if word.endswith(ending) and len(word) - len(ending) >= (3 if len(ending) == 1 else 4):
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=1)
def _families() -> dict[str, str]:
    """For each character that Traditional and Simplified Chinese write differently, all its spellings."""
    by_simple: dict[str, list[str]] = {}
    for code, simple in table().items():
        if chr(code) >= HAN and chr(code) != simple:
            by_simple.setdefault(simple, [simple]).append(chr(code))
    return {one: "".join(family) for family in by_simple.values() for one in family}


def spellings(character: str) -> str:
    return _families().get(character, character)


def places(typed: str, text: str) -> list[tuple[int, int]]:
    """Where the text holds what was looked for: (start, end), in order."""
    found = []
    for term in terms_of(typed):
        if term.wanted and term.pieces:
            expression = regex.compile(_pattern(term, marks=True), regex.IGNORECASE)
            found += [one.span() for one in expression.finditer(text, timeout=1)]
    return sorted(found)
