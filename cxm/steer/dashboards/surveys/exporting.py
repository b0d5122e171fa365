"""Exports of responses: asked for by a person or a key, made in the background, fetched while they are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone, translation

from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import User
from cxm.listen.surveys.models import Survey
from cxm.record.customers.segments import with_segments

from ..address import View, read
from ..models import ResultsExport
from . import files, people
from .columns import table_of
from .results import Results

KEPT: Final = timedelta(days=7)


def folder() -> Path:
    return Path(settings.DATA_DIR) / "exports"


def file_of(one: ResultsExport) -> Path:
    return folder() / f"{one.pk}.{files.SUFFIXES[one.form]}"


@transaction.atomic
def ask_for(
    *, survey: Survey, form: str, language: str, codes: bool, view: View, by: Actor, personal: bool = False
) -> ResultsExport:  # fmt: skip
    """Note what is wanted. The caller enqueues `jobs.run_export`, and has seen whether `by` may ask for `personal`."""
    made = ResultsExport.objects.create(
        workspace=survey.workspace, survey=survey, form=ResultsExport.Form(form), language=language, codes=codes,
        personal=personal, query=view.query, created_by=by if isinstance(by, User) else None,
    )  # fmt: skip
    audit(
        "exported",
        survey,
        workspace=survey.workspace,
        by=by,
        changes={"form": [None, form], "personal": [None, personal]},
    )
    return made


def run(export_id: UUID) -> None:
    """Make the file. Safe to repeat: it begins anew, and a finished one is left as it is."""
    one = ResultsExport.objects.select_related("survey", "workspace").filter(pk=export_id).first()
    if one is None or one.state == ResultsExport.State.DONE:
        return
    state = ResultsExport.State
    survey = one.survey
    view = read(QueryDict(one.query), View(comparison="none")).view
    view = replace(view, filters=with_segments(survey.workspace_id, view.filters))
    results = Results(survey, [], view, one.created_at, one.language)
    found = people.responses_of(survey, results.scope).order_by("started_at", "pk")
    ResultsExport.objects.filter(pk=one.pk).update(state=state.RUNNING, done=0, total=found.count())
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    target = file_of(one)

    def progress(done: int) -> None:
        ResultsExport.objects.filter(pk=one.pk).update(done=done)

    try:
        with translation.override(one.language):
            count = files.write(
                one.form, table_of(survey, one.language), found, target,
                codes=one.codes, personal=one.personal, progress=progress,
            )  # fmt: skip
    except BaseException:
        ResultsExport.objects.filter(pk=one.pk).update(state=state.FAILED, finished_at=timezone.now())
        raise
    ResultsExport.objects.filter(pk=one.pk).update(
        state=state.DONE, done=count, total=count, size=target.stat().st_size, finished_at=timezone.now()
    )


def remove_old() -> int:
    """Remove what was kept long enough, and files that nobody knows any more; returns how many files. A clock."""
    ResultsExport.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    known = {file_of(one).name for one in ResultsExport.objects.only("pk", "form")}
    removed = 0
    for file in folder().glob("*") if folder().is_dir() else ():
        part = file.name.endswith((".part", ".rows"))
        if file.name not in known and not (part and file.stat().st_mtime > (timezone.now() - KEPT).timestamp()):
            file.unlink(missing_ok=True)
            removed += 1
    return removed
