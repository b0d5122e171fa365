"""How often something may be tried: as often in all processes together as in one.

A try takes one of so many places in the shared cache, so trying many at once gains nothing. A place holds a keyed
digest of whoever tries, for a while.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.core.cache import cache


def taken(what: str, tries: int, seconds: int) -> str:
    """A free place, now taken; empty where there is none. `cache.delete` gives it back."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), what.encode(errors="replace"), "sha256")
    kind = what.partition(" ")[0]
    places = (f"survey-{kind}:{digest.hex()[:32]}:{number}" for number in range(tries))
    return next((one for one in places if cache.add(one, 1, seconds)), "")
