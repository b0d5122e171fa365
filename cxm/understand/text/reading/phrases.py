"""Phrases of the lexicons (`lexicons/*.tsv`: effort, urgency, intent, touchpoint, framing), found by hashes of words.

A lexicon names words and stems (`deliver*`). Each word of a text becomes at most one of them, the longest that fits;
the numbers of known words that stand close together (up to two unknown ones between) are hashed in runs of one to five
and looked up. Chinese phrases are found as runs of characters. No regular expression runs over a text.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .characters import HAN, POWERS, Array, Characters, Tables, gather, hash_spans, mixed
from .grams import Slots, han_runs

FOLDER = Path(__file__).parent / "lexicons"
LANGUAGES = ("en", "ru", "uk", "pl", "zh")
GAP = 2  # unknown words that may stand between two words of a phrase
LONGEST_RUN = 5
HAN_LONGEST = 7


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
    """Finds phrases in a batch of characters."""

    def __init__(self, tables: Tables, kinds: tuple[str, ...]) -> None:
        lines = [line for line in lexicon() if line.kind in kinds]
        self.entries: list[tuple[str, str]] = sorted({(line.kind, line.name) for line in lines})
        number = {entry: at for at, entry in enumerate(self.entries)}
        han = [line for line in lines if line.language == "zh"]
        spoken = [line for line in lines if line.language != "zh"]
        self.han = Slots(hashed([line.phrase for line in han], tables))
        self.han_entries = [number[line.kind, line.name] for line in han]
        tokens = sorted({word for line in spoken for word in line.phrase.split()})
        plain = [token for token in tokens if not token.endswith("*")]
        stems = [token for token in tokens if token.endswith("*")]
        self.index = {token: at for at, token in enumerate(plain + stems)}
        self.plain = Slots(hashed(plain, tables))
        self.stems = Slots(hashed([stem[:-1] for stem in stems], tables))
        self.stem_lengths = sorted({len(stem) - 1 for stem in stems} | {1})
        self.stem_columns = np.array(self.stem_lengths) - 1
        self.stem_from = len(plain)
        longer = self.longer(tokens)
        runs: dict[int, set[int]] = defaultdict(set)
        for line in spoken:
            for run in self.spelled(line.phrase.split(), longer):
                runs[self.run_hash(run)].add(number[line.kind, line.name])
        self.runs = Slots(np.array(list(runs), dtype=np.uint32))
        self.run_entries = [sorted(entries) for entries in runs.values()]

    def longer(self, tokens: list[str]) -> dict[str, list[str]]:
        """For each stem, the tokens that begin with it: a word that fits both becomes the longer one."""
        by_start: dict[str, list[str]] = defaultdict(list)
        for token in tokens:
            bare = token.rstrip("*")
            for size in range(2, len(bare) + 1):
                by_start[bare[:size]].append(token)
        return {
            token: [other for other in by_start[token[:-1]] if other != token] if token.endswith("*") else []
            for token in tokens
        }

    def spelled(self, words: list[str], longer: dict[str, list[str]]) -> list[tuple[int, ...]]:
        """The runs of token numbers that a phrase may appear as."""
        runs: list[tuple[int, ...]] = [()]
        for word in words:
            choices = [self.index[other] for other in [word, *longer[word]]]
            runs = [(*run, choice) for run in runs for choice in choices]
        return runs

    @staticmethod
    def run_hash(run: tuple[int, ...]) -> int:
        value = 0
        for number in run:
            value = (value * 0x01000193 + (number + 1) * 0x9E3779B1) & 0xFFFFFFFF
        return value

    def find(self, characters: Characters) -> Found:
        spoken = self.find_runs(characters)
        if (characters.kind == HAN).any():
            han = self.find_han(characters)
            return Found(*(np.concatenate(pair) for pair in zip(spoken, han, strict=True)))
        return Found(*spoken)

    def tokens(self, characters: Characters) -> Array:
        """The number of the token that each word is, or -1."""
        number = self.plain.find(characters.word_hash)
        unknown = (number < 0).nonzero()[0]
        if not len(unknown):
            return number
        begin, size = characters.word_at[unknown], (characters.word_end - characters.word_at)[unknown]
        at = np.minimum(begin[:, None] + np.arange(self.stem_lengths[-1]), len(characters.codes) - 1)
        letters = mixed(characters.codes).take(at) * POWERS[: self.stem_lengths[-1]]
        running = letters.cumsum(axis=1, dtype=np.uint32)
        found = self.stems.find(running[:, self.stem_columns])
        found = np.where(size[:, None] > self.stem_columns, found, -1)
        # the longest stem that fits: the last column that found one
        last = len(self.stem_columns) - 1 - (found[:, ::-1] >= 0).argmax(axis=1)
        best = found[np.arange(len(found)), last]
        number[unknown] = np.where(best >= 0, best + self.stem_from, -1)
        return number

    def find_runs(self, characters: Characters) -> tuple[Array, Array, Array]:
        number = self.tokens(characters)
        known = (number >= 0).nonzero()[0]
        count = len(known)
        if not count:
            return (np.zeros(0, np.intp),) * 3
        value = (number[known] + 1).astype(np.uint32) * np.uint32(0x9E3779B1)
        sentence = characters.word_sentence[known]
        near = np.zeros(count, dtype=bool)  # whether the known word after it is near
        near[:-1] = (sentence[1:] == sentence[:-1]) & (known[1:] - known[:-1] <= GAP + 1)
        running, whole = value, np.ones(count, dtype=bool)
        hashes, first, last = [value], [np.arange(count)], [np.arange(count)]
        for size in range(2, min(LONGEST_RUN, count) + 1):
            whole = whole[:-1] & near[size - 2 :][: count - size + 1]
            running = running[:-1] * np.uint32(0x01000193) + value[size - 1 :]
            at = whole.nonzero()[0]
            if not len(at):
                break
            hashes.append(running[at])
            first.append(at)
            last.append(at + size - 1)
        found = self.runs.find(np.concatenate(hashes))
        hit = (found >= 0).nonzero()[0]
        begin = characters.word_at[known[np.concatenate(first)[hit]]]
        end = characters.word_end[known[np.concatenate(last)[hit]]]
        return self.listed([self.run_entries[at] for at in found[hit].tolist()], begin, end)

    @staticmethod
    def listed(entries: list[list[int]], begin: Array, end: Array) -> tuple[Array, Array, Array]:
        times = [len(some) for some in entries]
        flat = np.array([entry for some in entries for entry in some], dtype=np.intp)
        return flat, np.repeat(begin, times), np.repeat(end, times)

    def find_han(self, characters: Characters) -> tuple[Array, Array, Array]:
        at = (characters.kind == HAN).nonzero()[0]
        found = self.han.find(han_runs(characters, at, HAN_LONGEST)).T
        row, column = np.nonzero(found >= 0)
        entries = [[self.han_entries[number]] for number in found[row, column].tolist()]
        return self.listed(entries, at[row], at[row] + column + 1)
