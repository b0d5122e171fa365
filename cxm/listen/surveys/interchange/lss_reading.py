"""LSS, the file that LimeSurvey exports a survey in, into a Definition. XML: a table for each kind of thing.

Since version 4 texts are in tables of their own (`…_l10ns`); before, each language had a row of its own. Groups become
pages. The format is described by what LimeSurvey writes; its own examples were read to learn it (see the test).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from cxm.lib.conditions import Condition

from ..definition import Definition, Ending, Look, Page, Question, Quota, Section
from .expressions import Unsaid
from .lss_base import COLUMNS, SGQA, USUAL, Answer, Asked, Row, Texts, ordered, tables
from .lss_questions import Questions
from .reading import all_of, any_of, both
from .report import Element, Imported, ImportRefused
from .surveyjs_names import number_in

LARGEST = 20_000_000  # bytes
# Tables that say nothing about the questionnaire, or were read with another one.
READ = frozenset({
    "LimeSurveyDocType", "DBVersion", "languages", "groups", "group_l10ns", "questions", "question_l10ns", "answers",
    "subquestions", "answer_l10ns", "question_attributes", "surveys", "surveys_languagesettings", "conditions", "quota",
    "quota_members", "quota_languagesettings", "survey_url_parameters",
})  # fmt: skip
LOOKS = frozenset({"themes", "themes_inherited", "plugin_settings"})
SETTINGS = frozenset({
    "language", "additional_languages", "format", "allowprev", "showprogress", "autoredirect", "showsurveypolicynotice",
})  # fmt: skip
TEXTS = frozenset({
    "surveyls_title", "surveyls_description", "surveyls_welcometext", "surveyls_endtext", "surveyls_url",
    "surveyls_urldescription", "surveyls_language", "surveyls_survey_id", "surveyls_policy_notice",
    "surveyls_policy_notice_label", "surveyls_dateformat", "surveyls_numberformat",
})  # fmt: skip
UNSET = frozenset({"", "N", "I", "inherit", "0", "-1", "X"})


def read_lss(data: bytes, *, language: str = "en") -> Imported:
    """Raises ImportRefused. `language` is that of texts when the file does not name one."""
    if len(data) > LARGEST:
        raise ImportRefused("too_large")
    found = tables(data)
    if not found.get("questions"):
        raise ImportRefused("not_lss", "it holds no question")
    survey = next(iter(found.get("surveys", [])), {})
    languages = [one["language"] for one in found["languages"] if one["language"]]
    try:
        return _Reader(found, survey, survey.get("language") or next(iter(languages), language)).read()
    except RecursionError as error:
        raise ImportRefused("not_lss", "nested too deeply") from error


class _Reader(Questions):
    def __init__(self, found: dict[str, list[Row]], survey: Row, language: str) -> None:
        super().__init__(language)
        self.original = language
        self.tables, self.survey = found, survey
        self.quotas: list[Quota] = []
        self.endings: list[Ending] = []
        self.kept: dict[str, list[Question]] = {}  # qid -> ours
        self.asked: dict[str, Asked] = {}

    def rows(self, table: str) -> list[Row]:
        return self.tables.get(table, [])

    def by_language(self, table: str, own: str, key: str, language: str = "language") -> dict[str, dict[str, Texts]]:
        """Texts of a table by what they belong to, then by column, then by language; of either kind of file."""
        made: dict[str, dict[str, Texts]] = {}
        for row in (*self.rows(table), *self.rows(own)):
            code = row.get(language) or self.original
            for column, said in row.items():
                if said:
                    made.setdefault(row.get(key, ""), {}).setdefault(column, {}).setdefault(code, said)
        return made

    def read(self) -> Imported:
        for row in self.rows("survey_url_parameters"):
            self.hidden.setdefault(row.get("parameter", "").strip()[:60], None)
            if row.get("targetqid"):
                self.notes.add(row.get("parameter", ""), "target question", "no_counterpart", "logic")
        self.hidden.pop("", None)
        self._questions()
        pages = [self._page(row) for row in self._groups()]
        definition = self._settings(Definition({}, [self.first], pages))
        self._old_conditions()
        self._quotas()
        self._left_out()
        definition = self.settle(definition)
        definition.endings += self.endings
        definition.quotas = self.quotas
        return Imported(definition, self.notes.list)

    # Tables

    def _questions(self) -> None:
        texts = self.by_language("questions", "question_l10ns", "qid")
        sub_texts = self.by_language("subquestions", "question_l10ns", "qid")
        for row in self.rows("questions"):
            qid = row.get("qid", "")
            if row.get("parent_qid", "0") in ("", "0") and qid not in self.asked:
                said = texts.get(qid, {})
                self.asked[qid] = Asked(row, said.get("question", {}), said.get("help", {}))
                self._columns(row, said)
        seen: set[str] = set()
        for row in ordered(self.rows("subquestions"), "question_order"):
            qid = row.get("qid", "")
            if qid not in seen:
                seen.add(qid)
                key = (row.get("parent_qid", ""), row.get("scale_id") or "0")
                self.subs.setdefault(key, []).append(Asked(row, sub_texts.get(qid, {}).get("question", {})))
        self._answers()
        for row in self.rows("question_attributes"):
            known = self.attributes.setdefault(row.get("qid", ""), {})
            name, value = row.get("attribute", ""), row.get("value", "")
            if not row.get("language"):
                known[name] = value
            elif value and isinstance(known.setdefault(name, {}), dict):
                known[name][row["language"]] = value

    def _columns(self, row: Row, said: dict[str, Texts]) -> None:
        where = row.get("title", row.get("qid", ""))
        if script := said.get("script"):
            self.notes.add(where, "script", "no_counterpart", "logic", script)
        if re.search(r"[-_]", theme := row.get("question_theme_name", "")):
            self.notes.add(where, f"theme {theme}", "look", "look")

    def _answers(self) -> None:
        by_aid = self.by_language("", "answer_l10ns", "aid")
        known: dict[tuple[str, str, str], Answer] = {}
        for row in ordered(self.rows("answers"), "sortorder"):
            qid, scale, code = row.get("qid", ""), row.get("scale_id") or "0", row.get("code", "")
            found = known.get((qid, scale, code))
            if found is None:
                score = number_in(row.get("assessment_value"))
                found = Answer(code, dict(by_aid.get(row.get("aid", ""), {}).get("answer", {})))
                found.score = score if score and abs(score) <= 1e15 else None
                known[qid, scale, code] = found
                self.answers.setdefault((qid, scale), []).append(found)
            if row.get("answer"):
                found.text.setdefault(row.get("language") or self.original, row["answer"])

    # Groups

    def _groups(self) -> list[Row]:
        made: dict[str, Row] = {}
        for row in ordered(self.rows("groups"), "group_order"):
            made.setdefault(row.get("gid", ""), row)
        known = {one.row.get("gid", "") for one in self.asked.values()}
        return [*made.values(), *({"gid": one} for one in sorted(known - made.keys()))]

    def _page(self, row: Row) -> Page:
        gid = row.get("gid", "")
        texts = self.by_language("groups", "group_l10ns", "gid").get(gid, {})
        name = next(iter(texts.get("group_name", {}).values()), f"group {gid}")
        page = Page(self.pages.give(f"group_{gid}", "group"), title=self.text(texts.get("group_name", {}), name))
        section = Section(self.sections.give(page.id, "section"), text=self.text(texts.get("description", {}), name))
        page.sections.append(section)
        self.shown(row.get("grelevance", ""), name, partial(_show_page, page), "relevance of a group")
        if row.get("randomization_group"):
            self.notes.add(name, "randomization_group", "no_counterpart", "logic", row["randomization_group"])
        mine = [one.row for one in self.asked.values() if one.row.get("gid", "") == gid]
        for question in ordered(mine, "question_order"):
            qid = question.get("qid", "")
            self.kept[qid] = self.questions_of(self.asked[qid])
            section.questions += self.kept[qid]
        return page

    # Conditions of files that are older than relevance

    def _old_conditions(self) -> None:
        """Within a scenario, those on one answer are joined by or, answers by and; scenarios by or."""
        by_question: dict[str, dict[str, dict[str, list[Row]]]] = {}
        for row in self.rows("conditions"):
            scenarios = by_question.setdefault(row.get("qid", ""), {})
            scenarios.setdefault(row.get("scenario", "1"), {}).setdefault(row.get("cfieldname", ""), []).append(row)
        for qid, scenarios in by_question.items():
            asked = self.asked.get(qid)
            if asked is None:
                self.notes.add(qid, "conditions", "broken", "logic")
            if asked is None or asked.row.get("relevance") not in (None, "", "1"):
                continue  # newer files say the same in the relevance
            where = asked.row.get("title", qid)
            for question in self.kept.get(qid, []):
                make = partial(self._scenarios, list(scenarios.values()))
                self.show(question, make, where, "conditions")

    def _scenarios(self, scenarios: list[dict[str, list[Row]]]) -> Condition:
        return any_of(
            all_of(any_of(self._old(one) for one in rows) for rows in fields.values()) for fields in scenarios
        )

    def _old(self, row: Row) -> Condition:
        name, value = row.get("cfieldname", "").removeprefix("+"), row.get("value", "")
        method = row.get("method", "").strip() or "=="
        if method not in ("==", "!=", "<", "<=", ">", ">=") or '"' in value or value.startswith(("@", "{")):
            raise Unsaid(f"{method} {value}")
        old = SGQA.fullmatch(name)
        if (
            old and method == "==" and f"#{old[1]}{value}" in self.fields
        ):  # a choice of a multiple question, by its code
            name, value = f"{name}{value}", "Y"
        number = number_in(value) if method not in ("==", "!=") else None
        return self.condition(f"{name} {method} " + (value if number is not None and number >= 0 else f'"{value}"'))

    # Quotas

    def _quotas(self) -> None:
        texts = self.by_language("", "quota_languagesettings", "quotals_quota_id", "quotals_language")
        for row in self.rows("quota"):
            id_, name, limit = row.get("id", ""), row.get("name") or "quota", number_in(row.get("qlimit"))
            members = [one for one in self.rows("quota_members") if one.get("quota_id") == id_]
            if row.get("active", "1") != "1" or not limit or limit < 1 or not members:
                self.notes.add(name, "quota", "no_counterpart", "logic", row.get("qlimit", ""))
                continue
            said = texts.get(id_, {})
            quota = Quota(self.others.give(name, "quota"), name, int(limit))
            ending = Ending(f"{quota.id}_full", {}, self.text(said.get("quotals_message", {}), name))
            ending.link = next(iter(said.get("quotals_url", {}).values()), "")
            ending.link_label = self.text(said.get("quotals_urldescrip", {}), name)
            ending.redirect = bool(ending.link) and row.get("autoload_url") == "1"
            if row.get("action", "1") not in ("", "1"):
                self.notes.add(name, "action", "approximated", "logic", row["action"])
            ending.completes = False
            make = partial(self._members, members)
            self.when(make, name, "quota", partial(self._add_quota, quota, ending))

    def _members(self, members: list[Row]) -> Condition:
        """Answers to one question are joined by or, questions by and."""
        by_question: dict[str, list[Condition]] = {}
        for one in members:
            qid, code = one.get("qid", ""), one.get("code", "")
            name = f"#{qid}{code}" if f"#{qid}{code}" in self.fields else f"#{qid}"
            if name not in self.fields or '"' in code:
                raise Unsaid(f"{qid} {code}")
            value = "Y" if name == f"#{qid}{code}" else code
            by_question.setdefault(qid, []).append(self.condition(f'1X1X{name[1:]} == "{value}"'))
        return all_of(any_of(ways) for ways in by_question.values())

    def _add_quota(self, quota: Quota, ending: Ending, condition: Condition) -> None:
        quota.when = condition
        if ending.text or ending.link:
            quota.ending = ending.id
            self.endings.append(ending)
        self.quotas.append(quota)

    # Settings

    def _settings(self, definition: Definition) -> Definition:
        survey = self.survey
        texts = self.by_language("", "surveys_languagesettings", "", "surveyls_language").get("", {})
        definition.title = self.text(texts.get("surveyls_title", {}), "survey") or {self.first: "Survey"}
        intros = [texts.get(name, {}) for name in ("surveyls_description", "surveyls_welcometext")]
        codes = dict.fromkeys(code for one in intros for code in one)
        both_texts = {code: "\n\n".join(one[code] for one in intros if code in one) for code in codes}
        definition.intro = self.text(both_texts, "survey")
        notice = texts.get("surveyls_policy_notice", {})
        if survey.get("showsurveypolicynotice", "0") not in UNSET:
            definition.purpose = self.text(notice, "survey")
        elif notice:
            self.notes.add("survey", "surveyls_policy_notice", "no_counterpart", "content")
        end, link = texts.get("surveyls_endtext", {}), next(iter(texts.get("surveyls_url", {}).values()), "")
        if end or link:
            ending = Ending("completed", {}, self.text(end, "survey"), link=self.pipe(link, "survey"))
            ending.link_label = self.text(texts.get("surveyls_urldescription", {}), "survey")
            ending.redirect = bool(link) and survey.get("autoredirect") == "Y"
            definition.endings = [ending]
        definition.back = survey.get("allowprev") != "N"
        definition.look = Look(progress=survey.get("showprogress") != "N", one_at_a_time=survey.get("format") == "S")
        if survey.get("format") == "A":
            self.notes.add("survey", "format A", "look", "look")
        if others := [name for name in texts if name not in TEXTS]:
            self.notes.add("survey", ", ".join(others), "no_counterpart", "content")
        if others := [name for name, value in survey.items() if name not in SETTINGS and value not in UNSET]:
            self.notes.add("survey", ", ".join(others), "look", "look")
        return definition

    def _left_out(self) -> None:
        """Tables and columns that we have nothing for, and rows that belong to nothing."""
        for table, known in COLUMNS.items():
            for row in self.rows(table):
                where = row.get("title") or row.get("name") or row.get("code") or row.get("attribute") or table
                for column in (one for one in row.keys() - known if row[one] not in USUAL):
                    self.notes.add(where, f"{table}.{column}", "no_counterpart", "content", row[column])
        whole = {qid for qid, made in self.kept.items() if not made}  # named already
        for table, parts in (("subquestions", self.subs), ("answers", self.answers)):
            for qid, scale in parts:
                if qid not in whole and (table, qid, scale) not in self.taken:
                    where = self.asked[qid].row.get("title", qid) if qid in self.asked else qid
                    self.notes.add(where, f"{table} {scale}", "broken", "content")
        titles = {one.row.get("qid", ""): one.row.get("title", "") for parts in self.subs.values() for one in parts}
        for qid in self.attributes.keys() - self.asked.keys():
            self._rest(Element(self.attributes[qid], titles.get(qid, qid)))
        quotas = {one.get("id") for one in self.rows("quota")}
        for row in (one for one in self.rows("quota_members") if one.get("quota_id") not in quotas):
            self.notes.add(row.get("quota_id", ""), "quota_members", "broken", "logic", row)
        for name, rows in self.tables.items():
            if name not in READ and rows:
                look = name in LOOKS
                weight: Any = "look" if look else "content"
                self.notes.add("survey", name, "look" if look else "no_counterpart", weight, rows[0])


def _show_page(page: Page, condition: Condition) -> None:
    page.show = both(page.show, condition)
