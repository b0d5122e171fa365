"""E-mails as blocks: HTML for every mail program (tables, inline styles, dark mode), and the same as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
# Programs that know no media queries show the light colours; these are for the others.
SHEET = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "@media (prefers-color-scheme:dark){.page{background:#111827!important}.card{background:#1f2937!important}"
    ".ink{color:#f3f4f6!important}.pale{color:#9ca3af!important}.point{background:#374151!important;"
    "color:#f9fafb!important;border-color:#6b7280!important}}"
    "@media (max-width:480px){.card{padding:20px 16px!important}}"
)


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Words:
    """Paragraphs, parted by empty lines."""

    text: str
    pale: bool = False


@dataclass(frozen=True)
class Button:
    label: str
    address: str


@dataclass(frozen=True)
class Choices:
    """Answers to click: (label, address). Short ones stand in a line and wrap, long ones one below another."""

    items: Sequence[tuple[str, str]]
    lowest: str = ""
    highest: str = ""


@dataclass(frozen=True)
class Foot:
    text: str
    links: Sequence[tuple[str, str]] = ()


Block = Heading | Words | Button | Choices | Foot


def as_html(blocks: Sequence[Block], *, title: str, language: str, accent: str = "#206bc4") -> str:
    accent = accent if re.fullmatch(r"#[0-9a-fA-F]{6}", accent) else "#206bc4"
    inside = "".join(_html(one, accent) for one in blocks if not isinstance(one, Foot))
    below = "".join(_html(one, accent) for one in blocks if isinstance(one, Foot))
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(title)}</title><style>{SHEET}</style></head>"
        '<body class="page" style="margin:0;padding:0;background:#f3f4f6">'
        '<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="background:#f3f4f6"><tr><td align="center" style="padding:24px 12px">'
        '<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0"'
        ' style="width:100%;max-width:600px">'
        f'<tr><td class="card" style="background:#ffffff;border-radius:8px;padding:32px;font-family:{FONT}">'
        f"{inside}</td></tr>"
        f'<tr><td align="center" style="padding:16px;font-family:{FONT}">{below}</td></tr>'
        "</table></td></tr></table></body></html>\n"
    )


def _html(block: Block, accent: str) -> str:
    match block:
        case Heading(text):
            return (
                '<h1 class="ink" style="margin:0 0 16px;font-size:20px;line-height:28px;font-weight:600;'
                f'color:#111827">{escape(text)}</h1>'
            )
        case Words(text, pale):
            css, colour = ("pale", "#6b7280") if pale else ("ink", "#1f2937")
            style = f"margin:0 0 16px;font-size:16px;line-height:24px;color:{colour}"
            return "".join(
                f'<p class="{css}" style="{style}">{"<br>".join(map(escape, part.splitlines()))}</p>'
                for part in paragraphs(text)
            )
        case Button(label, address):
            return (
                '<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 16px"><tr>'
                f'<td bgcolor="{accent}" style="border-radius:6px"><a href="{escape(address)}" style="display:'
                f"inline-block;padding:12px 24px;font-size:16px;line-height:24px;font-weight:600;text-decoration:none;"
                f'color:{ink_on(accent)}">{escape(label)}</a></td></tr></table>'
            )
        case Choices(items, lowest, highest):
            return _choices(items, lowest, highest)
        case Foot(text, links):
            style = "margin:0 0 8px;font-size:13px;line-height:20px;color:#6b7280"
            shown = " · ".join(
                f'<a class="pale" href="{escape(address)}" style="color:#6b7280">{escape(label)}</a>'
                for label, address in links
            )
            return "".join(f'<p class="pale" style="{style}">{one}</p>' for one in (escape(text), shown) if one)


def _choices(items: Sequence[tuple[str, str]], lowest: str, highest: str) -> str:
    short = all(len(label) <= 4 for label, _address in items)
    look = (
        "border:1px solid #9ca3af;border-radius:6px;background:#ffffff;color:#111827;text-decoration:none;"
        "font-size:16px;line-height:24px;"
    )
    shape = (
        "display:inline-block;min-width:24px;padding:9px 8px;margin:0 4px 8px 0;text-align:center"
        if short
        else "display:block;padding:11px 16px;margin:0 0 8px"
    )
    links = "".join(
        f'<a class="point" href="{escape(address)}" style="{look}{shape}">{escape(label)}</a>'
        for label, address in items
    )
    ends = ""
    if lowest or highest:
        cell = "font-size:13px;line-height:20px;color:#6b7280"
        ends = (
            '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
            f'<td class="pale" align="left" style="{cell}">{escape(lowest)}</td>'
            f'<td class="pale" align="right" style="{cell}">{escape(highest)}</td></tr></table>'
        )
    return f'<div style="margin:0 0 16px">{links}{ends}</div>'


def as_text(blocks: Sequence[Block]) -> str:
    return "\n\n".join(one for one in map(_text, blocks) if one) + "\n"


def _text(block: Block) -> str:
    match block:
        case Heading(text) | Words(text, _):
            return "\n\n".join(paragraphs(text))
        case Button(label, address):
            return f"{label}:\n{address}"
        case Choices(items, lowest, highest):
            ends = [f"{items[0][0]} = {lowest}"] if lowest else []
            ends += [f"{items[-1][0]} = {highest}"] if highest else []
            return "\n".join([*ends, *(f"{label}: {address}" for label, address in items)])
        case Foot(text, links):
            return "\n".join(["-- ", *([text] if text else []), *(f"{label}: {address}" for label, address in links)])


def paragraphs(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if one.strip()]


def ink_on(colour: str) -> str:
    """Black or white, whichever stands out more on #rrggbb (WCAG 2.2, relative luminance)."""

    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[n : n + 2]) for n in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"
