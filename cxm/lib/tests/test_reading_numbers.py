"""Numbers, intervals, durations and dates as readers of five languages write them."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from cxm.lib import numbers

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("language", "number", "unit", "text"),
    [
        ("en", 39.84, "points", "39.8"),
        ("en", -12.4, "points", "−12.4"),
        ("en", 2746, "count", "2,746"),
        ("pl", 12746, "count", f"12{SPACE}746"),
        ("ru", 2746, "count", f"2{SPACE}746"),
        ("uk", 0.4173, "percent", "41,7%"),
        ("ru", 0.4173, "percent", f"41,7{SPACE}%"),
        ("zh-hant", 0.4173, "percent", "41.7%"),
        ("en", 4.256, "score", "4.26"),
        ("en", 27.5, "hours", "27h 30m"),
        ("en", 12.26, "months", "12.3 mths"),
        ("en", 1234.5, "something new", "1,234.5"),
        ("en", None, "points", "–"),
        ("en", math.nan, "points", "–"),
    ],
)
def test_a_number_is_written_in_its_unit(language: str, number: float | None, unit: str, text: str) -> None:
    with translation.override(language):
        assert numbers.amount(number, unit) == text


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("en", 1234.5, "€1,234.50"),
        ("pl", 1234.5, f"1{SPACE}234,50{SPACE}€"),
        ("en", 1234567.4, "€1,234,567"),
        ("en", -3.5, "−€3.50"),
    ],
)
def test_money_is_written_with_its_currency(language: str, number: float, text: str) -> None:
    with translation.override(language):
        assert numbers.amount(number, "money", "EUR") == text


def test_a_number_is_stated_with_its_interval_and_n() -> None:
    assert numbers.statement(39.8, 37.0, 42.6, 2746, "points") == "39.8 (37.0 to 42.6), n = 2,746"
    assert numbers.statement(39.8, None, None, 2746, "points") == "39.8, n = 2,746"
    assert numbers.statement(39.8, 37.0, 42.6, None, "points") == "39.8 (37.0 to 42.6)"
    assert numbers.statement(None, None, None, 0, "points") == "–, n = 0"
    assert numbers.statement(39.8, None, None, None, "points") == "39.8"


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(seconds=45), "45s"),
        (timedelta(minutes=59, seconds=20), "59m"),
        (timedelta(minutes=59, seconds=40), "1h"),
        (3.3333, "3h 20m"),  # 3.3333 h = 200 min
        (47.9, "47h 54m"),
        (52, "2d 4h"),
        (-1.5, "−1h 30m"),
        (None, "–"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_parts(time: timedelta | float | None, text: str) -> None:
    assert numbers.duration(time) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [("pl", "2 godz. 5 min"), ("ru", "2 ч 5 мин"), ("uk", "2 год 5 хв"), ("zh-hant", "2 小時 5 分鐘")],
)
def test_a_duration_is_written_in_each_language(language: str, text: str) -> None:
    with translation.override(language):
        assert numbers.duration(timedelta(hours=2, minutes=5)).replace(SPACE, " ") == text


def test_a_change_has_its_sign() -> None:
    assert [numbers.signed(x, "points") for x in (2.44, -1.1, 0, None)] == ["+2.4", "−1.1", "0.0", "–"]
    # What rounds to nought has no sign.
    assert [numbers.signed(x, "percent") for x in (0.0004, -0.0004, -0.0006)] == ["0.0%", "0.0%", "−0.1%"]
    assert numbers.amount(-0.004, "money", "EUR") == "€0.00"


@pytest.mark.parametrize(
    ("step", "text"),
    [("day", "Mar 2, 2026"), ("week", "W10 2026"), ("month", "Mar 2026"), ("quarter", "Q1 2026"), ("year", "2026")],
)
def test_a_period_is_named(step: str, text: str) -> None:
    assert numbers.period(date(2026, 3, 2), step) == text


def test_an_hour_is_named_by_its_start() -> None:
    assert numbers.period(datetime(2026, 3, 2, 14, tzinfo=ZoneInfo("Europe/Kyiv")), "hour") == "Mar 2, 14:00"


def test_the_week_of_new_year_belongs_to_its_iso_year() -> None:
    assert numbers.period(date(2024, 12, 30), "week") == "W1 2025"
