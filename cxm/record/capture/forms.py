"""What people fill in: the upload of an import, a source, a key."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .models import Regulation, Source
from .origins import read_origins


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV, TSV, XLSX or JSON Lines; gzip is fine too."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.gz,.xlsx,.jsonl,.ndjson"}),
    )


def kept_upload(upload: UploadedFile[Any]) -> Path:
    """The upload as a file that stays: a large one is on disk already, and only gets a second name."""
    descriptor, name = tempfile.mkstemp(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="import-")
    os.close(descriptor)
    path = Path(name)
    if isinstance(upload, TemporaryUploadedFile):
        path.unlink()
        path.hardlink_to(upload.temporary_file_path())
        return path
    with path.open("wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return path


class SourceForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"), max_length=200,
        help_text=_("What sends: “Web shop”, “iPhone app”, “Billing”."),
    )  # fmt: skip
    kind = forms.ChoiceField(
        label=_("Kind"), choices=Source.Kind.choices, help_text=_("It decides which code we show first.")
    )
    origins = forms.CharField(
        label=_("Origins"), required=False, max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "font-monospace"}),
        help_text=_(
            "The sites whose pages may send with the keys of this source, one a line, such as https://shop.example or"
            " https://*.shop.example. Leave it empty to let any page send. Servers and apps are not concerned."
        ),
    )  # fmt: skip

    def clean_origins(self) -> list[str]:
        return read_origins(self.cleaned_data["origins"])


class SourceKeyForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"), max_length=200, help_text=_("Where the key will be used.")
    )


class PlanModeForm(forms.Form):
    plan_mode = forms.ChoiceField(label=_("Events against the tracking plan"), choices=Source.PlanMode.choices)


class RegulationForm(forms.Form):
    type = forms.ChoiceField(
        label=_("What to do"),
        choices=[(one.value, one.label) for one in Regulation.Type if not one.value.endswith("_INTERNAL")],
    )
    subject_ids = forms.CharField(
        label=_("User ids"), max_length=2_000_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "font-monospace"}),
        help_text=_("One a line, as your programs send them in “userId”; at most 5,000."),
    )  # fmt: skip

    def clean_subject_ids(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["subject_ids"].splitlines() if line.strip()]
