"""The one door: texts in, readings out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.sparse import csr_matrix

from .heads import Heads
from .reading import Reading, Sentence, Span, Tag

WIDTH = 1 << 18  # columns of hashed n-grams
ENDS = re.compile(r"[^.!?…。！？\n]*[.!?…。！？\n]*", re.S)
GOOD = re.compile(
    r"\b(?:thank\w*|great|good|love\w*|excellent|спасибо|хорош\w*|отличн\w*|дякую|добр\w+|чудов\w*|świetn\w*|dobr\w+|"
    r"polecam|dziękuję)\b|好|谢谢|謝謝|满意|滿意",
    re.I,
)
BAD = re.compile(
    r"\b(?:bad|terrible|awful|slow|broken|worst|плох\w*|ужасн\w*|медленн\w*|поган\w*|жахлив\w*|źl[eiy]\w*|okropn\w*|"
    r"fataln\w*)\b|差|糟|慢",
    re.I,
)
UKRAINIAN = re.compile("[іїєґ]", re.I)
POLISH = re.compile("[ąćęłńśźż]|\\b(?:nie|jest|się|bardzo|dobr\\w+)\\b", re.I)


class Reader:
    """Reads texts with the shipped weights; one serves all threads."""

    version = "rules"

    def read(self, texts: Sequence[str], *, questions: Sequence[str] = (), heads: Heads | None = None) -> list[Reading]:
        """One reading per text, in order. `questions` are as many as texts, or none."""
        return [self.one(text) for text in texts]

    def features(self, texts: Sequence[str]) -> csr_matrix:
        """Rows of shape (texts, columns) that heads are trained on and answer from."""
        columns: list[int] = []
        values: list[float] = []
        ends = [0]
        for text in texts:
            low = f" {text.lower()} "
            found = [
                zlib.crc32(low[at : at + size].encode("utf-8", "replace")) % WIDTH
                for size in range(1, 6)
                for at in range(len(low) - size + 1)
            ]
            columns += found
            values += [len(found) ** -0.5] * len(found)
            ends.append(len(columns))
        made = csr_matrix(
            (np.array(values, np.float32), np.array(columns, np.int32), np.array(ends)), shape=(len(texts), WIDTH)
        )
        made.sum_duplicates()
        return made

    def one(self, text: str) -> Reading:
        language = language_of(text)
        if language in ("", "other"):
            return Reading(language=language, model=self.version)
        sentences, tags = [], []
        for found in ENDS.finditer(text):
            if not found[0].strip():
                continue
            good, bad = list(GOOD.finditer(found[0])), list(BAD.finditer(found[0]))
            score = float(np.tanh(len(good) - len(bad)))
            sentences.append(Sentence(found.start(), found.end(), language, named(score), score))
            spans = tuple(Span(found.start() + m.start(), found.start() + m.end()) for m in good + bad)
            if spans:
                tags.append(Tag("sentiment", named(score), score, spans))
        scores = [sentence.score for sentence in sentences]
        score = float(np.mean(scores)) if scores else 0.0
        mixed = max(scores, default=0) > 0.5 and min(scores, default=0) < -0.5
        return Reading(
            language=language,
            script="Hans" if language == "zh" else "",
            supported=True,
            sentiment="mixed" if mixed else named(score),
            score=score,
            emotion={"positive": "joy", "negative": "anger"}.get(named(score), "none"),
            intent={"positive": "praise", "negative": "complaint"}.get(named(score), "question" if "?" in text else ""),
            sentences=tuple(sentences),
            tags=tuple(tags),
            model=self.version,
        )


def named(score: float) -> str:
    return "positive" if score > 0.25 else "negative" if score < -0.25 else "neutral"


def language_of(text: str) -> str:
    if re.search("[\u3400-\u9fff]", text):
        return "other" if re.search("[\u3040-\u30ff\uac00-\ud7af]", text) else "zh"
    if re.search("[а-яё]", text, re.I):
        return "uk" if UKRAINIAN.search(text) else "ru"
    if re.search("[a-z]", text, re.I):
        return "pl" if POLISH.search(text) else "en"
    return "other" if any(character.isalpha() for character in text) else ""


@cache
def reader() -> Reader:
    """The reader with the shipped weights, loaded at the first call."""
    return Reader()
