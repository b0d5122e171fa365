"""NPS, CSAT, CES and ratings: hand-computed values, weights, scales, periods, the roll-up against the raw answers."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from typing import Any

import pytest

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Filter, Scope, UnknownField
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import answer, at, given_events, make_workspace
from cxm.understand.metrics.queries import Figure, distribution, measure, why
from cxm.understand.metrics.refusals import BadOption, MixedScales, NotWeighted, TooManyGroups, UnknownMetric

pytestmark = pytest.mark.django_db
EVERYTHING = Filter("channel", "is_not", ("no such channel",))  # a filter that the roll-up cannot answer


def near(number: Any, abs: float | None = None) -> Any:  # noqa: A002  # as pytest calls it
    return pytest.approx(number, abs=abs)


def one(metric: str, scope: Scope, **more: object) -> Figure:
    (figure,) = measure(metric, scope, **more)  # type: ignore[arg-type]  # options pass through
    return figure


def test_nps_is_promoters_minus_detractors_with_its_interval_and_n() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, score) for score in (10, 9, 9, 8, 7, 6, 0, None, 11)])
    figure = one("nps", Scope(workspace.pk))
    # 3 promoters, 2 passives, 2 detractors of 7; None and 11 do not count: 100 × (3 − 2) / 7
    assert (figure.value, figure.n, figure.unit) == (near(14.2857142857), 7, "points")
    assert figure.parts == {"promoters": 3, "passives": 2, "detractors": 2}
    # one of each added: m = 10, e = (4 − 3) / 10, variance = 7 / 10 − 0.01, half = 1.96 √(0.69 / 10) = 0.514841
    assert figure.low == near(100 * (0.1 - 0.514841), abs=0.01)
    assert figure.high == near(100 * (0.1 + 0.514841), abs=0.01)
    assert why(figure).excluded == {"missing": 1, "off_scale": 1}


def test_one_answer_and_no_score_at_all() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 9), answer(workspace, None, metric="csat")])
    single = one("nps", Scope(workspace.pk))
    assert (single.value, single.n) == (100, 1)
    assert single.low is not None and single.low < 0  # one answer says next to nothing
    missing = one("csat", Scope(workspace.pk))
    assert (missing.value, missing.low, missing.high, missing.n) == (None, None, None, 0)


def test_weights_count_when_asked_for() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 10, weight=3), answer(workspace, 5, weight=1), answer(workspace, 8, weight=0.5)])
    figure = one("nps", Scope(workspace.pk), weighted=True)
    assert figure.value == near(100 * (3 - 1) / 4.5)
    assert figure.n == 3
    raw = one("nps", Scope(workspace.pk).where(EVERYTHING), weighted=True)
    assert (raw.value, raw.low, raw.high, raw.n) == near((figure.value, figure.low, figure.high, 3))
    given_events([answer(workspace, 5, metric="csat", weight=2), answer(workspace, 2, metric="csat", weight=1)])
    for scope in (Scope(workspace.pk), Scope(workspace.pk).where(EVERYTHING)):
        assert one("csat_mean", scope, weighted=True).value == near((2 * 5 + 2) / 3)
        assert one("csat", scope, weighted=True).value == near(100 * 2 / 3)
    with pytest.raises(NotWeighted):
        measure("reopening", Scope(workspace.pk), weighted=True)


def test_top_boxes_follow_each_answers_own_scale() -> None:
    workspace = make_workspace()
    given_events(
        [
            *(answer(workspace, score, metric="csat", question="a", scale="1-5") for score in (3, 4, 5)),  # 2 of 3
            *(answer(workspace, score, metric="csat", question="b", scale="1-7") for score in (4, 5, 6, 7)),  # 2 of 4
            *(answer(workspace, score, metric="csat", question="c", scale="1-10") for score in (8, 9)),  # 1 of 2
        ]
    )
    for scope in (Scope(workspace.pk), Scope(workspace.pk).where(EVERYTHING)):
        assert one("csat", scope).value == near(100 * 5 / 9)
        assert one("csat", scope, question="b").value == near(50)
        assert one("csat", scope, question=("a", "c")).value == near(60)
        assert one("csat", scope, question="b", top=5).value == near(75)
        assert one("csat_mean", scope, question="b").value == near(5.5)
        assert [figure.by for figure in measure("csat", scope, by="question")] == ["a", "b", "c"]
        with pytest.raises(MixedScales, match="different scales"):
            measure("csat_mean", scope)
        assert len(measure("csat_mean", scope, by="scale")) == 3  # split by scale, each has its mean


def test_effort_counts_easy_answers_in_both_directions_and_on_seven_points() -> None:
    workspace = make_workspace()
    given_events(
        [
            *(answer(workspace, score, metric="ces", question="five") for score in (1, 2, 4, 5)),
            *(answer(workspace, score, metric="ces", question="seven", scale="1-7") for score in (1, 4, 5, 7)),
        ]
    )
    for scope in (Scope(workspace.pk), Scope(workspace.pk).where(EVERYTHING)):
        assert one("ces", scope, question="five").value == near(3)
        assert one("ces_easy", scope, question="five").value == near(50)
        assert one("ces_easy", scope, question="seven").value == near(50)  # 5 and 7
        # mirrored: 1, 4, 5, 7 become 7, 4, 3, 1, of which one is 5 or more
        assert one("ces_easy", scope, question="seven", easy_is="low").value == near(25)
        assert one("ces", scope, question="seven", easy_is="low").value == near(8 - 17 / 4)
        assert one("ces_easy", scope).value == near(50)


def test_periods_follow_the_time_zone_over_a_change_of_clocks() -> None:
    workspace = make_workspace()
    # Warsaw puts its clocks forward on 29 March 2026: 22:30 UTC is 23:30 on the 28th, but 00:30 a day later
    given_events([answer(workspace, 9, "2026-03-28 22:30"), answer(workspace, 0, "2026-03-29 22:30")])
    for scope in (Scope(workspace.pk, "Europe/Warsaw"), Scope(workspace.pk, "Europe/Warsaw").where(EVERYTHING)):
        days = measure("nps", scope, grain="day")
        assert [(str(day.period), day.value) for day in days] == [
            ("2026-03-28", 100),
            ("2026-03-29", None),
            ("2026-03-30", -100),
        ]
        # the 29th has 23 hours
        assert days[1].until is not None and days[1].since is not None
        assert (days[1].until.timestamp() - days[1].since.timestamp()) / 3600 == 23


def test_weeks_are_iso_weeks_over_the_end_of_the_year() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 9, when) for when in ("2025-12-28 12:00", "2025-12-29 12:00", "2026-01-04 12:00")])
    weeks = measure("nps", Scope(workspace.pk), grain="week")
    assert [(str(week.period), week.n) for week in weeks] == [("2025-12-22", 1), ("2025-12-29", 2)]


def test_quarters_and_years_and_bounds_within_a_period() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 9, when) for when in ("2025-12-31 12:00", "2026-01-02 12:00", "2026-04-01 12:00")])
    scope = Scope(workspace.pk, since=at("2026-01-02"), until=at("2026-05-10"))
    assert [(str(one.period), one.n) for one in measure("nps", scope, grain="quarter")] == [
        ("2026-01-01", 1),
        ("2026-04-01", 1),
    ]
    (year,) = measure("nps", scope, grain="year")
    assert (year.n, year.since, year.until) == (2, scope.since, scope.until)  # cut to the scope


@pytest.mark.parametrize("seed", range(3))
def test_roll_up_raw_answers_and_plain_python_agree(seed: int) -> None:
    chance = random.Random(seed)
    workspace = make_workspace()
    scores = [
        (
            chance.choice([None, *range(12)]),
            f"2026-0{chance.randint(1, 3)}-{chance.randint(1, 28):02} 12:{chance.randint(0, 59):02}",
            chance.choice([0.5, 1, 2]),
        )
        for _ in range(200)
    ]
    given_events([answer(workspace, score, when, weight=weight) for score, when, weight in scores])
    expected: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for score, when, weight in scores:
        if score is not None and score <= 10:
            expected[when[:7] + "-01"].append(((score >= 9) - (score < 7), weight))
    for scope in (Scope(workspace.pk), Scope(workspace.pk).where(EVERYTHING)):
        plain = {str(one.period): one for one in measure("nps", scope, grain="month")}
        weighted = {str(one.period): one for one in measure("nps", scope, grain="month", weighted=True)}
        assert set(plain) == set(expected)
        for period, sides in expected.items():
            assert plain[period].n == weighted[period].n == len(sides)
            assert plain[period].value == near(100 * sum(side for side, _ in sides) / len(sides))
            assert weighted[period].value == near(
                100 * sum(side * weight for side, weight in sides) / sum(weight for _, weight in sides)
            )


def test_late_answers_are_in_the_roll_up_at_once() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 9, "2026-03-01 12:00")])
    assert one("nps", Scope(workspace.pk)).value == 100
    given_events([answer(workspace, 0, "2025-03-01 12:00")])
    assert one("nps", Scope(workspace.pk)).value == 0


def test_bounds_that_cut_a_quarter_of_an_hour_are_exact() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 9, "2026-03-01 12:01"), answer(workspace, 0, "2026-03-01 12:09")])
    assert one("nps", Scope(workspace.pk, since=at("2026-03-01 12:05"))).value == -100
    assert one("nps", Scope(workspace.pk, until=at("2026-03-01 12:05"))).value == 100


def breakdown(workspace: Workspace) -> list[Event]:
    ada, bob = uuid.uuid4(), uuid.uuid4()
    put_customers([customer_row(workspace.pk, ada, {"plan": "gold"}), customer_row(workspace.pk, bob, {"plan": "tin"})])
    return [
        answer(workspace, 9, customer_id=ada, channel="email", properties={"area": "A"}),
        answer(workspace, 3, customer_id=bob, channel="web", properties={"area": "B"}),
        answer(workspace, 7, channel="web"),
    ]


def test_breakdown_by_column_property_and_trait() -> None:
    workspace = make_workspace()
    given_events(breakdown(workspace))
    scope = Scope(workspace.pk)

    def split(by: str) -> list[tuple[str, float | None, int]]:
        return [(figure.by, figure.value, figure.n) for figure in measure("nps", scope, by=by)]

    assert split("channel") == [("email", 100, 1), ("web", -50, 2)]
    assert split("property.area") == [("", 0, 1), ("A", 100, 1), ("B", -100, 1)]
    assert split("trait.plan") == [("", 0, 1), ("gold", 100, 1), ("tin", -100, 1)]


def test_distribution_has_every_score_of_the_scale() -> None:
    workspace = make_workspace()
    given_events([answer(workspace, score, metric="csat", scale="1-5", weight=2) for score in (1, 5, 5, 6)])
    for scope in (Scope(workspace.pk), Scope(workspace.pk).where(EVERYTHING)):
        bars = distribution("csat", scope, weighted=True)
        assert [(bar.score, bar.n, bar.weight) for bar in bars] == [
            (1, 1, 2), (2, 0, 0), (3, 0, 0), (4, 0, 0), (5, 2, 4),
        ]  # fmt: skip
    assert distribution("reopening", Scope(workspace.pk)) == []


def test_wrong_questions_are_refused() -> None:
    workspace = make_workspace()
    scope = Scope(workspace.pk)
    with pytest.raises(UnknownMetric):
        measure("nonsense", scope)
    with pytest.raises(BadOption):
        measure("nps", scope, statistic="mean")
    with pytest.raises(BadOption):
        measure("resolution", scope, statistic="mode")
    with pytest.raises(BadOption):
        measure("churn", scope, window="many")
    with pytest.raises(UnknownField):
        measure("nps", scope, by="customer_id")
    with pytest.raises(UnknownField):
        measure("nps", scope.where(Filter("priority", "is", ("high",))))
    with pytest.raises(TooManyGroups):
        given_events([answer(workspace, 9, "1960-01-01 12:00"), answer(workspace, 9)])
        measure("nps", scope, grain="day")


def test_a_workspace_counts_only_its_own_answers() -> None:
    ours = make_workspace()
    theirs = make_workspace("Theirs", owner=ours.memberships.get().user)
    given_events([answer(ours, 9), answer(theirs, 0)])
    assert one("nps", Scope(ours.pk)).value == 100
    assert one("nps", Scope(ours.pk).where(EVERYTHING)).value == 100


def test_answers_with_a_text_that_is_no_scale_do_not_count() -> None:
    workspace = make_workspace()
    given_events(
        [
            answer(workspace, 5, metric="csat", scale="1-5"),
            answer(workspace, 1, metric="csat", scale="stars $by '"),
        ]
    )
    for scope in (Scope(workspace.pk), Scope(workspace.pk).where(EVERYTHING)):
        assert (one("csat", scope).value, one("csat", scope).n) == (100, 1)
        assert one("csat_mean", scope).n == 1
