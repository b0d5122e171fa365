"""What can be done around a map: comment on it and settle that, show it to people outside and stop."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import ApiKey, Membership, Role
from cxm.understand.journeys.models import JourneyMap, MapComment, MapShare

from .editing import gone
from .errors import Refused
from .queries import definition_of

MOST_COMMENTS = 2000  # of a map
LONGEST_COMMENT = 5000
MOST_SHARES = 50  # living ones of a map


@transaction.atomic
def add_comment(*, journey_map: JourneyMap, text: str, by: Actor, touchpoint: str = "") -> MapComment:
    """On the map, or on one touchpoint, by agents and above. Raises Refused."""
    require_role(journey_map.workspace, by, Role.AGENT)
    text = text.replace("\x00", "").strip()
    if not text:
        raise Refused(_("Write the comment first."))
    if len(text) > LONGEST_COMMENT:
        raise Refused(_("A comment has at most %(n)s characters.") % {"n": LONGEST_COMMENT})
    if touchpoint and touchpoint not in {one.key for one in definition_of(journey_map).touchpoints()}:
        raise gone()
    if MapComment.objects.filter(map=journey_map).count() >= MOST_COMMENTS:
        raise Refused(_("A map has at most %(n)s comments. Remove old ones first.") % {"n": MOST_COMMENTS})
    made = MapComment.objects.create(map=journey_map, touchpoint=touchpoint, text=text, created_by=user_behind(by))
    audit("commented", journey_map, workspace=journey_map.workspace, by=by)
    return made


@transaction.atomic
def resolve_comment(*, comment: MapComment, by: Actor, resolved: bool = True) -> MapComment:
    """Settled; with resolved=False, open again."""
    require_role(comment.map.workspace, by, Role.AGENT)
    if (comment.resolved_at is not None) != resolved:
        comment.resolved_at = timezone.now() if resolved else None
        comment.resolved_by = user_behind(by) if resolved else None
        comment.save(update_fields=["resolved_at", "resolved_by"])
        verb = "comment settled" if resolved else "comment reopened"
        audit(verb, comment.map, workspace=comment.map.workspace, by=by)
    return comment


@transaction.atomic
def remove_comment(*, comment: MapComment, by: Actor) -> None:
    """One's own; those of others by administrators."""
    workspace = comment.map.workspace
    require_role(workspace, by, Role.AGENT)
    user = user_behind(by)
    if user is not None and comment.created_by_id != user.pk:
        role = by.role if isinstance(by, ApiKey) else Membership.objects.get(workspace=workspace, user=user).role
        if not Role(role).includes(Role.ADMIN):
            raise PermissionDenied
    audit("comment removed", comment.map, workspace=workspace, by=by)
    comment.delete()


@transaction.atomic
def share_map(
    *, journey_map: JourneyMap, by: Actor, note: str = "", expires_at: datetime | None = None
) -> MapShare:  # fmt: skip
    """A new public address that shows the map, read only, to everybody who has it."""
    require_role(journey_map.workspace, by, Role.ANALYST)
    if journey_map.archived_at:
        raise Refused(_("The map is in the archive. Take it out first."))
    if expires_at is not None and expires_at <= timezone.now():
        raise Refused(_("The end of a public address must lie in the future."))
    if MapShare.objects.filter(map=journey_map, revoked_at=None).count() >= MOST_SHARES:
        raise Refused(_("A map has at most %(n)s public addresses. Take one back first.") % {"n": MOST_SHARES})
    share = MapShare.objects.create(
        map=journey_map, note=" ".join(note.replace("\x00", "").split())[:200], expires_at=expires_at,
        created_by=user_behind(by),
    )  # fmt: skip
    audit("shared", journey_map, workspace=journey_map.workspace, by=by, changes={"note": ["", share.note]})
    return share


@transaction.atomic
def revoke_share(*, share: MapShare, by: Actor) -> MapShare:
    """The address stops working at once, for good."""
    require_role(share.map.workspace, by, Role.ANALYST)
    if share.revoked_at is None:
        share.revoked_at = timezone.now()
        share.save(update_fields=["revoked_at"])
        audit("unshared", share.map, workspace=share.map.workspace, by=by, changes={"note": [share.note, ""]})
    return share
