"""The tracking plan of a workspace with its preview and versions, and the learned schema of a source."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.record.capture import source_actions as actions
from cxm.record.capture.models import Source
from cxm.record.capture.plan import PlanError, read_plan
from cxm.record.capture.plan_preview import preview
from cxm.record.capture.queries import plan_of, plan_versions, source_for, sources_of
from cxm.record.capture.schema import draft_plan, schema_of

from .sources import context_of

EXAMPLE = """events:
  Order Completed:
    description: A customer has paid.
    properties:
      order_id: {type: string, required: true}
      total: number
      currency: {type: string, values: [EUR, UAH]}
other_events: refused
"""


@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, slug: str) -> HttpResponse:
    """The plan in force, and the editor: a preview over the last week first, then it is saved as a new version."""
    posted = request.method == "POST"
    membership = membership_for(request.user, slug, Role.ANALYST if posted else Role.VIEWER)
    workspace = membership.workspace
    saved = plan_of(workspace)
    text = request.POST.get("yaml", "").replace("\r\n", "\n") if posted else saved.yaml if saved else ""
    shown: dict[str, Any] = {"saved": saved, "versions": plan_versions(workspace)[:20], "tab": "plan"}
    if not text and not posted:
        text = draft_plan(workspace)
        shown["drafted"] = bool(text)
    try:
        if posted or saved:
            read = read_plan(text)
            if "save" in request.POST:
                made = actions.save_plan(workspace=workspace, yaml=text, by=membership.user)
                messages.success(request, _("Version %(version)d of the plan is in force.") % {"version": made.version})
                return redirect("sources:plan", slug)
            shown["findings"] = preview(workspace, read)
    except PlanError as error:
        shown["problem"] = str(error)
    checked = [one for one in sources_of(workspace) if one.plan_mode != Source.PlanMode.OFF]
    shown |= {"yaml": text or EXAMPLE, "checked": checked}
    status = 422 if posted and "problem" in shown else 200
    return render(request, "sources/plan.html", context_of(membership, **shown), status=status)


@require_safe
def plan_version(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    membership = membership_for(request.user, slug)
    one = plan_versions(membership.workspace).filter(version=version).first()
    if one is None:
        raise Http404
    return render(request, "sources/plan_version.html", context_of(membership, one=one, tab="plan"))


@require_safe
def schema(request: HttpRequest, slug: str, source_id: UUID) -> HttpResponse:
    """What came from a source; ?event=NAME shows the properties of one event."""
    membership = membership_for(request.user, slug)
    source = source_for(membership.workspace, source_id)
    events = schema_of(source)
    chosen = next((one for one in events if one.name == request.GET.get("event")), None)
    shown = {"source": source, "tab": "schema", "chosen": chosen, "any": bool(events)}
    if chosen is None:
        events.sort(key=lambda one: (-one.n, one.name))
        shown["page_obj"] = Paginator(events, 100).get_page(request.GET.get("page"))
    return render(request, "sources/schema.html", context_of(membership, **shown))
