"""The home board: its numbers, its verdicts, its empty states, and who may see it."""

from __future__ import annotations

import csv
import io

import pytest
from django.utils import timezone

from cxm.record.eventlog.append import Event
from cxm.steer.dashboards.address import View
from cxm.steer.dashboards.queries import automatic_tiles
from cxm.steer.dashboards.tiles import Tile, figures
from cxm.testing.cast import answer, event, given_events, make_user, make_workspace

from .given import client_of, days_ago, nps_answers, owner_of, viewer_of

pytestmark = pytest.mark.django_db


def shown(workspace: object, view: View) -> list[Tile]:
    return figures(workspace, automatic_tiles(workspace), view, timezone.now())  # type: ignore[arg-type]  # a workspace


def test_a_tile_shows_the_number_its_interval_and_n() -> None:
    workspace = make_workspace()
    given_events(nps_answers(workspace, 6, 3, 1, days_ago(5)))
    (tile,) = shown(workspace, View(period="30d"))
    # 100 × (6 − 1) / 10 = 50. Interval: 7, 4 and 2 of 13: 38.46 ± 196 √((9/13 − 0.3846²) / 13) = −1.6 to 78.6
    assert (tile.title, tile.value, tile.interval, tile.n) == ("Net Promoter Score", "50.0", "−1.6 to 78.6", "10")
    assert tile.judged is None  # there is nothing before
    assert "Nothing to compare with" in client_of(owner_of(workspace)).get(f"/w/{workspace.slug}/").content.decode()


def test_too_few_answers_get_no_verdict() -> None:
    workspace = make_workspace()
    given_events([*nps_answers(workspace, 9, 0, 0, days_ago(40)), *nps_answers(workspace, 0, 0, 9, days_ago(5))])
    (tile,) = shown(workspace, View(period="30d"))
    assert tile.judged is not None
    assert (tile.judged.word, tile.judged.difference) == ("Too few to compare", "−200.0")  # 9 of 10 are needed


def test_a_planted_change_is_called_up_and_none_is_not() -> None:
    workspace = make_workspace()
    given_events(
        [
            *nps_answers(workspace, 20, 20, 60, days_ago(40)),
            *nps_answers(workspace, 70, 20, 10, days_ago(5)),
            *(answer(workspace, 5, days_ago(day), metric="csat", scale="1-5") for day in (5, 40) for _one in range(30)),
            *(answer(workspace, 2, days_ago(day), metric="csat", scale="1-5") for day in (5, 40) for _one in range(20)),
        ]
    )
    nps, csat = shown(workspace, View(period="30d"))
    assert nps.judged is not None and csat.judged is not None
    assert (nps.judged.word, nps.judged.tone, nps.judged.difference) == ("Up, better", "good", "+100.0")  # −40 to +60
    assert (csat.judged.word, csat.judged.tone) == ("No evidence of change", "quiet")
    assert csat.judged.difference == "0.0 percentage points"  # 60 % both times


def test_fewer_is_better_where_the_metric_says_so() -> None:
    workspace = make_workspace()

    def tickets(number: int, reopened: int, days: int) -> list[Event]:
        return [
            event(workspace, "ticket_updated", days_ago(days), ticket_id=f"{days}-{one}", version=1, state="closed",
                  reopened=int(one < reopened))
            for one in range(number)
        ]  # fmt: skip

    given_events([*tickets(100, 60, 40), *tickets(100, 10, 5)])
    (tile,) = [
        tile for tile in shown(workspace, View(period="30d")) if tile.asked and tile.asked.metric.key == "reopening"
    ]
    assert tile.judged is not None
    assert (tile.value, tile.judged.word, tile.judged.tone) == ("10.0%", "Down, better", "good")


