"""{% customer_panels %} on the page of a customer: what other domains know of the person."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from cxm.web.customer_page import PANELS

register = template.Library()


@register.simple_tag(takes_context=True)
def customer_panels(context: dict[str, Any]) -> SafeString:
    membership, person = context["membership"], context["person"]
    outer = {name: context[name] for name in ("membership", "workspace", "customer")}
    shown = [
        (render_to_string(panel.TEMPLATE, outer | panel.context(membership, person.ids), context.get("request")),)
        for panel in PANELS
    ]
    return format_html_join("", "{}", shown)
