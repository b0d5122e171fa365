"""Many customers at once, as a file brings them: found by their identities, made where unknown, and taken back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import NOBODY

from .access import one_at_a_time
from .actions import clean_text
from .models import Consent, Customer, Identity, Note, Overwritten
from .sayings import FIELDS, LIMITS, beats, entry_of, milliseconds
from .searching import search_text_of
from .traits import learn

ASKED = 5000
T = TypeVar("T")


@dataclass(slots=True)
class Person:
    """What one row says of its customer. `at` is when that was true; a newer saying wins."""

    identities: list[tuple[str, str]]
    at: datetime | None = None
    fields: dict[str, str] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Put:
    """The customer of each person (the nil UUID for one without identities), and which customers are new or changed.

    `new` has those that are new as they are: nothing can be merged with them yet.
    """

    ids: list[uuid.UUID]
    changed: set[uuid.UUID]
    new: dict[uuid.UUID, Customer]


def put_customers(*, workspace: Workspace, people: Sequence[Person], import_id: uuid.UUID) -> Put:
    """Find or make the customer of each person, and merge fields and traits into it; one transaction.

    The first identity that is known decides who it is; identities that another customer holds stay there, because a
    file must not merge people. A value wins if it is at least as new as what the profile has; a missing one is filled.
    What is overwritten is kept, so that `take_back` can restore it. Repeating the call changes nothing.
    """
    with transaction.atomic():
        one_at_a_time(workspace)
        return _Work(workspace, import_id).put(people)


class _Work:
    def __init__(self, workspace: Workspace, import_id: uuid.UUID) -> None:
        self.workspace, self.import_id, self.now = workspace, import_id, timezone.now()
        self.owner: dict[tuple[str, str], uuid.UUID] = {}
        self.customers: dict[uuid.UUID, Customer] = {}
        self.new: set[uuid.UUID] = set()
        self.changed: set[uuid.UUID] = set()
        self.before: dict[uuid.UUID, dict[str, Any]] = {}
        self.identities: list[Identity] = []

    def put(self, people: Sequence[Person]) -> Put:
        for person in people:
            person.identities = _clean(person.identities)
        self._find({one for person in people for one in person.identities})
        ids = [self._one(person) for person in people]
        self._store()
        return Put(ids, self.changed, {pk: self.customers[pk] for pk in self.new})

    def _find(self, wanted: set[tuple[str, str]]) -> None:
        by_kind: dict[str, list[str]] = {}
        for kind, value in wanted:
            by_kind.setdefault(kind, []).append(value)
        for kind, values in by_kind.items():
            for part in _parts(values):
                rows = Identity.objects.filter(workspace=self.workspace, kind=kind, value__in=part)
                for value, customer_id in rows.values_list("value", "customer_id"):
                    self.owner[kind, value] = customer_id
        for some in _parts(list(set(self.owner.values()))):
            self.customers.update(Customer.objects.in_bulk(some))

    def _one(self, person: Person) -> uuid.UUID:
        if not person.identities:
            return NOBODY
        known = next((self.owner[one] for one in person.identities if one in self.owner), None)
        if known is None:
            customer = Customer(
                id=uuid.uuid4(), workspace_id=self.workspace.pk, created_by_import=self.import_id, updated_at=self.now
            )
            self.customers[customer.pk] = customer
            self.new.add(customer.pk)
            self.changed.add(customer.pk)
        else:
            customer = self.customers[known]
        for kind, value in person.identities:
            if (kind, value) not in self.owner:
                self.owner[kind, value] = customer.pk
                self.changed.add(customer.pk)
                self.identities.append(
                    Identity(
                        workspace_id=self.workspace.pk, customer_id=customer.pk, kind=kind, value=value,
                        created_by_import=self.import_id, created_at=self.now,
                    )
                )  # fmt: skip
        self._merge(customer, person)
        return customer.pk

    def _merge(self, customer: Customer, person: Person) -> None:
        # The first saying about a new customer gives the whole profile its time; later ones have times of their own.
        first = customer.pk in self.new and customer.traits_at is None and not customer.trait_times
        fields = {key: clean_text(value)[: LIMITS[key]] for key, value in person.fields.items() if value}
        if "email" not in fields and (email := dict(person.identities).get("email")):
            fields["email"] = email[: LIMITS["email"]]
        entry = [milliseconds(person.at), self.import_id.hex] if person.at else None
        said = {f":{key}": value for key, value in fields.items()}
        said.update((key, value) for key, value in person.traits.items() if value is not None)
        for key, value in said.items():
            kept = key[1:] if key.startswith(":") else f"trait.{key}"
            old = _value(customer, kept)
            if first or (not old and old not in (0, False) and key not in customer.trait_times):
                counts = True
            else:
                held = entry_of(customer, key)
                counts = entry is not None and (held is None or entry[0] == held[0] or beats(entry, held))
            if not counts:
                continue
            if old != value:
                self._remember(customer, kept, old)
                _set(customer, kept, value)
            if entry and not first and customer.trait_times.get(key) != entry:
                self._remember(customer, f"time.{key}", customer.trait_times.get(key))
                customer.trait_times[key] = entry
        if first and person.at and said:
            self.changed.add(customer.pk)
            customer.traits_at = person.at

    def _remember(self, customer: Customer, key: str, old: Any) -> None:
        self.changed.add(customer.pk)
        if customer.pk not in self.new:
            self.before.setdefault(customer.pk, {}).setdefault(key, old)

    def _store(self) -> None:
        values: dict[str, object] = {}
        for pk in self.changed:
            for key, value in self.customers[pk].traits.items():
                values.setdefault(key, value)
        learn(self.workspace, {key: value for key, value in values.items() if len(key) <= 60})
        names: dict[uuid.UUID, list[str]] = {}
        for part in _parts(list(self.changed - self.new)):
            for pk, value in Identity.objects.filter(customer__in=part).values_list("customer_id", "value"):
                names.setdefault(pk, []).append(value)
        for identity in self.identities:
            names.setdefault(identity.customer_id, []).append(identity.value)
        for pk in self.changed:
            one = self.customers[pk]
            one.search_text = search_text_of(one.name, one.email, one.phone, names.get(pk, []))
        Customer.objects.bulk_create([self.customers[pk] for pk in self.new], batch_size=1000)
        Customer.objects.bulk_create(
            [self.customers[pk] for pk in self.changed - self.new],
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*FIELDS, "traits", "trait_times", "search_text"],
        )
        Identity.objects.bulk_create(self.identities, batch_size=1000)
        Overwritten.objects.bulk_create(
            [
                Overwritten(
                    customer_id=pk,
                    import_id=self.import_id,
                    before=before,
                    after={key: _value(self.customers[pk], key) for key in before},
                )
                for pk, before in self.before.items()
            ],
            batch_size=1000,
        )


def _clean(identities: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """As `actions.clean_identity` stores them, without its refusals: the import has checked lengths."""
    cleaned = []
    for kind, value in identities:
        if kind == "email":
            value = value.casefold()
        elif kind == "phone":
            value = value.translate({ord(mark): None for mark in " .-/()"})
        if value:
            cleaned.append((kind, value))
    return cleaned


def _value(customer: Customer, key: str) -> Any:
    """What a profile has under a field, a `trait.NAME` or a `time.KEY` (the saying behind it, see sayings.py)."""
    if key.startswith("time."):
        return customer.trait_times.get(key.removeprefix("time."))
    return customer.traits.get(key.removeprefix("trait.")) if key.startswith("trait.") else getattr(customer, key)


def _set(customer: Customer, key: str, value: Any) -> None:
    kind, _, rest = key.partition(".")
    if kind not in {"time", "trait"}:
        setattr(customer, key, value or "")
        return
    held = customer.trait_times if kind == "time" else customer.traits
    if value is None:
        held.pop(rest, None)
    else:
        held[rest] = value


def created_by(workspace: Workspace, import_id: uuid.UUID) -> int:
    """How many customers an import has made."""
    return Customer.objects.filter(workspace=workspace, created_by_import=import_id).count()


def restore_overwritten(*, workspace: Workspace, import_id: uuid.UUID) -> set[uuid.UUID]:
    """Give the profiles back what an import had overwritten, unless someone changed it since. Safe to repeat.

    Returns the customers that changed. Where a later import overwrote a value of this one, that import will
    restore what was before both.
    """
    changed: set[uuid.UUID] = set()
    entries = Overwritten.objects.filter(import_id=import_id, customer__workspace=workspace).order_by("-id")
    while some := list(entries.select_related("customer")[:500]):
        with transaction.atomic():
            one_at_a_time(workspace)
            customers: dict[uuid.UUID, Customer] = {}
            for entry in some:
                customer = customers.setdefault(entry.customer_id, entry.customer)
                for key, before in entry.before.items():
                    later = Overwritten.objects.filter(customer=customer, id__gt=entry.id).exclude(import_id=import_id)
                    heir = next((one for one in later.order_by("id") if key in one.before), None)
                    if heir is not None:
                        heir.before[key] = before
                        heir.save(update_fields=["before"])
                    elif _value(customer, key) == entry.after[key]:
                        _set(customer, key, before)
            for customer in customers.values():
                held = customer.identities.values_list("value", flat=True)
                customer.search_text = search_text_of(customer.name, customer.email, customer.phone, held)
                customer.save(update_fields=[*FIELDS, "traits", "trait_times", "search_text"])
            changed.update(customers)
            Overwritten.objects.filter(pk__in=[entry.pk for entry in some]).delete()
    return changed


def removable_customers(*, workspace: Workspace, import_id: uuid.UUID, needed: set[uuid.UUID]) -> list[uuid.UUID]:
    """The customers that only this import knew.

    A customer stays if it is in `needed` (the log has more of it), if another import or a person gave it an identity,
    or if people wrote notes, consent or tags for it or merged it.
    """
    made = Customer.objects.filter(
        ~Exists(
            Identity.objects.filter(customer=OuterRef("pk")).exclude(
                created_by_import=import_id, created_by_import__isnull=False
            )
        ),
        ~Exists(Note.objects.filter(customer=OuterRef("pk"))),
        ~Exists(Consent.objects.filter(customer=OuterRef("pk"))),
        ~Exists(Customer.objects.filter(merged_into=OuterRef("pk"))),
        workspace=workspace,
        created_by_import=import_id,
        tags=None,
        merged_into=None,
    )
    return [pk for pk in made.values_list("pk", flat=True) if pk not in needed]


def remove_created(*, workspace: Workspace, import_id: uuid.UUID, customers: list[uuid.UUID]) -> None:
    """Remove these customers, and the identities that the import gave to customers of others. Safe to repeat."""
    for part in _parts(customers, 500):
        with transaction.atomic():
            Customer.objects.filter(workspace=workspace, created_by_import=import_id, pk__in=part).delete()
    with transaction.atomic():
        # A customer of ours that stays keeps its identities: without them the next file would make it anew.
        own = Identity.objects.filter(workspace=workspace, created_by_import=import_id)
        own.exclude(customer__created_by_import=import_id).delete()


def _parts(values: list[T], size: int = ASKED) -> Iterable[list[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
