"""Who answered, and who did not: response rates by characteristic, and weights that correct for the difference.

Compared are the people who were sent an invitation with those of them who completed the survey. The weights make the
latter look like the former in all characteristics at once (`cxm.stats.raking`); the report says what they change, what
they cost (design effect), and when they do not work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import scipy  # `scipy.stats` loads at its first use: it takes longer than the rest of the start

from cxm.listen.surveys.definition import Definition
from cxm.listen.surveys.models import Invitation, Response, Survey
from cxm.record.customers.models import Customer, Trait
from cxm.stats import intervals
from cxm.stats.estimate import Estimate
from cxm.stats.raking import Raking, rake
from cxm.stats.samples import NpsSample

from .sampling import group_of

MOST_CATEGORIES, MOST_TRAITS = 12, 6
REST = "…"  # categories beyond MOST_CATEGORIES, taken together
SENT = ["sent", "opened", "answered"]
FEWEST = 20  # answers; below, weights say nothing
LARGEST = 5.0  # weight, as a multiple of the mean


@dataclass(frozen=True, slots=True)
class Category:
    """`rate`: answered of invited, with Wilson's interval; shares of each side. All are fractions."""

    name: str
    invited: int
    answered: int
    rate: Estimate
    share_invited: float
    share_answered: float

    @property
    def difference(self) -> float:
        return self.share_answered - self.share_invited


@dataclass(frozen=True, slots=True)
class Characteristic:
    """`p`: of the test that all categories answer alike (chi-squared); None where there is too little."""

    name: str
    categories: tuple[Category, ...]
    p: float | None

    @property
    def differs(self) -> bool:
        return self.p is not None and self.p < 0.05


@dataclass(frozen=True, slots=True)
class Report:
    """`raw` and `weighted` are the NPS, where the survey asks it."""

    invited: int
    answered: int
    bounced: int
    rate: Estimate
    characteristics: tuple[Characteristic, ...]
    fit: Raking | None
    raw: Estimate | None
    weighted: Estimate | None


def report_of(survey: Survey, definition: Definition | None, *, mailing_id: int | None = None) -> Report:
    rows = Invitation.objects.filter(survey=survey, customer__isnull=False)
    if mailing_id is not None:
        rows = rows.filter(mailing_id=mailing_id)
    bounced = rows.filter(state="bounced").count()
    people = dict(rows.filter(state__in=SENT).values_list("pk", "customer_id"))
    answers = {
        invitation: given
        for invitation, given in Response.objects.filter(
            survey=survey, state=Response.State.COMPLETED, test=False, archived_at=None, invitation__in=rows
        ).values_list("invitation_id", "answers")
        if invitation in people
    }
    ids = list(people)
    said = {pk: (traits, language) for pk, traits, language in _customers(set(people.values()))}
    columns = _columns(survey, [said.get(people[one], ({}, "")) for one in ids])
    answered = [one in answers for one in ids]
    characteristics = tuple(
        one for one in (_characteristic(name, column, answered) for name, column in columns.items()) if one
    )
    fit, raw, weighted = None, None, None
    kept = {one.name: columns[one.name] for one in characteristics}
    if kept and sum(answered) >= FEWEST:
        fit = rake(
            {
                name: [value for value, yes in zip(column, answered, strict=True) if yes]
                for name, column in kept.items()
            },
            {name: Counter(column) for name, column in kept.items()},
            largest=LARGEST,
        )
        raw, weighted = _nps(definition, [answers[one] for one in ids if one in answers], fit)
    n = len(ids)
    return Report(n, sum(answered), bounced, intervals.share(sum(answered), n), characteristics, fit, raw, weighted)


def _customers(ids: set[UUID]) -> list[tuple[UUID, dict[str, Any], str]]:
    ordered = sorted(ids)
    found: list[tuple[UUID, dict[str, Any], str]] = []
    for start in range(0, len(ordered), 1000):
        rows = Customer.objects.filter(pk__in=ordered[start : start + 1000])
        found += rows.values_list("pk", "traits", "language")
    return found


def _columns(survey: Survey, people: Sequence[tuple[Mapping[str, Any], str]]) -> dict[str, list[str]]:
    """Characteristic -> category of each person; only what parts them into a few groups."""
    kinds = [Trait.Kind.TEXT, Trait.Kind.YES_NO]
    names = Trait.objects.filter(workspace=survey.workspace_id, kind__in=kinds).values_list("name", flat=True)
    columns: dict[str, list[str]] = {}
    for by in ["language", *(f"trait.{name}" for name in names)]:
        column = [group_of(by, traits, language) for traits, language in people]
        counts = Counter(column)
        if len(counts) < 2 or len(counts) > max(MOST_CATEGORIES * 4, 20) or counts[""] > len(column) / 2:
            continue
        kept = {name for name, _n in counts.most_common(MOST_CATEGORIES)}
        columns[by] = [one if one in kept else REST for one in column]
        if len(columns) > MOST_TRAITS:
            break
    return columns


def _characteristic(name: str, column: Sequence[str], answered: Sequence[bool]) -> Characteristic | None:
    invited = Counter(column)
    given = Counter(one for one, yes in zip(column, answered, strict=True) if yes)
    if len(invited) < 2:
        return None
    total, all_given = sum(invited.values()), sum(given.values())
    categories = tuple(
        Category(
            one, n, given[one], intervals.share(given[one], n), n / total, given[one] / all_given if all_given else 0.0,
        )
        for one, n in invited.most_common()
    )  # fmt: skip
    table = np.array([[given[one], n - given[one]] for one, n in invited.items()])
    p = None
    if table.sum(axis=0).min() > 0 and (np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()).min() >= 1:
        p = float(scipy.stats.chi2_contingency(table, correction=False).pvalue)
    return Characteristic(name, categories, p)


def _nps(
    definition: Definition | None, answers: Sequence[Mapping[str, Any]], fit: Raking
) -> tuple[Estimate | None, Estimate | None]:
    """The NPS of the first question that asks it, as it is and weighted."""
    question = next((one.id for one in definition.questions() if one.kind == "nps"), "") if definition else ""
    pairs = [
        (float(given[question]), float(weight))
        for given, weight in zip(answers, fit.weights, strict=True)
        if isinstance(given.get(question), int | float)
    ]
    if not question or not pairs:
        return None, None
    scores, weights = np.array(pairs).T
    groups = [scores >= 9, (scores >= 7) & (scores < 9), scores < 7]
    raw = intervals.nps_of(NpsSample(*(int(one.sum()) for one in groups)))
    sums = [float(weights[one].sum()) for one in groups]
    return raw, intervals.nps_of(
        NpsSample(sums[0], sums[1], sums[2], squared_weights=float((weights**2).sum()), answers=len(pairs))
    )
