"""The upload."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.utils.translation import gettext_lazy as _


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
