"""Writing to the customer about a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor
from cxm.accounts.models import Role, User
from cxm.listen.channels import conversing
from cxm.listen.channels.models import Conversation, Message

from .changing import change, locked, take_over
from .errors import Overtaken, Refused
from .models import Case

State = Case.State


@transaction.atomic
def reply_to_customer(
    *,
    case: Case,
    text: str,
    by: Actor,
    attachments: Sequence[Any] = (),
    html: str = "",
    stay_open: bool = False,
    seen: UUID | None = None,
) -> Message:
    """Answer in the case's conversation, or begin one by e-mail; then the case waits for the customer.

    A reply of a person is the first human answer, once. `seen` is the last message that the writer saw: raises
    Overtaken where a newer one of ours has left meanwhile. Raises Refused where there is nothing to say, no way to
    reach the customer, or the case is merged.
    """
    require_role(case.workspace, by, Role.AGENT)
    take_over(case, locked(case))
    if case.state == State.MERGED:
        raise Refused(_("This case was merged into another. Answer there."))
    text = text.replace("\x00", "").strip()
    if not text:
        raise Refused(_("Write something first."))
    conversation = case.conversation or _begin(case)
    if seen and _answered_since(conversation, seen):
        raise Overtaken(_("Somebody answered while you were writing. Read it, then send yours if it is still needed."))
    kind: conversing.Kind = "reply" if isinstance(by, User) else "automation"
    message = conversing.reply(
        conversation=conversation, text=text, by=by, kind=kind, case_id=case.pk, attachments=attachments, html=html
    )
    fields: dict[str, Any] = {}
    first = isinstance(by, User) and case.first_replied_at is None
    if isinstance(by, User):
        fields["last_customer_at"] = None
        if first:
            fields["first_replied_at"] = timezone.now()
        if case.state in {State.NEW, State.OPEN, State.SNOOZED}:
            fields |= {"state": State.OPEN if stay_open else State.WAITING, "snoozed_until": None}
        if case.owner_id is None:
            fields["owner"] = by  # who answers has taken it
    change(
        case, by, "replied", ref=f"message:{message.pk}", conversation=conversation, **fields,
        fact={"first": first, "message_id": str(message.pk), "automatic": not isinstance(by, User)},
    )  # fmt: skip
    return message


def _begin(case: Case) -> Conversation:
    if not conversing.address_of(case.customer):
        raise Refused(_("Nothing is known by which this customer could be reached. Add an e-mail address first."))
    channel = conversing.mailbox_of(case.workspace)
    if channel is None:
        raise Refused(_("There is no e-mail channel to answer by. Set one up under Channels."))
    return conversing.open_conversation(
        workspace=case.workspace, customer=case.customer, channel=channel, subject=case.subject
    )


def _answered_since(conversation: Conversation, seen: UUID) -> bool:
    last = Message.objects.filter(conversation=conversation, pk=seen).first()
    newer = Message.objects.filter(conversation=conversation, direction=Message.Direction.OUT, is_automatic=False)
    return last is not None and newer.filter(at__gt=last.at).exclude(pk=seen).exists()
