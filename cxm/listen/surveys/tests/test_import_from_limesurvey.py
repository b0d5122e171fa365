"""A survey that LimeSurvey exported (LSS) is imported; what was not taken over is named, hostile files are refused."""

from __future__ import annotations

from random import Random

import pytest

from cxm.lib.conditions import Condition
from cxm.listen.surveys import actions
from cxm.listen.surveys.checking import Taken, check
from cxm.listen.surveys.definition import Choice, Definition, Formula, Question, Rule, Scale
from cxm.listen.surveys.importing import ImportRefused, import_survey, read_file
from cxm.listen.surveys.interchange import ImportRefused as Refused
from cxm.listen.surveys.interchange import Note, read_lss
from cxm.listen.surveys.interchange.lss_base import COLUMNS
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.runtime import Facts, Prepared
from cxm.listen.surveys.runtime.walk import Walk
from cxm.testing.cast import make_workspace

from .lss_sample import answer, asked, document, older, sample, subquestion
from .test_import_hostile_surveys import JUNK, runs


@pytest.fixture(scope="module")
def read() -> tuple[Definition, list[Note]]:
    made = read_lss(document(sample()))
    return made.definition, made.notes


@pytest.fixture(scope="module")
def found(read: tuple[Definition, list[Note]]) -> dict[str, Question]:
    return {one.id: one for one in read[0].questions()}


def chosen(question: str, choice: str | bool) -> Condition:
    return Condition(field=f"answer.{question}", values=(choice,))


def test_groups_are_pages_and_types_are_kinds(read: tuple[Definition, list[Note]], found: dict[str, Question]) -> None:
    first, second = read[0].pages
    assert (first.title, second.title) == ({"en": "Start", "de": "Anfang"}, {"en": "About the web"})
    assert first.sections[0].text == {"en": "First a few facts."}
    assert {id_: one.kind for id_, one in found.items()} == {
        "Web": "yes_no", "channel": "single", "liked": "multiple", "stars": "rating", "why": "long_text",
        "items": "matrix", "dual_0": "matrix", "dual_1": "matrix", "sums": "constant_sum", "heights_x": "slider",
        "heights_y": "slider", "age": "number", "details": "contact", "ranks": "ranking", "note": "statement",
        "when": "date", "proof": "file", "only_young": "short_text", "reason": "single", "reason_comment": "long_text",
        "agree": "matrix", "country": "dropdown",
    }  # fmt: skip
    assert [one.id for one in second.sections[0].questions] == ["reason", "reason_comment", "agree", "country"]


def test_texts_choices_and_attributes_are_taken_over(found: dict[str, Question]) -> None:
    assert found["Web"].title == {"en": "Did you buy on the web?", "de": "Haben Sie im Netz gekauft?"}
    assert (found["Web"].required, found["liked"].required) == (True, False)  # S only asks once more
    assert found["channel"].choices == [
        Choice("A1", {"en": "Shop"}, score=5), Choice("A2", {"en": "Phone"}),
        Choice("other", {"en": "Somewhere else"}, other=True, fixed=True),
    ]  # fmt: skip
    assert found["channel"].order == "random"
    assert [(one.id, one.exclusive) for one in found["liked"].choices] == [
        ("SQ1", False),
        ("SQ2", False),
        ("SQ3", True),
    ]
    assert found["liked"].at_most == 2
    assert found["why"].at_most == 200
    assert found["why"].title == {"en": "Why {answer.stars}, …?"}
    assert found["stars"].scale == Scale(1, 5)
    assert [one.label["en"] for one in found["dual_1"].choices] == ["Light", "Heavy"]
    assert [found[one].title["en"].rpartition(" – ")[2] for one in ("dual_0", "dual_1")] == ["Quality", "Weight"]
    assert (found["dual_0"].beside, found["dual_1"].beside) == (False, True)
    assert found["sums"].total == 100
    assert found["heights_y"].scale == Scale(10, 20, 1, "slider")
    assert found["heights_y"].title == {"en": "Set these – Y"}
    assert found["age"].at_least == 16
    assert found["age"].checks[0].must == Condition(field="value", operator="matches", values=("^[0-9]+$",))
    assert found["when"].checks[0].must == Condition(field="value", operator="at_least", values=("2026-01-01",))
    assert (found["proof"].at_most, found["proof"].largest_mb, found["proof"].accept) == (3, 2, [".png", ".pdf"])
    assert [one.id for one in found["agree"].choices] == ["1", "2", "3", "4", "5"]
    assert found["note"].title == {"en": "Nearly done."}


