"""Log-odds of polarity, neutrality and emotions, for sentences and texts at once, and what each character adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .characters import Array, Characters
from .grams import WordGrams, over_ends
from .lexical import Items, Marks, dense, summed
from .weights import Weights


def gram_values(characters: Characters, columns: Array, words: WordGrams, table: Array) -> tuple[Array, Array]:
    """What each n-gram of characters is worth: shape (orders, positions, heads) of `table`, as int8; and what all that
    begin at each position are worth, with those of words: shape (positions, heads), as int16."""
    heads = table.shape[1]
    packed = table.view(np.dtype(f"u{heads}")).ravel()
    found = packed.take(columns)
    found[over_ends(characters.text_at)] = 0
    each = found.view(np.int8).reshape(len(columns), -1, heads)
    total = each.sum(axis=0, dtype=np.int16)
    if len(characters.word_at):
        for column, at in (
            (words.single, characters.word_at),
            (words.pair, characters.word_at[words.pair_word]),
            (words.denied, characters.word_at[words.denied_word]),
        ):
            total[at] += packed[column].view(np.int8).reshape(-1, heads)
    return each, total


@dataclass(slots=True)
class Sums:
    """What sentences (or texts) hold: worth of n-grams and of words' vectors by head, and marks."""

    grams: Array
    vectors: Array
    marks: Marks

    def over(self, group: Array, count: int) -> Sums:
        """Of texts, after those of the sentences: (sentences and texts) rows. `group` is the text of each sentence, in
        order; each text has one at least."""
        heads = self.grams.shape[1]
        table = np.concatenate([self.grams, self.vectors, self.marks.table], axis=1)
        first = group.searchsorted(np.arange(count))
        table = np.concatenate([table, np.add.reduceat(table, first, axis=0)])
        return Sums(table[:, :heads], table[:, heads : 2 * heads], Marks(table[:, 2 * heads :]))

    def logits(self, by_mark: Array, share: Array, bias: Array) -> Array:
        """`share` (what the vectors count) and `bias` are by row and head."""
        length = np.maximum(self.marks.length, 1)[:, None]
        known = np.maximum(self.marks.known, 1)[:, None]
        out: Array = self.grams / np.sqrt(length) + self.vectors / known * share + dense(self.marks) @ by_mark + bias
        return out


def sums_of(characters: Characters, items: Items, marks: Marks, values: Array, scale: Array, word_worth: Array) -> Sums:
    """`values` are the sums of `gram_values`; `word_worth` is what each word of the vocabulary adds, by head."""
    heads = word_worth.shape[1]
    grams = np.add.reduceat(values, characters.sentence_at[:-1], axis=0, dtype=np.int32)[:, :heads] * scale
    vectors = summed(word_worth[items.number], items.sentence, len(characters.sentence_text))
    return Sums(grams, vectors, marks)


def word_worth(weights: Weights) -> Array:
    """Shape (words, heads)."""
    worth: Array = (weights.vectors.astype(np.float32) * weights.vector_scale) @ weights.by_vector
    return worth
