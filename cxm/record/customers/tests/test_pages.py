"""The pages: the list with search and export, the customer's page, its forms; agents change, viewers read."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cxm.record.customers.actions import add_identity, create_customer
from cxm.record.customers.marks import add_note, tag
from cxm.record.customers.merging import merge_customers
from cxm.record.customers.models import Customer, Identity, Note, Tag
from cxm.testing.cast import answer, given_events, make_customer

from .cast import Firm, state

pytestmark = pytest.mark.django_db


def address(firm: Firm, name: str, *more: object) -> str:
    return reverse(f"customers:{name}", args=[firm.workspace.slug, *more])


def page(client: Client, where: str, **more: Any) -> str:
    reply = client.get(where, **more)
    assert reply.status_code == 200, reply.status_code
    return reply.content.decode()


def test_an_empty_list_teaches_the_next_step(client: Client) -> None:
    firm = Firm()
    client.force_login(firm.agent)
    shown = page(client, address(firm, "list"))
    assert "No customers yet" in shown
    assert address(firm, "new") in shown
    client.force_login(firm.viewer)
    assert address(firm, "new") not in page(client, address(firm, "list"))


def test_the_list_is_searched_with_and_without_scripts(client: Client) -> None:
    firm = Firm()
    for name in ("Олена Шевченко", "Bob"):
        create_customer(workspace=firm.workspace, by=firm.agent, name=name)
    client.force_login(firm.viewer)
    whole = page(client, address(firm, "list"), data={"q": "olena"})
    assert "Олена Шевченко" in whole and "Bob" not in whole and "<html" in whole
    part = page(client, address(firm, "list"), data={"q": "olena"}, headers={"HX-Request": "true"})
    assert "Олена Шевченко" in part and "<html" not in part
    assert "These names are similar" in page(client, address(firm, "list"), data={"q": "olnea"})
    assert "Nobody fits" in page(client, address(firm, "list"), data={"q": "xyz"})


def test_odd_filters_show_a_list_or_a_sentence(client: Client) -> None:
    firm = Firm()
    create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", traits={"seats": 3, "on": True, "l": ["a b"]})
    create_customer(workspace=firm.workspace, by=firm.agent, name="Bob", traits={"seats": 4, "on": False})
    client.force_login(firm.viewer)
    where = address(firm, "list")
    assert "is not a number" in page(client, where, data={"trait": "seats", "value": "many"})
    for data in (
        {"trait": "seats", "value": "3"},
        {"trait": "on", "value": "yes"},
        {"trait": "l", "value": "a b"},
        {"trait": "l"},
    ):
        shown = page(client, where, data=data)
        assert "Ada" in shown and "Bob" not in shown, data
    for data in ({"tag": "none"}, {"sort": "x"}, {"page": "99"}, {"feedback": "?"}, {"q": "\x00"}, {"purpose": "zzz"}):
        page(client, where, data=data)


def test_the_export_holds_what_the_list_shows(client: Client) -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="=Ada", traits={"seats": 3})
    create_customer(workspace=firm.workspace, by=firm.agent, name="Bob")
    tag(workspace=firm.workspace, customers=[ada], name="vip", by=firm.agent)
    client.force_login(firm.owner)
    for data in ({"tag": "vip"}, {"q": "ada"}):
        reply = client.get(address(firm, "export"), data | {"personal": "1"})
        lines = b"".join(reply.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]  # streamed
        assert lines[0] == "id,name,email,phone,language,tags,last_seen_at,answers,created_at,seats"
        assert len(lines) == 2
        assert lines[1].startswith(f"{ada.pk},'=Ada,,,,vip,,0,") and lines[1].endswith(",3")


def test_many_are_tagged_from_the_list(client: Client) -> None:
    firm = Firm()
    ada, bob = make_customer(firm.workspace, "Ada"), make_customer(firm.workspace, "Bob")
    client.force_login(firm.agent)
    sent = {
        "customer": [str(ada.pk), str(bob.pk), "nonsense"],
        "tag": "vip",
        "do": "tag",
        "back": "https://evil.example/",
    }
    reply = client.post(address(firm, "tag_many"), sent)
    assert reply.headers["Location"] == address(firm, "list")  # never to another site
    assert Tag.objects.get().customers.count() == 2
    client.post(address(firm, "tag_many"), {**sent, "do": "untag"})
    assert not Tag.objects.exists()


def test_the_page_of_a_customer_shows_everything_and_no_markup_of_others(client: Client) -> None:
    firm = Firm()
    evil = "<img src=x onerror=alert(1)>"
    ada = create_customer(
        workspace=firm.workspace, by=firm.agent, name=evil, email="ada@example.com", traits={evil: evil, "seats": 1234}
    )
    old = create_customer(workspace=firm.workspace, by=firm.agent, name="Old Ada", phone="+48 600 700 800")
    add_identity(customer=ada, kind="user_id", value=evil, by=firm.agent)
    add_note(customer=ada, text=evil, by=firm.agent)
    tag(workspace=firm.workspace, customers=[ada], name=evil[:60], by=firm.agent)
    merge_customers(customer=old, into=ada, by=firm.agent)
    given_events([answer(firm.workspace, 9, customer_id=old.pk, comment=evil, question=evil, channel=evil)])
    for who in (firm.agent, firm.viewer):
        client.force_login(who)
        shown = page(client, address(firm, "show", ada.pk))
        assert evil not in shown
        assert "&lt;img src=x" in shown
        assert "Would recommend us: 9 of 10 (promoter)." in shown
        assert "1,234" in shown
        assert ("Separate again" in shown) == (who == firm.agent)
    reply = client.get(address(firm, "show", old.pk))
    assert reply.headers["Location"] == address(firm, "show", ada.pk)
    part = page(client, address(firm, "show", ada.pk), data={"kind": "answer_given"}, headers={"HX-Request": "true"})
    assert "Would recommend" in part and "<html" not in part
    assert "No event fits" in page(client, address(firm, "show", ada.pk), data={"find": "zzz"})


def test_a_customer_is_added_and_edited_by_forms(client: Client) -> None:
    firm = Firm()
    client.force_login(firm.agent)
    assert page(client, address(firm, "new"))
    sent = {
        "name": "Ada", "email": "ada@example.com", "phone": "", "language": "en", "traits-TOTAL_FORMS": "2",
        "traits-INITIAL_FORMS": "0", "traits-0-name": "seats", "traits-0-kind": "number", "traits-0-value": "3",
        "traits-1-name": "", "traits-1-kind": "text", "traits-1-value": "",
    }  # fmt: skip
    reply = client.post(address(firm, "new"), sent)
    ada = Customer.objects.get()
    assert reply.headers["Location"] == address(firm, "show", ada.pk)
    assert ada.traits == {"seats": 3}
    assert 'value="3"' in page(client, address(firm, "edit", ada.pk))
    edited = {**sent, "name": "Ada L", "traits-INITIAL_FORMS": "1", "traits-0-value": "many"}
    reply = client.post(address(firm, "edit", ada.pk), edited)
    assert reply.status_code == 422
    assert "“many” is not a number" in reply.content.decode()
    assert 'value="Ada L"' in reply.content.decode()  # nothing that was typed is lost
    ada.refresh_from_db()
    assert (ada.name, ada.traits) == ("Ada", {"seats": 3})
    client.post(address(firm, "edit", ada.pk), {**edited, "traits-0-value": ""})
    ada.refresh_from_db()
    assert (ada.name, ada.traits) == ("Ada L", {})
    reply = client.post(address(firm, "new"), sent)
    assert reply.status_code == 422
    assert "belongs to the customer “Ada L”" in reply.content.decode()
    assert address(firm, "show", ada.pk) in reply.content.decode()
    assert Customer.objects.count() == 1


def test_every_deed_of_the_page_does_its_verb(client: Client) -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada Lovelace", email="ada@example.com")
    old = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada Lovelace")
    client.force_login(firm.agent)
    assert "very similar name" in page(client, address(firm, "show", ada.pk))
    client.post(address(firm, "consent", ada.pk), {"purpose": "surveys", "granted": "yes", "source": "phone"})
    assert ada.consents.get().granted
    client.post(address(firm, "tag", ada.pk), {"name": "vip"})
    assert ada.tags.get().name == "vip"
    client.post(address(firm, "untag", ada.pk), {"name": "vip"})
    assert not ada.tags.exists()
    client.post(address(firm, "identity", ada.pk), {"kind": "user_id", "value": "7"})
    client.post(address(firm, "identity_remove", ada.pk, ada.identities.get(kind="user_id").pk))
    assert [one.kind for one in ada.identities.all()] == ["email"]
    client.post(address(firm, "note", ada.pk), {"text": "likes tea"})
    note = Note.objects.get()
    reply = client.post(address(firm, "note_remove", ada.pk, note.uuid))
    assert "Bring the note back" in page(client, reply.headers["Location"])
    client.post(address(firm, "note_restore", ada.pk, note.uuid))
    assert "likes tea" in page(client, address(firm, "show", ada.pk))
    part = client.post(address(firm, "note_remove", ada.pk, note.uuid), headers={"HX-Request": "true"})
    assert "Undo" in part.content.decode()
    assert "Ada Lovelace" in page(client, address(firm, "merge", ada.pk), data={"q": "lovelace"})
    client.post(address(firm, "merge", ada.pk), {"other": str(old.pk)})
    assert Customer.objects.get(pk=old.pk).canonical_id == ada.pk
    client.post(address(firm, "separate", old.pk))
    assert Customer.objects.get(pk=old.pk).canonical_id is None
    client.post(address(firm, "remove", old.pk))
    assert Customer.objects.count() == 2  # the box was not ticked
    reply = client.post(address(firm, "remove", old.pk), {"sure": "yes"})
    assert reply.headers["Location"] == address(firm, "list")
    assert list(Customer.objects.all()) == [ada]


def test_viewers_and_strangers_are_refused_everywhere(client: Client) -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", email="ada@example.com")
    note, identity = add_note(customer=ada, text="x", by=firm.agent), Identity.objects.get()
    reads: list[tuple[Any, ...]] = [("list",), ("export",), ("show", ada.pk)]
    changes: list[tuple[Any, ...]] = [
        ("new",), ("edit", ada.pk), ("merge", ada.pk), ("separate", ada.pk), ("consent", ada.pk), ("tag", ada.pk),
        ("untag", ada.pk), ("note", ada.pk), ("note_remove", ada.pk, note.uuid), ("note_restore", ada.pk, note.uuid),
        ("identity", ada.pk), ("identity_remove", ada.pk, identity.pk), ("remove", ada.pk), ("tag_many",),
    ]  # fmt: skip
    sent = {"name": "Eve", "text": "x", "kind": "a", "value": "b", "purpose": "p", "granted": "yes", "sure": "yes",
            "other": str(ada.pk), "customer": str(ada.pk), "tag": "x"}  # fmt: skip
    before = state()
    client.force_login(firm.stranger)
    for name, *more in reads:
        assert client.get(address(firm, name, *more)).status_code == 404
    for name, *more in changes:
        assert client.post(address(firm, name, *more), sent).status_code == 404
    client.force_login(firm.viewer)
    for name, *more in reads:
        assert client.get(address(firm, name, *more)).status_code == 200
    for name, *more in changes:
        assert client.post(address(firm, name, *more), sent).status_code == 403
    client.force_login(firm.agent)
    assert client.get(address(firm, "show", uuid.uuid4())).status_code == 404
    client.logout()
    assert client.get(address(firm, "list")).status_code == 302
    assert state() == before
