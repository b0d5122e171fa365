"""A real server takes events by the tracking API and its flow makes customers of them, also after a SIGKILL."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from cxm.testing.site import PATIENCE, Site

FIRM = """
import json
from cxm.accounts.models import User
from cxm.accounts.actions import create_workspace
from cxm.record.capture.models import Source
from cxm.record.capture.source_actions import create_source
owner = User.objects.create_user(email="olena@example.com", password="correct horse battery", name="Olena")
workspace = create_workspace(name="Kyiv Kettles", owner=owner, time_zone="UTC")
_source, key = create_source(workspace=workspace, name="Shop", kind=Source.Kind.SERVER, by=owner)
from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
_row, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="t", role=Role.ADMIN, by=owner)
print(json.dumps([key, secret]))
"""


def call(site: Site, path: str, body: Any = None, key: str = "") -> Any:
    request = urllib.request.Request(
        site.url(path), data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        return json.loads(reply.read())


def wait_until_handled(site: Site, secret: str, handled: int) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        flow = call(site, "/api/v1/flow", key=secret)
        if flow["handled"] >= handled and flow["behind"] == 0:
            return flow
        assert time.monotonic() < deadline, flow
        time.sleep(0.2)


def test_events_become_customers_also_after_a_kill(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.install()
    key, secret = site.ask(FIRM)
    site.start()
    try:
        first = [
            {"type": "page", "anonymousId": "a1", "name": "Kettles", "messageId": "1"},
            {"type": "identify", "anonymousId": "a1", "userId": "u1", "traits": {"name": "Ada"}, "messageId": "2"},
        ]
        assert call(site, "/v1/batch", {"batch": first, "writeKey": key}) == {"success": True}
        flow = wait_until_handled(site, secret, 2)
        assert flow["state"] == "fine"
        assert [step["errors"] for step in flow["steps"]] == [0] * len(flow["steps"])
        more = [{"type": "track", "userId": f"u{n}", "event": "Tea Brewed", "messageId": f"t{n}"} for n in range(300)]
        assert call(site, "/v1/batch", {"batch": more, "writeKey": key}) == {"success": True}
        site.kill()
        site.start()
        wait_until_handled(site, secret, 302)
        ada = call(site, "/api/v1/customers/by-identity?kind=anonymous_id&value=a1", key=secret)
        assert ada["name"] == "Ada"
        events = call(site, f"/api/v1/customers/{ada['id']}/timeline", key=secret)["items"]
        assert sorted(one["name"] for one in events) == ["Tea Brewed", "customer_identified", "page_viewed"]
        last = call(site, "/api/v1/customers/by-identity?kind=user_id&value=u299", key=secret)
        assert last["last_seen_at"]
    finally:
        site.kill()
