"""Every set in shared/data goes through its shipped mapping: rows, events and customers, counted by plain pandas."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from cxm.accounts.models import Workspace
from cxm.record.capture.examples import example
from cxm.record.capture.models import Import
from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import make_workspace

from .given import import_file

DATA = Path(__file__).parents[5] / "shared" / "data"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,  # tests/test_real_figures.py takes the same files on every pair of engines
    pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not part of the repository"),
]


@dataclass
class Row:
    name: str
    n: int


def brought(workspace: Workspace, file: str, mapping: str) -> Import:
    done = import_file(workspace, DATA / file, example(mapping).yaml)
    assert done.problem == ""
    return done


def counts(done: Import) -> tuple[int, int, int, int]:
    return done.rows_read, done.rows_rejected, done.events_added, done.customers_added


def events(workspace: Workspace) -> dict[str, int]:
    rows = ask(
        "SELECT name, count() AS n FROM events WHERE $scope GROUP BY name", Scope(workspace.pk),
        row=Row, name="test", table="events",
    ).rows  # fmt: skip
    return {row.name: row.n for row in rows}


@pytest.mark.parametrize(
    ("year", "rows", "answers"),
    [
        (2010, 3234, 3093), (2011, 3872, 3694), (2012, 3521, 3348), (2013, 3535, 3334),
        (2014, 2818, 2677), (2015, 2958, 2810), (2016, 3087, 2919), (2017, 2831, 2688),
    ],
)  # fmt: skip
def test_the_airport_survey_of_each_year(year: int, rows: int, answers: int) -> None:
    workspace = make_workspace()
    done = brought(workspace, f"sfo_airport_survey/{year}_SFO_Customer_Survey.csv.gz", f"sfo_{year}")
    assert (done.rows_read, done.rows_rejected) == (rows, 0)
    found = ask(
        "SELECT question AS name, count() AS n FROM feedback WHERE $scope AND metric = 'csat' GROUP BY name",
        Scope(workspace.pk), row=Row, name="test",
    ).rows  # fmt: skip
    assert [(one.name, one.n) for one in found] == [("airport as a whole", answers)]


@pytest.mark.slow
def test_the_incident_log() -> None:
    workspace = make_workspace()
    done = brought(workspace, "incident_log/incident_event_log.csv.gz", "incident_log")
    assert counts(done) == (141712, 0, 141712, 0)
    again = brought(workspace, "incident_log/incident_event_log.csv.gz", "incident_log")
    assert (again.rows_read, again.rows_known, again.events_added) == (141712, 141712, 0)
    assert events(workspace) == {"ticket_updated": 141712}


def test_the_marketplace() -> None:
    workspace = make_workspace()
    done = brought(workspace, "olist/olist_customers_dataset.csv.gz", "olist_customers")
    assert counts(done) == (8135, 0, 8135, 8016)
    assert Identity.objects.filter(workspace=workspace).count() == 8016 + 8135
    done = brought(workspace, "olist/olist_orders_dataset.csv.gz", "olist_orders")
    # 8135 placed, 7989 approved, 6353 handed to the carrier, 5170 delivered
    assert counts(done) == (8135, 0, 8135 + 7989 + 6353 + 5170, 0)
    done = brought(workspace, "olist/olist_order_reviews_dataset.csv.gz", "olist_reviews")
    assert counts(done) == (8225, 0, 8225, 0)
    assert Customer.objects.filter(workspace=workspace).count() == 8016
    rows = ask(
        "SELECT $by AS name, count() AS n FROM feedback WHERE $scope GROUP BY name ORDER BY name", Scope(workspace.pk),
        row=Row, name="test", by="property.order_late",
    ).rows  # fmt: skip
    assert {row.name: row.n for row in rows} == {"": 8225 - 4819 - 419, "false": 4819, "true": 419}


def test_subscriptions_purchases_and_staff() -> None:
    workspace = make_workspace()
    done = brought(workspace, "telco/Telco-Customer-Churn.csv.gz", "telco")
    assert counts(done) == (7043, 0, 2 * 7043, 7043)  # a report of the customer and one of the subscription each
    done = brought(workspace, "cdnow/cdnow_customers_summary.csv.gz", "cdnow_summary")
    assert counts(done) == (2357, 0, 2357, 2357)
    done = brought(workspace, "cdnow/CDNOW_sample.txt.gz", "cdnow_transactions")
    assert counts(done) == (6919, 0, 6919, 2357)
    done = brought(workspace, "staff_exit_surveys/tafe_survey.csv.gz", "tafe_exit")
    assert counts(done) == (702, 0, 17855, 0)  # statements answered, of 30 × 702
    done = brought(workspace, "staff_exit_surveys/dete_survey.csv.gz", "dete_exit")
    assert counts(done) == (822, 0, 7540 + 3307 + 2952 + 1518 + 1087, 0)
