"""The life of a case by its verbs: what the row, the history, the audit trail and the log say of each."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.cases import actions, history, notes, steps, tasks
from cxm.act.cases.changing import change
from cxm.act.cases.errors import Overtaken, Refused
from cxm.act.cases.models import Acknowledgement, Alert, AlertNotice, Case, Cause, Notice, Resolution, Task, Team
from cxm.act.cases.searching import matching
from cxm.listen.channels import actions as deliveries
from cxm.listen.channels.models import Channel, Conversation, Delivery, Message
from cxm.record.customers.actions import remove_customer
from cxm.record.customers.merging import merge_customers
from cxm.record.eventlog.append import append, encode_properties
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import event, make_customer, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db
State = Case.State


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture(autouse=True)
def silent(workspace: Workspace) -> None:
    """What customers are told at once is tested apart."""
    Acknowledgement.objects.create(workspace=workspace, is_on=False)


@pytest.fixture
def agent(workspace: Workspace) -> User:
    return make_member(workspace, Role.AGENT, "petro@example.com")


@pytest.fixture
def conversation(workspace: Workspace) -> Conversation:
    channel = Channel.objects.create(workspace=workspace, kind="email", name="Support", address="help@example.com")
    customer = make_customer(workspace, "Ada", email="ada@example.com", language="uk")
    return Conversation.objects.create(
        workspace=workspace, channel=channel, kind="email", customer=customer, address="ada@example.com",
        subject="My kettle leaks", language="uk",
    )  # fmt: skip


def said(conversation: Conversation, text: str, direction: str = "in", author: User | None = None) -> Message:
    return Message.objects.create(
        conversation=conversation, workspace=conversation.workspace, direction=direction, text=text, author=author,
        external_id=str(uuid.uuid4()),
    )  # fmt: skip


def opened(workspace: Workspace, by: User | None, **more: Any) -> Case:
    given = {"subject": "My kettle leaks", "opened_by": actions.new_reference(), **more}
    return actions.open_case(workspace=workspace, by=by, **given)


def facts(case: Case) -> list[str]:
    names = OutboxFact.objects.filter(name__startswith="case_").values_list("name", "properties")
    return [name for name, properties in names if properties.get("case_id") == str(case.pk)]


def ticket(case: Case) -> dict[str, Any]:
    """The newest that the log is told of the case as a ticket."""
    rows = OutboxFact.objects.filter(name="ticket_updated", properties__ticket_id=f"case-{case.number}")
    return max((row.properties for row in rows), key=lambda one: one["version"])


def test_a_complaint_by_mail_from_its_opening_to_its_end(
    workspace: Workspace, agent: User, conversation: Conversation
) -> None:
    first = said(conversation, "It leaks.")
    case = opened(workspace, None, conversation=conversation, opened_by=f"message:{first.pk}", complaint=True)
    assert (case.number, case.state, case.team.name, case.channel, case.language) == (
        1, State.NEW, "Customer service", "email", "uk",
    )  # fmt: skip
    assert case.customer == conversation.customer and case.last_customer_at == case.opened_at
    # The same cause again is the same case, and nothing is said twice.
    again = opened(workspace, None, conversation=conversation, opened_by=f"message:{first.pk}", subject="Other")
    assert again == case and again.subject == "My kettle leaks" and facts(case) == ["case_opened"]
    assert ticket(case) == ticket(case) | {
        "version": 1, "state": "new", "complaint": True, "priority": "normal", "reopened": 0,
        "properties": {"team": "Customer service"},
    }  # fmt: skip
    assert "first_responded_at" not in ticket(case)

    actions.reply_to_customer(case=case, text="We look into it.", by=agent)
    case.refresh_from_db()
    waits: list[object] = [case.state, case.owner, case.last_customer_at]
    assert waits == [State.WAITING, agent, None]
    assert case.first_replied_at and ticket(case)["first_responded_at"] == case.first_replied_at.isoformat()
    second = said(conversation, "Still leaking!")
    actions.customer_wrote(case=case, message=second)
    actions.customer_wrote(case=case, message=second)  # a batch came again
    case.refresh_from_db()
    assert (case.state, case.last_customer_at, case.version) == (State.OPEN, second.at, 3)
    when = case.first_replied_at
    actions.reply_to_customer(case=case, text="A new one is on its way.", by=agent, stay_open=True)
    assert (case.state, case.first_replied_at) == (State.OPEN, when), "the first answer stays the first"

    seal = Cause.objects.create(workspace=workspace, name="Seal")
    actions.resolve(case=case, resolution=Resolution.COMPENSATED, cause=seal, by=agent)
    assert ticket(case)["state"] == "resolved" and ticket(case)["properties"]["root_cause"] == "Seal"
    with pytest.raises(Refused):
        actions.snooze(case=case, until=timezone.now() + timedelta(hours=1), by=agent)
    actions.customer_wrote(case=case, message=said(conversation, "It leaks again."))
    assert (case.state, case.reopened, case.resolved_at) == (State.OPEN, 1, None) and ticket(case)["reopened"] == 1
    actions.resolve(case=case, resolution=Resolution.SOLVED, by=agent)
    assert case.cause == seal
    actions.close(case=case, by=agent)
    assert facts(case) == [
        "case_opened", "case_replied", "case_replied", "case_resolved", "case_reopened", "case_resolved",
        "case_closed",
    ]  # fmt: skip
    done = OutboxFact.objects.filter(name="case_replied").values_list("properties__first", flat=True)
    assert list(done.order_by("id")) == [True, False]
    kinds = [one.kind for one in case.entries.order_by("pk")]
    assert kinds == [
        "opened", "replied", "customer_wrote", "replied", "resolved", "reopened", "resolved", "closed",
    ]  # fmt: skip
    assert list(AuditEntry.objects.filter(subject="case").order_by("pk").values_list("verb", flat=True)) == kinds
    # Names of people are no part of what the log keeps, but for who did it.
    assert "petro@example.com" not in str(list(OutboxFact.objects.values_list("properties", flat=True)))


def test_an_answer_that_came_back_is_work_again_and_what_customers_wrote_is_found(
    workspace: Workspace, agent: User, conversation: Conversation
) -> None:
    case = opened(workspace, None, conversation=conversation, owner=agent)
    for end, resolved in ((State.WAITING, False), (State.RESOLVED, True)):
        actions.reply_to_customer(case=case, text="A new one is on its way.", by=agent)
        if resolved:
            actions.resolve(case=case, resolution=Resolution.SOLVED, by=agent)
        assert case.state == end
        delivery = Delivery.objects.latest("created_at")
        Delivery.objects.filter(pk=delivery.pk).update(state="sent")
        deliveries.bounced(delivery=delivery, error="5.2.2 mailbox full", dead=False)
        deliveries.bounced(delivery=delivery, error="5.2.2 mailbox full", dead=False)  # told twice
        (fact,) = OutboxFact.objects.filter(name="message_returned")
        back = LogEvent(
            fact.workspace_id, fact.event_id, fact.name, "fact", "", 0, "", "", fact.customer_id, fact.occurred_at,
            fact.occurred_at, encode_properties(fact.properties), "", 1,
        )  # fmt: skip
        for _again in range(2):
            steps.open_cases([back])
        fact.delete()
        case.refresh_from_db()
        assert (case.state, case.reopened) == (State.OPEN, int(resolved))
        entry = case.entries.filter(kind="returned").latest("pk")
        assert (history.sentence(entry), entry.text) == ("Our message did not reach the customer", "5.2.2 mailbox full")
    assert case.entries.filter(kind="returned").count() == 2
    assert Notice.objects.filter(user=agent, case=case, kind=Notice.Kind.WATCHED).exists()

    wrote: dict[str, Any] = {
        "metric": "text",
        "conversation_id": str(conversation.pk),
        "comment": "Ручка ВІДПАЛА, що робити?",
    }
    append([event(workspace, "message_received", "2026-03-01 12:00", **wrote)])
    everything = Case.objects.filter(workspace=workspace)
    for text, found in (("ручка відпала", [case]), ("відпала миска", []), (str(conversation.pk), [])):
        assert list(matching(everything, workspace, text)) == found, text


def test_it_goes_from_hand_to_hand(workspace: Workspace, agent: User, conversation: Conversation) -> None:
    case = opened(workspace, agent, customer=conversation.customer)
    assert case.last_customer_at is None, "a person noted it down: nobody waits for an answer yet"
    billing = Team.objects.create(workspace=workspace, name="Billing")
    boss = make_member(workspace, Role.ANALYST, "iryna@example.com")
    stranger = make_user("stranger@example.com")
    actions.assign(case=case, owner=agent, by=agent)
    actions.assign(case=case, owner=agent, by=agent)  # nothing changes, nothing is said
    assert (case.version, case.reassigned) == (2, 0)
    assert not Notice.objects.exists(), "nobody is told what they did themselves"
    actions.hand_over(case=case, team=billing, owner=boss, reason="Wants the money back", by=agent)
    assert (case.team, case.owner, case.reassigned) == (billing, boss, 1)
    assert Notice.objects.get().user == boss
    with pytest.raises(Refused):
        actions.assign(case=case, owner=stranger, by=agent)
    for refused in (PermissionDenied, Http404):
        by = make_member(workspace, Role.VIEWER, "v@example.com") if refused is PermissionDenied else stranger
        with pytest.raises(refused):
            actions.assign(case=case, owner=None, by=by)
        with pytest.raises(refused):
            actions.open_case(workspace=workspace, subject="x", opened_by="person:x", by=by)
    case.refresh_from_db()
    assert (case.owner, case.version, Case.objects.count()) == (boss, 3, 1)

    # A note names a colleague: she is told by a badge and by mail, and follows the case from then on.
    note = notes.add_note(case=case, text="@iryna@example.com can you call her? mail x@iryna.example", by=agent)
    assert note.data["mentioned"] == [str(boss.uuid)]
    assert Delivery.objects.get().to == "iryna@example.com"
    assert [one.kind for one in Notice.objects.filter(user=boss).order_by("pk")] == ["assigned", "mentioned"]
    task = tasks.ask(case=case, text="Refund 20 EUR", team=billing, by=agent, ref="rule:1")
    assert tasks.ask(case=case, text="Refund 20 EUR", team=billing, by=agent, ref="rule:1") == task
    tasks.hand_over(task=task, team=billing, owner=boss, reason="You have the card", by=agent)
    with pytest.raises(Refused):
        tasks.finish(task=task, by=boss, declined=True)  # without a word why
    tasks.finish(task=task, by=boss, result="Paid")
    assert Task.objects.get().state == "done" and Notice.objects.filter(user=agent).get().kind == "task_done"
    assert [one.kind for one in case.entries.order_by("pk")][-4:] == [
        "note", "task_asked", "task_handed_over", "task_done",
    ]  # fmt: skip


def test_snoozed_merged_and_linked(workspace: Workspace, agent: User, conversation: Conversation) -> None:
    one = opened(workspace, agent, conversation=conversation)
    two = opened(workspace, agent, subject="Kettle again", customer=conversation.customer, tags=["vip"])
    other = opened(workspace, agent, customer=make_customer(workspace, "Bo"))
    actions.snooze(case=two, until=timezone.now() + timedelta(days=1), by=agent)
    assert two.state == State.SNOOZED
    for until in (timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(days=800)):
        with pytest.raises(Refused):
            actions.snooze(case=one, until=until, by=agent)
    actions.wake(case=two)
    assert two.state == State.OPEN
    actions.link(case=two, other=one, by=agent)
    actions.link(case=one, other=two, by=agent)
    assert [row.kind for row in one.entries.all()].count("linked") == 1
    with pytest.raises(Refused):
        actions.merge(case=two, into=other, by=agent)  # of two customers
    assert two.state == State.OPEN
    actions.merge(case=two, into=one, by=agent)
    one.refresh_from_db()
    assert (two.state, two.merged_into, one.tags) == (State.MERGED, one, ["vip"])
    # What still comes to the merged one goes to the other.
    actions.customer_wrote(case=two, message=said(conversation, "Hello?"))
    one.refresh_from_db()
    assert one.last_customer_at and ticket(two)["state"] == "merged"
    with pytest.raises(Refused):
        actions.reply_to_customer(case=two, text="Hi", by=agent)


def test_what_is_open_is_not_lost_in_a_merge(workspace: Workspace, agent: User, conversation: Conversation) -> None:
    ada = conversation.customer
    solved = opened(workspace, agent, customer=ada)
    actions.resolve(case=solved, resolution=Resolution.SOLVED, by=agent)
    asks = opened(workspace, None, conversation=conversation, opened_by="message:1")
    tasks.ask(case=asks, text="Look for the parcel", team=asks.team, by=None, ref="rule:1")
    actions.merge(case=asks, into=solved, by=agent)
    solved.refresh_from_db()
    assert (solved.state, solved.reopened, solved.resolved_at) == (State.OPEN, 1, None)
    assert solved.last_customer_at == asks.opened_at  # it waits since then
    task = tasks.ask(case=asks, text="Look for the parcel", team=asks.team, by=None, ref="rule:1")
    assert task == Task.objects.get() and task.case == solved  # also what a workflow asked for, or asks for again
    assert "case_reopened" in facts(solved)

    # A case that waits for the customer does so no more if they have asked something in the other one.
    for state in (State.WAITING, State.SNOOZED):
        Case.objects.filter(pk=solved.pk).update(state=state, last_customer_at=None)
        again = opened(workspace, None, customer=ada, opened_by=f"message:{state}")
        actions.merge(case=again, into=solved, by=agent)
        solved.refresh_from_db()
        assert (solved.state, solved.last_customer_at) == (State.OPEN, again.opened_at)
    # What was done already opens nothing.
    actions.resolve(case=solved, resolution=Resolution.SOLVED, by=agent)
    done = opened(workspace, agent, customer=ada)
    actions.resolve(case=done, resolution=Resolution.SOLVED, by=agent)
    actions.merge(case=done, into=solved, by=agent)
    assert solved.state == State.RESOLVED and solved.reopened == 1


def test_the_thread_of_a_merged_case_goes_on_in_the_other(
    workspace: Workspace, agent: User, conversation: Conversation
) -> None:
    def wrote(text: str) -> LogEvent:
        message = said(conversation, text)
        ids: dict[str, Any] = {"message_id": str(message.pk), "conversation_id": str(conversation.pk), "metric": "text"}
        row = event(workspace, "message_received", "2026-03-01 12:00", **ids)
        return LogEvent(
            workspace.pk, row.event_id, row.name, "fact", "", 0, "", "", row.customer_id, row.occurred_at,
            row.occurred_at, row.properties, "", 1,
        )  # fmt: skip

    first, second = wrote("It leaks."), wrote("Hello?")
    steps.open_cases([first])
    steps.open_cases([second])
    one = Case.objects.get()
    other = opened(workspace, agent, customer=conversation.customer)
    other.conversation = Conversation.objects.create(workspace=workspace, kind="email", customer=other.customer)
    other.save()
    actions.merge(case=one, into=other, by=agent)
    actions.resolve(case=other, resolution=Resolution.SOLVED, by=agent)
    steps.open_cases([first, second])  # events come again: they were known before the merge
    other.refresh_from_db()
    assert (other.state, Case.objects.count()) == (State.RESOLVED, 2)
    third = wrote("It leaks again.")
    steps.open_cases([third])
    steps.open_cases([third])
    other.refresh_from_db()
    assert (other.state, other.reopened, Case.objects.count()) == (State.OPEN, 1, 2)


def test_cases_of_two_profiles_of_one_person_are_of_one_customer(workspace: Workspace, agent: User) -> None:
    ada, same = make_customer(workspace, "Ada"), make_customer(workspace, "Ada L.")
    one, two = opened(workspace, agent, customer=ada), opened(workspace, agent, customer=same)
    with pytest.raises(Refused):
        actions.merge(case=two, into=one, by=agent)
    merge_customers(customer=same, into=ada, by=agent)
    for case in (one, two):
        case.refresh_from_db()
    actions.merge(case=two, into=one, by=agent)
    assert two.state == State.MERGED


def test_two_people_answer_at_once(workspace: Workspace, agent: User, conversation: Conversation) -> None:
    seen = said(conversation, "It leaks.")
    case = opened(workspace, agent, conversation=conversation)
    boss = make_member(workspace, Role.ADMIN, "iryna@example.com")
    actions.reply_to_customer(case=case, text="On its way", by=boss, seen=seen.pk)
    with pytest.raises(Overtaken):
        actions.reply_to_customer(case=case, text="We send one", by=agent, seen=seen.pk)
    assert conversation.messages.filter(direction="out").count() == 1
    with pytest.raises(Refused):
        actions.reply_to_customer(case=case, text=" \x00 ", by=agent)
    unreachable = opened(workspace, agent, customer=make_customer(workspace, "Bo"))
    with pytest.raises(Refused):
        actions.reply_to_customer(case=unreachable, text="Hi", by=agent)
    by_mail = opened(workspace, agent, customer=conversation.customer, subject="Your order")
    message = actions.reply_to_customer(case=by_mail, text="It is late, sorry.", by=None)
    by_mail.refresh_from_db()
    assert by_mail.conversation == message.conversation and by_mail.conversation != conversation
    assert (by_mail.state, by_mail.first_replied_at) == (State.NEW, None), "a rule is no human answer"


def test_a_name_that_means_two_people_means_nobody(workspace: Workspace, agent: User) -> None:
    olena = User.objects.get(email="olena@example.com")
    other = make_member(workspace, Role.AGENT, "olena@other.example")
    User.objects.filter(pk=other.pk).update(name="Olena Kovalenko")
    assert notes.mentioned(workspace, "@olena please") == []
    assert notes.mentioned(workspace, "(@Olena Kovalenko) and @petro, not a@petro") == [
        User.objects.get(pk=other.pk), agent,
    ]  # fmt: skip
    assert notes.mentioned(workspace, "@olena@example.com") == [olena]


def test_change_says_nothing_when_nothing_changes(workspace: Workspace, agent: User) -> None:
    case = opened(workspace, agent)
    assert change(case, agent, "priority", priority=case.priority) is None
    assert case.version == 1 and case.entries.count() == 1
    stale = Case.objects.get(pk=case.pk)
    actions.set_priority(case=case, priority=Case.Priority.URGENT, by=agent)
    actions.tag(case=stale, tags=["a", " a ", ""], by=agent)
    assert (stale.version, stale.priority, stale.tags) == (3, Case.Priority.URGENT, ["a"]), "and brings it up to date"


def test_nothing_of_a_case_outlives_the_customer(workspace: Workspace, agent: User, conversation: Conversation) -> None:
    customer = conversation.customer
    assert customer
    case = opened(workspace, agent, conversation=conversation, subject="Ada's kettle", tags=["Ada"])
    actions.describe(case=case, subject="The kettle of Ada", by=agent)
    notes.add_note(case=case, text="@olena@example.com call Ada", by=agent)
    tasks.ask(case=case, text="Call Ada", team=case.team, by=agent)
    other = opened(workspace, agent, subject="Another")
    actions.merge(case=other, into=case, by=agent)
    alert = Alert.objects.create(
        workspace=workspace, kind="answer", cause="event:1", rule_name="Unhappy", customer=customer,
        data={"comment": "Ada here"},
    )  # fmt: skip
    AlertNotice.objects.create(alert=alert, workspace=workspace, user=agent)
    remove_customer(customer=customer, by=agent)
    assert not Alert.objects.exists() and not AlertNotice.objects.exists()
    assert Case.objects.get() == other and not Message.objects.exists() and not Delivery.objects.exists()
    trail = AuditEntry.objects.filter(workspace=workspace).values_list("subject_name", "changes")
    assert "Ada" not in str(list(trail)) and "#1" in str(list(trail))
    assert "Ada" not in str(list(OutboxFact.objects.values_list("properties", flat=True)))
