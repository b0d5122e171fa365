"""Importing: each row once however often its file comes, also through kill -9; undo gives back what was there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404

from cxm.accounts.models import AuditEntry, Role, Workspace
from cxm.record.capture import actions, converting, running, storage
from cxm.record.capture.models import Import, Mapping
from cxm.record.customers.actions import change_profile
from cxm.record.customers.models import Customer, Identity
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import make_member, make_user, make_workspace

from .given import draft, import_file, owner_of, waiting

pytestmark = pytest.mark.django_db
YAML = """
name: Answers
key: [id]
customer: {identities: {number: id, email: mail}, name: who, traits: {plan: plan}}
time: {column: day, format: "%d/%m/%Y"}
time_zone: Europe/Kyiv
missing: [""]
answers: [{question: q, metric: nps, scale: 0-10, score: {column: score, missing: [99]}, comment: said}]
properties: [area]
"""
HEAD = "id,mail,who,plan,day,score,said,area\n"
ROWS = (
    HEAD
    + "1,Ada@example.com,Ada,gold,01/02/2026,9,fine,A\n"
    + "2,,Bob,tin,01/02/2026,99,,B\n"
    + '3,,Cy,tin,02/02/2026,3,"so\\so\tand\nso",B\n'
)


def file(tmp_path: Path, text: str, name: str = "answers.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@dataclass
class Row:
    name: str
    at: str
    customer: str
    properties: str


def stored(workspace: Workspace) -> list[Row]:
    return ask(
        "SELECT name, toString(occurred_at) AS at, toString(customer_id) AS customer, properties FROM events"
        " WHERE $scope ORDER BY name, occurred_at, properties",
        Scope(workspace.pk), row=Row, name="test", table="events",
    ).rows  # fmt: skip


def test_rows_become_customers_and_events(tmp_path: Path) -> None:
    workspace = make_workspace()
    done = import_file(workspace, file(tmp_path, ROWS), YAML)
    assert done.problem == ""
    assert (done.rows_read, done.rows_rejected, done.rows_known) == (3, 0, 0)
    # Three customers said who they are; two gave an answer, because 99 is missing and has no comment.
    assert (done.events_added, done.customers_added) == (5, 3)
    ada = Customer.objects.get(name="Ada")
    assert (ada.email, ada.traits, ada.answers) == ("ada@example.com", {"plan": "gold"}, 1)
    assert set(ada.identities.values_list("kind", "value")) == {("number", "1"), ("email", "ada@example.com")}
    rows = stored(workspace)
    # Midnight in Kyiv is 22:00 UTC of the day before.
    assert rows[0] == Row(
        "answer_given", "2026-01-31 22:00:00.000", str(ada.pk),
        '{"metric":"nps","question":"q","scale":"0-10","score":9,"comment":"fine","properties":{"area":"A"}}',
    )  # fmt: skip
    assert '"comment":"so\\\\so\\tand\\nso"' in rows[1].properties
    assert [row.name for row in rows] == ["answer_given"] * 2 + ["customer_identified"] * 3
    assert AuditEntry.objects.filter(verb="imported", subject_id=str(done.pk)).count() == 1


def test_a_comment_is_kept_as_it_came(tmp_path: Path) -> None:
    rows = [f'{number},,,,01/02/2026,{score},"{said}",A\n' for number, score, said in (
        (1, 9, "  two\r\nlines "), (2, 9, "\r\n"), (3, 9, " "), (4, 9, ""), (5, 9, " n/a "), (6, 99, "\r\n"),
        (7, 99, " oh "),
    )]  # fmt: skip
    path = tmp_path / "answers.csv"
    path.write_bytes((HEAD + "".join(rows)).encode())
    workspace = make_workspace()
    done = import_file(workspace, path, YAML.replace('missing: [""]', 'missing: ["", n/a]'))
    assert (done.rows_read, done.rows_rejected) == (7, 0)
    said = ask(
        "SELECT comment AS name, toString(score) AS at, '' AS customer, '' AS properties FROM feedback WHERE $scope"
        " ORDER BY comment, score", Scope(workspace.pk), row=Row, name="test", table="feedback",
    ).rows  # fmt: skip
    # Row 6 has no score and says nothing: it gives no answer. Row 7 has words.
    assert sorted(row.name for row in said) == ["", "", "\r\n", " ", "  two\r\nlines ", " oh "]
    again = import_file(workspace, path, YAML.replace('missing: [""]', 'missing: ["", n/a]'))
    assert (again.rows_known, again.events_added) == (6, 0)


def test_the_same_file_again_adds_nothing(tmp_path: Path) -> None:
    workspace = make_workspace()
    import_file(workspace, file(tmp_path, ROWS), YAML)
    again = import_file(workspace, file(tmp_path, ROWS, "other name.csv"), YAML)
    assert (again.state, again.rows_known, again.events_added, again.customers_added) == ("done", 3, 0, 0)
    longer = import_file(workspace, file(tmp_path, ROWS + "4,,Di,tin,03/02/2026,7,,A\n"), YAML)
    assert (longer.rows_known, longer.events_added, longer.customers_added) == (3, 2, 1)
    assert len(stored(workspace)) == 7


def test_the_same_data_in_another_workspace_is_other_data(tmp_path: Path) -> None:
    ours = make_workspace()
    theirs = make_workspace("Theirs", owner=owner_of(ours))
    import_file(ours, file(tmp_path, ROWS), YAML)
    assert import_file(theirs, file(tmp_path, ROWS), YAML).events_added == 5
    assert Customer.objects.filter(workspace=theirs).count() == 3


def test_ids_of_events_tell_rows_and_kinds_apart() -> None:
    row, other = bytes(20), b"\x01" + bytes(19)
    first = converting.event_ids(bytes(range(0x10, 0x24)), [row, other])
    # The first 16 bytes of the base, turned over by the row; then version 8 in byte 6 and variant 8–b in byte 8.
    assert first == ["101112131415861798191a1b1c1d1e1f", "111112131415861798191a1b1c1d1e1f"]
    assert uuid.UUID(first[0]).version == 8
    assert converting.event_ids(bytes(range(0x11, 0x25)), [row]) != first[:1]


def test_equal_rows_without_a_key_all_count(tmp_path: Path) -> None:
    yaml = "name: Calls\ntime: day\nevents: [{name: call}]\nproperties: all\n"
    text = "day,who\n" + "2026-01-01,Ada\n" * 3 + "2026-01-02,Ada\n"
    workspace = make_workspace()
    assert import_file(workspace, file(tmp_path, text), yaml).events_added == 4
    again = import_file(workspace, file(tmp_path, text + "2026-01-01,Ada\n"), yaml)
    assert (again.rows_known, again.events_added) == (4, 1)


def test_a_repeated_key_is_rejected(tmp_path: Path) -> None:
    done = import_file(
        make_workspace(), file(tmp_path, ROWS + "1,,Eve,tin,01/02/2026,5,,A\n,,Eve,tin,01/02/2026,5,,A\n"), YAML
    )
    assert (done.rows_rejected, done.events_added) == (2, 5)
    text = storage.rejected_path(done.pk).read_text()
    assert "5,A row before this one has the same key (id).,1" in text
    assert "6,The key (id) is empty.,,,Eve" in text


def test_a_newer_saying_wins_and_undo_gives_the_older_back(tmp_path: Path) -> None:
    workspace = make_workspace()
    first = import_file(workspace, file(tmp_path, ROWS), YAML)
    before = stored(workspace)
    newer = (
        HEAD
        + "11,ada@example.com,Ada L,platinum,05/02/2026,2,,A\n2,,,lead,01/01/2020,,,\n12,,New,tin,05/02/2026,8,,A\n"
    )
    second = import_file(workspace, file(tmp_path, newer), YAML.replace("name: Answers", "name: Later"))
    ada = Customer.objects.get(identities__value="ada@example.com")
    assert (ada.name, ada.traits["plan"]) == ("Ada L", "platinum")
    assert set(ada.identities.values_list("value", flat=True)) == {"1", "11", "ada@example.com"}
    # First the identity that comes first in the mapping decides; "11" was unknown, so the address did.
    bob = Customer.objects.get(name="Bob")
    assert bob.traits["plan"] == "tin"  # what 2020 said is older
    actions.undo_import(one=second, by=owner_of(workspace))
    running.undo(second.pk)
    second.refresh_from_db()
    assert second.state == Import.State.UNDONE
    ada.refresh_from_db()
    assert (ada.name, ada.traits["plan"], ada.answers) == ("Ada", "gold", 1)
    assert set(ada.identities.values_list("value", flat=True)) == {"1", "ada@example.com"}
    assert not Customer.objects.filter(name="New").exists()
    assert stored(workspace) == before
    assert not storage.folder(second.pk).exists()
    # What is undone can come again.
    assert import_file(workspace, file(tmp_path, newer), YAML.replace("name: Answers", "name: Later")).events_added == 5
    actions.undo_import(one=first, by=owner_of(workspace))
    running.undo(first.pk)
    assert Customer.objects.filter(workspace=workspace, name="Cy").count() == 0


def test_undo_leaves_what_a_person_changed_since(tmp_path: Path) -> None:
    workspace = make_workspace()
    import_file(workspace, file(tmp_path, ROWS), YAML)
    newer = HEAD + "1,,Ada L,platinum,05/02/2026,2,,A\n"
    second = import_file(workspace, file(tmp_path, newer), YAML.replace("name: Answers", "name: Later"))
    ada = Customer.objects.get(identities__value="ada@example.com")
    change_profile(customer=ada, by=owner_of(workspace), name="Ada Lovelace")
    actions.undo_import(one=second, by=owner_of(workspace))
    running.undo(second.pk)
    ada.refresh_from_db()
    assert (ada.name, ada.traits["plan"]) == ("Ada Lovelace", "gold")


def test_undoing_the_older_of_two_imports_first(tmp_path: Path) -> None:
    workspace = make_workspace()
    base = HEAD + "1,,Ada,none,01/01/2026,2,,A\n"
    import_file(workspace, file(tmp_path, base), YAML.replace("Answers", "Base"))
    made = [
        import_file(
            workspace, file(tmp_path, base.replace("none", plan).replace("01/01", day)), YAML.replace("Answers", plan)
        )
        for plan, day in (("silver", "02/01"), ("gold", "03/01"))
    ]
    for one, plan in zip(made, ("gold", "none"), strict=True):
        actions.undo_import(one=one, by=owner_of(workspace))
        running.undo(one.pk)
        assert Customer.objects.get().traits["plan"] == plan


def test_only_analysts_import(tmp_path: Path) -> None:
    workspace = make_workspace()
    path = file(tmp_path, ROWS)
    agent, stranger = make_member(workspace, Role.AGENT, "ann@example.com"), make_user("eve@example.com")
    for person, refusal in ((agent, PermissionDenied), (stranger, Http404)):
        with pytest.raises(refusal):
            actions.add_file(workspace=workspace, path=path, name="x.csv", by=person, move=False)
        with pytest.raises(refusal):
            actions.save_mapping(workspace=workspace, yaml=YAML, by=person)
    assert not Import.objects.exists()
    assert not Mapping.objects.exists()


def test_mappings_are_saved_in_versions(tmp_path: Path) -> None:
    workspace = make_workspace()
    by = owner_of(workspace)
    assert [
        actions.save_mapping(workspace=workspace, yaml=text, by=by).version for text in (YAML, YAML, YAML + "\n")
    ] == [1, 1, 2]


def test_a_started_import_cannot_be_started_again(tmp_path: Path) -> None:
    one = waiting(make_workspace(), file(tmp_path, ROWS), YAML)
    with pytest.raises(actions.Refused):
        actions.start_import(one=one, yaml=YAML, by=one.created_by)
    with pytest.raises(actions.Refused):
        actions.undo_import(one=one, by=one.created_by)
    with pytest.raises(actions.Refused):
        actions.discard_import(one=one, by=one.created_by)


def test_a_file_that_was_not_started_can_be_removed(tmp_path: Path, django_capture_on_commit_callbacks: object) -> None:
    one = draft(make_workspace(), file(tmp_path, ROWS))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # a fixture of pytest-django
        actions.discard_import(one=one, by=one.created_by)
    assert not Import.objects.exists()
    assert not storage.folder(one.pk).exists()


KILLED = """
import sys, time, django, uuid
django.setup()
from django.conf import settings
settings.DATABASES["default"].update(NAME=sys.argv[2])
from django.db import connections
connections.settings["default"]["NAME"] = sys.argv[2]
from cxm.record.capture import running
real, calls = running.append_lines, []
def slow(lines):
    real(lines)
    calls.append(1)
    if len(calls) == 3:
        print("now", flush=True)
        time.sleep(60)
