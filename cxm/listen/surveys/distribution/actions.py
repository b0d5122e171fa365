"""What can be done: create and change a mailing, start, stop; a personal link; the rules of the contact budget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Role, Workspace
from cxm.lib.conditions import Condition, faults
from cxm.listen.channels.actions import Refused as Refused  # of every verb here
from cxm.listen.channels.actions import cancel_batch
from cxm.listen.channels.queries import folded, suppressed
from cxm.listen.surveys import budget
from cxm.listen.surveys.models import ContactRule, Invitation, Mailing, Repeat, Response, Survey
from cxm.record.customers.models import Customer, Segment
from cxm.record.eventlog.ids import customer_id_of

from . import running, sampling, waves
from .mails import forget_contact

MOST_LISTED = 100_000
MOST_SEGMENTS = 10  # beside the first
EARLIEST, LATEST = 2000, 2199  # years of a first wave
LISTED = re.compile(r"[\s,;]+")
ADDRESS = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,253}")
State = Mailing.State


def read_list(workspace: Workspace, text: str) -> tuple[list[str], list[str]]:
    """Pasted addresses or ids of customers: (what can be invited, what cannot be read). Known addresses become ids."""
    words = [one.strip("<>\"'") for one in LISTED.split(text) if one.strip("<>\"'")]
    if len(words) > MOST_LISTED:
        raise Refused(_("List at most %(most)s people; use a segment for more.") % {"most": MOST_LISTED})
    addresses = {folded(one) for one in words if ADDRESS.fullmatch(one)}
    known: dict[str, str] = {}
    ordered = sorted(addresses)
    for start in range(0, len(ordered), 500):
        rows = Customer.objects.filter(workspace=workspace, email__in=ordered[start : start + 500])
        known.update(
            (folded(email), str(leads or pk)) for email, pk, leads in rows.values_list("email", "pk", "canonical_id")
        )
    found: dict[str, None] = {}
    wrong = []
    for one in words:
        if ADDRESS.fullmatch(one):
            found[known.get(folded(one), folded(one))] = None
            continue
        try:
            found[str(UUID(one))] = None
        except ValueError:
            wrong.append(one)
    return list(found), wrong


@transaction.atomic
def create_mailing(*, survey: Survey, name: str, by: Actor, **values: Any) -> Mailing:
    """A draft. `values` as in `change_mailing`."""
    require_role(survey.workspace, by, Role.ANALYST)
    mailing = Mailing(survey=survey, name=name.strip()[:200] or survey.name, created_by=user_behind(by))
    _put(mailing, values)
    mailing.save()
    _put_repeat(mailing, values)
    audit("created", mailing, workspace=survey.workspace, by=by, name=mailing.name)
    return mailing


@transaction.atomic
def change_mailing(*, mailing: Mailing, by: Actor, **values: Any) -> None:
    """Change a draft: name, segment, also_in, not_in or customers, subject, text, remind_after_days, sample, per_hour,
    starts_at, repeat (None: once; else every, first_on, at, until as in `Repeat`)."""
    require_role(mailing.survey.workspace, by, Role.ANALYST)
    locked = Mailing.objects.select_for_update().get(pk=mailing.pk)
    if locked.state != State.DRAFT:
        raise Refused(_("This mailing has been started; it cannot be changed any more."))
    _put(mailing, values)
    mailing.save()
    _put_repeat(mailing, values)
    audit("changed", mailing, workspace=mailing.survey.workspace, by=by, name=mailing.name)


def _put(mailing: Mailing, values: Mapping[str, Any]) -> None:
    workspace = mailing.survey.workspace
    segment = str(values.get("segment", mailing.segment) or "")
    more = [*values.get("also_in", mailing.also_in), *values.get("not_in", mailing.not_in)]
    if len(more) > MOST_SEGMENTS or (more and not segment):
        raise Refused(_("There is no such segment."))
    if segment:
        try:
            named = {UUID(one) for one in (segment, *more)}
        except ValueError:
            named = set()
        if not named or Segment.objects.filter(workspace=workspace, pk__in=named).count() < len(named):
            raise Refused(_("There is no such segment."))
    days = values.get("remind_after_days", mailing.remind_after_days)
    if len(days) > 5 or any(not 1 <= one <= 90 for one in days):
        raise Refused(_("Remind at most five times, each 1 to 90 days after the invitation."))
    sample = values.get("sample", mailing.sample)
    try:
        msgspec.convert(sample or {}, sampling.Sample)
    except msgspec.ValidationError as error:
        raise Refused(_("The sample cannot be read: %(error)s") % {"error": error}) from error
    for one in ("name", "segment", "also_in", "not_in", "customers", "subject", "text", "per_hour", "starts_at"):
        if one in values:
            setattr(mailing, one, values[one] if values[one] is not None or one in {"per_hour", "starts_at"} else "")
    mailing.remind_after_days, mailing.sample = sorted(set(days)), sample


def _put_repeat(mailing: Mailing, values: Mapping[str, Any]) -> None:
    if "repeat" not in values:
        return
    wanted = values["repeat"]
    if not wanted:
        Repeat.objects.filter(mailing=mailing).delete()
        return
    if wanted["until"] and wanted["until"] < wanted["first_on"]:
        raise Refused(_("The last day is before the first."))
    sound = EARLIEST <= wanted["first_on"].year <= LATEST and wanted["every"] in Repeat.Every.values
    if not sound or wanted["at"].tzinfo:  # the workspace's clocks count
        raise Refused(_("Choose how often, the day of the first and the time."))
    Repeat.objects.update_or_create(mailing=mailing, defaults=wanted)


@transaction.atomic
def start_mailing(*, mailing: Mailing, by: Actor) -> None:
    """Send it, at once or when its time comes. Raises Refused for a survey that nobody can answer, or for nobody."""
    require_role(mailing.survey.workspace, by, Role.ANALYST)
    mailing = Mailing.objects.select_for_update(of=("self",)).select_related("survey__workspace").get(pk=mailing.pk)
    if mailing.state != State.DRAFT:
        raise Refused(_("This mailing has been started already."))
    if mailing.survey.state != Survey.State.LIVE or not mailing.survey.version:
        raise Refused(_("Publish the survey first: nobody could answer it now."))
    if not mailing.segment and not mailing.customers:
        raise Refused(_("Choose a segment, or list the people to invite."))
    repeat = Repeat.objects.filter(mailing=mailing).first()
    if sampling.wants_sample(mailing):
        sample = sampling.sample_of(mailing)
        sizes = sampling.sizes_of(mailing.survey.workspace, running.wanted(mailing), sample.by)
        if len(sizes) > sampling.MOST_GROUPS:
            raise Refused(
                _("“%(by)s” makes more than %(most)d groups; choose another trait.")
                % {"by": sample.by, "most": sampling.MOST_GROUPS}
            )
        if repeat is None:
            mailing.sample = msgspec.to_builtins(sampling.decide_sample(mailing, sizes))
    mailing.state = State.SENDING
    if repeat is not None:
        if not mailing.segment:
            raise Refused(_("Choose a segment: a list of people is the same in each wave."))
        mailing.state, mailing.started_at = State.REPEATING, timezone.now()
        _set_clock(repeat, mailing)
    mailing.save(update_fields=["state", "sample", "started_at"])
    audit("started", mailing, workspace=mailing.survey.workspace, by=by, name=mailing.name)


def _set_clock(repeat: Repeat, mailing: Mailing) -> None:
    """To the next wave from now on: what passed before is not made up for."""
    repeat.next_at = waves.next_after(repeat, timezone.now(), mailing.survey.workspace.time_zone)
    if repeat.next_at is None:
        raise Refused(_("The last day has passed."))
    repeat.save(update_fields=["next_at"])


@transaction.atomic
def pause_mailing(*, mailing: Mailing, by: Actor) -> None:
    """Make no waves for now; the one that is being sent goes on."""
    require_role(mailing.survey.workspace, by, Role.ANALYST)
    Repeat.objects.filter(mailing=mailing).update(next_at=None)
    _change_state(mailing, State.REPEATING, State.PAUSED)
    audit("paused", mailing, workspace=mailing.survey.workspace, by=by, name=mailing.name)


@transaction.atomic
def resume_mailing(*, mailing: Mailing, by: Actor) -> None:
    """Go on with the next wave that begins after now."""
    require_role(mailing.survey.workspace, by, Role.ANALYST)
    repeat = Repeat.objects.select_for_update().filter(mailing=mailing).first()
    _change_state(mailing, State.PAUSED, State.REPEATING)
    if repeat is not None:
        _set_clock(repeat, mailing)
    audit("resumed", mailing, workspace=mailing.survey.workspace, by=by, name=mailing.name)


def _change_state(mailing: Mailing, before: str, after: str) -> None:
    if not Mailing.objects.filter(pk=mailing.pk, state=before).update(state=after):
        raise Refused(_("This mailing is not being sent."))


@transaction.atomic
def stop_mailing(*, mailing: Mailing, by: Actor) -> int:
    """Send no more of it, nor of its waves, nor reminders; returns how many messages did not leave. Their contacts are
    given back."""
    workspace = mailing.survey.workspace
    require_role(workspace, by, Role.ANALYST)
    Repeat.objects.filter(mailing=mailing).update(next_at=None)  # first, as who makes a wave does
    now = timezone.now()
    going = [State.SENDING, State.SENT, State.REPEATING, State.PAUSED]
    if not Mailing.objects.filter(pk=mailing.pk, state__in=going).update(state=State.STOPPED, finished_at=now):
        raise Refused(_("This mailing is not being sent."))
    n = _keep_back(mailing)
    reminded = now - timedelta(days=max(mailing.remind_after_days, default=0))
    open_ = Q(state=State.SENDING) | Q(state=State.SENT, finished_at__gt=reminded)
    for wave in Mailing.objects.filter(open_, series=mailing).select_related("survey__workspace"):
        Mailing.objects.filter(pk=wave.pk).update(state=State.STOPPED, finished_at=now)
        n += _keep_back(wave)
    audit("stopped", mailing, workspace=workspace, by=by, name=mailing.name, changes={"not sent": [None, n]})
    return n


def _keep_back(mailing: Mailing) -> int:
    """What has not left stays here; returns how many invitations."""
    workspace, states = mailing.survey.workspace, Invitation.State
    planned = mailing.invitations.filter(state=states.PLANNED).update(
        state=states.SKIPPED, reason="stopped", address="", created_at=timezone.now()
    )
    cancelled = cancel_batch(workspace=workspace, batch=running.batch_of(mailing))
    causes = [one.cause.partition(":")[2] for one in cancelled if one.cause.startswith("invitation:")]
    for start in range(0, len(causes), 500):
        ids = [UUID(hex=one) for one in causes[start : start + 500]]
        waiting = mailing.invitations.filter(pk__in=ids, state=states.CREATED).select_related("customer")
        for one in waiting:
            forget_contact(one)
        waiting.update(state=states.SKIPPED, reason="stopped")
    return planned + len(causes)


@transaction.atomic
def invite(
    *,
    survey: Survey,
    by: Actor,
    customer: Customer | None = None,
    address: str = "",
    language: str = "",
    send: bool = False,
    single_use: bool = True,
    hidden: Mapping[str, Any] | None = None,
    expires_at: datetime | None = None,
) -> Invitation:
    """A personal link for one person, sent by e-mail if `send`. Raises Refused, with the budget's reason if it is that.

    A link alone is for a person to hand over, and costs the budget as much as a mail.
    """
    workspace = survey.workspace
    require_role(workspace, by, Role.AGENT)
    if survey.state != Survey.State.LIVE:
        raise Refused(_("Publish the survey first: nobody could answer it now."))
    address = folded(address or (customer.email if customer else ""))
    if send and not ADDRESS.fullmatch(address):
        raise Refused(_("Give an e-mail address to send the invitation to."))
    if send and suppressed(workspace.pk, [address]):
        raise Refused(budget.sentence_of("suppressed", {}))
    made = Invitation(
        workspace=workspace, survey=survey, customer=customer, token=running.new_token(), address=address,
        channel=Response.Channel.EMAIL if send else Response.Channel.PERSONAL, single_use=single_use,
        language=language or (customer.language if customer else ""), hidden=dict(hidden or {}), expires_at=expires_at,
    )  # fmt: skip
    if customer or address:
        person = customer.pk if customer else customer_id_of(workspace.pk, "email", address)
        [decision] = budget.decide(workspace.pk, [budget.Request(person, survey.pk, made.channel)])
        if not decision.allowed:
            raise Refused(budget.sentence_of(decision.reason, decision.detail))
        made.created_at = decision.at or made.created_at
    if send:
        made.save()
        running.queue_invitations([made], None)
    else:
        made.state, made.sent_at = Invitation.State.SENT, timezone.now()
        made.save()
        running.state_invited([made])
    audit("invited", survey, workspace=workspace, by=by, changes={"invitation": [None, str(made.pk)]})
    return made


@transaction.atomic
def save_rule(
    *,
    workspace: Workspace,
    name: str,
    most: int,
    days: int,
    by: Actor,
    rule: ContactRule | None = None,
    channels: Iterable[str] = (),
    surveys: Iterable[str] = (),
    condition: Condition | None = None,
    active: bool = True,
) -> ContactRule:
    """A rule of the contact budget, new or changed. It counts from the next decision on, for all contacts so far."""
    require_role(workspace, by, Role.ADMIN)
    name = name.strip()
    if not name or len(name) > 100:
        raise Refused(_("Give the rule a name of at most 100 characters."))
    if not 0 <= most <= 1000 or not 1 <= days <= 3650:
        raise Refused(_("Write how often, from 0 to 1000, and in how many days, from 1 to 3650."))
    if unknown := set(channels) - set(Response.Channel.values) - {"sms", "chat", "call"}:
        raise Refused(_("There is no channel “%(name)s”.") % {"name": min(unknown)})
    if condition is not None and faults(condition):
        raise Refused(_("The condition is not complete."))
    before = {one: getattr(rule, one) for one in ("name", "most", "days", "active")} if rule else {}
    rule = rule or ContactRule(workspace=workspace)
    rule.name, rule.most, rule.days, rule.active = name, most, days, active
    rule.channels, rule.surveys = sorted(set(channels)), sorted(set(surveys))
    rule.condition = msgspec.to_builtins(condition) if condition is not None else {}
    rule.save()
    after = {"name": name, "most": most, "days": days, "active": active}
    changes = {one: [before.get(one), value] for one, value in after.items() if before.get(one) != value}
    audit("changed" if before else "created", rule, workspace=workspace, by=by, name=name, changes=changes)
    return rule


@transaction.atomic
def remove_rule(*, rule: ContactRule, by: Actor) -> None:
    require_role(rule.workspace, by, Role.ADMIN)
    audit("removed", rule, workspace=rule.workspace, by=by, name=rule.name)
    rule.delete()
