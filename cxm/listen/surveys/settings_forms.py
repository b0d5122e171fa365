"""Forms of what is not a question: the look, the settings, languages and hidden fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from . import stylesheets
from .checking import COLOUR, ID, LANGUAGE, safe_picture
from .definition import Definition, Look, Text
from .models import Survey


class LookForm(forms.Form):
    accent = forms.RegexField(
        COLOUR, label=gettext_lazy("Main colour"),
        widget=forms.TextInput(attrs={"type": "color", "class": "form-control-color"}),
        help_text=gettext_lazy("Of buttons and chosen answers. The text on it is chosen so that it can be read."),
    )  # fmt: skip
    background = forms.RegexField(
        COLOUR, label=gettext_lazy("Background"), required=False,
        help_text=gettext_lazy("As # and six hexadecimal digits; empty: white, or black in the dark."),
        error_messages={"invalid": gettext_lazy("Write colours as # and six hexadecimal digits, such as #206bc4.")},
    )  # fmt: skip
    logo = forms.CharField(
        label=gettext_lazy("Logo"), required=False, max_length=300,
        help_text=gettext_lazy("The address of a picture, with https://."),
    )  # fmt: skip
    font = forms.ChoiceField(
        label=gettext_lazy("Typeface"),
        choices=[("system", gettext_lazy("As the device has it")), ("serif", gettext_lazy("Serif")),
                 ("rounded", gettext_lazy("Rounded"))],
    )  # fmt: skip
    dark = forms.ChoiceField(
        label=gettext_lazy("Dark"),
        choices=[("auto", gettext_lazy("As the device says")), ("never", gettext_lazy("Never")),
                 ("always", gettext_lazy("Always"))],
    )  # fmt: skip
    progress = forms.BooleanField(label=gettext_lazy("Show how far people are"), required=False)
    one_at_a_time = forms.BooleanField(label=gettext_lazy("Each question on a screen of its own"), required=False)
    css = forms.CharField(
        label=gettext_lazy("Own style sheet (CSS)"), required=False, max_length=stylesheets.LONGEST, strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "font-monospace"}),
        help_text=gettext_lazy("For the pages of this survey. It loads nothing: no @import, no addresses but data:."),
    )  # fmt: skip
    back = forms.BooleanField(label=gettext_lazy("People may go back"), required=False)

    def __init__(self, data: Mapping[str, Any] | None, *, look: Look, back: bool) -> None:
        initial = {name: getattr(look, name) for name in Look.__struct_fields__}
        super().__init__(data, initial=initial | {"back": back})

    def clean_logo(self) -> str:
        logo = str(self.cleaned_data["logo"]).strip()
        if logo and not safe_picture(logo):
            raise forms.ValidationError(_("The address of a picture starts with https://."))
        return logo

    def clean_css(self) -> str:
        css = str(self.cleaned_data["css"]).replace("\r\n", "\n")
        css = css if css.strip() else ""
        if dropped := stylesheets.cleaned(css).dropped:
            lines = ", ".join(f"{line} ({what})" if what else str(line) for line, what in dropped[:10])
            raise forms.ValidationError(_("These lines cannot be used: %(lines)s") % {"lines": lines})
        return css

    def put(self, definition: Definition) -> None:
        for name in Look.__struct_fields__:
            setattr(definition.look, name, self.cleaned_data[name])
        definition.back = self.cleaned_data["back"]


class SettingsForm(forms.ModelForm[Survey]):
    class Meta:
        model = Survey
        fields = [
            "name",
            "address",
            "pin",
            "verify_email",
            "opens_at",
            "closes_at",
            "most_responses",
            "partial_after_minutes",
            "priority",
        ]
        labels = {
            "name": pgettext_lazy("of a thing", "Name"),
            "verify_email": gettext_lazy("Confirm an e-mail address first"),
            "opens_at": gettext_lazy("Opens at"),
            "closes_at": gettext_lazy("Closes at"),
            "most_responses": gettext_lazy("Closes after so many complete responses"),
            "partial_after_minutes": gettext_lazy("Minutes after which an unfinished response counts as it is"),
            "priority": gettext_lazy("Priority"),
        }
        help_texts = {
            "address": gettext_lazy("A name in the public link, such as “tea-shop”; empty: a random one."),
            "pin": gettext_lazy("Asked for before the first question; empty: none."),
            "verify_email": gettext_lazy(
                "Whoever opens the public link gets a mail, and begins there. Such a survey is not shown on websites."
            ),
            "priority": gettext_lazy("Among surveys that want to ask the same person: the highest goes first."),
        }
        widgets = {
            "opens_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            "closes_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }

    def __init__(self, data: Mapping[str, Any] | None, *, survey: Survey) -> None:
        super().__init__(data, instance=Survey.objects.get(pk=survey.pk))  # a form writes into its instance
        self.fields["priority"].max_value = 100  # type: ignore[attr-defined]  # of a number

    def validate_unique(self) -> None:
        """Left to the verb, whose sentence says what to do."""

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).strip().lower()


class LanguagesForm(forms.Form):
    """Languages in their order, and the names that an address or a client may fill in."""

    languages = forms.CharField(
        label=gettext_lazy("Languages"), max_length=200,
        help_text=gettext_lazy(
            "Codes, the main one first, such as “en, pl, uk”. People get theirs, or the main one if theirs is missing."
        ),
    )  # fmt: skip
    hidden = forms.CharField(
        label=gettext_lazy("Hidden fields"), required=False, max_length=2000,
        help_text=gettext_lazy("Names that a link or a program may fill in, such as “order, campaign”: …?order=123"),
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any] | None, *, definition: Definition) -> None:
        initial = {"languages": ", ".join(definition.languages), "hidden": ", ".join(definition.hidden)}
        super().__init__(data, initial=initial)

    def clean_languages(self) -> list[str]:
        codes = _parts(self.cleaned_data["languages"].lower())
        if not codes or not all(LANGUAGE.fullmatch(one) for one in codes) or len(codes) > 30:
            ours = ", ".join(code for code, _name in settings.LANGUAGES)
            raise forms.ValidationError(_("Write codes of languages, such as %(codes)s.") % {"codes": ours})
        return codes

    def clean_hidden(self) -> list[str]:
        names = _parts(self.cleaned_data["hidden"])
        if not all(ID.fullmatch(one) for one in names) or len(names) > 100:
            raise forms.ValidationError(_("Names have Latin letters, digits, hyphens and underscores only."))
        return names

    def put(self, definition: Definition) -> None:
        definition.languages, definition.hidden = self.cleaned_data["languages"], self.cleaned_data["hidden"]


class CheckForm(forms.Form):
    """What people read when an answer does not satisfy a rule, in each language of the survey."""

    def __init__(self, data: Mapping[str, Any] | None, *, definition: Definition, message: Text) -> None:
        super().__init__(data)
        self.languages = definition.languages
        for number, code in enumerate(self.languages):
            self.fields[f"message-{code}"] = forms.CharField(
                label=_("Message (%(language)s)") % {"language": code}, max_length=500, required=number == 0,
                initial=message.get(code, ""), widget=forms.TextInput(attrs={"lang": code}),
            )  # fmt: skip

    def message(self) -> Text:
        return {code: text for code in self.languages if (text := self.cleaned_data[f"message-{code}"].strip())}


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(one for one in re.split(r"[,;\s]+", text) if one))
