"""Reading LSS: its tables, the names that its expressions use, and the attributes of questions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element as Xml
from xml.etree.ElementTree import ParseError, TreeBuilder, XMLParser

from msgspec import Struct, field

from cxm.lib.conditions import Condition

from .expressions import Field, Unsaid, branches_of, condition_of, parse
from .reading import Reading
from .report import ImportRefused
from .surveyjs_names import number_in

Row = dict[str, str]
Texts = dict[str, str]
SGQA = re.compile(r"\d+X\d+X(\w+(?:#\d)?)")
PIPED = re.compile(r"\{(?=\S)([^{}\n]+)\}")
CODE = re.compile(r"[A-Za-z_][\w:#]*(?:\.\w+)?|\d+X\d+X\w+(?:#\d)?(?:\.\w+)?")
ASIS = frozenset({"", "NAOK", "code"})  # what stands after the dot of a name and leaves its code as it is
# Attributes that change only looks, and the values that others have when nobody has set them.
LOOKS = re.compile(
    r"(statistics|location|time_limit_.*(style|message|warning|countdown|delay|timer))\w*|\w*(width|style|height|align)"
    r"|(text_input|answer_width|label_input|input|display)_\w+|cssclass|hide_tip|page_break|public_statistics|scale_export"
    r"|printable_help|question_template|save_as_default|clear_default|category_separator|use_dropdown|dropdown_\w+"
    r"|repeat_headings|slider_(showminmax|separator|handle|custom_handle|orientation|layout|rating|reset)|placement"
    r"|reverse|num_value_int_only_off|keep_aspect|crop_or_resize|horizontal_scroll|show_\w+|in_page|parent_order"
    r"|samewidth|showpopups|choice_title|rank_title|commented_checkbox(_auto)?|other_comment_mandatory|add_platform_info"
    r"|em_validation_\w*tip|multiflexible_\w+|dualscale_\w+|date_format|dropdown_dates\w*|rows_\w+|fix_\w+",
)
USUAL = frozenset({"", "0", "N", "n", "no", "default", "None"})
DEFAULTS = {"assessment_value": "1", "time_limit_action": "1", "relevance": "1", "parent_order": "1"}
# What each table may hold. A column that says something and is in none of them is named.
COLUMNS: dict[str, frozenset[str]] = {
    table: frozenset(names.split())
    for table, names in {
        "groups": "gid sid group_name group_order description language randomization_group grelevance",
        "group_l10ns": "id gid sid group_name description language",
        "questions": "id qid parent_qid sid gid type title question preg help other mandatory language question_order "
        "scale_id same_default relevance script question_theme_name same_script",
        "question_l10ns": "id qid question help script language",
        "subquestions": "id qid parent_qid sid gid type title question language question_order scale_id same_default "
        "relevance question_theme_name same_script",
        "answers": "id qid aid code answer sortorder assessment_value language scale_id",
        "answer_l10ns": "id aid answer language",
        "question_attributes": "qaid qid attribute value language",
        "conditions": "cid qid scenario cqid cfieldname method value",
        "quota": "id sid name qlimit action active autoload_url",
        "quota_members": "id sid qid quota_id code",
        "quota_languagesettings": "quotals_id quotals_quota_id quotals_language quotals_name quotals_message "
        "quotals_url quotals_urldescrip",
        "survey_url_parameters": "id sid uuid parameter targetqid targetsqid",
    }.items()
}


class Answer(Struct):
    code: str
    text: Texts
    score: float | None = None


class Asked(Struct):
    """A question or subquestion with its texts by language."""

    row: Row
    title: Texts = field(default_factory=dict)
    help: Texts = field(default_factory=dict)


class _Builder(TreeBuilder):
    """No document type: where none is allowed, no entity can be declared, and so none can grow or read a file."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ImportRefused("not_lss", "it declares a document type")


