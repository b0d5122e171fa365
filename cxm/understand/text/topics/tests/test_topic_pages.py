"""The pages of topics and words: a tree from a starter, a topic written with its finds beside it, and who may."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.testing.cast import answer, given_events, make_member, make_user, make_workspace
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.models import Rereading, Topic, TopicExample
from cxm.understand.text.topics.actions import create_topic

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # pages and forms: the questions to the log are tested apart

SAID = [
    ("The delivery was late and nobody called.", 40), ("Great support, thank you!", 30),
    ("Deliveries are bad, the courier was bad too.", 20), ("I like the colour of the kettle.", 25),
]  # fmt: skip


@pytest.fixture
def workspace() -> Workspace:
    workspace = make_workspace()
    day = timezone.now().strftime("%Y-%m-%d")
    given_events(
        [answer(workspace, 5, f"{day} 00:00:{n % 60:02d}", comment=text) for text, times in SAID for n in range(times)]
    )
    return workspace


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def owner_of(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def test_a_tree_is_planted_counted_and_checked(workspace: Workspace) -> None:
    client, base = signed_in(owner_of(workspace)), f"/w/{workspace.slug}/topics/"
    assert "No topics yet" in client.get(base).content.decode()
    planted = client.post(f"{base}starter/", {"tree": "delivery"}, follow=True).content.decode()
    assert "36 topics were added." in planted
    annotate_workspace(workspace.pk)
    page = client.get(base)
    counted = {branch.topic.key: one for branch, one in page.context["rows"]}
    # 115 texts; 60 speak of delivery, of those 40 of late delivery below it, each text once
    assert page.context["n"] == 115
    assert (counted["delivery"].n, counted["late_delivery"].n, counted["courier"].n) == (60, 40, 20)
    assert counted["delivery"].share.value == pytest.approx(60 / 115)
    assert counted["courier"].sentiment.value < 0
    assert counted["delivery"].share_verdict == "no_evidence"  # nothing was said before: nothing to compare with
    check = client.get(f"{base}check/")
    assert check.context["found"].texts == 115
    assert check.context["found"].covered.n == 115
    assert "colour" in check.content.decode()  # what is left speaks of
    tried = client.post(f"{base}check/", {"texts": "My parcel is lost.\n<b>Nothing</b>"}).content.decode()
    assert "<mark>parcel</mark>" in tried
    assert "&lt;b&gt;Nothing&lt;/b&gt;" in tried
    client.post(f"{base}again/")
    assert Rereading.objects.filter(workspace=workspace, done_at=None).exists()
    words = client.get(f"/w/{workspace.slug}/words/")
    rows = {row.name: row.n for row in words.context["rows"]}
    assert (rows["delivery"], rows["courier"], rows["kettle"]) == (60, 20, 25)
    phrases = client.get(
        f"/w/{workspace.slug}/words/?kind=phrases&order=worst&q=courier", headers={"HX-Request": "true"}
    )
    assert b"<html" not in phrases.content
    assert client.get(f"/w/{workspace.slug}/words/?days=30&order=changed&language=xx").status_code == 200


def test_a_topic_is_written_tried_marked_and_changed(workspace: Workspace) -> None:
    client, base = signed_in(owner_of(workspace)), f"/w/{workspace.slug}/topics/"
    assert client.get(f"{base}new/?word=kettle&language=en").context["form"]["words_en"].value() == "kettle"
    tried = client.post(f"{base}new/try/", {"words_en": "delivery\nsupport"})
    assert tried.context["trial"].found.value == pytest.approx(90 / 115)
    assert dict(tried.context["trial"].by_entry) == {"delivery": 40, "support": 30, "deliveries": 20}
    assert not Topic.objects.exists()
    refused = client.post(f"{base}new/", {"words_en": "delivery\n!!!", "name_en": "Delivery"})
    assert refused.status_code == 422
    assert "cannot be looked for" in refused.content.decode()
    assert "delivery\n!!!" in refused.content.decode()  # nothing typed is lost
    client.post(f"{base}new/", {"words_en": "delivery\nsupport", "exclusions_en": "thank you", "name_en": "Delivery"})
    topic = Topic.objects.get()
    one = f"{base}{topic.pk}/"
    shown = client.get(one).context["trial"]
    assert shown.found.value == pytest.approx(60 / 115)  # “thank you” in the sentence takes support out
    event = next(text.event_id for text in shown.shown)
    marked = client.post(
        f"{one}examples/", {"event": str(event), "fits": "1", "words_en": "delivery"}, headers={"HX-Request": "true"}
    )
    assert marked.context["trial"].accuracy.precision.n == 1
    client.post(f"{one}examples/", {"texts": "Broken kettle\n\nDelivered to nobody, no delivery", "fits": "0"})
    trial = client.get(one).context["trial"]
    # Three marked: one fits and is found, one does not fit and is found, one does not fit and is not found
    assert (trial.accuracy.precision.value, trial.accuracy.precision.n, trial.accuracy.recall.value) == (0.5, 2, 1)
    assert len(trial.accuracy.wrong) == 1
    assert client.post(f"{one}examples/", {"event": str(uuid.uuid4()), "fits": "1"}).status_code == 404
    assert client.post(f"{one}examples/", {"event": "x", "fits": "1"}).status_code == 404
    example = TopicExample.objects.filter(fits=False).first()
    assert example is not None
    client.post(f"{one}examples/{example.pk}/delete/")
    assert TopicExample.objects.count() == 2
    # Split, merge and back
    client.post(f"{one}split/", {"name": "Support", "entries": ["en:support", "en:nothing"]})
    support = Topic.objects.get(key="support")
    assert (support.parent, support.words) == (topic, {"en": ["support"]})
    client.post(f"{base}{support.pk}/merge/", {"into": "delivery"})
    assert client.get(f"{base}{support.pk}/").status_code == 404
    back = client.get(one).context["merged"]
    assert [row["name"] for row in back] == ["Support"]
    client.post(f"{base}{support.pk}/restore/", {"number": back[0]["before"]})
    assert client.get(f"{base}{support.pk}/").status_code == 200
    client.post(f"{one}switch/", {"on": "0"})
    topic.refresh_from_db()
    assert not topic.is_on
    client.post(f"{base}{support.pk}/", {"name_en": "Help", "words_en": "support", "parent": ""})
    support.refresh_from_db()
    assert (support.name, support.parent, support.key) == ("Help", None, "support")


def test_viewers_see_the_counts_and_strangers_nothing(workspace: Workspace) -> None:
    topic = create_topic(
        workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery"]}, by=owner_of(workspace)
    )
    base = f"/w/{workspace.slug}/topics/"
    viewer = signed_in(make_member(workspace, Role.VIEWER, "viewer@example.com"))
    page = viewer.get(base).content.decode()
    assert "Delivery" in page
    assert f"{base}{topic.pk}/" not in page
    assert viewer.get(f"/w/{workspace.slug}/words/").status_code == 200
    stranger = signed_in(make_user("stranger@example.com"))
    for address in ("", "new/", "check/", f"{topic.pk}/"):
        assert stranger.get(base + address).status_code == 404
    for address in (
        "starter/",
        "again/",
        "new/try/",
        f"{topic.pk}/",
        f"{topic.pk}/examples/",
        f"{topic.pk}/merge/",
        f"{topic.pk}/split/",
        f"{topic.pk}/switch/",
        f"{topic.pk}/restore/",
        f"{topic.pk}/try/",
    ):
        assert viewer.post(base + address, {"name_en": "Mine", "texts": "x", "on": "0"}).status_code == 403
        assert stranger.post(base + address).status_code == 404
    topic.refresh_from_db()
    assert (topic.version, topic.is_on, TopicExample.objects.count()) == (1, True, 0)
    # Nobody reaches the topics of another workspace through their own
    other = make_workspace("Other", owner=make_user("other@example.com"))
    assert signed_in(owner_of(other)).get(f"/w/{other.slug}/topics/{topic.pk}/").status_code == 404
