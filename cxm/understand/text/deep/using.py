"""Where sentiment is read by both tiers, and what the deep tier has said of a text before.

What the encoder makes of a text (two numbers) is kept in the annotation, so whoever reads the text anew, in whatever
process and for whatever reason, has it without the encoder. The version of the model in an annotation says whether
both tiers have read its sentiment.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from cxm.record.eventlog.texts import annotations_of
from cxm.understand.text.models import OpinionEndpoint
from cxm.understand.text.own import heads_of

from .encoder import encoder
from .sentiment import FILE, NAME, Judge, Point, mark

KEY = "deep"  # in what an annotation keeps: [mark, polarity, neutrality]


class _Kept(msgspec.Struct):
    deep: tuple[str, float, float] | None = None


_decoder = msgspec.json.Decoder(_Kept)


@cache
def _installed() -> bool:
    return importlib.util.find_spec(NAME) is not None and FILE.is_file()


def in_use() -> bool:
    """Whether this installation has the encoder that the heads are for. Loads nothing."""
    return not settings.ENCODER and _installed()


def judge() -> Judge | None:
    """The encoder, loaded with the first call; None where it cannot be used."""
    found: Any = encoder(settings.ENCODER) if in_use() else None
    return found if getattr(found, "name", "") == NAME else None


def counts(workspace_id: int) -> bool:
    """Whether the deep tier has a say in the sentiment of the workspace's texts: neither its own labels nor its
    endpoint go before it."""
    heads = heads_of(workspace_id)
    return (
        in_use() and not (heads is not None and "sentiment" in heads.heads)
        and not OpinionEndpoint.objects.filter(workspace=workspace_id, is_on=True).exists()
    )  # fmt: skip


def point_in(tags: str) -> Point | None:
    """What the deep tier said, out of the column `tags` of an annotation; None where other heads said it."""
    try:
        kept = _decoder.decode(tags).deep if tags else None
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return (kept[1], kept[2]) if kept is not None and kept[0] == mark() else None


def points_before(workspace_id: int, event_ids: Sequence[UUID]) -> dict[UUID, Point]:
    """What the deep tier has said of these texts when they were read before."""
    if not in_use() or not event_ids:
        return {}
    rows = annotations_of(workspace_id, event_ids).values()
    return {row.event_id: point for row in rows if (point := point_in(row.tags)) is not None}


def kept(point: Point | None) -> Mapping[str, Any]:
    """For the column `tags`."""
    return {} if point is None else {KEY: [mark(), *point]}


def marked(model: str) -> str:
    """The version of the model, of a text whose sentiment both tiers have read."""
    weights, slash, rest = model.partition("/")
    return f"{weights}+{mark()}{slash}{rest}"
