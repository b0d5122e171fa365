"""Addresses of a survey for respondents."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.conf import settings

from cxm.listen.surveys.models import Invitation, Survey


def public_link(survey: Survey, **query: str) -> str:
    """The link for everybody; `kiosk=1`, a source and hidden fields go into the query."""
    return _with(f"{settings.BASE_URL}/s/{survey.address or survey.public_id}", query)


def personal_link(invitation: Invitation, **query: str) -> str:
    return _with(f"{settings.BASE_URL}/s/i/{invitation.token}", query)


def _with(address: str, query: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(query)}" if query else address
