"""Mailings: who is invited, what their mail holds, reminders, stopping. Over real SMTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid5

import msgspec
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.channels.sending import Sender
from cxm.listen.surveys.definition import Choice, Definition, Page, Question, Scale, Section
from cxm.listen.surveys.distribution import actions, running
from cxm.listen.surveys.distribution.mails import clickable
from cxm.listen.surveys.models import Contact, Invitation, Mailing, Survey, Version
from cxm.record.customers.consent import set_consent
from cxm.record.customers.models import Customer
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_member, make_workspace
from cxm.testing.mailbox import Mailbox, mail_through, smtp_server

pytestmark = pytest.mark.django_db

NPS = Question(
    id="nps", kind="nps", title={"en": "How likely are you to recommend us?", "uk": "Чи порадите ви нас?"},
    scale=Scale(lowest=0, highest=10, lowest_label={"en": "Not at all"}, highest_label={"en": "Very"}),
)  # fmt: skip


TEA = Choice("a", {"en": "A"})


def make_live(workspace: Workspace, *questions: Question, name: str = "NPS wave 3") -> Survey:
    definition = Definition(
        title={"en": name}, languages=["en", "uk"],
        pages=[Page(id="p1", sections=[Section(id="s1", questions=list(questions or (NPS,)))])],
    )  # fmt: skip
    body = msgspec.to_builtins(definition)
    survey = Survey.objects.create(
        workspace=workspace, name=name, key=name.lower().replace(" ", "-"), state="live", version=1, draft=body
    )
    Version.objects.create(survey=survey, number=1, definition=body, question_versions={"nps": 1})
    return survey


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    with smtp_server() as box, mail_through(box, settings):
        settings.BASE_URL = "https://cx.kettles.example"
        yield box


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def owner_of(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def mail_out() -> int:
    """Carry all mailings as far as they go, with everything they send."""
    sender = Sender("host/1/0")
    sent = 0
    try:
        while (decided := running.advance_all()) or (left := sender.send_due()):
            sent += 0 if decided else left
    finally:
        sender.close()
    return sent


def start(survey: Survey, customers: list[Customer], **values: Any) -> Mailing:
    owner = owner_of(survey.workspace)
    mailing = actions.create_mailing(
        survey=survey, name="May", by=owner, customers=[str(one.pk) for one in customers], **values
    )
    actions.start_mailing(mailing=mailing, by=owner)
    return mailing


def people(workspace: Workspace, n: int) -> list[Customer]:
    return [make_customer(workspace, f"Person {x}", email=f"p{x}@example.com") for x in range(n)]


def test_the_first_answer_is_one_click_in_the_mail(box: Mailbox, workspace: Workspace) -> None:
    ada = make_customer(workspace, "Ada Byron", email="Ada@Example.com", traits={"plan": "Gold"})
    survey = make_live(workspace)
    mailing = start(
        survey,
        [ada],
        subject={"en": "{first_name|Hello}, a question"},
        text={"en": "Your plan: {trait.plan|none}.\n\nThanks!"},
    )
    assert mail_out() == 1
    [arrived] = box.arrived
    invitation = Invitation.objects.get()
    assert arrived.message["Subject"] == "Ada, a question"
    assert arrived.message["From"] == "Kyiv Kettles <cx@kettles.example>"
    assert "Your plan: Gold." in arrived.text()
    link = f"https://cx.kettles.example/s/i/{invitation.token}?q=nps&v="
    assert [f"{link}{score}&lang=en" in arrived.text() for score in range(11)] == [True] * 11
    html = arrived.html()
    assert re.findall(r'href="([^"]*v=10[^"]*)"', html) == [f"{link}10&amp;lang=en".replace("&v", "&amp;v")]
    assert "prefers-color-scheme:dark" in html
    assert "<script" not in html
    assert "http" not in re.sub(r'href="https://cx\.kettles\.example[^"]*"', "", html), (
        "nothing is loaded from anywhere"
    )
    assert len(html.encode()) < 20_000
    mailing.refresh_from_db()
    invitation.refresh_from_db()
    assert (mailing.state, invitation.state) == ("sent", "sent")
    assert len(invitation.token) == 43
    [fact] = OutboxFact.objects.filter(name="survey_invited")
    assert fact.customer_id == ada.pk
    assert fact.properties == {
        "survey": "nps-wave-3", "survey_name": "NPS wave 3", "channel": "email", "invitation_id": str(invitation.pk),
        "response_id": str(uuid5(invitation.pk, "response")),
    }  # fmt: skip
    assert Contact.objects.get().person == ada.pk


def test_everybody_is_written_to_in_their_language(box: Mailbox, workspace: Workspace) -> None:
    start(make_live(workspace), [
        make_customer(workspace, "Оля", email="o@example.com", language="uk"),
        make_customer(workspace, "Lech", email="l@example.com", language="pl"),
    ], text={"en": "Hi", "uk": "Вітаємо"})  # fmt: skip
    assert mail_out() == 2
    mails = {one.to: one for one in box.arrived}
    assert "Вітаємо" in mails["o@example.com"].text()
    assert "Чи порадите ви нас?" in mails["o@example.com"].html()
    assert 'lang="uk"' in mails["o@example.com"].html()
    assert "How likely" in mails["l@example.com"].text(), "the survey does not speak Polish"


def test_what_a_customer_is_called_cannot_change_the_mail(box: Mailbox, workspace: Workspace) -> None:
    name = '<img src=x onerror="alert(1)">\r\nBcc: x@example.com {trait.secret}'
    customer = make_customer(workspace, name, email="a@example.com", traits={"secret": "a secret word"})
    start(make_live(workspace), [customer],
          subject={"en": "{name}"}, text={"en": "Dear {name}"})  # fmt: skip
    mail_out()
    html, message = box.arrived[0].html(), box.arrived[0].message
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert message["Bcc"] is None
    assert "a secret word" not in html, "what a customer wrote is no template"


def test_nobody_is_invited_twice_and_everybody_skipped_has_a_reason(box: Mailbox, workspace: Workspace) -> None:
    survey = make_live(workspace)
    twin, other, mute, gone, no = (
        make_customer(workspace, name, email=email) for name, email in [
            ("A", "same@example.com"), ("B", "Same@example.com"), ("C", ""), ("D", "gone@example.com"),
            ("E", "no@example.com"),
        ]
    )  # fmt: skip
    Suppression.objects.create(workspace=workspace, address="gone@example.com", reason="bounced")
    set_consent(customer=no, purpose="surveys", granted=False, by=None)
    start(survey, [twin, other, mute, gone, no, twin])
    assert mail_out() == 1
    assert [one.to for one in box.arrived] == ["same@example.com"]
    reasons = dict(Invitation.objects.values_list("customer__name", "reason"))
    assert {reasons["A"], reasons["B"]} == {"", "same_address"}
    assert (reasons["C"], reasons["D"], reasons["E"]) == ("no_address", "suppressed", "consent")
    assert Contact.objects.count() == 1
    assert mail_out() == 0


def test_the_budget_holds_over_mailings_and_says_why(box: Mailbox, workspace: Workspace) -> None:
    survey, later = make_live(workspace), make_live(workspace, name="Delivery")
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner_of(workspace))
    ada, bob = people(workspace, 2)
    start(survey, [ada])
    mail_out()
    start(later, [ada, bob])
    assert mail_out() == 1
    skipped = Invitation.objects.get(state="skipped")
    assert (skipped.customer, skipped.reason) == (ada, "rule")
    assert skipped.reason_detail["survey"] == "NPS wave 3"


def test_two_mailings_at_once_give_the_person_to_the_more_important(box: Mailbox, workspace: Workspace) -> None:
    low, high = make_live(workspace, name="Low"), make_live(workspace, name="High")
    Survey.objects.filter(pk=high.pk).update(priority=90)
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner_of(workspace))
    [ada] = people(workspace, 1)
    start(low, [ada])
    start(high, [ada])
    mail_out()
    assert Invitation.objects.get(state="sent").survey == high


def test_reminders_go_to_those_who_have_not_answered_in_the_same_thread(box: Mailbox, workspace: Workspace) -> None:
    survey = make_live(workspace)
    ada, bob, eve = people(workspace, 3)
    mailing = start(survey, [ada, bob, eve], remind_after_days=[3, 7])
    mail_out()
    assert running.remind() == 0
    Invitation.objects.filter(customer=bob).update(state="answered")
    set_consent(customer=eve, purpose="surveys", granted=False, by=None)
    mailing.invitations.update(sent_at=timezone.now() - timedelta(days=4))
    box.arrived.clear()
    assert running.remind() == 1
    assert running.remind() == 0
    assert mail_out() == 1
    [arrived] = box.arrived
    assert arrived.to == "p0@example.com"
    assert arrived.message["Subject"].startswith("Reminder: ")
    first = Delivery.objects.get(cause=f"invitation:{Invitation.objects.get(customer=ada).pk.hex}")
    assert arrived.message["In-Reply-To"] == arrived.message["References"] == first.message_id
    assert Contact.objects.count() == 3, "a reminder is no new contact"
    mailing.invitations.update(sent_at=timezone.now() - timedelta(days=8))
    assert running.remind() == 1


def test_a_reminder_that_has_become_pointless_does_not_leave(box: Mailbox, workspace: Workspace) -> None:
    survey = make_live(workspace)
    mailing = start(survey, people(workspace, 2), remind_after_days=[1])
    mail_out()
    mailing.invitations.update(sent_at=timezone.now() - timedelta(days=2))
    assert running.remind() == 2
    Invitation.objects.filter(customer__name="Person 0").update(state="answered")
    assert mail_out() == 1
    Survey.objects.filter(pk=survey.pk).update(state="closed")
    assert running.remind() == 0


def test_a_stop_keeps_the_rest_and_gives_their_budget_back(box: Mailbox, workspace: Workspace) -> None:
    survey = make_live(workspace)
    mailing = start(survey, people(workspace, 5))
    running.decide_some(mailing, 0)
    running.plan(mailing)
    running.decide_some(mailing, 3)
    assert Contact.objects.count() == 3
    assert actions.stop_mailing(mailing=mailing, by=owner_of(workspace)) == 5
    assert mail_out() == 0
    assert Contact.objects.count() == 0
    assert set(mailing.invitations.values_list("state", "reason")) == {("skipped", "stopped")}
    with pytest.raises(actions.Refused):
        actions.stop_mailing(mailing=mailing, by=owner_of(workspace))


def test_an_hour_brings_no_more_than_it_may(box: Mailbox, workspace: Workspace) -> None:
    mailing = start(make_live(workspace), people(workspace, 5), per_hour=2)
    assert mail_out() == 2
    mailing.invitations.filter(state="sent").update(created_at=timezone.now() - timedelta(minutes=61))
    assert mail_out() == 2
    mailing.invitations.filter(state="sent").update(created_at=timezone.now() - timedelta(minutes=61))
    assert mail_out() == 1


def test_a_mailing_waits_for_its_time_and_for_a_survey_that_is_paused(box: Mailbox, workspace: Workspace) -> None:
    survey = make_live(workspace)
    mailing = start(survey, people(workspace, 1), starts_at=timezone.now() + timedelta(hours=1))
    assert mail_out() == 0
    Mailing.objects.update(starts_at=timezone.now())
    Survey.objects.update(state="paused")
    assert mail_out() == 0
    Survey.objects.update(state="live")
    assert mail_out() == 1
    mailing.refresh_from_db()
    assert mailing.finished_at is not None


def test_addresses_without_a_profile_are_invited_too(box: Mailbox, workspace: Workspace) -> None:
    survey, owner = make_live(workspace), owner_of(workspace)
    [ada] = people(workspace, 1)
    found, wrong = actions.read_list(workspace, f"P0@example.com; new@example.com,New@example.com\nnonsense {ada.pk}")
    assert (found, wrong) == ([str(ada.pk), "new@example.com"], ["nonsense"])
    mailing = actions.create_mailing(survey=survey, name="List", by=owner, customers=found)
    actions.start_mailing(mailing=mailing, by=owner)
    assert mail_out() == 2
    assert sorted(one.to for one in box.arrived) == ["new@example.com", "p0@example.com"]
    assert Customer.objects.count() == 1


def test_an_address_that_bounces_is_seen_at_the_invitation(box: Mailbox, workspace: Workspace) -> None:
    box.rcpt = lambda _to: "550 5.1.1 No such user"
    start(make_live(workspace), people(workspace, 1))
    mail_out()
    assert Invitation.objects.get().state == "bounced"


def test_only_analysts_send_and_only_what_can_be_answered(workspace: Workspace) -> None:
    survey, owner = make_live(workspace), owner_of(workspace)
    agent = make_member(workspace, Role.AGENT, "agent@example.com")
    with pytest.raises(PermissionDenied):
        actions.create_mailing(survey=survey, name="x", by=agent)
    mailing = actions.create_mailing(survey=survey, name="x", by=owner)
    with pytest.raises(actions.Refused):
        actions.start_mailing(mailing=mailing, by=owner)
    mailing = actions.create_mailing(survey=survey, name="x", by=owner, customers=["a@example.com"])
    Survey.objects.update(state="draft")
    with pytest.raises(actions.Refused):
        actions.start_mailing(mailing=mailing, by=owner)
    assert set(Mailing.objects.values_list("state", flat=True)) == {"draft"}
    assert not Invitation.objects.exists()


def test_a_personal_link_costs_budget_and_may_be_sent(box: Mailbox, workspace: Workspace) -> None:
    survey, owner = make_live(workspace), owner_of(workspace)
    [ada] = people(workspace, 1)
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner)
    made = actions.invite(survey=survey, customer=ada, by=owner)
    assert (made.state, made.channel, made.single_use) == ("sent", "personal", True)
    with pytest.raises(actions.Refused, match=r"“NPS wave 3” asked on"):
        actions.invite(survey=survey, customer=ada, by=owner, send=True)
    assert Invitation.objects.count() == 1
    actions.invite(survey=survey, address="New@example.com", by=owner, send=True)
    assert mail_out() == 1
    assert box.arrived[0].to == "new@example.com"


@pytest.mark.parametrize(("question", "expected"), [
    (NPS, True),
    (Question(id="q", kind="csat", title={"en": "?"}), True),
    (Question(id="q", kind="yes_no", title={"en": "?"}), True),
    (Question(id="q", kind="single", title={"en": "?"}, choices=[TEA, Choice("b", {"en": "B"})]), True),
    (Question(id="q", kind="single", title={"en": "?"}, choices=[TEA, Choice("b", {"en": "B"}, other=True)]), False),
    (Question(id="q", kind="rating", title={"en": "?"}, scale=Scale(lowest=0, highest=100)), False),
    (Question(id="q", kind="long_text", title={"en": "?"}), False),
])  # fmt: skip
def test_which_questions_can_be_answered_in_the_mail(question: Question, expected: bool) -> None:
    definition = Definition(title={"en": "t"}, languages=["en"], pages=[Page("p", [Section("s", [question])])])
    assert (clickable(definition) is not None) is expected
