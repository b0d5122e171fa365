"""Events through the tracking API: what is stored, what is refused, and what the client gets to read."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cxm.accounts.models import Workspace
from cxm.record.capture.models import Source
from cxm.record.capture.reasons import Reason
from cxm.record.eventlog.commit import DERIVING
from cxm.record.eventlog.ids import customer_id_of, event_id_of
from cxm.record.eventlog.rebuild import view_queries
from cxm.testing.cast import make_workspace
from cxm.testing.tracking import Tracking

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def api(workspace: Workspace) -> Tracking:
    return Tracking(workspace)


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "ada", "event": "Kettle Boiled", **fields}


def test_a_call_is_on_disk_when_it_is_answered(api: Tracking, workspace: Workspace) -> None:
    reply = api.post("/v1/track", track(messageId="m1", properties={"litres": 1.5}, context={"locale": "uk-UA"}))
    assert (reply.status, reply.body) == (200, b'{"success":true}')
    [row] = api.stored("name, type, user_id, anonymous_id, customer_id, event_id, properties, context, source")
    assert row == (
        "Kettle Boiled", "track", "ada", "", customer_id_of(workspace.pk, "user_id", "ada"),
        event_id_of(workspace.pk, "m1"), '{"litres": 1.5}', '{"locale": "uk-UA"}', "capture",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "name", "properties"),
    [
        ({"type": "page", "anonymousId": "v1", "name": "Home", "properties": {"path": "/"}}, "page_viewed",
         {"path": "/", "name": "Home"}),
        ({"type": "screen", "userId": 7, "name": None, "properties": {"a": 1}}, "screen_viewed", {"a": 1}),
        ({"type": "identify", "userId": "ada", "traits": {"plan": None}}, "customer_identified",
         {"traits": {"plan": None}}),
        ({"type": "identify", "userId": "ada", "context": {"traits": {"age": 3}}}, "customer_identified",
         {"traits": {"age": 3}}),
        ({"type": "group", "userId": "ada", "groupId": 12, "traits": {"name": "Initech"}}, "group_joined",
         {"group_id": "12", "traits": {"name": "Initech"}}),
        ({"type": "alias", "userId": "ada", "previousId": "v1"}, "customer_aliased", {"previous_id": "v1"}),
        ({"type": "track", "userId": "ada", "event": "Order Refunded", "properties": {"order_id": "o1", "revenue": 3}},
         "order_refunded", {"order_id": "o1", "amount": 3.0, "currency": "USD", "channel": "",
                            "properties": {"order_id": "o1", "revenue": 3}}),
        ({"type": "track", "userId": "ada", "event": "Order Completed",
          "properties": {"order_id": "o1", "total": "27.5", "currency": "EUR"}}, "order_placed",
         {"order_id": "o1", "amount": 27.5, "currency": "EUR", "channel": "",
          "properties": {"order_id": "o1", "total": "27.5", "currency": "EUR"}}),
    ],
)  # fmt: skip
def test_each_type_gets_the_name_and_the_properties_of_the_log(
    api: Tracking, call: dict[str, Any], name: str, properties: dict[str, Any]
) -> None:
    assert api.post("/v1/batch", {"batch": [call]}).rejected == 0
    [(stored, text)] = api.stored("name, properties")
    assert (stored, json.loads(text)) == (name, properties)


def test_a_review_is_feedback_and_an_order_is_an_order(api: Tracking) -> None:
    review = {"product_id": "p", "review_id": "r1", "review_body": "Чудовий чайник", "rating": "4"}
    api.post("/v1/track", track(event="Product Reviewed", properties=review))
    api.post(
        "/v1/track", track(event="survey sent", properties={"$survey_id": "s", "$survey_response": 9, "metric": "nps"})
    )
    rows = api._query(
        "SELECT metric, score, scale, comment FROM feedback WHERE workspace_id = {w:UInt32} ORDER BY metric"
    )
    assert rows == [("nps", 9.0, "0-10", ""), ("rating", 4.0, "1-5", "Чудовий чайник")]


def test_one_message_id_is_one_event_for_ever_and_the_first_counts(api: Tracking) -> None:
    first = track(messageId="m1", properties={"n": 1})
    assert api.post("/v1/track", first).rejected == 0
    assert api.post("/v1/track", track(messageId="m1", properties={"n": 2})).rejected == 1
    again = api.post("/v1/batch", {"batch": [first, track(messageId="m2"), track(messageId="m2")]})
    assert (again.status, again.rejected) == (200, 2)
    assert sorted(api.stored("properties")) == ['{"n": 1}', "{}"]
    assert api.rejected() == [(Reason.REPEAT, 3)]


def test_rejected_events_do_not_stop_the_others(api: Tracking) -> None:
    batch = [
        {"type": "tracks", "userId": "ada"},
        {"type": "track", "event": "Nobody's"},
        {"type": "track", "userId": "ada", "event": ""},
        {"type": "group", "userId": "ada"},
        {"type": "alias", "userId": "ada"},
        track(properties=[1]),
        track(event={"a": 1}),
        track(userId="x" * 301),
        track(properties={"big": "x" * 33 * 1024}),
        "no object",
        track(),
    ]
    reply = api.post("/v1/batch", {"batch": batch})
    assert (reply.status, reply.rejected) == (200, 10)
    assert api.stored() == ["Kettle Boiled"]
    assert api.rejected() == [
        (Reason.EVENT_TOO_LARGE, 1), (Reason.INVALID_FIELD, 4), (Reason.NO_EVENT_NAME, 1), (Reason.NO_GROUP_ID, 1),
        (Reason.NO_PREVIOUS_ID, 1), (Reason.NO_USER_ANON_ID, 1), (Reason.UNKNOWN_TYPE, 1),
    ]  # fmt: skip


def test_an_event_of_a_batch_says_its_own_type_at_every_address(api: Tracking) -> None:
    assert api.post("/v1/track", {"batch": [{"type": "identify", "userId": "ada"}, track()]}).rejected == 0
    assert api.post("/v1/batch", {"type": "page", "userId": "ada"}).rejected == 0
    assert api.stored() == ["Kettle Boiled", "customer_identified", "page_viewed"]


@pytest.mark.parametrize("field", ["sentAt", "sent_at", "writeKey", "api_key", "token", "context"])
def test_a_field_beside_the_batch_that_is_no_text_stops_none_of_its_events(api: Tracking, field: str) -> None:
    for odd in (True, {"a": 1}, ["x"]):
        assert api.post("/v1/batch", {"batch": [track()], field: odd}).status == 200
    assert len(api.stored()) == 3


def test_events_beyond_2500_are_rejected_and_the_answer_is_still_200(api: Tracking) -> None:
    reply = api.post("/v1/b", {"batch": [{"type": "track", "event": "E", "userId": "u"}] * 2_501})
    assert (reply.status, reply.rejected, len(api.stored())) == (200, 1, 2_500)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("/v1/track", b"{", {}, 400, "invalid_json"),
        ("/v1/track", b'{"a":NaN}', {}, 400, "invalid_json"),
        ("/v1/track", b'{"userId":"\xff"}', {}, 400, "invalid_json"),
        ("/v1/batch", b'{"batch":"x"}', {}, 400, "invalid_json"),
        ("/v1/batch", b"\x1f\x8b broken", {}, 400, "invalid_json"),
        ("/v1/batch", gzip.compress(b"{}" * 9, mtime=0)[:-9], {}, 400, "invalid_json"),
        ("/v1/batch", b"{}", {"content_encoding": "gzip"}, 400, "invalid_json"),
        ("/v1/batch", gzip.compress(b" " * 5_000_000, mtime=0), {}, 400, "payload_too_large"),
        ("/batch", gzip.compress(b" " * 5_000_000, mtime=0), {}, 413, "payload_too_large"),
        ("/v1/track", json.dumps(track(a="x" * 33_000)).encode(), {}, 400, "payload_too_large"),
        ("/v1/batch", json.dumps({"batch": [track(a="x" * 20_000)] * 26}).encode(), {}, 400, "payload_too_large"),
        ("/v1/batch", b"[" * 100_000, {}, 400, "invalid_json"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused_in_all_spellings(
    api: Tracking, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    reply = api.post(path, body, **headers)
    assert (reply.status, reply.json["success"], reply.json["code"]) == (status, False, code)
    assert reply.json["message"] == reply.json["detail"] != ""
    assert api.stored() == []


@pytest.mark.parametrize("place", ["basic", "no colon", "body", "api_key", "query", "bearer and body"])
def test_the_key_is_found_wherever_clients_put_it(api: Tracking, place: str) -> None:
    import base64

    path, body, headers = "/v1/batch", {"batch": [track()]}, {}
    match place:
        case "basic":
            headers["authorization"] = "Basic " + base64.b64encode(f"{api.key}:".encode()).decode()
        case "no colon":
            headers["authorization"] = "Basic " + base64.b64encode(api.key.encode()).decode().rstrip("=")
        case "body" | "api_key":
            body["writeKey" if place == "body" else "api_key"] = api.key  # type: ignore[assignment]  # a text among lists
        case "query":
            path += f"?writeKey={api.key}"
        case "bearer and body":
            headers["authorization"] = "Bearer token"
            body["writeKey"] = api.key  # type: ignore[assignment]  # a text among lists
    assert api.post(path, body, key="", **headers).status == 200
    assert len(api.stored()) == 1


def test_an_unknown_a_disabled_and_a_foreign_key_write_nothing(api: Tracking, workspace: Workspace) -> None:
    for key in ("", "wrong", "cxm_secret_x", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        reply = api.post("/v1/track", track(), key=key)
        assert (reply.status, reply.json["code"]) == (401, "invalid_write_key")
    Source.objects.update(enabled=False)
    api.learn()
    assert (api.post("/v1/track", track()).status, api.stored()) == (404, [])
    Source.objects.update(enabled=True, origins=["https://shop.example"])
    api.learn()
    assert api.post("/v1/track", track(), origin="https://evil.example").status == 403
    assert api.post("/v1/track", track(), origin="https://shop.example").status == 200
    assert api.post("/v1/track", track()).status == 200  # a server sends no origin
    assert len(api.stored()) == 2


def test_the_clock_of_the_sender_is_corrected(api: Tracking) -> None:
    """Three hours slow, sent 20 s after it happened: it happened 20 s before it came."""
    wrong = datetime.now(UTC) - timedelta(hours=3)
    body = track(timestamp=(wrong - timedelta(seconds=20)).isoformat(), sentAt=wrong.isoformat())
    api.post("/v1/track", body)
    [(before, sent)] = api.stored("dateDiff('second', occurred_at, received_at), sent_at")
    assert (before, round((wrong - sent.replace(tzinfo=UTC)).total_seconds())) == (20, 20)


def test_a_time_that_cannot_be_is_replaced_and_marked(api: Tracking) -> None:
    now = datetime.now(UTC)
    earlier = (now - timedelta(minutes=1)).isoformat()
    times = [(now + timedelta(days=2)).isoformat(), "1970-01-01T00:00:00Z", "yesterday", 1e300, earlier]
    api.post("/v1/batch", {"batch": [track(timestamp=one) for one in times]})
    rows = api.stored("remark, occurred_at = received_at")
    assert sorted(rows) == [("", 0), ("", 1), ("", 1), ("future", 1), ("past", 1)]


def test_text_of_every_kind_survives(api: Tracking) -> None:
    said = {"uk": "Дякую, їжачок", "zh": "謝謝", "emoji": "🫖", "tab": "a\tb\nc\\d", "quote": "\"'", "nul": "a\x00b"}
    api.post("/v1/track", track(event="Чай\t🫖", userId="ада\\", properties=said))
    [(name, user, text)] = api.stored("name, user_id, properties")
    assert (name, user) == ("Чай 🫖", "ада\\")
    assert json.loads(text) == said | {"nul": "ab"}


def test_half_a_surrogate_pair_and_numbers_beyond_64_bits_are_stored(api: Tracking) -> None:
    said = b'{"a":"\\ud800 x \\ud83e\\uded6 \\\\ud800"'
    said += b',"n":123456789012345678901234567890,"m":1e999}'
    body = b'{"userId":"u","event":"E","properties":' + said + b"}"
    reply = api.post("/v1/track", body)
    assert (reply.status, reply.rejected) == (200, 0)
    [text] = api.stored("properties")
    assert json.loads(text)["a"] == "\ufffd x 🫖 \\ud800"
    assert "123456789012345678901234567890" in text


def test_deep_nesting_is_rejected(api: Tracking) -> None:
    deep = b'{"userId":"u","event":"E","properties":{"a":' + b"[" * 250 + b"]" * 250 + b"}}"
    assert api.post("/v1/track", deep).rejected == 1
    fine = b'{"userId":"u","event":"E","properties":{"a":' + b"[" * 190 + b"]" * 190 + b"}}"
    assert api.post("/v1/track", fine).rejected == 0
    assert api.rejected() == [(Reason.TOO_DEEP, 1)]


def test_the_context_of_a_batch_reaches_each_event(api: Tracking) -> None:
    api.post("/v1/batch", {"batch": [track(messageId="a", context={"locale": "pl"}), track(messageId="b", event="X")],
                           "context": {"locale": "en", "app": {"name": "Shop"}}})  # fmt: skip
    contexts = {name: json.loads(text) for name, text in api.stored("name, context")}
    assert contexts == {
        "Kettle Boiled": {"locale": "pl", "app": {"name": "Shop"}},
        "X": {"locale": "en", "app": {"name": "Shop"}},
    }


def test_the_address_is_kept_only_when_the_sender_asks(api: Tracking) -> None:
    api.post("/v1/track", track(event="A", context={"direct": True}))
    api.post("/v1/track", track(event="B", context={"locale": "en"}))
    assert {name: json.loads(text).get("ip") for name, text in api.stored("name, context")} == {
        "A": "203.0.113.7", "B": None,
    }  # fmt: skip


def test_global_privacy_control_and_refusals_are_honoured_and_counted(api: Tracking) -> None:
    assert api.post("/v1/track", track(), sec_gpc="1").rejected == 1
    said_no = track(context={"consent": {"categoryPreferences": {"Analytics": False}}})
    assert api.post("/v1/track", said_no).rejected == 1
    said_yes = track(context={"consent": {"categoryPreferences": {"Analytics": True}}})
    assert api.post("/v1/track", said_yes, sec_gpc="1").rejected == 0
    assert len(api.stored()) == 1
    assert api.rejected() == [(Reason.REFUSED_CONSENT, 1), (Reason.REFUSED_GPC, 1)]
    kept = api._query("SELECT DISTINCT body FROM rejections WHERE workspace_id = {w:UInt32}")
    assert kept == [("",)]  # what they sent is not kept either


def test_posthog_calls_are_the_same_events(api: Tracking, workspace: Workspace) -> None:
    batch = [
        {"event": "Kettle Boiled", "distinct_id": "ada", "uuid": "1", "properties": {"n": 1, "$set": {"plan": "pro"}}},
        {"event": "$identify", "distinct_id": "ada", "uuid": "2",
         "properties": {"$anon_distinct_id": "v1", "$set": {"email": "ada@example.com"}, "$set_once": {"first": "x"}}},
        {"event": "$create_alias", "distinct_id": "old", "uuid": "3", "properties": {"alias": "ada"}},
        {"event": "$groupidentify", "distinct_id": "ada", "uuid": "4",
         "properties": {"$group_type": "company", "$group_key": "c1", "$group_set": {"name": "Initech"}}},
        {"event": "$pageview", "distinct_id": "ada", "uuid": "5", "properties": {"$current_url": "https://x/y"}},
        {"event": "Read", "distinct_id": "v9", "uuid": "6", "properties": {"$process_person_profile": False}},
    ]  # fmt: skip
    assert api.post("/batch/", {"api_key": api.key, "batch": batch}, key="").rejected == 0
    rows = {(name, user, anonymous): json.loads(text)
            for name, user, anonymous, text in api.stored("name, user_id, anonymous_id, properties")}  # fmt: skip
    assert rows == {
        ("Kettle Boiled", "ada", ""): {"n": 1},
        ("customer_identified", "ada", ""): {"traits": {"plan": "pro"}},
        ("customer_identified", "ada", "v1"): {"traits": {"email": "ada@example.com"}, "traits_once": {"first": "x"}},
        ("customer_aliased", "ada", ""): {"previous_id": "old"},
        ("group_joined", "ada", ""): {"group_id": "c1", "group_type": "company", "traits": {"name": "Initech"}},
        ("page_viewed", "ada", ""): {"$current_url": "https://x/y", "url": "https://x/y"},
        ("Read", "", "v9"): {"$process_person_profile": False},
    }
    assert UUID(int=0) not in api.stored("customer_id")


@pytest.mark.parametrize("made_up", ["$company_c1", "0b0f8a0e-3c5c-4a53-9f0e-5d3c1f0f4b11"])
def test_what_posthog_says_of_a_group_is_said_by_nobody(api: Tracking, made_up: str) -> None:
    """Its clients make up an id for a group: that of Node from type and key, that of Python at random."""
    said = {"$group_type": "company", "$group_key": "c1", "$group_set": {"name": "Initech"}}
    call = {"event": "$groupidentify", "distinct_id": made_up, "uuid": "1", "properties": said}
    assert api.post("/batch/", {"api_key": api.key, "batch": [call]}, key="").rejected == 0
    assert api.stored("name, user_id, anonymous_id, toString(customer_id)") == [
        ("group_joined", "", "", str(UUID(int=0))),
    ]  # fmt: skip


def test_a_pixel_is_always_a_picture(api: Tracking) -> None:
    import base64

    data = base64.urlsafe_b64encode(json.dumps({**track(event="Email Opened"), "writeKey": api.key}).encode()).decode()
    for path in (
        f"/v1/pixel/track?data={data.rstrip('=')}",
        f"/v1/pixel/track?userId=ada&event=Email%20Opened&properties.subject=Hi&writeKey={api.key}",
        "/v1/pixel/track?data=%%%",
        "/v1/pixel/page",
    ):
        reply = api.get(path)
        assert (reply.status, reply.headers["content-type"], reply.body[:3]) == (200, "image/gif", b"GIF")
    assert api.stored() == ["email_opened", "email_opened"]


def test_what_fills_derived_tables_is_what_the_schema_says() -> None:
    """The committer sends these names through the views and all others past them."""
    import re

    text = " ".join(sql for table, sql in view_queries().items() if table != "events")
    named = set(re.findall(r"name = '(\w+)'", text))
    named |= {name for group in re.findall(r"name IN \(([^)]*)\)", text) for name in re.findall(r"'(\w+)'", group)}
    assert named == DERIVING
