"""REST: import a file, follow it, take it back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from cxm.accounts.models import Role
from cxm.accounts.rest import PageOut, PageQuery, Problem, require_key
from cxm.record.capture import actions, jobs, storage
from cxm.record.capture.forms import kept_upload
from cxm.record.capture.mapping import MappingError
from cxm.record.capture.models import Import
from cxm.record.capture.problems import FileProblem
from cxm.record.capture.queries import import_for, imports_of
from cxm.record.capture.uploads import too_large

router = Router(tags=["imports"])


class ImportOut(Schema):
    id: UUID
    state: str = Field(description="waiting, running, done, failed, undoing or undone; draft while it is prepared")
    file_name: str
    dataset: str = Field(description="The name in the mapping")
    rows_read: int
    rows_rejected: int
    rows_known: int = Field(description="Rows that brought nothing new")
    events_added: int
    customers_added: int
    problem: str
    notes: list[str]
    created_at: datetime
    finished_at: datetime | None


@router.get("/imports", response=PageOut[ImportOut], summary="List imports, newest first")
def list_imports(request: HttpRequest, query: Query[PageQuery]) -> dict[str, object]:
    key = require_key(request)
    rows = imports_of(key.workspace)
    try:
        start = int(query.cursor or 0)
    except ValueError as error:
        raise Problem(400, "bad_cursor", _("This cursor is not one that an answer of ours held as next.")) from error
    if not 0 <= start < 10**9:
        raise Problem(400, "bad_cursor", _("This cursor is not one that an answer of ours held as next."))
    found = list(rows[start : start + query.limit + 1])
    more = str(start + query.limit) if len(found) > query.limit else None
    return {"items": found[: query.limit], "next": more}


@router.post("/imports", response={202: ImportOut}, summary="Import a file by a mapping")
def create_import(request: HttpRequest, file: File[UploadedFile], mapping: Form[str]) -> Status[Import]:
    """Send `file` and `mapping` (the YAML itself) as multipart/form-data. The import runs in the background."""
    key = require_key(request, Role.ANALYST)
    if too_large(request):
        raise Problem(413, "too_large", _("The file is larger than this installation accepts."))
    try:
        one = actions.add_file(workspace=key.workspace, path=kept_upload(file), name=file.name or "file", by=key)
    except actions.Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal
    try:
        one = actions.start_import(one=one, yaml=mapping, by=key)
    except (MappingError, FileProblem, actions.Refused) as error:
        actions.discard_import(one=one, by=key)
        raise Problem(422, "bad_mapping" if isinstance(error, MappingError) else "bad_file", str(error)) from error
    jobs.run_import.enqueue(str(one.pk))
    return Status(202, one)


@router.get("/imports/{uuid:import_id}", response=ImportOut, summary="State and counts of an import")
def show_import(request: HttpRequest, import_id: UUID) -> Import:
    return import_for(require_key(request).workspace, import_id)


@router.get("/imports/{uuid:import_id}/rejected", summary="Rejected rows with their reasons, as CSV")
def rejected_rows(request: HttpRequest, import_id: UUID) -> FileResponse:
    one = import_for(require_key(request).workspace, import_id)
    path = storage.rejected_path(one.pk)
    if not path.exists():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename="rejected.csv", content_type="text/csv")


@router.post("/imports/{uuid:import_id}/undo", response={202: ImportOut}, summary="Take back all an import brought")
def undo_import(request: HttpRequest, import_id: UUID) -> Status[Import]:
    return _verb(request, import_id, actions.undo_import)


@router.post("/imports/{uuid:import_id}/resume", response={202: ImportOut}, summary="Go on with a stopped import")
def resume_import(request: HttpRequest, import_id: UUID) -> Status[Import]:
    return _verb(request, import_id, actions.resume_import)


def _verb(request: HttpRequest, import_id: UUID, verb: object) -> Status[Import]:
    key = require_key(request, Role.ANALYST)
    one = import_for(key.workspace, import_id)
    try:
        one = verb(one=one, by=key)  # type: ignore[operator]  # the verbs above
    except actions.Refused as refusal:
        raise Problem(409, "wrong_state", str(refusal)) from refusal
    jobs.run_import.enqueue(str(one.pk))
    return Status(202, one)
