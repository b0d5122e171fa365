"""The page of accuracy: a version is trained, used and given up; the experience score is calibrated and shown."""

from __future__ import annotations

import html
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import ApiKey, Role, User, Workspace
from cxm.act.cases.actions import open_case
from cxm.record.eventlog.outbox import move_outbox
from cxm.testing.cast import answer, event, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.text import own
from cxm.understand.text.experience import keeping
from cxm.understand.text.learning import running
from cxm.understand.text.learning.tests.test_own_labels import given_labels
from cxm.understand.text.models import ExperienceModel, OwnModel

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # pages and forms: the questions to the log are tested apart


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    own.forget_loaded()
    yield
    own.forget_loaded()


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def analyst(workspace: Workspace, client: Client) -> User:
    user = make_member(workspace, Role.ANALYST, "ana@example.com")
    client.force_login(user)
    return user


def shown(client: Client, path: str, **more: str) -> str:
    return html.unescape(client.get(path, headers=more).content.decode())


def given_tickets(workspace: Workspace, n: int) -> None:
    """Who waits up to 5 hours answers 5, who waits longer 1; every seventh answers 3."""
    events = []
    for number in range(n):
        hours, opened = 1 + number % 10, timezone.now() - timedelta(days=40, hours=-number)
        when, who = opened.strftime("%Y-%m-%d %H:%M"), uuid.UUID(int=500 + number)
        events += [
            event(
                workspace, "ticket_updated", when, customer_id=who, ticket_id=f"T{number}", version=1, state="resolved",
                opened_at=opened.isoformat(), first_responded_at=(opened + timedelta(hours=hours)).isoformat(),
                resolved_at=(opened + timedelta(hours=20)).isoformat(),
            ),
            answer(workspace, (5 if hours <= 5 else 1) if number % 7 else 3, when, metric="csat", question="csat",
                   scale="1-5", customer_id=who, properties={"ticket_id": f"T{number}"}),
        ]  # fmt: skip
    given_events(events)


def test_a_version_is_trained_used_and_given_up_from_the_page(
    workspace: Workspace, analyst: User, client: Client
) -> None:
    base = f"/w/{workspace.slug}/text/"
    given_labels(workspace, 70)
    page = shown(client, base)
    assert "There is no version yet" in page and "It has not been calibrated yet." in page
    assert "70 negative, 70 neutral, 70 positive" in page
    assert client.post(base + "train/").status_code == 302
    version = OwnModel.objects.get()
    waiting = shown(client, base, HX_Request="true")
    assert "Version 1 is being trained" in waiting and "hx-trigger" in waiting and "<html" not in waiting
    assert "being trained already" in html.unescape(client.post(base + "train/", follow=True).content.decode())
    running.run(version.pk)
    page = shown(client, base)
    assert "Better" in page and "Positive or negative only" in page and "every 1s" not in page
    client.post(f"{base}versions/{version.pk}/use/")
    page = shown(client, base)
    assert "In use" in page and "All texts are being read anew" in page
    client.post(base + "shipped/")
    assert not OwnModel.objects.filter(is_used=True).exists()
    assert "In use" not in shown(client, base)
    # Agents read, and change nothing; strangers see nothing.
    client.force_login(make_member(workspace, Role.AGENT, "petro@example.com"))
    assert "Train a version" not in shown(client, base)
    for path in ("train/", "shipped/", "calibrate/", f"versions/{version.pk}/use/"):
        assert client.post(base + path).status_code == 403
    client.force_login(make_user("stranger@example.com"))
    assert client.get(base).status_code == client.post(base + "train/").status_code == 404
    assert OwnModel.objects.count() == 1 and not ExperienceModel.objects.exists()


def test_the_score_is_shown_with_its_coefficients_and_on_the_page_of_a_case(
    workspace: Workspace, analyst: User, client: Client
) -> None:
    base = f"/w/{workspace.slug}/text/"
    case = open_case(
        workspace=workspace, subject="Late", opened_by="person:1", by=analyst, customer=make_customer(workspace)
    )
    move_outbox()
    of_case = f"/w/{workspace.slug}/cases/{case.number}/experience/"
    assert "Not enough answers yet." in shown(client, of_case)
    assert client.post(base + "calibrate/").status_code == 302
    assert "Being calibrated" in shown(client, base)
    keeping.calibrate(workspace.pk)
    assert "There are 0 satisfaction answers after tickets" in shown(client, base)
    given_tickets(workspace, 100)
    keeping.calibrate(workspace.pk)
    page = shown(client, base)
    assert "On answers that it had not seen, the model explains" in page and "Worse answers" in page
    assert "Twice the wait for the first answer" in page and "Calibrate again" in page
    # The case has waited for no time at all: a good answer is to be expected.
    box = shown(client, of_case)
    assert "of 5" in box and "Satisfied with a probability of" in box and "First answer" in box
    client.force_login(make_user("stranger@example.com"))
    assert client.get(of_case).status_code == 404


def test_other_programs_train_use_and_ask(workspace: Workspace, client: Client) -> None:
    def headers(role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {make_key(workspace, role)}"}

    reads, changes = headers(Role.VIEWER), headers(Role.ANALYST)
    assert client.post("/api/v1/text/models", headers=reads).status_code == 403
    made = client.post("/api/v1/text/models", headers=changes)
    assert made.status_code == 202 and made.json()["state"] == "training"
    assert client.post("/api/v1/text/models", headers=changes).json()["code"] == "refused"
    given_labels(workspace, 70)
    running.run(uuid.UUID(made.json()["id"]))
    [one] = client.get("/api/v1/text/models", headers=reads).json()
    assert (one["state"], one["is_used"], one["labels"]) == ("ready", False, {"csat": 210})
    assert one["report"]["sentiment"]["all"]["better"] is True
    used = client.post(f"/api/v1/text/models/{one['id']}/use", headers=changes)
    assert used.status_code == 200 and used.json()["is_used"]
    assert client.delete("/api/v1/text/models/used", headers=changes).status_code == 204
    assert not OwnModel.objects.filter(is_used=True).exists()
    assert client.get("/api/v1/text/experience", headers=reads).status_code == 404
    assert client.post("/api/v1/text/experience", headers=changes).status_code == 202
    given_tickets(workspace, 100)
    keeping.calibrate(workspace.pk)
    told = client.get("/api/v1/text/experience", headers=reads).json()
    assert told["enough"] and told["answers"] == 100 and told["r_squared"]["low"] > 0
    assert [effect["signal"] for effect in told["effects"]] == ["first_answer"]
    slow = client.get("/api/v1/text/experience/T9", headers=reads).json()
    assert slow["expected"]["value"] < 2 and slow["shares"][0]["signal"] == "first_answer"
    assert client.get("/api/v1/text/experience/T999", headers=reads).status_code == 404
    other = make_workspace("Other", make_user("o@example.com"))
    theirs = {"Authorization": f"Bearer {make_key(other, Role.ANALYST)}"}
    assert client.post(f"/api/v1/text/models/{one['id']}/use", headers=theirs).status_code == 404


def make_key(workspace: Workspace, role: Role) -> str:
    from cxm.accounts.actions import create_api_key

    return create_api_key(workspace=workspace, by=None, name=role.value, kind=ApiKey.Kind.SECRET, role=role)[1]
