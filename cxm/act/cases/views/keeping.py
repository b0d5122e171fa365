"""What a workspace keeps for its desk: saved replies, macros, and the tree of root causes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.act.cases import canned
from cxm.act.cases import causes as tree_of_causes
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Case, Cause, Macro, Resolution, SavedReply, Team

from .desk import of_page, sidebar


def _kept(membership: Membership, current: str) -> dict[str, Any]:
    return of_page(membership) | sidebar(membership, current) | {
        "may_edit_causes": Role(membership.role).includes(Role.ANALYST)
    }  # fmt: skip


@require_safe
def replies(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    rows = SavedReply.objects.filter(workspace=membership.workspace).select_related("team")
    return render(request, "cases/replies.html", _kept(membership, "replies") | {"rows": list(rows)})


def edit_reply(request: HttpRequest, slug: str, reply_id: int | None = None) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    reply = get_object_or_404(SavedReply, workspace=workspace, pk=reply_id) if reply_id else None
    name, texts, team, problem = (reply.name, reply.texts, reply.team, "") if reply else ("", {}, None, "")
    if request.method == "POST":
        given = request.POST
        name = given.get("name", "")
        texts = {code: given.get(f"text_{code}", "") for code, _name in settings.LANGUAGES}
        wanted = given.get("team", "")
        team = Team.objects.filter(workspace=workspace, pk=int(wanted) if wanted.isdigit() else 0).first()
        try:
            canned.save_reply(workspace=workspace, name=name, texts=texts, team=team, by=membership.user, reply=reply)
            messages.success(request, _("Saved."))
            return redirect("cases:replies", slug)
        except Refused as refused:
            problem = str(refused)
    context = _kept(membership, "replies") | {
        "reply": reply, "name": name, "team": team, "problem": problem, "variables": canned.VARIABLES.items(),
        "teams": Team.objects.filter(workspace=workspace).order_by("name"),
        "texts": [(code, label, texts.get(code, "")) for code, label in settings.LANGUAGES],
    }  # fmt: skip
    return render(request, "cases/reply.html", context)


@require_POST
def remove_reply(request: HttpRequest, slug: str, reply_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    reply = get_object_or_404(
        SavedReply.objects.select_related("workspace"), workspace=membership.workspace, pk=reply_id
    )
    canned.remove_reply(reply=reply, by=membership.user)
    messages.success(request, _("The saved reply was removed."))
    return redirect("cases:replies", slug)


@require_safe
def macros(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    rows = Macro.objects.filter(workspace=membership.workspace)
    shown = [(row, [str(said_of(step)) for step in row.steps]) for row in rows]
    return render(request, "cases/macros.html", _kept(membership, "macros") | {"rows": shown})


def edit_macro(request: HttpRequest, slug: str, macro_id: int | None = None) -> HttpResponse:
    """A macro is one form: of each deed at most one, done in the order in which they stand."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace = membership.workspace
    macro = get_object_or_404(Macro, workspace=workspace, pk=macro_id) if macro_id else None
    name, steps, problem = (macro.name, macro.steps, "") if macro else ("", [], "")
    if request.method == "POST":
        name, steps = request.POST.get("name", ""), steps_of(request.POST)
        try:
            canned.save_macro(workspace=workspace, name=name, steps=steps, by=membership.user, macro=macro)
            messages.success(request, _("Saved."))
            return redirect("cases:macros", slug)
        except Refused as refused:
            problem = str(refused)
    context = _kept(membership, "macros") | {
        "macro": macro, "name": name, "problem": problem, "step": {one["do"]: one for one in steps},
        "replies": SavedReply.objects.filter(workspace=workspace),
        "teams": Team.objects.filter(workspace=workspace).order_by("name"), "priorities": Case.Priority.choices,
        "resolutions": Resolution.choices, "causes": tree_of_causes.tree(workspace),
    }  # fmt: skip
    return render(request, "cases/macro.html", context)


def steps_of(given: Any) -> list[dict[str, Any]]:
    """The steps that the form of a macro says: what is left empty is no step."""
    steps: list[dict[str, Any]] = []
    given = {name: value.replace("\x00", "") for name, value in given.items()}

    def number(name: str) -> int:
        text = str(given.get(name, ""))
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0

    if number("reply"):
        steps.append({"do": "reply", "reply": number("reply")})
    if given.get("note", "").strip():
        steps.append({"do": "note", "text": given["note"].strip()[:5000]})
    if given.get("tag", "").strip():
        steps.append({"do": "tag", "tag": given["tag"].strip()[:60]})
    if number("priority"):
        steps.append({"do": "priority", "priority": number("priority")})
    if given.get("owner") == "me" or number("team"):
        steps.append({"do": "assign", "team": number("team"), "owner": given.get("owner", "")})
    if number("hours"):
        steps.append({"do": "snooze", "hours": number("hours")})
    if given.get("resolution") in Resolution.values:
        steps.append({"do": "resolve", "resolution": given["resolution"], "cause": number("cause")})
    return steps


def said_of(step: dict[str, Any]) -> str:
    """A step of a macro in words."""
    match step["do"]:
        case "reply":
            saved = SavedReply.objects.filter(pk=step.get("reply") or 0).first()
            return _("Send “%(name)s”") % {"name": saved.name if saved else "–"}
        case "note":
            return _("Write a note")
        case "tag":
            return _("Tag it “%(tag)s”") % {"tag": step.get("tag", "")}
        case "priority":
            return _("Priority: %(priority)s") % {"priority": Case.Priority(step["priority"]).label}
        case "assign":
            team = Team.objects.filter(pk=step.get("team") or 0).first()
            return _("Give it to %(name)s") % {"name": team.name} if team else _("Take it")
        case "snooze":
            return _("Snooze it")
        case _:
            return _("Resolve it: %(how)s") % {"how": Resolution(step["resolution"]).label}


@require_POST
def remove_macro(request: HttpRequest, slug: str, macro_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    macro = get_object_or_404(Macro.objects.select_related("workspace"), workspace=membership.workspace, pk=macro_id)
    canned.remove_macro(macro=macro, by=membership.user)
    messages.success(request, _("The macro was removed."))
    return redirect("cases:macros", slug)


def causes(request: HttpRequest, slug: str) -> HttpResponse:
    """The tree of root causes, and what is done with it."""
    membership = membership_for(request.user, slug, Role.ANALYST if request.method == "POST" else Role.VIEWER)
    workspace = membership.workspace
    if request.method == "POST":
        try:
            _change_cause(membership, request.POST)
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("cases:causes", slug)
    branches = tree_of_causes.tree(workspace, retired=True)
    return render(request, "cases/causes.html", _kept(membership, "causes") | {"branches": branches})


def _change_cause(membership: Membership, given: Any) -> None:
    rows = Cause.objects.select_related("workspace", "parent").filter(workspace=membership.workspace)
    text = given.get("cause", "")
    cause = rows.filter(pk=int(text) if text.isdigit() else 0).first()
    match given.get("do"):
        case "add":
            tree_of_causes.add(
                workspace=membership.workspace, name=given.get("name", ""), parent=cause, by=membership.user
            )
        case "rename" if cause:
            tree_of_causes.rename(cause=cause, name=given.get("name", ""), by=membership.user)
        case "retire" if cause:
            tree_of_causes.retire(cause=cause, by=membership.user)
        case "restore" if cause:
            tree_of_causes.retire(cause=cause, on=False, by=membership.user)
