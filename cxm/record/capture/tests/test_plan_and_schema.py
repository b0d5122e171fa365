"""The tracking plan on its page, and what is learned from what comes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.capture import schema, steps
from cxm.record.capture.models import PropertySeen, Source, TrackingPlan
from cxm.record.capture.plan import read_plan
from cxm.record.capture.plan_preview import preview
from cxm.testing.cast import at, make_workspace

from .given import given_captured, make_source
from .test_source_pages import LIST, address, logged_in

pytestmark = pytest.mark.django_db
PLAN = f"{LIST}plan/"
NOON = "2026-03-01 12:00"
YAML = """events:
  Order Completed:
    properties: {total: number}
    other_properties: refused
  Song Played: {}
"""


@dataclass(frozen=True)
class Came:
    """An event as the flow hands it to a step."""

    source_id: int
    name: str
    properties: str
    received_at: datetime
    type: str = "track"


def came(source: Source, name: str, when: str = "2026-03-01 12:00", type: str = "track", **properties: object) -> Came:  # noqa: A002  # the field's own name
    return Came(source.pk, name, msgspec.json.encode(properties).decode(), at(when), type)


def rows() -> set[tuple[Any, ...]]:
    fields = "source__name", "event", "property", "type", "first_at", "last_at"
    return set(PropertySeen.objects.values_list(*fields))


def grown_up(workspace: Workspace) -> Source:
    """A source that is a year old, so that what is new in it stands out."""
    return make_source(workspace, created_at=timezone.now() - timedelta(days=365))


def test_a_plan_is_tried_on_the_last_week_before_it_is_in_force() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    given_captured(source, "order_placed", {"order_id": "1", "properties": {"total": 5}}, n=2)
    given_captured(source, "order_placed", {"order_id": "1", "properties": {"total": "5", "x": 1}})
    given_captured(source, "Song Played", {"any": 1})
    given_captured(source, "Sing Played", n=4)
    given_captured(source, "Sing Played", n=4, received=timezone.now() - timedelta(days=8))
    given_captured(source, "page_viewed", type="page")  # plans speak of track events only
    found = preview(workspace, read_plan(YAML))
    assert [(one.name, one.n, one.broken, dict(one.details)) for one in found] == [
        ("Sing Played", 4, 4, {"event 'Sing Played'": 4}),
        ("order_placed", 3, 1, {"total: expected number, got string": 1, "property 'x'": 1}),
        ("Song Played", 1, 0, {}),
    ]
    client = logged_in(workspace)
    tried = client.post(PLAN, {"yaml": YAML, "preview": "1"})
    assert tried.status_code == 200
    assert "event &#x27;Sing Played&#x27;" in tried.content.decode()
    assert not TrackingPlan.objects.exists()
    assert client.post(PLAN, {"yaml": YAML, "save": "1"}).status_code == 302
    saved = client.get(PLAN).content.decode()
    assert "Version 1" in saved
    assert "No source is checked against the plan." in saved
    client.post(address(source, "plan-mode/"), {"plan_mode": "warn"})
    assert "The plan in force is applied to:" in client.get(PLAN).content.decode()


def test_a_broken_plan_is_explained_and_kept_in_the_editor() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    answer = client.post(PLAN, {"yaml": "events: {A: {properties: {b: txt}}}", "save": "1"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "The plan cannot be used" in page
    assert "{b: txt}" in page
    assert not TrackingPlan.objects.exists()


def test_old_versions_can_be_read_and_opened() -> None:
    workspace = make_workspace()
    client = logged_in(workspace)
    for yaml in ("events: {First: {}}", "events: {Second: {}}"):
        client.post(PLAN, {"yaml": yaml, "save": "1"})
    assert "events: {First: {}}" in client.get(f"{PLAN}1/").content.decode()
    assert "events: {Second: {}}" in client.get(PLAN).content.decode()
    assert client.get(f"{PLAN}3/").status_code == 404


def test_a_first_plan_is_drafted_from_what_came() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    assert "Order Completed" in logged_in(workspace).get(PLAN).content.decode()  # an example
    steps.learn_schema(
        [
            came(source, "Song Played", song="a", length=3, at="2026-01-01", odd=1),
            came(source, "Song Played", song="b", length=3.5, at="2026-01-02", odd="x", gone=None),
            came(source, "order_placed", order_id="1", properties={"total": 1}),
            came(source, "page_viewed", type="page", path="/"),
        ]
    )
    draft = schema.draft_plan(workspace)
    plan = read_plan(draft)
    assert {
        name: {key: rule.type for key, rule in rules.items()} for name, (rules, _others) in plan.events.items()
    } == {
        "Order Completed": {"total": "integer"},
        "Song Played": {"at": "date", "length": "number", "odd": "any", "song": "string"},
    }
    assert not plan.other_events


def test_types_are_learned_and_times_only_widen() -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    noon, one = at("2026-03-01 12:00"), at("2026-03-01 13:00")
    events = [
        came(source, "Song Played", song="a", tags=["x"], artist={"name": "b", "born": {"year": 1970, "at": {"x": 1}}}),
        came(source, "Song Played", "2026-03-01 13:00", song=7),
        came(source, "order_placed", order_id="1", properties={"total": 1.5}),
        Came(source.pk, "Broken", "{", noon),
        Came(0, "From a file", "{}", noon),
        Came(source.pk + 1, "Of a source that is gone", "{}", noon),
    ]
    steps.learn_schema(events)
    expected = {
        ("Web shop", "Song Played", "", "track", noon, one),
        ("Web shop", "Song Played", "song", "string", noon, noon),
        ("Web shop", "Song Played", "song", "integer", one, one),
        ("Web shop", "Song Played", "tags", "list", noon, noon),
        ("Web shop", "Song Played", "artist", "object", noon, noon),
        ("Web shop", "Song Played", "artist.name", "string", noon, noon),
        ("Web shop", "Song Played", "artist.born", "object", noon, noon),
        ("Web shop", "Song Played", "artist.born.year", "integer", noon, noon),
        ("Web shop", "Song Played", "artist.born.at", "object", noon, noon),  # no deeper
        ("Web shop", "order_placed", "", "track", noon, noon),
        ("Web shop", "order_placed", "total", "number", noon, noon),  # what the sender said
        ("Web shop", "Broken", "", "track", noon, noon),
    }
    assert rows() == expected
    steps.learn_schema(events)
    assert rows() == expected


@pytest.mark.parametrize("seed", range(5))
def test_what_is_learned_depends_neither_on_order_nor_on_repeats(seed: int) -> None:
    workspace = make_workspace()
    source = make_source(workspace)
    draw = random.Random(seed)
    events = []
    for _number in range(40):
        said: Any = {draw.choice("xyz"): draw.choice([1, "a", None, 1.5])}
        events.append(came(source, draw.choice("AB"), f"2026-03-{draw.randint(1, 28):02d} 12:00", "track", **said))
    steps.learn_schema(events)
    expected = rows()
    PropertySeen.objects.all().delete()
    again = [*events, *draw.sample(events, 20)]
    draw.shuffle(again)
    while again:
        size = draw.randint(1, 9)
        steps.learn_schema(again[:size])
        again = again[size:]
    assert rows() == expected


def test_names_without_end_do_not_fill_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_ROWS", 10)
    source = make_source(make_workspace())
    for start in (0, 20):
        steps.learn_schema(
            [came(source, "E", NOON, "track", **{f"p{number}": 1}) for number in range(start, start + 20)]
        )
    assert PropertySeen.objects.count() == 10


def test_drift_and_news_stand_out() -> None:
    workspace = make_workspace()
    source = grown_up(workspace)
    client = logged_in(workspace)
    assert "Nothing learned yet" in client.get(address(source, "schema/")).content.decode()
    recent = timezone.now().strftime("%Y-%m-%d %H:%M")
    steps.learn_schema(
        [
            came(source, "Old", same=1, price=1, wide=1, when="2026-01-05 12:00"),
            came(source, "Old", same=2, price="12 EUR", wide=1.5, fresh=True, when=recent),
            came(source, "New", when=recent, a=1),
        ]
    )
    given_captured(source, "Old", n=3)
    events = {one.name: one for one in schema.schema_of(source)}
    old, new = events["Old"], events["New"]
    assert (old.is_new, old.drifted, old.new_properties, old.n) == (False, 1, 1, 3)
    assert (new.is_new, new.drifted, new.new_properties, new.n) == (True, 0, 0, 0)
    price = next(one for one in old.properties if one.name == "price")
    assert [one.type for one in price.types] == ["integer", "string"]
    assert [one.name for one in old.properties if one.is_new] == ["fresh"]
    page = client.get(address(source, "schema/")).content.decode()
    assert "Drift" in page
    assert "1 new property" in page
    page = client.get(address(source, "schema/"), {"event": "Old"}).content.decode()
    assert "The type has changed since" in page
    assert "whole number, text" in page


def test_in_a_young_source_nothing_is_news() -> None:
    source = make_source(make_workspace())
    steps.learn_schema([came(source, "A", timezone.now().strftime("%Y-%m-%d %H:%M"), x=1)])
    (event,) = schema.schema_of(source)
    assert (event.is_new, event.new_properties) == (False, 0)
