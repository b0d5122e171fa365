"""What segments may ask of the texts that a customer wrote: `said.NAME`, of all of them together."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib.conditions_form import Field, Kind
from cxm.record.eventlog.membership import SAID

from . import topics
from .naming import FIELDS, choices

WITHOUT = frozenset({"matches"})  # see membership.check
YES_NO = frozenset({"said.effort", "said.urgent"})


def said_fields(workspace: Workspace) -> list[Field]:
    return [_field(name, workspace) for name in SAID]


def _field(name: str, workspace: Workspace) -> Field:
    text = name.replace("said.", "text.")
    offered = tuple(topics.names_of(workspace.pk).items()) if name == "said.topic" else choices(text)
    kind: Kind = "yes_no" if name in YES_NO else "choice" if offered else "text"
    group = _("What they wrote")
    return Field(
        name, str(FIELDS[text]), kind, () if kind == "yes_no" else offered, group=group, many=True, without=WITHOUT
    )
