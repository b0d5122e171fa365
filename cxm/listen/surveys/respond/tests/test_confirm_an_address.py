"""A survey that asks for an e-mail address first: the door, the mail with the link, whose response it becomes."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.channels import causes
from cxm.listen.channels.mail.letter import message_of
from cxm.listen.channels.models import Delivery
from cxm.listen.surveys.models import Response, Survey
from cxm.listen.surveys.respond import tokens, verifying
from cxm.listen.surveys.respond.directory import directory
from cxm.listen.surveys.respond.tests.given import Respondent, heading, make_survey, respondents
from cxm.listen.surveys.tests.test_mailings import owner_of
from cxm.listen.surveys.widget.offers import live_surveys
from cxm.record.capture.models import Suppression
from cxm.record.customers.models import Customer
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    return make_survey(workspace, verify_email=True)


def link_in(delivery: Delivery) -> str:
    """The path in its mail."""
    letter = causes.make(delivery)
    assert letter is not None
    [path] = re.findall(rf"{re.escape(settings.BASE_URL)}(/s/v/\S+)", letter.text)
    return str(path)


def test_the_survey_begins_from_the_mail_and_belongs_to_the_address(workspace: Workspace, survey: Survey) -> None:
    ada = make_customer(workspace, "Ada", email="Ada@Example.com")
    asker = Respondent()
    page = asker.get(f"/s/{survey.public_id}?plan=gold&utm_source=receipt")
    assert heading(page) == "Please give your e-mail address"
    assert "recommend" not in page.text
    assert asker.form().action == f"/s/{survey.public_id}?plan=gold&amp;utm_source=receipt".replace("&amp;", "&")
    assert heading(asker.post(asker.form().action, {"email": " ada@EXAMPLE.com "})) == "Look into your mailbox"
    delivery = Delivery.objects.get()
    assert (delivery.to, delivery.customer, delivery.state) == ("ada@example.com", None, "waiting")
    reader = Respondent("198.51.100.9")  # on another device
    assert heading(reader.get(link_in(delivery))) == "Your e-mail address is confirmed"
    assert not Response.objects.exists(), "scanners open links too"
    assert heading(reader.post(reader.form().action, {})) == "How was it?"
    reader.send(nps=9)
    response = Response.objects.get()
    assert (response.customer, response.person, response.channel) == (ada, ada.pk, "link")
    assert (response.hidden, response.origin, response.state) == ({"plan": "gold"}, "receipt", "completed")
    assert {one.customer_id for one in OutboxFact.objects.filter(name="survey_completed")} == {ada.pk}


def test_a_link_is_for_one_response(workspace: Workspace, survey: Survey) -> None:
    asker = Respondent()
    asker.post(f"/s/{survey.public_id}", {"email": "new@example.com"})
    path = link_in(Delivery.objects.get())
    asker.post(path, {})
    asker.post(asker.form().action, [("step", "save"), ("asked", "nps"), ("page", "p1"), ("a.nps", "3")])
    other = Respondent()
    resumed = other.get(other.get(path).headers["location"])
    assert 'value="3" checked' in resumed.text, "the same response, on another device"
    other.send(nps=9)
    assert heading(Respondent().post(path, {})) == "Thanks a lot", "it is done"
    assert Response.objects.get().answers["nps"] == 9
    new = Customer.objects.get(email="new@example.com")
    assert Response.objects.get().customer == new
    assert new.identities.get().kind == "email"


def test_nothing_tells_whether_an_address_is_known(workspace: Workspace, survey: Survey) -> None:
    make_customer(workspace, "Ada", email="ada@example.com")
    asker = Respondent()
    pages = [asker.post(f"/s/{survey.public_id}", {"email": f"{who}@example.com"}) for who in ("ada", "nobody")]
    assert (pages[0].status, pages[0].body, pages[0].headers) == (pages[1].status, pages[1].body, pages[1].headers)
    letters = [causes.make(one) for one in Delivery.objects.order_by("to")]
    assert letters[0] is not None
    assert letters[1] is not None
    assert letters[0].subject == letters[1].subject
    assert "Ada" not in letters[0].text
    assert Customer.objects.count() == 1


def test_what_nobody_confirmed_is_forgotten_and_the_rest_goes_with_its_customer(survey: Survey) -> None:
    asker = Respondent()
    for who in ("ada", "nobody"):
        asker.post(f"/s/{survey.public_id}", {"email": f"{who}@example.com"})
    asker.post(link_in(Delivery.objects.get(to="ada@example.com")), {})
    assert verifying.forget_unconfirmed() == 0
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert verifying.forget_unconfirmed() == 1
    assert Delivery.objects.get().customer == Customer.objects.get(email="ada@example.com")


def test_wrong_addresses_are_said_and_send_nothing(survey: Survey) -> None:
    asker = Respondent()
    for wrong in ("", "ada", "a@b@c.example", "ada@example.com\r\nBcc: x@example.com", "x" * 300 + "@example.com",
                  '"><script>@example.com'):  # fmt: skip
        page = asker.post(f"/s/{survey.public_id}", {"email": wrong})
        assert (page.status, "<script>@" in page.text) == (422, False)
    assert not Delivery.objects.exists()


def test_a_mailbox_and_a_client_get_only_so_many(survey: Survey) -> None:
    victims = [Respondent(f"198.51.100.{n}") for n in range(5)]
    said = {heading(one.post(f"/s/{survey.public_id}", {"email": "ada@example.com"})) for one in victims}
    assert said == {"Look into your mailbox"}, "whoever asks does not hear of it"
    assert Delivery.objects.count() == 3
    busy = Respondent("203.0.113.77")
    statuses = [busy.post(f"/s/{survey.public_id}", {"email": f"a{n}@example.com"}).status for n in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert Delivery.objects.count() == 13


def test_forged_cut_and_old_links_open_nothing(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    asker = Respondent()
    asker.post(f"/s/{survey.public_id}", {"email": "ada@example.com"})
    path = link_in(Delivery.objects.get())
    start, address = tokens.verified_by(path.removeprefix("/s/v/"))
    assert address == "ada@example.com"
    assert Respondent().get(f"/s/v/{tokens.token_of(start)}").status == 404, "a token for another purpose"
    assert Respondent().get(f"/s/r/{path.removeprefix('/s/v/')}").status == 404
    for wrong in (path[:-3], path[:-1] + ("A" if path[-1] != "A" else "B"), "/s/v/x"):
        assert Respondent().post(wrong, {}).status == 404
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + tokens.VERIFYING_S + 5)
    assert Respondent().post(path, {}).status == 404
    assert not Response.objects.exists()


def test_no_other_way_leads_around_it(workspace: Workspace, survey: Survey) -> None:
    asker = Respondent()
    assert "recommend" not in asker.get(f"/s/{survey.public_id}?kiosk=1&q=nps&v=9").text
    assert asker.call(f"/s/w/{survey.public_id}/view").json["error"] == "email"
    assert asker.call(f"/s/w/{survey.public_id}/answers", key="k", answers={"nps": 9}).status == 403
    assert not live_surveys(workspace).exists()
    preview = asker.get(f"/s/{survey.public_id}?preview={tokens.preview_token(survey.pk)}")
    assert "recommend" in preview.text, "the editor's own preview counts for nothing"
    assert not Response.objects.exists()


def test_a_pin_and_an_address_stand_at_one_door(survey: Survey) -> None:
    Survey.objects.update(pin="4711")
    directory().forget(survey.public_id)
    asker = Respondent()
    assert {"pin", "email"} <= set(re.findall(r'<input[^>]* name="(\w+)"', asker.get(f"/s/{survey.public_id}").text))
    page = asker.post(f"/s/{survey.public_id}", {"pin": "0000", "email": "ada@example.com"})
    assert (page.status, 'value="ada@example.com"' in page.text) == (422, True)
    assert not Delivery.objects.exists()
    asker.post(f"/s/{survey.public_id}", {"pin": "4711", "email": "ada@example.com"})
    assert Delivery.objects.count() == 1


def test_of_whom_nothing_may_be_stored_answers_without_a_profile(workspace: Workspace, survey: Survey) -> None:
    Suppression.objects.create(workspace=workspace, user_id="ada@example.com")
    asker = Respondent()
    asker.post(f"/s/{survey.public_id}", {"email": "ada@example.com"})
    asker.post(link_in(Delivery.objects.get()), {})
    asker.send(nps=9)
    assert (Response.objects.get().person, Customer.objects.count()) == (None, 0)


def test_the_mail_speaks_the_language_of_the_page_and_is_no_bulk(survey: Survey) -> None:
    Respondent(language="uk").post(f"/s/{survey.public_id}", {"email": "o@example.com"})
    delivery = Delivery.objects.get()
    letter = causes.make(delivery)
    assert letter is not None
    assert "Як воно було?" in letter.subject
    raw = message_of(delivery, letter)
    assert b"List-Unsubscribe" not in raw
    assert b"Auto-Submitted: auto-replied" in raw
    Survey.objects.update(state="closed")
    assert causes.make(delivery) is None


def test_it_is_a_setting_of_the_survey(workspace: Workspace, survey: Survey) -> None:
    client = Client()
    client.force_login(owner_of(workspace))
    address = reverse("surveys:settings", args=[workspace.slug, survey.pk])
    shown = client.get(address).content.decode()
    assert re.search(r'name="verify_email"[^>]*checked', shown)
    values: dict[str, Any] = {"form": "settings", "name": "Delivery", "partial_after_minutes": "60", "priority": "50"}
    client.post(address, values)
    survey.refresh_from_db()
    assert survey.verify_email is False


def test_two_who_confirm_at_once_are_one_customer(workspace: Workspace) -> None:
    first = verifying.customer_of(workspace.pk, "ada@example.com", "en")
    assert verifying.customer_of(workspace.pk, "ada@example.com", "en") == first
    assert Customer.objects.count() == 1
