"""What every page knows: its workspace and the user's other ones."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from cxm import __version__


def page(request: HttpRequest) -> dict[str, Any]:
    return {"version": __version__, "languages": settings.LANGUAGES}
