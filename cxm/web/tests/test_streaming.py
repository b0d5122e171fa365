"""A streamed answer leaves in pieces, as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from cxm.web.streaming import PieceByPiece


def test_a_plain_iterator_is_not_collected_before_it_is_sent() -> None:
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"%d" % number

    async def story() -> list[tuple[bytes, int]]:
        request = ASGIRequest(
            {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}, BytesIO()
        )
        response = PieceByPiece(lambda _: StreamingHttpResponse(pieces()))(request)  # type: ignore[arg-type, return-value]  # a base class by Django's stubs
        assert isinstance(response, StreamingHttpResponse)
        content = response.streaming_content
        assert isinstance(content, AsyncIterator)
        return [(piece, len(made)) async for piece in content]

    with ThreadPoolExecutor(1) as thread:  # the browser tests may hold an event loop in this one
        sent = thread.submit(asyncio.run, story()).result()
    assert sent == [(b"0", 1), (b"1", 2), (b"2", 3)]  # each was made when it was asked for


def test_outside_asgi_nothing_changes() -> None:
    response = PieceByPiece(lambda _: StreamingHttpResponse(iter([b"a"])))(HttpRequest())  # type: ignore[arg-type, return-value]  # as above
    assert isinstance(response, StreamingHttpResponse) and not response.is_async
    assert b"".join(response) == b"a"
