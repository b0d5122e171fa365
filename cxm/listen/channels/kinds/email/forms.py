"""The settings of a mailbox."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from cxm.listen.channels.base import ChannelForm


class EmailForm(ChannelForm):
    SECRETS: ClassVar[frozenset[str]] = frozenset({"imap_password", "oauth_client_secret", "oauth_refresh_token"})

    address = forms.EmailField(
        label=_("E-mail address"), max_length=254, help_text=_("Customers write to it, and answers come from it.")
    )
    sender_name = forms.CharField(
        label=_("Sender name"), max_length=100, required=False, help_text=_("Customers see it beside the address.")
    )
    signature = forms.CharField(
        label=_("Signature"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    intake = forms.ChoiceField(
        label=_("How mail comes in"),
        choices=[
            ("imap", _("We ask a mail server by IMAP")),
            ("smtp", _("Our mail server sends it here by SMTP")),
            ("none", _("Not at all: this mailbox only sends")),
        ],
    )
    imap_host = forms.CharField(label=_("IMAP server"), max_length=253, required=False)
    imap_port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, required=False, initial=993)
    imap_security = forms.ChoiceField(
        label=_("Encryption"), required=False,
        choices=[("tls", _("TLS from the start")), ("starttls", _("STARTTLS")), ("none", _("None"))],
    )  # fmt: skip
    imap_user = forms.CharField(label=_("User name"), max_length=254, required=False)
    imap_password = forms.CharField(
        label=_("Password"), max_length=1000, required=False, widget=forms.PasswordInput, strip=False
    )
    oauth_token_url = forms.CharField(
        label=_("Token address"), max_length=500, required=False,
        help_text=_("Only where the mail server takes no password (Microsoft 365, Google): we log in by OAuth 2.0."),
    )  # fmt: skip
    oauth_client = forms.CharField(label=_("Client ID"), max_length=500, required=False)
    oauth_client_secret = forms.CharField(
        label=_("Client secret"), max_length=1000, required=False, widget=forms.PasswordInput
    )
    oauth_refresh_token = forms.CharField(
        label=_("Refresh token"), max_length=10_000, required=False, widget=forms.PasswordInput
    )
    imap_folder = forms.CharField(label=_("Folder"), max_length=200, required=False, initial="INBOX")
    mark_seen = forms.BooleanField(label=_("Mark mails as read that were taken"), required=False)
    plus_addresses = forms.BooleanField(
        label=_("The mail server delivers name+anything@ to this mailbox"), required=False,
        help_text=_("Then answers find their conversation even where a mail program drops the headers for it."),
    )  # fmt: skip
    authority = forms.CharField(
        label=_("Server that checks senders"), max_length=253, required=False,
        help_text=_("Its name in the header Authentication-Results. Mails whose sender it calls forged join no"
                    " conversation and are marked."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("intake") == "imap":
            by_token = bool(data.get("oauth_token_url"))
            secret = "oauth_refresh_token" if by_token else "imap_password"
            for name in ("imap_host", "imap_user", *(["oauth_client"] if by_token else [])):
                if not data.get(name):
                    self.add_error(name, _("IMAP needs it."))
            if not data.get(secret) and not (self.channel is not None and self.channel.secrets.get(secret)):
                self.add_error(secret, _("IMAP needs it."))
            if by_token and not data["oauth_token_url"].startswith("https://"):
                self.add_error("oauth_token_url", _("An address that starts with https://."))
        data["imap_port"] = data.get("imap_port") or 993
        data["imap_folder"] = data.get("imap_folder") or "INBOX"
        return data
