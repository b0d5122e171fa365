"""A small survey as LimeSurvey would export it, written by us.

The structure is that of LimeSurvey's own examples: `docs/demosurveys/*.lss` of version 2 (texts in the rows themselves,
one row for each language; seen in unl/LimeSurvey) and `tests/data/surveys/*.lss` of versions 4 to 6 (texts in tables
`…_l10ns`; seen in LimeSurvey/LimeSurvey).
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

Row = dict[str, Any]
GROUPS = [
    {"gid": 10, "group_order": 1, "grelevance": "1", "randomization_group": ""},
    {"gid": 20, "group_order": 2, "grelevance": '(Web.NAOK == "Y")', "randomization_group": "r1"},
]
GROUP_TEXTS = [
    {"gid": 10, "group_name": "Start", "description": "<p>First a few facts.</p>", "language": "en"},
    {"gid": 10, "group_name": "Anfang", "description": "", "language": "de"},
    {"gid": 20, "group_name": "About the web", "description": "", "language": "en"},
]


def asked(qid: int, kind: str, title: str, text: str, gid: int = 10, **more: Any) -> Row:
    return {
        "qid": qid, "parent_qid": 0, "sid": 7, "gid": gid, "type": kind, "title": title, "preg": "", "other": "N",
        "mandatory": "N", "encrypted": "N", "question_order": qid, "scale_id": 0, "same_default": 0, "relevance": "1",
        "text": text,
    } | more  # fmt: skip


QUESTIONS = [
    asked(1, "Y", "Web", "Did you buy on the web?", mandatory="Y", german="Haben Sie im Netz gekauft?"),
    asked(2, "L", "channel", "Where else?", other="Y"),
    asked(3, "M", "liked", "What did you like?", mandatory="S"),
    asked(4, "5", "stars", "How good was it?"),
    asked(5, "T", "why", "Why {stars}, {TOKEN:FIRSTNAME}?", relevance='stars.NAOK <= 2 or liked_SQ3.NAOK == "Y"'),
    asked(6, "F", "items", "Rate these"),
    asked(7, "1", "dual", "Rate and weigh these", relevance='items_SQ1.NAOK == "A2"'),
    asked(8, "K", "sums", "Divide 100"),
    asked(9, "K", "heights", "Set these"),
    asked(10, "N", "age", "Your age", preg="/^[0-9]+$/"),
    asked(11, "Q", "details", "Your details"),
    asked(12, "R", "ranks", "Rank these"),
    asked(13, "X", "note", "<b>Nearly</b> done."),
    asked(14, "D", "when", "When?"),
    asked(15, "|", "proof", "Upload the receipt"),
    asked(16, "*", "young", "{if(age.NAOK < 30, 1, 0)}"),
    asked(17, "S", "only_young", "For the young", relevance="young == 1"),
    asked(18, "O", "reason", "Main reason", gid=20),
    asked(19, "A", "agree", "Agree?", gid=20),
    asked(20, "!", "country", "Country", gid=20, relevance="channel.NAOK == age.NAOK"),
    asked(21, ";", "table", "Fill this in", gid=20),
]


def subquestion(qid: int, parent: int, title: str, text: str, scale: int = 0) -> Row:
    return {"qid": qid, "parent_qid": parent, "sid": 7, "gid": 10, "title": title, "question_order": qid,
            "scale_id": scale, "relevance": "1", "text": text}  # fmt: skip


SUBQUESTIONS = [
    subquestion(31, 3, "SQ1", "Price"), subquestion(32, 3, "SQ2", "Speed"), subquestion(33, 3, "SQ3", "Nothing"),
    subquestion(61, 6, "SQ1", "Food"), subquestion(62, 6, "SQ2", "Room"),
    subquestion(71, 7, "SQ1", "Food"), subquestion(81, 8, "a", "A"), subquestion(82, 8, "b", "B"),
    subquestion(91, 9, "x", "X"), subquestion(92, 9, "y", "Y"),
    subquestion(111, 11, "name", "Name"), subquestion(112, 11, "town", "Town"),
    subquestion(191, 19, "SQ1", "It was cheap"),
]  # fmt: skip


def answer(aid: int, qid: int, code: str, text: str, scale: int = 0, value: int = 0) -> Row:
    return {"aid": aid, "qid": qid, "code": code, "sortorder": aid, "assessment_value": value, "scale_id": scale,
            "text": text}  # fmt: skip


ANSWERS = [
    answer(1, 2, "A1", "Shop", value=5), answer(2, 2, "A2", "Phone"),
    answer(3, 6, "A1", "Poor"), answer(4, 6, "A2", "Good"),
    answer(5, 7, "A1", "Bad"), answer(6, 7, "A2", "Fine"),
    answer(7, 7, "B1", "Light", 1), answer(8, 7, "B2", "Heavy", 1),
    answer(9, 12, "A1", "One"), answer(10, 12, "A2", "Two"),
    answer(11, 18, "A1", "Price"), answer(12, 18, "A2", "Trust"),
    answer(13, 20, "UA", "Ukraine"), answer(14, 20, "PL", "Poland"),
]  # fmt: skip
ATTRIBUTES = [
    (2, "other_replace_text", "Somewhere else", "en"), (2, "random_order", "1", ""), (3, "max_answers", "2", ""),
    (3, "exclude_all_others", "SQ3", ""), (5, "maximum_chars", "200", ""), (6, "array_filter", "liked", ""),
    (7, "dualscale_headerA", "Quality", "en"), (7, "dualscale_headerB", "Weight", "en"),
    (8, "equals_num_value", "100", ""), (9, "slider_layout", "1", ""), (9, "slider_min", "10", ""),
    (9, "slider_max", "20", ""), (10, "min_num_value_n", "16", ""), (10, "statistics_showgraph", "1", ""),
    (14, "date_min", "2026-01-01", ""), (15, "max_num_of_files", "3", ""), (15, "max_filesize", "2048", ""),
    (15, "allowed_filetypes", "png, pdf", ""), (17, "hidden", "0", ""), (17, "cssclass", "wide", ""),
    (17, "em_validation_q", "strlen(this) > 3", ""),
]  # fmt: skip
SETTINGS = {"sid": 7, "language": "en", "additional_languages": "de", "format": "G", "allowprev": "N",
            "showprogress": "Y", "autoredirect": "Y", "expires": "2027-01-01 00:00:00", "usecookie": "N"}  # fmt: skip
TEXTS = [
    {"surveyls_survey_id": 7, "surveyls_language": "en", "surveyls_title": "Purchase", "surveyls_welcometext": "Hello!",
     "surveyls_endtext": "<p>Thanks.</p>", "surveyls_url": "https://example.com/", "surveyls_email_invite": "Dear …"},
    {"surveyls_survey_id": 7, "surveyls_language": "de", "surveyls_title": "Einkauf", "surveyls_endtext": "Danke."},
]  # fmt: skip
QUOTAS = {
    "quota": [{"id": 1, "sid": 7, "name": "Web buyers", "qlimit": 50, "action": 1, "active": 1}],
    "quota_members": [{"id": 1, "sid": 7, "qid": 1, "quota_id": 1, "code": "Y"}],
    "quota_languagesettings": [{"quotals_id": 1, "quotals_quota_id": 1, "quotals_language": "en",
                                "quotals_message": "We have enough answers."}],
}  # fmt: skip


def table(name: str, rows: list[Row]) -> str:
    def cell(key: str, value: object) -> str:
        return f"<{key}>{escape(str(value))}</{key}>" if value != "" else f"<{key}/>"

    made = "".join(f"<row>{''.join(cell(key, one) for key, one in row.items())}</row>" for row in rows)
    return f"<{name}><fields/><rows>{made}</rows></{name}>" if rows else ""


def document(tables: dict[str, list[Row]]) -> bytes:
    inner = "".join(table(name, rows) for name, rows in tables.items())
    head = "<LimeSurveyDocType>Survey</LimeSurveyDocType><DBVersion>493</DBVersion>"
    languages = "<languages><language>en</language><language>de</language></languages>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<document>{head}{languages}{inner}</document>'.encode()


def without(row: Row, *names: str) -> Row:
    return {key: one for key, one in row.items() if key not in names}


def attributes() -> list[Row]:
    names = ("qid", "attribute", "value", "language")
    return [dict(zip(names, one, strict=True)) for one in ATTRIBUTES]


def sample() -> dict[str, list[Row]]:
    """With texts in tables of their own."""
    texts = [{"qid": one["qid"], "question": one["text"], "help": "", "script": "", "language": "en"}
             for one in (*QUESTIONS, *SUBQUESTIONS)]  # fmt: skip
    german = [{"qid": one["qid"], "question": one["german"], "language": "de"} for one in QUESTIONS if "german" in one]
    return {
        "answers": [without(one, "text") for one in ANSWERS],
        "answer_l10ns": [{"id": 1, "aid": one["aid"], "answer": one["text"], "language": "en"} for one in ANSWERS],
        "groups": [dict(one) for one in GROUPS], "group_l10ns": [dict(one) for one in GROUP_TEXTS],
        "questions": [without(one, "text", "german") for one in QUESTIONS], "question_l10ns": texts + german,
        "subquestions": [without(one, "text") for one in SUBQUESTIONS], "question_attributes": attributes(),
        "surveys": [dict(SETTINGS)], "surveys_languagesettings": [dict(one) for one in TEXTS],
        "assessments": [{"id": 1, "name": "Total"}],
        **{name: [dict(one) for one in rows] for name, rows in QUOTAS.items()},
    }  # fmt: skip


def older() -> dict[str, list[Row]]:
    """As it was before version 4: the texts in the rows, one row for each language."""
    questions = [
        without(one, "text", "german") | {"question": one["text"], "help": "", "language": "en"} for one in QUESTIONS
    ]
    german = [without(one, "text", "german") | {"question": one["german"], "language": "de"}
              for one in QUESTIONS if "german" in one]  # fmt: skip
    groups = [own | text for own in GROUPS for text in GROUP_TEXTS if own["gid"] == text["gid"]]
    return sample() | {
        "answers": [without(one, "text", "aid") | {"answer": one["text"], "language": "en"} for one in ANSWERS],
        "answer_l10ns": [], "groups": groups, "group_l10ns": [], "questions": questions + german, "question_l10ns": [],
        "subquestions": [without(one, "text") | {"question": one["text"], "language": "en"} for one in SUBQUESTIONS],
    }  # fmt: skip
