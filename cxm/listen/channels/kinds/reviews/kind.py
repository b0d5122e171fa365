"""The kind reviews, for the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cxm.listen.channels.base import ChannelForm, Kind
from cxm.listen.channels.models import Channel


class ReviewsForm(ChannelForm):
    """Nothing beside what every channel has."""


def context(channel: Channel) -> Mapping[str, Any]:
    return {"base": settings.BASE_URL, "reading": channel.state.get("import", {})}


KIND = Kind(
    name="reviews", label=_("Reviews"), about=_("What people say about you on other sites, by a file or by the API."),
    icon="star", form=ReviewsForm, template="channels/kinds/reviews.html", context=context,
)  # fmt: skip
