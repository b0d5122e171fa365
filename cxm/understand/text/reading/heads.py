"""Heads: linear classifiers over the features of a reader, trained in seconds on labels of one's own."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Head:
    """One question with its answers: `weights` are (features, classes) as float32, `bias` is (classes)."""

    classes: tuple[str, ...]
    weights: np.ndarray[Any, np.dtype[np.float32]]
    bias: np.ndarray[Any, np.dtype[np.float32]]

    def probabilities(self, features: scipy.sparse.csr_matrix) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Shape (texts, classes); each row sums to 1."""
        logits = np.asarray(features @ self.weights) + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        raised = np.exp(logits)
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)

    def to_bytes(self) -> bytes:
        kept = np.flatnonzero(self.weights.any(axis=1)).astype(np.int32)
        out = io.BytesIO()
        np.savez_compressed(
            out,
            classes=np.array(self.classes),
            columns=np.array(len(self.weights)),
            kept=kept,
            weights=self.weights[kept].astype(np.float16),
            bias=self.bias,
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Head:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            weights = np.zeros((int(stored["columns"]), len(stored["bias"])), dtype=np.float32)
            weights[stored["kept"]] = stored["weights"]
            return cls(tuple(map(str, stored["classes"])), weights, stored["bias"].astype(np.float32))


@dataclass(frozen=True)
class Heads:
    """What a workspace trained, by kind of tag (sentiment, emotion, intent …), in place of the shipped heads."""

    version: str = ""
    heads: dict[str, Head] = field(default_factory=dict)


MANY = 10  # from this number of classes on, columns that occur in one text only are left out


def train(
    features: scipy.sparse.csr_matrix, labels: Sequence[str], *, strength: float = 3.0, iterations: int = 50
) -> Head:
    """Multinomial logistic regression with a ridge penalty over the columns that occur.

    `strength` is the inverse of the penalty, as scikit-learn's C. Raises ValueError for fewer than two classes.
    """
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise ValueError("at least two different labels are needed")
    index = {name: number for number, name in enumerate(classes)}
    target = np.array([index[label] for label in labels])
    times = np.bincount(features.indices, minlength=features.shape[1])
    used = np.flatnonzero(times >= (2 if len(classes) >= MANY and len(labels) > 1000 else 1))
    number_of = np.full(features.shape[1], -1, dtype=np.int32)
    number_of[used] = np.arange(len(used))
    table = features.tocoo()
    kept = number_of[table.col] >= 0
    rows = scipy.sparse.csr_matrix(
        (table.data[kept].astype(np.float32), (table.row[kept], number_of[table.col[kept]])),
        shape=(features.shape[0], len(used)),
    )
    # rare columns weigh more, as in TF-IDF: better for topics, and far fewer steps; folded into the weights at the end
    rarity = np.minimum(np.log((len(labels) + 1) / np.maximum(times[used], 1)), 5).astype(np.float32) / 3 + 0.1
    rows = scipy.sparse.csr_matrix(rows @ scipy.sparse.diags_array(rarity))
    turned = scipy.sparse.csr_matrix(rows.T)
    truth = np.zeros((len(labels), len(classes)), dtype=np.float32)
    truth[np.arange(len(labels)), target] = 1

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = rows @ weights[:-1] + weights[-1]
        logits -= logits.max(axis=1, keepdims=True)
        raised = np.exp(logits)
        sums = raised.sum(axis=1, keepdims=True)
        value = -float((truth * (logits - np.log(sums))).sum(dtype=np.float64))
        value += float(np.vdot(weights[:-1], weights[:-1])) / (2 * strength)
        error = raised / sums - truth
        slope = np.empty_like(weights)
        slope[:-1] = turned @ error + weights[:-1] / np.float32(strength)
        slope[-1] = error.sum(axis=0)
        return value, slope

    found = lowest(loss, np.zeros((len(used) + 1, len(classes)), dtype=np.float32), iterations)
    weights = np.zeros((features.shape[1], len(classes)), dtype=np.float32)
    weights[used] = found[:-1] * rarity[:, None]
    return Head(classes, weights, found[-1])


def lowest(loss: Callable[[Floats], tuple[float, Floats]], at: Floats, iterations: int, memory: int = 6) -> Floats:
    """The place of the lowest loss by L-BFGS (Nocedal 1980) in single precision, with halved steps.

    scipy's version keeps everything in double precision and bounds, and takes four times as long on wide tables.
    """
    value, slope = loss(at)
    first = float(np.abs(slope).max())
    steps: list[tuple[Floats, Floats, float]] = []
    for _ in range(iterations):
        direction = -slope
        shares = []
        for moved, changed, inverse in reversed(steps):
            share = inverse * float(np.vdot(moved, direction))
            shares.append(share)
            direction -= np.float32(share) * changed
        if steps:
            moved, changed, inverse = steps[-1]
            direction *= np.float32(1 / (inverse * float(np.vdot(changed, changed))))
        else:
            direction *= np.float32(1 / max(float(np.linalg.norm(slope)), 1e-12))
        for (moved, changed, inverse), share in zip(steps, reversed(shares), strict=True):
            direction += np.float32(share - inverse * float(np.vdot(changed, direction))) * moved
        fall = float(np.vdot(slope, direction))
        size = 1.0
        while True:
            there = at + np.float32(size) * direction
            new_value, new_slope = loss(there)
            if new_value <= value + 1e-4 * size * fall or size < 1e-4:
                break
            size /= 2
        moved, changed = there - at, new_slope - slope
        curved = float(np.vdot(moved, changed))
        better = value - new_value
        if better <= 0:
            break
        if curved > 1e-10:
            steps = [*steps[-(memory - 1) :], (moved, changed, 1 / curved)]
        at, value, slope = there, new_value, new_slope
        if better < 1e-5 * abs(value) or float(np.abs(slope).max()) < 1e-4 * first:
            break
    return at
