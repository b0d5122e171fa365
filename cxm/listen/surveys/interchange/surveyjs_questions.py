"""Reading SurveyJS: questions of every type. `_read_<type>` fills in a question, or says that there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from cxm.lib.conditions import Condition, text_of

from ..definition import Carry, Check, Choice, Page, Question, Rule, Scale, Section, Text
from .expressions import Field
from .report import Element
from .surveyjs_base import Shared
from .surveyjs_names import EXTENSIONS, SPECIAL, is_text, items_of, number_in


class Questions(Shared):
    def _questions(self, raw: Any, page: str) -> list[Question]:
        if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
            self.notes.add(page, "element", "broken", "content", raw)
            return []
        kind, name = raw["type"], text_of(raw.get("name") or "")
        element = Element(raw, name or kind)
        element.take("type", "name", "valueName")
        if raw.get("valueName") and raw["valueName"] != name:
            self.notes.add(element.where, "valueName", "no_counterpart", "logic", raw["valueName"])
        if kind == "matrixdropdown":
            return self._matrix_of_lists(element, name, page)
        reader: Callable[[Element, Question], bool] | None = getattr(self, f"_read_{kind}", None)
        if reader is None:
            self._dropped(element.where, kind, raw)
            return []
        question = Question(self.ids.give(name, kind), "short_text", {})
        if name and question.id != name:
            self.notes.add(element.where, "name", "renamed", "look", question.id)
        question.title = self._text(element.take("title"), element.where) or ({self.first: name} if name else {})
        question.hint = self._text(element.take("description"), element.where)
        if not reader(element, question):
            return []
        self._common(element, question)
        self._rest(element)
        if name:
            self._register(name, question)
            self.questions[name] = question
            self.page_of[name] = page
        return [question]

    def _dropped(self, where: str, kind: str, raw: dict[str, Any]) -> None:
        """A question that cannot be carried over, and whatever is asked inside it."""
        self.notes.add(where, kind, "no_counterpart", "content", raw.get("title") or raw.get("html") or "")
        for value in raw.values():
            for inner in items_of(value):
                if isinstance(inner, dict) and inner.get("name"):
                    self._dropped(
                        f"{where} · {inner['name']}", str(inner.get("type") or inner.get("cellType") or kind), inner
                    )

    def _register(self, name: str, question: Question) -> None:
        listed = question.kind in ("multiple", "ranking") or (
            question.kind in ("picture", "matrix") and question.several
        )
        previous = self.fields.get(name.lower())
        codes = previous.codes if previous and previous.name == f"answer.{question.id}" else {}
        self.fields[name.lower()] = Field(
            f"answer.{question.id}", listed, question.kind in ("yes_no", "consent"), codes
        )

    def _common(self, element: Element, question: Question) -> None:
        question.required = question.required or element.take("isRequired") is True
        self._visible(element, question)
        needed = element.take("requiredIf")

        def require(condition: Condition) -> None:
            self.rules.append(Rule(f"require_{question.id}", "require", condition, targets=[question.id]))

        self._when(needed, element.where, "requiredIf", require)
        default = element.take("defaultValue")
        if default not in (None, "", []):
            if is_text(default) or (isinstance(default, list) and all(is_text(one) for one in default)):
                text = ",".join(text_of(one) for one in default) if isinstance(default, list) else text_of(default)
                question.default = "yes" if default is True else "no" if default is False else text
            else:
                self.notes.add(element.where, "defaultValue", "no_counterpart", "content", default)
        for raw in items_of(element.take("validators")):
            self._validator(Element(raw, element.where), question)

    def _visible(self, element: Element, target: Page | Section | Question) -> None:
        hidden = element.take("visible") is False
        expression = element.take("visibleIf")
        if hidden and not expression:
            target.show = Condition(any=())  # never, unless a trigger shows it

        def put(condition: Condition) -> None:
            target.show = condition

        self._when(expression, element.where, "visibleIf", put)

    def _validator(self, element: Element, question: Question) -> None:
        kind = str(element.take("type") or "")
        message = self._text(element.take("text"), element.where)
        if kind == "email" and question.kind in ("short_text", "email"):
            question.kind = "email"
        elif kind == "numeric" and question.kind in ("number", "slider"):
            self._narrow(question, element.take("minValue"), element.take("maxValue"))
        elif kind == "text" and question.kind in ("short_text", "long_text", "email", "phone", "url"):
            least, most = number_in(element.take("minLength")), number_in(element.take("maxLength"))
            self._narrow(question, least or None, most or None)
            if element.take("allowDigits") is False:
                question.checks.append(
                    Check(Condition(not_=Condition(field="value", operator="matches", values=(r"\d",))), message)
                )
        elif kind == "answercount" and question.kind in ("multiple", "picture", "ranking", "file", "matrix"):
            self._narrow(question, element.take("minCount"), element.take("maxCount"))
        elif kind == "regex":
            pattern = text_of(element.take("regex") or "")
            pattern = f"(?i){pattern}" if element.take("caseInsensitive", "insensitive") is True else pattern
            question.checks.append(Check(Condition(field="value", operator="matches", values=(pattern,)), message))
        elif kind == "expression":

            def put(condition: Condition) -> None:
                empty = Condition(field=f"answer.{question.id}", operator="is_not_set")
                if condition.any and condition.any[0] == empty:  # our rules are asked only of what was answered
                    rest = condition.any[1:]
                    condition = rest[0] if len(rest) == 1 else Condition(any=rest)
                question.checks.append(Check(condition, message))

            self._when(element.take("expression"), element.where, "validator", put)
        else:
            self.notes.add(element.where, f"validator {kind}", "no_counterpart", "logic", element.data)
            return
        self._rest(element)

    def _narrow(self, question: Question, least: Any, most: Any) -> None:
        low, high = number_in(least), number_in(most)
        if low is not None:
            question.at_least = low if question.at_least is None else max(low, question.at_least)
        if high is not None:
            question.at_most = high if question.at_most is None else min(high, question.at_most)

    def _read_text(self, element: Element, question: Question) -> bool:
        kinds: dict[str, Any] = {
            "email": "email",
            "tel": "phone",
            "url": "url",
            "number": "number",
            "range": "number",
            "date": "date",
        }
        given = text_of(element.take("inputType") or "text")
        question.kind = kinds.get(given, "short_text")
        if given not in kinds and given != "text":
            self.notes.add(element.where, "inputType", "approximated", "content", given)
        question.placeholder = self._text(element.take("placeholder", "placeHolder"), element.where)
        least, most = element.take("min"), element.take("max")
        if question.kind == "number":
            self._narrow(question, least, most)
            if element.take("step") not in (None, "any", 1):
                self.notes.add(element.where, "step", "no_counterpart", "logic", element.data.get("step"))
        elif question.kind == "date":
            for bound, operator, said in ((least, "at_least", "minErrorText"), (most, "at_most", "maxErrorText")):
                if isinstance(bound, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", bound):
                    must = Condition(field="value", operator=operator, values=(bound,))  # type: ignore[arg-type] # one of two
                    question.checks.append(Check(must, self._text(element.take(said), element.where)))
                elif bound:
                    self.notes.add(element.where, "min/max", "expression", "logic", bound)
        elif least is not None or most is not None:
            self.notes.add(element.where, "min/max", "no_counterpart", "logic", [least, most])
        longest = number_in(element.take("maxLength"))
        if longest and longest > 0 and question.kind != "number":
            question.at_most = longest
        return True

    def _read_comment(self, element: Element, question: Question) -> bool:
        self._read_text(element, question)
        question.kind = "long_text"
        return True

    def _read_boolean(self, element: Element, question: Question) -> bool:
        question.kind = "yes_no"
        yes, no = element.take("valueTrue"), element.take("valueFalse")
        if yes is not None or no is not None:
            codes = {text_of(one): truth for one, truth in ((yes, True), (no, False)) if one is not None}
            self.fields[text_of(element.data.get("name") or "").lower()] = Field(f"answer.{question.id}", codes=codes)
            self.notes.add(element.where, "valueTrue/valueFalse", "renamed", "look", [yes, no])
        if element.take("displayMode", "renderAs") == "checkbox" and element.data.get("isRequired"):
            question.kind = "consent"
        return True

    def _read_radiogroup(self, element: Element, question: Question) -> bool:
        question.kind = "single"
        return self._choices(element, question)

    def _read_buttongroup(self, element: Element, question: Question) -> bool:
        return self._read_radiogroup(element, question)

    def _read_dropdown(self, element: Element, question: Question) -> bool:
        question.kind = "dropdown"
        question.placeholder = self._text(element.take("placeholder", "placeHolder", "optionsCaption"), element.where)
        least, most = number_in(element.take("choicesMin")), number_in(element.take("choicesMax"))
        step = number_in(element.take("choicesStep")) or 1
        if most and least is not None and step > 0 and (most - least) / step < 1000:
            count = int((most - least) / step) + 1
            numbers = [text_of(least + step * index) for index in range(count)]
            question.choices = [Choice(one, {self.first: one}, score=float(one)) for one in numbers]
        return self._choices(element, question)

    def _read_checkbox(self, element: Element, question: Question) -> bool:
        question.kind = "multiple"
        self._narrow(question, element.take("minSelectedChoices") or None, element.take("maxSelectedChoices") or None)
        return self._choices(element, question)

    def _read_tagbox(self, element: Element, question: Question) -> bool:
        question.placeholder = self._text(element.take("placeholder", "placeHolder"), element.where)
        return self._read_checkbox(element, question)

    def _read_imagepicker(self, element: Element, question: Question) -> bool:
        question.kind = "picture"
        question.several = element.take("multiSelect") is True
        self._narrow(question, element.take("minSelectedChoices") or None, element.take("maxSelectedChoices") or None)
        return self._choices(element, question)

    def _read_ranking(self, element: Element, question: Question) -> bool:
        question.kind = "ranking"
        partial = element.take("selectToRankEnabled") is True
        self._narrow(question, element.take("minSelectedChoices") or None, element.take("maxSelectedChoices") or None)
        if partial and question.at_least is None:
            question.at_least = 1
        return self._choices(element, question)

    def _choices(self, element: Element, question: Question) -> bool:
        question.choices += [
            choice
            for raw in items_of(element.take("choices"))
            if (choice := self._choice(raw, element.where, f"choice {raw}")) is not None
        ]
        for names, id_, flag, said, default in SPECIAL:
            text = element.take(said)
            if element.take(*names) is True:
                label = self._text(text, element.where) or {self.first: default}
                question.choices.append(
                    Choice(id_, label, other=flag == "other", exclusive=flag == "exclusive", fixed=True)
                )
        order = element.take("choicesOrder")
        if order == "random":
            question.order = "random"
        elif order in ("asc", "desc"):
            kept = [one for one in question.choices if one.fixed]
            moving = [one for one in question.choices if not one.fixed]
            moving.sort(key=lambda one: one.label.get(self.first, one.id).casefold(), reverse=order == "desc")
            question.choices = moving + kept
        if source := text_of(element.take("choicesFromQuestion") or ""):
            modes: dict[str, Any] = {"selected": "selected", "unselected": "unselected"}
            mode = modes.get(str(element.take("choicesFromQuestionMode") or ""), "shown")

            def finish() -> None:
                if source in self.questions:
                    question.carry = Carry(self.questions[source].id, mode)
                else:
                    self.notes.add(element.where, "choicesFromQuestion", "broken", "content", source)

            self.late.append(finish)
            for choice in [one for one in question.choices if not one.fixed]:  # it does not show them either
                question.choices.remove(choice)
                self.notes.add(element.where, f"choice {choice.id}", "broken", "content")
        element.take("hideIfChoicesEmpty")
        self._unique(question.choices, element.where, "choices")
        return True

    def _unique(self, choices: list[Choice], where: str, what: str) -> None:
        seen: set[str] = set()
        for choice in list(choices):
            if choice.id in seen:
                choices.remove(choice)
                self.notes.add(where, what, "broken", "content", choice.id)
            seen.add(choice.id)

    def _choice(self, raw: Any, where: str, what: str) -> Choice | None:
        if is_text(raw):
            return Choice(text_of(raw), {self.first: text_of(raw)})
        element = Element(raw, f"{where} · {what[:60]}")
        value = element.take("value", "name")
        if not is_text(value):
            self.notes.add(where, what[:60], "broken", "content", raw)
            return None
        element.where = f"{where} · {text_of(value)}"
        label = self._text(element.take("text", "title"), element.where) or {self.first: text_of(value)}
        choice = Choice(text_of(value), label, score=number_in(element.take("score")))
        choice.image = next(iter(self._text(element.take("imageLink"), element.where).values()), "")
        choice.exclusive = element.take("isExclusive") is True
        if element.take("showCommentArea", "hasComment") is True:
            choice.other = True
            element.take("isCommentRequired", "commentPlaceholder")

        def put(condition: Condition) -> None:
            choice.show = condition

        self._when(element.take("visibleIf"), element.where, "visibleIf", put)
        self._rest(element)
        return choice

    def _read_rating(self, element: Element, question: Question) -> bool:
        values = items_of(element.take("rateValues"))
        numbers = [number_in(one.get("value") if isinstance(one, dict) else one) for one in values]
        low, step = number_in(element.take("rateMin")), number_in(element.take("rateStep")) or 1.0
        high, count = number_in(element.take("rateMax")), number_in(element.take("rateCount"))
        low = 1.0 if low is None else low
        points: dict[str, Text] = {}
        if values:
            steps = {b - a for a, b in pairwise(numbers) if a is not None and b is not None}
            if None in numbers or len(steps) > 1 or len(numbers) < 2 or min(steps, default=0) <= 0:
                question.kind = "single"
                question.choices = [
                    choice for one in values if (choice := self._choice(one, element.where, f"rate {one}")) is not None
                ]
                for choice, number in zip(question.choices, numbers, strict=False):
                    choice.score = number
                self.notes.add(element.where, "rateValues", "approximated", "look")
                element.take("rateType", "rateDisplayMode", "autoGenerate")
                return True
            low, high, step = numbers[0] or 0.0, numbers[-1], steps.pop()
            for one in values:
                if isinstance(one, dict) and (label := self._text(one.get("text"), element.where)):
                    points[text_of(one["value"])] = label
        elif count and (high is None or element.data.get("rateMax") is None):
            high = low + (count - 1) * step
        high = 5.0 if high is None else high
        looks: dict[str, Any] = {"stars": "stars", "smileys": "faces"}
        question.scale = Scale(low, high, step, looks.get(str(element.take("rateType", "rateDisplayMode")), "numbers"))
        question.scale.lowest_label = self._text(
            element.take("minRateDescription", "mininumRateDescription"), element.where
        )
        question.scale.highest_label = self._text(
            element.take("maxRateDescription", "maximumRateDescription"), element.where
        )
        question.scale.points = points
        element.take("autoGenerate")
        question.kind = self._score_kind(question, element.where)
        return True

    def _score_kind(self, question: Question, name: str) -> Any:
        """A rating is an NPS only when it says so: a wrong number is worse than one that has to be chosen by hand."""
        words = " ".join((name, question.id, *question.title.values())).lower()
        scale = question.scale or Scale()
        if (scale.lowest, scale.highest, scale.step) == (0, 10, 1) and re.search(
            r"recommend|\bnps|порад|рекоменд|polec|推薦", words
        ):
            return "nps"
        if re.search(r"(?<![a-z])csat", words):
            return "csat"
        return "ces" if re.search(r"(?<![a-z])ces(?![a-z])", words) else "rating"

    def _read_slider(self, element: Element, question: Question) -> bool:
        if element.take("sliderType") == "range":
            self.notes.add(element.where, "slider range", "no_counterpart", "content")
            return False
        question.kind = "slider"
        numbers = [number_in(element.take(name)) for name in ("min", "max", "step")]
        question.scale = Scale(
            numbers[0] or 0.0, 100.0 if numbers[1] is None else numbers[1], numbers[2] or 1.0, "slider"
        )
        return True

    def _read_matrix(self, element: Element, question: Question) -> bool:
        question.kind = "matrix"
        question.choices = self._list(element, "columns")
        question.rows = self._list(element, "rows")
        question.several = element.take("cellType") == "checkbox"
        if element.take("eachRowRequired", "isAllRowRequired") is True:
            question.required = True
            element.take("isRequired")
        elif element.data.get("isRequired") is True:
            self.notes.add(element.where, "isRequired", "approximated", "logic")
        if element.take("rowOrder", "rowsOrder") == "random":
            question.order = "random"
        element.take("hideIfRowsEmpty")
        self.parts[question.id] = {row.id: row.id for row in question.rows}
        return True

    def _list(self, element: Element, name: str) -> list[Choice]:
        found = [self._choice(raw, element.where, f"{name} {raw}") for raw in items_of(element.take(name))]
        choices = [one for one in found if one is not None]
        self._unique(choices, element.where, name)
        return choices

    def _matrix_of_lists(self, element: Element, name: str, page: str) -> list[Question]:
        """Each column with choices becomes a matrix; they stand beside each other."""
        rows = self._list(element, "rows")
        title = self._text(element.take("title"), element.where) or {self.first: name}
        shared = self._list(element, "choices")
        usual = element.take("cellType") or "dropdown"
        required = element.take("isRequired", "eachRowRequired") is True
        made: list[Question] = []
        show_it: list[Question] = []
        for raw in items_of(element.take("columns")):
            column = Element(raw, f"{element.where} · {raw.get('name') if isinstance(raw, dict) else raw}")
            kind = column.take("cellType") or usual
            kind = usual if kind == "default" else kind
            own = self._list(column, "choices") or shared
            if kind not in ("dropdown", "radiogroup", "checkbox", "tagbox") or not own or not rows:
                self.notes.add(column.where, f"column {kind}", "no_counterpart", "content", raw)
                continue
            id_ = self.ids.give(f"{name}_{column.take('name')}", "matrix")
            heading = self._text(column.take("title"), column.where) or {
                self.first: text_of(column.data.get("name") or "")
            }
            joined = {
                code: f"{said} – {heading.get(code) or heading.get(self.first, '')}" for code, said in title.items()
            }
            if any("{" in said for said in joined.values()):
                self.late.append(partial(self._pipe, joined))
            copy = msgspec.convert(msgspec.to_builtins(rows), list[Choice])
            made.append(Question(id_, "matrix", joined, choices=own, rows=copy, several=kind in ("checkbox", "tagbox")))
            made[-1].beside = len(made) > 1
            made[-1].required = required or column.take("isRequired") is True
            self._rest(column)
            self.notes.add(column.where, "column", "renamed", "content", id_)
        show_it += made
        self._visible_all(element, show_it)
        self._rest(element)
        return made

    def _visible_all(self, element: Element, questions: list[Question]) -> None:
        expression = element.take("visibleIf")
        if element.take("visible") is False and not expression:
            for question in questions:
                question.show = Condition(any=())

        def put(condition: Condition) -> None:
            for question in questions:
                question.show = condition

        self._when(expression, element.where, "visibleIf", put)

    def _read_multipletext(self, element: Element, question: Question) -> bool:
        question.kind = "contact"
        for raw in items_of(element.take("items")):
            item = Element(raw, element.where)
            name = text_of(item.take("name") or "")
            if not name:
                self.notes.add(element.where, "item", "broken", "content", raw)
                continue
            item.where = f"{element.where} · {name}"
            label = self._text(item.take("title"), item.where) or {self.first: name}
            question.choices.append(Choice(name, label, required=item.take("isRequired") is True))
            self._rest(item)
        self._unique(question.choices, element.where, "items")
        self.parts[question.id] = {choice.id: choice.id for choice in question.choices}
        return True

    def _read_file(self, element: Element, question: Question) -> bool:
        question.kind = "file"
        most = number_in(element.take("maxFiles"))
        question.at_most = most or 20.0 if element.take("allowMultiple") is True else 1.0
        if size := number_in(element.take("maxSize")):
            question.largest_mb = max(round(size / 1_000_000, 3), 0.001)
        for one in str(element.take("acceptedTypes") or "").split(","):
            one = one.strip().lower()
            question.accept += [one] if one.startswith(".") else EXTENSIONS.get(one, [])
            if one and not one.startswith(".") and one not in EXTENSIONS:
                self.notes.add(element.where, "acceptedTypes", "no_counterpart", "logic", one)
        element.take("storeDataAsText", "waitForUpload")
        return True

    def _read_html(self, element: Element, question: Question) -> bool:
        question.kind = "statement"
        text = self._text(element.take("html"), element.where)
        if not text:
            self.notes.add(element.where, "html", "broken", "content")
            return False
        question.title = text
        return True

    def _read_expression(self, element: Element, question: Question) -> bool:
        """A formula becomes a variable; showing it is left out."""
        self._variable(text_of(element.data.get("name") or ""), element.take("expression"), element.where)
        self.notes.add(element.where, "expression", "approximated", "content", element.data.get("expression", ""))
        return False
