"""The public page: figures for everybody with the address, and nothing by which a person could be told."""

from __future__ import annotations

import pytest
from django.test import Client

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Choice, Question
from cxm.steer.dashboards.surveys.sharing import share
from cxm.testing.answered import answered_many, make_survey
from cxm.testing.cast import make_customer, make_workspace

from .given import client_of, owner_of
from .given_surveys import EVERY_KIND, FULL, NPS, PLAN, WHY

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def test_the_address_shows_figures_and_no_person(workspace: Workspace) -> None:
    survey = make_survey(workspace, *EVERY_KIND)
    ada = make_customer(workspace, "Ada Zanzibar", email="zanzibar@example.com")
    answered_many(survey, [FULL] * 12, customer=ada)
    token = share(survey=survey, by=owner_of(workspace))
    answer = Client().get(f"/r/{token}")
    text = answer.content.decode()
    assert answer.status_code == 200 and "12 people have completed" in text and "Would you recommend us?" in text
    for personal in ("Zanzibar", "zanzibar", "ada@example.com", "Fast", "fax", "+380", "bill.pdf", workspace.slug):
        assert personal not in text, personal
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_groups_of_few_people_are_hidden_and_cannot_be_worked_out(workspace: Workspace) -> None:
    colours = [Choice(id=one, label={"en": one.title()}) for one in ("red", "green", "blue", "black")]
    survey = make_survey(workspace, Question(id="colour", kind="single", title={"en": "Colour?"}, choices=colours), NPS)
    answered_many(survey, [{"colour": "red", "nps": 9}] * 20)
    answered_many(survey, [{"colour": "green", "nps": 10}] * 8 + [{"colour": "blue", "nps": 3}] * 3)
    token = share(survey=survey, by=owner_of(workspace))
    text = Client().get(f"/r/{token}").content.decode()
    # blue: 3 of 31 is hidden; with green alone beside it, 31 − 20 − 8 would tell it, so the next one is hidden too:
    # black with none, then green, until what is hidden holds 5 people
    assert "Red" in text and "Blue" not in text and "Green" not in text and "Black" not in text
    assert "fewer than 5" in text
    assert "80.6" in text  # NPS: 100 × (28 − 3) / 31
    assert "Detractors" not in text  # the chart would count the three


def test_fewer_than_ten_answers_show_nothing(workspace: Workspace) -> None:
    survey = make_survey(workspace, NPS, WHY, PLAN)
    answered_many(survey, [{"nps": 9, "plan": "paid"}] * 9)
    token = share(survey=survey, by=owner_of(workspace))
    text = Client().get(f"/r/{token}").content.decode()
    assert "once 10 people have answered" in text and "recommend" not in text
    answered_many(survey, [{"nps": 9}] * 3)
    text = Client().get(f"/r/{token}").content.decode()
    assert "Would you recommend us?" in text and "Fewer than 10 people answered this" in text


def test_sharing_is_switched_on_and_off_by_analysts(workspace: Workspace) -> None:
    survey = make_survey(workspace, NPS)
    client = client_of(owner_of(workspace))
    url = f"/w/{workspace.slug}/surveys/{survey.pk}/results/share/"
    assert Client().get("/r/").status_code == 404 and Client().get("/r/nonsense").status_code == 404
    client.post(url, {"do": "start"})
    survey.refresh_from_db()
    first = survey.results_token
    assert len(first) == 40 and Client().get(f"/r/{first}").status_code == 200
    assert first in client.get(url).content.decode()
    client.post(url, {"do": "start"})
    survey.refresh_from_db()
    assert Client().get(f"/r/{first}").status_code == 404 and survey.results_token != first
    client.post(url, {"do": "stop"})
    survey.refresh_from_db()
    assert survey.results_token == "" and Client().get(f"/r/{first}").status_code == 404
