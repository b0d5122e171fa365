"""Logging in to a mailbox by OAuth 2.0, where the mail server takes no password: Microsoft 365, Google.

A refresh token buys access tokens that hold for about an hour (RFC 6749, 6), and IMAP takes those by SASL XOAUTH2
(developers.google.com/workspace/gmail/imap/xoauth2-protocol). The access token is kept sealed with the other secrets,
so that not every look at the mailbox asks for one; a refresh token that comes with it replaces the one that was used.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cxm.lib.http import BadAddress, Unreachable, post
from cxm.listen.channels.base import Trouble
from cxm.listen.channels.models import Channel

SPARE: Final = 120.0  # seconds before its end at which a token counts as ended
PATIENCE: Final = 20.0  # seconds for the answer of the token address
MOST: Final = 64 * 1024  # bytes of that answer
REFRESH: Final = "oauth_refresh_token"


def answers(user: str, token: str) -> Callable[[bytes], bytes]:
    """What imaplib's `authenticate` asks for: the SASL string, then nothing to what the server says is wrong."""
    return lambda challenge: b"" if challenge else f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def access_token(channel: Channel) -> str:
    """The one that holds, or a new one. Raises Trouble."""
    kept = channel.secrets.get("access") or {}
    # One that another refresh token bought may be of another account.
    if kept.get("of") == channel.secrets.get(REFRESH) and kept.get("until", 0) > time.time() + SPARE:
        return str(kept["token"])
    said = _ask(channel)
    token, refresh = str(said["access_token"]), str(said.get("refresh_token") or channel.secrets.get(REFRESH, ""))
    try:
        until = time.time() + float(said.get("expires_in") or 0)
    except (TypeError, ValueError):
        until = 0.0
    _keep(channel, {REFRESH: refresh, "access": {"token": token, "until": until, "of": refresh}})
    return token


def forget(channel: Channel) -> None:
    """The mail server refused the access token: the next look asks for another one."""
    _keep(channel, {"access": {}})


def _keep(channel: Channel, secrets: dict[str, Any]) -> None:
    with transaction.atomic():
        row = Channel.objects.select_for_update().get(pk=channel.pk)
        if row.secrets.get(REFRESH) != channel.secrets.get(REFRESH):
            return  # somebody has written another one meanwhile
        row.secrets = {**row.secrets, **secrets}
        row.save(update_fields=["secrets"])
        channel.secrets = row.secrets


def _ask(channel: Channel) -> dict[str, Any]:
    address, secrets = str(channel.settings.get("oauth_token_url", "")), channel.secrets
    fields = {
        "grant_type": "refresh_token", "refresh_token": secrets.get(REFRESH, ""),
        "client_id": channel.settings.get("oauth_client", ""), "client_secret": secrets.get("oauth_client_secret", ""),
    }  # fmt: skip
    request = post(
        address, body=urlencode({name: value for name, value in fields.items() if value}).encode(),
        headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
        timeout=PATIENCE, allowed=settings.WEBHOOK_NETWORKS, most=MOST,
    )  # fmt: skip
    try:
        with ThreadPoolExecutor(1) as pool:  # whoever calls may be in an event loop
            reply = pool.submit(asyncio.run, request).result()
    except (Unreachable, BadAddress) as error:
        why = getattr(error, "code", "") or str(error)
        raise Trouble(_("%(host)s cannot be reached: %(why)s") % {"host": address, "why": why}) from error
    try:
        said = json.loads(reply.body)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    if reply.status != 200 or not said.get("access_token"):
        why = said.get("error_description") or said.get("error") or f"HTTP {reply.status}"
        raise Trouble(_("%(host)s refuses: %(why)s") % {"host": address, "why": str(why)[:300]})
    return said
