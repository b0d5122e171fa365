"""Who is who, by what tracking clients send: links, aliases, shared devices, traits, and none of it by order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxm.accounts.models import Workspace
from cxm.record.customers.actions import add_identity, remove_customer, remove_identity
from cxm.record.customers.bulk import Person, put_customers
from cxm.record.customers.linking import log_id
from cxm.record.customers.merging import merge_customers, undo_link, unmerge
from cxm.record.customers.models import Customer, Group, GroupMember, Identity, IdentityLink
from cxm.record.customers.queries import person_of
from cxm.record.customers.sayings import combined
from cxm.record.customers.snapshot import families
from cxm.record.customers.steps import update_customers
from cxm.record.eventlog.follow import LogEvent
from cxm.testing.captured import Captured, alias, captured, identify
from cxm.testing.cast import at, make_workspace
from cxm.testing.effort import full_or

pytestmark = pytest.mark.django_db


def happened(workspace: Workspace, *calls: Captured) -> list[LogEvent]:
    events = [captured(workspace, one) for one in calls]
    update_customers(events)
    return events


def who(workspace: Workspace, kind: str, value: str) -> Customer | None:
    """The canonical customer of a name."""
    found = Identity.objects.filter(workspace=workspace, kind=kind, value=value).select_related("customer__canonical")
    one = found.first()
    return (one.customer.canonical or one.customer) if one else None


def traits(customer: Customer | None) -> dict[str, Any]:
    assert customer
    [family] = families(customer.workspace_id, [customer.pk])
    return combined(family).traits


def fields(customer: Customer | None) -> dict[str, str]:
    assert customer
    [family] = families(customer.workspace_id, [customer.pk])
    return {key: value for key, value in combined(family).fields.items() if value}


def test_a_user_id_makes_a_customer_and_an_anonymous_one_does_not() -> None:
    workspace = make_workspace()
    happened(workspace, Captured(user_id="u1"), Captured(anonymous_id="a1"), Captured("page", anonymous_id="a2"))
    [customer] = Customer.objects.filter(workspace=workspace)
    assert customer.pk == log_id(workspace.pk, ("user_id", "u1"))
    assert [str(one) for one in customer.identities.all()] == ["user_id: u1"]
    assert customer.last_seen_at == at("2026-03-01 12:00")


def test_identify_gives_the_anonymous_events_to_the_user() -> None:
    workspace = make_workspace()
    happened(workspace, Captured(anonymous_id="a1"))
    happened(workspace, identify("u1", "a1", name="Ada", plan="gold"))
    ada = who(workspace, "user_id", "u1")
    assert ada and ada.name == "Ada"
    assert who(workspace, "anonymous_id", "a1") == ada
    happened(workspace, Captured(anonymous_id="a1", when="2026-04-01 12:00"))
    ada.refresh_from_db()
    assert ada.last_seen_at == at("2026-04-01 12:00")


def test_a_visitor_with_traits_is_a_profile_and_joins_the_user_later() -> None:
    workspace = make_workspace()
    happened(workspace, identify("", "a1", "2026-03-01 12:00", email="ada@example.com", seats=2))
    visitor = who(workspace, "anonymous_id", "a1")
    assert visitor and visitor.pk == log_id(workspace.pk, ("anonymous_id", "a1"))
    assert visitor.email == "ada@example.com"
    happened(workspace, identify("u1", "a1", "2026-03-02 12:00", seats=5))
    ada = who(workspace, "user_id", "u1")
    assert who(workspace, "anonymous_id", "a1") == ada != visitor
    assert traits(ada) == {"seats": 5}
    assert fields(ada) == {"email": "ada@example.com"}
    assert who(workspace, "email", "ada@example.com") == ada


def test_alias_joins_two_users_and_can_be_undone(django_capture_on_commit_callbacks: Any) -> None:
    workspace = make_workspace()
    happened(workspace, identify("old", name="Ada"), identify("new", "a2", plan="gold"), alias("old", "new"))
    ada = who(workspace, "user_id", "new")
    assert ada and ada == who(workspace, "user_id", "old")
    assert ada.pk == log_id(workspace.pk, ("user_id", "new"))
    assert (fields(ada), traits(ada)) == ({"name": "Ada"}, {"plan": "gold"})
    old = Customer.objects.get(pk=log_id(workspace.pk, ("user_id", "old")))
    unmerge(customer=old, by=None)
    assert who(workspace, "user_id", "old") == old
    happened(workspace, alias("old", "new"))  # what a person undid stays undone
    assert who(workspace, "user_id", "old") == old


def test_an_alias_of_a_visitor_links_like_identify() -> None:
    workspace = make_workspace()
    happened(workspace, Captured(anonymous_id="a1"), alias("a1", "u1"))
    assert who(workspace, "anonymous_id", "a1") == who(workspace, "user_id", "u1")


def test_an_alias_of_a_user_shows_the_former_name_once() -> None:
    workspace = make_workspace()
    happened(workspace, Captured(user_id="old"), Captured(user_id="new"), alias("old", "new"))
    ada = who(workspace, "user_id", "new")
    assert ada
    person = person_of(ada)
    assert [str(one) for one in person.names] == ["user_id: new", "user_id: old"]
    # What a device of that name did would still be theirs.
    assert log_id(workspace.pk, ("anonymous_id", "old")) in person.log_ids


def test_a_shared_device_belongs_to_nobody_and_joins_nobody() -> None:
    workspace = make_workspace()
    happened(workspace, identify("u1", "kiosk", name="Ada"), identify("u2", "kiosk", name="Bob"))
    ada, bob = who(workspace, "user_id", "u1"), who(workspace, "user_id", "u2")
    assert ada and bob and ada != bob
    assert (ada.name, bob.name) == ("Ada", "Bob")
    assert who(workspace, "anonymous_id", "kiosk") is None
    link = IdentityLink.objects.get(workspace=workspace, from_value="kiosk", to_value="u2")
    undo_link(link=link, by=None)
    assert who(workspace, "anonymous_id", "kiosk") == ada


def test_a_shared_device_that_was_a_profile_stands_for_itself() -> None:
    workspace = make_workspace()
    happened(workspace, identify("", "kiosk", colour="red"), identify("u1", "kiosk"))
    kiosk = Customer.objects.get(pk=log_id(workspace.pk, ("anonymous_id", "kiosk")))
    assert kiosk.canonical == who(workspace, "user_id", "u1")
    happened(workspace, identify("u2", "kiosk"))
    kiosk.refresh_from_db()
    assert kiosk.canonical is None


def test_a_device_of_two_users_who_are_one_person_is_theirs() -> None:
    workspace = make_workspace()
    happened(workspace, identify("u1", "a1"), identify("u2", "a1"))
    one, two = who(workspace, "user_id", "u1"), who(workspace, "user_id", "u2")
    assert one and two
    merge_customers(customer=one, into=two, by=None)
    assert who(workspace, "anonymous_id", "a1") == two
    unmerge(customer=one, by=None)
    assert who(workspace, "anonymous_id", "a1") is None
    happened(workspace, alias("u1", "u2"))
    assert who(workspace, "anonymous_id", "a1") == two


def test_a_person_gives_a_shared_device_to_somebody() -> None:
    workspace = make_workspace()
    happened(workspace, identify("u1", "a1"), identify("u2", "a1"))
    two = who(workspace, "user_id", "u2")
    assert two
    identity = add_identity(customer=two, kind="anonymous_id", value="a1", by=None)
    happened(workspace, identify("u3", "a1"))
    assert who(workspace, "anonymous_id", "a1") == two
    remove_identity(identity=identity, by=None)
    assert who(workspace, "anonymous_id", "a1") is None


def test_aliases_in_a_circle_or_to_two_people_harm_nobody() -> None:
    workspace = make_workspace()
    happened(workspace, alias("a", "b"), alias("b", "a"), Captured(user_id="p"), alias("p", "x"), alias("p", "y"))
    assert who(workspace, "user_id", "a") == who(workspace, "user_id", "b")
    people = {who(workspace, "user_id", name) for name in "pxy"}
    assert len(people) == 3
    happened(workspace, alias("x", "y"))
    assert len({who(workspace, "user_id", name) for name in "pxy"}) == 1


def test_the_newest_saying_counts_per_trait_and_null_erases() -> None:
    workspace = make_workspace()
    happened(workspace, identify("u1", "", "2026-03-02 12:00", plan="gold", seats=3))
    happened(workspace, identify("u1", "", "2026-03-01 12:00", plan="tin", colour="red"))
    ada = who(workspace, "user_id", "u1")
    assert traits(ada) == {"plan": "gold", "seats": 3, "colour": "red"}
    happened(workspace, identify("u1", "", "2026-03-03 12:00", plan=None))
    happened(workspace, identify("u1", "", "2026-03-02 13:00", plan="brass"))
    assert traits(ada) == {"seats": 3, "colour": "red"}


def test_once_fills_what_nobody_said() -> None:
    workspace = make_workspace()

    def once(when: str, **said: Any) -> Captured:
        return Captured("identify", "u1", "", when, properties={"traits": {}, "traits_once": said})

    happened(workspace, once("2026-03-02 12:00", source="ad", plan="trial"), once("2026-03-01 12:00", source="search"))
    assert traits(who(workspace, "user_id", "u1")) == {"source": "search", "plan": "trial"}
    happened(workspace, identify("u1", "", "2026-02-01 12:00", plan="gold"))
    assert traits(who(workspace, "user_id", "u1")) == {"source": "search", "plan": "gold"}


def test_reserved_traits_fill_the_profile_in_either_spelling() -> None:
    workspace = make_workspace()
    said: dict[str, Any] = {"firstName": "Ada", "last_name": "Byron", "email": "ADA@example.com", "phone": "+1 555",
            "locale": "uk-UA",
            "address": {"city": "Kyiv"}, "createdAt": "2020-01-01"}  # fmt: skip
    happened(workspace, identify("u1", "", **said))
    ada = who(workspace, "user_id", "u1")
    assert fields(ada) == {"name": "Ada Byron", "email": "ADA@example.com", "phone": "+1 555", "language": "uk-UA"}
    assert traits(ada)["address"] == {"city": "Kyiv"}
    assert traits(ada)["created_at"] == "2020-01-01"
    happened(workspace, identify("u1", "", "2025-01-01 00:00", name="Countess"))
    assert fields(ada)["name"] == "Countess"  # a name that was said counts before one put together
    happened(workspace, identify("u1", "", "2026-05-01 00:00", email="no address"))
    assert fields(ada)["email"] == "ADA@example.com"


def test_an_address_that_two_said_stays_with_the_first_and_joins_nobody() -> None:
    workspace = make_workspace()
    happened(workspace, identify("u2", "", "2026-03-02 12:00", email="a@example.com"))
    happened(workspace, identify("u1", "", "2026-03-01 12:00", email="a@example.com"))
    assert who(workspace, "email", "a@example.com") == who(workspace, "user_id", "u1")
    assert who(workspace, "user_id", "u2") != who(workspace, "user_id", "u1")


def test_a_user_whom_an_import_knows_keeps_that_profile() -> None:
    workspace = make_workspace()
    batch = UUID(int=7)
    row = Person([("user_id", "u1"), ("email", "ada@example.com")], at("2026-01-01"), {"name": "Ada"}, {"plan": "tin"})
    [known] = put_customers(workspace=workspace, people=[row], import_id=batch).ids
    happened(workspace, identify("u1", "a1", plan="gold"), identify("u2", "", email="ada@example.com"))
    ada = who(workspace, "user_id", "u1")
    assert ada and ada.pk == known == getattr(who(workspace, "anonymous_id", "a1"), "pk", None)
    assert (fields(ada)["name"], traits(ada)) == ("Ada", {"plan": "gold"})
    assert who(workspace, "email", "ada@example.com") == ada
    assert Customer.objects.filter(workspace=workspace).count() == 2
    put_customers(workspace=workspace, people=[row], import_id=batch)  # older than what the event said
    ada.refresh_from_db()
    assert traits(ada) == {"plan": "gold"}


def test_groups_are_joined_and_described() -> None:
    workspace = make_workspace()

    def joined(when: str, **said: Any) -> Captured:
        return Captured("group", "u1", "", when, properties={"group_id": "g1", "traits": said})

    happened(workspace, joined("2026-03-02 12:00", name="Initech"), joined("2026-03-01 12:00", name="Old", seats=3))
    member = GroupMember.objects.select_related("group").get()
    assert member.customer == who(workspace, "user_id", "u1")
    assert member.group.traits == {"name": "Initech", "seats": 3}


def test_groups_are_described_by_nobody_and_joined_by_what_events_name() -> None:
    """PostHog's clients: `group_identify` speaks of the group alone, `$groups` of each event of who is in it."""
    workspace = make_workspace()
    said = {"group_id": "g1", "group_type": "company", "traits": {"name": "Initech"}}
    read = Captured(user_id="u1", name="Read", properties={"$groups": {"company": "g1", "team": 7, "odd": {}}})
    visit = Captured(anonymous_id="a1", name="Read", properties={"$groups": {"company": "g1"}})
    happened(workspace, Captured("group", properties=said), read, visit, read)
    assert Customer.objects.filter(workspace=workspace).count() == 1
    members = GroupMember.objects.select_related("group").order_by("group__key")
    assert [(one.group.key, one.group.traits) for one in members] == [
        ("company:g1", {"name": "Initech"}), ("team:7", {}),
    ]  # fmt: skip


