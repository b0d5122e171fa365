"""The box of moments on a customer's page: what this person met, one after the other, and how they came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cxm.accounts.models import Membership
from cxm.lib import numbers
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope

from .evidence.moments import BAD, GOOD, Moment, sequence
from .evidence.naming import kind_name, mood_name

TEMPLATE = "journeys/_panel.html"
SHOWN = 24


@dataclass(frozen=True, slots=True)
class Shown:
    mood: int
    text: str


def context(membership: Membership, ids: Sequence[UUID]) -> dict[str, Any]:
    """Of all profiles of the person. Nothing while the log does not answer: the page shows the rest."""
    workspace = membership.workspace
    found: list[Moment] = []
    with suppress(EventlogError):
        found = sequence(Scope(workspace.pk, workspace.time_zone), ids)
    run = sum(one.mood == GOOD for one in takewhile(lambda one: one.mood != BAD, reversed(found)))
    named = [Shown(one.mood, text_of(one)) for one in found]
    return {
        "moments": named[-SHOWN:], "moments_n": len(found), "moments_run": run,
        "moments_first": named[0] if named else None, "moments_last": named[-1] if named else None,
        "moments_bad": next((one for one in reversed(named) if one.mood == BAD), None),
    }  # fmt: skip


def text_of(moment: Moment) -> str:
    """“bad: delivery, Mar 5, 2026”."""
    when = numbers.day(datetime.fromtimestamp(moment.at / 1000, UTC))
    parts = {"mood": mood_name(moment.mood), "place": moment.place or kind_name(moment.kind), "day": when}
    return _("%(mood)s: %(place)s, %(day)s") % parts
