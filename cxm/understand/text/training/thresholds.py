"""Chooses where each head begins to say yes, by language, on texts that the fit left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from ..reading.characters import Array
from ..reading.weights import EMOTIONS
from .fitting import dense_logistic
from .heads import (
    LANGUAGES,
    MARKS,
    NEUTRALITY,
    POLARITY,
    TOLD_BY_VECTORS,
    WEIGHT,
    Material,
    polarity_of,
    questions,
    sparse_logistic,
    weights_of,
)

# Which sets say how often a feeling is named in a language: texts of the others were chosen for their feelings.
FELT_AS_USUAL = ("en_goemotions", "ru_brighter", "uk_brighter", "zh_brighter", "pl_xed")
SCRIPTS = ((0, 3), (1, 2), (4,))  # languages whose texts share n-grams


def train_thresholds(data: Material, heads: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """`thresholds` (languages, heads), of the arrays of `train_heads`; and, of each row, `left_out` and `remaining`."""
    held = heads["held"].astype(np.float64)
    label = np.array([polarity_of(row) for row in data.rows])
    alone, remain = left_out(data, heads, tell), remaining(data)
    told = [(held[:, :2], np.ones(len(label))), (alone, remain)]
    cuts = [sentiment_thresholds(data.source, data.language, label, told)]
    here = np.isin(data.source, FELT_AS_USUAL)
    for number, emotion in enumerate(EMOTIONS):
        truth = np.array([emotion in (data.rows[at].emotions or ()) for at in np.flatnonzero(here)])
        cuts.append(thresholds(chance_of(held[here, 2 + number]), truth, data.language[here])[:, None])
    return {"thresholds": np.hstack(cuts), "left_out": alone, "remaining": remain}


def left_out(data: Material, heads: dict[str, Any], tell: Callable[[str], None]) -> Array:
    """Calibrated log-odds of polarity and neutrality of each row, as learnt without all of its set, (rows, 2).

    That is how a firm's texts are met: no training saw their kind. Where no other set of the script answers the
    question, those of all languages do.
    """
    one = np.eye(len(LANGUAGES), dtype=np.float32)[data.language]
    centred = np.hstack([data.taught / data.taught.std(axis=0).mean(), one])
    more = csr_matrix(np.hstack([data.marks * MARKS, one]).astype(np.float32))
    out = np.zeros((len(data.rows), 2))
    for name in POLARITY:
        tell(f"without {name}")
        left = np.flatnonzero(data.source == name)
        script = next(numbers for numbers in SCRIPTS if data.language[left[0]] in numbers)
        for number, (which, truth) in enumerate(questions(data)[:2]):
            if number and name not in NEUTRALITY:
                continue
            other = data.source[which] != name
            near = other & np.isin(data.language[which], script)
            near = near if near.any() and len(np.unique(truth[near])) == 2 else other
            weight = weights_of(data.source[which], truth, WEIGHT)
            table, bias = sparse_logistic(
                data.grams[which[near]], more[which[near]], truth[near], weight[near], felt=False
            )
            width = data.grams.shape[1]
            told = data.grams[left] @ table[:width] + more[left] @ table[width:] + bias
            sign = np.where(truth[other], 1, -1).astype(np.float32)
            axis = dense_logistic(centred[which[other]], sign, weight[other].astype(np.float32), TOLD_BY_VECTORS, 50)
            told += (centred[left] @ axis[:-1] + axis[-1]) * heads["vector_share"][data.language[left], number]
            slope, shift = heads["calibration"][number]
            out[left, number] = slope * told + shift
    return out


def chance_of(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


def sentiment_thresholds(source: Array, language: Array, label: Array, told: list[tuple[Array, Array]]) -> Array:
    """(languages, 2): the probabilities that give the best mean macro-F1 over the sets of a language, each set alike.

    `told` are log-odds of polarity and neutrality by each way of leaving out, with how much each row's counts. Sets
    count alike whatever their size, so that no one domain's share of good, bad and neutral texts rules; sets without
    neutral texts judge polarity.
    """
    out = np.full((len(LANGUAGES), 2), 0.5)
    clear = np.isin(label, ["negative", "neutral", "positive"])
    for number in range(len(LANGUAGES)):
        of_language = [(source == name) & (language == number) & clear for name in POLARITY]
        groups = [
            (label[here], odds[here], float(worth[here].mean()), name in NEUTRALITY)
            for name, here in zip(POLARITY, of_language, strict=True)
            if here.any()
            for odds, worth in told
        ]
        counts = [worth for _, _, worth, _ in groups]
        best = -1.0
        for shift in np.arange(-0.8, 0.81, 0.1):
            for none in np.arange(-1.2, 1.21, 0.1):
                scores = [
                    both_scores(right, odds[:, 0] - shift, odds[:, 1] - none, three=three)
                    for right, odds, _, three in groups
                ]
                # far shifts must earn it
                score = float(np.average(scores, weights=counts)) - 0.004 * (abs(shift) + abs(none))
                if score > best:
                    best = score
                    out[number] = chance_of(np.array([shift, none]))
    return out


def remaining(data: Material) -> Array:
    """By row: the share of its script's texts that are left where its set is left out.

    A head that lost most of its texts says little of the whole one.
    """
    which = questions(data)[0][0]
    source, out = data.source[which], np.zeros(len(data.rows))
    for numbers in SCRIPTS:
        here = np.isin(data.language[which], numbers)
        for name in np.unique(source[here]):
            out[data.source == name] = 1 - (source == name).sum() / here.sum()
    return out


def both_scores(label: Array, polarity: Array, neutrality: Array, *, three: bool = True) -> float:
    """The mean of macro-F1 over positive and negative texts, and over all three; or of the former alone."""
    polar = label != "neutral"
    two = np.where(polarity > 0, "positive", "negative")
    told = np.where(neutrality > 0, "neutral", two)

    def f1(truth: Array, told: Array, classes: tuple[str, ...]) -> float:
        return float(np.mean([
            2 * ((truth == name) & (told == name)).sum() / max((truth == name).sum() + (told == name).sum(), 1)
            for name in classes
        ]))  # fmt: skip

    sides = f1(label[polar], two[polar], ("positive", "negative"))
    return (sides + f1(label, told, ("positive", "negative", "neutral"))) / 2 if three else sides


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
