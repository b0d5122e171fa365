"""The page of words and phrases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope

from .queries import WordRow, Words, languages_of, words_of

PERIODS = (30, 90, 365)
KEPT_S = 300  # seconds that a count serves
ORDERS = {
    "often": pgettext_lazy("order of words", "Most frequent"),
    "changed": pgettext_lazy("order of words", "Changed most"),
    "worst": pgettext_lazy("order of words", "Most negative"),
    "best": pgettext_lazy("order of words", "Most positive"),
}
KINDS = {"words": _("Words"), "phrases": _("Phrases")}
LANGUAGE_NAMES = {code.partition("-")[0]: name for code, name in settings.LANGUAGES} | {"zh": _("Chinese")}


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.VIEWER)
    workspace, now = membership.workspace, timezone.now()
    days = next((one for one in PERIODS if str(one) == request.GET.get("days")), 90)
    order = request.GET.get("order", "")
    order = order if order in ORDERS else "often"
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else "words"
    asked = request.GET.get("q", "").strip().lower()
    scope = Scope(workspace_id=workspace.pk, time_zone=workspace.time_zone)
    found: Words | None = None
    problem = False
    spoken: dict[str, int] = {}
    try:
        spoken = languages_of(scope.during(now - timedelta(days=days), now))
        language = request.GET.get("language", "")
        language = language if language in spoken else next(iter(spoken), "")
        found = counted(scope, language, days) if language else None
    except EventlogError:
        problem = True
    rows = ordered(found.rows, order) if found else []
    rows = [one for one in rows if (one.words > 1) == (kind == "phrases") and asked in one.name.lower()]
    shown: dict[str, Any] = {
        "membership": membership, "workspace": workspace, "tab": "words", "words": found, "rows": rows[:100],
        "spoken": [(code, LANGUAGE_NAMES.get(code, code), n) for code, n in spoken.items()], "days": days,
        "periods": PERIODS, "order": order, "orders": ORDERS.items(), "kind": kind, "kinds": KINDS.items(), "q": asked,
        "problem": problem, "may_change": Role(membership.role).includes(Role.ANALYST), "page_language": get_language(),
    }  # fmt: skip
    return render(request, "text/_words.html" if request.htmx else "text/words.html", shown)  # type: ignore[attr-defined]  # set by django_htmx


def counted(scope: Scope, language: str, days: int) -> Words:
    """Counting takes seconds, so that a count serves for some minutes. Raises EventlogError."""
    key = f"words:{scope.workspace_id}:{language}:{days}"
    found: Words | None = cache.get(key)
    if found is None:
        found = words_of(scope, language, days, timezone.now())
        cache.set(key, found, KEPT_S)
    return found


def ordered(rows: list[WordRow], order: str) -> list[WordRow]:
    if order == "changed":  # what is real first
        return sorted(rows, key=lambda one: (one.verdict == "no_evidence", -abs(one.change.value or 0), one.name))
    if order in ("worst", "best"):  # by the side of the interval that is surely so
        sign = 1 if order == "worst" else -1
        edge = "high" if order == "worst" else "low"
        known = [one for one in rows if getattr(one.sentiment, edge) is not None and one.n >= 5]
        return sorted(known, key=lambda one: (sign * getattr(one.sentiment, edge), one.name))
    return rows
