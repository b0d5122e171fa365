"""What a kind of channel provides. A new one is a folder of kinds/ with a KIND, and one line of registry.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .models import Channel

if TYPE_CHECKING:
    from django.utils.functional import Promise


class Trouble(Exception):
    """The other side cannot be reached or refuses us; the message is a sentence for the person who set it up."""


class ChannelForm(forms.Form):
    """The settings of a channel. A kind adds fields: those of SECRETS are kept apart and never shown again.

    Field `address` is kept as the address of the channel; all others under their names in its settings.
    """

    SECRETS: ClassVar[frozenset[str]] = frozenset()
    OPENS_CASES = True  # whether a message of this kind opens a case unless it is told otherwise

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    touchpoint = forms.CharField(
        label=_("Touchpoint"), max_length=60, required=False, help_text=_("The touchpoint that its messages count for.")
    )
    opens_cases = forms.BooleanField(
        label=_("Open a case for each new conversation"), required=False, initial=True,
        help_text=_("Rules for alerts may open cases as well."),
    )  # fmt: skip

    def __init__(self, *args: Any, channel: Channel | None = None, **more: Any) -> None:
        if channel is not None:
            kept = {"name": channel.name, "address": channel.address, **channel.settings}
            more["initial"] = {**kept, **more.get("initial", {})}
        super().__init__(*args, **more)
        self.channel = channel
        if channel is None:
            self.fields["opens_cases"].initial = self.OPENS_CASES
        for name in self.SECRETS & set(self.fields):
            self.fields[name].widget.attrs.setdefault("autocomplete", "new-password")
            if channel is not None and channel.secrets.get(name):
                self.fields[name].required = False
                self.fields[name].help_text = _("Leave it empty to keep the one that is stored.")

    def kept(self) -> dict[str, Any]:
        """What channel_actions.create and change take: name, address, settings, secrets (of these only new ones)."""
        data = dict(self.cleaned_data)
        secrets = {name: data.pop(name) for name in self.SECRETS if name in data}
        return {
            "name": data.pop("name"),
            "address": data.pop("address", ""),
            "settings": data,
            "secrets": {name: value for name, value in secrets.items() if value},
        }


def nothing(channel: Channel) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Kind:
    """`check` answers with a sentence when all is well and raises Trouble; `poll` looks for new messages.

    `template` is a part of the page of a channel (an address to copy, a snippet), with what `context` gives.
    """

    name: str
    label: str | Promise
    about: str | Promise  # one sentence: what comes in by it
    icon: str
    form: type[ChannelForm]
    check: Callable[[Channel], str] | None = None
    poll: Callable[[Channel, Callable[[], bool]], int] | None = None  # (channel, whether to stop) -> new messages
    template: str = ""
    context: Callable[[Channel], Mapping[str, Any]] = nothing
    on_create: Callable[[Channel], Mapping[str, Any]] = nothing  # secrets that are made, not typed
