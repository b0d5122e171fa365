"""What can be done with endpoints and their messages: make, change, rotate, switch off and on, tell, replay."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.lib.http import BadAddress, may_reach, target_of
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookMessage, WebhookSecret
from cxm.record.customers.models import Customer

from . import signing
from .owners import write_to_owners
from .queries import listening, wants

State = WebhookMessage.State
Reason = WebhookEndpoint.Reason
waiting = threading.Event()  # set when a transaction of this process has queued messages: whoever sends them wakes
TYPE = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
MOST_TYPE = 100  # characters
MOST_TYPES = 100  # of one endpoint
MOST_ENDPOINTS = 50  # of one workspace
MOST_BODY = 20 * 1024  # bytes; the standard asks for thin messages
OVERLAP = timedelta(hours=24)  # how long the secret before signs beside the new one
LONGEST_OVERLAP = timedelta(days=7)
KEPT = timedelta(days=30)  # messages and attempts; what waits for an endpoint that is off, too
AT_ONCE = 500  # rows
TEST = "webhook.test"


@dataclass(frozen=True)
class Told:
    """Something that happened. `key` names it: the same key is the same message."""

    workspace_id: int
    type: str
    data: Mapping[str, Any]
    at: datetime
    key: str
    customer_id: UUID | None = None  # of a profile that exists


# Telling


def tell(
    *, workspace: Workspace, type: str, data: Mapping[str, Any], at: datetime, key: str = "",  # noqa: A002  # the word of the standard
    customer: Customer | None = None,
) -> int:  # fmt: skip
    """Queue it for each endpoint that wants the type, in the caller's transaction; returns for how many.

    With a `key`, telling it again queues nothing. Raises ValueError for a malformed type and for data of more than
    20 KB, which is a mistake of the caller: send ids.
    """
    return tell_all([Told(workspace.pk, type, data, at, key or str(uuid4()), customer.pk if customer else None)])


def tell_all(things: Sequence[Told]) -> int:
    """Queue many at once."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A webhook queued outside a transaction could leave although its cause was rolled back.")
    for one in things:
        _check_type(one.type)
    endpoints = listening({one.workspace_id for one in things})
    rows = [
        _message(endpoint, one) for one in things for endpoint in endpoints.get(one.workspace_id, [])
        if wants(endpoint, one.type)
    ]  # fmt: skip
    if rows:
        WebhookMessage.objects.bulk_create(rows, ignore_conflicts=True, batch_size=AT_ONCE)
        transaction.on_commit(waiting.set)
    return len(rows)


