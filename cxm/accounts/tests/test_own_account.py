"""One's own profile, password and sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from cxm.accounts.models import AuditEntry, User
from cxm.testing.cast import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def test_the_profile_changes_name_and_language(client: Client) -> None:
    client.force_login(make_user())
    response = client.post("/account/profile/", {"name": "Оленка", "language": "uk"})
    assert response.status_code == 302
    assert response.cookies["django_language"].value == "uk"
    user = User.objects.get()
    assert (user.name, user.language) == ("Оленка", "uk")
    assert AuditEntry.objects.get().changes == {"name": ["Olena", "Оленка"], "language": ["", "uk"]}
    assert client.post("/account/profile/", {"name": "Оленка", "language": "tlh"}).status_code == 422
    assert AuditEntry.objects.count() == 1


def test_the_language_follows_the_person_into_a_new_browser(client: Client) -> None:
    User.objects.filter(pk=make_user().pk).update(language="pl")
    response = client.post("/account/login/", {"login": "olena@example.com", "password": PASSWORD})
    assert response.cookies["django_language"].value == "pl"


def test_the_password_changes_only_with_the_old_one(client: Client) -> None:
    client.force_login(make_user())
    form = {"oldpassword": "wrong", "password1": "a better one 17", "password2": "a better one 17"}
    assert client.post("/account/password/change/", form).status_code == 200
    assert User.objects.get().check_password(PASSWORD)
    assert client.post("/account/password/change/", {**form, "oldpassword": PASSWORD}).status_code == 302
    assert User.objects.get().check_password("a better one 17")


def test_a_person_ends_one_of_their_sessions_and_nobody_elses(client: Client) -> None:
    user, other = make_user(), make_user("petro@example.com", "Petro")
    phone, petro = Client(headers={"user-agent": "Phone"}), Client()
    for browser, who in ((client, user), (phone, user), (petro, other)):
        browser.force_login(who)
        assert browser.get("/account/sessions/").status_code == 200
    page = client.get("/account/sessions/").content.decode()
    assert "Phone" in page and page.count("End this session") == 1
    theirs = UserSession.objects.get(user=other)
    assert client.post(f"/account/sessions/{theirs.pk}/end/").status_code == 404
    assert petro.get("/account/sessions/").status_code == 200
    lost = UserSession.objects.get(user=user, user_agent="Phone")
    assert client.post(f"/account/sessions/{lost.pk}/end/")["Location"] == "/account/sessions/"
    assert phone.get("/account/sessions/").status_code == 302
    assert client.get("/account/sessions/").status_code == 200


def test_a_session_is_noted_again_after_a_minute_or_from_elsewhere(client: Client) -> None:
    client.force_login(make_user())
    client.get("/account/sessions/")
    first = UserSession.objects.get()
    client.get("/account/sessions/")
    assert UserSession.objects.get().last_seen_at == first.last_seen_at  # nothing is written for a page that is read
    UserSession.objects.update(last_seen_at=first.last_seen_at - timedelta(seconds=61))
    client.get("/account/sessions/")
    assert UserSession.objects.get().last_seen_at > first.last_seen_at
    client.get("/account/sessions/", headers={"user-agent": "Elsewhere"})
    assert UserSession.objects.get().user_agent == "Elsewhere"
