"""The feedback inbox as people use it: find, deal with many, undo, correct, compare, quote, take away."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Role, Workspace
from cxm.act.cases.models import Case, FeedbackDeed, FeedbackMark, FeedbackView
from cxm.record.customers.consent import set_consent
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.texts import annotations_of
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.models import Correction
from cxm.understand.text.topics.actions import create_topic

pytestmark = pytest.mark.django_db


def text(workspace: Workspace, comment: str, when: str, **more: object) -> Event:
    return answer(workspace, more.pop("score", None), when, comment=comment, **more)  # type: ignore[arg-type]  # a float


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]  # a user
    return client


def listed(client: Client, workspace: Workspace, query: str = "") -> list[str]:
    """The ids of the texts that the list shows."""
    response = client.get(f"/w/{workspace.slug}/feedback/?{query}")
    assert response.status_code == 200, query
    return re.findall(r'name="text" value="([0-9a-f-]{36})"', response.content.decode())


@pytest.mark.once
def test_work_through_the_inbox() -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    agent = make_member(workspace, Role.AGENT, "agent@example.com")
    viewer = make_member(workspace, Role.VIEWER, "viewer@example.com")
    stranger = make_user("stranger@example.com", "Stranger")
    ada = make_customer(workspace, "Ada", traits={"plan": "pro"})
    texts = [
        text(workspace, "Terrible delivery, very bad", "2026-03-01 10:00", score=1, customer_id=ada.pk, channel="email",
             survey="after", scale="0-10"),
        text(workspace, "Great shop, excellent service", "2026-03-02 10:00", score=10, channel="web"),
        text(workspace, "Where is my parcel?", "2026-03-03 10:00", metric="text", question="why", channel="web"),
        text(workspace, "=HYPERLINK(1)", "2026-03-04 10:00", metric="text", question="why", channel="web"),
    ]  # fmt: skip
    given_events(texts)
    ids = [str(one.event_id) for one in texts]
    topic = create_topic(workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery"]}, by=owner)
    annotate_workspace(workspace.pk)
    client, base = signed_in(agent), f"/w/{workspace.slug}/feedback/"
    assert signed_in(stranger).get(base).status_code == 404

    # Filters: what is read, what is known of the answer, and what people did.
    assert listed(client, workspace) == ids[::-1]
    for query, expected in {
        "q=deliveries": [0], "sentiment=negative": [0], "sentiment=positive&channel=web": [1], "channel=email": [0],
        f"topic={topic.key}": [0], "score_from=9": [1], "score_to=5": [0], "survey=after": [0], "metric=text": [3, 2],
        "question=why&sort=oldest": [2, 3], "intent=question": [2], "language=en&kind=answer": [3, 2, 1, 0],
        "kind=review": [], "first=2026-03-02&last=2026-03-03": [2, 1], f"customer={ada.pk}": [0], "handled=yes": [],
        "assignee=nobody&tag=": [3, 2, 1, 0], "score_from=nan&first=x&customer=x&page=0": [3, 2, 1, 0],
    }.items():  # fmt: skip
        assert listed(client, workspace, query) == [ids[number] for number in expected], query
    page = client.get(base + "?q=delivery").content.decode()
    assert 'class="evidence evidence-found"' in page and "Delivery</bdi>" in page
    assert client.get(f"{base}?segment=00000000-0000-0000-0000-000000000000").status_code == 200

    # Deeds on many, and undoing them.
    def deal(do: str, chosen: list[str], **more: str) -> str:
        answered = client.post(base + "deal/", {"do": do, "text": chosen, "list": "channel=web", **more}, follow=True)
        assert answered.status_code == 200
        return answered.content.decode()

    assert "2 texts were marked handled." in deal("handled", ids[1:3])
    assert listed(client, workspace, "handled=yes") == [ids[2], ids[1]]
    assert listed(client, workspace, "handled=no") == [ids[3], ids[0]]
    assert "1 text was assigned." in deal("assign", [ids[0]], to="me")
    assert listed(client, workspace, "assignee=me") == [ids[0]]
    assert listed(signed_in(owner), workspace, "assignee=me") == []
    deal("tag", ids[:2], tags="vip, look here")
    assert listed(client, workspace, "tag=look+here&handled=no") == [ids[0]]
    deal("untag", [ids[0]], tags="look here")
    assert listed(client, workspace, "tag=look+here") == [ids[1]]
    deed = FeedbackDeed.objects.get(verb="handled")
    assert "2 texts" not in client.post(f"{base}undo/{deed.pk}/", follow=True).content.decode()  # one was tagged since
    assert listed(client, workspace, "handled=yes") == [ids[1]]
    assert "cannot be undone" in client.post(f"{base}undo/{deed.pk}/", follow=True).content.decode()
    assert "Choose at least one text." in deal("handled", [])
    assert "Choose a person." in deal("assign", [ids[0]], to="99999")
    assert "Choose what is to be done." in deal("dance", [ids[0]])
    deal("handled", [], all="1")  # everything of the list: the three of the web
    assert set(listed(client, workspace, "handled=yes")) == {ids[1], ids[2], ids[3]}

    # A case, once for each text.
    shown = client.post(base + "deal/", {"do": "case", "text": ids[0], "from": "text"})
    case = Case.objects.get()
    assert shown["Location"] == reverse("cases:show", args=[workspace.slug, case.number])
    assert (case.subject, case.customer, case.channel, case.tags) == (
        "Terrible delivery, very bad", ada, "email", ["vip"],
    )  # fmt: skip
    deal("case", [ids[0]])
    assert Case.objects.count() == 1
    assert listed(client, workspace, "case=yes") == [ids[0]]

    # One text, and a correction of what was read in it.
    one = f"{base}{ids[0]}/"
    page = client.get(one + "?channel=email").content.decode()
    assert "Ada" in page and "pro" in page and f"#{case.number}" in page and "Not about Delivery" in page
    assert client.get(f"{base}{ids[1]}/").content.decode().count('rel="prev"') == 1
    for said in ("sentiment:neutral", "urgency:yes", f"not_topic:{topic.key}", "intent:request"):
        assert client.post(one + "correct/", {"say": said}).status_code == 302
    row = annotations_of(workspace.pk, [texts[0].event_id])[texts[0].event_id]
    assert (row.sentiment, row.sentiment_score, row.urgent, row.topics, row.intent, row.corrected) == (
        "neutral", 0, True, (), "request", True,
    )  # fmt: skip
    assert listed(client, workspace, "sentiment=negative") == []
    assert listed(client, workspace, "corrected=1&urgent=1") == [ids[0]]
    corrections = {one.kind: one for one in Correction.objects.all()}
    assert corrections["sentiment"].before == "negative" and corrections["topic"].before == "yes"
    client.post(one + "correct/", {"take_back": str(corrections["sentiment"].pk)})
    row = annotations_of(workspace.pk, [texts[0].event_id])[texts[0].event_id]
    assert (row.sentiment, row.urgent, row.corrected) == ("negative", True, True)
    assert "cannot be said" in client.post(one + "correct/", {"say": "sentiment:great"}, follow=True).content.decode()

    # Saved views: one's own, and everybody's.
    client.post(base + "views/save/", {"name": "Angry", "list": "sentiment=negative"})
    client.post(base + "views/save/", {"name": "Web", "list": "channel=web", "shared": "1"})
    assert [one.name for one in FeedbackView.objects.all()] == ["Angry", "Web"]
    assert b"Angry" not in signed_in(owner).get(base).content and b"Web</bdi>" in signed_in(owner).get(base).content
    client.post(f"{base}views/{FeedbackView.objects.get(name='Web').pk}/remove/")
    assert FeedbackView.objects.count() == 1

    # Files.
    rows = b"".join(client.get(base + "export.csv?channel=web").streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]  # a stream
    assert rows[0].startswith("time,event_id,customer_id,kind,channel") and len(rows) == 4
    assert "'=HYPERLINK(1)" in rows[1]
    book = openpyxl.load_workbook(io.BytesIO(client.get(base + "export.xlsx").content))
    assert [cell.value for cell in book.worksheets[0]["K"]][1] == "=HYPERLINK(1)"
    assert book.worksheets[0]["K2"].data_type == "s"
    assert client.get(base + "export.csv?personal=1").status_code == 403

    # Who only looks changes nothing.
    reader, before = signed_in(viewer), list(FeedbackMark.objects.order_by("pk").values())
    assert b"Mark handled</button>" not in reader.get(base).content and reader.get(one).status_code == 200
    for path in ("deal/", f"{ids[0]}/correct/", "views/save/", f"undo/{deed.pk}/"):
        assert (
            reader.post(base + path, {"text": ids[0], "do": "handled", "say": "sentiment:positive"}).status_code == 403
        )
    assert reader.get(base + "export.csv").status_code == 403
    assert list(FeedbackMark.objects.order_by("pk").values()) == before


def test_what_changed_between_two_periods() -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    today = timezone.now().date()

    def day(ago: int) -> str:
        return f"{today - timedelta(days=ago)} 12:00"

    # Before: 40 texts, 4 of which are about delivery; after: 40 and 24.
    given_events(
        text(workspace, f"The delivery was bad {n}" if n < about else f"Great service {n}", day(ago))
        for ago, about in ((45, 4), (10, 24))
        for n in range(40)
    )
    create_topic(workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery"]}, by=owner)
    annotate_workspace(workspace.pk)
    client = signed_in(owner)
    page = client.get(f"/w/{workspace.slug}/feedback/compare/?period=30d")
    found = page.context["found"]
    assert (found.n_before, found.n_after) == (40, 40)
    [topic] = found.of("topic")
    assert (topic.before.value, topic.after.value, topic.louder) == (0.1, 0.6, "up")  # 4 of 40, 24 of 40
    assert topic.better == "no_evidence"
    [everything] = found.of("all")
    assert everything.better == "down" and everything.louder == "no_evidence"
    assert {one.name: one.louder for one in found.of("sentiment")} == {"negative": "up", "positive": "down"}
    assert "What really changed" in page.content.decode() and "louder" in page.content.decode()
    nothing = client.get(f"/w/{workspace.slug}/feedback/compare/?channel=none")
    assert "Nothing to compare" in nothing.content.decode()
    filtered = client.get(f"/w/{workspace.slug}/feedback/compare/?q=delivery").context["found"]
    assert (filtered.n_before, filtered.n_after) == (4, 24)


def test_quotes_are_of_those_who_agreed() -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    people = [make_customer(workspace, name) for name in ("Ada", "Bela", "Cyd")]
    people.append(make_customer(workspace, "Ada again", canonical=people[0]))
    given_events(
        text(workspace, f"Great service, says {one.name}", f"2026-03-0{n} 10:00", customer_id=one.pk)
        for n, one in enumerate(people, start=1)
    )
    for customer, granted in ((people[0], True), (people[1], True), (people[1], False)):
        set_consent(customer=customer, purpose="quotes", granted=granted, by=owner)
    page = signed_in(owner).get(f"/w/{workspace.slug}/feedback/quotes/")
    quotes = [one.text for one in page.context["found"].quotes]
    assert len(quotes) == 2 and all("Great service" in one for one in quotes)  # Ada's two profiles; Bela took it back
    assert (page.context["found"].looked_at, page.context["found"].consented) == (4, 2)
    assert "says Bela" not in page.content.decode() and "says Cyd" not in page.content.decode()  # a token may say Cyd
