"""What people fill in about a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from cxm.listen.channels.receiving import File

from .taking import MOST_RECORDING, RECORDINGS, Call
from .transcripts import MOST_BYTES, Transcript, Unreadable, read


class CallForm(forms.Form):
    transcript = forms.FileField(
        label=_("Transcript"), required=False,
        help_text=_("WebVTT, SRT, or the JSON of Deepgram, AWS, Google, Azure, AssemblyAI, Rev AI or Whisper."),
    )  # fmt: skip
    recording = forms.FileField(
        label=_("Recording"), required=False, help_text=_("MP3, WAV, OGG, M4A, FLAC and others, up to 200 MB.")
    )
    at = forms.DateTimeField(
        label=_("When it began"), required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    phone = forms.RegexField(
        r"^\+?[0-9][0-9\s().\-/]{4,24}$", label=_("Phone number of the customer"), required=False,
        error_messages={"invalid": _("This is no phone number.")},
    )  # fmt: skip
    email = forms.EmailField(label=_("E-mail address of the customer"), required=False, max_length=254)
    name = forms.CharField(label=_("Name of the customer"), required=False, max_length=200)
    subject = forms.CharField(label=_("What it was about"), required=False, max_length=300)

    def clean_transcript(self) -> Transcript | None:
        uploaded = self.cleaned_data.get("transcript")
        if not isinstance(uploaded, UploadedFile):
            return None
        if (uploaded.size or 0) > MOST_BYTES:
            raise forms.ValidationError(_("This file is too large for a transcript."))
        try:
            return read(uploaded.read())
        except Unreadable as problem:
            raise forms.ValidationError(str(problem)) from problem

    def clean_recording(self) -> File | None:
        uploaded = self.cleaned_data.get("recording")
        if not isinstance(uploaded, UploadedFile):
            return None
        type_ = RECORDINGS.get(Path(uploaded.name or "").suffix.lower())
        if type_ is None:
            raise forms.ValidationError(_("This is no recording that we know."))
        if (uploaded.size or 0) > MOST_RECORDING:
            raise forms.ValidationError(_("A recording may have 200 MB."))
        return File(uploaded.name or "", type_, uploaded.read())

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not data.get("transcript") and not data.get("recording"):
            raise forms.ValidationError(_("Choose a transcript, a recording, or both."))
        return data

    def call(self) -> Call:
        data = self.cleaned_data
        return Call(at=data["at"], phone=data["phone"], email=data["email"], name=data["name"], subject=data["subject"])
