"""/health: does this process reach its database and its log? For monitors, without login and without details."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cxm import __version__
from cxm.record.eventlog.engine import EventlogError, engine

logger = logging.getLogger(__name__)

ANY_PAGE = {"Access-Control-Allow-Origin": "*"}


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "OPTIONS"])
def health(request: HttpRequest) -> HttpResponse:
    """Clients of the tracking API may ask it, from any page."""
    if request.method == "OPTIONS":
        return HttpResponse(headers=ANY_PAGE | {"Access-Control-Allow-Methods": "GET, OPTIONS"})
    parts = {"database": _answers(_ask_database), "log": _answers(ask_log)}
    up = all(parts.values())
    return JsonResponse(
        {"status": "ok" if up else "down", "version": __version__}
        | {name: "ok" if one else "down" for name, one in parts.items()},
        status=200 if up else 503,
        headers=ANY_PAGE,
    )


def _answers(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except (Error, EventlogError, OSError) as error:
        logger.warning("Health check: %s", error)
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_log() -> None:
    """Raise EventlogError unless every node of the log answers."""
    opened = engine()
    for node in opened.addresses:
        with opened.client(node) as client:
            client.command("SELECT 1")
