"""Remove events for good: one import, one customer, a whole workspace, or its sample data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from .append import LOOKUP
from .engine import engine
from .rebuild import DERIVED, READ, rebuild_rollup, view_queries
from .steps import drop_cases


def forget_import(workspace_id: int, import_id: UUID) -> None:
    """Remove all that an import brought. Safe to repeat after a crash."""
    _delete(
        ("events", *DERIVED, *READ, "feedback_rollup"),
        "workspace_id = {workspace:UInt32} AND import_id = {import_id:UUID}",
        {"workspace": workspace_id, "import_id": str(import_id)},
    )


def forget_customer(workspace_id: int, customer_ids: list[UUID]) -> None:
    """Remove all that is known of these customers, and count the roll-up anew. Safe to repeat after a crash."""
    _delete(
        ("events", *DERIVED, *READ, "customers"),
        "workspace_id = {workspace:UInt32} AND customer_id IN {ids:Array(UUID)}",
        {"workspace": workspace_id, "ids": [str(one) for one in customer_ids]},
    )
    rebuild_rollup(workspace_id)


def forget_events(workspace_id: int, event_ids: Sequence[UUID]) -> None:
    """Remove single events and what was derived of them. They may be appended again. Safe to repeat after a crash."""
    opened = engine()
    which = "workspace_id = {workspace:UInt32} AND event_id IN {ids:Array(UUID)}"
    rollup = view_queries()["feedback_rollup"].replace("@feedback", opened.local("feedback"))
    quarters = "workspace_id = {workspace:UInt32} AND bucket IN {quarters:Array(DateTime64(3, 'UTC'))}"
    for start in range(0, len(event_ids), LOOKUP):
        asked: dict[str, Any] = {
            "workspace": workspace_id, "ids": [str(one) for one in event_ids[start : start + LOOKUP]]
        }  # fmt: skip
        with opened.nobody_writes():
            for node in opened.addresses:
                with opened.client(node) as client:
                    # Scores are counted per quarter of an hour: those that lose one are counted anew. They are taken
                    # from the events, which go last, so that a repetition after a crash finds the same ones.
                    found = client.query(
                        "SELECT DISTINCT toDateTime64(toStartOfFifteenMinutes(occurred_at), 3, 'UTC') AS quarter"
                        f" FROM {opened.local('events')} WHERE {which}",
                        parameters=asked,
                    ).result_rows
                    asked["quarters"] = [row[0] for row in found]
                    drop_cases(opened, client, which, asked)
                    for table in (*DERIVED, *READ):
                        client.command(f"DELETE FROM {opened.local(table)} WHERE {which}", parameters=asked)
                    if found:
                        client.command(
                            f"DELETE FROM {opened.local('feedback_rollup')} WHERE {quarters}", parameters=asked
                        )
                        client.command(
                            f"INSERT INTO {opened.local('feedback_rollup')} "
                            + rollup.replace("WHERE ", f"WHERE {quarters} AND "),
                            parameters=asked,
                        )
                    client.command(f"DELETE FROM {opened.local('events')} WHERE {which}", parameters=asked)


def forget_rejections(workspace_id: int, texts: list[str]) -> None:
    """Remove the notes on refused events that hold one of these texts, quoted where it is short."""
    _delete(
        ("rejections",),
        "workspace_id = {workspace:UInt32} AND arrayExists(text -> position(body, text) > 0, {texts:Array(String)})",
        {"workspace": workspace_id, "texts": [one if len(one) > 3 else f'"{one}"' for one in texts]},
    )


def forget_workspace(workspace_id: int) -> None:
    """Remove everything of a workspace. Safe to repeat after a crash."""
    _delete(
        ("events", *DERIVED, *READ, "steps", "stale_cases", "feedback_rollup", "customers", "rejections"),
        "workspace_id = {workspace:UInt32}",
        {"workspace": workspace_id},
    )


def _delete(tables: tuple[str, ...], where: str, parameters: dict[str, Any]) -> None:
    opened = engine()
    with opened.nobody_writes():
        for node in opened.addresses:
            with opened.client(node) as client:
                if "step_events" in tables and "steps" not in tables:
                    drop_cases(opened, client, where, parameters)
                for table in tables:
                    client.command(f"DELETE FROM {opened.local(table)} WHERE {where}", parameters=parameters)
