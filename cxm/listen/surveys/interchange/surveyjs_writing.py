"""A Definition as SurveyJS JSON for survey-core 3.1, valid under its own JSON Schema.

Skips and ends are written as conditions of the pages they jump over, so the same questions are shown; endings by path
as `completedHtmlOnCondition`. What SurveyJS cannot say is listed in the notes.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import msgspec

from cxm.lib.conditions import Condition, text_of

from ..definition import SCORED, Carry, Choice, Definition, Ending, Page, Question, Rule, Section, Text, default_scale
from ..runtime.checking import PHONE, URL
from ..runtime.prepared import FIELD
from .expressions import Unsaid
from .report import Exported, Notes
from .writing import Their, Writer, anchor

LOCALES = {"zh-hant": "zh-tw"}
TYPES = {
    "nps": "rating", "csat": "rating", "ces": "rating", "rating": "rating", "yes_no": "boolean", "thumbs": "boolean",
    "consent": "boolean", "single": "radiogroup", "multiple": "checkbox", "dropdown": "dropdown",
    "picture": "imagepicker", "matrix": "matrix", "ranking": "ranking", "slider": "slider",
    "constant_sum": "multipletext", "contact": "multipletext", "short_text": "text", "long_text": "comment",
    "number": "text", "email": "text", "phone": "text", "url": "text", "date": "text", "file": "file",
    "statement": "html",
}  # fmt: skip
INPUTS = {"number": "number", "email": "email", "phone": "tel", "url": "url", "date": "date"}


def write_surveyjs(definition: Definition) -> Exported:
    writer = _Writer(definition)
    made = writer.survey()
    return Exported(msgspec.json.format(msgspec.json.encode(made), indent=2), writer.notes.list)


def answers_for_surveyjs(definition: Definition, answers: dict[str, Any]) -> dict[str, Any]:
    """A response in the form in which survey-core keeps its data, to fill in an exported survey."""
    made: dict[str, Any] = {}
    for question in definition.questions():
        if question.id not in answers or question.kind in ("maxdiff", "statement"):
            continue
        value, other = answers[question.id], _other(question)
        if other and isinstance(value, list):
            value = ["other" if one == other.id else one for one in value]
        elif other and value == other.id:
            value = "other"
        made[question.id] = value
        if other and f"{question.id}.other" in answers:
            made[f"{question.id}-Comment"] = answers[f"{question.id}.other"]
    return made


class _Writer:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.notes = Notes()
        self.questions = {question.id: question for question in definition.questions()}
        self.first = definition.languages[0] if definition.languages else "en"
        self.expressions = Writer("surveyjs", self.lookup)

    def survey(self) -> dict[str, Any]:
        definition, notes = self.definition, self.notes
        made: dict[str, Any] = {
            "title": self.text(definition.title, "title"),
            "description": self.text(definition.intro, "intro"),
            "locale": "" if self.first == "en" else LOCALES.get(self.first, self.first),
            "logo": definition.look.logo,
            "clearInvisibleValues": "onHidden",
            "showPrevButton": None if definition.back else False,
            "showProgressBar": True if definition.look.progress else None,
            "questionsOnPageMode": "questionPerPage" if definition.look.one_at_a_time else None,
        }
        jumps = self._jumps()
        made["pages"] = [self._page(page, jumps[number]) for number, page in enumerate(definition.pages)]
        made["calculatedValues"] = self._calculated()
        self._endings(made)
        for rule in definition.rules:
            if rule.do in ("tag", "open_case"):
                notes.add(rule.id, rule.do, "no_counterpart", "logic", rule.target)
        for quota in definition.quotas:
            notes.add(quota.name or quota.id, "quota", "no_counterpart", "logic", quota.limit)
        if definition.purpose:
            notes.add("survey", "purpose", "no_counterpart", "content", next(iter(definition.purpose.values())))
        look = definition.look
        if (look.accent, look.background, look.font, look.dark) != ("#206bc4", "", "system", "auto"):
            notes.add("survey", "look", "look", "look")
        return self._kept(made)

    def _kept(self, made: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in made.items() if value is not None and value not in ("", [], {})}

    # Texts and conditions

    def text(self, text: Text, where: str, *, markup: bool = False) -> Any:
        """A localisable string: plain when there is one language only."""
        said = {}
        for code, one in text.items():
            if one:
                piped = FIELD.sub(lambda found: self._piped(found[1], found[2], where), one)
                said["default" if code == self.first else LOCALES.get(code, code)] = (
                    html.escape(piped, quote=False).replace("\n", "<br>") if markup else piped
                )
        return said["default"] if list(said) == ["default"] else said

    def _piped(self, name: str, fallback: str | None, where: str) -> str:
        if fallback:
            self.notes.add(where, "fallback", "no_counterpart", "content", fallback)
        try:
            return self.lookup(name).text
        except Unsaid:
            self.notes.add(where, "piping", "no_counterpart", "content", name)
            return fallback or ""

    def lookup(self, name: str) -> Their:
        root, _, rest = name.partition(".")
        if root == "value":
            return Their("{$self.value}")
        if root == "answer" and rest:
            return self._answer(rest)
        if root == "count" and rest in self.questions:
            return Their("{" + rest + ".length}")
        if root == "language":
            return Their("{locale}", codes=LOCALES)
        if root in ("hidden", "variable") and rest:
            return Their("{" + rest + "}")
        raise Unsaid(name)

    def _answer(self, rest: str) -> Their:
        if (question := self.questions.get(rest)) is not None:
            if question.kind in ("matrix", "contact", "constant_sum", "maxdiff", "file"):
                raise Unsaid(rest)
            listed = question.kind in ("multiple", "ranking") or (question.kind == "picture" and question.several)
            other = _other(question)
            return Their("{" + rest + "}", listed, {other.id: "other"} if other else {})
        head, _, part = rest.rpartition(".")
        question = self.questions.get(head)
        if question is None or question.kind in ("ranking", "maxdiff"):
            raise Unsaid(rest)
        if part == "other" and question.kind not in ("matrix", "contact"):
            return Their("{" + f"{head}-Comment" + "}")
        return Their("{" + f"{head}.{part}" + "}", question.kind == "matrix" and question.several)

    def when(self, condition: Condition | None, where: str, what: str) -> str | None:
        if condition is None:
            return None
        try:
            return self.expressions.condition(condition)
        except Unsaid as unsaid:
            self.notes.add(where, what, "expression", "logic", str(unsaid))
            return None

    def _jumps(self) -> list[Condition | None]:
        """For each page the condition under which it is jumped over."""
        pages = self.definition.pages
        numbers = {page.id: number for number, page in enumerate(pages)}
        over: list[list[Condition]] = [[] for _ in pages]
        for number, page in enumerate(pages):
            before: list[Condition] = []
            for rule in self._turns(page.id):
                target = len(pages) if rule.do == "end" else numbers.get(rule.target, -1)
                if target <= number:
                    continue
                here = self._followed(page, rule, before, over[number])
                for jumped in range(number + 1, target):
                    over[jumped].append(here)
                if rule.when is None:
                    break
                before.append(rule.when)
        return [Condition(any=tuple(one)) if one else None for one in over]

    def _turns(self, page: str) -> Iterable[Rule]:
        return (rule for rule in self.definition.rules if rule.do in ("skip", "end") and rule.after in ("", page))

    def _followed(self, page: Page, rule: Rule, before: list[Condition], over: list[Condition]) -> Condition:
        """When a rule is followed: its page is on the way, it holds and none before it did."""
        parts = [] if page.show is None else [page.show]
        if (something := _something_shown(page)) is not None:
            parts.append(something)
        parts += [Condition(not_=one) for one in (*over, *before)]
        return Condition(all=(*parts, *([rule.when] if rule.when else [])))

    # Pages and questions

    def _page(self, page: Page, jumped: Condition | None) -> dict[str, Any]:
        show = page.show
        if jumped is not None:
            around = Condition(not_=jumped)
            show = around if show is None else Condition(all=(show, around))
        plain = [s for s in page.sections if not s.title and not s.text and s.show is None and s.order == "as_is"]
        if page.order == "random":  # whole sections move
            plain = []
        elements: list[dict[str, Any]] = []
        for section in page.sections:
            if section in plain:
                elements += self._elements(section)
            else:
                elements.append(self._panel(section, page.order))
        return self._kept(
            {
                "name": page.id,
                "title": self.text(page.title, page.id),
                "visibleIf": self.when(show, page.id, "visibleIf"),
                "questionOrder": "random" if page.order == "random" else None,
                "elements": elements,
            }
        )

    def _panel(self, section: Section, around: str) -> dict[str, Any]:
        """A panel has the order of its page unless it says its own."""
        as_written = "initial" if around == "random" else None
        elements = self._elements(section)
        if not elements and section.text:
            text = self.text(section.text, section.id, markup=True)
            elements = [{"type": "html", "name": f"{section.id}_text", "html": text}]
        return self._kept(
            {
                "type": "panel",
                "name": section.id,
                "title": self.text(section.title, section.id),
                "description": self.text(section.text, section.id) if section.questions else None,
                "visibleIf": self.when(section.show, section.id, "visibleIf"),
                "questionOrder": "random" if section.order == "random" else as_written,
                "elements": elements,
            }
        )

    def _elements(self, section: Section) -> list[dict[str, Any]]:
        made = []
        for question in section.questions:
            if question.kind in TYPES:
                made.append(self._kept(self._question(question)))
            else:
                self.notes.add(
                    question.id, question.kind, "no_counterpart", "content", question.title.get(self.first, "")
                )
        return made

    def _question(self, question: Question) -> dict[str, Any]:
        where = question.id
        made: dict[str, Any] = {
            "type": TYPES[question.kind],
            "name": question.id,
            "title": self.text(question.title, where),
            "description": self.text(question.hint, where),
            "visibleIf": self.when(question.show, where, "visibleIf"),
            "isRequired": True if question.required else None,
            "requiredIf": None if question.required else self._required_if(question),
        }
        validators: list[dict[str, Any]] = []
        if question.kind in SCORED:
            self._scale(question, made)
        elif question.kind == "statement":
            made = {**made, "html": self._statement(question, where), "title": None, "isRequired": None}
        elif question.kind in ("single", "multiple", "dropdown", "picture", "ranking"):
            self._choices(question, made)
        elif question.kind == "matrix":
            self._matrix(question, made, validators)
        elif question.kind in ("contact", "constant_sum"):
            self._parts(question, made, validators)
        elif question.kind == "file":
            made["acceptedTypes"] = ",".join(question.accept)
            made["maxSize"] = round(question.largest_mb * 1_000_000)
            made["allowMultiple"] = True if (question.at_most or 20) > 1 else None
            made["maxFiles"] = question.at_most if made["allowMultiple"] else None
            made["storeDataAsText"] = False
        elif question.kind == "consent" and question.required:
            validators.append({"type": "expression", "expression": "{" + question.id + "} = true"})
        else:
            self._written(question, made, validators)
        if question.kind in ("consent", "matrix") and not question.required and made["requiredIf"]:
            parts = (
                [question.id] if question.kind == "consent" else [f"{question.id}.{row.id}" for row in question.rows]
            )
            told = " and ".join(
                "{" + part + "}" + (" = true" if part == question.id else " notempty") for part in parts
            )
            if told:
                validators.append({"type": "expression", "expression": f"!({made['requiredIf']}) or ({told})"})
        validators += self._checks(question)
        made["validators"] = made.get("validators", []) + validators
        if question.default:
            if FIELD.search(question.default):
                self.notes.add(where, "default", "no_counterpart", "content", question.default)
            else:
                several = question.kind in ("multiple", "ranking")
                made["defaultValue"] = question.default.split(",") if several else question.default
        for name in ("explains", "instructed", "touchpoint", "role", "beside"):
            if value := getattr(question, name):
                self.notes.add(where, name, "no_counterpart", "look", value)
        return made

    def _required_if(self, question: Question) -> str | None:
        rules = [rule for rule in self.definition.rules if rule.do == "require" and question.id in rule.targets]
        texts = []
        for rule in rules:
            if rule.after:
                self.notes.add(question.id, "require", "approximated", "logic", rule.after)
            text = self.when(rule.when or Condition(all=()), question.id, "requiredIf")
            texts += [text] if text else []
        return " or ".join(texts) if texts else None

    def _scale(self, question: Question, made: dict[str, Any]) -> None:
        scale = question.scale or default_scale(question.kind)
        if question.kind == "slider":
            made |= {"min": scale.lowest, "max": scale.highest, "step": scale.step}
            self._dropped_labels(question, [scale.lowest_label, scale.highest_label, *scale.points.values()])
            bounds = self._kept({"minValue": question.at_least, "maxValue": question.at_most})
            made["validators"] = [{"type": "numeric", **bounds}] if bounds else []
            return
        if scale.points:
            count = round((scale.highest - scale.lowest) / scale.step) + 1
            values = [round(scale.lowest + index * scale.step, 9) for index in range(min(count, 101))]
            made["autoGenerate"] = False
            made["rateValues"] = [
                self._kept({"value": value, "text": self.text(scale.points.get(text_of(value), {}), question.id)})
                for value in values
            ]
        else:
            count = round((scale.highest - scale.lowest) / scale.step) + 1
            made |= {"rateCount": count, "rateMin": scale.lowest, "rateMax": scale.highest}
            made["rateStep"] = scale.step if scale.step != 1 else None
        made["rateType"] = {"stars": "stars", "faces": "smileys"}.get(scale.look)
        made["minRateDescription"] = self.text(scale.lowest_label, question.id)
        made["maxRateDescription"] = self.text(scale.highest_label, question.id)

    def _dropped_labels(self, question: Question, labels: list[Text]) -> None:
        for label in labels:
            if label:
                self.notes.add(question.id, "scale label", "no_counterpart", "content", next(iter(label.values())))

    def _choices(self, question: Question, made: dict[str, Any]) -> None:
        other = _other(question)
        choices: list[Any] = []
        for choice in question.choices:
            if choice is other:
                made["showOtherItem"] = True
                made["otherText"] = self.text(choice.label, question.id)
                if choice.id != "other":
                    self.notes.add(question.id, f"choice {choice.id}", "renamed", "look", "other")
                if choice.show is not None:
                    self.notes.add(question.id, "other · visibleIf", "no_counterpart", "logic")
                continue
            if choice.other:
                self.notes.add(question.id, f"choice {choice.id}", "approximated", "content")
            choices.append(self._choice(choice, question, multiple=question.kind == "multiple"))
        made["choices"] = choices
        if question.order == "random":
            made["choicesOrder"] = "random"
        elif question.order == "reversed_half":
            self.notes.add(question.id, "order", "no_counterpart", "look", question.order)
        if question.carry is not None and not question.choices:
            made["choicesFromQuestion"] = question.carry.question
            made["choicesFromQuestionMode"] = None if question.carry.which == "shown" else question.carry.which
        elif question.carry is not None:  # there, choices of its own would be left out: name those carried
            made["choices"] = self._carried(question, question.carry) + choices
        if other is None and (question.carry is not None or any(one.show is not None for one in question.choices)):
            made["hideIfChoicesEmpty"] = True
        if question.kind == "picture":
            made |= {"multiSelect": True if question.several else None, "showLabel": True}
        if question.kind == "ranking" and (question.at_least or question.at_most or not question.required):
            made["selectToRankEnabled"] = True
        if question.kind == "ranking":
            made["minSelectedChoices"], made["maxSelectedChoices"] = question.at_least, question.at_most
        elif question.kind in ("multiple", "picture") and (question.at_least or question.at_most):
            bounds = self._kept({"minCount": question.at_least, "maxCount": question.at_most})
            made["validators"] = [{"type": "answercount", **bounds}]

    def _carried(self, question: Question, carry: Carry) -> list[Any]:
        """The choices of the earlier question, each shown when it would be carried."""
        source = self.questions.get(carry.question)
        if source is None or source.kind == "matrix" or source.carry is not None:
            self.notes.add(question.id, "carry", "no_counterpart", "logic", carry.question)
            return []
        made = []
        for choice in source.choices:
            chosen = Condition(field=f"answer.{source.id}", values=(choice.id,))
            parts = [one for one in (source.show, choice.show) if one is not None]
            if choice.other:
                self.notes.add(question.id, f"carried choice {choice.id}", "no_counterpart", "content")
                continue
            if carry.which != "shown":
                parts.append(chosen if carry.which == "selected" else Condition(not_=chosen))
            if all(choice.id != own.id for own in question.choices):
                show = Condition(all=tuple(parts)) if parts else None
                copy = Choice(choice.id, choice.label, image=choice.image, show=show)
                made.append(self._choice(copy, question))
        return made

    def _choice(self, choice: Choice, question: Question, *, multiple: bool = False) -> dict[str, Any]:
        if choice.score is not None:
            self.notes.add(question.id, f"score of {choice.id}", "no_counterpart", "logic", choice.score)
        if choice.exclusive and not multiple:
            self.notes.add(question.id, f"exclusive {choice.id}", "no_counterpart", "logic")
        return self._kept(
            {
                "value": choice.id,
                "text": self.text(choice.label, question.id),
                "imageLink": choice.image,
                "visibleIf": self.when(choice.show, f"{question.id} · {choice.id}", "visibleIf"),
                "isExclusive": True if choice.exclusive and multiple else None,
            }
        )

    def _matrix(self, question: Question, made: dict[str, Any], validators: list[dict[str, Any]]) -> None:
        made["columns"] = [self._choice(choice, question) for choice in question.choices]
        made["rows"] = [self._choice(row, question) for row in question.rows]
        made["cellType"] = "checkbox" if question.several else None
        made["eachRowRequired"] = True if question.required else None
        made["rowOrder"] = "random" if question.order == "random" else None
        made["hideIfRowsEmpty"] = True
        if question.carry is not None:
            self.notes.add(question.id, "carry", "no_counterpart", "logic", question.carry.question)
        for row in question.rows:
            if row.required and not question.required:
                expression = "{" + f"{question.id}.{row.id}" + "} notempty or {" + question.id + "} empty"
                validators.append({"type": "expression", "expression": expression})
        if question.several and (question.at_least or question.at_most):
            self.notes.add(question.id, "at_least/at_most", "no_counterpart", "logic")

    def _parts(self, question: Question, made: dict[str, Any], validators: list[dict[str, Any]]) -> None:
        numeric = question.kind == "constant_sum"
        inputs = {"email": "email", "phone": "tel", "url": "url"}
        items = []
        for choice in question.choices:
            given = "number" if numeric else inputs.get(choice.id)
            item: dict[str, Any] = {
                "name": choice.id,
                "title": self.text(choice.label, question.id),
                "inputType": given,
            }
            item["isRequired"] = True if choice.required and question.required else None
            if numeric:
                item["validators"] = [{"type": "numeric", "minValue": 0}]
            elif choice.id in ("email", "phone", "url"):
                item["validators"] = [_format(choice.id)]
            if choice.required and not question.required:
                expression = "{" + f"{question.id}.{choice.id}" + "} notempty or {" + question.id + "} empty"
                validators.append({"type": "expression", "expression": expression})
            items.append(self._kept(item))
        made["items"] = items
        if numeric and question.total is not None and items:
            summed = "sum(" + ", ".join("{" + f"{question.id}.{choice.id}" + "}" for choice in question.choices) + ")"
            expression = f"{{{question.id}}} empty or {summed} = {text_of(question.total)}"
            validators.append({"type": "expression", "expression": expression})

    def _written(self, question: Question, made: dict[str, Any], validators: list[dict[str, Any]]) -> None:
        if question.kind not in ("short_text", "long_text", *INPUTS):
            return
        made["inputType"] = INPUTS.get(question.kind)
        made["placeholder"] = self.text(question.placeholder, question.id)
        if question.kind == "number":
            bounds = self._kept({"minValue": question.at_least, "maxValue": question.at_most})
            validators.append({"type": "numeric", **bounds})
        elif question.kind in ("email", "phone", "url"):
            validators.append(_format(question.kind))
        if question.kind not in ("number", "date"):
            least, most = question.at_least, question.at_most
            if least or most is not None:
                validators.append({"type": "text", **self._kept({"minLength": least, "maxLength": most})})

    def _checks(self, question: Question) -> list[dict[str, Any]]:
        made = []
        for number, check in enumerate(question.checks, 1):
            message = self.text(check.message, question.id)
            must = check.must
            if must.field == "value" and must.operator == "matches" and len(must.values) == 1:
                made.append(self._kept({"type": "regex", "regex": text_of(must.values[0]), "text": message}))
            elif expression := self._own(question, check.must, number):
                made.append(self._kept({"type": "expression", "expression": expression, "text": message}))
        return made

    def _own(self, question: Question, must: Condition, number: int) -> str | None:
        """The author's rules are asked only of what was answered."""
        before = self.expressions.lookup

        def lookup(name: str) -> Their:
            return before(f"answer.{question.id}") if name == "value" else before(name)

        try:
            text = Writer("surveyjs", lookup).condition(must)
        except Unsaid as unsaid:
            self.notes.add(question.id, f"check {number}", "expression", "logic", str(unsaid))
            return None
        return "{" + question.id + "} empty or " + text

    # Variables and endings

    def _calculated(self) -> list[dict[str, Any]]:
        """The last rule that holds decides: later rules ask first."""
        made: dict[str, str] = {}
        for rule in self.definition.rules:
            if rule.do != "compute" or rule.formula is None:
                continue
            try:
                value = self.expressions.formula(rule.formula)
                if "{" + rule.target + "}" in value:
                    raise Unsaid("a variable made of itself")
                if rule.when is not None:
                    value = (
                        f"iif({self.expressions.condition(rule.when)}, {value}, {made.get(rule.target, 'undefined')})"
                    )
            except Unsaid as unsaid:
                self.notes.add(rule.id, "compute", "expression", "logic", str(unsaid))
                continue
            if rule.after:
                self.notes.add(rule.id, "compute", "approximated", "logic", rule.after)
            made[rule.target] = value
        return [{"name": name, "expression": expression} for name, expression in made.items()]

    def _endings(self, made: dict[str, Any]) -> None:
        conditional: list[dict[str, Any]] = []
        links: list[dict[str, Any]] = []
        for ending in self.definition.endings:
            when = self._ended(ending)
            said = self._said(ending)
            if not ending.completes:
                self.notes.add(ending.id, "completes", "no_counterpart", "logic")
            if when is None:
                made.setdefault("completedHtml", said)
                if ending.redirect and ending.link:
                    made.setdefault("navigateToUrl", self.text({self.first: ending.link}, ending.id))
                continue
            expression = self.when(when, ending.id, "ending")
            if expression is None:
                continue
            conditional.append({"expression": expression, "html": said})
            if ending.redirect and ending.link:
                links.append({"expression": expression, "url": self.text({self.first: ending.link}, ending.id)})
        made["completedHtmlOnCondition"] = conditional
        made["navigateToUrlOnCondition"] = links

    def _ended(self, ending: Ending) -> Condition | None:
        """When an ending is shown: by its own condition or by a rule that leads to it."""
        ways = [ending.when] if ending.when is not None else []
        for rule in self.definition.rules:
            if rule.do == "end" and rule.target == ending.id:
                ways.append(rule.when or Condition(all=()))
        return Condition(any=tuple(ways)) if ways else None

    def _said(self, ending: Ending) -> Any:
        """Title, text and link as the HTML that a completed page is made of."""
        texts: Text = {}
        for code in dict.fromkeys((*ending.title, *ending.text)):
            parts = [f"<h3>{html.escape(ending.title[code], quote=False)}</h3>"] if ending.title.get(code) else []
            if said := ending.text.get(code):
                parts.append("<p>" + html.escape(said, quote=False).replace("\n", "<br>") + "</p>")
            if not ending.redirect:
                parts.append(anchor(ending, code))
            texts[code] = "".join(parts)
        return self.text(texts, ending.id)

    def _statement(self, question: Question, where: str) -> Any:
        """Its text, and its button as a link below."""
        if FIELD.search(question.link):
            self.notes.add(question.id, "link", "expression", "content", question.link)
        if not anchor(question, self.first):
            return self.text(question.title, where, markup=True)
        texts = {
            code: html.escape(said, quote=False).replace("\n", "<br>") + anchor(question, code)
            for code, said in question.title.items()
        }
        return self.text(texts, where)


def _something_shown(page: Page) -> Condition | None:
    """When a page has anything to show; None: always."""
    ways: list[Condition] = []
    for section in page.sections:
        inner = [None] if section.text and not section.questions else [question.show for question in section.questions]
        for show in inner:
            parts = tuple(one for one in (section.show, show) if one is not None)
            if not parts:
                return None
            ways.append(Condition(all=parts))
    return Condition(any=tuple(ways))


def _other(question: Question) -> Choice | None:
    """SurveyJS has one "other" per question, with the value `other`."""
    if question.kind not in ("single", "dropdown", "multiple", "picture"):
        return None
    return next((choice for choice in question.choices if choice.other), None)


def _format(kind: str) -> dict[str, Any]:
    """SurveyJS checks e-mail addresses itself, other formats by a pattern."""
    if kind == "email":
        return {"type": "email"}
    pattern = PHONE if kind == "phone" else URL
    return {"type": "regex", "regex": f"^(?:{pattern.pattern})$", "caseInsensitive": True}
