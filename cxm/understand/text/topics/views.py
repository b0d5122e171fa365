"""The tree of topics with its counts; the editor of a topic, which tries every word as it is typed; the bulk check."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role, Workspace
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.texts import texts_by_id
from cxm.understand.text.models import Topic, TopicExample
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.rereading import read_again, rereading_of

from . import actions
from .checking import Shown, Trial, check_tree, pieces_of, try_topic
from .counting import TopicCount, count_topics
from .errors import Refused
from .forms import TopicForm, other_choices
from .matching import compiled
from .patterns import LANGUAGES
from .queries import names_of, tree
from .starter import plant, starter_trees

PERIODS = (30, 90, 365)
MOST_LINES = 1000  # texts of the check that are pasted
LONGEST_LINES = 200_000  # characters of them


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    may_change = Role(membership.role).includes(Role.ANALYST)
    return {
        "membership": membership,
        "workspace": membership.workspace,
        "tab": "topics",
        "may_change": may_change,
        **more,
    }


def topic_for(workspace: Workspace, topic_id: UUID) -> Topic:
    found = Topic.objects.select_related("workspace", "parent").filter(
        workspace=workspace, pk=topic_id, merged_into=None
    )
    topic = found.first()
    if topic is None:
        raise Http404
    return topic


def scope_of(workspace: Workspace) -> Scope:
    return Scope(workspace_id=workspace.pk, time_zone=workspace.time_zone)


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.VIEWER)
    workspace, now = membership.workspace, timezone.now()
    days = next((one for one in PERIODS if str(one) == request.GET.get("days")), 90)
    branches = tree(workspace.pk)
    n, problem = 0, False
    counts: dict[str, TopicCount] = {}
    try:
        if branches:
            n, counts = count_topics(scope_of(workspace), *_moments(now, days))
    except EventlogError:
        problem = True
    rows = [(one, counts.get(one.topic.key)) for one in branches]
    again = rereading_of(workspace)
    shown = {
        "rows": rows, "n": n, "days": days, "periods": PERIODS, "problem": problem,
        "starters": starter_trees().values(), "again": again, "reading": again is not None and again.done_at is None,
    }  # fmt: skip
    return render(request, "topics/list.html", context_of(membership, **shown))


def _moments(now: datetime, days: int) -> tuple[datetime, datetime, datetime]:
    return now - timedelta(days=2 * days), now - timedelta(days=days), now


@require_POST
def plant_starter(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    chosen = tuple(one for one in LANGUAGES if one in request.POST.getlist("languages")) or LANGUAGES
    try:
        made = plant(
            workspace=membership.workspace, tree=request.POST.get("tree", ""), by=membership.user, languages=chosen
        )
        said = ngettext("%(n)d topic was added.", "%(n)d topics were added.", len(made)) % {"n": len(made)}
        messages.success(request, said)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("topics:list", slug)


@require_POST
def again(request: HttpRequest, slug: str) -> HttpResponse:
    """Find the topics in the texts of the past too."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    read_again(membership.workspace)
    messages.success(request, _("All texts are being read anew in the background. New ones go first."))
    return redirect("topics:list", slug)


# One topic


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    word, language = request.GET.get("word", ""), request.GET.get("language", "")
    initial = {f"words_{language}": word} if language in LANGUAGES else {}
    return _edit(request, membership, None, initial)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    return _edit(request, membership, topic_for(membership.workspace, topic_id), {})


