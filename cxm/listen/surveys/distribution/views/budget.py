"""Pages of the contact budget: its rules, the explanation for one person, and how a panel wears out."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role, Workspace
from cxm.lib.conditions_form import ConditionForm, Field
from cxm.listen.surveys.budget import Request, decide, sentence_of
from cxm.listen.surveys.budget_rows import rules_of
from cxm.listen.surveys.distribution import actions
from cxm.listen.surveys.distribution.forms import RuleForm
from cxm.listen.surveys.distribution.queries import contacts_of, panel_of, rule_for
from cxm.listen.surveys.models import ContactRule, Response, Survey
from cxm.record.customers.access import customer_for
from cxm.record.customers.models import Segment, Trait

from . import context_of

KINDS = {Trait.Kind.NUMBER: "number", Trait.Kind.YES_NO: "yes_no", Trait.Kind.DATE: "date"}


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    rules = ContactRule.objects.filter(workspace=membership.workspace).order_by("days", "pk")
    names = dict(surveys_of(membership.workspace))
    rows = [(one, [names.get(key, key) for key in one.surveys], channel_names(one.channels)) for one in rules]
    priorities = Survey.objects.filter(workspace=membership.workspace, archived_at=None).order_by("-priority", "name")
    return render(request, "distribution/budget.html", context_of(membership, rows=rows, priorities=priorities))


def surveys_of(workspace: Workspace) -> list[tuple[str, str]]:
    return list(Survey.objects.filter(workspace=workspace).order_by("name").values_list("key", "name"))


def channel_names(codes: list[str]) -> list[str]:
    known = {code: str(label) for code, label in Response.Channel.choices}
    return [known.get(one, one) for one in codes]


def fields_of(workspace: Workspace) -> list[Field]:
    """What a rule may ask of a person."""
    traits = Trait.objects.filter(workspace=workspace)
    group = _("Traits")
    return [
        *(Field(f"trait.{one.name}", one.name, KINDS.get(Trait.Kind(one.kind), "text"), group=group) for one in traits),  # type: ignore[arg-type]  # the kinds above
        Field("language", _("Language")),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, slug: str, contactrule_id: int | None = None) -> HttpResponse:
    """A new rule, or a change of one."""
    membership = membership_for(request.user, slug, Role.ADMIN)
    workspace = membership.workspace
    one = rule_for(workspace, contactrule_id) if contactrule_id is not None else None
    rules = {found.id: found for found in rules_of(workspace.pk)}
    fields = fields_of(workspace)
    if request.method == "POST":
        condition = ConditionForm.read(request.POST, fields, prefix="when")
    else:
        condition = ConditionForm(fields, rules[one.pk].condition if one and one.pk in rules else None, prefix="when")
    condition.nothing = _("No condition: this is for everybody.")
    initial = RuleForm.initial_of(one) if one else {"most": 1, "days": 30, "active": True}
    form = RuleForm(request.POST or None, initial=initial, surveys=surveys_of(workspace))
    status = 200
    if request.method == "POST" and not condition.changed:
        if form.is_valid() and condition.is_valid():
            try:
                actions.save_rule(
                    workspace=workspace,
                    by=membership.user,
                    rule=one,
                    condition=condition.condition,
                    **form.cleaned_data,
                )
            except actions.Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("The rule is saved; it counts from now on."))
                return redirect("surveys:budget", slug)
        status = 422
    shown = context_of(membership, form=form, condition=condition, rule=one)
    return render(request, "distribution/rule.html", shown, status=status)


@require_POST
def remove(request: HttpRequest, slug: str, contactrule_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    actions.remove_rule(rule=rule_for(membership.workspace, contactrule_id), by=membership.user)
    messages.success(request, _("The rule is removed."))
    return redirect("surveys:budget", slug)


@require_safe
def person(request: HttpRequest, slug: str, customer_id: UUID) -> HttpResponse:
    """How often a customer was asked, and what would be decided about each live survey now."""
    membership = membership_for(request.user, slug, Role.AGENT)
    customer = customer_for(membership.workspace, customer_id)
    live = Survey.objects.filter(workspace=membership.workspace, state=Survey.State.LIVE).order_by("-priority", "name")
    decisions = [
        (one, decide(membership.workspace.pk, [Request(customer.pk, one.pk, "email")], record=False)[0])
        for one in live[:50]
    ]
    shown = context_of(
        membership, customer=customer,
        contacts=[(one, channel_names([one.channel])[0]) for one in contacts_of(customer)],
        decisions=[(one, found.allowed, sentence_of(found.reason, found.detail)) for one, found in decisions],
    )  # fmt: skip
    return render(request, "distribution/person.html", shown)


@require_safe
def panel(request: HttpRequest, slug: str, segment_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    segment = Segment.objects.filter(workspace=membership.workspace, pk=segment_id).first()
    if segment is None:
        raise Http404
    shown = context_of(membership, segment=segment, panel=panel_of(membership.workspace, segment))
    return render(request, "distribution/panel.html", shown)
