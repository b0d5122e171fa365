"""Internal notes: what colleagues tell each other on a case, and whom they name in it."""

from __future__ import annotations

import re

from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.audit import Actor
from cxm.accounts.models import Membership, User, Workspace

from . import noticing
from .changing import change
from .errors import Refused
from .models import Case, CaseEntry, Notice, Watcher

LONGEST = 20_000
AT = re.compile(r"(?<![\w@.])@(?=\w)")


@transaction.atomic
def add_note(*, case: Case, text: str, by: Actor, ref: str = "") -> CaseEntry:
    """Write a note that only colleagues see; who is named as @name is told, and follows the case from then on.

    With `ref`, the note that exists for it is returned instead.
    """
    text = text.replace("\x00", "").strip()
    if not text:
        raise Refused(_("Write something first."))
    named = mentioned(case.workspace, text)
    data = {"mentioned": [str(one.uuid) for one in named]} if named else {}
    entry = change(case, by, "note", text=text[:LONGEST], ref=ref, data=data)
    if entry is None:
        return case.entries.get(kind="note", ref=ref)
    for user in named:
        Watcher.objects.get_or_create(case=case, user=user)
        noticing.tell(case, user, Notice.Kind.MENTIONED, by=by, entry=entry)
    noticing.tell_followers(case, entry, by=by)
    return entry


def mentioned(workspace: Workspace, text: str) -> list[User]:
    """The members that a text names: "@Olena Petrenko", "@olena" where only one is called so, "@olena@example.com"."""
    places = [match.end() for match in AT.finditer(text)]
    if not places:
        return []
    users = [one.user for one in Membership.objects.filter(workspace=workspace).select_related("user")]
    called = handles(users)
    lowered, found = text.casefold(), {}
    for place in places:
        rest = lowered[place : place + 300]
        fitting = [name for name in called if rest.startswith(name) and not rest[len(name) : len(name) + 1].isalnum()]
        if fitting:
            user = called[max(fitting, key=len)]
            found[user.pk] = user
    return list(found.values())


def handles(users: list[User]) -> dict[str, User]:
    """By which words each of them can be named; a word that means two of them means nobody."""
    called: dict[str, User | None] = {}
    for user in users:
        name = " ".join(user.name.split()).casefold()
        for word in {name, name.partition(" ")[0], user.email.casefold(), user.email.partition("@")[0].casefold()}:
            if word:
                called[word] = None if word in called else user
    return {word: user for word, user in called.items() if user is not None}
