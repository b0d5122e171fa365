"""What the filter bar of a metric page offers: fields, their values, and the metric's own options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.lib.personal import mask
from cxm.lib.personal_keys import is_about_person
from cxm.understand.metrics.metric import Option
from cxm.understand.metrics.queries import AskedQuestion, fields

from .asking import Asked, ask_later
from .names import field_name, question_names

MOST_VALUES: Final = 200
CHOICES: Final[Mapping[str, Promise]] = {
    "median": gettext_lazy("Median"),
    "mean": gettext_lazy("Mean"),
    "p90": gettext_lazy("90th percentile"),
    "status": gettext_lazy("By the reported status"),
    "dates": gettext_lazy("By start and end"),
    "inactivity": gettext_lazy("By days without activity"),
    "orders": gettext_lazy("Orders"),
    "events": gettext_lazy("Any event"),
    "any": gettext_lazy("Any kind"),
    "nps": gettext_lazy("Recommendation"),
    "csat": gettext_lazy("Satisfaction"),
    "ces": gettext_lazy("Effort"),
    "rating": gettext_lazy("Rating"),
    "text": gettext_lazy("Text only"),
    "high": gettext_lazy("High scores are easy"),
    "low": gettext_lazy("Low scores are easy"),
    "placed": gettext_lazy("Placed"),
    "approved": gettext_lazy("Approved"),
    "shipped": gettext_lazy("Shipped"),
    "delivered": gettext_lazy("Delivered"),
    "cancelled": gettext_lazy("Cancelled"),
}


@dataclass(frozen=True, slots=True)
class OfferedField:
    name: str
    hint: str


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """An option as a form shows it: a list of (value, label), or a text where there are no choices."""

    key: str
    name: str
    chosen: tuple[str, ...]
    choices: Sequence[tuple[str, str]] = ()
    blank: str = ""
    usual: str = ""
    number: bool = False


def page_fields(asked: Asked, *, personal: bool) -> tuple[list[OfferedField], list[str], list[AskedQuestion]]:
    """The fields of the metric's table, frequent values of them, and the questions of the workspace.

    Unless `personal`, values with personal data are left out.
    """
    table = asked.metric.table
    found = ask_later(partial(fields, asked.workspace.pk, (table,))).result()
    if isinstance(found, str):
        return [], [], []
    known = found.fields.get(table, [])
    offered = [OfferedField(one.field, field_name(one.field)) for one in known]
    values = dict.fromkeys(
        value for one in known for value, _n in one.values
        if len(value) < 80 and (personal or (not is_about_person(one.field) and mask(value) == value))
    )  # fmt: skip
    return offered, list(values)[:MOST_VALUES], found.questions


def option_choices(asked: Asked, questions: Sequence[AskedQuestion]) -> list[OptionChoice]:
    said = asked.options
    return [_offered(option, tuple(said.get(option.key, ())), asked, questions) for option in asked.metric.options]


def _offered(option: Option, chosen: tuple[str, ...], asked: Asked, questions: Sequence[AskedQuestion]) -> OptionChoice:
    name = str(option.name)
    if option.key == "question":
        names = dict.fromkeys(one.question for one in questions if one.metric in asked.metric.kinds and one.question)
        if names:
            said = question_names(asked.workspace.pk, list(names))
            shown = [(value, said.get(value, value)) for value in dict.fromkeys([*names, *chosen])]
            return OptionChoice(option.key, name, chosen, shown, blank=_("All questions"))
    if option.kind == "choice":
        shown = [(value, str(CHOICES.get(value, capfirst(value)))) for value in option.values]
        return OptionChoice(option.key, name, chosen or (str(option.default),), shown)
    usual = "" if option.default in (None, ()) else f"{option.default:g}" if option.kind in {"number", "whole"} else ""
    return OptionChoice(option.key, name, chosen, usual=usual, number=option.kind in {"number", "whole"})
