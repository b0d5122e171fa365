"""What the server does for a command while it holds the in-process log. The folder of the exchange carries the data."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from django_tasks import task

from cxm.accounts.models import Workspace
from cxm.act.cases.feedback.queries import put_marks_again
from cxm.record.customers.snapshotting import rebuild_snapshot
from cxm.record.eventlog import transfer
from cxm.record.eventlog.rebuild import DERIVED, rebuild
from cxm.understand.journeys.steps.building import rebuild_steps

from .data_directory import exchange_folder

Progress = Callable[[float, float], None]  # done, of how many


@task(queue_name="errands")
def dump_events(folder: str, until: str) -> int:
    """Write every event received up to `until` (ISO 8601) to events.jsonl.gz; returns how many."""
    place = exchange_folder(folder)
    moment = datetime.fromisoformat(until)
    pieces = transfer.dump_events(moment)
    return write_lines(pieces, place / "events.jsonl.gz", transfer.count_events(moment), reporter(place))


@task(queue_name="errands")
def export_rows(folder: str, what: str, workspace_id: int) -> int:
    """Write the events or the answers of a workspace to rows.jsonl.gz; returns how many."""
    place = exchange_folder(folder)
    total = export_total(what, workspace_id)
    return write_lines(transfer.export(what, workspace_id), place / "rows.jsonl.gz", total, reporter(place))


@task(queue_name="errands")
def rebuild_derived(folder: str) -> int:
    """Make the derived tables anew; returns how many there are."""
    return rebuild_all(reporter(exchange_folder(folder)))


def export_total(what: str, workspace_id: int) -> int:
    if what == "answers":
        return transfer.count_answers(workspace_id)
    return transfer.count_events(workspace_id=workspace_id)


def rebuild_all(progress: Progress) -> int:
    """Make the derived tables, the snapshot of all customers and the steps anew; returns how many tables."""
    workspaces = list(Workspace.objects.all())
    total = len(DERIVED) + len(workspaces) + 1
    done = 0

    def tick(_table: str) -> None:
        nonlocal done
        progress(done, total)
        done += 1

    rebuild(tick)
    for workspace in workspaces:
        tick("customers")
        rebuild_snapshot(workspace)
        put_marks_again(workspace)
    tick("steps")
    rebuild_steps()
    progress(total, total)
    return len(DERIVED) + 2


def write_lines(pieces: Iterable[bytes], path: Path, total: int, progress: Progress) -> int:
    done = 0
    with gzip.open(path, "wb", compresslevel=3) as file:
        for piece in pieces:
            file.write(piece)
            done += piece.count(b"\n")
            progress(done, total)
    return done


def reporter(folder: Path) -> Progress:
    """Leaves the progress in the folder, where the command looks for it."""

    def report(done: float, total: float) -> None:
        part = folder / "progress.part"
        part.write_text(f"{done} {total}")
        part.replace(folder / "progress")

    return report
