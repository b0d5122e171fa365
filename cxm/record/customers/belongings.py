"""All that is kept about a person: found by the foreign keys that lead to a customer, so that no table is forgotten."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role
from cxm.record.eventlog import transfer

from .linking import log_id, parts
from .models import Customer, Identity, PersonField
from .snapshot import families, ids_in_log

Model = type[models.Model]
Keys = dict[Model, list[Any]]  # primary keys of rows

# Erased with the person, yet about colleagues: who looks at a case, who is told of it.
ABOUT_COLLEAGUES = frozenset(("cases.presence", "cases.watcher", "cases.notice", "cases.alertnotice"))
# What lets whoever holds it act for the person, and what is made of other fields.
KEPT_BACK = {
    "surveys.invitation": {"token"}, "customers.customer": {"search_text"}, "cases.case": {"search_text"},
}  # fmt: skip


@cache
def references() -> dict[Model, list[tuple[Model, str]]]:
    """By model: the models whose rows go with its rows, each with the field that leads there."""
    found: dict[Model, list[tuple[Model, str]]] = defaultdict(list)
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            if isinstance(field, models.ForeignKey) and field.remote_field.on_delete is models.CASCADE:
                found[field.related_model].append((model, field.name))
    return found


def person_fields() -> list[tuple[Model, str]]:
    """The models that name a person without a foreign key, each with the field."""
    return [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, PersonField)
    ]


def ids_of(workspace_id: int, family: Sequence[Customer]) -> list[UUID]:
    """Every customer id that events and rows of these profiles can carry: also of names that nobody tracks, such as
    the e-mail address by which somebody was asked before there was a profile."""
    named = [
        log_id(workspace_id, name)
        for part in parts([one.pk for one in family])
        for name in Identity.objects.filter(customer__in=part).values_list("kind", "value")
    ]
    return list(dict.fromkeys([*ids_in_log(workspace_id, family), *named]))


def kept_about(customers: Sequence[UUID], in_log: Sequence[UUID]) -> Keys:
    """The rows about these people, by model; `in_log` are the ids under which the log has their events."""
    found: dict[Model, dict[Any, None]] = defaultdict(dict)  # dicts keep the order
    waiting: list[tuple[Model, list[Any]]] = []

    def add(model: Model, rows: models.QuerySet[Any]) -> None:
        new = [one for one in rows.order_by("pk").values_list("pk", flat=True) if one not in found[model]]
        found[model].update(dict.fromkeys(new))
        if new:
            waiting.append((model, new))

    add(Customer, Customer.objects.filter(pk__in=customers))
    for model, name in person_fields():
        for part in parts(in_log):
            add(model, model._base_manager.filter(**{f"{name}__in": part}))
    while waiting:
        model, keys = waiting.pop(0)
        for below, name in references().get(model, []):
            for part in parts(keys):
                add(below, below._base_manager.filter(**{f"{name}__in": part}))
    return {model: list(keys) for model, keys in found.items() if keys}


def export(*, customer: Customer, by: Actor) -> Iterator[bytes]:
    """One JSON object with everything about the person: a list of rows for each table, and `events`. Unmasked.

    What a person asks about themselves is theirs to see; that it was asked is in the audit trail. Raises EventlogError
    at once where the log does not answer, not while it is read.
    """
    require_role(customer.workspace, by, Role.ANALYST)
    family = [one for some in families(customer.workspace_id, [customer.pk]) for one in some]
    ids = ids_of(customer.workspace_id, family)
    events = transfer.events_of(customer.workspace_id, ids)
    first = next(events, b"")
    audit("exported", customer, workspace=customer.workspace, by=by, name="")
    return _pieces(kept_about([one.pk for one in family], ids), first, events)


def _pieces(kept: Keys, first: bytes, events: Iterator[bytes]) -> Iterator[bytes]:
    yield b"{"
    for name, rows in _tables(kept):
        yield b"%s: %s,\n" % (_json(name), _json(rows))
    yield b'"events": [' + first
    for event in events:
        yield b",\n" + event
    yield b"]}\n"


def _tables(kept: Keys) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for model, keys in kept.items():
        name = model._meta.label_lower
        if name in ABOUT_COLLEAGUES:
            continue
        shown = [one.attname for one in model._meta.local_concrete_fields if one.name not in KEPT_BACK.get(name, ())]
        rows = [one for part in parts(keys) for one in model._base_manager.filter(pk__in=part).values(*shown)]
        yield name, rows


def _json(value: object) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
