"""Forms of the editor: what begins a workflow, and a step of any kind. A form shows only what its kind needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cxm.accounts.models import Membership, Workspace
from cxm.act.cases.models import Case, Team
from cxm.listen.surveys.distribution.forms import LANGUAGE_NAMES, language_name
from cxm.listen.surveys.models import Survey
from cxm.record.customers.models import Segment, Trait

from .definition import LONGEST_TEXT, MOST_PER_HOUR, Definition, Path, Step, Trigger
from .texts import case_facts, weekdays

Choices = Sequence[tuple[str, Any]]
OF_TRIGGER: Final = {
    "event": ("event",), "answer": ("survey", "metric"), "segment_entered": ("segment",), "segment_left": ("segment",),
    "alert": ("alert",), "case": ("fact",), "date": ("trait", "days", "before", "yearly", "hour"), "webhook": (),
    "schedule": ("every", "day", "hour", "segment"),
}  # fmt: skip
OF_STEP: Final = {
    "mail": ("subject", "text", "marketing"),
    "case": ("subject", "text", "team", "priority", "category", "severe", "complaint"),
    "change_case": ("team", "priority", "category", "name", "text", "state"),
    "task": ("subject", "text", "team"),
    "tag": ("name",), "untag": ("name",), "trait": ("name", "value"), "survey": ("survey",),
    "notify": ("team", "people", "subject", "text"), "webhook": ("type",),
    "wait": ("days", "hours", "minutes"), "wait_until": ("until", "days", "hours", "hour", "weekdays"),
    "branch": (), "split": ("shares",), "stop": (),
}  # fmt: skip
METRICS: Final = (("", gettext_lazy("Any")), ("nps", "NPS"), ("csat", "CSAT"), ("ces", "CES"),
                  ("rating", gettext_lazy("Rating")), ("text", gettext_lazy("Text")))  # fmt: skip


def surveys_of(workspace: Workspace) -> list[tuple[str, str]]:
    rows = Survey.objects.filter(workspace=workspace, archived_at=None).order_by("name")
    return list(rows.values_list("key", "name"))


def segments_of(workspace: Workspace) -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Segment.objects.filter(workspace=workspace).values_list("pk", "name")]


def teams_of(workspace: Workspace) -> list[tuple[str, str]]:
    return [
        (name, name)
        for name in Team.objects.filter(workspace=workspace).order_by("name").values_list("name", flat=True)
    ]


def _choice(label: Any, choices: Choices, *, empty: Any = None, required: bool = False) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=[*([("", empty)] if empty is not None else []), *choices], required=required
    )


def _number(label: Any, lowest: int, highest: int, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=lowest, max_value=highest, **more)


class TriggerForm(forms.Form):
    """The trigger of one kind, how often a customer may enter, and the languages of the texts."""

    def __init__(
        self, data: Mapping[str, Any] | None, *, workspace: Workspace, definition: Definition, kind: str,
        events: Sequence[tuple[str, str]],
    ) -> None:  # fmt: skip
        super().__init__(data)
        self.definition, self.kind = definition, kind
        trigger = definition.trigger if definition.trigger.kind == kind else Trigger(kind=kind)  # type: ignore[arg-type]  # one of TRIGGERS
        traits = Trait.objects.filter(workspace=workspace).values_list("name", flat=True)
        known = [name for name, _label in events]
        offered = [*events, *([(trigger.event, trigger.event)] if trigger.event and trigger.event not in known else [])]
        every = (("day", _("Every day")), ("week", _("Every week")), ("month", _("Every month")))
        sides = (("after", _("days after the date")), ("before", _("days before the date")))
        makers: dict[str, forms.Field] = {
            "event": _choice(_("Event"), offered, empty=_("Choose one")),
            "fact": _choice(_("The case"), case_facts(), empty=_("Choose one")),
            "survey": _choice(_("Survey"), surveys_of(workspace), empty=_("Any")),
            "metric": _choice(_("Metric"), METRICS),
            "segment": _choice(
                _("Segment"), segments_of(workspace),
                empty=_("Nobody in particular") if kind == "schedule" else _("Choose one"),
            ),
            "alert": forms.CharField(label=_("Name of the alert"), required=False, max_length=200,
                                     help_text=_("Empty: any alert.")),
            "trait": _choice(_("Trait that holds the date"), [(one, one) for one in traits], empty=_("Choose one")),
            "days": _number(_("Days"), 0, 365, required=False),
            "before": _choice(_("Before or after"), sides),
            "yearly": forms.BooleanField(label=_("Every year, like a birthday"), required=False),
            "every": _choice(_("How often"), every),
            "day": _number(_("Day"), 1, 31, required=False,
                           help_text=_("Of the week, 1 is Monday; or of the month, where 31 is always the last day.")),
            "hour": _number(_("Hour"), 0, 23, help_text=_("In the time zone of the workspace.")),
        }  # fmt: skip
        for name in OF_TRIGGER[kind]:
            self.fields[name] = makers[name]
        again = (("each", _("each time")), ("days", _("again after so many days")), ("once", _("only once")))
        self.fields["again"] = forms.ChoiceField(
            label=_("The same customer enters"), choices=again, widget=forms.RadioSelect
        )
        self.fields["again_days"] = _number(_("Days until the same customer may enter again"), 1, 3650, required=False)
        self.fields["most_per_hour"] = _number(
            _("At most in an hour"), 1, 100_000, help_text=_("Whoever comes beyond that waits for their turn.")
        )
        self.fields["languages"] = forms.MultipleChoiceField(
            label=_("Languages of its texts"), choices=list(LANGUAGE_NAMES.items()),
            widget=forms.CheckboxSelectMultiple,
            help_text=_("Customers read the text in their language; who speaks none of them reads the first."),
        )  # fmt: skip
        self.initial = {
            **{name: getattr(trigger, name, None) for name in OF_TRIGGER[kind]}, "fact": trigger.event,
            "days": abs(trigger.days), "before": "before" if trigger.days < 0 else "after",
            "again": "once" if definition.again_days is None else "days" if definition.again_days else "each",
            "again_days": definition.again_days or 30, "most_per_hour": definition.most_per_hour,
            "languages": definition.languages,
        }  # fmt: skip

    def put(self, definition: Definition) -> None:
        """Write what was checked into the draft."""
        said = self.cleaned_data
        values = {name: said[name] for name in OF_TRIGGER[self.kind] if name not in ("fact", "before", "days")}
        values = {name: value for name, value in values.items() if value not in (None, "")}
        if "fact" in said:
            values["event"] = said["fact"]
        if "days" in said:
            values["days"] = (said["days"] or 0) * (-1 if said["before"] == "before" else 1)
        definition.trigger = Trigger(kind=self.kind, **values)  # type: ignore[arg-type]  # one of TRIGGERS
        definition.again_days = {"each": 0, "once": None}.get(said["again"], said["again_days"] or 30)
        definition.most_per_hour = said["most_per_hour"] or MOST_PER_HOUR
        kept = [one for one in definition.languages if one in said["languages"]]
        definition.languages = [*kept, *(one for one in said["languages"] if one not in kept)]


class StepForm(forms.Form):
    """A step of one kind. Texts come once for each language of the workflow, as `subject_en`, `text_en` …"""

    def __init__(
        self, data: Mapping[str, Any] | None, *, workspace: Workspace, definition: Definition, step: Step
    ) -> None:
        super().__init__(data)
        self.definition, self.step = definition, step
        members = Membership.objects.filter(workspace=workspace, user__is_active=True).select_related("user")
        people = [(one.user.email, f"{one.user} <{one.user.email}>") for one in members.order_by("user__name")]
        is_change, as_it_is = step.kind == "change_case", _("As it is")
        makers: dict[str, forms.Field] = {
            "marketing": forms.BooleanField(
                label=_("This is an advertisement"), required=False,
                help_text=_("Only to those who did not refuse it, within the contact budget, with a way to unsubscribe."
                            " Any other mail is a message of a conversation, and answers reach the inbox."),
            ),
            "team": _choice(_("Team"), teams_of(workspace), empty=as_it_is if is_change else _("Nobody in particular")),
            "priority": _choice(_("Priority"), [(str(n), label) for n, label in Case.Priority.choices],
                                empty=as_it_is if is_change else _("Normal")),
            "category": forms.CharField(label=_("Category"), required=False, max_length=60),
            "severe": forms.BooleanField(label=_("Severe"), required=False),
            "complaint": forms.BooleanField(label=_("Complaint"), required=False),
            "state": _choice(_("And"), (("resolve", _("resolve it")), ("close", _("close it"))),
                             empty=_("leave it open")),
            "name": forms.CharField(label=_("Trait") if step.kind == "trait" else _("Tag"), max_length=60,
                                    required=not is_change),
            "value": forms.CharField(label=_("Value"), required=False, max_length=500,
                                     help_text=_("Empty: the trait is removed.")),
            "survey": _choice(_("Survey"), surveys_of(workspace), empty=_("Choose one")),
            "people": forms.MultipleChoiceField(label=_("People"), choices=people, required=False,
                                                widget=forms.CheckboxSelectMultiple),
            "type": forms.CharField(label=_("What other programs know it by"), max_length=60,
                                    help_text=_("Such as customer.lost: small letters, digits, dots and underscores.")),
            "days": _number(_("Days"), 0, 730, required=False), "hours": _number(_("Hours"), 0, 1000, required=False),
            "minutes": _number(_("Minutes"), 0, 10_000, required=False),
            "until": _choice(_("Until"), (("condition", _("the condition below holds, at most so long")),
                                          ("time", _("a time of the day")))),
            "hour": _number(_("Hour"), 0, 23, required=False, help_text=_("In the time zone of the workspace.")),
            "weekdays": forms.MultipleChoiceField(
                label=_("Days of the week"), choices=[(str(n), day) for n, day in weekdays()], required=False,
                widget=forms.CheckboxSelectMultiple, help_text=_("None: any day."),
            ),
            "shares": forms.CharField(
                label=_("Shares in percent"), max_length=100,
                help_text=_("Such as “50, 50” or “10, 90”: a way each. A customer always gets the same."),
            ),
        }  # fmt: skip
        for name in OF_STEP[step.kind]:
            if name in ("subject", "text"):
                self._texts(name)
            else:
                self.fields[name] = makers[name]
                self.initial[name] = getattr(step, name, None)
        if "priority" in self.fields:
            self.initial["priority"] = str(step.priority or "")
        if "weekdays" in self.fields:
            self.initial["weekdays"] = [str(one) for one in step.weekdays]
        if "shares" in self.fields:
            self.initial["shares"] = ", ".join(f"{one.share:g}" for one in step.paths) or "50, 50"

    def _texts(self, name: str) -> None:
        is_note = self.step.kind in ("case", "change_case", "task")
        label = _("Subject") if name == "subject" else _("Internal note") if is_note else _("Text")
        staff = self.step.kind in ("case", "change_case", "task")
        for language in self.definition.languages[:1] if staff else self.definition.languages:
            widget: forms.Widget = forms.Textarea(attrs={"rows": 8}) if name == "text" else forms.TextInput()
            widget.attrs["lang"] = language
            words = {"label": label, "language": language_name(language)}
            shown = label if staff or len(self.definition.languages) == 1 else _("%(label)s (%(language)s)") % words
            limit = LONGEST_TEXT if name == "text" else 300
            self.fields[f"{name}_{language}"] = forms.CharField(
                label=shown, required=False, max_length=limit, widget=widget
            )
            self.initial[f"{name}_{language}"] = getattr(self.step, name).get(language, "")

    def clean_shares(self) -> list[float]:
        try:
            shares = [float(one.replace("%", "")) for one in self.cleaned_data["shares"].replace(";", ",").split(",")]
        except ValueError:
            raise forms.ValidationError(_("Write numbers, parted by commas.")) from None
        if not 2 <= len(shares) <= 10 or abs(sum(shares) - 100) > 0.01 or min(shares) < 0:
            raise forms.ValidationError(_("Two to ten shares are needed, and they must add up to 100."))
        return shares

    def put(self, step: Step) -> None:
        said = self.cleaned_data
        for name in OF_STEP[step.kind]:
            if name in ("subject", "text"):
                texts = getattr(step, name)
                for language in self.definition.languages:
                    if f"{name}_{language}" in said:
                        texts[language] = said[f"{name}_{language}"].replace("\r\n", "\n").strip()
                setattr(step, name, {one: text for one, text in texts.items() if text})
            elif name == "shares":
                _put_shares(step, said["shares"])
            elif name == "priority":
                step.priority = int(said["priority"] or 0)
            elif name == "weekdays":
                step.weekdays = sorted(int(one) for one in said["weekdays"])
            elif name in ("days", "hours", "minutes", "hour"):
                setattr(step, name, said[name] or 0)
            else:
                setattr(step, name, said[name])


def _put_shares(step: Step, shares: list[float]) -> None:
    """Ways that are there keep their steps; those of a way that is gone go with it."""
    kept = step.paths[: len(shares)]
    step.paths = [
        Path(share=share, name=kept[n].name if n < len(kept) else "", steps=kept[n].steps if n < len(kept) else [])
        for n, share in enumerate(shares)
    ]


class NameForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
