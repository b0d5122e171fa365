"""What people fill in about reviews."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

FIELD_LABELS = {
    "id": _("Id"), "at": _("Date"), "rating": _("Rating"), "title": _("Heading"), "text": _("Text"),
    "name": _("Author"), "place": _("Place"), "url": _("Link"), "site": _("Site"), "language": _("Language"),
    "email": _("E-mail address"), "user_id": _("User id"), "answer": _("Your answer"),
    "answered_at": _("Date of your answer"),
}  # fmt: skip


class ReviewFileForm(forms.Form):
    file = forms.FileField(
        label=_("File"), help_text=_("CSV, TSV, XLSX or JSON Lines, as review sites export them, up to 100 MB.")
    )
