"""REST: themes with their numbers, a search for them, what can be done with one, texts that mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema, Status

from cxm.accounts.access import sees_personal
from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import Problem, require_key
from cxm.lib.personal import mask
from cxm.record.eventlog.engine import EventlogError
from cxm.understand.text.models import Theme, ThemeRun
from cxm.understand.text.topics.queries import tree

from . import actions, jobs, queries, similar
from .errors import Refused

router = Router(tags=["themes"])


class ThemeOut(Schema):
    id: int
    name: str = Field(description="As a person named it, else as it was found, in the language of Accept-Language")
    names: dict[str, str] = Field(description="As it was found, by language of the texts")
    words: dict[str, list[str]]
    state: str = Field(description="proposed, adopted or dismissed")
    topic: str | None = Field(description="The key of the topic that it became")
    n: int
    n_before: int
    share: dict[str, Any] = Field(description="Of all texts of the period, with its 95 % interval")
    mood: dict[str, Any] = Field(description="Per cent positive less per cent negative, −100 to 100, with its interval")
    share_change: dict[str, Any] = Field(description="verdict: up, down or no_evidence, over all themes together")
    mood_change: dict[str, Any]


class ThemesOut(Schema):
    since: datetime
    until: datetime
    texts: int
    not_themed: int
    in_dismissed: int
    items: list[ThemeOut]


class RunOut(Schema):
    id: UUID = Field(alias="uuid")
    state: str
    phase: str
    share: float = Field(description="Of the phase, 0–1")
    texts: int
    themed: int
    themes: int
    encoder: str
    created_at: datetime
    finished_at: datetime | None


class TextOut(Schema):
    event_id: UUID
    customer_id: UUID | None
    occurred_at: datetime
    comment: str = Field(description="Masked for keys of viewers")
    channel: str
    sentiment: str
    nearness: float | None = Field(None, description="To what was asked for; to be compared within one answer only")


class ChangeIn(Schema):
    """What is left out stays as it is."""

    label: str | None = Field(None, description="Empty: the name that was found")
    dismissed: bool | None = None
    merged_into: int | None = Field(None, description="The id of another theme; 0 takes it out again")


class AdoptIn(Schema):
    names: dict[str, str] = Field(default_factory=dict, description="By language of the pages")
    parent: str = Field("", description="The key of a topic")


class SimilarIn(Schema):
    text: str = Field(min_length=1, max_length=2000)
    limit: int = Field(20, ge=1, le=200)


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except EventlogError as error:
        raise Problem(503, "log_away", _("The event log does not answer.")) from error


def theme_for(key: ApiKey, number: int) -> Theme:
    found = Theme.objects.select_related("topic", "workspace").filter(workspace=key.workspace, pk=number).first()
    if found is None:
        raise Http404
    return found


@router.get("/themes", response=ThemesOut, summary="Themes with their numbers, the largest first")
def list_themes(request: HttpRequest, days: int = 90) -> ThemesOut:
    key = require_key(request)
    if days not in queries.PERIODS:
        raise Problem(422, "bad_period", _("Choose 30, 90 or 365 days."))
    with problems():
        found = queries.overview(key.workspace, days)
    return ThemesOut(
        since=found.period.middle, until=found.period.until, texts=found.total, in_dismissed=found.hidden,
        not_themed=found.rest.now.n if found.rest else 0,
        items=[_out(one.theme, queries.said_of(one)) for one in found.themes if one.theme],
    )  # fmt: skip


def _out(theme: Theme, numbers: Any) -> ThemeOut:
    return ThemeOut(
        id=theme.pk, name=theme.name, names=theme.names, words=theme.words, state=theme.state,
        topic=theme.topic.key if theme.topic else None, **numbers,
    )  # fmt: skip


@router.get("/themes/search", response=RunOut, summary="The newest search for themes")
def show_run(request: HttpRequest) -> ThemeRun:
    run = queries.newest_run(require_key(request).workspace)
    if run is None:
        raise Http404
    return run


@router.post("/themes/search", response={202: RunOut}, summary="Look through all texts for themes")
def start_run(request: HttpRequest) -> Status[ThemeRun]:
    key = require_key(request, Role.ANALYST)
    with problems():
        run = actions.start_run(workspace=key.workspace, by=key)
    transaction.on_commit(lambda: jobs.find_themes.enqueue(str(run.pk)))
    return Status(202, run)


@router.get("/themes/{number}/texts", response=list[TextOut], summary="Texts of a theme")
def list_texts(
    request: HttpRequest, number: int, order: Literal["typical", "new"] = "typical",
    limit: Annotated[int, Field(ge=1, le=500)] = 50, offset: Annotated[int, Field(ge=0, le=100_000)] = 0,
) -> list[TextOut]:  # fmt: skip
    key = require_key(request)
    theme = theme_for(key, number)
    with problems():
        numbers = queries.numbers_of(theme)
        rows = queries.verbatims(key.workspace, numbers, order=order, most=limit, skip=offset)
    return [_text(key, one) for one in rows]


@router.patch("/themes/{number}", response={204: None}, summary="Name, dismiss or merge a theme")
def change_theme(request: HttpRequest, number: int, change: ChangeIn) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    theme = theme_for(key, number)
    with problems(), transaction.atomic():
        if change.label is not None:
            actions.rename(theme=theme, label=change.label, by=key)
        if change.dismissed is not None:
            (actions.dismiss if change.dismissed else actions.bring_back)(theme=theme, by=key)
        if change.merged_into:
            actions.merge(theme=theme, into=theme_for(key, change.merged_into), by=key)
        elif change.merged_into == 0:
            actions.bring_back(theme=theme, by=key)
    return Status(204, None)


@router.post("/themes/{number}/adopt", response={201: dict[str, str]}, summary="Make a topic of a theme")
def adopt(request: HttpRequest, number: int, wanted: AdoptIn) -> Status[dict[str, str]]:
    key = require_key(request, Role.ANALYST)
    theme = theme_for(key, number)
    parent = next((one.topic for one in tree(key.workspace_id) if one.topic.key == wanted.parent), None)
    if wanted.parent and parent is None:
        raise Problem(422, "no_such_topic", _("There is no topic with this key."))
    with problems():
        topic = actions.adopt(theme=theme, by=key, names=wanted.names or None, parent=parent)
    return Status(201, {"topic": topic.key})


@router.post("/texts/similar", response=list[TextOut], summary="Texts that mean the same, whatever their words")
def similar_texts(request: HttpRequest, asked: SimilarIn) -> list[TextOut]:
    key = require_key(request)
    with problems():
        near = {one.event_id: one.nearness for one in similar.similar_to(key.workspace, asked.text, most=asked.limit)}
        rows = queries.texts_called(key.workspace, list(near))
    return [_text(key, one, near[one.event_id]) for one in rows]


def _text(key: ApiKey, one: queries.Verbatim, nearness: float | None = None) -> TextOut:
    plain = sees_personal(key)
    return TextOut(
        event_id=one.event_id, customer_id=one.customer_id if one.customer_id.int else None,
        occurred_at=one.occurred_at, comment=one.comment if plain else mask(one.comment), channel=one.channel,
        sentiment=one.sentiment, nearness=nearness,
    )  # fmt: skip
