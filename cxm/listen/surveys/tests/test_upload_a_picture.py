"""Pictures of choices are uploaded in the editor, drawn anew, and shown to respondents; hostile files are refused."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from cxm.accounts.models import Workspace
from cxm.listen.surveys import actions, pictures
from cxm.listen.surveys.definition import UPLOADED, Choice, Definition, Page, Question, Section
from cxm.listen.surveys.models import Picture, Survey
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.respond.tests.given import Respondent, respondents
from cxm.listen.surveys.tests.test_build_a_survey import part
from cxm.testing.cast import make_user, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]
__all__ = ["respondents"]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    by = workspace.memberships.get().user
    choices = [Choice("cat", {"en": "The cat"}), Choice("dog", {"en": "The dog"})]
    question = Question("which", "picture", {"en": "Which one?"}, choices=choices)
    definition = Definition({"en": "Pictures"}, ["en"], [Page("p1", [Section("s1", [question])])])
    return actions.create_survey(workspace=workspace, name="Pictures", definition=definition, by=by)


@pytest.fixture
def owner(workspace: Workspace) -> Client:
    client = Client()
    client.force_login(workspace.memberships.get().user)
    return client


def picture(kind: str = "PNG", size: tuple[int, int] = (1600, 800), mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, (255, 0, 0, 0) if mode == "RGBA" else "red").save(out, kind, **more)
    return out.getvalue()


def upload(client: Client, survey: Survey, data: bytes, **more: str) -> Any:
    fields = part(survey, "question:which") | {"do": "save"} | more
    del fields["choices-1-picture"]
    return client.post(
        reverse("surveys:edit", args=[survey.workspace.slug, survey.pk]),
        {**fields, "choices-0-picture": SimpleUploadedFile("cat.png", data)}, headers={"HX-Request": "true"},
    )  # fmt: skip


def image_of(survey: Survey) -> str:
    return next(draft_of(Survey.objects.get(pk=survey.pk)).questions()).choices[0].image


def test_a_picture_is_uploaded_and_shown_to_whoever_answers(owner: Client, survey: Survey) -> None:
    page = upload(owner, survey, picture()).content.decode()
    key = image_of(survey)
    assert key.startswith(UPLOADED)
    assert f'<img src="/s/{key}" alt="">' in page
    actions.publish(survey=survey, by=owner_of(survey))
    survey = Survey.objects.get(pk=survey.pk)
    assert f'<img src="/s/{key}" alt="" loading="lazy">' in Respondent().get(f"/s/{survey.public_id}").text
    shown = Respondent().get(f"/s/{key}")
    assert shown.status == 200
    assert shown.headers["content-type"] == "image/webp"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    with Image.open(io.BytesIO(bytes(Picture.objects.get().body))) as kept:
        assert (kept.format, kept.size) == ("WEBP", (1000, 500))  # the longer edge is cut down to 1000


def test_the_picture_is_taken_away_and_goes_with_its_survey(owner: Client, survey: Survey) -> None:
    upload(owner, survey, picture())
    key = image_of(survey)
    upload(owner, survey, picture(), do="choices:unpicture:0")
    assert image_of(survey) == ""
    copy = actions.duplicate(survey=survey, by=owner_of(survey))
    assert Picture.objects.count() == 1  # nothing names it any more
    actions.delete_survey(survey=copy, by=owner_of(survey))
    actions.delete_survey(survey=survey, by=owner_of(survey))
    assert Picture.objects.count() == 0
    assert Respondent().get(f"/s/{key}").status == 404


def owner_of(survey: Survey) -> Any:
    return survey.workspace.memberships.get().user


def test_a_copied_survey_keeps_its_pictures_when_the_first_is_deleted(owner: Client, survey: Survey) -> None:
    upload(owner, survey, picture())
    survey.refresh_from_db()
    copy = actions.duplicate(survey=survey, by=owner_of(survey))
    actions.delete_survey(survey=survey, by=owner_of(survey))
    assert Picture.objects.get().survey == copy
    assert Respondent().get(f"/s/{image_of(copy)}").status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script></html>",
        b"",
        b"GIF89a" + b"\0" * 30,
        picture()[:60],
        picture("PPM"),
        picture(size=(7000, 6000)),  # 42 million pixels in 130 KB
        b"%PDF-1.7 no picture",
        b"\x89PNG\r\n\x1a\n" + zlib.compress(b"x" * 10_000),
    ],
    ids=["svg", "html", "empty", "broken gif", "cut off", "another format", "too many pixels", "pdf", "broken png"],
)
def test_what_is_no_picture_is_refused(owner: Client, survey: Survey, data: bytes) -> None:
    page = upload(owner, survey, data).content.decode()
    assert "Use a JPEG, PNG, GIF or WebP file." in page
    assert (image_of(survey), Picture.objects.count()) == ("", 0)


def test_too_large_and_too_many_are_refused(owner: Client, survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "at most" in upload(owner, survey, b"\0" * (pictures.LARGEST + 1)).content.decode()
    monkeypatch.setattr(pictures, "MOST", 1)
    upload(owner, survey, picture())
    upload(owner, survey, picture())  # the same once more is no second one
    assert "1 pictures already" in upload(owner, survey, picture(size=(30, 20))).content.decode()
    assert Picture.objects.count() == 1


def test_what_was_hidden_in_a_picture_is_not_shown() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6  # lies on its side
    drawn = pictures.drawn(picture("JPEG", (400, 200), exif=exif) + b"<script>alert(1)</script>")
    assert b"taken at home" not in drawn
    assert b"script" not in drawn
    with Image.open(io.BytesIO(drawn)) as kept:
        assert kept.size == (200, 400)  # turned upright
    with Image.open(io.BytesIO(pictures.drawn(picture("PNG", (30, 20), "RGBA")))) as kept:
        assert kept.mode == "RGBA"  # what is clear stays clear


def test_a_stranger_uploads_nothing(survey: Survey) -> None:
    client = Client()
    client.force_login(make_user("stranger@example.com"))
    assert upload(client, survey, picture()).status_code == 404
    assert Picture.objects.count() == 0


@pytest.mark.parametrize("name", ["0" * 64, "x", "../../etc/passwd", "%00"])
def test_no_other_address_shows_anything(name: str) -> None:
    assert Respondent().get(f"/s/pictures/{name}").status == 404
