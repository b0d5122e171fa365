"""Whole pages: the frame around a page of questions, endings, notices, and the headers that go with them.

What is the same for everybody is made once per version and language and kept with it (`Prepared.made`).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape as e
from urllib.parse import urlsplit

from django.conf import settings
from django.templatetags.static import static

from ..definition import Definition, said
from ..runtime import EndingView, PageView, View
from ..stylesheets import cleaned
from .abuse import TRAP
from .directory import Prepared
from .fields import drawn, lines
from .words import Words, notice, ours, words

Headers = list[tuple[bytes, bytes]]
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur", "ckb", "dv", "ps", "sd", "ug", "yi"})
KIOSK_RESET_S = 12  # seconds that the last screen stays before the next person
NAMES = {"en": "English", "pl": "polski", "ru": "русский", "uk": "українська", "zh-hant": "繁體中文", "de": "Deutsch",
         "fr": "français", "es": "español", "it": "italiano", "pt": "português", "nl": "Nederlands", "cs": "čeština",
         "tr": "Türkçe",
         "ja": "日本語", "zh-hans": "简体中文", "ko": "한국어", "ro": "română", "sv": "svenska"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page of a version in one language; `headers` hold its policy."""

    before: str  # to the end of <title>'s tag name: the title follows
    head: str  # from after the title to <main>
    after: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class Around:
    """What a page knows beside its view."""

    action: str  # where its form goes
    language: str
    test: bool = False
    kiosk: str = ""  # where the next person starts
    shown_at: int = 0  # milliseconds since 1970
    languages: Mapping[str, str] | None = None  # language -> address of this page in it
    one_click: bool = False  # what the address has chosen is to be recorded at once


def contrast_with(colour: str) -> str:
    """Black or white, whichever reads better on a colour (relative luminance of WCAG 2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


def _style(definition: Definition) -> str:
    look = definition.look
    accent = look.accent if COLOUR.fullmatch(look.accent) else "#206bc4"
    style = f":root{{--accent:{accent};--on-accent:{contrast_with(accent)}"
    if COLOUR.fullmatch(look.background):
        style += f";--ground:{look.background};--on-ground:{contrast_with(look.background)}"
    return style + "}"


def _origins(definition: Definition) -> str:
    """The sites that the pictures of a survey come from."""
    addresses = [definition.look.logo]
    addresses += [choice.image for one in definition.questions() for choice in (*one.choices, *one.rows)]
    found = set()
    for address in addresses:
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and re.fullmatch(r"[A-Za-z0-9.:-]+", parts.netloc):
            found.add(f"{parts.scheme}://{parts.netloc}")
    return "".join(f" {one}" for one in sorted(found))


def headers(*styles: str, images: str = "") -> Headers:
    """`styles` are those that stand in the page: the policy names them by their hashes."""
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in styles if one]
    allowed = "".join(f" 'sha256-{one}'" for one in digests)
    # Any page may hold a survey in a frame: there is no login and no cookie that a page around it could make use of.
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'{allowed}; img-src 'self' data:{images};"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors *"
    )
    made = [
        (b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"), (b"cache-control", b"no-store"), (b"x-robots-tag", b"noindex"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]  # fmt: skip
    if settings.SECURE:
        made.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload"))
    return made


def image(address: str) -> str:
    """The address of a picture: another site's, or a path of ours. Anything else is none."""
    return address if address.startswith(("https://", "http://")) or re.match(r"/[^/\\]", address) else ""


def frame(prepared: Prepared, language: str) -> Frame:
    if (found := prepared.made.get(("frame", language))) is not None:
        assert isinstance(found, Frame)
        return found
    definition = prepared.definition
    style = _style(definition)
    look = definition.look
    classes = f"dark-{look.dark} font-{look.font}"
    made = _frame(language, style, _origins(definition), classes, image(look.logo), cleaned(look.css).text)
    prepared.made["frame", language] = made
    return made


def _frame(language: str, style: str, images: str, classes: str, logo: str, own: str = "") -> Frame:
    direction = ' dir="rtl"' if language.partition("-")[0] in RIGHT_TO_LEFT else ""
    before = (
        f'<!doctype html><html lang="{e(html_language(language))}"{direction} class="{classes}"><head>'
        f'<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        '<link rel="icon" href="data:,"><title>'
    )
    head = (
        f'</title><style>{style}</style><link rel="stylesheet" href="{static("vendor/respond.css")}">'
        f'{f"<style>{own}</style>" if own else ""}<script defer src="{static("vendor/respond.js")}"></script>'
    )
    picture = f'<img class="logo" src="{e(logo)}" alt="">' if logo else ""
    return Frame(before, head, picture, headers(style, own, images=images))


def html_language(language: str) -> str:
    return {"zh-hant": "zh-Hant", "zh-hans": "zh-Hans"}.get(language, language)


@cache
def plain_frame(language: str) -> Frame:
    return _frame(language, ":root{--accent:#206bc4;--on-accent:#ffffff}", "", "dark-auto font-system", "")


