"""The kind form, for the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.listen.channels.base import ChannelForm, Kind
from cxm.listen.channels.models import Channel

from .fields import lines_of, origins_of

ASK = [
    ("required", pgettext_lazy("of a field", "Required")), ("optional", pgettext_lazy("of a field", "Optional")),
    ("no", pgettext_lazy("of a field", "Not asked")),
]  # fmt: skip


class ContactForm(ChannelForm):
    ask_name = forms.ChoiceField(label=_("Name of the visitor"), choices=ASK, initial="optional")
    ask_email = forms.ChoiceField(
        label=_("E-mail address of the visitor"), choices=ASK, initial="required",
        help_text=_("Answers go there. Who leaves none gets no answer."),
    )  # fmt: skip
    ask_phone = forms.ChoiceField(label=_("Phone number of the visitor"), choices=ASK, initial="no")
    topics = forms.CharField(
        label=_("Topics"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line, such as “delivery = Delivery | pl: Dostawa”. The first word is what rules and cases"
                    " see; other languages follow after a bar."),
    )  # fmt: skip
    extras = forms.CharField(
        label=_("Further questions"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Written as topics are. A star makes one required: “order* = Order number”."),
    )  # fmt: skip
    takes_files = forms.BooleanField(label=_("Visitors may add files"), required=False)
    sites = forms.CharField(
        label=_("Sites that may show it in their pages"), required=False, max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}), help_text=_("One a line. Leave it empty to allow every site."),
    )  # fmt: skip

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for code, name in settings.LANGUAGES:
            own = {"language": name}
            self.fields[f"title_{code}"] = forms.CharField(
                label=_("Heading (%(language)s)") % own, required=False, max_length=200
            )
            self.fields[f"intro_{code}"] = forms.CharField(
                label=_("Introduction (%(language)s)") % own, required=False, max_length=2_000,
                widget=forms.Textarea(attrs={"rows": 2}),
            )  # fmt: skip
            self.fields[f"thanks_{code}"] = forms.CharField(
                label=_("Thanks (%(language)s)") % own, required=False, max_length=1_000
            )
            self.fields[f"consent_{code}"] = forms.CharField(
                label=_("Sentence to agree with (%(language)s)") % own, required=False, max_length=1_000
            )
        if self.channel is not None:
            for field, value in self.channel.settings.items():
                if field in self.fields:
                    self.initial.setdefault(field, value)

    def _lines(self, name: str) -> str:
        text = str(self.cleaned_data[name])
        try:
            lines_of(text)
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem
        return text

    def clean_topics(self) -> str:
        return self._lines("topics")

    def clean_extras(self) -> str:
        return self._lines("extras")

    def clean_sites(self) -> str:
        text = str(self.cleaned_data["sites"])
        try:
            return "\n".join(origins_of(text))
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem


def context(channel: Channel) -> Mapping[str, Any]:
    address = settings.BASE_URL + reverse("contact_form", args=[channel.public_id])
    return {"address": address, "base": settings.BASE_URL, "trapped": channel.state.get("trapped", 0)}


KIND = Kind(
    name="form", label=_("Contact form"), about=_("A form for your site, or a page of its own, in five languages."),
    icon="forms", form=ContactForm, template="channels/kinds/form.html", context=context,
)  # fmt: skip
