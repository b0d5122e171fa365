"""Transitions, step by step, first and last steps, and the journeys behind a part of a page."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from cxm.understand.journeys.discovery import showing
from cxm.understand.journeys.discovery.behind import listed
from cxm.understand.journeys.discovery.people import customers_by_id
from cxm.understand.journeys.discovery.reading import whole
from cxm.understand.journeys.steps.queries import labels_of, sankey, starts_and_ends, step_matrix, transitions

from . import Page, answering

DETAIL = 40  # per cent of the edges that a graph shows unless told
TABLE = 100
STEPS, MOST_STEPS, FEW_STREAMS, MOST_STREAMS = 8, 20, 6, 10
PER_PAGE, DEEPEST, LONGEST_PATH = 50, 200, 30


@require_safe
@answering
def graph(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    detail = min(whole(request.GET, "detail") or DETAIL, 100)
    by_time = request.GET.get("show") == "time"
    found = transitions(page.process, page.scope)
    labels = starts_and_ends(page.process, page.scope).rows
    picture = showing.graph_picture(
        labels, found.rows, detail=detail, by_time=by_time, named=page.named, url=page.journeys_url
    )
    out = {one.label: one.n for one in labels}
    rows = [
        (page.named(one.label), page.named(one.next) if one.next else "", one, one.n / out.get(one.label, one.n),
         page.journeys_url(step=one.label, **({"next": one.next} if one.next else {"ends": "1"})))
        for one in found.rows[:TABLE]
    ]  # fmt: skip
    return page.show(
        "journeys/paths/graph.html", "graph", picture=picture, rows=rows, detail=detail, by_time=by_time,
        left_out=max(len(found.rows) - TABLE, 0), sql=found.sql, csv_url=page.csv_url("transitions"),
    )  # fmt: skip


@require_safe
@answering
def matrix(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    steps = min(whole(request.GET, "steps") or STEPS, MOST_STEPS)
    from_end = request.GET.get("side") == "last"
    found = step_matrix(page.process, page.scope, **({"last": steps} if from_end else {"first": steps}))
    shown = showing.matrix_of(found.rows, from_end=from_end, named=page.named, url=page.journeys_url)
    return page.show(
        "journeys/paths/matrix.html", "matrix", matrix=shown, steps=steps, from_end=from_end, most=MOST_STEPS,
        sql=found.sql, csv_url=page.csv_url("matrix", steps=str(steps), side="last" if from_end else ""),
    )  # fmt: skip


@require_safe
@answering
def streams(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    steps = max(min(whole(request.GET, "steps") or FEW_STREAMS, MOST_STREAMS), 2)
    from_end = request.GET.get("side") == "last"
    found = sankey(page.process, page.scope, **({"last": steps} if from_end else {"first": steps}))
    picture, table = showing.flow_picture(found.rows, steps, from_end=from_end, named=page.named, url=page.journeys_url)
    return page.show(
        "journeys/paths/streams.html", "streams", picture=picture, table=table, steps=steps, from_end=from_end,
        choices=range(2, MOST_STREAMS + 1), sql=found.sql,
        csv_url=page.csv_url("streams", steps=str(steps), side="last" if from_end else ""),
    )  # fmt: skip


@require_safe
@answering
def journeys(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    """The journeys behind a number, the newest first, with their customers."""
    page = Page(request, slug, process_id)
    found = listed(page.process, page.scope, request.GET, page.names, page.now)
    paginator = Paginator(range(min(found.journeys, PER_PAGE * DEEPEST)), PER_PAGE)
    page_obj = paginator.get_page(request.GET.get("page", "1")[:8])
    rows = found.part(page_obj.start_index() - 1, PER_PAGE) if found.journeys else []
    ways = labels_of(page.process, page.scope, [one.journey for one in rows])
    people = customers_by_id(page.workspace, [one.customer_id for one in rows])
    shown = [
        (
            one, people.get(one.customer_id), [page.named(label) for label in ways[one.journey][:LONGEST_PATH]],
            max(len(ways[one.journey]) - LONGEST_PATH, 0),
        )
        for one in rows
    ]  # fmt: skip
    return page.show(
        "journeys/paths/journeys.html", "journeys", found=found, rows=shown, page_obj=page_obj,
        csv_url=page.csv_url("journeys", **page.behind()),
    )  # fmt: skip
