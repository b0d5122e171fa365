"""The feedback inbox: the list, one text, deeds on many, corrections, saved lists, quotes, two periods, files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.audit import audit
from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.act.cases.errors import Refused
from cxm.act.cases.forms import agents
from cxm.act.cases.models import Case, FeedbackDeed, FeedbackView
from cxm.lib.csv import stream
from cxm.record.customers.segments import segment_names
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.text import actions as text_actions
from cxm.understand.text.models import Correction
from cxm.understand.text.naming import EMOTIONS, INTENTS, LANGUAGES, SENTIMENTS
from cxm.understand.text.topics.queries import tree
from cxm.understand.text.understanding import topic_names

from . import actions, comparing, exporting, queries, quoting
from .wanted import Wanted, wanted_in, wanted_of
from .wording import KINDS, PERIODS, VERBS, is_masked, shown

DEED = "feedback_deed"  # in the session: what the next page offers to undo
JUST_NOW = timedelta(minutes=10)


def of_page(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership, "workspace": membership.workspace, "tab": "feedback",
        "may_change": Role(membership.role).includes(Role.AGENT),
        "may_export_all": Role(membership.role).includes(Role.ANALYST), **more,
    }  # fmt: skip


def of_filters(workspace: Workspace) -> dict[str, Any]:
    """What the filters offer."""
    names = LANGUAGES
    return {
        "facets": queries.facets(workspace), "kinds": KINDS.items(), "periods": PERIODS.items(),
        "sentiments": SENTIMENTS.items(), "emotions": EMOTIONS.items(), "intents": INTENTS.items(),
        "languages": names.items(), "topics": tree(workspace.pk), "segments": segment_names(workspace.pk).items(),
        "agents": agents(workspace),
    }  # fmt: skip


def _page(request: HttpRequest) -> int:
    number = request.GET.get("page", "1")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    return max(1, min(page, queries.DEEPEST))


def user_of(membership: Membership) -> User:
    return membership.user


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace, user = membership.workspace, user_of(membership)
    wanted, page = wanted_of(request.GET), _page(request)
    context = of_page(membership, wanted=wanted, list=wanted.address(), page=page, problem="", rows=[], n=0)
    try:
        rows, more = _rows(workspace, wanted, user, page)
        context |= {"rows": _shown(membership, rows, wanted), "more": more}
        context["n"] = queries.count(workspace, wanted, user)
        context["more_than"] = queries.COUNTED if context["n"] > queries.COUNTED else 0
    except UnknownField:
        context["problem"] = _("One of the filters names something that is not there any more. Choose another.")
    except EventlogError:
        context["problem"] = _("The event log cannot answer just now. Try again in a moment.")
    if getattr(request, "htmx", False) and request.htmx.target == "found":  # type: ignore[attr-defined]  # django-htmx
        return render(request, "feedback/_list.html", context)
    context |= of_filters(workspace) | {
        "view": _view(membership, wanted), "views": _views(membership), "undoable": _undoable(request, membership),
    }  # fmt: skip
    context["is_new"] = not context["facets"].n and not wanted.narrows and not context["problem"]
    return render(request, "feedback/list.html", context)


def _rows(workspace: Workspace, wanted: Wanted, user: User, page: int) -> tuple[list[queries.Row], bool]:
    """The texts of a page, and whether there are more behind them."""
    size = queries.PAGE
    rows = queries.rows_of(workspace, wanted, user, start=(page - 1) * size, size=size + 1)
    return rows[:size], len(rows) > size


def _shown(membership: Membership, rows: list[queries.Row], wanted: Wanted) -> list[Any]:
    names, hidden = topic_names(membership.workspace_id), is_masked(membership)
    return [
        shown(one, topics=names, typed=wanted.text, hidden=hidden)
        for one in queries.entries(membership.workspace, rows)
    ]


def _views(membership: Membership) -> Any:
    mine = Q(owner=None) | Q(owner=membership.user)
    return FeedbackView.objects.filter(mine, workspace=membership.workspace)


def _view(membership: Membership, wanted: Wanted) -> FeedbackView | None:
    """The saved list whose address this is."""
    found: FeedbackView | None = _views(membership).filter(query=wanted.address()).first()
    return found if wanted.narrows else None


def _undoable(request: HttpRequest, membership: Membership) -> dict[str, Any] | None:
    """What this person did just now, offered once."""
    number = request.session.pop(DEED, "")
    rows = FeedbackDeed.objects.filter(workspace=membership.workspace, by=membership.user, undone_at=None)
    deed = rows.filter(pk=number, at__gt=timezone.now() - JUST_NOW).first() if number else None
    if deed is None or not deed.before:
        return None
    n = len(deed.before)
    words = ngettext("%(n)d text was %(done)s.", "%(n)d texts were %(done)s.", n)
    return {"deed": deed, "words": words % {"n": n, "done": VERBS.get(deed.verb, deed.verb)}}


@require_safe
def show(request: HttpRequest, slug: str, event_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace, user = membership.workspace, user_of(membership)
    wanted = wanted_of(request.GET)
    row = queries.row_for(workspace, event_id)
    [entry] = queries.entries(workspace, [row])
    try:
        before, after = queries.beside(workspace, wanted, user, row)
    except UnknownField:
        before = after = None
    known = {tag.name for tag in entry.reading.tags if tag.kind == "topic"} if entry.reading else set()
    branches = tree(workspace.pk)
    context = of_page(
        membership, wanted=wanted, list=wanted.address(), entry=entry, before=before, after=after,
        shown=shown(entry, topics=topic_names(workspace.pk), typed=wanted.text, hidden=is_masked(membership)),
        agents=agents(workspace), undoable=_undoable(request, membership),
        sentiments=SENTIMENTS.items(), emotions=EMOTIONS.items(), intents=INTENTS.items(),
        topics_here=[one for one in branches if one.topic.key in known],
        topics_else=[one for one in branches if one.topic.key not in known],
        corrections=[(one, _said(one)) for one in entry.corrections],
        cases=Case.objects.filter(workspace=workspace, customer=entry.customer).order_by("-opened_at")[:5]
        if entry.customer else [],
    )  # fmt: skip
    return render(request, "feedback/show.html", context)


def _said(one: Correction) -> str:
    """A correction in words."""
    names = {"sentiment": SENTIMENTS, "emotion": EMOTIONS, "intent": INTENTS}.get(one.kind, {})
    value = str(names.get(one.value, one.value))
    if one.kind == "topic":
        value = topic_names(one.workspace_id).get(one.value, one.value)
        return (_("not about “%(topic)s”") if one.wrong else _("about “%(topic)s”")) % {"topic": value}
    if one.kind == "effort":
        return _("speaks of effort") if one.value == "yes" else _("does not speak of effort")
    if one.kind == "urgency":
        return _("is urgent") if one.value == "yes" else _("is not urgent")
    return value


# Deeds


def _ids(texts: list[str]) -> list[UUID]:
    found = []
    for text in texts[: actions.MOST_AT_ONCE]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _back(request: HttpRequest, slug: str) -> HttpResponseRedirect:
    """To the text, or to the list, from which the form came."""
    given = request.POST
    query = wanted_in(given.get("list", "")).address()
    here = reverse("feedback:list", args=[slug])
    if given.get("from") == "text" and (ids := _ids(given.getlist("text"))):
        here = reverse("feedback:show", args=[slug, ids[0]])
    return HttpResponseRedirect(f"{here}?{query}" if query else here)


@require_POST
def deal(request: HttpRequest, slug: str) -> HttpResponse:
    """One deed for the chosen texts, or for all of the list."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace, user, given = membership.workspace, user_of(membership), request.POST
    try:
        ids = _ids(given.getlist("text"))
        if given.get("all") == "1":
            wanted = wanted_in(given.get("list", ""))
            ids = [one.event_id for one in queries.rows_of(workspace, wanted, user, size=actions.MOST_AT_ONCE, shown=1)]
        done = _do(workspace, ids, given.get("do", ""), given, user)
        request.session[DEED] = str(done.deed.pk)
        if not done.n:
            messages.info(request, _("Nothing had to be changed."))
        if done.deed.verb == "case_opened" and len(ids) == 1 and done.n:
            mark = queries.entries(workspace, queries.by_id(workspace, ids))[0].mark
            if mark and mark.case:
                return redirect("cases:show", slug, mark.case.number)
    except (Refused, UnknownField, EventlogError) as error:
        said = str(error) if isinstance(error, Refused) else _("The texts could not be changed. Try again.")
        messages.error(request, said)
    return _back(request, slug)


