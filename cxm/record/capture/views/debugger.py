"""The live debugger of a source."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for, sees_personal
from cxm.accounts.models import Membership
from cxm.lib.personal import MASK, mask_all
from cxm.record.capture import debugger
from cxm.record.capture.arrivals import in_utc
from cxm.record.capture.debugger import Stored, Wanted
from cxm.record.capture.models import Source
from cxm.record.capture.plan import PlanError, read_plan
from cxm.record.capture.plan_preview import violations_of
from cxm.record.capture.queries import plan_of, source_for
from cxm.record.capture.reasons import Reason, sentence_of, title_of

from .sources import context_of


def wanted_of(request: HttpRequest) -> Wanted:
    def word(name: str, known: tuple[str, ...] | list[str] = ()) -> str:
        value = request.GET.get(name, "").strip()[:200]
        return value if not known or value in known else ""

    return Wanted(
        show=word("show", ("stored", "refused")), type=word("type", debugger.TYPES), name=word("name"),
        reason=word("reason", [one.value for one in Reason]), text=word("text"),
    )  # fmt: skip


@never_cache
@require_safe
def show(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    """The newest events. While the page is watched it asks again every two seconds, and is told only of news."""
    membership = membership_for(request.user, slug)
    source = source_for(membership.workspace, source_id)
    wanted = wanted_of(request)
    paused = request.GET.get("paused") == "1"
    if request.htmx and debugger.unchanged(source, wanted, request.GET.get("mark", "")):  # type: ignore[attr-defined]  # django-htmx
        return HttpResponse(status=204)
    rows = debugger.latest(source, wanted)
    filters = {key: value for key in ("show", "type", "name", "reason", "text") if (value := getattr(wanted, key))}
    shown = {
        "source": source, "wanted": wanted, "paused": paused, "tab": "debugger",
        "rows": [line(one) for one in rows],
        "again": urlencode({**filters, "mark": debugger.mark_of(source, wanted, rows)}),
        "filters": urlencode(filters), "types": debugger.TYPES,
        "reasons": sorted(((one.value, title_of(one)) for one in Reason), key=lambda pair: pair[1]),
    }  # fmt: skip
    template = "sources/_debugger.html" if request.htmx else "sources/debugger.html"  # type: ignore[attr-defined]  # django-htmx
    return render(request, template, context_of(membership, **shown))


def line(row: debugger.Row) -> dict[str, Any]:
    """A row as the list shows it."""
    at = in_utc(row.at)
    if isinstance(row, Stored):
        return {
            "key": str(row.event_id), "event_id": row.event_id, "at": at, "name": row.name, "type": row.type,
            "who": row.user_id or row.anonymous_id, "known": bool(row.user_id), "remark": row.remark, "n": 1,
        }  # fmt: skip
    milliseconds = round(at.timestamp() * 1000)
    return {
        "key": f"{milliseconds}-{row.digest}", "ms": milliseconds, "digest": row.digest, "at": at, "name": row.name,
        "reason": row.reason, "title": title_of(row.reason), "detail": row.detail, "n": row.n,
    }  # fmt: skip


@never_cache
@require_safe
def event(request: HttpRequest, slug: str, source_id: UUID, event_id: UUID) -> HttpResponse:
    """One stored event, as it came."""
    membership = membership_for(request.user, slug)
    source = source_for(membership.workspace, source_id)
    found = debugger.stored(source, event_id)
    if found is None:
        raise Http404
    shown = {
        "source": source, "event": found, "at": in_utc(found.at), "occurred_at": in_utc(found.occurred_at),
        "sent_at": in_utc(found.sent_at) if found.sent_at.year > 1970 else None,
        "properties": debugger.pretty(shown_to(membership, found.properties)),
        "context": debugger.pretty(shown_to(membership, found.context)),
        "customer": debugger.customer_of(source, found), "violations": against_plan(source, found),
        "tab": "debugger",
    }  # fmt: skip
    template = "sources/_event.html" if request.htmx else "sources/event.html"  # type: ignore[attr-defined]  # django-htmx
    return render(request, template, context_of(membership, **shown))


def shown_to(membership: Membership, came: str) -> str:
    """JSON that came, for this member: viewers see personal data masked, and nothing of what is cut off or broken."""
    if sees_personal(membership) or not came:
        return came
    try:
        return msgspec.json.encode(mask_all(msgspec.json.decode(came))).decode()
    except (msgspec.DecodeError, RecursionError):
        return MASK


def against_plan(source: Source, found: Stored) -> list[str]:
    """What the event does against the plan in force, where the source is checked."""
    plan = plan_of(source.workspace) if source.plan_mode != Source.PlanMode.OFF else None
    if plan is None or found.type != "track":
        return []
    try:
        return [one.detail for one in violations_of(read_plan(plan.yaml), found.name, found.properties)]
    except PlanError:
        return []


@never_cache
@require_safe
def rejection(request: HttpRequest, slug: str, source_id: UUID, ms: int, digest: int) -> HttpResponse:
    """One note on what was not stored, with the beginning of what came."""
    membership = membership_for(request.user, slug)
    source = source_for(membership.workspace, source_id)
    found = debugger.refused(source, ms, digest)
    if found is None:
        raise Http404
    shown = {
        "source": source, "rejection": found, "at": in_utc(found.at), "title": title_of(found.reason),
        "sentence": sentence_of(found.reason), "tab": "debugger",
        "body": debugger.pretty(shown_to(membership, found.body)),
    }  # fmt: skip
    template = "sources/_rejection.html" if request.htmx else "sources/rejection.html"  # type: ignore[attr-defined]  # django-htmx
    return render(request, template, context_of(membership, **shown))
