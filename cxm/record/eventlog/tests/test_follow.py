"""Following the log: every captured event, at least once, whatever merges, mutations and other processes do."""

from __future__ import annotations

import random
import threading
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import transaction

from cxm.accounts.models import Workspace
from cxm.record.capture.intake.arriving import EMPTY, Event, Stamp
from cxm.record.eventlog import follow as following
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.commit import Outcome, writer
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.follow import Follower, LeaseLost, LogEvent, event_by_id, follow
from cxm.record.eventlog.forget import forget_workspace
from cxm.record.eventlog.models import FollowCursor
from cxm.record.eventlog.outbox import emit, move_outbox
from cxm.testing.captured import Captured, given_captured
from cxm.testing.cast import answer, given_events, make_workspace

pytestmark = pytest.mark.django_db


class Seen:
    """Collects the ids of one workspace's events; the log of a test run holds those of other tests too."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.ids = workspace, list[UUID]()

    def __call__(self, events: list[LogEvent]) -> None:
        self.ids += [one.event_id for one in events if one.workspace_id == self.workspace.pk]


def merge_all_parts() -> None:
    opened = engine()
    opened.everywhere(f"OPTIMIZE TABLE {opened.local('events')} FINAL")


def visits(n: int, when: str = "2026-03-01 12:00") -> list[Captured]:
    return [Captured(user_id=str(number), when=when) for number in range(n)]


def test_each_event_comes_once_and_only_captured_ones_do() -> None:
    workspace = make_workspace()
    seen = Seen(workspace)
    follow("a", seen, holder="p")
    first = given_captured(workspace, *visits(3), *visits(2, "2024-01-01 00:00"))
    given_events([answer(workspace, 9)])
    follow("a", seen, holder="p")
    assert sorted(seen.ids) == sorted(first)
    merge_all_parts()
    follow("a", seen, holder="p")
    assert len(seen.ids) == 5
    second = given_captured(workspace, *visits(1))
    merge_all_parts()  # old and new rows lie in one part now
    follow("a", seen, holder="p")
    assert seen.ids[5:] == second


def test_who_waits_for_names_gets_only_those_and_all_that_came_since_they_were_wanted() -> None:
    workspace, wanted = make_workspace(), {"Basket Left"}
    seen, follower = Seen(workspace), Follower("n", "p", names=lambda: wanted)

    def read_all() -> int:
        assert follower.take()
        n = 0
        for node in range(len(engine().addresses)):
            while batch := follower.next(node):
                seen(batch.events)
                follower.advance(batch)
                n += 1
        return n

    left, _bought, other = given_captured(
        workspace, *(Captured(user_id="ada", name=name) for name in ("Basket Left", "Bought", "Basket Left"))
    )
    read_all()
    assert sorted(seen.ids) == sorted([left, other])
    wanted.add("Bought")
    [later] = given_captured(workspace, Captured(user_id="ada", name="Bought"))
    read_all()
    assert seen.ids[2:] == [later]
    assert read_all() == 0


def test_who_waits_for_names_is_woken_by_those_only() -> None:
    arrivals = following.Arrivals()
    arrivals.add(3, {"Bought", "Read"})
    assert not arrivals.wait_for({"Basket Left"}, 0)
    assert not arrivals.wait_for({"Bought"}, 0), "it came before the last wait"
    arrivals.tell(2, {"case_resolved"})
    assert arrivals.wait_for({"Basket Left", "case_resolved"}, 60), "it came between two waits"
    threading.Timer(0.05, arrivals.add, (1, {"Basket Left"})).start()
    assert arrivals.wait_for({"Basket Left"}, 60), "it came meanwhile"
    arrivals.wake()
    assert arrivals.wait_for((), 60)
    assert (arrivals.events, arrivals.wait_for((), 0)) == (6, False)


def test_what_is_written_is_told_by_its_names() -> None:
    workspace = make_workspace()
    following.arrivals.wait_for((), 0)
    before = following.arrivals.events
    with transaction.atomic():
        emit("case_resolved", workspace_id=workspace.pk)
    move_outbox()
    assert following.arrivals.wait_for({"case_resolved"}, 0)
    assert following.arrivals.events == before + 1  # facts are load, too: a survey that many answer brings nothing else
    left = Event("track", "Basket Left", "ada", "", "1", EMPTY, b"")
    assert writer().write_now([Stamp(workspace.pk, 1, 1_772_366_400_000, None).row(left, NOBODY.bytes)]) == Outcome()
    assert following.arrivals.wait_for({"Basket Left"}, 0)


def test_who_works_beside_rests_by_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(following, "time", SimpleNamespace(monotonic=lambda: now[0]))
    pace = following.Pace()
    now[0] += 2
    assert (pace.rest_after(2), pace.beside) == (0, False)
    following.arrivals.add(
        2 * following.GIVE_WAY, ()
    )  # in four seconds: half of the load at which it rests as it works
    now[0] += 4
    assert pace.rest_after(0.1) == pytest.approx(0.05)
    assert pace.beside
    following.arrivals.add(10**9, ())
    now[0] += 1
    assert pace.rest_after(1) == following.LONGEST_REST
    last = following.Pace(last=True)
    following.arrivals.add(2 * following.GIVE_WAY_LAST, ())
    now[0] += 1
    assert last.rest_after(0.1) == pytest.approx(0.2)  # twice the load at which what nobody waits for rests as it works
    pace.rest_after(0)
    now[0] += 1
    assert (pace.rest_after(1), pace.beside) == (0, False)


def test_an_event_comes_as_it_was_sent() -> None:
    workspace = make_workspace()
    call = Captured("track", "u1", "a1", "2026-03-01 12:00", "Tea Brewed", {"cups": 2, "чай": "так"}, {"ip": "::1"})
    [event_id] = given_captured(workspace, call)
    found: list[LogEvent] = []
    follow("b", found.extend, holder="p")
    event = next(one for one in found if one.event_id == event_id)
    assert (event.name, event.user_id, event.anonymous_id, event.type) == ("Tea Brewed", "u1", "a1", "track")
    assert (event.properties, event.context) == ('{"cups":2,"чай":"так"}', '{"ip":"::1"}')
    assert str(event.occurred_at) == "2026-03-01 12:00:00+00:00"
    again = event_by_id(workspace.pk, event_id)
    assert again is not None
    assert again.event_id == event_id


def test_batches_end_with_whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    seen = Seen(workspace)
    follow("c", seen, holder="p")
    monkeypatch.setattr(following, "BATCH", 10)
    monkeypatch.setattr(following, "PLAN", 25)
    wanted = [one for _block in range(9) for one in given_captured(workspace, *visits(6))]
    sizes: list[int] = []

    def note(events: list[LogEvent]) -> None:
        sizes.append(len(events))
        seen(events)

    follow("c", note, holder="p")
    assert sorted(seen.ids) == sorted(wanted)
    if len(engine().addresses) == 1:
        assert sizes[0] == 12  # two blocks of 6 reach ten


def test_an_error_of_the_handler_brings_the_batch_again() -> None:
    workspace = make_workspace()
    seen = Seen(workspace)
    follow("d", seen, holder="p")
    wanted = given_captured(workspace, *visits(2))

    def fail(events: list[LogEvent]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        follow("d", fail, holder="p")
    follow("d", seen, holder="p")
    assert sorted(seen.ids) == sorted(wanted)


def test_one_process_at_a_time_follows() -> None:
    workspace = make_workspace()
    one, other = Follower("e", "one"), Follower("e", "other")
    given_captured(workspace, *visits(1))
    assert one.take()
    assert not other.take()
    assert Follower("e", "heir", alone=True).take()  # nobody else can live
    node = next(node for node in range(len(engine().addresses)) if one.next(node))
    batch = one.next(node)
    assert batch
    with pytest.raises(LeaseLost):
        one.advance(batch)
    assert FollowCursor.objects.get(name="e").positions == {}


def test_the_lag_counts_what_waits() -> None:
    workspace = make_workspace()
    follow("f", lambda events: None, holder="p")
    follower = Follower("f", "p")
    assert follower.lag() == following.Lag(0, None)
    given_captured(workspace, *visits(4), *visits(1, "2026-02-01 00:00"))
    lag = follower.lag()
    assert (lag.events, str(lag.oldest_at)) == (5, "2026-02-01 00:00:01+00:00")


def test_a_log_that_was_emptied_or_made_anew_is_followed_from_its_beginning() -> None:
    workspace = make_workspace()
    seen = Seen(workspace)
    given_captured(workspace, *visits(2))
    follow("g", seen, holder="p")
    row = FollowCursor.objects.get(name="g")
    FollowCursor.objects.filter(name="g").update(
        positions={node: {"table": "of the old log", "block": 10**9} for node in row.positions}
    )
    follow("g", seen, holder="p")
    assert len(seen.ids) == 4  # again, which steps must bear
    FollowCursor.objects.filter(name="g").update(
        positions={node: {**entry, "block": 10**9} for node, entry in row.positions.items()}
    )
    follow(
        "g", seen, holder="p"
    )  # beyond the end: an engine that restarts after its parts were emptied counts on lower
    new = given_captured(workspace, *visits(1))
    follow("g", seen, holder="p")
    assert seen.ids[-1:] == new


def test_nothing_is_missed_while_parts_are_merged_and_rows_deleted() -> None:
    """Writers, merges and deletions at once; the followers' sum is what was written."""
    workspace, doomed = make_workspace(), 999_999
    seen = Seen(workspace)
    follow("h", seen, holder="p")
    wanted: list[UUID] = []
    done = threading.Event()

    def write() -> None:
        draw = random.Random(1)
        for number in range(60):
            year = draw.choice([2023, 2024, 2025])
            wanted.extend(given_captured(workspace, *visits(draw.randint(1, 9), f"{year}-05-01 10:00")))
            if number % 20 == 10:
                forget_workspace(doomed)
        done.set()

    def merge() -> None:
        while not done.is_set():
            merge_all_parts()

    threads = [threading.Thread(target=write), threading.Thread(target=merge)]
    for thread in threads:
        thread.start()
    while not done.is_set():
        follow("h", seen, holder="p")
    for thread in threads:
        thread.join()
    follow("h", seen, holder="p")
    assert len(seen.ids) == len(set(seen.ids))
    assert sorted(seen.ids) == sorted(wanted)
