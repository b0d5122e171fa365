"""Forms of the editor: a question of any kind, pages, sections, end screens, look and settings.

A form shows texts in one language and changes those only. `put(…)` writes what was checked into the definition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .checking import Taken, safe_picture, safe_template
from .definition import (
    SCORED,
    UPLOADED,
    Carry,
    Choice,
    Definition,
    Ending,
    Page,
    Question,
    Scale,
    Section,
    Text,
    picture_address,
    said,
)  # fmt: skip
from .editing import free_choice_id
from .kinds import KIND, ORDER
from .places import matrix_before

SHORT: Final = 500
LONG: Final = 5_000
# Of each kind that has limits, what they limit.
LIMITS: Final = {
    "number": (gettext_lazy("Smallest number"), gettext_lazy("Largest number")),
    "short_text": (gettext_lazy("At least so many characters"), gettext_lazy("At most so many characters")),
    "long_text": (gettext_lazy("At least so many characters"), gettext_lazy("At most so many characters")),
    "ranking": (gettext_lazy("Rank at least so many"), gettext_lazy("Rank at most so many")),
    "file": (gettext_lazy("At least so many files"), gettext_lazy("At most so many files")),
}
CHOICE_LIMITS: Final = (gettext_lazy("Choose at least"), gettext_lazy("Choose at most"))


def put_text(text: Text, language: str, value: str) -> None:
    """A text in one language; an empty one is no text."""
    if value.strip():
        text[language] = value.strip()
    else:
        text.pop(language, None)


class PartForm(forms.Form):
    """A form for one part of a survey in one language; other languages show as placeholders."""

    def __init__(
        self, data: Mapping[str, Any] | None, *, definition: Definition, language: str, initial: dict[str, Any]
    ):
        super().__init__(data, initial=initial, prefix=None)
        self.definition, self.language = definition, language

    def text(self, name: str, label: Any, text: Text, *, rows: int = 0, help_text: Any = "", most: int = LONG) -> None:
        """Add a field for a text."""
        self.initial[name] = text.get(self.language, "")
        other = said(text, self.language, self.definition.languages)
        widget: forms.Widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
        if other and not self.initial[name]:
            widget.attrs["placeholder"] = other
        widget.attrs["lang"] = self.language
        self.fields[name] = forms.CharField(
            label=label, required=False, max_length=most, widget=widget, help_text=help_text
        )


class QuestionForm(PartForm):
    """Everything of a question but its kind, its choices and its conditions."""

    def __init__(
        self, data: Mapping[str, Any] | None, *, definition: Definition, question: Question, language: str,
        published: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(data, definition=definition, language=language, initial={})
        self.question, self.published = question, published
        kind = KIND[question.kind]
        self.text("title", _("Question") if question.kind != "statement" else _("Text"), question.title, rows=2)
        self.text("hint", _("Explanation below it"), question.hint, rows=2)
        if question.kind != "statement":
            self.fields["required"] = forms.BooleanField(label=_("An answer is required"), required=False)
            self.initial["required"] = question.required
        # What stands beside another matrix has the rows of that one, and their order.
        led = question.beside and matrix_before(definition, question) is not None
        for name in (one for one in kind.fields if not (led and one in ORDER)):
            getattr(self, f"_add_{name}")()
        self.main = [*self.fields]
        if question.kind != "statement":
            self._add_role()
        self._add_code()

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.main if name not in ("title", "hint", "required")]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self.main]

    @property
    def scale(self) -> Scale:
        return self.question.scale or Scale()

    def _add_scale(self) -> None:
        scale, kind = self.scale, self.question.kind
        offered = [(1, 5), (1, 7), (1, 10), (0, 10), (1, 3), (1, 4), (1, 6)]
        if kind == "ces":
            offered = [(1, 5), (1, 7)]
        present = (scale.lowest, scale.highest)
        if present not in offered:
            offered.append((int(scale.lowest), int(scale.highest)))
        self.fields["scale"] = forms.ChoiceField(
            label=_("Scale"), choices=[(f"{low:g}-{high:g}", f"{low:g}–{high:g}") for low, high in offered],
            help_text=_("Answers on different scales cannot be put into one trend: it breaks where the scale changes."),
        )  # fmt: skip
        self.initial["scale"] = f"{scale.lowest:g}-{scale.highest:g}"

    def _add_range(self) -> None:
        scale = self.scale
        for name, label, value in (
            ("lowest", _("From"), scale.lowest), ("highest", _("To"), scale.highest),
            ("step", _("In steps of"), scale.step),
        ):  # fmt: skip
            self.fields[name] = forms.FloatField(label=label, min_value=-1e12, max_value=1e12)
            self.initial[name] = f"{value:g}"

    def _add_look(self) -> None:
        looks = [("numbers", _("Numbers")), ("stars", _("Stars")), ("faces", _("Faces"))]
        self.fields["look"] = forms.ChoiceField(label=_("Shown as"), choices=looks)
        self.initial["look"] = self.scale.look

    def _add_lowest_label(self) -> None:
        label = _("Name of the worst") if self.question.kind == "maxdiff" else _("Name of the lowest point")
        self.text("lowest_label", label, self.scale.lowest_label, most=SHORT)

    def _add_highest_label(self) -> None:
        label = _("Name of the best") if self.question.kind == "maxdiff" else _("Name of the highest point")
        self.text("highest_label", label, self.scale.highest_label, most=SHORT)

    def _add_points(self) -> None:
        points = {point: text.get(self.language, "") for point, text in self.scale.points.items()}
        self.initial["points"] = "\n".join(f"{point}: {text}" for point, text in points.items() if text)
        self.fields["points"] = forms.CharField(
            label=_("Names of single points"), required=False, max_length=LONG,
            widget=forms.Textarea(attrs={"rows": 2, "placeholder": "3: …"}),
            help_text=_("One a line: the number, a colon, the name."),
        )  # fmt: skip

    def clean_points(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in str(self.cleaned_data["points"]).splitlines():
            if not line.strip():
                continue
            match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*[::]\s*(.+)", line)
            if not match:
                raise forms.ValidationError(_("Write each line as a number, a colon and a name, such as “3: Neither”."))
            found[f"{float(match[1]):g}"] = match[2].strip()
        return found

    def _limit(self, name: str, number: int) -> None:
        label = LIMITS.get(self.question.kind, CHOICE_LIMITS)[number]
        whole = self.question.kind != "number"
        value = getattr(self.question, name)
        self.fields[name] = (
            forms.IntegerField(label=label, required=False, min_value=0, max_value=100_000)
            if whole
            else forms.FloatField(label=label, required=False, min_value=-1e12, max_value=1e12)
        )
        self.initial[name] = None if value is None else f"{value:g}"

    def _add_at_least(self) -> None:
        self._limit("at_least", 0)

    def _add_at_most(self) -> None:
        self._limit("at_most", 1)

    def _add_several(self) -> None:
        label = _("Several can be chosen") if self.question.kind == "picture" else _("Several columns per row")
        self.fields["several"] = forms.BooleanField(label=label, required=False, disabled=self.published)
        self.initial["several"] = self.question.several

    def _add_beside(self) -> None:
        """Where there is a matrix before it; one that was published keeps the rows that it has answers to."""
        before = matrix_before(self.definition, self.question)
        if before is None:
            return
        same = [one.id for one in before.rows] == [one.id for one in self.question.rows]
        if same or not self.published:
            title = said(before.title, self.language, self.definition.languages)[:60]
            self.fields["beside"] = forms.BooleanField(
                label=_("Side by side with “%(question)s”") % {"question": title}, required=False,
                help_text=_("In one table, which has the rows of that question."),
            )  # fmt: skip
            self.initial["beside"] = self.question.beside

    def _add_order(self) -> None:
        which = _("Order of the rows") if self.question.kind == "matrix" else _("Order of the choices")
        orders = [
            ("as_is", _("As written")),
            ("random", _("Random for each person")),
            ("reversed_half", _("Reversed for half of the people")),
        ]
        self.fields["order"] = forms.ChoiceField(label=which, choices=orders)
        self.initial["order"] = self.question.order

    def _add_carry(self) -> None:
        offered = [("", _("None: only those written here"))]
        for one in self.definition.questions():
            if one.id == self.question.id:
                break
            if one.choices and one.kind not in ("matrix", "contact"):
                title = said(one.title, self.language, self.definition.languages)[:60]
                offered += [
                    (f"selected {one.id}", _("Chosen in “%(question)s”") % {"question": title}),
                    (f"unselected {one.id}", _("Not chosen in “%(question)s”") % {"question": title}),
                    (f"shown {one.id}", _("All shown in “%(question)s”") % {"question": title}),
                ]
        carry = self.question.carry
        present = f"{carry.which} {carry.question}" if carry else ""
        if carry and present not in dict(offered):
            offered.append((present, carry.question))
        if len(offered) > 1:
            self.fields["carry"] = forms.ChoiceField(
                label=_("Choices taken over from an earlier question"), choices=offered, required=False
            )
            self.initial["carry"] = present

    def _add_instructed(self) -> None:
        offered = [("", _("None: any answer will do"))]
        offered += [
            (one.id, said(one.label, self.language, self.definition.languages)[:80] or one.id)
            for one in self.question.choices
        ]
        if self.question.instructed not in dict(offered):
            offered.append((self.question.instructed, self.question.instructed))
        self.fields["instructed"] = forms.ChoiceField(
            label=_("Attention check: the text says to choose"), choices=offered, required=False,
            help_text=_("Responses with another answer are marked as doubtful."),
        )  # fmt: skip
        self.initial["instructed"] = self.question.instructed

    def _add_total(self) -> None:
        self.fields["total"] = forms.FloatField(label=_("The parts add up to"), min_value=1, max_value=1e9)
        self.initial["total"] = f"{self.question.total or 100:g}"

    def _add_per_task(self) -> None:
        self.fields["per_task"] = forms.IntegerField(label=_("Choices shown together"), min_value=2, max_value=10)
        self.initial["per_task"] = self.question.per_task

    def _add_tasks(self) -> None:
        self.fields["tasks"] = forms.IntegerField(
            label=_("How many times"), min_value=0, max_value=50, required=False,
            help_text=_("0: as often as each choice needs to be shown three times."),
        )  # fmt: skip
        self.initial["tasks"] = self.question.tasks

    def _add_explains(self) -> None:
        scored = [one for one in self.definition.questions() if one.kind in SCORED]
        offered = [("", _("No: it stands for itself"))] + [
            (one.id, said(one.title, self.language, self.definition.languages)[:80] or one.id) for one in scored
        ]
        if self.question.explains and self.question.explains not in dict(offered):
            offered.append((self.question.explains, self.question.explains))
        if len(offered) > 1:
            self.fields["explains"] = forms.ChoiceField(
                label=_("It is the comment on a score"), choices=offered, required=False,
                help_text=_("Score and comment are shown together in the results."),
            )  # fmt: skip
            self.initial["explains"] = self.question.explains

    def _add_placeholder(self) -> None:
        self.text("placeholder", _("Grey text in the empty field"), self.question.placeholder, most=SHORT)

    def _add_link(self) -> None:
        self.fields["link"] = _link_field()
        self.initial["link"] = self.question.link
        self.text("link_label", _("Text of the link"), self.question.link_label, most=SHORT)

    def clean_link(self) -> str:
        return _checked_link(self.cleaned_data["link"])

    def _add_default(self) -> None:
        self.fields["default"] = forms.CharField(
            label=_("Filled in beforehand"), required=False, max_length=SHORT,
            help_text=_("A value, or something known: {trait.email}, {hidden.order}, {answer.reason|nothing}."),
        )  # fmt: skip
        self.initial["default"] = self.question.default

    def _add_accept(self) -> None:
        self.fields["accept"] = forms.CharField(
            label=_("Endings of the files"),
            required=False,
            max_length=200,
            help_text=_("Such as .pdf, .png; empty: any."),
        )
        self.initial["accept"] = ", ".join(self.question.accept)

    def clean_accept(self) -> list[str]:
        found = [one.strip().lower() for one in re.split(r"[,\s;]+", self.cleaned_data["accept"]) if one.strip()]
        found = [one if one.startswith(".") else f".{one}" for one in found]
        if not all(re.fullmatch(r"\.[a-z0-9]{1,12}", one) for one in found):
            raise forms.ValidationError(_("Write the kinds of files as endings, such as “.pdf”."))
        return found

    def _add_largest_mb(self) -> None:
        self.fields["largest_mb"] = forms.FloatField(label=_("Largest file in MB"), min_value=0.1, max_value=1000)
        self.initial["largest_mb"] = f"{self.question.largest_mb:g}"

    def _add_role(self) -> None:
        for name, label, help_text in (
            ("touchpoint", _("Touchpoint"), _("Such as delivery or checkout: the numbers can be read by it.")),
            ("role", _("Role"), _("A code that questions of several surveys share when they ask the same thing.")),
        ):
            self.fields[name] = forms.CharField(label=label, required=False, max_length=60, help_text=help_text)
            self.initial[name] = getattr(self.question, name)

    def _add_code(self) -> None:
        self.fields["code"] = forms.RegexField(
            r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$", label=_("Code"), max_length=64, disabled=self.published,
            help_text=_("Answers are kept under it, so it cannot change any more.") if self.published
            else _("Answers are kept under it: it can change until the survey is published."),
            error_messages={"invalid": _("Use Latin letters, digits, hyphens and underscores only.")},
        )  # fmt: skip
        self.initial["code"] = self.question.id

    def put(self, question: Question) -> None:
        """Write the checked values into the question; the code is changed by whoever calls."""
        values = self.cleaned_data
        scale = question.scale
        for name in ("title", "hint", "placeholder", "link_label"):
            if name in values:
                put_text(getattr(question, name), self.language, values[name])
        if scale is None and {"lowest_label", "scale", "range"} & self.fields.keys():
            scale = Scale()
        if scale is not None:
            if "scale" in values:
                low, _dash, high = values["scale"].rpartition("-")
                scale.lowest, scale.highest = float(low), float(high)
            for name in ("lowest", "highest", "step"):
                if name in values:
                    setattr(scale, name, values[name])
            if "look" in values:
                scale.look = values["look"]
            for name in ("lowest_label", "highest_label"):
                if name in values:
                    put_text(getattr(scale, name), self.language, values[name])
            if "points" in values:
                for point in {*scale.points, *values["points"]}:
                    put_text(scale.points.setdefault(point, {}), self.language, values["points"].get(point, ""))
                scale.points = {point: text for point, text in sorted(scale.points.items()) if text}
            if question.scale is not None or (scale.lowest_label or scale.highest_label):
                question.scale = scale
        for name in (
            "required", "several", "beside", "order", "at_least", "at_most", "total", "per_task", "explains",
            "default", "accept", "largest_mb", "touchpoint", "role", "instructed", "link",
        ):  # fmt: skip
            if name in values:
                setattr(question, name, values[name])
        if "tasks" in values:
            question.tasks = values["tasks"] or 0
        if "carry" in values:
            which, _space, source = values["carry"].partition(" ")
            question.carry = Carry(question=source, which=which) if source else None


# Choices and rows: many small rows, read by hand.


def choice_rows(
    question: Question, which: str, language: str, languages: list[str], taken: Taken
) -> list[dict[str, Any]]:
    """What the table of choices shows."""
    published = taken.choices.get(question.id, {})
    return [
        {
            "index": index,
            "choice": choice,
            "label": choice.label.get(language, ""),
            "other_label": said(choice.label, language, languages) if language not in choice.label else "",
            "picture": picture_address(choice.image) if choice.image.startswith(UPLOADED) else "",
            "score": "" if choice.score is None else f"{choice.score:g}",
            "published": choice.id in published,
        }
        for index, choice in enumerate(getattr(question, which))
    ]


def read_choices(
    data: Mapping[str, Any], question: Question, which: str, language: str, taken: Taken
) -> tuple[list[Choice], list[str]]:
    """The choices as the table was sent, and what is wrong with them. Rows that were not sent stay as they are."""
    faults: list[str] = []
    published = taken.choices.get(question.id, {})
    found = list(getattr(question, which))
    for index, choice in enumerate(found):
        name = f"{which}-{index}"
        if data.get(f"{name}-id") != choice.id:
            continue
        put_text(choice.label, language, str(data.get(f"{name}-label", ""))[:LONG])
        for flag in ("fixed", "exclusive", "other", "required"):
            setattr(choice, flag, f"{name}-{flag}" in data)
        score = str(data.get(f"{name}-score", "")).strip().replace(",", ".")
        try:
            choice.score = float(score) if score else None
        except ValueError:
            faults.append(_("“%(value)s” is no number. Write a value such as 3 or 2.5.") % {"value": score[:40]})
        image = str(data.get(f"{name}-image", choice.image)).strip()
        if image and not safe_picture(image):
            faults.append(_("The address of a picture starts with https://."))
        else:
            choice.image = image
        code = str(data.get(f"{name}-code", choice.id)).strip()
        if code != choice.id and choice.id not in published:
            others = {one.id for one in (*question.choices, *question.rows)} | published.keys()
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", code) or code in others:
                faults.append(_("“%(code)s” cannot be the code of a choice, or is taken.") % {"code": code[:64]})
            else:
                choice.id = code
    return found, faults


def placeholder_choice(question: Question, taken: Taken) -> Choice:
    return Choice(id=free_choice_id(question, taken, ""), label={})


class StartForm(PartForm):
    """The title, the words before the first question, and whom the answers go to."""

    def __init__(self, data: Mapping[str, Any] | None, *, definition: Definition, language: str) -> None:
        super().__init__(data, definition=definition, language=language, initial={})
        self.text("title", _("Title for the people who answer"), definition.title, most=SHORT)
        self.text("intro", _("Introduction"), definition.intro, rows=3)
        self.text(
            "purpose", _("Who gets the answers, and what for"), definition.purpose, rows=2,
            help_text=_("Shown at the foot of each page. People answer more, and more honestly, when they know."),
        )  # fmt: skip

    def put(self, definition: Definition) -> None:
        for name in ("title", "intro", "purpose"):
            put_text(getattr(definition, name), self.language, self.cleaned_data[name])


class PageForm(PartForm):
    def __init__(self, data: Mapping[str, Any] | None, *, definition: Definition, page: Page, language: str) -> None:
        super().__init__(data, definition=definition, language=language, initial={})
        self.text("title", _("Heading of the page"), page.title, most=SHORT)
        if len(page.sections) > 1 or page.order != "as_is":
            orders = [("as_is", _("As written")), ("random", _("Random for each person"))]
            self.fields["order"] = forms.ChoiceField(label=_("Order of the sections"), choices=orders)
            self.initial["order"] = page.order

    def put(self, page: Page) -> None:
        put_text(page.title, self.language, self.cleaned_data["title"])
        page.order = self.cleaned_data.get("order", page.order)


class SectionForm(PartForm):
    def __init__(
        self, data: Mapping[str, Any] | None, *, definition: Definition, section: Section, language: str
    ) -> None:
        super().__init__(data, definition=definition, language=language, initial={})
        self.text("title", _("Heading of the section"), section.title, most=SHORT)
        self.text("text", _("Text below the heading"), section.text, rows=3)
        orders = [("as_is", _("As written")), ("random", _("Random for each person"))]
        self.fields["order"] = forms.ChoiceField(label=_("Order of the questions"), choices=orders)
        self.initial["order"] = section.order

    def put(self, section: Section) -> None:
        put_text(section.title, self.language, self.cleaned_data["title"])
        put_text(section.text, self.language, self.cleaned_data["text"])
        section.order = self.cleaned_data["order"]


def _link_field() -> forms.CharField:
    return forms.CharField(
        label=_("Link"), required=False, max_length=SHORT, help_text=_("An address that starts with https://.")
    )


def _checked_link(link: str) -> str:
    """Raises ValidationError for what no page of ours may lead to."""
    link = link.strip()
    if link and not safe_template(link):
        raise forms.ValidationError(_("A link starts with https:// or http://."))
    return link


class EndingForm(PartForm):
    def __init__(
        self, data: Mapping[str, Any] | None, *, definition: Definition, ending: Ending, language: str
    ) -> None:
        super().__init__(data, definition=definition, language=language, initial={})
        self.text("title", _("Heading"), ending.title, most=SHORT)
        self.text("text", _("Text"), ending.text, rows=3)
        self.fields["link"] = _link_field()
        self.text("link_label", _("Text of the link"), ending.link_label, most=SHORT)
        self.fields["redirect"] = forms.BooleanField(label=_("Go to the link at once"), required=False)
        self.fields["completes"] = forms.BooleanField(
            label=_("Whoever gets here has completed the survey"), required=False,
            help_text=_("Without it this is a screen-out: the answers do not count."),
        )  # fmt: skip
        self.initial.update({"link": ending.link, "redirect": ending.redirect, "completes": ending.completes})

    def clean_link(self) -> str:
        return _checked_link(self.cleaned_data["link"])

    def put(self, ending: Ending) -> None:
        for name in ("title", "text", "link_label"):
            put_text(getattr(ending, name), self.language, self.cleaned_data[name])
        ending.link, ending.redirect = self.cleaned_data["link"], self.cleaned_data["redirect"]
        ending.completes = self.cleaned_data["completes"]
