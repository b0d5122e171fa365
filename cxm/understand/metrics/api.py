"""REST: the registry, figures with their intervals, comparisons, and the records behind a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router

from cxm.accounts.models import Workspace
from cxm.accounts.rest import Problem, require_key
from cxm.lib import csv
from cxm.record.customers.segments import each_segment
from cxm.record.eventlog.scope import SEGMENT, Scope, UnknownField
from cxm.stats.clv import expected_average_value, expected_purchases
from cxm.stats.survival import median_survival

from . import queries
from .asking import read_filters, read_time, write_filter
from .clv import EXPECTED_PURCHASES, fit
from .figure import Change, Figure
from .metric import Metric
from .refusals import Refused, UnknownMetric
from .registry import METRICS, metric_called
from .shapes import (
    BarOut,
    ChangeOut,
    CompareQuery,
    CurveOut,
    FieldsOut,
    FigureOut,
    FiguresOut,
    FiguresQuery,
    MetricOut,
    ModelOut,
    ModelQuery,
    RecordsOut,
    RecordsQuery,
    ScopeQuery,
    WhyOut,
)
from .survival import SURVIVAL, curves

router = Router(tags=["metrics"])
View = TypeVar("View", bound=Callable[..., Any])


def answering_refusals(view: View) -> View:
    """A question that cannot be answered is a Problem: 404 for an unknown metric, else 422 with the reason."""

    @wraps(view)
    def answered(*args: Any, **more: Any) -> Any:
        try:
            return view(*args, **more)
        except UnknownMetric as error:
            raise Problem(404, "unknown_metric", str(error)) from error
        except UnknownField as error:
            raise Problem(422, "unknown_field", str(error)) from error
        except Refused as error:
            raise Problem(422, "refused", str(error)) from error

    return answered  # type: ignore[return-value]  # the same signature


def scope_of(workspace: Workspace, query: ScopeQuery) -> Scope:
    zone = workspace.time_zone
    filters = read_filters(query.filter, workspace.pk)
    segments = each_segment(workspace.pk) if getattr(query, "by", "") == SEGMENT else ()
    return Scope(workspace.pk, zone, read_time(query.since, zone), read_time(query.until, zone), filters, segments)


def options_of(request: HttpRequest, query: ScopeQuery) -> dict[str, Any]:
    """What the address says beyond the query's own words: the metric's options, refused there if unknown."""
    known = set(type(query).model_fields)
    return {
        key: tuple(values) if len(values) > 1 else values[0] for key, values in request.GET.lists() if key not in known
    }


@router.get("/metrics", response=list[MetricOut], summary="All metrics, with their definitions and options")
def metrics(request: HttpRequest) -> list[dict[str, Any]]:
    require_key(request)
    return [described(metric) for metric in METRICS]


def described(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "name": str(metric.name),
        "definition": str(metric.definition),
        "formula": metric.formula,
        "interval": metric.interval,
        "unit": metric.unit,
        "direction": metric.direction,
        "table": metric.table,
        "weighted": metric.weighted,
        "source": metric.source,
        "events": metric.events,
        "options": [
            {
                "key": option.key,
                "name": str(option.name),
                "kind": option.kind,
                "default": list(option.default) if isinstance(option.default, tuple) else option.default,
                "values": list(option.values),
            }
            for option in metric.options
        ],
    }


@router.get("/metrics/fields", response=FieldsOut, summary="What filters and breakdowns may name")
@answering_refusals
def fields(request: HttpRequest) -> dict[str, Any]:
    """Questions with their scales; columns, properties and traits with their most frequent values, by table."""
    found = queries.fields(require_key(request).workspace.pk)
    return {
        "questions": [asdict(question) for question in found.questions],
        "fields": {
            table: [
                {"field": one.field, "values": [{"value": value, "n": n} for value, n in one.values]} for one in offered
            ]
            for table, offered in found.fields.items()
        },
    }


@router.get("/metrics/clv/model", response=ModelOut, summary="The fitted models behind predicted customer value")
@answering_refusals
def model(request: HttpRequest, query: Query[ModelQuery]) -> dict[str, Any]:
    """With `frequency`, `recency` and `age`, also what to expect of one customer with that history."""
    scope = scope_of(require_key(request).workspace, query)
    fitted = fit(queries.question_of(EXPECTED_PURCHASES, scope, options={"weeks": query.weeks}))
    if query.frequency is not None and query.recency > query.age:
        raise Problem(422, "refused", "recency > age")
    expected = value = None
    if query.frequency is not None and fitted.purchases:
        history = ([query.frequency], [query.recency if query.frequency else 0.0], [query.age])
        expected = float(expected_purchases(fitted.purchases, query.weeks, *history)[0])
    if query.frequency is not None and fitted.values and fitted.values.q > 1:
        value = float(expected_average_value(fitted.values, [query.frequency], [query.mean_value])[0])
    return {
        "customers": fitted.customers,
        "returning": fitted.returning,
        "purchases": {k: asdict(v) for k, v in fitted.purchases.intervals.items()} if fitted.purchases else None,
        "values": {k: asdict(v) for k, v in fitted.values.intervals.items()} if fitted.values else None,
        "expected_purchases": expected,
        "expected_value": value,
        "problem": fitted.problem,
        "sql": fitted.sql,
    }


@router.get("/metrics/survival/curve", response=list[CurveOut], summary="The Kaplan–Meier curve behind survival")
@answering_refusals
def curve(request: HttpRequest, query: Query[FiguresQuery]) -> list[dict[str, Any]]:
    """Every step, in months; one curve for each value of `by`."""
    scope = scope_of(require_key(request).workspace, query)
    found, _ = curves(queries.question_of(SURVIVAL, scope, by=query.by, options={}))
    return [
        {"by": by, "median": asdict(median_survival(steps)), "steps": [asdict(step) for step in steps]}
        for (_, by), steps in found.items()
    ]


@router.get("/metrics/{key}.csv", summary="The figures of a metric as CSV", include_in_schema=True)
@answering_refusals
def figures_csv(request: HttpRequest, key: str, query: Query[FiguresQuery]) -> StreamingHttpResponse:
    """The same question as without `.csv`; the file is safe to open in a spreadsheet."""
    found = measured(request, key, query)

    def rows() -> Iterator[Sequence[object]]:
        yield "metric", "period", "by", "value", "low", "high", "n", "unit", "currency", "method", "since", "until"
        for one in found:
            yield (
                one.metric, one.period, one.by, one.value, one.low, one.high, one.n, one.unit, one.currency,
                one.method, one.since, one.until,
            )  # fmt: skip

    response = StreamingHttpResponse(csv.stream(rows()), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{metric_called(key).key}.csv"'
    return response


@router.get("/metrics/{key}", response=FiguresOut, summary="The figures of a metric, each with its interval and n")
@answering_refusals
def figures(request: HttpRequest, key: str, query: Query[FiguresQuery]) -> dict[str, Any]:
    """Any option of the metric is a parameter of its own, such as `question=…` or `statistic=p90`."""
    metric = metric_called(key)
    found = measured(request, key, query)
    workspace = require_key(request).workspace
    scope = scope_of(workspace, query)
    options = metric.read_options(options_of(request, query))
    return {
        "metric": metric.key,
        "name": str(metric.name),
        "definition": str(metric.definition),
        "formula": metric.formula,
        "unit": metric.unit,
        "direction": metric.direction,
        "weighted": query.weighted,
        "grain": query.grain,
        "by": query.by,
        "time_zone": workspace.time_zone,
        "since": scope.since,
        "until": scope.until,
        "filters": [text for one in scope.filters for text in write_filter(one)],
        "options": options,
        "sql": found[0].sql if found else "",
        "parameters": dict(found[0].parameters) if found else {},
        "figures": [shown(one) for one in found],
    }


def measured(request: HttpRequest, key: str, query: FiguresQuery) -> list[Figure]:
    scope = scope_of(require_key(request).workspace, query)
    return queries.measure(
        key, scope, grain=query.grain, by=query.by or None, weighted=query.weighted, options=options_of(request, query)
    )


def shown(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in FigureOut.model_fields}


@router.get("/metrics/{key}/compare", response=list[ChangeOut], summary="Is the change real?")
@answering_refusals
def compare(request: HttpRequest, key: str, query: Query[CompareQuery]) -> list[dict[str, Any]]:
    """Two periods, two segments, or every value of `by` in both.

    Without a period of its own, the earlier side is the period just before, of the same length; with filters of its
    own, the same period. Verdicts hold the false-discovery rate over all changes of the answer.
    """
    workspace = require_key(request).workspace
    after = scope_of(workspace, query)
    before = before_of(workspace, query, after)
    changes = queries.compare_groups(
        key, before.where(*read_filters(query.before_filter, workspace.pk)),
        after.where(*read_filters(query.after_filter, workspace.pk)),
        by=query.by or None, weighted=query.weighted, options=options_of(request, query),
    )  # fmt: skip
    return [
        {**changed(change), "verdict": verdict} for change, verdict in zip(changes, queries.judge(changes), strict=True)
    ]


def before_of(workspace: Workspace, query: CompareQuery, after: Scope) -> Scope:
    zone = workspace.time_zone
    if query.before_since or query.before_until:
        return after.during(read_time(query.before_since, zone), read_time(query.before_until, zone))
    if query.before_filter or query.after_filter or after.since is None:
        return after
    until = after.until or timezone.now()
    return after.during(after.since - (until - after.since), after.since)


def changed(change: Change) -> dict[str, Any]:
    return {
        "by": change.after.by,
        **{
            name: getattr(change, name)
            for name in ("difference", "low", "high", "p_value", "n_before", "n_after", "unit")
        },
        "before": shown(change.before),
        "after": shown(change.after),
    }


@router.get("/metrics/{key}/answers", response=RecordsOut, summary="The records that a figure counts, newest first")
@answering_refusals
def answers(request: HttpRequest, key: str, query: Query[RecordsQuery]) -> queries.Page:
    scope = scope_of(require_key(request).workspace, query)
    return queries.answers_behind(key, scope, page=query.page, size=query.size, options=options_of(request, query))


@router.get("/metrics/{key}/distribution", response=list[BarOut], summary="How often each score was given")
@answering_refusals
def distribution(request: HttpRequest, key: str, query: Query[ScopeQuery]) -> list[queries.Bar]:
    scope = scope_of(require_key(request).workspace, query)
    return queries.distribution(key, scope, weighted=query.weighted, options=options_of(request, query))


@router.get("/metrics/{key}/why", response=WhyOut, summary="Definition, filters, exclusions and SQL of one figure")
@answering_refusals
def why(request: HttpRequest, key: str, query: Query[ScopeQuery]) -> dict[str, Any]:
    scope = scope_of(require_key(request).workspace, query)
    (figure,) = queries.measure(key, scope, weighted=query.weighted, options=options_of(request, query))
    found = queries.why(figure)
    return {
        "name": str(found.name),
        "definition": str(found.definition),
        "formula": found.formula,
        "method": found.method,
        "source": found.source,
        "filters": [text for one in found.filters for text in write_filter(one)],
        "excluded": dict(found.excluded),
        "sql": found.sql,
        "parameters": dict(found.parameters),
    }
