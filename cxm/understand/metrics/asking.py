"""What an address or a REST call says, turned into a scope: filters, periods and options as text.

The same words work in the address of a page and in the API: `since`, `until`, `filter=field:operator:value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from cxm.record.customers.segments import with_segments
from cxm.record.eventlog.scope import Filter, Operator

from .periods import midnight
from .refusals import Refused

OPERATORS: tuple[str, ...] = get_args(Operator)
_FILTER = re.compile(rf"(?P<field>.+?):(?P<operator>{'|'.join(OPERATORS)})(?::(?P<value>.*))?", re.DOTALL)
YEARS = (1900, 2200)


class BadFilter(Refused):
    def __init__(self, text: str) -> None:
        super().__init__(
            _("The filter “%(text)s” cannot be read. Write it as field:operator:value, with one of %(operators)s.")
            % {"text": text, "operators": ", ".join(OPERATORS)}
        )


class BadTime(Refused):
    def __init__(self, text: str) -> None:
        super().__init__(
            _("“%(text)s” is not a date. Write it as 2026-03-01 or 2026-03-01T12:00:00+01:00.") % {"text": text}
        )


def read_filters(texts: Iterable[str], workspace_id: int) -> tuple[Filter, ...]:
    """`field:operator:value` each; several with the same field and operator mean any of their values."""
    found: dict[tuple[str, str], list[str]] = {}
    for text in texts:
        match = _FILTER.fullmatch(text)
        if not match:
            raise BadFilter(text)
        value, operator = match["value"], match["operator"]
        if (value is None) != (operator in ("is_set", "is_not_set")):
            raise BadFilter(text)
        values = found.setdefault((match["field"], operator), [])
        if value is not None:
            values.append(value)
        if operator in ("at_least", "at_most") and (len(values) > 1 or not _is_number(value)):
            raise BadFilter(text)
    filters = [Filter(field, operator, tuple(values)) for (field, operator), values in found.items()]  # type: ignore[arg-type]  # the pattern holds operators only
    return with_segments(workspace_id, filters)


def write_filter(one: Filter) -> list[str]:
    """The texts that `read_filters` turns into this filter."""
    if one.operator in ("is_set", "is_not_set"):
        return [f"{one.field}:{one.operator}"]
    return [f"{one.field}:{one.operator}:{value}" for value in one.values]


def read_time(text: str | None, zone: str) -> datetime | None:
    """A date (its midnight in the time zone) or a time; one without an offset is in the time zone."""
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            found = midnight(date.fromisoformat(text), zone)
        else:
            found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise BadTime(text) from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise BadTime(text)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def _is_number(text: str | None) -> bool:
    try:
        return abs(float(text or "")) < float("inf")
    except ValueError:
        return False
