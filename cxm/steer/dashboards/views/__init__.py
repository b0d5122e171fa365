"""The pages of boards and of metrics."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.record.customers.segments import segment_names
from cxm.record.eventlog.scope import SEGMENT, Filter
from cxm.steer.dashboards.address import Reading, View, written
from cxm.steer.dashboards.names import COMPARISONS, filter_text
from cxm.steer.dashboards.periods import NAMES, Days


def person(request: HttpRequest) -> User:
    """Who asks; the middleware lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user


def plain_address(request: HttpRequest, reading: Reading) -> HttpResponse | None:
    """After a form was sent: the redirect to the short address of what it asked for, or None where none is needed."""
    if "set" not in request.GET or reading.problems or request.headers.get("HX-Request"):
        return None
    return redirect(address(request.path, reading.view))


def pushed(request: HttpRequest, response: HttpResponse, view: View) -> HttpResponse:
    """Tell htmx the short address of what it shows."""
    if request.headers.get("HX-Request"):
        response["HX-Push-Url"] = address(request.path, view)
    return response


def address(path: str, view: View) -> str:
    return f"{path}?{view.query}" if view.query else path


def segment_choices(workspace: Workspace, view: View) -> list[tuple[str, str, bool]]:
    """Filters on a segment as a form offers them: what the address holds, the name, whether it is there already."""
    offered = {written(Filter(SEGMENT, "is", (pk,))): name for pk, name in segment_names(workspace.pk).items()}
    held = {written(one): filter_text(one, workspace.pk) for one in view.filters if one.field == SEGMENT}
    return [(text, name, text in held) for text, name in {**held, **offered}.items()]


def page_context(membership: Membership, view: View, days: Days, compared: Days | None) -> dict[str, Any]:
    """What every page with a period needs."""
    return {
        "segments": segment_choices(membership.workspace, view),
        "membership": membership,
        "workspace": membership.workspace,
        "may_arrange": Role(membership.role).includes(Role.ANALYST),
        "view": view,
        "days": days,
        "days_text": str(days),
        "compared": str(compared) if compared else "",
        "period_names": list(NAMES.items()),
        "comparison_names": [(key, name) for key, name in COMPARISONS.items()],
        "question_mark": f"?{view.query}" if view.query else "",
    }
