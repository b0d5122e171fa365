"""The life of a case: open, assign, hand over, answer, snooze, resolve, reopen, close, merge."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.listen.channels.models import Conversation, Message
from cxm.record.customers.access import one_at_a_time
from cxm.record.customers.models import Customer

from . import hooks, noticing, searching
from .changing import audit_case, change, locked, signed, state_facts, take_over
from .errors import Refused
from .models import Case, CaseEntry, Cause, Link, Notice, Resolution, Task, Team, Watcher
from .notes import add_note
from .queries import ended_in
from .replying import reply_to_customer

State = Case.State
LONGEST_SNOOZE: Final = timedelta(days=400)
MOST_TAGS: Final = 20
LONGEST_TAG: Final = 60
PERSON: Final = "person:"


def default_team(workspace: Workspace) -> Team:
    """The team that takes what nobody else does; made when it is first needed."""
    team = Team.objects.filter(workspace=workspace, is_default=True).first()
    if team is None:
        name = _("Customer service")
        taken = Team.objects.filter(workspace=workspace, name=name)
        try:
            with transaction.atomic():
                team = taken.first() or Team(workspace=workspace, name=name)
                team.is_default = True
                team.save()
        except IntegrityError:  # another one was faster
            team = Team.objects.get(workspace=workspace, is_default=True)
    return team


@transaction.atomic
def open_case(
    *,
    workspace: Workspace,
    subject: str,
    opened_by: str,
    by: Actor,
    customer: Customer | None = None,
    conversation: Conversation | None = None,
    category: str = "",
    priority: int = Case.Priority.NORMAL,
    severe: bool = False,
    complaint: bool = False,
    channel: str = "",
    touchpoint: str = "",
    language: str = "",
    team: Team | None = None,
    owner: User | None = None,
    tags: Iterable[str] = (),
    properties: Mapping[str, Any] | None = None,
    opened_at: datetime | None = None,
) -> Case:
    """Open a case, route it, start its clocks and acknowledge it; the one that exists, if `opened_by` has one.

    `opened_by` names the cause (see Case.opened_by). Raises Refused for an empty subject or an owner who is no member.
    """
    require_role(workspace, by, Role.AGENT)
    one_at_a_time(workspace)  # numbers are counted without gaps, and a cause is looked up before it is used
    existing = Case.objects.select_related("team", "workspace").filter(workspace=workspace, opened_by=opened_by).first()
    if existing:
        return existing
    subject = " ".join(subject.replace("\x00", "").split())[:300]
    if not subject:
        raise Refused(_("Say in a few words what the case is about."))
    _require_members(workspace, team, owner)
    if conversation:
        customer = customer or conversation.customer
        channel, language = channel or conversation.kind, language or conversation.language
    if customer and customer.canonical_id:
        customer = customer.canonical
    last = Case.objects.filter(workspace=workspace).aggregate(last=Max("number"))["last"] or 0
    case = Case(
        workspace=workspace, number=last + 1, subject=subject, opened_by=opened_by[:100], customer=customer,
        conversation=conversation, category=category[:60], priority=priority, is_severe=severe, is_complaint=complaint,
        channel=channel[:30], touchpoint=touchpoint[:100],
        language=(language or (customer.language if customer else ""))[:10],
        team=team or default_team(workspace), owner=owner, tags=cleaned_tags(tags), properties=dict(properties or {}),
        opener=by if isinstance(by, User) else None, opened_at=opened_at or timezone.now(),
    )  # fmt: skip
    # Who asks and has no answer yet waits since then.
    case.last_customer_at = case.opened_at if not opened_by.startswith((PERSON, "rule:")) else None
    case.search_text = searching.text_of(case)
    case.save(force_insert=True)
    CaseEntry.objects.create(
        case=case, at=case.opened_at, kind="opened", **signed(by),
        data={"opened_by": opened_by.partition(":")[0], "team": case.team.name},
    )  # fmt: skip
    audit_case("opened", case, by)
    state_facts(
        case, "opened", by,
        {
            "opened_by": opened_by, "category": case.category, "priority": Case.Priority(priority).name.lower(),
            "team": case.team.name, "channel": case.channel, "touchpoint": case.touchpoint, "severe": severe,
            "complaint": complaint,
        },
    )  # fmt: skip
    hooks.run(hooks.ROUTED if team is None and owner is None else hooks.GIVEN if owner is None else (), case)
    hooks.run(hooks.OPENED, case)
    if owner:
        noticing.tell(case, owner, Notice.Kind.ASSIGNED, by=by)
    return case


@transaction.atomic
def assign(*, case: Case, by: Actor, team: Team | None = None, owner: User | None = None) -> None:
    """Give it to a team, to one of its people, or (with neither) back to its team's pool.

    Raises Refused for a team of another workspace, a person who is no member, and a case that is done.
    """
    require_role(case.workspace, by, Role.AGENT)
    _require_open(case)
    _require_members(case.workspace, team, owner)
    team = team or case.team
    moved = team.pk != case.team_id or bool(case.owner_id and owner and owner.pk != case.owner_id)
    entry = change(
        case, by, "assigned", team=team, owner=owner, reassigned=case.reassigned + moved,
        fact={"team": team.name, "owner": owner.name if owner else ""},
    )  # fmt: skip
    if entry and owner:
        noticing.tell(case, owner, Notice.Kind.ASSIGNED, by=by, entry=entry)


@transaction.atomic
def hand_over(*, case: Case, team: Team, by: Actor, reason: str = "", owner: User | None = None) -> None:
    """Give it to another department, and say why: the next ones read it first."""
    _require_open(case)
    _require_members(case.workspace, team, owner)
    before = case.team.name
    entry = change(
        case, by, "handed_over", text=reason.strip()[:5000], team=team, owner=owner,
        reassigned=case.reassigned + (team.pk != case.team_id), fact={"from": before, "team": team.name},
    )  # fmt: skip
    if entry and owner:
        noticing.tell(case, owner, Notice.Kind.ASSIGNED, by=by, entry=entry)


@transaction.atomic
def customer_wrote(*, case: Case, message: Message) -> None:
    """The customer wrote: it is our turn again, whatever the case waited for. A message counts once."""
    case = ended_in(case)
    fields: dict[str, Any] = {"last_customer_at": min(case.last_customer_at or message.at, message.at)}
    kind = "customer_wrote"
    if case.state in {State.RESOLVED, State.CLOSED}:
        kind = "reopened"
        fields |= _reopened(case)
    elif case.state in {State.WAITING, State.SNOOZED}:
        fields |= {"state": State.OPEN, "snoozed_until": None}
    ref = f"message:{message.pk}"
    known = Q(case=case) | Q(case__conversation=message.conversation_id)  # of one that was merged since, too
    if CaseEntry.objects.filter(known, ref=ref).exists():
        return
    entry = change(case, None, kind, ref=ref, fact={"why": "message"}, **fields)
    if entry:
        noticing.tell_followers(case, entry, by=None)


@transaction.atomic
def returned(*, case: Case, message_id: UUID, was_reply: bool, reason: str) -> None:
    """What we wrote did not reach the customer: of an answer, the case that waits for them or is done is work again."""
    case = ended_in(case)
    fields: dict[str, Any] = {}
    if was_reply and case.state == State.RESOLVED:
        fields = _reopened(case)
    elif was_reply and case.state in {State.WAITING, State.SNOOZED}:
        fields = {"state": State.OPEN, "snoozed_until": None}
    entry = change(case, None, "returned", ref=f"message:{message_id}", text=reason, **fields)
    if entry:
        noticing.tell_followers(case, entry, by=None)
        if case.owner and not case.watchers.filter(user=case.owner).exists():
            noticing.tell(case, case.owner, Notice.Kind.WATCHED, by=None, entry=entry)


@transaction.atomic
def acknowledged(*, case: Case, promised_at: datetime | None, by: Actor = None) -> None:
    """The customer was told that we have it, and until when somebody answers (None: nothing was promised)."""
    if case.acknowledged_at is None:
        promise = {"promised_at": promised_at.isoformat()} if promised_at else {}
        change(case, by, "acknowledged", acknowledged_at=timezone.now(), promised_at=promised_at, fact=promise)


@transaction.atomic
def snooze(*, case: Case, until: datetime, by: Actor) -> None:
    """Out of sight until then; a message of the customer brings it back earlier."""
    _require_open(case)
    if not timezone.now() < until <= timezone.now() + LONGEST_SNOOZE:
        raise Refused(_("Choose a time in the future, at most a year away."))
    change(case, by, "snoozed", state=State.SNOOZED, snoozed_until=until, fact={"until": until.isoformat()})


@transaction.atomic
def wake(*, case: Case, by: Actor = None) -> None:
    """Bring a snoozed case back."""
    if locked(case).state == State.SNOOZED:
        entry = change(case, by, "woke", state=State.OPEN, snoozed_until=None)
        if case.owner and case.owner != by:
            noticing.tell(case, case.owner, Notice.Kind.WOKE, by=by, entry=entry)


@transaction.atomic
def resolve(
    *, case: Case, resolution: str, by: Actor, cause: Cause | None = None, note: str = "", at: datetime | None = None
) -> None:
    """It is done: how, and from which root cause. Raises Refused for what no resolution is called."""
    _require_open(case)
    if resolution not in Resolution.values:
        raise Refused(_("Choose how the case was resolved."))
    if cause and cause.workspace_id != case.workspace_id:
        raise Refused(_("This root cause does not exist."))
    at = at or timezone.now()
    cause = cause or case.cause
    change(
        case, by, "resolved", at=at, text=note.strip()[:5000], state=State.RESOLVED, resolution=resolution, cause=cause,
        resolved_at=at, snoozed_until=None, last_customer_at=None,
        fact={
            "resolution": resolution, "root_cause": cause.name if cause else "",
            "resolution_s": max(0, round((at - case.opened_at).total_seconds())), "team": case.team.name,
            "owner": case.owner.name if case.owner else "",
        },
    )  # fmt: skip


@transaction.atomic
def reopen(*, case: Case, by: Actor, reason: str = "") -> None:
    """Bring it back: helping did not help yet."""
    take_over(case, locked(case))
    if case.state not in {State.RESOLVED, State.CLOSED}:
        raise Refused(_("Only a case that is resolved or closed can be reopened."))
    entry = change(case, by, "reopened", text=reason.strip()[:5000], fact={"why": "person"}, **_reopened(case))
    if entry:
        noticing.tell_followers(case, entry, by=by)


@transaction.atomic
def close(*, case: Case, by: Actor) -> None:
    """Put it away for good. Only what is resolved can be closed."""
    take_over(case, locked(case))
    if case.state != State.RESOLVED:
        raise Refused(_("Resolve the case before you close it."))
    change(case, by, "closed", state=State.CLOSED, closed_at=timezone.now())


@transaction.atomic
def merge(*, case: Case, into: Case, by: Actor) -> None:
    """The two are one matter: `case` ends, and what comes to it goes to `into`, with its people and tasks."""
    require_role(case.workspace, by, Role.AGENT)
    into = ended_in(into)
    for one in sorted((case, into), key=lambda it: it.pk):  # in one order, so that two merges cannot hold each other up
        take_over(one, locked(one))
    if into.workspace_id != case.workspace_id or into.pk == case.pk:
        raise Refused(_("Choose another case to merge this one into."))
    if case.state == State.MERGED:
        raise Refused(_("This case is merged already."))
    if case.customer and into.customer and _person(case.customer) != _person(into.customer):
        raise Refused(_("These cases are of two customers. Link them instead, or merge the customers first."))
    was_open = case.state in Case.OPEN_STATES
    change(
        case, by, "merged", state=State.MERGED, merged_into=into, closed_at=timezone.now(),
        resolved_at=case.resolved_at or timezone.now(), resolution=Resolution.DUPLICATE, snoozed_until=None,
        fact={"into": into.number},
    )  # fmt: skip
    for watcher in case.watchers.exclude(user__in=into.watchers.values("user")):
        Watcher.objects.create(case=into, user_id=watcher.user_id)
    asked = list(Task.objects.filter(case=into).exclude(ref="").values_list("ref", flat=True))
    Task.objects.filter(case=case).exclude(ref__in=asked).update(case=into)
    more: dict[str, Any] = {}
    if was_open and into.state in {State.RESOLVED, State.CLOSED}:  # what is open now was not solved then
        change(into, by, "reopened", fact={"why": "person"}, **_reopened(into))
    if case.last_customer_at:
        more["last_customer_at"] = min(case.last_customer_at, into.last_customer_at or case.last_customer_at)
        if into.state in {State.WAITING, State.SNOOZED}:
            more |= {"state": State.OPEN, "snoozed_until": None}
    if into.customer_id is None and case.customer_id:
        more["customer"] = case.customer
    if into.conversation_id is None and case.conversation_id:
        more["conversation"] = case.conversation
    change(
        into,
        by,
        "took_in",
        ref=f"case:{case.pk}",
        data={"number": case.number},
        tags=_joined(into.tags, case.tags),
        **more,
    )


def _person(customer: Customer) -> UUID:
    """Whoever it is now, after all merges of profiles."""
    return customer.canonical_id or customer.pk


@transaction.atomic
def link(*, case: Case, other: Case, by: Actor) -> None:
    """Two cases belong together, and each shows the other."""
    if other.workspace_id != case.workspace_id or other.pk == case.pk:
        raise Refused(_("Choose another case to link."))
    one, two = sorted((case, other), key=lambda it: it.number)
    if Link.objects.get_or_create(one=one, other=two)[1]:
        change(case, by, "linked", data={"number": other.number})
        change(other, by, "linked", data={"number": case.number})


@transaction.atomic
def unlink(*, case: Case, other: Case, by: Actor) -> None:
    require_role(case.workspace, by, Role.AGENT)
    one, two = sorted((case, other), key=lambda it: it.number)
    if Link.objects.filter(one=one, other=two).delete()[0]:
        change(case, by, "unlinked", data={"number": other.number})


@transaction.atomic
def set_priority(*, case: Case, priority: int, by: Actor) -> None:
    if priority not in Case.Priority.values:
        raise Refused(_("Choose one of the priorities."))
    change(case, by, "priority", priority=priority)


@transaction.atomic
def describe(*, case: Case, by: Actor, **fields: Any) -> None:
    """Correct what the case says of itself: subject, category, cause, customer, language, is_complaint, is_severe."""
    allowed = {"subject", "category", "cause", "customer", "language", "is_complaint", "is_severe", "touchpoint"}
    assert fields.keys() <= allowed, fields
    if "subject" in fields:
        fields["subject"] = " ".join(fields["subject"].replace("\x00", "").split())[:300]
        if not fields["subject"]:
            raise Refused(_("Say in a few words what the case is about."))
    for name in ("cause", "customer"):
        if (one := fields.get(name)) and one.workspace_id != case.workspace_id:
            raise Refused(_("This does not exist in the workspace."))
    change(case, by, "described", **fields)


@transaction.atomic
def tag(*, case: Case, tags: Iterable[str], by: Actor) -> None:
    """Give it these tags and no others."""
    change(case, by, "tagged", tags=cleaned_tags(tags))


@transaction.atomic
def add_tags(*, case: Case, tags: Iterable[str], by: Actor) -> None:
    change(case, by, "tagged", tags=_joined(case.tags, cleaned_tags(tags)))


@transaction.atomic
def watch(*, case: Case, by: Actor, user: User | None = None, on: bool = True) -> None:
    """Tell `user` (whoever asks, if none is named) what happens to the case, or no more."""
    require_role(case.workspace, by, Role.AGENT)
    user = user or (by if isinstance(by, User) else None)
    if user is None:
        return
    _require_members(case.workspace, None, user)
    if on:
        Watcher.objects.get_or_create(case=case, user=user)
    else:
        Watcher.objects.filter(case=case, user=user).delete()


def new_reference() -> str:
    """The cause of a case that a person opens."""
    return f"{PERSON}{uuid.uuid4()}"


def cleaned_tags(tags: Iterable[str]) -> list[str]:
    """Without blanks and repetitions. Raises Refused for too many or too long ones."""
    kept = [one for one in dict.fromkeys(" ".join(one.replace("\x00", "").split()) for one in tags) if one]
    if len(kept) > MOST_TAGS or any(len(one) > LONGEST_TAG for one in kept):
        raise Refused(
            _("Use at most %(most)d tags of up to %(letters)d letters.") % {"most": MOST_TAGS, "letters": LONGEST_TAG}
        )
    return kept


def _joined(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))[:MOST_TAGS]


def _reopened(case: Case) -> dict[str, Any]:
    return {
        "state": State.OPEN, "reopened": case.reopened + 1, "resolved_at": None, "closed_at": None, "resolution": "",
        "snoozed_until": None,
    }  # fmt: skip


def _require_open(case: Case) -> None:
    take_over(case, locked(case))
    if case.state not in Case.OPEN_STATES:
        raise Refused(_("This case is done. Reopen it to go on with it."))


def _require_members(workspace: Workspace, team: Team | None, owner: User | None) -> None:
    if team and team.workspace_id != workspace.pk:
        raise Refused(_("This team does not exist."))
    if owner:
        membership = Membership.objects.filter(workspace=workspace, user=owner, user__is_active=True).first()
        if membership is None:
            raise Refused(_("This person is no member of the workspace. Choose somebody else."))
        if not Role(membership.role).includes(Role.AGENT):
            raise PermissionDenied


__all__ = [
    "acknowledged", "add_note", "add_tags", "assign", "cleaned_tags", "close", "customer_wrote", "default_team",
    "describe", "hand_over", "link", "merge", "new_reference", "open_case", "reopen", "reply_to_customer", "resolve",
    "returned", "set_priority", "snooze", "tag", "unlink", "wake", "watch",
]  # fmt: skip