def _edit(request: HttpRequest, membership: Membership, topic: Topic | None, initial: dict[str, str]) -> HttpResponse:
    workspace, by = membership.workspace, membership.user
    sent = request.method == "POST"
    form = TopicForm(workspace, topic, request.POST if sent else None)
    for name, value in initial.items():
        form.fields[name].initial = value
    problem = ""
    if sent and form.is_valid():
        try:
            saved = _save(form, workspace, by)
            messages.success(request, _("Saved. New texts are read with it from now on."))
            return redirect("topics:topic", workspace.slug, saved.pk)
        except Refused as refused:
            problem = str(refused)
    shown = {
        "topic": topic, "form": form, "problem": problem, **_trial(workspace, form),
        "others": other_choices(workspace, topic) if topic else [],
        "versions": topic.versions.all()[:20] if topic else [], "merged": _merged(topic) if topic else [],
        "examples": topic.examples.all()[:50] if topic else [], "n_examples": topic.examples.count() if topic else 0,
    }  # fmt: skip
    return render(request, "topics/topic.html", context_of(membership, **shown), status=422 if sent else 200)


def _merged(topic: Topic) -> list[dict[str, Any]]:
    """What was merged into the topic, each with its version before that."""
    found = []
    for one in topic.merged.all():
        alone = one.versions.filter(content__merged_into="").order_by("-number").first()
        found.append({"pk": one.pk, "name": one.name, "before": alone.number if alone else 0})
    return found


def _save(form: TopicForm, workspace: Workspace, by: Any) -> Topic:
    key = form.cleaned_data["parent"]
    parent = Topic.objects.filter(workspace=workspace, key=key, merged_into=None).first() if key else None
    said: dict[str, Any] = {
        "names": form.names, "words": form.entries("words"), "exclusions": form.entries("exclusions")
    }  # fmt: skip
    if form.topic is None:
        return actions.create_topic(workspace=workspace, parent=parent, by=by, **said)
    topic = actions.change_topic(topic=form.topic, by=by, **said)
    if (parent.pk if parent else None) != topic.parent_id:
        topic = actions.move_topic(topic=topic, parent=parent, by=by)
    return topic


@require_POST
def try_new(request: HttpRequest, slug: str) -> HttpResponse:
    return _try(request, slug, None)


