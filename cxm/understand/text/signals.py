"""What rules ask of a text, and the answers that are kept because several rules ask of the same text."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from .reading.reading import Reading, Tag

KEPT = 2_000  # readings of what has just come in: rules, workflows and cases ask for the same


def signals(reading: Reading) -> dict[str, Any]:
    """What rules, workflows and cases may ask of a text, by name; JSON."""
    return {
        "language": reading.language, "sentiment": reading.sentiment, "score": round(reading.score, 3),
        "emotion": reading.emotion, "intent": reading.intent, "effort": reading.effort, "urgent": reading.urgent,
        "topic": topics_of(reading.tags),
        "touchpoint": list(dict.fromkeys(one.name for one in reading.tags if one.kind == "touchpoint")),
    }  # fmt: skip


def topics_of(tags: Iterable[Tag]) -> list[str]:
    return list(dict.fromkeys(one.name for one in tags if one.kind == "topic"))


kept: OrderedDict[tuple[int, str, str], dict[str, Any]] = OrderedDict()
guard = threading.Lock()


def forget_signals() -> None:
    """What the workspace's topics or heads have said before is out of date."""
    with guard:
        kept.clear()
