"""XLSForm workbooks (https://xlsform.org) into a Definition. pyxform's aliases of types and columns are understood."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from cxm.lib.conditions import Condition, text_of

from ..archives import Broken, is_too_large
from ..definition import Check, Choice, Definition, Page, Question, Rule, Scale, Section, Text
from .expressions import Field, Unsaid, branches_of, condition_of, parse
from .naming import Ids, has_markup, language_code, plain
from .report import Imported, ImportRefused, Notes
from .surveyjs_names import number_in

LARGEST = 10_000_000  # bytes of the file
MOST_ROWS = 20_000
Row = dict[str, str]
KINDS: dict[str, Any] = {
    "text": "short_text", "string": "short_text", "q string": "short_text", "add text prompt": "short_text",
    "q text": "short_text", "integer": "number", "int": "number", "q integer": "number", "add integer prompt": "number",
    "decimal": "number", "q decimal": "number", "add decimal prompt": "number", "date": "date", "q date": "date",
    "add date prompt": "date", "note": "statement", "q note": "statement", "add note prompt": "statement",
    "email": "email", "phonenumber": "phone", "q phone number": "phone", "phone number": "phone", "url": "url",
    "acknowledge": "consent", "trigger": "consent", "q acknowledge": "consent", "q trigger": "consent",
    "add acknowledge prompt": "consent", "range": "slider", "file": "file", "image": "file", "photo": "file",
    "q image": "file", "q picture": "file", "add image prompt": "file", "add photo prompt": "file", "audio": "file",
    "q audio": "file", "add audio prompt": "file", "video": "file", "q video": "file", "add video prompt": "file",
}  # fmt: skip
ACCEPT = {
    "image": [".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic"],
    "audio": [".mp3", ".m4a", ".wav", ".ogg", ".aac"],
    "video": [".mp4", ".mov", ".webm", ".3gp"],
}
SELECT = re.compile(
    r"(?P<kind>(?:add )?(?:select[_ ]one|select1|select one from|rank|select[_ ]multiple|select all that apply"
    r"|select_all)(?:[_ ]from[_ ]file|[_ ]external)?(?: prompt)?(?: from| using)?)\s+(?P<list>\S+?)"
    r"(?P<other>\s+or[ _](?:specify[ _])?other)?",
    re.IGNORECASE,
)
BEGIN = re.compile(r"begin[_ ](?P<what>group|repeat|loop|lgroup)\b(?P<rest>.*)", re.IGNORECASE)
END = re.compile(r"end[_ ](?:group|repeat|loop|lgroup)\b.*", re.IGNORECASE)
META = frozenset({"start", "end", "today", "deviceid", "subscriberid", "simserial", "audit", "username",
                  "start-geopoint", "background-audio", "xml-external", "csv-external"})  # fmt: skip
ALIASES = {
    "caption": "label", "command": "type", "skip": "relevant", "relevance": "relevant", "readonly": "read_only",
    "constraint message": "constraint_message", "constraining message": "constraint_message",
    "calculate": "calculation",
    "choice filter": "choice_filter", "required message": "required_message", "value": "name", "tag": "name",
    "list name": "list_name", "list_name": "list_name", "repeat_count": "repeat_count", "jr:count": "repeat_count",
    "bind::relevant": "relevant", "bind::required": "required", "bind::constraint": "constraint",
    "bind::calculate": "calculation", "bind::jr:constraintmsg": "constraint_message", "bind::type": "bind::type",
    "control::appearance": "appearance", "media::image": "image", "image": "image",
}  # fmt: skip
USED = frozenset({"type", "name", "label", "hint", "relevant", "constraint", "constraint_message", "required",
                  "default",
                  "calculation", "parameters", "list_name", "image"})  # fmt: skip
LOOKS = frozenset({"appearance", "required_message", "guidance_hint", "bind::type", "autoplay", "media::audio",
                   "media::video", "media::big-image", "audio", "video", "big-image", "note", "notes",
                   "comment"})  # fmt: skip
LOGIC = frozenset({"choice_filter", "read_only", "trigger", "repeat_count", "required", "relevant", "constraint"})
YES = frozenset({"yes", "true", "true()", "1", "y"})


def read_xlsform(data: bytes, *, language: str = "en", name: str = "") -> Imported:
    """An .xlsx, .xls, .csv or .md form. Raises ImportRefused when it is none at all."""
    if len(data) > LARGEST:
        raise ImportRefused("too_large")
    return _Reader(_sheets(data), language, name).read()


def _sheets(data: bytes) -> dict[str, list[Row]]:
    """The rows of each sheet by heading; empty rows and cells are left out, all is text."""
    if data[:2] == b"PK" or data[:4] == b"\xd0\xcf\x11\xe0":
        try:
            if data[:2] == b"PK" and is_too_large(data):
                raise ImportRefused("too_large")
            book = CalamineWorkbook.from_filelike(io.BytesIO(data))
            tables = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
        except (CalamineError, OSError, ValueError, *Broken) as error:
            raise ImportRefused("not_a_workbook", str(error)) from error
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ImportRefused("not_a_workbook", str(error)) from error
        lines = [line for line in text.splitlines() if line.strip()]
        if lines and all(line.lstrip().startswith("|") for line in lines):
            rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
            rows = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
        else:
            try:
                rows = [list(row) for row in csv.reader(io.StringIO(text, newline=""))]
            except csv.Error as error:
                raise ImportRefused("not_a_workbook", str(error)) from error
        tables = _stacked(rows)
    sheets = {name.strip().lower(): _rows(table) for name, table in tables.items()}
    if "survey" not in sheets and len(sheets) == 1:  # the only sheet is the survey, whatever its name
        sheets = {"survey": next(iter(sheets.values()))}
    if "survey" not in sheets:
        raise ImportRefused("no_survey_sheet")
    return sheets


def _stacked(rows: list[list[str]]) -> dict[str, list[list[Any]]]:
    """Sheets under each other in one table: the first column names the sheet, the others are its rows."""
    tables: dict[str, list[list[Any]]] = {}
    current: list[list[Any]] = []
    for row in rows:
        if row and row[0].strip():
            current = tables.setdefault(row[0].strip(), [])
        if any(cell.strip() for cell in row[1:]):
            current.append(row[1:])
    return tables


def _rows(table: list[list[Any]]) -> list[Row]:
    if not table:
        return []
    heading = [_column(_cell(cell)) for cell in table[0]]
    made = []
    for cells in table[1 : MOST_ROWS + 1]:
        row = {}
        for name, cell in zip(heading, cells, strict=False):
            if name and name not in row and (text := _cell(cell)):
                row[name] = text
        if row:
            made.append(row)
    return made


def _cell(cell: Any) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"  # as a spreadsheet shows it
    return text_of(cell).strip() if cell is not None else ""


def _column(heading: str) -> str:
    """`Label :: English (en)` is `label::English (en)`; single colons are the old way of writing two."""
    parts = [
        part.strip()
        for part in (heading.split("::") if "::" in heading else re.split(r":(?!\w+$)|:(?=[A-Za-z])", heading))
    ]
    if parts[0].lower() in ("media", "bind", "control", "body", "instance") and len(parts) > 1:
        parts = [f"{parts[0]}::{parts[1]}", *parts[2:]]
    head = parts[0].lower()
    return "::".join([ALIASES.get(head, head), *parts[1:]])


class _Reader:
    def __init__(self, sheets: dict[str, list[Row]], language: str, name: str) -> None:
        self.sheets = sheets
        self.notes = Notes()
        self.settings = (sheets.get("settings") or [{}])[0]
        self.first = language_code(_code(self.settings.get("default_language", ""))) or language
        self.title = self.settings.get("form_title") or self.settings.get("title") or name or "Survey"
        self.languages: dict[str, None] = {}
        self.ids, self.sections = Ids(), Ids()
        self.fields: dict[str, Field] = {}
        self.rules: list[Rule] = []
        self.late: list[Callable[[], None]] = []
        self.pages: list[Page] = []
        self.section: Section | None = None  # that a question is put into; None: a new one
        self.groups: list[list[Section]] = []  # the sections in each group that is open, outermost first
        self.lists: dict[str, list[Row]] = {}
        for row in sheets.get("choices", []):
            self.lists.setdefault(row.get("list_name", ""), []).append(row)

    def read(self) -> Imported:
        for number, row in enumerate(self.sheets["survey"], 2):
            self._row(row, row.get("name") or f"row {number}")
        for finish in self.late:
            finish()
        self._other_sheets()
        for page in self.pages:
            page.sections = [section for section in page.sections if section.questions or section.text]
        languages = list(dict.fromkeys((*([self.first] if self.first in self.languages else []), *self.languages)))
        languages = languages or [self.first]
        definition = Definition(
            {languages[0]: self.title},
            languages,
            [page for page in self.pages if page.sections],
            rules=self.rules,
            variables=list(dict.fromkeys(rule.target for rule in self.rules if rule.do == "compute")),
            hidden=[field.name[len("hidden.") :] for field in self.fields.values() if field.name.startswith("hidden.")],
        )
        return Imported(definition, self.notes.list)

    def _row(self, row: Row, where: str) -> None:
        """A group outside others is a page; groups inside it, and what stands between them, are its sections."""
        kind = re.sub(r"\s+", " ", row.get("type", "")).strip()
        if not kind:
            if set(row) - {"note", "notes", "comment"}:
                self.notes.add(where, "row without type", "broken", "content", row)
        elif begin := BEGIN.fullmatch(kind):
            if begin["what"].lower() in ("repeat", "loop"):
                self.notes.add(where, begin["what"].lower(), "repeated", "logic", row.get("repeat_count", ""))
            self.groups.append([])
            self.section = self._section(row, where)
            self._relevant(row, where, self.groups[-1])
        elif END.fullmatch(kind):
            self.section = None
            if self.groups:
                self.groups.pop()
            else:
                self.notes.add(where, kind, "broken", "content")
        elif question := self._question(kind, row, where):
            self.section = self.section or self._section({}, where)
            self.section.questions.append(question)

    def _section(self, row: Row, where: str) -> Section:
        section = Section(self.sections.give(row.get("name"), "section"), title=self._text(row, "label", where))
        if len(self.groups) > (1 if row else 0) and self.pages:
            self.pages[-1].sections.append(section)
        else:
            self.pages.append(Page(section.id, [section]))
        for group in self.groups:
            group.append(section)
        self._rest(row, where)
        return section

    def _relevant(self, row: Row, where: str, sections: list[Section]) -> None:
        def put(condition: Condition) -> None:
            for section in sections:
                section.show = condition if section.show is None else Condition(all=(section.show, condition))

        if raw := row.get("relevant"):
            self._when(raw, where, "relevant", put)

    # Cells

    def _text(self, row: Row, column: str, where: str) -> Text:
        text: Text = {}
        for heading, said in row.items():
            head, _, rest = heading.partition("::")
            if head == column:
                code = language_code(_code(rest)) if rest and rest.lower() != "default" else self.first
                self.languages.setdefault(code, None)
                text[code] = said
        if has_markup(text):
            self.notes.add(where, "HTML", "approximated", "look")
            text = {code: plain(said) for code, said in text.items()}
        if any("${" in said for said in text.values()):
            self.late.append(partial(self._pipe, text, where))
        return text

    def _pipe(self, text: Text, where: str) -> None:
        for code, said in text.items():
            text[code] = re.sub(r"\$\{\s*([^{}]+?)\s*\}", lambda found: self._piped(found[1], where), said)

    def _piped(self, name: str, where: str) -> str:
        field = self.fields.get(name)
        if field is None:
            self.notes.add(where, "piping", "broken", "content", name)
            return "{" + name + "}"
        return "{" + field.name + "}"

    def resolve(self, name: str, own: Question | None = None) -> Field:
        if name == "." and own is not None:
            return Field("value", own.kind in ("multiple", "ranking"), False, _codes(own), f"count.{own.id}")
        if name not in self.fields:
            raise Unsaid(name)
        return self.fields[name]

    def _when(
        self, raw: str, where: str, what: str, put: Callable[[Condition], None], own: Question | None = None
    ) -> None:
        def finish() -> None:
            try:
                put(condition_of(parse(raw, "xpath"), partial(self.resolve, own=own)))
            except (Unsaid, RecursionError):
                self.notes.add(where, what, "expression", "logic", raw)

        self.late.append(finish)

    def _rest(self, row: Row, where: str) -> None:
        for heading, value in row.items():
            parts = heading.split("::")
            head = "::".join(parts[:2]) if parts[0] in ("media", "bind", "control", "body") else parts[0]
            if head in USED:
                continue
            weight: Any = "look" if head in LOOKS else "logic" if head in LOGIC else "content"
            self.notes.add(where, head, "look" if weight == "look" else "no_counterpart", weight, value)

    # Questions

    def _question(self, kind: str, row: Row, where: str) -> Question | None:
        lowered = kind.lower()
        if lowered in META or lowered.startswith(("start-", "background-")):
            self.notes.add(where, lowered, "no_counterpart", "look")
            return None
        if lowered in ("calculate", "calculation", "hidden", "q calculate", "add calculate prompt"):
            self._computed(row, where, lowered == "hidden")
            return None
        chosen = SELECT.fullmatch(kind)
        if chosen is None and lowered not in KINDS:
            self.notes.add(
                where, lowered, "no_counterpart", "content", next(iter(self._text(row, "label", where).values()), "")
            )
            return None
        question = Question(self.ids.give(row.get("name"), "question"), "short_text", self._text(row, "label", where))
        question.title = question.title or {self.first: row.get("name") or where}
        question.hint = self._text(row, "hint", where)
        if row.get("name") and question.id != row["name"]:
            self.notes.add(where, "name", "renamed", "look", question.id)
        if chosen is not None:
            self._select(question, chosen, where)
        else:
            question.kind = KINDS[lowered]
            self._plain(question, lowered, row, where)
        self._register(row.get("name", ""), question)
        self._rules(question, row, where)
        self._rest(row, where)
        return question

    def _register(self, name: str, question: Question) -> None:
        if name:
            listed = question.kind in ("multiple", "ranking")
            self.fields[name] = Field(f"answer.{question.id}", listed, question.kind == "consent", _codes(question))

    def _computed(self, row: Row, where: str, hidden: bool) -> None:
        name, raw = row.get("name", ""), row.get("calculation", "")
        id_ = re.sub(r"[^0-9A-Za-z_-]+", "_", name).strip("_")
        if not id_ or (hidden and not raw):
            if id_:
                self.fields[name] = Field(f"hidden.{id_}")
            return
        self.fields[name] = Field(f"variable.{id_}")
        if not raw:
            self.notes.add(where, "calculation", "broken", "logic")
            return

        def finish() -> None:
            try:
                self._compute(id_, raw)
            except (Unsaid, RecursionError):
                self.notes.add(where, "calculation", "expression", "logic", raw)

        self.late.append(finish)
        if row.get("relevant"):
            self.notes.add(where, "relevant", "no_counterpart", "logic", row["relevant"])
        self._rest(row, where)

    def _compute(self, id_: str, raw: str) -> None:
        """`if(when, a, b)` becomes two rules: b always, then a when it holds."""
        for number, (when, formula) in enumerate(branches_of(parse(raw, "xpath"), "if", self.resolve), 1):
            self.rules.append(Rule(f"compute_{id_}_{number}", "compute", when, target=id_, formula=formula))

    def _select(self, question: Question, chosen: re.Match[str], where: str) -> None:
        kind = chosen["kind"].lower()
        question.kind = (
            "ranking" if kind.startswith("rank") else "multiple" if re.search("multiple|all", kind) else "single"
        )
        name = chosen["list"]
        if name not in self.lists:
            why = "no_counterpart" if "file" in kind or "external" in kind or name.startswith("${") else "broken"
            self.notes.add(where, f"list {name}", why, "content")
        for row in self.lists.get(name, []):
            value = row.get("name", "")
            if not value:
                self.notes.add(f"list {name}", "choice", "broken", "content", row)
                continue
            if any(choice.id == value for choice in question.choices):
                self.notes.add(f"list {name}", f"choice {value}", "broken", "content")
                continue
            at = f"{name} · {value}"
            label = self._text(row, "label", at) or {self.first: value}
            image = next((said for heading, said in row.items() if heading.partition("::")[0] == "image"), "")
            question.choices.append(Choice(value, label, image=image))
            self._rest(row, at)
        if question.kind == "single" and any(choice.image for choice in question.choices):
            question.kind = "picture"
        if chosen["other"]:
            question.choices.append(Choice("other", {self.first: "Other"}, other=True, fixed=True))

    def _plain(self, question: Question, lowered: str, row: Row, where: str) -> None:
        if question.kind == "file":
            question.at_most = 1
            question.accept = next((accept for word, accept in ACCEPT.items() if word in lowered), [])
            if "picture" in lowered or "photo" in lowered:
                question.accept = ACCEPT["image"]
        if question.kind == "slider":
            given = dict(part.split("=", 1) for part in re.split(r"[\s,;]+", row.get("parameters", "")) if "=" in part)
            numbers = [number_in(given.get(name)) for name in ("start", "end", "step")]
            low, high, step = numbers[0] if numbers[0] is not None else 1.0, numbers[1] or 10.0, numbers[2] or 1.0
            question.scale = Scale(low, high, step, "slider")
        elif row.get("parameters"):
            self.notes.add(where, "parameters", "no_counterpart", "look", row["parameters"])
        if "multiline" in row.get("appearance", ""):
            question.kind = "long_text"
        if lowered in ("integer", "int", "q integer", "add integer prompt"):
            must = Condition(field="value", operator="matches", values=(r"^-?[0-9]+$",))
            question.checks.append(Check(must, {}))

    def _rules(self, question: Question, row: Row, where: str) -> None:
        def show(condition: Condition) -> None:
            question.show = condition

        if raw := row.get("relevant"):
            self._when(raw, where, "relevant", show)
        needed = row.get("required", "").lower()
        if needed in YES:
            question.required = question.kind != "statement"
        elif needed not in ("", "no", "false", "false()", "0", "n"):

            def require(condition: Condition) -> None:
                self.rules.append(Rule(f"require_{question.id}", "require", condition, targets=[question.id]))

            self._when(row["required"], where, "required", require)
        if raw := _lengths(question, row.get("constraint", "")):
            message = self._text(row, "constraint_message", where)

            def check(condition: Condition) -> None:
                question.checks.append(Check(condition, message))

            self._when(raw, where, "constraint", check, question)
        if default := row.get("default"):
            if re.search(r"[(${]", default):
                self.notes.add(where, "default", "expression", "content", default)
            else:
                question.default = ",".join(default.split()) if question.kind in ("multiple", "ranking") else default

    def _other_sheets(self) -> None:
        for name, value in self.settings.items():
            if name not in ("form_title", "title", "form_id", "default_language", "version", "id_string"):
                self.notes.add("settings", name, "no_counterpart", "look", value)
        used = {text for row in self.sheets["survey"] for text in row.get("type", "").split()}
        for name in self.lists:
            if name not in used:
                self.notes.add(f"list {name}", "not used", "no_counterpart", "content")
        for name in self.sheets:
            if name not in ("survey", "choices", "settings") and self.sheets[name]:
                self.notes.add(name, "sheet", "no_counterpart", "content")


def _lengths(question: Question, raw: str) -> str:
    """Takes limits of the length of a text out of a constraint, where it consists of parts that must all hold."""
    if question.kind not in ("short_text", "long_text") or re.search(r"\bor\b", raw):
        return raw
    rest = []
    for part in re.split(r"\s+and\s+", raw):
        found = re.fullmatch(r"\(?string-length\(\s*\.\s*\)\s*(<=|>=|<|>)\s*(\d+)\)?", part.strip())
        if not found:
            rest.append(part)
            continue
        limit = float(found[2]) + {"<": -1, ">": 1}.get(found[1], 0)
        if found[1].startswith("<"):
            question.at_most = limit
        else:
            question.at_least = limit
    return " and ".join(rest)


def _codes(question: Question) -> dict[str, Any]:
    """XLSForm writes OK for what was acknowledged."""
    return {"OK": True, "ok": True} if question.kind == "consent" else {}


def _code(heading: str) -> str:
    """`English (en)` is en; without a code, the name itself."""
    found = re.search(r"\(([A-Za-z]{2,3}(?:[-_][A-Za-z]+)?)\)\s*$", heading)
    names = {"english": "en", "ukrainian": "uk", "polish": "pl", "russian": "ru", "chinese": "zh-hant", "french": "fr",
             "spanish": "es", "german": "de"}  # fmt: skip
    return found[1] if found else names.get(heading.strip().lower(), heading.strip().lower())
