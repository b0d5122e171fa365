"""The flow: every step sees every event; a poisoned event is put aside; what is away for a while is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.db import OperationalError
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role, Workspace
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.models import DeadLetter, FollowCursor
from cxm.testing.captured import Captured, given_captured
from cxm.testing.cast import make_member, make_user, make_workspace
from cxm.web import flow
from cxm.web.flow import FlowThread, Step

pytestmark = pytest.mark.django_db


class Recorder:
    """A step that notes what it saw and fails as it is told to."""

    def __init__(self, fail: Callable[[LogEvent], Exception | None] = lambda event: None) -> None:
        self.fail = fail
        self.seen: list[str] = []

    def __call__(self, events: Sequence[LogEvent]) -> None:
        for event in events:
            if error := self.fail(event):
                raise error
        self.seen += [event.user_id for event in events]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FlowThread]:
    """A thread that is not started, with these steps and past all that other tests left in the log."""

    def prepare(*recorders: Recorder) -> FlowThread:
        monkeypatch.setattr(flow, "STEPS", [])
        monkeypatch.setattr(flow, "LOOK_EVERY", 0.01)
        monkeypatch.setattr(flow, "close_old_connections", lambda: None)  # the test's transaction lives in it
        thread = FlowThread("here", alone=True)
        walk(thread)
        monkeypatch.setattr(flow, "STEPS", [Step(f"step {n}", one) for n, one in enumerate(recorders)])
        return thread

    return prepare


def walk(thread: FlowThread) -> None:
    while thread.handle_waiting():
        pass


def test_every_step_sees_every_event(steps: Callable[..., FlowThread]) -> None:
    first, second = Recorder(), Recorder()
    thread = steps(first, second)
    given_captured(make_workspace(), *(Captured(user_id=name) for name in "abc"))
    walk(thread)
    assert sorted(first.seen) == sorted(second.seen) == ["a", "b", "c"]
    health = FollowCursor.objects.get().health
    assert {name: step["events"] for name, step in health["steps"].items()} == {"step 0": 3, "step 1": 3}
    assert sum(n for _minute, n in health["minutes"]) >= 3


def test_what_somebody_waits_for_follows_on_a_cursor_of_its_own(
    steps: Callable[..., FlowThread], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, urgent = Recorder(), Recorder()
    steps(slow)
    monkeypatch.setattr(flow, "URGENT", [])
    monkeypatch.setattr(flow, "urgent_names", lambda: {"Basket Left"})
    thread = FlowThread("here", alone=True, name=flow.URGENT_NAME)
    walk(thread)
    monkeypatch.setattr(flow, "URGENT", [Step("cases.open", urgent, facts=True)])
    given_captured(
        make_workspace(), *(Captured(user_id=name, name="Basket Left") for name in "abc"), Captured(user_id="browsing")
    )
    walk(thread)
    assert (sorted(urgent.seen), slow.seen) == (["a", "b", "c"], [])
    assert list(FollowCursor.objects.get(name=flow.URGENT_NAME).health["steps"]) == ["cases.open"]


def test_a_poisoned_event_is_put_aside_and_the_flow_goes_on(steps: Callable[..., FlowThread]) -> None:
    first = Recorder(lambda event: ValueError("bad tea") if event.user_id == "37" else None)
    second = Recorder()
    thread = steps(first, second)
    workspace = make_workspace()
    given_captured(workspace, *(Captured(user_id=str(n)) for n in range(50)))
    walk(thread)
    assert sorted(first.seen, key=int) == [str(n) for n in range(50) if n != 37]
    assert len(second.seen) == 50
    letter = DeadLetter.objects.get()
    assert (letter.step, letter.error, letter.workspace_id) == ("step 0", "ValueError: bad tea", workspace.pk)
    given_captured(workspace, Captured(user_id="later"))
    walk(thread)
    assert first.seen[-1] == "later"


@pytest.mark.parametrize("error", [OperationalError("locked"), EventlogError("away", retry=True)])
def test_what_is_away_for_a_while_is_waited_for(steps: Callable[..., FlowThread], error: Exception) -> None:
    left = [error, error]
    step = Recorder(lambda event: left.pop() if left else None)
    thread = steps(step)
    given_captured(make_workspace(), Captured(user_id="a"))
    walk(thread)
    assert step.seen == ["a"]
    assert not DeadLetter.objects.exists()
    assert FollowCursor.objects.get().health["steps"]["step 0"]["retries"] == 2


def test_a_process_that_ends_in_the_middle_leaves_the_batch_to_the_next(steps: Callable[..., FlowThread]) -> None:
    step = Recorder()

    def stop(event: LogEvent) -> Exception | None:
        thread.stop()
        return OperationalError("away")

    step.fail = stop
    thread = steps(step)
    given_captured(make_workspace(), Captured(user_id="a"))
    with pytest.raises(flow.Stopped):
        walk(thread)
    step.fail = lambda event: None
    walk(FlowThread("heir", alone=True))
    assert step.seen == ["a"]


# The page


@pytest.fixture
def broken(steps: Callable[..., FlowThread]) -> tuple[Recorder, Workspace]:
    """A step that could not handle one event, and the workspace of that event."""
    step = Recorder(lambda event: ValueError("bad tea") if event.user_id == "bad" else None)
    thread = steps(step)
    workspace = make_workspace()
    given_captured(workspace, Captured(user_id="good"), Captured(user_id="bad", properties={"cups": 7}))
    walk(thread)
    return step, workspace


def test_the_page_tells_admins_how_the_flow_does(client: Client, broken: tuple[Recorder, Workspace]) -> None:
    workspace = broken[1]
    owner = workspace.memberships.get().user
    address, letter = f"/w/{workspace.slug}/flow/", DeadLetter.objects.get()
    for role, status in ((None, 404), (Role.ANALYST, 403)):
        user = make_user(f"{role}@example.com") if role is None else make_member(workspace, role, "a@example.com")
        client.force_login(user)
        assert client.get(address).status_code == status
        assert client.get(f"{address}{letter.pk}/").status_code == status
        assert client.post(f"{address}deal/", {"do": "dismiss"}).status_code == status
    assert DeadLetter.objects.get().state == "waiting"
    client.force_login(owner)
    text = client.get(address).content.decode()
    assert "ValueError: bad tea" in text
    assert "step 0" in text
    assert "&quot;cups&quot;: 7" in client.get(f"{address}{letter.pk}/").content.decode()
    assert "<html" not in client.get(address, headers={"HX-Request": "true"}).content.decode()


def test_an_event_is_handled_again_once_the_cause_is_gone(client: Client, broken: tuple[Recorder, Workspace]) -> None:
    step, workspace = broken
    client.force_login(workspace.memberships.get().user)
    deal, letter = f"/w/{workspace.slug}/flow/deal/", DeadLetter.objects.get()
    client.post(deal, {"do": "retry", "letter": letter.pk})
    letter.refresh_from_db()
    assert letter.attempts == 2
    step.fail = lambda event: None
    client.post(deal, {"do": "retry"})
    assert step.seen == ["good", "bad"]
    assert not DeadLetter.objects.exists()
    assert AuditEntry.objects.filter(workspace=workspace, verb="handled again").count() == 1


def test_an_event_is_dismissed(client: Client, broken: tuple[Recorder, Workspace]) -> None:
    workspace = broken[1]
    client.force_login(workspace.memberships.get().user)
    deal, letter = f"/w/{workspace.slug}/flow/deal/", DeadLetter.objects.get()
    client.post(deal, {"do": "dismiss", "letter": letter.pk})
    letter.refresh_from_db()
    assert letter.state == "dismissed"
    assert client.post(deal, {"do": "retry", "letter": letter.pk}).status_code == 404


def test_a_program_asks_how_the_flow_does_and_deals_with_letters(
    client: Client, broken: tuple[Recorder, Workspace]
) -> None:
    step, workspace = broken
    owner, letter = workspace.memberships.get().user, DeadLetter.objects.get()

    def headers(of: Workspace, role: Role) -> dict[str, str]:
        _row, key = create_api_key(workspace=of, kind=ApiKey.Kind.SECRET, name=role, role=role, by=owner)
        return {"Authorization": f"Bearer {key}"}

    theirs = headers(make_workspace("Theirs", owner=owner), Role.ADMIN)
    weak, admin = headers(workspace, Role.ANALYST), headers(workspace, Role.ADMIN)
    assert client.get("/api/v1/flow", headers=weak).status_code == 403
    assert client.get("/api/v1/flow/dead-letters", headers=theirs).json() == []
    assert client.post(f"/api/v1/flow/dead-letters/{letter.pk}/dismiss", headers=theirs).status_code == 404
    found = client.get("/api/v1/flow", headers=admin).json()
    assert (found["state"], found["behind"], found["steps"][0]["waiting"]) == ("fine", 0, 1)
    [one] = client.get("/api/v1/flow/dead-letters", headers=admin).json()
    assert (one["error"], one["event_id"]) == ("ValueError: bad tea", str(letter.event_id))
    retry = f"/api/v1/flow/dead-letters/{one['id']}/retry"
    assert client.post(retry, headers=admin).json()["code"] == "failed_again"
    step.fail = lambda event: None
    assert client.post(retry, headers=admin).status_code == 204
    assert not DeadLetter.objects.exists()
