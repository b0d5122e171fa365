"""Trains the heads of the deep tier: polarity and neutrality from the teacher's vectors of whole texts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..reading.characters import Array
from .fitting import calibrated, dense_logistic
from .heads import FOLDS, LANGUAGES, NEUTRALITY, POLARITY, WEIGHT, polarity_of, weights_of
from .material import Row, training_set
from .teacher import Teacher
from .thresholds import sentiment_thresholds

SETS = ("en_goemo_sent", "pl_hotels", "pl_medicine", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter",
        "zh_snow", "ru_xedpol")  # fmt: skip
# Texts of a set that are enough; of the others all are taken.
MOST = {"en_goemo_sent": 4000, "pl_hotels": 2000, "pl_medicine": 2000, "zh_snow": 1200}
# The inverse of the penalty, of vectors of length one: the best of 0.03 to 100 with whole kinds of texts left out.
STRENGTH = 0.3
LONGEST = 2000  # characters of a text that the teacher is given, as when reading


def taught_texts(folder: Path, work: Path, tell: Callable[[str], None]) -> dict[str, tuple[Array, Array]]:
    """By set: which of its rows, and their vectors (float32); kept in `work`."""
    out, teacher = {}, None
    for name in SETS:
        file = work / f"deep-{name}.npz"
        if not file.exists():
            tell(f"vectors of {name}")
            teacher = teacher or Teacher()
            texts = [row.text for row in training_set(folder, name)]
            at = np.arange(len(texts))
            if name in MOST:
                at = np.array(sorted(random.Random(1).sample(range(len(texts)), MOST[name])))
            made = [
                teacher.encode([texts[number][:LONGEST].replace("\0", " ") for number in at[begin : begin + 64]])
                for begin in range(0, len(at), 64)
            ]
            np.savez(file, at=at, v=np.concatenate(made))
        with np.load(file) as found:
            out[name] = (found["at"], found["v"])
    return out


@dataclass(frozen=True, slots=True)
class Quick:
    """What the fast tier says of all rows of POLARITY's sets in order (more may follow): calibrated log-odds of both
    heads, as learnt without the row, and as learnt without its set; and how much the latter counts, by row."""

    held: Array
    left_out: Array
    remaining: Array


def train_deep(folder: Path, work: Path, quick: Quick, tell: Callable[[str], None]) -> dict[str, Any]:
    """The arrays of `deep.sentiment.DeepHeads`. Thresholds are chosen as those of the fast tier: on texts that the fit
    left out, each met twice, without the text and without all of its set."""
    taught = taught_texts(folder, work, tell)
    rows: list[Row] = []
    vectors, places = [], []
    begin = 0
    for name in POLARITY:
        every = training_set(folder, name)
        if name in taught:
            at, made = taught[name]
            rows += [every[number] for number in at]
            vectors.append(made)
            places.append(begin + at)
        begin += len(every)
    place = np.concatenate(places)
    said = np.array([polarity_of(row) for row in rows])
    source = np.array([row.source for row in rows])
    language = np.array([LANGUAGES.index(row.language) for row in rows])
    table = np.concatenate(vectors).astype(np.float32)
    table = np.hstack([table, np.eye(len(LANGUAGES), dtype=np.float32)[language]])
    heads, held, alone = [], [], []
    for kept, answer in (
        (np.isin(said, ["positive", "negative"]), "positive"),
        (np.isin(source, NEUTRALITY) & (said != "mixed"), "neutral"),
    ):
        which = np.flatnonzero(kept)
        truth = said[which] == answer
        whole = learnt(table, which, truth, source)
        fold = np.random.default_rng(1).integers(0, FOLDS, len(rows))
        by_fold = without(table, which, truth, source, fold)
        slope, shift = calibrated(by_fold[which], truth, np.ones(len(which)))
        heads.append(np.append(whole[:-1] * slope, whole[-1] * slope + shift))
        held.append(slope * by_fold + shift)
        alone.append(slope * without(table, which, truth, source, source) + shift)
    made = np.stack(heads, axis=1)
    width = table.shape[1] - len(LANGUAGES)
    told = [
        ((quick.held[place] + np.stack(held, axis=1)) / 2, np.ones(len(rows))),
        ((quick.left_out[place] + np.stack(alone, axis=1)) / 2, quick.remaining[place]),
    ]
    cuts = sentiment_thresholds(source, language, said, told)
    return {
        "by_vector": made[:width].astype(np.float32),
        "bias": (made[width:-1] + made[-1]).astype(np.float32),
        "thresholds": np.log(cuts / (1 - cuts)).astype(np.float32),
    }


def learnt(table: Array, which: Array, truth: Array, source: Array) -> Array:
    """Weights of the columns, then the bias, from the rows `which`."""
    weight = weights_of(source[which], truth, WEIGHT).astype(np.float32)
    return dense_logistic(table[which], np.where(truth, 1, -1).astype(np.float32), weight, STRENGTH, 200)


def without(table: Array, which: Array, truth: Array, source: Array, group: Array) -> Array:
    """Log-odds of each row as learnt without its group."""
    out = np.zeros(len(table))
    for one in np.unique(group):
        other, left = group[which] != one, group == one
        found = learnt(table, which[other], truth[other], source)
        out[left] = table[left] @ found[:-1] + found[-1]
    return out
