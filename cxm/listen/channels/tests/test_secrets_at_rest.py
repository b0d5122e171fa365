"""Secrets lie sealed in the database: no row shows them, former keys open them, and a wrong key opens nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from cxm.accounts.sealing import MARK
from cxm.listen.channels.models import Channel
from cxm.listen.channels.webhooks import actions, queries
from cxm.testing.cast import make_workspace

pytestmark = pytest.mark.django_db


def stored() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM channels_channel UNION ALL SELECT secret FROM channels_webhooksecret")
        return [str(row[0]) for row in cursor.fetchall()]


def test_secrets_are_sealed_opened_by_former_keys_and_sealed_anew(settings: Any) -> None:
    workspace = make_workspace()
    channel = Channel.objects.create(
        workspace=workspace,
        kind="email",
        name="Support",
        address="help@example.com",
        secrets={"imap_password": "пароль"},
    )
    empty = Channel.objects.create(workspace=workspace, kind="form", name="Form")
    endpoint, secret = actions.create_endpoint(
        workspace=workspace, url="https://example.com/hook", types=["feedback.received"], by=None
    )
    clear = secret.secret
    before = stored()
    assert sum(one.startswith(MARK) for one in before) == 2 and "{}" in before
    assert "пароль" not in str(before) and clear not in str(before)

    def read() -> tuple[Any, Any, Any]:
        channel.refresh_from_db()
        empty.refresh_from_db()
        return channel.secrets, empty.secrets, queries.signing_secrets([endpoint.pk])[endpoint.pk]

    assert read() == ({"imap_password": "пароль"}, {}, [clear])
    former = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", []
    assert read() == ({}, {}, [""]), "a dump without its key is worth nothing, and no page breaks"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert read() == ({"imap_password": "пароль"}, {}, [clear])
    call_command("reseal")
    settings.SECRET_KEY_FALLBACKS = []
    assert read() == ({"imap_password": "пароль"}, {}, [clear]) and stored() != before
