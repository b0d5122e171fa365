"""How long the long tests take: `make test` runs them in a short form, CXM_TEST_FULL=1 in the size that is promised."""

from __future__ import annotations

import os

FULL = os.environ.get("CXM_TEST_FULL", "") == "1"


def full_or(full: int, short: int) -> int:
    """The number of rounds, people or edits of a test."""
    return full if FULL else short
