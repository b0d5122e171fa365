"""The kind calls, for the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cxm.listen.channels.base import ChannelForm, Kind
from cxm.listen.channels.models import Channel


class CallsForm(ChannelForm):
    OPENS_CASES = False

    agents = forms.CharField(
        label=_("Speakers who are yours"), required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("As your speech service names them, one a line: “channel 0”, “AGENT”. A number counts speakers by"
                    " who begins."),
    )  # fmt: skip


def context(channel: Channel) -> Mapping[str, Any]:
    return {"base": settings.BASE_URL, "transcribes": bool(settings.TRANSCRIBER)}


KIND = Kind(
    name="calls", label=_("Calls"), about=_("Transcripts and recordings of calls and voicemails."), icon="phone",
    form=CallsForm, template="channels/kinds/calls.html", context=context,
)  # fmt: skip
