"""Why a change was refused, in a sentence for the person who asked."""

from __future__ import annotations


class Refused(ValueError):
    """The change cannot be made; the message says why, in the language of the person."""
