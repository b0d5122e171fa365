"""What people fill in about messages, and their answers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class SuppressForm(forms.Form):
    address = forms.EmailField(
        label=_("E-mail address"), max_length=254, help_text=_("Nothing is sent there any more.")
    )


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files; its value is a list."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        some = data if isinstance(data, (list, tuple)) else [data]
        return [super(FilesField, self).clean(one, initial) for one in some if one]


class ReplyForm(forms.Form):
    text = forms.CharField(label=_("Your answer"), max_length=100_000, widget=forms.Textarea(attrs={"rows": 6}))
    attached = FilesField(label=_("Files"), required=False, help_text=_("At most 20 files of 20 MB together."))
