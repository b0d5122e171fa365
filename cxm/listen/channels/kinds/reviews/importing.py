"""A file of reviews: which column is what, what the first rows come to, and the whole file, as often as it takes.

Reviews of the past are history: they count for every number, and no rule, alert or case follows from them.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.models import Channel, Conversation, Message
from cxm.record.capture import files
from cxm.record.capture.mapping import Format
from cxm.record.capture.problems import FileProblem
from cxm.record.eventlog.forget import forget_import

from .rows import SYNONYMS, Review, Unusable, date_formats, guessed, review_of, scale_of
from .taking import take, tell_as_history

MOST_BYTES = 100 * 2**20
MOST_ROWS = 100_000
SHOWN = 10
PART = 200  # rows between two notes of how far it is
MOST_REFUSED = 50  # that the page names; all are counted
SILENT = timedelta(minutes=3)
STATE = "import"  # the place in Channel.state of the file that is read, or was last
FILES = "files"  # of those that can be taken back
UNDOING = "undoing"  # of the one that is being taken back
MOST_FILES = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """Which column holds what (field → column name), on which scale, in which form of dates."""

    columns: Mapping[str, str]
    most: float
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    header: list[str]
    plan: Plan
    reviews: list[Review] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)  # row as a spreadsheet counts, and why


def place_of(channel: Channel, key: str) -> Path:
    return Path(settings.DATA_DIR) / "imports" / "reviews" / f"{channel.pk}-{uuid.UUID(key).hex}"


def keep(channel: Channel, uploaded: UploadedFile[Any]) -> str:
    """Keep an uploaded file until it is read; returns its key. Raises Refused."""
    if (uploaded.size or 0) > MOST_BYTES:
        raise Refused(_("The file is larger than %(most)d MB. Split it.") % {"most": MOST_BYTES // 2**20})
    key = uuid.uuid4().hex
    path = place_of(channel, key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in path.parent.glob(f"{channel.pk}-*"):  # what was uploaded before and never begun
        if str(channel.state.get(STATE, {}).get("key", "")) not in old.name:
            old.unlink(missing_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(uploaded, file)
    return key


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except FileProblem as problem:
        raise Refused(str(problem)) from problem
    except FileNotFoundError as error:
        raise Refused(_("The file is not there any more. Please upload it again.")) from error


def look(channel: Channel, key: str, name: str, columns: Mapping[str, str] | None = None) -> Preview:
    """The first rows, with the columns that `columns` says or that we guess. Raises Refused."""
    with _understood():
        seen = files.look(place_of(channel, key), name)
    chosen = {one: column for one, column in (columns or guessed(seen.header)).items()
              if one in SYNONYMS and column in seen.header}  # fmt: skip
    plan = Plan(chosen, scale_of(_cells(seen, chosen.get("rating"))), date_formats(_cells(seen, chosen.get("at"))))
    preview = Preview(seen.header, plan)
    for number, row in enumerate(seen.rows[:SHOWN], 2):
        try:
            if any(row):
                preview.reviews.append(_review(channel, plan, seen.header, row))
        except Unusable as problem:
            preview.refused.append((number, str(problem)))
    return preview


def _cells(seen: files.Look, column: str | None) -> list[str]:
    if column is None:
        return []
    at = seen.header.index(column)
    return [row[at] for row in seen.rows if len(row) > at]


def _review(channel: Channel, plan: Plan, header: list[str], row: list[str]) -> Review:
    cells = dict(zip(header, row, strict=False))
    fields = {name: cells.get(column, "") for name, column in plan.columns.items()}
    zone = ZoneInfo(channel.workspace.time_zone)
    return review_of(fields, zone=zone, formats=plan.formats, most=plan.most, now=timezone.now())


@transaction.atomic
def begin(*, channel: Channel, key: str, name: str, columns: Mapping[str, str], by: Actor) -> None:
    """Have the file read in the background. Raises Refused."""
    require_role(channel.workspace, by, Role.ANALYST)
    channel = Channel.objects.select_for_update().select_related("workspace").get(pk=channel.pk)
    if channel.state.get(STATE, {}).get("state") == "running":
        raise Refused(_("A file is being read already. Wait until it is done."))
    preview = look(channel, key, name, columns)
    if not {"rating", "text"} & set(preview.plan.columns):
        raise Refused(_("Say which column holds the rating or the text."))
    channel.state[STATE] = {
        "key": key, "name": name[:200], "columns": dict(preview.plan.columns), "state": "running",
        "import_id": str(uuid.uuid4()), "rows": 0, "new": 0, "refused": 0, "problems": [],
        "most": preview.plan.most, "formats": list(preview.plan.formats), "began_at": timezone.now().isoformat(),
    }  # fmt: skip
    channel.save(update_fields=["state"])
    audit("imported", channel, workspace=channel.workspace, by=by, changes={"file": [None, name[:200]]})


def is_silent(channel: Channel) -> bool:
    """Whether a file that is being read has not been heard of for too long: its process is gone."""
    own = channel.state.get(STATE, {})
    try:
        last = datetime.fromisoformat(own.get("noted_at") or own["began_at"])
    except (KeyError, ValueError):
        return True
    return timezone.now() - last > SILENT


def run(channel_id: int) -> int:
    """Read the file that was begun, from its start: what is there already stays. Returns how many reviews are new."""
    channel = Channel.objects.select_related("workspace").filter(pk=channel_id, kind="reviews").first()
    if channel is None or channel.state.get(STATE, {}).get("state") != "running":
        return 0
    own: dict[str, Any] = dict(channel.state[STATE])
    counted: dict[str, Any] = {"rows": 0, "new": int(own.get("new", 0)), "refused": 0, "problems": []}
    plan = Plan(own["columns"], float(own["most"]), tuple(own["formats"]))
    path = place_of(channel, own["key"])
    try:
        with _understood():
            seen = files.look(path, own["name"])
            form: Format = msgspec.structs.replace(seen.format)
            for part in files.records(path, own["name"], form, seen.header, PART):
                _take_part(channel, plan, seen.header, part.rows, part.first, counted, uuid.UUID(own["import_id"]))
                _note(channel, counted)
                if counted["rows"] >= MOST_ROWS:
                    raise Refused(_("At most %(most)d rows are read. Split the file.") % {"most": MOST_ROWS})
    except Refused as problem:
        _note(channel, {**counted, "state": "stopped", "problem": str(problem)})
    else:
        _note(channel, {**counted, "state": "done", "done_at": timezone.now().isoformat()})
    _remember(channel)
    path.unlink(missing_ok=True)
    return int(counted["new"])


def _take_part(
    channel: Channel, plan: Plan, header: list[str], rows: list[list[str]], first: int, counted: dict[str, Any],
    import_id: uuid.UUID,
) -> None:  # fmt: skip
    messages: list[Message] = []
    for number, row in enumerate(rows, first):
        if not any(row):
            continue
        counted["rows"] += 1
        try:
            review = _review(channel, plan, header, row)
            message, is_new = take(channel=channel, review=review, is_told=False, import_id=str(import_id))
        except (Unusable, Refused) as problem:
            counted["refused"] += 1
            if len(counted["problems"]) < MOST_REFUSED:
                counted["problems"].append([number, str(problem)])
            continue
        counted["new"] += is_new
        messages.append(message)
    pks = [one.pk for one in messages]
    # What came by the API before has told of itself already.
    told = Message.objects.select_related("conversation").filter(pk__in=pks, properties__history=True)
    tell_as_history(channel, list(told), import_id)


@transaction.atomic
def _note(channel: Channel, counted: Mapping[str, Any]) -> None:
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    row.state[STATE] = {**row.state.get(STATE, {}), **counted, "noted_at": timezone.now().isoformat()}
    row.save(update_fields=["state"])


# Taking a file back


@transaction.atomic
def _remember(channel: Channel) -> None:
    """Keep that the file was read among those that can be taken back."""
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    own = row.state[STATE]
    if own.get("new"):
        entry = {"id": own["import_id"], "name": own["name"], "new": own["new"], "at": own.get("began_at", "")}
        known = [one for one in row.state.get(FILES, []) if one["id"] != entry["id"]]
        row.state[FILES] = [entry, *known][:MOST_FILES]
        row.save(update_fields=["state"])


def files_of(channel: Channel) -> list[dict[str, Any]]:
    """The files whose reviews are here, the newest first: id, name, new (reviews), at."""
    return [{**one, "at": datetime.fromisoformat(one["at"])} for one in channel.state.get(FILES, [])]


@transaction.atomic
def undo(*, channel: Channel, import_id: str, by: Actor) -> None:
    """Let a job take back all reviews that a file brought. The caller enqueues `jobs.undo_reviews`. Raises Refused."""
    require_role(channel.workspace, by, Role.ANALYST)
    channel = Channel.objects.select_for_update().select_related("workspace").get(pk=channel.pk)
    file = next((one for one in channel.state.get(FILES, []) if one["id"] == import_id), None)
    if file is None:
        raise Refused(_("This file has been taken back already."))
    if channel.state.get(STATE, {}).get("state") == "running" or channel.state.get(UNDOING):
        raise Refused(_("A file is being read already. Wait until it is done."))
    channel.state[UNDOING] = import_id
    channel.save(update_fields=["state"])
    audit("undone", channel, workspace=channel.workspace, by=by, changes={"file": [file["name"], None]})


def run_undo(channel_id: int) -> int:
    """Take back what a file brought, as far as nobody has gone on with it; returns how many. Safe to repeat.

    A review in whose conversation somebody wrote more stays as a message: only its fact goes. Customers stay.
    """
    channel = Channel.objects.filter(pk=channel_id, kind="reviews").first()
    import_id = channel.state.get(UNDOING) if channel else None
    if channel is None or not import_id:
        return 0
    forget_import(channel.workspace_id, uuid.UUID(import_id))
    gone = 0
    rows = Message.objects.filter(conversation__channel=channel, properties__import=import_id)
    said = Message.objects.filter(conversation=OuterRef("conversation")).exclude(pk__in=rows.values("pk"))
    own = rows.filter(~Exists(said.exclude(external_id__startswith="answer:")))
    while batch := list(own.values_list("conversation", flat=True)[:PART]):
        gone += len(batch)
        Conversation.objects.filter(pk__in=batch).delete()
    with transaction.atomic():
        row = Channel.objects.select_for_update().get(pk=channel.pk)
        row.state[FILES] = [one for one in row.state.get(FILES, []) if one["id"] != import_id]
        row.state.pop(UNDOING, None)
        row.save(update_fields=["state"])
    return gone
