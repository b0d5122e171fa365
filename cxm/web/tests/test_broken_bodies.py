"""A body that cannot be read is the sender's fault: an answer of 400 to 499, and one line in the log."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.record.customers.models import Customer
from cxm.settings import without_trace
from cxm.testing.cast import make_workspace
from cxm.web.asgi import BROKEN, application

pytestmark = pytest.mark.django_db

MULTIPART, FORM = "multipart/form-data; boundary=XX", "application/x-www-form-urlencoded"
PART = b'--XX\r\nContent-Disposition: form-data; name="f%d"%s\r\n\r\nv\r\n'
BODIES = {
    "no boundary": ("multipart/form-data", b"--XX\r\n"),
    "not ASCII": ("multipart/form-data; boundary=\xff", b"--XX\r\n"),
    "a heading without an end": (MULTIPART, b"--XX\r\n" + b"n" * 5000 + b"\r\n\r\nv\r\n--XX--\r\n"),
    "a file that is no base64": (
        MULTIPART,
        b'--XX\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        b"abc\r\n--XX--\r\n",
    ),
    "many parts": (MULTIPART, b"".join(PART % (one, b"") for one in range(1100)) + b"--XX--\r\n"),
    "many files": (MULTIPART, b"".join(PART % (one, b'; filename="x"') for one in range(200)) + b"--XX--\r\n"),
    "many fields": (FORM, b"&".join(b"f%d=1" % one for one in range(2000))),
    "another charset": (f"{FORM}; charset=utf-16", b"a=1"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_form_that_cannot_be_read_is_refused_whatever_its_address(what: str) -> None:
    kind, body = BODIES[what]
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for address in ("/account/login/", "/nowhere/", "/w/nobody/cases/", "/language"):
        answer = client.generic("POST", address, body, kind)
        assert 400 <= answer.status_code < 500, address
    # Where no token is asked for, the body is read by nobody but the page that says that there is none such.
    for address in ("/u/nobody", "/a/nobody", "/hooks/00000000-0000-0000-0000-000000000001"):
        answer = client.generic("POST", address, body, kind)
        assert 400 <= answer.status_code < 500, address


@pytest.mark.parametrize(
    "body",
    [b"login=%ff%fe&password=%c3%28", b"login=\xff\xfe&password=\xc3", b"login=a%00b&password=%00&%00=1&next=%00",
     b"login=%ed%a0%80&password=x", b"n" * 1_000_000 + b"=1"],
)  # fmt: skip
def test_odd_values_are_only_wrong_values(body: bytes) -> None:
    answer = Client(raise_request_exception=False).generic("POST", "/account/login/", body, FORM)
    assert answer.status_code == 200 and b"<form" in answer.content


@pytest.mark.parametrize("path", ["/account/login/", "/nowhere/", "/api/v1/customers", "/s/nothing"])
def test_a_body_that_breaks_off_is_answered(path: str) -> None:
    """As the server tells of chunks that cannot be read, and of somebody who stopped sending."""

    async def story() -> list[Any]:
        told = [{"type": "http.request", "body": b"login=", "more_body": True}, {"type": "http.disconnect"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return told.pop(0) if len(told) > 1 else told[0]

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": [(b"content-type", FORM.encode()), (b"host", b"localhost")], "client": ("127.0.0.1", 1),
                 "scheme": "http", "http_version": "1.1", "root_path": ""}  # fmt: skip
        await application(scope, receive, send)
        return sent

    with ThreadPoolExecutor(1) as thread:  # the browser tests may hold an event loop in this one
        start, body = thread.submit(asyncio.run, story()).result()
    assert (start["status"], body["body"]) == (400, BROKEN)


def test_the_log_has_one_line_for_what_a_sender_did_wrong_and_all_for_what_we_did() -> None:
    for status, kept in ((400, False), (404, False), (500, True), (None, True)):
        record = logging.LogRecord("django.request", logging.ERROR, "", 0, "x", (), (ValueError, ValueError(), None))
        if status:
            record.status_code = status
        assert without_trace(record) and bool(record.exc_info) is kept, status


def test_json_that_no_database_keeps_is_refused_by_the_api() -> None:
    workspace = make_workspace()
    _key, secret = create_api_key(
        workspace=workspace, name="test", kind=ApiKey.Kind.SECRET, role=Role.AGENT, by=workspace.memberships.get().user
    )
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})

    def post(body: bytes, path: str = "customers") -> int:
        return client.generic("POST", f"/api/v1/{path}", body, "application/json").status_code

    halves = (rb'{"traits":{"a":"x\ud800"}}', rb'{"traits":{"\udfffx":"a"}}')
    for broken in (*halves, b'{"name":NaN}', b"[" * 100_000, b"{\xff"):
        assert post(broken) == 400, broken[:40]
    assert not Customer.objects.exists()
    assert post(b'\xef\xbb\xbf{"name":"Ada","traits":{"k":"v \\ud83d\\ude00"}}') == 201
    ada = Customer.objects.get()
    assert (ada.name, ada.traits) == ("Ada", {"k": "v 😀"})
    keeps_nul = connection.vendor == "sqlite"  # PostgreSQL does not
    for field in (b'"category":"a\\u0000b"', b'"properties":{"k":"a\\u0000b"}'):
        assert post(b'{"subject":"Leak",%s}' % field, "cases") == (201 if keeps_nul else 422), field