def tables(data: bytes) -> dict[str, list[Row]]:
    """The rows of each table. Raises ImportRefused."""
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(data)
        root: Xml = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise ImportRefused("not_lss", str(error)) from error
    if root.tag != "document" or (root.findtext("LimeSurveyDocType") or "").strip() != "Survey":
        raise ImportRefused("not_lss")
    found = {
        table.tag: [{cell.tag: (cell.text or "").strip() for cell in row} for row in table.iterfind("rows/row")]
        for table in root
    }
    found["languages"] = [{"language": (one.text or "").strip()} for one in root.iterfind("languages/language")]
    return found


def ordered(rows: list[Row], by: str) -> list[Row]:
    return sorted(rows, key=lambda one: number_in(one.get(by)) or 0)


class Names(Reading):
    """`fields` maps their names of answers to ours; `ticks` the names of single choices of a multiple one."""

    def __init__(self, first: str) -> None:
        super().__init__(first)
        self.fields: dict[str, Field] = {}
        self.ticks: dict[str, tuple[str, str]] = {}  # a field of our own making -> (question, choice)

    def know(self, title: str, qid: str, part: str, found: Field) -> None:
        """By its code, `Q1_SQ1`, and by its old name, `<survey>X<group>X<qid>SQ1`, here `#<qid>SQ1`."""
        self.fields.setdefault(f"{title}_{part}" if part else title, found)
        self.fields.setdefault(f"#{qid}{part}", found)
        if part[-2:-1] == "_" and part[-1:].isdecimal():  # scales of a dual array
            self.fields.setdefault(f"#{qid}{part[:-2]}#{part[-1]}", found)

    def know_tick(self, title: str, qid: str, part: str, question: str, choice: str) -> None:
        name = f"tick.{len(self.ticks)}"
        self.ticks[name] = (question, choice)
        self.know(title, qid, part, Field(name))

    def resolve(self, name: str) -> Field:
        """Raises Unsaid."""
        base, _dot, suffix = name.partition(".")
        if base == "LANG":
            return Field("language")
        old = SGQA.fullmatch(base)
        found = self.fields.get(f"#{old[1]}" if old else base)
        if found is None or suffix not in ASIS:
            raise Unsaid(name)
        return found

    def condition(self, expression: str) -> Condition:
        """Raises Unsaid."""
        return self._settled(condition_of(parse(expression, "lime"), self.resolve))

    def _settled(self, one: Condition) -> Condition:
        """A single choice is "Y" when it is ticked, and empty when it is not."""
        if one.all is not None:
            return Condition(all=tuple(self._settled(part) for part in one.all))
        if one.any is not None:
            return Condition(any=tuple(self._settled(part) for part in one.any))
        if one.not_ is not None:
            inner = self._settled(one.not_)
            return inner.not_ if inner.not_ is not None else Condition(not_=inner)
        if one.field not in self.ticks:
            return one
        question, choice = self.ticks[one.field]
        chosen = Condition(field=f"answer.{question}", values=(choice,))
        if one.operator == "is_set" or (one.operator == "is" and one.values == ("Y",)):
            return chosen
        if one.operator == "is_not_set" or (one.operator == "is_not" and one.values == ("Y",)):
            return Condition(not_=chosen)
        raise Unsaid("a comparison of a single choice")

    def shown(self, expression: str, where: str, put: Callable[[Condition], None], what: str = "relevance") -> None:
        """`1` or nothing: always. `0`: never."""
        if expression.strip() == "0":
            put(Condition(any=()))
        elif expression.strip() not in ("", "1"):
            self.when(partial(self.condition, expression), where, what, put)

    def computed(self, expression: str) -> list[Any]:
        """(condition, formula) in the order of rules. Raises Unsaid."""
        made = branches_of(parse(expression, "lime"), "if", self.resolve)
        return [(None if when is None else self._settled(when), formula) for when, formula in made]

    def pipe(self, said: str, where: str) -> str:
        return PIPED.sub(lambda found: self._piped(found[1].strip(), where, found[0]), said)

    def _piped(self, what: str, where: str, whole: str) -> str:
        name = what.removeprefix("INSERTANS:").removesuffix(".shown")
        try:
            found = self.resolve(name) if CODE.fullmatch(name) else None
        except Unsaid:
            found = None
        if found is None or found.name in self.ticks:
            return self.lost_piping(where, whole)
        return "{" + found.name + "}"
