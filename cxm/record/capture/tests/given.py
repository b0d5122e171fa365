"""Builders: a file with these bytes, imported as a job would; a source, and what came from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.utils import timezone

from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.record.capture import actions, running
from cxm.record.capture.models import Import, Source
from cxm.record.capture.reasons import Reason
from cxm.record.capture.source_actions import create_source
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.ids import customer_id_of


def owner_of(workspace: Workspace) -> User:
    return Membership.objects.get(workspace=workspace, role=Role.OWNER).user


def draft(workspace: Workspace, path: Path, name: str = "") -> Import:
    return actions.add_file(workspace=workspace, path=path, name=name or path.name, by=owner_of(workspace), move=False)


def waiting(workspace: Workspace, path: Path, yaml: str, name: str = "") -> Import:
    return actions.start_import(one=draft(workspace, path, name), yaml=yaml, by=owner_of(workspace))


def import_file(workspace: Workspace, path: Path, yaml: str, name: str = "") -> Import:
    done = running.run(waiting(workspace, path, yaml, name).pk)
    assert done is not None
    return done


def make_source(workspace: Workspace, name: str = "Web shop", **more: Any) -> Source:
    source, _clear = create_source(workspace=workspace, name=name, kind=Source.Kind.WEBSITE, by=owner_of(workspace))
    for field, value in more.items():
        setattr(source, field, value)
    source.save()
    return source


def given_captured(
    source: Source, name: str = "Order Completed", properties: Mapping[str, Any] | None = None, *,
    received: datetime | None = None, type: str = "track", user_id: str = "u1", anonymous_id: str = "",  # noqa: A002  # the field's own name
    context: Mapping[str, Any] | None = None, n: int = 1, remark: str = "",
) -> UUID:  # fmt: skip
    """Events in the log as the tracking API leaves them; returns the id of the last one."""
    kind, value = ("user_id", user_id) if user_id else ("anonymous_id", anonymous_id)
    at = (received or timezone.now()).astimezone(UTC)
    ids = [uuid4() for _ in range(n)]
    rows = [
        {
            "workspace_id": source.workspace_id, "event_id": str(one), "name": name,
            "customer_id": str(customer_id_of(source.workspace_id, kind, value)), "occurred_at": at, "received_at": at,
            "source": "capture", "source_id": source.pk, "type": type, "user_id": user_id,
            "anonymous_id": anonymous_id, "sent_at": at, "remark": remark,
            "properties": json.dumps(properties or {}, ensure_ascii=False),
            "context": json.dumps(context, ensure_ascii=False) if context else "",
        }
        for one in ids
    ]  # fmt: skip
    put_rows("events", rows)
    return ids[-1]


def given_refused(
    source: Source, reason: Reason, *, name: str = "", detail: str = "", body: str = "", n: int = 1,
    received: datetime | None = None,
) -> None:  # fmt: skip
    """A note of the tracking API on what it did not store."""
    at = (received or timezone.now()).astimezone(UTC)
    row = {
        "workspace_id": source.workspace_id, "source_id": source.pk, "received_at": at, "reason": reason.value,
        "name": name, "detail": detail, "body": body, "n": n,
    }  # fmt: skip
    put_rows("rejections", [row])


def put_rows(table: str, rows: list[dict[str, Any]]) -> None:
    with engine().client() as client:
        client.raw_insert(
            table, insert_block=msgspec.json.Encoder().encode_lines(rows), fmt="JSONEachRow",
            settings={"date_time_input_format": "best_effort"},
        )  # fmt: skip
