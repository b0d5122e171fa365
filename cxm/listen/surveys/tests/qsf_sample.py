"""A small survey as Qualtrics would export it, written by us.

The structure is that of exports in public repositories: the sample surveys of ctesta01/QualtricsTools (`data/Sample
Surveys/*.qsf`, with display, skip and branch logic, every kind of matrix and recoded values) and the test data of
fflewddur/sp (`libsp/data_test.go`, with NPS, sliders, constant sums and rankings).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def question(number: int, tag: str, kind: str, selector: str, text: str, **more: Any) -> Json:
    payload = {
        "QuestionText": text, "DataExportTag": tag, "QuestionType": kind, "Selector": selector, "SubSelector": "TX",
        "Configuration": {"QuestionDescriptionOption": "UseText"}, "QuestionDescription": text, "Language": [],
        "Validation": {"Settings": {"ForceResponse": "OFF", "ForceResponseType": "ON", "Type": "None"}},
        "NextChoiceId": 9, "NextAnswerId": 1, "QuestionID": f"QID{number}", "GradingData": [], "DefaultChoices": False,
        "DataVisibility": {"Private": False, "Hidden": False},
    } | more  # fmt: skip
    return {"SurveyID": "SV_1", "Element": "SQ", "PrimaryAttribute": f"QID{number}", "SecondaryAttribute": text[:80],
            "TertiaryAttribute": None, "Payload": payload}  # fmt: skip


def choices(*labels: str, **more: Json) -> Json:
    keys = [str(number) for number in range(1, len(labels) + 1)]
    made = {key: {"Display": label} | more.get(f"c{key}", {}) for key, label in zip(keys, labels, strict=True)}
    return {"Choices": made, "ChoiceOrder": keys}


def selected(number: int, choice: str, *, operator: str = "Selected") -> Json:
    locator = f"q://QID{number}/SelectableChoice/{choice}"
    return {"LogicType": "Question", "QuestionID": f"QID{number}", "QuestionIsInLoop": "no", "ChoiceLocator": locator,
            "Operator": operator, "QuestionIDFromLocator": f"QID{number}", "LeftOperand": locator, "Type": "Expression",
            "Description": "…"}  # fmt: skip


def embedded(field: str, value: str, operator: str = "EqualTo") -> Json:
    return {"LogicType": "EmbeddedField", "LeftOperand": field, "Operator": operator, "RightOperand": value,
            "_HiddenExpression": False, "Type": "Expression", "Description": "…"}  # fmt: skip


def logic(*terms: Json) -> Json:
    return {"0": {str(at): one for at, one in enumerate(terms)} | {"Type": "If"}, "Type": "BooleanExpression"}


def required(**more: Any) -> Json:
    return {"Validation": {"Settings": {"ForceResponse": "ON", "ForceResponseType": "ON", "Type": "None"} | more}}


def element(kind: str, payload: Any) -> Json:
    return {"SurveyID": "SV_1", "Element": kind, "PrimaryAttribute": kind, "SecondaryAttribute": None,
            "TertiaryAttribute": None, "Payload": payload}  # fmt: skip


def asked(*numbers: int | Json | None) -> list[Json]:
    """Questions of a block; None is a page break, an object is skip logic of the question before it."""
    made: list[Json] = []
    for one in numbers:
        if isinstance(one, int):
            made.append({"Type": "Question", "QuestionID": f"QID{one}"})
        elif one is None:
            made.append({"Type": "Page Break"})
        else:
            made[-1].setdefault("SkipLogic", []).append(one)
    return made


def skip(number: int, choice: str, to: str) -> Json:
    locator = f"q://QID{number}/SelectableChoice/{choice}"
    return {"SkipLogicID": 1, "ChoiceLocator": locator, "Condition": "Selected", "SkipToDestination": to,
            "Locator": locator, "SkipToDescription": "…", "Description": "…", "QuestionID": f"QID{number}"}  # fmt: skip


def sample() -> Json:
    nps = {"Choices": [{"Display": str(one)} for one in range(11)], "ChoiceOrder": [str(one) for one in range(11)],
           "ColumnLabels": [{"Display": "Not at all likely"}, {"Display": "Extremely likely"}]}  # fmt: skip
    german = {
        "DE": {
            "QuestionText": "Wie wahrscheinlich empfehlen Sie uns?",
            "ColumnLabels": [{"Display": "Sehr unwahrscheinlich"}, {"Display": "Sehr wahrscheinlich"}],
        }
    }
    slider = {"CSSliderMin": 0, "CSSliderMax": 10, "GridLines": 5, "SnapToGrid": True, "NumDecimals": "0"}
    rows = {"Answers": {"1": {"Display": "Poor"}, "2": {"Display": "Good"}}, "AnswerOrder": ["1", "2"]}
    advanced = {"FixedOrder": ["{~Randomized~}", "{~Randomized~}", "3"], "RandomizeAll": ["1", "2"],
                "RandomSubSet": [], "Undisplayed": [], "TotalRandSubset": 0}  # fmt: skip
    questions = [
        question(1, "nps", "MC", "NPS", "How likely are you to <b>recommend</b> us?", **nps, **required(),
                 Language=german),
        question(2, "reason", "TE", "ESTB", "Why ${q://QID1/ChoiceTextEntryValue}, ${e://Field/name}?",
                 DisplayLogic=logic(selected(1, "6"), selected(1, "7") | {"Conjuction": "Or"})),
        question(3, "channel", "MC", "SAVR", "Where did you buy?",
                 **choices("Shop", "Web", "Other", c3={"TextEntry": "true"}),
                 RecodeValues={"1": "10", "2": "20", "3": "-99"},
                 Randomization={"Type": "Advanced", "Advanced": advanced, "TotalRandSubset": ""}),
        question(4, "liked", "MC", "MAVR", "What did you like?",
                 **choices("Price", "Speed", "Nothing", c3={"ExclusiveAnswer": True},
                           c2={"DisplayLogic": logic(selected(3, "2"))}),
                 **required(Type="ChoiceRange", MinChoices="1", MaxChoices="2")),
        question(5, "country", "MC", "DL", "Country", **choices("Ukraine", "Poland")),
        question(6, "quality", "Matrix", "Likert", "How good was it?", **choices("Food", "Room") | rows,
                 SubSelector="SingleAnswer"),
        question(7, "effort", "Slider", "HSLIDER", "How hard was it?", **choices("Ordering", "Paying"),
                 Configuration=slider, Labels={"1": {"Display": "Easy"}, "2": {"Display": "Hard"}}),
        question(8, "order", "RO", "DND", "Rank these", **choices("A", "B", "C")),
        question(9, "budget", "CS", "VRTL", "Divide 50 points", **choices("X", "Y"),
                 **required(Type="ChoicesTotal", ChoiceTotal="50")),
        question(10, "mail", "TE", "SL", "Your e-mail", **required(Type="ContentType", ContentType="ValidEmail")),
        question(11, "contact", "TE", "FORM", "Your details", **choices("Name", "Town")),
        question(12, "thanks", "DB", "TB", "Thank you.<br>Nearly done."),
        question(13, "again", "MC", "MAVR", "Which of these matter most?",
                 DynamicChoices={"Type": "ChoiceGroup", "Locator": "q://QID4/ChoiceGroup/SelectedChoices"}),
        question(16, "staff", "SBS", "SBSMatrix", "Our staff", **choices("Anna", "Ben"), **required(),
                 NumberOfQuestions=3, AdditionalQuestions={
                     "1": {"QuestionText": "Met", "QuestionType": "Matrix", "Selector": "Likert",
                           "SubSelector": "MultipleAnswer", **choices("Anna", "Ben"), **rows},
                     "2": {"QuestionText": "Liked", "QuestionType": "Matrix", "Selector": "Likert",
                           "SubSelector": "SingleAnswer", **choices("Anna", "Ben"), **rows},
                     "3": {"QuestionText": "Said", "QuestionType": "Matrix", "Selector": "TE", "SubSelector": "Short",
                           **choices("Anna", "Ben")}}),
        question(14, "map", "HeatMap", "Image", "Click on the picture"),
        question(15, "old", "TE", "SL", "No longer asked"),
    ]  # fmt: skip
    blocks = [
        {"Type": "Default", "Description": "Start", "ID": "BL_1", "BlockElements": asked(1, 2, None, 3),
         "Options": {"BlockLocking": "false", "RandomizeQuestions": "false"}},
        {"Type": "Standard", "Description": "Web only", "ID": "BL_2",
         "BlockElements": asked(4, skip(4, "3", "QID8"), 5)},
        {"Type": "Standard", "Description": "Ratings", "ID": "BL_3", "BlockElements": asked(6, 7, 8, 9),
         "Options": {"RandomizeQuestions": "RandomWithXPerPage"}},
        {"Type": "Standard", "Description": "End", "ID": "BL_4", "BlockElements": asked(10, 11, 12, 13, 14, 16)},
        {"Type": "Trash", "Description": "Trash / Unused Questions", "ID": "BL_9", "BlockElements": asked(15)},
    ]  # fmt: skip
    flow = [
        {"Type": "EmbeddedData", "FlowID": "FL_2", "EmbeddedData": [
            {"Field": "name", "Type": "Recipient"}, {"Field": "wave", "Type": "Custom", "Value": "3"}]},
        {"Type": "Block", "ID": "BL_1", "FlowID": "FL_3"},
        {"Type": "Branch", "FlowID": "FL_4", "BranchLogic": logic(selected(3, "2")),
         "Flow": [{"Type": "Block", "ID": "BL_2", "FlowID": "FL_5"}]},
        {"Type": "Branch", "FlowID": "FL_6", "BranchLogic": logic(embedded("wave", "2", "LessThan")),
         "Flow": [{"Type": "EndSurvey", "FlowID": "FL_7", "Options": {
             "Advanced": "true", "SurveyTermination": "Redirect",
             "EOSRedirectURL": "https://example.com/?w=${e://Field/wave}"}}]},
        {"Type": "BlockRandomizer", "FlowID": "FL_8", "SubSet": 1, "EvenPresentation": True,
         "Flow": [{"Type": "Block", "ID": "BL_3", "FlowID": "FL_9"}]},
        {"Type": "Block", "ID": "BL_4", "FlowID": "FL_10"},
    ]  # fmt: skip
    quota = {"Name": "Web", "Occurrences": 100, "Logic": logic(selected(3, "2")), "QuotaAction": "EndSurvey"}
    options = {"BackButton": "true", "ProgressBarDisplay": "Text", "SurveyTitle": "About your purchase",
               "SurveyTermination": "DefaultMessage", "Header": "<h1>We</h1>", "Skin": {"id": None}}  # fmt: skip
    entry = {"SurveyID": "SV_1", "SurveyName": "Purchase 2026", "SurveyDescription": None, "SurveyLanguage": "EN"}
    elements = [element("BL", blocks), element("FL", {"Type": "Root", "FlowID": "FL_1", "Flow": flow}),
                element("SO", options), element("QO", quota), element("PL", {"PreviewType": "Brand"}),
                element("TR", [{"TriggerType": "EmailMessage"}]), *questions]  # fmt: skip
    return {"SurveyEntry": entry, "SurveyElements": elements}
