"""Exchanging the secret of an inbound webhook without losing a message: both count until the former is forgotten."""

from __future__ import annotations

from django.db import transaction

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role
from cxm.listen.channels.models import Channel

from .kind import new_secret


@transaction.atomic
def new_secret_for(*, channel: Channel, by: Actor) -> str:
    """Make a new secret and return it, the only time that it is told; the present one becomes the former."""
    require_role(channel.workspace, by, Role.ADMIN)
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    secret = new_secret()
    row.secrets = {**row.secrets, "former": row.secrets.get("secret", ""), "secret": secret}
    row.save(update_fields=["secrets"])
    audit("changed", channel, workspace=channel.workspace, by=by, changes={"secret": ["•••", "•••"]})
    return secret


@transaction.atomic
def forget_former(*, channel: Channel, by: Actor) -> None:
    require_role(channel.workspace, by, Role.ADMIN)
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    if row.secrets.pop("former", None) is not None:
        row.save(update_fields=["secrets"])
        audit("changed", channel, workspace=channel.workspace, by=by, changes={"former": ["•••", None]})
