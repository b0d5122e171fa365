"""The ASGI application: respondents and the tracking API first, Django for everything else."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
_django: Any = get_asgi_application()  # its stubs have ASGI types of their own

from cxm.lib.request_body import Receive  # noqa: E402  # after Django
from cxm.listen.surveys.respond import app as respondents  # noqa: E402  # needs the apps
from cxm.record.capture.intake.app import Intake, Scope, Send, match  # noqa: E402  # after Django

PAGES_AT_ONCE = 64  # each has a thread of its own while it lasts
_intake = Intake()
_pages = asyncio.Semaphore(PAGES_AT_ONCE)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and respondents.match(scope["path"]):
        await respondents.respond().handle(scope, receive, send)
        return
    if scope["type"] == "http" and (found := match(scope["path"])):
        await _intake.handle(*found, scope, receive, send)
        return
    async with _pages:
        await _django(scope, receive, send)
