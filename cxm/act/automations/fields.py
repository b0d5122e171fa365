"""What conditions of a workflow may ask: the catalogue of their form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.act.cases.models import Case
from cxm.act.cases.text_fields import text_fields
from cxm.lib.conditions_form import Field
from cxm.lib.conditions_form import Kind as FormKind
from cxm.record.capture.models import PropertySeen
from cxm.record.customers import segment_fields
from cxm.record.customers.models import Segment

from .asking import OPEN_CASES, PROPERTY, SEGMENT
from .definition import Trigger

NUMBERS, TRUTHS = {"number", "integer"}, {"boolean"}
MOST_PROPERTIES = 200
Make = Callable[..., Field]


def fields(workspace: Workspace, trigger: Trigger) -> list[Field]:
    """The event's own properties first, then the customer's. Raises EventlogError."""
    group = _("Customer")
    segments = tuple(
        (str(pk), name) for pk, name in Segment.objects.filter(workspace=workspace).values_list("pk", "name")
    )
    own = [
        Field(SEGMENT, _("Segment"), "choice", segments, group=group, many=True),
        Field(OPEN_CASES, _("Open cases"), "number", group=group),
    ]
    rest = [
        replace(one, group=_("Customer: %(group)s") % {"group": one.group}) for one in segment_fields.fields(workspace)
    ]
    return [*properties_of(workspace, trigger), *own, *rest]


def properties_of(workspace: Workspace, trigger: Trigger) -> list[Field]:
    group = _("Event")

    def one(name: str, label: str, kind: FormKind = "text", choices: tuple[tuple[str, str], ...] = ()) -> Field:
        return Field(PROPERTY + name, label, kind, choices, group=group)

    match trigger.kind:
        case "answer":
            return [*_of_feedback(one), *text_fields(workspace)]
        case "case":
            priorities = tuple((str(Case.Priority(n).name).lower(), str(label)) for n, label in Case.Priority.choices)
            return [
                one("priority", _("Priority"), "choice", priorities), one("team", _("Team")),
                one("category", _("Category")), one("channel", _("Channel")), one("touchpoint", _("Touchpoint")),
                one("severe", _("Severe"), "yes_no"), one("complaint", _("Complaint"), "yes_no"),
                one("resolution", _("Resolution")), one("root_cause", _("Root cause")),
                one("resolution_s", _("Seconds until it was resolved"), "number"),
            ]  # fmt: skip
        case "alert":
            return [one("rule", _("Alert")), one("about", _("About"))]
        case "event":
            return _of_event(workspace, trigger.event, one)
    return []


def _of_feedback(make: Make) -> list[Field]:
    return [
        make("score", _("Score"), "number"), make("comment", _("Comment")), make("metric", _("Metric")),
        make("question", _("Question")), make("survey", _("Survey")), make("channel", _("Channel")),
        make("touchpoint", _("Touchpoint")), make("language", _("Language")),
    ]  # fmt: skip


def _of_event(workspace: Workspace, event: str, make: Make) -> list[Field]:
    """What is known of events of that name: agreed properties, and those that sources have sent."""
    found: dict[str, Field] = {}
    if event in ("message_received", "review_received", "call_transcribed", "answer_given"):
        found = {field.name: field for field in [*_of_feedback(make), *text_fields(workspace)]}
    if event.startswith("order_"):
        found = {
            field.name: field
            for field in (
                make("days_late", _("Days late"), "number"), make("amount", _("Amount"), "number"),
                make("currency", _("Currency")), make("order_id", _("Order")), make("touchpoint", _("Touchpoint")),
                make("channel", _("Channel")),
            )
        }  # fmt: skip
    if event in ("customer_tagged", "customer_untagged"):
        found = {PROPERTY + "tag": make("tag", _("Tag"))}
    seen = PropertySeen.objects.filter(source__workspace=workspace, event=event).exclude(property="")
    for name, type_ in seen.order_by("property").values_list("property", "type").distinct()[:MOST_PROPERTIES]:
        kind = "number" if type_ in NUMBERS else "yes_no" if type_ in TRUTHS else "text"
        found.setdefault(PROPERTY + name, make(name, name, kind))
    return list(found.values())
