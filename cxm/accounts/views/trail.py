"""The audit trail of a workspace, on pages and as CSV."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.forms import TrailForm
from cxm.accounts.models import Role, Workspace
from cxm.accounts.queries import audit_entries, trail_choices
from cxm.accounts.trail import SUBJECTS, VERBS, change_lines, csv_rows, labelled, subject_label, verb_label
from cxm.lib.csv import stream

PAGE_SIZE = 50


def filled_form(request: HttpRequest, workspace: Workspace) -> TrailForm:
    people, verbs, subjects = trail_choices(workspace)
    return TrailForm(request.GET, people=people, verbs=labelled(verbs, VERBS), subjects=labelled(subjects, SUBJECTS))


@require_safe
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    form = filled_form(request, workspace)
    page = Paginator(audit_entries(workspace, form.chosen()), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [
        {
            "entry": entry,
            "verb": verb_label(entry.verb),
            "subject": subject_label(entry.subject),
            "changes": change_lines(entry),
        }
        for entry in page
    ]
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "membership": membership, "workspace": workspace, "form": form, "page_obj": page, "rows": rows,
        "query": query.urlencode(), "filtered": any(query.values()), "tab": "audit",
    }  # fmt: skip
    return render(request, "accounts/audit.html", context)


@require_safe
def audit_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The entries that the filters choose, all of them, as CSV."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    entries = audit_entries(workspace, filled_form(request, workspace).chosen()).iterator(chunk_size=1000)
    response = StreamingHttpResponse(stream(csv_rows(workspace, entries)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{workspace.slug}.csv"'
    return response
