"""The form of the endpoint."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.lib.http import BadAddress, target_of
from cxm.understand.text.models import OpinionEndpoint


class EndpointForm(forms.ModelForm[OpinionEndpoint]):
    key = forms.CharField(
        label=gettext_lazy("Key"), required=False, max_length=500, widget=forms.PasswordInput(render_value=False),
        help_text=gettext_lazy(
            "It is kept on this server and never shown. Leave it empty to keep the one that is set."
        ),
    )  # fmt: skip

    class Meta:
        model = OpinionEndpoint
        fields = ("is_on", "address", "model", "key", "most_per_hour")
        help_texts = {
            "address": gettext_lazy("It begins with https:// and ends with /v1: “/chat/completions” is added to it."),
            "model": gettext_lazy("As the service names it."),
        }

    def clean_address(self) -> str:
        address = str(self.cleaned_data["address"]).strip()
        try:
            target_of(address)
        except BadAddress:
            raise forms.ValidationError(_("This is no address of a web service.")) from None
        return address

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"]).strip()
        if not all(32 < ord(letter) < 127 for letter in key):
            raise forms.ValidationError(_("A key holds only plain letters, digits and signs."))
        return key

    def arguments(self) -> dict[str, Any]:
        """Of the verb."""
        data = {name: self.cleaned_data[name] for name in ("is_on", "address", "model", "most_per_hour")}
        return {**data, "key": self.cleaned_data["key"] or None}
