"""What every page knows: the version, the languages, and the workspaces that the user may switch to."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cxm import __version__
from cxm.accounts.models import Membership, User


def page(request: HttpRequest) -> dict[str, Any]:
    codes = [code for code, _name in settings.LANGUAGES]
    return {
        "version": __version__,
        "language_codes": codes,
        "memberships": SimpleLazyObject(lambda: _memberships(request)),  # error pages and fragments never ask
    }


def _memberships(request: HttpRequest) -> list[Membership]:
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return []
    return list(user.memberships.select_related("workspace").order_by("workspace__name"))
