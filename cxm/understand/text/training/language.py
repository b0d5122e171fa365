"""Trains the table that tells languages of one script apart.

Ours: the labelled sets and frequent words; others: Django's translations (BSD) and frequent words of some thirty
languages (wordfreq). Windows of three, two and one words are examples too, since short answers are common.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, vstack

from ..reading import characters as c
from ..reading.characters import Array
from ..reading.grams import BITS, character_grams
from ..reading.language import LANGUAGE_BITS, WORTH, script_at
from .material import WORD, training_set

SETS = {
    "en": ("en_goemo_sent", "en_brighter", "en_banking77", "en_clinc150", "en_xed"),
    "ru": ("ru_brighter", "ru_xed"),
    "uk": ("uk_brighter",),
    "pl": ("pl_hotels", "pl_medicine", "pl_xed"),
}
CLASS = {"en": 0, "ru": 0, "pl": 1, "uk": 1, "other": 2}
FOREIGN_SCRIPTS = {"zh", "ja", "ko", "ar", "bn", "el", "fa", "he", "hi", "ta", "ur"}


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    language: str
    weight: float


def window(text: str, size: int, dice: random.Random) -> str:
    words = WORD.findall(text)
    if len(words) < size:
        return ""
    at = dice.randrange(len(words) - size + 1)
    return " ".join(words[at : at + size])


def translations(package: str) -> list[tuple[str, str]]:
    """Sentences of an installed package's translations with their languages; English is not among them."""
    import importlib.util

    import polib

    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    out: dict[tuple[str, str], None] = {}
    for file in sorted(Path(spec.submodule_search_locations[0]).glob("**/locale/*/LC_MESSAGES/django*.po")):
        locale = file.parts[-3]
        if locale.startswith("en") or locale in ("ia", "io"):
            continue
        language = {"zh_Hans": "zh", "zh_Hant": "zh"}.get(locale, locale)
        for entry in polib.pofile(str(file)):
            if entry.obsolete or "fuzzy" in entry.flags:
                continue
            for message in [entry.msgstr, *entry.msgstr_plural.values()]:
                plain = re.sub(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|<[^>]+>|&\w+;", " ", message)
                plain = re.sub(r"\s+", " ", plain).strip()
                if len(plain) > 3 and message != entry.msgid:
                    out[plain, language if language in ("ru", "uk", "pl", "zh") else "other"] = None
    return list(out)


def examples(folder: Path, dice: random.Random) -> list[Example]:
    import wordfreq

    out: list[Example] = []

    def add(texts: list[str], language: str, threes: int, ones: int, whole: float) -> None:
        for text in texts:
            out.append(Example(text, language, whole))
            windows = [window(text, 3, dice) for _ in range(threes)] + [window(text, 1, dice) for _ in range(ones)]
            windows.append(window(text, 2, dice))
            out.extend(Example(piece, language, 1.0) for piece in windows if piece)

    for language, names in SETS.items():
        texts = [row.text for name in names for row in training_set(folder, name)]
        dice.shuffle(texts)
        texts = texts[:9000]
        times = max(1, round(9000 / len(texts)))
        add(texts, language, 2 * times, 3 * times, 2.0 * times)
    django = translations("django")
    for language in ("ru", "uk", "pl"):
        add([text for text, found in django if found == language], language, 2, 2, 1.0)
    others = [text for text, found in django if found == "other"]
    latin = [text for text in others if re.search("[a-zA-Z]{3}", text)]
    cyrillic = [text for text in others if re.search("[\u0400-\u052f]{3}", text)]
    dice.shuffle(latin)
    add(latin[:20000], "other", 1, 2, 2.0)
    add(cyrillic, "other", 1, 2, 2.0)
    ours = {language: wordfreq.get_frequency_dict(language, "best") for language in SETS}
    for language in SETS:
        words = [word for word in wordfreq.top_n_list(language, 50000) if WORD.fullmatch(word)]
        out += [Example(word, language, word_weight(rank)) for rank, word in enumerate(words)]
        out += pseudo(words, language, 8000, dice)
    for language in sorted(set(wordfreq.available_languages("best")) - set(SETS) - FOREIGN_SCRIPTS):
        words = [word for word in wordfreq.top_n_list(language, 10000) if WORD.fullmatch(word)]
        alone = [
            word
            for word in words
            if max(found.get(word, 0) for found in ours.values()) < wordfreq.word_frequency(word, language)
        ]
        out += [Example(word, "other", 0.6 * word_weight(rank)) for rank, word in enumerate(alone)]
        out += pseudo(words, "other", 500, dice)
    return out


def word_weight(rank: int) -> float:
    return 2.0 if rank < 3000 else 1.0 if rank < 10000 else 0.5


def pseudo(words: list[str], language: str, count: int, dice: random.Random) -> list[Example]:
    """Three words drawn by Zipf's law."""
    chances = [1 / (rank + 20) for rank in range(len(words))]
    drawn = dice.choices(words, chances, k=3 * count)
    return [Example(" ".join(drawn[3 * at : 3 * at + 3]), language, 1.0) for at in range(count)]


def rows_of(texts: list[str], tables: c.Tables) -> tuple[csr_matrix, Array]:
    """Sparse rows of the n-grams of each text's main script, and whether that is Cyrillic."""
    out, main = [], []
    for start in range(0, len(texts), 20000):
        found = c.gather(texts[start : start + 20000], tables)
        count = len(found.text_at) - 1
        text = np.repeat(np.arange(count), np.diff(found.text_at))
        script = script_at(found)[: len(text)]
        cyrillic = np.bincount(text, script == c.CYRILLIC, count) * WORTH[1] > np.bincount(
            text, script == c.LATIN, count
        )
        kept = script == np.where(cyrillic[text], c.CYRILLIC, c.LATIN)
        length = np.maximum(np.bincount(text[kept], minlength=count), 1)
        columns = np.stack(
            [column[: len(text)][kept] >> (BITS - LANGUAGE_BITS) for column in character_grams(found.codes)], axis=1
        )
        row = np.repeat(text[kept], columns.shape[1])
        made = csr_matrix(
            ((1 / np.sqrt(length))[row].astype(np.float32), (row, columns.ravel())),
            shape=(count, 1 << LANGUAGE_BITS),
        )
        made.sum_duplicates()
        out.append(made)
        main.append(cyrillic)
    return csr_matrix(vstack(out)), np.concatenate(main)


def train_language(folder: Path, tables: c.Tables, *, iterations: int = 100, strength: float = 30.0) -> dict[str, Any]:
    """`language_grams` (2^16, 3) as int8 and `language_scale`."""
    dice = random.Random(3)
    found = examples(folder, dice)
    rows, cyrillic = rows_of([example.text for example in found], tables)
    label = np.array([CLASS[example.language] for example in found])
    weight = np.array([example.weight for example in found], dtype=np.float32)
    total: dict[tuple[bool, int], float] = defaultdict(float)
    for script, number, worth in zip(cyrillic, label, weight, strict=True):
        total[bool(script), int(number)] += float(worth)
    prior = {(True, 0): 1.3}  # a short word that both share is more often Russian
    share = np.array([
        (60000 / total[bool(script), int(number)]) ** 0.5 * prior.get((bool(script), int(number)), 1.0)
        for script, number in zip(cyrillic, label, strict=True)
    ])  # fmt: skip
    table = softmax_table(rows, label, (weight * share).astype(np.float32), strength, iterations)
    table -= table.mean(axis=1, keepdims=True)
    scale = float(np.quantile(np.abs(table[table != 0]), 0.9995)) / 127
    grams = np.clip(np.round(table / scale), -127, 127).astype(np.int8)
    return {"language_grams": grams, "language_scale": np.float32(scale)}


def softmax_table(rows: csr_matrix, label: Array, weight: Array, strength: float, iterations: int) -> Array:
    width, classes = rows.shape[1], int(label.max()) + 1
    turned = csr_matrix(rows.T)
    truth = np.zeros((len(label), classes), dtype=np.float32)
    truth[np.arange(len(label)), label] = 1

    def loss(flat: Array) -> tuple[float, Array]:
        table = flat.reshape(width, classes).astype(np.float32)
        logits = rows @ table
        logits -= logits.max(axis=1, keepdims=True)
        raised = np.exp(logits)
        sums = raised.sum(axis=1, keepdims=True)
        value = -float((weight[:, None] * truth * (logits - np.log(sums))).sum())
        error = weight[:, None] * (raised / sums - truth)
        slope = turned @ error + table / strength
        return value + float((table**2).sum()) / (2 * strength), slope.ravel().astype(np.float64)

    found = minimize(
        loss,
        np.zeros(width * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 6},
    )
    return np.asarray(found.x.reshape(width, classes), dtype=np.float32)
