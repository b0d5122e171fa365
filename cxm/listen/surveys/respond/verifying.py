"""Surveys that ask for an e-mail address first: the mail with the link, and whose response it begins.

Nothing is looked up before the button behind the link is pressed, so pages and times are the same for every address.
Settings name this module as the owner of deliveries whose cause is `verify:<response>`.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from cxm.accounts.models import Workspace
from cxm.listen.channels.actions import queue_all
from cxm.listen.channels.mail.blocks import Block, Button, Foot, Words, as_html, as_text
from cxm.listen.channels.mail.letter import Letter
from cxm.listen.channels.models import Delivery
from cxm.listen.channels.queries import folded
from cxm.record.capture.models import Suppression
from cxm.record.customers.actions import create_customer
from cxm.record.customers.errors import Refused
from cxm.record.customers.models import Customer
from cxm.record.customers.queries import customer_by_identity

from ..definition import Definition, said
from ..models import Survey, Version
from . import abuse
from .tokens import Start, verifying_token
from .tries import taken
from .words import ours, words

ASKED, ASKED_S = 10, 600  # addresses that one network address may name, in so many seconds
KEPT_DAYS = 7  # an address that was not confirmed
MAILS, MAILS_S = 3, 3600  # to one mailbox about one survey


def mailbox_of(text: str) -> str:
    """An e-mail address as it is kept; empty where it is none."""
    address = folded(text)
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address if len(address) <= 254 else ""


def cause_of(start: Start) -> str:
    return f"verify:{start.response.hex}"


def send_link(workspace_id: int, start: Start, address: str, client: str) -> bool:
    """Queue the mail whose link begins `start`; False for a client that has named too many addresses.

    A mailbox that was written to often enough gets no more for now, and nobody is told.
    """
    if not abuse.local(client) and not taken(f"verify {start.survey} {client}", ASKED, ASKED_S):
        return False
    if taken(f"mailbox {start.survey} {address}", MAILS, MAILS_S):
        with transaction.atomic():
            queue_all([Delivery(workspace_id=workspace_id, cause=cause_of(start), to=address,
                                message={"start": msgspec.to_builtins(start)})])  # fmt: skip
    return True


def make(delivery: Delivery) -> Letter | None:
    """The mail with the link, in the language of the page; None when nobody can answer any more."""
    start = msgspec.convert(delivery.message["start"], Start)
    survey = Survey.objects.filter(pk=start.survey, state=Survey.State.LIVE).select_related("workspace").first()
    version = Version.objects.filter(survey=start.survey, number=start.version).first()
    if survey is None or version is None:
        return None
    definition = msgspec.convert(version.definition, Definition)
    name = said(definition.title, start.language, definition.languages)
    link = f"{settings.BASE_URL}/s/v/{verifying_token(start, delivery.to)}"
    with override(ours(start.language)):
        subject = _("Your link to “%(survey)s”") % {"survey": name}
        blocks: list[Block] = [
            Words(_("You gave this address to answer “%(survey)s”. Begin with this link; it is valid for a day.")
                  % {"survey": name}),
            Button(words(ours(start.language)).start, link),
            Foot(_("If it was not you, ignore this mail."), []),
        ]  # fmt: skip
        return Letter(
            subject=subject, text=as_text(blocks),
            html=as_html(blocks, title=subject, language=start.language, accent=definition.look.accent),
            sender_name=survey.workspace.name, language=start.language, automatic="auto-replied", bulk=False,
        )  # fmt: skip


def settled(delivery: Delivery) -> None:
    """What became of it stands in the delivery."""


def forget_unconfirmed() -> int:
    """Delete the mails to addresses that nobody confirmed; returns how many."""
    old = timezone.now() - timedelta(days=KEPT_DAYS)
    return Delivery.objects.filter(cause__startswith="verify:", customer=None, created_at__lt=old).delete()[0]


def bound(start: Start, address: str, workspace_id: int) -> Start:
    """The response as that of the address's customer, who is made where there is none; of nobody where nothing may be
    stored about them."""
    if Suppression.objects.filter(workspace=workspace_id, user_id=address).exists():
        return start
    customer = customer_of(workspace_id, address, start.language)
    Delivery.objects.filter(workspace=workspace_id, cause=cause_of(start)).update(customer=customer)
    return msgspec.structs.replace(start, person=customer.pk, customer=customer.pk)


def customer_of(workspace_id: int, address: str, language: str) -> Customer:
    workspace = Workspace.objects.get(pk=workspace_id)
    if found := customer_by_identity(workspace, "email", address):
        return found
    rows = Customer.objects.filter(workspace=workspace, email__iexact=address).select_related("canonical")
    if held := rows.order_by("created_at", "pk").first():
        return held.canonical or held
    try:
        return create_customer(workspace=workspace, by=None, email=address, language=language[:10])
    except Refused:  # somebody else has made it meanwhile
        if found := customer_by_identity(workspace, "email", address):
            return found
        raise
