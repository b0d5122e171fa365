"""Texts as a page shows them: with their evidence, what was looked for, and personal data hidden where it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import Membership, Role
from cxm.lib.personal import mask
from cxm.understand.text.annotating import feelings_of
from cxm.understand.text.evidence import Evidence, Piece, evidence_of
from cxm.understand.text.reading.reading import Reading

from .queries import Entry
from .searching import places

KINDS: Final[Mapping[str, Promise]] = {
    "answer": pgettext_lazy("kind of feedback", "Answers"),
    "message": pgettext_lazy("kind of feedback", "Messages"),
    "review": pgettext_lazy("kind of feedback", "Reviews"),
    "call": pgettext_lazy("kind of feedback", "Calls"),
}
PERIODS: Final[Mapping[str, Promise]] = {
    "1d": _("Today"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
    "12m": _("Last 12 months"),
}
VERBS: Final[Mapping[str, Promise]] = {
    "assigned": pgettext_lazy("done to texts", "assigned"),
    "handled": pgettext_lazy("done to texts", "marked handled"),
    "reopened": pgettext_lazy("done to texts", "marked not handled"),
    "tagged": pgettext_lazy("done to texts", "tagged"),
    "case_opened": pgettext_lazy("done to texts", "given a case"),
}
NOTHING: Final = Evidence([], [], "", False)


def is_masked(membership: Membership) -> bool:
    """Whether personal data in texts is hidden from this person."""
    return not Role(membership.role).includes(Role.AGENT)


def masked(text: str, reading: Reading | None) -> str:
    """The text without personal data."""
    return mask(text, reading.language if reading else "")


@dataclass(frozen=True, slots=True)
class Shown:
    """A text of a list or of its own page. `score` as people say it: "3 of 10"."""

    entry: Entry
    evidence: Evidence
    score: str
    kind: str


def shown(entry: Entry, *, topics: Mapping[str, str], typed: str = "", hidden: bool = False) -> Shown:
    row, text = entry.row, entry.row.comment
    if entry.reading is None:
        text = masked(text, None) if hidden else text
        evidence = replace(NOTHING, pieces=[Piece(text)])
    else:
        [feelings] = feelings_of([text], [entry.reading])
        reading = _within(entry.reading, len(text))
        evidence = evidence_of(text, reading, topics=topics, feelings=feelings, masked=hidden)
    if typed:
        evidence = replace(evidence, pieces=_found(evidence.pieces, typed))
    return Shown(entry, evidence, score_of(row.score, row.scale), str(KINDS[entry.kind]))


def _within(reading: Reading, length: int) -> Reading:
    """Of a text that was cut, without what lies behind the cut."""
    if all(span.end <= length for tag in reading.tags for span in tag.spans):
        return reading
    return replace(reading, tags=tuple(
        replace(tag, spans=tuple(span for span in tag.spans if span.start < length)) for tag in reading.tags
    ))  # fmt: skip


def score_of(score: float | None, scale: str) -> str:
    if score is None:
        return ""
    highest = scale.rpartition("-")[2]
    return f"{score:g}/{highest}" if highest else f"{score:g}"


FOUND: Final = "found"  # the tone of words that were looked for


def _found(pieces: list[Piece], typed: str) -> list[Piece]:
    """With what was looked for as pieces of its own; a word that crosses from one piece into the next is marked in
    both."""
    text = "".join(one.text for one in pieces)
    cuts = places(typed, text)
    if not cuts:
        return pieces
    made, at = [], 0
    for piece in pieces:
        end, start = at + len(piece.text), at
        for first, last in cuts:
            first, last = max(first, start), min(last, end)
            if first < last:
                if first > start:
                    made.append(replace(piece, text=text[start:first]))
                made.append(replace(piece, text=text[first:last], tone=FOUND))
                start = last
        if start < end or piece.hidden:
            made.append(replace(piece, text=text[start:end]))
        at = end
    return made