def question_page(prepared: Prepared, view: View, page: PageView, around: Around) -> bytes:
    """A page of questions with its form."""
    made = frame(prepared, around.language)
    said_words = words(ours(around.language))
    look = prepared.definition.look
    wrong = any(one.problems for one in page.questions())
    sections = []
    for section in page.sections:
        head = f"<h2>{lines(section.title)}</h2>" if section.title else ""
        text = f"<p>{lines(section.text)}</p>" if section.text else ""
        questions = drawn(section.questions, said_words, ours(around.language))
        sections.append(f"<section>{head}{text}{questions}</section>" if head or text else questions)
    progress = ""
    if look.progress and view.of > 1:
        label = said_words.progress % {"number": view.number, "of": view.of}
        progress = (
            f'<div class="progress"><progress max="100" value="{round(view.progress * 100)}" aria-label="{e(label)}">'
            f"</progress><span>{e(label)}</span></div>"
        )
    files = ' enctype="multipart/form-data"' if any(one.kind == "file" for one in page.questions()) else ""
    back = (
        f'<button class="plain" name="step" value="back" formnovalidate>{e(said_words.back)}</button>'
        if view.back
        else ""
    )
    last = said_words.send if view.last else said_words.next
    # The first button of a form is the one that the enter key presses, so "next" comes first and is shown last.
    form = (
        f'<form method="post" action="{e(around.action)}"'
        f'{files} novalidate data-respond data-offline="{e(said_words.offline)}"'
        f"{' data-one-click' if around.one_click else ''}"
        f"{f' data-kiosk={quoted_address(around.kiosk)}' if around.kiosk else ''}>"
        f'<input type="hidden" name="page" value="{e(page.id)}"><input type="hidden" name="shown"'
        f' value="{around.shown_at}">'
        f'<input type="hidden" name="asked" value="{e(",".join(one.id for one in page.questions()))}">'
        f'<div class="trap" aria-hidden="true"><label>{e(said_words.trap)}<input type="text" name="'
        f'{TRAP}" tabindex="-1"'
        f' autocomplete="off"></label></div>{"".join(sections)}'
        f'<div class="buttons"><button name="step" value="next">{e(last)}</button>{back}</div></form>'
    )
    title = page.title or view.title
    parts = [
        made.before, e(view.title), made.head, "</head><body>", _languages(around, said_words), '<main class="card">',
        made.after, f'<p class="test">{e(said_words.test)}</p>' if around.test else "",
        f'<p class="problem" role="alert">{e(said_words.problems)}</p>' if wrong else "", progress,
        f"<h1>{lines(title)}</h1>", f'<p class="intro">{lines(view.intro)}</p>' if view.intro else "", form, "</main>",
        f'<footer>{lines(view.purpose)}</footer>' if view.purpose else "", "</body></html>",
    ]  # fmt: skip
    return "".join(parts).encode(errors="replace")


def quoted_address(address: str) -> str:
    return f'"{e(address)}"'


def _languages(around: Around, said_words: Words) -> str:
    if not around.languages:
        return ""
    links = "".join(
        f'<a href="{e(address)}" lang="{e(html_language(one))}" hreflang="{e(html_language(one))}"'
        f"{' aria-current=true' if one == around.language else ''}>{e(NAMES.get(one, one))}</a>"
        for one, address in around.languages.items()
    )
    return f'<nav class="languages" aria-label="{e(said_words.language)}">{links}</nav>'


def ending_page(prepared: Prepared, ending: EndingView, around: Around) -> bytes:
    made = frame(prepared, around.language)
    said_words = words(ours(around.language))
    title = ending.title or said_words.thanks
    text = ending.text or ("" if ending.title else said_words.thanks_text)
    link = ""
    refresh = ""
    if ending.link:
        label = ending.link_label or said_words.link
        link = f'<p><a class="button" href="{e(ending.link)}" rel="noopener">{e(label)}</a></p>'
        if ending.redirect and not around.kiosk:
            refresh = f'<meta http-equiv="refresh" content="0;url={e(ending.link)}">'
    if around.kiosk:
        refresh = f'<meta http-equiv="refresh" content="{KIOSK_RESET_S};url={e(around.kiosk)}">'
        link += f'<p><a class="button" href="{e(around.kiosk)}">{e(said_words.again)}</a></p>'
    name = said(prepared.definition.title, around.language, prepared.definition.languages)
    parts = [
        made.before, e(name), made.head, refresh, '</head><body><main class="card ending">', made.after,
        f'<p class="test">{e(said_words.test)}</p>' if around.test else "",
        f'<h1>{lines(title)}</h1>', f"<p>{lines(text)}</p>" if text else "", link, "</main></body></html>",
    ]  # fmt: skip
    return "".join(parts).encode(errors="replace")


def notice_page(code: str, language: str, *, inside: str = "") -> bytes:
    """A page that stands in place of a survey; `inside` is ready HTML below its text."""
    language = ours(language)
    made = plain_frame(language)
    title, text = notice(code, language)
    return (
        f'{made.before}{e(title)}{made.head}</head><body><main class="card ending"><h1>{e(title)}</h1><p>{e(text)}</p>'
        f"{inside}</main></body></html>"
    ).encode()


PIN_FIELD = (
    '<p><label class="title" for="pin">PIN</label><input class="short" id="pin" name="pin" type="text"'
    ' inputmode="numeric" autocomplete="off" maxlength="20" required></p>'
)


def door_page(code: str, language: str, action: str, *, pin: bool = False, email: str | None = None) -> bytes:
    """What comes before a survey: its PIN, an e-mail address (what was entered), both, or only the button."""
    said_words = words(ours(language))
    address = (
        f'<p><label class="title" for="email">{e(said_words.email)}</label><input id="email" name="email" type="email"'
        f' autocomplete="email" maxlength="254" value="{e(email)}" required></p>'
        if email is not None
        else ""
    )
    button = said_words.next if email is not None else said_words.start
    form = (
        f'<form method="post" action="{e(action)}">{PIN_FIELD if pin else ""}{address}'
        f'<div class="buttons"><button>{e(button)}</button></div></form>'
    )
    return notice_page(code, language, inside=form)


def plain_headers(language: str) -> Headers:
    return plain_frame(ours(language)).headers
