"""The Python client against a server that writes down what it gets: bodies, batches, retries, ends."""

from __future__ import annotations

import base64
import enum
import gzip
import logging
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import opencxm
import pytest
from opencxm import Client, DeliveryError, EventsRejected, InvalidEvent, NotSent, QueueFull, Refused

from cxm.testing.recorder import Answer, Recorder

HERE = Path(opencxm.__file__).parent.parent
Problems = list[tuple[DeliveryError, list[dict[str, Any]]]]


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def problems() -> Problems:
    return []


def make(server: Recorder, problems: Problems, **options: Any) -> Client:
    return Client("KEY", server.url, **{"on_error": lambda error, events: problems.append((error, events)), **options})


def test_each_call_becomes_an_event_in_segments_form(server: Recorder, problems: Problems) -> None:
    when = datetime(2026, 3, 1, 14, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    with make(server, problems) as client:
        client.identify("u1", {"email": "ada@example.com", "nick": "愛達 🫖 \0", "phone": None}, timestamp=when)
        client.track(7, "Замовлення", {"total": Decimal("12.5"), "day": date(2026, 3, 2)}, timestamp=when)
        client.page("u1", "Kettles", {"stock": 3}, category="Shop", timestamp=when)
        client.screen(None, "Home", anonymous_id="a1", timestamp=when, message_id="m5")
        client.group("u1", "g1", {"plan": "pro"}, context={"ip": "8.8.8.8"}, timestamp=when)
        client.alias("a1", "u1", timestamp=when)
    [request] = server.requests
    assert request.path == "/v1/batch"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"KEY:").decode()
    assert request.headers["content-type"] == "application/json"
    assert request.json.keys() == {"batch", "sentAt"}
    events = request.json["batch"]
    ids = [event.pop("messageId") for event in events]
    assert ids[3] == "m5"
    assert all(uuid.UUID(one).version == 4 for one in (*ids[:3], *ids[4:]))
    assert {event.pop("timestamp") for event in events} == {"2026-03-01T12:00:00.123Z"}
    assert {event["context"].pop("library")["name"] for event in events} == {"opencxm-python"}
    assert events == [
        {"type": "identify", "userId": "u1", "context": {},
         "traits": {"email": "ada@example.com", "nick": "愛達 🫖 \0", "phone": None}},
        {"type": "track", "userId": "7", "event": "Замовлення", "context": {},
         "properties": {"total": 12.5, "day": "2026-03-02"}},
        {"type": "page", "userId": "u1", "name": "Kettles", "category": "Shop", "context": {},
         "properties": {"stock": 3}},
        {"type": "screen", "anonymousId": "a1", "name": "Home", "properties": {}, "context": {}},
        {"type": "group", "userId": "u1", "groupId": "g1", "traits": {"plan": "pro"}, "context": {"ip": "8.8.8.8"}},
        {"type": "alias", "userId": "u1", "previousId": "a1", "context": {}},
    ]  # fmt: skip
    assert problems == []


def test_values_that_json_does_not_know_are_written_plainly(server: Recorder, problems: Problems) -> None:
    class Plan(enum.Enum):
        PRO = "pro"

    number = uuid.uuid4()
    with make(server, problems) as client:
        client.track(number, "A", {"id": number, "tags": {"b", "a"}, "plan": Plan.PRO, "half": "\ud83e",
                                   "at": datetime(2026, 3, 1, tzinfo=UTC)})  # fmt: skip
    [event] = server.events
    assert event["userId"] == str(number)
    assert event["properties"] == {
        "id": str(number), "tags": ["a", "b"], "plan": "pro", "half": "?", "at": "2026-03-01T00:00:00.000Z",
    }  # fmt: skip


