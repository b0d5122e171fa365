"""The kind webhook, for the registry."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cxm.listen.channels.base import ChannelForm, Kind
from cxm.listen.channels.models import Channel

from .mapping import FIELDS, LONGEST_PATH, MOST_PROPERTIES, PRESETS, Unusable, compiled
from .signatures import STYLES

LABELS = {
    "id": _("Id"), "at": _("Time"), "sender": _("E-mail address of the sender"), "name": _("Name of the sender"),
    "user_id": _("User id of the sender"), "phone": _("Phone number of the sender"), "subject": _("Subject"),
    "text": _("Text"), "score": _("Score"), "language": _("Language"), "touchpoint": _("Touchpoint"),
}  # fmt: skip
STYLE_LABELS = {
    "standard": _("Standard Webhooks (Svix and many others)"), "typeform": "Typeform",
    "github": _("GitHub, and who signs as it does"), "stripe": "Stripe", "zendesk": "Zendesk",
    "token": _("A secret in a header: Authorization or X-Webhook-Token"),
}  # fmt: skip
EVENT = re.compile(r"[^\x00-\x1f]{1,200}")
# Our own facts begin so; no webhook may state one.
OURS = re.compile(
    r"(case|sla|alert|rule|survey|message|conversation|review|call|customer|consent|note|segment|channel|webhook)s?_"
)


class WebhookForm(ChannelForm):
    SECRETS: ClassVar[frozenset[str]] = frozenset({"secret"})

    style = forms.ChoiceField(label=_("Who sends"), choices=[(one, STYLE_LABELS[one]) for one in STYLES])
    secret = forms.CharField(
        label=_("Signing secret"), required=False, max_length=500,
        help_text=_("As the other system shows it. Leave it empty where it asks for one: we make it."),
    )  # fmt: skip
    makes = forms.ChoiceField(
        label=_("What arrives is"),
        choices=[("message", _("A message of a customer: feedback, and perhaps a case")),
                 ("event", _("An event on the customer’s timeline"))],
    )  # fmt: skip
    event = forms.CharField(
        label=_("Name of the event"), required=False, max_length=200, help_text=_("Such as kettle_returned.")
    )
    when = forms.CharField(
        label=_("Only if this finds something"), required=False, max_length=LONGEST_PATH,
        help_text=_("A JSONPath such as $[?@=='ticket.created']. Leave it empty to take everything."),
    )  # fmt: skip
    properties = forms.CharField(
        label=_("Further properties"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line, a name and a JSONPath: order = $.data.order"),
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any] | None = None, *args: Any, **more: Any) -> None:
        super().__init__(flat(data) if data else data, *args, **more)
        for name in FIELDS:
            self.fields[f"path_{name}"] = forms.CharField(
                label=LABELS[name], required=False, max_length=LONGEST_PATH,
                help_text=_("A JSONPath such as $.data.email.") if name == "sender" else "",
            )  # fmt: skip
        if self.channel is not None:
            own = self.channel.settings
            for name, path in own.get("paths", {}).items():
                self.initial[f"path_{name}"] = path
            pairs = own.get("properties", {})
            self.initial["properties"] = "\n".join(f"{name} = {path}" for name, path in pairs.items())

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        paths = {name: data.pop(f"path_{name}", "").strip() for name in FIELDS}
        preset = PRESETS[data.get("style") or "standard"]
        if self.channel is None and not any(paths.values()) and not data.get("properties") and not data.get("when"):
            # A usual system, and nobody said otherwise: where it keeps things is known.
            paths |= preset.paths
            data |= {"when": preset.when, "makes": preset.makes, "event": data.get("event") or preset.event}
            data["properties"] = dict(preset.properties)
        else:
            data["properties"] = self._pairs(str(data.get("properties", "")))
        data["paths"] = {name: path for name, path in paths.items() if path}
        for name, path in [("when", data.get("when", "")), *((f"path_{k}", v) for k, v in data["paths"].items())]:
            self._check(name, path)
        for path in data["properties"].values():
            self._check("properties", path)
        if data.get("makes") == "event" and not EVENT.fullmatch(data.get("event", "")):
            self.add_error("event", _("Give the event a name."))
        elif data.get("makes") == "event" and OURS.match(data["event"].lower()):
            self.add_error("event", _("Names that begin so are ours. Choose another."))
        elif data.get("makes") == "message" and not {"text", "subject"} & set(data["paths"]):
            self.add_error("path_text", _("Say where the text or the subject is."))
        secret = data.get("secret", "")
        if secret and data.get("style") == "standard" and not _is_standard(secret):
            self.add_error("secret", _("A secret of Standard Webhooks begins with whsec_ or whpk_."))
        elif secret and len(secret) < 12:
            self.add_error("secret", _("This secret is too short to keep anybody out."))
        return data

    def _pairs(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in text.splitlines():
            name, equals, path = line.partition("=")
            if not line.strip():
                continue
            if not equals or not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_ ]{0,59}", name.strip()):
                self.add_error("properties", _("“%(line)s” is not a name and a JSONPath.") % {"line": line[:60]})
                continue
            found[name.strip()] = path.strip()
        if len(found) > MOST_PROPERTIES:
            self.add_error("properties", _("At most %(most)d properties.") % {"most": MOST_PROPERTIES})
        return found

    def _check(self, name: str, path: str) -> None:
        try:
            if path:
                compiled(path)
        except Unusable as problem:
            self.add_error(name, str(problem))


def flat(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The API gives `paths` and `properties` as the settings have them, the page as fields and lines."""
    paths, properties = data.get("paths"), data.get("properties")
    if not isinstance(paths, Mapping) and not isinstance(properties, Mapping):
        return data
    made = {**data}
    if isinstance(paths, Mapping):
        made |= {f"path_{name}": str(path) for name, path in paths.items()}
    if isinstance(properties, Mapping):
        made["properties"] = "\n".join(f"{name} = {path}" for name, path in properties.items())
    return made


def _is_standard(secret: str) -> bool:
    try:
        return secret.startswith(("whsec_", "whpk_")) and len(base64.b64decode(secret[6:], validate=True)) >= 16
    except ValueError:
        return False


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def on_create(channel: Channel) -> Mapping[str, Any]:
    return {} if channel.secrets.get("secret") else {"secret": new_secret()}


def context(channel: Channel) -> Mapping[str, Any]:
    return {
        "address": settings.BASE_URL + reverse("webhook_in", args=[channel.public_id]),
        "log": channel.state.get("log", []), "shape": channel.state.get("shape", []),
        "exchanging": bool(channel.secrets.get("former")),
    }  # fmt: skip


KIND = Kind(
    name="webhook", label=_("Webhook"), about=_("Another system tells us, signed; a mapping says what it means."),
    icon="webhook", form=WebhookForm, template="channels/kinds/webhook.html", context=context, on_create=on_create,
)  # fmt: skip
