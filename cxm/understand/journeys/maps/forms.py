"""The forms of the editor: the map itself, a stage, a touchpoint with what binds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from cxm.accounts.models import Membership, Workspace
from cxm.record.customers.models import Segment
from cxm.record.eventlog.scope import Operator
from cxm.understand.journeys.definition import (
    CUSTOMER,
    Binding,
    EventRule,
    FeedbackRule,
    MapDefinition,
    Promise,
    Stage,
    Test,
    Touchpoint,
)
from cxm.understand.text.topics.queries import tree

from .board import CHANNELS, EMOTION, FEELINGS, LANES, lane_label
from .checking import (
    LONGEST_NAME,
    LONGEST_TEXT,
    LONGEST_VALUE,
    MOST_PROMISES,
    MOST_RULES,
    MOST_TESTS,
)

UNITS: Final = {
    86_400: pgettext_lazy("unit of time", "days"),
    3600: pgettext_lazy("unit of time", "hours"),
    60: pgettext_lazy("unit of time", "minutes"),
    1: pgettext_lazy("unit of time", "seconds"),
}
OPERATORS: Final = {
    "is": pgettext_lazy("test of a rule", "is"),
    "is_not": pgettext_lazy("test of a rule", "is not"),
    "contains": pgettext_lazy("test of a rule", "contains"),
    "at_least": pgettext_lazy("test of a rule", "is at least"),
    "at_most": pgettext_lazy("test of a rule", "is at most"),
    "is_set": pgettext_lazy("test of a rule", "is there"),
    "is_not_set": pgettext_lazy("test of a rule", "is not there"),
}
METRICS: Final = {
    "csat": gettext_lazy("Satisfaction (CSAT)"),
    "nps": gettext_lazy("Recommendation (NPS)"),
    "ces": gettext_lazy("Effort (CES)"),
}
RULES: Final = ("events", "feedback", "tickets")


def short(label: Any, longest: int = LONGEST_VALUE, *, known: str = "", required: bool = False) -> forms.CharField:
    """A line of text; `known` names the list of suggestions."""
    attrs = {"list": known, "autocomplete": "off"} if known else {"autocomplete": "off"}
    return forms.CharField(
        label=label, max_length=longest, required=required, widget=forms.TextInput(attrs=attrs)
    )  # fmt: skip


def long(label: Any, rows: int = 2) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=LONGEST_TEXT, required=False, widget=forms.Textarea(attrs={"rows": rows})
    )  # fmt: skip


class MapForm(forms.Form):
    """The map itself: whose journey it is, what counts as one, its lanes."""

    name = short(pgettext_lazy("of a thing", "Name"), 200, required=True)
    persona = short(gettext_lazy("Who goes this way"))
    goal = long(gettext_lazy("What they want"))
    segment = forms.ChoiceField(label=gettext_lazy("Segment"), required=False)
    case = short(gettext_lazy("One journey is"), 100, known="known-cases")
    gap = forms.FloatField(
        label=gettext_lazy("Ends after so many days without an event"), required=False, min_value=0.001, max_value=3660,
        help_text=gettext_lazy("Empty: a journey has no end by itself."),
    )  # fmt: skip
    metric = forms.ChoiceField(label=gettext_lazy("The score that is shown"), choices=list(METRICS.items()))
    currency = short(gettext_lazy("Currency of costs"), 3)
    stale_after_days = forms.IntegerField(
        label=gettext_lazy("Evidence is stale after so many days"), min_value=1, max_value=3660
    )
    lanes = forms.CharField(label=gettext_lazy("Lanes, one on a line"), required=False, widget=forms.Textarea)

    def __init__(self, workspace: Workspace, name: str, definition: MapDefinition, data: Any = None) -> None:
        super().__init__(
            data,
            initial={
                "name": name, "persona": definition.persona, "goal": definition.goal, "segment": definition.segment,
                "case": "" if definition.case == CUSTOMER else definition.case, "metric": definition.metric,
                "gap": definition.gap_s / 86_400 if definition.gap_s else None, "currency": definition.currency,
                "stale_after_days": definition.stale_after_days,
                "lanes": "\n".join(lane_label(one) for one in definition.lanes),
            },
        )  # fmt: skip
        segments = Segment.objects.filter(workspace=workspace).values_list("pk", "name")
        choices = [("", _("Everybody")), *((str(pk), label) for pk, label in segments)]
        self.fields["segment"].choices = choices  # type: ignore[attr-defined]  # a choice field
        self.fields["case"].help_text = _(
            "Empty: all that one customer did. Else the property that is the same in all events of one journey, such "
            "as order_id."
        )
        self.fields["lanes"].widget.attrs["rows"] = 6

    def values(self) -> dict[str, Any]:
        """The fields of the definition; the name and the lanes are apart."""
        said = self.cleaned_data
        return {
            "persona": said["persona"], "goal": said["goal"], "segment": said["segment"], "metric": said["metric"],
            "case": said["case"] or CUSTOMER, "currency": said["currency"].upper(),
            "stale_after_days": said["stale_after_days"],
            "gap_s": round(said["gap"] * 86_400) if said["gap"] else None,
        }  # fmt: skip

    def lane_names(self) -> list[str]:
        """Lanes by their names in the code where a line is the label of one."""
        codes = {str(label).casefold(): code for code, label in LANES.items()}
        lines = [" ".join(line.split()) for line in self.cleaned_data["lanes"].splitlines()]
        return [codes.get(line.casefold(), line) for line in lines if line]


class StageForm(forms.Form):
    name = short(pgettext_lazy("of a thing", "Name"), LONGEST_NAME, required=True)

    def __init__(self, stage: Stage, data: Any = None) -> None:
        super().__init__(data, initial={"name": stage.name})


@dataclass(frozen=True, slots=True)
class TestRow:
    field: BoundField
    operator: BoundField
    value: BoundField


@dataclass(frozen=True, slots=True)
class RuleRow:
    number: int
    event: BoundField | None
    tests: list[TestRow]


@dataclass(frozen=True, slots=True)
class PromiseRow:
    number: int
    text: BoundField
    time: BoundField
    unit: BoundField
    until: BoundField
    reaches: BoundField


class TouchpointForm(forms.Form):
    """A touchpoint. Rules, their tests and promises are rows with one empty one at the end; an empty row is nothing."""

    name = short(pgettext_lazy("of a thing", "Name"), LONGEST_NAME, required=True)
    text = long(gettext_lazy("Description"))
    channel = short(pgettext_lazy("way of contact", "Channel"), known="known-channels")
    owner = forms.TypedChoiceField(label=gettext_lazy("Owner"), required=False, coerce=int, empty_value=None)
    partner = short(gettext_lazy("Partner who runs it"))
    moment_of_truth = forms.BooleanField(label=gettext_lazy("A moment of truth: it decides"), required=False)
    optional = forms.BooleanField(label=gettext_lazy("Not on every journey: it may be passed by"), required=False)
    ends = forms.BooleanField(label=gettext_lazy("A journey may end well here"), required=False)
    cost = forms.FloatField(label=gettext_lazy("Cost of one contact"), required=False, min_value=0, max_value=1e9)
    target = forms.FloatField(label=gettext_lazy("Target of the score"), required=False, min_value=-100, max_value=100)
    topics = forms.MultipleChoiceField(
        label=gettext_lazy("Topics"), required=False, widget=forms.CheckboxSelectMultiple
    )  # fmt: skip

    def __init__(
        self, workspace: Workspace, definition: MapDefinition, one: Touchpoint, data: Mapping[str, Any] | None = None
    ) -> None:
        self.one, self.map = one, definition
        initial = {
            name: getattr(one, name)
            for name in ("name", "text", "channel", "owner", "partner", "cost", "target", "moment_of_truth", "optional")
        }
        super().__init__(data, initial={**initial, "ends": one.ends, "topics": list(one.binding.topics)})
        members = Membership.objects.filter(workspace=workspace).select_related("user").order_by("user__name")
        owners = [("", _("Nobody yet")), *((str(each.user_id), str(each.user)) for each in members)]
        self.fields["owner"].choices = owners  # type: ignore[attr-defined]  # a choice field
        offered = {branch.topic.key: " › ".join(branch.path) for branch in tree(workspace.pk)}
        offered |= {key: key for key in one.binding.topics if key not in offered}
        self.fields["topics"].choices = list(offered.items())  # type: ignore[attr-defined]  # a choice field
        self.fields["partner"].help_text = _("Empty: we run it ourselves.")
        self._lanes()
        self._promises(data)
        for kind in RULES:
            self._rules(kind, data)

    # Lanes

    def _lanes(self) -> None:
        for number, lane in enumerate(self.map.lanes):
            if lane == EMOTION:
                made: forms.Field = forms.ChoiceField(
                    label=lane_label(lane), required=False, choices=[("", "–"), *reversed(list(FEELINGS.items()))]
                )
            else:
                made = long(lane_label(lane))
            made.initial = self.one.lanes.get(lane, "")
            self.fields[f"lane_{number}"] = made

    def lane_fields(self) -> list[BoundField]:
        return [self[f"lane_{number}"] for number in range(len(self.map.lanes))]

    # Promises

    def _promises(self, data: Mapping[str, Any] | None) -> None:
        there = self.one.promises
        n = _sent(data, r"promise_(\d+)_text") if data is not None else len(there) + 1
        self.n_promises = min(n, MOST_PROMISES)
        others = [(each.key, each.name) for each in self.map.touchpoints() if each.key != self.one.key]
        for number in range(self.n_promises):
            now = there[number] if number < len(there) else None
            unit = next((each for each in UNITS if now and now.within_s and now.within_s % each == 0), 86_400)
            name = f"promise_{number}"
            self.fields[f"{name}_text"] = short(_("What customers are told"))
            self.fields[f"{name}_time"] = forms.IntegerField(
                label=_("Within"), required=False, min_value=1, max_value=10_000_000
            )
            self.fields[f"{name}_unit"] = forms.ChoiceField(
                label=_("Unit of time"), choices=[(str(each), label) for each, label in UNITS.items()], required=False
            )
            self.fields[f"{name}_until"] = short(
                _("Or until the moment in the property"), known="known-events-fields"
            )  # fmt: skip
            self.fields[f"{name}_reaches"] = forms.ChoiceField(
                label=_("They reach"), required=False, choices=[("", _("the next touchpoint")), *others]
            )
            if now:
                self.initial.update({
                    f"{name}_text": now.text, f"{name}_reaches": now.reaches, f"{name}_until": now.until,
                    f"{name}_time": now.within_s // unit or None,
                })  # fmt: skip
            self.initial[f"{name}_unit"] = str(unit)

    def promise_rows(self) -> list[PromiseRow]:
        return [
            PromiseRow(n, *(self[f"promise_{n}_{part}"] for part in ("text", "time", "unit", "until", "reaches")))
            for n in range(self.n_promises)
        ]

    def _said_promises(self) -> Iterator[Promise]:
        said = self.cleaned_data
        for number in range(self.n_promises):
            name = f"promise_{number}"
            text, time, until = said.get(f"{name}_text"), said.get(f"{name}_time"), said.get(f"{name}_until", "")
            if text or time:
                unit = int(said.get(f"{name}_unit") or 86_400)
                within = 0 if until else (time or 0) * unit
                yield Promise(text or "", within, said.get(f"{name}_reaches", ""), until.removeprefix("property."))

    # Rules

    def _rules(self, kind: str, data: Mapping[str, Any] | None) -> None:
        there: tuple[Any, ...] = getattr(self.one.binding, kind)
        n = _sent(data, rf"{kind}_(\d+)_0_field") if data is not None else len(there) + 1
        for number in range(min(n, MOST_RULES)):
            rule = there[number] if number < len(there) else None
            name = f"{kind}_{number}"
            if kind == "events":
                self.fields[f"{name}_event"] = short(_("Event"), known="known-events")
                self.initial[f"{name}_event"] = rule.event if rule else ""
            tests = rule.where if rule else ()
            sent = _sent(data, rf"{name}_(\d+)_field") if data is not None else len(tests) + 1
            for place in range(min(sent, MOST_TESTS)):
                self._test(f"{name}_{place}", kind, tests[place] if place < len(tests) else None)

    def _test(self, name: str, kind: str, test: Test | None) -> None:
        self.fields[f"{name}_field"] = short(pgettext("of a record", "Field"), known=f"known-{kind}-fields")
        self.fields[f"{name}_operator"] = forms.ChoiceField(
            label=_("Comparison"), choices=list(OPERATORS.items()), required=False
        )
        self.fields[f"{name}_value"] = short(_("Value"), known="known-values")
        for part in ("field", "value"):
            field = self.fields[f"{name}_{part}"]
            field.widget.attrs["placeholder"] = field.label
        if test:
            self.initial.update({
                f"{name}_field": test.field, f"{name}_operator": test.operator, f"{name}_value": "; ".join(test.values)
            })  # fmt: skip

    def rule_rows(self, kind: str) -> list[RuleRow]:
        rows = []
        number = 0
        while f"{kind}_{number}_0_field" in self.fields:
            name = f"{kind}_{number}"
            tests: list[TestRow] = []
            while f"{name}_{len(tests)}_field" in self.fields:
                place = f"{name}_{len(tests)}"
                tests.append(TestRow(self[f"{place}_field"], self[f"{place}_operator"], self[f"{place}_value"]))
            rows.append(RuleRow(number, self[f"{name}_event"] if kind == "events" else None, tests))
            number += 1
        return rows

    @property
    def event_rows(self) -> list[RuleRow]:
        return self.rule_rows("events")

    @property
    def feedback_rows(self) -> list[RuleRow]:
        return self.rule_rows("feedback")

    @property
    def ticket_rows(self) -> list[RuleRow]:
        return self.rule_rows("tickets")

    def _said_rules(self, kind: str) -> Iterator[tuple[str, tuple[Test, ...]]]:
        said = self.cleaned_data
        for row in self.rule_rows(kind):
            name = f"{kind}_{row.number}"
            tests: list[Test] = []
            for place in range(len(row.tests)):
                field = said.get(f"{name}_{place}_field", "")
                operator: Operator = said.get(f"{name}_{place}_operator") or "is"
                value = said.get(f"{name}_{place}_value", "")
                if field:
                    tests.append(Test(field, operator, _values(value, operator)))
            event = said.get(f"{name}_event", "")
            if event or tests:
                yield event, tuple(tests)

    def values(self) -> dict[str, Any]:
        """The fields of the touchpoint, for editing.change_touchpoint."""
        said = self.cleaned_data
        names = ("name", "text", "channel", "owner", "partner", "moment_of_truth", "optional", "ends", "cost", "target")
        lanes = {lane: said[f"lane_{n}"] for n, lane in enumerate(self.map.lanes) if said[f"lane_{n}"]}
        hidden = {lane: text for lane, text in self.one.lanes.items() if lane not in self.map.lanes}
        binding = Binding(
            events=tuple(EventRule(event, tests) for event, tests in self._said_rules("events")),
            feedback=tuple(FeedbackRule(tests) for _event, tests in self._said_rules("feedback")),
            tickets=tuple(FeedbackRule(tests) for _event, tests in self._said_rules("tickets")),
            topics=tuple(said["topics"]),
        )
        promises = tuple(self._said_promises())
        return {
            **{name: said[name] for name in names}, "lanes": {**hidden, **lanes}, "promises": promises,
            "binding": binding,
        }  # fmt: skip


def _values(text: str, operator: str) -> tuple[str, ...]:
    if operator in ("is_set", "is_not_set"):
        return ()
    return tuple(one.strip() for one in text.split(";") if one.strip())


def _sent(data: Mapping[str, Any], pattern: str) -> int:
    """How many rows of that name a form sent."""
    found = (re.fullmatch(pattern, name) for name in data)
    return max((int(one[1]) for one in found if one and len(one[1]) < 4), default=-1) + 1


def channel_choices() -> list[tuple[str, str]]:
    return [(code, str(label)) for code, label in CHANNELS.items()]