def test_relevance_is_taken_over(read: tuple[Definition, list[Note]], found: dict[str, Question]) -> None:
    definition = read[0]
    low = Condition(field="answer.stars", operator="at_most", values=(2.0,))
    assert found["why"].show == Condition(any=(low, chosen("liked", "SQ3")))
    assert found["dual_0"].show == found["dual_1"].show == chosen("items.SQ1", "A2")
    assert definition.pages[1].show == chosen("Web", True)
    assert [one.show for one in found["items"].rows] == [chosen("liked", "SQ1"), chosen("liked", "SQ2")]  # those liked
    young = Condition(field="answer.age", operator="less_than", values=(30.0,))
    assert definition.rules == [
        Rule("compute_young_1", "compute", None, target="young", formula=Formula("value", [0.0])),
        Rule("compute_young_2", "compute", young, target="young", formula=Formula("value", [1.0])),
    ]
    assert found["only_young"].show == Condition(field="variable.young", values=(1.0,))


def test_settings_and_quotas_are_taken_over(read: tuple[Definition, list[Note]]) -> None:
    definition = read[0]
    assert (definition.title, definition.intro) == ({"en": "Purchase", "de": "Einkauf"}, {"en": "Hello!"})
    assert (definition.languages, definition.back, definition.look.progress) == (["en", "de"], False, True)
    last, full = definition.endings
    assert (last.text, last.link, last.redirect) == ({"en": "Thanks.", "de": "Danke."}, "https://example.com/", True)
    [quota] = definition.quotas
    assert (quota.name, quota.limit, quota.when, quota.ending) == ("Web buyers", 50, chosen("Web", True), full.id)
    assert (full.text, full.completes) == ({"en": "We have enough answers."}, False)


def test_it_runs_as_it_ran_there(read: tuple[Definition, list[Note]]) -> None:
    assert [one for one in check(read[0], Taken()) if one.level == "error"] == []

    def shown(**answers: object) -> set[str]:
        walk = Walk(Prepared(read[0]), answers, Facts(), language="en", seed=1)
        return {one for screen in walk.screens for one in screen.questions()}

    assert {"why", "dual_0", "items", "only_young", "reason"} & shown(stars=3, age=30) == set()
    assert shown(stars=2, age=29, Web=True) >= {"why", "only_young", "reason", "country"}
    liked = shown(liked=["SQ1"], items={"SQ1": "A2"})
    assert liked >= {"items", "dual_0", "dual_1"}


def test_what_was_not_taken_over_is_named(read: tuple[Definition, list[Note]]) -> None:
    told = {(one.where, one.what, one.weight) for one in read[1]}
    assert told >= {
        ("table", "array of texts ;", "content"), ("country", "relevance", "logic"), ("why", "piping", "content"),
        ("About the web", "randomization_group", "logic"), ("liked", "mandatory S", "logic"),
        ("only_young", "em_validation_q", "logic"), ("only_young", "cssclass", "look"),
        ("survey", "assessments", "content"), ("survey", "surveyls_email_invite", "content"),
        ("survey", "sid, expires", "look"), ("young", "equation is not shown", "content"),
    }  # fmt: skip
    assert {one[0] for one in told if one[2] == "logic"} == {"country", "About the web", "liked", "only_young"}


