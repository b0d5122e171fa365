"""Why a driver model was refused or cannot be computed, in a sentence for the person who asked."""

from __future__ import annotations

from django.utils.translation import gettext


class Refused(ValueError):
    """`text` is a message in English with marks for `values`: so it can be kept, and told to each in their language."""

    def __init__(self, text: str, **values: str | int) -> None:
        self.text, self.values = text, values
        super().__init__(told(self.kept()))

    def kept(self) -> dict[str, object]:
        return {"text": self.text, "values": self.values}


def told(kept: dict[str, object]) -> str:
    """A refusal as it was kept, in the active language; empty where there was none."""
    text, values = kept.get("text"), kept.get("values")
    if not text:
        return ""
    return gettext(str(text)) % values if values else gettext(str(text))
