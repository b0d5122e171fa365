"""The language of the user and the clock of the workspace, for everything that answers a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from cxm.accounts.models import User, Workspace


class LocalTime:
    """Stands after the authentication. The language that a user chose goes before the browser's; times are those of the
    workspace in the address (its time zone is no secret: a stranger gets 404 from the view all the same)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = getattr(request, "user", None)
        if isinstance(user, User) and user.language and translation.check_for_language(user.language):
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: dict[str, Any]) -> None:
        if isinstance(slug := kwargs.get("slug"), str):
            name = Workspace.objects.filter(slug=slug).values_list("time_zone", flat=True).first()
            try:
                timezone.activate(ZoneInfo(name or "UTC"))
            except (ZoneInfoNotFoundError, ValueError):
                timezone.deactivate()  # a zone that this machine does not know: UTC is the honest answer
