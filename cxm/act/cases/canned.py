"""Texts that are written often, in each language, with what is different each time filled in; and macros."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User, Workspace

from . import actions, notes
from .errors import Refused
from .models import Case, Cause, Macro, Resolution, SavedReply, Team

LONGEST: Final = 10_000
PLACE = re.compile(r"\{([a-z_]+(?:\.[\w \-]+)?)(?:\|([^{}]*))?\}")
# What can stand in braces; `{customer.trait name}` is a trait of the customer, `{name|otherwise}` says what if unknown.
VARIABLES: Final = {
    "customer.name": gettext_lazy("name of the customer"),
    "customer.first_name": gettext_lazy("first name of the customer"),
    "customer.email": gettext_lazy("e-mail address of the customer"),
    "case.number": gettext_lazy("number of the case"),
    "case.subject": gettext_lazy("subject of the case"),
    "case.promised": gettext_lazy("until when an answer was promised"),
    "agent.name": gettext_lazy("your name"),
    "team.name": gettext_lazy("name of the team"),
    "workspace.name": gettext_lazy("name of the workspace"),
}


def language_of(case: Case) -> str:
    """In which language the customer is written to: that of the case, of the customer, else the product's own."""
    known = [code for code, _name in settings.LANGUAGES]
    for code in (case.language, case.customer.language if case.customer else ""):
        code = code.lower().replace("_", "-")
        for one in (code, "zh-hant" if code.startswith("zh") else code.partition("-")[0]):
            if one in known:
                return one
    return settings.LANGUAGE_CODE


def text_of(reply: SavedReply, case: Case, user: User | None) -> str:
    """The reply in the customer's language (else in English, else in any), filled in."""
    texts = {code: text for code, text in reply.texts.items() if text.strip()}
    language = language_of(case)
    text = texts.get(language) or texts.get(settings.LANGUAGE_CODE) or next(iter(texts.values()), "")
    return filled(text, case, user, language)


def filled(text: str, case: Case, user: User | None, language: str) -> str:
    """`text` with its variables filled in; one that is not known gets its otherwise, one that does not exist stays."""
    values = _values(case, user, language)

    def fill(match: re.Match[str]) -> str:
        name, otherwise = match[1], match[2]
        if name in values or name.startswith("customer."):
            value = values.get(name) or _trait(case, name)
            return value or (otherwise or "")
        return match[0]

    return PLACE.sub(fill, text)


def unknown_variables(text: str) -> list[str]:
    """What stands in braces and means nothing."""
    return [m[0] for m in PLACE.finditer(text) if m[1] not in VARIABLES and not m[1].startswith("customer.")]


def _values(case: Case, user: User | None, language: str) -> dict[str, str]:
    customer = case.customer
    name = customer.name if customer else ""
    with translation.override(language):
        promised = (
            formats.date_format(timezone.localtime(case.promised_at), "DATETIME_FORMAT") if case.promised_at else ""
        )
    return {
        "customer.name": name, "customer.first_name": name.partition(" ")[0],
        "customer.email": customer.email if customer else "", "case.number": f"#{case.number}",
        "case.subject": case.subject, "case.promised": promised, "agent.name": user.name if user else "",
        "team.name": case.team.name, "workspace.name": case.workspace.name,
    }  # fmt: skip


def _trait(case: Case, name: str) -> str:
    value = case.customer.traits.get(name.partition(".")[2]) if case.customer else None
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def replies_for(case: Case) -> list[SavedReply]:
    """Those of everybody and of the case's team, the most used first."""
    rows = SavedReply.objects.filter(Q(team=None) | Q(team=case.team_id), workspace_id=case.workspace_id)
    return list(rows.order_by("-used", "name")[:200])


@transaction.atomic
def save_reply(
    *, workspace: Workspace, name: str, texts: dict[str, str], by: Actor, team: Team | None = None,
    reply: SavedReply | None = None,
) -> SavedReply:  # fmt: skip
    """Keep a saved reply under a name. Raises Refused for no text, a name in use, or braces that mean nothing."""
    require_role(workspace, by, Role.AGENT)
    name = " ".join(name.split())[:100]
    known = {code for code, _name in settings.LANGUAGES}
    texts = {code: text.strip()[:LONGEST] for code, text in texts.items() if code in known and text.strip()}
    if not name or not texts:
        raise Refused(_("A saved reply needs a name, and a text in at least one language."))
    wrong = sorted({one for text in texts.values() for one in unknown_variables(text)})
    if wrong:
        raise Refused(_("This stands in braces, but means nothing: %(names)s") % {"names": ", ".join(wrong)})
    same = SavedReply.objects.filter(workspace=workspace, name=name)
    if (same.exclude(pk=reply.pk) if reply else same).exists():
        raise Refused(_("There is a saved reply of this name already."))
    verb = "changed" if reply else "created"
    reply = reply or SavedReply(workspace=workspace)
    reply.name, reply.texts, reply.team, reply.updated_at = name, texts, team, timezone.now()
    reply.save()
    audit(verb, reply, workspace=workspace, by=by)
    return reply


