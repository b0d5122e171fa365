"""Logistic regression with a ridge penalty by L-BFGS, over dense rows."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from ..reading.characters import Array


def dense_logistic(rows: Array, sign: Array, weight: Array, strength: float, iterations: int = 120) -> Array:
    """Weights of the columns, then the bias. `sign` is -1 or 1; `strength` the inverse of the penalty."""
    width = rows.shape[1]

    def loss(table: Array) -> tuple[float, Array]:
        margin = sign * (rows @ table[:width].astype(np.float32) + np.float32(table[width]))
        error = (-sign * weight / (1 + np.exp(np.clip(margin, -60, 60)))).astype(np.float32)
        value = float((weight * np.logaddexp(0, -margin)).sum()) + float((table[:width] ** 2).sum()) / (2 * strength)
        return value, np.append(rows.T @ error + table[:width] / strength, error.sum())

    begin = np.zeros(width + 1)
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": iterations})
    return np.asarray(found.x, dtype=np.float32)


def calibrated(logits: Array, truth: Array, weight: Array) -> tuple[float, float]:
    """Slope and shift that make log-odds of held-out texts into true probabilities (Platt)."""
    found = dense_logistic(logits[:, None].astype(np.float32), np.where(truth, 1, -1), weight, 1e6)
    return float(found[0]), float(found[1])