def test_an_event_that_cannot_be_sent_is_refused_where_it_was_made(server: Recorder, problems: Problems) -> None:
    nested: list[object] = []
    nested.append(nested)
    with make(server, problems) as client:
        refused: list[tuple[Callable[[], str], str]] = [
            (lambda: client.track(None, "A"), "A track event needs a user_id or an anonymous_id"),
            (lambda: client.track("", "A"), "A track event needs a user_id or an anonymous_id"),
            (lambda: client.track("u", ""), "A track event needs a name"),
            (lambda: client.track(True, "A"), "user_id must be text or a whole number, not bool"),
            (lambda: client.group("u", ""), "A group event needs a group_id"),
            (lambda: client.alias("", "u"), "An alias event needs a previous_id and a user_id"),
            (lambda: client.track("u", "A", {"x": float("nan")}), "The track event is not JSON"),
            (lambda: client.track("u", "A", {"x": object()}), "object cannot be written as JSON"),
            (lambda: client.track("u", "A", {"x": nested}), "Circular reference"),
            (lambda: client.track("u", "A", message_id="m" * 100), "message_id has 100 characters; 99 is the limit"),
            (lambda: client.track("u", "A", {"x": "ї" * 16_384}), r"has 32,9\d\d bytes; 32,768 is the limit"),
        ]
        for call, reason in refused:
            with pytest.raises(InvalidEvent, match=reason):
                call()
    assert (server.requests, problems) == ([], [])
    for arguments in [("", "http://a"), ("KEY", "cxm.example.com"), ("KEY", "ftp://a")]:
        with pytest.raises(ValueError, match=r"write_key|host"):
            Client(*arguments)


def test_many_events_go_out_in_batches_of_100_in_order(server: Recorder, problems: Problems) -> None:
    with make(server, problems, flush_interval=60) as client:
        for number in range(250):
            client.track("u", "A", {"n": number})
        server.wait_for(200)  # full batches do not wait
        assert client.flush(10)
        assert [len(request.json["batch"]) for request in server.requests] == [100, 100, 50]
    assert [event["properties"]["n"] for event in server.events] == list(range(250))
    assert len({event["messageId"] for event in server.events}) == 250


def test_large_events_go_out_in_requests_of_500_kb(server: Recorder, problems: Problems) -> None:
    with make(server, problems) as client:
        for _ in range(40):
            client.track("u", "A", {"x": "x" * 32_000})
    assert len(server.events) == 40
    assert 480_000 < max(len(request.body) for request in server.requests) <= 500_000
    assert problems == []


def test_requests_can_be_packed(server: Recorder, problems: Problems) -> None:
    with make(server, problems, gzip=True) as client:
        client.track("u", "A")
    [request] = server.requests
    assert request.headers["content-encoding"] == "gzip"
    assert int(request.headers["content-length"]) == len(gzip.compress(request.body, 6))
    assert request.json["batch"][0]["event"] == "A"


def test_a_busy_server_gets_the_same_events_again(server: Recorder, problems: Problems) -> None:
    server.answers.extend([Answer(503), Answer(408), Answer(500), Answer(429, headers={"Retry-After": "0"})])
    with make(server, problems) as client:
        client.track("u", "A")
        assert client.flush(20)
    first, *others = [event["messageId"] for event in server.events]
    assert others == [first] * 4
    assert problems == []


@pytest.mark.parametrize("as_date", [False, True])
def test_the_pause_is_the_one_that_the_server_asks_for(server: Recorder, problems: Problems, as_date: bool) -> None:
    then = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    server.answers.append(Answer(429, headers={"Retry-After": format_datetime(then, usegmt=True) if as_date else "2"}))
    with make(server, problems) as client:
        client.track("u", "A")
        assert client.flush(20)
    first, second = server.requests
    assert second.at >= (then.timestamp() if as_date else first.at + 2)


def test_what_is_refused_or_given_up_is_told_with_its_events(server: Recorder, problems: Problems) -> None:
    refusal = b'{"success":false,"code":"invalid_write_key","message":"No such key","detail":"No such key"}'
    server.answers.extend([Answer(401, refusal), Answer(302, b"", {"Location": "/"}), Answer(503), Answer(503)])
    server.answers.append(Answer(headers={"X-CX-Rejected": "1"}))
    with make(server, problems, retries=1) as client:
        for name in "ABCD":
            client.track("u", name)
            client.flush()
    assert [(type(error), str(error), [event["event"] for event in events]) for error, events in problems] == [
        (Refused, "401 invalid_write_key: No such key", ["A"]),
        (Refused, "302", ["B"]),  # not followed: a POST would become a GET
        (NotSent, "the server answers 503, after 2 tries", ["C"]),
        (EventsRejected, "1 of these events were rejected", ["D"]),
    ]
    assert isinstance(problems[0][0], Refused)
    assert (problems[0][0].status, problems[0][0].code) == (401, "invalid_write_key")


