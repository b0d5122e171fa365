"""Texts as sparse rows: hashed n-grams of characters and words, each worth 1/√(characters of the text)."""

from __future__ import annotations

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server

from .characters import Array, Characters
from .grams import character_grams, word_grams

OWN_BITS = 18  # heads that a workspace trains have half as many columns as the shipped ones


def gram_rows(characters: Characters, denied: Array, bits: int = OWN_BITS) -> scipy.sparse.csr_matrix:
    """Shape (texts, 2^bits)."""
    at = characters.text_at
    length = np.diff(at)
    count = len(length)
    text = np.repeat(np.arange(count, dtype=np.int32), length)
    end = np.repeat(at[1:], length)
    position = np.arange(len(text))
    rows, columns = [], []
    for order, found in enumerate(character_grams(characters.codes, bits), start=1):
        valid = position + order <= end
        rows.append(text[valid])
        columns.append(found[: len(text)][valid])
    words = word_grams(characters, denied, bits)
    word_text = characters.sentence_text[characters.word_sentence].astype(np.int32)
    rows += [word_text, word_text[words.pair_word], word_text[words.denied_word]]
    columns += [words.single, words.pair, words.denied]
    row, column = np.concatenate(rows), np.concatenate(columns).astype(np.int32)
    worth = (1 / np.sqrt(np.maximum(length, 1))).astype(np.float32)
    made = scipy.sparse.csr_matrix((worth[row], (row, column)), shape=(count, 1 << bits))
    made.sum_duplicates()
    return made
