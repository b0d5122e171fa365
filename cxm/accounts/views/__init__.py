"""The pages of accounts: the ways in, one's own account, and the settings of a workspace."""

from __future__ import annotations

from django.http import HttpRequest

from cxm.accounts.models import User


def person(request: HttpRequest) -> User:
    """Who asks; the middleware lets nobody else through to a page that is not marked as public."""
    assert isinstance(request.user, User)
    return request.user