def test_a_server_that_comes_back_gets_everything(problems: Problems) -> None:
    with Recorder() as first:
        pass  # a port where nobody listens any more
    client = make(first, problems)
    client.track("u", "A")
    assert not client.flush(0.2)
    with Recorder() as second:
        port = client._sender.server.parts._replace(netloc=second.url.removeprefix("http://"))
        client._sender.server.parts = port
        assert client.flush(20)
        client.close()
        assert [event["event"] for event in second.events] == ["A"]
    assert problems == []


def test_the_queue_is_bounded_and_the_end_does_not_wait_for_ever(server: Recorder, problems: Problems) -> None:
    server.answers.extend([Answer(503, headers={"Retry-After": "300"})] * 2)
    client = make(server, problems, max_queue=3, batch_events=1)
    client.track("u", "A")
    server.wait_for(1)
    for name in "BCDE":
        client.track("u", name)
    assert [(type(error), events[0]["event"]) for error, events in problems] == [(QueueFull, "E")]
    began = time.monotonic()
    client.close(0.2)
    assert time.monotonic() - began < 10
    lost = {event["event"] for error, events in problems[1:] for event in events if isinstance(error, NotSent)}
    assert lost == {"A", "B", "C", "D"}
    client.close()  # once more does no harm
    with pytest.raises(RuntimeError, match="closed"):
        client.track("u", "F")


def test_without_on_error_a_loss_is_logged(server: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    server.answers.append(Answer(400, b"no json"))
    with caplog.at_level(logging.WARNING, "opencxm"), Client("KEY", server.url) as client:
        client.track("u", "A")
    assert caplog.messages == ["Refused: 400 (1 events)"]


def test_an_on_error_that_fails_does_not_stop_the_sender(server: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: DeliveryError, events: list[dict[str, Any]]) -> None:
        raise ZeroDivisionError

    server.answers.append(Answer(400))
    with Client("KEY", server.url, on_error=fail) as client:
        client.track("u", "A")
        client.flush()
        client.track("u", "B")
    assert [event["event"] for event in server.events] == ["A", "B"]
    assert "on_error failed" in caplog.text


def test_threads_share_a_client(server: Recorder, problems: Problems) -> None:
    with make(server, problems) as client:

        def send(thread: int) -> None:
            for number in range(200):
                client.track(f"u{thread}", "A", {"n": number})

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({event["messageId"] for event in server.events}) == 1000
    for number in range(5):
        mine = [event["properties"]["n"] for event in server.events if event["userId"] == f"u{number}"]
        assert mine == list(range(200))


def run(code: str, url: str) -> None:
    code = f"from opencxm import Client\nclient = Client('KEY', {url!r})\n{code}"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_end_of_the_program_sends_what_waits(server: Recorder) -> None:
    run("for n in range(120): client.track('u', 'A', {'n': n})", server.url)
    assert [event["properties"]["n"] for event in server.events] == list(range(120))


def test_a_forked_process_sends_its_own_events_only(server: Recorder) -> None:
    run(
        "import os\nclient.track('u', 'parent')\nchild = os.fork()\n"
        "client.track('u', 'child' if child == 0 else 'both')\n"
        "if child == 0:\n    client.close(); os._exit(0)\nos.waitpid(child, 0)",
        server.url,
    )
    assert sorted(event["event"] for event in server.events) == ["both", "child", "parent"]


def test_the_version_is_the_same_everywhere() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", opencxm.__version__)
    assert (HERE / "opencxm" / "py.typed").exists()
