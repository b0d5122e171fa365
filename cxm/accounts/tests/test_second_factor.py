"""Two-step login: switch it on, log in with a code or a recovery code, switch it off."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.test import Client

from cxm.testing.cast import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def code_now(secret: str) -> str:
    return str(auth.format_hotp_value(auth.hotp_value(secret, next(iter(auth.yield_hotp_counters_from_time())))))


def log_in(client: Client) -> str:
    form = {"login": "olena@example.com", "password": PASSWORD}
    return str(client.post("/account/login/", form)["Location"])


def confirm(client: Client) -> None:
    """Enter the password once more, as every change of the login asks."""
    assert client.post("/account/reauthenticate/", {"password": "wrong"}).status_code == 200
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302


def switch_on(client: Client) -> str:
    """Switch the second factor on; returns its secret."""
    page = client.get("/account/2fa/totp/activate/")
    secret = str(page.context["form"].secret)
    assert client.post("/account/2fa/totp/activate/", {"code": code_now(secret)}).status_code == 302
    return secret


def test_an_authenticator_app_is_set_up_by_a_picture_and_guards_the_next_login(client: Client) -> None:
    make_user()
    log_in(client)
    assert client.get("/account/2fa/totp/activate/")["Location"].startswith("/account/reauthenticate/")
    confirm(client)
    page = client.get("/account/2fa/totp/activate/").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page and " style=" not in page
    wrong = client.post("/account/2fa/totp/activate/", {"code": "000000"})
    assert wrong.status_code == 200 and not Authenticator.objects.exists()
    switch_on(client)
    codes = client.get("/account/2fa/recovery-codes/").context["unused_codes"]
    assert len(codes) == 10

    again = Client()
    assert log_in(again).startswith("/account/2fa/authenticate/")
    assert again.get("/workspaces/").status_code == 302  # half a login opens nothing
    assert again.post("/account/2fa/authenticate/", {"code": "123456"}).status_code == 200
    assert again.get("/workspaces/").status_code == 302
    assert again.post("/account/2fa/authenticate/", {"code": codes[0]})["Location"] == "/"
    assert again.get("/workspaces/").status_code == 200

    used = Client()
    log_in(used)
    assert used.post("/account/2fa/authenticate/", {"code": codes[0]}).status_code == 200
    assert used.get("/workspaces/").status_code == 302


def test_the_secret_and_the_recovery_codes_lie_encrypted(client: Client) -> None:
    make_user()
    log_in(client)
    confirm(client)
    secret = switch_on(client)
    codes = client.get("/account/2fa/recovery-codes/").context["unused_codes"]
    assert client.get("/account/2fa/recovery-codes/download/").content.decode().count(codes[0]) == 1
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not [code for code in codes if code in stored]


def test_switching_it_off_wants_the_person_and_removes_the_codes(client: Client) -> None:
    make_user()
    log_in(client)
    confirm(client)
    switch_on(client)
    assert client.get("/account/2fa/totp/deactivate/").status_code == 200
    assert client.post("/account/2fa/totp/deactivate/").status_code == 302
    assert not Authenticator.objects.exists()
