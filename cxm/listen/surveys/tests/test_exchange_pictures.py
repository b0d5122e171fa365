"""A survey goes to another workspace as a file, and its uploaded pictures with it; hostile pictures do not."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from cxm.accounts.models import Workspace
from cxm.listen.surveys import actions, importing, pictures
from cxm.listen.surveys.definition import UPLOADED, Choice, Definition, Page, Question, Section
from cxm.listen.surveys.models import Picture, Survey
from cxm.listen.surveys.queries import draft_of
from cxm.testing.cast import make_user, make_workspace

from .test_surveys_by_rest import caller

pytestmark = pytest.mark.django_db


def owner_of(workspace: Workspace) -> Any:
    return workspace.memberships.get().user


def picture(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (60, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def survey_with(workspace: Workspace, *images: str) -> Survey:
    choices = [Choice(f"c{number}", {"en": f"No. {number}"}, image=image) for number, image in enumerate(images)]
    question = Question("which", "picture", {"en": "Which one?"}, choices=choices)
    definition = Definition({"en": "Pictures"}, ["en"], [Page("p1", [Section("s1", [question])])])
    return actions.create_survey(workspace=workspace, name="Pictures", definition=definition, by=owner_of(workspace))


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def elsewhere() -> Workspace:
    return make_workspace("Elsewhere", owner=make_user("else@example.com"))


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    """One uploaded picture, red and twice as wide as high; one at an address; one uploaded picture that is gone."""
    survey = survey_with(workspace, UPLOADED + "0" * 64, "https://example.com/dog.png", UPLOADED + "f" * 64)
    key = pictures.add_picture(survey=survey, file=SimpleUploadedFile("cat.png", picture()), by=owner_of(workspace))

    def change(draft: Definition, _taken: Any) -> None:
        next(draft.questions()).choices[0].image = key

    return actions.edit_draft(survey=survey, change=change, by=owner_of(workspace))


def images_of(survey: Survey) -> list[str]:
    return [one.image for one in next(draft_of(Survey.objects.get(pk=survey.pk)).questions()).choices]


def imported(workspace: Workspace, data: bytes, name: str = "survey.json") -> tuple[Survey, list[str]]:
    return importing.import_survey(workspace=workspace, name=name, data=data, language="en", by=owner_of(workspace))


@pytest.mark.parametrize("form", ["json", "surveyjs"])
def test_pictures_go_to_another_workspace_with_their_survey(survey: Survey, elsewhere: Workspace, form: str) -> None:
    client = Client()
    client.force_login(owner_of(survey.workspace))
    file = client.get(f"/w/{survey.workspace.slug}/surveys/{survey.pk}/export/{form}/").content
    actions.delete_survey(survey=survey, by=owner_of(survey.workspace))
    assert Picture.objects.count() == 0
    made, notes = imported(elsewhere, file)
    kept = Picture.objects.get()
    assert kept.survey == made
    assert images_of(made) == [UPLOADED + kept.digest, "https://example.com/dog.png", ""]
    with Image.open(io.BytesIO(bytes(kept.body))) as shown:
        assert (shown.format, shown.size) == ("WEBP", (60, 30))
        red, green, blue = shown.convert("RGB").getpixel((30, 15))  # type: ignore[misc] # three of an RGB picture
    assert red > 240 and green < 15 and blue < 15
    assert not [one for one in notes if "image" in one]  # the picture that was gone was left out of the file


def test_the_page_of_settings_says_what_a_file_does_not_hold(survey: Survey) -> None:
    client = Client()
    client.force_login(owner_of(survey.workspace))
    page = client.get(f"/w/{survey.workspace.slug}/surveys/{survey.pk}/settings/").content.decode()
    json_part, xlsform_part = page.split("What the file for SurveyJS does not hold")
    assert "What the file for JSON does not hold" in json_part
    assert json_part.count("“which · c2”, image: the file does not hold it.") == 1  # the one that is gone
    assert "“which · c0”, image" not in json_part
    assert "“which · c0, which · c2”, image: the file does not hold it." in xlsform_part
    found = importing.written(draft_of(survey), "xlsform")
    assert found
    rows = list(openpyxl.load_workbook(io.BytesIO(found[0]))["choices"].values)
    assert not [cell for row in rows for cell in row if UPLOADED in str(cell)]
    assert [cell for row in rows for cell in row if cell == "https://example.com/dog.png"]


def test_pictures_beyond_what_a_file_may_hold_are_left_out_and_named(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_IN_FILE", 20)
    told = {code: lost for code, _label, lost in importing.exports(draft_of(survey))}
    assert "“which · c0”, image: the pictures of one file would be too many or too large." in told["json"]
    found = importing.written(draft_of(survey), "json")
    assert found
    assert json.loads(found[0])["pages"][0]["sections"][0]["questions"][0]["choices"][0].keys() == {"id", "label"}


def test_a_file_that_names_pictures_of_this_workspace_only_copies_them(survey: Survey, elsewhere: Workspace) -> None:
    """Files that were written before pictures were put into them."""
    old = json.dumps(Survey.objects.get(pk=survey.pk).draft).encode()
    made, notes = imported(survey.workspace, old)
    assert images_of(made)[0] == images_of(survey)[0]
    assert Picture.objects.filter(survey=made).count() == 1
    assert notes == ["“which · c2”, image: the file does not hold it."]
    made, notes = imported(elsewhere, old)
    assert images_of(made) == ["", "https://example.com/dog.png", ""]
    assert notes == ["“which · c0, which · c2”, image: the file does not hold it."]
    assert Picture.objects.filter(survey=made).count() == 0


HOSTILE = {
    "svg": uri(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
    "svg that says png": uri(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    "html": "data:text/html;base64," + base64.b64encode(b"<script>alert(1)</script>").decode(),
    "not base64": "data:image/png;base64,????",
    "half base64": "data:image/png;base64,abcde",
    "not encoded": "data:image/png,%89PNG",
    "a bomb": uri(picture(size=(7000, 6000))),  # 42 million pixels
    "cut off": uri(picture()[:60]),
    "nothing": "data:,",
}


@pytest.mark.parametrize("image", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_picture_is_left_out_and_named(workspace: Workspace, image: str) -> None:
    surveyjs = {"elements": [{"type": "imagepicker", "name": "which", "choices": [
        {"value": "bad", "imageLink": image}, {"value": "good", "imageLink": uri(picture())}]}]}  # fmt: skip
    made, notes = imported(workspace, json.dumps(surveyjs).encode())
    bad, good = images_of(made)
    assert bad == ""
    assert good == UPLOADED + Picture.objects.get().digest
    assert notes == ["“which · bad”, image: it is no JPEG, PNG, GIF or WebP picture of a size that can be shown."]


def test_a_file_full_of_pictures_is_taken_as_far_as_it_may_go(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST", 1)
    choices = [{"value": one, "imageLink": uri(picture(one))} for one in ("red", "red", "blue")]
    choices[1] = choices[1] | {"value": "again"}
    surveyjs = {"elements": [{"type": "imagepicker", "name": "which", "choices": choices}]}
    made, notes = imported(workspace, json.dumps(surveyjs).encode())
    first, again, blue = images_of(made)
    assert first == again == UPLOADED + Picture.objects.get().digest  # the same picture is kept once
    assert blue == ""
    assert notes == ["“which · blue”, image: the pictures of one file would be too many or too large."]
    monkeypatch.setattr(pictures, "MOST_PIXELS_IN_FILE", 60 * 30)
    monkeypatch.setattr(pictures, "MOST", 200)
    made, _notes = imported(workspace, json.dumps(surveyjs).encode())
    assert [bool(one) for one in images_of(made)] == [True, True, False]  # all pixels went into the first


def test_a_refused_file_leaves_no_picture(workspace: Workspace) -> None:
    question = {"id": "not an id", "kind": "picture", "title": {"en": "?"},
                "choices": [{"id": "a", "label": {"en": "A"}, "image": uri(picture())}]}  # fmt: skip
    pages = [{"id": "p1", "sections": [{"id": "s1", "questions": [question]}]}]
    definition = {"title": {"en": "X"}, "languages": ["en"], "pages": pages}
    with pytest.raises(actions.SurveyRefused):
        imported(workspace, json.dumps(definition).encode())
    assert (Survey.objects.count(), Picture.objects.count()) == (0, 0)


def test_by_rest_pictures_go_along_or_it_is_said_that_they_do_not(survey: Survey, elsewhere: Workspace) -> None:
    here, there = caller(survey.workspace), caller(elsewhere)
    plain = here("get", f"/{survey.pk}")
    assert plain["left_out"] == []  # nothing leaves
    assert plain["definition"]["pages"][0]["sections"][0]["questions"][0]["choices"][0]["image"].startswith(UPLOADED)
    without = there("post", "", {"name": "Keys only", "definition": plain["definition"]}, 201)
    assert without["left_out"] == ["“which · c0, which · c2”, image: the file does not hold it."]
    assert images_of(Survey.objects.get(pk=without["survey"]["id"])) == ["", "https://example.com/dog.png", ""]
    whole = here("get", f"/{survey.pk}?pictures=true")
    assert whole["left_out"] == ["“which · c2”, image: the file does not hold it."]
    made = there("post", "", {"name": "Pictures", "definition": whole["definition"]}, 201)
    assert made["left_out"] == []
    [kept] = Picture.objects.filter(survey=made["survey"]["id"])
    assert images_of(Survey.objects.get(pk=made["survey"]["id"]))[0] == UPLOADED + kept.digest
    with Image.open(io.BytesIO(bytes(kept.body))) as shown:
        assert shown.size == (60, 30)


def test_a_draft_put_back_by_rest_makes_no_picture_twice(survey: Survey) -> None:
    call = caller(survey.workspace)
    before = images_of(survey)
    whole = call("get", f"/{survey.pk}?pictures=true")["definition"]
    assert call("put", f"/{survey.pk}/definition", {"definition": whole})["left_out"] == []
    assert images_of(survey) == [*before[:2], ""]
    assert Picture.objects.filter(survey=survey).count() == 1
    other = uri(picture("green"))
    whole["pages"][0]["sections"][0]["questions"][0]["choices"][0]["image"] = other
    call("put", f"/{survey.pk}/definition", {"definition": whole})
    assert Picture.objects.filter(survey=survey).count() == 2  # the red one may be in a version
    whole["pages"][0]["sections"][0]["questions"][0]["choices"][0]["image"] = "data:image/png;base64,AAAA"
    [said] = call("put", f"/{survey.pk}/definition", {"definition": whole})["left_out"]
    assert said.startswith("“which · c0”, image: it is no JPEG")


def test_by_rest_a_survey_has_no_more_pictures_than_by_hand(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    call = caller(survey.workspace)
    monkeypatch.setattr(pictures, "MOST", 1)
    whole = call("get", f"/{survey.pk}?pictures=true")["definition"]
    before = images_of(survey)
    whole["pages"][0]["sections"][0]["questions"][0]["choices"][0]["image"] = uri(picture("green"))
    assert call("put", f"/{survey.pk}/definition", {"definition": whole}, 422)["code"] == "refused"
    assert (images_of(survey), Picture.objects.filter(survey=survey).count()) == (before, 1)
