"""What can be done with alert rules: make, change, switch, mute, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import AlertRule, Case, Team
from cxm.act.cases.text_fields import NAMES
from cxm.lib.conditions import Condition, faults, leaves
from cxm.lib.conditions_form import explained
from cxm.record.eventlog.membership import NotAskable, check
from cxm.understand.metrics.asking import read_filters
from cxm.understand.metrics.queries import METRICS
from cxm.understand.metrics.queries import Refused as NotMeasurable

from .customers import SEGMENT
from .rules import ANSWER, CaseOf, What, is_early

Kind = AlertRule.Kind
FIELDS = (
    "name", "what", "condition", "is_on", "again_after_h", "opens_case", "case", "users", "teams", "by_mail", "digest",
    "quiet_from", "quiet_until",
)  # fmt: skip
MOST_RULES = 200  # of a workspace
MOST_PHRASES, LONGEST_PHRASE = 500, 100
WATCHABLE = frozenset({"points", "percent", "score"})  # units of metrics whose single values have limits


@transaction.atomic
def create_rule(
    *, workspace: Workspace, name: str, kind: str, by: Actor, what: What = What(),  # noqa: B008  # frozen
    condition: Condition | None = None, is_on: bool = True, again_after_h: int = 24, opens_case: bool = False,
    case: CaseOf = CaseOf(), users: Sequence[int] = (), teams: Sequence[int] = (), by_mail: bool = True,  # noqa: B008  # frozen
    digest: str = AlertRule.Digest.AT_ONCE, quiet_from: time | None = None, quiet_until: time | None = None,
) -> AlertRule:  # fmt: skip
    """A new rule, which looks at what comes from now on. Raises Refused with what is wrong."""
    require_role(workspace, by, Role.ANALYST)
    if kind not in Kind.values:
        raise Refused(_("There is no such kind of rule."))
    if AlertRule.objects.filter(workspace=workspace).count() >= MOST_RULES:
        raise Refused(_("A workspace has at most %(n)s alert rules.") % {"n": MOST_RULES})
    rule = AlertRule(workspace=workspace, kind=kind, created_by=by if isinstance(by, User) else None)
    _set(
        rule, name=name, what=what, condition=condition, is_on=is_on, again_after_h=again_after_h,
        opens_case=opens_case, case=case, users=users, teams=teams, by_mail=by_mail, digest=digest,
        quiet_from=quiet_from, quiet_until=quiet_until,
    )  # fmt: skip
    _save(rule, new=True)
    audit("created", rule, workspace=workspace, by=by, changes={"name": [None, rule.name]})
    return rule


def draft(*, workspace: Workspace, kind: str, **fields: Any) -> AlertRule:
    """A rule that is not kept, to try it out. Raises Refused."""
    rule = AlertRule(workspace=workspace, kind=kind)
    _set(rule, **fields)
    return rule


@transaction.atomic
def change_rule(*, rule: AlertRule, by: Actor, **fields: Any) -> AlertRule:
    """Change what is given (see FIELDS); the flow follows at once. Raises Refused; then nothing has changed."""
    require_role(rule.workspace, by, Role.ANALYST)
    kept = AlertRule.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=rule.pk)
    before = {name: getattr(kept, name) for name in FIELDS}
    _set(kept, **fields)
    changes = {
        name: [_plain(before[name]), _plain(now)] for name in FIELDS if (now := getattr(kept, name)) != before[name]
    }
    if not changes:
        return kept
    if "is_on" in changes or "what" in changes or "condition" in changes:
        # A watch begins anew: what was so before is no news.
        kept.on_since, kept.state = timezone.now(), {}
    kept.version, kept.updated_at = kept.version + 1, timezone.now()
    _save(kept, new=False)
    audit("changed", kept, workspace=kept.workspace, by=by, changes=changes)
    return kept


@transaction.atomic
def mute(*, rule: AlertRule, until: datetime | None, by: Actor) -> AlertRule:
    """Tell nobody until then; alerts and cases go on. None ends it."""
    require_role(rule.workspace, by, Role.AGENT)
    kept = AlertRule.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=rule.pk)
    changes = {"muted_until": [_plain(kept.muted_until), _plain(until)]}
    kept.muted_until, kept.version = until, kept.version + 1
    kept.save(update_fields=["muted_until", "version"])
    audit("muted" if until else "unmuted", kept, workspace=kept.workspace, by=by, changes=changes)
    return kept


@transaction.atomic
def delete_rule(*, rule: AlertRule, by: Actor) -> None:
    """The alerts that it raised stay."""
    require_role(rule.workspace, by, Role.ANALYST)
    audit("deleted", rule, workspace=rule.workspace, by=by, changes={"name": [rule.name, None]})
    rule.delete()


def _set(rule: AlertRule, **fields: Any) -> None:
    for name, value in fields.items():
        if name not in FIELDS:
            raise TypeError(f"A rule has no field {name!r}.")
        if name == "name":
            value = _name(value)
        elif name == "what":
            _check_what(rule, value)
            value = msgspec.to_builtins(value)
        elif name == "condition":
            value = {} if value is None else msgspec.to_builtins(_sound(rule.kind, value))
        elif name == "case":
            value = msgspec.to_builtins(_case(rule.workspace, value))
        elif name == "users":
            value = _known(sorted(set(value)), Membership.objects.filter(workspace=rule.workspace), "user_id")
        elif name == "teams":
            value = _known(sorted(set(value)), Team.objects.filter(workspace=rule.workspace), "pk")
        elif name == "digest" and value not in AlertRule.Digest.values:
            raise Refused(_("Choose when the e-mails are sent."))
        elif name == "again_after_h" and not 0 <= value <= 24 * 90:
            raise Refused(_("Alerts about one customer can be kept together for at most 90 days."))
        setattr(rule, name, value)
    if (rule.quiet_from is None) != (rule.quiet_until is None):
        raise Refused(_("Quiet hours need a beginning and an end."))


def _save(rule: AlertRule, *, new: bool) -> None:
    try:
        with transaction.atomic():
            rule.save(force_insert=new)
    except IntegrityError:
        raise Refused(_("There is an alert rule “%(name)s” already.") % {"name": rule.name}) from None


def _name(text: str) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not name or len(name) > 100:
        raise Refused(_("An alert rule needs a name of at most %(limit)d characters.") % {"limit": 100})
    return name


def _known(wanted: list[int], rows: Any, column: str) -> list[int]:
    present = set(rows.filter(**{f"{column}__in": wanted}).values_list(column, flat=True))
    if missing := [one for one in wanted if one not in present]:
        raise Refused(_("There is nobody with the number %(id)s in this workspace.") % {"id": missing[0]})
    return wanted


def _case(workspace: Workspace, case: CaseOf) -> CaseOf:
    if case.priority not in Case.Priority.values:
        raise Refused(_("Choose one of the priorities."))
    if len(case.category) > 60:
        raise Refused(_("A category has at most %(limit)d characters.") % {"limit": 60})
    if case.team is not None and not Team.objects.filter(workspace=workspace, pk=case.team).exists():
        raise Refused(_("There is no such team."))
    return case


def _check_what(rule: AlertRule, what: What) -> None:
    match rule.kind:
        case Kind.WORDS:
            if not what.phrases or not all(one.strip(" *") for one in what.phrases):
                raise Refused(_("Write at least one word to look for, one on each line."))
            if len(what.phrases) > MOST_PHRASES or any(len(one) > LONGEST_PHRASE for one in what.phrases):
                raise Refused(_("A rule looks for at most %(n)s phrases of %(limit)s characters.")
                              % {"n": MOST_PHRASES, "limit": LONGEST_PHRASE})  # fmt: skip
        case Kind.PATTERN:
            if not what.event.strip() or len(what.event) > 300:
                raise Refused(_("Choose the event that is counted."))
            if not 1 <= what.times <= 1000:
                raise Refused(_("An event can be counted up to 1,000 times."))
        case Kind.METRIC:
            _check_metric(rule.workspace, what)
        case Kind.LATE:
            if not 0 <= what.hours <= 24 * 90:
                raise Refused(_("A delivery can be allowed up to 90 days more."))
    if not 1 <= what.days <= 730:
        raise Refused(_("Choose between 1 and 730 days."))


def _check_metric(workspace: Workspace, what: What) -> None:
    found = next((one for one in METRICS if one.key == what.metric), None)
    if found is None or found.unit not in WATCHABLE:
        raise Refused(_("Choose a metric of scores or shares: only these can be watched without false alarms."))
    if what.mode == "beyond" and what.target is None:
        raise Refused(_("Say which limit the metric must not cross."))
    if what.mode == "beyond" and what.side == "both":
        raise Refused(_("Say whether the metric must not fall below the limit or rise above it."))
    try:
        read_filters(what.filters, workspace.pk)
    except NotMeasurable as refused:
        raise Refused(str(refused)) from refused


def _sound(kind: str, condition: Condition) -> Condition:
    """The condition, if an event or a customer can be asked it. Raises Refused."""
    if wrong := faults(condition):
        raise Refused(explained(wrong[0]))
    for leaf in leaves(condition):
        head, _dot, rest = leaf.field.partition(".")
        if is_early(leaf.field):
            unknown = (head == "answer" and rest not in ANSWER) or (head == "text" and rest not in NAMES)
            if kind in (Kind.METRIC, Kind.SILENCE) or not rest or unknown:
                raise Refused(_("This rule cannot ask for “%(field)s”.") % {"field": leaf.field})
        elif leaf.field != SEGMENT or kind == Kind.SILENCE:
            try:
                check(leaf)
            except NotAskable:
                raise Refused(_("This rule cannot ask for “%(field)s”.") % {"field": leaf.field}) from None
    return condition


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | time) else value
