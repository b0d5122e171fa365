"""Trains polarity, neutrality and the six emotions: hashed n-grams, mean vectors of known words and marks together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags_array, hstack, vstack

from ..reading.characters import Array, Tables, gather
from ..reading.features import gram_rows
from ..reading.grams import BITS, Slots, denied_words
from ..reading.lexical import dense, items_of, marks_of
from ..reading.phrases import words_named
from ..reading.weights import EMOTIONS, SENTIMENT
from .fitting import calibrated, dense_logistic
from .material import Row, training_set
from .vocabulary import Vocabulary, basis, chosen, shrunk

LANGUAGES = ("en", "ru", "uk", "pl", "zh")
POLARITY = ("en_goemo_sent", "pl_hotels", "pl_medicine", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter",
            "zh_snow", "ru_xedpol", "pl_xedpol", "zh_xedpol", "en_xed")  # fmt: skip
NEUTRALITY = ("en_goemo_sent", "pl_hotels", "pl_medicine", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter")
FELT = ("en_goemotions", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter", "ru_xed", "pl_xed")
WEIGHT = {"ru_brighter": 2, "uk_brighter": 2, "zh_brighter": 2, "en_xed": 0.5, "pl_hotels": 1.5, "pl_medicine": 1.5}
FELT_WEIGHT = {"ru_brighter": 3, "uk_brighter": 3, "zh_brighter": 3, "en_brighter": 0.5, "pl_xed": 0.5, "ru_xed": 0.5}
GOOD, BAD = {"joy", "trust"}, {"anger", "disgust", "fear", "sadness"}
BALANCE = 0.7  # how far the two answers of a set are brought to equal weight
STRENGTH, FELT_STRENGTH = 2.0, 1.0  # the inverse of the penalty
TOLD_BY_VECTORS = 0.1  # the same of the directions in the teacher's space, which are fitted alone
MARKS = 0.8  # what marks are scaled by beside n-grams
VECTORS = 0.5  # the same of what the vectors say
SMOOTHED = 0.3  # texts of either side that every n-gram is taken to have been in
FOLDS = 3
VECTOR_FOLDS = 4


@dataclass(slots=True)
class Material:
    """Texts as arrays: n-grams, mean taught vectors (384), marks, languages."""

    rows: list[Row]
    grams: csr_matrix
    taught: Array
    marks: Array
    language: Array
    source: Array = field(init=False)

    def __post_init__(self) -> None:
        self.source = np.array([row.source for row in self.rows])

    def kept(self, names: tuple[str, ...]) -> Array:
        return np.flatnonzero(np.isin(self.source, names))


def polarity_of(row: Row) -> str:
    """The label; of XED's emotions what they have in common."""
    if row.source == "en_xed":
        felt = set(row.emotions or ())
        return "positive" if felt & GOOD and not felt & BAD else "negative" if felt & BAD and not felt & GOOD else ""
    return row.label


def material(rows: list[Row], tables: Tables, vocabulary: Vocabulary) -> Material:
    slots, negators = Slots(vocabulary.hashes), words_named("negator", tables)
    abbreviations = words_named("abbreviation", tables)
    grams, taught, marks = [], [], []
    for at in range(0, len(rows), 5000):
        found = gather([row.text for row in rows[at : at + 5000]], tables, abbreviations)
        denied = denied_words(found, negators.find(found.word_hash) >= 0)
        items = items_of(found, slots, denied)
        count = len(found.text_at) - 1
        text = found.sentence_text[items.sentence]
        table = csr_matrix((np.ones(len(text), np.float32), (text, items.number)), (count, len(vocabulary.hashes)))
        taught.append((table @ vocabulary.taught) / np.maximum(np.asarray(table.sum(axis=1)), 1))
        marks.append(dense(marks_of(found, items, vocabulary.valence).over(found.sentence_text, count)))
        grams.append(gram_rows(found, denied, BITS))
    language = np.array([LANGUAGES.index(row.language) for row in rows])
    return Material(rows, csr_matrix(vstack(grams)), np.vstack(taught).astype(np.float32), np.vstack(marks), language)


def weights_of(source: Array, truth: Array, by_set: dict[str, float]) -> Array:
    out = np.zeros(len(source), dtype=np.float64)
    for name in np.unique(source):
        here = source == name
        yes, no = int((here & truth).sum()), int((here & ~truth).sum())
        out[here] = by_set.get(name, 1.0)
        if yes and no:
            out[here & truth] *= ((yes + no) / 2 / yes) ** BALANCE
            out[here & ~truth] *= ((yes + no) / 2 / no) ** BALANCE
    return out


