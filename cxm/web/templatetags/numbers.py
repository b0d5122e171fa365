"""Numbers, durations and intervals in the words and digits of the active language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import template

from cxm.lib import numbers

register = template.Library()


@register.filter
def value(figure: Any) -> str:
    """39.8"""
    return numbers.amount(figure.value, figure.unit, getattr(figure, "currency", ""))


@register.filter
def interval(figure: Any) -> str:
    """37.0 to 42.6; nothing where the figure has no interval."""
    return numbers.interval(figure.low, figure.high, figure.unit, getattr(figure, "currency", ""))


@register.filter
def statement(figure: Any) -> str:
    """39.8 (37.0 to 42.6), n = 2,746"""
    return numbers.statement(
        figure.value, figure.low, figure.high, figure.n, figure.unit, getattr(figure, "currency", "")
    )


@register.filter
def count(n: float | None) -> str:
    """2,746"""
    return numbers.amount(n, "count")


@register.filter
def amount(number: float | None, unit: str) -> str:
    """{{ 0.417|amount:"percent" }} is 41.7%."""
    return numbers.amount(number, unit)


@register.filter
def percent(share: float | None) -> str:
    """A share of 0–1 as per cent: 41.7%."""
    return numbers.amount(share, "percent")


@register.filter
def money(sum_of_money: float | None, currency: str) -> str:
    """€1,234.50"""
    return numbers.amount(sum_of_money, "money", currency)


@register.filter
def signed(number: float | None, unit: str = "score") -> str:
    """A change, with its sign: +2.4 or −1.1."""
    return numbers.signed(number, unit)


@register.filter
def duration(time: timedelta | float | None) -> str:
    """A timedelta, or hours: 3 h 20 min."""
    return numbers.duration(time)


@register.filter
def day(when: date | datetime | None) -> str:
    """Mar 1, 2026"""
    return numbers.day(when)


@register.filter
def estimate(figure: Any, unit: str) -> str:
    """An estimate of cxm.stats, which knows no unit: 39.8 (37.0 to 42.6), n = 2,746"""
    return numbers.statement(figure.value, figure.low, figure.high, figure.n, unit)
