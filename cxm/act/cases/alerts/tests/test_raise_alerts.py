"""Alerts from events: which rules ring, once for each cause, for whom, with which case."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from cxm.accounts.models import Role, Workspace
from cxm.act.cases.actions import default_team, resolve
from cxm.act.cases.alerts import notices
from cxm.act.cases.alerts.actions import change_rule, create_rule, mute
from cxm.act.cases.alerts.rules import CaseOf, What, books
from cxm.act.cases.alerts.wording import about
from cxm.act.cases.models import Alert, AlertHit, AlertNotice, AlertRule, Case, TeamMember
from cxm.act.cases.steps import names_waited_for, open_cases, wanted
from cxm.lib.conditions import Condition
from cxm.listen.channels.models import Channel, Conversation, Delivery, Message
from cxm.record.customers.steps import update_customers
from cxm.record.eventlog.append import encode_properties
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.captured import Captured, captured, put_captured
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db
TIME = "2026-03-02 12:00"


def nps_at_most(score: float) -> Condition:
    return Condition(
        all=(
            Condition(field="answer.metric", operator="is", values=("nps",)),
            Condition(field="answer.score", operator="at_most", values=(score,)),
        )
    )


def answered(workspace: Workspace, score: float, user: str = "ada", when: str = TIME, **more: Any) -> LogEvent:
    said = {"metric": "nps", "question": "nps", "scale": "0-10", "score": score, **more}
    return captured(workspace, Captured(user_id=user, when=when, name="answer_given", properties=said))


def fact(workspace: Workspace, name: str, customer: Any = None, **said: Any) -> LogEvent:
    now = timezone.now()
    return LogEvent(
        workspace_id=workspace.pk, event_id=uuid4(), name=name, source="fact", type="", source_id=0, user_id="",
        anonymous_id="", customer_id=customer.pk if customer else uuid4(), occurred_at=now, received_at=now,
        properties=encode_properties(said), context="", block=1,
    )  # fmt: skip


def flow(*events: LogEvent) -> None:
    """As web/flow.py does, which reads only events by the names that are waited for."""
    some = wanted(events)
    assert {event.name for event in some} <= names_waited_for()
    update_customers([event for event in some if event.source == "capture"])
    open_cases(some)


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def rule(workspace: Workspace, kind: str = "answer", name: str = "Detractor", **more: Any) -> AlertRule:
    made = create_rule(workspace=workspace, name=name, kind=kind, by=None, **more)
    AlertRule.objects.filter(pk=made.pk).update(on_since=datetime(2026, 1, 1, tzinfo=UTC))
    return AlertRule.objects.get(pk=made.pk)


def test_a_detractor_is_an_alert_a_case_and_a_notice_once(workspace: Workspace) -> None:
    owner = workspace.memberships.get().user
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    team = default_team(workspace)
    TeamMember.objects.create(team=team, user=agent)
    make_user("stranger@example.com")
    rule(
        workspace, condition=nps_at_most(6), opens_case=True, users=[owner.pk], teams=[team.pk],
        case=CaseOf(category="recovery", priority=3, team=team.pk),
    )  # fmt: skip
    sad = answered(workspace, 2, comment="Came late, and broken", channel="email", touchpoint="delivery")
    happy = answered(workspace, 9, "bob")
    other = answered(workspace, 1, "eve", metric="csat")
    flow(sad, happy, other)
    flow(sad, happy)  # a batch comes again
    open_cases([sad])

    alert = Alert.objects.get()
    assert about(alert) == "NPS 2: Came late, and broken"
    assert (alert.cause, alert.times, alert.customer_id is not None) == (f"event:{sad.event_id}", 1, True)
    case = Case.objects.get()
    assert alert.case == case
    assert (case.opened_by, case.subject) == (f"answer:{sad.event_id}", "NPS 2: Came late, and broken")
    assert (case.category, case.priority, case.team, case.channel, case.touchpoint) == (
        "recovery", 3, team, "email", "delivery",
    )  # fmt: skip
    assert case.customer == alert.customer
    assert {one.user for one in AlertNotice.objects.all()} == {owner, agent}
    assert sorted(Delivery.objects.filter(cause__startswith="alert:").values_list("to", flat=True)) == [
        "olena@example.com", "petro@example.com",
    ]  # fmt: skip
    letter = Delivery.objects.filter(to="petro@example.com").get().message
    assert letter["subject"] == "Detractor: NPS 2: Came late, and broken"
    assert f"/cases/alerts/{alert.pk}/" in letter["text"]
    facts = {one.name: one.properties for one in OutboxFact.objects.order_by("pk")}
    assert facts["alert_raised"]["alert_id"] == str(alert.pk)
    assert facts["alert_raised"]["cause"] == facts["case_opened"]["cause"] == str(sad.event_id)
    assert facts["alert_raised"]["depth"] == 1
    assert notices.unseen(workspace, agent) == 1
    assert notices.see(workspace, agent) == 1
    assert (notices.unseen(workspace, agent), notices.unseen(workspace, owner)) == (0, 1)


def test_only_what_rules_wait_for_is_read(workspace: Workspace) -> None:
    before = names_waited_for()
    assert {"answer_given", "Basket Left"}.isdisjoint(before) and "message_received" in before
    rule(workspace, "pattern", "Baskets", what=What(event="Basket Left", times=2, days=7))
    detractors = rule(make_workspace("Other", owner=make_user("eve@example.com")), condition=nps_at_most(6))
    assert names_waited_for() >= {"answer_given", "Basket Left"}
    AlertRule.objects.filter(pk=detractors.pk).update(is_on=False)
    assert names_waited_for() == {*before, "Basket Left"}


def test_one_cause_rings_once_whichever_rules_see_it_and_one_customer_is_kept_together(workspace: Workspace) -> None:
    owner = workspace.memberships.get().user
    first = rule(workspace, condition=nps_at_most(6), users=[owner.pk], opens_case=True)
    rule(workspace, "words", "Words", what=What(phrases=("refund*", "never  again")), users=[owner.pk])
    sad = answered(workspace, 0, comment="I want REFUNDS now")
    flow(sad)
    alert = Alert.objects.get()
    assert AlertHit.objects.filter(alert=alert).count() == 2  # both rules saw it
    assert AlertNotice.objects.count() == 1  # and the owner was told once
    # The same customer within a day adds to the alert, as long as its case is open.
    flow(answered(workspace, 3, when="2026-03-02 15:00"))
    alert.refresh_from_db()
    assert (Alert.objects.count(), alert.times, Case.objects.count()) == (1, 2, 1)
    resolve(case=Case.objects.get(), resolution="solved", by=None)
    flow(answered(workspace, 4, when="2026-03-02 16:00"))
    assert (Alert.objects.count(), Case.objects.count()) == (2, 2)
    # Somebody else is another alert.
    flow(answered(workspace, 4, "bob"))
    assert Alert.objects.count() == 3
    # Muted: the case is opened, nobody is told.
    mute(rule=first, until=timezone.now() + timedelta(hours=1), by=None)
    flow(answered(workspace, 5, "cleo"))
    assert (Alert.objects.count(), Case.objects.count(), AlertNotice.objects.count()) == (4, 4, 3)
    # Switched off: nothing.
    change_rule(rule=first, by=None, is_on=False)
    flow(answered(workspace, 5, "dora"))
    assert Alert.objects.count() == 4
    # What was received before a rule was switched on is no news: a log that is followed anew rings no bells.
    change_rule(rule=first, by=None, is_on=True)
    flow(answered(workspace, 5, "emma"))
    assert Alert.objects.count() == 4


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("Never\nagain!", "Never\nagain"), ("nevertheless again", ""), ("a refund.", "refund"), ("prerefund", ""),
        ("我要退款", "退款"), ("cancellation", ""), ("Скасуйте це", "Скасуйте"),
    ],
)  # fmt: skip
def test_words_are_found_as_people_write_them(workspace: Workspace, comment: str, found: str) -> None:
    rule(workspace, "words", what=What(phrases=("never again", "refund", "退款", "cancel", "скасу*")))
    flow(answered(workspace, 9, comment=comment))
    assert [one.data["word"] for one in Alert.objects.all()] == ([found] if found else [])


def test_the_third_contact_in_seven_days_and_a_late_delivery_are_seen(workspace: Workspace) -> None:
    rule(workspace, "pattern", "Contacts", what=What(event="chat_started", times=3, days=7), again_after_h=168)
    rule(workspace, "late", "Late", what=What(hours=2))

    def happened(name: str, when: str, **said: Any) -> LogEvent:
        event = captured(workspace, Captured(user_id="ada", when=when, name=name, properties=said))
        put_captured([event])
        return event

    chats = [happened("chat_started", f"2026-03-{day:02} 09:00") for day in (1, 3, 12, 14, 16, 17)]
    update_customers(chats)
    for chat in chats:
        flow(chat)
    # 1, 3 | 12, 14, 16: the third in seven days; 17: the fourth, which belongs to the same alert.
    alert = Alert.objects.get()
    assert (alert.data["times"], alert.times) == (3, 2)
    assert about(alert) == "Chat started: 3 times in 7 days"

    happened("order_placed", "2026-03-01 09:00", order_id="A1", promised_at="2026-03-05T12:00:00Z")
    in_time = happened("order_delivered", "2026-03-05 13:00", order_id="A1")  # an hour late is allowed
    late = happened("order_delivered", "2026-03-08 12:30", order_id="A2", promised_at="2026-03-05T12:00:00Z")
    flow(in_time, late)
    flow(late)
    alert = Alert.objects.get(kind="late")
    assert (alert.cause, about(alert)) == ("order:A2", "The order A2 came 3 days late")


def test_a_rule_may_ask_the_customer_and_goes_in_no_circles(workspace: Workspace) -> None:
    condition = Condition(all=(*(nps_at_most(6).all or ()), Condition(field="trait.plan", values=("pro",))))
    rule(workspace, condition=condition)
    for user, plan in (("ada", "pro"), ("bob", "free")):
        update_customers([captured(workspace, Captured("identify", user, properties={"traits": {"plan": plan}}))])
        flow(answered(workspace, 1, user))
    assert [str(one.customer.traits["plan"]) for one in Alert.objects.select_related("customer") if one.customer] == [
        "pro"
    ]
    book = books([workspace.pk])[workspace.pk]
    assert set(book.by_metric) == {(name, "nps") for name in ("answer_given", "message_received", "review_received",
                                                              "call_transcribed")}  # fmt: skip
    ada = Alert.objects.get().customer
    Alert.objects.all().delete()
    said = {"metric": "nps", "score": 1}
    flow(fact(workspace, "answer_given", ada, **said, depth=5, cause=str(uuid4())))
    assert not Alert.objects.exists()
    flow(fact(workspace, "answer_given", ada, **said, depth=4, cause=str(uuid4())))
    assert OutboxFact.objects.filter(name="alert_raised").order_by("-pk")[0].properties["depth"] == 5


def test_messages_open_cases_as_their_channel_says_and_join_them(workspace: Workspace) -> None:
    customer = make_customer(workspace, email="ada@example.com")
    quiet = Channel.objects.create(workspace=workspace, kind="email", name="News", settings={"opens_cases": False})
    mail = Channel.objects.create(workspace=workspace, kind="email", name="Help", settings={"category": "help"})
    stars = Channel.objects.create(workspace=workspace, kind="reviews", name="Shop")

    def wrote(
        channel: Channel, thread: Conversation | None = None, name: str = "message_received", **said: Any
    ) -> LogEvent:
        thread = thread or Conversation.objects.create(
            workspace=workspace, channel=channel, kind=channel.kind, customer=customer, subject="Where is it?"
        )
        message = Message.objects.create(
            conversation=thread, workspace=workspace, direction="in", external_id=str(uuid4()), text="Hello?"
        )
        ids = {"message_id": str(message.pk), "conversation_id": str(thread.pk), "channel": channel.kind}
        return fact(workspace, name, customer, **ids, comment="Hello?", metric="text", **said)

    first = wrote(mail)
    flow(first, wrote(quiet))
    flow(first)
    case = Case.objects.get()
    assert (case.subject, case.category, case.customer, case.opened_by[:8]) == (
        "Where is it?",
        "help",
        customer,
        "message:",
    )
    again = wrote(mail, case.conversation)
    flow(again)
    flow(again, first)
    assert Case.objects.count() == 1
    assert case.entries.filter(kind="customer_wrote").count() == 1
    # An alert about a message belongs to the case of its conversation, and makes it more urgent.
    rule(workspace, "words", "Hello", what=What(phrases=("hello",)), opens_case=True, case=CaseOf(priority=4))
    flow(wrote(mail, case.conversation))
    case.refresh_from_db()
    assert (Alert.objects.get().case, case.priority, Case.objects.count()) == (case, 4, 1)
    # Reviews: two of five stars open a case, three do not.
    AlertRule.objects.all().update(is_on=False)
    flow(*(wrote(stars, name="review_received", score=n, scale="1-5") for n in (2, 3)))
    assert Case.objects.filter(channel="reviews").count() == 1


def test_a_survey_asks_for_one_case_for_each_response_and_rule(workspace: Workspace) -> None:
    customer = make_customer(workspace)
    said = {"survey": "s", "survey_name": "After delivery", "response_id": "r1", "rule": "low", "priority": "high"}
    flow(fact(workspace, "case_requested", customer, **said))
    flow(fact(workspace, "case_requested", customer, **said))
    case = Case.objects.get()
    assert (case.subject, case.priority, case.customer) == ("After delivery", 3, customer)


def test_e_mails_keep_quiet_hours_and_come_together(workspace: Workspace) -> None:
    workspace.time_zone = "Europe/Kyiv"
    one = AlertRule(workspace=workspace, quiet_from=time(22), quiet_until=time(7))
    # In the night of 29 March 2026 the clock in Kyiv goes from 3 to 4: seven o'clock is 04:00 UTC, not 05:00.
    assert notices.mail_time(one, workspace, datetime(2026, 3, 28, 22, tzinfo=UTC)) == datetime(
        2026, 3, 29, 4, tzinfo=UTC
    )
    assert notices.mail_time(one, workspace, datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(
        2026, 3, 28, 12, tzinfo=UTC
    )
    assert notices.mail_time(one, workspace, datetime(2026, 3, 27, 20, tzinfo=UTC)) == datetime(
        2026, 3, 28, 5, tzinfo=UTC
    )
    one.quiet_from, one.quiet_until, one.digest = time(9), time(12), "daily"
    # Daily at eight in Kyiv, summer time: 05:00 UTC.
    assert notices.mail_time(one, workspace, datetime(2026, 4, 1, 5, 1, tzinfo=UTC)) == datetime(
        2026, 4, 2, 5, tzinfo=UTC
    )
    one.digest = "hourly"  # ten o'clock is in the quiet hours
    assert notices.mail_time(one, workspace, datetime(2026, 4, 1, 6, 30, tzinfo=UTC)) == datetime(
        2026, 4, 1, 9, tzinfo=UTC
    )

    owner = workspace.memberships.get().user
    workspace.save()
    rule(workspace, condition=nps_at_most(6), users=[owner.pk], digest="hourly")
    flow(*(answered(workspace, 1, f"user {n}") for n in range(3)))
    assert Delivery.objects.count() == 0
    assert notices.send_due() == 0
    AlertNotice.objects.update(mail_at=timezone.now())
    assert notices.send_due() == 1
    assert notices.send_due() == 0
    letter = Delivery.objects.get().message
    assert letter["subject"] == "3 alerts"
    assert letter["text"].count("NPS 1") == 3
    # A flood at once: ten single e-mails in an hour, the rest waits and comes together.
    AlertRule.objects.update(digest="at_once", version=9)
    AlertNotice.objects.all().delete()
    for n in range(13):
        flow(answered(workspace, 1, f"more {n}"))
    assert Delivery.objects.count() == 1 + 10
    assert AlertNotice.objects.filter(mail_at__isnull=False).count() == 3
