"""The form of a process: what counts as one journey, which events are its steps, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cxm.record.eventlog.scope import Operator
from cxm.understand.journeys.definition import CUSTOMER, EventRule, Label, ProcessDefinition, Test
from cxm.understand.journeys.models import Process

from .suggesting import EventName

MOST_ROWS = 60
UNITS = (("60", gettext_lazy("minutes")), ("3600", gettext_lazy("hours")), ("86400", gettext_lazy("days")))
OPERATORS: Sequence[tuple[Operator, Any]] = (
    ("is", pgettext_lazy("condition", "is")), ("is_not", pgettext_lazy("condition", "is not")),
    ("contains", pgettext_lazy("condition", "contains")), ("at_least", pgettext_lazy("condition", "is at least")),
    ("at_most", pgettext_lazy("condition", "is at most")), ("is_set", pgettext_lazy("condition", "is known")),
    ("is_not_set", pgettext_lazy("condition", "is not known")),
)  # fmt: skip
WITHOUT_VALUE = ("is_set", "is_not_set")


class ProcessForm(forms.Form):
    """Rows of own steps are sent as lists beside the fields: `step_name`, `step_event`, `step_field`, …"""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    whose = forms.ChoiceField(
        label=gettext_lazy("One journey is"), widget=forms.RadioSelect,
        choices=(
            ("customer", gettext_lazy("all that one customer does")),
            ("property", gettext_lazy("all events with the same value of a property, such as the number of an order")),
        ),
    )  # fmt: skip
    case = forms.CharField(
        label=gettext_lazy("The property"), required=False, max_length=200,
        help_text=gettext_lazy("Needed only if a journey is more or less than a customer: order_id, ticket_id."),
        widget=forms.TextInput(attrs={"list": "property-names", "autocomplete": "off"}),
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Which events are steps"), required=False, widget=forms.CheckboxSelectMultiple
    )
    label_by = forms.CharField(
        label=gettext_lazy("Name the steps by a property"), required=False, max_length=200,
        help_text=gettext_lazy("Such as state, page or screen. Without one, a step has the name of its event."),
        widget=forms.TextInput(attrs={"list": "property-names", "autocomplete": "off"}),
    )  # fmt: skip
    order_by = forms.CharField(
        label=gettext_lazy("Order the steps by a number of the source"), required=False, max_length=200,
        help_text=gettext_lazy("Such as a count of updates. Without one, time orders them."),
        widget=forms.TextInput(attrs={"list": "property-names", "autocomplete": "off"}),
    )  # fmt: skip
    collapse = forms.BooleanField(
        label=gettext_lazy("Count a step that repeats the one before only once"), required=False
    )
    gap = forms.IntegerField(
        label=gettext_lazy("A journey ends when nothing happens for"),
        required=False,
        min_value=1,
        max_value=100_000,
        help_text=gettext_lazy("Leave it empty, and a journey never ends. With 30 minutes, journeys are visits."),
    )
    unit = forms.ChoiceField(label=gettext_lazy("Unit"), choices=UNITS, required=False)

    def __init__(
        self, names: Sequence[EventName], process: Process | None, definition: ProcessDefinition, data: QueryDict | None
    ) -> None:
        super().__init__(data, initial=initial_of(process, definition))
        kept = set(definition.events) | set(data.getlist("events") if data else ())
        known = [(one.name, f"{one.name} ({one.n:,})" if one.n else one.name) for one in names]
        missing = [(name, name) for name in sorted(kept - {one.name for one in names})]
        self.fields["events"].choices = known + missing  # type: ignore[attr-defined]  # a MultipleChoiceField
        self.rows = rows_in(data) if data is not None else rows_of(definition)
        self.problems: list[str] = []

    def read(self) -> ProcessDefinition | None:
        """The definition as it is filled in; None where something is wrong, which the form says."""
        if not self.is_valid():
            return None
        said = self.cleaned_data
        case = said["case"].strip() if said["whose"] == "property" else CUSTOMER
        if not case:
            self.add_error("case", _("Name the property whose value tells the journeys apart."))
        gap_s = said["gap"] * int(said["unit"] or 60) if said["gap"] else None
        labels = self._labels()
        if self.errors or self.problems:
            return None
        return ProcessDefinition(
            case=case, events=() if labels else tuple(said["events"]),
            label_by="" if labels else said["label_by"].strip(), labels=labels,
            order_by=said["order_by"].strip(), collapse=said["collapse"], gap_s=gap_s,
        )  # fmt: skip

    def _labels(self) -> tuple[Label, ...]:
        """Rows with the same name are one step: an event that fits any of them is it."""
        found: dict[str, list[EventRule]] = {}
        for place, row in enumerate(self.rows, start=1):
            if not any((row["name"], row["event"], row["field"], row["value"])):
                continue
            if not row["name"] or not row["event"]:
                self.problems.append(_("Step %(number)s needs a name and an event.") % {"number": place})
                continue
            where: tuple[Test, ...] = ()
            if row["field"]:
                operator: Operator = next((key for key, _text in OPERATORS if key == row["operator"]), "is")
                values = () if operator in WITHOUT_VALUE else (row["value"],)
                if operator in ("at_least", "at_most") and not _is_number(row["value"]):
                    self.problems.append(_("Step %(number)s compares with a number.") % {"number": place})
                    continue
                where = (Test(f"property.{row['field']}", operator, values),)
            found.setdefault(row["name"], []).append(EventRule(row["event"], where))
        return tuple(Label(name, tuple(rules)) for name, rules in found.items())


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def initial_of(process: Process | None, definition: ProcessDefinition) -> dict[str, Any]:
    gap, unit = definition.gap_s, "60"
    if gap:
        unit = next((key for key in ("86400", "3600", "60") if gap % int(key) == 0), "60")
        gap = max(gap // int(unit), 1)
    return {
        "name": process.name if process else "", "whose": "customer" if definition.case == CUSTOMER else "property",
        "case": "" if definition.case == CUSTOMER else definition.case, "events": list(definition.events),
        "label_by": definition.label_by, "order_by": definition.order_by,
        "collapse": definition.collapse, "gap": gap, "unit": unit,
    }  # fmt: skip


def can_show(definition: ProcessDefinition) -> bool:
    """Whether the form has a place for all that the definition says; REST allows more."""
    tests = [rule.where for label in definition.labels for rule in label.events]
    return all(
        not where or (len(where) == 1 and where[0].field.startswith("property.") and len(where[0].values) <= 1)
        for where in tests
    )


def rows_of(definition: ProcessDefinition) -> list[dict[str, str]]:
    rows = []
    for label in definition.labels:
        for rule in label.events:
            test = rule.where[0] if rule.where else Test("")
            rows.append({
                "name": label.key, "event": rule.event, "field": test.field.removeprefix("property."),
                "operator": test.operator, "value": test.values[0] if test.values else "",
            })  # fmt: skip
    return rows


def rows_in(data: QueryDict) -> list[dict[str, str]]:
    lists = [data.getlist(f"step_{key}")[:MOST_ROWS] for key in ("name", "event", "field", "operator", "value")]
    longest = max(map(len, lists), default=0)
    return [
        {
            key: texts[place].strip()[:500] if place < len(texts) else ""
            for key, texts in zip(("name", "event", "field", "operator", "value"), lists, strict=True)
        }
        for place in range(longest)
    ]
