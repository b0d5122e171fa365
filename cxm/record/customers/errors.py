"""Why a change was refused, in a sentence for the person who asked."""

from __future__ import annotations

from .models import Customer


class Refused(ValueError):
    """The change cannot be made; the message says why, in the language of the person."""


class IdentityTaken(Refused):
    """The identity belongs to another customer; `customer` is None for those who may not see it."""

    def __init__(self, message: str, customer: Customer | None) -> None:
        super().__init__(message)
        self.customer = customer
