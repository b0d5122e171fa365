"""Reviews by the API count at once; reviews of a file are history; an answer on the site is noted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404

from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.kinds.reviews.importing import begin, keep, look, run
from cxm.listen.channels.kinds.reviews.rows import Review
from cxm.listen.channels.kinds.reviews.taking import note_answer, take, tell_as_history
from cxm.listen.channels.models import Channel, Delivery, Message
from cxm.record.capture.models import Suppression
from cxm.record.customers.models import Customer
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import move_outbox
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import make_member, make_workspace

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(workspace=make_workspace(time_zone="Europe/Kyiv"), kind="reviews", name="Sites")


def test_a_review_is_feedback_once_and_its_answer_is_noted(channel: Channel) -> None:
    agent = make_member(channel.workspace, Role.AGENT, "agent@example.com")
    stranger = make_member(make_workspace("Other", owner=make_member(channel.workspace, Role.VIEWER, "v@example.com")),
                           Role.AGENT, "stranger@example.com")  # fmt: skip
    one = Review("r-7", AT, 2.0, "Cold", "The tea was cold.", name="Ada", place="Podil", url="https://r.example/7",
                 site="Maps", language="uk", email="ada@example.com")  # fmt: skip
    message, is_new = take(channel=channel, review=one)
    assert is_new
    assert take(channel=channel, review=one) == (message, False)
    fact = OutboxFact.objects.get(name="review_received")
    told = {name: fact.properties[name] for name in
            ("review_id", "metric", "scale", "score", "comment", "place", "url", "properties")}  # fmt: skip
    assert told == {
        "review_id": "r-7", "metric": "rating", "scale": "1-5", "score": 2.0, "comment": "Cold\n\nThe tea was cold.",
        "place": "Podil", "url": "https://r.example/7", "properties": {"place": "Podil", "site": "Maps"},
    }  # fmt: skip
    assert fact.customer_id == Customer.objects.get().pk
    assert fact.occurred_at == AT
    # Of whom a privacy regulation says that nothing is stored: the words are kept, without profile and without fact.
    Suppression.objects.create(workspace=channel.workspace, user_id="u-1")
    silent, _new = take(
        channel=channel, review=Review("r-9", AT, 1.0, text="Never.", email="x@example.com", user_id="u-1")
    )
    assert (silent.text, silent.conversation.customer, Customer.objects.count()) == ("Never.", None, 1)
    assert OutboxFact.objects.filter(name="review_received").count() == 1
    assert tell_as_history(channel, [silent], uuid4()) == 0
    # The address is their user id: it is the same person however it is spelt.
    Suppression.objects.create(workspace=channel.workspace, user_id="y@example.com")
    silent, _new = take(channel=channel, review=Review("r-10", AT, 1.0, text="No.", email="Y@Example.com"))
    assert (silent.text, silent.conversation.customer, Customer.objects.count()) == ("No.", None, 1)
    assert OutboxFact.objects.filter(name="review_received").count() == 1
    anonymous, _new = take(channel=channel, review=Review("r-8", AT, 5.0))
    assert anonymous.conversation.customer is None
    answer = note_answer(message=message, text=" Sorry! ", by=agent, at=AT + timedelta(hours=1))
    assert (answer.text, answer.author, answer.direction) == ("Sorry!", agent, "out")
    assert note_answer(message=message, text="We are sorry!", by=agent).pk == answer.pk
    answer.refresh_from_db()
    assert (answer.text, answer.at) == ("We are sorry!", AT + timedelta(hours=1))
    assert OutboxFact.objects.filter(name="message_sent").count() == 1
    assert not Delivery.objects.exists()  # it stands on the site; no mail goes out
    with pytest.raises(Refused):
        note_answer(message=message, text="  ", by=agent)
    with pytest.raises(Http404):
        note_answer(message=message, text="I am nobody here", by=stranger)
    answer.refresh_from_db()
    assert answer.text == "We are sorry!"


CSV = """Review ID,Date,Stars,Review,Author,Reply
a1,20.11.2026 11:00,8,Fine.,Ada,Thanks!
a2,21.11.2026 11:00,2,Too late.,Ben,
a3,yesterday,2,When?,Cyd,
,,,,,
a4,22.11.2026 01:00,10,,Dan,
"""


def test_a_file_is_history_and_reading_it_again_adds_nothing(channel: Channel) -> None:
    owner = channel.workspace.memberships.get().user
    take(channel=channel, review=Review("a2", AT, 1.0, text="Too late."))  # came by the API before
    key = keep(channel, SimpleUploadedFile("reviews.csv", CSV.encode("utf-8-sig")))
    preview = look(channel, key, "reviews.csv")
    assert preview.plan.columns == {
        "id": "Review ID", "at": "Date", "rating": "Stars", "text": "Review", "name": "Author", "answer": "Reply",
    }  # fmt: skip
    assert preview.plan.most == 10
    assert [(one.id, one.rating) for one in preview.reviews] == [("a1", 4.0), ("a2", 1.0), ("a4", 5.0)]
    assert preview.reviews[0].at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # Kyiv is two hours ahead
    assert [number for number, _why in preview.refused] == [4]
    with pytest.raises(Refused):
        begin(channel=channel, key=key, name="reviews.csv", columns={"name": "Author"}, by=owner)
    begin(channel=channel, key=key, name="reviews.csv", columns=preview.plan.columns, by=owner)
    with pytest.raises(Refused):
        begin(channel=channel, key=key, name="reviews.csv", columns=preview.plan.columns, by=owner)
    assert run(channel.pk) == 2
    channel.refresh_from_db()
    state = channel.state["import"]
    assert (state["state"], state["rows"], state["new"], state["refused"]) == ("done", 4, 2, 1)
    assert state["problems"][0][0] == 4
    assert sorted(one.score or 0 for one in Message.objects.filter(direction="in")) == [1.0, 4.0, 5.0]
    assert Message.objects.get(direction="out").text == "Thanks!"
    assert run(channel.pk) == 0  # it is done, and its file is gone
    # Again, by another upload: all is known.
    key = keep(channel, SimpleUploadedFile("reviews.csv", CSV.encode("utf-8-sig")))
    begin(channel=channel, key=key, name="reviews.csv", columns=preview.plan.columns, by=owner)
    assert run(channel.pk) == 0
    assert OutboxFact.objects.filter(name="review_received").count() == 1  # only what came by the API
    assert not OutboxFact.objects.filter(name="message_sent").exists()
    move_outbox()
    assert feedback_of(channel) == [("rating", 1.0), ("rating", 4.0), ("rating", 5.0)]


@dataclass(frozen=True)
class Counted:
    metric: str
    score: float


def feedback_of(channel: Channel) -> list[tuple[str, float]]:
    scope = Scope(channel.workspace_id, "UTC")
    found = ask("SELECT metric, score FROM feedback WHERE $scope ORDER BY score", scope, row=Counted, name="reviews")
    return [(one.metric, one.score) for one in found.rows]
