"""What people fill in: a mailing, a rule of the contact budget, how a survey is shared."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.models import ContactRule, Mailing, Repeat, Response
from cxm.record.customers.models import Segment, Trait

from .sampling import Sample

LANGUAGE_NAMES = {"en": "English", "pl": "polski", "ru": "русский", "uk": "українська", "zh-hant": "繁體中文"}


def language_name(code: str) -> str:
    return LANGUAGE_NAMES.get(code.casefold(), code)


class MailingForm(forms.Form):
    """Subject and text come once for each language of the survey, as `subject_en`, `text_en` …"""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    segment = forms.ChoiceField(label=gettext_lazy("Segment"), required=False)
    also_in = forms.MultipleChoiceField(
        label=gettext_lazy("Who are also in"), required=False,
        help_text=gettext_lazy("Only those who are in all of these segments."),
    )  # fmt: skip
    not_in = forms.MultipleChoiceField(label=gettext_lazy("But not in"), required=False)
    people = forms.CharField(
        label=gettext_lazy("Or people"), required=False, max_length=5_000_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("E-mail addresses, parted by spaces, commas or lines. Used where no segment is chosen."),
    )  # fmt: skip
    remind_after_days = forms.CharField(
        label=gettext_lazy("Remind after days"), required=False, max_length=40,
        help_text=gettext_lazy("Such as “3, 7”: who has not answered is reminded after 3 and after 7 days."),
    )  # fmt: skip
    per_hour = forms.IntegerField(
        label=gettext_lazy("At most in an hour"), required=False, min_value=1, max_value=1_000_000,
        help_text=gettext_lazy("Spreads answers, and the work they bring. Empty: as fast as your mail server allows."),
    )  # fmt: skip
    starts_at = forms.DateTimeField(
        label=gettext_lazy("Not before"), required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    every = forms.ChoiceField(
        label=gettext_lazy("How often"), required=False, choices=[("", gettext_lazy("Once")), *Repeat.Every.choices],
        help_text=gettext_lazy("Each wave invites those who are in the segment on its day."),
    )  # fmt: skip
    first_on = forms.DateField(
        label=gettext_lazy("First day"), required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    at = forms.TimeField(
        label=gettext_lazy("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    until = forms.DateField(
        label=gettext_lazy("Until"), required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Empty: until it is stopped."),
    )  # fmt: skip
    by = forms.ChoiceField(
        label=gettext_lazy("Groups"), required=False,
        help_text=gettext_lazy("For a sample: what makes the groups whose figures you want to compare."),
    )  # fmt: skip
    half_width = forms.FloatField(
        label=gettext_lazy("Accuracy of each group (± NPS points)"), required=False, min_value=1, max_value=100,
        help_text=gettext_lazy("Empty: everybody is invited."),
    )  # fmt: skip
    overall = forms.FloatField(
        label=gettext_lazy("Accuracy of the whole (± NPS points)"), required=False, min_value=1, max_value=100
    )
    panel = forms.BooleanField(label=gettext_lazy("These people are a panel"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, definition: Definition, **more: Any) -> None:
        super().__init__(*args, **more)
        segments = Segment.objects.filter(workspace=workspace)
        named = [(str(one.pk), one.name) for one in segments]
        self.fields["segment"].choices = [("", _("None")), *named]  # type: ignore[attr-defined]  # a ChoiceField
        for name in ("also_in", "not_in"):
            self.fields[name].choices = named  # type: ignore[attr-defined]  # a ChoiceField
            if len(named) < 2:
                del self.fields[name]
        traits = Trait.objects.filter(workspace=workspace).values_list("name", flat=True)
        self.fields["by"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            ("", _("One group")), ("language", _("Language")), *((f"trait.{one}", one) for one in traits)
        ]  # fmt: skip
        self.languages = definition.languages
        for code in self.languages:
            words = {"language": language_name(code)}
            self.fields[f"subject_{code}"] = forms.CharField(
                label=_("Subject (%(language)s)") % words, required=False, max_length=200
            )
            self.fields[f"text_{code}"] = forms.CharField(
                label=_("Text (%(language)s)") % words, required=False, max_length=20_000,
                widget=forms.Textarea(attrs={"rows": 5}),
                help_text=_("{first_name|there} puts in the name, or “there”; {trait.plan|your plan} a trait. The first"
                            " question follows by itself.") if code == self.languages[0] else "",
            )  # fmt: skip

    def clean_remind_after_days(self) -> list[int]:
        text = self.cleaned_data["remind_after_days"].replace(";", ",")
        try:
            days = [int(one) for one in text.replace(",", " ").split()]
        except ValueError:
            raise forms.ValidationError(_("Write whole numbers, parted by commas, such as “3, 7”.")) from None
        if len(days) > 5 or any(not 1 <= one <= 90 for one in days):
            raise forms.ValidationError(_("Remind at most five times, each 1 to 90 days after the invitation."))
        return days

    def clean(self) -> None:
        data = self.cleaned_data
        for name in ("first_on", "at"):
            if data.get("every") and not data.get(name) and name not in self.errors:
                self.add_error(name, forms.Field.default_error_messages["required"])

    def values(self) -> dict[str, Any]:
        """As the verbs take them."""
        data = self.cleaned_data
        repeat = {name: data[name] for name in ("every", "first_on", "at", "until")} if data["every"] else None
        sample: dict[str, Any] = {
            name: data[name] for name in ("by", "half_width", "overall", "panel") if data.get(name)
        }
        return {
            "segment": data["segment"],
            **{name: data[name] if data["segment"] else [] for name in ("also_in", "not_in") if name in data},
            "remind_after_days": data["remind_after_days"], "per_hour": data["per_hour"],
            "starts_at": None if repeat else data["starts_at"], "sample": sample, "repeat": repeat,
            "subject": {code: data[f"subject_{code}"] for code in self.languages if data[f"subject_{code}"]},
            "text": {code: data[f"text_{code}"] for code in self.languages if data[f"text_{code}"]},
        }  # fmt: skip

    @staticmethod
    def initial_of(mailing: Mailing, sample: Sample) -> dict[str, Any]:
        repeat = Repeat.objects.filter(mailing=mailing).values("every", "first_on", "at", "until").first()
        return {
            **(repeat or {}),
            "name": mailing.name, "segment": mailing.segment, "also_in": mailing.also_in, "not_in": mailing.not_in,
            "per_hour": mailing.per_hour,
            "starts_at": mailing.starts_at, "people": "\n".join(mailing.customers),
            "remind_after_days": ", ".join(map(str, mailing.remind_after_days)), "by": sample.by,
            "half_width": sample.half_width or None, "overall": sample.overall or None, "panel": sample.panel,
            **{f"subject_{code}": text for code, text in mailing.subject.items()},
            **{f"text_{code}": text for code, text in mailing.text.items()},
        }  # fmt: skip


class RuleForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"), max_length=100,
        help_text=gettext_lazy("It stands in the explanation of every person who is skipped."),
    )  # fmt: skip
    most = forms.IntegerField(label=gettext_lazy("At most so often"), min_value=0, max_value=1000)
    days = forms.IntegerField(label=gettext_lazy("in so many days"), min_value=1, max_value=3650)
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: all channels together."),
    )  # fmt: skip
    surveys = forms.MultipleChoiceField(
        label=gettext_lazy("Surveys"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: all surveys together."),
    )  # fmt: skip
    active = forms.BooleanField(label=gettext_lazy("The rule is in force"), required=False, initial=True)

    def __init__(self, *args: Any, surveys: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["channels"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (code, label) for code, label in Response.Channel.choices if code in ASKING
        ]
        self.fields["surveys"].choices = surveys  # type: ignore[attr-defined]  # a ChoiceField

    @staticmethod
    def initial_of(rule: ContactRule) -> dict[str, Any]:
        return {one: getattr(rule, one) for one in ("name", "most", "days", "channels", "surveys", "active")}


ASKING = {"personal", "email", "widget", "panel", "api"}


class InviteForm(forms.Form):
    address = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    send = forms.BooleanField(label=gettext_lazy("Send the link by e-mail"), required=False)
