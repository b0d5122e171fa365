"""Programs ask for figures by REST: with intervals, in the workspace's time zone, and only of their own workspace."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Workspace
from cxm.testing.cast import answer, event, given_events, make_user, make_workspace
from cxm.understand.metrics.registry import METRICS

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace(time_zone="Europe/Warsaw")


@pytest.fixture
def get(workspace: Workspace, client: Client) -> Any:
    return caller(workspace, client)


def caller(workspace: Workspace, client: Client) -> Any:
    owner = workspace.memberships.get().user
    _, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="test", by=owner)

    def ask(address: str, status: int = 200, **data: Any) -> Any:
        reply = client.get(f"/api/v1{address}", data, headers={"Authorization": f"Bearer {secret}"})
        assert reply.status_code == status, reply.content
        return reply.json() if "json" in reply["Content-Type"] else b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]  # CSV streams

    return ask


def test_the_registry_describes_every_metric(get: Any) -> None:
    found = get("/metrics")
    assert [one["key"] for one in found] == [metric.key for metric in METRICS]
    assert all(one["definition"] and one["name"] and one["unit"] for one in found)
    (churn,) = (one for one in found if one["key"] == "churn")
    assert churn["options"][0]["values"] == ["status", "dates", "inactivity"]


def test_figures_carry_interval_n_definition_and_sql(workspace: Workspace, get: Any) -> None:
    given_events([answer(workspace, score, channel="email") for score in (10, 10, 0)])
    given_events([answer(workspace, 0, channel="web", question="other")])
    found = get("/metrics/nps", filter="channel:is:email")
    (figure,) = found["figures"]
    assert figure["value"] == pytest.approx(100 / 3)
    assert figure["low"] < figure["value"] < figure["high"]
    assert (figure["n"], figure["method"], found["unit"]) == (3, "nps_plus_one", "points")
    assert "promoters" in found["definition"] and "FROM feedback" in found["sql"]
    assert found["filters"] == ["channel:is:email"]
    assert get("/metrics/nps", question="other")["figures"][0]["value"] == -100
    assert get("/metrics/nps", filter=["channel:is:email", "channel:is:web"])["figures"][0]["n"] == 4
    assert [one["by"] for one in get("/metrics/nps", by="channel")["figures"]] == ["email", "web"]


def test_dates_are_days_of_the_workspace(workspace: Workspace, get: Any) -> None:
    given_events([answer(workspace, 9, "2026-02-28 23:30"), answer(workspace, 0, "2026-02-28 22:30")])
    # in Warsaw (UTC+1) the first is on 1 March, the second on 28 February
    assert get("/metrics/nps", since="2026-03-01")["figures"][0]["value"] == 100
    assert get("/metrics/nps", until="2026-03-01")["figures"][0]["value"] == -100
    assert get("/metrics/nps", since="2026-02-28T23:00:00Z")["figures"][0]["n"] == 1
    months = get("/metrics/nps", grain="month", since="2026-02-01", until="2026-04-01")["figures"]
    assert [(one["period"], one["n"]) for one in months] == [("2026-02-01", 1), ("2026-03-01", 1)]


def test_comparison_says_up_down_or_no_evidence(workspace: Workspace, get: Any) -> None:
    given_events(
        [
            *(answer(workspace, 3, "2026-02-10 12:00", channel="web") for _ in range(40)),
            *(answer(workspace, 10, "2026-03-10 12:00", channel="web") for _ in range(40)),
            *(answer(workspace, score, "2026-02-10 12:00", channel="email") for score in (9, 3, 8)),
            *(answer(workspace, score, "2026-03-10 12:00", channel="email") for score in (3, 9, 9)),
        ]
    )
    when = {"since": "2026-03-01", "until": "2026-03-29"}  # before it: 1 February to 1 March
    (change,) = get("/metrics/nps/compare", **when)
    assert (change["verdict"], change["n_before"], change["n_after"]) == ("up", 43, 43)
    assert change["difference"] == pytest.approx(change["after"]["value"] - change["before"]["value"])
    groups = {one["by"]: one for one in get("/metrics/nps/compare", by="channel", **when)}
    assert groups["web"]["verdict"] == "up" and groups["web"]["difference"] == 200
    assert groups["email"]["verdict"] == "no_evidence" and groups["email"]["p_value"] is None  # too few
    (segments,) = get(
        "/metrics/nps/compare", before_filter="channel:is:email", after_filter="channel:is:web", until="2026-03-01"
    )
    assert (segments["n_before"], segments["n_after"]) == (3, 40)


def test_the_answers_behind_a_figure_come_in_pages(workspace: Workspace, get: Any) -> None:
    given_events(
        [
            *(
                answer(workspace, day, f"2026-03-{day:02} 12:00", comment=f"No. {day}", properties={"area": "A"})
                for day in range(1, 6)
            ),
            answer(workspace, None),
            answer(workspace, 5, metric="csat"),
        ]
    )
    page = get("/metrics/nps/answers", size=2, page=2)
    assert (page["total"], [one["comment"] for one in page["records"]]) == (5, ["No. 3", "No. 2"])
    assert page["records"][0]["details"] == {"area": "A"}
    assert get("/metrics/nps/why")["excluded"] == {"missing": 1, "off_scale": 0}
    assert [bar["n"] for bar in get("/metrics/csat/distribution")] == [0, 0, 0, 0, 1]
    given_events([event(workspace, "ticket_updated", "2026-03-01", ticket_id="t", version=1, properties={"a": "b"})])
    (ticket,) = get("/metrics/tickets/answers")["records"]
    assert (ticket["title"], ticket["details"]) == ("t", {"a": "b"})


def test_what_can_be_asked(workspace: Workspace, get: Any) -> None:
    given_events([answer(workspace, 9, channel="web", properties={"area": "A", "order_id": "o"}) for _ in range(3)])
    found = get("/metrics/fields")
    assert found["questions"] == [{"metric": "nps", "question": "nps", "scale": "", "n": 3}]
    offered = {one["field"]: one["values"] for one in found["fields"]["feedback"]}
    assert offered["channel"] == [{"value": "web", "n": 3}]
    assert offered["property.area"] == [{"value": "A", "n": 3}]
    assert "order.delivery" in offered


def test_csv_is_safe_to_open(workspace: Workspace, get: Any) -> None:
    given_events([answer(workspace, 9, channel="=cmd()")])
    lines = get("/metrics/nps.csv", by="channel").splitlines()
    assert lines[0].lstrip("\ufeff").startswith("metric,period,by,value,low,high,n,unit")
    assert lines[1].startswith("nps,,'=cmd(),100.0,")


def test_survival_curve_and_customer_model(workspace: Workspace, get: Any) -> None:
    given_events(
        [
            event(workspace, "subscription_updated", "2026-03-01", customer_id=uuid.uuid4(), version=1,
                  subscription_id=str(tenure), status=status, tenure=tenure)
            for tenure, status in ((2, "ended"), (4, "active"))
        ]
    )  # fmt: skip
    (curve,) = get("/metrics/survival/curve")
    assert [(step["time"], step["survival"]) for step in curve["steps"]] == [(2, 0.5), (4, 0.5)]
    model = get("/metrics/clv/model", frequency=2, recency=3, age=9)
    assert model["purchases"] is None and model["problem"] and model["expected_purchases"] is None


@pytest.mark.parametrize(
    ("address", "data", "status"),
    [
        ("/metrics/nonsense", {}, 404),
        ("/metrics/nonsense/compare", {}, 404),
        ("/metrics/nonsense.csv", {}, 404),
        ("/metrics/nps", {"grain": "hour"}, 422),
        ("/metrics/nps", {"by": "customer_id"}, 422),
        ("/metrics/nps", {"by": "property."}, 422),
        ("/metrics/nps", {"filter": "channel"}, 422),
        ("/metrics/nps", {"filter": "channel:like:x"}, 422),
        ("/metrics/nps", {"filter": "score:at_least:many"}, 422),
        ("/metrics/nps", {"filter": "score:at_least:nan"}, 422),
        ("/metrics/nps", {"filter": "priority:is:high"}, 422),
        ("/metrics/nps", {"since": "yesterday"}, 422),
        ("/metrics/nps", {"since": "0001-01-01"}, 422),
        ("/metrics/nps", {"nonsense": "1"}, 422),
        ("/metrics/churn", {"window": "-1"}, 422),
        ("/metrics/churn", {"weighted": "true"}, 422),
        ("/metrics/clv_predicted", {"grain": "day"}, 422),
        ("/metrics/nps/answers", {"page": "0"}, 422),
    ],
)
def test_bad_questions_are_refused_with_a_reason(get: Any, address: str, data: dict[str, str], status: int) -> None:
    problem = get(address, status, **data)
    assert problem["detail"]


def test_a_stranger_sees_nothing_of_ours(workspace: Workspace, client: Client) -> None:
    given_events([answer(workspace, 9, comment="secret")])
    theirs = make_workspace("Theirs", owner=make_user("stranger@example.com"))
    get = caller(theirs, client)
    assert get("/metrics/nps")["figures"][0]["n"] == 0
    assert get("/metrics/nps/answers")["total"] == 0
    assert client.get("/api/v1/metrics/nps").status_code == 401
