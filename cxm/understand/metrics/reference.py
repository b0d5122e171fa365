"""Writes docs/reference/metrics.md from the registry: `python -m cxm.understand.metrics.reference`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
HEAD = """# Metrics

Written by `python -m cxm.understand.metrics.reference` from the registry; do not edit by hand.

Every number comes with its 95 % interval, the number n behind it, its period and its definition: on pages, in the API
and in exports. How the intervals are made, and how often they cover the truth, is on [Intervals](intervals.md); a count
of what was recorded is exact and has none.

What holds for all metrics:

- **Period.** `since` is included, `until` is not. Days, ISO weeks (from Monday), months, quarters and years begin at
  midnight in the workspace's time zone, also where clocks change. A period cut by `since` or `until` counts what is
  left of it.
- **Filters and breakdowns** name a column of the table, `property.NAME` of the record or `trait.NAME` of its customer
  (as the traits are now). Answers also have `order.delivery` (on time, late, delivered, not delivered) of the order
  that their property `order_id` names, and `text.sentiment`, `text.emotion`, `text.intent`, `text.language`,
  `text.effort`, `text.urgent` and `text.topic` of what [their comment says](../guide/texts.md); an answer with several
  topics counts in the group of each. A missing value is the empty text.
- **Weights.** Where a metric can be weighted, each answer counts with its `weight`; n stays the number of answers, and
  the interval takes Kish's effective number.
- **Merged customers** count once, from the moment of the merge on, for the past too.
- **Exact.** Answers are counted from a roll-up by quarters of an hour where that gives the same sums, else from the
  answers themselves; late answers are in both at once. Nothing is sampled or estimated by the engine.
- **No data** gives n = 0 and no value, never 0 %; a count is 0.
"""


def page() -> str:
    """The page in English."""
    from django.utils import translation

    with translation.override("en"):
        return "\n".join(lines()) + "\n"


def lines() -> Iterator[str]:
    from .registry import METRICS

    yield HEAD
    yield "| key | metric | unit | better | table |"
    yield "| --- | --- | --- | --- | --- |"
    for metric in METRICS:
        yield (
            f"| [`{metric.key}`](#{metric.key}) | {metric.name} | {metric.unit} | {metric.direction}"
            f" | `{metric.table}` |"
        )
    for metric in METRICS:
        yield f"\n## {metric.key}\n"
        yield f"**{metric.name}.** {metric.definition}\n"
        yield f"- Formula: {metric.formula}"
        yield f"- Interval: {metric.interval}"
        yield f"- Counted from: {metric.events}"
        if metric.weighted:
            yield "- Can be weighted"
        if metric.source:
            yield f"- Source: {metric.source}"
        for option in metric.options:
            default = "" if option.default in (None, ()) else f"; {option.default} unless told"
            choices = f": {', '.join(option.values)}" if option.values else ""
            yield f"- Option `{option.key}`: {str(option.name)[0].lower()}{str(option.name)[1:]}{choices}{default}"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    import django

    django.setup()
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
