"""The step of the flow that opens cases: alert rules, messages of customers, and what surveys ask for.

It sees events at least once and in any order. Each event is a transaction of its own, and each verb knows its cause,
so that seeing one again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.text import Truncator

from cxm.accounts.models import Workspace
from cxm.listen.channels.models import Channel, Message
from cxm.record.customers.models import Customer
from cxm.record.eventlog.follow import LogEvent
from cxm.record.eventlog.outbox import caused_by

from .actions import customer_wrote, open_case, returned
from .alerts.customers import customers_of
from .alerts.matching import Met, handle, met
from .alerts.rules import DEEPEST, books, seen
from .models import AlertHit, AlertRule, Case
from .queries import case_of_thread
from .text_fields import with_text

MESSAGES = {"message_received", "review_received", "call_transcribed"}
OWN = MESSAGES | {"case_requested", "message_returned"}  # facts that open or move a case whatever the rules are
OPENING = {"email", "form", "reviews"}  # kinds of channels whose messages open cases, unless the channel says otherwise
FEW_STARS = 2.0  # of five: a review with so few opens a case
PRIORITIES = {one.name.lower(): one for one in Case.Priority}


def names_waited_for() -> set[str]:
    """The names of events without which this step has nothing to do; one short question to the database."""
    with_rules = AlertRule.objects.filter(is_on=True).order_by().values_list("workspace_id", flat=True).distinct()
    return OWN.union(*(book.names() for book in books(with_rules).values()))


def wanted(events: Sequence[LogEvent]) -> list[LogEvent]:
    """The events of a batch that this step has anything to do with; costs one short question to the database."""
    by_workspace = _by_workspace(events)
    rules = books(by_workspace)
    found: list[LogEvent] = []
    for workspace_id, some in by_workspace.items():
        found += [one.one.event for one in met(rules[workspace_id], some)]
        found += [event for event in some if _is_own(event)]
    unique = {event.event_id: event for event in found}
    return list(unique.values())


def open_cases(events: Sequence[LogEvent]) -> None:
    """The step of the flow. The customers of captured events are known by now."""
    by_workspace = _by_workspace(events)
    rules = books(by_workspace)
    for workspace_id, some in sorted(by_workspace.items()):
        own = [event for event in some if _is_own(event)]
        found = met(rules[workspace_id], some)
        if not own and not found:
            continue
        workspace = Workspace.objects.filter(pk=workspace_id, deleted_at=None).first()
        if workspace is None:
            continue
        found = _new(found)
        concerned = {one.event_id: one for one in [*own, *(each.one.event for each in found)]}
        customers = customers_of(workspace_id, concerned.values())
        for event in own:  # first, so that an alert about a message finds its case
            _take_in(workspace, event, customers.get(event.customer_id))
        for each in found:
            handle(workspace, each, customers.get(each.one.event.customer_id))


def _by_workspace(events: Sequence[LogEvent]) -> dict[int, list[LogEvent]]:
    found: dict[int, list[LogEvent]] = defaultdict(list)
    for event in events:
        found[event.workspace_id].append(event)
    return found


def _new(found: Sequence[Met]) -> list[Met]:
    """Without the rules that have seen the event before: a batch that comes again costs little."""
    ids = [one.one.event.event_id for one in found]
    hits: set[tuple[UUID, UUID]] = set()
    for start in range(0, len(ids), 500):
        rows = AlertHit.objects.filter(event_id__in=ids[start : start + 500])
        hits.update(rows.values_list("event_id", "rule_id"))
    left = [Met(one.one, [rule for rule in one.rules if (one.one.event.event_id, rule.rule.pk) not in hits])
            for one in found]  # fmt: skip
    return [one for one in left if one.rules]


def _is_own(event: LogEvent) -> bool:
    return event.source == "fact" and event.name in OWN


def _take_in(workspace: Workspace, event: LogEvent, customer: Customer | None) -> None:
    one = seen(event)
    with caused_by(event.event_id, min(one.depth, DEEPEST) + 1):
        if event.name == "case_requested":
            _requested(workspace, event, customer, dict(one.properties))
        elif event.name == "message_returned":
            _returned(workspace, dict(one.properties))
        else:
            _message(workspace, event, customer, dict(one.properties))


def _requested(workspace: Workspace, event: LogEvent, customer: Customer | None, said: dict[str, Any]) -> None:
    """A rule of a survey asks for a case: one for each response and rule."""
    priority = said.get("priority")
    response = str(said.get("response_id") or event.event_id)
    open_case(
        workspace=workspace, subject=_text(said, "subject") or _text(said, "survey_name") or _text(said, "survey"),
        opened_by=f"survey:{response}:{said.get('rule') or ''}"[:100], customer=customer,
        category=_text(said, "category"), priority=PRIORITIES.get(str(priority), Case.Priority.NORMAL),
        channel=_text(said, "channel"), touchpoint=_text(said, "touchpoint"), language=_text(said, "language"),
        properties={
            "survey": _text(said, "survey_name"), "response_id": response, **with_text(workspace.pk, said)
        },
        by=None,
    )  # fmt: skip


@transaction.atomic
def _message(workspace: Workspace, event: LogEvent, customer: Customer | None, said: dict[str, Any]) -> None:
    """A message joins the case of its conversation; without one it opens one where its channel does."""
    message_id = _uuid(said.get("message_id"))
    if message_id is None:
        return
    message = (
        Message.objects.select_related("conversation", "conversation__channel", "conversation__customer")
        .filter(workspace=workspace, pk=message_id)
        .first()
    )
    if message is None or message.is_automatic:
        return
    conversation = message.conversation
    case = case_of_thread(workspace, conversation.pk)
    if case is not None:
        if not Case.objects.filter(workspace=workspace, opened_by=f"message:{message.pk}").exists():
            customer_wrote(case=case, message=message)
        return
    if not _opens(conversation.channel, conversation.kind, event, said):
        return
    channel = conversation.channel
    settings = channel.settings if channel else {}
    subject = conversation.subject or Truncator(message.text).chars(80) or _text(said, "channel_name")
    open_case(
        workspace=workspace, subject=subject or conversation.kind, opened_by=f"message:{message.pk}",
        customer=customer or conversation.customer, conversation=conversation,
        category=str(settings.get("category") or ""), touchpoint=_text(said, "touchpoint"),
        complaint=event.name == "review_received", language=_text(said, "language"),
        properties=with_text(workspace.pk, said), by=None,
    )  # fmt: skip


@transaction.atomic
def _returned(workspace: Workspace, said: dict[str, Any]) -> None:
    """What we wrote did not arrive: the case of the conversation is work again."""
    message_id, conversation_id = _uuid(said.get("message_id")), _uuid(said.get("conversation_id"))
    if message_id and conversation_id and (case := case_of_thread(workspace, conversation_id)):
        returned(case=case, message_id=message_id, was_reply=said.get("kind") == "reply", reason=_text(said, "reason"))


def _opens(channel: Channel | None, kind: str, event: LogEvent, said: dict[str, Any]) -> bool:
    """By the setting of the channel, else mails, forms and reviews do; of reviews only those with few stars."""
    setting = channel.settings.get("opens_cases") if channel else None
    if not (setting if isinstance(setting, bool) else kind in OPENING):
        return False
    if event.name == "review_received":
        percent = seen(event).percent  # 2 of 5 is a quarter of the way
        return percent is not None and percent <= (FEW_STARS - 1) / 4 * 100
    return True


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
