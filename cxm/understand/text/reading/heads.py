"""Heads: linear classifiers over the features of a reader, trained in seconds on labels of one's own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Head:
    """One question with its answers: `weights` are (features, classes) as float32, `bias` is (classes)."""

    classes: tuple[str, ...]
    weights: np.ndarray[Any, np.dtype[np.float32]]
    bias: np.ndarray[Any, np.dtype[np.float32]]

    def probabilities(self, features: csr_matrix) -> np.ndarray[Any, np.dtype[np.float32]]:
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


def train(
    features: csr_matrix, labels: Sequence[str], *, strength: float = 3.0, iterations: int = 60, tolerance: float = 1e-4
) -> Head:
    """Multinomial logistic regression with a ridge penalty, by L-BFGS over the columns that occur.

    `strength` is the inverse of the penalty, as scikit-learn's C. Raises ValueError for fewer than two classes.
    """
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise ValueError("at least two different labels are needed")
    index = {name: number for number, name in enumerate(classes)}
    target = np.array([index[label] for label in labels])
    used = np.flatnonzero(np.bincount(features.indices, minlength=features.shape[1]))
    rows = csr_matrix(features[:, used], dtype=np.float32)
    turned = csr_matrix(rows.T)
    n, d, k = rows.shape[0], rows.shape[1], len(classes)
    truth = np.zeros((n, k), dtype=np.float32)
    truth[np.arange(n), target] = 1

    def loss(flat: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, np.ndarray[Any, np.dtype[np.float64]]]:
        table = flat.reshape(d + 1, k).astype(np.float32)
        logits = rows @ table[:d] + table[d]
        logits -= logits.max(axis=1, keepdims=True)
        raised = np.exp(logits)
        sums = raised.sum(axis=1, keepdims=True)
        value = -float((truth * (logits - np.log(sums))).sum()) + float((table[:d] ** 2).sum()) / (2 * strength)
        error = raised / sums - truth
        slope = np.vstack([turned @ error + table[:d] / strength, error.sum(axis=0)])
        return value, slope.ravel().astype(np.float64)

    found = minimize(
        loss,
        np.zeros((d + 1) * k),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "gtol": tolerance * n, "maxcor": 5},
    )
    table = found.x.reshape(d + 1, k).astype(np.float32)
    weights = np.zeros((features.shape[1], k), dtype=np.float32)
    weights[used] = table[:d]
    return Head(classes, weights, table[d])
