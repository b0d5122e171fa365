"""Bodies of requests: whole, or refused for the right reason."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cxm.lib.request_body import Gone, Receive, TooLarge, TooSlow, whole_body

PATIENT = 60.0


def run(call: Coroutine[Any, Any, Any]) -> Any:
    """In a thread: a browser of another test may have an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, call).result()


def part(body: bytes, *, more: bool = False) -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def sending(*messages: MutableMapping[str, Any]) -> Receive:
    """Each message once; then silence for ever."""
    left = list(messages)

    async def receive() -> MutableMapping[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def test_a_body_comes_in_parts_up_to_the_last_allowed_byte() -> None:
    receive = sending(part(b"ab", more=True), part(b"", more=True), part(b"cd"))
    assert run(whole_body({}, receive, 4, PATIENT)) == b"abcd"


@pytest.mark.parametrize(
    ("headers", "receive"),
    [({b"content-length": b"5"}, sending()), ({}, sending(part(b"abc", more=True), part(b"de", more=True)))],
)
def test_a_body_is_too_large_by_what_it_says_and_by_what_comes(headers: dict[bytes, bytes], receive: Receive) -> None:
    with pytest.raises(TooLarge):
        run(whole_body(headers, receive, 4, PATIENT))


def test_who_leaves_in_the_middle_is_gone() -> None:
    with pytest.raises(Gone):
        run(whole_body({}, sending(part(b"a", more=True), {"type": "http.disconnect"}), 4, PATIENT))


def test_one_that_does_not_come_ends_its_own_request_and_no_other() -> None:
    async def three() -> tuple[bytes | BaseException, ...]:
        slow = asyncio.create_task(whole_body({}, sending(part(b"a", more=True)), 4, 0.02))
        other = asyncio.create_task(whole_body({}, sending(part(b"a", more=True)), 4, PATIENT))
        fast = asyncio.create_task(whole_body({}, sending(part(b"a")), 4, 0.02))
        await asyncio.wait([slow, fast])
        assert not other.done()
        other.cancel()  # by somebody else: that is no slow body
        return await asyncio.gather(slow, other, fast, return_exceptions=True)

    slow, other, fast = run(three())
    assert isinstance(slow, TooSlow)
    assert isinstance(other, asyncio.CancelledError)
    assert fast == b"a"
