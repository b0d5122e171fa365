"""HTML of others as HTML that may stand in our pages: text with its structure, and nothing that acts or loads."""

from __future__ import annotations

import nh3

MOST_HTML = 500_000  # characters; what is longer is shown as text only
MOST_TAGS = 10_000  # likewise: formatting that is never closed costs the parser their square
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "ins", "li", "ol", "p", "pre", "q", "s", "small", "span", "strong", "sub", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
GONE = {"script", "style", "title", "template", "svg", "math"}  # with all that they hold
ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}, "ol": {"start"}}


def safe_html(html: str) -> str:
    """No scripts, styles, forms, frames; no images either: each would tell its sender when it is read, and where."""
    if not html or len(html) > MOST_HTML or html.count("<") > MOST_TAGS:
        return ""
    return nh3.clean(
        html.replace("\x00", ""), tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow", clean_content_tags=GONE,
    ).strip()  # fmt: skip
