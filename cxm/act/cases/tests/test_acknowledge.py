"""What customers are told at once, and whether what it promises is true."""

from __future__ import annotations

import heapq
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.act.cases import acknowledging, actions, canned, policies, routing, ticking
from cxm.act.cases.changing import change
from cxm.act.cases.errors import Refused
from cxm.act.cases.expecting import NEWEST, expectation, expected_wait, quantile
from cxm.act.cases.models import Acknowledgement, Case, CaseClock
from cxm.listen.channels.models import Channel, Conversation, Delivery, Message
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace
from cxm.testing.effort import full_or

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # 09:00 in Kyiv
WEEK: list[Any] = [*[[["09:00", "18:00"]]] * 5, [], []]


def owner(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("django.utils.timezone.now", lambda: MONDAY)
    return make_workspace(time_zone="Europe/Kyiv")


def thread(workspace: Workspace, **more: Any) -> Conversation:
    channel = Channel.objects.get_or_create(
        workspace=workspace, kind="email", defaults={"name": "Support", "address": "help@example.com"}
    )[0]
    ada = make_customer(workspace, "Ада", email="ada@example.com", language="uk")
    given = {"customer": ada, "address": "ada@example.com", "language": "uk", "subject": "Leak", **more}
    made = Conversation.objects.create(workspace=workspace, channel=channel, kind="email", **given)
    Message.objects.create(
        conversation=made, workspace=workspace, direction="in", text="It leaks", external_id=str(uuid.uuid4()),
        is_automatic=more.get("name") == "robot",
    )  # fmt: skip
    return made


def opened(workspace: Workspace, **more: Any) -> Case:
    given = {"subject": "My kettle leaks", "opened_by": f"message:{uuid.uuid4()}", "by": None, **more}
    case = actions.open_case(workspace=workspace, **given)
    case.refresh_from_db()
    return case


def answered(workspace: Workspace, minutes: list[int], agent: User) -> None:
    """Cases of the past days with so many minutes until the first answer."""
    for number, length in enumerate(minutes):
        start = MONDAY - timedelta(days=4) + timedelta(minutes=10 * number)
        case = opened(workspace, opened_by=f"person:{uuid.uuid4()}", opened_at=start)
        change(case, agent, "replied", first_replied_at=start + timedelta(minutes=length), state=Case.State.WAITING)


@pytest.mark.django_db
def test_the_customer_hears_at_once_in_their_language_and_without_a_promise_that_nobody_can_make(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = thread(workspace)
    case = opened(workspace, conversation=talk)
    (message,) = Message.objects.filter(conversation=talk, direction="out")
    assert message.is_automatic and message.delivery and message.delivery.to == "ada@example.com"
    assert f"{case.number}" in message.text and "Ада" in message.text
    assert (case.acknowledged_at, case.promised_at, case.first_replied_at) == (MONDAY, None, None)
    (fact,) = OutboxFact.objects.filter(name="case_acknowledged")
    assert fact.properties["case_id"] == str(case.pk) and fact.properties["promised_at"] is None
    newest = OutboxFact.objects.filter(name="ticket_updated").order_by("-id")[0].properties
    assert newest["properties"]["acknowledged_in_time"] == "true" and "first_responded_at" not in newest
    acknowledging.acknowledge(case)  # once is enough
    assert Delivery.objects.count() == 1
    # An answer to a survey begins a conversation by mail. A person's note, an alert, a machine, a review do not.
    bob = make_customer(workspace, "Bob", email="bob@example.com", language="en")
    surveyed = opened(workspace, opened_by="answer:1", customer=bob)
    text = Message.objects.get(conversation=surveyed.conversation).text
    assert text.startswith("Hello Bob,") and "We cannot say yet when we will answer" in text
    for silent in (
        {"opened_by": "person:1", "customer": bob}, {"opened_by": "alert:1", "customer": bob},
        {"conversation": thread(workspace, name="robot")}, {"conversation": thread(workspace, address="")},
        {"opened_by": "answer:2"},
    ):  # fmt: skip
        quiet = opened(workspace, **silent)
        assert quiet.acknowledged_at is None
    assert Delivery.objects.count() == 2
    # Closed on Saturday: it says when the office opens.
    calendar = policies.save_calendar(
        workspace=workspace, name="Office", time_zone="Europe/Kyiv", week=WEEK, by=owner(workspace)
    )
    team = routing.save_team(workspace=workspace, name="Service", calendar=calendar, is_default=True,
                             team=actions.default_team(workspace), by=owner(workspace))  # fmt: skip
    monkeypatch.setattr("django.utils.timezone.now", lambda: MONDAY - timedelta(days=2))
    opened(workspace, opened_by="answer:3", customer=bob)
    text = Message.objects.order_by("-at", "-pk").filter(text__contains="closed").get().text
    assert "open again on Monday, 23 November, 09:00 (Europe/Kyiv)" in text
    assert expectation(team).opens_at == MONDAY


@pytest.mark.parametrize(
    ("code", "words"), [("zh", "zh-hant"), ("zh-TW", "zh-hant"), ("uk_UA", "uk"), ("pt", "en"), ("", "en")]
)
def test_whose_language_has_no_words_is_told_in_the_nearest_one(code: str, words: str) -> None:
    case = Case(language=code)
    assert acknowledging.language_of(case, Acknowledgement()) == words
    assert canned.language_of(case) == words  # and answered in the same one


@pytest.mark.django_db
def test_a_promise_follows_from_the_recent_answers_and_the_queue_and_is_kept_or_not(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    calendar = policies.save_calendar(
        workspace=workspace, name="Office", time_zone="Europe/Kyiv", week=WEEK, by=owner(workspace)
    )
    team = routing.save_team(workspace=workspace, name="Service", calendar=calendar, is_default=True,
                             team=actions.default_team(workspace), by=owner(workspace))  # fmt: skip
    # Thursday from 09:00 every ten minutes; 16 after half an hour, 4 after an hour and a half: p80 is half an hour.
    answered(workspace, [30] * 16 + [90] * 4, agent)
    assert expectation(team).at is None  # nobody of the team is there
    routing.save_member(team=team, user=agent, by=owner(workspace))
    quiet = expectation(team)
    assert (quiet.answers, quiet.waiting, quiet.p80_h) == (20, 0, 0.5)
    assert quiet.at == MONDAY + timedelta(minutes=30)
    talk = thread(workspace)
    case = opened(workspace, conversation=talk)
    assert case.promised_at == MONDAY + timedelta(minutes=30)
    assert "09:30 (Europe/Kyiv)" in Message.objects.get(conversation=talk, direction="out").text
    clock = CaseClock.objects.get(case=case)
    assert (clock.kind, clock.due_at, case.due_at) == ("promise", case.promised_at, case.promised_at)
    # Another 29 wait: the usual queue is nearly empty, so the next one waits many times as long, and hears that.
    for number in range(29):
        opened(workspace, opened_by=f"message:{number}")
    busy = expectation(team)
    assert busy.waiting == 30 and busy.at and busy.at > MONDAY + timedelta(hours=8)
    # The promise is kept at the last moment, or broken a moment later; the log hears both, the second unasked.
    monkeypatch.setattr("django.utils.timezone.now", lambda: MONDAY + timedelta(minutes=30))
    change(case, agent, "replied", first_replied_at=timezone.now(), last_customer_at=None, state=Case.State.WAITING)
    late = opened(workspace, conversation=thread(workspace))
    assert late.promised_at

    def told(one: Case) -> dict[str, Any]:
        rows = OutboxFact.objects.filter(name="ticket_updated", properties__ticket_id=f"case-{one.number}")
        return dict(max((row.properties for row in rows), key=lambda it: it["version"])["properties"])

    assert told(case)["promise_kept"] == "true" and "promise_kept" not in told(late)
    moment = late.promised_at + timedelta(seconds=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    assert ticking.tick() == 1
    assert told(late)["promise_kept"] == "false" and told(late)["acknowledged_in_time"] == "true"


@pytest.mark.django_db
def test_own_words_with_names_filled_in(workspace: Workspace) -> None:
    texts = {"uk": {"text": "Вітаємо, {customer.name}! №{case.number}. {answer} {nothing}"}}
    with pytest.raises(Refused):
        acknowledging.save_setting(workspace=workspace, texts=texts, by=owner(workspace))
    texts["uk"]["text"] = "Вітаємо, {customer.name}! №{case.number}."
    acknowledging.save_setting(workspace=workspace, texts=texts, within_s=60, by=owner(workspace))
    talk = thread(workspace)
    opened(workspace, conversation=talk)
    assert Message.objects.get(conversation=talk, direction="out").text == "Вітаємо, Ада! №1."
    acknowledging.save_setting(workspace=workspace, is_on=False, by=owner(workspace))
    assert opened(workspace, conversation=thread(workspace)).acknowledged_at is None
    with pytest.raises(Http404):
        acknowledging.save_setting(workspace=workspace, is_on=True, by=make_user("x@example.com"))
    assert not acknowledging.setting_of(workspace).is_on


def simulated(seed: int, load: float, surge: float) -> tuple[float, float]:
    """Shares of promises kept by our rule and by the plain p80, of a desk of four people.

    They are asked `load` of what they can do, for the last fifth of the time `surge` times as much. Each answer takes
    twelve minutes on average (log-normal).
    """
    chance = np.random.default_rng(seed)
    n, mean, people = 3000, 0.2, 4
    gaps = chance.exponential(mean / people / load, n)
    gaps[-n // 5 :] /= surge
    came = np.cumsum(gaps)
    takes = chance.lognormal(np.log(mean) - 0.32, 0.8, n)
    free, done = [0.0] * people, np.zeros(n)
    for number in range(n):
        start = max(came[number], heapq.heappop(free))
        done[number] = start + takes[number]
        heapq.heappush(free, done[number])
    kept = plain = asked = 0
    for number in range(n * 4 // 5, n):
        now = came[number]
        before = [one for one in range(max(0, number - 800), number) if done[one] <= now]
        newest = sorted(before, key=lambda one: done[one])[-NEWEST:]
        waits = [float(done[one] - came[one]) for one in newest]
        still = [float(now - came[one]) for one in range(max(0, number - 800), number) if done[one] > now]
        span = float(now - done[newest[0]])
        expected = expected_wait(waits, still, len(still), span)
        assert expected is not None
        asked += 1
        kept += done[number] - now <= expected
        plain += done[number] - now <= quantile(waits)
    return kept / asked, plain / asked


def test_four_promises_in_five_are_kept_in_quiet_times_and_when_more_come_than_usual() -> None:
    seeds = range(full_or(20, 4))
    quiet = np.mean([simulated(seed, 0.7, 1.0) for seed in seeds], axis=0)
    surge = np.mean([simulated(seed, 0.7, 1.6) for seed in seeds], axis=0)
    assert quiet[0] >= 0.8 and surge[0] >= 0.8
    # The plain 80 % of the past does not know that the queue has grown.
    assert surge[1] < 0.7
