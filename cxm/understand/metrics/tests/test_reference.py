"""The reference of metrics is written from the registry and is up to date."""

from __future__ import annotations

from cxm.understand.metrics.reference import PAGE, page
from cxm.understand.metrics.registry import METRICS


def test_the_page_says_what_the_registry_says() -> None:
    assert PAGE.read_text() == page(), "Run python -m cxm.understand.metrics.reference and commit the page."


def test_every_metric_says_who_is_counted_and_how() -> None:
    keys = [metric.key for metric in METRICS]
    assert len(keys) == len(set(keys))
    for metric in METRICS:
        assert metric.name and metric.definition and metric.formula and metric.interval and metric.events, metric.key