@dataclass(slots=True)
class Direction:
    """What the teacher's space says of one question: where to look, and what that says of each row."""

    axis: Array  # (384)
    bias: Array  # by language
    told: Array  # log-odds of all rows; of those it learnt from, as learnt without them


def direction(centred: Array, language: Array, which: Array, truth: Array, weight: Array) -> Direction:
    """Fitted alone and told out of fold: fitted together with n-grams, or told of the rows that it was fitted on, it
    would seem surer of small sets than it is (uk_brighter by cross-validation 0.781, and without any vectors 0.812).
    """
    rows = np.hstack([centred, np.eye(len(LANGUAGES), dtype=np.float32)[language]])
    sign, weight = np.where(truth, 1, -1).astype(np.float32), weight.astype(np.float32)
    fold = np.random.default_rng(9).integers(0, VECTOR_FOLDS, len(which))

    def learnt(at: Array) -> Array:
        return dense_logistic(rows[which[at]], sign[at], weight[at], TOLD_BY_VECTORS, 50)

    whole = learnt(np.arange(len(which)))
    told = rows @ whole[:-1] + whole[-1]
    for number in range(VECTOR_FOLDS):
        left = which[fold == number]
        part = learnt(np.flatnonzero(fold != number))
        told[left] = rows[left] @ part[:-1] + part[-1]
    width = centred.shape[1]
    return Direction(whole[:width], whole[width:-1] + whole[-1], told.astype(np.float32))


@dataclass(slots=True)
class Fitted:
    grams: Array
    by_mark: Array
    share: Array  # of what the vectors say, by language
    bias: Array  # by language
    calibration: tuple[float, float]
    held: Array  # calibrated log-odds of all rows, each as learnt without it


def sparse_logistic(
    grams: csr_matrix, more: csr_matrix, yes: Array, weight: Array, *, felt: bool
) -> tuple[Array, float]:
    """Weights of the columns of `grams` and of `more`, and the bias.

    Columns of n-grams are scaled by how unevenly the two answers share them (Wang and Manning 2012), so that the
    penalty holds down those that tell nothing; the scale goes into the weights, and reading knows nothing of it.
    """
    from sklearn.linear_model import LogisticRegression

    good = grams[yes].T @ weight[yes] + SMOOTHED
    bad = grams[~yes].T @ weight[~yes] + SMOOTHED
    scale = (np.abs(np.log(good / good.sum()) - np.log(bad / bad.sum())) + 0.05).astype(np.float32)
    model = LogisticRegression(
        C=FELT_STRENGTH if felt else STRENGTH,
        solver="liblinear",
        dual=True,
        tol=0.1 if felt else 0.05,
        max_iter=40,
        random_state=1,
    )
    model.fit(hstack([grams @ diags_array(scale), more], format="csr"), yes, sample_weight=weight)
    found = model.coef_[0].astype(np.float32)
    found[: len(scale)] *= scale
    return found, float(model.intercept_[0])


def fit(data: Material, seen: Direction, which: Array, truth: Array, by_set: dict[str, float], *, felt: bool) -> Fitted:
    """One head; `which` are the rows it learns from. Calibrated by cross-validation."""
    one = np.eye(len(LANGUAGES), dtype=np.float32)[data.language]
    more = csr_matrix(np.hstack([data.marks * MARKS, one * seen.told[:, None] * VECTORS, one]).astype(np.float32))
    weight = weights_of(data.source[which], truth, by_set)
    fold = folds(len(data.rows))

    def learnt(at: Array) -> tuple[Array, float]:
        return sparse_logistic(data.grams[which[at]], more[which[at]], truth[at], weight[at], felt=felt)

    held = np.zeros(len(data.rows))
    for number in range(FOLDS):
        part, bias = learnt(np.flatnonzero(fold[which] != number))
        left = np.flatnonzero(fold == number)
        held[left] = hstack([data.grams[left], more[left]], format="csr") @ part + bias
    calibration = calibrated(held[which], truth, np.ones(len(which)))
    whole, bias = learnt(np.arange(len(which)))
    at, count = data.grams.shape[1], data.marks.shape[1]
    share = whole[at + count : at + count + len(LANGUAGES)] * VECTORS
    return Fitted(
        whole[:at],
        whole[at : at + count] * MARKS,
        share,
        whole[at + count + len(LANGUAGES) :] + bias + share * seen.bias,
        calibration,
        calibration[0] * held + calibration[1],
    )


def folds(count: int) -> Array:
    """Which fold each row is in: the same of all heads."""
    return np.asarray(np.random.default_rng(1).integers(0, FOLDS, count))


