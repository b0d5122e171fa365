"""{% chart spec %} and {% sparkline spec %}: pictures of cxm.lib.charts with their data behind them."""

from __future__ import annotations

import itertools
import json
from typing import Any

from django import template
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cxm.lib.charts import Chart, Sparkline
from cxm.web.charts import draw, spark

register = template.Library()
_ids = itertools.count(1)


@register.inclusion_tag("components/chart.html", takes_context=True)
def chart(context: Context, spec: Chart, level: int = 3) -> dict[str, Any]:
    """The chart with its title, tools, picture and table. The first of a page brings the script along."""
    drawing = draw(spec)
    request = context.get("request")
    scripted = getattr(request, "charts_script", False)
    if request is not None:
        request.charts_script = True
    table = drawing.table
    data = {
        "kind": drawing.kind,
        "name": spec.name,
        "title": spec.title,
        "note": spec.note,
        "legend": [{"name": name, "colour": colour} for name, colour in drawing.legend],
        "table": [table.columns, *table.raw],
        **drawing.data,
    }
    return {
        "id": f"chart-{next(_ids)}",
        "spec": spec,
        "drawing": drawing,
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        "heading": f"h{level}",
        "script": not scripted,
    }


@register.simple_tag
def chart_script() -> SafeString:
    """For a page whose first chart arrives in a fragment."""
    return format_html('<script src="{}" defer></script>', static("vendor/charts.js"))


@register.simple_tag
def sparkline(spec: Sparkline) -> SafeString:
    """A small line drawn as SVG; its label is read to those who do not see it."""
    paths = spark(spec)
    return format_html(
        '<svg class="sparkline" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="sparkline-band" d="{}"></path><path class="sparkline-line" d="{}"></path>'
        '<path class="sparkline-dot" d="{}"></path></svg>',
        spec.label, paths.band, paths.line, paths.dot,
    )  # fmt: skip
