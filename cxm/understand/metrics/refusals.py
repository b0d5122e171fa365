"""What a question may get wrong. Every message is a full sentence for the person who asked."""

from __future__ import annotations

from django.utils.translation import gettext as _


class Refused(ValueError):
    """The question cannot be answered as it was put; the message says why and what to do."""


class UnknownMetric(Refused):
    def __init__(self, key: str) -> None:
        super().__init__(_("There is no metric “%(key)s”.") % {"key": key})


class BadOption(Refused):
    pass


class MixedScales(Refused):
    def __init__(self, scales: list[str]) -> None:
        super().__init__(
            _("These answers use different scales (%(scales)s), so they have no common mean. Choose one question.")
            % {"scales": ", ".join(scales)}
        )


class MixedCurrencies(Refused):
    def __init__(self, currencies: list[str]) -> None:
        super().__init__(
            _("These amounts are in different currencies (%(currencies)s). Add a filter for one of them.")
            % {"currencies": ", ".join(currencies)}
        )


class TooManyGroups(Refused):
    def __init__(self, most: int) -> None:
        super().__init__(
            _("This breakdown has more than %(most)d rows. Choose a field with fewer values or a shorter period.")
            % {"most": most}
        )


class NotWeighted(Refused):
    def __init__(self, key: str) -> None:
        super().__init__(_("The metric “%(key)s” has no weights: only answers carry them.") % {"key": key})
