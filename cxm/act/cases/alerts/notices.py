"""Who is told of an alert: in the bell at once, by e-mail at once, in a digest, or when the quiet hours end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.accounts.models import Membership, User, Workspace
from cxm.act.cases.models import Alert, AlertNotice, AlertRule, Case, TeamMember
from cxm.listen.channels.actions import queue
from cxm.record.customers.models import Customer

from .wording import WORKFLOW, about

Digest = AlertRule.Digest
MOST_AT_ONCE = 10  # e-mails about single alerts that a person gets in an hour; what comes then is gathered
DAILY_AT = time(8)  # in the time zone of the workspace
MOST_IN_A_MAIL = 50


def people_of(rule: AlertRule) -> set[int]:
    """The ids of the users whom a rule tells: those named and those in its teams, as far as they are members now."""
    wanted = set(rule.users)
    if rule.teams:
        wanted.update(TeamMember.objects.filter(team__in=rule.teams).values_list("user_id", flat=True))
    if not wanted:
        return set()
    members = Membership.objects.filter(workspace=rule.workspace_id, user__in=wanted, user__is_active=True)
    return set(members.values_list("user_id", flat=True))


def tell(alert: Alert, rules: Iterable[AlertRule], now: datetime) -> None:
    """Tell everybody whom these rules name, once each, however many of them do. In the transaction of the alert."""
    due: dict[int, datetime | None] = {}
    for rule in rules:
        if rule.muted_until and rule.muted_until > now:
            continue
        mail_at = mail_time(rule, alert.workspace, now) if rule.by_mail else None
        for user in people_of(rule):
            before = due.get(user)
            due[user] = mail_at if before is None else before if mail_at is None else min(before, mail_at)
    if not due:
        return
    told = set(AlertNotice.objects.filter(alert=alert, user__in=due).values_list("user_id", flat=True))
    notices = [
        AlertNotice(alert=alert, workspace=alert.workspace, user_id=user, at=now, mail_at=mail_at)
        for user, mail_at in sorted(due.items(), key=lambda item: item[0]) if user not in told
    ]  # fmt: skip
    AlertNotice.objects.bulk_create(notices, ignore_conflicts=True)
    at_once = {one.user_id for one in notices if one.mail_at is not None and one.mail_at <= now}
    if at_once:
        send(AlertNotice.objects.filter(alert=alert, user__in=at_once), now)


def tell_in_app(
    *, workspace: Workspace, name: str, cause: str, people: Iterable[User], at: datetime, texts: Mapping[str, str],
    customer: Customer | None = None, case_number: int | None = None,
) -> None:  # fmt: skip
    """A line under the bell of these people: what a workflow has to say, by language. Once for each cause."""
    case = Case.objects.filter(workspace=workspace, number=case_number).first() if case_number else None
    alert, _new = Alert.objects.get_or_create(
        workspace=workspace, cause=f"{WORKFLOW}:{cause}"[:150],
        defaults={"rule_name": name[:100], "kind": WORKFLOW, "customer": customer, "case": case, "at": at,
                  "last_at": at, "data": {"texts": dict(texts)}},
    )  # fmt: skip
    notices = [AlertNotice(alert=alert, workspace=workspace, user=user, at=at) for user in people]
    AlertNotice.objects.bulk_create(notices, ignore_conflicts=True)


def mail_time(rule: AlertRule, workspace: Workspace, now: datetime) -> datetime:
    """When the e-mail about what happens now may leave: by the digest, and not in the quiet hours."""
    zone = ZoneInfo(workspace.time_zone)
    local = now.astimezone(zone)
    if rule.digest == Digest.HOURLY:
        local = (now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)).astimezone(zone)
    elif rule.digest == Digest.DAILY:
        day = local.date() if local.time() < DAILY_AT else local.date() + timedelta(days=1)
        local = datetime.combine(day, DAILY_AT, zone)
    begin, end = rule.quiet_from, rule.quiet_until
    if begin and end and begin != end:
        at = local.time()
        quiet = begin <= at < end if begin < end else at >= begin or at < end
        if quiet:
            day = local.date() + timedelta(days=1) if begin > end and at >= begin else local.date()
            # The clock of the wall counts: a night in which it is changed is an hour longer or shorter.
            local = datetime.combine(day, end, zone)
    return local.astimezone(now.tzinfo)


def send_due() -> int:
    """The clock: one e-mail to each person for all that is due. Returns how many were queued."""
    now, sent = timezone.now(), 0
    due = AlertNotice.objects.filter(mail_at__lte=now)
    for user, workspace in set(due.order_by().values_list("user_id", "workspace_id")[:2000]):
        with transaction.atomic():
            sent += send(due.filter(user=user, workspace=workspace), now, late=True)
    return sent


def send(due: QuerySet[AlertNotice], now: datetime, *, late: bool = False) -> int:
    """Queue an e-mail for each person among these notices. In a transaction; returns how many.

    Whoever had many lately gets the next ones together, a quarter of an hour after the last.
    """
    by_user: dict[int, list[AlertNotice]] = defaultdict(list)
    rows = due.filter(mail_at__isnull=False).select_related(
        "alert", "alert__customer", "alert__case", "user", "workspace"
    )
    for notice in rows.order_by("at", "pk").select_for_update(of=("self",)):
        by_user[notice.user_id].append(notice)
    sent = 0
    for user, notices in by_user.items():
        if not late:
            lately = AlertNotice.objects.filter(user=user, mailed_at__gt=now - timedelta(hours=1))
            if lately.order_by().values("mailed_at").distinct().count() >= MOST_AT_ONCE:
                AlertNotice.objects.filter(pk__in=[one.pk for one in notices]).update(
                    mail_at=now + timedelta(minutes=15)
                )
                continue
        _queue(notices)
        AlertNotice.objects.filter(pk__in=[one.pk for one in notices]).update(mail_at=None, mailed_at=now)
        sent += 1
    return sent


def _queue(notices: Sequence[AlertNotice]) -> None:
    user, workspace = notices[0].user, notices[0].workspace
    with translation.override(user.language or settings.LANGUAGE_CODE), timezone.override(workspace.time_zone):
        if len(notices) == 1:
            subject = _("%(rule)s: %(about)s") % {"rule": notices[0].alert.rule_name, "about": about(notices[0].alert)}
        else:
            subject = ngettext("%(n)s alert", "%(n)s alerts", len(notices)) % {"n": len(notices)}
        parts = [_paragraph(one.alert) for one in notices[:MOST_IN_A_MAIL]]
        if (more := len(notices) - MOST_IN_A_MAIL) > 0:
            parts.append(ngettext("… and %(n)s more.", "… and %(n)s more.", more) % {"n": more})
        parts.append(
            _("All alerts: %(address)s")
            % {"address": settings.BASE_URL + reverse("alerts:list", args=[workspace.slug])}
        )
        queue(
            workspace=workspace, cause=f"alert:{user.pk}:{notices[0].pk}", to=user.email, subject=_short(subject),
            text="\n\n".join(parts), bulk=False, language=user.language,
        )  # fmt: skip


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 150 else text[:149] + "…"


def _paragraph(alert: Alert) -> str:
    lines = [
        _("%(rule)s: %(about)s") % {"rule": alert.rule_name, "about": about(alert)},
        " · ".join(
            part for part in (
                str(alert.customer) if alert.customer else "",
                date_format(timezone.localtime(alert.at), "SHORT_DATETIME_FORMAT"),
                _("Case %(number)s") % {"number": f"#{alert.case.number}"} if alert.case else "",
            ) if part
        ),
        settings.BASE_URL + reverse("alerts:show", args=[alert.workspace.slug, alert.pk]),
    ]  # fmt: skip
    return "\n".join(lines)


def unseen(workspace: Workspace, user: User) -> int:
    """What the bell counts; at most 100."""
    return AlertNotice.objects.filter(user=user, workspace=workspace, seen_at=None)[:100].count()


def see(workspace: Workspace, user: User, alerts: Iterable[Alert] | None = None) -> int:
    """These alerts, or all, are no news for that person any more."""
    rows = AlertNotice.objects.filter(workspace=workspace, user=user, seen_at=None)
    if alerts is not None:
        rows = rows.filter(alert__in=list(alerts))
    return rows.update(seen_at=timezone.now())
