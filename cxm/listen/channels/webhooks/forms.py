"""What people fill in about webhook endpoints."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookSecret

from .types import TYPES


class EndpointForm(forms.Form):
    url = forms.CharField(
        label=_("Address"), max_length=2000, help_text=_("Where the messages go. Take one that begins with https://."),
        widget=forms.URLInput(attrs={"placeholder": "https://example.com/hooks"}),
    )  # fmt: skip
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200, required=False)
    types = forms.MultipleChoiceField(
        label=_("Types of events"), required=False, help_text=_("Choose none to hear of everything."),
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    more = forms.CharField(
        label=_("Other types"), required=False, max_length=2000,
        help_text=_("Types that your automations send, parted by commas. “case” means every type that begins with it."),
    )  # fmt: skip

    def __init__(self, *args: Any, endpoint: WebhookEndpoint | None = None, **more: Any) -> None:
        known = [one.name for one in TYPES]
        if endpoint:
            more["initial"] = {
                "url": endpoint.url, "name": endpoint.name, "types": [one for one in endpoint.types if one in known],
                "more": ", ".join(one for one in endpoint.types if one not in known),
            }  # fmt: skip
        super().__init__(*args, **more)
        types = self.fields["types"]
        assert isinstance(types, forms.MultipleChoiceField)
        types.choices = [(one, one) for one in known]

    def wanted(self) -> list[str]:
        return [*self.cleaned_data["types"], *self.cleaned_data["more"].split(",")]


class NewEndpointForm(EndpointForm):
    scheme = forms.ChoiceField(
        label=_("Signature"), choices=WebhookSecret.Scheme.choices,
        help_text=_("With an asymmetric one the receiver needs no secret, only our public key."),
    )  # fmt: skip


class RotateForm(forms.Form):
    scheme = forms.ChoiceField(label=_("Signature"), choices=WebhookSecret.Scheme.choices)
    hours = forms.IntegerField(
        label=_("The secret before signs for so many hours more"), min_value=0, max_value=168, initial=24
    )


class ReplayForm(forms.Form):
    since = forms.DateTimeField(
        label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    delivered = forms.BooleanField(label=_("Also what was delivered already"), required=False)
