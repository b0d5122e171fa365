"""A survey that Qualtrics exported (QSF) is imported; what was not taken over is named, broken files are refused."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest

from cxm.lib.conditions import Condition
from cxm.listen.surveys import actions
from cxm.listen.surveys.checking import Taken, check
from cxm.listen.surveys.definition import Carry, Choice, Definition, Formula, Question, Rule, Scale
from cxm.listen.surveys.importing import ImportRefused, import_survey, read_file
from cxm.listen.surveys.interchange import ImportRefused as Refused
from cxm.listen.surveys.interchange import Note, read_qsf
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.runtime import Facts, Prepared, visit
from cxm.listen.surveys.runtime.walk import Walk
from cxm.testing.cast import make_workspace

from .qsf_sample import Json, asked, choices, element, logic, question, sample, selected
from .test_import_hostile_surveys import broken, runs


@pytest.fixture(scope="module")
def read() -> tuple[Definition, list[Note]]:
    made = read_qsf(sample())
    return made.definition, made.notes


@pytest.fixture(scope="module")
def found(read: tuple[Definition, list[Note]]) -> dict[str, Question]:
    return {one.id: one for one in read[0].questions()}


LAST = ["mail", "contact", "thanks", "again", "staff_1", "staff_2"]


def chosen(question: str, choice: Any) -> Condition:
    return Condition(field=f"answer.{question}", values=(choice,))


def test_every_question_is_there_in_the_order_of_the_flow(read: tuple[Definition, list[Note]]) -> None:
    pages = [[one.id for section in page.sections for one in section.questions] for page in read[0].pages]
    assert pages == [
        ["nps", "reason"], ["channel"],  # a page break between them
        ["liked"], ["country"],  # skip logic is decided between them
        ["quality", "effort_1", "effort_2"], ["order", "budget"],  # `order` is where the skip leads to
        LAST,
    ]  # fmt: skip


def test_questions_keep_their_kinds_scales_and_choices(found: dict[str, Question]) -> None:
    assert {id_: one.kind for id_, one in found.items()} == {
        "nps": "nps", "reason": "long_text", "channel": "single", "liked": "multiple", "country": "dropdown",
        "quality": "matrix", "effort_1": "slider", "effort_2": "slider", "order": "ranking", "budget": "constant_sum",
        "mail": "email", "contact": "contact", "thanks": "statement", "again": "multiple",
        "staff_1": "matrix", "staff_2": "matrix",
    }  # fmt: skip
    nps = found["nps"]
    assert nps.title == {"en": "How likely are you to recommend us?", "de": "Wie wahrscheinlich empfehlen Sie uns?"}
    assert nps.required
    assert nps.scale == Scale(0, 10, lowest_label={"en": "Not at all likely", "de": "Sehr unwahrscheinlich"},
                              highest_label={"en": "Extremely likely", "de": "Sehr wahrscheinlich"})  # fmt: skip
    assert found["channel"].choices == [
        Choice("1", {"en": "Shop"}, score=10), Choice("2", {"en": "Web"}, score=20),
        Choice("3", {"en": "Other"}, score=-99, other=True, fixed=True),
    ]  # fmt: skip
    assert found["channel"].order == "random"
    liked = found["liked"]
    assert (liked.required, liked.at_least, liked.at_most) == (True, 1, 2)
    assert [one.exclusive for one in liked.choices] == [False, False, True]
    assert [one.label["en"] for one in found["quality"].rows] == ["Food", "Room"]
    assert [one.label["en"] for one in found["quality"].choices] == ["Poor", "Good"]
    assert found["effort_2"].title == {"en": "How hard was it? – Paying"}
    assert found["effort_2"].scale == Scale(0, 10, 2, "slider", {"en": "Easy"}, {"en": "Hard"})  # 10 in five steps
    assert found["budget"].total == 50
    assert [one.id for one in found["contact"].choices] == ["1", "2"]
    assert found["thanks"].title == {"en": "Thank you.\nNearly done."}
    assert found["again"].carry == Carry("liked", "selected")


def test_conditions_are_taken_over(read: tuple[Definition, list[Note]], found: dict[str, Question]) -> None:
    definition = read[0]
    assert found["reason"].show == Condition(any=(chosen("nps", 6.0), chosen("nps", 7.0)))
    assert found["liked"].choices[1].show == chosen("channel", "2")
    ended = Condition(not_=Condition(field="variable.wave", operator="less_than", values=(2.0,)))
    assert [page.show for page in definition.pages] == [None, None, *[chosen("channel", "2")] * 2, ended, ended, ended]
    assert definition.rules == [
        Rule("compute_wave", "compute", None, target="wave", formula=Formula("value", [3.0])),
        Rule("skip_liked", "skip", chosen("liked", "3"), after=definition.pages[2].id, target=definition.pages[5].id),
    ]
    [ending] = definition.endings
    assert (ending.link, ending.redirect) == ("https://example.com/?w={variable.wave}", True)
    assert ending.when == Condition(field="variable.wave", operator="less_than", values=(2.0,))
    [quota] = definition.quotas
    assert (quota.name, quota.limit, quota.when) == ("Web", 100, chosen("channel", "2"))
    assert (definition.hidden, definition.variables, definition.back) == (["name"], ["wave"], True)
    assert found["reason"].title == {"en": "Why {answer.nps}, {hidden.name}?"}
    assert definition.pages[4].sections[0].order == "random"


def test_columns_side_by_side_become_matrices_in_one_table(found: dict[str, Question]) -> None:
    met, liked = found["staff_1"], found["staff_2"]
    assert [one.label["en"] for one in met.rows] == ["Anna", "Ben"] and met.rows == liked.rows
    assert (met.title["en"], liked.title["en"]) == ("Our staff – Met", "Our staff – Liked")
    assert (met.several, met.beside, liked.several, liked.beside) == (True, False, False, True)
    assert (met.required, liked.required) == (True, True)


def test_it_runs_as_it_ran_there(read: tuple[Definition, list[Note]]) -> None:
    assert [one for one in check(read[0], Taken()) if one.level == "error"] == []
    ready = Prepared(read[0])

    def shown(answers: Json) -> list[str]:
        walk = Walk(ready, answers, Facts(), language="en", seed=1)
        return [one for screen in walk.screens for one in screen.questions()]

    shop = shown({"nps": 10, "channel": "1"})  # a promoter: no reason; and no page about the web
    assert (shop[:2], sorted(shop[2:5])) == (["nps", "channel"], ["effort_1", "effort_2", "quality"])  # in any order
    web = {"nps": 6, "channel": "2"}
    assert shown(web)[:5] == ["nps", "reason", "channel", "liked", "country"]
    skipped = shown(web | {"liked": ["3"]})[4:]
    assert (sorted(skipped[:2]), skipped[2:]) == (["budget", "order"], LAST)
    assert "Why 6, ?" in str(visit(read[0], web, language="en"))


def test_what_was_not_taken_over_is_named(read: tuple[Definition, list[Note]]) -> None:
    told = {(one.where, one.what, one.weight) for one in read[1]}
    assert told >= {
        ("map", "HeatMap Image", "content"), ("old", "unused question", "look"), ("TR", "element TR", "content"),
        ("FL_8", "BlockRandomizer, 1 of 1", "logic"), ("survey", "Header", "content"), ("nps", "HTML", "look"),
        ("effort · 2", "statement", "look"), ("staff · 3", "column TE Short", "content"),
    }  # fmt: skip
    assert not [one for one in told if one[2] == "logic" and one[0] != "FL_8"]


def one_question(**more: Any) -> Json:
    first = question(1, "first", "MC", "SAVR", "First?", **choices("A", "B"))
    second = question(2, "Q2", "TE", "SL", "Second?", **more)
    blocks = [{"Type": "Default", "ID": "BL_1", "Description": "All", "BlockElements": asked(1, 2)}]
    return {"SurveyEntry": {}, "SurveyElements": [element("BL", blocks), first, second]}


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([selected(1, "1", operator="NotSelected")], Condition(not_=chosen("first", "1"))),
        ([selected(1, "1"), selected(1, "2"), selected(1, "1") | {"Conjuction": "Or"}],
         Condition(any=(Condition(all=(chosen("first", "1"), chosen("first", "2"))), chosen("first", "1")))),
        ([{"LogicType": "EmbeddedField", "LeftOperand": "Q_Language", "Operator": "EqualTo", "RightOperand": "DE"}],
         Condition(field="language", values=("DE",))),
        ([{"LogicType": "EmbeddedField", "LeftOperand": "plan", "Operator": "NotEmpty"}],
         Condition(field="hidden.plan", operator="is_set")),
    ],
)  # fmt: skip
def test_display_logic_is_said_in_our_words(terms: list[Json], expected: Condition) -> None:
    made = read_qsf(one_question(DisplayLogic=logic(*terms)))
    assert list(made.definition.questions())[1].show == expected


@pytest.mark.parametrize(
    "term",
    [
        {"LogicType": "GeoIP", "LeftOperand": "loc://PostalCode", "Operator": "EqualTo", "RightOperand": "1"},
        {"LogicType": "Question", "LeftOperand": "q://QID1/ChoiceDisplayed/1", "Operator": "Displayed"},
        {"LogicType": "Question", "LeftOperand": "q://QID9/SelectableChoice/1", "Operator": "Selected"},
        {"LogicType": "Question", "LeftOperand": "q://QID1/SelectableChoice/7", "Operator": "Selected"},
        {"LogicType": "EmbeddedField", "LeftOperand": "a", "Operator": "EqualTo", "RightOperand": "${e://Field/b}"},
    ],
)
def test_a_condition_that_cannot_be_said_is_left_out_whole_and_named(term: Json) -> None:
    made = read_qsf(one_question(DisplayLogic=logic(selected(1, "1"), term)))
    assert list(made.definition.questions())[1].show is None
    assert [(one.where, one.why, one.weight) for one in made.notes if one.what == "DisplayLogic"] == [
        ("Q2", "expression", "logic")
    ]


def test_no_property_falls_silently() -> None:
    """A strange property in every question, choice, setting, block and option is named in the notes."""
    marked = copy.deepcopy(sample())
    wanted: set[str] = set()

    def mark(node: Json) -> None:
        wanted.add(f"Strange{len(wanted)}")
        node[f"Strange{len(wanted) - 1}"] = "x"

    for one in marked["SurveyElements"]:
        payload = one["Payload"]
        if one["Element"] == "SQ" and one["PrimaryAttribute"] not in ("QID14", "QID15"):  # those fall whole
            mark(payload)
            mark(payload["Validation"]["Settings"])
            mark(payload["DataVisibility"])
            given = payload.get("Choices", {})
            for choice in given.values() if isinstance(given, dict) else []:
                mark(choice)
        elif one["Element"] == "BL":
            for block in payload:
                if "Options" in block:
                    mark(block["Options"])
        elif one["Element"] == "SO":
            mark(payload)
    told = " ".join(one.what for one in read_qsf(marked).notes)
    assert len(wanted) > 60
    assert {one for one in wanted if one not in told} == set()


def test_no_key_of_flow_skips_and_logic_falls_silently() -> None:
    """A strange key in every node of the flow, embedded datum, block, element, skip, logic, set, term and quota."""
    marked = copy.deepcopy(sample())
    wanted: set[str] = set()

    def mark(node: Json) -> None:
        name = f"Strange{len(wanted)}."
        wanted.add(name)
        node[name] = "x"

    def mark_logic(one: Json) -> None:
        for level in (one, one["0"], *(term for key, term in one["0"].items() if key.isdecimal())):
            mark(level)

    def mark_flow(nodes: list[Json]) -> None:
        for node in nodes:
            mark_flow(node.get("Flow", []))
            for datum in node.get("EmbeddedData", []):
                mark(datum)
            if "BranchLogic" in node:
                mark_logic(node["BranchLogic"])
            mark(node)

    for one in marked["SurveyElements"]:
        payload = one["Payload"]
        if one["Element"] == "FL":
            mark_flow(payload["Flow"])
        elif one["Element"] == "BL":
            for block in payload[:-1]:  # the last is the trash
                mark(block)
                for item in block["BlockElements"]:
                    for skipped in item.get("SkipLogic", []):
                        mark(skipped)
                    mark(item)
        elif one["Element"] == "QO":
            mark_logic(payload["Logic"])
            mark(payload)
        elif one["Element"] == "SQ":
            for owner in (payload, *(payload["Choices"].values() if isinstance(payload.get("Choices"), dict) else [])):
                if "DisplayLogic" in owner:
                    mark_logic(owner["DisplayLogic"])
            for name in ("Randomization", "DynamicChoices"):
                if name in payload:
                    mark(payload[name])
            if isinstance(payload["Language"], dict):
                mark(payload["Language"]["DE"])
    told = " ".join(f"{one.what}." for one in read_qsf(marked).notes)
    assert len(wanted) > 50
    assert {one for one in wanted if one not in told} == set()


def test_what_follows_the_end_of_the_survey_is_named() -> None:
    made = one_question()
    flow = [{"Type": "EndSurvey", "FlowID": "FL_2"}, {"Type": "Block", "ID": "BL_1", "FlowID": "FL_3"}]
    made["SurveyElements"].append(element("FL", {"Flow": flow}))
    told = {(one.where, one.what) for one in read_qsf(made).notes}
    assert told >= {("FL_3", "Block after the end of the survey"), ("Q2", "unused question")}


@pytest.mark.parametrize("seed", range(60))
def test_a_file_with_junk_in_it_is_read_or_refused(seed: int) -> None:
    try:
        made = read_qsf(broken(Random(seed), sample()))
    except Refused:
        return
    runs(made.definition)


@pytest.mark.parametrize(
    "data", [{"SurveyElements": 5}, {"SurveyElements": []}, {"SurveyElements": [{"Element": "SQ", "Payload": None}]}]
)
def test_what_holds_no_question_is_refused(data: Json) -> None:
    with pytest.raises(ImportRefused, match="no question of Qualtrics"):
        read_file("a.qsf", json.dumps(data).encode())


def test_nested_without_end_is_refused_or_read() -> None:
    flow: Json = {"Type": "Group", "Flow": []}
    for _ in range(400):
        flow = {"Type": "Group", "Flow": [flow]}
    made = read_qsf(sample() | {"SurveyElements": [*sample()["SurveyElements"][6:], element("FL", flow)]})
    assert ("flow", "nested too deeply") in {(one.where, one.what) for one in made.notes}


@pytest.mark.django_db
def test_it_is_told_by_its_content_and_becomes_a_draft() -> None:
    workspace = make_workspace()
    survey, notes = import_survey(
        workspace=workspace, name="purchase.json", data=json.dumps(sample()).encode(), language="en",
        by=workspace.memberships.get().user,
    )  # fmt: skip
    assert survey.name == "About your purchase"
    assert len(list(draft_of(Survey.objects.get()).questions())) == 16
    assert "“map”, HeatMap Image: there is nothing like it here." in notes
    actions.publish(survey=survey, by=workspace.memberships.get().user)
