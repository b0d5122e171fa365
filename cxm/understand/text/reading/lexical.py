"""What known words add to a text: vectors distilled from a sentence encoder, and valences that denials turn round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .characters import Array, Characters
from .grams import Slots, han_words

TURNED = -0.74  # what a denial makes of a valence; the figure of VADER


@dataclass(slots=True)
class Items:
    """The known words of a batch: which of the vocabulary, where, in which sentence, and whether denied."""

    number: Array
    at: Array
    end: Array
    sentence: Array
    denied: Array


def items_of(characters: Characters, vocabulary: Slots, denied: Array) -> Items:
    number = vocabulary.find(characters.word_hash)
    known = (number >= 0).nonzero()[0]
    at, length, han = han_words(characters, vocabulary)
    if not len(at):
        words = (characters.word_at[known], characters.word_end[known], characters.word_sentence[known], denied[known])
        return Items(number[known], *words)
    sentence = characters.sentence_at.searchsorted(at, side="right") - 1
    before = characters.codes[np.maximum(at - 1, 0)]
    turned = (before == ord("不")) | (before == ord("没")) | (before == ord("别")) | (before == ord("无"))
    return Items(
        np.concatenate([number[known], han]),
        np.concatenate([characters.word_at[known], at]),
        np.concatenate([characters.word_end[known], at + length]),
        np.concatenate([characters.word_sentence[known], sentence]),
        np.concatenate([denied[known], turned]),
    )


def summed(values: Array, groups: Array, count: int) -> Array:
    """Sums of rows (or of numbers) by group."""
    if values.ndim == 1:
        return np.bincount(groups, weights=values, minlength=count)
    width = values.shape[1]
    cells = (groups[:, None] * width + np.arange(width)).ravel()
    return np.bincount(cells, weights=values.ravel(), minlength=count * width).reshape(count, width)


@dataclass(slots=True)
class Marks:
    """Per sentence: characters, known words, all words, valence of good and of bad words, marks (`! ?`): (rows, 7)."""

    table: Array

    @property
    def length(self) -> Array:
        return self.table[:, 0]

    @property
    def known(self) -> Array:
        return self.table[:, 1]

    def over(self, group: Array, count: int) -> Marks:
        return Marks(summed(self.table, group, count))


def marks_of(characters: Characters, items: Items, valence: Array) -> Marks:
    count = len(characters.sentence_text)
    value = valence[items.number] * np.where(items.denied, TURNED, 1)
    sentence_at = characters.sentence_at
    codes = characters.codes
    out = np.empty((count, 7))
    out[:, 0] = sentence_at[1:] - sentence_at[:-1]
    out[:, 1] = np.bincount(items.sentence, minlength=count)
    out[:, 2] = np.bincount(characters.word_sentence, minlength=count)
    out[:, 3] = np.bincount(items.sentence, weights=np.maximum(value, 0), minlength=count)
    out[:, 4] = np.bincount(items.sentence, weights=np.maximum(-value, 0), minlength=count)
    for place, plain, wide in ((5, 0x21, 0xFF01), (6, 0x3F, 0xFF1F)):
        out[:, place] = np.add.reduceat((codes == plain) | (codes == wide), sentence_at[:-1], dtype=np.int32)
    return Marks(out)


def dense(marks: Marks) -> Array:
    """Shape (rows, 7): features of about unit size, the same for sentences and for texts."""
    length, known, words, good, bad, exclaims, asks = marks.table.T
    balance = good - bad
    out = np.empty((len(length), 7), dtype=np.float32)
    out[:, 0] = balance / np.sqrt(balance**2 + 15)
    out[:, 1] = good / (good + 2)
    out[:, 2] = bad / (bad + 2)
    out[:, 3] = np.minimum(exclaims, 3) / 3
    out[:, 4] = np.minimum(asks, 2) / 2
    out[:, 5] = np.log(length + 1) / 6
    out[:, 6] = known / (words + known + 1)
    return out
