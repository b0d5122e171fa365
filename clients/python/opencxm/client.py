"""The client: one method for each kind of event."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from .errors import InvalidEvent
from .events import LONGEST_MESSAGE_ID, encode, iso, name
from .sending import OnError, Sender, Server, log_error
from .version import __version__

Id = str | int | uuid.UUID
Values = Mapping[str, object]


class Client:
    """Sends events in the background, from any number of threads.

    host: where OpenCXM is, "https://cxm.example.com".
    max_queue: how many events may wait; what comes on top is dropped and told to `on_error`.
    batch_events, flush_interval: a request goes out with so many events, or after so many seconds.
    gzip: pack the requests. timeout: seconds that one request may take.
    retries: how often a request is repeated after 408, 429, 5xx or a broken connection, with growing pauses or those of
    `Retry-After`; events keep their ids, so that none is counted twice.
    on_error: called in the sender's thread with a DeliveryError and the events it concerns; default: a warning.
    """

    def __init__(
        self,
        write_key: str,
        host: str,
        *,
        max_queue: int = 10_000,
        batch_events: int = 100,
        flush_interval: float = 0.5,
        gzip: bool = False,
        timeout: float = 15.0,
        retries: int = 10,
        on_error: OnError = log_error,
    ) -> None:
        if not write_key:
            raise ValueError("write_key is empty")
        if not 1 <= batch_events <= 2500:
            raise ValueError(f"batch_events is {batch_events}; a request takes 1 to 2500 events")
        self._sender = Sender(
            Server(write_key, host, timeout=timeout, packed=gzip),
            max_queue=max_queue, batch_events=batch_events, interval=flush_interval, retries=retries, on_error=on_error,
        )  # fmt: skip

    def identify(
        self, user_id: Id | None, traits: Values | None = None, *, anonymous_id: Id | None = None,
        context: Values | None = None, timestamp: datetime | None = None, message_id: str | None = None,
    ) -> str:  # fmt: skip
        """Who this is, and what is known about them; a trait of None erases it. Returns the message id."""
        return self._put("identify", user_id, anonymous_id, context, timestamp, message_id, traits=traits or {})

    def track(
        self, user_id: Id | None, event: str, properties: Values | None = None, *, anonymous_id: Id | None = None,
        context: Values | None = None, timestamp: datetime | None = None, message_id: str | None = None,
    ) -> str:  # fmt: skip
        """Something happened. Returns the message id."""
        if not event:
            raise InvalidEvent("A track event needs a name")
        return self._put(
            "track", user_id, anonymous_id, context, timestamp, message_id, event=event, properties=properties or {}
        )

    def page(
        self, user_id: Id | None, page: str | None = None, properties: Values | None = None, *,
        category: str | None = None, anonymous_id: Id | None = None,
        context: Values | None = None, timestamp: datetime | None = None, message_id: str | None = None,
    ) -> str:  # fmt: skip
        """A page of a web site was seen. Returns the message id."""
        return self._put(
            "page", user_id, anonymous_id, context, timestamp, message_id,
            name=page, category=category, properties=properties or {},
        )  # fmt: skip

    def screen(
        self, user_id: Id | None, screen: str | None = None, properties: Values | None = None, *,
        category: str | None = None, anonymous_id: Id | None = None,
        context: Values | None = None, timestamp: datetime | None = None, message_id: str | None = None,
    ) -> str:  # fmt: skip
        """A screen of an app was seen. Returns the message id."""
        return self._put(
            "screen", user_id, anonymous_id, context, timestamp, message_id,
            name=screen, category=category, properties=properties or {},
        )  # fmt: skip

    def group(
        self, user_id: Id | None, group_id: Id, traits: Values | None = None, *, anonymous_id: Id | None = None,
        context: Values | None = None, timestamp: datetime | None = None, message_id: str | None = None,
    ) -> str:  # fmt: skip
        """The company or team that somebody belongs to. Returns the message id."""
        group = name(group_id, "group_id")
        if group is None:
            raise InvalidEvent("A group event needs a group_id")
        return self._put(
            "group", user_id, anonymous_id, context, timestamp, message_id, groupId=group, traits=traits or {}
        )

    def alias(
        self, previous_id: Id, user_id: Id, *,
        context: Values | None = None, timestamp: datetime | None = None, message_id: str | None = None,
    ) -> str:  # fmt: skip
        """Two ids are one person. Returns the message id."""
        previous = name(previous_id, "previous_id")
        if previous is None or name(user_id, "user_id") is None:
            raise InvalidEvent("An alias event needs a previous_id and a user_id")
        return self._put("alias", user_id, None, context, timestamp, message_id, previousId=previous)

    def flush(self, timeout: float | None = None) -> bool:
        """Send what waits now; True when all of it is settled, False when that takes longer than `timeout` seconds."""
        return self._sender.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Send what waits, for at most `timeout` seconds, and stop; what is left goes to `on_error`."""
        self._sender.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(
        self, type: str, user_id: Id | None, anonymous_id: Id | None, context: Values | None,  # noqa: A002 -- as in the protocol
        timestamp: datetime | None, message_id: str | None, **fields: object,
    ) -> str:  # fmt: skip
        user, anonymous = name(user_id, "user_id"), name(anonymous_id, "anonymous_id")
        if user is None and anonymous is None:
            raise InvalidEvent(f"A {type} event needs a user_id or an anonymous_id")
        message_id = message_id or str(uuid.uuid4())
        if len(message_id) > LONGEST_MESSAGE_ID:
            raise InvalidEvent(f"message_id has {len(message_id)} characters; {LONGEST_MESSAGE_ID} is the limit")
        event = {
            "type": type,
            "messageId": message_id,
            "timestamp": iso(timestamp or datetime.now(UTC)),
            "userId": user,
            "anonymousId": anonymous,
            **fields,
            "context": {"library": {"name": "opencxm-python", "version": __version__}, **(context or {})},
        }
        self._sender.put(encode({key: value for key, value in event.items() if value is not None}))
        return message_id
