"""Responses as a table and one by one: read, assign, tag, mark handled, archive, bring back, delete."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for, sees_personal
from cxm.accounts.models import Membership, Role, User
from cxm.listen.surveys import handling
from cxm.listen.surveys.models import Response
from cxm.steer.dashboards.asking import UNANSWERED, sentence
from cxm.steer.dashboards.surveys import files, people
from cxm.steer.dashboards.surveys.answers import answers_of
from cxm.steer.dashboards.surveys.results import Results
from cxm.steer.dashboards.views import person, plain_address

from . import context_of, opened, survey_for
from .comparing import whole

SIZE = 50


def _chosen(request: HttpRequest) -> dict[str, str]:
    """What the filters of the table say, beside those of the view."""
    return {
        name: value[:100]
        for name in ("state", "assigned", "handled", "tag", "archived")
        if (value := request.GET.get(name, "").replace("\x00", ""))
    }


def _responses(request: HttpRequest, results: Results) -> QuerySet[Response]:
    """What the table shows, newest first. Raises UnknownField."""
    chosen = _chosen(request)
    found = people.responses_of(results.survey, results.scope, archived=bool(chosen.get("archived")))
    if state := chosen.get("state"):
        found = found.filter(state=state)
    if assigned := chosen.get("assigned"):
        if assigned == "none":
            found = found.filter(assigned_to=None)
        else:
            found = found.filter(assigned_to=person(request).pk if assigned == "me" else whole(assigned))
    if handled := chosen.get("handled"):
        found = found.filter(handled_at__isnull=handled == "no")
    if tag := chosen.get("tag"):
        found = found.annotate(tags_text=people.as_text("tags")).filter(people.holds_item("tags_text", tag))
    return found.select_related("customer", "assigned_to").order_by("-started_at", "-pk")


def _query(request: HttpRequest, results: Results) -> str:
    return urlencode([*results.view.pairs, *_chosen(request).items()])


def _members(membership: Membership) -> list[User]:
    rows = Membership.objects.filter(workspace=membership.workspace).select_related("user").order_by("user__name")
    return [row.user for row in rows]


@require_safe
def table(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    if short := plain_address(request, reading):
        return short
    query = _query(request, results)
    context = context_of(request, membership, results, reading) | {
        "tab": "responses",
        "chosen": _chosen(request),
        "states": Response.State.choices,
        "members": _members(membership),
        "query": f"?{query}" if query else "",
        "more_fields": "results/_response_filters.html",
    }
    try:
        found = _responses(request, results)
        page = Paginator(found, SIZE).get_page(request.GET.get("page"))
    except UNANSWERED as error:
        return render(request, "results/responses.html", context | {"refused": sentence(error)})
    context |= {"page_obj": page, "rows": [_row(one, results) for one in page]}
    return render(request, "results/responses.html", context)


def _row(response: Response, results: Results) -> dict[str, Any]:
    """The first score and the first text tell most of a response."""
    score = text = ""
    for asked in results.questions:
        value = response.answers.get(asked.id)
        if not score and asked.kind in {"nps", "csat", "ces", "rating"} and value is not None:
            score = f"{value:g}" if isinstance(value, int | float) else str(value)
        if not text and asked.kind in {"long_text", "short_text"} and value:
            text = str(value)
    return {"response": response, "score": score, "text": text}


@require_safe
def response(request: HttpRequest, slug: str, survey_id: int, response_id: UUID) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    shown = handling.response_for(membership.workspace, survey_id, response_id)
    if not sees_personal(membership):
        shown = files.without_contacts(shown, files.contacts_among(results.questions))
    query = _query(request, results)
    try:
        found = _responses(request, results)
        later = found.filter(Q(started_at__gt=shown.started_at) | Q(started_at=shown.started_at, pk__gt=shown.pk))
        earlier = found.filter(Q(started_at__lt=shown.started_at) | Q(started_at=shown.started_at, pk__lt=shown.pk))
        previous, following = later.order_by("started_at", "pk").first(), earlier.first()
    except UNANSWERED:
        previous = following = None

    def link(one: Response | None) -> str:
        if one is None:
            return ""
        address = reverse("results:response", args=[slug, survey_id, one.pk])
        return f"{address}?{query}" if query else address

    context = context_of(request, membership, results, reading) | {
        "tab": "responses",
        "response": shown,
        "answers": answers_of(shown, results.language),
        "previous_url": link(previous),
        "next_url": link(following),
        "list_url": reverse("results:responses", args=[slug, survey_id]) + (f"?{query}" if query else ""),
        "query": query,
        "members": _members(membership),
        "tags_text": ", ".join(shown.tags),
        "may_delete": Role(membership.role).includes(Role.ANALYST),
        "hidden_values": sorted(shown.hidden.items()),
    }
    return render(request, "results/response.html", context)


@require_POST
def deal(request: HttpRequest, slug: str, survey_id: int, response_id: UUID) -> HttpResponse:
    """Do what the button says, and show the response again; after archiving or deleting, the next one."""
    membership = membership_for(request.user, slug, Role.AGENT)
    survey_for(membership, survey_id)
    shown = handling.response_for(membership.workspace, survey_id, response_id)
    by, query = person(request), request.POST.get("query", "")[:4000]
    tail = f"?{query}" if query else ""
    here = reverse("results:response", args=[slug, survey_id, shown.pk]) + tail
    try:
        match request.POST.get("do"):
            case "assign":
                number = request.POST.get("to", "")
                to = User.objects.filter(pk=whole(number)).first() if number else None
                handling.assign(response=shown, to=to, by=by)
            case "assign_me":
                handling.assign(response=shown, to=by, by=by)
            case "tags":
                handling.set_tags(response=shown, tags=request.POST.get("tags", "")[:4000].split(","), by=by)
            case "handled":
                handling.mark_handled(response=shown, handled=shown.handled_at is None, by=by)
            case "archive":
                handling.archive(response=shown, by=by)
                messages.success(request, _("The response is archived; it will leave the numbers in a moment."))
            case "restore":
                handling.restore(response=shown, by=by)
                messages.success(request, _("The response is back; it will be in the numbers in a moment."))
            case "delete":
                handling.delete(response=shown, by=by)
                messages.success(request, _("The response is deleted for good."))
                return redirect(reverse("results:responses", args=[slug, survey_id]) + tail)
            case _:
                messages.error(request, _("The page did not say what to do. Try again."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(here)
