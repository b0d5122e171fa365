"""Texts with what was read in them, on the pages of all shelves.

{% readings_of rows as found %} asks once for all rows of a page; {% evidence found row.event_id row.comment %} shows
one of them, or the bare text where nothing was read. {% evidence_now text %} is for a text that may be no event, or
one whose event has not been read yet: it is read for the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import template
from django.template.defaultfilters import linebreaksbr
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from cxm.accounts.models import Membership, Role
from cxm.lib.personal import mask
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.texts import Annotation, annotations_of
from cxm.understand.text.annotating import feelings_of, reading_of
from cxm.understand.text.conversation import Turn, measure
from cxm.understand.text.evidence import Evidence, evidence_of
from cxm.understand.text.naming import SENTIMENTS
from cxm.understand.text.reading.reading import Reading
from cxm.understand.text.understanding import topic_names, understand

register = template.Library()
LEAST_TURNS = 3
MOST_TURNS = 2_000
FELT = 0.1  # mean scores nearer to 0 are called neutral
LONGEST = 20_000  # characters of a text that is read for a page


@register.simple_tag(takes_context=True)
def readings_of(context: dict[str, Any], rows: Iterable[Any]) -> dict[str, Annotation]:
    """What was read in the events of these rows (pairs that begin with one, lines with a message), by event id."""
    workspace = context["workspace"]
    ids: list[UUID] = []
    for row in rows:
        one = row[0] if isinstance(row, tuple) else row
        one = getattr(one, "message", None) or one
        try:
            ids.append(UUID(str(one.event_id)))
        except (AttributeError, ValueError):
            continue
    try:
        found = annotations_of(workspace.pk, ids) if ids else {}
    except EventlogError:
        return {}  # the page shows the texts without it
    return {str(event_id): row for event_id, row in found.items()}


@register.simple_tag(takes_context=True)
def evidence(
    context: dict[str, Any], found: Mapping[str, Annotation], event_id: object, text: str, chips_only: bool = False
) -> SafeString:
    row = found.get(str(event_id))
    if row is None:
        return SafeString("") if chips_only else _bare(context, text)
    reading = reading_of(row)
    feelings = dict(zip(row.topics, row.topic_sentiments, strict=False))
    shown = evidence_of(text, reading, topics=_names(context), feelings=feelings, masked=_masked(context))
    return _rendered(shown, chips_only)


@register.simple_tag(takes_context=True)
def evidence_now(
    context: dict[str, Any], text: str, question: str = "", chips_only: bool = False,
    found: Mapping[str, Annotation] | None = None, event_id: object = "",
) -> SafeString:  # fmt: skip
    """Of a text that is read for this page, unless what was read in its event is among those `found`."""
    text = str(text)
    if found and str(event_id) in found:
        return evidence(context, found, event_id, text, chips_only)
    if not text.strip() or len(text) > LONGEST:
        return SafeString("") if chips_only else _bare(context, text)
    [reading] = understand(context["workspace"].pk, [text], [question] if question else ())
    [feelings] = feelings_of([text], [reading])
    shown = evidence_of(text, reading, topics=_names(context), feelings=feelings, masked=_masked(context))
    return _rendered(shown, chips_only)


def _bare(context: dict[str, Any], text: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", linebreaksbr(mask(text) if _masked(context) else text))


def _rendered(shown: Evidence, chips_only: bool) -> SafeString:
    return SafeString(render_to_string("text/_evidence.html", {"evidence": shown, "chips_only": chips_only}))


def _names(context: dict[str, Any]) -> Mapping[str, str]:
    """Of the topics, once for each page."""
    request = context.get("request")
    known = getattr(request, "topic_names", None)
    if known is None:
        known = topic_names(context["workspace"].pk)
        if request is not None:
            request.topic_names = known
    return known


def _masked(context: dict[str, Any]) -> bool:
    """Whether the reader of the page may not see personal data in texts."""
    membership: Membership | None = context.get("membership")
    return membership is None or not Role(membership.role).includes(Role.AGENT)


# Conversations


@register.inclusion_tag("text/_conversation.html", takes_context=True)
def call_figures(context: dict[str, Any], turns: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the turns of a transcript, as a message keeps them."""
    said = [
        Turn(str(one.get("speaker") or ""), str(one.get("role") or ""), str(one.get("text") or ""),
             one.get("start_s"), one.get("end_s"))
        for one in turns
    ]  # fmt: skip
    return _figures(context, said)


@register.inclusion_tag("text/_conversation.html", takes_context=True)
def letter_figures(
    context: dict[str, Any], items: Iterable[Any], read: Mapping[str, Annotation] | None = None
) -> dict[str, Any]:
    """Of the messages among the lines of a case; what machines wrote is left out. `read`: from `readings_of`."""
    found = [one.message for one in items if one.kind == "message" and not one.message.is_automatic]
    if not found:
        return {"figures": None}
    first = min(one.at for one in found)
    said = [
        Turn(
            _("Customer") if one.direction == "in" else str(one.author or ""),
            "customer" if one.direction == "in" else "agent", one.text[:LONGEST], (one.at - first).total_seconds(),
        )
        for one in found
    ]  # fmt: skip
    known = {one.text[:LONGEST]: reading_of(row) for one in found if (row := (read or {}).get(str(one.event_id)))}
    return _figures(context, said, known)


def _figures(context: dict[str, Any], turns: list[Turn], known: Mapping[str, Reading] | None = None) -> dict[str, Any]:
    """Nothing for less than an exchange. `known`: what was read in some of the texts before."""
    if len(turns) < LEAST_TURNS or len({one.speaker for one in turns}) < 2:
        return {"figures": None}
    turns = turns[:MOST_TURNS]
    workspace_id = context["workspace"].pk

    def read(texts: Sequence[str]) -> list[Reading]:
        have = dict(known or {})
        new = [text for text in dict.fromkeys(texts) if text not in have]
        have |= zip(new, understand(workspace_id, new), strict=True)
        return [have[text] for text in texts]

    return {"figures": measure(turns, read)}


@register.filter
def mood(score: float | None) -> str:
    """A mean score in words."""
    if score is None:
        return ""
    return str(SENTIMENTS["positive" if score > FELT else "negative" if score < -FELT else "neutral"])


@register.filter
def lasting(seconds: float | None) -> str:
    """0:07, 12:30, or days and hours in words."""
    if seconds is None:
        return ""
    if seconds < 3600:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
    now = datetime(2000, 1, 1)  # noqa: DTZ001  # only the distance counts
    return timesince(now, now + timedelta(seconds=seconds))


@register.filter
def percent(share: float | None) -> str:
    """A share of 0 to 1 as a whole number of percent."""
    return "" if share is None else f"{share * 100:.0f}"
