"""CSV files of the tables behind the pages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from cxm.lib.csv import stream
from cxm.understand.journeys.discovery import exports
from cxm.understand.journeys.discovery.behind import listed
from cxm.understand.journeys.discovery.funnels import read_funnel
from cxm.understand.journeys.discovery.grouping import MOST_GROUPS
from cxm.understand.journeys.discovery.outcomes import OUTCOMES
from cxm.understand.journeys.discovery.reading import whole
from cxm.understand.journeys.discovery.retention import read_unit

from . import Page, answering
from .pages import FEW_STREAMS, MOST_STEPS, MOST_STREAMS, STEPS


@require_safe
@answering
def csv(request: HttpRequest, slug: str, process_id: int, table: str) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    rows = _rows(page, table)
    first = next(rows, None)  # the question is put before the answer begins, so that it can still be refused
    response = StreamingHttpResponse(
        stream(chain([] if first is None else [first], rows)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{slug}-{process_id}-{table}.csv"'
    return response


def _rows(page: Page, table: str) -> Iterator[list[Any]]:
    given = page.request.GET
    match table:
        case "transitions":
            return exports.transition_rows(page.process, page.scope)
        case "matrix":
            steps = min(whole(given, "steps") or STEPS, MOST_STEPS)
            return exports.matrix_rows(page.process, page.scope, steps, given.get("side") == "last")
        case "streams":
            steps = max(min(whole(given, "steps") or FEW_STREAMS, MOST_STREAMS), 2)
            return exports.stream_rows(page.process, page.scope, steps, given.get("side") == "last")
        case "variants":
            outcome = next((one for one in OUTCOMES if one == given.get("outcome")), None)
            return exports.variant_rows(page.process, page.scope, outcome)
        case "funnel":
            asked = read_funnel(given)
            if not asked.possible:
                raise Http404
            return exports.funnel_rows(page.process, page.scope, asked)
        case "returning":
            first, then = given.get("first", ""), given.get("then", "")
            return exports.retention_rows(
                page.process, page.scope, page.now, unit=read_unit(given), first=first, then=then
            )
        case "groups":
            outcome = next((one for one in OUTCOMES if one == given.get("outcome")), None)
            return exports.group_rows(page.process, page.scope, min(whole(given, "groups"), MOST_GROUPS), outcome)
        case "journeys":
            found = listed(page.process, page.scope, given, page.names, page.now)
            return exports.journey_rows(page.process, page.scope, found)
    raise Http404
