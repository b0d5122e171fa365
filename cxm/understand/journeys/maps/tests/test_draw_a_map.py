"""Drawing a map: edits and the way back, what is refused, versions, the pair, comments, public addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone
from msgspec.structs import replace

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.testing.cast import make_member, make_user, make_workspace
from cxm.understand.journeys import definition as told
from cxm.understand.journeys.definition import (
    Binding,
    EventRule,
    FeedbackRule,
    MapDefinition,
    Promise,
    Stage,
    Touchpoint,
)
from cxm.understand.journeys.maps import actions, editing, talking
from cxm.understand.journeys.maps.actions import change_map, create_map
from cxm.understand.journeys.maps.errors import Refused
from cxm.understand.journeys.maps.queries import (
    can_step,
    definition_of,
    map_for,
    maps_of,
    open_comments,
    partner_map,
    shared_map,
)
from cxm.understand.journeys.maps.starter import LANGUAGES, starter_maps
from cxm.understand.journeys.models import JourneyMap, MapEdit

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def small() -> MapDefinition:
    return MapDefinition(
        stages=(
            Stage("before", "Before", (Touchpoint("search", "Search"), Touchpoint("order", "Order"))),
            Stage("after", "After", (Touchpoint("arrive", "Parcel arrives"),)),
        )
    )


def names(one: JourneyMap) -> dict[str, list[str]]:
    return {stage.key: [each.key for each in stage.touchpoints] for stage in definition_of(one).stages}


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def owner(workspace: Workspace) -> User:
    return User.objects.get(email="olena@example.com")


def test_a_map_is_drawn_step_by_step_and_every_step_can_be_taken_back(workspace: Workspace, owner: User) -> None:
    drawn = create_map(workspace=workspace, name="  Buying   a kettle ", definition=small(), by=owner)
    assert (drawn.name, drawn.kind, drawn.revision) == ("Buying a kettle", "as_is", 1)

    def edit(change: editing.Edit) -> JourneyMap:
        return change_map(journey_map=drawn, change=change, by=owner)

    assert names(edit(editing.add_touchpoint("Płatność", "before", "search")))["before"] == [
        "search", "patnosc", "order"
    ]  # fmt: skip
    # Up and down within a stage, over its edge into the next one; left and right into the stage beside.
    assert names(edit(editing.step_touchpoint("order", "down"))) == {
        "before": ["search", "patnosc"], "after": ["order", "arrive"]
    }  # fmt: skip
    assert names(edit(editing.step_touchpoint("order", "down")))["after"] == ["arrive", "order"]
    assert names(edit(editing.step_touchpoint("order", "down")))["after"] == ["arrive", "order"]  # nothing is below
    assert names(edit(editing.step_touchpoint("order", "up")))["after"] == ["order", "arrive"]
    assert names(edit(editing.step_touchpoint("order", "up")))["before"] == ["search", "patnosc", "order"]
    assert names(edit(editing.step_touchpoint("order", "up")))["before"] == ["search", "order", "patnosc"]
    assert names(edit(editing.step_touchpoint("search", "right")))["after"] == ["arrive", "search"]
    assert names(edit(editing.move_touchpoint("search", "before", first=True)))["before"] == [
        "search", "order", "patnosc"
    ]  # fmt: skip
    assert names(edit(editing.move_touchpoint("search", "before", "order")))["before"] == ["order", "search", "patnosc"]
    promise = Promise("With you in two days", 172_800, "arrive")
    edit(editing.change_touchpoint("order", promises=(promise,), moment_of_truth=True, lanes={"emotion": "-2"}))
    assert list(names(edit(editing.step_stage("after", "left")))) == ["after", "before"]
    edit(editing.add_stage("Later", "after"))
    now = edit(editing.rename_stage("later", "Much later"))
    assert [one.name for one in definition_of(now).stages] == ["After", "Much later", "Before"]
    # A promise that named what is removed says again that the next touchpoint is reached.
    now = edit(editing.remove_stage("after"))
    assert editing.touchpoint_at(definition_of(now), "order")[1].promises == (replace(promise, reaches=""),)
    now = edit(editing.copy_touchpoint("order"))
    assert editing.touchpoint_at(definition_of(now), "order_copy")[1].name == "Order (copy)"

    # Back to the beginning: 15 edits that changed something, of the 16 above. Revisions only count up.
    steps = 0
    while can_step(now)[0]:
        now, steps = actions.undo_edit(journey_map=now, by=owner), steps + 1
    assert (steps, definition_of(now), can_step(now)) == (15, small(), (False, True))
    assert now.revision == 31  # 1 + 15 edits + 15 steps back
    now = actions.redo_edit(journey_map=now, by=owner)
    assert names(now)["before"] == ["search", "patnosc", "order"]
    edit(editing.put_lanes(["actions", " Backstage "]))
    assert MapEdit.objects.filter(map=drawn, position__gt=2).count() == 0  # what was undone is gone
    with pytest.raises(Refused, match="nothing to make again"):
        actions.redo_edit(journey_map=now, by=owner)
    # A spell of work is one entry of the trail.
    assert [one.verb for one in AuditEntry.objects.filter(subject="journeymap").order_by("id")] == [
        "created", "changed"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (editing.add_touchpoint(" ", "before"), "Every touchpoint needs a name"),
        (editing.add_touchpoint("x" * 301, "before"), "longer than 300 characters"),
        (editing.add_touchpoint("One", "nowhere"), "not there any more"),
        (editing.remove_touchpoint("nobody"), "not there any more"),
        (editing.rename_stage("before", ""), "Every stage needs a name"),
        (editing.change_touchpoint("order", lanes={"emotion": "3"}), "whole number from"),
        (editing.change_touchpoint("order", owner=10**9), "must be a member"),
        (editing.change_touchpoint("order", cost=float("nan")), "cost of a contact"),
        (editing.change_touchpoint("order", promises=(Promise("Soon", 0),)), "within which time"),
        (editing.change_touchpoint("order", promises=(Promise("Soon", 60, "nowhere"),)), "not on the map"),
        (editing.change_touchpoint("order", binding=Binding(events=(EventRule(""),))), "which event"),
        (editing.change_touchpoint("order", binding=Binding(feedback=(FeedbackRule(()),))), "tests nothing"),
        (
            editing.change_touchpoint(
                "order", binding=Binding(tickets=(FeedbackRule((told.Test("nope", "is", ("1",)),)),))
            ),
            "“nope”",
        ),
        (
            editing.change_touchpoint(
                "order",
                binding=Binding(events=(EventRule("paid", (told.Test("property.sum", "at_least", ("much",)),)),)),
            ),
            "compares with a number",
        ),
        (editing.change_map(segment="6f1c1d52-1f6e-4b3e-8a55-1a7f4c4f9a00"), "segment of this map"),
        (editing.change_map(gap_s=1), "one minute of silence"),
        (editing.put_lanes([f"lane {n}" for n in range(11)]), "at most 10 lanes"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence_and_changes_nothing(
    workspace: Workspace, owner: User, change: editing.Edit, said: str
) -> None:
    drawn = create_map(workspace=workspace, name="Kettles", definition=small(), by=owner)
    with pytest.raises(Refused, match=said):
        change_map(journey_map=drawn, change=change, by=owner)
    drawn.refresh_from_db()
    assert (definition_of(drawn), drawn.revision, drawn.edits.count()) == (small(), 1, 0)


def test_a_name_does_not_turn_what_stands_around_it(workspace: Workspace, owner: User) -> None:
    point = Touchpoint("x", "\u202eevil\u202c \u0645\u0631\u062d\u0628\u0627", promises=(Promise("\u2067soon", 60),))
    definition = MapDefinition(goal="\u202egoal", stages=(Stage("a", "A", (point,)),))
    made = create_map(workspace=workspace, name="\u202eLoan", definition=definition, by=owner)
    [kept] = definition_of(made).touchpoints()
    assert (made.name, definition_of(made).goal, kept.promises[0].text) == ("Loan", "goal", "soon")
    assert kept.name == "evil \u0645\u0631\u062d\u0628\u0627"  # the letters themselves stay


def test_only_analysts_draw_and_strangers_see_nothing(workspace: Workspace, owner: User) -> None:
    drawn = create_map(workspace=workspace, name="Kettles", definition=small(), by=owner)
    agent, stranger = make_member(workspace, Role.AGENT, "amir@example.com"), make_user("eve@example.com", "Eve")
    other = make_workspace("Other", stranger)
    verbs: list[Any] = [
        lambda by: create_map(workspace=workspace, name="Mine", definition=small(), by=by),
        lambda by: change_map(journey_map=drawn, change=editing.remove_stage("after"), by=by),
        lambda by: actions.rename_map(journey_map=drawn, name="Mine", by=by),
        lambda by: actions.keep_version(journey_map=drawn, by=by),
        lambda by: actions.archive_map(journey_map=drawn, by=by),
        lambda by: talking.share_map(journey_map=drawn, by=by),
    ]
    for verb in verbs:
        with pytest.raises(PermissionDenied):
            verb(agent)
        with pytest.raises(Http404):
            verb(stranger)
    with pytest.raises(Http404):
        talking.add_comment(journey_map=drawn, text="Hello", by=stranger)
    with pytest.raises(Http404):
        map_for(other, drawn.pk)
    with pytest.raises(Http404):
        map_for(workspace, "no-id")
    drawn.refresh_from_db()
    assert (drawn.name, drawn.revision, drawn.archived_at, drawn.shares.count()) == ("Kettles", 1, None, 0)
    assert [one.name for one in maps_of(workspace)] == ["Kettles"]


def test_versions_are_kept_and_restored_and_what_should_be_stands_beside_what_is(
    workspace: Workspace, owner: User
) -> None:
    drawn = create_map(workspace=workspace, name="Kettles", definition=small(), by=owner)
    assert actions.keep_version(journey_map=drawn, by=owner, note="First  draft").note == "First draft"
    change_map(journey_map=drawn, change=editing.remove_stage("after"), by=owner)
    assert actions.keep_version(journey_map=drawn, by=owner).number == 2
    drawn = actions.restore_version(journey_map=drawn, number=1, by=owner)
    assert definition_of(drawn) == small()
    assert names(actions.undo_edit(journey_map=drawn, by=owner)) == {"before": ["search", "order"]}
    with pytest.raises(Refused, match="no such version"):
        actions.restore_version(journey_map=drawn, number=3, by=owner)

    wished = actions.copy_as_to_be(journey_map=drawn, by=owner)
    assert (wished.name, wished.kind, wished.as_is_id) == ("Kettles, as it should be", "to_be", drawn.pk)
    assert (partner_map(drawn), partner_map(wished)) == (wished, drawn)
    with pytest.raises(Refused, match="already how it should be"):
        actions.copy_as_to_be(journey_map=wished, by=owner)

    with pytest.raises(Refused, match="into the archive first"):
        actions.remove_map(journey_map=wished, by=owner)
    actions.archive_map(journey_map=wished, by=owner)
    assert ([one.pk for one in maps_of(workspace)], partner_map(drawn)) == ([drawn.pk], None)
    with pytest.raises(Refused, match="in the archive"):
        change_map(journey_map=wished, change=editing.add_stage("More"), by=owner)
    actions.unarchive_map(journey_map=wished, by=owner)
    # The search finds words on the map, in small letters and capitals of any script.
    assert [one.pk for one in maps_of(workspace, search="parcel ARR")] == []  # the last stage was taken away above
    change_map(journey_map=wished, change=editing.add_stage("Замовлення"), by=owner)
    assert [one.pk for one in maps_of(workspace, search="ЗАМОВЛЕННЯ")] == [wished.pk]
    actions.archive_map(journey_map=wished, by=owner)
    actions.remove_map(journey_map=wished, by=owner)
    assert not JourneyMap.objects.filter(pk=wished.pk).exists()


def test_comments_are_settled_and_public_addresses_end(workspace: Workspace, owner: User) -> None:
    viewer = make_member(workspace, Role.VIEWER, "vera@example.com")
    agent = make_member(workspace, Role.AGENT, "amir@example.com")
    with pytest.raises(PermissionDenied):
        talking.add_comment(
            journey_map=create_map(workspace=workspace, name="A", definition=small(), by=owner), text="Hm", by=viewer
        )
    drawn = create_map(workspace=workspace, name="Kettles", definition=small(), by=owner)
    on_map = talking.add_comment(journey_map=drawn, text="  Who owns this?  ", by=agent)
    on_step = talking.add_comment(journey_map=drawn, text="Slow", by=owner, touchpoint="order")
    assert (on_map.text, open_comments(drawn)) == ("Who owns this?", {"": 1, "order": 1})
    for text, touchpoint, said in (
        (" ", "", "Write the comment"),
        ("Hm", "nowhere", "not there"),
        ("x" * 5001, "", "5000"),
    ):
        with pytest.raises(Refused, match=said):
            talking.add_comment(journey_map=drawn, text=text, by=agent, touchpoint=touchpoint)
    talking.resolve_comment(comment=on_map, by=owner)
    assert open_comments(drawn) == {"order": 1}
    talking.resolve_comment(comment=on_map, by=owner, resolved=False)
    with pytest.raises(PermissionDenied):
        talking.remove_comment(comment=on_step, by=agent)  # of somebody else
    talking.remove_comment(comment=on_map, by=agent)
    assert open_comments(drawn) == {"order": 1}

    soon = timezone.now() + timedelta(days=7)
    for_good = talking.share_map(journey_map=drawn, by=owner, note="The board")
    for_a_week = talking.share_map(journey_map=drawn, by=owner, expires_at=soon)
    with pytest.raises(Refused, match="in the future"):
        talking.share_map(journey_map=drawn, by=owner, expires_at=timezone.now())
    assert shared_map(for_good.token) == shared_map(for_a_week.token) == drawn
    assert shared_map(for_a_week.token, soon) is None
    talking.revoke_share(share=for_good, by=owner)
    assert [shared_map(token) for token in (for_good.token, "", "x", "\x00")] == [None] * 4
    actions.archive_map(journey_map=drawn, by=owner)
    assert shared_map(for_a_week.token) is None


def test_each_template_is_whole_in_every_language_and_can_be_drawn(workspace: Workspace, owner: User) -> None:
    assert list(starter_maps()) == ["retail", "telecom", "bank_loan", "clinic", "saas_onboarding", "car_credit"]
    for starter in starter_maps().values():
        assert set(starter.names) == set(starter.definitions) == set(LANGUAGES)
        keys = {tuple(one.key for one in each.touchpoints()) for each in starter.definitions.values()}
        assert len(keys) == 1  # the same map, in other words
        said = [tuple(one.lanes.get("actions") for one in each.touchpoints()) for each in starter.definitions.values()]
        assert len(set(said)) == len(LANGUAGES)
        for definition in starter.definitions.values():
            assert all(text for one in definition.touchpoints() for text in (one.name, *one.lanes.values()))
    credit = starter_maps()["car_credit"].definition
    made = create_map(workspace=workspace, name="Buying a car on credit", definition=credit, by=owner)
    assert definition_of(made) == credit
    assert sum(bool(one.partner) for one in credit.touchpoints()) == 4  # decision, payment, insurance, instalment