def _do(workspace: Workspace, ids: list[UUID], deed: str, given: Any, by: User) -> actions.Done:
    common: dict[str, Any] = {"workspace": workspace, "event_ids": ids, "by": by}
    match deed:
        case "assign":
            to = given.get("to", "")
            number = int(to) if to.isascii() and to.isdigit() and len(to) < 16 else 0
            person = by if to == "me" else User.objects.filter(pk=number).first() if number else None
            if to not in {"", "nobody"} and person is None:
                raise Refused(_("Choose a person."))
            return actions.assign(to=person, **common)
        case "handled" | "reopen":
            return actions.mark_handled(handled=deed == "handled", **common)
        case "tag":
            return actions.tag(add=given.get("tags", "").split(","), **common)
        case "untag":
            return actions.tag(remove=given.get("tags", "").split(","), **common)
        case "case":
            return actions.open_cases(**common)
    raise Refused(_("Choose what is to be done."))


@require_POST
def undo(request: HttpRequest, slug: str, deed_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    deed = get_object_or_404(
        FeedbackDeed.objects.select_related("workspace"), workspace=membership.workspace, pk=deed_id
    )
    try:
        n = actions.undo(deed=deed, by=user_of(membership))
        messages.success(
            request, ngettext("%(n)d text is as it was before.", "%(n)d texts are as they were before.", n) % {"n": n}
        )
    except Refused as refused:
        messages.error(request, str(refused))
    return _back(request, slug)


@require_POST
def correct(request: HttpRequest, slug: str, event_id: UUID) -> HttpResponse:
    """One thing about one text, said better."""
    membership = membership_for(request.user, slug, Role.AGENT)
    given, user = request.POST, user_of(membership)
    try:
        if given.get("take_back"):
            number = given["take_back"]
            rows = Correction.objects.select_related("workspace").filter(
                workspace=membership.workspace, event_id=event_id
            )
            correction = get_object_or_404(rows, pk=int(number) if number.isascii() and number.isdigit() else 0)
            text_actions.take_back(correction=correction, by=user)
        else:
            kind, _colon, value = given.get("say", "").partition(":")
            kind, value = kind or given.get("kind", ""), value or given.get("value", "")
            text_actions.correct(
                workspace=membership.workspace, event_id=event_id, kind=kind.removeprefix("not_"), value=value,
                wrong=kind.startswith("not_"), by=user,
            )  # fmt: skip
    except text_actions.Refused as refused:
        messages.error(request, str(refused))
    query = wanted_in(given.get("list", "")).address()
    here = reverse("feedback:show", args=[slug, event_id])
    return HttpResponseRedirect(f"{here}?{query}" if query else here)


# Saved lists


@require_POST
def save_view(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the address of a list under a name; for oneself, or for everybody."""
    membership = membership_for(request.user, slug, Role.AGENT)
    name = " ".join(request.POST.get("name", "").replace("\x00", "").split())[:60]
    query = wanted_in(request.POST.get("list", "")).address()
    if name and len(query) <= 1000:
        owner = None if request.POST.get("shared") else membership.user
        FeedbackView.objects.update_or_create(
            workspace=membership.workspace, owner=owner, name=name, defaults={"query": query}
        )
        messages.success(request, _("The view is saved."))
    else:
        messages.error(request, _("Give the view a name.") if not name else _("These filters are too many to keep."))
    return _back(request, slug)


@require_POST
def remove_view(request: HttpRequest, slug: str, view_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.AGENT)
    get_object_or_404(_views(membership), pk=view_id).delete()
    messages.success(request, _("The view was removed. Its texts are as they were."))
    return redirect("feedback:list", slug)


# Beyond the list


@require_safe
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    workspace, wanted = membership.workspace, wanted_of(request.GET)
    before, after = comparing.periods_of(wanted, request.GET.dict(), comparing.today(workspace))
    context = of_page(membership, wanted=wanted, list=wanted.address(), before=before, after=after, problem="")
    try:
        found = comparing.compare(workspace, wanted, before, after, user_of(membership))
        context |= {"found": found, "names": _names(workspace)}
    except (UnknownField, EventlogError):
        context["problem"] = _("The periods could not be compared. Choose other filters, or try again.")
    return render(request, "feedback/compare.html", context | of_filters(workspace))


def _names(workspace: Workspace) -> dict[str, Any]:
    return {
        "topic": topic_names(workspace.pk), "sentiment": SENTIMENTS, "emotion": EMOTIONS, "intent": INTENTS,
        "effort": {"1": _("Speaks of effort")}, "urgency": {"1": _("Urgent")}, "all": {"": _("All texts")},
    }  # fmt: skip


@require_safe
def quotes(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    wanted = wanted_of(request.GET)
    context = of_page(membership, wanted=wanted, list=wanted.address(), problem="", purpose=quoting.PURPOSE)
    try:
        ids = _ids(request.GET.getlist("text"))
        context["found"] = quoting.quotes_of(membership.workspace, wanted, user_of(membership), ids)
    except (UnknownField, EventlogError):
        context["problem"] = _("The texts could not be read. Choose other filters, or try again.")
    return render(request, "feedback/quotes.html", context)


@require_safe
def export(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    """The list as a file. Personal data stays in only for analysts and more who ask for it."""
    membership = membership_for(request.user, slug, Role.AGENT)
    workspace, wanted = membership.workspace, wanted_of(request.GET)
    personal = request.GET.get("personal") == "1"
    if personal and not Role(membership.role).includes(Role.ANALYST):
        raise PermissionDenied
    most = exporting.MOST if form == "csv" else exporting.MOST_IN_EXCEL
    try:
        rows = exporting.table(workspace, wanted, user_of(membership), personal=personal, most=most)
    except (UnknownField, EventlogError):
        messages.error(request, _("The texts could not be read. Choose other filters, or try again."))
        return redirect("feedback:list", slug)
    audit(
        "exported", workspace, workspace=workspace, by=user_of(membership),
        changes={"feedback": [None, wanted.address()], "personal": [None, personal]},
    )  # fmt: skip
    name = f"feedback-{comparing.today(workspace).isoformat()}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "csv":
        return StreamingHttpResponse(stream(rows), content_type="text/csv; charset=utf-8", headers=headers)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return HttpResponse(exporting.excel(rows), content_type=kind, headers=headers)