def test_files_of_older_versions_say_the_same(read: tuple[Definition, list[Note]]) -> None:
    made = read_lss(document(older()))
    assert made.definition == read[0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("1", "7X10X4", "==", "3")], chosen("stars", "3")),
        ([("1", "7X10X3", "==", "SQ2")], chosen("liked", "SQ2")),  # a choice of a multiple question, by its code
        ([("1", "+7X10X3SQ2", "==", "Y")], chosen("liked", "SQ2")),
        ([("1", "7X10X2", "==", "A1"), ("1", "7X10X2", "==", "A2")],
         Condition(any=(chosen("channel", "A1"), chosen("channel", "A2")))),
        ([("1", "7X10X2", "==", "A1"), ("1", "7X10X1", "==", "Y")],
         Condition(all=(chosen("channel", "A1"), chosen("Web", True)))),
        ([("1", "7X10X2", "==", "A1"), ("2", "7X10X1", "==", "N")],
         Condition(any=(chosen("channel", "A1"), chosen("Web", False)))),
        ([("1", "7X10X2", "RX", "A.*")], None),
    ],
)  # fmt: skip
def test_conditions_of_older_versions_are_taken_over(
    rows: list[tuple[str, str, str, str]], expected: Condition | None
) -> None:
    conditions = [
        {"cid": 1, "qid": 14, "cqid": 2, "scenario": scenario, "cfieldname": name, "method": method, "value": value}
        for scenario, name, method, value in rows
    ]
    made = read_lss(document(older() | {"conditions": conditions}))
    when = next(one for one in made.definition.questions() if one.id == "when")
    assert when.show == expected
    assert [one.what for one in made.notes if one.where == "when"] == ([] if expected else ["conditions"])


def test_no_property_falls_silently() -> None:
    """A strange column of each question, attribute, setting, text and table is named in the notes."""
    tables = sample()
    for number, row in enumerate(tables["questions"]):
        row[f"strange_column_{number}"] = "x"
        tables["question_attributes"].append({"qid": row["qid"], "attribute": f"strange_{number}", "value": "x"})
    tables["surveys"][0]["strange_setting"] = "x"
    tables["surveys_languagesettings"][0]["strange_text"] = "x"
    tables["strange_table"] = [{"id": 1}]
    tables["questions"].append(asked(99, "Z", "strange_type", ""))
    notes = read_lss(document(tables)).notes
    told = " ".join(f"{one.where} {one.what}" for one in notes)
    dropped = {number for number, row in enumerate(tables["questions"]) if row["title"] in ("table", "strange_type")}
    for number in range(len(tables["questions"]) - 1):
        assert f"strange_column_{number}" in told
        assert f" strange_{number}" in told or number in dropped  # a question that falls is named as a whole
    for name in ("strange_setting", "strange_text", "strange_table", "strange_type question type Z"):
        assert name in told


def test_no_column_of_any_row_falls_silently() -> None:
    """Rows of groups, subquestions, answers, quotas, conditions and parameters; and rows that belong to nothing."""
    for made in (sample(), older()):
        made |= {
            "conditions": [{"cid": 1, "qid": 5, "cfieldname": "7X10X2", "scenario": 1, "method": "==", "value": "A1"}],
            "survey_url_parameters": [{"id": 1, "sid": 7, "parameter": "plan"}],
        }
        rows = [(name, row) for name in COLUMNS for row in made[name]]
        for number, (_name, row) in enumerate(rows):
            row[f"strange_{number}"] = "x"
        told = {one.what for one in read_lss(document(made)).notes}
        assert len(rows) > 70
        assert {f"{name}.strange_{number}" for number, (name, _row) in enumerate(rows)} - told == set()


