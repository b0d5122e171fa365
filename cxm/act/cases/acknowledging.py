"""What a customer is told at once: we have it, its number, and until when somebody answers, if we can say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace
from cxm.listen.channels.actions import Refused as NotSent
from cxm.listen.channels.conversing import address_of, mailbox_of, open_conversation, reply
from cxm.listen.channels.models import Conversation
from cxm.listen.channels.receiving import MAILBOX

from .changing import change
from .errors import Refused
from .expecting import Expectation, expectation
from .models import Acknowledgement, Case

OPENERS = ("message:", "answer:", "survey:")  # what somebody said to us; an alert about silence is answered by nobody
VARIABLE = re.compile(r"\{([a-z]+(?:\.[a-z]+)?)\}")
VARIABLES = (
    "customer.name", "case.number", "case.subject", "team", "company", "answer", "answer.time", "opens",
)  # fmt: skip
LONGEST_TEXT = 5000


def setting_of(workspace: Workspace) -> Acknowledgement:
    """As it was set; else as it is from the beginning: on, in our own words."""
    return Acknowledgement.objects.filter(pk=workspace.pk).first() or Acknowledgement(workspace=workspace)


@transaction.atomic
def acknowledge(case: Case) -> None:
    """Answer the message or the answer that opened the case, once, if the customer can be reached by mail."""
    if case.acknowledged_at or not case.opened_by.startswith(OPENERS) or case.state not in Case.OPEN_STATES:
        return
    setting = setting_of(case.workspace)
    if not setting.is_on:
        return
    conversation = _conversation(case)
    if conversation is None:
        return
    expected = expectation(case.team, beside=case)
    promise = expected.at if setting.promises else None
    language = language_of(case, setting)
    text = written(case, setting, language, expected if setting.promises else None)
    try:
        message = reply(conversation=conversation, text=text, by=None, kind="acknowledgement", case_id=case.pk)
    except NotSent:
        return
    if message.delivery_id is None:  # a machine wrote, or its address takes no mail
        return
    change(
        case, None, "acknowledged", ref=f"message:{message.pk}", acknowledged_at=message.at, promised_at=promise,
        conversation=conversation,
        data={"answers": expected.answers, "waiting": expected.waiting, "expected_h": round(expected.expected_h, 2)},
        fact={"promised_at": promise.isoformat() if promise else None},
    )  # fmt: skip


def _conversation(case: Case) -> Conversation | None:
    """The one that the case is about, or a new one by mail; None if there is no way."""
    if case.conversation:
        return case.conversation if MAILBOX.fullmatch(case.conversation.address) else None
    if case.customer is None or not address_of(case.customer):
        return None
    channel = mailbox_of(case.workspace)  # without one nobody could answer to us
    if channel is None:
        return None
    return open_conversation(workspace=case.workspace, customer=case.customer, channel=channel, subject=case.subject)


def language_of(case: Case, setting: Acknowledgement) -> str:
    """The customer's own if there are words in it, else the first one of the installation."""
    known = [*setting.texts, *(code for code, _name in settings.LANGUAGES)]
    base = case.language.lower().replace("_", "-")
    for wanted in (base, "zh-hant" if base.startswith("zh") else base.partition("-")[0]):
        if wanted and wanted in known:
            return wanted
    return settings.LANGUAGE_CODE


def written(case: Case, setting: Acknowledgement, language: str, expected: Expectation | None) -> str:
    """The whole text. `expected` None: nothing shall be said about time."""
    zone = case.team.calendar.time_zone if case.team.calendar else case.workspace.time_zone
    known = {code for code, _name in settings.LANGUAGES}
    with translation.override(language if language in known else settings.LANGUAGE_CODE):
        answer = _answer(expected, zone)
        values = {
            "customer.name": case.customer.name if case.customer else "",
            "case.number": str(case.number),
            "case.subject": case.subject,
            "team": case.team.name,
            "company": case.workspace.name,
            "answer": answer,
            "answer.time": moment(expected.at, zone) if expected and expected.at else "",
            "opens": moment(expected.opens_at, zone) if expected and expected.opens_at else "",
        }
        own = setting.texts.get(language, {}).get("text", "")
        if own:
            return filled(own, values)
        name = values["customer.name"]
        greeting = _("Hello %(name)s,") % {"name": name} if name else _("Hello,")
        thanks = _("thank you for telling us. We have your message, and it has the number %(number)d with us.") % {
            "number": case.number
        }
        return "\n\n".join(part for part in (greeting, thanks, answer, case.workspace.name) if part)


def filled(text: str, values: Mapping[str, str]) -> str:
    """With the values in place of their names; a name that there is not stays, for whoever reads it to see."""
    return VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


def _answer(expected: Expectation | None, zone: str) -> str:
    if expected is None:
        return ""
    if expected.at:
        return _("We expect to answer you by %(time)s.") % {"time": moment(expected.at, zone)}
    if expected.opens_at:
        return _("We are closed just now and open again on %(time)s. We cannot say yet when we will answer.") % {
            "time": moment(expected.opens_at, zone)
        }
    return _("We cannot say yet when we will answer, but somebody will.")


def moment(at: datetime, zone: str) -> str:
    """Monday, 23 November, 14:00 (Europe/Kyiv), in the language that is on."""
    wall = at.astimezone(ZoneInfo(zone))
    day, time = formats.date_format(wall, "l, j F"), formats.date_format(wall, "H:i")
    return f"{day}, {time} ({zone})"


def told(case: Case) -> dict[str, str]:
    """Of `ticket_updated`: whether the customer heard from us at once. Missing as long as that is open."""
    if not case.opened_by.startswith(OPENERS):
        return {}
    heard = min((at for at in (case.acknowledged_at, case.first_replied_at) if at), default=None)
    waited = ((heard or timezone.now()) - case.opened_at).total_seconds()
    in_time = waited <= setting_of(case.workspace).within_s
    if heard is None and in_time:
        return {}
    return {"acknowledged_in_time": "true" if in_time else "false"}


@transaction.atomic
def save_setting(*, workspace: Workspace, by: Actor, **fields: Any) -> Acknowledgement:
    """Change is_on, promises, within_s or texts. Raises Refused."""
    require_role(workspace, by, Role.ADMIN)
    setting = setting_of(workspace)
    for language, one in fields.get("texts", {}).items():
        text = one.get("text", "")
        unknown = [name for name in VARIABLE.findall(text) if name not in VARIABLES]
        if unknown:
            raise Refused(_("“{%(name)s}” stands for nothing. Choose one of the names below.") % {"name": unknown[0]})
        if len(text) > LONGEST_TEXT or len(language) > 10:
            raise Refused(_("The text has at most %(most)d letters.") % {"most": LONGEST_TEXT})
    if not 1 <= fields.get("within_s", 1) <= 86_400:
        raise Refused(_("“At once” means at most a day."))
    changes = {}
    for name, value in fields.items():
        if getattr(setting, name) != value:
            changes[name] = [getattr(setting, name), value]
            setattr(setting, name, value)
    setting.save()
    audit("changed", setting, workspace=workspace, by=by, changes=changes, name=_("Acknowledgement"))
    return setting
