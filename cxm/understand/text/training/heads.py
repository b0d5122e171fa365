"""Trains polarity, neutrality and the six emotions: hashed n-grams, mean vectors of known words and marks together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack

from ..reading.characters import Array, Tables, gather
from ..reading.features import gram_rows
from ..reading.grams import BITS, Slots, denied_words
from ..reading.lexical import dense, items_of, marks_of
from ..reading.phrases import words_named
from ..reading.weights import EMOTIONS
from .fitting import calibrated, dense_logistic
from .material import Row, training_set
from .vocabulary import Vocabulary, basis, chosen, shrunk

LANGUAGES = ("en", "ru", "uk", "pl", "zh")
POLARITY = ("en_goemo_sent", "pl_hotels", "pl_medicine", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter",
            "zh_snow", "ru_xedpol", "pl_xedpol", "zh_xedpol", "en_xed")  # fmt: skip
NEUTRALITY = ("en_goemo_sent", "pl_hotels", "pl_medicine", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter")
FELT = ("en_goemotions", "en_brighter", "ru_brighter", "uk_brighter", "zh_brighter", "en_xed", "ru_xed", "pl_xed")
WEIGHT = {"ru_brighter": 3, "uk_brighter": 3, "zh_brighter": 3, "pl_xedpol": 0.5, "zh_xedpol": 0.5, "en_xed": 0.5,
          "en_goemo_sent": 0.8, "pl_hotels": 3, "pl_medicine": 2.5}  # fmt: skip
FELT_WEIGHT = {"ru_brighter": 3, "uk_brighter": 3, "zh_brighter": 3, "en_xed": 0.4, "pl_xed": 1.0, "ru_xed": 1.0}
GOOD, BAD = {"joy", "trust"}, {"anger", "disgust", "fear", "sadness"}
BALANCE = 0.7  # how far the two answers of a set are brought to equal weight
STRENGTH = 1.0
DENSE_SHARE = 0.4
FOLDS = 3


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
        grams.append(gram_rows(found, denied))
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
class Fitted:
    grams: Array
    by_vector: Array
    by_mark: Array
    bias: Array  # by language
    calibration: tuple[float, float]
    held: Array  # log-odds of the held-out rows


def fit(data: Material, vectors: Array, which: Array, truth: Array, by_set: dict[str, float], felt: bool) -> Fitted:
    """One head. `vectors` are mean shrunk vectors of unit spread, `which` the rows it learns from."""
    from sklearn.linear_model import LogisticRegression

    one = np.eye(5, dtype=np.float32)[data.language[which]]
    more = np.hstack([vectors[which] * DENSE_SHARE, data.marks[which] * 2 * DENSE_SHARE, one])
    rows = hstack([data.grams[which], csr_matrix(more)], format="csr").astype(np.float64)
    source = data.source[which]
    weight = weights_of(source, truth, by_set)

    def learnt(at: Array) -> Array:
        model = LogisticRegression(
            C=STRENGTH,
            solver="liblinear",
            dual=True,
            tol=0.1 if felt else 0.03,
            max_iter=30 if felt else 40,
            random_state=1,
        )
        model.fit(rows[at], truth[at], sample_weight=weight[at])
        return np.append(model.coef_[0], model.intercept_[0])

    # one held-out fold serves calibration and thresholds: they are few numbers
    held = held_out(len(data.rows))
    half = learnt(np.flatnonzero(~held[which]))
    every = np.eye(5, dtype=np.float32)[data.language[held]]
    other = np.hstack([vectors[held] * DENSE_SHARE, data.marks[held] * 2 * DENSE_SHARE, every])
    logits = np.asarray(hstack([data.grams[held], csr_matrix(other)], format="csr") @ half[:-1] + half[-1])
    known = np.full(len(data.rows), -1)
    known[which] = truth
    here = known[held] >= 0
    calibration = calibrated(logits[here], known[held][here] == 1, np.ones(int(here.sum())))
    whole = learnt(np.arange(len(which))).astype(np.float32)
    width = data.grams.shape[1]
    at = width + vectors.shape[1]
    return Fitted(
        whole[:width],
        whole[width:at] * DENSE_SHARE,
        whole[at : at + data.marks.shape[1]] * 2 * DENSE_SHARE,
        whole[at + data.marks.shape[1] : -1] + whole[-1],
        calibration,
        calibration[0] * logits + calibration[1],
    )


def held_out(count: int) -> Array:
    """Which rows the first fit of each head leaves out: the same of all heads."""
    return np.asarray(np.random.default_rng(1).random(count) < 1 / FOLDS)


def chance_of(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


def sentiment_thresholds(data: Material, said: Array, polarity: Array, neutrality: Array) -> Array:
    """(languages, 2): the probabilities that give the best mean macro-F1 over the sets of a language, each set alike.

    Sets count alike whatever their size, so that no one domain's share of good, bad and neutral texts rules.
    """
    held = held_out(len(data.rows))
    label, source, language = said[held], data.source[held], data.language[held]
    out = np.full((len(LANGUAGES), 2), 0.5)
    names = list(NEUTRALITY)
    for number in range(len(LANGUAGES)):
        best = -1.0
        several = len(np.unique(source[(language == number) & np.isin(source, names)])) > 1
        # of one set alone a shift of polarity would only be noise
        for shift in np.arange(-0.8, 0.81, 0.2) if several else (0.0,):
            for none in np.arange(-1.2, 1.21, 0.2):
                scores = []
                for name in names:
                    here = (source == name) & (language == number) & np.isin(label, ["negative", "neutral", "positive"])
                    if here.any():
                        scores.append(both_scores(label[here], polarity[here] - shift, neutrality[here] - none))
                score = float(np.mean(scores)) - 0.004 * (abs(shift) + abs(none))  # far shifts must earn it
                if score > best:
                    best = score
                    out[number] = chance_of(np.array([shift, none]))
    return out


def both_scores(label: Array, polarity: Array, neutrality: Array) -> float:
    """The mean of macro-F1 over positive and negative texts, and over all three."""
    polar = label != "neutral"
    two = np.where(polarity > 0, "positive", "negative")
    three = np.where(neutrality > 0, "neutral", two)

    def f1(truth: Array, told: Array, classes: tuple[str, ...]) -> float:
        return float(np.mean([
            2 * ((truth == name) & (told == name)).sum() / max((truth == name).sum() + (told == name).sum(), 1)
            for name in classes
        ]))  # fmt: skip

    return (
        f1(label[polar], two[polar], ("positive", "negative")) + f1(label, three, ("positive", "negative", "neutral"))
    ) / 2


def thresholds(chance: Array, truth: Array, language: Array) -> Array:
    """By language: the probability from which saying yes gives the best F1; of few examples that of all languages."""
    every = best_threshold(chance, truth)
    out = np.full(len(LANGUAGES), every)
    for number in range(len(LANGUAGES)):
        here = language == number
        if truth[here].sum() >= 20:
            out[number] = best_threshold(chance[here], truth[here])
    return out


def best_threshold(chance: Array, truth: Array) -> float:
    order = np.argsort(-chance)
    told = np.arange(1, len(order) + 1)
    f1 = 2 * np.cumsum(truth[order]) / (told + truth.sum())
    return float(np.clip(chance[order][int(f1.argmax())], 0.05, 0.9))


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
    """All arrays of the heads and of the vocabulary, as they are stored."""
    names = tuple(dict.fromkeys(POLARITY + NEUTRALITY + FELT))
    rows = [row for name in names for row in training_set(folder, name) if row.language in LANGUAGES]
    seen = occurrences(rows, tables, words)
    vocabulary = chosen(words, vectors, seen, tables, most)
    tell("texts to rows")
    data = material(rows, tables, vocabulary)
    said = np.array([polarity_of(row) for row in rows])
    heads: list[tuple[Array, Array, dict[str, float]]] = []
    which = data.kept(POLARITY)
    which = which[np.isin(said[which], ["positive", "negative"])]
    heads.append((which, said[which] == "positive", WEIGHT))
    which = data.kept(NEUTRALITY)
    which = which[said[which] != "mixed"]
    heads.append((which, said[which] == "neutral", WEIGHT))
    felt = data.kept(FELT)
    for emotion in EMOTIONS:
        truth = np.array([emotion in (rows[at].emotions or ()) for at in felt])
        heads.append((felt, truth, FELT_WEIGHT))
    tell("directions")
    centred = data.taught / data.taught.std(axis=0).mean()
    directions = []
    for which, truth, by_set in heads:
        weight = weights_of(data.source[which], truth, by_set).astype(np.float32)
        found = dense_logistic(centred[which], np.where(truth, 1, -1).astype(np.float32), weight, 0.3, 40)
        directions.append(found[:-1])
    small, scale = shrunk(vocabulary, basis(vocabulary, directions))
    mean = mean_small(rows, tables, vocabulary, small.astype(np.float32) * scale)
    spread = 1 / max(float(mean.std(axis=0).mean()), 1e-6)
    means = mean * np.float32(spread)
    jobs = [(*head, number >= 2) for number, head in enumerate(heads)]
    with ThreadPoolExecutor(processes) as pool:  # liblinear leaves the interpreter's lock
        fitted = list(pool.map(lambda job: fit(data, means, *job), jobs))
    held = held_out(len(rows))
    cuts = [sentiment_thresholds(data, said, fitted[0].held, fitted[1].held)]
    for emotion, head in zip(EMOTIONS, fitted[2:], strict=True):
        here = np.isin(data.source[held], FELT)
        truth = np.array([emotion in (row.emotions or ()) for row in np.array(rows, dtype=object)[held][here]])
        cuts.append(thresholds(chance_of(head.held[here]), truth, data.language[held][here])[:, None])
    return stored(fitted, vocabulary, small, scale, spread) | {"thresholds": np.hstack(cuts)}


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


def mean_small(rows: list[Row], tables: Tables, vocabulary: Vocabulary, vectors: Array) -> Array:
    slots, out = Slots(vocabulary.hashes), []
    for at in range(0, len(rows), 5000):
        found = gather([row.text for row in rows[at : at + 5000]], tables)
        items = items_of(found, slots, np.zeros(len(found.word_at), dtype=bool))
        count, text = len(found.text_at) - 1, found.sentence_text[items.sentence]
        table = csr_matrix((np.ones(len(text), np.float32), (text, items.number)), (count, len(vectors)))
        out.append((table @ vectors) / np.maximum(np.asarray(table.sum(axis=1)), 1))
    return np.vstack(out).astype(np.float32)


def stored(fitted: list[Fitted], vocabulary: Vocabulary, small: Array, scale: float, spread: float) -> dict[str, Any]:
    grams = np.stack([head.grams for head in fitted], axis=1)
    step = np.quantile(np.abs(grams), 0.9999, axis=0) / 127
    whole = np.clip(np.round(grams / step), -127, 127).astype(np.int8)
    emotion = whole[:, 2:]
    strength = np.abs(emotion.astype(np.int16)).max(axis=1)
    kept = np.sort(np.argsort(-strength, kind="stable")[: (1 << BITS) // 7])  # the strongest seventh is as good
    emotion = np.where(np.abs(emotion) < 4, 0, emotion)
    return {
        "sentiment_grams": whole[:, :2],
        "emotion_kept": kept.astype(np.uint32),
        "emotion_grams": emotion[kept],
        "gram_scale": step.astype(np.float32),
        "hash_steps": np.diff(vocabulary.hashes, prepend=np.uint32(0)).astype(np.uint32),
        "vectors": small,
        "vector_scale": np.float32(scale),
        "valence": np.round(vocabulary.valence * 25).astype(np.int8),
        "by_vector": np.stack([head.by_vector for head in fitted], axis=1) * np.float32(spread),
        "by_mark": np.stack([head.by_mark for head in fitted], axis=1),
        "bias": np.stack([head.bias for head in fitted], axis=1),
        "calibration": np.array([head.calibration for head in fitted]),
    }
