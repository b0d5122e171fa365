"""The theme explorer, one theme with its texts, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.understand.text.models import Theme
from cxm.understand.text.topics.queries import tree

from . import actions, jobs, members, queries, similar
from .discovering import LEAST_TEXTS
from .errors import Refused
from .pictures import bubbles, moods, trend
from .showing import Shown, shown

PAGE = 25


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership, "workspace": membership.workspace, "tab": "themes",
        "may_change": Role(membership.role).includes(Role.ANALYST), **more,
    }  # fmt: skip


def theme_for(membership: Membership, number: int) -> Theme:
    themes = Theme.objects.select_related("workspace", "topic", "merged_into")
    return get_object_or_404(themes, workspace=membership.workspace, pk=number)


def days_of(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked.isdigit() and int(asked) in queries.PERIODS else 90


def page_of(request: HttpRequest) -> int:
    asked = request.GET.get("page", "")
    return min(max(int(asked), 1), 1_000) if asked.isdigit() else 1


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    days, run = days_of(request), queries.newest_run(workspace)
    overview = queries.overview(workspace, days) if queries.number_of_run(workspace) else None
    dismissed = Theme.objects.filter(workspace=workspace, is_current=True, state=Theme.State.DISMISSED)
    context = context_of(
        membership, run=run, overview=overview, days=days, periods=queries.PERIODS,
        n_texts=members.count_texts(workspace.pk),
        chart=bubbles(overview, slug) if overview and overview.themes else None,
        moods=moods(overview) if overview and overview.themes else None, dismissed=dismissed, least=LEAST_TEXTS,
        page_obj=Paginator(overview.themes, PAGE).get_page(request.GET.get("page")) if overview else None,
    )  # fmt: skip
    return render(request, "themes/list.html", context)


@require_safe
def progress(request: HttpRequest, slug: str) -> HttpResponse:
    """How far the search is, asked for every second while it runs; at its end the whole page comes anew."""
    membership = membership_for(request.user, slug)
    run = queries.newest_run(membership.workspace)
    response = render(request, "themes/_progress.html", context_of(membership, run=run))
    if run is None or not run.is_under_way:
        response["HX-Refresh"] = "true"
    return response


@require_POST
def find(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    try:
        run = actions.start_run(workspace=membership.workspace, by=membership.user)
    except Refused as error:
        messages.error(request, str(error))
    else:
        transaction.on_commit(lambda: jobs.find_themes.enqueue(str(run.pk)))
    return redirect("themes:list", slug)


@require_POST
def stop(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    if run := queries.newest_run(membership.workspace):
        actions.stop_run(run=run, by=membership.user)
    return redirect("themes:list", slug)


@require_safe
def show(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    theme = theme_for(membership, number)
    if theme.merged_into is not None:
        return redirect("themes:show", slug, theme.merged_into.pk)
    overview = queries.overview(workspace, days_of(request))
    figures = next((one for one in overview.themes if one.theme and one.theme.pk == theme.pk), None)
    numbers = queries.numbers_of(theme)
    others = [one.theme for one in overview.themes if one.theme and one.theme.pk != theme.pk]
    context = context_of(
        membership, theme=theme, figures=figures, overview=overview, days=overview.period.days, others=others,
        periods=queries.PERIODS, trend=trend(queries.months_of(workspace, numbers, overview.period.until)),
        merged=Theme.objects.filter(merged_into=theme), parents=tree(workspace.pk), words=words_of(theme),
        page_names=actions.page_names(theme), **texts_of(request, membership, numbers, overview.period),
    )  # fmt: skip
    return render(request, "themes/_texts.html" if request.headers.get("HX-Request") else "themes/show.html", context)


@require_safe
def show_rest(request: HttpRequest, slug: str) -> HttpResponse:
    """Texts that have no theme yet."""
    membership = membership_for(request.user, slug)
    period = queries.period_of(membership.workspace, days_of(request))
    known = set(queries.roots_of(membership.workspace))
    gone = [
        one for one in Theme.objects.filter(workspace=membership.workspace).values_list("pk", flat=True)
        if one not in known
    ]  # fmt: skip
    found = texts_of(request, membership, [queries.NONE, *gone], period)
    return render(request, "themes/rest.html", context_of(membership, days=period.days, period=period, **found))


def texts_of(
    request: HttpRequest, membership: Membership, numbers: list[int], period: queries.Period
) -> dict[str, Any]:  # fmt: skip
    """A page of the texts of these themes, in the order and of the sentiment that the address says."""
    order = "new" if request.GET.get("order") == "new" else "typical"
    sentiment = request.GET.get("sentiment", "")
    sentiment = sentiment if sentiment in ("positive", "negative", "neutral", "mixed") else ""
    page = page_of(request)
    rows = queries.verbatims(
        membership.workspace, numbers, period, order=order, sentiment=sentiment, most=PAGE + 1, skip=(page - 1) * PAGE
    )  # fmt: skip
    texts: list[Shown] = shown(membership, rows[:PAGE])
    return {"texts": texts, "order": order, "sentiment": sentiment, "page": page, "more": len(rows) > PAGE}


def words_of(theme: Theme) -> list[tuple[str, list[str]]]:
    return sorted(theme.words.items(), key=lambda pair: -len(pair[1]))


@require_safe
def show_similar(request: HttpRequest, slug: str, event_id: UUID) -> HttpResponse:
    """A text, and those that say much the same."""
    membership = membership_for(request.user, slug)
    workspace = membership.workspace
    one = members.texts_called(workspace.pk, [str(event_id)])
    if not one:
        raise Http404
    near = similar.similar_to(workspace, one[0].comment, most=PAGE, without=event_id)
    rows = queries.texts_called(workspace, [found.event_id for found in near])
    (asked,) = shown(membership, queries.texts_called(workspace, [event_id]))
    context = context_of(membership, asked=asked, texts=shown(membership, rows))
    return render(request, "themes/similar.html", context)


def _do(request: HttpRequest, slug: str, number: int, verb: Callable[[Theme, Membership], str]) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    theme = theme_for(membership, number)
    try:
        messages.success(request, verb(theme, membership))
    except Refused as error:
        messages.error(request, str(error))
    if request.POST.get("next") == "list":
        return redirect("themes:list", slug)
    return redirect("themes:show", slug, number)


@require_POST
def rename(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    def verb(theme: Theme, membership: Membership) -> str:
        kept = actions.rename(theme=theme, label=request.POST.get("label", ""), by=membership.user)
        return _("The theme is called “%(name)s” now.") % {"name": kept.name}

    return _do(request, slug, number, verb)


@require_POST
def adopt(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    def verb(theme: Theme, membership: Membership) -> str:
        names = {key[5:]: str(value) for key, value in request.POST.items() if key.startswith("name-") and value}
        wanted = request.POST.get("parent", "")
        parent = next((one.topic for one in tree(membership.workspace.pk) if str(one.topic.pk) == wanted), None)
        topic = actions.adopt(theme=theme, by=membership.user, names=names or None, parent=parent)
        return _("“%(name)s” is a topic now: its words find it in all texts.") % {"name": topic.name}

    return _do(request, slug, number, verb)


@require_POST
def dismiss(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    def verb(theme: Theme, membership: Membership) -> str:
        kept = actions.dismiss(theme=theme, by=membership.user)
        return _("“%(name)s” is out of sight. You find it under the dismissed ones.") % {"name": kept.name}

    return _do(request, slug, number, verb)


@require_POST
def bring_back(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    def verb(theme: Theme, membership: Membership) -> str:
        kept = actions.bring_back(theme=theme, by=membership.user)
        return _("“%(name)s” stands by itself among the themes again.") % {"name": kept.name}

    return _do(request, slug, number, verb)


@require_http_methods(["POST"])
def merge(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    def verb(theme: Theme, membership: Membership) -> str:
        wanted = request.POST.get("into", "")
        other = theme_for(membership, int(wanted)) if wanted.isdigit() else theme
        into = actions.merge(theme=theme, into=other, by=membership.user)
        return _("“%(name)s” counts with “%(other)s” now.") % {"name": theme.name, "other": into.name}

    return _do(request, slug, number, verb)
