"""Which words the reader knows: 32 numbers of each, distilled from the teacher, and its valence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..reading.characters import Array, Tables
from ..reading.phrases import hashed

WIDTH = 32
TASTE = {"en": -0.35, "ru": 0.15, "uk": 0.35, "pl": 0.15, "zh": -0.1}  # inflecting languages need more forms


@dataclass(slots=True)
class Vocabulary:
    words: list[str]
    language: Array
    hashes: Array  # uint32, sorted
    taught: Array  # (words, 384), centred by language
    frequency: Array  # Zipf scale
    valence: Array  # VADER's for its words, else as the teacher's vectors predict it


def chosen(words: list[tuple[str, str]], vectors: Array, seen: Array, tables: Tables, most: int) -> Vocabulary:
    """The most useful words: frequent in the language or in the training sets (`seen`), or of VADER's lexicon."""
    import wordfreq
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    lexicon = SentimentIntensityAnalyzer().lexicon
    names = [word for word, _ in words]
    language = np.array([language for _, language in words])
    hashes = hashed(names, tables)
    frequency = np.array([max(wordfreq.zipf_frequency(word, language), 1.0) for word, language in words])
    rated = np.array([word in lexicon and language == "en" for word, language in words])
    use = frequency + 0.5 * np.log10(seen + 1) + 1.2 * rated + np.array([TASTE[name] for name in language])
    _, first = np.unique(hashes, return_index=True)
    alone = np.zeros(len(words), dtype=bool)
    alone[first] = True
    use = np.where(alone, use, -1)
    kept = np.argsort(-use, kind="stable")[:most]
    kept = kept[np.argsort(hashes[kept])]
    taught = vectors[kept].astype(np.float32)
    language, frequency, rated = language[kept], frequency[kept], rated[kept]
    for name in np.unique(language):
        taught[language == name] -= taught[language == name].mean(axis=0)
    names = [names[at] for at in kept]
    known = np.array([lexicon.get(name, 0.0) if sure else 0.0 for name, sure in zip(names, rated, strict=True)])
    valence = valences(taught, known, rated, (language == "en") & ~rated & (frequency > 4))
    return Vocabulary(names, language, hashes[kept], taught, frequency, valence)


def valences(taught: Array, known: Array, rated: Array, plain: Array) -> Array:
    """Valences of all words, by ridge regression from the vectors of VADER's words; frequent other words are zero."""
    weight = np.where(rated, 1.0, 0.5)[rated | plain]
    rows = taught[rated | plain]
    left = (rows * weight[:, None]).T @ rows + 0.5 * np.eye(rows.shape[1])
    found = np.linalg.solve(left, (rows * weight[:, None]).T @ known[rated | plain])
    guess = taught @ found
    guess = np.sign(guess) * np.maximum(np.abs(guess) * 1.3 - 0.6, 0)  # weak guesses are noise
    return np.round(np.clip(np.where(rated, known, guess), -5, 5) * 25) / 25


def basis(vocabulary: Vocabulary, directions: Iterable[Array]) -> Array:
    """(384, 32): the directions that heads need, then the widest of what is left among frequent words."""
    first, _ = np.linalg.qr(np.stack(list(directions), axis=1))
    left = vocabulary.taught - vocabulary.taught @ first @ first.T
    weight = np.minimum(10 ** ((vocabulary.frequency - 3) / 2), 30)
    _, axes = np.linalg.eigh((left * weight[:, None]).T @ left)
    return np.asarray(np.hstack([first, axes[:, ::-1][:, : WIDTH - first.shape[1]]]), dtype=np.float32)


def shrunk(vocabulary: Vocabulary, axes: Array) -> tuple[Array, float, Array]:
    """Vectors as int8 of equal spread by axis, the scale that makes them of unit spread, and the spread of each axis.

    An eighth of the spread is fine enough (its rounding is 0.036 of it), and half a megabyte smaller than a 32nd.
    """
    rows = vocabulary.taught @ axes
    widths = rows.std(axis=0)
    return np.clip(np.round(rows / widths * 8), -127, 127).astype(np.int8), 1 / 8, widths