@require_POST
def try_draft(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    return _try(request, slug, topic_id)


def _try(request: HttpRequest, slug: str, topic_id: UUID | None) -> HttpResponse:
    """What the draft finds, as it is typed: the part of the page beside the form."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = topic_for(membership.workspace, topic_id) if topic_id else None
    form = TopicForm(membership.workspace, topic, request.POST)
    shown = {"topic": topic, "form": form, **_trial(membership.workspace, form)}
    return render(request, "topics/_trial.html", context_of(membership, **shown))


def _trial(workspace: Workspace, form: TopicForm) -> dict[str, Any]:
    trial: Trial | None = None
    with suppress(EventlogError):  # the page says so in place of the trial
        trial = try_topic(scope_of(workspace), form.draft(), form.topic)
    return {"trial": trial}


@require_POST
def mark(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    """Say of a text that it fits or does not: one of the log by its event, or one that is typed."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = topic_for(membership.workspace, topic_id)
    fits = request.POST.get("fits") == "1"
    try:
        if event_id := request.POST.get("event", ""):
            texts = texts_by_id(membership.workspace.pk, [UUID(event_id)])
            if not texts:
                raise Http404
            [text] = texts
            actions.add_example(
                topic=topic, text=text.comment, fits=fits, by=membership.user,
                event_id=text.event_id, customer_id=text.customer_id if text.customer_id.int else None,
            )  # fmt: skip
        else:
            for line in request.POST.get("texts", "").splitlines()[:MOST_LINES]:
                if line.strip():
                    actions.add_example(topic=topic, text=line, fits=fits, by=membership.user)
    except (Refused, EventlogError) as refused:
        messages.error(request, str(refused))
    except ValueError:
        raise Http404 from None
    if request.htmx:  # type: ignore[attr-defined]  # set by django_htmx
        return _try(request, slug, topic_id)
    return redirect("topics:topic", slug, topic.pk)


@require_POST
def unmark(request: HttpRequest, slug: str, topic_id: UUID, example_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = topic_for(membership.workspace, topic_id)
    example = TopicExample.objects.select_related("topic__workspace").filter(topic=topic, pk=example_id).first()
    if example is None:
        raise Http404
    actions.remove_example(example=example, by=membership.user)
    return redirect("topics:topic", slug, topic.pk)


@require_POST
def merge(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = topic_for(membership.workspace, topic_id)
    into = Topic.objects.filter(
        workspace=membership.workspace, key=request.POST.get("into", ""), merged_into=None
    ).first()
    try:
        if into is None:
            raise Refused(_("Choose another topic to merge it into."))
        target = actions.merge_topics(topic=topic, into=into, by=membership.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("topics:topic", slug, topic.pk)
    messages.success(request, _("“%(one)s” is part of “%(other)s” now, with all that was counted.")
                     % {"one": topic.name, "other": target.name})  # fmt: skip
    return redirect("topics:topic", slug, target.pk)


@require_POST
def split(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    """A new topic below this one, which takes the entries that are ticked: `language:entry`."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = topic_for(membership.workspace, topic_id)
    words: dict[str, list[str]] = {}
    for chosen in request.POST.getlist("entries"):
        language, _colon, entry = chosen.partition(":")
        if entry in topic.words.get(language, []):
            words.setdefault(language, []).append(entry)
    name = {get_language() or "en": request.POST.get("name", "")}
    try:
        if not words:
            raise Refused(_("Choose the words that the new topic takes."))
        [made] = actions.split_topic(topic=topic, parts=[{"names": name, "words": words}], by=membership.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("topics:topic", slug, topic.pk)
    messages.success(request, _("“%(one)s” stands below “%(other)s” now.") % {"one": made.name, "other": topic.name})
    return redirect("topics:topic", slug, made.pk)


@require_POST
def switch(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = topic_for(membership.workspace, topic_id)
    actions.change_topic(topic=topic, is_on=request.POST.get("on") == "1", by=membership.user)
    return redirect("topics:topic", slug, topic.pk)


@require_POST
def restore(request: HttpRequest, slug: str, topic_id: UUID) -> HttpResponse:
    """Also of a topic that was merged: then it stands alone again."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    topic = Topic.objects.select_related("workspace").filter(workspace=membership.workspace, pk=topic_id).first()
    if topic is None:
        raise Http404
    number = request.POST.get("number", "")
    try:
        topic = actions.restore_version(
            topic=topic, number=int(number) if number.isdecimal() else 0, by=membership.user
        )
        messages.success(request, _("The topic is as it was in version %(n)s.") % {"n": number})
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("topics:topic", slug, topic.pk)


# All topics at once


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """The tree on the newest texts; by POST, on texts that are pasted, one on a line."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    workspace = membership.workspace
    pasted = request.POST.get("texts", "")[:LONGEST_LINES]
    lines = [one.strip() for one in pasted.splitlines() if one.strip()][:MOST_LINES]
    found, problem = None, False
    try:
        if not lines:
            found = check_tree(scope_of(workspace), [one.topic for one in tree(workspace.pk)])
    except EventlogError:
        problem = True
    shown = {"found": found, "problem": problem, "pasted": pasted, "lines": _read_lines(workspace, lines)}
    return render(request, "topics/check.html", context_of(membership, **shown))


def _read_lines(workspace: Workspace, lines: list[str]) -> list[tuple[Shown, list[str]]]:
    """Each text with what tells of its topics marked, and their names."""
    names = names_of(workspace.pk)
    found = []
    for text, tags in zip(lines, compiled(workspace.pk).topics_of(lines, reader().read(lines)), strict=True):
        spans, end = [], 0
        for one in sorted((span for tag in tags for span in tag.spans), key=lambda span: (span.start, span.end)):
            if one.start >= end:  # places of several topics may overlap
                spans.append(one)
                end = one.end
        found.append((Shown(pieces_of(text, spans), None), [names.get(tag.name, tag.name) for tag in tags]))
    return found
