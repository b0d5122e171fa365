"""Pages of imports: the list, uploading, the mapping with its preview, progress and result."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.record.capture import actions, jobs, storage, suggesting
from cxm.record.capture.examples import example, examples
from cxm.record.capture.files import Look
from cxm.record.capture.forms import UploadForm, kept_upload
from cxm.record.capture.guessing import column_types
from cxm.record.capture.mapping import MappingError, read_mapping
from cxm.record.capture.models import Import
from cxm.record.capture.preview import Preview, look_at, preview_of
from cxm.record.capture.problems import FileProblem
from cxm.record.capture.queries import import_for, imports_of, mappings_of, progress_of
from cxm.record.capture.running import is_alive
from cxm.record.capture.uploads import too_large

State = Import.State


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    may_import = Role(membership.role).includes(Role.ANALYST)
    return {"membership": membership, "workspace": membership.workspace, "may_import": may_import, **more}


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    page = Paginator(imports_of(membership.workspace), 50).get_page(request.GET.get("page"))
    return render(request, "imports/list.html", context_of(membership, page_obj=page))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    posted = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if posted else UploadForm()
    if posted:
        valid = form.is_valid()
        if too_large(request):
            form.errors.clear()  # the file is missing because it was cut off
            form.add_error("file", _("The file is larger than this installation accepts."))
        elif valid:
            upload = form.cleaned_data["file"]
            try:
                one = actions.add_file(
                    workspace=membership.workspace, path=kept_upload(upload), name=upload.name, by=membership.user
                )
                return redirect("imports:mapping", slug, one.pk)
            except actions.Refused as refusal:
                form.add_error("file", str(refusal))
    return render(request, "imports/new.html", context_of(membership, form=form), status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def mapping(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    one = import_for(membership.workspace, import_id)
    if one.state != State.DRAFT:
        return redirect("imports:show", slug, one.pk)
    shown: dict[str, Any] = {"import": one, "saved": mappings_of(membership.workspace), "examples": examples()}
    try:
        look = look_at(one)
        yaml, roles = chosen(request, membership, one, look)
        shown |= {"yaml": yaml, "look": look, "columns": columns_of(look, roles, None), "roles": suggesting.ROLES}
        read = read_mapping(yaml)
        look = look_at(one, read)
        preview = preview_of(one, read, look)
        shown |= {"look": look, "preview": preview, "columns": columns_of(look, roles, preview)}
        if request.method == "POST" and "start" in request.POST:
            actions.start_import(one=one, yaml=yaml, by=membership.user)
            jobs.run_import.enqueue(str(one.pk))
            return redirect("imports:show", slug, one.pk)
    except (FileProblem, MappingError, actions.Refused) as error:
        shown["problem"] = str(error)
    status = 422 if "problem" in shown and request.method == "POST" else 200
    return render(request, "imports/mapping.html", context_of(membership, **shown), status=status)


def chosen(request: HttpRequest, membership: Membership, one: Import, look: Look) -> tuple[str, dict[str, str]]:
    """The mapping that the page is about: built from the columns' roles, typed, saved, an example, or a guess."""
    given = request.POST
    roles = suggesting.suggest_roles(look)
    name = suggesting.name_of(one.file_name)
    if "columns" in given:
        wanted = {column: given.get(f"role-{place}", "") for place, column in enumerate(look.header)}
        roles = {column: role if role in suggesting.ROLES else "" for column, role in wanted.items()}
        return suggesting.yaml_of(name, look, roles, membership.workspace.time_zone), roles
    if given.get("yaml", "").strip():
        return given["yaml"].replace("\r\n", "\n"), roles
    pick = request.GET.get("use", "")
    for saved in mappings_of(membership.workspace):
        if pick == str(saved.uuid):
            return saved.yaml, roles
    if pick in {item.slug for item in examples()}:
        return example(pick).yaml, roles
    return suggesting.yaml_of(name, look, roles, membership.workspace.time_zone), roles


def columns_of(look: Look, roles: dict[str, str], preview: Preview | None) -> list[dict[str, Any]]:
    types = column_types(len(look.header), look.rows)
    return [
        {
            "name": name, "type": kind, "role": roles.get(name, ""),
            "becomes": preview.becomes.get(name, []) if preview else [],
        }
        for name, kind in zip(look.header, types, strict=True)
    ]  # fmt: skip


@require_safe
def show(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    one = import_for(membership.workspace, import_id)
    if one.state == State.DRAFT and Role(membership.role).includes(Role.ANALYST):
        return redirect("imports:mapping", slug, one.pk)
    active = one.state in {State.WAITING, State.RUNNING, State.UNDOING}
    shown = {
        "import": one, "active": active, "progress": progress_of(one),
        "stopped": one.state == State.FAILED or (one.state == State.RUNNING and not is_alive(one)),
        "has_rejected": one.rows_rejected and storage.rejected_path(one.pk).exists(),
        "form": UploadForm(),
    }  # fmt: skip
    template = "imports/_show.html" if request.htmx else "imports/show.html"  # type: ignore[attr-defined]  # django-htmx
    response = render(request, template, context_of(membership, **shown))
    if request.htmx and not active:  # type: ignore[attr-defined]  # django-htmx
        response["HX-Refresh"] = "true"
    return response


@require_safe
def rejected(request: HttpRequest, slug: str, import_id: UUID) -> FileResponse:
    membership = membership_for(request.user, slug)
    one = import_for(membership.workspace, import_id)
    path = storage.rejected_path(one.pk)
    if not path.exists():
        raise Http404
    name = f"{one.file_name.rpartition('.')[0] or one.file_name} - {_('rejected rows')}.csv"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")


@require_safe
def mapping_file(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    one = import_for(membership.workspace, import_id)
    response = HttpResponse(one.mapping_yaml, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="mapping.yaml"'
    return response


@require_POST
def resume(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    one = import_for(membership.workspace, import_id)
    form = UploadForm(request.POST, request.FILES)
    path = kept_upload(form.cleaned_data["file"]) if form.is_valid() else None
    return _done(request, slug, one, partial(actions.resume_import, one=one, by=membership.user, path=path))


@require_POST
def undo(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    one = import_for(membership.workspace, import_id)
    return _done(request, slug, one, partial(actions.undo_import, one=one, by=membership.user))


@require_POST
def discard(request: HttpRequest, slug: str, import_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    one = import_for(membership.workspace, import_id)
    try:
        actions.discard_import(one=one, by=membership.user)
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("imports:list", slug)


def _done(request: HttpRequest, slug: str, one: Import, verb: Any) -> HttpResponse:
    try:
        verb()
        jobs.run_import.enqueue(str(one.pk))
    except actions.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("imports:show", slug, one.pk)
