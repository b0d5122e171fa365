"""Telling people: a badge and a mail for who was named, given a case or a task; a badge for those who follow it."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from cxm.accounts.audit import Actor
from cxm.accounts.models import User, Workspace
from cxm.listen.channels.actions import queue

from .models import Case, CaseEntry, Notice

BY_MAIL = {Notice.Kind.MENTIONED, Notice.Kind.TASK, Notice.Kind.WARNED, Notice.Kind.BREACHED}


def tell(case: Case, user: User, kind: Notice.Kind, *, by: Actor, entry: CaseEntry | None = None) -> None:
    """A badge for that person, unless they did it themselves; and a mail where somebody asks them for something."""
    if user == by:
        return
    notice = Notice.objects.create(workspace=case.workspace, user=user, case=case, entry=entry, kind=kind)
    if kind in BY_MAIL:
        _mail(notice, by)


def tell_followers(case: Case, entry: CaseEntry, *, by: Actor) -> None:
    """A badge for those who watch the case; one that is unread already is enough."""
    unread = set(Notice.objects.filter(case=case, read_at=None).values_list("user_id", flat=True))
    for watcher in case.watchers.select_related("user"):
        if watcher.user_id not in unread:
            tell(case, watcher.user, Notice.Kind.WATCHED, by=by, entry=entry)


def read(case: Case, user: User) -> None:
    """Whoever opens a case has read what it had for them."""
    Notice.objects.filter(case=case, user=user, read_at=None).update(read_at=timezone.now())


def unread(workspace: Workspace, user: User) -> int:
    """How many notices wait for that person; at most 100 are counted."""
    return Notice.objects.filter(workspace=workspace, user=user, read_at=None)[:100].count()


def _mail(notice: Notice, by: Actor) -> None:
    case, user = notice.case, notice.user
    address = settings.BASE_URL + reverse("cases:show", args=[case.workspace.slug, case.number])
    with translation.override(user.language or settings.LANGUAGE_CODE):
        what = {"case": f"#{case.number}", "subject": case.subject, "who": str(by) if by else "OpenCXM"}
        if notice.kind == Notice.Kind.MENTIONED:
            subject = _("%(who)s mentioned you on %(case)s %(subject)s") % what
        elif notice.kind == Notice.Kind.WARNED:
            subject = _("A target of %(case)s is near: %(subject)s") % what
        elif notice.kind == Notice.Kind.BREACHED:
            subject = _("A target of %(case)s was missed: %(subject)s") % what
        else:
            subject = _("%(who)s asks you for something on %(case)s %(subject)s") % what
        words = notice.entry.text if notice.entry else ""
        text = "\n\n".join(part for part in (subject, words, address) if part)
        queue(
            workspace=case.workspace, cause=f"notice:{notice.pk}", to=user.email, subject=subject[:200], text=text,
            customer=case.customer,  # it tells of them, and goes with them
            bulk=False, language=user.language,
        )  # fmt: skip
