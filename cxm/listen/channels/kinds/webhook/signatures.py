"""Whether a webhook is from who it says: the signatures of the systems that send them. Pure functions over raw bytes.

Sources: Standard Webhooks 1.0.0 (spec/standard-webhooks.md); Typeform, “Secure your webhooks”; GitHub, “Validating
webhook deliveries” (X-Hub-Signature-256); Stripe, “Verify webhook signatures manually”; Zendesk, “Verifying webhook
authenticity”.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 300  # seconds that a signed time may be away from ours
MOST_SIGNATURES = 20  # in one header: more than any rotation needs


class Refused(Exception):
    """`code` stays the same: signature_missing, signature_wrong, timestamp_wrong, secret_unusable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    headers: Mapping[str, str]  # names in lower case
    body: bytes  # exactly as it came
    now: float  # seconds since 1970

    def header(self, name: str) -> str:
        """Raises Refused if it is missing."""
        if not (value := self.headers.get(name, "")):
            raise Refused("signature_missing")
        return value

    def check_time(self, said: str) -> None:
        """Raises Refused for a time that is no number or too far away: the request may be an old one, sent again."""
        if not re.fullmatch(r"\d{1,12}", said) or abs(self.now - int(said)) > TOLERANCE:
            raise Refused("timestamp_wrong")


def _hmac(secret: bytes, content: bytes) -> bytes:
    return hmac.digest(secret, content, "sha256")


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


def standard(request: Request, secrets: Sequence[str]) -> str:
    """Standard Webhooks, v1 (HMAC) and v1a (ed25519). Returns the id, the same for every attempt of one message."""
    id_, moment = request.header("webhook-id"), request.header("webhook-timestamp")
    given = request.header("webhook-signature").split(" ")[:MOST_SIGNATURES]
    request.check_time(moment)
    signed = b".".join([id_.encode(), moment.encode(), request.body])
    for secret in secrets:
        raw = _bytes(secret.removeprefix("whsec_").removeprefix("whpk_"))
        if secret.startswith("whpk_"):
            if any(_verified(raw, one[4:], signed) for one in given if one.startswith("v1a,")):
                return id_
        else:
            wanted = base64.b64encode(_hmac(raw, signed)).decode()
            if any(_same(wanted, one[3:]) for one in given if one.startswith("v1,")):
                return id_
    raise Refused("signature_wrong")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("secret_unusable") from error


def _verified(key: bytes, signature: str, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature, validate=True), signed)
    except InvalidSignature:
        return False
    except (binascii.Error, ValueError):
        return False
    return True


def typeform(request: Request, secrets: Sequence[str]) -> str:
    given = request.header("typeform-signature")
    return _any(given, (f"sha256={_b64(secret, request.body)}" for secret in secrets))


def github(request: Request, secrets: Sequence[str]) -> str:
    """GitHub, and many who do as it does."""
    given = request.header("x-hub-signature-256")
    _any(given, (f"sha256={_hmac(secret.encode(), request.body).hex()}" for secret in secrets))
    return request.headers.get("x-github-delivery", "")


def stripe(request: Request, secrets: Sequence[str]) -> str:
    """`t=…,v1=…,v1=…`: several while a secret is exchanged."""
    pairs = [one.strip().partition("=") for one in request.header("stripe-signature").split(",")[:MOST_SIGNATURES]]
    moment = next((value for name, _equals, value in pairs if name == "t"), "")
    request.check_time(moment)
    signed = moment.encode() + b"." + request.body
    given = [value for name, _equals, value in pairs if name == "v1"]
    for secret in secrets:
        wanted = _hmac(secret.encode(), signed).hex()
        if any(_same(wanted, one) for one in given):
            return ""
    raise Refused("signature_wrong" if given else "signature_missing")


def zendesk(request: Request, secrets: Sequence[str]) -> str:
    given = request.header("x-zendesk-webhook-signature")
    moment = request.header("x-zendesk-webhook-signature-timestamp")
    try:  # a time as 2026-11-22T07:00:00Z
        said = datetime.fromisoformat(moment)
    except ValueError as error:
        raise Refused("timestamp_wrong") from error
    if said.tzinfo is None or abs(request.now - said.timestamp()) > TOLERANCE:
        raise Refused("timestamp_wrong")
    return _any(given, (_b64(secret, moment.encode() + request.body) for secret in secrets))


def token(request: Request, secrets: Sequence[str]) -> str:
    """For systems that cannot sign: the secret itself, as `Authorization: Bearer …` or `X-Webhook-Token`."""
    said = request.headers.get("x-webhook-token", "") or request.header("authorization")
    scheme, _space, rest = said.partition(" ")
    return _any(rest.strip() if scheme.lower() == "bearer" else said, secrets)


def _b64(secret: str, content: bytes) -> str:
    return base64.b64encode(_hmac(secret.encode(), content)).decode()


def _any(given: str, wanted: Iterable[str]) -> str:
    if not any(_same(one, given) for one in wanted):
        raise Refused("signature_wrong")
    return ""


# Each raises Refused, or returns the id that the sender gives a message; empty where it gives none.
STYLES: dict[str, Callable[[Request, Sequence[str]], str]] = {
    "standard": standard,
    "typeform": typeform,
    "github": github,
    "stripe": stripe,
    "zendesk": zendesk,
    "token": token,
}


def verify(style: str, request: Request, secrets: Sequence[str]) -> str:
    """Raises Refused. Without a secret nothing is believed."""
    living = [one for one in secrets if one]
    if not living:
        raise Refused("secret_unusable")
    return STYLES[style](request, living)
