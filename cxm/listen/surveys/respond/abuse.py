"""What keeps robots and repeaters in bounds without a cookie, a third party or a puzzle: all in memory, and only here.

Nothing of it is stored: an address lives as a keyed digest until the server restarts or newer ones push it out. Flags
only mark a response; what they mean for the numbers is for people to decide. A trap that was filled in is the one
exception: no person sees that field.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from functools import cache
from ipaddress import ip_address

from django.conf import settings

TRAP = "website"  # the name of a field that people do not see
REMEMBERED = 50_000  # addresses, and respondents
PER_MINUTE = 240  # new responses from one address: a call centre behind one router stays below
BURST = 60
REPEATED_WITHIN = 24 * 3600.0
FASTEST = 0.6  # seconds a question: nobody reads and answers faster on average

HONEYPOT, SPEEDING, STRAIGHT_LINING, DUPLICATE = "honeypot", "speeding", "straight_lining", "duplicate"
INATTENTIVE = "inattentive"  # another answer than the one that the question tells to choose
_salt = secrets.token_bytes(16)


class Bounded:
    """A dictionary that forgets what was not touched for longest."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def get(self, key: bytes) -> tuple[float, float] | None:
        return self._kept.get(key)

    def put(self, key: bytes, value: tuple[float, float]) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Guard:
    """Counts by address. One for each process: with several, an address gets as many times the allowance."""

    def __init__(self) -> None:
        self._starts, self._seen = Bounded(), Bounded()

    def may_start(self, address: str) -> bool:
        """Whether this address may begin one more response now. A local one may: it is ours, or a proxy's that
        CXM_TRUSTED_PROXIES does not know of, and then it stands for everybody."""
        if local(address):
            return True
        now, key = time.monotonic(), digest(address)
        left, at = self._starts.get(key) or (float(BURST), now)
        left = min(float(BURST), left + (now - at) * PER_MINUTE / 60)
        self._starts.put(key, (left - 1 if left >= 1 else left, now))
        return left >= 1

    def repeated(self, survey: int, address: str, agent: str, response: bytes) -> bool:
        """Whether somebody with this address and browser has completed another response to the survey in a day."""
        if not address:
            return False
        key, now = digest(f"{survey} {address} {agent}"), time.monotonic()
        mine = float(int.from_bytes(response[:6], "big"))
        before = self._seen.get(key)
        self._seen.put(key, (mine, now))
        return before is not None and before[0] != mine and now - before[1] < REPEATED_WITHIN


def digest(text: str) -> bytes:
    return hmac.digest(_salt, text.encode(errors="replace"), "sha256")[:12]


def local(address: str) -> bool:
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


def address_of(headers: dict[bytes, bytes], client: str) -> str:
    """Whose request it is: the connection's address, or what the proxies of CXM_TRUSTED_PROXIES say."""
    proxies = int(settings.ALLAUTH_TRUSTED_PROXY_COUNT)
    if not proxies:
        return client
    said = [one.strip() for one in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if one.strip()]
    return said[-proxies] if len(said) >= proxies else client


@cache
def guard() -> Guard:
    return Guard()