def body_of(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The payload of the standard. Raises ValueError where it is too large."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = json.dumps({"type": kind, "timestamp": stamp, "data": data}, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > MOST_BODY:
        raise ValueError(f"A webhook of the type {kind} has more than {MOST_BODY} bytes; send ids instead.")
    return text


def _message(endpoint: WebhookEndpoint, one: Told) -> WebhookMessage:
    return WebhookMessage(
        workspace_id=one.workspace_id, endpoint=endpoint, event_id=uuid5(_space(one.workspace_id), one.key),
        type=one.type, body=body_of(one.type, one.at, one.data), at=one.at, customer_id=one.customer_id,
    )  # fmt: skip


def _space(workspace_id: int) -> UUID:
    return uuid5(uuid.NAMESPACE_OID, f"cxm webhook {workspace_id}")


def _check_type(kind: str) -> None:
    if not TYPE.fullmatch(kind) or len(kind) > MOST_TYPE:
        raise ValueError(f"{kind!r} is no type of a webhook: words of letters, digits and _, parted by full stops.")


# Endpoints


@transaction.atomic
def create_endpoint(
    *, workspace: Workspace, url: str, by: Actor, name: str = "", types: Iterable[str] = (),
    scheme: str = WebhookSecret.Scheme.SYMMETRIC,
) -> tuple[WebhookEndpoint, WebhookSecret]:  # fmt: skip
    """A new endpoint and its secret, which is shown now and never again. Raises Refused."""
    require_role(workspace, by, Role.ADMIN)
    if WebhookEndpoint.objects.filter(workspace=workspace).count() >= MOST_ENDPOINTS:
        raise Refused(_("A workspace has at most %(n)d endpoints.") % {"n": MOST_ENDPOINTS})
    endpoint = WebhookEndpoint(workspace=workspace, url=checked_url(url), name=name.strip()[:200])
    endpoint.types = checked_types(types)
    endpoint.created_by = user_behind(by)
    endpoint.save()
    audit("created", endpoint, workspace=workspace, by=by, changes={"url": [None, endpoint.url]})
    return endpoint, _new_secret(endpoint, scheme)


@transaction.atomic
def change_endpoint(
    *, endpoint: WebhookEndpoint, by: Actor, url: str | None = None, name: str | None = None,
    types: Iterable[str] | None = None,
) -> WebhookEndpoint:  # fmt: skip
    """What waits goes to the new address. Raises Refused."""
    require_role(endpoint.workspace, by, Role.ADMIN)
    values = {
        "url": None if url is None else checked_url(url),
        "name": None if name is None else name.strip()[:200],
        "types": None if types is None else checked_types(types),
    }
    before = {field: getattr(endpoint, field) for field in values}
    changes = {
        field: [before[field], value] for field, value in values.items() if value is not None and value != before[field]
    }
    if not changes:
        return endpoint
    for field, (_before, value) in changes.items():
        setattr(endpoint, field, value)
    endpoint.save(update_fields=list(changes))
    audit("changed", endpoint, workspace=endpoint.workspace, by=by, changes=changes)
    return endpoint


@transaction.atomic
def remove_endpoint(*, endpoint: WebhookEndpoint, by: Actor) -> None:
    """It, its secrets and its log are gone."""
    require_role(endpoint.workspace, by, Role.ADMIN)
    audit("removed", endpoint, workspace=endpoint.workspace, by=by, changes={"url": [endpoint.url, None]})
    endpoint.delete()


@transaction.atomic
def rotate(*, endpoint: WebhookEndpoint, by: Actor, scheme: str = "", overlap: timedelta = OVERLAP) -> WebhookSecret:
    """A new secret, shown now and never again. Those before sign beside it for `overlap`, none of them for longer.

    Raises Refused for an overlap of more than a week.
    """
    require_role(endpoint.workspace, by, Role.ADMIN)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Refused(_("The secret before may sign for at most seven days more."))
    now = timezone.now()
    ending = now + overlap
    current = endpoint.secrets.filter(ends_at=None).order_by("-pk").first()
    endpoint.secrets.filter(ends_at=None).update(ends_at=ending)
    endpoint.secrets.filter(ends_at__gt=ending).update(ends_at=ending)
    made = _new_secret(endpoint, scheme or (current.scheme if current else WebhookSecret.Scheme.SYMMETRIC))
    audit("rotated", endpoint, workspace=endpoint.workspace, by=by, changes={"scheme": [None, made.scheme]})
    return made


def _new_secret(endpoint: WebhookEndpoint, scheme: str) -> WebhookSecret:
    if scheme not in WebhookSecret.Scheme.values:
        raise Refused(_("A signature is symmetric (v1) or asymmetric (v1a)."))
    secret, public = (signing.new_secret(), "") if scheme == WebhookSecret.Scheme.SYMMETRIC else signing.new_pair()
    return WebhookSecret.objects.create(endpoint=endpoint, scheme=scheme, secret=secret, public=public)


@transaction.atomic
def switch_off(*, endpoint: WebhookEndpoint, by: Actor) -> None:
    """Nothing leaves and nothing new is queued for it; what waits goes on waiting."""
    require_role(endpoint.workspace, by, Role.ADMIN)
    if _off(endpoint, Reason.PERSON):
        audit("switched off", endpoint, workspace=endpoint.workspace, by=by)


@transaction.atomic
def switch_on(*, endpoint: WebhookEndpoint, by: Actor) -> None:
    """What waits leaves now, each message with all its attempts before it."""
    require_role(endpoint.workspace, by, Role.ADMIN)
    if (
        not WebhookEndpoint.objects.filter(pk=endpoint.pk)
        .exclude(off_at=None)
        .update(off_at=None, off_reason="", failing_since=None, told_at=None, rests_until=None)
    ):
        return
    endpoint.messages.filter(state=State.WAITING).update(next_at=timezone.now(), attempts=0)
    audit("switched on", endpoint, workspace=endpoint.workspace, by=by)
    endpoint.refresh_from_db()
    transaction.on_commit(waiting.set)


def _off(endpoint: WebhookEndpoint, reason: WebhookEndpoint.Reason) -> bool:
    changed = WebhookEndpoint.objects.filter(pk=endpoint.pk, off_at=None).update(
        off_at=timezone.now(), off_reason=reason
    )
    endpoint.refresh_from_db()
    return bool(changed)


def gone(endpoint: WebhookEndpoint) -> None:
    """It answered 410: switched off, and what waits is cancelled. In the caller's transaction."""
    if _off(endpoint, Reason.GONE):
        endpoint.messages.filter(state=State.WAITING).update(state=State.CANCELLED)
        audit("switched off", endpoint, workspace=endpoint.workspace, by=None, changes={"reason": [None, "gone"]})
        write_to_owners(endpoint, "gone")


def given_up(endpoint: WebhookEndpoint) -> None:
    """It took nothing for as long as a message is tried: switched off, and what comes is kept for it."""
    if _off(endpoint, Reason.FAILING):
        audit("switched off", endpoint, workspace=endpoint.workspace, by=None, changes={"reason": [None, "failing"]})
        write_to_owners(endpoint, "off")


def warn(endpoint: WebhookEndpoint) -> None:
    """Tell the owners, once for each time it fails without an end."""
    if WebhookEndpoint.objects.filter(pk=endpoint.pk, told_at=None).update(told_at=timezone.now()):
        write_to_owners(endpoint, "failing")


def checked_url(url: str) -> str:
    """Raises Refused for what is no address of a web service, or one of a machine that is not public."""
    url = url.strip()
    try:
        target = target_of(url)
    except BadAddress as error:
        raise Refused(
            _("Write an address that begins with https:// or http://, in plain characters and without a password.")
        ) from error
    if len(url) > 2000:
        raise Refused(_("An address has at most 2,000 characters."))
    try:
        ip_address(target.host)
    except ValueError:
        return url
    if not may_reach(target.host, settings.WEBHOOK_NETWORKS):
        raise Refused(_("Webhooks go to public addresses only. The person who runs this server can allow others."))
    return url


def checked_types(types: Iterable[str]) -> list[str]:
    """Each once, in order. Raises Refused for what is no type."""
    found = list(dict.fromkeys(one.strip() for one in types if one.strip()))
    for one in found:
        if not TYPE.fullmatch(one) or len(one) > MOST_TYPE:
            raise Refused(_("“%(type)s” is no type of an event.") % {"type": one})
    if len(found) > MOST_TYPES:
        raise Refused(_("An endpoint names at most %(n)d types.") % {"n": MOST_TYPES})
    return found


# Messages


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, by: Actor) -> WebhookMessage:
    """Queue a message of the type `webhook.test`, whatever types the endpoint wants. Raises Refused when it is off."""
    require_role(endpoint.workspace, by, Role.ADMIN)
    _must_be_on(endpoint)
    now = timezone.now()
    data = {"endpoint_id": str(endpoint.pk), "sent_by": str(by or "OpenCXM")}
    made = _message(endpoint, Told(endpoint.workspace_id, TEST, data, now, f"test {uuid4()}"))
    made.save()
    audit("tested", endpoint, workspace=endpoint.workspace, by=by)
    transaction.on_commit(waiting.set)
    return made


