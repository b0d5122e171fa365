"""Business hours against a look at every single minute, over random calendars, zones and changes of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.act.cases.calendars import Hours, NeverOpen, Span, always
from cxm.testing.effort import full_or

MINUTE = timedelta(minutes=1)
# Where clocks change in many ways: by an hour, by half an hour, at midnight, in the south, during Ramadan, never.
ZONES = [
    "UTC", "Europe/Kyiv", "Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
    "Africa/Casablanca", "Asia/Beirut", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "America/Sao_Paulo",
    "Asia/Tehran", "Africa/Cairo",
]  # fmt: skip
# Days on which some of them change.
TURNS = [
    date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2026, 4, 5), date(2026, 10, 4),
    date(2026, 2, 15), date(2026, 3, 22), date(2026, 9, 6), date(2018, 11, 4), date(2011, 12, 29), date(2022, 3, 22),
    date(2026, 4, 24), date(2026, 10, 29),
]  # fmt: skip


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    edges = draw(st.lists(st.integers(0, 1440), max_size=6, unique=True).map(sorted))
    return list(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Hours, datetime]:
    """A calendar, and a minute of a day near one on which clocks change somewhere."""
    day = draw(st.sampled_from(TURNS)) + timedelta(days=draw(st.integers(-2, 1)))
    near = st.integers(-2, 4).map(lambda days: day + timedelta(days=days))
    hours = Hours(
        draw(st.sampled_from(ZONES)),
        draw(st.lists(spans(), min_size=7, max_size=7)),
        draw(st.dictionaries(near, spans(), max_size=2)),
        draw(st.dictionaries(near.map(lambda one: (one.month, one.day)), spans(), max_size=1)),
    )
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + draw(st.integers(0, 1439)) * MINUTE
    return hours, start


def counts(hours: Hours, at: datetime) -> bool:
    """The sentence at the head of calendars.py, word for word."""
    wall = at.astimezone(hours.zone)
    minute = wall.hour * 60 + wall.minute
    return any(opens <= minute < closes for opens, closes in hours.spans_of(wall.date()))


@settings(max_examples=full_or(1500, 60))
@given(calendars(), st.integers(0, 3 * 1440), st.integers(0, 59))
def test_business_time_is_what_counting_the_minutes_gives(
    drawn: tuple[Hours, datetime], length: int, seconds: int
) -> None:
    hours, start = drawn
    minutes = [start + number * MINUTE for number in range(length)]
    opened = [counts(hours, one) for one in minutes]
    total = sum(opened) * MINUTE
    end = start + length * MINUTE
    assert hours.between(start, end) == total
    assert hours.between(end, start) == timedelta(0) or length == 0
    for at, is_open in list(zip(minutes, opened, strict=True))[:: max(1, length // 50)]:
        assert hours.is_open(at) == is_open
    # Part of a minute counts as that part.
    part = timedelta(seconds=seconds)
    if counts(hours, end):
        assert hours.between(start, end + part) == total + part
    if total:
        due = hours.after(start, total)
        assert hours.between(start, due) == total
        # The first such moment: a minute before, less had passed. The counted one that is last ends then.
        assert due == max(at for at, is_open in zip(minutes, opened, strict=True) if is_open) + MINUTE
        first = next(at for at, is_open in zip(minutes, opened, strict=True) if is_open)
        assert hours.opening(start) == first


@settings(max_examples=full_or(500, 40))
@given(calendars(), st.integers(1, 4000), st.integers(0, 4000))
def test_what_is_due_later_falls_later_and_pauses_add_up(
    drawn: tuple[Hours, datetime], minutes: int, pause: int
) -> None:
    hours, start = drawn
    amount = minutes * MINUTE
    try:
        due = hours.after(start, amount)
    except NeverOpen:
        assert not any(hours.week)
        return
    assert hours.between(start, due) == amount
    assert hours.after(start, amount + MINUTE) > due
    # Stopped somewhere on the way and going on from there at once, it is due at the same moment.
    middle = start + (due - start) * (pause / 4000)
    spent = hours.between(start, middle)
    assert hours.after(middle, amount - spent) == due or spent == amount


def test_days_on_which_clocks_change_count_what_the_wall_shows() -> None:
    night = [(60, 240)]  # 01:00 to 04:00
    kyiv = Hours("Europe/Kyiv", [night] * 7)
    day = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Kyiv"))
    # 03:00 becomes 04:00 in March, and 04:00 becomes 03:00 in October: two hours, and four.
    assert kyiv.between(day, day + timedelta(days=1)) == timedelta(hours=2)
    day = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Kyiv"))
    assert kyiv.between(day, day + timedelta(days=1)) == timedelta(hours=4)
    # Samoa left out 30 December 2011: who opens every day from nine to ten lost an hour.
    apia = Hours("Pacific/Apia", [[(540, 600)]] * 7)
    start = datetime(2011, 12, 29, 0, 0, tzinfo=ZoneInfo("Pacific/Apia"))
    assert apia.between(start, datetime(2012, 1, 1, tzinfo=ZoneInfo("Pacific/Apia"))) == timedelta(hours=2)


def test_a_target_of_four_hours_over_a_weekend_and_a_holiday() -> None:
    office = Hours(
        "Europe/Kyiv",
        [*[[(9 * 60, 13 * 60), (14 * 60, 18 * 60)]] * 5, [], []],
        {date(2026, 8, 24): []},  # Monday, Independence Day
        {(8, 25): [(10 * 60, 12 * 60)]},  # and a short day after it, every year
    )
    friday = datetime(2026, 8, 21, 17, 0, tzinfo=ZoneInfo("Europe/Kyiv"))
    # An hour on Friday, two on Tuesday, one on Wednesday: 10:00 there is 07:00 UTC.
    assert office.after(friday, timedelta(hours=4)) == datetime(2026, 8, 26, 7, 0, tzinfo=UTC)
    assert office.opening(friday + timedelta(hours=1)) == datetime(2026, 8, 25, 7, 0, tzinfo=UTC)
    assert office.after(friday, timedelta(0)) == friday
    assert always().after(friday, timedelta(hours=4)) == friday + timedelta(hours=4)


def test_what_never_opens_is_never_due_and_wrong_spans_are_refused() -> None:
    closed = Hours("UTC", [[]] * 7)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(NeverOpen):
        closed.after(start, MINUTE)
    with pytest.raises(NeverOpen):
        closed.opening(start)
    assert closed.between(start, start + timedelta(days=400)) == timedelta(0)
    for wrong in ([(600, 540)], [(0, 1441)], [(-1, 5)]):
        with pytest.raises(ValueError, match="span"):
            Hours("UTC", [wrong, *[[]] * 6])
    assert Hours("UTC", [[(60, 120), (120, 180), (100, 130)], *[[]] * 6]).week[0] == ((60, 180),)
