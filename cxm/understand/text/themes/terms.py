"""The words of texts as themes compare them: in their dictionary form, without those that say nothing.

Of Chinese, which does not part its words, the pairs of neighbouring characters, in simplified form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml

from cxm.understand.text.words.folding import folded
from cxm.understand.text.words.lemmas import plain, rules

LANGUAGES = ("en", "pl", "ru", "uk", "zh")
LONGEST = 4_000  # characters of a text that are looked at
WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")
HAN = re.compile("[\u3400-\u9fff]+")


@cache
def stopwords(language: str) -> frozenset[str]:
    """Dictionary forms; of Chinese single characters; of other languages none."""
    found: dict[str, str] = yaml.safe_load((Path(__file__).parent / "data" / "stopwords.yaml").read_text("utf-8"))
    text = found.get(language, "")
    return frozenset(text.strip() if language == "zh" else text.split())


@cache
def _parting() -> re.Pattern[str]:
    return re.compile("[^" + "".join(stopwords("zh")) + "]+")


def runs(text: str) -> list[tuple[str, str]]:
    """Chinese characters that stand together and may be words: simplified, and as they are written."""
    simple = folded(text)
    return [
        (part[0], text[run.start() + part.start() : run.start() + part.end()])
        for run in HAN.finditer(simple) for part in _parting().finditer(run[0])
    ]  # fmt: skip


def words_of(text: str, language: str) -> list[tuple[str, str]]:
    """Each word that says something, as (dictionary form, as it stands in the text in small letters)."""
    lemma, silent = rules(language).lemma, stopwords(language)
    found = []
    for match in WORD.findall(text[:LONGEST].lower()):
        if len(match) < 2 or match in silent or HAN.match(match):
            continue
        word = lemma(plain(match))
        if word not in silent and len(word) > 1:
            found.append((word, match))
    return found


def terms_of(text: str, language: str) -> list[str]:
    """What themes are made of."""
    if language != "zh":
        return [word for word, _shown in words_of(text, language)]
    pairs = [part[at : at + 2] for part, _shown in runs(text[:LONGEST]) for at in range(len(part) - 1)]
    return pairs + [word for word, _shown in words_of(text, "en") if word.isascii()]


def all_terms(texts: Sequence[str], languages: Sequence[str]) -> list[list[str]]:
    return [terms_of(text, language) for text, language in zip(texts, languages, strict=True)]
