"""What texts say, shown where people read them: a customer's timeline, a survey, a call, a case."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from cxm.accounts.models import Role
from cxm.act.cases.actions import new_reference, open_case
from cxm.listen.channels.kinds.calls.taking import Call, take
from cxm.listen.channels.kinds.calls.transcripts import Segment, Transcript
from cxm.listen.channels.models import Channel
from cxm.listen.channels.receiving import Incoming, receive
from cxm.listen.surveys.definition import Question
from cxm.listen.surveys.respond.facts import event_id
from cxm.record.eventlog.outbox import move_outbox
from cxm.record.eventlog.texts import texts_by_id, write_annotations
from cxm.testing.answered import answered, make_survey
from cxm.testing.cast import answer, at, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.text import annotating
from cxm.understand.text.reading.reading import Reading, Span, Tag

pytestmark = pytest.mark.django_db


def page(user: Any, name: str, *args: object) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def test_the_timeline_shows_what_was_read_and_hides_a_phone_number_from_a_viewer() -> None:
    workspace = make_workspace()
    owner, viewer = workspace.memberships.get().user, make_member(workspace, Role.VIEWER, "vic@example.com")
    ada = make_customer(workspace, "Ada")
    read = answer(workspace, 2, comment="Too late <b>! Call +48 600 100 200", customer_id=ada.pk)
    given_events([read, answer(workspace, 2, comment="Not read <i>yet", customer_id=ada.pk)])
    reading = Reading(
        language="en", supported=True, sentiment="negative", score=-0.8, emotion="anger", intent="complaint",
        tags=(Tag("sentiment", "negative", -0.8, (Span(4, 8),)), Tag("personal", "phone", 1.0, (Span(19, 34),))),
    )  # fmt: skip
    write_annotations([annotating.annotation(one, reading, {}, "m", 1)
                       for one in texts_by_id(workspace.pk, [read.event_id])])  # fmt: skip
    shown = page(owner, "customers:show", workspace.slug, ada.pk)
    assert '<mark class="evidence evidence-bad" title="Negative">late</mark> &lt;b&gt;! Call +48 600' in shown
    for chip in ("Negative", "Anger", "Complaint"):
        assert f"<bdi>{chip}</bdi></li>" in shown
    assert "Not read &lt;i&gt;yet" in shown
    hidden = page(viewer, "customers:show", workspace.slug, ada.pk)
    assert "600 100" not in hidden.split('"timeline-heading"')[-1]
    assert "Personal data, hidden from you" in hidden
    stranger = Client()
    stranger.force_login(make_user("stranger@example.com"))
    assert stranger.get(reverse("customers:show", args=[workspace.slug, ada.pk])).status_code == 404


def test_a_call_shows_how_it_went() -> None:
    workspace = make_workspace()
    channel = Channel.objects.create(workspace=workspace, kind="calls", name="Line")
    words = Transcript(
        format="test", language="en",
        segments=(
            Segment("Customer", 0.0, 10.0, "This is bad."), Segment("Agent", 15.0, 20.0, "Let me see."),
            Segment("Customer", 21.0, 30.0, "It is broken and slow."), Segment("Agent", 31.0, 40.0, "Done."),
            Segment("Customer", 41.0, 50.0, "Oh great, thank you!"), Segment("Customer", 61.0, 70.0, "Lovely, good."),
        ),
    )  # fmt: skip
    message = take(channel=channel, call=Call("c-1", datetime(2026, 3, 1, tzinfo=UTC)), transcript=words)
    shown = page(workspace.memberships.get().user, "voices:call", workspace.slug, message.pk)
    # 5 s before the agent's first word and 11 s before her last: 16 of 70 s
    assert (
        "2 silences of two seconds or more: 0:16 in all, 23 % of the call. The longest lasted 0:11, at 0:50." in shown
    )
    assert "The customer waited for an answer 0:05 at most, from 0:10 on." in shown
    # Her 10 + 9 + 9 + 9 of 51 seconds of speech
    assert '<td class="number">73 %</td>' in shown
    assert "mood turned for the better at 0:41, after Agent had spoken" in shown


def graded(workspace: Any, event_id: UUID, sentiment: str, score: float) -> None:
    """As if somebody, or a tier that knows more, had read in the text what the fast tier does not."""
    reading = Reading(language="en", supported=True, sentiment=sentiment, score=score, model="m+deep")
    texts = texts_by_id(workspace.pk, [event_id])
    assert texts
    write_annotations([annotating.annotation(one, reading, {}, "m+deep", 1) for one in texts])


def test_a_case_and_a_response_show_what_the_numbers_count(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    channel = Channel.objects.create(workspace=workspace, kind="email", name="Mail", address="help@kettles.example")
    first = receive(
        channel=channel, incoming=Incoming("<1@x>", at("2026-03-01 10:00"), "ada@example.com", text="All is great!")
    )
    case = open_case(workspace=workspace, subject="Letter", opened_by=new_reference(), by=None,
                     conversation=first.conversation)  # fmt: skip
    chip = '<li class="evidence-chip evidence-{}" data-kind="sentiment"{}><bdi>{}</bdi></li>'
    both = ' title="Read by both tiers, the fast one and the deep one"'
    fresh = page(owner, "cases:show", workspace.slug, case.number)
    assert chip.format("good", "", "Positive") in fresh  # not read yet: the page reads it
    move_outbox()
    graded(workspace, first.event_id, "negative", -0.7)
    shown = page(owner, "cases:show", workspace.slug, case.number)
    assert chip.format("bad", both, "Negative") in shown and "<bdi>Positive</bdi></li>" not in shown

    why = Question(id="why", kind="long_text", title={"en": "Why?"}, explains="nps")
    survey = make_survey(workspace, Question(id="nps", kind="nps", title={"en": "How likely?"}), why)
    response = answered(survey, {"nps": 2, "why": "All is great!"})
    address = ("results:response", workspace.slug, survey.pk, response.pk)
    assert chip.format("good", "", "Positive") in page(owner, *address)
    graded(workspace, event_id(response.pk, "nps"), "negative", -0.7)  # the comment is that of the score
    assert chip.format("bad", both, "Negative") in page(owner, *address)
