"""What can be done with channels: set up, change, pause, test, remove."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace

from .actions import Refused
from .base import Trouble
from .models import Channel
from .queries import folded
from .registry import KINDS

logger = logging.getLogger(__name__)


@transaction.atomic
def create_channel(
    *, workspace: Workspace, kind: str, name: str, by: Actor, address: str = "",
    settings: Mapping[str, Any] | None = None, secrets: Mapping[str, Any] | None = None,
) -> Channel:  # fmt: skip
    """A new way in. Raises Refused for a name or an address that is taken."""
    require_role(workspace, by, Role.ADMIN)
    name, address = name.strip(), folded(address)
    _refuse_taken(workspace, name, address)
    channel = Channel(
        workspace=workspace, kind=kind, name=name, address=address, settings=dict(settings or {}),
        secrets=dict(secrets or {}),
    )  # fmt: skip
    channel.secrets |= KINDS[kind].on_create(channel)
    channel.save()
    audit("created", channel, workspace=workspace, by=by, changes={"kind": [None, kind], "address": [None, address]})
    return channel


@transaction.atomic
def change_channel(
    *, channel: Channel, by: Actor, name: str, address: str = "", settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
) -> Channel:  # fmt: skip
    """Change its settings; secrets that are not given stay. Raises Refused as create_channel does."""
    require_role(channel.workspace, by, Role.ADMIN)
    channel = Channel.objects.select_for_update().select_related("workspace").get(pk=channel.pk)
    name, address = name.strip(), folded(address)
    _refuse_taken(channel.workspace, name, address, channel)
    new = {"name": name, "address": address, "settings": {**channel.settings, **(settings or {})}}
    changes = {key: [getattr(channel, key), value] for key, value in new.items() if getattr(channel, key) != value}
    for key, value in new.items():
        setattr(channel, key, value)
    changes |= {key: ["•••", "•••"] for key in secrets or {}}
    channel.secrets = {**channel.secrets, **(secrets or {})}
    # Where it reads from may be another place now; the last trouble was with the old settings.
    channel.state = {key: value for key, value in channel.state.items() if key not in {"error", "error_at"}}
    channel.save(update_fields=["name", "address", "settings", "secrets", "state"])
    if changes:
        audit("changed", channel, workspace=channel.workspace, by=by, changes=changes)
    return channel


@transaction.atomic
def pause_channel(*, channel: Channel, paused: bool, by: Actor) -> None:
    """Take nothing in by it for now, or again."""
    require_role(channel.workspace, by, Role.ADMIN)
    if Channel.objects.filter(pk=channel.pk, is_paused=not paused).update(is_paused=paused):
        audit("paused" if paused else "resumed", channel, workspace=channel.workspace, by=by)


@transaction.atomic
def remove_channel(*, channel: Channel, by: Actor) -> None:
    """Remove the way in; its conversations stay."""
    require_role(channel.workspace, by, Role.ADMIN)
    audit("removed", channel, workspace=channel.workspace, by=by)
    channel.delete()


def check_channel(*, channel: Channel, by: Actor) -> str:
    """Try it out and answer with a sentence. Raises Refused with what went wrong."""
    require_role(channel.workspace, by, Role.ADMIN)
    check = KINDS[channel.kind].check
    if check is None:
        return _("There is nothing to test: this channel waits for others to send.")
    try:
        words = check(channel)
    except Trouble as trouble:
        note(channel, error=str(trouble))
        raise Refused(str(trouble)) from trouble
    note(channel)
    return words


def note(channel: Channel, *, error: str = "", received_at: datetime | None = None) -> None:
    """Write down how the channel does, for its page; the cursor beside it stays as it is."""
    with transaction.atomic():
        row = Channel.objects.select_for_update().filter(pk=channel.pk).first()
        if row is None:
            return
        before = dict(row.state)
        if error:
            row.state |= {"error": error[:1000], "error_at": timezone.now().isoformat()}
        else:
            row.state.pop("error", None)
            row.state.pop("error_at", None)
        if received_at:
            row.state["received_at"] = received_at.isoformat()
        if row.state != before:
            row.save(update_fields=["state"])


def polled_channels() -> list[int]:
    """The channels that have to be asked for what is new."""
    names = [name for name, kind in KINDS.items() if kind.poll]
    rows = Channel.objects.filter(kind__in=names, is_paused=False, workspace__deleted_at=None)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def poll_channel(channel_id: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Look for what is new in one channel; returns how many came. What goes wrong there stands on its page."""
    channel = Channel.objects.select_related("workspace").filter(pk=channel_id, is_paused=False).first()
    poll = KINDS[channel.kind].poll if channel and channel.kind in KINDS else None
    if channel is None or poll is None:
        return 0
    try:
        came = poll(channel, stopping)
    except Trouble as trouble:
        logger.warning("The channel %s waits: %s", channel.pk, trouble)
        note(channel, error=str(trouble))
        return 0
    note(channel, received_at=timezone.now() if came else None)
    return came


def poll_all() -> int:
    """Ask all channels, one after the other; returns how many messages came."""
    return sum(poll_channel(one) for one in polled_channels())


def _refuse_taken(workspace: Workspace, name: str, address: str, beside: Channel | None = None) -> None:
    if not name:
        raise Refused(_("A channel needs a name."))
    others = Channel.objects.exclude(pk=beside.pk) if beside else Channel.objects.all()
    if others.filter(workspace=workspace, name=name).exists():
        raise Refused(_("There is a channel of this name already."))
    # By its address the mail of an installation finds its workspace.
    if address and others.filter(kind="email", address=address).exists():
        raise Refused(_("There is a mailbox with this address already."))
