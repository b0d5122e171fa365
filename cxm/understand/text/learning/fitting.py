"""How heads are fitted to a firm's labels. Pure: numpy and scipy, no Django."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxm.understand.text.reading.features import OWN_BITS
from cxm.understand.text.reading.heads import Head, train

Names = NDArray[np.str_]
# Chosen on a third of the training files of two sets, learnt from the other two thirds; test files only judge it.
STRENGTH: Final = 0.3  # the inverse of the ridge penalty, with columns scaled by how rare they are
STEPS: Final = 12  # of L-BFGS
KNOWN: Final = 8.0  # what the columns behind the n-grams are scaled by: what the shipped model knows of a text


def train_head(features: Any, names: Names) -> Head:
    """The one way a head is trained here: `features` is a sparse matrix with a row for each name.

    Of sentiment, positive against negative is learnt apart, from the texts that are one of the two, and put in place of
    that difference in the head of all labels: many neutral texts would blur it (0.90 instead of 0.87 on posts of a
    social network). What is neutral stays as the head of all labels has it.
    """
    head = _scaled(features, names)
    clear = np.flatnonzero((names == "negative") | (names == "positive"))
    if set(head.classes) != {"negative", "neutral", "positive"} or len(set(names[clear])) < 2:
        return head
    sides = _scaled(features[clear], names[clear])
    negative, positive = head.classes.index("negative"), head.classes.index("positive")
    weights, bias = head.weights.copy(), head.bias.copy()
    for table, own in ((weights, sides.weights), (bias, sides.bias)):
        middle, half = (table[..., negative] + table[..., positive]) / 2, (own[..., 1] - own[..., 0]) / 2
        table[..., negative], table[..., positive] = middle - half, middle + half
    return Head(head.classes, weights, bias)


def _scaled(features: Any, names: Names) -> Head:
    """Columns are scaled by how rare they are, log((n + 1) / (texts with it + 1)) + 1, which brings as much as more
    labels do, and those of vectors, marks and shipped log-odds by KNOWN, so that the penalty hardly holds them. The
    scale goes into the weights, so serving knows nothing of it. What only one text has is left out."""
    n, columns = features.shape
    occurs = np.bincount(features.indices, minlength=columns)
    kept = np.flatnonzero(occurs > 1)
    rare = np.log((n + 1) / (occurs[kept] + 1)) + 1
    scale = np.where(kept >= 1 << OWN_BITS, KNOWN, rare).astype(np.float32)
    rows = features[:, kept].multiply(scale[None, :]).tocsr()
    head = train(rows, names.tolist(), strength=STRENGTH, iterations=STEPS)
    weights = np.zeros((columns, len(head.classes)), dtype=np.float32)
    weights[kept] = head.weights * scale[:, None]
    return Head(head.classes, weights, head.bias)
