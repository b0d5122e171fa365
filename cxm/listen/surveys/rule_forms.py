"""Forms of rules and quotas. What a rule waits for, its condition, is the shared form of conditions beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from .checking import ID, PRIORITIES
from .definition import Definition, Formula, Quota, Rule, said

DEEDS = [
    ("skip", gettext_lazy("Go on at a page")),
    ("end", gettext_lazy("End the survey")),
    ("require", gettext_lazy("Make questions required")),
    ("compute", gettext_lazy("Compute a variable")),
    ("tag", gettext_lazy("Put a tag on")),
    ("open_case", gettext_lazy("Open a case")),
]
SUMS = [
    ("value", gettext_lazy("takes the value")),
    ("add", gettext_lazy("adds up")),
    ("subtract", gettext_lazy("subtracts the others from the first")),
    ("multiply", gettext_lazy("multiplies")),
    ("divide", gettext_lazy("divides the first by the others")),
    ("average", gettext_lazy("takes the average")),
    ("smallest", gettext_lazy("takes the smallest")),
    ("largest", gettext_lazy("takes the largest")),
    ("count", gettext_lazy("counts those that are there")),
    ("join", gettext_lazy("joins the texts")),
]
PRIORITY_NAMES = {
    "low": gettext_lazy("Low"), "normal": gettext_lazy("Normal"), "high": gettext_lazy("High"),
    "urgent": gettext_lazy("Urgent"),
}  # fmt: skip


def page_names(definition: Definition, language: str) -> list[tuple[str, str]]:
    """(id, “Page 2 · Heading or first question”)"""
    found = []
    for number, page in enumerate(definition.pages, 1):
        first = next((one for section in page.sections for one in section.questions), None)
        title = said(page.title, language, definition.languages)
        title = title or (said(first.title, language, definition.languages) if first else "")
        name = _("Page %(number)s") % {"number": number}
        found.append((page.id, f"{name} · {title[:60]}" if title else name))
    return found


def ending_names(definition: Definition, language: str) -> list[tuple[str, str]]:
    return [(one.id, said(one.title, language, definition.languages)[:60] or one.id) for one in definition.endings]


def question_names(definition: Definition, language: str) -> list[tuple[str, str]]:
    return [
        (one.id, said(one.title, language, definition.languages)[:80] or one.id)
        for one in definition.questions() if one.kind != "statement"
    ]  # fmt: skip


class RuleForm(forms.Form):
    """All fields of all kinds of rules; which of them count is said by `do`."""

    do = forms.ChoiceField(label=gettext_lazy("What happens"), choices=DEEDS)
    after = forms.ChoiceField(label=gettext_lazy("When"), required=False)
    page = forms.ChoiceField(label=gettext_lazy("Page"), required=False)
    ending = forms.ChoiceField(label=gettext_lazy("End screen"), required=False)
    questions = forms.MultipleChoiceField(
        label=gettext_lazy("Questions"), required=False, widget=forms.CheckboxSelectMultiple
    )
    variable = forms.CharField(label=gettext_lazy("Variable"), required=False, max_length=64)
    sum = forms.ChoiceField(label=gettext_lazy("What it does"), choices=SUMS, required=False)
    parts = forms.CharField(
        label=gettext_lazy("Of what"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One a line: a number, or something known such as {answer.nps} or {trait.seats}."),
    )  # fmt: skip
    tag = forms.CharField(label=gettext_lazy("Tag"), required=False, max_length=60)
    priority = forms.ChoiceField(
        label=gettext_lazy("Priority"), required=False, choices=[(one, PRIORITY_NAMES[one]) for one in PRIORITIES]
    )

    def __init__(
        self, data: Mapping[str, Any] | None, *, definition: Definition, language: str, rule: Rule | None = None
    ) -> None:
        initial: dict[str, Any] = {"do": "skip", "priority": "normal", "sum": "value"}
        if rule:
            initial |= {
                "do": rule.do, "after": rule.after, "page": rule.target, "ending": rule.target, "tag": rule.target,
                "variable": rule.target, "priority": rule.target or "normal", "questions": rule.targets,
            }  # fmt: skip
            if rule.formula:
                initial["sum"] = rule.formula.do
                initial["parts"] = "\n".join(_written(one) for one in rule.formula.of)
        super().__init__(data, initial=initial)
        self.definition, self.nested = definition, bool(rule and rule.formula and _nested(rule.formula))
        self.kept = rule.formula if rule else None
        pages = page_names(definition, language)
        self._offer(
            "after",
            [("", _("Whenever it matters")), *((one, _("After: %(page)s") % {"page": name}) for one, name in pages)],
        )
        self._offer("page", [("", "…"), *pages])
        self._offer("ending", [("", _("The one that fits")), *ending_names(definition, language)])
        self._offer("questions", question_names(definition, language))

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        present = self.initial.get(name)
        known = dict(choices)
        gone = [one for one in (present if isinstance(present, list) else [present]) if one and one not in known]
        # What a rule names stays among the choices: another kind of rule keeps its target in the same place.
        field.choices = choices
        if gone and not isinstance(present, list):
            self.initial[name] = ""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        match values.get("do"):
            case "skip" if not values.get("page"):
                self.add_error("page", _("Choose the page."))
            case "require" if not values.get("questions"):
                self.add_error("questions", _("Choose which questions the rule makes compulsory."))
            case "compute":
                if not ID.fullmatch(values.get("variable", "")):
                    self.add_error("variable", _("Use Latin letters, digits, hyphens and underscores only."))
                if not values.get("parts", "").strip() and not self.nested:
                    self.add_error("parts", _("Write at least one line."))
            case "tag" if not values.get("tag", "").strip():
                self.add_error("tag", _("Write the tag that the rule puts on."))
        return values

    def put(self, rule: Rule, definition: Definition) -> None:
        values = self.cleaned_data
        rule.do, rule.after, rule.targets, rule.formula = values["do"], values["after"], [], None
        match rule.do:
            case "skip":
                rule.target = values["page"]
            case "end":
                rule.target = values["ending"]
            case "require":
                rule.target, rule.targets = "", values["questions"]
            case "compute":
                rule.target = values["variable"]
                if rule.target not in definition.variables:
                    definition.variables.append(rule.target)
                lines = [one.strip() for one in values["parts"].splitlines() if one.strip()]
                of: list[float | str | Formula] = [_read(one) for one in lines]
                rule.formula = self.kept if self.nested else Formula(do=values["sum"], of=of)
            case "tag":
                rule.target = values["tag"].strip()
            case "open_case":
                rule.target = values["priority"] or "normal"


def _read(line: str) -> float | str:
    text = line.replace(",", ".")
    return float(text) if re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", text) else line


def _written(part: float | str | Formula) -> str:
    if isinstance(part, Formula):
        return f"{part.do}(…)"
    return part if isinstance(part, str) else f"{part:g}"


def _nested(formula: Formula) -> bool:
    return any(isinstance(one, Formula) for one in formula.of)


class QuotaForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=100)
    limit = forms.IntegerField(label=gettext_lazy("At most so many complete responses"), min_value=1, max_value=10**9)
    then = forms.ChoiceField(
        label=gettext_lazy("When it is full"),
        choices=[
            ("end", gettext_lazy("End the survey for whoever fits")),
            ("close", gettext_lazy("Let nobody begin any more")),
            ("count", gettext_lazy("Count on: conditions may ask whether it is full")),
        ],
    )  # fmt: skip
    ending = forms.ChoiceField(label=gettext_lazy("With the end screen"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None, *, definition: Definition, language: str, quota: Quota | None = None
    ):
        initial = {name: getattr(quota, name) for name in ("name", "limit", "then", "ending")} if quota else {}
        super().__init__(data, initial=initial)
        field = self.fields["ending"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("The one that fits")), *ending_names(definition, language)]

    def put(self, quota: Quota) -> None:
        for name, value in self.cleaned_data.items():
            setattr(quota, name, value)
