"""Send a streamed answer piece by piece: Django would collect a plain iterator whole before its first byte leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

END = object()


class PieceByPiece:
    """The outermost middleware, so that it sees files too. Memory then stays bounded however long an export is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self.get_response(request)
        if isinstance(request, ASGIRequest) and isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = in_request_thread(iter(response))
        return response


async def in_request_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, each made in the thread of the request, which owns its database connection."""
    fetch = sync_to_async(lambda: next(pieces, END), thread_sensitive=True)
    while (piece := await fetch()) is not END:
        assert isinstance(piece, bytes)
        yield piece
