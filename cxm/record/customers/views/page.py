"""The page of one customer, and the forms that make and change a profile."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cxm.accounts.access import may_export_personal, membership_for, sees_personal
from cxm.accounts.models import Role
from cxm.lib.personal import mask_all
from cxm.record.customers.access import customer_for
from cxm.record.customers.actions import change_profile, create_customer
from cxm.record.customers.belongings import export
from cxm.record.customers.errors import IdentityTaken, Refused
from cxm.record.customers.forms import (
    PURPOSES,
    ConsentForm,
    IdentityForm,
    NoteForm,
    ProfileForm,
    TagForm,
    TraitForms,
    initial_traits,
    typed_traits,
)
from cxm.record.customers.models import Customer, Note, Tag
from cxm.record.customers.queries import (
    Cursor,
    Person,
    kinds_of_events,
    merge_suggestions,
    person_of,
    scores,
    shared_devices,
    timeline,
)
from cxm.record.customers.timeline import kind_label, moment
from cxm.record.customers.traits import kinds, shown
from cxm.record.eventlog.engine import EventlogError

from .lists import may_change


@require_safe
def export_person(request: HttpRequest, slug: str, customer_id: UUID) -> HttpResponse | StreamingHttpResponse:
    """What is kept about the person, as a file for them."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    customer = customer_for(membership.workspace, customer_id)
    try:
        pieces = export(customer=customer, by=membership.user)
    except EventlogError:
        messages.error(request, _("The event log does not answer just now. Try again in a moment."))
        return redirect("customers:show", slug, customer.pk)
    reply = StreamingHttpResponse(pieces, content_type="application/json")
    reply["Content-Disposition"] = f'attachment; filename="customer-{customer.pk}.json"'
    return reply


@require_safe
def show(request: HttpRequest, slug: str, customer_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    customer = customer_for(workspace, customer_id)
    if customer.canonical_id:
        return redirect("customers:show", slug, customer.canonical_id)
    person = person_of(customer)
    context = {"membership": membership, "workspace": workspace, "person": person, "customer": person.customer}
    personal = sees_personal(membership)
    ids, names = person.profile_of, dict[str, str]()
    if len(person.family) > 1:
        profiles = {member.pk: str(member) for member in person.family}
        names = {str(one): profiles[pk] for one, pk in ids.items()}
    with timezone.override(workspace.time_zone):
        try:
            counts = None if getattr(request, "htmx", False) else kinds_of_events(workspace, list(ids))
            page = timeline(
                workspace, list(ids), names=request.GET.getlist("kind"), text=request.GET.get("find", ""),
                before=Cursor.parse(request.GET.get("before", "")), kinds=counts,
            )  # fmt: skip
            moments = [moment(one, personal=personal) for one in page.events]
            context |= {
                "moments": [(one, names.get(one.customer_id, "")) for one in moments],
                "next": page.next, "kinds_chosen": request.GET.getlist("kind"), "find": request.GET.get("find", ""),
            }  # fmt: skip
            if counts is None:
                return render(request, "customers/_timeline.html", context)
            context |= {
                "counts": [(one.name, kind_label(one.name), one.n) for one in counts],
                "seen_at": max((one.seen_at for one in counts if one.seen_at), default=None),
                "scores": scores(workspace, list(ids)),
            }
        except EventlogError:
            context["log_problem"] = _("The event log does not answer just now. Try again in a moment.")
        traits = person.traits if personal else mask_all(person.traits, under="traits")
        context |= {
            "traits": [(name, shown(value)) for name, value in traits.items()],
            "devices": shared_devices(person),
            "suggestions": merge_suggestions(person) if may_change(membership) else [],
            "may_change": may_change(membership), "may_personal": may_export_personal(membership),
            "note_form": NoteForm(), "consent_form": ConsentForm(),
            "identity_form": IdentityForm(auto_id="identity_%s"), "tag_form": TagForm(auto_id="tag_%s"),
            "removed": _removed_note(request, person),
            "purposes": list(PURPOSES), "all_tags": Tag.objects.filter(workspace=workspace).order_by("name"),
        }  # fmt: skip
        return render(request, "customers/show.html", context)


def _removed_note(request: HttpRequest, person: Person) -> UUID | None:
    """The note that was removed a moment ago and can be brought back, for pages without scripts."""
    try:
        note = UUID(request.GET.get("removed", ""))
    except ValueError:
        return None
    gone = Note.objects.filter(uuid=note, customer__in=person.family, removed_at__isnull=False)
    return note if gone.exists() else None


def new(request: HttpRequest, slug: str) -> HttpResponse:
    return _edit(request, slug, None)


def edit(request: HttpRequest, slug: str, customer_id: UUID) -> HttpResponse:
    return _edit(request, slug, customer_id)


def _edit(request: HttpRequest, slug: str, customer_id: UUID | None) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    customer = customer_for(workspace, customer_id) if customer_id else None
    before = customer.traits if customer else {}
    form = ProfileForm(request.POST or None, instance=customer or Customer(workspace=workspace))
    traits = TraitForms(request.POST or None, prefix="traits", initial=initial_traits(customer) if customer else None)
    taken: Customer | None = None
    if request.method == "POST" and form.is_valid() and traits.is_valid():
        try:
            values = typed_traits(workspace, traits, before)
            if customer:
                customer = change_profile(customer=customer, by=membership.user, traits=values, **form.cleaned_data)
            else:
                customer = create_customer(workspace=workspace, by=membership.user, traits=values, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(_address(slug, customer))
        except IdentityTaken as conflict:
            form.add_error("email", str(conflict))
            taken = conflict.customer
        except Refused as refused:
            form.add_error(None, str(refused))
    context = {
        "membership": membership, "workspace": workspace, "form": form, "traits": traits, "customer": customer,
        "taken": taken, "known_traits": sorted(kinds(workspace)),
    }  # fmt: skip
    return render(request, "customers/edit.html", context, status=422 if request.method == "POST" else 200)


def _address(slug: str, customer: Customer) -> str:
    return redirect("customers:show", slug, customer.pk).url
