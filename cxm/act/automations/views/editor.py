"""The list of workflows and the editor: what begins one, its steps, and a page for each of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.act.automations import actions, editing, texts
from cxm.act.automations.definition import TRIGGERS, Definition, Step, every_step, lists_of, problems, step_called
from cxm.act.automations.fields import fields
from cxm.act.automations.forms import StepForm, TriggerForm
from cxm.act.automations.models import Workflow
from cxm.act.automations.queries import Numbers, draft_of, names_of, numbers_of, workflow_for
from cxm.act.automations.recipes import RECIPES, definition_of, recipe_called
from cxm.lib.conditions import Condition
from cxm.lib.conditions_form import ConditionForm
from cxm.record.customers.segment_fields import event_names
from cxm.record.customers.timeline import kind_label
from cxm.record.eventlog.engine import EventlogError

CONDITIONAL = ("branch", "wait_until")
# Facts of ours that a company may not have in its log yet.
USUAL = (
    "message_received", "review_received", "call_transcribed", "order_placed", "order_delivered", "customer_tagged",
    "customer_untagged", "profile_changed", "customer_created", "survey_completed", "case_requested",
)  # fmt: skip
AWAY = gettext_lazy("The event log does not answer just now. Try again in a moment.")


def context_of(membership: Membership, workflow: Workflow | None = None, **more: Any) -> dict[str, Any]:
    may_edit = Role(membership.role).includes(Role.ANALYST)
    return {
        "membership": membership, "workspace": membership.workspace, "workflow": workflow, "may_edit": may_edit, **more
    }  # fmt: skip


@require_safe
def index(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace, archived = membership.workspace, "archived" in request.GET
    rows = Workflow.objects.filter(workspace=workspace, archived_at__isnull=not archived).order_by("name")
    numbers = numbers_of(workspace)
    shown = []
    for one in rows:
        definition = draft_of(one)
        said = texts.trigger_sentence(definition.trigger, names_of(workspace, definition))
        shown.append({"workflow": one, "trigger": said, "numbers": numbers.get(one.pk, Numbers())})
    return render(request, "automations/list.html", context_of(membership, rows=shown, archived=archived))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """From a recipe or from nothing."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    name, problem = request.POST.get("name", ""), ""
    if request.method == "POST":
        recipe = recipe_called(request.POST.get("recipe", ""))
        language = get_language() or "en"
        definition = definition_of(recipe, language) if recipe else Definition(languages=[language.casefold()])
        try:
            made = actions.create_workflow(
                workspace=membership.workspace, by=membership.user, definition=definition,
                name=name or _free_name(membership.workspace, str(recipe.name) if recipe else ""),
                recipe=recipe.key if recipe else "",
            )  # fmt: skip
        except actions.Refused as refused:
            problem = str(refused)
        else:
            return redirect("automations:edit", slug, made.pk)
    context = context_of(membership, recipes=RECIPES, name=name, problem=problem)
    return render(request, "automations/new.html", context, status=422 if problem else 200)


def _free_name(workspace: Workspace, name: str) -> str:
    """The recipe's name, counted where there is one of that name."""
    taken = set(Workflow.objects.filter(workspace=workspace, archived_at=None).values_list("name", flat=True))
    wanted = name or _("New workflow")
    return next(one for n in range(1, len(taken) + 2) if (one := wanted if n == 1 else f"{wanted} {n}") not in taken)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, workflow_id: int) -> HttpResponse:
    """The outline; its buttons add, move and remove steps."""
    membership = membership_for(request.user, slug, Role.AGENT if request.method != "POST" else Role.ANALYST)
    workflow = workflow_for(membership.workspace, workflow_id)
    if request.method == "POST":
        return _do(request, membership, workflow)
    definition = draft_of(workflow)
    names = names_of(membership.workspace, definition)
    wrong: dict[str, list[str]] = {}
    for place, code in problems(definition):
        wrong.setdefault(place, []).append(texts.problem(code))
    try:
        catalogue = fields(membership.workspace, definition.trigger)
    except EventlogError:
        messages.warning(request, AWAY)
        catalogue = []
    language = definition.languages[0] if definition.languages else "en"
    context = context_of(
        membership, workflow, definition=definition, wrong=wrong, step_kinds=texts.step_kinds(),
        recipe=recipe_called(workflow.recipe),
        trigger=texts.trigger_sentence(definition.trigger, names),
        when=ConditionForm(catalogue, definition.condition) if definition.condition else None,
        steps=[shown(one, language, names, wrong) for one in definition.steps],
        is_changed=not workflow.version or workflow.draft != _published(workflow),
        address=request.build_absolute_uri(f"/a/{workflow.key}") if definition.trigger.kind == "webhook" else "",
    )  # fmt: skip
    return render(request, "automations/edit.html", context)


