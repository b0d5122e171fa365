"""Values are masked by the key that they stand under, where it is about a person."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.lib.personal import MASK, mask_all, mask_texts

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "key",
    ["first_name", "firstName", "FIRST-NAME", "last name", "fullName", "$email", "E-Mail", "billing_email", "workPhone",
     "customerName", "customer.name", "trait.phone", "username", "date_of_birth", "Imię", "телефон", "Дата рождения",
     "прізвище", "手機"],
)  # fmt: skip
def test_some_keys_are_about_a_person_wherever_they_stand(key: str) -> None:
    assert mask_all({key: "Kowalska", "plan": "pro"}) == {key: MASK, "plan": "pro"}


@pytest.mark.parametrize(
    "key",
    ["name", "product_name", "product.name", "address", "ip_address", "smartphone", "phone_model", "email_subject",
     "campaign", "first_name_changed", "city", "set"],
)  # fmt: skip
def test_other_keys_are_not_unless_a_person_is_described(key: str) -> None:
    assert mask_all({key: "Kettle"}) == {key: "Kettle"}


@pytest.mark.parametrize(
    ("came", "masked"),
    [
        # identify: reserved traits of Segment, whole; an address whole, the company is none
        ({"traits": {"name": "Ann Lee", "address": {"city": "Lviv", "street": "Franka 1"}, "age": 30, "plan": "pro",
                     "company": {"name": "Initech"}, "family": [{"name": "Bo"}], "email": "", "phone": 380501234567}},
         {"traits": {"name": MASK, "address": {"city": MASK, "street": MASK}, "age": 30, "plan": "pro",
                     "company": {"name": "Initech"}, "family": [{"name": MASK}], "email": "", "phone": MASK}}),
        ({"context": {"traits": {"name": "Ann"}, "app": {"name": "Shop"}}, "name": "Home"},
         {"context": {"traits": {"name": MASK}, "app": {"name": "Shop"}}, "name": "Home"}),
        ({"$set": {"name": "Ann"}, "$lib": "web"}, {"$set": {"name": MASK}, "$lib": "web"}),
        # an order: the recipient is a person, products are none
        ({"order_id": "7", "recipient": {"name": "Ann"}, "products": [{"name": "Kettle"}]},
         {"order_id": "7", "recipient": {"name": MASK}, "products": [{"name": "Kettle"}]}),
        # a form with name and e-mail is about a person; what is below it is not
        ({"name": "Ann", "email": "x", "products": [{"name": "Kettle"}], "bundle": {"name": "Set"}},
         {"name": MASK, "email": MASK, "products": [{"name": "Kettle"}], "bundle": {"name": "Set"}}),
        ({"question": "why", "properties": {"role": "nps", "name": "Ann"}},
         {"question": "why", "properties": {"role": "nps", "name": MASK}}),
        # derived tables keep what is nested as text
        ({"contact": '{"name":"Ann"}', "order": '{"items":[{"name":"Kettle"}],"customer":{"name":"Ann"}}',
          "note": "{x}"},
         {"contact": '{"name":"•••"}', "order": '{"items":[{"name":"Kettle"}],"customer":{"name":"•••"}}',
          "note": "{x}"}),
        # neither yes nor no nor nothing makes a contact
        ({"name": "News", "email": True, "phone": None}, {"name": "News", "email": True, "phone": None}),
        # traits of a group are of no person
        ({"group_id": "g", "traits": {"name": "Initech", "email": "a@b.example"}},
         {"group_id": "g", "traits": {"name": MASK, "email": MASK}}),
        ({"group_id": "g", "traits": {"name": "Initech", "plan": "pro"}},
         {"group_id": "g", "traits": {"name": "Initech", "plan": "pro"}}),
    ],
)  # fmt: skip
def test_a_name_is_masked_where_a_person_is_described(came: dict[str, Any], masked: dict[str, Any]) -> None:
    assert mask_all(came) == masked
    assert mask_all(masked) == masked, "masking twice changes nothing"


def test_the_key_of_the_value_itself_counts_and_ids_that_are_kept_stay() -> None:
    assert mask_all({"name": "Ann"}) == {"name": "Ann"}
    assert mask_all({"name": "Ann"}, under="traits") == {"name": MASK}
    assert mask_all([5, "x"], under="phones") == [5, "x"] and mask_all([5, "x"], under="phone") == [MASK, MASK]
    came = {"customer": {"user_id": "Ann", "name": "Ann", "address": {"id": "a1", "street": "Franka 1"}}}
    assert mask_all(came, keep=lambda key: key == "id") == {
        "customer": {"user_id": "Ann", "name": MASK, "address": {"id": "a1", "street": MASK}}
    }


def test_answers_are_masked_by_what_they_say_not_by_what_their_question_is_called() -> None:
    assert mask_texts({"phone": 5, "email": {"name": ["a@b.example", "fine"]}}) == {
        "phone": 5, "email": {"name": [MASK, "fine"]}
    }  # fmt: skip
