"""Is this change real? Trends, boards of tiles, and how many answers it takes."""

from __future__ import annotations

import random

import pytest

from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.cast import answer, at, event, given_events, make_workspace
from cxm.understand.metrics.queries import Refused, answers_needed, compare, judge, measure, trend

pytestmark = pytest.mark.django_db


def test_a_trend_compares_the_last_two_periods_that_are_over() -> None:
    workspace = make_workspace()
    given_events(
        [
            *(answer(workspace, 2, "2026-01-10 12:00") for _ in range(30)),
            *(answer(workspace, 10, "2026-02-10 12:00") for _ in range(30)),
            *(answer(workspace, 0, "2026-03-10 12:00") for _ in range(30)),
        ]
    )
    scope = Scope(workspace.pk, since=at("2026-01-01"), until=at("2026-04-01"))
    found = trend("nps", scope, grain="month", now=at("2026-03-15"))
    assert [figure.value for figure in found.figures] == [-100, 100, -100]
    assert found.change is not None
    assert (found.change.difference, found.change.n_before, found.change.n_after) == (200, 30, 30)  # March is not over
    assert judge([found.change]) == ["up"]
    assert trend("nps", scope, grain="quarter", now=at("2026-03-15")).change is None


def test_shares_change_in_percent_and_times_by_their_intervals() -> None:
    workspace = make_workspace()
    given_events(
        [
            event(workspace, "ticket_updated", "2026-03-01", ticket_id=f"{month}-{number}", version=1,
                  opened_at=f"2026-0{month}-01T00:00:00Z", sla_met=number < met,
                  resolved_at=f"2026-0{month}-01T{hours + number % 2:02}:00:00Z")
            for month, hours, met in ((1, 2, 5), (2, 12, 15))
            for number in range(20)
        ]
    )  # fmt: skip
    before = Scope(workspace.pk, since=at("2026-01-01"), until=at("2026-02-01"))
    after = Scope(workspace.pk, since=at("2026-02-01"), until=at("2026-03-01"))
    sla = compare("sla", before, after)
    assert (sla.difference, sla.unit, sla.n_before, sla.n_after) == (50, "percent", 20, 20)  # from 25 to 75 percent
    time = compare("resolution", before, after)
    assert time.difference == 10 and time.low is not None and time.low > 0
    assert judge([sla, time]) == ["up", "up"]
    assert compare("sla", before, Scope(workspace.pk, since=at("2027-01-01"))).difference is None


def test_a_board_without_any_change_shows_no_verdict() -> None:
    chance = random.Random(5)
    workspace = make_workspace()
    given_events(
        [
            answer(workspace, chance.randint(0, 10), f"2026-0{month}-10 12:00", channel=f"c{number % 20}")
            for month in (1, 2)
            for number in range(800)
        ]
    )
    january = Scope(workspace.pk, since=at("2026-01-01"), until=at("2026-02-01"))
    february = Scope(workspace.pk, since=at("2026-02-01"), until=at("2026-03-01"))
    tiles = [
        compare("nps", january.where(channel), february.where(channel))
        for channel in (Filter("channel", "is", (f"c{number}",)) for number in range(20))
    ]
    assert judge(tiles) == ["no_evidence"] * 20


def test_how_many_answers_are_needed() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, score) for score in (10, 10, 8, 8, 0)])
    given_events([answer(workspace, score, metric="csat") for score in (5, 4, 1, 2)])
    scope = Scope(workspace.pk)
    (nps,), (csat,), (mean,) = measure("nps", scope), measure("csat", scope), measure("csat_mean", scope)
    # NPS: P = 0.4, D = 0.2, variance 0.6 − 0.04 = 0.56; change 0.1:
    # (1.95996 √(2 × (0.56 + 0.0025)) + 0.84162 √(2 × 0.56))² / 0.01 = 881.1; + 3
    assert answers_needed(nps, 10) == pytest.approx(885, abs=1)
    # 50 % to 60 %: 388 by the textbook, and 1 / (4 × 0.1) for the steps
    assert answers_needed(csat, 10) == pytest.approx(390, abs=2)
    assert answers_needed(mean, 0.5) > answers_needed(mean, 1)
    with pytest.raises(Refused):
        answers_needed(csat, 60)
    with pytest.raises(Refused):
        answers_needed(measure("tickets", scope)[0], 1)
