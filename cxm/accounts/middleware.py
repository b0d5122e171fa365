"""Remember which workspace a person was in, so that the next visit begins there."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

LAST_WORKSPACE = "last_workspace"


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
