"""The metrics by what they are about, in the order of the list page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SHELVES: Final[Mapping[Promise, tuple[str, ...]]] = {
    _("What customers say"): (
        "nps", "csat", "csat_mean", "ces", "ces_easy", "rating", "rating_top", "median_score", "response_rate",
        "answers", "respondents", "commented", "sentiment", "negative_texts",
    ),
    _("Service"): (
        "complaint_rate", "complaints_per_100", "resolution_satisfaction", "first_response", "resolution",
        "first_contact", "reopening", "sla", "acknowledged_in_time", "promise_kept", "first_reply_in_time",
        "closed_in_time", "tickets",
    ),
    _("Loyalty and value"): (
        "churn", "revenue_churn", "retention", "survival", "repeat", "clv", "clv_predicted", "expected_purchases",
    ),
    _("Orders and activity"): ("delivery", "late", "orders", "customers", "events"),
}  # fmt: skip
SLOW: Final = frozenset({"clv_predicted", "expected_purchases"})  # fit a model: not for a list
