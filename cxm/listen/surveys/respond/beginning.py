"""How a response begins, and how one goes on: by a public link, a personal one, a preview, or a token."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from django.utils import timezone

from ..definition import Ending, said
from ..models import Invitation, Response
from ..runtime import EndingView, Facts, finish
from . import abuse
from .deciding import OVER_QUOTA
from .directory import Entry, Prepared, directory
from .languages import best_language
from .people import facts_for
from .tokens import Start, may_preview, number_of, response_of_invitation

LONGEST_HIDDEN = 500  # characters of a hidden value
MOST_HIDDEN = 20
ORIGINS = ("source", "utm_source", "utm_campaign")  # the first that an address has is where somebody came from


class Shut(Exception):
    """Nobody may answer: `code` names the notice that says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Asking(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def agent(self) -> str: ...
    @property
    def languages(self) -> list[str]: ...


@dataclass(slots=True)
class Begun:
    """A response that is under way; `response` is None until its first answer is stored."""

    entry: Entry
    prepared: Prepared
    start: Start
    response: Response | None = None
    _facts: Facts | None = field(default=None)

    @property
    def seed(self) -> int:
        return number_of(self.start.response)

    @property
    def full(self) -> frozenset[str]:
        return frozenset() if self.start.test else self.prepared.full(self.entry.counts)

    async def facts(self) -> Facts:
        if self._facts is None:
            if self.prepared.needs and self.start.customer:
                self._facts = await directory().in_thread(lambda: facts_for(self.start, self.prepared))
            else:
                self._facts = facts_for(self.start, self.prepared)
        return self._facts

    async def ending(self) -> EndingView:
        """The last screen of a response that is done, as it was."""
        assert self.response is not None
        response = self.response
        full: frozenset[str] = frozenset()
        if OVER_QUOTA in response.flags:
            full = frozenset(one.id for one in self.prepared.definition.quotas if one.ending == response.ending)
        outcome = finish(
            self.prepared.ready, response.answers, await self.facts(), language=self.start.language, seed=self.seed,
            full=full,
        )  # fmt: skip
        known: dict[str, Ending] = {one.id: one for one in self.prepared.definition.endings}
        if outcome.ending.id != response.ending and response.ending in known:
            # What was true when it ended (a segment, an earlier survey) is no more: show the ending that it had.
            was = known[response.ending]
            offered = self.prepared.definition.languages
            language = self.start.language
            return EndingView(was.id, said(was.title, language, offered), said(was.text, language, offered))
        return outcome.ending


def device_of(agent: str) -> str:
    return "phone" if "Mobi" in agent else "desktop"


def hidden_from(prepared: Prepared, given: Mapping[str, Any]) -> dict[str, str]:
    """The values of those hidden fields that the survey has; nothing else of an address is kept."""
    names = prepared.definition.hidden[:MOST_HIDDEN]
    found = {name: given.get(name, given.get(f"hidden.{name}")) for name in names}
    return {name: clean(str(value))[:LONGEST_HIDDEN] for name, value in found.items() if value not in (None, "")}


def clean(text: str) -> str:
    """One line of text that every database takes."""
    return "".join(one for one in text.encode(errors="replace").decode() if one >= " ").strip()


async def opened(name: str | int) -> tuple[Entry, Prepared]:
    """A survey that may be answered now. Raises Shut."""
    entry = await directory().survey(name)
    if entry is None:
        raise Shut("unknown")
    if code := entry.shut():
        raise Shut(code)
    prepared = await directory().prepared(entry, entry.version)
    if prepared is None:
        raise Shut("unknown")
    if prepared.shut(entry.counts):
        raise Shut("full")
    return entry, prepared


async def begin(name: str, query: Mapping[str, str], request: Asking) -> Begun:
    """By a public link or in a kiosk. Raises Shut."""
    entry, prepared = await opened(name)
    if not abuse.guard().may_start(request.address):
        raise Shut("too_many")
    kiosk = "kiosk" in query
    origin = query["kiosk"] if kiosk else next((query[one] for one in ORIGINS if query.get(one)), "")
    start = new_start(
        entry, prepared, request, query.get("lang", ""), channel="kiosk" if kiosk else "link",
        origin=clean(origin)[:200], hidden=hidden_from(prepared, query),
    )  # fmt: skip
    return Begun(entry, prepared, start)


def new_start(entry: Entry, prepared: Prepared, request: Asking, language: str = "", **more: Any) -> Start:
    wanted = [language, *request.languages] if language else request.languages
    full = more.pop("full", None)
    return Start(
        response=more.pop("response", None) or uuid.uuid4(), survey=entry.id,
        full=(prepared.full_at_start(entry.counts) if full is None else full) if not more.get("test") else [],
        version=more.pop("version", entry.version), at=round(time.time() * 1000),
        language=best_language(wanted, prepared.definition.languages),
        device=more.pop("device", "") or device_of(request.agent), **more,
    )  # fmt: skip


async def begin_preview(name: str, query: Mapping[str, str], request: Asking) -> Begun:
    """The draft, whatever the state of the survey. Raises Shut."""
    entry = await directory().in_thread(lambda: directory().survey_now(name))
    if entry is None or not may_preview(entry.id, query.get("preview", "")):
        raise Shut("expired")
    number = int(query["version"]) if query.get("version", "").isdecimal() and len(query["version"]) < 9 else 0
    prepared = await directory().prepared(entry, number)
    if prepared is None:
        raise Shut("unknown")
    start = new_start(
        entry, prepared, request, query.get("lang", ""), version=number, test=True, hidden=hidden_from(prepared, query)
    )
    return Begun(entry, prepared, start)


async def begin_invited(token: str, query: Mapping[str, str], request: Asking) -> Begun:
    """By a personal link: its customer answers. Opening it changes nothing, as mail scanners open links too."""
    if not 20 <= len(token) <= 64:
        raise Shut("expired")
    invitation = await directory().in_thread(lambda: Invitation.objects.filter(token=token).first())
    if invitation is None or (invitation.expires_at and invitation.expires_at < timezone.now()):
        raise Shut("expired")
    response = response_of_invitation(invitation.pk) if invitation.single_use else None
    stored = await stored_response(response) if response else None
    entry: Entry | None
    prepared: Prepared | None
    if stored is not None:
        entry = await directory().survey(invitation.survey_id)
        prepared = await directory().prepared(entry, stored.version) if entry else None
    else:
        entry, prepared = await opened(invitation.survey_id)
    if entry is None or prepared is None or entry.archived:
        raise Shut("unknown")
    hidden = hidden_from(prepared, {**query, **invitation.hidden})
    start = new_start(
        entry, prepared, request, query.get("lang", "") or (stored.language if stored else invitation.language),
        response=response, version=prepared.number, channel=invitation.channel, invitation=invitation.pk,
        person=invitation.customer_id, customer=invitation.customer_id, hidden=hidden,
        full=stored.full if stored else None,
    )  # fmt: skip
    return Begun(entry, prepared, start, stored)


async def going_on(start: Start, language: str = "", *, read: bool = True) -> Begun:
    """A response that a token names, with what is stored of it. Raises Shut."""
    entry = await directory().survey(start.survey)
    if entry is None or (entry.archived and not start.test):
        raise Shut("unknown")
    prepared = await directory().prepared(entry, start.version)
    if prepared is None:
        raise Shut("unknown")
    stored = await stored_response(start.response) if read else None
    if language and language in prepared.definition.languages:
        start = msgspec.structs.replace(start, language=language)
    if read and stored is None and not start.test and (code := entry.shut()):
        raise Shut(code)
    return Begun(entry, prepared, start, stored)


async def stored_response(response: uuid.UUID) -> Response | None:
    return await directory().in_thread(lambda: Response.objects.filter(pk=response).first())