def test_what_rows_say_that_has_no_place_here_is_named() -> None:
    made = sample()
    made["subquestions"][0] |= {"preg": "/x/", "mandatory": "Y"}
    made["subquestions"].append(subquestion(900, 2, "SQ9", "Of a single choice"))
    made["answers"].append(answer(900, 777, "A1", "Of no question"))
    made["question_attributes"].append({"qid": 31, "attribute": "prefix", "value": "€"})
    made["conditions"] = [{"cid": 1, "qid": 778, "cfieldname": "7X10X2", "method": "==", "value": "A1"}]
    made["quota"][0]["action"] = 2
    made["quota_members"].append({"id": 2, "sid": 7, "qid": 1, "quota_id": 9, "code": "Y"})
    told = {(one.where, one.what) for one in read_lss(document(made)).notes}
    assert told >= {
        ("SQ1", "subquestions.preg"), ("SQ1", "subquestions.mandatory"), ("channel", "subquestions 0"),
        ("777", "answers 0"), ("SQ1", "prefix"), ("778", "conditions"), ("Web buyers", "action"),
        ("9", "quota_members"),
    }  # fmt: skip
    unsaid = {(one.where, one.what) for one in read_lss(document(sample())).notes}
    assert not {what for _where, what in unsaid if "." in what or what in ("action", "answers 0", "subquestions 0")}


def test_where_a_full_quota_sends_people_is_taken_over() -> None:
    made = sample()
    made["quota"][0]["autoload_url"] = 1
    made["quota_languagesettings"][0] |= {"quotals_url": "https://example.com/full", "quotals_urldescrip": "Our shop"}
    [ending] = [one for one in read_lss(document(made)).definition.endings if not one.completes]
    assert (ending.link, ending.link_label, ending.redirect) == ("https://example.com/full", {"en": "Our shop"}, True)


@pytest.mark.parametrize("seed", range(60))
def test_a_file_with_junk_in_it_is_read_or_refused(seed: int) -> None:
    random, tables = Random(seed), sample() if seed % 2 else older()
    junk = [one for one in JUNK if isinstance(one, str | int | float) and one != "\u0000"]
    for rows in tables.values():
        for row in rows:
            for key in row:
                if random.random() < 0.04:
                    row[key] = random.choice(junk)
    try:
        made = read_lss(document(tables))
    except Refused:
        return
    runs(made.definition)


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<document><LimeSurveyDocType>Survey</LimeSurveyDocType><questions><rows><row><qid>&b;</qid></row></rows></questions>
</document>"""
OUTSIDE = BOMB.replace(b'<!ENTITY a "aaaaaaaaaa">', b'<!ENTITY a SYSTEM "file:///etc/passwd">')


@pytest.mark.parametrize(
    "data",
    [BOMB, OUTSIDE, BOMB.decode().encode("utf-16"), b"<document>", b"<html></html>", b"<a>" * 100_000,
     document(sample())[:-40], document(sample()).replace(b">Survey<", b">Group<"), document({}),
     b'<?xml version="1.0" encoding="nonsense"?><document/>'],
    ids=["entities", "file", "utf-16", "not closed", "html", "deep", "cut off", "a group", "empty", "encoding"],
)  # fmt: skip
def test_what_is_no_survey_or_declares_entities_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_lss(data)
    assert refused.value.code == "not_lss"
    if data.lstrip()[:1] == b"<":
        with pytest.raises(ImportRefused, match="no survey structure of LimeSurvey"):
            read_file("a.lss", data)


@pytest.mark.django_db
def test_it_is_told_by_its_content_and_becomes_a_draft() -> None:
    workspace = make_workspace()
    survey, notes = import_survey(
        workspace=workspace, name="export.txt", data=document(sample()), language="en",
        by=workspace.memberships.get().user,
    )  # fmt: skip
    assert survey.name == "Purchase"
    assert len(list(draft_of(Survey.objects.get()).questions())) == 22
    assert "“table”, array of texts ;: there is nothing like it here." in notes
    actions.publish(survey=survey, by=workspace.memberships.get().user)
