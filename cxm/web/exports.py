"""Customers, events and answers of a workspace as a file, streamed."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib import csv
from cxm.lib.personal import MASK, mask_all
from cxm.record.customers.models import Customer
from cxm.record.eventlog import transfer

from . import jobs
from .data_directory import exchange, exchange_folder
from .errands import ask_server, new_folder, server_holds_log

WHAT = ("customers", "events", "answers")
WHO = frozenset(("name", "email", "phone"))  # of customers
TIMES = frozenset(("occurred_at", "received_at", "sent_at", "created_at", "updated_at"))
CUSTOMER_COLUMNS = ("id", "name", "email", "phone", "language", "traits", "created_at", "updated_at")


def export(workspace: Workspace, what: str, form: str, target: Path, progress: jobs.Progress, *, personal: bool = False
) -> int:  # fmt: skip
    """Write the rows to `target` as csv or jsonl, which appears complete or not at all; returns how many.

    Unless `personal`, names and addresses of customers and personal data in texts are masked.
    """
    part = target.with_name(target.name + ".part")
    folder = new_folder()
    counted = 0

    def counting(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal counted
        for row in rows:
            counted += 1
            yield row if personal else _masked(row, WHO if what == "customers" else frozenset())

    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file, exchange(folder):
            rows = counting(_rows(workspace, what, folder, progress))
            columns = CUSTOMER_COLUMNS if what == "customers" else transfer.export_columns(what)
            for piece in _json_lines(rows) if form == "jsonl" else csv.stream(_cells(columns, rows)):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return counted


def _masked(row: dict[str, Any], whole: frozenset[str]) -> dict[str, Any]:
    """Without personal data; what is in the columns `whole` is personal as it stands."""
    return {
        name: MASK if value and name in whole
        else value if name in TIMES or _is_ours(name)
        else mask_all(value, under=name, keep=_is_ours)
        for name, value in row.items()
    }  # fmt: skip


def _is_ours(name: str) -> bool:
    """Ids that join the rows of several files are no texts of people; those that a sender gave may be an address."""
    return name == "id" or (name.endswith("_id") and name not in ("user_id", "anonymous_id"))


def _rows(workspace: Workspace, what: str, folder: str, progress: jobs.Progress) -> Iterator[dict[str, Any]]:
    if what == "customers":
        found = Customer.objects.filter(workspace=workspace).order_by("pk")
        total = found.count()
        for number, values in enumerate(found.values_list(*CUSTOMER_COLUMNS).iterator(chunk_size=2000)):
            if number % 1000 == 0:
                progress(number, total)
            yield dict(zip(CUSTOMER_COLUMNS, values, strict=True))
        return
    path = exchange_folder(folder) / "rows.jsonl.gz"

    def reading(done: float, total: float) -> None:
        progress(done, 2 * total)  # writing is the other half

    if server_holds_log():
        count = ask_server(jobs.export_rows, folder, what, workspace.pk, progress=reading)
    else:
        total = jobs.export_total(what, workspace.pk)
        count = jobs.write_lines(transfer.export(what, workspace.pk), path, total, reading)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with gzip.open(path, "rb") as lines:
        for number, line in enumerate(lines):
            if number % 1000 == 0:
                progress(count + number, 2 * count)
            row = decode(line)
            row["properties"] = decode(row["properties"].encode())
            yield row


def _json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for row in rows:
        yield encode(row) + b"\n"


def _cells(columns: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> Iterator[list[object]]:
    yield [*columns]
    for row in rows:
        yield [
            json.dumps(row[name], ensure_ascii=False) if isinstance(row[name], dict | list) else row[name]
            for name in columns
        ]


def check_target(target: Path) -> str:
    """A reason why `target` cannot be written, or empty text."""
    if target.is_dir():
        return _("%(path)s is a directory; name a file in it.") % {"path": target}
    return ""
