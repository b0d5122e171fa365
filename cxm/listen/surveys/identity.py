"""Whether a visitor is who a page says: sites prove it with the HMAC of the user id, computed by their own server."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Literal

from .models import IdentityKey

# Somebody proved · said by the page only, and believed · not believed: a wrong proof, or none where one is required.
Belief = Literal["proven", "claimed", "doubted"]
UNVERIFIED = "unverified"  # the flag of a response by somebody who was only claimed


def identity_hash(secret: str, user: str) -> str:
    """What a site's own server computes for its signed-in user: HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), user.encode(errors="replace"), sha256).hexdigest()


def belief_in(workspace_id: int, user: str, given: str) -> Belief:
    """How far to believe that this is `user`; `given` is the proof that came along, if any."""
    key = IdentityKey.objects.filter(workspace=workspace_id).first()
    if given:
        proven = key is not None and hmac.compare_digest(
            identity_hash(key.secret, user).encode(), given.lower().encode(errors="replace")
        )
        return "proven" if proven else "doubted"
    return "doubted" if key is not None and key.required else "claimed"
