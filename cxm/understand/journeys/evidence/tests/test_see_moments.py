"""The pages and the REST calls of moments, channels, comparisons and conformance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, User, Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import Event
from cxm.testing.cast import answer, event, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.evidence import keeping, moments, moments_kept
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.models import KeptMoments
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PERIOD = {"since": "2026-01-01", "until": "2026-12-01"}


def lives(workspace: Workspace, people: list[Customer]) -> Iterator[Event]:
    """All are content twice; a third then calls about billing, by phone or chat, and waits for the solution."""
    for number, person in enumerate(people):
        who = person.pk
        for day, place in ((1, "store"), (2, "<app>")):
            yield answer(workspace, 5, f"2026-03-0{day} 12:00", metric="csat", question="csat", scale="1-5",
                         customer_id=who, touchpoint=place)  # fmt: skip
        yield event(workspace, "order", "2026-03-01 13:00", customer_id=who, channel="app")
        if number % 3 == 0:
            channel = "phone" if number % 2 else "chat"
            yield event(workspace, "ticket_updated", "2026-03-03 12:00", customer_id=who, ticket_id=str(number),
                        version=1, channel=channel, touchpoint="support", complaint=True,
                        opened_at="2026-03-03T12:00:00Z",
                        properties={"topic": "return" if number == 27 else "billing"})  # fmt: skip
        else:  # as many moments as the others, so that they can be compared
            yield answer(workspace, 3, "2026-03-03 12:00", metric="csat", question="csat", scale="1-5",
                         customer_id=who, touchpoint="store")  # fmt: skip
            yield event(workspace, "arrive", "2026-03-05 13:00", customer_id=who)
        yield answer(workspace, 3 if number % 3 == 0 else 9, "2026-03-10 12:00", customer_id=who, scale="0-10",
                     touchpoint="mail")  # fmt: skip


def test_pages_and_rest_tell_the_same(client: Client) -> None:
    workspace = make_workspace()
    owner = User.objects.get(email="olena@example.com")
    people = [make_customer(workspace, name=f"Ada {number}") for number in range(30)]
    given_events(lives(workspace, people))
    points = tuple(
        Touchpoint(one, one.title(), binding=Binding(events=(EventRule(one),))) for one in ("order", "arrive")
    )
    drawn = create_map(
        workspace=workspace, name="Kettle", definition=MapDefinition(metric="nps", stages=(Stage("s", "S", points),)),
        by=owner,
    )  # fmt: skip
    build_steps(process_for_map(drawn))
    _key, secret = create_api_key(
        workspace=workspace, name="Reader", kind=ApiKey.Kind.SECRET, role=Role.VIEWER, by=owner
    )  # fmt: skip
    slug, names = workspace.slug, ("moments", "channels")

    def rest(path: str, **query: Any) -> Any:
        reply = client.get(f"/api/v1/journeys/{path}", PERIOD | query, headers={"Authorization": f"Bearer {secret}"})
        assert reply.status_code == 200, reply.content
        return reply.json()

    # Strangers see nothing; viewers see all.
    addresses = [reverse(f"evidence:{name}", args=[slug]) for name in names]
    addresses += [reverse(f"evidence:{name}", args=[slug, drawn.pk]) for name in ("compare", "conformance")]
    client.force_login(make_user("stranger@example.com"))
    assert {client.get(address).status_code for address in addresses} == {404}
    client.force_login(make_member(workspace, Role.VIEWER, "viewer@example.com"))

    said = rest("moments")
    # 60 good answers and 20 middling ones in the store and the app, 10 complaints, and 30 about the whole.
    assert (said["customers"], said["moments"], said["good"], said["bad"]) == (30, 120, 80, 20)
    [support] = [one for one in said["places"] if one["touchpoint"] == "support"]
    assert (support["within_runs"], support["breaks"], support["verdict"]) == (10, 10, "up")
    last = said["impressions"][2]
    assert (last["after_bad"]["value"], last["after_others"]["value"], last["verdict"]) == (-100, 100, "down")
    shown = client.get(addresses[0], PERIOD).content.decode()
    assert "moments: 120" in shown and "&lt;app&gt;" in shown and "<app>" not in shown
    assert "100.0% (72.2% to 100.0%), n = 10" in shown  # ten of ten runs end at the support
    named = client.get(addresses[0], PERIOD | {"at": "support"}).content.decode()
    assert "Runs that ended at “support”" in named and "Ada 0" in named and "Ada 1<" not in named
    assert "good, good, bad" in named
    of_map = client.get(addresses[0], PERIOD | {"map": str(drawn.pk), "outcome": "return", "run": "1"})
    assert "No touchpoint named" in of_map.content.decode()
    assert [one["touchpoint"] for one in rest("moments", map=str(drawn.pk))["places"]] == [""]
    assert len(rest("moments/broken", touchpoint="support", limit=3)) == 3

    said = rest("channels")
    assert (said["by"], said["requests"]) == ("property.topic", 10)
    assert [(one["name"], one["requests"], one["close"]) for one in said["channels"]] == [
        ("chat", 5, False), ("phone", 5, False),
    ]  # fmt: skip
    assert said["kinds"][0]["advice"] == "no_evidence"
    shown = client.get(addresses[1], PERIOD).content.decode()
    assert "billing" in shown and "Not enough evidence" in shown

    said = rest(f"maps/{drawn.pk}/conformance")
    assert (said["judged"], said["conforms"]["value"]) == (30, pytest.approx(2 / 3))
    assert [(one["kind"], one["touchpoint"], one["journeys"]) for one in said["deviations"]] == [
        ("not_reached", "arrive", 10),
    ]  # fmt: skip
    whole = client.get(addresses[3], PERIOD).content.decode()
    part = client.get(addresses[3], PERIOD, headers={"HX-Request": "true"}).content.decode()
    assert "Not reached" in whole and part.startswith("<section") and "<html" in whole

    assert "Say what to compare" in client.get(addresses[2]).content.decode()
    both = {**PERIOD, "since2": "2026-01-01", "until2": "2026-12-01", "channel": "app"}
    assert "Nothing differs by more than chance" in client.get(addresses[2], both).content.decode()
    assert rest(f"maps/{drawn.pk}/compare", **both)["journeys"] == [30, 30]

    # The customer's page: two good ones, the complaint, and what was said in the end.
    page = client.get(reverse("customers:show", args=[slug, people[0].pk])).content.decode()
    assert "First impression" in page and "good: store" in page and "bad: support" in page

    # What cannot be asked is said, on the page and by the API.
    for address, bad in (
        (addresses[0], {"since": "soon"}),
        (addresses[1], {"by": "survey"}),
        (addresses[2], {"filter": "x"}),
    ):
        reply = client.get(address, bad)
        assert reply.status_code == 200 and 'role="alert"' in reply.content.decode()
    assert (
        client.get("/api/v1/journeys/channels?by=survey", headers={"Authorization": f"Bearer {secret}"}).status_code
        == 422
    )
    # Empty pages say what to do next.
    early = {"since": "2020-01-01", "until": "2020-02-01"}
    assert "No moments yet" in client.get(addresses[0], early).content.decode()
    assert "No requests yet" in client.get(addresses[1], early).content.decode()
    assert "No journey is over yet" in client.get(addresses[3], early).content.decode()


def test_moments_are_kept_and_newer_ones_are_on_their_way(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    workspace = make_workspace()
    client.force_login(User.objects.get(email="olena@example.com"))
    page = reverse("evidence:moments", args=[workspace.slug])
    people = [make_customer(workspace, name=f"Ada {number}") for number in range(30)]
    given_events(lives(workspace, people))
    asked_of_log: list[str] = []

    def spied(*given: Any, **more: Any) -> Any:
        asked_of_log.append(given[4])
        return ask_moments(*given, **more)

    ask_moments = moments.ask_moments
    monkeypatch.setattr(moments, "ask_moments", spied)
    assert "moments: 120" in client.get(page, PERIOD).content.decode()
    assert sorted(asked_of_log) == ["broken", "lengths", "places", "totals"]  # and impressions, from their own module
    asked_of_log.clear()
    # The same in other words: only whose runs were broken is asked again.
    shown = client.get(page, {"outcome": "nps", "run": "2", "map": ""} | PERIOD).content.decode()
    assert "moments: 120" in shown and "computed" in shown and "newer figures" not in shown
    assert asked_of_log == ["broken"] and KeptMoments.objects.count() == 1
    # Another question has its own answer.
    assert client.get(page, PERIOD | {"outcome": "csat"}).status_code == 200
    assert KeptMoments.objects.count() == 2

    # The log moves: the page shows what there is, says so, and has it counted once; then the new stands there.
    given_events([answer(workspace, 10, "2026-03-11 12:00", customer_id=people[0].pk, scale="0-10")])
    KeptMoments.objects.update(computed_at=timezone.now() - timedelta(minutes=5))
    asked_of_log.clear()
    with django_capture_on_commit_callbacks() as jobs:
        for _look in range(2):
            shown = client.get(page, PERIOD).content.decode()
            assert "moments: 120" in shown and "newer figures are on their way" in shown
    assert len(jobs) == 1 and asked_of_log == ["broken", "broken"]
    row = KeptMoments.objects.get(wanted_at__isnull=False)
    moments_kept.count_moments.func(str(row.pk))
    shown = client.get(page, PERIOD).content.decode()
    assert "moments: 121" in shown and "newer figures" not in shown

    # A question that cannot be put is refused, and nothing is kept of it; what nobody looks at goes.
    assert "cannot be read" in client.get(page, {"filter": "nonsense"}).content.decode()
    assert KeptMoments.objects.count() == 2
    KeptMoments.objects.filter(pk=row.pk).update(seen_at=timezone.now() - timedelta(days=8))
    keeping.keep_warm()
    assert KeptMoments.objects.count() == 1
