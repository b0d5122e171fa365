"""The tree of topics: made, changed, moved, merged, split and taken back, while keys and counts stay."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.record.customers.actions import remove_customer
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.text.models import Topic, TopicExample, TopicVersion
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.reading.reading import Reading, Sentence, Span, Tag
from cxm.understand.text.topics import keys_under, living, match, sentiments, tree, version_of
from cxm.understand.text.topics.actions import (
    add_example,
    change_topic,
    create_topic,
    merge_topics,
    move_topic,
    restore_version,
    split_topic,
)
from cxm.understand.text.topics.errors import Refused
from cxm.understand.text.topics.starter import plant

pytestmark = pytest.mark.django_db


def owner_of(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def found(workspace: Workspace, *texts: str) -> list[list[str]]:
    return [[tag.name for tag in tags] for tags in match(workspace.pk, texts, reader().read(texts))]


def shape(workspace: Workspace) -> list[tuple[str, int]]:
    return [(branch.topic.key, branch.level) for branch in tree(workspace.pk)]


def test_topics_are_made_changed_and_moved_and_keep_their_keys() -> None:
    workspace = make_workspace()
    by = owner_of(workspace)
    assert version_of(workspace.pk) == 0
    assert found(workspace, "The delivery was late.") == [[]]
    delivery = create_topic(
        workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery", " delivery "]}, by=by
    )
    again = create_topic(
        workspace=workspace, names={"en": "Delivery", "pl": "Dostawa"}, words={"pl": ["dostawa"]}, by=by
    )
    assert (delivery.key, again.key, delivery.words) == ("delivery", "delivery_2", {"en": ["delivery"]})
    assert create_topic(workspace=workspace, names={"ru": "Цена — высока!"}, by=by).key == "цена_высока"
    assert found(workspace, "The deliveries were late.") == [["delivery"]]
    changed = change_topic(topic=delivery, by=by, words={"en": ["parcel"]}, names={"en": "Parcels"})
    assert (changed.key, changed.version) == ("delivery", 2)
    assert found(workspace, "The deliveries were late.", "The parcels are here!") == [[], ["delivery"]]  # at once
    change_topic(topic=delivery, by=by, is_on=False)
    assert found(workspace, "The parcels are here!") == [[]]
    # A tree of four levels, no more, and none below itself
    a = delivery
    b = create_topic(workspace=workspace, names={"en": "B"}, parent=a, by=by)
    c = create_topic(workspace=workspace, names={"en": "C"}, parent=b, by=by)
    d = create_topic(workspace=workspace, names={"en": "D"}, parent=c, by=by)
    version, before = version_of(workspace.pk), shape(workspace)
    with pytest.raises(Refused, match="at most 4 levels"):
        create_topic(workspace=workspace, names={"en": "E"}, parent=d, by=by)
    with pytest.raises(Refused, match="at most 4 levels"):
        move_topic(topic=a, parent=again, by=by)
    with pytest.raises(Refused, match="under itself"):
        move_topic(topic=b, parent=d, by=by)
    for names, words in (
        ({}, {}),
        ({"en": " "}, {}),
        ({"en": "x" * 81}, {}),
        ({"en": "X"}, {"de": ["y"]}),
        ({"en": "X"}, {"en": ["!!"]}),
        ({"en": "X"}, {"en": [f"w{n}" for n in range(501)]}),
    ):
        with pytest.raises(Refused):
            create_topic(workspace=workspace, names=names, words=words, by=by)
    assert (version_of(workspace.pk), shape(workspace)) == (version, before)  # nothing has changed
    move_topic(topic=c, parent=None, before=a, by=by)
    assert shape(workspace)[:4] == [("c", 0), ("d", 1), ("delivery", 0), ("b", 1)]
    assert keys_under(workspace.pk, "c") == ["c", "d"]
    assert AuditEntry.objects.filter(workspace=workspace, subject="topic", verb="moved").count() == 1
    # Who may
    viewer = make_member(workspace, Role.VIEWER, "viewer@example.com")
    with pytest.raises(PermissionDenied):
        change_topic(topic=a, by=viewer, names={"en": "Mine"})
    with pytest.raises(Http404):
        create_topic(workspace=workspace, names={"en": "Mine"}, by=make_user("stranger@example.com"))
    assert Topic.objects.get(pk=a.pk).name == "Parcels"


def test_topics_are_merged_and_split_without_losing_what_was_counted() -> None:
    workspace = make_workspace()
    by = owner_of(workspace)
    parcels = create_topic(
        workspace=workspace, names={"en": "Parcels"}, words={"en": ["parcel"], "pl": ["paczka"]}, by=by
    )
    locker = create_topic(workspace=workspace, names={"en": "Lockers"}, parent=parcels, words={"en": ["locker"]}, by=by)
    delivery = create_topic(workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery"]}, by=by)
    example = add_example(topic=parcels, text="Where is it?", fits=True, event_id=uuid.uuid4(), by=by)
    with pytest.raises(Refused, match="below it"):
        merge_topics(topic=parcels, into=locker, by=by)
    with pytest.raises(Refused):
        merge_topics(topic=parcels, into=parcels, by=by)
    merge_topics(topic=parcels, into=delivery, by=by)
    delivery.refresh_from_db()
    assert delivery.words == {"en": ["delivery", "parcel"], "pl": ["paczka"]}
    assert shape(workspace) == [("delivery", 0), ("lockers", 1)]
    assert TopicExample.objects.get(pk=example.pk).topic == delivery
    assert living(workspace.pk) == {"parcels": "delivery", "lockers": "lockers", "delivery": "delivery"}
    assert sorted(keys_under(workspace.pk, "delivery")) == ["delivery", "lockers", "parcels"]  # the old key counts on
    assert found(workspace, "My parcel is in the locker.") == [["delivery", "lockers"]]
    # A chain of merges ends at the last one
    goods = create_topic(workspace=workspace, names={"en": "Goods"}, by=by)
    merge_topics(topic=delivery, into=goods, by=by)
    assert living(workspace.pk)["parcels"] == "goods"
    with pytest.raises(Refused, match="cannot be merged again"):
        merge_topics(topic=delivery, into=locker, by=by)
    # Taken back: the topic is there again with its own words
    restore_version(topic=delivery, number=1, by=by)
    delivery.refresh_from_db()
    assert (delivery.merged_into, delivery.words) == (None, {"en": ["delivery"]})
    with pytest.raises(Refused, match="no such version"):
        restore_version(topic=delivery, number=99, by=by)
    # Split: the parts take their words, the topic keeps its key and counts them too
    late, broken = split_topic(
        topic=goods, by=by,
        parts=[{"names": {"en": "Parcels on the way"}, "words": {"en": ["parcel"], "pl": ["paczka"]}},
               {"names": {"en": "Broken"}, "words": {"en": ["broken"]}}],
    )  # fmt: skip
    goods.refresh_from_db()
    assert goods.words == {"en": ["delivery"]}
    assert [one.parent for one in (late, broken)] == [goods, goods]
    assert set(keys_under(workspace.pk, "goods")) >= {"goods", late.key, broken.key}
    assert [one.verb for one in TopicVersion.objects.filter(topic=goods)] == ["split", "changed", "created"]


def test_examples_teach_a_topic_and_measure_it() -> None:
    workspace = make_workspace()
    by = owner_of(workspace)
    waiting = create_topic(workspace=workspace, names={"en": "Waiting"}, words={"en": ["wait"]}, by=by)
    given_events(
        [answer(workspace, 5, comment=f"The soup number {n} tasted fine to me and my friends.") for n in range(30)]
    )
    fits = [
        "Nobody picked up the phone for an hour.", "The phone rang and nobody picked up.",
        "An hour on the phone and nobody picked up.", "Nobody picked up when I called on the phone.",
        "I called, nobody picked up the phone at all.", "Nobody ever picked up the phone.",
    ]  # fmt: skip
    for number, text in enumerate(fits):
        add_example(topic=waiting, text=text, fits=True, by=by)
        add_example(topic=waiting, text=f"The soup tasted fine to waiter {number} and he laughed.", fits=False, by=by)
    texts = ["Good soup. Nobody picked up the phone again.", "The soup tasted fine.", "We had to wait."]
    [first, second, third] = match(workspace.pk, texts, reader().read(texts))
    assert [(tag.kind, tag.name) for tag in first] == [("topic", "waiting")]
    assert [texts[0][span.start : span.end].strip() for span in first[0].spans] == ["Nobody picked up the phone again."]
    assert 0.5 <= first[0].score < 1
    assert second == []
    # None of the labelled texts holds the word, so what is believed of words stands: 0.9
    assert [(tag.name, tag.score) for tag in third] == [("waiting", 0.9)]
    for number in range(5):
        add_example(topic=waiting, text=f"I can hardly wait for number {number}.", fits=False, by=by)
    [[tag]] = match(workspace.pk, texts[2:], reader().read(texts[2:]))
    assert tag.score == pytest.approx((0.9 * 10 + 0) / (10 + 5), abs=0.2)  # five times wrong, though both may say so
    # The same text again changes what was said of it
    event_id = uuid.uuid4()
    add_example(topic=waiting, text="x", fits=True, event_id=event_id, by=by)
    add_example(topic=waiting, text="x", fits=False, event_id=event_id, by=by)
    assert TopicExample.objects.get(event_id=event_id).fits is False
    with pytest.raises(Refused):
        add_example(topic=waiting, text="  ", fits=True, by=by)


def test_each_topic_has_the_sentiment_of_the_place_where_it_stands() -> None:
    text = "Delivery was great. The app is bad, but support is great."
    ends = [(0, 19, 0.8), (19, len(text), -0.1)]
    reading = Reading(
        language="en", supported=True, score=0.3,
        sentences=tuple(Sentence(start, end, "en", "", score) for start, end, score in ends),
    )  # fmt: skip
    tags = [Tag("topic", name, 1, (Span(text.index(name), text.index(name) + len(name)),) if name in text else ())
            for name in ("Delivery", "app", "support", "price")]  # fmt: skip
    [[delivery, app, support, price]] = sentiments([text], [reading], [tags])
    assert delivery == 0.8  # of its sentence
    assert app < -0.3 < 0.3 < support  # of their sides of the “but”
    assert price == 0.3  # no place: of the text
    assert sentiments(["", "x"], [Reading(), Reading()], [[], []]) == [[], []]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_starter_tree_is_planted_once(language: str) -> None:
    workspace = make_workspace()
    by = owner_of(workspace)
    made = plant(workspace=workspace, tree="delivery", by=by, languages=("en", "ru"))
    assert len(made) == 36
    assert [one.key for one in made[:2]] == ["delivery", "late_delivery"]
    late = Topic.objects.get(key="late_delivery")
    assert late.parent == made[0]
    assert set(late.words) == {"en", "ru"}
    assert plant(workspace=workspace, tree="delivery", by=by) == []  # what there is stays
    more = plant(workspace=workspace, tree="retail", by=by)
    assert 0 < len(more) < 36
    texts: dict[str, Any] = {"en": "The courier was rude.", "ru": "Курьеры нагрубили, а потом хамили по телефону."}
    assert set(found(workspace, texts[language])[0]) == {"courier", "rude_staff"}
    with pytest.raises(Refused):
        plant(workspace=workspace, tree="nothing", by=by)


def test_an_example_is_erased_with_whoever_wrote_it() -> None:
    workspace = make_workspace()
    by = owner_of(workspace)
    topic = create_topic(workspace=workspace, names={"en": "Delivery"}, by=by)
    ada, bob = make_customer(workspace, "Ada"), make_customer(workspace, "Bob")
    for who in (ada, bob):
        add_example(topic=topic, text=f"I am {who}", fits=True, event_id=uuid.uuid4(), customer_id=who.pk, by=by)
    add_example(topic=topic, text="I am nobody", fits=True, event_id=uuid.uuid4(), customer_id=uuid.uuid4(), by=by)
    remove_customer(customer=ada, by=by)
    assert sorted(TopicExample.objects.values_list("text", flat=True)) == ["I am Bob", "I am nobody"]
