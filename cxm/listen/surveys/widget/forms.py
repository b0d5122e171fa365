"""The form of a survey's place on web sites and in apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import get_language_info, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, number_of
from cxm.lib.conditions_form import Field
from cxm.record.capture.models import Source
from cxm.record.customers.models import Segment
from cxm.record.customers.segment_fields import fields as customer_fields
from cxm.record.eventlog.engine import EventlogError

from .. import fields as survey_fields
from ..definition import Definition
from .config import MOST_PAGES, MOST_TRIGGERS, Trigger, Widget

KINDS = [
    ("slide_in", gettext_lazy("Slides in at a corner and leaves the page usable")),
    ("popup", gettext_lazy("Pops up in the middle, before everything else")),
    ("button", gettext_lazy("A button at the edge of the page opens it")),
    ("inline", gettext_lazy("Stands in the page, in an element of it")),
]
CORNERS = [
    ("bottom_right", gettext_lazy("At the bottom right")), ("bottom_left", gettext_lazy("At the bottom left")),
    ("top_right", gettext_lazy("At the top right")), ("top_left", gettext_lazy("At the top left")),
]  # fmt: skip
REPEATS = [
    ("once", gettext_lazy("Once")),
    ("until_answered", gettext_lazy("Again after some days, until they have answered")),
    ("every", gettext_lazy("Again after some days, even if they have answered")),
    ("always", gettext_lazy("Whenever its moment comes")),
]
DEVICES = [("phone", gettext_lazy("Phones")), ("desktop", gettext_lazy("Computers and tablets"))]
COMPARED = [
    ("is", pgettext_lazy("comparison", "is")), ("is_not", pgettext_lazy("comparison", "is not")),
    ("contains", pgettext_lazy("comparison", "contains")),
    ("at_least", pgettext_lazy("comparison", "is at least")), ("at_most", pgettext_lazy("comparison", "is at most")),
    ("is_set", pgettext_lazy("comparison", "is there")),
]  # fmt: skip
ONE_A_LINE = {"rows": 3, "spellcheck": "false"}
# What a person reads of the codes of config.problems, and at which field.
SENTENCES = {
    "triggers": ("events", gettext_lazy("These are too many moments. Choose fewer.")),
    "when": (None, gettext_lazy("The condition is not complete.")),
    "field": (None, gettext_lazy("The condition names something that is not known of visitors.")),
}


class WidgetForm(forms.Form):
    enabled = forms.BooleanField(label=gettext_lazy("Show this survey on web sites and in apps"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("How it appears"), choices=KINDS)
    corner = forms.ChoiceField(label=gettext_lazy("Where"), choices=CORNERS)
    selector = forms.CharField(
        label=gettext_lazy("Element of the page"), required=False, max_length=300,
        help_text=gettext_lazy("For a survey that stands in the page: a CSS selector such as #feedback."),
    )  # fmt: skip
    at_load = forms.BooleanField(label=gettext_lazy("As soon as the page is there"), required=False)
    at_exit = forms.BooleanField(
        label=gettext_lazy("When the visitor is about to leave the page"), required=False,
        help_text=gettext_lazy("The pointer leaves the window, or somebody on a phone scrolls up fast."),
    )  # fmt: skip
    at_delay = forms.FloatField(
        label=gettext_lazy("After so many seconds on the page"), required=False, min_value=0, max_value=3600
    )
    at_scroll = forms.FloatField(
        label=gettext_lazy("After so many percent of the page were seen"), required=False, min_value=1, max_value=100
    )
    at_click = forms.CharField(
        label=gettext_lazy("After a click on"), required=False, max_length=300,
        help_text=gettext_lazy("A CSS selector such as .cancel-subscription."),
    )  # fmt: skip
    events = forms.CharField(
        label=gettext_lazy("After events that the site tracks"), required=False, max_length=2000,
        widget=forms.Textarea(attrs=ONE_A_LINE),
        help_text=gettext_lazy("One name a line, as the site sends it: Order Completed."),
    )  # fmt: skip
    detail = forms.CharField(label=gettext_lazy("Only if this property of the event"), required=False, max_length=100)
    compared = forms.ChoiceField(label=gettext_lazy("Comparison"), choices=COMPARED, required=False)
    value = forms.CharField(label=gettext_lazy("Value"), required=False, max_length=200)
    wait_s = forms.FloatField(label=gettext_lazy("Then wait for so many seconds"), min_value=0, max_value=3600)
    pages = forms.CharField(
        label=gettext_lazy("Only on these pages"), required=False, max_length=5000,
        widget=forms.Textarea(attrs=ONE_A_LINE),
        help_text=gettext_lazy("One a line; * stands for anything: /checkout*, https://shop.example/*. Empty: on all."),
    )  # fmt: skip
    except_pages = forms.CharField(
        label=gettext_lazy("Not on these pages"), required=False, max_length=5000,
        widget=forms.Textarea(attrs=ONE_A_LINE),
    )  # fmt: skip
    devices = forms.MultipleChoiceField(
        label=gettext_lazy("Only on these devices"), choices=DEVICES, required=False,
        widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("None chosen: on all."),
    )  # fmt: skip
    languages = forms.CharField(
        label=gettext_lazy("Only for visitors who read"), required=False, max_length=200,
        help_text=gettext_lazy(
            "Codes of languages, such as “pl, uk”. Empty: all; they get the survey in the best we have."
        ),
    )  # fmt: skip
    sources = forms.MultipleChoiceField(
        label=gettext_lazy("Only on these sites and apps"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: on all of the workspace."),
    )  # fmt: skip
    share = forms.FloatField(
        label=gettext_lazy("Ask so many percent of the visitors"), min_value=0.01, max_value=100,
        help_text=gettext_lazy("Who is among them is drawn once, and stays the same."),
    )  # fmt: skip
    most_a_day = forms.IntegerField(
        label=gettext_lazy("At most so many responses a day"), required=False, min_value=0, max_value=1_000_000,
        help_text=gettext_lazy("Then it rests until the next day. Empty: no limit."),
    )  # fmt: skip
    repeat = forms.ChoiceField(label=gettext_lazy("How often to ask the same person"), choices=REPEATS)
    every_days = forms.IntegerField(label=gettext_lazy("Days between two times"), min_value=1, max_value=3650)
    recognised_only = forms.BooleanField(
        label=gettext_lazy("Only visitors whom we can recognise"), required=False,
        help_text=gettext_lazy(
            "Those who are signed in at the site, or agreed that it remembers them. Others may be asked again on the"
            " next page until they close the survey."
        ),
    )  # fmt: skip
    verified_only = forms.BooleanField(
        label=gettext_lazy("Only visitors for whom the site vouches"), required=False,
        help_text=gettext_lazy("Their user id comes with a proof; see “Who visitors are” below."),
    )  # fmt: skip
    look = ("enabled", "kind", "corner", "selector")
    moments = (
        "at_load", "at_exit", "at_delay", "at_scroll", "at_click", "events", "detail", "compared", "value", "wait_s",
    )  # fmt: skip
    places = ("pages", "except_pages", "devices", "languages", "sources")
    people = ("share", "most_a_day", "repeat", "every_days", "recognised_only", "verified_only")

    def __init__(
        self, data: Mapping[str, Any] | None, *, widget: Widget, definition: Definition, workspace: Workspace
    ) -> None:
        super().__init__(data, initial=_initial(widget))
        self.labels = []
        for code in definition.languages:
            name = f"label_{code}"
            self.fields[name] = forms.CharField(
                label=format_lazy(gettext_lazy("Words on the button, in {language}"), language=language_name(code)),
                required=False, max_length=60, initial=widget.label.get(code, ""),
            )  # fmt: skip
            self.labels.append((code, name))
        sources = Source.objects.filter(workspace=workspace).order_by("name")
        self.fields["sources"].choices = [(str(one.uuid), one.name) for one in sources]  # type: ignore[attr-defined]  # of a choice

    def group(self, names: tuple[str, ...]) -> list[forms.BoundField]:
        return [self[name] for name in names]

    @property
    def look_fields(self) -> list[forms.BoundField]:
        return [*self.group(self.look), *(self[name] for _code, name in self.labels)]

    @property
    def moment_fields(self) -> list[forms.BoundField]:
        return self.group(self.moments)

    @property
    def place_fields(self) -> list[forms.BoundField]:
        return self.group(self.places)

    @property
    def people_fields(self) -> list[forms.BoundField]:
        return self.group(self.people)

    def clean_pages(self) -> list[str]:
        return _patterns(self.cleaned_data["pages"])

    def clean_except_pages(self) -> list[str]:
        return _patterns(self.cleaned_data["except_pages"])

    def clean_most_a_day(self) -> int:
        return self.cleaned_data["most_a_day"] or 0

    def clean_languages(self) -> list[str]:
        return [one.lower() for one in self.cleaned_data["languages"].replace(",", " ").split()]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("kind") == "inline" and not values.get("selector"):
            self.add_error("selector", _("Say in which element of the page the survey stands."))
        if values.get("detail") and not values.get("events"):
            self.add_error("events", _("Name the event whose property it is."))
        if values.get("detail") and values.get("compared") != "is_set" and not values.get("value"):
            self.add_error("value", _("Say what the property is compared with."))
        if len(_lines(values.get("events", ""))) > MOST_TRIGGERS - 5:
            self.add_error("events", _("Name at most %(most)d events.") % {"most": MOST_TRIGGERS - 5})
        if not any(values.get(name) not in (None, "", False) for name in self.moments[:6]):
            asks = values.get("enabled") and values.get("kind") in ("slide_in", "popup")
            if asks:
                self.add_error("at_load", _("Choose at least one moment at which it appears."))
        return values

    def widget(self, when: Condition | None) -> Widget:
        """What a valid form says."""
        values = self.cleaned_data
        same = (*self.look, "wait_s", *self.places, *self.people)
        label = {code: values[name].strip() for code, name in self.labels if values[name].strip()}
        return Widget(**{name: values[name] for name in same}, label=label, triggers=_triggers(values), when=when)

    def refuse(self, codes: list[str]) -> None:
        for code in codes:
            name, sentence = SENTENCES.get(code, (None, _("These settings do not fit together.")))
            self.add_error(name, str(sentence))


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _patterns(text: str) -> list[str]:
    found = _lines(text)
    if len(found) > MOST_PAGES:
        raise forms.ValidationError(_("Name at most %(most)d pages.") % {"most": MOST_PAGES})
    for one in found:
        if not one.startswith(("/", "*", "http://", "https://")):
            raise forms.ValidationError(_("“%(page)s” must start with /, * or https://.") % {"page": one[:80]})
    return found


def _triggers(values: Mapping[str, Any]) -> list[Trigger]:
    found = [Trigger(name) for name in ("load", "exit") if values[f"at_{name}"]]
    if values["at_delay"] is not None:
        found.append(Trigger("delay", values["at_delay"]))
    if values["at_scroll"]:
        found.append(Trigger("scroll", values["at_scroll"]))
    if values["at_click"]:
        found.append(Trigger("click", name=values["at_click"].strip()))
    where = None
    if values["detail"]:
        number = number_of(values["value"])
        compared = () if values["compared"] == "is_set" else (values["value"] if number is None else number,)
        where = Condition(field=values["detail"].strip(), operator=values["compared"] or "is", values=compared)
    return [*found, *(Trigger("event", name=name, where=where) for name in _lines(values["events"]))]


def _initial(widget: Widget) -> dict[str, Any]:
    by_kind = {one.on: one for one in widget.triggers}
    events = [one for one in widget.triggers if one.on == "event"]
    where = next((one.where for one in events if one.where and one.where.field), None)
    initial: dict[str, Any] = {
        name: getattr(widget, name) for name in (*WidgetForm.look, *WidgetForm.people, "wait_s", "devices", "sources")
    }
    return initial | {
        "most_a_day": widget.most_a_day or None,
        "pages": "\n".join(widget.pages), "except_pages": "\n".join(widget.except_pages),
        "languages": ", ".join(widget.languages), "at_load": "load" in by_kind, "at_exit": "exit" in by_kind,
        "at_delay": by_kind["delay"].value if "delay" in by_kind else None,
        "at_scroll": by_kind["scroll"].value if "scroll" in by_kind else None,
        "at_click": by_kind["click"].name if "click" in by_kind else "",
        "events": "\n".join(one.name for one in events),
        "detail": where.field if where else "", "compared": where.operator if where else "is",
        "value": plain(where.values[0]) if where and where.values else "",
    }  # fmt: skip


def plain(value: str | float | bool) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def language_name(code: str) -> str:
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code


def person_fields(workspace: Workspace, definition: Definition) -> list[Field]:
    """What a condition on visitors may name. Events are left out while the log is away."""
    try:
        found = customer_fields(workspace)
    except EventlogError:
        found = [one for one in survey_fields.known(definition, workspace) if one.name.startswith("trait.")]
    found = [one for one in found if one.name not in ("phone", "language")]
    segments = tuple((str(one.pk), one.name) for one in Segment.objects.filter(workspace=workspace)[:500])
    if segments:
        found.insert(0, Field("segment", _("Segment"), "choice", segments, _("Profile"), many=True))
    return [*found, *survey_fields.earlier_surveys(workspace, definition)]
