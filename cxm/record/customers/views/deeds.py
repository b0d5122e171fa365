"""What is done on a customer's page: each view checks, calls one verb, and goes back with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.record.customers.access import customer_for
from cxm.record.customers.actions import add_identity, remove_customer, remove_identity
from cxm.record.customers.consent import set_consent
from cxm.record.customers.errors import Refused
from cxm.record.customers.forms import ConsentForm, IdentityForm, NoteForm, TagForm
from cxm.record.customers.marks import add_note, remove_note, restore_note, tag, untag
from cxm.record.customers.merging import merge_customers, undo_link, unmerge
from cxm.record.customers.models import Customer, Identity, IdentityLink, Note
from cxm.record.customers.queries import Wanted, in_order, merge_suggestions, person_of, search

Deed = Callable[..., str | None]  # of the request, the membership, the customer, and what else the address holds


def deed(do: Deed) -> Callable[..., HttpResponse]:
    """A view for POST: `do` gets the customer of somebody who may change it, and returns what to say."""

    @require_POST
    @wraps(do)
    def view(request: HttpRequest, slug: str, customer_id: UUID, **more: object) -> HttpResponse:
        membership = membership_for(request.user, slug, Role.AGENT)
        customer = customer_for(membership.workspace, customer_id)
        try:
            said = do(request, membership, customer, **more)
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            if said:
                messages.success(request, said)
        if not Customer.objects.filter(pk=customer.pk).exists():
            return redirect("customers:list", slug)
        customer.refresh_from_db()
        return redirect("customers:show", slug, customer.canonical_id or customer.pk)

    return view


@deed
def put_consent(request: HttpRequest, membership: Membership, customer: Customer) -> str:
    given = _valid(ConsentForm(request.POST))
    granted = given["granted"] == "yes"
    set_consent(
        customer=customer, purpose=given["purpose"], granted=granted, source=given["source"], by=membership.user
    )
    return _("The decision was recorded.")


@deed
def put_tag(request: HttpRequest, membership: Membership, customer: Customer) -> None:
    name = _valid(TagForm(request.POST))["name"]
    tag(workspace=membership.workspace, customers=[customer], name=name, by=membership.user)


@deed
def drop_tag(request: HttpRequest, membership: Membership, customer: Customer) -> None:
    name = _valid(TagForm(request.POST))["name"]
    family = person_of(customer.canonical or customer).family
    untag(workspace=membership.workspace, customers=family, name=name, by=membership.user)


@deed
def put_note(request: HttpRequest, membership: Membership, customer: Customer) -> None:
    add_note(customer=customer, text=_valid(NoteForm(request.POST))["text"], by=membership.user)


@require_POST
def drop_note(request: HttpRequest, slug: str, customer_id: UUID, note_id: UUID) -> HttpResponse:
    """Remove a note, and offer to bring it back: the answer holds the button."""
    membership = membership_for(request.user, slug, Role.AGENT)
    note = _note(membership, customer_id, note_id)
    remove_note(note=note, by=membership.user)
    if getattr(request, "htmx", False):
        context = {"membership": membership, "workspace": membership.workspace, "customer": note.customer, "note": note}
        return render(request, "customers/_note_removed.html", context)
    messages.success(request, _("The note was removed."))
    address = redirect("customers:show", slug, note.customer.canonical_id or note.customer_id).url
    return redirect(f"{address}?removed={note.uuid}")


@deed
def bring_note_back(request: HttpRequest, membership: Membership, customer: Customer, note_id: UUID) -> str:
    restore_note(note=_note(membership, customer.pk, note_id), by=membership.user)
    return _("The note is back.")


@deed
def put_identity(request: HttpRequest, membership: Membership, customer: Customer) -> str:
    add_identity(customer=customer, by=membership.user, **_valid(IdentityForm(request.POST)))
    return _("The identity was added.")


@deed
def drop_identity(request: HttpRequest, membership: Membership, customer: Customer, identity_id: int) -> str:
    family = person_of(customer.canonical or customer).family
    identity = get_object_or_404(
        Identity.objects.select_related("customer__workspace"), pk=identity_id, customer__in=family
    )
    remove_identity(identity=identity, by=membership.user)
    return _("The identity was removed.")


def merge(request: HttpRequest, slug: str, customer_id: UUID) -> HttpResponse:
    """Choose the profile that is the same person, see both, and merge it into this one."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    customer = customer_for(workspace, customer_id)
    customer = customer.canonical or customer
    if request.method == "POST":
        other = customer_for(workspace, request.POST.get("other", ""))
        try:
            merge_customers(customer=other, into=customer, by=membership.user)
            messages.success(request, _("The profiles are merged. You can separate them again at any time."))
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("customers:show", slug, customer.pk)
    text = request.GET.get("q", "")
    person = person_of(customer)
    hits = search(workspace, Wanted(text=text), limit=20) if text else []
    found = [one for one in in_order(hits) if one.pk != customer.pk]
    context = {
        "membership": membership, "workspace": workspace, "customer": customer, "q": text, "found": found,
        "suggestions": [] if text else merge_suggestions(person, 10),
    }  # fmt: skip
    return render(request, "customers/merge.html", context)


@deed
def separate(request: HttpRequest, membership: Membership, customer: Customer) -> str:
    unmerge(customer=customer, by=membership.user)
    return _("The profile stands for itself again.")


@deed
def undo_a_link(request: HttpRequest, membership: Membership, customer: Customer, link_id: int) -> str:
    undo_link(link=get_object_or_404(IdentityLink, workspace=membership.workspace, pk=link_id), by=membership.user)
    return _("The link was undone. Events that say it again will not bring it back.")


@deed
def remove(request: HttpRequest, membership: Membership, customer: Customer) -> str:
    if request.POST.get("sure") != "yes":
        raise Refused(_("Tick the box to say that you are sure."))
    remove_customer(customer=customer, by=membership.user)
    return _("The customer and everything we knew of them is erased.")


def _note(membership: Membership, customer_id: UUID, note_id: UUID) -> Note:
    customer = customer_for(membership.workspace, customer_id)
    ids = person_of(customer.canonical or customer).ids
    return get_object_or_404(Note.objects.select_related("customer__workspace"), uuid=note_id, customer__in=ids)


def _valid(form: IdentityForm | ConsentForm | NoteForm | TagForm) -> dict[str, str]:
    if not form.is_valid():
        raise Refused(
            " ".join(f"{form.fields[name].label}: {error}" for name, errors in form.errors.items() for error in errors)
        )
    return dict(form.cleaned_data)
