"""What stands behind a delivery: settings.DELIVERY_CAUSES names, for the first word of a cause, a module of its owner.

The module has `make(delivery) -> Letter | None`, called right before sending, so that the words are the newest; None
means that the message has become pointless and is cancelled. And `settled(delivery) -> None`, called in the
transaction in which the delivery was sent, failed, bounced or was cancelled.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings

from .mail.letter import Letter
from .models import Delivery


def make(delivery: Delivery) -> Letter | None:
    """Raises Unusable when the delivery can never become a message."""
    module = _owner(delivery)
    if module is None:
        return Letter(**delivery.message)
    made: Letter | None = module.make(delivery)
    return made


def tell(delivery: Delivery) -> None:
    """Let the cause know what became of its delivery."""
    module = _owner(delivery)
    if module is not None:
        module.settled(delivery)


def _owner(delivery: Delivery) -> Any:
    path = settings.DELIVERY_CAUSES.get(delivery.cause.partition(":")[0])
    return import_module(path) if path else None
