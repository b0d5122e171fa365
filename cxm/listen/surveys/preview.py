"""The preview of a draft: the very page that people will see, in a frame beside the editor. Its answers never count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from csp.constants import SELF
from csp.decorators import csp_update

from .definition import Definition
from .models import Survey
from .places import Place, page_of
from .respond.tokens import preview_token

View = TypeVar("View", bound=Callable[..., Any])


def framed(view: View) -> View:
    """Lets a page show the preview in a frame, and nothing else."""
    return cast(View, csp_update({"frame-src": [SELF]})(view))


def preview_url(survey: Survey, language: str, at: Place, definition: Definition) -> str:
    """The address of the draft as people will see it, opened at the page of a part."""
    page = at.id if at.part == "page" else ""
    if at.part == "question" and (found := page_of(definition, at.id)):
        page = found.id
    if at.part == "section":
        page = next((one.id for one in definition.pages if any(s.id == at.id for s in one.sections)), "")
    asked = {"preview": preview_token(survey.pk), "lang": language}
    if page:
        asked["page"] = page
    return f"/s/{survey.public_id}?{urlencode(asked)}"
