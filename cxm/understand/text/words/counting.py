"""Words and phrases of many texts: in how many they stand, and how those texts feel. Pure: no Django.

Words of English, Polish, Russian and Ukrainian are counted under their dictionary form. Chinese has no spaces: a
stretch of two to four characters is taken for a word where it holds together (its parts meet far more often than by
chance), stands among many neighbours, and is not only a part of a longer one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .folding import folded
from .lemmas import plain, rules

WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+(?:['’ʼ`][^\W\d_\u3400-\u9fff]+)*")
BREAK = re.compile(r"[.!?,;:()\[\]\n\"“”„«»…]|\s[-–—]\s")  # a phrase does not go across
NOT_SAID = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|&\w+;")  # addresses and names of accounts
HAN = re.compile(r"[\u3400-\u9fff]{2,}")
LONGEST_TEXT = 2000  # characters of a text that are counted
LONGEST_PHRASE = 3  # words
LEAST_TOGETHER = 3.0  # times more often than by chance
HAN_WORD = 4  # characters


class Said(NamedTuple):
    """A text in its language; `score` is its sentiment from −1 to 1, or None where it was not read."""

    text: str
    language: str
    score: float | None = None


@dataclass(slots=True)
class Term:
    """A word or phrase: `n` texts have it; of those with a sentiment, how many, its sum and the sum of squares."""

    key: str  # dictionary forms, Chinese in simplified characters
    words: int  # 1, or of a phrase how many
    n: int = 0
    read: int = 0
    total: float = 0.0
    squares: float = 0.0
    forms: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """A word in its dictionary form, a phrase as it is mostly written."""
        if self.words == 1 and not HAN.fullmatch(self.key):
            return self.key
        return max(self.forms, key=lambda form: (self.forms[form], form)) if self.forms else self.key


@lru_cache(maxsize=8)
def stops(language: str) -> frozenset[str]:
    """Words that say nothing alone, in their dictionary forms too."""
    for line in (Path(__file__).parent / "data" / "stop.txt").read_text(encoding="utf-8").splitlines():
        name, _colon, rest = line.partition(": ")
        if name == language:
            words = {plain(one) for one in rest.split()}
            return frozenset(words | {rules(language).lemma(one) for one in words})
    return frozenset()


def count_terms(said: Sequence[Said], language: str, *, least: int = 3) -> dict[str, Term]:
    """The words and phrases of the texts in that language that stand in at least so many of them, by key."""
    texts = [one for one in said if one.language == language]
    rows = _chinese(texts, least) if language == "zh" else _lettered(texts, language, least)
    found: dict[str, Term] = {}
    for one, terms in zip(texts, rows, strict=True):
        for key, (form, words) in terms.items():
            term = found.get(key)
            if term is None:
                term = found[key] = Term(key, words)
            term.n += 1
            term.forms[form] += 1
            if one.score is not None:
                term.read += 1
                term.total += one.score
                term.squares += one.score**2
    return {key: term for key, term in found.items() if term.n >= least}


def common_words(texts: Iterable[tuple[str, str]], limit: int = 30) -> list[tuple[str, int]]:
    """(name, texts) of the words and phrases that stand in most of the texts, each with its language; phrases count
    instead of their words where most of those stand in them."""
    by_language: dict[str, list[Said]] = defaultdict(list)
    for text, language in texts:
        by_language[language].append(Said(text, language))
    found: list[tuple[str, int]] = []
    for language, said in by_language.items():
        found += [(term.name, term.n) for term in count_terms(said, language).values()]
    return sorted(found, key=lambda one: (-one[1], one[0]))[:limit]


Terms = dict[str, tuple[str, int]]  # by key: the form in the text, and how many words it has


def _lettered(texts: Sequence[Said], language: str, least: int) -> list[Terms]:
    lemma, stop = rules(language).lemma, stops(language)
    rows: list[Terms] = []
    phrases: Counter[str] = Counter()
    single: Counter[str] = Counter()
    for one in texts:
        terms: Terms = {}
        for part in BREAK.split(NOT_SAID.sub(". ", one.text[:LONGEST_TEXT])):
            words = [(plain(match), lemma(plain(match))) for match in WORD.findall(part)]
            silent = [form in stop or known in stop or len(known) < 2 for form, known in words]
            for number, (form, known) in enumerate(words):
                if silent[number]:
                    continue
                terms[known] = (form, 1)
                for length in range(2, LONGEST_PHRASE + 1):
                    if number + length <= len(words) and not silent[number + length - 1]:
                        stretch = words[number : number + length]
                        terms[" ".join(two for _one, two in stretch)] = (" ".join(one for one, _two in stretch), length)
        rows.append(terms)
        for key, (_form, length) in terms.items():
            (single if length == 1 else phrases)[key] += 1
    kept = {
        key for key, n in phrases.items()
        if n >= least and _holds_together(n, len(texts), *_ends(key, single))
    }  # fmt: skip
    for longer in sorted(kept, key=len, reverse=True):  # a part that hardly stands alone is not shown beside it
        parts = longer.split(" ")
        for part in (" ".join(parts[1:]), " ".join(parts[:-1])):
            if part in kept and phrases[part] <= 1.2 * phrases[longer] and " " in part:
                kept.discard(part)
    return [{key: one for key, one in terms.items() if one[1] == 1 or key in kept} for terms in rows]


def _holds_together(n: int, texts: int, first: int, last: int) -> bool:
    """Far more often than by chance; or half of the time that its rarer end is said."""
    return n * texts >= LEAST_TOGETHER * first * last or 2 * n >= min(first, last)


def _ends(key: str, single: Counter[str]) -> tuple[int, int]:
    words = key.split(" ")
    return max(single[words[0]], 1), max(single[words[-1]], 1)


def _chinese(texts: Sequence[Said], least: int) -> list[Terms]:
    """By the mutual information of the parts of a stretch and the variety of its neighbours."""
    stop = stops("zh")
    counts: Counter[str] = Counter()
    before: dict[str, set[str]] = defaultdict(set)
    after: dict[str, set[str]] = defaultdict(set)
    runs_of: list[list[tuple[str, str]]] = []
    for one in texts:
        text = one.text[:LONGEST_TEXT]
        runs = [(folded(match), match) for match in HAN.findall(text)]
        runs_of.append(runs)
        for run, _match in runs:
            for length in range(1, HAN_WORD + 1):
                for at in range(len(run) - length + 1):
                    counts[run[at : at + length]] += 1
    often = {word for word, n in counts.items() if len(word) > 1 and n >= least}
    for number, runs in enumerate(runs_of):
        for run, _match in runs:
            for word, at in _stretches(run, often):
                before[word].add(run[at - 1] if at else f"^{number}")
                end = at + len(word)
                after[word].add(run[end] if end < len(run) else f"${number}")
    total = max(sum(n for word, n in counts.items() if len(word) == 1), 1)
    kept = {
        word for word in often
        if word not in stop and word[0] not in stop and word[-1] not in stop
        and min(len(before[word]), len(after[word])) >= min(3, least)
        and min(counts[word] * total / (counts[word[:cut]] * counts[word[cut:]]) for cut in range(1, len(word))) >= 8
    }  # fmt: skip
    for longer in sorted(kept, key=len, reverse=True):
        for length in range(2, len(longer)):
            for at in range(len(longer) - length + 1):
                part = longer[at : at + length]
                if part in kept and counts[part] <= 1.3 * counts[longer]:
                    kept.discard(part)
    return [
        {word: (match[at : at + len(word)], 1) for run, match in runs for word, at in _stretches(run, kept)}
        for runs in runs_of
    ]


def _stretches(run: str, words: set[str]) -> Iterable[tuple[str, int]]:
    for length in range(2, HAN_WORD + 1):
        for at in range(len(run) - length + 1):
            if run[at : at + length] in words:
                yield run[at : at + length], at
