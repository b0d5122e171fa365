"""Questions about endpoints and their messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookMessage, WebhookSecret

State = WebhookMessage.State


def listening(workspaces: Iterable[int]) -> dict[int, list[WebhookEndpoint]]:
    """The endpoints for which something is queued: those that are on, and those that are off because they failed."""
    found: dict[int, list[WebhookEndpoint]] = defaultdict(list)
    rows = WebhookEndpoint.objects.filter(workspace__in=set(workspaces), workspace__deleted_at=None)
    for one in rows.filter(Q(off_at=None) | Q(off_reason=WebhookEndpoint.Reason.FAILING)):
        found[one.workspace_id].append(one)
    return found


def wants(endpoint: WebhookEndpoint, kind: str) -> bool:
    """`case` wants every type that begins with `case.`; no types at all want everything."""
    return not endpoint.types or any(kind == one or kind.startswith(one + ".") for one in endpoint.types)


def endpoints_of(workspace: Workspace) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(workspace=workspace).select_related("workspace", "created_by")


def endpoint_for(workspace: Workspace, endpoint_id: UUID) -> WebhookEndpoint:
    found = endpoints_of(workspace).filter(pk=endpoint_id).first()
    if found is None:
        raise Http404
    return found


def message_for(endpoint: WebhookEndpoint, message_id: UUID) -> WebhookMessage:
    found = endpoint.messages.filter(pk=message_id).select_related("endpoint", "workspace").first()
    if found is None:
        raise Http404
    return found


def signing_secrets(endpoint_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Endpoint → the secrets that sign now, the newest first."""
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = WebhookSecret.objects.filter(endpoint__in=list(endpoint_ids)).order_by("-pk")
    for endpoint_id, secret in rows.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now())).values_list(
        "endpoint_id", "secret"
    ):
        found[endpoint_id].append(secret)
    return found


def counts_of(workspace: Workspace, days: int = 7) -> dict[UUID, dict[str, int]]:
    """Endpoint → state → how many messages of the past days."""
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = WebhookMessage.objects.filter(
        endpoint__workspace=workspace, created_at__gte=timezone.now() - timedelta(days=days)
    )
    for endpoint_id, state, n in rows.order_by().values_list("endpoint_id", "state").annotate(n=Count("pk")):
        found[endpoint_id][state] = n
    return found
