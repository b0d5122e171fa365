"""Hashed n-grams of characters and words: columns of tables of weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .characters import HAN, POWERS, Array, Characters, mixed

ORDERS = 5  # n-grams of one to five characters
HAN_WORD = 4  # characters of the longest Chinese word that is looked up
BITS = 19
FEW = 50  # hashes that are sooner looked up one by one


def key_of(salt: int) -> int:
    return salt * 0x85EBCA6B & 0xFFFFFFFF


ORDER_KEYS = np.array([[key_of(order)] for order in range(1, ORDERS + 1)], dtype=np.uint32)
# Which n-grams reach over the end of a text: of each order (from 0) those that begin so many characters before it.
OVER_ORDER, OVER_BACK = np.array([(order, back) for order in range(1, ORDERS) for back in range(1, order + 1)]).T


def spread(hashes: Array, salt: int, bits: int) -> Array:
    """Hashes as columns below 2^bits."""
    return scattered(hashes ^ np.uint32(key_of(salt)), bits)


def scattered(out: Array, bits: int) -> Array:
    """Salted hashes as columns; overwrites them."""
    out *= np.uint32(0xC2B2AE35)
    out ^= out >> np.uint32(13)
    out *= np.uint32(0x27D4EB2F)
    out >>= np.uint32(32 - bits)
    return out.astype(np.intp)


def character_grams(codes: Array, bits: int = BITS) -> Array:
    """For each order, the column of the n-gram that begins at each position: shape (orders, positions).

    The last few positions of a text reach over its end: `over_ends` are those.
    """
    letters = mixed(codes)
    running = np.empty((ORDERS, len(codes)), dtype=np.uint32)
    running[0] = letters
    for order in range(1, ORDERS):
        np.multiply(running[order - 1], np.uint32(0x01000193), out=running[order])
        if len(codes) > order:
            running[order, :-order] += letters[order:]
    running ^= ORDER_KEYS
    return scattered(running, bits)


def over_ends(text_at: Array) -> tuple[Array, Array]:
    """Orders (from 0) and positions of the n-grams that reach over the end of their text."""
    return OVER_ORDER, np.maximum(text_at[1:, None] - OVER_BACK, 0)


@dataclass(slots=True)
class WordGrams:
    """Columns of words, of pairs (of each word with the next of its sentence) and of denied words, with positions."""

    single: Array
    pair: Array
    pair_word: Array  # the number of the first word of each pair
    denied: Array
    denied_word: Array


def word_grams(characters: Characters, denied: Array, bits: int = BITS) -> WordGrams:
    hashes, sentence = characters.word_hash, characters.word_sentence
    pair_word = (sentence[1:] == sentence[:-1]).nonzero()[0]
    pairs = hashes[pair_word] * np.uint32(0x9E3779B1) + hashes[pair_word + 1]
    denied_word = denied.nonzero()[0]
    return WordGrams(
        spread(hashes, 11, bits), spread(pairs, 12, bits), pair_word, spread(hashes[denied_word], 13, bits), denied_word
    )


def denied_words(characters: Characters, negator: Array) -> Array:
    """Whether one of the three words before is a negator (`negator` by word) of the same sentence."""
    sentence = characters.word_sentence
    out = np.zeros(len(negator), dtype=bool)
    for back in (1, 2, 3):
        out[back:] |= negator[:-back] & (sentence[back:] == sentence[:-back])
    return out


def han_words(characters: Characters, known: Slots) -> tuple[Array, Array, Array]:
    """The longest known word of one to four Chinese characters at each position: where, how long, which."""
    at = (characters.kind == HAN).nonzero()[0]
    if not len(at):
        empty = np.zeros(0, dtype=np.intp)
        return empty, empty, empty
    number = known.find(han_runs(characters, at, HAN_WORD))
    # the last row that found one
    size = HAN_WORD - (number[::-1] >= 0).argmax(axis=0)
    found = number[size - 1, np.arange(len(at))]
    kept = found >= 0
    return at[kept], size[kept], found[kept]


def han_runs(characters: Characters, at: Array, most: int) -> Array:
    """The hashes of runs of Chinese characters that begin at each position, of one to `most`: shape (most, positions).
    Of a run with another character in it, 0."""
    letters = np.zeros(len(characters.codes) + most, dtype=np.uint32)
    letters[at] = mixed(characters.codes[at])
    pieces = letters.take(at + np.arange(most)[:, None])
    hashes: Array = (pieces * POWERS[:most, None]).cumsum(axis=0, dtype=np.uint32)
    hashes *= np.logical_and.accumulate(pieces, axis=0)
    return hashes


class Slots:
    """Finds the numbers of known hashes.

    Of a few hundred (phrases) all are found; of many (the vocabulary) two that share a slot lose the later one, in
    training as in reading.
    """

    def __init__(self, hashes: Array) -> None:
        self.bits = max(len(hashes).bit_length() + (4 if len(hashes) > 5000 else 9), 8)
        self.salt = 21
        slots = spread(hashes, self.salt, self.bits)
        while len(hashes) < 5000 and self.salt < 90 and len(np.unique(slots)) < len(np.unique(hashes)):
            self.salt += 1
            slots = spread(hashes, self.salt, self.bits)
        self.slot = np.full(1 << self.bits, -1, dtype=np.int32)
        self.slot[slots[::-1]] = np.arange(len(hashes) - 1, -1, -1, dtype=np.int32)
        self.padded = np.concatenate([hashes, np.zeros(1, dtype=np.uint32)])
        # of a few, looked up one by one; a table of all words would take a tenth of the time of loading
        self.numbers = {value: number for number, value in enumerate(hashes.tolist())} if len(hashes) < 5000 else {}

    def find(self, hashes: Array) -> Array:
        """The number of each hash, or -1."""
        if self.numbers and len(hashes) <= FEW:
            get = self.numbers.get
            return np.array([get(value, -1) for value in hashes.tolist()], dtype=np.intp)
        number = self.slot.take(spread(hashes, self.salt, self.bits)).astype(np.intp)
        number[self.padded.take(number) != hashes] = -1
        return number
