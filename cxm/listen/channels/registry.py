"""The kinds of channels, in the order in which they are offered."""

from __future__ import annotations

from .base import Kind
from .kinds.calls.kind import KIND as CALLS
from .kinds.email.kind import KIND as EMAIL
from .kinds.form.kind import KIND as FORM
from .kinds.reviews.kind import KIND as REVIEWS
from .kinds.webhook.kind import KIND as WEBHOOK

KINDS: dict[str, Kind] = {one.name: one for one in (EMAIL, FORM, REVIEWS, CALLS, WEBHOOK)}
