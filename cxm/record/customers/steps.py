"""What captured events say of customers: who exists, who is who, traits, groups, consent, and when they were seen.

Everything kept is a maximum, a minimum or a set of what was said, so neither the order of events nor seeing one twice
makes a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.eventlog.follow import LogEvent

from .access import one_at_a_time
from .grouping import join_groups
from .linking import ANONYMOUS, EMAIL, USER, Name, Settled, existing, holders, linked_names, log_id, parts, settle
from .models import ANALYTICS, Consent, Customer, Identity, IdentityLink
from .sayings import FIELDS, ONCE, Saying, milliseconds, read_traits, say
from .searching import search_text_of
from .snapshot import put_snapshot, refresh_answers, store
from .traits import learn
from .versions import bump_directory

MOST_TOLD = 200_000
MOST_GROUPS = 20  # of one event
UNSUBSCRIBED = "email_unsubscribed"
ANSWER = "answer_given"
CONSENT_EVENTS = {"consent updated", "consent preference updated", "segment consent preference updated"}
_decoder = msgspec.json.Decoder()
# User ids that this process has told the log about, with their customer: the rows of the snapshot that say it.
_told: set[tuple[int, str, UUID]] = set()


@dataclass(slots=True)
class Work:
    """What a batch says about one workspace."""

    workspace: Workspace
    users: set[str] = field(default_factory=set)
    seen: dict[Name, datetime] = field(default_factory=dict)
    sayings: dict[Name, list[Saying]] = field(default_factory=lambda: defaultdict(list))
    links: dict[tuple[Name, Name], tuple[datetime, UUID]] = field(default_factory=dict)
    groups: list[tuple[Name | None, str, Saying]] = field(default_factory=list)
    decisions: list[tuple[Name, str, bool, datetime, UUID]] = field(default_factory=list)
    touched: set[Name] = field(default_factory=set)  # whose profile or links the batch speaks of


def update_customers(events: Sequence[LogEvent]) -> None:
    """The step of the flow."""
    by_workspace: dict[int, list[LogEvent]] = defaultdict(list)
    for event in events:
        by_workspace[event.workspace_id].append(event)
    for pk, some in sorted(by_workspace.items()):
        workspace = Workspace.objects.filter(pk=pk).first()
        if workspace is not None:
            _update(workspace, some)


def _update(workspace: Workspace, events: Sequence[LogEvent]) -> None:
    work = Work(workspace)
    for event in events:
        _read(work, event)
    with transaction.atomic():
        one_at_a_time(workspace)
        owner, new = _find_or_make(work)
        customers = _apply_sayings(work, owner)
        linked = _put_links(work)
        join_groups(workspace, [(owner[name] if name else None, key, saying) for name, key, saying in work.groups])
        decided = _put_decisions(work, owner)
        settled = _settle(work, owner, new, linked)
        _refresh_search({*customers, *settled.customers, *new})
        owner |= _device_owners(work)
        _put_last_seen({name: at for name, at in work.seen.items() if name in owner}, owner)
        if decided or (settled.customers and _somebody_decided(settled.customers)):
            bump_directory()
    # Told again when a batch comes again: the process may have ended just here.
    touched = {owner[name] for name in work.touched if name in owner} | settled.customers | new
    held = {
        name for name in work.seen
        if name[0] == USER and owner.get(name) != log_id(workspace.pk, name)
        and (workspace.pk, name[1], owner[name]) not in _told
    }  # fmt: skip
    if touched or held or settled.names:
        put_snapshot(workspace.pk, touched | {owner[name] for name in held}, {*work.touched, *held, *settled.names})
    if len(_told) > MOST_TOLD:
        _told.clear()
    _told.update((workspace.pk, name[1], owner[name]) for name in held)
    if settled.customers:
        refresh_answers(workspace.pk, settled.customers)


def count_answers(events: Sequence[LogEvent]) -> None:
    """The step of the flow after that: how often the customers of these answers answered; one question for many."""
    answering: dict[int, set[Name]] = defaultdict(set)
    for event in events:
        if event.name == ANSWER and (event.user_id or event.anonymous_id):
            name = (USER, event.user_id) if event.user_id else (ANONYMOUS, event.anonymous_id)
            answering[event.workspace_id].add(name)
    for workspace_id, names in sorted(answering.items()):
        owners = set[UUID]()
        for kind in (USER, ANONYMOUS):
            for part in parts([value for one, value in names if one == kind]):
                rows = Identity.objects.filter(workspace=workspace_id, kind=kind, value__in=part)
                owners.update(rows.values_list("customer_id", flat=True))
        refresh_answers(workspace_id, owners)


# Reading


def _read(work: Work, event: LogEvent) -> None:
    user = (USER, event.user_id) if event.user_id else None
    device = (ANONYMOUS, event.anonymous_id) if event.anonymous_id else None
    who = user or device
    _read_groups(work, event, who)
    if who is None:
        return
    if user:
        work.users.add(event.user_id)
    work.seen[who] = max(work.seen.get(who, event.occurred_at), event.occurred_at)
    match event.type:
        case "identify":
            _read_identify(work, event, who, user, device)
        case "alias" if user:
            previous = _text(_object(event.properties).get("previous_id"))
            if previous and previous != event.user_id:
                # Nobody says whether the former name was a user id or that of a device.
                for kind in (USER, ANONYMOUS):
                    _link(work, (kind, previous), user, event)
    _read_decisions(work, event, who)


def _read_groups(work: Work, event: LogEvent, who: Name | None) -> None:
    if event.type == "group":
        properties = _object(event.properties)
        if key := _group_key(properties.get("group_type"), properties.get("group_id")):
            work.groups.append((who, key, _saying(event, properties.get("traits"))))
            if who:
                work.touched.add(who)
    elif event.user_id and '"$groups"' in event.properties:  # PostHog's clients name the groups with each event
        groups = _object(event.properties).get("$groups")
        for kind, value in list(groups.items())[:MOST_GROUPS] if isinstance(groups, dict) else ():
            if key := _group_key(kind, value):
                work.groups.append(((USER, event.user_id), key, _saying(event, None)))


def _group_key(kind: object, value: object) -> str:
    key = _text(value)
    return f"{_text(kind)}:{key}"[:300] if key and _text(kind) else key


def _read_identify(work: Work, event: LogEvent, who: Name, user: Name | None, device: Name | None) -> None:
    properties = _object(event.properties)
    if user and device:
        _link(work, device, user, event)
    for key, rank in (("traits", None), ("traits_once", ONCE)):
        traits = properties.get(key)
        if not isinstance(traits, dict) or not traits:
            continue
        saying = _saying(event, traits) if rank is None else _saying(event, traits, once=True)
        if not saying.values:
            continue
        work.touched.add(who)
        work.sayings[who].append(saying)
        email = saying.values.get(":email")
        if email and rank is None:
            _link(work, (EMAIL, str(email).casefold()), who, event)


def _read_decisions(work: Work, event: LogEvent, who: Name) -> None:
    decisions: dict[str, Any] = {}
    if event.name == UNSUBSCRIBED:
        decisions["marketing"] = False
    elif event.type == "identify":
        traits = _object(event.properties).get("traits")
        said = traits.get("consent") if isinstance(traits, dict) else None
        decisions = said if isinstance(said, dict) else {}
    elif event.name.lower() in CONSENT_EVENTS:
        consent = _object(event.context).get("consent")
        said = consent.get("categoryPreferences") if isinstance(consent, dict) else None
        decisions = {**_object(event.properties), **(said if isinstance(said, dict) else {})}
    for purpose, granted in decisions.items():
        name = " ".join(purpose.split()).casefold()
        if isinstance(granted, bool) and 0 < len(name) <= 60 and name.isprintable():
            work.touched.add(who)
            work.decisions.append((who, name, granted, event.occurred_at, event.event_id))


def _saying(event: LogEvent, traits: object, *, once: bool = False) -> Saying:
    said = {key: value for key, value in traits.items() if key != "consent"} if isinstance(traits, dict) else {}
    at = milliseconds(event.occurred_at)
    if not once:
        return Saying(at, event.event_id.hex, read_traits(said))
    kept = {key: value for key, value in read_traits(said).items() if value is not None}
    return Saying(at, event.event_id.hex, kept, ONCE)


def _link(work: Work, one: Name, other: Name, event: LogEvent) -> None:
    work.touched |= {one, other}
    said = (event.occurred_at, event.event_id)
    work.links[one, other] = min(work.links.get((one, other), said), said)


def _object(text: str) -> dict[str, Any]:
    if not text or text == "{}":
        return {}
    found = _decoder.decode(text)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if len(text) <= 300 else ""


# Writing


def _find_or_make(work: Work) -> tuple[dict[Name, UUID], set[UUID]]:
    """The customer of each user id, and of each device that has said something of itself; those that are new."""
    pk = work.workspace.pk
    speaking = {
        *work.sayings,
        *(name for name, _key, _saying in work.groups if name),
        *(one[0] for one in work.decisions),
    }
    wanted = {(USER, value) for value in work.users} | speaking
    owner = holders(pk, wanted)
    missing = [name for name in wanted if name not in owner]
    if not missing:
        return owner, set()
    ids = {name: log_id(pk, name) for name in missing}
    present = set(existing(list(ids.values())))
    now = timezone.now()
    unknown = [one for one in ids.values() if one not in present]
    Customer.objects.bulk_create(
        [Customer(id=one, workspace_id=pk, created_at=now, updated_at=now) for one in unknown], batch_size=1000
    )
    for part in parts([value for kind, value in missing if kind == ANONYMOUS]):
        Identity.objects.filter(workspace=pk, kind=ANONYMOUS, value__in=part, from_links=True).delete()
    Identity.objects.bulk_create(
        [Identity(workspace_id=pk, customer_id=ids[name], kind=name[0], value=name[1]) for name in missing],
        batch_size=1000,
    )
    return owner | ids, set(ids.values())


def _apply_sayings(work: Work, owner: Mapping[Name, UUID]) -> set[UUID]:
    """Put traits and fields into the profiles; returns which changed."""
    by_customer: dict[UUID, list[Saying]] = defaultdict(list)
    for name, sayings in work.sayings.items():
        by_customer[owner[name]] += sayings
    values: dict[str, Any] = {}
    changed: set[UUID] = set()
    columns = (*FIELDS, "traits", "trait_times")
    for part in parts(sorted(by_customer)):
        rows = []
        for customer in Customer.objects.filter(pk__in=part).only(*columns, "traits_at", "updated_at"):
            news = [say(customer, saying) for saying in by_customer[customer.pk]]
            if any(news):
                rows.append((*(getattr(customer, column) for column in columns), customer.pk))
                changed.add(customer.pk)
                for key, value in customer.traits.items():
                    values.setdefault(key, value)
        store(rows, columns)
    learn(work.workspace, values)
    return changed


def _put_links(work: Work) -> set[Name]:
    """Keep each link with the first event that said so; returns the names at the ends of those that are new."""
    if not work.links:
        return set()
    present: dict[tuple[Name, Name], IdentityLink] = {}
    for part in parts(sorted({one[1] for one, _other in work.links})):
        for row in IdentityLink.objects.filter(workspace=work.workspace, from_value__in=part):
            present[(row.from_kind, row.from_value), (row.to_kind, row.to_value)] = row
    new, names = list[IdentityLink](), set[Name]()
    for (one, other), (at, event_id) in work.links.items():
        held = present.get((one, other))
        if held is None:
            names |= {one, other}
            new.append(
                IdentityLink(
                    workspace=work.workspace, from_kind=one[0], from_value=one[1], to_kind=other[0],
                    to_value=other[1], at=at, event_id=event_id,
                )
            )  # fmt: skip
        elif (at, event_id.hex) < (held.at, held.event_id.hex):
            IdentityLink.objects.filter(pk=held.pk).update(at=at, event_id=event_id)
            names |= {one, other} if one[0] == EMAIL else set()  # who said it first has changed
    IdentityLink.objects.bulk_create(new, batch_size=1000)
    return names


def _put_decisions(work: Work, owner: Mapping[Name, UUID]) -> bool:
    """Record consent given or withdrawn; whether that changes what somebody decided on analytics."""
    rows = [
        Consent(customer_id=owner[name], purpose=purpose, granted=granted, source="tracking", at=at, event_id=event_id)
        for name, purpose, granted, at, event_id in work.decisions
    ]
    concerned = {row.customer_id for row in rows if row.purpose == ANALYTICS}
    before = _decisions(concerned)
    Consent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return before != _decisions(concerned)


def _decisions(customers: set[UUID]) -> dict[UUID, bool]:
    """The newest decision of each of these profiles on analytics."""
    found: dict[UUID, bool] = {}
    for part in parts(sorted(customers)):
        rows = Consent.objects.filter(customer__in=part, purpose=ANALYTICS).order_by("at", "-granted", "id")
        found.update(rows.values_list("customer_id", "granted"))
    return found


def _settle(work: Work, owner: Mapping[Name, UUID], new: set[UUID], linked: set[Name]) -> Settled:
    """Work out who is who where this batch can have changed it."""
    pk = work.workspace.pk
    fresh = {name for name in owner if owner[name] in new}
    # Links can be older than the customers that they join.
    names = linked | linked_names(pk, fresh)
    return settle(pk, names=names, customers={owner[name] for name in fresh & names}) if names else Settled()


def _device_owners(work: Work) -> dict[Name, UUID]:
    found: dict[Name, UUID] = {}
    for part in parts([value for kind, value in work.seen if kind == ANONYMOUS]):
        rows = Identity.objects.filter(workspace=work.workspace, kind=ANONYMOUS, value__in=part)
        found.update(((ANONYMOUS, value), customer) for value, customer in rows.values_list("value", "customer_id"))
    return found


def _put_last_seen(seen: Mapping[Name, datetime], owner: Mapping[Name, UUID]) -> None:
    newest: dict[UUID, datetime] = {}
    for name, at in seen.items():
        newest[owner[name]] = max(newest.get(owner[name], at), at)
    for part in parts(list(newest)):
        members = Customer.objects.filter(pk__in=part, canonical__isnull=False).values_list("pk", "canonical_id")
        for pk, canonical in members:
            assert canonical is not None
            newest[canonical] = max(newest.get(canonical, newest[pk]), newest[pk])
    for part in parts(list(newest)):
        before = dict(Customer.objects.filter(pk__in=part).values_list("pk", "last_seen_at"))
        later = [(newest[pk], pk) for pk, held in before.items() if held is None or held < newest[pk]]
        store(later, ["last_seen_at"])


def _refresh_search(customers: Iterable[UUID]) -> None:
    for part in parts(sorted(customers)):
        names: dict[UUID, list[str]] = defaultdict(list)
        rows = Identity.objects.filter(customer__in=part).exclude(kind=ANONYMOUS).order_by("pk")
        for pk, value in rows.values_list("customer_id", "value"):
            names[pk].append(value)
        changed = []
        held = Customer.objects.filter(pk__in=part).values_list("pk", "name", "email", "phone", "search_text")
        for pk, name, email, phone, before in held:
            text = search_text_of(name, email, phone, names[pk])
            if text != before:
                changed.append((text, pk))
        store(changed, ["search_text"])


def _somebody_decided(customers: Iterable[UUID]) -> bool:
    return any(
        Consent.objects.filter(customer__in=part, purpose=ANALYTICS).exists() for part in parts(sorted(customers))
    )