@transaction.atomic
def remove_reply(*, reply: SavedReply, by: Actor) -> None:
    require_role(reply.workspace, by, Role.AGENT)
    audit("removed", reply, workspace=reply.workspace, by=by)
    reply.delete()


def used(workspace: Workspace, pk: int) -> None:
    """Count a use: the most used are offered first."""
    SavedReply.objects.filter(workspace=workspace, pk=pk).update(used=F("used") + 1)


Do = Callable[[Case, dict[str, Any], Actor], object]


def _reply(case: Case, step: dict[str, Any], by: Actor) -> None:
    user = by if isinstance(by, User) else None
    text = filled(str(step.get("text", "")), case, user, language_of(case))
    if saved := SavedReply.objects.filter(workspace=case.workspace, pk=step.get("reply") or 0).first():
        text = text_of(saved, case, user)
    actions.reply_to_customer(case=case, text=text, by=by, stay_open=True)


def _assign(case: Case, step: dict[str, Any], by: Actor) -> None:
    team = Team.objects.filter(workspace=case.workspace, pk=step.get("team") or 0).first()
    owner = by if step.get("owner") == "me" and isinstance(by, User) else None
    actions.assign(case=case, team=team, owner=owner, by=by)


def _snooze(case: Case, step: dict[str, Any], by: Actor) -> None:
    actions.snooze(case=case, until=timezone.now() + timedelta(hours=float(step.get("hours") or 24)), by=by)


def _resolve(case: Case, step: dict[str, Any], by: Actor) -> None:
    cause = Cause.objects.filter(workspace=case.workspace, pk=step.get("cause") or 0).first()
    actions.resolve(case=case, resolution=str(step.get("resolution") or Resolution.SOLVED), cause=cause, by=by)


DEEDS: Final[dict[str, Do]] = {
    "reply": _reply,
    "note": lambda case, step, by: notes.add_note(case=case, text=str(step.get("text", "")), by=by),
    "tag": lambda case, step, by: actions.add_tags(case=case, tags=[str(step.get("tag", ""))], by=by),
    "priority": lambda case, step, by: actions.set_priority(case=case, priority=int(step.get("priority") or 2), by=by),
    "assign": _assign,
    "snooze": _snooze,
    "resolve": _resolve,
}
MOST_STEPS: Final = 10


@transaction.atomic
def save_macro(
    *, workspace: Workspace, name: str, steps: list[dict[str, Any]], by: Actor, macro: Macro | None = None
) -> Macro:
    """Keep several verbs under one name. Raises Refused for none, too many, an unknown verb, or a name in use."""
    require_role(workspace, by, Role.AGENT)
    name = " ".join(name.replace("\x00", "").split())[:100]
    if not name or not steps or len(steps) > MOST_STEPS or any(step.get("do") not in DEEDS for step in steps):
        raise Refused(_("A macro needs a name and one to ten steps."))
    same = Macro.objects.filter(workspace=workspace, name=name)
    if (same.exclude(pk=macro.pk) if macro else same).exists():
        raise Refused(_("There is a macro of this name already."))
    verb = "changed" if macro else "created"
    macro = macro or Macro(workspace=workspace)
    macro.name, macro.steps = name, steps
    macro.save()
    audit(verb, macro, workspace=workspace, by=by)
    return macro


@transaction.atomic
def remove_macro(*, macro: Macro, by: Actor) -> None:
    require_role(macro.workspace, by, Role.AGENT)
    audit("removed", macro, workspace=macro.workspace, by=by)
    macro.delete()


@transaction.atomic
def run_macro(*, macro: Macro, case: Case, by: Actor) -> None:
    """Do all its steps, or none: a step that is refused takes back the ones before it."""
    if macro.workspace_id != case.workspace_id:
        raise Refused(_("This macro does not exist."))
    for step in macro.steps:
        DEEDS[step["do"]](case, step, by)
    Macro.objects.filter(pk=macro.pk).update(used=F("used") + 1)
