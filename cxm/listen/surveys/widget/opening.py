"""A survey opens: the last checks, the contact budget, and the token with which its answers are given."""

from __future__ import annotations

import uuid
from typing import Any, Literal

import msgspec
from django.utils import timezone

from cxm.record.capture.models import Source

from ..budget import Request, decide
from ..definition import Definition
from ..definition import said as text_in
from ..identity import UNVERIFIED
from ..models import Survey, Version
from ..respond.beginning import clean, hidden_from
from ..respond.directory import Prepared, counts_of, directory, read
from ..respond.languages import best_language
from ..respond.tokens import Start, token_of
from .config import UNASKED, Widget, widget_of
from .offers import live_surveys, refusal, suppressed
from .visitors import Said, Visitor

CHANNEL = "widget"


class Opening(Said):
    """`by`: trigger, a moment that its settings name · visitor, who asked for it by a button · place, it stands in the
    page · call, the site's own code."""

    by: Literal["trigger", "visitor", "place", "call"] = "call"
    trigger: str = ""
    hidden: dict[str, str | int | float | bool] = {}


class Opened(msgspec.Struct, omit_defaults=True):
    """What the script needs to show it. Without `open`, `reason` says why it stays shut."""

    open: bool
    reason: str = ""
    token: str = ""
    id: str = ""
    key: str = ""
    name: str = ""
    title: str = ""
    kind: str = ""
    corner: str = ""
    language: str = ""
    look: dict[str, Any] = {}


def prepared_of(survey: Survey) -> Prepared:
    """The published version, as respondents get it."""
    entry = read(survey.pk)
    found = entry and directory().prepared_now(entry, survey.version)
    if not found:
        raise Version.DoesNotExist
    return found


def open_survey(visitor: Visitor, source: Source, public_id: str, opening: Opening) -> Opened:
    """Decide, use the contact budget up where it is asked for, and begin a response."""
    survey = live_surveys(visitor.workspace).filter(public_id=public_id).first()
    if survey is None:
        return Opened(False, "unknown")
    widget = settings_of(survey)
    if reason := _shut(visitor, source, survey, widget, opening):
        return Opened(False, reason)
    prepared = prepared_of(survey)
    definition = prepared.definition
    language = best_language(wanted(visitor.said), definition.languages)
    # Traits and earlier answers may be put into texts, so only those get them who are known to be who they say.
    proven = visitor.verified or not visitor.user
    customer = visitor.customer.pk if visitor.customer and proven else None
    start = Start(
        uuid.uuid4(), survey.pk, survey.version, round(timezone.now().timestamp() * 1000), language, CHANNEL,
        origin=clean(source.name)[:200], person=visitor.person, customer=customer,
        hidden=hidden_from(prepared, opening.hidden), address=clean(visitor.said.url)[:500],
        device=visitor.said.device, flags=[] if proven else [UNVERIFIED],
        full=prepared.full_at_start(counts_of(survey.pk)) if prepared.asked_quotas else [],
    )  # fmt: skip
    return Opened(
        True, token=token_of(start), id=survey.public_id, key=survey.key, name=survey.name,
        title=text_in(definition.title, language, definition.languages),
        kind=widget.kind, corner=widget.corner, language=language, look=look_of(definition),
    )  # fmt: skip


def settings_of(survey: Survey) -> Widget:
    """Its settings; those of a survey that has none, or that another release saved, are the default ones."""
    try:
        return widget_of(survey.widget)
    except msgspec.ValidationError:
        return Widget()


def _shut(visitor: Visitor, source: Source, survey: Survey, widget: Widget, opening: Opening) -> str:
    if suppressed(visitor):
        return "suppressed"
    if opening.by == "trigger":
        if not widget.enabled or widget.kind not in UNASKED:
            return "off"
        if why := refusal(visitor, source, survey, widget):
            return why
    # Whoever asked for it is not bothered by it: it uses nothing of the budget.
    if opening.by in ("trigger", "call") and visitor.recognised and visitor.person:
        [decision] = decide(visitor.workspace.pk, [Request(visitor.person, survey.pk, CHANNEL)])
        return "" if decision.allowed else "budget" if decision.reason == "rule" else "refused"
    return ""


def wanted(said: Said) -> list[str]:
    """The languages of a visitor: that of the page they read, then those of their browser."""
    return [one for one in (said.language.replace("_", "-"), *said.languages[:20]) if one]


def look_of(definition: Definition) -> dict[str, Any]:
    look = definition.look
    return {"accent": look.accent, "logo": look.logo, "font": look.font, "dark": look.dark}
