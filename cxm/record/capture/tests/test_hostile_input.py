"""Whatever is sent to the tracking API: an answer of the documented kind, never a 5xx, nothing in the way of others."""

from __future__ import annotations

import gzip
import json
import resource
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxm.record.capture.intake.app import ROUTES
from cxm.testing.cast import make_workspace
from cxm.testing.tracking import BROKEN_OFF, Tracking

pytestmark = pytest.mark.django_db
ANSWERS = {200, 400, 401, 404, 405, 408, 413, 429}
POSTED = sorted(path for path, route in ROUTES.items() if "POST" in route.methods)
KEYS = ["type", "userId", "anonymousId", "event", "properties", "traits", "context", "timestamp", "sentAt", "messageId",
        "groupId", "previousId", "batch", "writeKey", "api_key", "distinct_id", "uuid", "$set", "consent", "direct",
        "__proto__", "constructor", "prototype", "a.b", ""]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(min_value=2**63), st.floats(), st.text(max_size=30),
    st.sampled_from(["track", "identify", "page", "alias", "group", "Order Completed", "survey sent", "$identify",
                     "answer_given", "ticket_updated", "2026-13-45T99:99:99Z", "2026-03-01T00:00:00Z", "\x00", "\\N"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=25,
)
LIMITS = settings(
    max_examples=150, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.fixture
def api() -> Tracking:
    return Tracking(make_workspace())


def proper(api: Tracking, path: str, body: bytes, **headers: str) -> Mapping[str, Any]:
    reply = api.post(path, body, **headers)
    assert reply.status in ANSWERS, (reply.status, reply.body)
    answer: dict[str, Any] = reply.json
    assert answer["success"] is (reply.status == 200)
    assert reply.status == 200 or {"code", "message", "detail"} <= answer.keys()
    return answer


def takes_others(api: Tracking) -> None:
    """An event of a well-behaved client is stored as if nothing had been."""
    before = len(api.stored())
    assert api.post("/v1/track", {"userId": "ada", "event": "Kettle Boiled"}).rejected == 0
    assert len(api.stored()) == before + 1


def test_any_json_at_any_address(api: Tracking) -> None:
    @LIMITS
    @given(st.sampled_from(POSTED), VALUES, st.booleans())
    def send(path: str, value: object, batched: bool) -> None:
        body = {"batch": [value, value], "writeKey": api.key} if batched else value
        proper(api, path, json.dumps(body).encode())

    send()
    takes_others(api)


def test_any_bytes_at_any_address(api: Tracking) -> None:
    good = json.dumps({"batch": [{"type": "track", "userId": "u", "event": "E", "properties": {"é": "🫖"}}]}).encode()

    @LIMITS
    @given(
        st.sampled_from(POSTED),
        st.one_of(
            st.binary(max_size=300),
            st.builds(lambda cut, byte: good[:cut] + bytes([byte]) + good[cut + 1 :],
                      st.integers(0, len(good) - 1), st.integers(0, 255)),
            st.builds(lambda cut: gzip.compress(good, mtime=0)[:cut], st.integers(0, 60)),
        ),
        st.sampled_from(["", "gzip", "gzip, gzip", "br"]),
    )  # fmt: skip
    def send(path: str, body: bytes, encoding: str) -> None:
        proper(api, path, body, content_encoding=encoding)

    send()
    takes_others(api)


@pytest.mark.once
def test_bombs_take_no_memory(api: Tracking) -> None:
    """Ten megabytes that unpack to ten gigabytes, and bodies that are only structure."""
    machine = zlib.compressobj(9, wbits=31)
    block = b" " * 10_000_000
    bomb = b"".join(machine.compress(block) for _ in range(300)) + machine.flush()  # 3 GB in 3 MB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bodies = [
        bomb,
        b"[" * 3_000_000,
        b'{"a":' * 500_000,
        b'{"batch":[' + b"{}," * 100_000 + b"{}]}",
        b'{"' + b"k" * 1_000_000 + b'":1}',
        json.dumps(
            {"batch": [{"type": "track", "userId": "u", "event": "E", "properties": {"k" * 30_000: 1}}]}
        ).encode(),
        b'{"type":"track","userId":"u","userId":"v","event":"E","properties":{"a":1,"a":2}}',
    ]
    for body in bodies:
        for path in ("/v1/batch", "/batch", "/v1/track"):
            proper(api, path, body)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 150, f"{grown} MB more"  # a body of 4 MB, its parts, and what the engine takes for an insert
    takes_others(api)


def test_the_context_of_a_batch_cannot_be_multiplied_without_bound(api: Tracking) -> None:
    calls = b",".join([b'{"type":"track","userId":"u","event":"E","context":{"a":1}}'] * 2_500)
    for context, code in (
        (b'{"k":"' + b"x" * 30_000 + b'"}', "payload_too_large"),  # 75 MB in 180 KB
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "invalid_json"),
    ):
        body = gzip.compress(
            b'{"batch":[' + (calls if b"k" in context else calls[:59]) + b'],"context":' + context + b"}"
        )
        for path in ("/v1/batch", "/batch"):
            assert proper(api, path, body)["code"] == code
    takes_others(api)


def test_odd_headers_and_queries_get_an_answer(api: Tracking) -> None:
    query = "&".join(f"a{number}=1" for number in range(5_000))
    reply = api.post(f"/v1/track?{query}", {"userId": "u", "event": "E"}, key="")
    assert (reply.status, reply.json["code"]) == (400, "invalid_json")
    assert api.get(f"/v1/pixel/track?{query}").status == 200
    huge = api.post("/v1/track", {"userId": "u", "event": "E"}, content_length="9" * 5_000)
    assert huge.json["code"] == "payload_too_large"
    assert api.post("/v1/track", {"userId": "u", "event": "E"}, key="", authorization="Basic \xff\xfe").status == 401
    takes_others(api)


def test_a_body_that_breaks_off_gets_an_answer(api: Tracking) -> None:
    """Chunks that cannot be read look like a client that left; without an answer of ours it would read 500."""
    assert proper(api, "/v1/track", BROKEN_OFF)["code"] == "invalid_json"
    takes_others(api)


def test_names_that_mean_something_to_the_log_or_to_scripts_are_only_names(api: Tracking) -> None:
    odd = {"__proto__": {"admin": True}, "constructor": "x", "a.b": 1, "a": {"b": 2}, "": "empty", "'; DROP TABLE x": 1}
    for name in ("customer_identified", "case_resolved", "answer_given", "ticket_updated", "subscription_updated"):
        wild = {
            **odd,
            "properties": 5,
            "score": "many",
            "version": -1,
            "reopened": {},
            "opened_at": [],
            "amount": "NaN",
        }
        reply = api.post("/v1/track", {"userId": "mallory", "event": name, "properties": wild})
        assert (reply.status, reply.rejected) == (200, 0)
    takes_others(api)


def test_a_write_key_reads_nothing(api: Tracking, client: Any) -> None:
    """Its leak shows nothing: neither the REST API nor a page takes it."""
    from cxm.web.api import api as rest

    api.post("/v1/identify", {"userId": "ada", "traits": {"email": "ada@example.com"}})
    paths = [path.replace("{", "").replace("}", "") for path in rest.get_openapi_schema()["paths"]]
    assert paths
    for path in paths:
        for headers in ({"HTTP_AUTHORIZATION": f"Bearer {api.key}"}, {"HTTP_AUTHORIZATION": f"Basic {api.key}"}):
            reply = client.get(path, **headers)
            assert reply.status_code in {401, 403, 404, 405}, (path, reply.status_code)
            assert b"ada" not in reply.content
