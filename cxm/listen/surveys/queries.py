"""Questions about surveys: those of a workspace, the draft as a definition, what published versions hold."""

from __future__ import annotations

import msgspec
from django.db.models import Count, Max, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from cxm.accounts.models import User, Workspace

from .checking import Taken
from .definition import Definition, Question
from .models import QuestionVersion, Response, Revision, Survey, Version

WORDING = msgspec.json.Decoder(Question)


def surveys_of(workspace: Workspace, *, archived: bool = False, text: str = "", state: str = "") -> QuerySet[Survey]:
    """The surveys of a workspace, newest change first, with the number of their responses and of the last one."""
    rows = Survey.objects.filter(workspace=workspace, archived_at__isnull=not archived)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(key__icontains=text))
    if state in Survey.State.values:
        rows = rows.filter(state=state)
    counted = Q(responses__test=False, responses__archived_at=None)
    return rows.annotate(
        completed=Count("responses", filter=counted & Q(responses__state=Response.State.COMPLETED)),
        begun=Count("responses", filter=counted),
        last_at=Max("responses__updated_at", filter=counted),
    ).order_by("-updated_at", "-pk")


def survey_called(workspace: Workspace, survey_id: int) -> Survey:
    """The survey of that number, or Http404 as if it did not exist."""
    survey = Survey.objects.select_related("workspace").filter(workspace=workspace, pk=survey_id).first()
    if survey is None:
        raise Http404
    return survey


def draft_of(survey: Survey) -> Definition:
    return msgspec.convert(survey.draft, Definition)


def differs(survey: Survey, draft: Definition) -> bool:
    """Whether publishing the draft would change anything: it never was, or differs from what people answer."""
    newest = version_of(survey, survey.version) if survey.version else None
    return newest is None or msgspec.convert(newest.definition, Definition) != draft


def version_of(survey: Survey, number: int) -> Version | None:
    return Version.objects.filter(survey=survey, number=number).select_related("published_by").first()


def wordings_now(survey: Survey) -> dict[str, QuestionVersion]:
    """The newest published wording of every question that was ever asked."""
    return {one.question: one for one in QuestionVersion.objects.filter(survey=survey).order_by("number")}


def taken_by(survey: Survey) -> Taken:
    """What published versions hold: ids that stay bound to what they meant."""
    taken = Taken()
    rows = QuestionVersion.objects.filter(survey=survey).order_by("number").annotate(text=Cast("body", TextField()))
    for text in rows.values_list("text", flat=True):  # there may be thousands: from text they are read ten times faster
        taken.add(WORDING.decode(text))
    return taken


def changed_by_another(survey: Survey, user: User) -> bool:
    """Whether somebody else made the newest edit of the draft."""
    newest = Revision.objects.filter(survey=survey).order_by("-made_at").first()
    return newest is not None and newest.made_by_id != user.pk


def can_step(survey: Survey) -> tuple[bool, bool]:
    """Whether there is an edit to undo, and one to redo."""
    numbers = set(
        Revision.objects.filter(survey=survey, number__in=[survey.revision - 1, survey.revision + 1]).values_list(
            "number", flat=True
        )
    )
    return survey.revision - 1 in numbers, survey.revision + 1 in numbers
