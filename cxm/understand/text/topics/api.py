"""REST: the tree of topics, its verbs, its counts, and which topics texts are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope
from cxm.understand.text.models import Topic, TopicExample, TopicVersion
from cxm.understand.text.reading.reader import reader

from . import actions
from .counting import count_topics
from .errors import Refused
from .matching import compiled
from .queries import tree
from .sentiment import sentiments
from .starter import StarterTree, plant, starter_trees

router = Router(tags=["topics"])
ENTRIES = "Entries by language of texts (en, pl, ru, uk, zh); see the guide of topics for their form"
MOST_TEXTS = 1000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1971, 2199  # of which times can be asked for


class TopicOut(Schema):
    key: str
    name: str = Field(description="In the language of Accept-Language")
    names: dict[str, str]
    parent: str | None
    words: dict[str, list[str]] = Field(description=ENTRIES)
    exclusions: dict[str, list[str]] = Field(description=ENTRIES)
    is_on: bool
    merged_into: str | None
    version: int
    updated_at: datetime

    @staticmethod
    def resolve_parent(one: Topic) -> str | None:
        return one.parent.key if one.parent else None

    @staticmethod
    def resolve_merged_into(one: Topic) -> str | None:
        return one.merged_into.key if one.merged_into else None


class TopicChange(Schema):
    """What is left out stays as it is."""

    names: dict[str, str] | None = Field(None, description="By language of the pages: en, pl, ru, uk, zh-hant")
    words: dict[str, list[str]] | None = Field(None, description=ENTRIES)
    exclusions: dict[str, list[str]] | None = Field(None, description=ENTRIES)
    is_on: bool | None = None


class TopicIn(Schema):
    names: dict[str, str] = Field(description="By language of the pages: en, pl, ru, uk, zh-hant; at least one")
    words: dict[str, list[str]] = Field({}, description=ENTRIES)
    exclusions: dict[str, list[str]] = Field({}, description=ENTRIES)
    parent: str = Field("", description="Key of the topic above; empty: at the top")
    key: str = Field("", max_length=50, description="Made from the name unless it is given")


class MoveIn(Schema):
    parent: str = Field("", description="Key of the topic above; empty: at the top")
    before: str = Field("", description="Key of the one that it stands before; empty: last")


class MergeIn(Schema):
    into: str


class PartIn(Schema):
    names: dict[str, str]
    words: dict[str, list[str]]
    exclusions: dict[str, list[str]] = {}


class SplitIn(Schema):
    parts: list[PartIn]


class VersionOut(Schema):
    number: int
    verb: str
    at: datetime
    by_name: str
    content: dict[str, Any]


class RestoreIn(Schema):
    number: int


class ExampleIn(Schema):
    text: str = Field(max_length=4000)
    fits: bool = True
    event_id: UUID | None = Field(None, description="Of the feedback that the text is from")
    customer_id: UUID | None = Field(None, description="Who wrote it: it is erased with them")


class ExampleOut(Schema):
    id: UUID
    text: str
    fits: bool
    event_id: UUID | None
    at: datetime


class StarterOut(Schema):
    key: str
    name: str
    size: int
    first_names: list[str]


class TextsIn(Schema):
    texts: list[str] = Field(max_length=MOST_TEXTS)


class FoundOut(Schema):
    topic: str
    score: float = Field(description="The probability that it is right, 0 to 1")
    sentiment: float = Field(description="What the text feels about it, -1 to 1")
    spans: list[tuple[int, int]] = Field(description="Where it is said: first character and the one behind the last")


class CountOut(Schema):
    topic: str
    texts: int = Field(description="Texts about it or a topic below it")
    share: float | None
    share_low: float | None
    share_high: float | None
    share_change: str = Field(description="up, down or no_evidence, beside the period before")
    sentiment: float | None
    sentiment_low: float | None
    sentiment_high: float | None
    sentiment_change: str = Field(description="up, down or no_evidence, beside the period before")


class CountsOut(Schema):
    since: datetime
    until: datetime
    texts: int = Field(description="That were read in the period")
    topics: list[CountOut]


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except EventlogError as error:
        raise Problem(503, "log_unavailable", "The event log does not answer just now.") from error


def _topic(key: ApiKey, topic_key: str) -> Topic:
    rows = Topic.objects.select_related("workspace", "parent", "merged_into").filter(workspace=key.workspace)
    found = rows.filter(key=topic_key).first()
    if found is None:
        raise Http404
    return found


def _maybe(key: ApiKey, topic_key: str) -> Topic | None:
    return _topic(key, topic_key) if topic_key else None


@router.get("", response=list[TopicOut], summary="The topics, each before those below it")
def list_topics(request: HttpRequest) -> list[Topic]:
    return [one.topic for one in tree(require_key(request, Role.VIEWER).workspace_id)]


@router.post("", response={201: TopicOut}, summary="A new topic")
def create_topic(request: HttpRequest, body: TopicIn) -> Status[Topic]:
    key = require_key(request, Role.ANALYST)
    with problems():
        made = actions.create_topic(
            workspace=key.workspace, names=body.names, words=body.words, exclusions=body.exclusions, key=body.key,
            parent=_maybe(key, body.parent), by=key,
        )  # fmt: skip
    return Status(201, made)


@router.get("/counts", response=CountsOut, summary="How often each topic is spoken of, and how")
def get_counts(request: HttpRequest, since: datetime | None = None, until: datetime | None = None) -> dict[str, Any]:
    """Of the past 90 days unless `since` and `until` say otherwise, beside as long a period before."""
    workspace = require_key(request, Role.VIEWER).workspace
    end = until or timezone.now()
    if not FIRST_YEAR <= min(end, since or end).year <= max(end, since or end).year <= LAST_YEAR:
        raise Problem(422, "bad_period", f"The log knows the years from {FIRST_YEAR} to {LAST_YEAR}.")
    begin = since or end - timedelta(days=90)
    if begin >= end:
        raise Problem(422, "bad_period", "The period ends before it begins.")
    with problems():
        n, found = count_topics(Scope(workspace_id=workspace.pk), max(begin - (end - begin), EARLIEST), begin, end)
    rows = [found[one.topic.key] for one in tree(workspace.pk) if one.topic.key in found]
    return {
        "since": begin, "until": end, "texts": n,
        "topics": [
            {
                "topic": one.key, "texts": one.n, "share": one.share.value, "share_low": one.share.low,
                "share_high": one.share.high, "share_change": one.share_verdict, "sentiment": one.sentiment.value,
                "sentiment_low": one.sentiment.low, "sentiment_high": one.sentiment.high,
                "sentiment_change": one.sentiment_verdict,
            }
            for one in rows
        ],
    }  # fmt: skip


@router.get("/starters", response=list[StarterOut], summary="Starter trees by industry")
def list_starters(request: HttpRequest) -> list[StarterTree]:
    require_key(request, Role.VIEWER)
    return list(starter_trees().values())


@router.post("/starters/{starter}", response=list[TopicOut], summary="Add the topics of a starter tree")
def plant_starter(request: HttpRequest, starter: str) -> list[Topic]:
    """Topics that there are already, by key, stay as they are and are not in the answer."""
    key = require_key(request, Role.ANALYST)
    with problems():
        return plant(workspace=key.workspace, tree=starter, by=key)


@router.post("/match", response=list[list[FoundOut]], summary="Which topics texts are about")
def match_texts(request: HttpRequest, body: TextsIn) -> list[list[dict[str, Any]]]:
    """One list for each text, in order. Nothing is stored."""
    workspace = require_key(request, Role.VIEWER).workspace
    readings = reader().read(body.texts)
    tags = compiled(workspace.pk).topics_of(body.texts, readings)
    felt = sentiments(body.texts, readings, tags)
    return [
        [
            {
                "topic": tag.name, "score": tag.score, "sentiment": score,
                "spans": [(one.start, one.end) for one in tag.spans],
            }
            for tag, score in zip(found, scores, strict=True)
        ]
        for found, scores in zip(tags, felt, strict=True)
    ]  # fmt: skip


@router.get("/{topic_key}", response=TopicOut, summary="One topic, also one that was merged")
def get_topic(request: HttpRequest, topic_key: str) -> Topic:
    return _topic(require_key(request, Role.VIEWER), topic_key)


@router.patch("/{topic_key}", response=TopicOut, summary="Change a topic; its key stays")
def change_topic(request: HttpRequest, topic_key: str, body: TopicChange) -> Topic:
    key = require_key(request, Role.ANALYST)
    said = {name: value for name, value in body.dict(exclude_unset=True).items() if value is not None}
    with problems():
        return actions.change_topic(topic=_topic(key, topic_key), by=key, **said)


@router.post("/{topic_key}/move", response=TopicOut, summary="Move a topic with all below it")
def move_topic(request: HttpRequest, topic_key: str, body: MoveIn) -> Topic:
    key = require_key(request, Role.ANALYST)
    with problems():
        return actions.move_topic(
            topic=_topic(key, topic_key), parent=_maybe(key, body.parent), before=_maybe(key, body.before), by=key
        )


@router.post("/{topic_key}/merge", response=TopicOut, summary="Merge a topic into another, with what was counted")
def merge_topic(request: HttpRequest, topic_key: str, body: MergeIn) -> Topic:
    """The answer is the other topic. Restoring the merged one's version before takes the merge back."""
    key = require_key(request, Role.ANALYST)
    with problems():
        return actions.merge_topics(topic=_topic(key, topic_key), into=_topic(key, body.into), by=key)


