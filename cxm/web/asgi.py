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

BROKEN = b"The body of the request breaks off."
PAGES_AT_ONCE = 64  # each has a thread of its own while it lasts
_intake = Intake()
_pages = asyncio.Semaphore(PAGES_AT_ONCE)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and not respondents.match(scope["path"]) and (found := match(scope["path"])):
        await _intake.handle(*found, scope, receive, send)
        return
    answered = False

    async def answering(message: Any) -> None:
        nonlocal answered
        answered = True
        await send(message)

    if scope["type"] == "http" and respondents.match(scope["path"]):
        await respondents.respond().handle(scope, receive, answering)
    else:
        async with _pages:
            await _django(scope, receive, answering)
    if scope["type"] == "http" and not answered:
        # Whoever sent this went away, or is there still, with a body that broke off: no answer would read 500.
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(BROKEN)).encode())]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": BROKEN})
