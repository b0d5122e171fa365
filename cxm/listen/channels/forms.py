"""What people fill in about messages."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class SuppressForm(forms.Form):
    address = forms.EmailField(label=_("E-mail address"), max_length=254, help_text=_("Nothing is sent there any more."))
