"""A map computed from the log: figures worked out by hand, findings, who is behind them, and who may see what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.segments import condition_of, members
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import answer, event, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.journeys import definition as said
from cxm.understand.journeys.definition import (
    Binding,
    EventRule,
    FeedbackRule,
    MapDefinition,
    Promise,
    Stage,
    Touchpoint,
)
from cxm.understand.journeys.evidence import keeping, segmenting
from cxm.understand.journeys.evidence.computing import compute
from cxm.understand.journeys.evidence.figures import Evidence, decode, encode
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.maps.talking import share_map
from cxm.understand.journeys.models import JourneyMap, MapEvidence
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.text.annotating import annotate_workspace

pytestmark = pytest.mark.django_db
JOURNEYS = 60  # of them the first ten get no further than the bank
START = timezone.now().replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=30)


def touchpoint(key: str, **more: object) -> Touchpoint:
    here = FeedbackRule((said.Test("touchpoint", "is", (key,)),))
    binding = Binding(events=(EventRule(key),), feedback=(here,), tickets=(here,))
    return Touchpoint(key, key.title(), binding=binding, **more)  # type: ignore[arg-type]  # its fields by name


MAP = MapDefinition(
    currency="EUR",
    stages=(
        Stage("begin", "Begin", (touchpoint("look", channel="web"), touchpoint("apply", channel="web", cost=2.5))),
        Stage("decide", "Decide", (
            touchpoint("bank", partner="Meridian", promises=(Promise("Within an hour", 3600),)),
            touchpoint("call", channel="phone", optional=True),
            touchpoint("sign", channel="web", target=90.0),
            touchpoint("drive", channel="store"),
        )),
    ),
)  # fmt: skip


def when(journey: int, hours: float) -> str:
    return f"{START + timedelta(hours=hours, minutes=journey):%Y-%m-%d %H:%M:%S}"


def journeys(workspace: Workspace) -> list[Event]:
    """Each looks, applies an hour later and is at the bank after two; the last fifty sign after four and drive after
    six. Journeys 50 to 59 sign after two and a half. The first ten call."""
    made = []
    for number in range(JOURNEYS):
        who = make_customer(workspace, f"Customer {number}", pk=UUID(int=(workspace.pk << 32) + number)).pk
        steps = [("look", 0.0), ("apply", 1.0), ("bank", 2.0)]
        steps += [("call", 3.0)] if number < 10 else [("sign", 2.5 if number >= 50 else 4.0), ("drive", 6.0)]
        made += [event(workspace, name, when(number, hours), customer_id=who) for name, hours in steps]
        if number >= 10:
            # 40 scores of 5 and 10 of 1: satisfied are 40 of 50, and (5 − 1) / 4 of them is a level of 0.8.
            made.append(answer(workspace, 1 if number < 20 else 5, when(number, 5), metric="csat", scale="1-5",
                               touchpoint="sign", customer_id=who,
                               comment="My name is Olena Kovalenko, write to olena@example.com. Terrible, I am angry."
                               if number == 10 else ""))  # fmt: skip
    made.append(event(workspace, "ticket_updated", when(0, 9), ticket_id="1", version=1, state="open", complaint=True,
                      touchpoint="call"))  # fmt: skip
    return made


@pytest.fixture
def workspace() -> Workspace:
    made = make_workspace()
    given_events(journeys(made))
    annotate_workspace(made.pk)
    return made


@pytest.fixture
def journey_map(workspace: Workspace) -> JourneyMap:
    owner = workspace.memberships.get(role=Role.OWNER).user
    made = create_map(workspace=workspace, name="Loan", definition=MAP, by=owner)
    build_steps(process_for_map(made))
    return made


def evidence(journey_map: JourneyMap, **scope: object) -> Evidence:
    process = process_for_map(journey_map)
    asked = Scope(journey_map.workspace.pk, **scope)  # type: ignore[arg-type]  # its fields by name
    return compute(MAP, process.pk, asked, START + timedelta(days=20))


def test_figures_are_those_worked_out_by_hand_and_the_same_bytes_each_time(journey_map: JourneyMap) -> None:
    found = evidence(journey_map)
    assert (found.journeys, found.customers) == (60, 60)
    look, bank, call, sign, drive = (found.of(key) for key in ("look", "bank", "call", "sign", "drive"))
    assert (look.steps, look.journeys, look.settled, look.went_on, look.median_s) == (60, 60, 60, 60, 3600.0)
    assert found.of("apply").cost == 150.0  # 60 visits at 2.50
    # Of 60 at the bank 50 went on: ten after half an hour, forty after two hours.
    assert (bank.settled, bank.went_on, bank.on.value, bank.median_s) == (60, 50, 0.833333333333, 7200.0)
    # Promised within an hour: ten kept it, forty were late, ten never came.
    assert [(one.n, one.late) for one in bank.promises] == [(60, 50)]
    assert (call.journeys, call.settled - call.went_on, call.tickets, call.complaints) == (10, 10, 1, 1)
    assert (sign.answers, sign.score.value, sign.unit, sign.texts) == (50, 0.8, "percent", 1)
    assert sign.level.value == 0.8
    assert sign.mood.value is not None and sign.mood.value < 0
    assert (drive.settled, drive.went_on) == (50, 0)  # nothing is expected after it
    assert {(one.label, one.next, one.n) for one in found.flows if one.label == "bank"} == {
        ("bank", "call", 10), ("bank", "sign", 50),
    }  # fmt: skip

    assert [(one.kind, one.key, one.hits, one.n) for one in found.findings] == [
        ("handover", "bank", 10, 60), ("broken_promise", "bank", 50, 60), ("dark", "look", 0, 60),
        ("dark", "apply", 0, 60), ("dark", "bank", 0, 60), ("dark", "drive", 0, 50),
    ]  # fmt: skip
    assert encode(evidence(journey_map)) == encode(found)
    assert decode(encode(found)) == found
    # Half the journeys: those that began before number 30; one that reached the bank later is not there.
    half = evidence(journey_map, until=START + timedelta(minutes=30))
    assert half.of("look").journeys == 30


def test_the_page_tells_findings_and_leads_to_the_customers_behind_them(
    client: Client, workspace: Workspace, journey_map: JourneyMap
) -> None:
    owner = workspace.memberships.get(role=Role.OWNER).user
    address = reverse("evidence:show", args=[workspace.slug, journey_map.pk])
    client.force_login(owner)
    page = client.get(address).content.decode()
    assert "10 of 60 journeys that came here did not reach “Sign” or anything after it." in page
    assert "Meridian" in page and "Make it a measure" in page and "olena@example.com" in page
    row = MapEvidence.objects.get()
    body, computed_at = bytes(row.body), row.computed_at
    assert client.get(address).status_code == 200  # nothing moved: the same row
    row.refresh_from_db()
    assert (bytes(row.body), row.computed_at) == (body, computed_at)

    lost = client.get(reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "bank", "lost"]))
    assert lost.context["n"] == 10
    assert {one.customer.name for one in lost.context["rows"]} == {f"Customer {number}" for number in range(10)}
    csv = client.get(lost.request["PATH_INFO"], {"format": "csv"})
    lines = b"".join(csv.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]  # a stream
    assert len(lines) == 11
    figures = b"".join(client.get(address, {"format": "csv"}).streaming_content)  # type: ignore[attr-defined]  # a stream
    assert figures.decode("utf-8-sig").splitlines()[3].startswith("Decide,Bank,Meridian,60,60,0.8333")
    # Each share, score and mood has its bounds and how many it is of. Of 60 at the bank 50: Wilson's 71.9 to 90.7 %.
    heads, bank = (line.split(",") for line in figures.decode("utf-8-sig").splitlines()[:4:3])
    assert heads[5:9] == ["Share that goes on", "Lower bound", "Upper bound", "n"]
    assert [round(float(one), 3) for one in bank[5:9]] == [0.833, 0.72, 0.907, 60]
    assert len(heads) == len(bank) == 26

    # The form of a measure, filled in by the link of the finding.
    [told] = [one for one in client.get(address).context["findings"] if one.kind == "handover"]
    form = client.get(reverse("recovery:new_measure", args=[workspace.slug]) + "?" + told.measure).context["form"]
    assert form["name"].value() == "Repair the hand-over at “Bank”"
    assert form["filters"].value() == "touchpoint:is:bank"

    _row, key = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", role=Role.VIEWER, by=owner)
    rest: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    place = f"/api/v1/journeys/maps/{journey_map.pk}/evidence"
    said_by_api = client.get(place, **rest).json()
    assert said_by_api["journeys"] == 60 and said_by_api["findings"][0]["text"] == told.text
    who = client.get(f"{place}/bank/lost", {"limit": 3}, **rest).json()
    assert (who["n"], len(who["items"])) == (10, 3)

    viewer = make_member(workspace, Role.VIEWER, "viewer@example.com")
    client.force_login(viewer)
    seen = client.get(address).content.decode()
    assert "olena@example.com" not in seen and "•••" in seen and "Make it a measure" not in seen
    bad = client.get(address, {"since": "yesterday"})
    assert bad.status_code == 200 and "is not a date" in bad.content.decode()
    unknown = reverse("evidence:customers", args=[workspace.slug, journey_map.pk, "bank", "x"])
    assert client.get(unknown).status_code == 404

    share = share_map(journey_map=journey_map, by=owner)
    client.logout()
    public = client.get(reverse("shared_map", args=[share.token])).content.decode()
    assert "10 of 60 journeys" in public and "Terrible" not in public and "/customers/" not in public

    client.force_login(make_user("stranger@example.com", "Stranger"))
    for path in (address, lost.request["PATH_INFO"]):
        assert client.get(path).status_code == 404
    assert Customer.objects.count() == JOURNEYS


def test_customers_behind_a_finding_become_a_segment_and_a_case(
    client: Client, workspace: Workspace, journey_map: JourneyMap, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(segmenting, "minute", lambda: "2026-05-04 12:30")
    owner = workspace.memberships.get(role=Role.OWNER).user
    address = reverse("evidence:show", args=[workspace.slug, journey_map.pk])
    client.force_login(owner)
    page = client.get(address)
    told = next(one for one in page.context["findings"] if one.kind == "handover")
    make = reverse("evidence:segment", args=[workspace.slug, journey_map.pk, "bank", "lost"])
    assert f'action="{make}"' in page.content.decode()
    # The ten whom the bank lost, by a tag of their own: the segment is of them also when the figure has moved on.
    with django_capture_on_commit_callbacks(execute=True):  # the log learns of the tags
        answer = client.post(make)
    made = Segment.objects.get()
    assert answer["Location"] == reverse("customers:segment", args=[workspace.slug, made.pk])
    assert made.name == "Bank: Customers who went no further · 2026-05-04 12:30"
    tagged = Customer.objects.filter(tags__name="Bank: Customers who went no further · 2026-05-04 12:30")
    assert {one.name for one in tagged} == {f"Customer {number}" for number in range(10)}
    assert {*members(workspace, condition_of(made))} == {one.pk for one in tagged}
    # The same again within the minute is the same segment, and says so; nobody is in a hidden second one.
    again = client.post(make, follow=True)
    assert "already" in again.content.decode() and Segment.objects.count() == 1

    case = client.get(reverse("cases:new", args=[workspace.slug]) + "?" + told.case).content.decode()
    assert 'value="Bank: Hand-over failure"' in case and told.text in unescape(case)
    filled = {"subject": "Bank: Hand-over failure", "note": told.text, "touchpoint": "bank"}
    client.post(reverse("cases:new", args=[workspace.slug]), filled)
    listed = client.get(reverse("cases:list", args=[workspace.slug]) + "?queue=all&touchpoint=bank")
    assert [one.subject for one in listed.context["rows"]] == ["Bank: Hand-over failure"]
    assert "queue=all&amp;touchpoint=bank" in page.content.decode()

    # Viewers may look at them, and make nothing of them; strangers may not even look.
    for email, role, status in (("viewer@example.com", Role.VIEWER, 403), ("nobody@example.com", None, 404)):
        client.force_login(make_member(workspace, role, email) if role else make_user(email, "Stranger"))
        assert client.post(make).status_code == status
    assert Segment.objects.count() == 1


def test_figures_follow_the_log_and_the_map(workspace: Workspace, journey_map: JourneyMap) -> None:
    row = keeping.warm(journey_map)
    assert not keeping._is_old(row)
    MapEvidence.objects.update(computed_at=timezone.now() - timedelta(minutes=5))
    row.refresh_from_db()
    assert not keeping._is_old(row)  # older, but nothing happened
    given_events([event(workspace, "look", "2026-03-01 10:00")])
    assert keeping._is_old(row)
    keeping.want(row)
    assert row.wanted_at and not keeping._is_old(row)  # somebody is at it
    row = keeping.refresh(row)
    assert row.wanted_at is None and not keeping._is_old(row)
    MapEvidence.objects.update(seen_at=datetime(2026, 1, 1, tzinfo=UTC), filters="since=2026-01-01", asked="x")
    keeping.keep_warm()
    assert not MapEvidence.objects.exists()  # filters that nobody looks at any more


def test_what_no_event_is_bound_to_cannot_be_missed(client: Client, workspace: Workspace) -> None:
    """The same map with a last touchpoint of which there are only answers, and promises that lead there."""
    here = FeedbackRule((said.Test("touchpoint", "is", ("after",)),))
    after = Touchpoint("after", "After", binding=Binding(feedback=(here,)))
    drive = msgspec.structs.replace(
        MAP.touchpoints()[-1], promises=(Promise("Soon", 3600), Promise("Surely", 3600, "after"))
    )
    decide = msgspec.structs.replace(MAP.stages[1], touchpoints=(*MAP.stages[1].touchpoints[:-1], drive))
    definition = msgspec.structs.replace(MAP, stages=(MAP.stages[0], decide, Stage("end", "End", (after,))))
    owner = workspace.memberships.get(role=Role.OWNER).user
    made = create_map(workspace=workspace, name="Loan and after", definition=definition, by=owner)
    process = process_for_map(made)
    build_steps(process)
    found = compute(definition, process.pk, Scope(workspace.pk), START + timedelta(days=20))
    last = found.of("drive")
    assert (last.journeys, last.on.value, last.on.n, last.promises) == (50, None, 0, ())
    assert [(one.kind, one.key) for one in found.findings if one.key in ("drive", "after")] == [
        ("dark", "drive"), ("stale", "after"),
    ]  # fmt: skip

    client.force_login(owner)
    address = reverse("evidence:show", args=[workspace.slug, made.pk])
    assert "has ever been recorded" in client.get(address).content.decode()  # of After
    # Of a time in which nothing happened it is not said that nothing ever did.
    page = client.get(address, {"since": "1999-01-01", "until": "1999-02-01"}).content.decode()
    assert "There is nothing to show for this period." in page and "ever been recorded" not in page
    turned = {"since": "2026-02-01", "until": "2026-01-01"}
    assert "The period ends before it begins." in client.get(address, turned).content.decode()
    for view, args in (("compare", [made.pk]), ("moments", []), ("channels", [])):
        page = client.get(reverse(f"evidence:{view}", args=[workspace.slug, *args]), turned).content.decode()
        assert "The period ends before it begins." in page and 'name="since"' in page, view

    empty = create_map(workspace=workspace, name="Empty", definition=MapDefinition(stages=(Stage("a", "A"),)), by=owner)
    page = client.get(reverse("evidence:show", args=[workspace.slug, empty.pk])).content.decode()
    assert "This map is still empty" in page and "Nothing stands out" not in page


def test_a_public_map_tells_the_time_of_its_workspace(
    client: Client, workspace: Workspace, journey_map: JourneyMap
) -> None:
    Workspace.objects.update(time_zone="Asia/Tokyo")
    share = share_map(journey_map=journey_map, by=workspace.memberships.get(role=Role.OWNER).user)
    client.get(reverse("shared_map", args=[share.token]))
    MapEvidence.objects.update(computed_at=datetime(2026, 3, 1, 20, 30, tzinfo=UTC))
    public = client.get(reverse("shared_map", args=[share.token])).content.decode()
    assert "computed 03/02/2026 5:30 a.m." in public
