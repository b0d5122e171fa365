"""Exports of responses: every form, read back by what others read it with; hostile texts; who may fetch them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyreadstat
import pytest

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Response, Survey
from cxm.steer.dashboards.address import View
from cxm.steer.dashboards.models import ResultsExport
from cxm.steer.dashboards.surveys import exporting
from cxm.testing.answered import answered, make_survey
from cxm.testing.cast import make_user, make_workspace

from .given import client_of, owner_of
from .given_surveys import EVERY_KIND, FULL, NPS, PLAN, USES, WHY

pytestmark = pytest.mark.django_db
HOSTILE = '=HYPERLINK("http://evil","x")'


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def exported(survey: Survey, form: str, language: str = "en", codes: bool = False, personal: bool = False) -> Path:
    made = exporting.ask_for(
        survey=survey, form=form, language=language, codes=codes, personal=personal, view=View(period="all"),
        by=owner_of(survey.workspace),
    )  # fmt: skip
    exporting.run(made.pk)
    made.refresh_from_db()
    assert made.state == ResultsExport.State.DONE and made.size > 0
    return exporting.file_of(made)


def small(workspace: Workspace) -> Survey:
    survey = make_survey(workspace, NPS, WHY, PLAN, USES, languages=("en", "uk"))
    answered(survey, {"nps": 9, "why": HOSTILE, "plan": "paid", "uses": ["mail", "else"], "uses.other": "-2+3"})
    answered(survey, {"nps": 2, "why": "Їжа <b>", "plan": "free"}, "2026-03-02 12:00", channel="email")
    answered(survey, {"nps": 0}, "2026-03-03 12:00", test=True)
    return survey


def test_csv_has_a_row_for_each_response_and_runs_no_formula(workspace: Workspace) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(small(workspace), "csv").read_text("utf-8-sig"))))
    assert len(rows) == 2
    first, second = rows
    assert first["Would you recommend us? [nps]"] == "9" and second["Would you recommend us? [nps]"] == "2"
    assert first["Why? [why]"] == "'" + HOSTILE
    assert first["What do you use?: other [uses.other]"] == "'-2+3"
    assert first["Which plan? [plan]"] == "Paid"
    assert first["What do you use? – Mail [uses.mail]"] == "true"
    assert first["What do you use? – Chat [uses.chat]"] == "false"
    assert second["What do you use? – Mail [uses.mail]"] == ""
    assert second["Channel [channel]"] == "E-mail"


def test_csv_with_codes_keeps_ids(workspace: Workspace) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(small(workspace), "csv", codes=True).read_text("utf-8-sig"))))
    assert [row["plan"] for row in rows] == ["paid", "free"] and rows[1]["channel"] == "email"


def test_xlsx_holds_texts_as_texts(workspace: Workspace) -> None:
    sheet = openpyxl.load_workbook(exported(small(workspace), "xlsx", "uk")).active
    rows: list[Any] = list(sheet.iter_rows())  # type: ignore[union-attr]  # it has a sheet
    heads = [cell.value for cell in rows[0]]
    why = heads.index("Why? [why]")
    assert rows[1][why].value == HOSTILE and rows[1][why].data_type == "s"
    assert rows[1][heads.index("Чи порадите нас? [nps]")].value == 9
    assert rows[1][heads.index("Який тариф? [plan]")].value == "Paid (укр)"


def test_json_holds_answers_and_all_wordings(workspace: Workspace) -> None:
    survey = small(workspace)
    document = json.loads(exported(survey, "json").read_text())
    assert document["survey"]["key"] == "shop"
    assert [one["answers"]["nps"] for one in document["responses"]] == [9, 2]
    assert document["questions"][0]["wordings"]["1"]["title"]["uk"] == "Чи порадите нас?"
    lines = exported(survey, "jsonl").read_text().splitlines()
    assert [json.loads(line)["answers"]["why"] for line in lines] == [HOSTILE, "Їжа <b>"]


def test_spss_has_labels_in_the_chosen_language(workspace: Workspace) -> None:
    frame, meta = pyreadstat.read_sav(str(exported(small(workspace), "sav", "uk")))
    assert list(frame["nps"]) == [9, 2] and list(frame["plan"]) == [2, 1]
    assert meta.column_names_to_labels["nps"] == "Чи порадите нас?"
    assert meta.variable_value_labels["plan"] == {1: "Free (укр)", 2: "Paid (укр)"}
    assert list(frame["why"]) == [HOSTILE, "Їжа <b>"]
    assert frame["uses_mail"][0] == 1 and frame["uses_chat"][0] == 0 and frame["uses_mail"].isna()[1]
    assert meta.variable_measure["nps"] == "ordinal" and meta.variable_measure["plan"] == "nominal"


@pytest.mark.parametrize("form", ResultsExport.Form.values)
def test_every_kind_of_question_goes_into_every_form(workspace: Workspace, form: str) -> None:
    survey = make_survey(workspace, *EVERY_KIND)
    answered(survey, FULL)
    answered(survey, {"why": "x" * 40_000 + "\x0b" + "ї" * 5, "paper": [], "sum": {"p": 1}}, hidden={"ref": "=1"})
    answered(survey, {}, state=Response.State.STARTED)
    assert exported(survey, form).stat().st_size > 500


def test_every_part_of_a_question_is_a_column(workspace: Workspace) -> None:
    survey = make_survey(workspace, *EVERY_KIND)
    answered(survey, FULL)
    frame, _meta = pyreadstat.read_sav(str(exported(survey, "sav", personal=True)))
    row = frame.iloc[0]
    assert (row["agree_price"], row["agree_speed"]) == (3, 1)
    assert (row["rank_x"], row["rank_y"], row["rank_z"]) == (2, 1, 3)
    assert (row["sum_p"], row["sum_q"]) == (60, 40)
    assert (row["max_k_best"], row["max_l_worst"], row["max_m_best"]) == (2, 1, 0)
    assert (row["again"], row["thumb"], row["ok"]) == (1, 0, 1)
    masked, _meta = pyreadstat.read_sav(str(exported(survey, "sav")))
    assert masked.iloc[0]["who_name"] == "•••", "what was asked as contact data is masked whole"
    assert row["who_name"] == "Ada" and row["paper"] == "bill.pdf" and row["uses_other"] == "fax"


def test_files_are_fetched_by_members_only_and_removed_after_a_week(workspace: Workspace) -> None:
    survey = small(workspace)
    owner = client_of(owner_of(workspace))
    base = f"/w/{workspace.slug}/surveys/{survey.pk}/results/export/"
    owner.post(f"{base}?period=all", {"form": "csv", "language": "uk"})
    made = ResultsExport.objects.get()
    assert made.state == "waiting" and "Waiting" in owner.get(base).content.decode()
    assert owner.get(f"{base}{made.pk}/").status_code == 404
    exporting.run(made.pk)
    fetched = owner.get(f"{base}{made.pk}/")
    assert fetched.status_code == 200 and "shop-" in fetched["Content-Disposition"]
    assert "Чи порадите нас?" in b"".join(fetched.streaming_content).decode()  # type: ignore[attr-defined]  # a file
    assert client_of(make_user("eve@example.com")).get(f"{base}{made.pk}/").status_code == 404
    owner.post(f"{base}?period=all", {"form": "exe", "language": "uk"})
    assert ResultsExport.objects.count() == 1
    file = exporting.file_of(made)
    exporting.remove_old()
    assert file.exists()
    ResultsExport.objects.update(created_at=made.created_at - exporting.KEPT - exporting.KEPT)
    exporting.remove_old()
    assert not file.exists() and ResultsExport.objects.count() == 0