def test_days_added_up_are_the_same_as_the_period_asked_for() -> None:
    workspace = make_workspace(time_zone="Asia/Kathmandu")  # 5 h 45 min from UTC
    given_events(
        [
            answer(workspace, score, f"2026-0{month}-1{day} 18:3{day}", scale="0-10", weight=weight)
            for month in (1, 2, 3, 4)
            for day in range(8)
            for score, weight in ((10, 1), (7, 2), (day, 0.5))
        ]
    )
    from datetime import date

    from cxm.steer.dashboards.asking import Asked
    from cxm.steer.dashboards.tiles import answered
    from cxm.understand.metrics.queries import metric_called

    for weighted in (False, True):
        view = View(period="", first=date(2026, 3, 1), last=date(2026, 4, 14), weighted=weighted)
        asked = Asked(workspace, metric_called("nps"), view, timezone.now())
        figure, change, points = answered(asked)
        plain = asked.change()
        assert change is not None and plain is not None
        assert (figure.value, figure.low, figure.high, figure.n) == pytest.approx(
            (plain.after.value, plain.after.low, plain.after.high, plain.after.n)
        )
        assert (change.difference, change.low, change.high) == pytest.approx((plain.difference, plain.low, plain.high))
        assert change.p_value == pytest.approx(plain.p_value)
        assert [(one.period, one.n, one.value) for one in points] == [
            (one.period, one.n, one.value) for one in asked.measured(asked.grain)
        ]


def test_an_empty_workspace_is_taught_the_next_step() -> None:
    workspace = make_workspace()
    page = client_of(owner_of(workspace)).get(f"/w/{workspace.slug}/").content.decode()
    assert "Bring in your first file" in page


def test_a_period_without_data_offers_the_one_that_has_some() -> None:
    workspace = make_workspace()
    given_events(nps_answers(workspace, 6, 3, 1, "2017-03-04 12:00"))
    client = client_of(owner_of(workspace))
    page = client.get(f"/w/{workspace.slug}/").content.decode()
    assert "Show the period with data (March 4, 2017)" in page
    assert "?from=2017-03-04&amp;to=2017-03-04" in page
    page = client.get(f"/w/{workspace.slug}/?from=2017-03-04&to=2017-03-04").content.decode()
    assert "50.0" in page


def test_the_csv_of_the_board_holds_its_numbers() -> None:
    workspace = make_workspace()
    given_events([*nps_answers(workspace, 20, 20, 60, days_ago(40)), *nps_answers(workspace, 70, 20, 10, days_ago(5))])
    answered = client_of(owner_of(workspace)).get(f"/w/{workspace.slug}/report/board.csv?period=30d")
    rows = list(csv.DictReader(io.StringIO(b"".join(answered).decode("utf-8-sig"))))
    assert [(row["metric"], row["value"], row["n"], row["before"], row["verdict"]) for row in rows] == [
        ("nps", "60.0", "100", "-40.0", "up")
    ]


def test_the_report_shows_figures_and_definitions() -> None:
    workspace = make_workspace()
    given_events(nps_answers(workspace, 6, 3, 1, days_ago(5)))
    page = client_of(viewer_of(workspace)).get(f"/w/{workspace.slug}/report/?period=30d").content.decode()
    assert "−1.6 to 78.6" in page
    assert "100 × (promoters − detractors) / answers" in page


def test_a_board_says_when_the_period_before_is_only_partly_covered() -> None:
    workspace = make_workspace()
    given_events(nps_answers(workspace, 6, 3, 1, days_ago(5)))
    given_events(nps_answers(workspace, 6, 3, 1, days_ago(40)))
    client = client_of(owner_of(workspace))
    assert "only partly covered" in client.get(f"/w/{workspace.slug}/?period=30d").content.decode()
    given_events(nps_answers(workspace, 6, 3, 1, days_ago(70)))
    assert "only partly covered" not in client.get(f"/w/{workspace.slug}/?period=30d").content.decode()


def test_a_stranger_sees_nothing() -> None:
    workspace = make_workspace()
    stranger = client_of(make_user("stranger@example.com", "Stranger"))
    for path in (
        "",
        "board/",
        "report/",
        "report/board.csv",
        "metrics/",
        "metrics/nps/",
        "metrics/nps/why/",
        "metrics/nps/trend.csv",
    ):
        assert stranger.get(f"/w/{workspace.slug}/{path}").status_code == 404
