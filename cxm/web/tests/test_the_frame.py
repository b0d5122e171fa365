"""The frame around every page: language, clock, health, icons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from cxm.testing.cast import make_user, make_workspace

PACKAGE = Path(__file__).resolve().parents[2]
ICONS = PACKAGE.parent / "frontend" / "icons.txt"


@pytest.mark.django_db
def test_health_answers_a_stranger(client: Client) -> None:
    assert reverse("health") == "/health"
    for address in ("/health", "/health/", "/shop/health", "/shop/health/"):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok"), address
        asked = client.options(address)
        assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (200, "*"), address
    assert client.get("/w/health").status_code != 200


@pytest.mark.django_db
def test_a_chosen_language_is_remembered_with_the_account(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    answer = client.post(reverse("set_language"), {"language": "uk", "next": "/account/login/"})
    assert answer.headers["Location"] == "/account/login/"
    user.refresh_from_db()
    assert user.language == "uk"
    client.cookies.pop("django_language")  # another browser
    assert client.get("/nowhere").headers["Content-Language"] == "uk"


@pytest.mark.django_db
def test_an_unknown_language_changes_nothing(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    client.post(reverse("set_language"), {"language": "xx"})
    user.refresh_from_db()
    assert user.language == ""


@pytest.mark.django_db
def test_a_language_form_does_not_lead_elsewhere(client: Client) -> None:
    answer = client.post(reverse("set_language"), {"language": "pl", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


@pytest.mark.django_db
@pytest.mark.urls("cxm.testing.showcase")
def test_a_page_names_its_title_twice_and_holds_nothing_inline(client: Client) -> None:
    workspace = make_workspace(time_zone="Europe/Kyiv")
    client.force_login(workspace.memberships.get().user)
    page = client.get(reverse("showcase", args=[workspace.slug])).content.decode()
    assert "<title>Showcase · Kyiv Kettles · OpenCXM</title>" in page
    assert re.search(r"<h1[^>]*>Showcase</h1>", page)
    assert "Times are in Europe/Kyiv" in page
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", page)


def test_every_icon_of_a_template_is_in_the_sprite() -> None:
    known = set(ICONS.read_text(encoding="utf-8").split())
    named = re.compile(r"""\{%\s*icon\s+"([\w-]+)"|\b(?:icon|picture)="([\w-]+)\"""")
    unknown = [
        f"{path.name}: {first or second}"
        for path in sorted(PACKAGE.glob("**/*.html"))
        for first, second in named.findall(path.read_text(encoding="utf-8"))
        if (first or second) not in known
    ]
    assert not unknown, f"not in frontend/icons.txt: {unknown}"
