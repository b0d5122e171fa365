"""Names of groups of texts: the words that they have and the others have not (class-based TF-IDF; Grootendorst 2022).

A name is given in each language in which enough of the texts are, of words as people write them. Names of people and
other personal data are in none: everybody sees the names of themes.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from cxm.lib.personal import find

from .terms import HAN, LONGEST, runs, words_of

IN_NAME = 3  # words of a name
IN_LIST = 10  # words that are kept of a theme
LEAST_SHARE = 0.15  # of the texts of a theme, for a name in their language
CHINESE = (1, 2, 3, 4, 5)  # characters of the strings that are counted; words have two to four
PERSONAL = 0.2  # a word that is somebody's name in such a share of its other texts is in no name of a theme
BETWEEN = {"zh": "、"}


@dataclass(frozen=True, slots=True)
class Name:
    """In one language; `words` are the telling ones, the best first, as they were written most often."""

    text: str
    words: list[str]


@dataclass(slots=True)
class _Counts:
    """Words of the texts of one language: how often in each group, and how each is written."""

    groups: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    personal: Counter[str] = field(default_factory=Counter)  # texts in which the word is personal data
    written: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    texts: Counter[int] = field(default_factory=Counter)


def names_of(texts: Iterable[tuple[str, str, int]], n: int) -> list[dict[str, Name]]:
    """Names by language of the groups 0 to n − 1. `texts`: (text, language, group; −1 for none)."""
    counts: dict[str, _Counts] = defaultdict(_Counts)
    for text, language, group in texts:
        seen = counts[language]
        seen.texts[group] += 1
        parts, personal = _without_personal_data(text, language)
        seen.personal.update(personal)
        for word, shown in {one for part in parts for one in _candidates(part, language)}:
            seen.groups[group][word] += 1
            seen.written[word][shown] += 1
    sizes = Counter[int]()
    for seen in counts.values():
        sizes += seen.texts
    named: list[dict[str, Name]] = [{} for _number in range(n)]
    for language, seen in counts.items():
        everywhere = Counter[str]()
        for counted in seen.groups.values():
            everywhere += counted
        for word, times in seen.personal.items():
            if times >= PERSONAL * everywhere[word]:
                del everywhere[word]
        usual = sum(everywhere.values()) / max(len(seen.groups), 1)
        worth = _chinese_words(everywhere) if language == "zh" else {}
        for number in range(n):
            if seen.texts[number] >= max(2, LEAST_SHARE * sizes[number]):
                words = _telling(seen.groups[number], everywhere, usual, seen.texts[number], worth)
                said = [seen.written[word].most_common(1)[0][0] for word in words]
                if said:
                    named[number][language] = Name(BETWEEN.get(language, ", ").join(said[:IN_NAME]), said)
    return named


def _without_personal_data(text: str, language: str) -> tuple[list[str], set[str]]:
    """The pieces between names, addresses and numbers of people, and the words that these were made of."""
    text, pieces, personal, at = text[:LONGEST], [], set(), 0
    for hit in find(text, language):
        pieces.append(text[at : hit.start])
        personal |= {one for one, _shown in _candidates(text[hit.start : hit.end], language)}
        at = hit.end
    return [*pieces, text[at:]], personal


def _candidates(text: str, language: str) -> set[tuple[str, str]]:
    """Words and pairs of neighbouring words, or Chinese strings: each once in a text, as (form, as written)."""
    if language == "zh":
        return {
            (part[at : at + size], shown[at : at + size])
            for part, shown in runs(text[:LONGEST]) for size in CHINESE for at in range(len(part) - size + 1)
        }  # fmt: skip
    words = words_of(text, language)
    return set(words) | {
        (f"{one} {other}", f"{shown} {next_shown}")
        for (one, shown), (other, next_shown) in pairwise(words)
        if one != other
    }


def _telling(
    here: Counter[str], everywhere: Counter[str], usual: float, n: int, worth: dict[str, float]
) -> list[str]:  # fmt: skip
    """The words of a group, the most telling first. `worth`: of Chinese strings, how much each is a word."""
    least = max(2, math.ceil(0.02 * n))
    scored = []
    for word, count in here.items():
        if count < least or word not in everywhere:
            continue
        score = count * math.log(1 + usual / everywhere[word])
        if worth:
            score *= math.sqrt(len(word)) * worth.get(word, 0)
        elif " " in word:
            score *= 1.6
        if score > 0:
            scored.append((score, word))
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    chosen: list[str] = []
    for _score, word in scored[: IN_LIST * 8]:
        if len(chosen) == IN_LIST:
            break
        if not any(_overlap(word, other) for other in chosen):
            chosen.append(word)
    return chosen


def _chinese_words(counts: Counter[str]) -> dict[str, float]:
    """Of each string how much it is a word, above 0 to 1: its parts stand together more often than by chance, and it is
    not most often a part of one longer string."""
    total = sum(count for one, count in counts.items() if len(one) == 1)
    longer = Counter[str]()
    for one, count in counts.items():
        for part in (one[:-1], one[1:]):
            longer[part] = max(longer[part], count)
    found = {}
    for word, count in counts.items():
        if 2 <= len(word) <= 4 and longer[word] < 0.75 * count:
            tie = min(math.log(count * total / (counts[word[:at]] * counts[word[at:]])) for at in range(1, len(word)))
            if tie > 1.5:
                found[word] = min(tie - 1.5, 4.0) / 4
    return found


def _overlap(word: str, other: str) -> bool:
    """Whether the word says again what the other one has said."""
    if word.isascii() or " " in word or not HAN.match(word):
        return bool(set(word.split()) & set(other.split()))
    return bool(
        {word[at : at + 2] for at in range(len(word) - 1)} & {other[at : at + 2] for at in range(len(other) - 1)}
    )