running.append_lines = slow
running.PART = 1000
running.run(uuid.UUID(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_completes_with_nothing_doubled_or_lost(tmp_path: Path) -> None:
    """The process dies by SIGKILL right after its third part has reached the log and before the progress says so."""
    from cxm.record.capture.intake.app import stop_intake
    from cxm.record.eventlog.engine import close_engine

    workspace = make_workspace()
    rows = "".join(f"{n},,Who {n},tin,01/02/2026,{n % 11},,A\n" for n in range(5000))
    one = waiting(workspace, file(tmp_path, HEAD + rows), YAML)
    stop_intake()  # a test before may have taken events: its thread would open the log again
    close_engine()  # the other process needs the in-process log
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "cxm.settings", "CXM_DATA_DIR": str(settings.DATA_DIR)}
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(one.pk), str(connection.settings_dict["NAME"])],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "now\n"
    assert running.is_alive(Import.objects.get(pk=one.pk))
    assert running.run(one.pk) is None  # it is in other hands
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    one.refresh_from_db()
    assert one.state == Import.State.RUNNING
    assert not running.is_alive(one)
    assert one.rows_read < 3000
    done = running.run(one.pk)
    assert done is not None
    assert (done.state, done.rows_read, done.rows_rejected, done.rows_known) == ("done", 5000, 0, 0)
    assert (done.events_added, done.customers_added) == (10_000, 5000)
    assert running.events_of(workspace.pk, one.pk) == 10_000
    assert Identity.objects.filter(workspace=workspace).count() == 5000


