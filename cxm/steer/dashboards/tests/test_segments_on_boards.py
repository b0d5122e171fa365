"""The numbers of one segment: chosen on the board and on a metric's page, compared with the rest, by REST."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Segment
from cxm.record.customers.segment_actions import create_segment
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, given_events, make_customer, make_workspace

from .given import client_of, days_ago, owner_of, viewer_of

pytestmark = pytest.mark.django_db


def given() -> tuple[Segment, str]:
    """Ada, who is on the plan pro, gave 10 ten times; Bob gave 0 ten times, and nobody we know 8."""
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada", traits={"plan": "pro"})
    bob = make_customer(workspace, "Bob", traits={"plan": "free"})
    put_customers([customer_row(workspace.pk, one.pk, one.traits) for one in (ada, bob)])
    given_events(
        [
            answer(workspace, score, days_ago(3), customer_id=one.pk)
            for one, score in ((ada, 10), (bob, 0))
            for _ in range(10)
        ]
    )
    given_events([answer(workspace, 8, days_ago(3))])
    condition = Condition(field="trait.plan", values=("pro",))
    segment = create_segment(workspace=workspace, name="Professionals", condition=condition, by=None)
    return segment, f"segment:is:{segment.pk}"


def test_the_board_and_a_metric_are_narrowed_to_a_segment() -> None:
    segment, chosen = given()
    workspace = segment.workspace
    client = client_of(viewer_of(workspace))
    whole = client.get(f"/w/{workspace.slug}/?period=30d").content.decode()
    assert f'<option value="{chosen}">Professionals</option>' in whole and "0.0" in whole  # 10 of 21 up, 10 down
    board = client.get(f"/w/{workspace.slug}/", {"period": "30d", "f": chosen}).content.decode()
    assert f'<option value="{chosen}" selected>Professionals</option>' in board and "100.0" in board
    page = client.get(f"/w/{workspace.slug}/metrics/nps/", {"period": "30d", "f": chosen}).content.decode()
    assert "Segment is Professionals" in page and "100.0" in page
    rest = client.get(f"/w/{workspace.slug}/metrics/nps/", {"period": "30d", "f": chosen.replace("is", "is_not", 1)})
    assert "Segment is not Professionals" in rest.content.decode()


def test_a_segment_that_is_gone_says_so() -> None:
    segment, chosen = given()
    workspace = segment.workspace
    client = client_of(owner_of(workspace))
    segment.delete()
    page = client.get(f"/w/{workspace.slug}/metrics/nps/", {"f": chosen})
    assert page.status_code == 200
    assert "The segment of a filter does not exist any more" in page.content.decode()
    assert client.get(f"/w/{workspace.slug}/", {"f": f"segment:is:{uuid.uuid4()}"}).status_code == 200


def test_a_program_asks_for_the_number_of_a_segment() -> None:
    segment, chosen = given()
    owner = owner_of(segment.workspace)
    _row, key = create_api_key(
        workspace=segment.workspace, kind=ApiKey.Kind.SECRET, name="shop", by=owner, role=Role.VIEWER
    )

    def nps(**query: str) -> tuple[int, object]:
        reply = Client().get("/api/v1/metrics/nps", query, headers={"Authorization": f"Bearer {key}"})
        return reply.status_code, reply.json()

    status, body = nps(filter=chosen)
    assert status == 200 and '"value": 100.0' in str(body).replace("'", '"') and "'n': 10" in str(body)
    status, body = nps(filter=chosen.replace("is", "is_not", 1))  # Bob and nobody: −1000 / 11 = −90.9
    assert "'n': 11" in str(body)
    assert nps(filter="segment:is:nothing")[0] == 422
