"""Send events to OpenCXM, or to any server that speaks Segment's tracking protocol."""

from .client import Client
from .errors import DeliveryError, EventsRejected, InvalidEvent, NotSent, QueueFull, Refused
from .version import __version__

__all__ = [
    "Client",
    "DeliveryError",
    "EventsRejected",
    "InvalidEvent",
    "NotSent",
    "QueueFull",
    "Refused",
    "__version__",
]