@transaction.atomic
def replay(*, message: WebhookMessage, by: Actor) -> None:
    """Send it again under its own id. Raises Refused when it is on its way already, or its endpoint is off."""
    require_role(message.workspace, by, Role.ADMIN)
    _must_be_on(message.endpoint)
    if not _again(WebhookMessage.objects.filter(pk=message.pk)):
        raise Refused(_("This message is on its way already."))
    audit("replayed", message.endpoint, workspace=message.workspace, by=by, changes={"message": [None, str(message)]})
    message.refresh_from_db()


@transaction.atomic
def replay_range(
    *, endpoint: WebhookEndpoint, since: datetime, until: datetime, by: Actor, delivered: bool = False
) -> int:
    """Send again what happened in [since, until): what failed or was cancelled, or all with `delivered`.

    Returns how many messages. Raises Refused when the endpoint is off.
    """
    require_role(endpoint.workspace, by, Role.ADMIN)
    _must_be_on(endpoint)
    if since >= until:
        raise Refused(_("The end must be after the beginning."))
    rows = endpoint.messages.filter(at__gte=since, at__lt=until)
    n = _again(rows if delivered else rows.exclude(state=State.DELIVERED))
    changes = {"from": [None, since.isoformat()], "to": [None, until.isoformat()], "messages": [None, n]}
    audit("replayed", endpoint, workspace=endpoint.workspace, by=by, changes=changes)
    return n


def _again(rows: Any) -> int:
    n: int = rows.filter(state__in=[State.DELIVERED, State.FAILED, State.CANCELLED]).update(
        state=State.WAITING, attempts=0, next_at=timezone.now(), claimed_by=""
    )
    transaction.on_commit(waiting.set)
    return n


def _must_be_on(endpoint: WebhookEndpoint) -> None:
    if endpoint.off_at:
        raise Refused(_("This endpoint is switched off. Switch it on first."))


def forget_old() -> int:
    """The clock that removes messages with their attempts after 30 days; returns how many."""
    n = 0
    while ids := list(
        WebhookMessage.objects.filter(created_at__lt=timezone.now() - KEPT)
        .exclude(state=State.SENDING).values_list("pk", flat=True)[:AT_ONCE]
    ):  # fmt: skip
        WebhookMessage.objects.filter(pk__in=ids).delete()
        n += len(ids)
    WebhookSecret.objects.filter(ends_at__lt=timezone.now() - KEPT).delete()
    return n
