"""Making and changing a profile: fields, typed traits, identities; refused for viewers and strangers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role
from cxm.record.customers.actions import add_identity, change_profile, create_customer, remove_identity
from cxm.record.customers.consent import set_consent
from cxm.record.customers.errors import IdentityTaken, Refused
from cxm.record.customers.marks import add_note, remove_note, tag
from cxm.record.customers.merging import merge_customers
from cxm.record.customers.models import Customer, Identity, Trait
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_workspace

from .cast import Firm, facts, state, verbs

pytestmark = pytest.mark.django_db


def test_a_new_customer_has_its_e_mail_as_an_identity() -> None:
    firm = Firm()
    ada = create_customer(
        workspace=firm.workspace, by=firm.agent, name=" Ada \n Lovelace ", email="Ada@Example.com",
        traits={"plan": "gold", "seats": 3}, identities=[("user_id", "u-1")],
    )  # fmt: skip
    assert (ada.name, ada.email, ada.traits) == ("Ada Lovelace", "Ada@Example.com", {"plan": "gold", "seats": 3})
    assert sorted(ada.identities.values_list("kind", "value")) == [("email", "ada@example.com"), ("user_id", "u-1")]
    assert facts() == [("customer_created", str(ada.pk))]
    assert verbs() == ["created"]


def test_a_customer_needs_something_to_be_known_by() -> None:
    firm = Firm()
    with pytest.raises(Refused, match="needs a name, an e-mail address, a phone number or an identity"):
        create_customer(workspace=firm.workspace, by=firm.agent, name="  ", traits={"plan": "gold"})
    assert not Customer.objects.exists()


def test_a_change_is_audited_with_what_was_before() -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", traits={"plan": "tin", "old": "x"})
    change_profile(customer=ada, by=firm.agent, name="Ada L", traits={"plan": "gold", "old": None})
    ada.refresh_from_db()
    assert (ada.name, ada.traits) == ("Ada L", {"plan": "gold"})
    changes = {"name": ["Ada", "Ada L"], "trait.plan": ["tin", "gold"], "trait.old": ["x", None]}
    assert AuditEntry.objects.get(verb="changed").changes == changes
    fact = OutboxFact.objects.get(name="profile_changed")
    assert fact.properties == {"by": "Ivan", "fields": ["name", "trait.old", "trait.plan"], "changes": changes}


def test_a_change_to_what_is_there_already_leaves_no_trace() -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", traits={"plan": "tin"})
    before = state()
    change_profile(customer=ada, by=firm.agent, name="Ada", traits={"plan": "tin", "unknown": None})
    assert state() == before


@pytest.mark.parametrize(
    ("first", "wrong", "sentence"),
    [
        (3, "gold", "The trait “t” holds numbers, and “gold” is not a number."),
        (True, "maybe", "The trait “t” holds yes or no, and “maybe” is neither."),
        ("2026-03-01", "2026-02-30", "The trait “t” holds dates, and “2026-02-30” is not a date such as 2026-03-01."),
        ("gold", ["gold"], "The trait “t” holds one text, and “['gold']” is more than that."),
    ],
)
def test_a_trait_keeps_the_kind_of_its_first_value(first: object, wrong: object, sentence: str) -> None:
    firm = Firm()
    create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", traits={"t": first})
    bob = create_customer(workspace=firm.workspace, by=firm.agent, name="Bob", traits={"other": "x"})
    before = state()
    with pytest.raises(Refused) as refused:
        change_profile(customer=bob, by=firm.agent, name="Bobby", traits={"t": wrong})
    assert str(refused.value) == sentence
    assert state() == before


def test_values_are_read_as_people_write_them() -> None:
    firm = Firm()
    first = {"n": 1, "ok": True, "day": "2026-03-01", "list": ["a"], "text": "x"}
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", traits=first)
    kinds = {"n": "number", "ok": "yes_no", "day": "date", "list": "list", "text": "text"}
    assert dict(Trait.objects.values_list("name", "kind")) == kinds
    typed = {"n": "1 234,5", "ok": "Tak", "day": "2026-04-01", "list": "a, b ,", "text": 7}
    change_profile(customer=ada, by=firm.agent, traits=typed)
    ada.refresh_from_db()
    assert ada.traits == {"n": 1234.5, "ok": True, "day": "2026-04-01", "list": ["a", "b"], "text": "7"}


def test_an_identity_belongs_to_one_customer() -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", email="ada@example.com")
    bob = create_customer(workspace=firm.workspace, by=firm.agent, name="Bob")
    before = state()
    with pytest.raises(IdentityTaken) as taken:
        add_identity(customer=bob, kind="email", value=" ADA@example.com ", by=firm.agent)
    assert taken.value.customer == ada
    assert str(taken.value) == (
        "“email: ada@example.com” belongs to the customer “Ada”. If both are the same person, merge them."
    )
    with pytest.raises(IdentityTaken):
        change_profile(customer=bob, email="ada@example.com", by=firm.agent)
    with pytest.raises(IdentityTaken):
        create_customer(workspace=firm.workspace, by=firm.agent, email="ada@example.com")
    assert state() == before
    add_identity(customer=ada, kind="email", value="ada@example.com", by=firm.agent)  # it is theirs already
    assert state() == before


def test_the_same_identity_may_live_in_two_workspaces() -> None:
    firm = Firm()
    other = make_workspace("Other", owner=firm.owner)
    create_customer(workspace=firm.workspace, by=firm.owner, email="ada@example.com")
    create_customer(workspace=other, by=firm.owner, email="ada@example.com")
    assert Identity.objects.count() == 2


def test_identities_come_and_go_with_facts() -> None:
    firm = Firm()
    ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada")
    identity = add_identity(customer=ada, kind="phone", value="+48 600 700-800", by=firm.agent)
    assert identity.value == "+48600700800"
    remove_identity(identity=identity, by=firm.agent)
    assert not Identity.objects.exists()
    assert facts("identity_added", "identity_removed") == [
        ("identity_added", str(ada.pk)),
        ("identity_removed", str(ada.pk)),
    ]
    assert verbs() == ["created", "identity added", "identity removed"]


def test_viewers_and_strangers_change_nothing() -> None:
    firm = Firm()
    ada, bob = make_customer(firm.workspace), make_customer(firm.workspace, "Bob")
    note = add_note(customer=ada, text="hello", by=firm.agent)
    identity = add_identity(customer=ada, kind="user_id", value="1", by=firm.agent)
    write, _clear = create_api_key(workspace=firm.workspace, kind=ApiKey.Kind.WRITE, name="w", by=firm.owner)
    low, _clear = create_api_key(
        workspace=firm.workspace, kind=ApiKey.Kind.SECRET, name="s", by=firm.owner, role=Role.VIEWER
    )
    elsewhere, _clear = create_api_key(
        workspace=make_workspace("Other", owner=firm.stranger), kind=ApiKey.Kind.SECRET, name="o", by=firm.stranger
    )
    before = state()
    for who, refusal in (
        (firm.viewer, PermissionDenied),
        (firm.stranger, Http404),
        (write, PermissionDenied),
        (low, PermissionDenied),
        (elsewhere, Http404),
    ):
        deeds: list[Callable[[], object]] = [
            partial(create_customer, workspace=firm.workspace, name="Eve", by=who),
            partial(change_profile, customer=ada, name="Eve", by=who),
            partial(add_identity, customer=ada, kind="user_id", value="2", by=who),
            partial(remove_identity, identity=identity, by=who),
            partial(merge_customers, customer=bob, into=ada, by=who),
            partial(set_consent, customer=ada, purpose="surveys", granted=True, by=who),
            partial(tag, workspace=firm.workspace, customers=[ada], name="vip", by=who),
            partial(add_note, customer=ada, text="x", by=who),
            partial(remove_note, note=note, by=who),
        ]
        for deed in deeds:
            with pytest.raises(refusal):
                deed()
    assert state() == before


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("\u200fمريم", "\u200fمريم"),
        ("'; DROP TABLE customers_customer; --", "'; DROP TABLE customers_customer; --"),
    ],
)
def test_hostile_names_are_only_names(name: str, stored: str) -> None:
    firm = Firm()
    assert create_customer(workspace=firm.workspace, by=firm.agent, name=name).name == stored


def test_a_name_of_ten_thousand_letters_is_refused() -> None:
    firm = Firm()
    with pytest.raises(Refused, match="The field “name” is too long: at most 300 characters"):
        create_customer(workspace=firm.workspace, by=firm.agent, name="ж" * 10_000)
