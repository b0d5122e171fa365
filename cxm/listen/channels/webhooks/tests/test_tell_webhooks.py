"""The step of the flow tells endpoints what happened: each event once, in the form that its type promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.accounts.models import Workspace
from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookMessage
from cxm.listen.channels.webhooks import actions
from cxm.listen.channels.webhooks.steps import tell_webhooks
from cxm.listen.channels.webhooks.types import BY_EVENT, TYPES
from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.follow import LogEvent
from cxm.testing.cast import make_customer, make_workspace
from cxm.testing.effort import full_or

DOCS = Path(__file__).resolve().parents[5] / "docs" / "reference" / "webhooks.md"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def logged(workspace: Workspace, name: str, customer: UUID = NOBODY, user: str = "", **properties: Any) -> LogEvent:
    return LogEvent(
        workspace_id=workspace.pk, event_id=uuid4(), name=name, source="capture" if user else "fact", type="",
        source_id=0, user_id=user, anonymous_id="", customer_id=customer, occurred_at=AT, received_at=AT,
        properties=json.dumps(properties), context="", block=1,
    )  # fmt: skip


def told(workspace: Workspace) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in WebhookMessage.objects.filter(workspace=workspace).order_by("type")]


@pytest.mark.django_db
def test_events_become_messages_once_with_the_customer_they_are_about() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, email="ada@example.com")
    Identity.objects.create(workspace=workspace, customer=ada, kind="user_id", value="u-1")
    captured = logged(workspace, "answer_given", UUID(int=7), "u-1", metric="nps", score=2, comment="x" * 3000,
                      question="why", touchpoint={"not": "a text"})  # fmt: skip
    fact = logged(workspace, "case_opened", ada.pk, case_id="c", number=12, severe=True, team="Support")
    stranger = logged(workspace, "survey_completed", uuid4(), survey="nps")
    events = [captured, fact, stranger, logged(workspace, "page_viewed", ada.pk)]
    tell_webhooks(events)
    assert told(workspace) == [], "nobody listens"

    endpoint = WebhookEndpoint.objects.create(workspace=workspace, url="https://example.com/")
    few = WebhookEndpoint.objects.create(workspace=workspace, url="https://example.com/few", types=["case.closed"])
    for _again in range(2):
        tell_webhooks(events)
    tell_webhooks(list(reversed(events)))
    assert endpoint.messages.count() == 3 and few.messages.count() == 0
    case, feedback, response = told(workspace)
    assert case == {
        "type": "case.created", "timestamp": "2026-03-01T12:00:00.000Z",
        "data": {"event_id": str(fact.event_id), "event": "case_opened", "customer_id": str(ada.pk), "case_id": "c",
                 "number": 12, "subject": None, "opened_by": None, "category": None, "priority": None,
                 "team": "Support", "channel": None, "touchpoint": None, "severe": True, "complaint": None},
    }  # fmt: skip
    assert feedback["data"]["comment"] == "x" * 2000 and feedback["data"]["cut"] is True
    assert (feedback["data"]["score"], feedback["data"]["touchpoint"]) == (2, None)
    assert feedback["data"]["customer_id"] == str(ada.pk), "not the identity that the log names"
    assert response["data"]["customer_id"] is None, "a profile that is gone or not there yet"
    Customer.objects.all().delete()
    assert [one["type"] for one in told(workspace)] == ["response.completed"], "who is erased leaves nothing"


@pytest.mark.django_db
def test_what_can_hold_anything_is_told_in_the_form_that_its_schema_promises() -> None:
    anything = st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.integers(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    names = sorted({name for one in TYPES for name in one.fields})
    schemas = {one.name: jsonschema_rs.Draft202012Validator(one.schema(), validate_formats=True) for one in TYPES}

    @settings(max_examples=full_or(2000, 100), database=None)
    @given(st.sampled_from(sorted(BY_EVENT)), st.dictionaries(st.sampled_from(names), anything), st.booleans())
    def check(event: str, properties: dict[str, Any], known: bool) -> None:
        kind = BY_EVENT[event]
        data = kind.data(str(uuid4()), event, str(uuid4()) if known else None, properties)
        schemas[kind.name].validate(data)
        actions.body_of(kind.name, AT, data)

    check()
    for letter in 'й😀\x01\n"':
        long = {name: [letter * 5000] * 99 if name in {"fields", "effects"} else letter * 5000 for name in names}
        for one in TYPES:
            data = one.data(str(uuid4()), one.events[0], str(uuid4()), long)
            assert len(actions.body_of(one.name, AT, data).encode()) <= 20 * 1024, one.name


def test_every_type_has_an_entry_with_its_fields() -> None:
    page = DOCS.read_text(encoding="utf-8")
    parts = {part.partition("`")[0]: part for part in page.split("\n### `")[1:]}
    assert {one.name for one in TYPES} | {actions.TEST} == set(parts)
    for one in TYPES:
        assert one.text in parts[one.name]
        for name in one.schema()["properties"]:
            assert f"`{name}`" in parts[one.name] or name in {"event_id", "event", "customer_id", "cut"}, name
        for event in one.events:
            assert f"`{event}`" in parts[one.name]
