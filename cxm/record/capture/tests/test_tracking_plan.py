"""The tracking plan: what it allows, what it refuses, and how it says what is wrong with itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.record.capture.plan import FITS, EventRule, PlanError, PlanText, PropertyRule, Violation, check, read_plan
from cxm.record.capture.reasons import WORDS, Reason

DOCS = Path(__file__).parents[4] / "docs"
PLAN = read_plan("""
events:
  Order Completed:
    description: A customer has paid.
    properties:
      order_id: {type: string, required: true}
      total: number
      items: integer
      paid: boolean
      at: date
      products: list
      address: object
      currency: {type: string, values: [EUR, UAH]}
      rating: {values: [1, 2, 3]}
    other_properties: refused
  Song Played:
""")
GOOD = {
    "order_id": "o1", "total": 12.5, "items": 3, "paid": True, "at": "2026-03-01T12:00:00.123Z", "products": [],
    "address": {}, "currency": "EUR", "rating": 2.0,
}  # fmt: skip


def test_an_event_that_keeps_to_the_plan_has_no_violations() -> None:
    assert check(PLAN, "Order Completed", GOOD) == []
    assert check(PLAN, "Order Completed", {"order_id": "o1", "total": None}) == []  # null is absent
    assert check(PLAN, "Song Played", {"anything": [1]}) == []


def test_an_event_that_the_plan_does_not_name() -> None:
    assert check(PLAN, "Order Complete", GOOD) == [Violation(Reason.NOT_IN_PLAN, "event 'Order Complete'")]
    assert check(read_plan("events: {}\nother_events: allowed"), "Anything", {"a": 1}) == []


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"order_id": None}, "order_id: required, but missing"),
        ({"order_id": 7}, "order_id: expected string, got integer"),
        ({"total": "12.5"}, "total: expected number, got string"),
        ({"total": True}, "total: expected number, got boolean"),
        ({"items": 2.5}, "items: expected integer, got number"),
        ({"paid": 1}, "paid: expected boolean, got integer"),
        ({"at": "yesterday"}, "at: expected date, got string"),
        ({"products": {}}, "products: expected list, got object"),
        ({"address": []}, "address: expected object, got list"),
        ({"currency": "USD"}, "currency: 'USD' is none of its values"),
        ({"rating": True}, "rating: 'True' is none of its values"),
    ],
)
def test_a_property_that_breaks_the_plan(change: dict[str, object], detail: str) -> None:
    assert check(PLAN, "Order Completed", {**GOOD, **change}) == [Violation(Reason.PROPERTY_INVALID, detail)]


def test_a_property_that_the_plan_does_not_name() -> None:
    assert check(PLAN, "Order Completed", {**GOOD, "totl": 1}) == [Violation(Reason.NOT_IN_PLAN, "property 'totl'")]


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("events: [", "Line 1 is not valid YAML"),
        ("events:\n  A: {}\n  A: {}", "“A” stands here twice"),
        ("", "the plan must be: names with values; it is: nothing"),
        ("event: {}", "“event” is no word of a plan, in the plan"),
        ("events: {A: {properties: {b: text}}}", "“text” cannot stand in events → … → properties → …"),
        ("events: {A: {properties: {b: {typ: string}}}}", "“typ” is no word of a plan"),
        ("events: {}\nother_events: maybe", "“maybe” cannot stand in other_events"),
        ("a: &a [*a]", "aliases and anchors"),
        ("!!python/object:os.system {}", "not valid YAML"),
        ("x" * 300_000, "longer than 256 KB"),
        ("[" * 5000, "The plan is nested too deep."),
    ],
)
def test_a_plan_that_cannot_be_used_says_why(yaml: str, words: str) -> None:
    with pytest.raises(PlanError) as error:
        read_plan(yaml)
    assert words in str(error.value)


def test_names_are_texts_whatever_yaml_takes_them_for() -> None:
    assert set(read_plan("events: {2025: {}, A: {properties: {1: string}}}").events) == {"2025", "A"}


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Reason)


def documented(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def test_every_key_and_type_of_a_plan_is_documented() -> None:
    page = documented("reference/tracking-plan.md")
    words = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    keys = {*PlanText.__struct_fields__, *EventRule.__struct_fields__, *PropertyRule.__struct_fields__}
    assert words == keys | set(FITS)
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert set(read_plan(example).events) == {"Order Completed", "Song Played"}


def test_every_reason_is_documented() -> None:
    assert set(re.findall(r"^\| `([a-z_]+)`", documented("guide/sources.md"), re.MULTILINE)) == {
        one.value for one in Reason
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), JSON))
def test_whatever_comes_is_judged(properties: dict[str, object]) -> None:
    for violation in check(PLAN, "Order Completed", properties):
        assert violation.reason in {Reason.NOT_IN_PLAN, Reason.PROPERTY_INVALID}
        assert violation.detail


@given(st.text())
def test_whatever_is_typed_is_a_plan_or_a_sentence(text: str) -> None:
    try:
        read_plan(text)
    except PlanError as error:
        assert str(error)
