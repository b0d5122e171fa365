"""The kinds of channels, in the order in which they are offered."""

from __future__ import annotations

from .base import Kind
from .kinds.email.kind import KIND as EMAIL

KINDS: dict[str, Kind] = {one.name: one for one in (EMAIL,)}
