"""The page of a metric, "why this number?", and their CSV: exact values, refusals, and hostile addresses."""

from __future__ import annotations

import csv
import io
import re
import uuid

import pytest
from django.test import Client

from cxm.accounts.models import Workspace
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.steer.dashboards.shelves import SHELVES
from cxm.testing.cast import answer, event, given_events, make_customer, make_workspace
from cxm.understand.metrics.queries import METRICS

from .given import client_of, nps_answers, owner_of

pytestmark = pytest.mark.django_db
MARCH = "from=2026-03-01&to=2026-03-31"


def text_of(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return re.sub(r"\s+", " ", response.content.decode())


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    response = client.get(address)
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(response).decode("utf-8-sig"))))


@pytest.fixture
def workspace() -> Workspace:
    made = make_workspace()
    given_events(
        [
            *nps_answers(made, 30, 10, 60, "2026-02-10 12:00", channel="email"),
            *nps_answers(made, 60, 30, 10, "2026-03-10 12:00", channel="email", properties={"area": "A"}),
            *nps_answers(made, 10, 10, 80, "2026-03-11 12:00", channel="web", properties={"area": "B"}),
            answer(made, None, "2026-03-12 12:00"),
            answer(made, 11, "2026-03-12 12:00"),
        ]
    )
    return made


def test_the_page_shows_the_number_and_what_it_is_made_of(workspace: Workspace) -> None:
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/?{MARCH}")
    assert '<div class="figure-value figure-large">−10.0</div>' in page  # 100 × (70 − 90) / 200
    assert "n = 200" in page
    for name, count in (("Promoters", 70), ("Passives", 40), ("Detractors", 90)):
        assert f"<dt>{name}</dt><dd>{count}</dd>" in page
    assert "200 answers behind this number" in page
    assert "Feb. 1, 2026 to Feb. 28, 2026" in page  # the month before, not 31 days


def test_each_group_is_judged_against_all_others(workspace: Workspace) -> None:
    rows = rows_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/breakdown.csv?{MARCH}&by=channel")
    shown = {row["channel"]: (row["value"], row["n"], row["against_rest"], row["verdict"]) for row in rows}
    # email 60 − 10 = 50, web 10 − 80 = −70: each is 120 points from the other
    assert shown == {"email": ("50.0", "100", "120.0", "up"), "web": ("-70.0", "100", "-120.0", "down")}
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/?{MARCH}&by=channel")
    assert "Higher, better" in page and "Lower, worse" in page


def test_the_rest_of_a_metric_that_counts_customers_is_asked_for() -> None:
    workspace = make_workspace()
    people = [uuid.uuid4() for _one in range(30)]
    # Everybody has one order in the shop; the first ten have another on the web, so they are in both groups.
    given_events(
        [
            event(workspace, "order_placed", "2026-03-05", customer_id=one, order_id=f"s{n}-{number}", channel="shop")
            for n, one in enumerate(people)
            for number in range(2 if n < 15 else 1)
        ]
        + [
            event(workspace, "order_placed", "2026-03-06", customer_id=one, order_id=f"w{n}", channel="web")
            for n, one in enumerate(people[:10])
        ]
    )
    rows = rows_of(
        client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/repeat/breakdown.csv?{MARCH}&by=channel"
    )
    shown = {row["channel"]: (float(row["value"]), row["n"], float(row["against_rest"])) for row in rows}
    # shop 15 of 30 repeat; web none of 10: 50 points apart
    assert shown == {"shop": (50.0, "30", 50.0), "web": (0.0, "10", -50.0)}


def test_two_segments_are_compared(workspace: Workspace) -> None:
    page = text_of(
        client_of(owner_of(workspace)),
        f"/w/{workspace.slug}/metrics/nps/?{MARCH}&vs=segment&f=property.area:is:A&g=property.area:is:B",
    )
    assert "+120.0" in page  # 50 − −70
    assert "area is A" in page and "area is B" in page
    assert "Other segment" in page


def test_traits_filter_and_name_their_customers() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada Lovelace", traits={"plan": "gold"})
    put_customers([customer_row(workspace.pk, ada.pk, ada.traits)])
    given_events(
        [
            answer(workspace, 10, "2026-03-10 12:00", customer_id=ada.pk, comment="<b>Fine</b>"),
            answer(workspace, 0, "2026-03-10 12:00"),
        ]
    )
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/?{MARCH}&f=trait.plan:is:gold")
    assert "100.0" in page and "plan of the customer is gold" in page
    assert "Ada Lovelace" in page and "&lt;b&gt;Fine&lt;/b&gt;" in page


def test_why_says_definition_exclusions_sql_and_address(workspace: Workspace) -> None:
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/why/?{MARCH}&f=channel:is_set")
    assert "100 × (promoters − detractors) / answers" in page
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/why/?{MARCH}")
    assert "Answers without a score: 1" in page
    assert "Answers with a score outside the scale: 1" in page
    assert "GROUP BY period, by" in page and "{scope_since:DateTime64(3, &#x27;UTC&#x27;)}" in page
    assert "2026-03-01T00:00:00+00:00" in page and "2026-04-01T00:00:00+00:00" in page
    address = re.search(r'<code id="address" class="address">([^<]+)</code>', page)
    assert address and address[1].replace("&amp;", "&").endswith("/why/?from=2026-03-01&to=2026-03-31&grain=day")
    assert "200 answers behind this number" in page


