"""The address of a page reproduces it, and a wrong address shows a sensible page and a clear sentence."""

from __future__ import annotations

from datetime import date

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from cxm.record.eventlog.scope import Filter
from cxm.steer.dashboards.address import GRAINS, View, filter_from, read, written
from cxm.steer.dashboards.periods import EARLIEST, LATEST, NAMES, Days, days_of, previous, year_before

letters = st.characters(min_codepoint=32, exclude_categories=["Cs"])
texts = st.text(letters, min_size=1, max_size=20)
filters = st.one_of(
    st.builds(
        Filter,
        texts,
        st.sampled_from(["is", "is_not", "contains"]),
        st.lists(st.text(letters, max_size=20), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Filter, texts, st.sampled_from(["at_least", "at_most"]), st.integers(0, 999).map(lambda n: (str(n),))),
    st.builds(Filter, texts, st.sampled_from(["is_set", "is_not_set"])),
)
days = st.lists(st.dates(EARLIEST, LATEST), min_size=2, max_size=2).map(sorted)
periods = st.one_of(
    st.sampled_from(sorted(NAMES)).map(lambda name: (name, None, None)),
    days.map(lambda two: ("", two[0], two[1])),
    days.map(lambda two: ("", two[0], None)),
    days.map(lambda two: ("", None, two[1])),
)


@st.composite
def views(draw: st.DrawFn) -> View:
    period, first, last = draw(periods)
    return View(
        period=period,
        first=first,
        last=last,
        grain=draw(st.sampled_from([None, *GRAINS])),
        by=draw(st.one_of(st.just(""), texts)),
        filters=tuple(draw(st.lists(filters, max_size=4, unique=True))),
        comparison=draw(st.sampled_from(["none", "previous", "year", "segment"])),
        other=tuple(draw(st.lists(filters, max_size=2, unique=True))),
        weighted=draw(st.booleans()),
        options=tuple(draw(st.lists(st.tuples(st.sampled_from(["question", "scale"]), texts), max_size=3))),
    )


@given(views())
def test_a_view_comes_back_from_its_address(view: View) -> None:
    reading = read(QueryDict(view.query))
    assert reading.problems == []
    assert {key: sorted(values) for key, values in reading.view.said().items()} == {
        key: sorted(values) for key, values in view.said().items()
    }
    assert reading.view.query.split("&o.")[0] == view.query.split("&o.")[0]
    assert reading.view.filters == view.filters
    assert reading.view.other == view.other


@given(filters)
def test_a_filter_comes_back_from_its_text(one: Filter) -> None:
    assert filter_from(written(one)) == one


@given(st.text(max_size=60))
def test_no_query_string_breaks_the_reading(text: str) -> None:
    reading = read(QueryDict(text))
    assert read(QueryDict(reading.view.query)).problems == []


@given(st.text(max_size=40))
def test_no_filter_breaks_the_reading(text: str) -> None:
    reading = read(QueryDict(mutable=False) if not text else _query(f=text, ff=text, fv=text))
    assert read(QueryDict(reading.view.query)).view.filters == reading.view.filters


def _query(**values: str) -> QueryDict:
    query = QueryDict(mutable=True)
    query.update(values)
    return query


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("period=yesteryear", "There is no period “yesteryear”. The usual one is shown."),
        ("from=2026-02-30", "“2026-02-30” is not a day that can be shown. Write it as year-month-day."),
        ("from=0001-01-01", "“0001-01-01” is not a day that can be shown. Write it as year-month-day."),
        ("from=2026-02-02&to=2026-01-01", "The first day is after the last day, so they were exchanged."),
        ("grain=hour", "There is no such step for a trend."),
        ("vs=moon", "There is no such comparison."),
        ("f=channel", "The filter “channel” cannot be read. Choose a field again."),
        ("f=channel:like:x", "The filter on “channel” compares in a way that there is not. Choose it again."),
        ("f=channel:is", "The filter on “channel” has no value. Write one."),
        ("f=property.age:at_least:old", "The filter on “property.age” needs one number."),
        ("f=property.age:at_least:inf", "The filter on “property.age” needs one number."),
        ("f=a%00b:is:x", "A filter holds characters that no field has. Choose its field again."),
    ],
)
def test_a_wrong_address_says_what_is_wrong(address: str, sentence: str) -> None:
    assert read(QueryDict(address)).problems == [sentence]


def test_a_form_adds_a_filter_without_javascript() -> None:
    view = read(QueryDict("f=channel:is:email&ff=property.area&fo=is_not&fv=A|B")).view
    assert view.filters == (Filter("channel", "is", ("email",)), Filter("property.area", "is_not", ("A", "B")))


def test_what_is_usual_is_not_in_the_address() -> None:
    assert View().query == ""
    assert View(period="90d", filters=(Filter("channel", "is", ("a|b", "c:d")),)).query == (
        "period=90d&f=channel%3Ais%3Aa%5C%7Cb%7Cc%3Ad"
    )


def test_a_pinned_view_names_its_days() -> None:
    view = View(period="30d").pinned(date(2026, 3, 30))
    assert view.query == "from=2026-03-01&to=2026-03-30&grain=day"  # 30 days, both ends included
    assert view.days(date(2030, 1, 1)) == Days(date(2026, 3, 1), date(2026, 3, 30))


def test_named_periods() -> None:
    today = date(2026, 5, 20)  # a Wednesday in the second quarter
    assert {name: days_of(name, today) for name in NAMES} == {
        "7d": Days(date(2026, 5, 14), today),
        "30d": Days(date(2026, 4, 21), today),
        "90d": Days(date(2026, 2, 20), today),  # 9 of February, 31, 30 and 20
        "12m": Days(date(2025, 5, 21), today),
        "month": Days(date(2026, 5, 1), today),
        "last_month": Days(date(2026, 4, 1), date(2026, 4, 30)),
        "quarter": Days(date(2026, 4, 1), today),
        "last_quarter": Days(date(2026, 1, 1), date(2026, 3, 31)),
        "year": Days(date(2026, 1, 1), today),
        "last_year": Days(date(2025, 1, 1), date(2025, 12, 31)),
        "all": Days(None, None),
    }


def test_the_period_before() -> None:
    assert previous(Days(date(2026, 3, 1), date(2026, 3, 31))) == Days(date(2026, 2, 1), date(2026, 2, 28))
    assert previous(Days(date(2025, 5, 21), date(2026, 5, 20))) == Days(date(2024, 5, 21), date(2025, 5, 20))
    assert previous(Days(date(2026, 5, 14), date(2026, 5, 20))) == Days(date(2026, 5, 7), date(2026, 5, 13))
    assert previous(Days(None, date(2026, 5, 20))) is None
    assert previous(Days(EARLIEST, LATEST)) is None  # nothing the log could hold
    assert year_before(Days(date(2025, 2, 1), date(2025, 2, 28))) == Days(date(2024, 2, 1), date(2024, 2, 29))
