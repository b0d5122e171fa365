"""One text understood for one workspace: the reader, what the firm has taught it, its topics, personal data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from cxm.lib.personal import find

from . import topics
from .own import heads_of
from .reading.reading import Reading, Span, Tag
from .signals import KEPT, guard, kept, signals

if TYPE_CHECKING:
    from .deep.sentiment import Point
    from .reading.reader import Reader

LONGEST_KEPT = 20_000  # characters
MARKED = 20_000  # characters of a text that are searched for personal data


def reader() -> Reader:
    """Loaded with the first text, so that a server starts without it."""
    from .reading import reader as module

    return module.reader()


def understand(
    workspace_id: int, texts: Sequence[str], questions: Sequence[str] = (), points: Sequence[Point | None] = ()
) -> list[Reading]:
    """One reading for each text, with the workspace's own heads, its topics (kind "topic") and personal data
    (kind "personal") among the tags. `questions` are as many as texts, or none; so are the `points` of the deep tier.
    """
    judged = None
    if any(points):
        from .deep.sentiment import judged as judged_by  # it loads the reader

        judged = judged_by(points)
    readings = reader().read(texts, questions=questions, heads=heads_of(workspace_id), judged=judged)
    found = topics.match(workspace_id, texts, readings)
    return [
        replace(one, tags=(*one.tags, *about, *_personal(text, one.language)))
        for one, about, text in zip(readings, found, texts, strict=True)
    ]


def wording(workspace_id: int, survey: str, question: str, version: int, language: str) -> str:
    """What was asked, in words where a survey of ours asked it; else what the source calls the question."""
    if not survey or not version:
        return question
    wording_of: Callable[..., str] = import_string(settings.QUESTION_WORDINGS)
    return wording_of(workspace_id, survey, question, version, language) or question


def version_of(workspace_id: int) -> str:
    """What the readings of a workspace are made with: the weights, its own heads, its topics."""
    heads = heads_of(workspace_id)
    parts = [reader().version, heads.version if heads else "", str(topics.version_of(workspace_id))]
    return "/".join(parts).rstrip("/")


def topic_names(workspace_id: int) -> dict[str, str]:
    """The names of topics by key, in the language of the page, in the order of their tree."""
    return dict(topics.names_of(workspace_id))


def _personal(text: str, language: str) -> list[Tag]:
    return [Tag("personal", one.name, one.score, (Span(one.start, one.end),)) for one in find(text[:MARKED], language)]


# What the flow asks at once


def signals_of(workspace_id: int, text: str, question: str = "") -> dict[str, Any]:
    """The signals of a text that has just come in; empty for one without words."""
    if not text.strip():
        return {}
    key = (workspace_id, question, text)
    with guard:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    [reading] = understand(workspace_id, [text], [question] if question else ())
    found = signals(reading)
    if len(text) <= LONGEST_KEPT:
        with guard:
            kept[key] = found
            while len(kept) > KEPT:
                kept.popitem(last=False)
    return found


def remember(workspace_id: int, texts: Sequence[tuple[str, str]]) -> None:
    """Read several (text, question) at once; `signals_of` each is quick then, for as many as KEPT."""
    with guard:
        short = [one for one in dict.fromkeys(texts) if one[0].strip() and len(one[0]) <= LONGEST_KEPT]
        new = [one for one in short if (workspace_id, one[1], one[0]) not in kept]
    new = new[:KEPT]
    if len(new) < 2:
        return
    readings = understand(workspace_id, [one[0] for one in new], [one[1] for one in new])
    with guard:
        for (text, question), reading in zip(new, readings, strict=True):
            kept[workspace_id, question, text] = signals(reading)
        while len(kept) > KEPT:
            kept.popitem(last=False)
