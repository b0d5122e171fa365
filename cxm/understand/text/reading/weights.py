"""The shipped weights: one file of small integers, read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .characters import Array, Tables
from .grams import Slots

FILE = Path(__file__).parent.parent / "weights" / "text.npz"
SENTIMENT = ("polarity", "neutrality")
EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")


@dataclass(frozen=True, slots=True)
class Weights:
    """Tables of eight-bit weights with their scales.

    `grams` (2^19, 8) answer hashed n-grams by head, `sentiment_grams` (2^19, 2) the first two of them for whoever asks
    for no more; `vectors` (words, 32) and `valence` (words) answer known words; `by_vector` and `by_mark` are the
    weights of the mean vector and of the dense marks, by head; `vector_share` (what the vectors count) and `bias` are
    by language and head; `language_grams` (2^16, 4; three used) tell languages of one script apart.
    """

    version: str
    tables: Tables
    variant: Array  # int8 by code point: 1 only Traditional, 2 only Simplified, 3 only Japanese
    language_grams: Array  # int8
    language_scale: float
    sentiment_grams: Array  # int8
    grams: Array  # int8
    gram_scale: Array  # by head: polarity, neutrality, six emotions
    hashes: Array  # uint32
    vectors: Array  # int8
    vector_scale: float
    valence: Array  # float32
    by_vector: Array  # (32, heads) float32
    vector_share: Array  # (languages, heads)
    by_mark: Array  # (marks, heads)
    bias: Array  # (languages, heads)
    calibration: Array  # slope and shift of the log-odds, by head
    thresholds: Array  # (languages, heads)
    slots: Slots


def load(file: Path = FILE) -> Weights:
    """Raises FileNotFoundError where the weights were not built."""
    with np.load(file, allow_pickle=False) as stored:
        get = {name: stored[name] for name in stored.files}
    grams = np.zeros((get["sentiment_grams"].shape[0], 8), dtype=np.int8)
    grams[:, :2] = get["sentiment_grams"]
    grams[get["emotion_kept"], 2:] = get["emotion_grams"]
    language = np.zeros((get["language_grams"].shape[0], 4), dtype=np.int8)
    language[:, :3] = get["language_grams"]
    hashes = np.cumsum(get["hash_steps"], dtype=np.uint32)
    return Weights(
        version=str(get["version"]),
        tables=Tables(get["fold"], get["kind"]),
        variant=get["variant"],
        language_grams=language,
        language_scale=float(get["language_scale"]),
        sentiment_grams=get["sentiment_grams"],
        grams=grams,
        gram_scale=get["gram_scale"],
        hashes=hashes,
        vectors=get["vectors"],
        vector_scale=float(get["vector_scale"]),
        valence=get["valence"].astype(np.float32) / 25,
        by_vector=get["by_vector"],
        vector_share=get["vector_share"],
        by_mark=get["by_mark"],
        bias=get["bias"],
        calibration=get["calibration"],
        thresholds=get["thresholds"],
        slots=Slots(hashes),
    )


@cache
def weights() -> Weights:
    return load()