@pytest.mark.django_db(transaction=True)
def test_two_files_at_once(tmp_path: Path) -> None:
    """Two of the same data (which share half of their rows) and one of other data."""
    workspace = make_workspace()
    rows = [f"{n},,Who {n},tin,01/02/2026,{n % 11},,A\n" for n in range(3000)]
    jobs = [
        waiting(workspace, file(tmp_path, HEAD + "".join(rows[:2000]), "a.csv"), YAML),
        waiting(workspace, file(tmp_path, HEAD + "".join(rows[1000:]), "b.csv"), YAML),
        waiting(workspace, file(tmp_path, HEAD + "".join(rows[:100]), "c.csv"), YAML.replace("Answers", "Other")),
    ]

    def work(one: Import) -> None:
        try:
            running.run(one.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(one,)) for one in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [Import.objects.get(pk=one.pk) for one in jobs]
    assert [one.problem for one in done] == ["", "", ""]
    assert sum(one.events_added for one in done[:2]) == 6000
    assert done[2].events_added == 200
    assert Customer.objects.filter(workspace=workspace).count() == 3000


def test_memory_for_repeats_goes_to_disk() -> None:
    from cxm.record.capture.seen import Seen

    seen = Seen(in_memory=100)
    digests = [number.to_bytes(10, "big") for number in range(1000)]
    assert seen.places(digests) == [0] * 1000
    assert seen.places(digests[:3] * 2) == [1, 1, 1, 2, 2, 2]
    assert seen.places([*digests[500:502], b"new" * 3 + b"x"]) == [1, 1, 0]
    seen.close()