def gathered(
    folder: Path, tables: Tables, words: list[tuple[str, str]], vectors: Array, most: int
) -> tuple[Material, Vocabulary]:
    """The rows of all sets, those of POLARITY's first, and the words that the reader will know."""
    names = tuple(dict.fromkeys(POLARITY + NEUTRALITY + FELT))
    rows = [row for name in names for row in training_set(folder, name) if row.language in LANGUAGES]
    vocabulary = chosen(words, vectors, occurrences(rows, tables, words), tables, most)
    return material(rows, tables, vocabulary), vocabulary


def questions(data: Material) -> list[tuple[Array, Array]]:
    """By head: the rows that answer it, and whether they say yes."""
    said = np.array([polarity_of(row) for row in data.rows])
    polar = data.kept(POLARITY)
    polar = polar[np.isin(said[polar], ["positive", "negative"])]
    plain = data.kept(NEUTRALITY)
    plain = plain[said[plain] != "mixed"]
    felt = data.kept(FELT)
    return [(polar, said[polar] == "positive"), (plain, said[plain] == "neutral")] + [
        (felt, np.array([emotion in (data.rows[at].emotions or ()) for at in felt])) for emotion in EMOTIONS
    ]


def train_heads(
    folder: Path,
    tables: Tables,
    words: list[tuple[str, str]],
    vectors: Array,
    most: int,
    tell: Callable[[str], None],
    *,
    processes: int = 1,
) -> dict[str, Any]:
    """All arrays of the heads and of the vocabulary; `held` are calibrated log-odds of rows as learnt without them."""
    tell("texts to rows")
    data, vocabulary = gathered(folder, tables, words, vectors, most)
    heads = [(*head, WEIGHT if number < len(SENTIMENT) else FELT_WEIGHT) for number, head in enumerate(questions(data))]
    tell("directions")
    spread = float(data.taught.std(axis=0).mean())
    seen_by = [
        direction(data.taught / spread, data.language, which, truth, weights_of(data.source[which], truth, by_set))
        for which, truth, by_set in heads
    ]
    axes = basis(vocabulary, [found.axis for found in seen_by])
    small, scale, widths = shrunk(vocabulary, axes)
    by_vector = np.stack([(axes.T @ found.axis) * widths / spread for found in seen_by], axis=1)
    names_of = (*SENTIMENT, *EMOTIONS)

    def one(number: int) -> Fitted:
        tell(names_of[number])
        return fit(data, seen_by[number], *heads[number], felt=number >= len(SENTIMENT))

    with ThreadPoolExecutor(processes) as pool:  # liblinear leaves the interpreter's lock
        fitted = list(pool.map(one, range(len(heads))))
    held = np.stack([head.held for head in fitted], axis=1).astype(np.float32)
    found = stored(fitted, vocabulary, small, scale)
    return found | {"by_vector": by_vector.astype(np.float32), "held": held}


def occurrences(rows: list[Row], tables: Tables, words: list[tuple[str, str]]) -> Array:
    from ..reading.phrases import hashed

    hashes = hashed([word for word, _ in words], tables)
    order = np.argsort(hashes, kind="stable")
    slots = Slots(hashes[order])
    seen = np.zeros(len(hashes))
    for at in range(0, len(rows), 5000):
        found = gather([row.text for row in rows[at : at + 5000]], tables)
        items = items_of(found, slots, np.zeros(len(found.word_at), dtype=bool))
        seen[order] += np.bincount(items.number, minlength=len(hashes))
    return seen


def stored(fitted: list[Fitted], vocabulary: Vocabulary, small: Array, scale: float) -> dict[str, Any]:
    grams = np.stack([head.grams for head in fitted], axis=1)
    step = np.quantile(np.abs(grams), 0.9999, axis=0) / 127
    whole = np.clip(np.round(grams / step), -127, 127).astype(np.int8)
    return {
        "sentiment_grams": whole[:, :2],
        "emotion_grams": whole[:, 2:],
        "gram_scale": step.astype(np.float32),
        "hash_steps": np.diff(vocabulary.hashes, prepend=np.uint32(0)).astype(np.uint32),
        "vectors": small,
        "vector_scale": np.float32(scale),
        "valence": np.round(vocabulary.valence * 25).astype(np.int8),
        "vector_share": np.stack([head.share for head in fitted], axis=1),
        "by_mark": np.stack([head.by_mark for head in fitted], axis=1),
        "bias": np.stack([head.bias for head in fitted], axis=1),
        "calibration": np.array([head.calibration for head in fitted]),
    }
