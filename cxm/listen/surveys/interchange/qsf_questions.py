"""Reading QSF: questions of every type. `_read_<type>` fills in a question, or makes several, or none."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from cxm.lib.conditions import Condition, text_of

from ..definition import Check, Choice, Question, Scale, Text
from .expressions import Unsaid
from .qsf_logic import Place, condition_of_logic, unread
from .reading import Reading
from .report import Element
from .surveyjs_names import is_text, items_of, number_in

PIPED = re.compile(r"\$\{([^{}]*)\}|\$e\{([^{}]*)\}")
LARGEST = 1e15  # of a number that a definition may hold
ORDER_MARK = "{~Randomized~}"
ON = (True, "true", "ON", "on", "1", 1)
CONTENT: dict[str, Any] = {
    "ValidEmail": "email", "ValidNumber": "number", "ValidURL": "url", "ValidDate": "date", "ValidPhone": "phone",
    "ValidUSPhone": "phone",
}  # fmt: skip
# What is only about looks, how a script of theirs behaves, or counts for their own editor.
COSMETIC = frozenset({
    "Configuration", "QuestionText_Unsafe", "ChoiceOrder", "TextEntrySize",
    "TextEntryLength", "InputWidth", "InputHeight",
    "AnswerOrder", "ChoiceDataExportTags", "SearchSource", "VariableNaming", "AnalyzeChoices", "DefaultChoices_Unsafe",
    "ClarifyingSymbolType", "SurveyLanguage", "NumberOfQuestions", "AnswerDataExportTags", "GraphicDescription",
})  # fmt: skip
LOGIC = frozenset({"QuestionJS", "Randomization", "AnswerRandomization", "TextEntryValidation", "DefaultChoices",
                   "TextEntryForceResponse", "InPageDisplayLogic", "QuestionIsInLoop", "EvenPresentation"})  # fmt: skip


class Questions(Reading):
    """What is known of their questions by QID, for the locators of conditions and piping."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.asked: dict[str, Question] = {}
        self.parts: dict[tuple[str, str], str] = {}  # (QID, choice) -> the field that a part of it became
        self.codes: dict[tuple[str, str], str] = {}  # (QID, choice) -> our id of a choice or row
        self.columns: dict[tuple[str, str], str] = {}  # (QID, answer) -> our id of a column
        self.names: dict[str, str] = {}

    def name_of(self, qid: str) -> str:
        return self.names.get(qid, qid)

    def questions_of(self, payload: dict[str, Any], qid: str) -> list[Question]:
        name = text_of(payload.get("DataExportTag") or qid)
        element = Element(payload, name)
        self.names[qid] = name
        kind = text_of(element.take("QuestionType") or "")
        element.take("QuestionID", "DataExportTag", "Language", "QuestionDescription", "NextChoiceId", "NextAnswerId")
        reader: Callable[[Element, Question, str], list[Question]] | None = getattr(self, f"_read_{kind.lower()}", None)
        if reader is None:
            self.notes.add(name, f"{kind} {payload.get('Selector') or ''}".strip(), "no_counterpart", "content",
                           payload.get("QuestionText") or "")  # fmt: skip
            return []
        question = Question(self.ids.give(name, "question"), "short_text", {})
        if question.id != name:
            self.notes.add(name, "DataExportTag", "renamed", "look", question.id)
        question.title = self.said(element, "QuestionText") or {self.first: name}
        made = reader(element, question, qid)
        if question in made:
            self.asked[qid] = question
        validation = Element(element.take("Validation"), name)
        for one in made:
            self._required(validation, one)
        if made:
            self._validation(validation, made[0])
            self._logic(element, made)
            self._order(element, made[0])
            self._common(element, made[0])
        return made

    # Texts

    def said(self, element: Element, name: str, key: str = "") -> Text:
        """A text of a question, with its translations under the same name (and, within that, the same key)."""
        raw = element.take(name)
        texts = {self.first: _display(raw, key)}
        translations = element.data.get("Language")
        for code, one in translations.items() if isinstance(translations, dict) else ():
            if isinstance(one, dict) and (found := _display(one.get(name), key)):
                texts[str(code)] = found
        return self.text({code: one for code, one in texts.items() if one}, element.where)

    def pipe(self, said: str, where: str) -> str:
        return PIPED.sub(lambda found: self._piped(found[1] if found[1] is not None else "$e", where, found[0]), said)

    def _piped(self, what: str, where: str, whole: str) -> str:
        try:
            if what.startswith("e://Field/"):
                return "{" + self.embedded(what) + "}"
            found = re.fullmatch(
                r"q://([^/]+)/(ChoiceTextEntryValue|ChoiceNumericEntryValue|ChoiceGroup/SelectedChoices"
                r"|ChoiceGroup/SelectedChoicesTextEntry)(?:/(\w+))?", what
            )  # fmt: skip
            if found:
                part = [found[3]] if found[3] else []
                kind = "ChoiceTextEntryValue" if found[2].startswith("ChoiceGroup") else found[2]
                return "{" + self.locate(found[1], kind, part).field + "}"
        except Unsaid:
            pass
        return self.lost_piping(where, whole)

    # Logic

    def embedded(self, name: str) -> str:
        raise NotImplementedError

    def carry(self, question: Question, locator: str, where: str) -> None:
        raise NotImplementedError

    def locate(self, qid: str, what: str, rest: list[str]) -> Place:
        """Raises Unsaid."""
        question, first = self.asked.get(qid), rest[0] if rest else ""
        if (qid, first) in self.parts and what in ("ChoiceNumericEntryValue", "ChoiceTextEntryValue"):
            return Place(self.parts[qid, first])
        if question is None:
            raise Unsaid(qid)
        field = f"answer.{question.id}"
        if what == "SelectedChoicesCount" and question.kind in ("multiple", "ranking"):
            return Place(f"count.{question.id}")
        if what == "ChoiceTextEntryValue":
            if not first:
                return Place(field)
            if question.kind == "contact":
                return Place(f"{field}.{self._code(qid, first)}")
            if any(one.other and one.id == self._code(qid, first) for one in question.choices):
                return Place(f"{field}.other")
        if what == "ChoiceNumericEntryValue" and question.kind == "constant_sum":
            return Place(f"{field}.{self._code(qid, first)}")
        if what == "SelectableChoice" and question.kind == "nps" and len(rest) == 1:
            return Place(field, number_in(first))
        if what == "SelectableChoice" and question.kind == "matrix" and (qid, rest[-1] if rest else "") in self.columns:
            return Place(f"{field}.{self._code(qid, first)}", self.columns[qid, rest[-1]])
        if what == "SelectableChoice" and len(rest) == 1 and question.kind in ("single", "multiple", "dropdown"):
            if question.carry is not None and first.startswith("x"):
                return Place(field, first[1:])
            return Place(field, self._code(qid, first))
        raise Unsaid(f"{what} of {self.name_of(qid)}")

    def _code(self, qid: str, key: str) -> str:
        if (qid, key) not in self.codes:
            raise Unsaid(f"choice {key} of {self.name_of(qid)}")
        return self.codes[qid, key]

    def _condition(self, logic: Any, where: str, what: str) -> Callable[[], Condition]:
        for name, value in unread(logic):
            if value not in (None, False, "", "false", [], {}):
                self.notes.add(where, f"{what} {name}", "no_counterpart", "logic", value)
        return partial(condition_of_logic, logic, self.locate, self.embedded)

    def _logic(self, element: Element, made: list[Question]) -> None:
        logic = element.take("DisplayLogic")
        if logic not in (None, [], {}):
            make = self._condition(logic, element.where, "DisplayLogic")
            for one in made:
                self.show(one, make, element.where, "DisplayLogic")

    def _required(self, validation: Element, question: Question) -> None:
        settings = Element(validation.data.get("Settings"), validation.where)
        if question.kind != "statement":
            question.required = settings.take("ForceResponse") == "ON"
            if settings.data.get("ForceResponse") == "RequestResponse":
                self.notes.add(validation.where, "RequestResponse", "approximated", "logic")

    def _validation(self, validation: Element, question: Question) -> None:
        settings = Element(validation.take("Settings"), validation.where)
        settings.take("ForceResponse", "ForceResponseType", "ContentType", "ChoiceTotal", "EnforceRange")
        kind = text_of(settings.take("Type") or "None")
        least = settings.take("MinChoices", "MinChars", "MinSelections", "Min")
        most = settings.take("MaxChoices", "MaxChars", "MaxSelections", "TotalChars", "Max")
        if kind in ("MinChoices", "MaxChoices", "ChoiceRange", "MinChar", "MaxChar", "CharRange", "TotalChar"):
            if kind not in ("MaxChoices", "MaxChar", "TotalChar"):
                question.at_least = number_in(least)
            if kind not in ("MinChoices", "MinChar"):
                question.at_most = number_in(most)
        elif kind == "ContentType":
            limits = settings.take("ValidDateType", "ValidNumber")
            if limits and not isinstance(limits, dict):
                self.notes.add(validation.where, "ValidDateType", "no_counterpart", "logic", limits)
            self._content(Element(limits, validation.where), settings, question)
        elif kind not in ("None", "ChoicesTotal", "CustomValidation", "ForceResponse"):
            self.notes.add(validation.where, f"validation {kind}", "no_counterpart", "logic")
        custom = settings.take("CustomValidation")
        if isinstance(custom, dict) and (kind == "CustomValidation" or custom.get("Logic")):
            custom = Element(custom, validation.where)
            make = self._condition(custom.take("Logic"), validation.where, "CustomValidation")
            self.when(make, validation.where, "CustomValidation", lambda must: question.checks.append(Check(must, {})))
            if message := custom.take("Message"):
                self.notes.add(validation.where, "message of a validation", "no_counterpart", "content", message)
            self._rest(custom)
        self._rest(settings)
        self._rest(validation)

    def _content(self, limits: Element, settings: Element, question: Question) -> None:
        content = text_of(settings.data.get("ContentType") or "")
        if question.kind in ("short_text", "long_text") and content in CONTENT:
            question.kind = CONTENT[content]
            if question.kind == "number":
                question.at_least, question.at_most = number_in(limits.take("Min")), number_in(limits.take("Max"))
                decimals = limits.take("NumDecimals")
                if decimals not in (None, "", "0"):
                    self.notes.add(settings.where, "decimals", "no_counterpart", "logic", decimals)
            self._rest(limits)
        elif content:
            self.notes.add(settings.where, f"content {content}", "no_counterpart", "logic")

    def _order(self, element: Element, question: Question) -> None:
        random = Element(element.take("Randomization"), element.where)
        kind, advanced = text_of(random.take("Type") or "None"), random.take("Advanced")
        random.take("TotalRandSubset", "EvenPresentation", "ConsistentScaleReversal")
        if kind in ("All", "Advanced", "Subset"):
            question.order = "random"
        elif kind == "ScaleReversal":
            question.order = "reversed_half"
        elif kind != "None":
            self.notes.add(element.where, f"Randomization {kind}", "no_counterpart", "logic")
        if kind == "Subset" or (isinstance(advanced, dict) and advanced.get("RandomSubSet")):
            self.notes.add(element.where, "a random subset of the choices", "no_counterpart", "logic")
        if kind == "Advanced" and isinstance(advanced, dict):
            keys = {text_of(one) for one in items_of(advanced.get("FixedOrder"))} - {ORDER_MARK}
            fixed = {own for (qid, key), own in self.codes.items() if self.asked.get(qid) is question and key in keys}
            for choice in (*question.choices, *question.rows):
                choice.fixed = choice.fixed or choice.id in fixed
            for what in ("Undisplayed", "ScaleReversal"):
                if advanced.get(what):
                    self.notes.add(element.where, f"Randomization {what}", "no_counterpart", "logic")
            advanced = Element(advanced, element.where)
            advanced.take(
                "FixedOrder", "RandomizeAll", "RandomSubSet", "TotalRandSubset", "Undisplayed", "ScaleReversal"
            )
            self._rest(advanced)
        self._rest(random)

    def _common(self, element: Element, question: Question) -> None:
        dynamic = element.take("DynamicChoices")
        if isinstance(dynamic, dict) and dynamic:
            dynamic = Element(dynamic, element.where)
            self.carry(question, text_of(dynamic.take("Locator") or ""), element.where)
            dynamic.take("Type", "DynamicType")
            self._rest(dynamic)
        visible = Element(element.take("DataVisibility"), element.where)
        if visible.take("Hidden") in ON:
            self.notes.add(element.where, "hidden from results", "no_counterpart", "look")
        visible.take("Private")
        if element.take("GradingData") not in (None, []):
            self.notes.add(element.where, "GradingData", "no_counterpart", "content")
        element.take("SubSelector", "Selector", "Choices", "Answers", "Labels", "ColumnLabels", "RecodeValues")
        self._rest(visible)
        self._rest(element)
        translations = element.data.get("Language")
        for one in translations.values() if isinstance(translations, dict) else ():
            translated = Element(one, element.where)
            translated.take("QuestionText", "Choices", "Answers", "Labels", "ColumnLabels")
            self._rest(translated)

    def _rest(self, element: Element) -> None:
        """What says something, and was not used, is named; what is only about looks together."""
        rest = {name: one for name, one in element.rest().items() if one not in (None, False, "", "false", [], {})}
        if looks := [name for name in rest if name in COSMETIC]:
            self.notes.add(element.where, ", ".join(looks), "look", "look")
        for name in (one for one in rest if one not in COSMETIC):
            weight: Any = "logic" if name in LOGIC else "content"
            self.notes.add(element.where, name, "no_counterpart", weight, rest[name])

    # Choices

    def _choices(self, element: Element, qid: str, name: str = "Choices") -> list[Choice]:
        """In their order. Recode values become scores where they are numbers."""
        raws, order = element.take(name), element.take(name.removesuffix("s") + "Order")
        raws = {str(key): one for key, one in enumerate(raws)} if isinstance(raws, list) else raws
        raws = raws if isinstance(raws, dict) else {}
        keys = [text_of(one) for one in items_of(order) if text_of(one) in raws]
        recoded = element.take("RecodeValues") if name == "Choices" or "Answers" in element.data else None
        scored = name == "Answers" or "Answers" not in element.data
        made: list[Choice] = []
        seen: set[str] = set()
        others = 0
        for key in (*dict.fromkeys(keys), *(one for one in raws if one not in keys)):
            raw = Element(raws[key], f"{element.where} · {key}")
            id_ = _id(key, seen)
            (self.codes if name == "Choices" else self.columns)[qid, key] = id_
            label = self.said(element, name, key) or {self.first: key}
            raw.take("Display")
            choice = Choice(id_, label)
            if raw.take("TextEntry") in ON:
                choice.other, others = others == 0, others + 1
                if others > 1:
                    self.notes.add(raw.where, "TextEntry", "no_counterpart", "content")
            choice.exclusive = raw.take("ExclusiveAnswer") in ON
            if isinstance(raw.take("Image"), dict):
                self.notes.add(raw.where, "image", "absent")
            if (logic := raw.take("DisplayLogic")) not in (None, [], {}):
                make = self._condition(logic, raw.where, "DisplayLogic")
                self.when(make, raw.where, "DisplayLogic", partial(setattr, choice, "show"))
            if isinstance(recoded, dict) and scored and key in recoded:
                choice.score = number_in(recoded[key])
                if choice.score is None or abs(choice.score) > LARGEST:
                    choice.score = None
                    self.notes.add(raw.where, "RecodeValues", "no_counterpart", "content", recoded[key])
            self._rest(raw)
            made.append(choice)
        return made

    # Types

    def _read_mc(self, element: Element, question: Question, qid: str) -> list[Question]:
        selector = text_of(element.take("Selector") or "")
        if selector == "NPS":
            return self._read_nps(element, question, qid)
        kinds: dict[str, Any] = {"DL": "dropdown", "SB": "dropdown", "MAVR": "multiple", "MAHR": "multiple",
                                 "MACOL": "multiple", "MSB": "multiple", "SAVR": "single", "SAHR": "single",
                                 "SACOL": "single"}  # fmt: skip
        question.kind = kinds.get(selector, "single")
        if selector in ("SB", "MSB") or selector not in kinds:
            self.notes.add(element.where, f"MC {selector}", "approximated", "look")
        question.choices = self._choices(element, qid)
        if question.kind != "multiple":
            for choice in question.choices:
                choice.exclusive = False
        return [question]

    def _read_nps(self, element: Element, question: Question, qid: str) -> list[Question]:
        question.kind, question.scale = "nps", Scale(0, 10)
        ends = items_of(element.data.get("ColumnLabels"))
        if len(ends) > 1:
            question.scale.lowest_label = self.said(element, "ColumnLabels", "0")
            question.scale.highest_label = self.said(element, "ColumnLabels", str(len(ends) - 1))
        return [question]

    def _read_matrix(self, element: Element, question: Question, qid: str) -> list[Question]:
        selector, sub = text_of(element.take("Selector") or ""), text_of(element.take("SubSelector") or "")
        if selector == "MaxDiff":
            question.kind, question.choices = "maxdiff", self._choices(element, qid)
            question.per_task, question.tasks = len(question.choices), 1
            self.notes.add(element.where, "MaxDiff", "approximated", "look")
            return [question]
        if selector not in ("Likert", "Bipolar"):
            return self._dropped(element, f"Matrix {selector} {sub}")
        question.kind, question.several = "matrix", sub == "MultipleAnswer"
        question.rows = self._choices(element, qid)
        question.choices = self._choices(element, qid, "Answers")
        for row in question.rows:
            row.exclusive, row.score = False, None
        if selector == "Bipolar" or sub not in ("SingleAnswer", "MultipleAnswer"):
            self.notes.add(element.where, f"Matrix {selector} {sub}", "approximated", "look")
        return [question]

    def _read_sbs(self, element: Element, question: Question, qid: str) -> list[Question]:
        """Each column with choices becomes a matrix; they stand beside each other."""
        rows, made = self._choices(element, qid), list[Question]()
        for key, raw in sorted(Element(element.take("AdditionalQuestions"), element.where).data.items()):
            column = Element(raw, f"{element.where} · {key}")
            selector, sub = text_of(column.take("Selector") or ""), text_of(column.take("SubSelector") or "")
            heading = self.said(column, "QuestionText")
            choices = self._choices(column, f"{qid}#{key}", "Answers") if selector == "Likert" else []
            if not choices or not rows:
                self.notes.add(column.where, f"column {selector} {sub}".rstrip(), "no_counterpart", "content", heading)
                continue
            one = Question(self.ids.give(f"{element.where}_{key}", "matrix"), "matrix", {}, choices=choices)
            one.title = self._joined(question.title, heading) if heading else question.title
            one.rows = msgspec.convert(msgspec.to_builtins(rows), list[Choice])
            one.several, one.beside = sub == "MultipleAnswer", bool(made)
            self.asked[f"{qid}#{key}"] = one
            self.codes |= {(f"{qid}#{key}", code): id_ for (of, code), id_ in self.codes.items() if of == qid}
            self.notes.add(column.where, "column", "renamed", "look", one.id)
            made.append(one)
        return made

    def _read_slider(self, element: Element, question: Question, qid: str) -> list[Question]:
        """Each statement becomes a question."""
        settings = element.take("Configuration")
        settings = settings if isinstance(settings, dict) else {}
        if settings.get("NotApplicable") in ON:
            self.notes.add(element.where, "NotApplicable", "no_counterpart", "content")
        if element.take("Selector") == "STAR":
            question.kind = "rating"
            question.scale = Scale(1, number_in(settings.get("NumStars") or settings.get("StarCount")) or 5, 1, "stars")
        else:
            question.kind, question.scale = "slider", _slider_scale(settings)
            self._ends(element, question.scale)
        choices = self._choices(element, qid)
        if len(choices) < 2:
            self.parts |= {(one, key): f"answer.{question.id}" for one, key in self.codes if one == qid}
            return [question]
        keys, made = [key for (one, key) in self.codes if one == qid], []
        for key, choice in zip(keys, choices, strict=False):
            own = Question(self.ids.give(f"{element.where}_{key}", "slider"), question.kind, {}, scale=question.scale)
            own.title = self._joined(question.title, choice.label)
            own.show = choice.show
            self.parts[qid, key] = f"answer.{own.id}"
            self.notes.add(f"{element.where} · {key}", "statement", "renamed", "look", own.id)
            made.append(own)
        return made

    def _joined(self, title: Text, label: Text) -> Text:
        joined = {code: f"{one} – {label.get(code) or label.get(self.first, '')}" for code, one in title.items()}
        if any("{" in one or "$" in one for one in joined.values()):
            self.late.append(partial(self._pipe, joined, "slider"))
        return joined

    def _ends(self, element: Element, scale: Scale) -> None:
        """Labels stand along the scale: the first is its lowest end, the last its highest."""
        labels = element.data.get("Labels")
        labels = labels if isinstance(labels, dict) else {}
        keys = sorted((key for key in labels if str(key).isdecimal()), key=int)
        if len(keys) > 1:
            scale.lowest_label = self.said(element, "Labels", keys[0])
            scale.highest_label = self.said(element, "Labels", keys[-1])
        for key in keys[1:-1] if len(keys) > 1 else keys:
            self.notes.add(element.where, f"label {key} along the scale", "no_counterpart", "content", labels[key])

    def _read_ro(self, element: Element, question: Question, qid: str) -> list[Question]:
        question.kind, question.choices = "ranking", self._choices(element, qid)
        return [question]

    def _read_cs(self, element: Element, question: Question, qid: str) -> list[Question]:
        question.kind, question.choices = "constant_sum", self._choices(element, qid)
        validation = element.data.get("Validation")
        settings = validation.get("Settings") if isinstance(validation, dict) else None
        question.total = number_in(settings.get("ChoiceTotal")) if isinstance(settings, dict) else None
        if not question.total or question.total <= 0:
            question.total = 100
            self.notes.add(element.where, "no total", "approximated", "logic", 100)
        return [question]

    def _read_te(self, element: Element, question: Question, qid: str) -> list[Question]:
        selector = text_of(element.take("Selector") or "")
        if selector == "FORM":
            question.kind, question.choices = "contact", self._choices(element, qid)
            for choice in question.choices:
                choice.other = choice.exclusive = False
            return [question]
        question.kind = "long_text" if selector in ("ML", "ESTB") else "short_text"
        if selector not in ("SL", "ML", "ESTB"):
            self.notes.add(element.where, f"TE {selector}", "approximated", "content")
        return [question]

    def _read_db(self, element: Element, question: Question, qid: str) -> list[Question]:
        selector = text_of(element.take("Selector") or "")
        question.kind = "statement"
        if selector == "GRB":
            self.notes.add(element.where, "image", "absent")
        elif selector != "TB":
            self.notes.add(element.where, f"DB {selector}", "approximated", "look")
        return [question]

    def _read_fileupload(self, element: Element, question: Question, qid: str) -> list[Question]:
        selector = element.take("Selector")
        if selector not in (None, "FileUpload"):
            return self._dropped(element, f"FileUpload {selector}")
        question.kind, question.at_most = "file", 1
        return [question]

    def _dropped(self, element: Element, what: str) -> list[Question]:
        self.notes.add(element.where, what.strip(), "no_counterpart", "content", element.data.get("QuestionText") or "")
        return []


