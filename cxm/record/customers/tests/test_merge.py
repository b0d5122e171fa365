"""Merging profiles and separating them again: one canonical customer, no circles, and exactly back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from cxm.record.customers.actions import add_identity, create_customer
from cxm.record.customers.errors import Refused
from cxm.record.customers.linking import log_id
from cxm.record.customers.marks import add_note, tag
from cxm.record.customers.merging import canonical_of, merge_customers, unmerge
from cxm.record.customers.models import Customer
from cxm.record.customers.queries import person_of, timeline
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.cast import answer, given_events, make_customer, make_workspace
from cxm.testing.effort import full_or

from .cast import Firm, facts, state, verbs

pytestmark = pytest.mark.django_db


@dataclass
class Snapshot:
    customer_id: UUID
    canonical_id: UUID


SNAPSHOT = "SELECT customer_id, canonical_id FROM customers FINAL WHERE $scope"


def snapshot(firm: Firm) -> dict[UUID, UUID]:
    rows = ask(SNAPSHOT, Scope(firm.workspace.pk), row=Snapshot, name="test", table="events").rows
    return {row.customer_id: row.canonical_id for row in rows}


def links() -> list[str]:
    """All that a merge could change of the profiles, as texts to be compared."""
    rows = Customer.objects.values_list("pk", "merged_into", "canonical", "name", "traits", "updated_at")
    return sorted(str(row) for row in rows)


def test_the_canonical_customer_shows_all_profiles(django_capture_on_commit_callbacks: Any) -> None:
    firm = Firm()
    with django_capture_on_commit_callbacks(execute=True):
        ada = create_customer(workspace=firm.workspace, by=firm.agent, name="Ada", traits={"plan": "gold"})
        old = create_customer(workspace=firm.workspace, by=firm.agent, name="A.", traits={"plan": "tin", "seats": 2})
        add_identity(customer=old, kind="user_id", value="7", by=firm.agent)
        tag(workspace=firm.workspace, customers=[old], name="vip", by=firm.agent)
        add_note(customer=old, text="likes tea", by=firm.agent)
    given_events([answer(firm.workspace, 9, "2026-03-01 12:00", customer_id=ada.pk),
                  answer(firm.workspace, 2, "2026-03-02 12:00", customer_id=old.pk)])  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        assert merge_customers(customer=old, into=ada, by=firm.agent) == ada
    person = person_of(ada)
    assert person.traits == {"plan": "tin", "seats": 2}  # what was said last, of whichever profile
    assert [str(one) for one in person.identities] == ["user_id: 7"]
    assert [one.name for one in person.tags] == ["vip"]
    assert [one.text for one in person.notes] == ["likes tea"]
    assert [row.customer_id for row in timeline(firm.workspace, person.ids).events] == [old.pk, ada.pk]
    seven = log_id(firm.workspace.pk, ("user_id", "7"))  # what captured events of that user carry
    assert snapshot(firm) == {ada.pk: ada.pk, old.pk: ada.pk, seven: ada.pk}
    ada.refresh_from_db()
    assert (ada.answers, str(ada.last_seen_at)) == (2, "2026-03-02 12:00:00+00:00")
    assert facts("customers_merged") == [("customers_merged", str(ada.pk))]
    assert verbs()[-2:] == ["merged", "merged with another"]
    by_plan = "SELECT customer_id, customer_id AS canonical_id FROM feedback $join WHERE $scope"
    tin = Scope(firm.workspace.pk).where(Filter("trait.plan", "is", ("tin",)))
    assert len(ask(by_plan, tin, row=Snapshot, name="test").rows) == 2  # both answers are of a tin customer


def test_separated_profiles_are_as_they_were(django_capture_on_commit_callbacks: Any) -> None:
    firm = Firm()
    with django_capture_on_commit_callbacks(execute=True):
        a, b, c = (create_customer(workspace=firm.workspace, by=firm.agent, name=name) for name in "abc")
        merge_customers(customer=a, into=b, by=firm.agent)
        before = links()
        merge_customers(customer=b, into=c, by=firm.agent)
    assert snapshot(firm) == {a.pk: c.pk, b.pk: c.pk, c.pk: c.pk}  # a chain ends in one
    with django_capture_on_commit_callbacks(execute=True):
        unmerge(customer=b, by=firm.agent)
    assert links() == before
    assert snapshot(firm) == {a.pk: b.pk, b.pk: b.pk, c.pk: c.pk}
    assert facts("customers_unmerged") == [("customers_unmerged", str(c.pk))]


def test_what_cannot_be_merged_is_refused() -> None:
    firm = Firm()
    a, b = make_customer(firm.workspace, "a"), make_customer(firm.workspace, "b")
    foreign = make_customer(make_workspace("Other", owner=firm.owner), "f")
    merge_customers(customer=a, into=b, by=firm.owner)
    before = state()
    for one, other, sentence in (
        (a, a, "belong to the same customer already"),
        (b, a, "belong to the same customer already"),  # the other way round would be a circle
        (foreign, b, "different workspaces"),
    ):
        with pytest.raises(Refused, match=sentence):
            merge_customers(customer=one, into=other, by=firm.owner)
    with pytest.raises(Refused, match="not merged"):
        unmerge(customer=b, by=firm.owner)
    assert state() == before


@pytest.mark.parametrize("seed", range(full_or(12, 4)))
def test_any_order_of_merges_and_separations_keeps_one_canonical_customer(seed: int) -> None:
    firm, draw = Firm(), random.Random(seed)
    everyone = [make_customer(firm.workspace, str(number)) for number in range(7)]
    start = links()
    parent: dict[UUID, UUID] = {}  # the naive oracle: links as they were made

    def root(one: UUID) -> UUID:
        for _step in range(len(everyone) + 1):
            if one not in parent:
                return one
            one = parent[one]
        raise AssertionError("a circle")

    for _step in range(30):
        one, other = draw.sample(everyone, 2)
        if draw.random() < 0.6:
            if root(one.pk) == root(other.pk):
                with pytest.raises(Refused):
                    merge_customers(customer=one, into=other, by=firm.agent)
            else:
                before = links()
                merge_customers(customer=one, into=other, by=firm.agent)
                below = Customer.objects.get(pk=root(one.pk))
                if draw.random() < 0.3:  # a merge that is taken back at once has never been
                    unmerge(customer=below, by=firm.agent)
                    assert links() == before
                else:
                    parent[below.pk] = root(other.pk)
        elif one.pk in parent:
            unmerge(customer=one, by=firm.agent)
            del parent[one.pk]
        for customer in everyone:
            assert canonical_of(customer).pk == root(customer.pk)
            family = {member.pk for member in person_of(customer).family}
            assert family == {member.pk for member in everyone if root(member.pk) == root(customer.pk)}
    for one in everyone:
        if one.pk in parent:
            unmerge(customer=one, by=firm.agent)
    assert links() == start
