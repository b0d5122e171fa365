"""What readings are called on pages, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

FIELDS: Final[Mapping[str, Promise]] = {
    "text.sentiment": _("Sentiment of the comment"),
    "text.emotion": _("Emotion in the comment"),
    "text.intent": _("Intent of the comment"),
    "text.language": _("Language of the comment"),
    "text.effort": _("The comment speaks of effort"),
    "text.urgent": _("The comment is urgent"),
    "text.topic": _("Topic of the comment"),
}
SENTIMENTS: Final[Mapping[str, Promise]] = {
    "negative": _("Negative"),
    "neutral": pgettext_lazy("sentiment", "Neutral"),
    "positive": _("Positive"),
    "mixed": pgettext_lazy("sentiment", "Mixed"),
}
EMOTIONS: Final[Mapping[str, Promise]] = {
    "anger": _("Anger"),
    "disgust": _("Disgust"),
    "fear": _("Fear"),
    "joy": _("Joy"),
    "sadness": _("Sadness"),
    "surprise": _("Surprise"),
    "none": pgettext_lazy("emotion", "None"),
}
INTENTS: Final[Mapping[str, Promise]] = {
    "complaint": pgettext_lazy("intent", "Complaint"),
    "praise": pgettext_lazy("intent", "Praise"),
    "suggestion": pgettext_lazy("intent", "Suggestion"),
    "question": pgettext_lazy("intent", "Question"),
    "request": pgettext_lazy("intent", "Request"),
    "leaving": pgettext_lazy("intent", "Wants to leave"),
}
LANGUAGES: Final[Mapping[str, Promise]] = {
    "en": _("English"),
    "ru": _("Russian"),
    "uk": _("Ukrainian"),
    "pl": _("Polish"),
    "zh": _("Chinese"),
    "other": pgettext_lazy("language", "Not supported"),
}
TOUCHPOINTS: Final[Mapping[str, Promise]] = {
    "delivery": _("Delivery"),
    "returns": _("Returns and refunds"),
    "payment": _("Payment and billing"),
    "price": _("Price"),
    "support": _("Customer service"),
    "staff": _("Staff"),
    "website": _("Website"),
    "app": _("App"),
    "store": _("Store"),
    "account": _("Account"),
    "product": _("Product"),
    "installation": _("Installation and repair"),
    "booking": _("Booking"),
}
KINDS: Final[Mapping[str, Promise]] = {
    "effort": _("Effort"),
    "urgency": _("Urgent"),
    "touchpoint": _("Touchpoint"),
    "topic": _("Topic"),
    "personal": _("Personal data"),
}
YES_NO: Final[Mapping[str, Promise]] = {"yes": _("Yes"), "no": _("No")}
VALUES: Final[Mapping[str, Mapping[str, Promise]]] = {
    "text.sentiment": SENTIMENTS,
    "text.emotion": EMOTIONS,
    "text.intent": INTENTS,
    "text.language": LANGUAGES,
    "text.effort": YES_NO,
    "text.urgent": YES_NO,
    "text.touchpoint": TOUCHPOINTS,
}


def value_name(field: str, value: str) -> str:
    """What a value of `text.NAME` is called; topics have names of their own, see `topic_names`."""
    names = VALUES.get(field, {})
    return str(names[value]) if value in names else capfirst(value.replace("_", " "))


def choices(field: str) -> tuple[tuple[str, str], ...]:
    return tuple((value, str(name)) for value, name in VALUES[field].items())
