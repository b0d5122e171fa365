"""What conditions of rules, workflows and cases may ask of a text: `text.NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, leaves
from cxm.lib.conditions_form import Field
from cxm.understand.text.naming import FIELDS, choices
from cxm.understand.text.understanding import signals_of, topic_names, wording

TEXT = "text."
NAMES = frozenset(
    {"language", "sentiment", "score", "emotion", "intent", "effort", "urgent", "topic", "touchpoint"}
)  # as text.signals has them


def text_fields(workspace: Workspace) -> list[Field]:
    group = _("What the comment says")
    topics = tuple(topic_names(workspace.pk).items())
    found = [
        Field(name, str(FIELDS[name]), "choice", choices(name), group=group)
        for name in ("text.sentiment", "text.emotion", "text.intent", "text.language")
    ]
    return [
        *found,
        Field("text.score", _("Sentiment from −1 to 1"), "number", group=group),
        Field("text.effort", str(FIELDS["text.effort"]), "yes_no", group=group),
        Field("text.urgent", str(FIELDS["text.urgent"]), "yes_no", group=group),
        Field("text.topic", str(FIELDS["text.topic"]), "choice" if topics else "text", topics, group=group, many=True),
        Field(
            "text.touchpoint",
            _("Touchpoint that the comment mentions"),
            "choice",
            choices("text.touchpoint"),
            group=group,
            many=True,
        ),
    ]


def asks_text(condition: Condition | None) -> bool:
    return condition is not None and any(leaf.field.startswith(TEXT) for leaf in leaves(condition))


def with_text(workspace_id: int, properties: Mapping[str, Any]) -> dict[str, Any]:
    """As a case keeps it among its properties, for routing and policies; empty for an event without a comment."""
    found = of_properties(workspace_id, properties)
    return {"text": found} if found else {}


def of_properties(workspace_id: int, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The signals of the comment that an event brought; empty without one."""
    found = said_in(workspace_id, properties)
    return signals_of(workspace_id, *found) if found else {}


def said_in(workspace_id: int, properties: Mapping[str, Any]) -> tuple[str, str] | None:
    """The comment of an event and what was asked; None without a comment."""
    comment = properties.get("comment")
    if not isinstance(comment, str) or not comment.strip():
        return None
    survey, question, language = (
        value if isinstance(value := properties.get(name), str) else "" for name in ("survey", "question", "language")
    )
    version = properties.get("question_version")
    return comment, wording(workspace_id, survey, question, version if isinstance(version, int) else 0, language)
