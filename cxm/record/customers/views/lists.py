"""The list of customers: search, filters, bulk tags, and its export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import may_export_personal, membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.lib.csv import stream
from cxm.lib.personal import MASK, mask_all
from cxm.record.customers.errors import Refused
from cxm.record.customers.forms import FilterForm
from cxm.record.customers.marks import tag, untag
from cxm.record.customers.models import Customer, Tag
from cxm.record.customers.queries import PAGE, Wanted, complete, customers, in_order, search
from cxm.record.customers.traits import kinds, written
from cxm.record.eventlog.engine import EventlogError


def may_change(membership: Membership) -> bool:
    return Role(membership.role).includes(Role.AGENT)


def filter_form(request: HttpRequest, workspace: Workspace) -> FilterForm:
    tags = list(Tag.objects.filter(workspace=workspace).order_by("name").values_list("name", flat=True))
    return FilterForm(request.GET, workspace=workspace, tags=tags)


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    form = filter_form(request, workspace)
    wanted, problem = form.wanted, ""
    found: Any
    try:
        found = search(workspace, wanted) if wanted.text else customers(workspace, wanted).prefetch_related("tags")
    except Refused as refused:
        found, problem = [], str(refused)
    except EventlogError:
        found, problem = [], _("The event log does not answer just now, so the segment cannot be shown.")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "membership": membership, "workspace": workspace, "form": form, "wanted": wanted, "problem": problem,
        "page_obj": page, "rows": in_order(list(page)) if wanted.text and found else complete(list(page)),
        "similar": bool(wanted.text and found and found[0].closeness >= 4), "may_change": may_change(membership),
        "may_personal": may_export_personal(membership),
        "is_new": not wanted.narrows and not page.paginator.count, "query": request.GET.urlencode(),
        "here": request.get_full_path(),
    }  # fmt: skip
    fragment = getattr(request, "htmx", False) and not getattr(request.htmx, "boosted", False)  # type: ignore[attr-defined]  # django-htmx
    with timezone.override(workspace.time_zone):
        return render(request, "customers/_list.html" if fragment else "customers/list.html", context)


@require_safe
def export(request: HttpRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The customers that the list shows, all of them, as CSV; who they are only where that is asked for and allowed."""
    membership = membership_for(request.user, slug)
    personal = request.GET.get("personal") == "1"
    if personal and not may_export_personal(membership):
        raise PermissionDenied
    workspace = membership.workspace
    wanted = filter_form(request, workspace).wanted
    try:
        rows = csv_rows(workspace, wanted, personal=personal)
    except (Refused, EventlogError) as error:
        no_log = _("The event log does not answer just now. Try again in a moment.")
        messages.error(request, str(error) if isinstance(error, Refused) else no_log)
        return HttpResponseRedirect(reverse("customers:list", args=[slug]))
    reply = StreamingHttpResponse(stream(rows), content_type="text/csv; charset=utf-8")
    reply["Content-Disposition"] = f'attachment; filename="customers-{slug}.csv"'
    return reply


def csv_rows(workspace: Workspace, wanted: Wanted, *, personal: bool = False) -> Iterator[Sequence[object]]:
    """A heading, then a row per customer with a column per trait. Raises Refused at once, not while streaming.

    Unless `personal`, names and addresses are masked whole, and so are traits that tell them.
    """
    names = list(kinds(workspace))
    chosen: Iterable[Customer]
    if wanted.text:
        chosen = in_order(search(workspace, wanted, limit=None))
    else:
        chosen = customers(workspace, wanted).prefetch_related("tags").iterator(2000)

    def rows() -> Iterator[Sequence[object]]:
        yield ["id", "name", "email", "phone", "language", "tags", "last_seen_at", "answers", "created_at", *names]
        for one in chosen:
            tags = ", ".join(sorted(row.name for row in one.tags.all()))
            known = [one.name, one.email, one.phone]
            traits = one.traits
            if not personal:
                known, traits = [MASK if value else value for value in known], mask_all(traits, under="traits")
            shown = [written(traits.get(name)) for name in names]
            yield [one.pk, *known, one.language, tags, one.last_seen_at, one.answers, one.created_at, *shown]

    return rows()


@require_POST
def tag_many(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace, name = membership.workspace, request.POST.get("tag", "")
    ids = [text for text in request.POST.getlist("customer") if len(text) in {32, 36}]
    try:
        chosen = list(Customer.objects.filter(workspace=workspace, pk__in=_uuids(ids)))
        if not chosen:
            raise Refused(_("Choose at least one customer."))
        if request.POST.get("do") == "untag":
            n = untag(workspace=workspace, customers=chosen, name=name, by=membership.user)
            said = ngettext("The tag was taken from %(n)d customer.", "The tag was taken from %(n)d customers.", n)
        else:
            n = tag(workspace=workspace, customers=chosen, name=name, by=membership.user)
            said = ngettext("%(n)d customer was tagged.", "%(n)d customers were tagged.", n)
        messages.success(request, said % {"n": n})
    except Refused as refused:
        messages.error(request, str(refused))
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return HttpResponseRedirect(back if safe and back else reverse("customers:list", args=[slug]))


def _uuids(texts: Iterable[str]) -> list[str]:
    found = []
    for text in texts:
        try:
            found.append(str(UUID(text)))
        except ValueError:
            continue
    return found
