"""Signatures of the usual senders, right and forged; and JSON that becomes what a mapping says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from cxm.listen.channels.kinds.webhook.mapping import (
    PRESETS,
    Mapped,
    Unusable,
    is_meant,
    payload_of,
    shape_of,
    understand,
)
from cxm.listen.channels.kinds.webhook.signatures import STYLES, Refused, Request, verify

NOW = 1_614_265_330
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)


def request(headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> Request:
    return Request({name.lower(): value for name, value in headers.items()}, body, now)


def digest(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), content, hashlib.sha256).digest()


def standard(*signatures: str) -> dict[str, str]:
    return {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(NOW),
            "webhook-signature": " ".join(signatures)}  # fmt: skip


# The test vector of the specification's library.
VECTOR = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
ZENDESK_AT = datetime.fromtimestamp(NOW, UTC).isoformat().replace("+00:00", "Z")
GOOD: dict[str, tuple[dict[str, str], str]] = {
    "standard": (standard(VECTOR), SECRET),
    "typeform": (
        {"Typeform-Signature": "sha256=" + base64.b64encode(digest("tf", BODY)).decode()}, "tf"),
    "github": ({"X-Hub-Signature-256": "sha256=" + digest("gh", BODY).hex(), "X-GitHub-Delivery": "d-1"}, "gh"),
    "stripe": (
        {"Stripe-Signature": f"t={NOW},v0=x,v1={'0' * 64},v1=" + digest("st", f"{NOW}.".encode() + BODY).hex()}, "st"),
    "zendesk": (
        {"X-Zendesk-Webhook-Signature": base64.b64encode(digest("zd", ZENDESK_AT.encode() + BODY)).decode(),
         "X-Zendesk-Webhook-Signature-Timestamp": ZENDESK_AT}, "zd"),
    "token": ({"Authorization": "Bearer long-secret"}, "long-secret"),
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_only_the_right_secret_over_the_same_bytes_in_time_is_believed(style: str) -> None:
    headers, secret = GOOD[style]
    id_ = verify(style, request(headers), [secret])
    assert id_ == {"standard": "msg_p5jXN8AQM9LWM0D4loKWxJek", "github": "d-1"}.get(style, "")
    other = "whsec_" + base64.b64encode(b"another secret, as long").decode()
    assert verify(style, request(headers), [other, secret]) == id_  # while a secret is exchanged
    refusals: dict[str, Callable[[], object]] = {
        "secret": lambda: verify(style, request(headers), [other]),
        "none": lambda: verify(style, request(headers), ["", ""]),
        "missing": lambda: verify(style, request({}), [secret]),
        "strange": lambda: verify(style, request(dict.fromkeys(headers, "ünd\x00,=")), [secret]),
    }
    if style != "token":
        refusals["changed"] = lambda: verify(style, request(headers, BODY + b" "), [secret])
    if style in ("standard", "stripe", "zendesk"):
        refusals["late"] = lambda: verify(style, request(headers, now=NOW + 301), [secret])
        refusals["early"] = lambda: verify(style, request(headers, now=NOW - 301), [secret])
    codes = {}
    for name, refusal in refusals.items():
        with pytest.raises(Refused) as refused:
            refusal()
        codes[name] = refused.value.code
    assert codes["secret"] == codes.get("changed", "signature_wrong") == "signature_wrong"
    assert codes["none"] == "secret_unusable"
    assert codes["missing"] == "signature_missing"
    assert codes.get("late", "timestamp_wrong") == codes.get("early", "timestamp_wrong") == "timestamp_wrong"


def test_the_library_of_standard_webhooks_and_asymmetric_keys_are_understood() -> None:
    signer: Any = Webhook(SECRET)  # it has no types
    signed = signer.sign("msg_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    headers = {**standard("v1a,xx", signed), "webhook-id": "msg_1"}
    assert verify("standard", request(headers), [SECRET]) == "msg_1"
    key = Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    content = f"msg_1.{NOW}.".encode() + BODY
    headers["webhook-signature"] = "v1," + VECTOR[3:] + " v1a," + base64.b64encode(key.sign(content)).decode()
    assert verify("standard", request(headers), [public]) == "msg_1"
    headers["webhook-signature"] = "v1a," + base64.b64encode(key.sign(content + b" ")).decode()
    with pytest.raises(Refused):
        verify("standard", request(headers), [public])


TYPEFORM: dict[str, Any] = {
    "event_id": "01", "event_type": "form_response",
    "form_response": {
        "form_id": "lT4Z3j", "token": "a3a12ec6", "submitted_at": "2026-11-20T09:05:00Z",
        "definition": {"title": "Return a kettle"},
        "answers": [
            {"type": "email", "email": "ada@example.com", "field": {"ref": "mail"}},
            {"type": "text", "text": "It leaks.", "field": {"ref": "what"}},
            {"type": "number", "number": 2, "field": {"ref": "stars"}},
            {"type": "text", "text": "Please hurry.", "field": {"ref": "more"}},
        ],
    },
}  # fmt: skip


def test_a_mapping_says_where_things_are() -> None:
    body = json.dumps(TYPEFORM).encode()
    payload = payload_of(body)
    preset = PRESETS["typeform"]
    assert is_meant(preset, payload)
    assert not is_meant(preset, {"event_type": "ping"})
    scored = Mapped(paths={**preset.paths, "score": "$.form_response.answers[?@.field.ref=='stars'].number"},
                    properties={"form": "form_response.form_id", "gone": "$.nowhere"})  # fmt: skip
    one = understand(scored, payload, given_id="", body=body, now=AT)
    assert (one.id, one.at, one.sender) == ("a3a12ec6", datetime(2026, 11, 20, 9, 5, tzinfo=UTC), "ada@example.com")
    assert (one.subject, one.text, one.score) == ("Return a kettle", "It leaks.\nPlease hurry.", 2.0)
    assert one.properties == {"form": "lT4Z3j"}
    # Without an id of its own: the header's, else what follows from the bytes.
    bare = Mapped(paths={"text": "$.t", "at": "$.ms"})
    other = understand(bare, {"t": 7, "ms": 1_614_265_330_500}, given_id="msg_1", body=b"x", now=AT)
    assert (other.id, other.text, other.at.timestamp()) == ("msg_1", "7", 1_614_265_330.5)
    assert understand(bare, {"t": "x", "ms": True}, given_id="", body=b"x", now=AT).id == (
        "sha256:" + hashlib.sha256(b"x").hexdigest()
    )
    assert understand(bare, {"t": "x", "ms": True}, given_id="", body=b"x", now=AT).at == AT
    stripe = PRESETS["stripe"]
    assert [is_meant(stripe, {"type": kind}) for kind in ("charge.dispute.created", "ping")] == [True, False]


def test_what_cannot_be_used_is_said() -> None:
    with pytest.raises(Unusable, match="find nothing"):
        understand(Mapped(paths={"text": "$.t"}), {"u": 1}, given_id="1", body=b"", now=AT)
    assert understand(Mapped(makes="event"), {"u": 1}, given_id="1", body=b"", now=AT).text == ""
    for path in ("$[", "a b", "$..[?", "$" + ".a" * 200, "$..a..b"):
        with pytest.raises(Unusable):
            understand(Mapped(paths={"text": path}), {"u": 1}, given_id="1", body=b"", now=AT)
    assert payload_of(b'{"a": "x\\u0000y"}') == {"a": "xy"}  # no database should meet it
    for body in (b"", b"{", b"7", b'"x"', b"[" * 100_000, b"{" * 2_000_000, b"\xff"):
        with pytest.raises(Unusable):
            payload_of(body)


def test_the_shape_of_a_payload_tells_no_value() -> None:
    rows = shape_of({"a": {"b-c": "secret"}, "l": [1, {"x": None}], "ok": True})
    assert rows == [
        ("$.a['b-c']", "text"), ("$.l[0]", "number"), ("$.l[1].x", "nothing"), ("$.ok", "yes or no"),
    ]  # fmt: skip
    assert "secret" not in str(rows)
