"""Forms of teams, calendars, routing, service levels and the acknowledgement."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.forms import time_zones
from cxm.accounts.models import Membership, Role, Workspace

from . import business_hours
from .acknowledging import LONGEST_TEXT, VARIABLE, VARIABLES
from .definition import MOST_MINUTES, MOST_STEPS, TARGETS, Deed, Definition, Do, Step
from .models import Acknowledgement, Calendar, Case, CaseClock, Team

WEEKDAYS = (
    _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
)  # fmt: skip
LENGTH = re.compile(r"(\d{1,5}):([0-5]\d)\Z")


class Length(forms.CharField):
    """Hours and minutes, 4:30, as minutes; 0 for nothing."""

    def __init__(self, **more: Any) -> None:
        attributes = {"class": "length-field", "placeholder": "0:00", "inputmode": "numeric", "autocomplete": "off"}
        super().__init__(required=False, max_length=8, widget=forms.TextInput(attrs=attributes), **more)

    def clean(self, value: Any) -> int:
        text = str(super().clean(value)).strip()
        if not text:
            return 0
        match = LENGTH.match(text)
        minutes = int(match[1]) * 60 + int(match[2]) if match else 0
        if not match or minutes > MOST_MINUTES:
            raise forms.ValidationError(_("Write hours and minutes, such as 4:30; at most a year."))
        return minutes


def shown_length(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}" if minutes else ""


def words_of(text: str) -> list[str]:
    """What a person lists with commas."""
    return [one.strip() for one in text.split(",") if one.strip()]


def people_of(workspace: Workspace) -> list[tuple[str, str]]:
    """Who can take cases, by name."""
    agents = [role.value for role in Role if role.includes(Role.AGENT)]
    rows = Membership.objects.filter(workspace=workspace, role__in=agents, user__is_active=True).select_related("user")
    return sorted(((str(one.user.uuid), str(one.user)) for one in rows), key=lambda pair: pair[1].casefold())


class TeamForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    calendar = forms.ModelChoiceField(
        label=_("Calendar"), queryset=Calendar.objects.none(), required=False, empty_label=_("Day and night"),
        help_text=_("Targets and promises count the hours in which the team works."),
    )  # fmt: skip
    gives_cases = forms.BooleanField(
        label=_("Give each case to a member at once"), required=False,
        help_text=_("In turn, by language, skills and room. Otherwise cases wait until somebody takes them."),
    )  # fmt: skip
    is_default = forms.BooleanField(label=_("Takes what no other team takes"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["calendar"].queryset = Calendar.objects.filter(workspace=workspace)  # type: ignore[attr-defined]  # of a ModelChoiceField


class MemberForm(forms.Form):
    person = forms.ChoiceField(label=_("Person"))
    capacity = forms.IntegerField(
        label=_("Room for cases"), min_value=0, max_value=1000, initial=20,
        help_text=_("So many new and open cases at the same time; what waits for the customer does not count."),
    )  # fmt: skip
    languages = forms.CharField(
        label=_("Languages"), required=False, max_length=500,
        help_text=_("Codes with commas between them, such as uk, en. Empty: any language."),
    )  # fmt: skip
    skills = forms.CharField(
        label=_("Skills"), required=False, max_length=1000,
        help_text=_("Words with commas between them, as the routing rules name them."),
    )  # fmt: skip
    is_away = forms.BooleanField(label=_("Away: gets no cases"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["person"].choices = people_of(workspace)  # type: ignore[attr-defined]  # of a ChoiceField


class RuleForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    team = forms.ModelChoiceField(label=_("Team that takes it"), queryset=Team.objects.none())
    skills = forms.CharField(
        label=_("Skills that are needed"), required=False, max_length=1000,
        help_text=_("Only members who have all of them are given such a case."),
    )  # fmt: skip
    is_paused = forms.BooleanField(label=_("Paused"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["team"].queryset = Team.objects.filter(workspace=workspace).order_by("name")  # type: ignore[attr-defined]  # of a ModelChoiceField


class CalendarForm(forms.Form):
    """The hours of each weekday as a person writes them, and the days that are different, one a line."""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones)
    holidays = forms.CharField(
        label=_("Holidays and other days"), required=False, widget=forms.Textarea(attrs={"rows": 8}), max_length=60_000,
        help_text=_(
            "One day a line: 2026-12-25 Christmas. Without a year it comes every year: 01-01 New Year. With hours the"
            " office is open then: 2026-12-24 9:00-12:00 Christmas Eve."
        ),
    )  # fmt: skip
    field_order = ("name", "time_zone", *(f"day_{number}" for number in range(7)), "holidays")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for number, name in enumerate(WEEKDAYS):
            self.fields[f"day_{number}"] = forms.CharField(label=name, required=False, max_length=200)
        self.fields["day_0"].help_text = _("Such as 9:00-13:00, 14:00-18:00. Empty: closed. 0:00-24:00: all day.")
        self.order_fields(self.field_order)

    @staticmethod
    def initial_of(calendar: Calendar) -> dict[str, Any]:
        days = {f"day_{number}": business_hours.shown_spans(day) for number, day in enumerate(calendar.week)}
        holidays = business_hours.shown_holidays(calendar.holidays)
        return {"name": calendar.name, "time_zone": calendar.time_zone, "holidays": holidays, **days}

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        week: list[Any] = []
        for number in range(7):
            try:
                week.append(business_hours.read_spans(found.get(f"day_{number}", "")))
            except business_hours.Unreadable as error:
                self.add_error(f"day_{number}", self.unreadable(error.part))
        try:
            found["days"] = business_hours.read_holidays(found.get("holidays", ""))
        except business_hours.Unreadable as error:
            self.add_error("holidays", self.unreadable(error.part))
        return {**found, "week": week}

    @staticmethod
    def unreadable(part: str) -> forms.ValidationError:
        return forms.ValidationError(
            _("“%(part)s” cannot be read. Write times as 09:00-17:30 and days as 2026-12-25."), params={"part": part}
        )


class DeedsForm(forms.Form):
    """What is done at one moment of a target. `more` keeps what the form has no field for."""

    tell = forms.MultipleChoiceField(
        label=_("Tell"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=(
            ("notify_owner", _("whoever has the case, or the team if nobody has")),
            ("notify_team", _("everybody of the team")), ("notify_watchers", _("those who watch it")),
        ),
    )  # fmt: skip
    notify_person = forms.ChoiceField(label=_("Tell this person"), required=False)
    give_to_team = forms.ChoiceField(label=_("Give it to the team"), required=False)
    give_to_person = forms.ChoiceField(label=_("Give it to"), required=False)
    raise_priority = forms.BooleanField(label=_("Raise the priority by one"), required=False)
    tag = forms.CharField(label=_("Tag it"), required=False, max_length=60)

    def __init__(self, *args: Any, workspace: Workspace, deeds: Iterable[Deed] = (), **more: Any) -> None:
        initial: dict[str, Any] = {"tell": []}
        self.more: list[Deed] = []
        for deed in deeds:
            if deed.do.startswith("notify_") and deed.do != "notify_person":
                initial["tell"].append(deed.do)
            elif deed.do in initial:
                self.more.append(deed)
            else:
                initial[deed.do] = deed.to or True
        more["initial"] = initial
        super().__init__(*args, **more)
        people = [("", "–"), *people_of(workspace)]
        teams = [("", "–"), *((str(pk), name) for pk, name in Team.objects.filter(workspace=workspace)
                              .order_by("name").values_list("pk", "name"))]  # fmt: skip
        for name, choices in (("notify_person", people), ("give_to_person", people), ("give_to_team", teams)):
            self.fields[name].choices = choices  # type: ignore[attr-defined]  # of a ChoiceField

    def deeds(self) -> tuple[Deed, ...]:
        found = self.cleaned_data
        named: tuple[Do, ...] = ("notify_person", "give_to_team", "give_to_person", "tag")
        return (
            *(Deed(one) for one in found["tell"]),
            *(Deed(one, found[one].strip()) for one in named if found[one].strip()),
            *((Deed("raise_priority"),) if found["raise_priority"] else ()),
            *self.more,
        )


class StepForm(DeedsForm):
    after = Length(label=_("After the target was missed, after another"))
    field_order = ("after",)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        does = any(found.get(name) for name in self.fields if name != "after")
        if does and not found.get("after") and not self.errors:
            self.add_error("after", _("Say after what time, such as 1:00."))
        return found


class PolicyForm(forms.Form):
    """The head of a policy and its table of targets; what is done when has forms of its own."""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    business = forms.TypedChoiceField(
        label=_("What counts"), coerce=lambda said: said == "yes", widget=forms.RadioSelect, initial="yes",
        choices=(("yes", _("the hours in which the team works")), ("no", _("day and night"))),
    )  # fmt: skip
    pauses = forms.BooleanField(
        label=_("The time to the resolution rests while the case waits for the customer"), required=False, initial=True
    )
    warn_at = forms.IntegerField(
        label=_("Warn when so many percent of the target have passed"), min_value=0, max_value=99, initial=75,
        help_text=_("0: no warning."),
    )  # fmt: skip
    is_paused = forms.BooleanField(label=_("Paused: takes no new cases"), required=False)

    def __init__(self, *args: Any, definition: Definition | None = None, **more: Any) -> None:
        initial = dict(more.pop("initial", {}))
        if definition:
            initial |= {
                "business": "yes" if definition.business else "no", "pauses": definition.pauses,
                "warn_at": definition.warn_at,
            }  # fmt: skip
            for kind, targets in definition.targets.items():
                initial |= {f"{kind}_{priority}": shown_length(minutes) for priority, minutes in targets.items()}
        more["initial"] = initial
        super().__init__(*args, **more)
        for kind in TARGETS:
            for priority, name in Case.Priority.choices:
                label = _("%(target)s, priority %(priority)s") % {
                    "target": CaseClock.Kind(kind).label, "priority": name
                }
                self.fields[f"{kind}_{priority}"] = Length(label=label)

    @property
    def head(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "is_paused")]

    @property
    def rules(self) -> list[forms.BoundField]:
        return [self[name] for name in ("business", "pauses", "warn_at")]

    @property
    def table(self) -> list[tuple[str, list[forms.BoundField]]]:
        """A row for each target: its name, and the fields from the most to the least urgent."""
        priorities = sorted(Case.Priority.values, reverse=True)
        return [(str(CaseClock.Kind(kind).label), [self[f"{kind}_{one}"] for one in priorities]) for kind in TARGETS]

    @property
    def priorities(self) -> list[str]:
        return [str(Case.Priority(one).label) for one in sorted(Case.Priority.values, reverse=True)]

    def targets(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for kind in TARGETS:
            for priority in Case.Priority.values:
                if minutes := self.cleaned_data.get(f"{kind}_{priority}"):
                    found.setdefault(kind, {})[str(priority)] = minutes
        return found


class Whens:
    """The forms of all moments: the warning, the breach, each step, and one empty step more."""

    def __init__(self, workspace: Workspace, definition: Definition, sent: Any = None) -> None:
        self.warning = DeedsForm(sent, prefix="warning", workspace=workspace, deeds=definition.on_warning)
        self.breach = DeedsForm(sent, prefix="breach", workspace=workspace, deeds=definition.on_breach)
        kept = sorted(definition.escalation, key=lambda step: step.after)
        number = min(MOST_STEPS, len(kept) + 1)
        if sent is not None:
            number = min(MOST_STEPS, sum(1 for place in range(MOST_STEPS) if f"step{place}-after" in sent))
        self.steps = []
        for place in range(number):
            step = kept[place] if place < len(kept) else Step(0)
            form = StepForm(sent, prefix=f"step{place}", workspace=workspace, deeds=step.deeds)
            form.initial["after"] = shown_length(step.after)
            self.steps.append(form)

    def is_valid(self) -> bool:
        wrong = [form for form in (self.warning, self.breach, *self.steps) if not form.is_valid()]  # all say so
        return not wrong

    def escalation(self) -> tuple[Step, ...]:
        given = [form for form in self.steps if form.cleaned_data["after"]]
        return tuple(Step(form.cleaned_data["after"], form.deeds()) for form in given)


class AcknowledgementForm(forms.Form):
    is_on = forms.BooleanField(label=_("Acknowledge messages and answers at once"), required=False)
    promises = forms.BooleanField(
        label=_("Say until when somebody answers, where that can be said honestly"), required=False
    )
    within_s = forms.IntegerField(
        label=_("Seconds that count as at once"), min_value=1, max_value=86_400,
        help_text=_("For the share of cases that were acknowledged at once."),
    )  # fmt: skip

    def __init__(self, *args: Any, setting: Acknowledgement, **more: Any) -> None:
        initial: dict[str, Any] = {"is_on": setting.is_on, "promises": setting.promises, "within_s": setting.within_s}
        for code, _name in settings.LANGUAGES:
            initial[f"text_{code}"] = setting.texts.get(code, {}).get("text", "")
        more["initial"] = initial
        super().__init__(*args, **more)
        self.setting = setting
        for code, name in settings.LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(
                label=_("Text: %(language)s") % {"language": name}, required=False, max_length=LONGEST_TEXT,
                widget=forms.Textarea(attrs={"rows": 5, "lang": code}),
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for code, _name in settings.LANGUAGES:
            for name in VARIABLE.findall(found.get(f"text_{code}", "")):
                if name not in VARIABLES:
                    self.add_error(
                        f"text_{code}",
                        forms.ValidationError(
                            _("“{%(name)s}” stands for nothing. Choose one of the names below."), params={"name": name}
                        ),
                    )
        return found

    def texts(self) -> dict[str, dict[str, str]]:
        own = dict(settings.LANGUAGES)
        kept = {code: text for code, text in self.setting.texts.items() if code not in own}  # set by programs
        said = {code: self.cleaned_data[f"text_{code}"].strip() for code in own}
        return {**kept, **{code: {"text": text} for code, text in said.items() if text}}
