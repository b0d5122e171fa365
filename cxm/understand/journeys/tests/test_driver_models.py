"""Driver models: what is known of each outcome, the figures, their pages, and the same by REST."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Membership, Role
from cxm.record.eventlog.append import NOBODY, Event
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.record.eventlog.texts import Annotation, write_annotations
from cxm.testing.cast import answer, at, event, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.drivers import actions, computing, wording
from cxm.understand.journeys.drivers.definition import Driver, DriverDefinition, Findings, Outcome
from cxm.understand.journeys.drivers.errors import Refused
from cxm.understand.journeys.drivers.fitting import fit, to_fix
from cxm.understand.journeys.drivers.pictures import tone_of, usual_of
from cxm.understand.journeys.drivers.queries import steps_of
from cxm.understand.journeys.drivers.table import Column, Table, table_of
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.models import DriverModel
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.text.topics.actions import create_topic

pytestmark = pytest.mark.django_db
NPS = Outcome(metric="nps", question="nps")


def ticket(workspace: Any, customer: uuid.UUID, number: str, opened: str, replied: str, **more: Any) -> Event:
    return event(
        workspace, "ticket_updated", opened, customer_id=customer, ticket_id=number, version=1, opened_at=f"{opened}Z",
        first_responded_at=f"{replied}Z", **more,
    )  # fmt: skip


@pytest.mark.parametrize("outcome", ["left", "returned"])
def test_groups_are_fixed_where_they_do_harm_to_what_is_wished_for(outcome: Any) -> None:
    """Half of 400 customers have the plan: of them 60 % leave (or order again), of the others 20 %. Every second one
    of either is from abroad, which says nothing."""
    plan, abroad = Driver("group", "plan", value="plus"), Driver("group", "country", value="PL")
    happened = np.array([120, 80, 40, 160])
    column = np.repeat([1.0, 1.0, 0.0, 0.0], happened)
    outcomes = np.repeat([1.0, 0.0, 1.0, 0.0], happened)
    columns = [Column(plan, column), Column(abroad, np.tile([0.0, 1.0], 200))]
    definition = DriverDefinition(outcome=Outcome(outcome), drivers=(plan, abroad))
    found = fit(Table(outcomes, np.ones(400), columns, [], None), definition)
    [first] = [one for one in found.found if one.driver == plan]
    fixes = to_fix(found, outcome)
    if outcome == "left":  # all at 20 % as the others are, of 40 % now
        assert [one.driver for one, _gain in fixes] == [plan]
        assert fixes[0][1].value == pytest.approx(0.2, abs=1e-4)
        assert first.concerned == 0.5
    else:
        assert fixes == [] and (first.concerned, first.gain.value) == (0, 0)
        assert tone_of(first, found, usual_of(found)) == "good"


def test_what_is_known_of_each_outcome() -> None:
    workspace = make_workspace()
    topic = create_topic(workspace=workspace, names={"en": "Courier"}, words={"en": ["courier"]}, by=None)
    below = create_topic(workspace=workspace, names={"en": "Rude"}, words={"en": ["rude"]}, parent=topic, by=None)
    ada, bob, old_bob = (make_customer(workspace, name) for name in ("Ada", "Bob", "Bobby"))
    said = [
        # Ada's response: an NPS of 9, food 4 of 5, and a comment about the courier in another answer of it.
        answer(workspace, 9, "2026-03-10 12:00", customer_id=ada.pk, response_id="r1", scale="0-10",
               properties={"store": "Lviv", "order_id": "o1"}),
        answer(workspace, 4, "2026-03-10 12:00", metric="rating", question="food", scale="1-5", response_id="r1"),
        answer(workspace, 7, "2026-03-10 12:00", metric="rating", question="shops", scale="1-5", response_id="r1"),
        answer(workspace, None, "2026-03-10 12:00", metric="text", question="why", comment="rude", response_id="r1"),
        # Bob's has no rating, and another store. Nobody known gave the third.
        answer(workspace, 3, "2026-03-12 12:00", customer_id=bob.pk, response_id="r2", properties={"store": "Kyiv"}),
        answer(workspace, 5, "2026-03-14 12:00", customer_id=NOBODY),
        # Of another question, and off its scale: no outcomes.
        answer(workspace, 1, "2026-03-10 12:00", customer_id=ada.pk, question="again"),
        answer(workspace, 11, "2026-03-10 12:00", customer_id=ada.pk),
        # Ada's contacts: 6 hours and 2 hours of waiting in the window; one too long ago, one after the answer.
        ticket(workspace, ada.pk, "t1", "2026-03-01 08:00", "2026-03-01 14:00", reassigned=2, reopened=1),
        ticket(workspace, ada.pk, "t2", "2026-03-02 08:00", "2026-03-02 10:00", reassigned=1),
        ticket(workspace, ada.pk, "t3", "2025-11-01 08:00", "2025-11-02 08:00", reassigned=5),
        ticket(workspace, ada.pk, "t4", "2026-03-11 08:00", "2026-03-11 09:00", reassigned=5),
        # Bob's: still unanswered at his answer, so he had waited for 24 hours.
        ticket(workspace, bob.pk, "t5", "2026-03-11 12:00", "2026-03-13 12:00"),
        # And what happened to the profile that was merged into his: handed over once, answered after an hour.
        ticket(workspace, old_bob.pk, "t6", "2026-03-10 12:00", "2026-03-10 13:00", reassigned=1),
        # The order of Ada's answer came two and a half days late; another one of hers does not count.
        *(event(workspace, name, when, customer_id=ada.pk, order_id=order, promised_at=f"{promised}Z")
          for order, name, when, promised in (
              ("o1", "order_placed", "2026-03-01 00:00", "2026-03-05 00:00"),
              ("o1", "order_delivered", "2026-03-07 12:00", "2026-03-05 00:00"),
              ("o2", "order_placed", "2026-02-01 00:00", "2026-02-05 00:00"),
              ("o2", "order_delivered", "2026-02-25 00:00", "2026-02-05 00:00"))),
        # Bob's answer names no order: his latest promise was broken by a day when he answered.
        event(workspace, "order_placed", "2026-03-05 00:00", customer_id=bob.pk, order_id="o3",
              promised_at="2026-03-11T12:00:00Z"),
    ]  # fmt: skip
    given_events(said)
    merged = customer_row(workspace.pk, old_bob.pk, {}, canonical_id=bob.pk)
    put_customers([customer_row(workspace.pk, ada.pk, {}), customer_row(workspace.pk, bob.pk, {}), merged])
    with engine().client() as client:  # a step that Ada passed in the window, and one of after her answer
        for when, label in (("2026-03-05", "checkout"), ("2026-03-11", "return")):
            client.command(
                "INSERT INTO steps (workspace_id, process, journey, number, customer_id, occurred_at, label) VALUES"
                " ({workspace:UInt32}, 7, generateUUIDv4(), 1, {customer:UUID}, {when:String}, {label:String})",
                parameters={"workspace": workspace.pk, "customer": str(ada.pk), "when": when, "label": label},
            )
    comment = said[3]
    write_annotations([Annotation(
        workspace_id=workspace.pk, event_id=comment.event_id, customer_id=ada.pk, occurred_at=comment.occurred_at,
        import_id=NOBODY, version=1, model="test", language="en", script="Latn", sentiment="negative",
        sentiment_score=-0.5, emotion="", intent="", effort=False, urgent=False, topics=(below.key,),
        topic_sentiments=(-0.5,), personal=(), tags="{}",
    )])  # fmt: skip
    definition = DriverDefinition(outcome=NPS, drivers=(
        Driver("rating", "food", metric="rating"), Driver("rating", "shops", metric="rating"),
        Driver("topic", topic.key), *(Driver("fact", one) for one in
                                      ("contacts", "waiting", "hand_overs", "reopened", "days_late")),
        Driver("group", "property.store", value="Lviv"), Driver("passed", "checkout", process=7),
        Driver("passed", "return", process=7),
    ))  # fmt: skip
    table = table_of(workspace, definition, datetime(2026, 4, 1, tzinfo=UTC))
    rows = {float(outcome): row for row, outcome in enumerate(table.outcome)}
    assert sorted(rows) == [3, 5, 9]

    def known(outcome: float) -> list[float | None]:
        found = [float(one.values[rows[outcome]]) for one in table.columns]
        return [None if one != one else round(one, 6) for one in found]

    # food, shops (7 is off the scale), sentiment, contacts, waiting, hand-overs, reopened, days late, in Lviv, checkout
    # and return passed
    assert known(9) == [4, None, -0.5, 2, 8, 3, 1, 2.5, 1, 1, 0]
    assert known(3) == [None, None, 0, 2, 25, 1, 0, 1, 0, 0, 0]
    assert known(5) == [None, None, 0, None, None, None, None, None, 0, None, None]
    assert [table.columns[2].mentioned[rows[one]] for one in (9, 3, 5)] == [1, 0, 0]  # type: ignore[index]  # a topic
    assert (table.columns[0].low, table.columns[0].high) == (1, 5)

    # Who leaves: Ada's subscription ended on the 20th, after two contacts and one later; Bob's runs.
    given_events([
        event(workspace, "subscription_updated", "2026-01-01 00:00", customer_id=customer, subscription_id=name,
              status=status, version=2, **more)
        for customer, name, status, more in (
            (ada.pk, "s1", "ended", {"ended_at": "2026-03-20T00:00:00Z"}), (bob.pk, "s2", "active", {}))
    ])  # fmt: skip
    left = DriverDefinition(
        outcome=Outcome("left"), drivers=(Driver("fact", "contacts"), Driver("rating", "nps", metric="nps"))
    )
    table = table_of(workspace, left, datetime(2026, 4, 1, tzinfo=UTC))
    by_outcome = {float(outcome): row for row, outcome in enumerate(table.outcome)}
    assert table.columns[0].values[by_outcome[1]] == 3 and table.columns[0].values[by_outcome[0]] == 2
    assert table.columns[1].values[by_outcome[1]] == 9 and table.columns[1].values[by_outcome[0]] == 3

    # Who returns: 30 days after their first order, within 20 days. Nobody yet; then Ada does.
    returned = DriverDefinition(
        outcome=Outcome("returned", days=20), drivers=(Driver("fact", "days_late"),), window_days=30
    )
    assert list(table_of(workspace, returned, datetime(2026, 5, 1, tzinfo=UTC)).outcome) == [0, 0]
    assert list(table_of(workspace, returned, datetime(2026, 3, 5, tzinfo=UTC)).outcome) == []  # too early to say
    given_events([event(workspace, "order_placed", "2026-03-15 00:00", customer_id=ada.pk, order_id="o4")])
    table = table_of(workspace, returned, datetime(2026, 5, 1, tzinfo=UTC))
    assert sorted(table.outcome) == [0, 1]
    # Ada's first order was on 1 February, promised for the 5th and 20 days late. Bob's was on 5 March, so that his
    # window ends on 4 April, 23.5 days after the promise.
    assert sorted(table.columns[0].values) == pytest.approx([20, 23.5])


def computed(model: DriverModel) -> Findings:
    computing.run(model.pk)
    model.refresh_from_db()
    found = computing.findings_of(model)
    assert found is not None and not model.is_under_way
    return found


@pytest.fixture
def filled(client: Client) -> Iterator[Any]:
    """A hundred responses: a score of about 7, more for each point of food above 3, and 2 less after a contact."""
    owner = make_user()
    workspace = make_workspace(owner=owner)
    events = []
    for number in range(100):
        customer = make_customer(workspace, f"Customer {number}")
        food, parking, contact = 2 + number % 4, 1 + number // 4 % 5, number // 2 % 2
        score = 7 + 1.5 * (food - 3) - 2 * contact + (0.5 if number // 20 % 2 else -0.5)
        when = timezone.now() - timedelta(days=1, minutes=number)
        said: dict[str, Any] = {"customer_id": customer.pk, "response_id": f"r{number}"}
        when_text = when.strftime("%Y-%m-%d %H:%M")
        events += [
            answer(workspace, round(score), when_text, scale="0-10", **said),
            answer(workspace, food, when_text, metric="rating", question="food", scale="1-5", **said),
            answer(workspace, parking, when_text, metric="rating", question="parking", scale="1-5", **said),
        ]
        if contact:
            opened = (when - timedelta(days=3)).strftime("%Y-%m-%d %H:%M")
            events.append(ticket(workspace, customer.pk, f"t{number}", opened, opened))
    given_events(events)
    client.force_login(owner)
    yield workspace


def test_a_model_is_made_read_and_changed(filled: Any, client: Client) -> None:
    workspace = filled
    listed, new = (reverse(f"drivers:{name}", args=[workspace.slug]) for name in ("list", "new"))
    assert "No driver models yet" in client.get(listed).content.decode()
    form = client.get(new)
    assert form.status_code == 200 and "rating:rating:food" in form.content.decode()

    # Without a driver nothing is made, and what was typed stays.
    given = {
        "name": "Loyalty", "outcome": "answer:nps:nps", "missing": "complete", "window_days": "30", "period_days": "0",
        "groups": "colour=red",
    }  # fmt: skip
    refused = client.post(new, given)
    assert refused.status_code == 422 and "is not a group" in refused.content.decode()
    refused = client.post(new, {**given, "groups": ""})
    assert refused.status_code == 422 and "Choose the drivers" in refused.content.decode()
    assert 'value="Loyalty"' in refused.content.decode() and not DriverModel.objects.exists()

    chosen = {**given, "groups": "", "ratings": ["rating:rating:food", "rating:rating:parking"], "facts": ["contacts"]}
    made = client.post(new, chosen)
    model = DriverModel.objects.get()
    page = reverse("drivers:show", args=[workspace.slug, model.pk])
    assert made.status_code == 302 and made["Location"] == page
    assert "being computed" in client.get(page).content.decode()
    found = computed(model)
    assert (found.rows, found.n) == (100, 100)
    food, parking, contacts = found.found
    assert food.matters and contacts.matters and not parking.matters
    assert food.first == 1 and parking.last == 3
    assert food.missing == 0 and food.target == 4 and food.at_target.value == 0.5  # 4 or 5 of 2 to 5
    assert (contacts.target, contacts.concerned, contacts.mean) == (0, 0.5, 0.5)
    assert contacts.gain.value > 0 > contacts.slope  # in points: nobody would have a contact
    assert found.unit == "points" and -100 <= found.mean <= 100

    shown = unescape(client.get(page).content.decode())
    for text in (
        "What to fix first", "Contacts with support", "may be chance", "Make it a measure", "Why these numbers?",
        "One contact fewer", "4 or more",
    ):  # fmt: skip
        assert text in shown, text
    assert "name=food&metric=rating&filters=question%3Ais%3Afood" in shown
    assert "?metric=rating&question=food&score_to=3" in shown
    # Cases: of the low answers those that became one, of contacts all; a topic, a step and a field by themselves.
    assert "/feedback/?metric=rating&question=food&score_to=3&case=yes" in shown
    assert "/cases/?queue=all&sort=newest" in shown
    cases = reverse("cases:list", args=[workspace.slug])
    for driver, wanted in (
        (Driver("topic", "delivery"), "topic=delivery"), (Driver("fact", "reopened"), "had=reopened"),
        (Driver("fact", "hand_overs"), "had=hand_overs"), (Driver("fact", "waiting"), "sort=patience"),
        (Driver("passed", "desk", process=1), "touchpoint=desk"),
        (Driver("group", "property.channel", value="phone"), "channel=phone"),
    ):  # fmt: skip
        assert wording.cases_of(workspace, driver, {}) == f"{cases}?queue=all&{wanted}"
    assert wording.cases_of(workspace, Driver("fact", "days_late"), {}) == ""  # no case says it
    assert "Being computed" not in client.get(listed).content.decode()
    rows = b"".join(client.get(reverse("drivers:export", args=[workspace.slug, model.pk]))).decode().splitlines()
    assert len(rows) == 4 and rows[1].startswith("food,")

    # A target of the firm's own and an owner; the figures are dropped and made anew.
    edit = reverse("drivers:edit", args=[workspace.slug, model.pk])
    assert 'name="target_0"' in client.get(edit).content.decode()
    owner = Membership.objects.get(workspace=workspace).user
    assert client.post(edit, {**chosen, "target_0": "5", "owner_0": str(owner.pk)}).status_code == 302
    model.refresh_from_db()
    assert model.is_under_way and not model.result
    found = computed(model)
    assert (found.found[0].target, found.found[0].at_target.value) == (5, 0.25)
    assert found.found[0].driver.owner == owner.pk and str(owner) in client.get(page).content.decode()
    assert AuditEntry.objects.filter(subject="drivermodel").values_list("verb", flat=True).count() == 2

    # Too few answers are said in words.
    definition = computing.definition_of(model)
    few = DriverDefinition(outcome=definition.outcome, drivers=definition.drivers, filters=("score:at_least:8",))
    actions.change_model(model=model, definition=few, by=owner)
    computing.run(model.pk)
    assert "Not enough" in client.get(page).content.decode() or "needs 50" in client.get(page).content.decode()

    # Viewers see and change nothing; strangers see nothing.
    viewer = make_member(workspace, Role.VIEWER, "viewer@example.com")
    client.force_login(viewer)
    assert client.get(page).status_code == 200 and "Make it a measure" not in client.get(page).content.decode()
    assert client.post(edit, chosen).status_code == client.get(new).status_code == 403
    remove = reverse("drivers:remove", args=[workspace.slug, model.pk])
    assert client.post(remove).status_code == 403
    client.force_login(make_user("stranger@example.com"))
    for address in (listed, page, edit):
        assert client.get(address).status_code == 404
    assert DriverModel.objects.filter(pk=model.pk).exists()
    client.force_login(owner)
    assert client.post(remove).status_code == 302 and not DriverModel.objects.exists()


def test_the_same_by_rest(filled: Any, client: Client) -> None:
    workspace = filled
    kind = ApiKey.Kind.SECRET
    _, analyst = create_api_key(workspace=workspace, kind=kind, name="a", role=Role.ANALYST, by=None)
    _, viewer = create_api_key(workspace=workspace, kind=kind, name="v", role=Role.VIEWER, by=None)

    def ask(method: str, path: str, secret: str = analyst, **data: Any) -> Any:
        more = {"data": data, "content_type": "application/json"} if data else {}
        headers = {"Authorization": f"Bearer {secret}"}
        return getattr(client, method)(f"/api/v1/journeys/drivers{path}", headers=headers, **more)

    definition = {
        "outcome": {"metric": "nps", "question": "nps"}, "missing": "mean",
        "drivers": [{"kind": "rating", "metric": "rating", "key": "food"}, {"kind": "fact", "key": "contacts"}],
    }  # fmt: skip
    assert ask("post", "", viewer, name="Loyalty", definition=definition).status_code == 403
    refused = ask("post", "", name="Loyalty", definition={**definition, "drivers": []})
    assert refused.status_code == 422 and refused.json()["code"] == "refused" and not DriverModel.objects.exists()
    made = ask("post", "", name="Loyalty", definition=definition)
    assert made.status_code == 201 and made.json()["under_way"] and made.json()["findings"] is None
    assert ask("post", "", name="Loyalty", definition=definition).status_code == 422  # the name is taken
    model_id = made.json()["id"]
    computing.run(uuid.UUID(model_id))
    found = ask("get", f"/{model_id}", viewer).json()
    assert found["findings"]["n"] == 100 and not found["under_way"]
    shares = [one["share"]["value"] for one in found["findings"]["drivers"]]
    assert sum(shares) == pytest.approx(found["findings"]["r2"]["value"], abs=1e-9)
    assert {one["fix"] for one in found["findings"]["drivers"]} == {1, 2}
    assert ask("patch", f"/{model_id}", name="Why they recommend us").json()["name"] == "Why they recommend us"
    assert ask("post", f"/{model_id}/compute").json()["under_way"]
    assert [one["id"] for one in ask("get", "").json()] == [model_id]
    other = make_workspace("Other", owner=make_user("other@example.com"))
    _, foreign = create_api_key(workspace=other, kind=kind, name="o", role=Role.OWNER, by=None)
    assert ask("get", f"/{model_id}", foreign).status_code == ask("delete", f"/{model_id}", foreign).status_code == 404
    assert ask("delete", f"/{model_id}").status_code == 204 and not DriverModel.objects.exists()


def test_what_can_never_be_computed_is_refused(filled: Any) -> None:
    food = Driver("rating", "food", metric="rating")
    for wrong in (
        DriverDefinition(outcome=Outcome(), drivers=(food,)),
        DriverDefinition(outcome=NPS, drivers=(food, food)),
        DriverDefinition(outcome=NPS, drivers=(Driver("rating", "nps", metric="nps"),)),
        DriverDefinition(outcome=NPS, drivers=(Driver("fact", "weather"),)),
        DriverDefinition(outcome=NPS, drivers=(Driver("group", "channel", value="email"),)),
        DriverDefinition(outcome=NPS, drivers=(food,), filters=("nonsense",)),
        DriverDefinition(outcome=NPS, drivers=(Driver("rating", "food", metric="rating", owner=10**9),)),
        DriverDefinition(outcome=Outcome("left"), drivers=tuple(Driver("topic", str(one)) for one in range(21))),
    ):
        with pytest.raises(Refused):
            actions.create_model(workspace=filled, name="Wrong", definition=wrong, by=None)
    assert not DriverModel.objects.exists()
    assert at("2026-01-01").tzinfo is UTC


def test_a_step_of_a_map_is_called_as_the_map_calls_it() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    given_events([event(workspace, "credit_applied", "2026-03-01 12:00", customer_id=make_customer(workspace).pk)])
    binding = Binding(events=(EventRule("credit_applied"),))
    points = (Touchpoint("credit_applied", "Applies for the loan", binding=binding),)
    definition = MapDefinition(stages=(Stage("s", "S", points),))
    process = process_for_map(create_map(workspace=workspace, name="Car on credit", definition=definition, by=owner))
    build_steps(process)
    assert steps_of(workspace) == [(process.pk, "credit_applied", "Car on credit: Applies for the loan")]
    driver, gone = (Driver("passed", "credit_applied", process=number) for number in (process.pk, process.pk + 1))
    names = wording.Names(workspace, [driver, gone])
    assert names.of(driver) == "Passed “Applies for the loan” (Car on credit)"
    assert names.of(gone) == "Passed “credit_applied” (?)"
