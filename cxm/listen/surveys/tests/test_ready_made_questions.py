"""Questions that the editor offers ready-made: attention check, address, matrices side by side."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.listen.surveys import actions
from cxm.listen.surveys.checking import Taken
from cxm.listen.surveys.checking import check as problems
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.presets import question as ready_made
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.respond.fields import KNOWN_PARTS

from .test_build_a_survey import client_of, question, save, survey, url
from .test_publish_a_survey import by

pytestmark = pytest.mark.django_db
__all__ = ["survey"]


def test_an_attention_check_is_added_ready_made(survey: Survey) -> None:
    client = client_of(survey)
    assert "Attention check" in client.get(url(survey)).content.decode()
    client.post(url(survey), {"do": "add:attention", "at": "question:nps", "lang": "en"})
    survey.refresh_from_db()
    check = question(survey, "attention")
    assert (check.kind, check.required, check.instructed) == ("single", True, "agree")
    assert [one.label["en"] for one in check.choices] == ["Disagree", "Neither", "Agree"]
    assert "“Agree”" in check.title["en"]
    save(survey, "question:attention")
    assert question(survey, "attention") == check
    save(survey, "question:attention", instructed="")
    assert question(survey, "attention").instructed == ""


def test_an_attention_check_without_its_choice_cannot_be_published(survey: Survey) -> None:
    definition = draft_of(survey)
    check = ready_made("attention", ["en"])
    definition.pages[0].sections[0].questions.append(check)
    taken = Taken()
    assert [one for one in problems(definition, taken) if one.code == "instructed"] == []
    check.choices.pop()
    assert [one.place.id for one in problems(definition, taken) if one.code == "instructed"] == ["attention"]


def test_an_address_is_added_ready_made(survey: Survey) -> None:
    client_of(survey).post(url(survey), {"do": "add:address", "at": "question:nps", "lang": "en"})
    survey.refresh_from_db()
    address = question(survey, "address")
    assert address.kind == "contact"
    assert [one.id for one in address.choices if one.required] == ["street", "city"]
    assert {one.id for one in address.choices} - KNOWN_PARTS.keys() == set()  # browsers fill them in


def test_two_matrices_stand_side_by_side_on_the_same_rows(survey: Survey) -> None:
    client = client_of(survey)
    client.post(url(survey), {"do": "add:side_by_side", "at": "question:nps", "lang": "en"})
    survey.refresh_from_db()
    first, second = question(survey, "importance"), question(survey, "satisfaction")
    assert [one.label["en"] for one in first.rows] == ["Quality", "Price", "Service"]
    assert (first.beside, second.beside, second.rows) == (False, True, first.rows)
    assert [one for one in problems(draft_of(survey), Taken()) if one.place.id in ("importance", "satisfaction")] == []

    page = client.get(url(survey), {"at": "question:satisfaction"}).content.decode()
    assert "Side by side with “How important is each of these to you?”" in page
    # Its rows are those of the first, and in their order.
    assert "Add a column" in page and "Add a row" not in page and "Order of the rows" not in page
    lines: dict[str, Any] = {"rows-lines": "Speed"}
    save(survey, "question:importance", do="rows:lines", **lines)
    added = [one.label["en"] for one in question(survey, "satisfaction").rows]
    assert added == ["Quality", "Price", "Service", "Speed"]

    client.post(url(survey), {"do": "up:question:satisfaction", "at": "question:satisfaction", "lang": "en"})
    survey.refresh_from_db()
    assert [one.code for one in problems(draft_of(survey), Taken()) if one.place.id == "satisfaction"] == ["beside"]
    assert len(question(survey, "satisfaction").rows) == 4  # by itself, with the rows that it had
    assert "Add a row" in client.get(url(survey), {"at": "question:satisfaction"}).content.decode()


def test_a_matrix_with_answers_keeps_its_rows(survey: Survey) -> None:
    client = client_of(survey)
    for _ in range(2):
        client.post(url(survey), {"do": "add:matrix", "at": "question:nps", "lang": "en"})
    survey.refresh_from_db()
    assert 'name="beside"' in client.get(url(survey), {"at": "question:matrix"}).content.decode()
    lines: dict[str, Any] = {"rows-lines": "Speed"}
    save(survey, "question:matrix", do="rows:lines", **lines)
    actions.publish(survey=survey, by=by(survey))
    assert 'name="beside"' not in client.get(url(survey), {"at": "question:matrix"}).content.decode()


def test_a_matrix_never_gets_the_rows_of_a_stranger(survey: Survey) -> None:
    client = client_of(survey)

    def do(what: str, at: str = "question:nps") -> None:
        client.post(url(survey), {"do": what, "at": at, "lang": "en"})
        survey.refresh_from_db()

    do("add:side_by_side")
    do("add:matrix")  # right before the table
    rows, other = question(survey, "satisfaction").rows, question(survey, "matrix").rows
    assert [one.id for one in draft_of(survey).questions()][:4] == ["nps", "matrix", "importance", "satisfaction"]
    assert rows != other
    do("delete:question:importance", "question:importance")
    assert (question(survey, "satisfaction").beside, question(survey, "satisfaction").rows) == (False, rows)
    do("undo")
    assert question(survey, "satisfaction").beside

    do("duplicate:question:importance", "question:importance")
    ids = [one.id for one in draft_of(survey).questions()]
    copied = ids[ids.index("importance") + 1]
    assert question(survey, copied).beside and ids[ids.index(copied) + 1] == "satisfaction", "one more in the table"
    do(f"delete:question:{copied}", f"question:{copied}")
    assert (question(survey, "satisfaction").beside, question(survey, "satisfaction").rows) == (True, rows)

    do("down:question:matrix", "question:matrix")  # between the two
    assert (question(survey, "satisfaction").beside, question(survey, "satisfaction").rows) == (False, rows)
    assert question(survey, "matrix").rows == other
