"""The numbers of one segment: chosen on the board and on a metric's page, compared with the rest, by REST."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Customer, Segment
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


def test_one_request_gives_every_month_of_every_segment() -> None:
    """Segments overlap, so each is asked for alone: Ada counts in both, Bob in one, nobody we know in none."""
    segment, chosen = given()
    workspace = segment.workspace
    everybody = Condition(field="trait.plan", operator="is_set")
    known = create_segment(workspace=workspace, name="Known", condition=everybody, by=None)
    nobody = Condition(field="trait.plan", values=("none",))
    create_segment(workspace=workspace, name="Nobody", condition=nobody, by=None)
    ada, bob = (Customer.objects.get(workspace=workspace, name=name) for name in ("Ada", "Bob"))
    given_events([answer(workspace, 7, days_ago(100), customer_id=ada.pk) for _ in range(2)])
    given_events([answer(workspace, 10, days_ago(100), customer_id=bob.pk) for _ in range(3)])
    owner = owner_of(workspace)
    _row, key = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="shop", by=owner, role=Role.VIEWER)

    def ask(address: str, **query: str) -> Any:
        reply = Client().get(f"/api/v1/metrics/{address}", query, headers={"Authorization": f"Bearer {key}"})
        assert reply.status_code == 200, reply.content
        return reply.json()

    found = ask("nps", grain="quarter", by="segment")["figures"]
    got = [(one["period"], one["by"], one["value"], one["n"]) for one in found]
    early, late = sorted({one["period"] for one in found})
    assert got == [
        (early, str(known.pk), 60.0, 5),  # 3 of 5 up, none down
        (early, str(segment.pk), 0.0, 2),
        (late, str(known.pk), 0.0, 20),  # 10 of 20 up, 10 down
        (late, str(segment.pk), 100.0, 10),
    ]
    assert all(one["low"] < one["value"] < one["high"] or one["value"] == 100 for one in found)
    (alone,) = ask("nps", filter=chosen)["figures"]
    (of_all,) = (one for one in ask("nps", by="segment")["figures"] if one["by"] == str(segment.pk))
    assert (of_all["value"], of_all["low"], of_all["n"]) == (alone["value"], alone["low"], 12)
    changes = ask("nps/compare", by="segment", since=days_ago(30)[:10])
    assert {one["by"]: (one["n_before"], one["n_after"]) for one in changes} == {
        str(known.pk): (0, 20), str(segment.pk): (0, 10),
    }  # fmt: skip


def test_a_page_broken_down_by_segments_sets_each_against_those_who_are_not_in_it() -> None:
    segment, _chosen = given()
    workspace = segment.workspace
    everybody = Condition(field="trait.plan", operator="is_set")
    create_segment(workspace=workspace, name="Known", condition=everybody, by=None)
    client = client_of(viewer_of(workspace))
    address = f"/w/{workspace.slug}/metrics/nps/"
    page = client.get(address, {"period": "30d", "by": "segment"})
    html = page.content.decode()
    assert '<option value="segment">Segment</option>' in html and "Professionals" in html and "Known" in html
    rows = client.get(f"{address}breakdown.csv", {"period": "30d", "by": "segment"})
    lines = b"".join(rows.streaming_content).decode().splitlines()  # type: ignore[attr-defined]  # CSV streams
    (of_segment,) = (line.split(",") for line in lines if line.startswith(str(segment.pk)))
    # 100 against Bob's ten 0 and the 8 of nobody we know, −1000 / 11: not against "Known", which holds Ada too
    assert float(of_segment[1]) == 100 and float(of_segment[7]) == pytest.approx(100 + 1000 / 11)


def test_without_segments_a_breakdown_by_them_is_refused() -> None:
    segment, _chosen = given()
    workspace = segment.workspace
    segment.delete()
    page = client_of(viewer_of(workspace)).get(f"/w/{workspace.slug}/metrics/nps/", {"by": "segment"})
    assert page.status_code == 200 and "cannot be asked for in this way" in page.content.decode()
    assert '<option value="segment">Segment</option>' not in page.content.decode()
