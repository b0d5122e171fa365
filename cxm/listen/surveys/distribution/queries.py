"""Questions about mailings, panels and the contact budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import Http404

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Contact, ContactRule, Invitation, Mailing, Repeat, Survey
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.segments import condition_of, members
from cxm.stats import intervals
from cxm.stats.estimate import Estimate

SENT = ["sent", "opened", "answered"]


def mailings_of(survey: Survey) -> list[Mailing]:
    """Without the waves, which stand at the mailing that makes them."""
    rows = Mailing.objects.filter(survey=survey, series=None).select_related("created_by", "repeat")
    return list(rows.order_by("-pk"))


def waves_of(mailing: Mailing) -> QuerySet[Mailing]:
    return Mailing.objects.filter(series=mailing).order_by("-wave_on")


def repeat_of(mailing: Mailing) -> Repeat | None:
    return Repeat.objects.filter(mailing=mailing).first()


def mailing_for(workspace: Workspace, mailing_id: int, survey_id: int | None = None) -> Mailing:
    rows = Mailing.objects.select_related("survey__workspace").filter(survey__workspace=workspace, pk=mailing_id)
    found = rows.filter(survey_id=survey_id).first() if survey_id is not None else rows.first()
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True, slots=True)
class Progress:
    """`states` counts invitations; `reasons` those skipped by (code, words). `percent` of those that were decided."""

    total: int
    states: dict[str, int]
    reasons: list[tuple[str, int]]

    def of(self, *states: str) -> int:
        return sum(self.states.get(one, 0) for one in states)

    @property
    def percent(self) -> float:
        return 100 * (self.total - self.of("planned", "created")) / self.total if self.total else 0

    @property
    def sent(self) -> int:
        return self.of(*SENT)

    @property
    def answered(self) -> int:
        return self.of("answered")

    @property
    def rate(self) -> Estimate:
        return intervals.share(self.answered, self.sent)


def progress_of(mailing: Mailing) -> Progress:
    """Of one that repeats: of all its waves together."""
    return progress_by([mailing])[mailing.pk]


def progress_by(mailings: Sequence[Mailing]) -> dict[int, Progress]:
    """The progress of each."""
    ids = [one.pk for one in mailings]
    series = dict(Mailing.objects.filter(series__in=ids).values_list("pk", "series_id"))
    states, reasons = defaultdict[int, Counter[str]](Counter), defaultdict[int, Counter[str]](Counter)
    rows = Invitation.objects.filter(mailing__in=[*ids, *series]).order_by()
    for mailing, state, reason, n in rows.values_list("mailing", "state", "reason").annotate(n=Count("pk")):
        one = series.get(mailing, mailing)
        states[one][state] += n
        if state == Invitation.State.SKIPPED:
            reasons[one][reason] += n
    return {one: Progress(states[one].total(), dict(states[one]), reasons[one].most_common()) for one in ids}


def rule_for(workspace: Workspace, rule_id: int) -> ContactRule:
    found = ContactRule.objects.filter(workspace=workspace, pk=rule_id).first()
    if found is None:
        raise Http404
    return found


def contacts_of(customer: Customer, most: int = 50) -> list[Contact]:
    """The newest contacts of a person, under every profile of theirs."""
    root = customer.canonical_id or customer.pk
    ids = [root, *Customer.objects.filter(canonical=root).values_list("pk", flat=True)]
    rows = Contact.objects.filter(workspace_id=customer.workspace_id, person__in=ids).select_related("survey")
    return list(rows.order_by("-at")[:most])


@dataclass(frozen=True, slots=True)
class Wave:
    """The people's `number`th invitation: how many got one, and the share who answered it."""

    number: int
    invited: int
    answered: int
    rate: Estimate


@dataclass(frozen=True, slots=True)
class Panel:
    """`silent`: members who left their last three invitations unanswered."""

    members: int
    asked: int
    silent: int
    unreachable: int
    waves: list[Wave]


MOST_WAVES = 12


def panel_of(workspace: Workspace, segment: Segment) -> Panel:
    """How a panel wears out: response by number of the invitation, over all surveys."""
    ids = set(members(workspace, condition_of(segment)))
    history: dict[UUID, list[bool]] = defaultdict(list)
    unreachable = 0
    rows = Invitation.objects.filter(workspace=workspace, customer__isnull=False, state__in=[*SENT, "bounced"])
    for customer, state in rows.order_by("created_at").values_list("customer_id", "state").iterator(5000):
        if customer not in ids or customer is None:
            continue
        if state == "bounced":
            unreachable += 1
            continue
        history[customer].append(state == "answered")
    invited, answered = Counter[int](), Counter[int]()
    for said in history.values():
        for number, yes in enumerate(said[:MOST_WAVES], start=1):
            invited[number] += 1
            answered[number] += yes
    waves = [Wave(n, invited[n], answered[n], intervals.share(answered[n], invited[n])) for n in sorted(invited)]
    silent = sum(1 for said in history.values() if len(said) >= 3 and not any(said[-3:]))
    return Panel(len(ids), len(history), silent, unreachable, waves)
