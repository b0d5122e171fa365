"""Hostile answers, tokens and requests: harmless, bounded, and never in the way of others."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from cxm.accounts.models import Workspace
from cxm.listen.surveys import presets
from cxm.listen.surveys.models import Response
from cxm.listen.surveys.respond.tests.given import EVERY_KIND, FIVE, Respondent, heading, make_survey, respondents
from cxm.listen.surveys.respond.tokens import Forged, Start, start_of, token_of
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]
NASTY = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}{answer.nps}=cmd|\x00\x1b[31m\u202e\ud83d"


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def test_markup_in_answers_addresses_and_definitions_is_text(workspace: Workspace) -> None:
    body: dict[str, Any] = json.loads(
        json.dumps(EVERY_KIND).replace("Recommend?", "<script>x()</script>{answer.short_text}")
    )
    body["hidden"] = ["plan"]
    survey = make_survey(workspace, body)
    mallory = Respondent()
    nasty = NASTY.encode("utf-8", "ignore").decode()
    address = (
        f"/s/{survey.public_id}?plan={quote(nasty)}&utm_source={quote(nasty)}&kiosk={quote(nasty)}&lang={quote(nasty)}"
    )
    page = mallory.get(address)
    assert "<script>x()" not in page.text
    assert "&lt;script&gt;x()" in page.text
    page = mallory.send(csat=4, short_text=nasty, long_text=nasty, email=nasty, single="other", single__other=nasty)
    assert page.status == 422  # no e-mail address
    assert "<script>alert" not in page.text
    assert "onerror=alert(1)>" not in page.text.replace("onerror=alert(1)&gt;", "")
    answers = Response.objects.get().answers
    assert "\x00" not in answers["short_text"]
    assert "<script>alert(1)</script>" in answers["short_text"]  # kept as it was said


def test_forged_cut_and_foreign_tokens_open_nothing(workspace: Workspace) -> None:
    survey, other = make_survey(workspace), make_survey(workspace)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    token = ada.form().action.rpartition("/")[2]
    chance = random.Random(1)
    for _ in range(50):
        place = chance.randrange(len(token))
        forged = token[:place] + chance.choice("ABCabc019-_") + token[place + 1 :]
        if forged.rstrip("=") != token and not _same(forged, token):
            assert ada.get(f"/s/r/{forged}").status == 404
    for bad in ("", "x", token[:-5], "A" * 7000, "🙂", "%00"):
        assert ada.get(f"/s/r/{quote(bad)}").status == 404
    assert ada.call(f"/s/w/{other.public_id}/answers", token=token, answers={"nps": 9}).status == 404
    assert Response.objects.count() == 0


def _same(one: str, other: str) -> bool:
    """Base64 has spellings of one another in its last letter."""
    try:
        return start_of(one) == start_of(other)
    except Forged:
        return False


def test_a_token_of_one_survey_cannot_change_a_response_to_another(workspace: Workspace) -> None:
    survey, other = make_survey(workspace), make_survey(workspace)
    ada = Respondent()
    ada.get(f"/s/{survey.public_id}")
    start = start_of(ada.form().action.rpartition("/")[2])
    ada.send("save", nps=9)
    crossed = token_of(Start(start.response, other.pk, 1, start.at, "en"))  # nobody but us can sign it
    assert ada.post(f"/s/r/{crossed}", {"page": "p1", "asked": "nps", "a.nps": "1", "step": "next"}).status == 503
    assert (Response.objects.get().survey_id, Response.objects.get().answers) == (survey.pk, {"nps": 9})


def test_wrong_types_and_sizes_are_refused_and_others_go_on(workspace: Workspace) -> None:
    survey = make_survey(workspace, EVERY_KIND)
    app = Respondent()
    values: tuple[Any, ...] = (
        None,
        True,
        -1,
        1e308,
        "9",
        [9],
        {"a": 1},
        [[[]]],
        {"price": {"x": 1}},
        "x" * 200_000,
        {"best": 1},
    )
    for value in values:
        answers = dict.fromkeys(
            (one["id"] for one in EVERY_KIND["pages"][0]["sections"][0]["questions"] if one["id"] != "file"), value
        )
        reply = app.call(f"/s/w/{survey.public_id}/answers", page="all", answers=answers)
        assert reply.status in (200, 413, 422), reply.text
    deep = b'{"answers":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert app.ask("POST", f"/s/w/{survey.public_id}/answers", deep).status == 400
    app.get(f"/s/{survey.public_id}")
    action = app.form().action
    assert app.post(action, {"page": "all", "asked": "long_text", "a.long_text": "x" * 10_000_000}).status == 413
    assert app.post(action, [(f"f{n}", "") for n in range(5000)]).status == 400
    assert app.ask("POST", action, b"\xff\xfe%ZZ&a.nps=%FF&page=%00", {"content-type": "text/plain"}).status in (
        303,
        422,
    )
    assert app.ask("DELETE", f"/s/{survey.public_id}").status == 405
    assert OutboxFact.objects.count() == 0


def test_a_filled_trap_is_thanked_and_does_not_count(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    robot = Respondent()
    robot.get(f"/s/{survey.public_id}")
    form = robot.form()
    fields = [pair for pair in form.fields if pair[0] != "website"]
    page = robot.post(form.action, [*fields, ("website", "http://spam"), ("a.nps", "10"), ("step", "next")])
    assert heading(page) == "Thanks a lot"
    response = Response.objects.get()
    assert response.state == Response.State.SCREENED_OUT
    assert "honeypot" in response.flags
    assert OutboxFact.objects.count() == 0


def test_who_does_not_choose_what_the_question_says_is_marked(workspace: Workspace) -> None:
    body = json.loads(json.dumps(FIVE))
    check = msgspec.to_builtins(presets.question("attention", ["en"]))
    body["pages"][0]["sections"][0]["questions"].append({**check, "required": False})
    survey = make_survey(workspace, body)
    for number, answer in enumerate(["agree", "neither", ""]):
        one = Respondent(f"198.51.100.{number}")
        one.get(f"/s/{survey.public_id}")
        one.send(nps=9, **({"attention": answer} if answer else {}))
    flags = Response.objects.order_by("completed_at").values_list("flags", flat=True)
    assert ["inattentive" in one for one in flags] == [False, True, False]


def test_haste_straight_lines_and_repetition_are_marked(workspace: Workspace) -> None:
    body = json.loads(json.dumps(FIVE))
    body["pages"][0]["sections"][0]["questions"].append(
        {"id": "grid", "kind": "matrix", "title": {"en": "Each?"},
         "rows": [{"id": one, "label": {"en": one}} for one in "abcd"],
         "choices": [{"id": one, "label": {"en": one}} for one in "xy"]}
    )  # fmt: skip
    survey = make_survey(workspace, body)
    ada = Respondent()
    for _ in range(2):
        ada.get(f"/s/{survey.public_id}")
        ada.send(nps=9, why="ok", speed=3, grid__a="x", grid__b="x", grid__c="x", grid__d="x")
    flags = list(Response.objects.order_by("completed_at").values_list("flags", flat=True))
    assert flags == [["speeding", "straight_lining"], ["speeding", "straight_lining", "duplicate"]]


def test_one_address_cannot_flood_a_survey(workspace: Workspace) -> None:
    survey = make_survey(workspace)
    flood, other = Respondent("203.0.113.99"), Respondent("203.0.113.98")
    statuses = [flood.get(f"/s/{survey.public_id}").status for _ in range(70)]
    assert statuses[:60] == [200] * 60  # so many at once; then four a second
    assert 429 in statuses
    assert other.get(f"/s/{survey.public_id}").status == 200
