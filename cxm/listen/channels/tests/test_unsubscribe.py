"""Leaving by the link in a mail: one click for mailbox providers, a page for people, nothing for scanners."""

from __future__ import annotations

import uuid

import pytest
from django.db import transaction
from django.test import Client

from cxm.listen.channels import actions
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.channels.tokens import delivery_id_of, unsubscribe_token
from cxm.record.customers.models import Consent, Customer
from cxm.testing.cast import make_customer, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery() -> Delivery:
    workspace = make_workspace()
    customer = make_customer(workspace, email="ada@example.com")
    with transaction.atomic():
        for cause in ("test:1", "test:2"):
            actions.queue(
                workspace=workspace, cause=cause, to="Ada@example.com", customer=customer, subject="s", text="t"
            )
    return Delivery.objects.get(cause="test:1")


def test_looking_at_the_page_changes_nothing(delivery: Delivery, client: Client) -> None:
    for method in (client.get, client.head):
        answer = method(f"/u/{unsubscribe_token(delivery.pk)}")
        assert answer.status_code == 200
    assert not Suppression.objects.exists()
    assert not Consent.objects.exists()
    assert not answer.cookies


def test_one_click_needs_no_cookie_no_login_and_leads_nowhere_else(delivery: Delivery) -> None:
    client = Client(enforce_csrf_checks=True)
    for body in ("List-Unsubscribe=One-Click",):
        answer = client.post(
            f"/u/{unsubscribe_token(delivery.pk)}", body, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code == 200
        assert not answer.cookies
    row = Suppression.objects.get()
    assert (row.address, row.reason) == ("ada@example.com", "unsubscribed")
    consent = Consent.objects.get(customer=Customer.objects.get())
    assert (consent.purpose, consent.granted, consent.source) == ("surveys", False, "unsubscribe link")
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}


def test_one_click_may_come_as_multipart_and_twice(delivery: Delivery) -> None:
    client = Client(enforce_csrf_checks=True)
    for _ in range(2):
        answer = client.post(f"/u/{unsubscribe_token(delivery.pk)}", {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert Suppression.objects.count() == Consent.objects.count() == 1


def test_a_person_may_change_their_mind(delivery: Delivery, client: Client) -> None:
    address = f"/u/{unsubscribe_token(delivery.pk)}"
    assert "You are unsubscribed" in client.post(address).content.decode()
    assert "Do you want no more e-mails from Kyiv Kettles?" in client.post(address, {"again": "yes"}).content.decode()
    assert not Suppression.objects.exists()
    assert [one.granted for one in Consent.objects.order_by("id")] == [False, True]


def test_the_link_does_not_release_an_address_that_bounced(delivery: Delivery, client: Client) -> None:
    Suppression.objects.create(workspace=delivery.workspace, address="ada@example.com", reason="bounced")
    client.post(f"/u/{unsubscribe_token(delivery.pk)}", {"again": "yes"})
    assert Suppression.objects.get().reason == "bounced"


def test_a_token_that_we_did_not_make_is_nothing(delivery: Delivery, client: Client) -> None:
    token = unsubscribe_token(delivery.pk)
    assert len(token) == 43
    assert delivery_id_of(token) == delivery.pk
    wrong = [token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1], "A" * 43, token[:42], "é" * 43, "%00", "x"]
    for one in [*wrong, unsubscribe_token(uuid.uuid4())]:
        assert client.post(f"/u/{one}").status_code == 404
    assert not Suppression.objects.exists()
