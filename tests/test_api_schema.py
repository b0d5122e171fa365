"""The API against its own schema: whatever fits the schema, and much that does not, never meets a server error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.testing.cast import answer, given_events, make_customer, make_workspace
from cxm.testing.effort import full_or

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

EXAMPLES = full_or(12, 5)  # of each operation, the same ones in every run


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The WSGI application would close the connection that holds the test's transaction, as Django's client knows."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key() -> str:
    workspace = make_workspace()
    customer = make_customer(workspace, "Ada", email="ada@example.com")
    given_events([answer(workspace, 9, customer_id=customer.pk), answer(workspace, 2)])
    return create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="test", role=Role.ADMIN, by=None)[1]


@pytest.mark.usefixtures("kept_connection")
def test_no_operation_fails(key: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    headers = {"Authorization": f"Bearer {key}"}
    walked = 0
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # raises for an operation that the schema describes wrongly
        walked += 1

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),  # one database for all examples of an operation is meant so
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def never_fails(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=[not_a_server_error])

        never_fails()
    assert walked >= 3


def test_the_schema_is_openapi_3_1_and_names_the_key(client: Any) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["SecretKey"] == {"type": "http", "scheme": "bearer"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"SecretKey": []}], (path, method)
            assert operation["summary"], (path, method)
