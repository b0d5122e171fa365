"""Search: any script, slips of the finger, ranks, and names that try to break it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.accounts.models import Workspace
from cxm.record.customers.actions import add_identity, change_profile, create_customer, remove_customer
from cxm.record.customers.marks import tag
from cxm.record.customers.merging import merge_customers
from cxm.record.customers.models import Customer
from cxm.record.customers.queries import Wanted, in_order, search
from cxm.record.customers.searching import find, normalise, search_text_of, similarity
from cxm.testing.cast import make_workspace

from .cast import Firm

pytestmark = pytest.mark.django_db

PEOPLE = [
    "Olena Petrenko", "Олена Шевченко", "Світлана Ковальчук", "Алексей Иванов", "Łukasz Żółć", "Agnieszka Dąbrowska",
    "John Smith", "Margaret O'Brien", "王小明", "李華", "Anna-Maria Krüger",
]  # fmt: skip


def names(workspace: Workspace, text: str) -> list[str]:
    return [one.name for one in in_order(find(workspace, text))]


def put(firm: Firm, *people: str) -> list[Customer]:
    return [create_customer(workspace=firm.workspace, by=firm.agent, name=name) for name in people]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Jhon Smith", ["John Smith"]),  # English: swapped
        ("margret obrien", ["Margaret O'Brien"]),  # missing, and no apostrophe
        ("smiht", ["John Smith"]),
        ("Lukasz Zolc", ["Łukasz Żółć"]),  # Polish without its accents
        ("lukas", ["Łukasz Żółć"]),
        ("agniezska dabrowska", ["Agnieszka Dąbrowska"]),  # swapped
        ("Dombrowska", ["Agnieszka Dąbrowska"]),
        ("алексй иванов", ["Алексей Иванов"]),  # Russian: missing
        ("ivanov", ["Алексей Иванов"]),
        ("АЛЕКСЕЙ", ["Алексей Иванов"]),
        ("Aleksei Ivanov", ["Алексей Иванов"]),
        ("шевчнеко", ["Олена Шевченко"]),  # Ukrainian: swapped
        ("Svitlana Kovalchuk", ["Світлана Ковальчук"]),
        ("ковалчук", ["Світлана Ковальчук"]),
        ("Olena", ["Olena Petrenko", "Олена Шевченко"]),
        ("олена", ["Olena Petrenko", "Олена Шевченко"]),
        ("李華", ["李華"]),  # Chinese of two letters
        ("華", ["李華"]),
        ("小明", ["王小明"]),
        ("王曉明", ["王小明"]),  # another letter of the same sound
        ("kruger anna", ["Anna-Maria Krüger"]),  # any order
        ("qqqqqq", []),
        ("   ", []),
    ],
)
def test_names_are_found_in_five_languages(typed: str, found: list[str]) -> None:
    firm = Firm()
    put(firm, *PEOPLE)
    assert sorted(names(firm.workspace, typed)) == sorted(found)


def test_the_closest_comes_first() -> None:
    firm = Firm()
    put(firm, "Johanna Ann", "Ann", "Anna", "Marianne", "Susann")
    assert names(firm.workspace, "ann") == ["Ann", "Anna", "Johanna Ann", "Marianne", "Susann"]


def test_people_are_found_by_e_mail_phone_and_any_identity() -> None:
    firm = Firm()
    [bob] = put(firm, "Bob Tester")
    change_profile(customer=bob, by=firm.agent, name="Ada", email="ada.l+x@example.com", phone="+380 (67) 123-45-67")
    add_identity(customer=bob, kind="user_id", value="CRM_00042", by=firm.agent)
    for text in ("ada.l+x@example.com", "EXAMPLE.com", "067 123 45 67", "+380671234567", "crm_00042", "00042"):
        assert names(firm.workspace, text) == ["Ada"], text
    assert names(firm.workspace, "Bob Tester") == []  # the old name is gone from the index


def test_a_merged_profile_leads_to_its_canonical_customer() -> None:
    firm = Firm()
    ada, old = put(firm, "Ada Lovelace", "Augusta Byron")
    merge_customers(customer=old, into=ada, by=firm.agent)
    assert [hit.customer_id for hit in find(firm.workspace, "augusta")] == [ada.pk]
    tag(workspace=firm.workspace, customers=[old], name="vip", by=firm.agent)
    assert [hit.customer_id for hit in search(firm.workspace, Wanted(text="augusta", tag="vip"))] == [ada.pk]
    assert search(firm.workspace, Wanted(text="augusta", feedback="yes")) == []


def test_nobody_is_found_in_another_workspace_or_after_erasure() -> None:
    firm = Firm()
    [ada] = put(firm, "Ada Lovelace")
    other = make_workspace("Other", owner=firm.stranger)
    for text in ("Ada Lovelace", "Ada Lovelade", "ad"):
        assert names(firm.workspace, text) == ["Ada Lovelace"]
        assert names(other, text) == []
    remove_customer(customer=ada, by=firm.agent)
    assert names(firm.workspace, "Ada Lovelace") == []


@pytest.mark.parametrize(
    "text",
    ['"', '""" OR *', "NEAR(a b)", "a AND NOT b", "%", "_", "\\", "'; --", "\x00", "|ada|", "\n", "\u202e",
     "ж" * 10_000, "a " * 5_000, "-", "col:x", "^a", "(", "\ud800"],
)  # fmt: skip
def test_no_text_breaks_the_search(text: str) -> None:
    firm = Firm()
    put(firm, "Ada Lovelace")
    assert isinstance(find(firm.workspace, text), list)


def test_bulk_writes_keep_the_index_right() -> None:
    """An import writes many rows at once; the database itself keeps the index."""
    firm = Firm()
    rows = [Customer(workspace=firm.workspace, name=name, search_text=search_text_of(name)) for name in PEOPLE]
    Customer.objects.bulk_create(rows)
    assert names(firm.workspace, "petrenco") == ["Olena Petrenko"]
    Customer.objects.filter(name="Olena Petrenko").update(name="X Y", search_text=search_text_of("Xavier Young"))
    assert names(firm.workspace, "petrenko") == []
    assert names(firm.workspace, "xavier") == ["X Y"]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("  Ołena  O'Brien-Żak ", "olena obrien-zak"),
        ("Олена Їжак", "olena izhak"),
        ("ＡＢＣ１２", "abc12"),  # full width
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("王小明", "王小明"),
        ("a|b\nc", "a b c"),
    ],
)
def test_texts_are_compared_in_one_form(text: str, form: str) -> None:
    assert normalise(text) == form


@given(st.text(max_size=60))
def test_the_form_is_a_fixed_point(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text("abcde", min_size=1, max_size=8), st.text("abcde", min_size=1, max_size=8))
def test_similarity_is_a_share(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, one) == 1
