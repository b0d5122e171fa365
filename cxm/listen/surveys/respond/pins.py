"""PINs, and how often one may be guessed.

A try is counted before it is compared; a right one gives its place back, as a hundred people behind one router may know
the PIN.
"""

from __future__ import annotations

import hmac

from django.core.cache import cache

from .beginning import Shut
from .directory import Entry, directory
from .tries import taken

TRIES = 10  # wrong ones from one address in SECONDS
SECONDS = 600


async def opens(entry: Entry, pin: str, address: str) -> bool:
    """Whether this is the PIN of the survey. Raises Shut for an address that has tried too often."""
    place = await directory().in_thread(lambda: taken(f"pin {entry.id} {address}", TRIES, SECONDS))
    if not place:
        raise Shut("pin_tries")
    right = hmac.compare_digest(entry.pin.strip().encode(), pin.strip().encode(errors="replace"))
    if right:
        await directory().in_thread(lambda: cache.delete(place))
    return right