def _display(raw: Any, key: str) -> str:
    """A text itself, or the one under a key of a list or an object of `Display`s."""
    if not key:
        return text_of(raw) if is_text(raw) else ""
    if isinstance(raw, list):
        raw = raw[int(key)] if key.isdecimal() and int(key) < len(raw) else None
    elif isinstance(raw, dict):
        raw = raw.get(key)
    said = raw.get("Display") if isinstance(raw, dict) else None
    return text_of(said) if is_text(said) else ""


def _id(key: str, seen: set[str]) -> str:
    """Their key as an id of a choice; locators name choices by it."""
    found = base = re.sub(r"[^0-9A-Za-z_-]+", "_", key).strip("-")[:60] or "choice"
    number = 2
    while found in seen:
        found, number = f"{base}_{number}", number + 1
    seen.add(found)
    return found


def _slider_scale(settings: dict[str, Any]) -> Scale:
    low, high = number_in(settings.get("CSSliderMin")), number_in(settings.get("CSSliderMax"))
    low, high = 0.0 if low is None else low, 100.0 if high is None else high
    lines, decimals = number_in(settings.get("GridLines")), number_in(settings.get("NumDecimals")) or 0
    step = 10.0 ** -int(min(max(decimals, 0), 6))
    if settings.get("SnapToGrid") in ON and lines and lines > 0:
        step = (high - low) / lines
    return Scale(low, high, step if step > 0 else 1.0, "slider")
