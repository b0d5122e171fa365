"""The period, the customers and the filters that a page of moments, channels or comparisons is about, from its address.

`since` and `until` are days (the last is not included), `filter` is field:operator:value, as in the addresses of maps
and in the REST API. Without a period it is the last `DAYS` days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.record.customers.segments import segment_names
from cxm.record.eventlog.scope import SEGMENT as SEGMENT_FIELD
from cxm.record.eventlog.scope import Filter, Scope, UnknownField
from cxm.understand.metrics.asking import read_filters, read_time
from cxm.understand.metrics.refusals import Refused

DAYS = 365
SEGMENT = "segment:is:"


@dataclass(frozen=True, slots=True)
class Period:
    scope: Scope
    since: str
    until: str
    filters: list[str]
    now: datetime

    @property
    def until_ms(self) -> int:
        """The present, or the end of the period if that is earlier, in milliseconds since 1970."""
        end = min(self.now, self.scope.until) if self.scope.until else self.now
        return int(end.timestamp() * 1000)

    def said(self, workspace: Workspace) -> dict[str, Any]:
        """What the form of the page shows."""
        segments = [
            (f"{SEGMENT}{key}", name, f"{SEGMENT}{key}" in self.filters)
            for key, name in segment_names(workspace.pk).items()
        ]
        return {
            "segments": segments, "since": self.since, "until": self.until,
            "other_filters": [one for one in self.filters if not one.startswith(SEGMENT)],
        }  # fmt: skip


def period_of(query: QueryDict, workspace: Workspace, suffix: str = "", *, days: int | None = DAYS) -> Period:
    """`suffix`: of the names in the address (the second side of a comparison has 2). Raises Refused of metrics."""
    now, zone = timezone.now(), workspace.time_zone
    since, until = query.get(f"since{suffix}", ""), query.get(f"until{suffix}", "")
    if not since and not until and days:
        since = timezone.localtime(now - timedelta(days=days), timezone=ZoneInfo(zone)).date().isoformat()
    filters = [one for one in query.getlist(f"filter{suffix}") if one]
    scope = Scope(
        workspace.pk, zone, read_time(since, zone), read_time(until, zone), known_filters(filters, workspace.pk)
    )
    return Period(in_order(scope), since, until, filters, now)


def in_order(scope: Scope) -> Scope:
    """Raises Refused of metrics for a period that ends before it begins."""
    if scope.since and scope.until and scope.since > scope.until:
        raise Refused(_("The period ends before it begins."))
    return scope


def known_filters(texts: list[str], workspace_id: int) -> tuple[Filter, ...]:
    """As `read_filters`, but a segment that is gone is refused at once. Raises Refused of metrics."""
    filters = read_filters(texts, workspace_id)
    if any(one.field == SEGMENT_FIELD and one.members is None for one in filters):
        raise Refused(_("The segment of a filter does not exist any more, or cannot be asked for in this way."))
    return filters


def told(error: Refused | UnknownField) -> str:
    """Why a question cannot be put, in the language of who asks."""
    if isinstance(error, UnknownField):
        return _("There is no field “%(name)s” here.") % {"name": error.field[:100]}
    return str(error)
