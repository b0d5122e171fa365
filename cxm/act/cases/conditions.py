"""What conditions may ask of a case: policies, routing and saved views share these fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, Value, holds, leaves
from cxm.lib.conditions_form import Field
from cxm.record.customers.models import Trait
from cxm.record.customers.snapshot import combined_traits, families
from cxm.record.customers.traits import kinds

from .models import Case, Team
from .text_fields import NAMES, TEXT, text_fields

TRAIT, PROPERTY = "trait.", "property."
OWN = frozenset({
    "subject", "category", "priority", "channel", "touchpoint", "language", "complaint", "severe", "tag", "team",
    "opened_by", "state", "customer", "reopened",
})  # fmt: skip


def case_fields(workspace: Workspace) -> list[Field]:
    """The catalogue for the form of conditions."""
    case, customer = pgettext("a thing to deal with", "Case"), _("Customer")
    teams = tuple((name, name) for name in Team.objects.filter(workspace=workspace).values_list("name", flat=True))
    levels = tuple((str(code), str(label)) for code, label in Case.Priority.choices)
    openers = (
        ("message", _("a message of the customer")), ("answer", _("an answer to a survey")), ("alert", _("an alert")),
        ("rule", _("a rule")), ("person", _("a person")),
    )  # fmt: skip
    found = [
        Field("subject", _("Subject"), group=case),
        Field("category", _("Category"), group=case),
        Field("priority", _("Priority"), "choice", levels, group=case),
        Field("channel", _("Channel"), group=case),
        Field("touchpoint", _("Touchpoint"), group=case),
        Field("language", _("Language"), group=case),
        Field("complaint", _("It is a complaint"), "yes_no", group=case),
        Field("severe", _("It is severe"), "yes_no", group=case),
        Field("tag", _("Tag"), group=case, many=True),
        Field("team", _("Team"), "choice", teams, group=case),
        Field("opened_by", _("Opened by"), "choice", openers, group=case),
        Field("reopened", _("Reopened (times)"), "number", group=case),
        Field("customer", _("The customer is known"), "yes_no", group=customer),
        *text_fields(workspace),
    ]
    form_kinds = {Trait.Kind.NUMBER: "number", Trait.Kind.YES_NO: "yes_no", Trait.Kind.DATE: "date"}
    found += [
        Field(f"{TRAIT}{name}", name, form_kinds.get(kind, "text"), group=customer, many=kind is Trait.Kind.LIST)  # type: ignore[arg-type]  # the kinds of forms
        for name, kind in sorted(kinds(workspace).items())
    ]
    return found


def stored(condition: Condition | None) -> dict[str, Any]:
    """As a table keeps it; empty: holds for all cases."""
    return dict(msgspec.to_builtins(condition)) if condition is not None else {}


def loaded(condition: Mapping[str, Any]) -> Condition | None:
    return msgspec.convert(condition, Condition) if condition else None


def unknown(condition: Condition | None) -> str:
    """The first field that cases do not have; "" when they have all."""
    for leaf in leaves(condition) if condition else ():
        known = leaf.field in OWN or leaf.field.startswith((TRAIT, PROPERTY))
        if not known and not (leaf.field.startswith(TEXT) and leaf.field.removeprefix(TEXT) in NAMES):
            return leaf.field
    return ""


def matches(condition: Condition | None, case: Case, memory: dict[str, Any] | None = None) -> bool:
    """Whether it holds for the case. `memory` keeps what was read of the customer, for the next condition."""
    return condition is None or holds(condition, values_of(case, memory if memory is not None else {}))


def values_of(case: Case, memory: dict[str, Any]) -> Callable[[Condition], Value]:
    def value(leaf: Condition) -> Value:
        name = leaf.field
        if name.startswith(PROPERTY):
            found: Value = case.properties.get(name.removeprefix(PROPERTY))
            return found
        if name.startswith(TEXT):
            read = case.properties.get("text")
            return read.get(name.removeprefix(TEXT)) if isinstance(read, dict) else None
        if name.startswith(TRAIT):
            return _traits(case, memory).get(name.removeprefix(TRAIT))
        match name:
            case "complaint":
                return case.is_complaint
            case "severe":
                return case.is_severe
            case "tag":
                return list(case.tags)
            case "team":
                return case.team.name
            case "customer":
                return case.customer_id is not None
            case "opened_by":
                return case.opened_by.partition(":")[0]
            case "priority":
                return int(case.priority)
        return getattr(case, name, None) if name in OWN else None

    return value


def _traits(case: Case, memory: dict[str, Any]) -> Mapping[str, Any]:
    """Of the person, over all merged profiles."""
    if "traits" not in memory:
        memory["traits"] = {}
        if case.customer_id is not None:
            for family in families(case.workspace_id, [case.customer_id]):
                memory["traits"] = combined_traits(family)
    return dict(memory["traits"])
