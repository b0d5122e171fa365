"""The one way in which a case changes: its row, a line of its history, the audit trail, and the facts for the log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import ApiKey, Role, User
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.outbox import emit

from . import hooks, searching
from .models import Case, CaseEntry

State = Case.State
SEARCHED: Final = {"subject", "tags", "category", "properties"}
PERSONAL: Final = {"subject", "customer", "conversation", "tags", "properties", "what"}
# Kinds of changes that are facts of their own.
FACTS: Final = {
    "opened", "acknowledged", "replied", "assigned", "handed_over", "reopened", "snoozed", "merged", "resolved",
    "closed",
}  # fmt: skip


def locked(case: Case) -> Case:
    """The row as it is now, held until the transaction ends."""
    return Case.objects.select_for_update(of=("self",)).select_related("team", "workspace").get(pk=case.pk)


def change(
    case: Case,
    by: Actor,
    kind: str,
    *,
    text: str = "",
    ref: str = "",
    data: Mapping[str, Any] | None = None,
    fact: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    **fields: Any,
) -> CaseEntry | None:
    """Set `fields` of a case, and say so everywhere: the entry of its history, or None where nothing changed.

    `kind` names the change in the past tense; one of FACTS is stated as `case_<kind>` with the properties of `fact`.
    `ref` names what the change answers to: a second change of that kind for the same `ref` does nothing. `data` goes
    into the entry beside the fields [before, after]. The caller's `case` is brought up to date. Raises
    PermissionDenied and Http404 as `require_role` does.
    """
    require_role(case.workspace, by, Role.AGENT)
    with transaction.atomic():
        now = locked(case)
        if ref and now.entries.filter(kind=kind, ref=ref).exists():
            take_over(case, now)
            return None
        changes = _set(now, fields)
        if not changes and not text and not data and not ref:
            take_over(case, now)
            return None
        now.version += 1
        if SEARCHED & fields.keys():
            now.search_text = searching.text_of(now)
        now.save(update_fields=[*changes, "version", "search_text"])
        entry = CaseEntry.objects.create(
            case=now, at=at or timezone.now(), kind=kind, text=text, ref=ref, **signed(by),
            data={**{name: [shown(one) for one in pair] for name, pair in changes.items()}, **(data or {})},
        )  # fmt: skip
        audit_case(kind, now, by, entry.data)
        hooks.run(hooks.CHANGED, now)
        state_facts(now, kind, by, fact)
        take_over(case, now)
    return entry


def audit_case(verb: str, case: Case, by: Actor, changes: Mapping[str, Any] | None = None) -> None:
    """Into the audit trail, which outlives the customer: by number, and without what was said of or by them."""
    kept = {name: value for name, value in (changes or {}).items() if name not in PERSONAL}
    audit(verb, case, workspace=case.workspace, by=by, changes=kept, name=f"#{case.number}")


def state_facts(case: Case, kind: str, by: Actor, fact: Mapping[str, Any] | None) -> None:
    """Into the outbox: what happened, if it is a fact of its own, and what the ticket is now."""
    whose: dict[str, Any] = {"workspace_id": case.workspace_id, "customer_id": case.customer_id or NOBODY}
    if kind in FACTS:
        more: dict[str, Any] = {"by": name} if (name := name_of(by)) else {}
        emit(
            f"case_{kind}",
            **whose,
            case_id=str(case.pk),
            number=case.number,
            subject=case.subject,
            **more,
            **(fact or {}),
        )
    emit("ticket_updated", **whose, **ticket_of(case))


def ticket_of(case: Case) -> dict[str, Any]:
    """What `ticket_updated` says: the case as the metrics of tickets know one. What is not known is missing."""
    properties = {
        "team": case.team.name,
        "category": case.category,
        "root_cause": case.cause.name if case.cause else "",
        "promise_kept": _promise_kept(case),
    }
    more: dict[str, Any] = {}
    for told in hooks.run(hooks.TOLD, case):
        properties |= told
    if "sla_met" in properties:
        more["sla_met"] = properties.pop("sla_met")
    times = {
        name: moment.isoformat()
        for name, moment in (
            ("opened_at", case.opened_at), ("first_responded_at", case.first_replied_at),
            ("resolved_at", case.resolved_at), ("closed_at", case.closed_at),
        )
        if moment
    }  # fmt: skip
    texts = {"channel": case.channel, "touchpoint": case.touchpoint}
    return {
        "ticket_id": ticket_id(case), "version": case.version, "state": case.state, **times,
        "reopened": case.reopened, "reassigned": case.reassigned, "complaint": case.is_complaint,
        "priority": Case.Priority(case.priority).name.lower(), **{name: text for name, text in texts.items() if text},
        **more, "properties": {name: str(one) for name, one in properties.items() if one not in ("", None)},
    }  # fmt: skip


def ticket_id(case: Case) -> str:
    """By what the log knows a case."""
    return f"case-{case.number}"


def _promise_kept(case: Case) -> str:
    if case.promised_at is None:
        return ""
    if case.first_replied_at:
        return "true" if case.first_replied_at <= case.promised_at else "false"
    return "false" if timezone.now() > case.promised_at else ""


def _set(case: Case, fields: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    changes = {}
    for name, value in fields.items():
        before = getattr(case, name)
        if before != value:
            changes[name] = (before, value)
            setattr(case, name, value)
    return changes


def take_over(case: Case, now: Case) -> None:
    """Let the caller's instance say what the row says."""
    for field in Case._meta.concrete_fields:
        if field.attname in now.__dict__:
            setattr(case, field.attname, getattr(now, field.attname))
    for name, value in now._state.fields_cache.items():
        if value is not None and name != "workspace":
            case._state.fields_cache[name] = value


def shown(value: Any) -> Any:
    """As the history keeps it: names of people and teams, ISO times, lists and plain values as they are."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Case):
        return f"#{value.number}"  # its subject may speak of somebody who is erased one day
    if isinstance(value, models.Model | uuid.UUID):
        return str(value)
    return value if isinstance(value, int | float | str | list | dict) or value is None else str(value)


def signed(by: Actor) -> dict[str, Any]:
    """The fields of an entry that say who did it."""
    return {"by": by if isinstance(by, User) else None, "by_name": name_of(by)[:254]}


def name_of(by: Actor) -> str:
    """What the log may call them: a name, never an address."""
    if isinstance(by, User):
        return by.name
    return by.name if isinstance(by, ApiKey) else ""
