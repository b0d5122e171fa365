"""What the log holds that touchpoints can be bound to: names of events, fields of answers and tickets, their values."""

from __future__ import annotations

from dataclasses import dataclass, field

from cxm.accounts.models import Workspace
from cxm.record.customers.segment_fields import event_names
from cxm.record.customers.timeline import kind_label
from cxm.record.eventlog.engine import EventlogError
from cxm.understand.metrics import fields as log_fields

TABLES = ("events", "feedback", "tickets")
# No touchpoint is known by these, or the editor asks for them in another way.
NOT_OFFERED = ("trait.", "order.", "text.")


@dataclass(frozen=True, slots=True)
class Known:
    events: list[tuple[str, str]] = field(default_factory=list)  # (name, in words), the most frequent first
    fields: dict[str, list[str]] = field(default_factory=dict)  # by table
    values: list[tuple[str, str]] = field(default_factory=list)  # (value, the field that has it)
    cases: list[str] = field(default_factory=list)  # properties of events that may tell journeys apart


def known(workspace: Workspace) -> Known:
    """Nothing where the log does not answer: then names are typed."""
    try:
        names = event_names(workspace)
        found = log_fields.fields(workspace.pk, TABLES)
    except EventlogError:
        return Known()
    by_table = {
        table: [one.field for one in found.fields.get(table, []) if not one.field.startswith(NOT_OFFERED)]
        for table in TABLES
    }
    values: dict[str, str] = {}
    for table in TABLES:
        for one in found.fields.get(table, []):
            if not one.field.startswith(NOT_OFFERED):
                for value, _n in one.values[:10]:
                    values.setdefault(value, one.field)
    properties = [one.removeprefix("property.") for one in by_table["events"] if one.startswith("property.")]
    cases = [one for one in properties if one.endswith(("_id", "Id", "_number"))]
    return Known([(name, kind_label(name)) for name in names], by_table, sorted(values.items())[:400], cases)