def test_an_erased_person_leaves_no_link_and_a_shared_device_to_nobody() -> None:
    workspace = make_workspace()
    happened(workspace, identify("u1", "kiosk", email="a@example.com"), identify("u2", "kiosk"), alias("u0", "u1"))
    ada = who(workspace, "user_id", "u1")
    assert ada
    remove_customer(customer=ada, by=None)
    assert not IdentityLink.objects.filter(workspace=workspace, to_value="u1").exists()
    assert who(workspace, "anonymous_id", "kiosk") is None
    happened(workspace, identify("u2", "kiosk"))
    assert who(workspace, "anonymous_id", "kiosk") is None


# The order of arrival


USERS, DEVICES, TIMES = "uvwx", "abc", ["2026-03-01 12:00", "2026-03-02 12:00", "2026-03-03 12:00"]
VALUES = st.sampled_from([1, "x", "y", None])
SAID = st.fixed_dictionaries(
    {}, optional={"plan": VALUES, "firstName": st.sampled_from(["Ada", None]), "lastName": st.just("Byron"),
                  "name": st.sampled_from(["Countess", None]),
                  "email": st.sampled_from(["a@example.com", "b@example.com", None])},
)  # fmt: skip
user, device, moment = st.sampled_from(USERS), st.sampled_from(DEVICES), st.sampled_from(TIMES)
CALLS = st.one_of(
    st.builds(lambda u, d, t, s: Captured("identify", u, d, t, properties={"traits": s}),
              st.one_of(user, st.just("")), st.one_of(device, st.just("")), moment, SAID),
    st.builds(lambda u, t, s: Captured("identify", u, "", t, properties={"traits_once": s}), user, moment, SAID),
    st.builds(alias, st.sampled_from(USERS + DEVICES), user, moment),
    st.builds(lambda u, d, t: Captured("track", u, d, t), st.one_of(user, st.just("")), device, moment),
    st.builds(lambda u, t: Captured("group", u, "", t, properties={"group_id": "g", "traits": {"name": u}}),
              user, moment),
)  # fmt: skip


