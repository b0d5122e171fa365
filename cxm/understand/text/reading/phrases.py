"""Phrases of the lexicons (`lexicons/*.tsv`: effort, urgency, intent, touchpoint, framing), found by tables of words.

A lexicon names words and stems (`deliver*`). Each word of a text becomes at most one of them, the longest that fits;
words of the kind `unlike` only begin as a stem does (почти, почт*) and are none of its forms. Known words that stand
close together (up to two unknown ones between) are looked up as runs. Chinese phrases are found as runs of characters.
No regular expression runs over a text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from .characters import HAN, Array, Characters, Tables, gather, hash_spans
from .grams import Slots

FOLDER = Path(__file__).parent / "lexicons"
LANGUAGES = ("en", "ru", "uk", "pl", "zh")
GAP = 2  # unknown words that may stand between two words of a phrase
SHORTEST_STEM = 2


@dataclass(frozen=True, slots=True)
class Line:
    kind: str
    name: str
    language: str
    phrase: str


@cache
def lexicon() -> tuple[Line, ...]:
    """All phrases of all languages."""
    out = []
    for language in LANGUAGES:
        for line in (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                kind, name, phrases = line.split("\t")
                out += [Line(kind, name, language, phrase.strip()) for phrase in phrases.split("|")]
    return tuple(out)


def hashed(words: list[str], tables: Tables) -> Array:
    """The hashes of words (or of runs of Chinese characters), folded as texts are."""
    found = gather(words, tables)
    begins, ends = found.text_at[:-1] + 1, found.text_at[1:] - 1
    return hash_spans(found.codes, begins, ends)


def folded(words: list[str], tables: Tables) -> list[str]:
    """Words as they stand in folded texts."""
    found = gather(words, tables)
    written = found.codes.tobytes().decode("utf-32-le")
    at = found.text_at.tolist()
    return [written[begin + 1 : end - 1] for begin, end in pairwise(at)]


def lengths_by_start(words: Iterable[str], size: int) -> dict[str, tuple[int, ...]]:
    """By their first `size` characters, how long words are: the longest first."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for word in words:
        lengths[word[:size]].add(len(word))
    return {start: tuple(sorted(found, reverse=True)) for start, found in lengths.items()}


def words_named(kind: str, tables: Tables) -> Slots:
    """Finds single words of a kind."""
    return Slots(np.unique(hashed([line.phrase for line in lexicon() if line.kind == kind], tables)))


@dataclass(frozen=True, slots=True)
class Found:
    """Phrases in a batch: which entry of `PhraseBook.entries`, and its characters."""

    entry: Array
    at: Array
    end: Array


class PhraseBook:
    """Finds phrases in a batch of characters.

    Plain Python over words, not arrays: as fast in batches, and four times as fast for one text.
    """

    def __init__(self, tables: Tables, kinds: tuple[str, ...]) -> None:
        lines = [line for line in lexicon() if line.kind in kinds]
        self.entries: list[tuple[str, str]] = sorted({(line.kind, line.name) for line in lines})
        number = {entry: at for at, entry in enumerate(self.entries)}
        han = [line for line in lines if line.language == "zh"]
        spoken = [line for line in lines if line.language != "zh"]
        self.han: dict[str, int] = {}
        for line, phrase in zip(han, folded([line.phrase for line in han], tables), strict=True):
            self.han.setdefault(phrase, number[line.kind, line.name])
        self.han_lengths = lengths_by_start(self.han, 1)
        tokens = sorted({word for line in spoken for word in line.phrase.split()})
        unlike = [line.phrase for line in lexicon() if line.kind == "unlike"]
        longer = self.longer(tokens, unlike)
        tokens = sorted({*tokens, *unlike})
        self.plain: dict[str, str] = {}  # the token that a word is
        self.stems: dict[str, str] = {}  # the token of its beginning
        for token, bare in zip(tokens, folded([token.rstrip("*") for token in tokens], tables), strict=True):
            (self.stems if token.endswith("*") else self.plain).setdefault(bare, token)
        self.stem_lengths = lengths_by_start(self.stems, SHORTEST_STEM)
        self.runs: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for line in spoken:
            for run in self.spelled(line.phrase.split(), longer):
                self.runs[run].add(number[line.kind, line.name])
        self.begun = {run[:size] for run in self.runs for size in range(1, len(run))}

    @staticmethod
    def longer(tokens: list[str], unlike: list[str]) -> dict[str, list[str]]:
        """For each stem, the tokens that begin with it: a word that fits both becomes the longer one. Words that are
        `unlike` it are no forms of it."""
        stems = tuple(word[:-1] for word in unlike if word.endswith("*"))
        by_start: dict[str, list[str]] = defaultdict(list)
        for token in tokens:
            if token in unlike or token.startswith(stems):
                continue
            bare = token.rstrip("*")
            for size in range(2, len(bare) + 1):
                by_start[bare[:size]].append(token)
        return {
            token: [other for other in by_start[token[:-1]] if other != token] if token.endswith("*") else []
            for token in tokens
        }

    @staticmethod
    def spelled(words: list[str], longer: dict[str, list[str]]) -> list[tuple[str, ...]]:
        """The runs of tokens that a phrase may appear as."""
        runs: list[tuple[str, ...]] = [()]
        for word in words:
            runs = [(*run, choice) for run in runs for choice in [word, *longer[word]]]
        return runs

    def find(self, characters: Characters) -> Found:
        """Of each text the short phrases first, then as they stand; Chinese ones after the others."""
        written = characters.codes.tobytes().decode("utf-32-le", "surrogatepass")
        hits = self.find_runs(characters, written) + self.find_han(characters, written)
        return Found(*np.array(hits, dtype=np.intp).reshape(-1, 3).T)

    def token(self, word: str) -> str:
        """The known word that a word is, or else the longest known stem that it begins with, or nothing."""
        known = self.plain.get(word, "")
        if not known:
            for length in self.stem_lengths.get(word[:SHORTEST_STEM], ()):
                known = self.stems.get(word[:length], "")
                if known:
                    break
        return known

    def find_runs(self, characters: Characters, written: str) -> list[tuple[int, int, int]]:
        at, end = characters.word_at.tolist(), characters.word_end.tolist()
        token = self.token
        tokens = [token(written[begin:to]) for begin, to in zip(at, end, strict=True)]
        known = [word for word, found in enumerate(tokens) if found]
        sentence = characters.word_sentence.tolist()
        found: list[tuple[int, int, int, int]] = []
        for place, first in enumerate(known):
            run: tuple[str, ...] = (tokens[first],)
            last, size = first, 1
            while True:
                for entry in sorted(self.runs.get(run, ())):
                    found.append((size, entry, at[first], end[last]))
                if run not in self.begun or place + size == len(known):
                    break
                after = known[place + size]
                if after - last > GAP + 1 or sentence[after] != sentence[last]:
                    break
                run, last, size = (*run, tokens[after]), after, size + 1
        found.sort(key=lambda hit: hit[0])
        return [hit[1:] for hit in found]

    def find_han(self, characters: Characters, written: str) -> list[tuple[int, int, int]]:
        found = []
        for at in (characters.kind == HAN).nonzero()[0].tolist():
            for length in reversed(self.han_lengths.get(written[at], ())):
                entry = self.han.get(written[at : at + length])
                if entry is not None:
                    found.append((entry, at, at + length))
        return found
