"""Consent with its history, tags on one or many, notes that can be brought back, and erasing a person."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from cxm.accounts.models import AuditEntry
from cxm.record.customers.actions import change_profile, create_customer, remove_customer
from cxm.record.customers.consent import set_consent
from cxm.record.customers.errors import Refused
from cxm.record.customers.marks import add_note, remove_note, restore_note, tag, untag
from cxm.record.customers.merging import merge_customers
from cxm.record.customers.models import Customer, Note, Tag
from cxm.record.customers.queries import Wanted, customers, person_of, timeline
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import move_outbox
from cxm.testing.cast import answer, given_events, make_customer, make_workspace

from .cast import Firm, facts, state, verbs

pytestmark = pytest.mark.django_db


def test_the_newest_decision_counts_and_the_others_are_its_history() -> None:
    firm = Firm()
    ada = make_customer(firm.workspace)
    for granted in (True, True, False):
        set_consent(customer=ada, purpose=" Surveys ", granted=granted, source="by phone", by=firm.agent)
    set_consent(customer=ada, purpose="marketing", granted=True, by=firm.agent)
    person = person_of(ada)
    assert [(one.purpose, one.granted) for one in person.decisions] == [("marketing", True), ("surveys", False)]
    history = [(one.purpose, one.granted, one.source, one.by) for one in person.consents]
    assert history == [
        ("marketing", True, "", firm.agent),
        ("surveys", False, "by phone", firm.agent),
        ("surveys", True, "by phone", firm.agent),
        ("surveys", True, "by phone", firm.agent),
    ]
    assert [name for name, _customer in facts()] == [
        "consent_given", "consent_given", "consent_withdrawn", "consent_given",
    ]  # fmt: skip
    assert verbs() == ["consent given", "consent given", "consent withdrawn", "consent given"]
    assert AuditEntry.objects.get(verb="consent withdrawn").changes == {"surveys": [True, False]}


def test_the_list_filters_by_the_newest_decision_of_the_whole_person() -> None:
    firm = Firm()
    ada, old, bob = (make_customer(firm.workspace, name) for name in ("Ada", "A.", "Bob"))
    set_consent(customer=ada, purpose="surveys", granted=True, by=firm.agent)
    set_consent(customer=bob, purpose="surveys", granted=True, by=firm.agent)
    set_consent(customer=old, purpose="surveys", granted=False, by=firm.agent)
    given = Wanted(purpose="surveys", consent="given", sort="name")
    withdrawn = Wanted(purpose="surveys", consent="withdrawn", sort="name")
    assert [one.name for one in customers(firm.workspace, given)] == ["Ada", "Bob"]
    merge_customers(customer=old, into=ada, by=firm.agent)  # the later decision of the other profile counts now
    assert [one.name for one in customers(firm.workspace, given)] == ["Bob"]
    assert [one.name for one in customers(firm.workspace, withdrawn)] == ["Ada"]


def test_a_consent_without_a_purpose_is_refused() -> None:
    firm = Firm()
    ada = make_customer(firm.workspace)
    before = state()
    for purpose in ("  ", "x" * 61):
        with pytest.raises(Refused, match="needs a purpose"):
            set_consent(customer=ada, purpose=purpose, granted=True, by=firm.agent)
    assert state() == before


def test_many_customers_are_tagged_at_once_and_strangers_among_them_are_not() -> None:
    firm = Firm()
    ada, bob = make_customer(firm.workspace, "Ada"), make_customer(firm.workspace, "Bob")
    foreign = make_customer(make_workspace("Other", owner=firm.stranger), "Foreign")
    assert tag(workspace=firm.workspace, customers=[ada], name="vip", by=firm.agent) == 1
    assert tag(workspace=firm.workspace, customers=[ada, bob, foreign], name=" vip ", by=firm.agent) == 1
    assert sorted(one.name for one in Tag.objects.get().customers.all()) == ["Ada", "Bob"]
    assert facts() == [("customer_tagged", str(ada.pk)), ("customer_tagged", str(bob.pk))]
    assert [one.name for one in customers(firm.workspace, Wanted(tag="vip", sort="name"))] == ["Ada", "Bob"]
    assert untag(workspace=firm.workspace, customers=[ada, bob], name="vip", by=firm.agent) == 2
    assert not Tag.objects.exists()  # nobody has it any more
    assert untag(workspace=firm.workspace, customers=[ada], name="vip", by=firm.agent) == 0


def test_a_note_can_be_removed_and_brought_back() -> None:
    firm = Firm()
    ada = make_customer(firm.workspace)
    note = add_note(customer=ada, text="  likes\r\ntea \x00", by=firm.agent)
    assert note.text == "likes\ntea"
    remove_note(note=note, by=firm.agent)
    remove_note(note=note, by=firm.agent)  # twice is once
    assert person_of(ada).notes == []
    restore_note(note=note, by=firm.agent)
    assert person_of(ada).notes == [note]
    assert [name for name, _customer in facts()] == ["note_added", "note_removed", "note_restored"]
    assert "tea" not in str(OutboxFact.objects.values_list())  # the log does not hold what people wrote of others


def test_an_empty_or_endless_note_is_refused() -> None:
    firm = Firm()
    ada = make_customer(firm.workspace)
    for text, sentence in (("  \n", "needs a text"), ("x" * 10_001, "at most 10,000 characters")):
        with pytest.raises(Refused, match=sentence):
            add_note(customer=ada, text=text, by=firm.agent)
    assert not Note.objects.exists()


def test_erasing_leaves_nothing_but_that_it_happened(django_capture_on_commit_callbacks: Any) -> None:
    firm = Firm()
    with django_capture_on_commit_callbacks(execute=True):
        ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada Secret", email="secret@example.com")
        old = create_customer(workspace=firm.workspace, by=firm.agent, name="A. Secret")
        bob = create_customer(workspace=firm.workspace, by=firm.agent, name="Bob")
        change_profile(customer=ada, name="Ada Secret II", by=firm.agent)
        add_note(customer=ada, text="Secret note", by=firm.agent)
        merge_customers(customer=old, into=ada, by=firm.agent)
    given_events([answer(firm.workspace, 9, customer_id=one.pk) for one in (ada, old, bob)])
    move_outbox()
    set_consent(customer=ada, purpose="surveys", granted=True, by=firm.agent)  # a fact on its way to the log
    ids = [ada.pk, old.pk]
    with pytest.raises(PermissionDenied):
        remove_customer(customer=ada, by=firm.viewer)
    assert Customer.objects.count() == 3
    remove_customer(customer=ada, by=firm.agent)
    assert [one.name for one in Customer.objects.all()] == ["Bob"]
    assert timeline(firm.workspace, ids).events == []
    assert len(timeline(firm.workspace, [bob.pk], names=["answer_given"]).events) == 1
    assert facts() == []
    trail = str(list(AuditEntry.objects.values_list()))
    assert "ecret" not in trail
    erased = AuditEntry.objects.filter(verb="erased", subject_id__in=[str(one) for one in ids])
    assert [(one.subject_name, one.changes, one.by_name) for one in erased] == [("", {}, "Ivan")] * 2


def test_a_customer_who_is_gone_already_is_erased_without_an_error() -> None:
    firm = Firm()
    remove_customer(customer=Customer(pk=uuid.uuid4(), workspace=firm.workspace), by=firm.agent)
    assert not AuditEntry.objects.filter(verb="erased").exists()
