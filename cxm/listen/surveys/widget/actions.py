"""Change where the widget shows a survey, and how sites vouch for their visitors."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace

from ..actions import locked
from ..models import IdentityKey, Survey
from .config import Widget, problems


class WidgetRefused(Exception):
    """Settings that cannot work; `codes` are those of config.problems."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


@transaction.atomic
def set_widget(*, survey: Survey, widget: Widget, by: Actor) -> Survey:
    """Where and to whom it shows, from now on; nothing has to be published. Raises WidgetRefused."""
    require_role(survey.workspace, by, Role.ANALYST)
    if codes := problems(widget):
        raise WidgetRefused(codes)
    survey = locked(survey)
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(widget))
    names = sorted(
        one for one in {*survey.widget, *stored} if survey.widget.get(one) != stored.get(one)
    )  # fmt: skip
    if names:
        changes = {f"widget.{one}": [survey.widget.get(one), stored.get(one)] for one in names}
        survey.widget, survey.updated_at = stored, timezone.now()
        survey.save(update_fields=["widget", "updated_at"])
        audit("changed", survey, workspace=survey.workspace, by=by, changes=changes)
    return survey


@transaction.atomic
def make_identity_key(*, workspace: Workspace, by: Actor) -> IdentityKey:
    """A new secret; the one before is worth nothing from now on."""
    require_role(workspace, by, Role.ADMIN)
    key, _made = IdentityKey.objects.update_or_create(
        workspace=workspace, defaults={"secret": secrets.token_hex(32), "made_at": timezone.now()}
    )
    audit("identity secret made", workspace, workspace=workspace, by=by)
    return key


@transaction.atomic
def require_identity(*, workspace: Workspace, required: bool, by: Actor) -> None:
    """Whether a user id is believed only with its HMAC. Without a secret there is nothing to require."""
    require_role(workspace, by, Role.ADMIN)
    if IdentityKey.objects.filter(workspace=workspace).exclude(required=required).update(required=required):
        audit("changed", workspace, workspace=workspace, by=by, changes={"identity required": [not required, required]})
