"""Mails to the owners of an endpoint that takes nothing: the other channel by which they hear of it."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from cxm.accounts.models import Role
from cxm.listen.channels.actions import queue
from cxm.listen.channels.webhook_models import WebhookEndpoint


def write_to_owners(endpoint: WebhookEndpoint, what: str) -> None:
    """To who made the endpoint, or else to the owners of the workspace; `what`: failing, off, gone."""
    workspace = endpoint.workspace
    memberships = workspace.memberships.filter(user__is_active=True).select_related("user")
    people = [one.user for one in memberships.filter(user=endpoint.created_by_id, role__in=[Role.ADMIN, Role.OWNER])]
    for person in people or [one.user for one in memberships.filter(role=Role.OWNER)]:
        with translation.override(person.language or settings.LANGUAGE_CODE):
            subject, text = _letter(endpoint, what)
        since = (endpoint.off_at or endpoint.told_at or timezone.now()).isoformat(timespec="seconds")
        queue(
            workspace=workspace, cause=f"webhook:{endpoint.pk.hex}:{what}:{since}:{person.pk}"[:100], to=person.email,
            subject=subject, text=text, bulk=False,
        )  # fmt: skip


def _letter(endpoint: WebhookEndpoint, what: str) -> tuple[str, str]:
    link = settings.BASE_URL + reverse("webhooks:show", args=[endpoint.workspace.slug, endpoint.pk])
    words = {"endpoint": str(endpoint), "url": endpoint.url, "workspace": endpoint.workspace.name, "link": link}
    match what:
        case "gone":
            subject = _("The webhook endpoint “%(endpoint)s” is switched off")
            text = _(
                "%(url)s answered that it wants no more messages (410), so the endpoint “%(endpoint)s” of "
                "%(workspace)s is switched off. If that is a mistake, switch it on again and replay what was "
                "cancelled:\n\n%(link)s\n"
            )
        case "off":
            subject = _("The webhook endpoint “%(endpoint)s” is switched off")
            text = _(
                "%(url)s has taken no message for several days, so the endpoint “%(endpoint)s” of %(workspace)s is "
                "switched off. New messages are kept for 30 days. When the other system works again, switch the "
                "endpoint on:\n\n%(link)s\n"
            )
        case _:
            subject = _("The webhook endpoint “%(endpoint)s” takes no messages")
            text = _(
                "%(url)s has taken no message for a day. The endpoint “%(endpoint)s” of %(workspace)s is tried for "
                "some days more and then switched off. What it answers is here:\n\n%(link)s\n"
            )
    return subject % words, text % words
