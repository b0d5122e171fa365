"""A survey opens: the last checks, the contact budget, and the token with which its answers are given."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Any, Literal

import msgspec
from django.utils import timezone

from cxm.record.capture.models import Source

from ..definition import Definition
from ..models import Survey, Version
from ..respond.tokens import Start, token_of
from .config import UNASKED, Widget, widget_of
from .offers import live_surveys, refusal, suppressed
from .visitors import Said, Visitor

CHANNEL = "widget"
MOST_HIDDEN = 50
LONGEST_HIDDEN = 200


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


@lru_cache(maxsize=500)
def definition_of(survey: int, version: int) -> Definition:
    """What was published never changes. Raises Version.DoesNotExist."""
    return msgspec.convert(Version.objects.get(survey=survey, number=version).definition, Definition)


def open_survey(visitor: Visitor, source: Source, public_id: str, opening: Opening) -> Opened:
    """Decide, use the contact budget up where it is asked for, and begin a response."""
    survey = live_surveys(visitor.workspace).filter(public_id=public_id).first()
    if survey is None:
        return Opened(False, "unknown")
    widget = settings_of(survey)
    if reason := _shut(visitor, source, survey, widget, opening):
        return Opened(False, reason)
    definition = definition_of(survey.pk, survey.version)
    language = language_for(definition.languages, visitor.said)
    start = Start(
        uuid.uuid4(), survey.pk, survey.version, round(timezone.now().timestamp() * 1000), language, CHANNEL,
        origin=source.name[:200], person=visitor.person, address=visitor.said.url[:500],
        hidden=hidden_of(definition, opening.hidden), device=visitor.said.device,
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
        return may_contact(visitor, survey)
    return ""


def language_for(offered: list[str], said: Said) -> str:
    """The first language of the visitor in which the survey can be read, else its own first one."""
    for wanted in (said.language, *said.languages[:20]):
        code = wanted.lower().replace("_", "-")
        for one in offered:
            if code == one.lower():
                return one
        for one in offered:
            if code.partition("-")[0] == one.lower().partition("-")[0]:
                return one
    return offered[0] if offered else "en"


def text_in(text: dict[str, str], language: str, languages: list[str]) -> str:
    return next((text[one] for one in (language, *languages[:1], *text) if text.get(one)), "")


def look_of(definition: Definition) -> dict[str, Any]:
    look = definition.look
    return {"accent": look.accent, "logo": look.logo, "font": look.font, "dark": look.dark}


def hidden_of(definition: Definition, given: dict[str, str | int | float | bool]) -> dict[str, str]:
    """Only the fields that the survey names: nobody fills its responses with what it did not ask for."""
    known = [name for name in definition.hidden if name in given][:MOST_HIDDEN]
    return {name: str(given[name])[:LONGEST_HIDDEN] for name in known}
