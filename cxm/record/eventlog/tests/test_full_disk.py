"""The in-process engine on a disk without room: nothing is done that is not on disk, and what broke comes back.

tests/test_chaos.py does the same on a disk that is really full; here its marks are made by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cxm.record.eventlog import disk as disks
from cxm.record.eventlog.disk import KEPT, LEAST, Disk
from cxm.record.eventlog.engine import EventlogError, engine
from cxm.testing.cast import answer, given_events, make_workspace

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def disk() -> Iterator[Disk]:
    """The tests look at it themselves."""
    found = engine().disk
    assert found is not None
    found.stop()
    yield found
    found.watch(engine())


def stored(workspace_id: int) -> int:
    with engine().client() as client:
        asked = {"id": workspace_id}
        rows = client.query("SELECT count() FROM events WHERE workspace_id = {id:UInt32}", parameters=asked).result_rows
    return int(rows[0][0])


def test_nothing_is_written_without_room_and_everything_is_read(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    given_events([answer(workspace, 9, "2026-03-01 10:00")])
    monkeypatch.setattr(Disk, "free", lambda _disk: LEAST - 1)
    with pytest.raises(EventlogError, match="No space left on device") as refused:
        given_events([answer(workspace, 8, "2026-03-01 11:00")])
    assert refused.value.retry
    assert stored(workspace.pk) == 1
    monkeypatch.undo()
    given_events([answer(workspace, 8, "2026-03-01 11:00")])
    assert stored(workspace.pk) == 2


def test_a_write_that_fails_without_a_word_is_not_done(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    room = iter([LEAST, 0])  # there was enough before it, and none behind it
    monkeypatch.setattr(Disk, "free", lambda _disk: next(room))
    monkeypatch.setattr(disks, "failed_writes", lambda _client: disk._counted + 1)
    with pytest.raises(EventlogError, match="not all of it was written") as refused:
        given_events([answer(workspace, 9, "2026-03-01 10:00")])
    assert refused.value.retry


def test_what_a_broken_part_was_made_of_comes_back(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a merge wrote on a full disk: its parts are there still, and after loading the table they count again."""
    workspace = make_workspace()
    for hour in range(5):
        given_events([answer(workspace, 9, f"2026-03-01 1{hour}:00")])
    with engine().client() as client:
        client.command("OPTIMIZE TABLE events FINAL")
        merged = client.query(
            "SELECT name, path FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'"
            " AND level > 0 AND name IN (SELECT _part FROM events WHERE workspace_id = {id:UInt32})",
            parameters={"id": workspace.pk},
        ).result_rows
    assert merged and stored(workspace.pk) == 5
    for _name, path in merged:
        for file in Path(path).iterdir():
            if file.is_file():
                file.write_bytes(b"")
    monkeypatch.setattr(disks, "failed_writes", lambda _client: disk._counted + 1)
    disk.look(engine())
    monkeypatch.undo()
    assert stored(workspace.pk) == 5
    put_away = [one.name for one in (Path(merged[0][1]).parent / "detached").iterdir()]
    assert all(any(name in one for one in put_away) for name, _path in merged)
    given_events([answer(workspace, 9, "2026-03-01 15:00")])
    assert stored(workspace.pk) == 6


def test_every_table_keeps_what_was_merged_for_a_while(disk: Disk) -> None:
    with engine().client() as client:
        [(without, with_it)] = client.query(
            f"SELECT countIf(engine_full NOT LIKE '%old_parts_lifetime = {KEPT}%'), count() FROM system.tables"
            " WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        ).result_rows
    assert without == 0 and with_it > 5
