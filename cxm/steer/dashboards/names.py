"""The names of fields, operators, parts of a number, intervals and exclusions, in the reader's language."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from cxm.listen.surveys.wordings import titles_of
from cxm.record.customers.segments import segment_names
from cxm.record.eventlog.scope import SEGMENT, Filter
from cxm.understand.text.naming import FIELDS as TEXT_NAMES
from cxm.understand.text.naming import value_name
from cxm.understand.text.understanding import topic_names

FIELDS: Final[Mapping[str, Promise]] = {
    "channel": gettext_lazy("Channel"),
    "touchpoint": gettext_lazy("Touchpoint"),
    "property.origin": gettext_lazy("Origin"),
    "language": gettext_lazy("Language"),
    "survey": gettext_lazy("Survey"),
    "question": gettext_lazy("Question"),
    "scale": gettext_lazy("Scale"),
    "score": gettext_lazy("Score"),
    "metric": gettext_lazy("Kind of answer"),
    "state": gettext_lazy("State"),
    "priority": gettext_lazy("Priority"),
    "reopened": gettext_lazy("Times reopened"),
    "reassigned": gettext_lazy("Times reassigned"),
    "sla_met": gettext_lazy("Service level met"),
    "complaint": gettext_lazy("Complaint"),
    "milestone": gettext_lazy("Milestone"),
    "currency": gettext_lazy("Currency"),
    "status": gettext_lazy("Status"),
    "plan": gettext_lazy("Plan"),
    "name": gettext_lazy("Event"),
    "source": gettext_lazy("Source"),
    "segment": gettext_lazy("Segment"),
    "order.delivery": gettext_lazy("Delivery of the order"),
    **TEXT_NAMES,
}
OPERATORS: Final[Mapping[str, Promise]] = {
    "is": gettext_lazy("is"),
    "is_not": gettext_lazy("is not"),
    "contains": gettext_lazy("contains"),
    "at_least": gettext_lazy("is at least"),
    "at_most": gettext_lazy("is at most"),
    "is_set": gettext_lazy("is known"),
    "is_not_set": gettext_lazy("is not known"),
}
COMPARISONS: Final[Mapping[str, Promise]] = {
    "previous": gettext_lazy("The period before"),
    "year": gettext_lazy("The same days a year before"),
    "segment": gettext_lazy("Another segment"),
    "none": gettext_lazy("Nothing"),
}
GRAINS: Final[Mapping[str, Promise]] = {
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
    "quarter": gettext_lazy("Quarter"),
    "year": gettext_lazy("Year"),
}
METHODS: Final[Mapping[str, Promise]] = {
    "nps_plus_one": gettext_lazy(
        "One promoter, one passive and one detractor are added before the normal interval; the value shown is the plain"
        " one."
    ),
    "wilson": gettext_lazy("Wilson's score interval."),
    "mean_plus_one": gettext_lazy(
        "One answer at the lowest, the middle and the highest point of the scale is added before the normal interval;"
        " the value shown is the plain one."
    ),
    "t": gettext_lazy("Student's interval."),
    "order_statistics": gettext_lazy("Between two of the sorted values themselves; it assumes no distribution."),
    "bootstrap": gettext_lazy("Bootstrap: the value of many samples drawn again from the data."),
    "ratio_t": gettext_lazy("Student's interval of a ratio of two sums (Cochran 1977)."),
    "greenwood_log_log": gettext_lazy("Greenwood's variance, on the log-log scale."),
    "jackknife": gettext_lazy("A tenth of the customers is left out in turn, and the model fitted again."),
    "count": gettext_lazy("A count of what was recorded is exact, so it has no interval."),
    "none": gettext_lazy("The data cannot tell how uncertain this number is, so it has no interval."),
}
PARTS: Final[Mapping[str, Promise]] = {
    "promoters": gettext_lazy("Promoters"),
    "passives": gettext_lazy("Passives"),
    "detractors": gettext_lazy("Detractors"),
    "lost": pgettext_lazy("part of churn", "Lost"),
    "customers": gettext_lazy("Customers"),
    "complaints": gettext_lazy("Complaints"),
    "tickets": gettext_lazy("Tickets"),
    "first_contact": gettext_lazy("Solved at first contact"),
    "within_service_level": gettext_lazy("Within the service level"),
    "reopened": gettext_lazy("Reopened"),
    "late": gettext_lazy("Late"),
    "delivered": gettext_lazy("Delivered"),
    "repeaters": gettext_lazy("With two or more orders"),
    "retained": gettext_lazy("Came back"),
    "answered": gettext_lazy("Answered"),
    "invitations": gettext_lazy("Invitations"),
    "with_comment": gettext_lazy("With a comment"),
    "answers": gettext_lazy("Answers"),
    "ended": gettext_lazy("Ended"),
    "positive": gettext_lazy("Positive"),
    "negative": gettext_lazy("Negative"),
    "neither": gettext_lazy("Neutral or mixed"),
    "texts": gettext_lazy("Comments"),
}
EXCLUDED: Final[Mapping[str, Promise]] = {
    "missing": gettext_lazy("Answers without a score"),
    "off_scale": gettext_lazy("Answers with a score outside the scale"),
    "without_length": gettext_lazy("Subscriptions of unknown length"),
    "without_amount": gettext_lazy("Subscriptions without an amount"),
    "without_start": gettext_lazy("Subscriptions without a start"),
    "nobody": gettext_lazy("Records of unknown customers"),
    "waiting": gettext_lazy("Tickets still open"),
    "negative": gettext_lazy("Tickets whose time is before their opening"),
    "not_delivered": gettext_lazy("Orders not delivered"),
}


def field_name(field: str) -> str:
    """Channel, area (of a property), plan (customer)."""
    if field in FIELDS:
        return str(FIELDS[field])
    kind, _dot, rest = field.partition(".")
    if kind == "trait":
        return _("%(trait)s of the customer") % {"trait": rest}
    return rest or field


def filter_text(one: Filter, workspace_id: int) -> str:
    """Channel is email or chat; segments by their names."""
    parts = {"field": field_name(one.field), "operator": OPERATORS[one.operator]}
    if one.operator in {"is_set", "is_not_set"}:
        return _("%(field)s %(operator)s") % parts
    names = _value_names(one, workspace_id)
    shown = [names.get(value, value) or _("(empty)") for value in one.values]
    text = shown[0]
    for value in shown[1:]:
        text = _("%(one)s or %(other)s") % {"one": text, "other": value}
    return _("%(field)s %(operator)s %(values)s") % {**parts, "values": text}


def question_names(workspace_id: int, questions: Collection[str]) -> dict[str, str]:
    """What they ask, in the reader's language; files name questions by their words already."""
    return titles_of(workspace_id, questions, get_language() or "en") if questions else {}


def _value_names(one: Filter, workspace_id: int) -> Mapping[str, str]:
    if one.field == "question":
        return question_names(workspace_id, [value for value in one.values if value])
    if one.field == SEGMENT:
        return segment_names(workspace_id)
    if one.field == "text.topic":
        return topic_names(workspace_id)
    return {value: value_name(one.field, value) for value in one.values if value} if one.field in TEXT_NAMES else {}


def named(names: Mapping[str, Promise], key: str) -> str:
    return str(names[key]) if key in names else capfirst(key.replace("_", " "))