@router.post("/{topic_key}/split", response=list[TopicOut], summary="Split topics off, which stand below it")
def split_topic(request: HttpRequest, topic_key: str, body: SplitIn) -> list[Topic]:
    key = require_key(request, Role.ANALYST)
    with problems():
        return actions.split_topic(topic=_topic(key, topic_key), parts=[one.dict() for one in body.parts], by=key)


@router.get("/{topic_key}/versions", response=list[VersionOut], summary="What a topic was, the newest first")
def list_versions(request: HttpRequest, topic_key: str) -> list[TopicVersion]:
    return list(_topic(require_key(request, Role.ANALYST), topic_key).versions.all())


@router.post("/{topic_key}/restore", response=TopicOut, summary="Make a topic as it was in a version")
def restore_version(request: HttpRequest, topic_key: str, body: RestoreIn) -> Topic:
    key = require_key(request, Role.ANALYST)
    with problems():
        return actions.restore_version(topic=_topic(key, topic_key), number=body.number, by=key)


@router.get("/{topic_key}/examples", response=PageOut[ExampleOut], summary="Texts that people have marked")
def list_examples(request: HttpRequest, topic_key: str, query: Query[PageQuery]) -> dict[str, Any]:
    topic = _topic(require_key(request, Role.ANALYST), topic_key)
    return page_of(TopicExample.objects.filter(topic=topic), query, by="at", newest_first=True)


@router.post("/{topic_key}/examples", response={201: ExampleOut}, summary="Say that a text fits, or does not")
def add_example(request: HttpRequest, topic_key: str, body: ExampleIn) -> Status[TopicExample]:
    key = require_key(request, Role.ANALYST)
    with problems():
        return Status(201, actions.add_example(topic=_topic(key, topic_key), by=key, **body.dict()))


@router.delete("/{topic_key}/examples/{uuid:example_id}", response={204: None}, summary="Take an example back")
def remove_example(request: HttpRequest, topic_key: str, example_id: UUID) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    found = TopicExample.objects.select_related("topic__workspace").filter(
        topic=_topic(key, topic_key), pk=example_id
    ).first()  # fmt: skip
    if found is None:
        raise Http404
    actions.remove_example(example=found, by=key)
    return Status(204, None)
