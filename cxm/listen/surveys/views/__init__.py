"""Pages of the builder. Each starts with who asks; nothing is changed but by a verb of actions.py."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, User
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.queries import differs, draft_of, survey_called


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # membership_for has seen to it
    return request.user


def survey_for(request: HttpRequest, slug: str, survey_id: int, role: Role = Role.ANALYST) -> tuple[Membership, Survey]:
    """Who asks, and the survey; 404 for strangers, 403 for too small a role."""
    membership = membership_for(request.user, slug, role)
    return membership, survey_called(membership.workspace, survey_id)


def language_of(request: HttpRequest, definition: Definition) -> str:
    """The language in which texts are shown and changed: the one asked for, else the first of the survey."""
    wanted = request.POST.get("lang") or request.GET.get("lang") or ""
    return wanted if wanted in definition.languages else definition.languages[0]


def context_for(membership: Membership, survey: Survey, tab: str, **more: Any) -> dict[str, Any]:
    """What every page of a survey shows: the heading, the tabs, the state."""
    definition = more.pop("definition", None) or draft_of(survey)
    if "language" in more:  # base.html takes that name for the language of the page
        more["text_language"] = more.pop("language")
    return {
        "membership": membership,
        "workspace": membership.workspace,
        "survey": survey,
        "tab": tab,
        "definition": definition,
        "to_publish": differs(survey, definition),
        **more,
    }