def picture(workspace: Workspace) -> Any:
    """All that events say of customers, free of what depends on when rows were written."""
    customers = Customer.objects.filter(workspace=workspace).order_by("pk")
    groups = GroupMember.objects.filter(group__workspace=workspace).select_related("group")
    links = IdentityLink.objects.filter(workspace=workspace)
    return (
        [
            (one.pk, one.canonical_id, one.name, one.email, one.traits, one.trait_times, one.search_text.split())
            for one in customers
        ],
        sorted(Identity.objects.filter(workspace=workspace).values_list("kind", "value", "customer_id", "from_links")),
        sorted(links.values_list("from_kind", "from_value", "to_kind", "to_value", "at")),
        sorted((row.group.key, row.customer_id, str(row.group.traits), str(row.group.trait_times)) for row in groups),
    )


def clear(workspace: Workspace) -> None:
    Customer.objects.filter(workspace=workspace).delete()
    IdentityLink.objects.filter(workspace=workspace).delete()
    Group.objects.filter(workspace=workspace).delete()


def batches(events: Sequence[LogEvent], draw: random.Random) -> list[list[LogEvent]]:
    """The events in a random order, some of them twice, in batches of random size."""
    shuffled = [*events, *draw.sample(list(events), draw.randint(0, len(events)))]
    draw.shuffle(shuffled)
    found = []
    while shuffled:
        size = draw.randint(1, len(shuffled))
        found.append(shuffled[:size])
        shuffled = shuffled[size:]
    return found


@pytest.fixture
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the log's copy, which follows from the database and has tests of its own: it takes most of the time."""
    from cxm.record.customers import steps

    monkeypatch.setattr(steps, "put_snapshot", lambda *args: None)
    monkeypatch.setattr(steps, "refresh_answers", lambda *args: None)


@settings(max_examples=full_or(60, 20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, min_size=1, max_size=14), seed=st.integers(0, 10**6))
def test_the_final_profile_does_not_depend_on_the_order_of_arrival(
    nothing_told: None, calls: list[Captured], seed: int
) -> None:
    workspace = Workspace.objects.first() or make_workspace()
    clear(workspace)
    events = [captured(workspace, one) for one in calls if one.user_id or one.anonymous_id]
    update_customers(events)
    expected = picture(workspace)
    draw = random.Random(seed)
    for _time in range(3):
        clear(workspace)
        for batch in batches(events, draw):
            update_customers(batch)
        assert picture(workspace) == expected
