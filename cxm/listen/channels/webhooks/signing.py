"""Signatures of Standard Webhooks 1.0.0 over `{id}.{timestamp}.{body}`: v1 is HMAC-SHA256, v1a is ed25519."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

KEY_BYTES = 32  # of a symmetric secret; the standard wants 24 to 64


def new_secret() -> str:
    return "whsec_" + _text(secrets.token_bytes(KEY_BYTES))


def new_pair() -> tuple[str, str]:
    """A private and a public key of ed25519, 32 bytes each."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return "whsk_" + _text(private), "whpk_" + _text(public)


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,…` or `v1a,…`, as the kind of the secret asks for."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    kind, _line, text = secret.partition("_")
    key = base64.b64decode(text)
    if kind == "whsk":
        return "v1a," + _text(Ed25519PrivateKey.from_private_bytes(key).sign(signed))
    return "v1," + _text(hmac.new(key, signed, hashlib.sha256).digest())


def headers_for(keys: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt; several secrets make several signatures."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in keys),
    }


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
