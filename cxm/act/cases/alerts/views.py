"""Alerts as a list and one by one; the bell; rules with their editor, which says how often each would have rung."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Alert, AlertNotice, AlertRule
from cxm.lib.conditions_form import ConditionForm
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.queries import Refused as NotMeasurable

from . import actions, notices
from .fields import fields
from .forms import MuteForm, RuleForm, may_change
from .preview import Preview, preview
from .recipes import BY_KEY, RECIPES
from .rules import condition_of
from .watching import NotWatchable
from .wording import about

PAGE = 50
Kind = AlertRule.Kind


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership, "workspace": membership.workspace, "may_change": may_change(membership), **more,
    }  # fmt: skip


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    rows = Alert.objects.filter(workspace=workspace).select_related("customer", "case", "rule").order_by("-at", "pk")
    mine = AlertNotice.objects.filter(workspace=workspace, user=membership.user)
    only_new = request.GET.get("new") == "1"
    if only_new:
        rows = rows.filter(pk__in=mine.filter(seen_at=None).values("alert"))
    rule_id = request.GET.get("rule", "")
    if rule := next((one for one in _rules(workspace) if str(one.pk) == rule_id), None):
        rows = rows.filter(rule=rule)
    page_obj = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    new = set(mine.filter(seen_at=None, alert__in=[one.pk for one in page_obj]).values_list("alert_id", flat=True))
    shown = {
        "page_obj": page_obj, "rows": [(one, about(one), one.pk in new) for one in page_obj], "only_new": only_new,
        "n_new": notices.unseen(workspace, membership.user), "tab": "alerts", "rules": _rules(workspace), "rule": rule,
    }  # fmt: skip
    return render(request, "alerts/list.html", context_of(membership, **shown))


@require_safe
def show(request: HttpRequest, slug: str, alert_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    alert = Alert.objects.select_related("customer", "case", "rule").filter(workspace=workspace, pk=alert_id).first()
    if alert is None:
        raise Http404
    notices.see(workspace, membership.user, [alert])
    told = AlertNotice.objects.filter(alert=alert).select_related("user").order_by("at", "pk")
    rules = AlertRule.objects.filter(pk__in=alert.hits.values("rule")).order_by("name")
    shown = {"alert": alert, "about": about(alert), "told": told, "rules": rules, "comment": alert.data.get("comment")}
    return render(request, "alerts/show.html", context_of(membership, **shown))


@require_POST
def see(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    notices.see(membership.workspace, membership.user)
    return redirect("alerts:list", slug)


@require_safe
def bell(request: HttpRequest, slug: str) -> HttpResponse:
    """The number beside the bell, asked for now and then by every open page."""
    membership = membership_for(request.user, slug, Role.AGENT)
    n = notices.unseen(membership.workspace, membership.user)
    return render(request, "alerts/_bell.html", {"n": n, "workspace": membership.workspace})


# Rules


def _rules(workspace: Workspace) -> list[AlertRule]:
    return list(AlertRule.objects.filter(workspace=workspace).order_by("name"))


def rule_for(workspace: Workspace, rule_id: UUID) -> AlertRule:
    found = AlertRule.objects.select_related("workspace").filter(workspace=workspace, pk=rule_id).first()
    if found is None:
        raise Http404
    return found


@require_safe
def show_rules(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    now = timezone.now()
    rows = [
        (rule, Alert.objects.filter(rule=rule, at__gt=now - timedelta(days=30)).count(),
         bool(rule.muted_until and rule.muted_until > now))
        for rule in _rules(workspace)
    ]  # fmt: skip
    shown = {"rows": rows, "recipes": RECIPES, "kinds": Kind.choices, "tab": "rules", "mute_form": MuteForm()}
    return render(request, "alerts/rules.html", context_of(membership, **shown))


@require_http_methods(["GET", "HEAD", "POST"])
def new_rule(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    recipe = BY_KEY.get(request.GET.get("recipe", ""))
    kind = recipe.kind if recipe else request.GET.get("kind", "")
    if kind not in Kind.values:
        raise Http404
    return _edit(request, membership, None, kind, recipe.key if recipe else "")


@require_http_methods(["GET", "HEAD", "POST"])
def edit_rule(request: HttpRequest, slug: str, rule_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    rule = rule_for(membership.workspace, rule_id)
    return _edit(request, membership, rule, rule.kind, "")


def _edit(
    request: HttpRequest, membership: Membership, rule: AlertRule | None, kind: str, recipe_key: str
) -> HttpResponse:
    """Write a rule. `do=preview` and the buttons of the condition show the page again; the rest saves."""
    workspace, by, recipe = membership.workspace, membership.user, BY_KEY.get(recipe_key)
    sent = request.method == "POST"
    try:
        offered = fields(workspace, kind)
    except EventlogError:
        offered = []
    initial = {"name": str(recipe.name), **recipe.initial} if recipe else {}
    form = RuleForm(workspace, kind, rule, by, request.POST if sent else None, initial=initial)
    condition = condition_of(rule) if rule else recipe.condition if recipe else None
    when = ConditionForm.read(request.POST, offered) if sent else ConditionForm(offered, condition)
    when.nothing = _("No condition: every such event counts.")
    stay = when.changed or request.POST.get("do") == "preview"
    problem, tried = "", None
    valid = sent and not when.changed and form.is_valid() and when.is_valid()
    try:
        if valid and not stay:
            said = {**form.rule_fields(), "condition": when.condition}
            if rule:
                rule = actions.change_rule(rule=rule, by=by, **said)
            else:
                rule = actions.create_rule(workspace=workspace, kind=kind, by=by, **said)
            messages.success(request, _("Saved."))
            return redirect("alerts:rules", workspace.slug)
        if valid:
            tried = preview(
                actions.draft(workspace=workspace, kind=kind, **form.rule_fields(), condition=when.condition)
            )
        elif rule and not sent:
            tried = preview(rule)
    except Refused as refused:
        problem = str(refused)
    except (NotMeasurable, UnknownField) as refused:
        problem = str(refused)
    except NotWatchable:
        problem = _("This metric has no single values with limits in these records, so it cannot be watched.")
    except EventlogError:
        problem = _("The event log does not answer just now. Try again in a moment.")
    shown = {
        "rule": rule, "form": form, "when": when if offered else None, "problem": problem, "kind": kind,
        "kind_label": Kind(kind).label, "preview": tried, "bars": _bars(tried), "tab": "rules",
    }  # fmt: skip
    if when.changed:
        form.errors.clear()
    return render(
        request, "alerts/rule.html", context_of(membership, **shown), status=422 if sent and not stay else 200
    )


def _bars(tried: Preview | None) -> list[tuple[Any, int, int]]:
    """(day, alerts, height in percent) of each day."""
    highest = max((n for _day, n in tried.by_day), default=0) if tried else 0
    return [(day, n, round(100 * n / highest) if highest else 0) for day, n in tried.by_day] if tried else []


@require_POST
def switch_rule(request: HttpRequest, slug: str, rule_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    rule = rule_for(membership.workspace, rule_id)
    actions.change_rule(rule=rule, by=membership.user, is_on=request.POST.get("on") == "1")
    return redirect("alerts:rules", slug)


@require_POST
def mute_rule(request: HttpRequest, slug: str, rule_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    rule = rule_for(membership.workspace, rule_id)
    form = MuteForm(request.POST)
    if form.is_valid():
        hours = form.cleaned_data["hours"]
        actions.mute(rule=rule, until=timezone.now() + timedelta(hours=hours) if hours else None, by=membership.user)
    return redirect("alerts:rules", slug)


@require_POST
def delete_rule(request: HttpRequest, slug: str, rule_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    rule = rule_for(membership.workspace, rule_id)
    actions.delete_rule(rule=rule, by=membership.user)
    messages.success(request, _("The rule “%(name)s” was deleted. Its alerts stay.") % {"name": rule.name})
    return redirect("alerts:rules", slug)
