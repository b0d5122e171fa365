"""One text understood for one workspace: the reader, what the firm has taught it, its topics, personal data."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from .reading.reading import Reading, Span, Tag

if TYPE_CHECKING:
    from .reading.reader import Reader

KEPT = 2_000  # readings of what has just come in: rules, workflows and cases ask for the same
LONGEST_KEPT = 20_000  # characters
MARKED = 20_000  # characters of a text that are searched for personal data


def reader() -> Reader:
    """Loaded with the first text, so that a server starts without it."""
    from .reading import reader as module

    return module.reader()


def understand(workspace_id: int, texts: Sequence[str], questions: Sequence[str] = ()) -> list[Reading]:
    """One reading for each text, with the workspace's own heads, its topics (kind "topic") and personal data
    (kind "personal") among the tags. `questions` are as many as texts, or none."""
    heads_of = part("own", "heads_of")
    readings = reader().read(texts, questions=questions, heads=heads_of(workspace_id) if heads_of else None)
    match = part("topics", "match")
    if match:
        found = match(workspace_id, texts, readings)
        readings = [replace(one, tags=(*one.tags, *tags)) if tags else one
                    for one, tags in zip(readings, found, strict=True)]  # fmt: skip
    return [_with_personal(one, text) for one, text in zip(readings, texts, strict=True)]


def wording(workspace_id: int, survey: str, question: str, version: int, language: str) -> str:
    """What was asked, in words where a survey of ours asked it; else what the source calls the question."""
    if not survey or not version:
        return question
    wording_of: Callable[..., str] = import_string(settings.QUESTION_WORDINGS)
    return wording_of(workspace_id, survey, question, version, language) or question


def version_of(workspace_id: int) -> str:
    """What the readings of a workspace are made with: the weights, its own heads, its topics."""
    heads_of, topics = part("own", "heads_of"), part("topics", "version_of")
    heads = heads_of(workspace_id) if heads_of else None
    parts = [reader().version, heads.version if heads else "", str(topics(workspace_id)) if topics else ""]
    return "/".join(parts).rstrip("/")


def topic_names(workspace_id: int) -> dict[str, str]:
    """The names of topics by key, in the language of the page, in the order of their tree."""
    names_of = part("topics.queries", "names_of")
    return dict(names_of(workspace_id)) if names_of else {}


def _with_personal(reading: Reading, text: str) -> Reading:
    find = part("personal", "find", "cxm.lib")
    if not find or not text:
        return reading
    tags = [Tag("personal", one.name, one.score, (Span(one.start, one.end),))
            for one in find(text[:MARKED], reading.language)]  # fmt: skip
    return replace(reading, tags=(*reading.tags, *tags)) if tags else reading


def can_mask() -> bool:
    return part("personal", "mask", "cxm.lib") is not None


def masked(text: str, language: str = "") -> str:
    """Without personal data."""
    mask = part("personal", "mask", "cxm.lib")
    return str(mask(text, language)) if mask else text


def part(module: str, name: str, package: str = "cxm.understand.text") -> Callable[..., Any] | None:
    """A function of a part that may be missing."""
    whole = f"{package}.{module}"
    if whole not in _there:
        try:
            _there[whole] = find_spec(whole) is not None
        except ModuleNotFoundError:
            _there[whole] = False
    return getattr(import_module(whole), name, None) if _there[whole] else None


_there: dict[str, bool] = {}


# What the flow asks at once


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


_kept: OrderedDict[tuple[int, str, str], dict[str, Any]] = OrderedDict()
_guard = threading.Lock()


def signals_of(workspace_id: int, text: str, question: str = "") -> dict[str, Any]:
    """The signals of a text that has just come in; empty for one without words."""
    if not text.strip():
        return {}
    key = (workspace_id, question, text)
    with _guard:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    [reading] = understand(workspace_id, [text], [question] if question else ())
    found = signals(reading)
    if len(text) <= LONGEST_KEPT:
        with _guard:
            _kept[key] = found
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    return found


def remember(workspace_id: int, texts: Sequence[tuple[str, str]]) -> None:
    """Read several (text, question) at once; `signals_of` each is quick then, for as many as KEPT."""
    with _guard:
        short = [one for one in dict.fromkeys(texts) if one[0].strip() and len(one[0]) <= LONGEST_KEPT]
        new = [one for one in short if (workspace_id, one[1], one[0]) not in _kept]
    new = new[:KEPT]
    if len(new) < 2:
        return
    readings = understand(workspace_id, [one[0] for one in new], [one[1] for one in new])
    with _guard:
        for (text, question), reading in zip(new, readings, strict=True):
            _kept[workspace_id, question, text] = signals(reading)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def forget_signals() -> None:
    """What the workspace's topics or heads have said before is out of date."""
    with _guard:
        _kept.clear()
