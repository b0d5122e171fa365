"""A live survey with settings of the widget, and what a page says to the server."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from cxm.accounts.models import Workspace
from cxm.listen.surveys.actions import create_survey, publish
from cxm.listen.surveys.definition import Definition, Ending, Page, Question, Section
from cxm.listen.surveys.models import Survey


def live_survey(
    workspace: Workspace, name: str = "Opinion", *, hidden: list[str] | None = None, **widget: Any
) -> Survey:
    definition = Definition(
        title={"en": "Your opinion", "uk": "Ваша думка"}, languages=["en", "uk"], hidden=hidden or [],
        pages=[Page("p1", [Section("s1", [Question("nps", "nps", {"en": "How likely?", "uk": "Наскільки?"})])])],
        endings=[Ending("e", {"en": "Thanks a lot!", "uk": "Щиро дякуємо!"})],
    )  # fmt: skip
    survey = create_survey(workspace=workspace, name=name, definition=definition, by=None)
    publish(survey=survey, by=None)
    if widget:
        Survey.objects.filter(pk=survey.pk).update(widget={"enabled": True, **widget})
    survey.refresh_from_db()
    return survey


def say(client: Client, address: str, **said: Any) -> Any:
    """As the script does it: a text, so that the browser asks no permission first."""
    return client.post(
        address, json.dumps(said), content_type="text/plain;charset=UTF-8", headers={"origin": "https://shop.example"}
    )
