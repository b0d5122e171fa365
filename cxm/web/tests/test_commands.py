"""Commands for the people who run the installation."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cxm.__main__ import main
from cxm.accounts.models import Membership, User
from cxm.testing.cast import answer, event, given_events, make_customer, make_workspace
from cxm.web.exports import CUSTOMER_COLUMNS

pytestmark = pytest.mark.django_db


def said(name: str, *arguments: str, **options: object) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, **options)
    return out.getvalue()


def test_a_user_is_made_with_a_password_that_is_shown_once() -> None:
    workspace = make_workspace()
    text = said("createuser", "Ada@Example.com", "--name", "Ada", "--workspace", workspace.slug, "--role", "analyst")
    user = User.objects.get(email="ada@example.com")
    assert user.check_password(text.rpartition(": ")[2].strip())
    assert Membership.objects.get(user=user).role == "analyst"


def test_a_user_that_cannot_be_made_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    with pytest.raises(CommandError, match=f"There is no workspace none. There are: {workspace.slug}"):
        said("createuser", "ada@example.com", "--workspace", "none")
    with pytest.raises(CommandError, match="valid email"):
        said("createuser", "ada")
    with pytest.raises(CommandError, match="There is an account with this e-mail already"):
        said("createuser", "OLENA@example.com")
    monkeypatch.setattr("sys.stdin", io.StringIO("12345\n"))
    with pytest.raises(CommandError, match="too short"):
        said("createuser", "ada@example.com", "--password-stdin")
    assert User.objects.count() == 1


def test_customers_and_answers_are_exported_safely_and_only_of_one_workspace(tmp_path: Path) -> None:
    workspace = make_workspace()
    other = make_workspace("Other", owner=workspace.memberships.get().user)
    make_customer(other, "Stranger")
    ada = make_customer(workspace, "=HYPERLINK(1)", traits={"plan": "gold"})
    given_events(
        [
            answer(workspace, 9, customer_id=ada.pk, comment="+1", properties={"area": "Ł"}),
            answer(other, 1),
        ]
    )
    table = tmp_path / "customers.csv"
    assert "holds 1 rows" in said("export", str(table), "--workspace", workspace.slug, "--what", "customers")
    assert f"{ada.pk},•••," in table.read_text("utf-8-sig")
    said("export", str(table), "--workspace", workspace.slug, "--what", "customers", "--personal")
    heading, row = table.read_text("utf-8-sig").splitlines()
    assert heading == ",".join(CUSTOMER_COLUMNS)
    assert row.startswith(f"{ada.pk},'=HYPERLINK(1),")  # an apostrophe keeps the spreadsheet from running it
    lines = tmp_path / "answers.jsonl"
    said("export", str(lines), "--workspace", workspace.slug, "--what", "answers")
    (only,) = [json.loads(line) for line in lines.read_text().splitlines()]
    assert (only["score"], only["comment"], only["properties"]) == (9, "+1", {"area": "Ł"})
    assert only["occurred_at"] == "2026-03-01T12:00:00.000Z"
    told = event(
        workspace, "customer_identified", "2026-03-02", customer_id=ada.pk, traits={"firstName": "Zoë", "plan": "gold"},
        products=[{"name": "Kettle"}],
    )  # fmt: skip
    given_events([told])
    said("export", str(lines), "--workspace", workspace.slug, "--what", "events")
    shown = [json.loads(line)["properties"] for line in lines.read_text().splitlines()]
    assert {"traits": {"firstName": "•••", "plan": "gold"}, "products": [{"name": "Kettle"}]} in shown
    events = tmp_path / "events.csv"
    assert "holds 2 rows" in said("export", str(events), "--workspace", workspace.slug, "--what", "events")
    assert ",answer_given," in events.read_text()  # what happened is no name of a person
    with pytest.raises(CommandError, match="is a directory"):
        said("export", str(tmp_path), "--workspace", workspace.slug, "--what", "events")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "customers.csv", "events.csv"]


def test_doctor_names_what_is_not_well(settings: object) -> None:
    settings.BASE_URL, settings.SECURE = "http://cxm.example.com", False  # type: ignore[attr-defined]  # pytest-django
    out = io.StringIO()
    with pytest.raises(CommandError, match="There are problems"):
        call_command("doctor", stdout=out)
    text = out.getvalue()
    assert "HTTPS: http://cxm.example.com sends passwords in clear" in text
    assert "warning  Mail" in text
    assert "ok       Database" in text
    assert "ok       Event log: ClickHouse" in text


def test_several_processes_need_servers() -> None:
    from django.conf import settings

    if settings.DATABASE_URL and settings.EVENTLOG_URL:
        return
    with pytest.raises(CommandError, match="CXM_DATABASE_URL"):
        said("work")


def test_linear_algebra_takes_one_thread_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["cxm", "version"])
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    main()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    main()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
