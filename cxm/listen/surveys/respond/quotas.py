"""How many completed responses each quota has taken, exactly, however many people finish at the same moment.

The rows are locked for the transaction that completes responses. A count that does not exist yet is made from the
responses that are there; whoever changes what a quota counts forgets its count (`forget_counts`).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping

from django.db import connection

from cxm.lib.conditions import Condition, holds

from ..models import QuotaCount, Response, Survey
from ..runtime import Facts
from ..runtime.walk import Walk
from .directory import ALL, Entry, Prepared

NO_LIMIT = sys.maxsize
NONE: Mapping[str, int] = {}


class Counts:
    """The counts of the surveys that were locked; `take` counts a response where every quota has room."""

    def __init__(self, counts: dict[int, dict[str, int]], limits: dict[int, dict[str, int]]) -> None:
        self._counts, self._limits = counts, limits
        self._taken: set[tuple[int, str]] = set()

    def of(self, survey: int, otherwise: Mapping[str, int]) -> Mapping[str, int]:
        """The counts of a survey: exact if it is locked, else as they were read a moment ago."""
        return self._counts.get(survey, otherwise)

    def take(self, entry: Entry, quotas: Iterable[str]) -> bool:
        """Count one more response in all of these quotas, or in none if one of them is full."""
        counts, limits = self._counts.get(entry.id), self._limits.get(entry.id)
        if counts is None or limits is None:
            return True
        wanted = [one for one in (*quotas, ALL) if one in limits]
        if any(counts[one] >= limits[one] for one in wanted):
            return False
        for one in wanted:
            counts[one] += 1
            self._taken.add((entry.id, one))
        return True

    def full_among(self, entry: Entry, quotas: Iterable[str]) -> frozenset[str]:
        counts, limits = self._counts.get(entry.id, {}), self._limits.get(entry.id, {})
        return frozenset(one for one in quotas if one in limits and counts[one] >= limits[one])

    def save(self) -> None:
        for survey, quota in sorted(self._taken):
            QuotaCount.objects.filter(survey=survey, quota=quota).update(n=self._counts[survey][quota])


def locked(surveys: Collection[tuple[Entry, Prepared]]) -> Counts:
    """Lock the counts of those surveys that have limits. Inside a transaction."""
    limits: dict[int, dict[str, int]] = {}
    prepared_of: dict[int, Prepared] = {}
    for entry, prepared in surveys:
        wanted = {one.id: one.limit if one.then != "count" else NO_LIMIT for one in prepared.definition.quotas}
        if entry.most is not None:
            wanted[ALL] = entry.most
        if wanted:
            limits[entry.id] = limits.get(entry.id, {}) | wanted
            prepared_of[entry.id] = prepared
    counts: dict[int, dict[str, int]] = {}
    for survey in sorted(limits):  # in one order everywhere, so that two processes never wait for each other
        rows = QuotaCount.objects.filter(survey=survey).order_by("quota")
        if connection.features.has_select_for_update:
            Survey.objects.select_for_update(of=("self",)).filter(pk=survey).values_list("pk").first()
        counts[survey] = dict(rows.values_list("quota", "n"))
        for quota in limits[survey].keys() - counts[survey].keys():
            counts[survey][quota] = n = counted(survey, quota, prepared_of[survey])
            QuotaCount.objects.create(survey_id=survey, quota=quota, n=n)
    return Counts(counts, limits)


def counted(survey: int, quota: str, prepared: Prepared) -> int:
    """How many completed responses a quota holds by now. Looks at each; for a quota that is new to a live survey."""
    rows = Response.objects.filter(survey=survey, state=Response.State.COMPLETED, test=False, archived_at=None)
    when: Condition | None = next((one.when for one in prepared.definition.quotas if one.id == quota), None)
    if quota == ALL or when is None:
        return rows.count()
    n = 0
    for one in rows.only("answers", "hidden", "full", "channel", "language", "seed").iterator(chunk_size=1000):
        facts = Facts(hidden=one.hidden, channel=one.channel, full=one.full)
        walk = Walk(prepared.ready, one.answers, facts, language=one.language, seed=one.seed)
        n += holds(when, lambda leaf: walk.field(leaf.field))  # noqa: B023  # asked at once
    return n


def forget_counts(survey: int) -> None:
    """Count anew at the next response: after an edit of quotas, or when responses are archived or restored."""
    QuotaCount.objects.filter(survey=survey).delete()
