"""The address that another program calls to begin a workflow. Who knows it may: it holds a random key."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from cxm.accounts.models import Workspace
from cxm.act.automations import actions
from cxm.act.automations.models import Workflow
from cxm.record.capture.intake.arriving import without_nul
from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.engine import EventlogError

LONGEST = 64 * 1024  # bytes of a body


@csrf_exempt
@login_not_required
@require_POST
def called(request: HttpRequest, key: str) -> JsonResponse:
    """Begin a run for the customer that the body names: customer_id, user_id or email; the rest are properties.

    The header webhook-id or Idempotency-Key, else the body itself, names the call: the same call begins one run.
    """
    workflow = (
        Workflow.objects.select_related("workspace")
        .filter(key=key, trigger="webhook", archived_at=None, workspace__deleted_at=None)
        .first()
    )
    if workflow is None:
        return JsonResponse({"error": "unknown address"}, status=404)
    if len(request.body) > LONGEST:
        return JsonResponse({"error": "too large"}, status=413)
    try:
        body = msgspec.json.decode(without_nul(request.body or b"{}"))
    except (msgspec.DecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return JsonResponse({"error": "the body is no JSON object"}, status=400)
    named = request.headers.get("webhook-id") or request.headers.get("Idempotency-Key")
    name = named[:90] if named else blake2b(request.body, digest_size=20).hexdigest()
    try:
        begun = actions.start_by_hand(
            workflow=workflow, customer=customer_of(workflow.workspace, body), by=None, key=name,
            properties=properties_of(body),
        )  # fmt: skip
    except actions.Refused as refused:
        return JsonResponse({"error": str(refused)}, status=409)
    except EventlogError:
        return JsonResponse({"error": "try again later"}, status=503)
    return JsonResponse({"begun": begun}, status=202)


def customer_of(workspace: Workspace, body: dict[str, Any]) -> Customer | None:
    if wanted := body.get("customer_id"):
        try:
            return Customer.objects.filter(workspace=workspace, pk=UUID(str(wanted))).first()
        except ValueError:
            return None
    for kind, name in (("user_id", "user_id"), ("email", "email")):
        value = str(body.get(name) or "").strip()
        value = value.casefold() if kind == "email" else value
        if value and (found := Identity.objects.filter(workspace=workspace, kind=kind, value=value).first()):
            return found.customer
    return None


def properties_of(body: dict[str, Any]) -> dict[str, Any]:
    inner = body.get("properties")
    return inner if isinstance(inner, dict) else {n: v for n, v in body.items() if n not in ("customer_id", "user_id")}
