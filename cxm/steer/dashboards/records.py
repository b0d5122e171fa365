"""The answers, tickets or orders behind a number, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator
from django.urls import NoReverseMatch, reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from cxm.accounts.models import Workspace
from cxm.lib import numbers
from cxm.lib.personal import mask, mask_all
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import NOBODY
from cxm.understand.metrics import queries as metrics

from .asking import Asked

SIZE: Final = 25
EXPORTED_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    url: str = ""
    css: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    title: str
    columns: list[Column]
    rows: list[list[Cell]]
    page_obj: Page[int]
    csv_url: str


def records_of(asked: Asked, number: int, csv_url: str, *, personal: bool) -> Records:
    """One page of the records that the view's number counts, newest first.

    Unless `personal`, personal data in their details is masked.
    """
    number = max(1, min(number, 1_000_000))
    found = metrics.answers_behind(
        asked.metric.key, asked.scope, page=number, size=SIZE, now=asked.now, options=asked.options
    )
    # The records are fetched already: the paginator only counts pages.
    paginator: Paginator[int] = Paginator(range(found.total), SIZE)
    feedback = asked.metric.table == "feedback"
    names = customer_names(asked.workspace, {record.customer_id for record in found.records})
    return Records(
        title=_title(asked, found.total),
        columns=_columns(asked),
        rows=[list(_cells(asked, record, names, feedback, personal)) for record in found.records],
        page_obj=paginator.get_page(number),
        csv_url=csv_url,
    )


def _title(asked: Asked, total: int) -> str:
    shown = {"n": numbers.amount(total, "count")}
    match asked.metric.table:
        case "feedback":
            return ngettext("%(n)s answer behind this number", "%(n)s answers behind this number", total) % shown
        case "tickets":
            return ngettext("%(n)s ticket behind this number", "%(n)s tickets behind this number", total) % shown
    return ngettext("%(n)s record behind this number", "%(n)s records behind this number", total) % shown


def _columns(asked: Asked) -> list[Column]:
    columns = [Column(_("Time")), Column(_("Customer"))]
    if asked.metric.table == "feedback":
        return [*columns, Column(_("Question")), Column(_("Score"), number=True), Column(_("Comment"))]
    return [*columns, Column(pgettext("of a ticket, an order or a subscription", "Number")), Column(_("Details"))]


def _cells(
    asked: Asked, record: metrics.Record, names: dict[UUID, str], feedback: bool, personal: bool
) -> Iterator[Cell]:
    local = record.occurred_at.astimezone(ZoneInfo(asked.workspace.time_zone))
    yield Cell(formats.date_format(local, "SHORT_DATETIME_FORMAT"), css="text-nowrap")
    yield _customer_cell(asked.workspace, record.customer_id, names)
    yield Cell(record.title)
    if feedback:
        yield Cell("–" if record.score is None else f"{record.score:g}", css="number")
        yield Cell(record.comment, css="comment")
    else:
        more = record.details if personal else mask_all(record.details)
        details = [record.channel, record.touchpoint, *(f"{key}: {value}" for key, value in more.items())]
        yield Cell(" · ".join(detail for detail in details[:6] if detail), css="comment")


def _customer_cell(workspace: Workspace, customer: UUID, names: dict[UUID, str]) -> Cell:
    if customer == NOBODY:
        return Cell(_("Unknown"), css="text-secondary")
    try:
        url = reverse("customers:show", args=[workspace.slug, customer]) if customer in names else ""
    except NoReverseMatch:
        url = ""
    return Cell(names.get(customer, str(customer)[:8]), url)


def customer_names(workspace: Workspace, ids: set[UUID]) -> dict[UUID, str]:
    return {
        customer.pk: str(customer) for customer in Customer.objects.filter(workspace=workspace, pk__in=ids - {NOBODY})
    }


def exported(asked: Asked, *, personal: bool = False) -> Iterator[list[Any]]:
    """All records for a CSV; the heading first. Refuses before the first row, not amid them.

    Unless `personal`, personal data in comments and other texts is masked.
    """
    rows = _exported(asked, _exported_page(asked, 1))
    return rows if personal else ([*row[:5], mask(row[5]), *row[6:8], mask_all(row[8])] for row in rows)


def _exported_page(asked: Asked, number: int, after: metrics.Record | None = None) -> metrics.Page:
    return metrics.answers_behind(
        asked.metric.key, asked.scope, page=number, size=EXPORTED_AT_ONCE, after=after, now=asked.now,
        options=asked.options,
    )  # fmt: skip


def _exported(asked: Asked, found: metrics.Page) -> Iterator[list[Any]]:
    yield ["time", "customer_id", "title", "score", "weight", "comment", "channel", "touchpoint", "properties"]
    while found.records:
        for record in found.records:
            yield [
                record.occurred_at, "" if record.customer_id == NOBODY else record.customer_id, record.title,
                record.score, record.weight, record.comment, record.channel, record.touchpoint, record.details or "",
            ]  # fmt: skip
        if len(found.records) < EXPORTED_AT_ONCE:
            return
        found = _exported_page(asked, found.page + 1, found.records[-1])
