"""Writing conditions in a form, with and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.lib.conditions import Condition, holds, normal
from cxm.lib.conditions_form import COMPARISONS, ConditionForm, Field

FIELDS = [
    Field("trait.city", "City", group="Traits"),
    Field("trait.seats", "Seats", "number", group="Traits"),
    Field("trait.vip", "Very important", "yes_no", group="Traits"),
    Field("trait.since", "Customer since", "date", group="Traits"),
    Field("answer.why", "Why", "choice", (("price", "The price"), ("other", "Other")), group="Answers", many=True),
    Field("event.order_placed", "Order", "number", group="Events", counted=True),
]


def sent(*pairs: tuple[str, str]) -> QueryDict:
    data = QueryDict(mutable=True)
    for key, value in pairs:
        data.appendlist(key, value)
    return data


def pressed(form: ConditionForm, button: str, fields: list[Field] = FIELDS) -> ConditionForm:
    return ConditionForm.read(sent(*form.sent(), ("when-do", button)), fields)


def leaf(field: str, operator: Any, *values: str | float | bool, **more: Any) -> Condition:
    return Condition(field=field, operator=operator, values=values, **more)


def leaves_of(asked: Field) -> st.SearchStrategy[Condition]:
    words = st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), min_size=1, max_size=8)
    numbers = st.integers(-(10**9), 10**9).map(float) | st.decimals(-1000, 1000, places=2).map(float)
    values: dict[str, st.SearchStrategy[Any]] = {
        "text": words, "number": numbers, "yes_no": st.booleans(),
        "date": st.dates().map(lambda day: day.isoformat()), "choice": st.sampled_from(["price", "other", "gone"]),
    }  # fmt: skip

    def of(operator: str) -> st.SearchStrategy[Condition]:
        if operator in ("is_set", "is_not_set"):
            return st.just(leaf(asked.name, operator))
        single = asked.kind == "yes_no" or asked.counted or operator in COMPARISONS["number"][2:]
        lists = st.lists(values[asked.kind], min_size=1, max_size=1 if single else 3)
        within = st.none() | st.integers(1, 900) if asked.counted else st.none()
        return st.builds(
            lambda some, days: leaf(asked.name, operator, *some, within_days=days), lists, within
        )  # fmt: skip

    return st.sampled_from([one for one in asked.operators if one != "matches"]).flatmap(of)


TREES = st.recursive(
    st.sampled_from(FIELDS).flatmap(leaves_of),
    lambda below: (
        st.lists(below, max_size=3).map(lambda some: Condition(all=tuple(some)))
        | st.lists(below, max_size=3).map(lambda some: Condition(any=tuple(some)))
        | below.map(lambda one: Condition(not_=one))
    ),
    max_leaves=8,
)


def prune(condition: Condition) -> bool:
    """Whether a row is anywhere: a tree without one is no condition for a form."""
    return any(True for _row in ConditionForm(FIELDS, condition).rows())


@settings(max_examples=300)
@given(TREES.filter(prune))
def test_a_tree_comes_back_from_the_form_as_it_was(tree: Condition) -> None:
    form = ConditionForm.read(sent(*ConditionForm(FIELDS, tree).sent()), FIELDS)
    assert form.is_valid() and not form.changed
    back = form.condition
    assert back is not None
    root = normal(tree)
    if back != root:  # a root that is a row is shown in a group of one
        assert back == Condition(all=(root,))


def test_rows_are_added_negated_given_values_and_removed_by_buttons() -> None:
    form = pressed(ConditionForm(FIELDS), "add:0")
    assert form.changed and [row.path for row in form.rows()] == ["0.0"]
    form = ConditionForm.read(
        sent(("when-0-join", "all"), ("when-0.0-field", "trait.city"), ("when-0.0-shown", "")), FIELDS
    )
    assert form.changed  # another field than was shown: its value could not be typed yet
    [row] = form.rows()
    row.values = ["Kyiv"]
    form = pressed(form, "or:0.0")
    [row] = form.rows()
    assert row.shown_values == ["Kyiv", ""]
    form = pressed(form, "negate:0.0")
    form = pressed(form, "group:0")
    assert [row.path for row in form.rows()] == ["0.0", "0.1.0"]
    form = pressed(form, "remove:0.1")
    form = ConditionForm.read(sent(*form.sent()), FIELDS)
    assert not form.changed and form.is_valid()
    assert form.condition == Condition(all=(Condition(not_=leaf("trait.city", "is", "Kyiv")),))


def test_what_was_typed_stays_and_says_what_is_wrong() -> None:
    rows = [
        ("trait.seats", "at_least", "many"),
        ("trait.since", "is", "soon"),
        ("trait.city", "matches", "("),
        ("", "", ""),
    ]
    pairs = [("when-0-join", "any")]
    for place, (name, operator, value) in enumerate(rows):
        key = f"when-0.{place}"
        pairs += [
            (f"{key}-field", name),
            (f"{key}-shown", name),
            (f"{key}-operator", operator),
            (f"{key}-value", value),
        ]
    form = ConditionForm.read(sent(*pairs), FIELDS)
    assert not form.is_valid() and not form.changed
    assert [row.problem for row in form.rows()] == [
        "“many” is not a number.",
        "“soon” is not a date such as 2026-03-01.",
        "That is not a regular expression.",
        "Choose what the condition looks at, or remove the row.",
    ]
    html = render_to_string("components/conditions.html", {"form": form})
    assert 'value="many"' in html and "“many” is not a number." in html


def test_numbers_are_read_as_people_write_them() -> None:
    pairs = [("when-0-join", "all"), ("when-0.0-field", "trait.seats"), ("when-0.0-shown", "trait.seats")]
    for text, number in (("1 200,5", 1200.5), ("7", 7.0), ("−3", -3.0)):
        form = ConditionForm.read(sent(*pairs, ("when-0.0-operator", "at_most"), ("when-0.0-value", text)), FIELDS)
        assert form.is_valid() and form.condition == Condition(all=(leaf("trait.seats", "at_most", number),))


def test_a_field_that_is_gone_stays_in_the_condition() -> None:
    tree = Condition(all=(leaf("trait.gone", "is", "x"), leaf("trait.city", "includes_all", "Kyiv")))
    form = ConditionForm.read(sent(*ConditionForm(FIELDS, tree).sent()), FIELDS)
    assert form.is_valid() and form.condition == tree
    assert '<option value="trait.gone" selected>' in render_to_string("components/conditions.html", {"form": form})


@pytest.mark.parametrize(
    "pairs",
    [
        [("when-do", "explode:0")], [("when-do", "remove:0")], [("when-do", "add:0.9")], [("when-0.5.1-field", "x")],
        [("when-0-join", "<b>"), ("when-0.0-field", "<script>"), ("when-0.0-operator", "drop")],
        [(f"when-0{'.0' * depth}-join", "all") for depth in range(60)],
    ],
)  # fmt: skip
def test_forged_posts_are_harmless(pairs: list[tuple[str, str]]) -> None:
    form = ConditionForm.read(sent(*pairs), FIELDS)
    form.is_valid()
    assert "<script>" not in render_to_string("components/conditions.html", {"form": form})


def test_a_form_never_changes_what_a_condition_means() -> None:
    tree = Condition(not_=Condition(not_=leaf("trait.city", "is", "Lviv")))
    form = ConditionForm.read(sent(*ConditionForm(FIELDS, tree).sent()), FIELDS)
    assert form.is_valid() and form.condition
    assert holds(form.condition, {"trait.city": "Lviv"}) and not holds(form.condition, {"trait.city": "Kyiv"})