def test_the_trend_and_the_scores_as_csv(workspace: Workspace) -> None:
    client = client_of(owner_of(workspace))
    rows = rows_of(client, f"/w/{workspace.slug}/metrics/nps/trend.csv?from=2026-02-01&to=2026-03-31&grain=month")
    assert [(row["period"], row["value"], row["n"]) for row in rows] == [
        ("2026-02-01", "-30.0", "100"),
        ("2026-03-01", "-10.0", "200"),
    ]
    rows = rows_of(client, f"/w/{workspace.slug}/metrics/nps/distribution.csv?{MARCH}")
    assert {row["score"]: row["n"] for row in rows if row["n"] != "0"} == {"2.0": "90", "8.0": "40", "10.0": "70"}


def test_exported_comments_are_safe_to_open(workspace: Workspace) -> None:
    given_events([answer(workspace, 9, "2026-05-05 12:00", comment="=1+1")])
    address = f"/w/{workspace.slug}/metrics/nps/answers.csv?from=2026-05-01&to=2026-05-31"
    (row,) = rows_of(client_of(owner_of(workspace)), address)
    assert (row["score"], row["comment"]) == ("9.0", "'=1+1")


def test_answers_come_in_pages(workspace: Workspace) -> None:
    client = client_of(owner_of(workspace))
    assert text_of(client, f"/w/{workspace.slug}/metrics/nps/?{MARCH}&page=8").count('class="comment"') == 25
    assert text_of(client, f"/w/{workspace.slug}/metrics/nps/?{MARCH}&page=x").count('class="comment"') == 25


def test_how_many_answers_a_change_needs(workspace: Workspace) -> None:
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/?{MARCH}&change=5")
    # variance 0.8 − 0.1² = 0.79, half the step squared 0.000625: (1.96 √1.58125 + 0.8416 √1.58)² / 0.05² = 4963.2; + 3
    assert "each of the two periods needs 4,967 answers" in page
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/?{MARCH}&change=500")
    assert "This figure cannot change by 500." in page


def test_a_form_leads_to_its_short_address(workspace: Workspace) -> None:
    client = client_of(owner_of(workspace))
    address = f"/w/{workspace.slug}/metrics/nps/"
    form = "?set=1&was=12m+2025-01-01+2026-01-01&period=90d&from=2025-01-01&to=2026-01-01"
    form += "&grain=&by=&vs=previous&ff=channel&fo=is&fv=web"
    assert client.get(address + form).headers["Location"] == f"{address}?period=90d&f=channel%3Ais%3Aweb"
    # Only the days were changed: they count.
    form = "?set=1&was=12m+2025-01-01+2026-01-01&period=12m&from=2025-02-01&to=2026-01-01"
    assert client.get(address + form).headers["Location"] == f"{address}?from=2025-02-01&to=2026-01-01"
    response = client.get(address + form, headers={"HX-Request": "true"})
    assert response.headers["HX-Push-Url"] == f"{address}?from=2025-02-01&to=2026-01-01"
    assert "<html" not in response.content.decode()


def test_an_empty_period_offers_the_one_with_data(workspace: Workspace) -> None:
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/nps/?from=2020-01-01&to=2020-12-31")
    assert "Show the period with data (Feb. 10, 2026 to March 12, 2026)" in page
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/sla/")
    assert "This metric counts these events: ticket_updated (sla_met)" in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("by=nothing", "There is no field “nothing” for this metric."),
        ("f=nothing:is:x", "There is no field “nothing” for this metric."),
        ("f=property.:is:x", "There is no field"),
        ("f=property..a:is:x", "could not answer"),
        ("o.nothing=1", "This metric has no option “nothing”, so it was left out."),
        ("o.by=channel", "This metric has no option “by”, so it was left out."),
        ("period=%00", "There is no period"),
        ("from=9999-99-99", "is not a day that can be shown"),
        ("grain=all", "There is no such step"),
        ("f=" + "x" * 3000, "too long"),
        ("f=property.area:is:%27+OR+1%3D1", "Nothing was recorded"),
        ("f=property.%60%5C%27:is:x", "Nothing was recorded"),
    ],
)
def test_hostile_addresses_get_a_sentence(workspace: Workspace, query: str, sentence: str) -> None:
    client = client_of(owner_of(workspace))
    assert sentence in text_of(client, f"/w/{workspace.slug}/metrics/nps/?{query}&x=1")
    for page in ("why/", "trend.csv", "breakdown.csv", "answers.csv", "distribution.csv", "survival.csv"):
        assert client.get(f"/w/{workspace.slug}/metrics/nps/{page}?{query}").status_code in {200, 422}


def test_what_there_is_not_is_not_found(workspace: Workspace) -> None:
    client = client_of(owner_of(workspace))
    text_of(client, f"/w/{workspace.slug}/metrics/nothing/", 404)
    text_of(client, f"/w/{workspace.slug}/metrics/nps/nothing.csv", 404)


def test_the_list_has_every_metric_once(workspace: Workspace) -> None:
    listed = [key for keys in SHELVES.values() for key in keys]
    assert sorted(listed) == sorted(metric.key for metric in METRICS)
    page = text_of(client_of(owner_of(workspace)), f"/w/{workspace.slug}/metrics/?{MARCH}")
    assert '<div class="metric-value">−10.0</div>' in page


@pytest.mark.parametrize("key", sorted(metric.key for metric in METRICS))
def test_every_metric_has_a_page_and_its_reasons(workspace: Workspace, key: str) -> None:
    client = client_of(owner_of(workspace))
    text_of(client, f"/w/{workspace.slug}/metrics/{key}/?period=all&by=channel")
    text_of(client, f"/w/{workspace.slug}/metrics/{key}/why/?period=all")
