"""Samples of a mailing: whom to ask so that each group's figure reaches its half-width with the fewest invitations.

`Mailing.sample` is a `Sample` as JSON; empty means everybody. People are drawn by the keyed hash of their id: the same
mailing draws the same people again after a crash, and another one draws others.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from uuid import UUID

import msgspec
from django.db.models import Count, Q
from msgspec import Struct, field

from cxm.accounts.models import Workspace
from cxm.lib.conditions import text_of
from cxm.listen.surveys.models import Invitation, Mailing
from cxm.record.customers.models import Customer
from cxm.stats.allocation import Group, Plan, fewest, proportional

PART = 1_000
PRIOR_RATE, PRIOR_WEIGHT = 0.15, 20  # before anybody was asked: so many invitations with that rate are imagined
NPS_DEVIATION = 100 * math.sqrt(0.7)  # points; see cxm.stats.planning
MOST_GROUPS = 50
SENT = ["sent", "opened", "answered"]


class Sample(Struct, omit_defaults=True):
    """`by`: what makes the groups, `trait.<name>` or `language`. Half-widths in NPS points; 0: not wanted.

    `invitations` is decided when the mailing starts: group -> how many; `panel`: by a panel instead of by e-mail.
    """

    by: str = ""
    half_width: float = 0
    overall: float = 0
    rates: dict[str, float] = field(default_factory=dict)
    invitations: dict[str, int] | None = None
    panel: bool = False


def sample_of(mailing: Mailing) -> Sample:
    return msgspec.convert(mailing.sample or {}, Sample)


def wants_sample(mailing: Mailing) -> bool:
    """Whether there is to be one, and it is not decided yet."""
    sample = sample_of(mailing)
    return bool(sample.half_width or sample.overall) and sample.invitations is None


def group_of(by: str, traits: Mapping[str, object], language: str) -> str:
    """The group that a customer belongs to; empty where nothing is known."""
    if by == "language":
        return language
    value = traits.get(by.removeprefix("trait."))
    if isinstance(value, list):
        value = value[0] if value else None
    return text_of(value)[:200] if isinstance(value, str | int | float | bool) else ""


def grouped(workspace: Workspace, who: Iterable[UUID | str], by: str) -> Iterator[tuple[UUID | str, str]]:
    """Each with their group; addresses without a profile have none."""
    if not by:
        yield from ((one, "") for one in who)
        return
    part: list[UUID | str] = []
    for one in who:
        part.append(one)
        if len(part) == PART:
            yield from _grouped(workspace, part, by)
            part = []
    yield from _grouped(workspace, part, by)


def _grouped(workspace: Workspace, part: list[UUID | str], by: str) -> Iterator[tuple[UUID | str, str]]:
    ids = [one for one in part if isinstance(one, UUID)]
    rows = Customer.objects.filter(workspace=workspace, pk__in=ids).values_list("pk", "traits", "language")
    groups = {pk: group_of(by, traits, language) for pk, traits, language in rows}
    yield from ((one, groups.get(one, "") if isinstance(one, UUID) else "") for one in part)


def sizes_of(workspace: Workspace, who: Iterable[UUID | str], by: str) -> Counter[str]:
    """How many there are of each group."""
    return Counter(group for _one, group in grouped(workspace, who, by))


def expected_rates(workspace: Workspace, groups: Iterable[str]) -> dict[str, float]:
    """The response rate to expect of each group, from all earlier mailings of the workspace.

    Few invitations say little: a group's rate is drawn towards that of the workspace, and that towards 15 %, as if 20
    more invitations had been sent (the mean of a beta distribution).
    """
    rows = (
        Invitation.objects.filter(workspace=workspace, state__in=SENT)
        .order_by()
        .values_list("group")
        .annotate(sent=Count("pk"), answered=Count("pk", filter=Q(state="answered")))
    )
    found = {group: (sent, answered) for group, sent, answered in rows}
    sent, answered = (sum(pair[n] for pair in found.values()) for n in (0, 1))
    overall = (answered + PRIOR_RATE * PRIOR_WEIGHT) / (sent + PRIOR_WEIGHT)
    return {
        group: (found.get(group, (0, 0))[1] + overall * PRIOR_WEIGHT) / (found.get(group, (0, 0))[0] + PRIOR_WEIGHT)
        for group in groups
    }


def plan_of(sample: Sample, sizes: Mapping[str, int], rates: Mapping[str, float]) -> tuple[Plan, Plan]:
    """The plan with the fewest invitations, and the usual one of the same share of everybody, for comparison."""
    groups = [
        Group(
            name, size, min(max(sample.rates.get(name, rates.get(name, PRIOR_RATE)), 0.001), 1.0), NPS_DEVIATION,
            sample.half_width or None,
        )
        for name, size in sorted(sizes.items())
    ]  # fmt: skip
    overall = sample.overall or None
    return fewest(groups, overall), proportional(groups, overall)


def decide_sample(mailing: Mailing, sizes: Mapping[str, int]) -> Sample:
    """The sample with the numbers that are to be drawn."""
    sample = sample_of(mailing)
    if sample.half_width or sample.overall:
        plan, _usual = plan_of(sample, sizes, expected_rates(mailing.survey.workspace, sizes))
        sample.invitations = {one.name: one.invitations for one in plan.shares}
    return sample


def draw(mailing: Mailing, who: Iterable[UUID | str]) -> Iterator[tuple[UUID | str, str]]:
    """Whom to invite, with their groups: everybody, or as many of each group as the sample says."""
    sample = sample_of(mailing)
    everybody = grouped(mailing.survey.workspace, who, sample.by)
    if sample.invitations is None:
        yield from everybody
        return
    # Of each group the smallest hashes, the largest of them on top of a heap.
    kept: dict[str, list[tuple[int, str, UUID | str]]] = {}
    for one, group in everybody:
        most = sample.invitations.get(group, 0)
        entry = (-lot(mailing.pk, one), str(one), one)
        heap = kept.setdefault(group, [])
        if len(heap) < most:
            heapq.heappush(heap, entry)
        elif most and entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)
    for group, heap in kept.items():
        yield from ((one, group) for _lot, _text, one in heap)


def lot(mailing_id: int, one: UUID | str) -> int:
    return int.from_bytes(blake2b(f"{mailing_id}\x1f{one}".encode(), digest_size=8).digest())
