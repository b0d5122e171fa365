"""What is remembered of a session: the workspace it was in, and when and from where it was used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

LAST_WORKSPACE = "last_workspace"
SEEN_EVERY: Final = timedelta(minutes=1)


class RememberWorkspace:
    """A page of a workspace that was shown makes it the last one of this session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        slug = match.kwargs.get("slug") if match and request.path.startswith("/w/") else None
        if slug and response.status_code == 200 and request.session.get(LAST_WORKSPACE) != slug:
            request.session[LAST_WORKSPACE] = slug
        return response


class RememberSession:
    """Keeps the list of a person's sessions: when each was last used, to a minute, and from where.

    Django-allauth's own writes for each request, and SQLite lets one write at a time, to the disk: pages that write
    nothing would wait for each other.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and request.user.is_authenticated:
            seen = UserSession.objects.filter(session_key=request.session.session_key).first()
            if seen is None or not self.is_fresh(seen, request):
                UserSession.objects.create_from_request(request)
        return self.get_response(request)

    @staticmethod
    def is_fresh(seen: UserSession, request: HttpRequest) -> bool:
        known = (seen.user_id, seen.ip, seen.user_agent)
        agent = request.META.get("HTTP_USER_AGENT", "")[: UserSession._meta.get_field("user_agent").max_length]
        now = (request.user.pk, get_adapter().get_client_ip(request), agent)
        return known == now and timezone.now() - seen.last_seen_at < SEEN_EVERY
