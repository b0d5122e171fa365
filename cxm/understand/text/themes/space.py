"""The space in which texts and themes are compared: one axis for each word, weighed by how rare it is.

A text is a row of length one: (1 + log of how often) × log(texts / texts that have the word). A theme is the mean of
its texts, kept to its heaviest words, so that what a theme is can be read, and a new text finds its theme by a look-up.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MOST_TERMS = 30_000
LEAST_TEXTS = 3  # that have a word, for it to count, where there are many texts
MOST_SHARE = 0.4  # of all texts: a word that more of them have tells nothing apart
HEAVIEST = 300  # words of a theme that are kept


@dataclass(frozen=True, slots=True)
class Space:
    """The axes: `terms` in the order of the columns, `rarity` of each (float32)."""

    columns: dict[str, int]
    rarity: Floats

    def rows(self, documents: Sequence[Sequence[str]]) -> scipy.sparse.csr_matrix:
        """Shape (documents, terms), float32, each row of length one, or empty where no word is known."""
        ends: list[int] = [0]
        columns: list[int] = []
        values: list[int] = []
        for words in documents:
            counts = Counter(column for word in words if (column := self.columns.get(word)) is not None)
            columns += counts.keys()
            values += counts.values()
            ends.append(len(columns))
        at = np.array(columns, np.int32)
        weights = (1 + np.log(np.array(values, np.float32))) * self.rarity[at]
        made = scipy.sparse.csr_matrix(
            (weights.astype(np.float32), at, np.array(ends, np.int64)), shape=(len(documents), len(self.columns))
        )
        return unit(made)


def space_of(documents: Sequence[Sequence[str]]) -> Space:
    """The axes of these documents: their words in enough of them and in not too many."""
    n = len(documents)
    seen = Counter(word for words in documents for word in set(words))
    least = LEAST_TEXTS if n >= 2_000 else 2
    kept = [(word, count) for word, count in seen.most_common() if least <= count <= max(MOST_SHARE * n, least)]
    kept = kept[:MOST_TERMS]
    rarity = np.array([math.log(n / count) + 0.1 for _word, count in kept], np.float32)
    return Space({word: place for place, (word, _count) in enumerate(kept)}, rarity)


def unit(rows: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Each row at length one; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return scipy.sparse.csr_matrix(scipy.sparse.diags_array(scale.astype(np.float32)) @ rows)


@dataclass(frozen=True, slots=True)
class Centres:
    """Themes in a space: `numbers` names them, `rows` (themes, terms), `least` the similarity that a text needs."""

    space: Space
    numbers: tuple[int, ...]
    rows: scipy.sparse.csr_matrix
    least: Floats

    def find(self, documents: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], Floats]:
        """The theme of each document and its similarity in [0, 1]; 0 and its best similarity where none is near."""
        if not self.numbers:
            return np.zeros(len(documents), np.int64), np.zeros(len(documents), np.float32)
        near = np.asarray((self.space.rows(documents) @ self.rows.T).todense(), np.float32)
        best = near.argmax(axis=1)
        strength = near[np.arange(len(documents)), best]
        found = np.where(strength >= self.least[best], np.array(self.numbers, np.int64)[best], 0)
        return found, strength

    def dump(self) -> bytes:
        """Some hundred kilobytes."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            words=np.frombuffer("\n".join(self.space.columns).encode(), np.uint8),
            rarity=self.space.rarity,
            numbers=np.array(self.numbers, np.int64),
            data=self.rows.data.astype(np.float32), indices=self.rows.indices.astype(np.int32),
            indptr=self.rows.indptr.astype(np.int64), least=self.least,
        )  # fmt: skip
        return file.getvalue()


def load(content: bytes) -> Centres:
    """What `dump` made."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        text = file["words"].tobytes().decode()
        words = text.split("\n") if text else []
        space = Space({word: place for place, word in enumerate(words)}, file["rarity"])
        numbers = tuple(int(one) for one in file["numbers"])
        rows = scipy.sparse.csr_matrix(
            (file["data"], file["indices"], file["indptr"]), shape=(len(numbers), len(words))
        )
        return Centres(space, numbers, rows, file["least"])


def heaviest(rows: Floats, most: int = HEAVIEST) -> scipy.sparse.csr_matrix:
    """The rows (dense) with their `most` largest values, the others nought, at length one."""
    kept = np.zeros_like(rows)
    for number, row in enumerate(rows):
        top = np.argsort(-row, kind="stable")[:most]
        kept[number, top] = np.maximum(row[top], 0)
    return unit(scipy.sparse.csr_matrix(kept))
