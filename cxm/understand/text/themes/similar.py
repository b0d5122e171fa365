"""Texts that say much the same as a text, whatever their words: search by meaning.

Each text has a vector by the encoder of sentences where one is installed, else by the word vectors that every
installation has. The engine compares a question with all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.follow import Pace
from cxm.record.eventlog.scope import Scope
from cxm.understand.text.deep.encoder import Encoder, encoder
from cxm.understand.text.reading.reader import reader

from . import members
from .space import Floats

DIMENSIONS = 96  # that are kept of a vector: enough for the order of what is near
AT_ONCE = 256  # texts


class Words:
    """The encoder that is always there: the mean of the vectors of a text's words."""

    name = "words"

    def encode(self, texts: Sequence[str]) -> Floats:
        return np.asarray(reader().vectors(texts), np.float32)


def meaning() -> Encoder:
    return encoder(settings.ENCODER) or Words()


@cache
def _projection(size: int) -> Floats:
    """Shape (size, DIMENSIONS), columns at right angles, always the same: keeps angles about as they are."""
    drawn = np.random.default_rng(6).standard_normal((size, DIMENSIONS))
    return np.linalg.qr(drawn)[0].astype(np.float32)


def vectors_of(encode: Encoder, texts: Sequence[str]) -> NDArray[np.int8]:
    """Shape (texts, at most DIMENSIONS): vectors of length one, times 127. Nought for a text without meaning."""
    rows = encode.encode(texts)
    if rows.shape[1] > DIMENSIONS:
        rows = rows @ _projection(rows.shape[1])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    found: NDArray[np.int8] = np.rint(rows * 127).astype(np.int8)
    return found


@dataclass(frozen=True, slots=True)
class Near:
    """A text that is found; `nearness` is a cosine, −1 … 1, to be compared within one answer only."""

    event_id: UUID
    nearness: float


NEAR = """
SELECT event_id, nearness FROM (
    SELECT event_id, dotProduct(vector, {asked:Array(Int8)}) / 16129 AS nearness
    FROM text_vectors WHERE $scope AND encoder = {encoder:String} AND event_id != {without:UUID}
    ORDER BY nearness DESC LIMIT {some:UInt32}
) ORDER BY nearness DESC, event_id LIMIT 1 BY event_id LIMIT {most:UInt32}
"""


def similar_to(
    workspace: Workspace, text: str, *, most: int = 50, without: UUID | None = None, scope: Scope | None = None
) -> list[Near]:  # fmt: skip
    """The texts that mean the most similar, the nearest first; none for a text without a known word.

    `scope` bounds the time, `without` leaves one text out. What came in the last seconds may be missing.
    """
    encode = meaning()
    (asked,) = vectors_of(encode, [text])
    if not asked.any():
        return []
    return ask(
        NEAR, scope or Scope(workspace.pk), row=Near, name="themes.similar", encoder=encode.name, asked=asked.tolist(),
        without=str(without or UUID(int=0)), most=most, some=2 * most,  # what was written twice counts once
    ).rows  # fmt: skip


def encode_new(workspace_id: int, stopping: Callable[[], bool], until: float) -> bool:
    """Give texts of the workspace that have none their vector, up to `until` (time.monotonic); whether all have one."""
    encode, pace = meaning(), Pace(last=True)
    while not stopping() and time.monotonic() < until:
        texts = members.texts_without_vector(workspace_id, encode.name, 20 * AT_ONCE)
        if not texts:
            return True
        for start in range(0, len(texts), AT_ONCE):
            some, began = texts[start : start + AT_ONCE], time.monotonic()
            vectors = vectors_of(encode, [one.comment for one in some])
            members.put_vectors(workspace_id, encode.name, some, vectors)
            time.sleep(pace.rest_after(time.monotonic() - began))
            if stopping() or time.monotonic() > until:
                return False
    return False
