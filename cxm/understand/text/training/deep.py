"""Trains the heads of the deep tier: polarity and neutrality from the teacher's vectors of whole texts."""

from __future__ import annotations

import random
from collections.abc import Callable
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


def train_deep(folder: Path, work: Path, fast: Array, tell: Callable[[str], None]) -> dict[str, Any]:
    """`fast` are the fast tier's calibrated log-odds of all rows of POLARITY's sets in order, each as learnt without
    the row: (rows, 2). Thresholds are chosen as those of the fast tier, on vectors that the fit left out."""
    taught = taught_texts(folder, work, tell)
    rows: list[Row] = []
    vectors, quick = [], []
    begin = 0
    for name in POLARITY:
        every = training_set(folder, name)
        if name in taught:
            at, made = taught[name]
            rows += [every[number] for number in at]
            vectors.append(made)
            quick.append(fast[begin + at])
        begin += len(every)
    said = np.array([polarity_of(row) for row in rows])
    source = np.array([row.source for row in rows])
    language = np.array([LANGUAGES.index(row.language) for row in rows])
    table, told = np.concatenate(vectors).astype(np.float32), np.concatenate(quick)
    table = np.hstack([table, np.eye(len(LANGUAGES), dtype=np.float32)[language]])
    fold = np.random.default_rng(1).integers(0, FOLDS, len(rows))
    heads, held = [], []
    for kept, answer in (
        (np.isin(said, ["positive", "negative"]), "positive"),
        (np.isin(source, NEUTRALITY) & (said != "mixed"), "neutral"),
    ):
        which = np.flatnonzero(kept)
        truth = said[which] == answer
        weight = weights_of(source[which], truth, WEIGHT).astype(np.float32)
        sign = np.where(truth, 1, -1).astype(np.float32)
        out = np.zeros(len(rows))
        for number in range(FOLDS):
            part = fold[which] != number
            found = dense_logistic(table[which[part]], sign[part], weight[part], STRENGTH, 200)
            left = fold == number
            out[left] = table[left] @ found[:-1] + found[-1]
        slope, shift = calibrated(out[which], truth, np.ones(len(which)))
        whole = dense_logistic(table[which], sign, weight, STRENGTH, 200)
        heads.append(np.append(whole[:-1] * slope, whole[-1] * slope + shift))
        held.append(slope * out + shift)
    made = np.stack(heads, axis=1)
    width = table.shape[1] - len(LANGUAGES)
    together = (told + np.stack(held, axis=1)) / 2
    cuts = sentiment_thresholds(source, language, said, [(together, np.ones(len(rows)))])
    return {
        "by_vector": made[:width].astype(np.float32),
        "bias": (made[width:-1] + made[-1]).astype(np.float32),
        "thresholds": np.log(cuts / (1 - cuts)).astype(np.float32),
    }
