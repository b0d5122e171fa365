"""Logging in, being refused, and resetting a password."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from cxm.accounts.models import User
from cxm.testing.cast import PASSWORD, make_user

pytestmark = pytest.mark.django_db

LOGIN, RESET = "/account/login/", "/account/password/reset/"


@pytest.fixture(autouse=True)
def _mail(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def log_in(client: Client, email: str = "olena@example.com", password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": email, "password": password}, **more)


def test_people_log_in_by_email_in_any_case(client: Client) -> None:
    user = make_user()
    assert log_in(client, "Olena@Example.COM")["Location"] == "/"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert client.post("/account/logout/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_login_gets_a_new_session_and_careful_cookies(client: Client, settings: Any) -> None:
    make_user()
    session = client.session
    session["planted"] = "before the login"
    session.save()
    before = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before or ""
    response = log_in(client)
    cookie = response.cookies["sessionid"]
    assert cookie.value != before
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_a_login_leads_only_to_pages_of_ours(client: Client) -> None:
    make_user()
    response = client.post(LOGIN + "?next=https://evil.example/", {
        "login": "olena@example.com", "password": PASSWORD, "next": "https://evil.example/",
    })  # fmt: skip
    assert response["Location"] == "/"


def test_the_wrong_password_and_the_unknown_person_look_the_same(client: Client) -> None:
    make_user()
    wrong = log_in(client, password="wrong")
    unknown = log_in(client, email="nobody@example.com", password="wrong")
    assert wrong.context["form"].errors == unknown.context["form"].errors
    assert "_auth_user_id" not in client.session


def test_the_sixth_wrong_password_is_refused_and_others_go_on(client: Client) -> None:
    make_user()
    make_user("petro@example.com", "Petro")
    for _n in range(5):
        assert "Too many" not in log_in(client, password="wrong").content.decode()
    assert "Too many" in log_in(client, password="wrong").content.decode()
    assert "Too many" in log_in(client).content.decode()  # the right one is not even looked at
    assert "_auth_user_id" not in client.session
    assert log_in(Client(), "petro@example.com")["Location"] == "/"


def test_an_address_that_guesses_for_many_accounts_is_refused_and_others_go_on(client: Client) -> None:
    make_user()
    for n in range(10):
        log_in(client, email=f"guess{n}@example.com", password="wrong")
    assert "Too many" in log_in(client).content.decode()
    assert log_in(Client(), REMOTE_ADDR="192.0.2.7")["Location"] == "/"


def test_behind_a_proxy_the_clients_own_address_counts(client: Client, settings: Any) -> None:
    make_user()
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for n in range(10):
        log_in(client, email=f"guess{n}@example.com", password="wrong", headers={"x-forwarded-for": "203.0.113.5"})
    forged = log_in(client, headers={"x-forwarded-for": "198.51.100.9, 203.0.113.5"})
    assert "Too many" in forged.content.decode()
    assert log_in(Client(), headers={"x-forwarded-for": "198.51.100.9"})["Location"] == "/"


def test_a_person_who_is_switched_off_does_not_get_in(client: Client) -> None:
    user = make_user()
    User.objects.filter(pk=user.pk).update(is_active=False)
    log_in(client)
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up_alone(client: Client) -> None:
    form = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    for response in (client.get("/account/signup/"), client.post("/account/signup/", form)):
        assert "invit" in response.content.decode()
    assert not User.objects.exists()


def test_a_reset_does_not_say_who_has_an_account(client: Client) -> None:
    make_user()
    known = client.post(RESET, {"email": "olena@example.com"}, follow=True)
    unknown = client.post(RESET, {"email": "nobody@example.com"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain == [("/account/password/reset/done/", 302)]
    token = re.compile(rb'(csrf-token" content|csrfmiddlewaretoken" value)="[^"]*"')
    assert token.sub(b"", known.content) == token.sub(b"", unknown.content)
    assert [(one.to, "/password/reset/key/" in str(one.body)) for one in mail.outbox] == [
        (["olena@example.com"], True),
        (["nobody@example.com"], False),
    ]


def test_a_reset_link_works_once_and_ends_the_other_sessions(client: Client) -> None:
    make_user()
    other = Client()
    log_in(other)
    client.post(RESET, {"email": "olena@example.com"})
    link = re.search(r"https?://[^/]+(/\S+)", str(mail.outbox[0].body))
    assert link
    page = client.get(link[1], follow=True)
    form = page.redirect_chain[-1][0]
    assert client.post(form, {"password1": "weak", "password2": "weak"}).status_code == 200
    assert client.post(form, {"password1": "a better one 17", "password2": "a better one 17"}).status_code == 302
    assert User.objects.get().check_password("a better one 17")
    assert "This link is used up" in Client().get(link[1], follow=True).content.decode()
    assert other.get("/workspaces/").status_code == 302
