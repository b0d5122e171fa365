"""The kind e-mail, for the registry."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cxm.listen.channels.base import Kind

from .forms import EmailForm
from .imap import check, poll

KIND = Kind(
    name="email", label=_("E-mail"), about=_("Mails to an address of yours, and your answers to them."), icon="mail",
    form=EmailForm, check=check, poll=poll,
)  # fmt: skip
