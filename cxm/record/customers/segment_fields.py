"""What segments may ask of customers: the catalogue of their form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib.conditions_form import Field
from cxm.lib.conditions_form import Kind as FormKind
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

from .models import Tag, Trait
from .timeline import kind_label
from .traits import Kind, kinds

WITHOUT = frozenset({"matches"})  # see membership.check
MOST_EVENTS = 300
KINDS: dict[Trait.Kind, FormKind] = {
    Kind.TEXT: "text", Kind.NUMBER: "number", Kind.YES_NO: "yes_no", Kind.DATE: "date", Kind.LIST: "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventName:
    name: str
    n: int


EVENTS = """
SELECT toString(name) AS name, count() AS n FROM events WHERE $scope
GROUP BY name ORDER BY n DESC, name LIMIT {limit:UInt32}
"""


def event_names(workspace: Workspace) -> list[str]:
    """The names of events that the log holds, the most frequent first."""
    rows = ask(
        EVENTS, Scope(workspace.pk), row=EventName, name="segments.events", table="events", limit=MOST_EVENTS
    ).rows  # fmt: skip
    return [row.name for row in rows]


def fields(workspace: Workspace) -> list[Field]:
    """Profile, traits and events of the workspace, and what its customers wrote. Raises EventlogError."""
    profile, traits, events = _("Profile"), _("Traits"), _("How often it happened")
    tags = tuple(
        (name, name) for name in Tag.objects.filter(workspace=workspace).order_by("name").values_list("name", flat=True)
    )
    found = [
        Field("name", _("Name"), group=profile, without=WITHOUT),
        Field("email", _("E-mail"), group=profile, without=WITHOUT),
        Field("phone", _("Phone"), group=profile, without=WITHOUT),
        Field("language", _("Language"), group=profile, without=WITHOUT),
        Field("tag", _("Tag"), "choice", tags, group=profile, many=True),
        Field("last_seen_days", _("Days since last seen"), "number", group=profile),
    ]
    found += [
        Field(f"trait.{name}", name, KINDS[kind], group=traits, many=kind is Kind.LIST, without=WITHOUT)
        for name, kind in sorted(kinds(workspace).items())
    ]
    found += [
        Field(f"event.{name}", kind_label(name), "number", group=events, counted=True)
        for name in event_names(workspace)
    ]
    said_fields: Callable[[Workspace], list[Field]] = import_string(settings.SAID_FIELDS)
    return [*found, *said_fields(workspace)]
