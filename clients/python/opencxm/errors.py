"""What can go wrong. `InvalidEvent` is raised where the event was made; the others go to `on_error`."""

from __future__ import annotations


class InvalidEvent(ValueError):
    """The event cannot be sent: it belongs to nobody, it is not JSON, or it is too large."""


class DeliveryError(Exception):
    """Events that were accepted did not arrive."""


class QueueFull(DeliveryError):
    """More events wait than `max_queue`; this one was dropped."""


class NotSent(DeliveryError):
    """The server could not be reached, or said "later" too often."""


class Refused(DeliveryError):
    """The server refused the request for good; `status` is the HTTP status, `code` what the server calls it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}".rstrip(": "))
        self.status = status
        self.code = code


class EventsRejected(DeliveryError):
    """The server took the request, but `count` events of it were not valid; its pages say which and why."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} of these events were rejected")
        self.count = count