def _published(workflow: Workflow) -> dict[str, Any] | None:
    row = workflow.versions.filter(number=workflow.version).first()
    return row.definition if row else None


def shown(step: Step, language: str, names: dict[str, str], wrong: dict[str, list[str]]) -> dict[str, Any]:
    """A step as the outline shows it, with the lists below it."""
    labels = {"then": _("Then"), "otherwise": _("Otherwise")}
    if step.kind == "wait_until" and step.until == "time":
        ways = []
    else:
        ways = [
            {"place": f"{step.id}.{way}", "label": labels.get(way) or f"{step.paths[int(way)].share:g} %",
             "steps": [shown(one, language, names, wrong) for one in below]}
            for way, below in lists_of(step)
        ]  # fmt: skip
    return {
        "step": step, "sentence": texts.step_sentence(step, language, names), "icon": texts.ICONS[step.kind],
        "wrong": wrong.get(step.id, []), "ways": ways,
    }  # fmt: skip


def _do(request: HttpRequest, membership: Membership, workflow: Workflow) -> HttpResponse:
    deed, _colon, rest = request.POST.get("do", "").partition(":")
    made: list[Step] = []

    def change(draft: Definition) -> None:
        if deed == "add":
            made.append(editing.add(draft, rest, request.POST.get(f"kind-{rest}", "")))
        elif deed == "remove":
            editing.remove(draft, rest)
        elif deed in ("up", "down"):
            editing.move(draft, rest, -1 if deed == "up" else 1)

    try:
        actions.change_draft(workflow=workflow, change=change, by=membership.user)
    except actions.Refused as refused:
        messages.error(request, str(refused))
    if made and made[0].kind != "stop":
        return redirect("automations:step", membership.workspace.slug, workflow.pk, made[0].id)
    return redirect("automations:edit", membership.workspace.slug, workflow.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def trigger(request: HttpRequest, slug: str, workflow_id: int) -> HttpResponse:
    """What begins it, its condition, and how often."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    workspace = membership.workspace
    workflow = workflow_for(workspace, workflow_id)
    definition = draft_of(workflow)
    kind = request.GET.get("kind") or definition.trigger.kind
    if kind not in TRIGGERS:
        raise Http404
    sent = request.POST if request.method == "POST" else None
    try:
        events = _events(workspace)
        # The event that was chosen just now says what the condition can ask.
        chosen = TriggerForm(sent, workspace=workspace, definition=definition, kind=kind, events=events)
        about = draft_of(workflow)
        if sent is not None and chosen.is_valid():
            chosen.put(about)
        elif kind != about.trigger.kind:
            about.trigger = type(about.trigger)(kind=kind)  # type: ignore[arg-type]  # one of TRIGGERS
        catalogue = fields(workspace, about.trigger)
    except EventlogError:
        messages.error(request, AWAY)
        return redirect("automations:edit", slug, workflow.pk)
    when = ConditionForm.read(sent, catalogue) if sent is not None else ConditionForm(catalogue, definition.condition)
    when.nothing = _("No condition: it begins for everybody.")
    refused = ""
    if sent is not None and not when.changed and chosen.is_valid() and when.is_valid():

        def change(draft: Definition) -> None:
            chosen.put(draft)
            draft.condition = when.condition

        try:
            actions.change_draft(workflow=workflow, change=change, by=membership.user)
            return redirect("automations:edit", slug, workflow.pk)
        except actions.Refused as error:
            refused = str(error)
    context = context_of(
        membership, workflow, form=chosen, when=when, kind=kind, kinds=texts.trigger_kinds(), refused=refused
    )
    return render(
        request, "automations/trigger.html", context, status=422 if sent is not None and not when.changed else 200
    )


def _events(workspace: Workspace) -> list[tuple[str, str]]:
    """Every event that the log has seen, and the usual ones; by the name that people know."""
    names = {*event_names(workspace), *USUAL} - {"rule_ran", "ticket_updated"}
    return sorted(((name, kind_label(name)) for name in names), key=lambda one: one[1].casefold())


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, slug: str, workflow_id: int, step_id: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    workspace = membership.workspace
    workflow = workflow_for(workspace, workflow_id)
    definition = draft_of(workflow)
    found = step_called(definition, step_id)
    if found is None:
        raise Http404
    sent = request.POST if request.method == "POST" else None
    form = StepForm(sent, workspace=workspace, definition=definition, step=found)
    when, refused = None, ""
    if found.kind in CONDITIONAL:
        try:
            when = _condition_form(request, workspace, definition, found.condition)
        except EventlogError:
            messages.error(request, AWAY)
            return redirect("automations:edit", slug, workflow.pk)
    again = when is not None and when.changed
    if sent is not None and not again and form.is_valid() and (when is None or when.is_valid()):

        def change(draft: Definition) -> None:
            kept = step_called(draft, step_id)
            if kept is None:
                raise actions.Refused(_("This step is not there any more. Look at the workflow again."))
            form.put(kept)
            if when is not None:
                kept.condition = when.condition

        try:
            actions.change_draft(workflow=workflow, change=change, by=membership.user)
            return redirect("automations:edit", slug, workflow.pk)
        except actions.Refused as error:
            refused = str(error)
    context = context_of(
        membership, workflow, form=form, when=when, step=found, refused=refused,
        title=dict(texts.step_kinds())[found.kind], has_words=found.kind in ("mail", "case", "task", "notify", "trait"),
    )  # fmt: skip
    return render(request, "automations/step.html", context, status=422 if sent is not None and not again else 200)


def _condition_form(
    request: HttpRequest, workspace: Workspace, definition: Definition, condition: Condition | None
) -> ConditionForm:
    catalogue = fields(workspace, definition.trigger)
    form = (
        ConditionForm.read(request.POST, catalogue) if request.method == "POST" else ConditionForm(catalogue, condition)
    )
    form.nothing = _("Add the condition that it looks at.")
    return form


@require_POST
def change_state(request: HttpRequest, slug: str, workflow_id: int) -> HttpResponse:
    """Publish, turn on and off, rename, archive."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    workflow, user = workflow_for(membership.workspace, workflow_id), membership.user
    try:
        match request.POST.get("do", ""):
            case "publish":
                version = actions.publish(workflow=workflow, by=user)
                messages.success(request, _("Version %(number)d is published.") % {"number": version.number})
            case "on":
                actions.turn_on(workflow=workflow, by=user)
                messages.success(request, _("On: it begins for what happens from now on."))
            case "off":
                actions.turn_off(workflow=workflow, by=user)
                messages.success(request, _("Off: nobody enters any more; who is in it goes on."))
            case "stop":
                n = actions.turn_off(workflow=workflow, by=user, stop=True)
                messages.success(request, _("Off, and %(n)d runs were stopped.") % {"n": n})
            case "rename":
                actions.rename_workflow(workflow=workflow, name=request.POST.get("name", ""), by=user)
            case "archive":
                actions.archive(workflow=workflow, by=user)
                messages.success(request, _("“%(name)s” is in the archive.") % {"name": workflow.name})
                return redirect("automations:list", slug)
    except actions.Refused as refused:
        messages.error(request, str(refused))
    return redirect("automations:edit", slug, workflow.pk)


def steps_by_id(definition: Definition) -> dict[str, Step]:
    return {one.id: one for one in every_step(definition.steps)}
