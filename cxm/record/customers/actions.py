"""What can be done to a profile and its identities. Merging, consent, tags and notes are in files of their own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import AuditEntry, Role, Workspace
from cxm.record.eventlog.forget import forget_customer
from cxm.record.eventlog.models import DeadLetter, OutboxFact
from cxm.record.eventlog.outbox import emit

from .access import may_read, one_at_a_time
from .belongings import Keys, ids_of, kept_about, person_fields
from .errors import IdentityTaken, Refused
from .linking import EMAIL, TRACKED, Name, parts, settle
from .models import ANALYTICS, Consent, Customer, Identity, IdentityLink
from .sayings import LIMITS, milliseconds
from .searching import search_text_of
from .snapshot import families, put_snapshot_after_commit, tracked_names
from .traits import checked
from .versions import bump_directory

# Letters that turn the direction of all that follows: a name must not rearrange the page around it.
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def clean_text(text: str) -> str:
    """One line without control characters; what a name, an identity or a tag may hold."""
    text = re.sub(r"\s+", " ", text.translate(TURNING))
    return "".join(letter for letter in text if unicodedata.category(letter) not in {"Cc", "Cs"}).strip()


def clean_identity(kind: str, value: str) -> tuple[str, str]:
    """Kind and value as they are stored: e-mail addresses in small letters, phone numbers without spaces.

    Raises Refused for an empty or overlong one.
    """
    kind, value = clean_text(kind), clean_text(value)
    if kind == "email":
        value = value.casefold()
    elif kind == "phone":
        value = re.sub(r"[\s().\-/]", "", value)
    if not kind or not value:
        raise Refused(_("An identity needs a kind and a value."))
    if len(kind) > 60 or len(value) > 300:
        raise Refused(_("An identity may have at most 60 characters in its kind and 300 in its value."))
    return kind, value


@transaction.atomic
def create_customer(
    *,
    workspace: Workspace,
    by: Actor,
    name: str = "",
    email: str = "",
    phone: str = "",
    language: str = "",
    traits: Mapping[str, object] | None = None,
    identities: Iterable[tuple[str, str]] = (),
) -> Customer:
    """A new profile; its e-mail address becomes an identity. Raises Refused, IdentityTaken."""
    require_role(workspace, by, Role.AGENT)
    fields = _clean_fields({"name": name, "email": email, "phone": phone, "language": language})
    wanted = [*identities, *([("email", fields["email"])] if fields["email"] else [])]
    wanted = list(dict.fromkeys(clean_identity(*one) for one in wanted))
    if not any(fields.values()) and not wanted:
        raise Refused(_("A customer needs a name, an e-mail address, a phone number or an identity."))
    values = {key: value for key, value in checked(workspace, traits or {}).items() if value is not None}
    one_at_a_time(workspace)
    for one in wanted:
        _refuse_taken(workspace, one, by)
    customer = Customer.objects.create(workspace=workspace, traits=values, traits_at=timezone.now(), **fields)
    Identity.objects.bulk_create(
        [Identity(workspace=workspace, customer=customer, kind=kind, value=value) for kind, value in wanted]
    )
    settled = settle(workspace.pk, names=[one for one in wanted if one[0] in TRACKED])
    refresh_search_text(customer)
    audit("created", customer, workspace=workspace, by=by)
    emit("customer_created", workspace_id=workspace.pk, customer_id=customer.pk, by=_name(by))
    put_snapshot_after_commit(workspace.pk, {customer.pk, *settled.customers}, settled.names)
    return customer


@transaction.atomic
def change_profile(
    *,
    customer: Customer,
    by: Actor,
    name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    language: str | None = None,
    traits: Mapping[str, object] | None = None,
) -> Customer:
    """Change what is given and leave the rest; a trait given as None or as an empty text is removed.

    A new e-mail address becomes one more identity, and the old one stays: old messages still come from it.
    Raises Refused, IdentityTaken; then nothing has changed.
    """
    workspace = customer.workspace
    require_role(workspace, by, Role.AGENT)
    customer = Customer.objects.select_for_update().select_related("workspace").get(pk=customer.pk)
    given = {"name": name, "email": email, "phone": phone, "language": language}
    fields = _clean_fields({key: value for key, value in given.items() if value is not None})
    changes: dict[str, Any] = {
        key: [getattr(customer, key), value] for key, value in fields.items() if getattr(customer, key) != value
    }
    new = dict(customer.traits)
    for key, value in checked(workspace, traits or {}).items():
        if new.get(key) != value or (value is not None and key not in new):
            changes[f"trait.{key}"] = [new.get(key), value]
        if value is None:
            new.pop(key, None)
        else:
            new[key] = value
    if not changes:
        return customer
    for key, value in fields.items():
        setattr(customer, key, value)
    if "email" in changes and fields["email"]:
        one_at_a_time(workspace)
        _hold(customer, clean_identity("email", fields["email"]), by)
    customer.traits = new
    now = timezone.now()
    # What is left as it was keeps the time it had.
    customer.traits_at = customer.traits_at or customer.updated_at
    for key in changes:
        customer.trait_times[key.removeprefix("trait.") if key.startswith("trait.") else f":{key}"] = [
            milliseconds(now), ""
        ]  # fmt: skip
    customer.updated_at = now
    customer.save(update_fields=[*fields, "traits", "traits_at", "trait_times", "updated_at"])
    refresh_search_text(customer)
    audit("changed", customer, workspace=workspace, by=by, changes=changes)
    emit(
        "profile_changed", workspace_id=workspace.pk, customer_id=customer.pk,
        by=_name(by), fields=sorted(changes), changes=changes,
    )  # fmt: skip
    put_snapshot_after_commit(workspace.pk, [customer.pk])
    return customer


@transaction.atomic
def add_identity(*, customer: Customer, kind: str, value: str, by: Actor) -> Identity:
    """One more name by which a system knows this customer. Raises Refused, IdentityTaken; repeating it is harmless."""
    workspace = customer.workspace
    require_role(workspace, by, Role.AGENT)
    kind, value = clean_identity(kind, value)
    one_at_a_time(workspace)
    identity, is_new = _hold(customer, (kind, value), by)
    if is_new:
        settled = settle(workspace.pk, names=[(kind, value)], customers=[customer.pk])
        refresh_search_text(customer)
        audit("identity added", customer, workspace=workspace, by=by, changes={kind: [None, value]})
        emit("identity_added", workspace_id=workspace.pk, customer_id=customer.pk, by=_name(by), kind=kind, value=value)
        _tell_of_names(workspace, {customer.pk, *settled.customers}, {(kind, value), *settled.names})
    return identity


@transaction.atomic
def remove_identity(*, identity: Identity, by: Actor) -> None:
    """Forget that name. What it was linked to by events is undone; captured events that came under it go with it."""
    customer, workspace = identity.customer, identity.customer.workspace
    name = (identity.kind, identity.value)
    require_role(workspace, by, Role.AGENT)
    one_at_a_time(workspace)
    if not Identity.objects.filter(pk=identity.pk).delete()[0]:
        return
    links_from(workspace, [name]).filter(undone_at=None).update(undone_at=timezone.now())
    settled = settle(workspace.pk, names=[name], customers=[customer.pk])
    _tell_of_names(workspace, {customer.pk, *settled.customers}, {name, *settled.names})
    refresh_search_text(customer)
    audit("identity removed", customer, workspace=workspace, by=by, changes={identity.kind: [identity.value, None]})
    emit(
        "identity_removed", workspace_id=workspace.pk, customer_id=customer.pk,
        by=_name(by), kind=identity.kind, value=identity.value,
    )  # fmt: skip


def remove_customer(*, customer: Customer, by: Actor) -> None:
    """Erase the person for good: all merged profiles, their events, and their names in the audit trail.

    The audit trail keeps only that it happened. Raises EventlogError; then nothing has changed, and it can be repeated.
    """
    remove_customers(workspace=customer.workspace, customer_ids=[customer.pk], by=by)


@transaction.atomic
def remove_customers(*, workspace: Workspace, customer_ids: Iterable[UUID], by: Actor) -> int:
    """Erase several people as `remove_customer` does one, in one go; returns how many profiles are gone."""
    require_role(workspace, by, Role.AGENT)
    one_at_a_time(workspace)
    family = [member for some in families(workspace.pk, customer_ids) for member in some]
    ids = [member.pk for member in family]
    if not ids:
        return 0
    in_log = ids_of(workspace.pk, family)
    kept = kept_about(ids, in_log)
    _forget_links(workspace, family)
    DeadLetter.objects.filter(workspace_id=workspace.pk, customer_id__in=in_log).delete()
    consented = Consent.objects.filter(customer__in=ids, purpose=ANALYTICS).exists()
    OutboxFact.objects.filter(workspace_id=workspace.pk, customer_id__in=ids).delete()
    _forget_names(workspace, kept)
    for one in ids:
        audit("erased", Customer(pk=one), workspace=workspace, by=by, name="")
    Customer.objects.filter(pk__in=ids).update(merged_into=None, canonical=None)
    for model in {model for model, _field in person_fields()} & kept.keys():
        for part in parts(kept[model]):
            model._base_manager.filter(pk__in=part).delete()
    Customer.objects.filter(pk__in=ids).delete()
    if consented:
        bump_directory()
    # Before the commit on purpose: were the log to fail after it, nobody could find the rest to erase any more.
    forget_customer(workspace.pk, in_log)
    return len(ids)


def _forget_names(workspace: Workspace, kept: Keys) -> None:
    """Take names and texts out of the audit trail of all that goes: the lines stay, and say who did what when."""
    for model, keys in kept.items():
        # As `audit` names its subjects.
        texts = [str(one) for one in keys]
        if any(field.name == "uuid" for field in model._meta.local_fields):
            texts = [str(one) for part in parts(keys) for one in _uuids(model, part)]
        for part in parts(texts):
            AuditEntry.objects.filter(workspace=workspace, subject=model._meta.model_name, subject_id__in=part).exclude(
                subject_name="", changes={}
            ).update(subject_name="", changes={})


def _uuids(model: type[models.Model], keys: Sequence[object]) -> QuerySet[Any, Any]:
    return model._base_manager.filter(pk__in=keys).values_list("uuid", flat=True)


def links_from(workspace: Workspace, names: Iterable[Name]) -> QuerySet[IdentityLink]:
    """The links by which these names lead to others."""
    by_kind: dict[str, list[str]] = {}
    for kind, value in names:
        by_kind.setdefault(kind, []).append(value)
    which = Q(pk__in=[])
    for kind, values in by_kind.items():
        which |= Q(from_kind=kind, from_value__in=values)
    return IdentityLink.objects.filter(which, workspace=workspace)


def _forget_links(workspace: Workspace, family: list[Customer]) -> None:
    """Remove every link of these people. A device that they shared must not fall to whoever else used it."""
    names = [name for some in tracked_names(family).values() for name in some]
    names += Identity.objects.filter(customer__in=family, kind=EMAIL).values_list("kind", "value")
    links_from(workspace, names).delete()
    for kind, value in names:
        to = IdentityLink.objects.filter(workspace=workspace, to_kind=kind, to_value=value)
        shared = list(to.values_list("from_kind", "from_value"))
        to.delete()
        links_from(workspace, shared).filter(undone_at=None).update(undone_at=timezone.now())


def _tell_of_names(workspace: Workspace, customers: Iterable[UUID], names: Iterable[Name]) -> None:
    """For changes of names by people: the log and the intake must know to whom captured events belong now."""
    customers, names = list(customers), list(names)
    if any(kind in TRACKED for kind, _value in names):
        put_snapshot_after_commit(workspace.pk, customers, names)
        if Consent.objects.filter(customer__in=customers, purpose=ANALYTICS).exists():
            bump_directory()


def refresh_search_text(customer: Customer) -> None:
    """Write the text by which the customer is found. For verbs of this package, inside their transaction."""
    # From the database, because the caller's object may be older than what somebody else has changed since.
    now = Customer.objects.get(pk=customer.pk)
    values = now.identities.order_by("pk").values_list("value", flat=True)
    text = search_text_of(now.name, now.email, now.phone, values)
    if text != now.search_text:
        Customer.objects.filter(pk=now.pk).update(search_text=text)
    customer.search_text = text


def _hold(customer: Customer, identity: tuple[str, str], by: Actor) -> tuple[Identity, bool]:
    _refuse_taken(customer.workspace, identity, by, except_by=customer.pk)
    kind, value = identity
    mine, is_new = Identity.objects.get_or_create(
        workspace=customer.workspace, kind=kind, value=value, defaults={"customer": customer}
    )
    if mine.from_links:  # what a person says stays, whatever links say later
        mine.customer, mine.from_links, is_new = customer, False, mine.customer_id != customer.pk
        mine.save(update_fields=["customer", "from_links"])
    return mine, is_new


def _refuse_taken(workspace: Workspace, identity: tuple[str, str], by: Actor, except_by: UUID | None = None) -> None:
    kind, value = identity
    held = Identity.objects.filter(workspace=workspace, kind=kind, value=value).exclude(customer=except_by)
    if kind in TRACKED:
        held = held.filter(from_links=False)  # a device can be given to somebody else
    holder = held.select_related("customer").first()
    if holder is None:
        return
    words = {"identity": f"{kind}: {value}", "customer": str(holder.customer)}
    if may_read(by):
        raise IdentityTaken(
            _("“%(identity)s” belongs to the customer “%(customer)s”. If both are the same person, merge them.")
            % words,
            holder.customer,
        )
    raise IdentityTaken(_("“%(identity)s” belongs to another customer.") % words, None)


def _clean_fields(fields: Mapping[str, str]) -> dict[str, str]:
    cleaned = {key: clean_text(value) for key, value in fields.items()}
    for key, value in cleaned.items():
        if len(value) > LIMITS[key]:
            label = str(Customer._meta.get_field(key).verbose_name)  # type: ignore[union-attr]  # plain columns
            raise Refused(
                _("The field “%(field)s” is too long: at most %(limit)d characters.")
                % {"field": label, "limit": LIMITS[key]}
            )
    if cleaned.get("email"):
        try:
            validate_email(cleaned["email"])
        except ValidationError as error:
            raise Refused(_("“%(value)s” is not an e-mail address.") % {"value": cleaned["email"][:60]}) from error
    return cleaned


def _name(by: Actor) -> str:
    return str(by) if by else "OpenCXM"
