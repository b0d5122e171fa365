"""What the page frame needs: icons, a captured title, the marks of the menu."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import forms, template
from django.core.paginator import Page, Paginator
from django.forms import BoundField
from django.forms.boundfield import BoundWidget
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An icon of frontend/icons.txt. Decoration unless it has a label, which screen readers then read."""
    return _drawn(name, str(label), css)


@lru_cache(2000)  # a list shows a hundred, and the name of the file never changes while the process runs
def _drawn(name: str, label: str, css: str) -> SafeString:
    address = f"{static('vendor/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon {}" role="img" aria-label="{}"><use href="{}"></use></svg>', css, label, address
        )
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"></use></svg>', css, address)


@register.simple_block_tag
def capture(content: str) -> SafeString:
    """The rendered content, to be shown more than once: {% capture as page_title %}…{% endcapture %}."""
    return mark_safe(content.strip())  # it has been rendered, and escaped, by the template engine


@register.simple_tag(takes_context=True)
def current(context: dict[str, Any], *apps: str) -> SafeString:
    """aria-current of a menu entry: the page belongs to one of these apps."""
    match = getattr(context.get("request"), "resolver_match", None)
    return mark_safe(' aria-current="page"') if match and match.app_name in apps else SafeString("")


@register.filter
def is_current(request: Any, app: str) -> bool:
    """Whether the page belongs to the app of that name; several are separated by spaces."""
    match = getattr(request, "resolver_match", None)
    return bool(match and match.app_name in app.split())


@register.filter
def page_numbers(paginator: Paginator[Any], page: Page[Any]) -> list[int]:
    """The numbers to show around a page; 0 stands for a gap."""
    return [
        n if isinstance(n, int) else 0 for n in paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    ]


@register.filter
def widget_kind(field: BoundField) -> str:
    """check (one box), choices (several boxes or radio buttons), or input."""
    widget = field.field.widget
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    return "check" if isinstance(widget, forms.CheckboxInput) else "input"


@register.filter
def styled(field: BoundField) -> SafeString:
    """The field's widget in the classes of the style sheet; the form's own classes stay."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, forms.Select):
        css = "form-select"
    else:
        css = "form-control"
    css = f"{css} is-invalid" if field.errors else css
    return field.as_widget(attrs={"class": f"{widget.attrs.get('class', '')} {css}".strip()})


@register.filter
def styled_choice(choice: BoundWidget) -> SafeString:
    """One radio button or box of several, without its label."""
    choice.data["attrs"]["class"] = "form-check-input"
    return choice.tag()
