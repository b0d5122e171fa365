"""The addresses of the tracking API as clients call them: every route, every spelling, and what browsers ask first."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import LazySettings

from cxm.accounts.models import Workspace
from cxm.record.capture.intake.app import match
from cxm.testing.cast import make_workspace
from cxm.testing.tracking import Tracking

pytestmark = pytest.mark.django_db

CALLS: dict[str, dict[str, Any]] = {
    "identify": {"userId": "ada", "traits": {"plan": "pro"}},
    "track": {"userId": "ada", "event": "Kettle Boiled"},
    "page": {"userId": "ada", "name": "Home"},
    "screen": {"userId": "ada", "name": "Home"},
    "group": {"userId": "ada", "groupId": "g"},
    "alias": {"userId": "ada", "previousId": "v"},
}
STORED = {
    "identify": "customer_identified", "track": "Kettle Boiled", "page": "page_viewed", "screen": "screen_viewed",
    "group": "group_joined", "alias": "customer_aliased",
}  # fmt: skip
BATCH = {"batch": [{"type": "track", **CALLS["track"]}]}
POSTHOG = {"event": "Kettle Boiled", "distinct_id": "ada", "properties": {}}
ROUTES: list[tuple[str, dict[str, Any], str]] = [
    *((f"/v1/{name}", call, STORED[name]) for name, call in CALLS.items()),
    *((f"/v1/{name[0]}", call, STORED[name]) for name, call in CALLS.items()),
    *((f"/api/s/{name}", call, STORED[name]) for name, call in CALLS.items()),  # Jitsu
    ("/api/s/s2s/track", CALLS["track"], "Kettle Boiled"),
    *((path, BATCH, "Kettle Boiled") for path in ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")),
    *((path, POSTHOG, "Kettle Boiled") for path in ("/batch", "/capture", "/e", "/i/v0/e")),
    ("/batch", {"batch": [POSTHOG]}, "Kettle Boiled"),
]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def api(workspace: Workspace) -> Tracking:
    return Tracking(workspace)


@pytest.mark.parametrize(("path", "call", "name"), ROUTES, ids=[f"{path} {len(call)}" for path, call, _ in ROUTES])
def test_each_route_is_there_with_and_without_a_slash_and_a_project(
    api: Tracking, path: str, call: dict[str, Any], name: str
) -> None:
    for address in (path, f"{path}/", f"/shop{path}", f"/shop{path}/"):
        if address.startswith("/shop") and path.startswith("/api/"):
            continue
        reply = api.post(address, call)
        assert (reply.status, reply.body, reply.rejected) == (200, b'{"success":true}', 0), address
    assert set(api.stored()) == {name}


@pytest.mark.parametrize("path", ["/", "/v1/other", "/w/v1/track", "/api/v1/track", "/account/e", "/static/e", "/v1"])
def test_the_pages_of_the_product_are_no_routes(path: str) -> None:
    assert match(path) is None


def test_a_wrong_method_is_named(api: Tracking) -> None:
    assert (api.get("/v1/track").status, api.post("/v1/projects/x/settings").status) == (405, 405)
    assert (api.request("PUT", "/v1/batch", b"", {}).status, api.stored()) == (405, [])


@pytest.mark.parametrize("name", CALLS)
def test_each_pixel_stores_its_call(api: Tracking, name: str) -> None:
    data = base64.urlsafe_b64encode(json.dumps({**CALLS[name], "writeKey": api.key}).encode()).decode().rstrip("=")
    flat = "&".join(f"{key}={quote(str(value))}" for key, value in CALLS[name].items() if isinstance(value, str))
    paths = [f"/v1/pixel/{name}?data={data}", f"/v1/pixel/{name}?{flat}&writeKey={api.key}"]
    if name in {"track", "page"}:  # RudderStack's
        paths.append(f"/pixel/v1/{name}?{flat}&writeKey={api.key}")
    for path in paths:
        reply = api.get(path)
        assert (reply.status, reply.headers["content-type"], reply.headers["cache-control"]) == (
            200, "image/gif", "no-store, max-age=0",
        )  # fmt: skip
    assert api.stored() == [STORED[name]] * len(paths)


def test_a_beacon_says_its_key_in_the_address(api: Tracking) -> None:
    assert api.post(f"/beacon/v1/batch?writeKey={api.key}", BATCH, key="", content_type="text/plain").status == 200
    assert api.post("/beacon/v1/batch?writeKey=wrong", BATCH, key="").status == 401
    assert api.post(f"/beacon/v1/batch?writeKey={api.key}", b" " * 5_000_000, key="").status == 413
    assert api.stored() == ["Kettle Boiled"]


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_settings_name_one_integration_and_no_metrics_for_others(
    api: Tracking, settings: LazySettings, prefix: str
) -> None:
    settings.ALLOWED_HOSTS = ["cxm.example"]
    reply = api.get(f"{prefix}/projects/{api.key}/settings", host="cxm.example:8443", origin="https://shop.example")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["cache-control"] == "public, max-age=120"
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert reply.json == {
        "integrations": {"Segment.io": {"apiKey": api.key, "apiHost": "cxm.example:8443/v1"}},
        "metrics": {"sampleRate": 0},
    }
    reply = api.get(f"{prefix}/projects/{api.key}/settings", host="evil.example")
    assert "evil" not in reply.body.decode()
    assert api.get(f"{prefix}/projects/wrong/settings").status == 401


@pytest.mark.parametrize(
    "path", ["/v1/t", "/v1/batch", "/batch/", "/beacon/v1/batch", "/api/s/track", "/v1/pixel/track"]
)
def test_a_browser_may_send_from_any_page(api: Tracking, path: str) -> None:
    asked = {"origin": "https://shop.example", "access_control_request_method": "POST"}
    reply = api.request("OPTIONS", path, b"", asked)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert reply.headers["access-control-allow-methods"] == "POST, GET, OPTIONS"
    allowed = reply.headers["access-control-allow-headers"].split(", ")
    assert {"Authorization", "Content-Type", "X-Retry-Count", "X-Write-Key"} <= set(allowed)
    assert reply.headers["access-control-max-age"] == "86400"
    assert "access-control-allow-credentials" not in reply.headers  # no cookies

    answer = api.post("/v1/t", CALLS["track"], origin="https://shop.example", content_type="text/plain")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-expose-headers"] == "Retry-After, X-CX-Rejected"


def test_jitsus_key_is_found_in_its_header_and_not_in_the_body_where_it_is_masked(api: Tracking) -> None:
    masked = {**CALLS["track"], "writeKey": "***"}
    assert api.post("/api/s/track", masked, key="", x_write_key=f"{api.key}:x").status == 200
    assert api.post("/api/s/track", masked, key="", x_write_key="wrong").status == 401
    assert api.stored() == ["Kettle Boiled"]


def test_the_limit_of_a_batch_is_that_of_what_is_sent(api: Tracking) -> None:
    """RudderStack's clients pack up to 4 MB into one request; Segment's send 500 KB at most."""
    import gzip

    batch = {"batch": [{"type": "track", **CALLS["track"], "properties": {"text": "x" * 20_000}}] * 26}  # 521 KB
    body = json.dumps(batch).encode()
    assert (api.post("/v1/batch", body).status, api.stored()) == (400, [])
    assert api.post("/v1/batch", gzip.compress(body), content_encoding="gzip").status == 200
    assert len(api.stored()) == 26
