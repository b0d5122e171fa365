"""PINs, and how often one may be guessed: as often for an address in all processes together as in one.

Each try takes one of ten places in the shared cache before it is compared, so trying many at once gains nothing; a
right one gives its place back, as a hundred people behind one router may know the PIN. A place holds a keyed digest of
the address, for ten minutes.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.core.cache import cache

from .beginning import Shut
from .directory import Entry, directory

TRIES = 10  # wrong ones from one address in SECONDS
SECONDS = 600


async def opens(entry: Entry, pin: str, address: str) -> bool:
    """Whether this is the PIN of the survey. Raises Shut for an address that has tried too often."""
    place = await directory().in_thread(lambda: _taken(entry.id, address))
    if not place:
        raise Shut("pin_tries")
    right = hmac.compare_digest(entry.pin.strip().encode(), pin.strip().encode(errors="replace"))
    if right:
        await directory().in_thread(lambda: cache.delete(place))
    return right


def _taken(survey: int, address: str) -> str:
    """A free place, now taken; empty where there is none."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"pin {survey} {address}".encode(errors="replace"), "sha256")
    places = (f"survey-pin:{digest.hex()[:32]}:{number}" for number in range(TRIES))
    return next((one for one in places if cache.add(one, 1, SECONDS)), "")
