"""Who belongs to whom: what follows from the links that events made and the merges that people made.

A name is a kind and a value: user_id, anonymous_id, email. The rules, each a matter of the whole set of links and
never of the order in which they came:

- A user id belongs to the customer who holds it as an identity, else to the customer whose id follows from it.
- Merges by people always join. An alias from one user id to another joins their customers, unless aliases lead from it
  to different people; then none of them counts.
- An anonymous id belongs to the one person that its links lead to. If they lead to different people (a shared device),
  it belongs to nobody, and nobody is joined.
- A customer who gave traits before they had a user id is a profile of its own, joined to the person by the same rule.
- An e-mail address belongs to the customer who said it first, unless an import or a person gave it to somebody.

`settle` works this out for the families that a change can touch and writes it down: `Customer.canonical`, and the
identities that have `from_links`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Q

from cxm.record.eventlog.ids import customer_id_of

from .models import Customer, Identity, IdentityLink

Name = tuple[str, str]  # kind, value
T = TypeVar("T")
USER, ANONYMOUS, EMAIL = "user_id", "anonymous_id", "email"
TRACKED = (USER, ANONYMOUS)  # the kinds whose events carry an id of their own
MOST_TARGETS = 50  # a name that leads to more is shared, without a closer look
ASKED = 2000


def log_id(workspace_id: int, name: Name) -> UUID:
    """The customer id that events under this name carry."""
    return customer_id_of(workspace_id, *name)


class Unions:
    """Sets of customers that only ever grow together."""

    def __init__(self) -> None:
        self._up: dict[UUID, UUID] = {}

    def find(self, one: UUID) -> UUID:
        root = one
        while (above := self._up.get(root, root)) != root:
            root = above
        while (above := self._up.get(one, one)) != root:
            self._up[one], one = root, above
        return root

    def join(self, one: UUID, other: UUID) -> bool:
        """Whether they were apart."""
        a, b = self.find(one), self.find(other)
        if a == b:
            return False
        self._up[max(a, b)] = min(a, b)
        return True


@dataclass(slots=True)
class Settled:
    """What a change of links or merges changed: customers whose family is another now, names with another owner."""

    customers: set[UUID] = field(default_factory=set)
    names: set[Name] = field(default_factory=set)


@dataclass(slots=True)
class _Profile:
    merged_into: UUID | None
    canonical: UUID | None


def settle(workspace_id: int, *, names: Iterable[Name] = (), customers: Iterable[UUID] = ()) -> Settled:
    """Work out anew to whom these names and customers belong, and everything that hangs on them.

    Inside a transaction that holds the workspace's lock (access.one_at_a_time).
    """
    return _Settling(workspace_id).run(set(names), set(customers))


class _Settling:
    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self.profiles: dict[UUID, _Profile] = {}  # the families in question, whole
        self.owner: dict[Name, UUID] = {}  # who holds a user id or an anonymous id, as far as looked up
        self.aliases: dict[str, set[str]] = defaultdict(set)  # user id -> user ids it is said to be
        self.anonymous: dict[str, set[str]] = defaultdict(set)  # anonymous id -> user ids
        self.settled = Settled()

    def run(self, names: set[Name], customers: set[UUID]) -> Settled:
        users = {value for kind, value in names if kind == USER}
        self._gather(users, customers)
        unions = Unions()
        for pk, profile in self.profiles.items():
            if profile.merged_into:
                unions.join(pk, profile.merged_into)
        manual = self._sizes(unions)
        leads_on = self._follow_aliases(unions)
        devices = {value for kind, value in names if kind == ANONYMOUS} | set(self.anonymous)
        self._settle_families(unions, leads_on, manual, devices)
        self._settle_emails({value for kind, value in names if kind == EMAIL})
        return self.settled

    def base(self, user: str) -> UUID:
        """The customer of a user id: who holds it, or whose id follows from it, known or not."""
        return self.owner.get((USER, user)) or log_id(self.workspace_id, (USER, user))

    # Gathering

    def _gather(self, users: set[str], customers: set[UUID]) -> None:
        """Everything that merges and aliases connect to these, and the devices that lead there."""
        seen_users: set[str] = set()
        seen: set[UUID] = set()
        while users or customers:
            self._look_up({(USER, value) for value in users})
            seen_users |= users
            customers |= {self.base(value) for value in users}
            near = self._alias_neighbours(users) - seen_users
            more, held = self._merged_with(customers - seen)
            seen |= customers
            users = (near | held) - seen_users
            customers = more - seen
        for part in parts(sorted(seen_users)):
            rows = IdentityLink.objects.filter(
                workspace=self.workspace_id, from_kind=ANONYMOUS, to_kind=USER, to_value__in=part, undone_at=None
            )
            for value in rows.values_list("from_value", flat=True):
                self.anonymous[value]  # a defaultdict: the device is to be looked at

    def _look_up(self, names: set[Name]) -> None:
        for name, holder in holders(self.workspace_id, names).items():
            self.owner[name] = holder

    def _alias_neighbours(self, users: set[str]) -> set[str]:
        """User ids one alias away; notes the aliases from these. A name that leads everywhere leads nowhere."""
        near: set[str] = set()
        live = IdentityLink.objects.filter(workspace=self.workspace_id, from_kind=USER, to_kind=USER, undone_at=None)
        for part in parts(sorted(users)):
            for one, other in live.filter(from_value__in=part).values_list("from_value", "to_value"):
                self.aliases[one].add(other)
            near.update(live.filter(to_value__in=part).values_list("from_value", flat=True))
        for user in users:
            if len(self.aliases.get(user, ())) <= MOST_TARGETS:
                near |= self.aliases.get(user, set())
        return near

    def _merged_with(self, customers: set[UUID]) -> tuple[set[UUID], set[str]]:
        """Customers one merge away from these, or of one family with them so far, and the user ids these hold."""
        near: set[UUID] = set()
        held: set[str] = set()
        for part in parts(sorted(customers)):
            # Narrowed to the workspace below: named in the question, SQLite would read all customers of it.
            rows = Customer.objects.filter(Q(pk__in=part) | Q(merged_into__in=part) | Q(canonical__in=part))
            said = rows.values_list("workspace_id", "pk", "merged_into_id", "canonical_id")
            for workspace_id, pk, merged_into, canonical in said:
                if workspace_id != self.workspace_id:
                    continue
                self.profiles[pk] = _Profile(merged_into, canonical)
                near |= {pk, merged_into or pk, canonical or pk}
            identities = Identity.objects.filter(customer__in=part, kind__in=TRACKED, workspace=self.workspace_id)
            for kind, value, customer, linked in identities.values_list("kind", "value", "customer_id", "from_links"):
                if kind == USER:
                    held.add(value)
                else:
                    self.anonymous[value]  # as above
                    if not linked:
                        self.owner[kind, value] = customer
        return near, held

    # Deciding

    def _sizes(self, unions: Unions) -> dict[UUID, int]:
        sizes: dict[UUID, int] = defaultdict(int)
        for pk in self.profiles:
            sizes[unions.find(pk)] += 1
        return {pk: sizes[unions.find(pk)] for pk in self.profiles}

    def _follow_aliases(self, unions: Unions) -> set[UUID]:
        """Join what aliases say, until nothing changes; returns the customers from whom a valid alias leads on.

        The order does not matter: targets only ever grow together, so an alias that counts once counts for good.
        """
        leads_on: set[UUID] = set()
        changed = True
        while changed:
            changed = False
            for user, targets in self.aliases.items():
                if len(targets) > MOST_TARGETS:
                    continue
                bases = {self.base(target) for target in targets}
                people = {unions.find(base) for base in bases}
                if len(people) == 1:
                    if self.base(user) not in bases:
                        leads_on.add(self.base(user))
                    changed |= unions.join(self.base(user), people.pop())
        return leads_on

    def _settle_families(self, unions: Unions, leads_on: set[UUID], manual: dict[UUID, int], devices: set[str]) -> None:
        self._look_up_devices(devices)
        joining: dict[UUID, UUID] = {}  # the profile of a device -> somebody of the person it belongs to
        owned: dict[str, UUID | None] = {}  # device without a profile or a holder -> a customer of its person
        representatives = self._representatives(unions, leads_on)
        outside = self._representatives_outside(representatives)
        users = {holder for (kind, _value), holder in self.owner.items() if kind == USER}

        def person(user: str) -> UUID:
            base = self.base(user)
            return representatives.get(base) or outside.get(base) or base

        for device in devices:
            holder = self.owner.get((ANONYMOUS, device))
            own = log_id(self.workspace_id, (ANONYMOUS, device))
            targets = self.anonymous.get(device, set())
            people = {person(user) for user in targets} if len(targets) <= MOST_TARGETS else set()
            if holder is None:
                owned[device] = self.base(min(targets)) if len(people) == 1 else None
            elif holder == own and manual.get(own, 1) == 1 and own not in users:
                # Who was merged by hand, or given a user id, stays where people put them.
                joining[own] = people.pop() if len(people) == 1 else own
        known = set(self.profiles) | set(existing(sorted(set(joining.values()) - set(self.profiles))))
        self._write_canonicals(representatives, {pk: to if to in known else pk for pk, to in joining.items()})
        self._write_owners(owned)

    def _look_up_devices(self, devices: set[str]) -> None:
        self._look_up({(ANONYMOUS, value) for value in devices})
        for part in parts(sorted(devices)):
            rows = IdentityLink.objects.filter(
                workspace=self.workspace_id, from_kind=ANONYMOUS, to_kind=USER, from_value__in=part, undone_at=None
            )
            for value, user in rows.values_list("from_value", "to_value"):
                self.anonymous[value].add(user)
        self._look_up(
            {(USER, user) for users in self.anonymous.values() for user in users if len(users) <= MOST_TARGETS}
        )
        own = {log_id(self.workspace_id, (ANONYMOUS, device)) for device in devices}
        for some in parts(sorted(own - set(self.profiles))):
            profiles = Customer.objects.filter(pk__in=some, workspace=self.workspace_id)
            for pk, merged_into, canonical in profiles.values_list("pk", "merged_into_id", "canonical_id"):
                self.profiles[pk] = _Profile(merged_into, canonical)

    def _representatives(self, unions: Unions, leads_on: set[UUID]) -> dict[UUID, UUID]:
        """Who stands for each family: nobody merged it into another, no alias leads on from it; then by id."""
        families: dict[UUID, list[UUID]] = defaultdict(list)
        for pk in self.profiles:
            families[unions.find(pk)].append(pk)
        chosen: dict[UUID, UUID] = {}
        for family in families.values():
            best = min(family, key=lambda pk: (self.profiles[pk].merged_into is not None, pk in leads_on, pk))
            chosen.update(dict.fromkeys(family, best))
        # A user id of nobody known yet still joins people: devices must see one person behind it.
        for user in self.aliases:
            base = self.base(user)
            if base not in chosen:
                mates = families.get(unions.find(base))
                chosen[base] = chosen[mates[0]] if mates else unions.find(base)
        return chosen

    def _representatives_outside(self, inside: dict[UUID, UUID]) -> dict[UUID, UUID]:
        """Who stands for the people that devices lead to and that this change cannot touch."""
        wanted = {self.base(user) for users in self.anonymous.values() for user in users} - set(inside)
        found: dict[UUID, UUID] = {}
        for part in parts(sorted(wanted)):
            rows = Customer.objects.filter(pk__in=part, canonical__isnull=False)
            found.update(rows.values_list("pk", "canonical_id"))
        return found

    # Writing

    def _write_canonicals(self, representatives: dict[UUID, UUID], joining: dict[UUID, UUID]) -> None:
        moved: dict[UUID | None, list[UUID]] = defaultdict(list)
        for pk, profile in self.profiles.items():
            canonical: UUID | None = joining.get(pk) or representatives.get(pk, pk)
            if canonical == pk:
                canonical = None
            if canonical != profile.canonical:
                moved[canonical].append(pk)
                self.settled.customers |= {pk} | ({profile.canonical} if profile.canonical else set())
                self.settled.customers |= {canonical} if canonical else set()
        for canonical, pks in moved.items():
            for part in parts(pks):
                Customer.objects.filter(pk__in=part).update(canonical=canonical)

    def _write_owners(self, owned: dict[str, UUID | None]) -> None:
        """Bring the identities that follow from links in line with `owned`, whose devices nobody holds otherwise."""
        present: dict[str, UUID] = {}
        for part in parts(sorted(owned)):
            rows = Identity.objects.filter(workspace=self.workspace_id, kind=ANONYMOUS, value__in=part)
            present.update(rows.values_list("value", "customer_id"))
        wanted = {device: customer for device, customer in owned.items() if customer}
        known = set(existing(list(wanted.values())))
        wanted = {device: customer for device, customer in wanted.items() if customer in known}
        self._put(ANONYMOUS, present, wanted)

    def _settle_emails(self, emails: set[str]) -> None:
        present: dict[str, UUID] = {}
        held: set[str] = set()
        claims: dict[str, tuple[datetime, str, Name]] = {}
        for part in parts(sorted(emails)):
            rows = Identity.objects.filter(workspace=self.workspace_id, kind=EMAIL, value__in=part)
            for value, customer, linked in rows.values_list("value", "customer_id", "from_links"):
                if linked:
                    present[value] = customer
                else:
                    held.add(value)
            links = IdentityLink.objects.filter(
                workspace=self.workspace_id, from_kind=EMAIL, from_value__in=part, undone_at=None
            )
            for link in links:
                claim = (link.at, link.event_id.hex, (link.to_kind, link.to_value))
                claims[link.from_value] = min(claims.get(link.from_value, claim), claim)
        self._look_up({name for _at, _event, name in claims.values()})
        wanted = {
            email: self.owner.get(name) or log_id(self.workspace_id, name)
            for email, (_at, _event, name) in claims.items()
            if email not in held
        }
        known = set(existing(list(wanted.values())))
        self._put(EMAIL, present, {email: pk for email, pk in wanted.items() if pk in known})

    def _put(self, kind: str, present: dict[str, UUID], wanted: dict[str, UUID]) -> None:
        gone = [value for value in present if value not in wanted]
        for part in parts(gone):
            Identity.objects.filter(workspace=self.workspace_id, kind=kind, value__in=part, from_links=True).delete()
        new = {value: pk for value, pk in wanted.items() if value not in present}
        Identity.objects.bulk_create(
            [
                Identity(workspace_id=self.workspace_id, kind=kind, value=value, customer_id=pk, from_links=True)
                for value, pk in new.items()
            ],
            batch_size=1000,
        )
        moved = {value: pk for value, pk in wanted.items() if present.get(value, pk) != pk}
        for value, pk in moved.items():
            Identity.objects.filter(workspace=self.workspace_id, kind=kind, value=value).update(customer_id=pk)
        for value in (*gone, *new, *moved):
            self.settled.names.add((kind, value))
            self.settled.customers |= {pk for pk in (present.get(value), wanted.get(value)) if pk}


def holders(workspace_id: int, names: Iterable[Name]) -> dict[Name, UUID]:
    """Who holds each of these names as an identity that does not merely follow from links."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, value in names:
        by_kind[kind].append(value)
    found: dict[Name, UUID] = {}
    for kind, values in by_kind.items():
        for part in parts(values):
            rows = Identity.objects.filter(workspace=workspace_id, kind=kind, value__in=part, from_links=False)
            for value, customer in rows.values_list("value", "customer_id"):
                found[kind, value] = customer
    return found


def linked_names(workspace_id: int, names: Iterable[Name]) -> set[Name]:
    """Which of these names have a link to or from them."""
    names = set(names)
    found: set[Name] = set()
    live = IdentityLink.objects.filter(workspace=workspace_id)
    for part in parts(sorted({value for _kind, value in names})):
        found.update(live.filter(from_value__in=part).values_list("from_kind", "from_value"))
        found.update(live.filter(to_value__in=part).values_list("to_kind", "to_value"))
    return found & names


def existing(customers: Sequence[UUID]) -> Iterator[UUID]:
    for part in parts(customers):
        yield from Customer.objects.filter(pk__in=part).values_list("pk", flat=True)


def parts(values: Sequence[T], size: int = ASKED) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
