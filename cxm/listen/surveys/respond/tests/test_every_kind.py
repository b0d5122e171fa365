"""Every kind of question: asked without a script, read as what it is, shown again as it was, told to the log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from cxm.listen.surveys.models import Response
from cxm.listen.surveys.respond.tests.given import (
    EVERY_ANSWER,
    EVERY_KIND,
    EVERY_VALUE,
    Respondent,
    heading,
    make_survey,
    respondents,
)
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


def multipart(fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]) -> tuple[bytes, dict[str, str]]:
    edge = "edge-of-the-parts"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for name, file, content in files:
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="'
            f'{file}"\r\nContent-Type: text/plain\r\n\r\n'
        )
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{edge}--\r\n".encode(), {"content-type": f"multipart/form-data; boundary={edge}"}


def test_every_kind_is_kept_shown_again_and_told() -> None:
    survey = make_survey(make_workspace(), EVERY_KIND)
    ada = Respondent()
    page = ada.get(f"/s/{survey.public_id}")
    assert page.status == 200
    assert "Anything else?" in ada.send(**EVERY_ANSWER).text
    response = Response.objects.get()
    assert response.answers == EVERY_VALUE
    assert set(response.seen) == set(_ids())
    ada.send("back")
    again = ada.send()  # the form as it comes back, untouched, says the same
    assert "Anything else?" in again.text
    assert Response.objects.get().answers == EVERY_VALUE
    assert heading(ada.send(last="No")) == "Thank you!"
    facts = {fact.properties["question"]: fact.properties for fact in OutboxFact.objects.filter(name="answer_given")}
    assert set(facts) == {*_ids(), "last", "matrix.price", "matrix.speed", "constant_sum.ads", "constant_sum.shops"} - {
        "matrix", "constant_sum", "statement", "file",
    }  # fmt: skip
    assert [facts[one]["score"] for one in ("nps", "csat", "ces", "rating", "slider", "number")] == [
        9,
        4,
        7,
        5,
        40,
        3.5,
    ]
    assert (facts["matrix.speed"]["metric"], facts["matrix.speed"]["score"], facts["matrix.speed"]["scale"]) == (
        "rating", 2, "1-2",
    )  # fmt: skip
    assert facts["ranking"]["properties"]["choices"] == ["two", "three", "one"]
    assert facts["maxdiff"]["properties"]["best"] == ["taste"]
    for personal in ("email", "phone", "contact"):  # the log does not repeat what names or reaches a person
        assert facts[personal]["properties"]["choices"] == ["given"]
        assert facts[personal]["comment"] == ""


def _ids() -> list[str]:
    return [one["id"] for one in EVERY_KIND["pages"][0]["sections"][0]["questions"]]


def test_a_file_is_kept_and_a_wrong_one_is_refused() -> None:
    survey = make_survey(make_workspace(), EVERY_KIND)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    form = ada.form()
    fields = [*form.fields, ("a.csat", "4"), ("step", "next")]
    body, headers = multipart(fields, [("a.file", "../../run.exe", b"MZ")])
    page = ada.ask("POST", form.action, body, headers)
    assert page.status == 422
    assert "run.exe is of a kind that is not taken here. Taken are: .png, .txt." in page.text
    body, headers = multipart(fields, [("a.file", "large.txt", b"x" * 20_000)])  # 10 000 bytes are allowed
    assert "The file large.txt has more than 0.01 MB." in ada.ask("POST", form.action, body, headers).text
    body, headers = multipart(fields, [("a.file", "<b>note.txt", b"hello"), ("a.nps", "x.txt", b"no")])
    assert ada.ask("POST", form.action, body, headers).status == 303
    [kept] = Response.objects.get().answers["file"]
    assert (kept["name"], kept["size"], kept["type"]) == ("<b>note.txt", 5, "text/plain")
    stored = Path(settings.MEDIA_ROOT) / kept["key"]
    assert stored.read_bytes() == b"hello"
    assert len(list(stored.parent.iterdir())) == 1  # nothing is left of what was refused


def matrix(id_: str, title: str, **more: Any) -> dict[str, Any]:
    columns = [{"id": one, "label": {"en": one.title()}} for one in ("low", "high")]
    rows = [{"id": one, "label": {"en": one.title()}} for one in ("price", "speed", "smell")]
    return {"id": id_, "kind": "matrix", "title": {"en": title}, "rows": rows, "choices": columns, **more}


def side_by_side(**look: Any) -> dict[str, Any]:
    """A table of three matrices with their rows in random order; the third is for those who say what is important."""
    third = {"field": "answer.important.price", "operator": "is", "values": ["high"]}
    asked = [
        matrix("important", "Important?", order="random"),
        matrix("happy", "Happy?", beside=True, required=True),
        matrix("why", "Changed?", beside=True, several=True, show=third),
    ]
    page = {"id": "p1", "sections": [{"id": "s1", "questions": asked}]}
    return {"title": {"en": "Side by side"}, "languages": ["en"], "pages": [page], "look": look}


@pytest.mark.parametrize("look", [{}, {"one_at_a_time": True}], ids=["page", "one at a time"])
def test_matrices_side_by_side_share_one_table(look: dict[str, Any]) -> None:
    survey = make_survey(make_workspace(), side_by_side(**look))
    orders = set()
    for _ in range(6):
        text = Respondent().get(f"/s/{survey.public_id}").text
        legends = re.findall(r"<legend>(\w+)</legend>", text)
        assert sorted(legends) == ["Price", "Smell", "Speed"]  # each row once, with the columns of both
        inputs = re.findall(r'name="a\.(\w+)\.(\w+)" value="low"', text)
        assert inputs == [(question, row.lower()) for row in legends for question in ("important", "happy")]
        orders.add(tuple(legends))
    assert len(orders) > 1

    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    page = ada.send(important__price="high", happy__price="low").text
    assert "Please answer this question." in page and page.count('<fieldset class="row"') == 3
    assert len(re.findall(r'name="a\.why\.\w+" value="low"', page)) == 3  # came to be shown, in the same table
    ada.send(
        important__price="high", happy__price="low", happy__speed="low", happy__smell="high", why__speed=["low", "high"]
    )
    response = Response.objects.get()
    assert response.state == Response.State.COMPLETED
    assert response.answers == {
        "important": {"price": "high"}, "happy": {"price": "low", "speed": "low", "smell": "high"},
        "why": {"speed": ["low", "high"]},
    }  # fmt: skip


def test_a_matrix_whose_table_is_not_shown_stands_by_itself() -> None:
    """The first is hidden; of the others, one has other rows because one of them is hidden."""
    made = side_by_side()
    first, _second, third = made["pages"][0]["sections"][0]["questions"]
    first["show"] = {"field": "language", "operator": "is", "values": ["pl"]}
    third["show"] = None
    third["rows"][0]["show"] = first["show"]
    text = Respondent().get(f"/s/{make_survey(make_workspace(), made).public_id}").text
    assert "Important?" not in text
    assert len(re.findall("<fieldset class=.q matrix", text)) == 2 and "matrix beside" not in text
    assert text.count('<fieldset class="row"') == 3 + 2
