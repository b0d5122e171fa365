"""Ending a workspace: what it holds lies on every shelf, so the verb stands here."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_tasks import task

from cxm.accounts.access import membership_for
from cxm.accounts.actions import close_workspace
from cxm.accounts.audit import Actor
from cxm.accounts.forms import DeleteForm
from cxm.accounts.models import Role, Workspace
from cxm.record.capture.models import Import
from cxm.record.customers.models import Customer
from cxm.record.customers.versions import bump_directory
from cxm.record.eventlog.forget import forget_workspace
from cxm.record.eventlog.models import OutboxFact

BATCH = 1000


@transaction.atomic
def delete_workspace(*, workspace: Workspace, by: Actor) -> None:
    """Close the workspace at once and erase all that it held soon after. There is no way back."""
    close_workspace(workspace=workspace, by=by)
    bump_directory()  # its write keys are gone
    workspace_id = str(workspace.pk)
    erase_workspace.enqueue(workspace_id)


def remove_sample_data(*, workspace: Workspace, by: Actor) -> None:
    """Remove the sample company, and nothing else. Raises ValidationError for a workspace with real data."""
    if not workspace.is_sample:
        raise ValidationError(_("This workspace holds your own data, not the sample company."), code="not_sample")
    delete_workspace(workspace=workspace, by=by)


@task()
def erase_workspace(workspace_id: str) -> None:
    """Erase a closed workspace: files, events, rows. The row of the workspace goes last, so a crash can be repeated."""
    workspace = Workspace.objects.filter(pk=int(workspace_id)).exclude(deleted_at=None).first()
    if workspace is None:
        return
    for batch in Import.objects.filter(workspace=workspace):
        remove_files(batch)
    OutboxFact.objects.filter(workspace_id=workspace.pk).delete()
    while ids := list(Customer.objects.filter(workspace=workspace).values_list("pk", flat=True)[:BATCH]):
        Customer.objects.filter(pk__in=ids).delete()
    forget_workspace(workspace.pk)
    workspace.delete()


def erase_closed_workspaces() -> int:
    """Finish what a crash interrupted; returns how many workspaces it erased."""
    ids = list(Workspace.objects.exclude(deleted_at=None).values_list("pk", flat=True))
    for workspace_id in ids:
        erase_workspace.call(str(workspace_id))
    return len(ids)


def remove_files(batch: Import) -> None:
    """The file of an import, if it lies in our data directory."""
    file = Path(batch.file_path).resolve() if batch.file_path else None
    if file and file.is_relative_to(settings.DATA_DIR):
        file.unlink(missing_ok=True)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.OWNER)
    workspace = membership.workspace
    form = DeleteForm(request.POST or None, name=workspace.name)
    if request.method == "POST" and form.is_valid():
        delete_workspace(workspace=workspace, by=membership.user)
        messages.success(request, _("The workspace is deleted; what it held is being erased."))
        return redirect("accounts:workspaces")
    context = {"membership": membership, "workspace": workspace, "form": form}
    return render(request, "accounts/delete_workspace.html", context, status=422 if form.errors else 200)


@require_POST
def remove_sample(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    if not membership.workspace.is_sample:
        raise Http404
    remove_sample_data(workspace=membership.workspace, by=membership.user)
    messages.success(request, _("The sample data is removed. Create a workspace for your own company to go on."))
    return redirect("accounts:workspaces")


urlpatterns = [
    path("w/<slug:slug>/settings/delete/", delete, name="delete_workspace"),
    path("w/<slug:slug>/settings/remove-sample/", remove_sample, name="remove_sample"),
]
