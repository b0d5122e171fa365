"""What the script of a page asks: which surveys may show, and to open one. JSON in, JSON out, for any site and app.

Pages of other sites may read the answers, and no cookie is looked at: who asks is said by the write key and the ids.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from cxm.record.capture.models import Source
from cxm.record.capture.origins import origin_allowed
from cxm.record.capture.queries import source_of_key

from ..definition import said as text_in
from ..respond.languages import best_language
from ..respond.words import ours
from .config import Widget
from .offers import Offer, offers
from .opening import Opening, look_of, open_survey, prepared_of, wanted
from .texts import texts
from .visitors import Said, Visitor

LARGEST = 64 * 1024
T = TypeVar("T", bound=Said)


def answer(status: int, body: Any) -> HttpResponse:
    response = HttpResponse(msgspec.json.encode(body), content_type="application/json", status=status)
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def error(status: int, code: str, message: str) -> HttpResponse:
    """`message` is for the developer who reads the console."""
    return answer(status, {"code": code, "message": message})


def for_any_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let scripts of other origins call a view, by POST."""

    @wraps(view)
    def open_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            response = HttpResponse(status=200)
            response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            response["Access-Control-Allow-Headers"] = "Content-Type"
            response["Access-Control-Max-Age"] = "86400"
        elif request.method != "POST":
            response = error(405, "method_not_allowed", "Use POST here.")
        else:
            response = view(request, *args, **kwargs)
        if origin := request.headers.get("Origin"):
            response["Access-Control-Allow-Origin"] = origin
            patch_vary_headers(response, ["Origin"])
        return response

    return login_not_required(csrf_exempt(open_view))


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = error(status, code, message)


def read(request: HttpRequest, kind: type[T]) -> tuple[T, Source]:
    """What was said, and the source whose key it came with. Raises Refused."""
    if len(request.body) > LARGEST:
        raise Refused(413, "payload_too_large", f"At most {LARGEST} bytes are taken.")
    try:
        said = msgspec.json.decode(request.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refused(400, "invalid_json", str(problem)[:200]) from problem
    source = source_of_key(said.write_key)
    if source is None:
        raise Refused(401, "invalid_write_key", "There is no source with this write key.")
    if not source.enabled:
        raise Refused(404, "source_disabled", "This source is switched off.")
    origin = request.headers.get("Origin", "")
    if origin and not origin_allowed(source.origins, origin):
        raise Refused(403, "origin_not_allowed", "Pages of this origin may not use this write key.")
    return said, source


@for_any_page
def offered(request: HttpRequest) -> HttpResponse:
    """The surveys that may show to this visitor, and when; and our own words if there are any."""
    try:
        said, source = read(request, Said)
    except Refused as refused:
        return refused.answer
    visitor = Visitor(source.workspace, said)
    found = [for_page(offer, said) for offer in offers(visitor, source)]
    body: dict[str, Any] = {"surveys": found}
    if found:
        body["texts"] = texts(ours(said.language))
    return answer(200, body)


@for_any_page
def opened(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        opening, source = read(request, Opening)
    except Refused as refused:
        return refused.answer
    found = open_survey(Visitor(source.workspace, opening), source, public_id, opening)
    body = msgspec.to_builtins(found)
    if found.open:
        body["texts"] = texts(ours(found.language))
    return answer(200, body)


# What the script decides itself; all else was decided already and is nobody's business.
FOR_PAGE = ("kind", "corner", "selector", "triggers", "wait_s", "pages", "except_pages", "repeat", "every_days")


def for_page(offer: Offer, said: Said) -> dict[str, Any]:
    widget: Widget = offer.widget
    settings = msgspec.to_builtins(widget)
    shown: dict[str, Any] = {"id": offer.survey.public_id, "kind": widget.kind, "corner": widget.corner}
    shown |= {name: settings[name] for name in FOR_PAGE if name in settings}
    if widget.kind == "button":
        definition = prepared_of(offer.survey).definition
        language = best_language(wanted(said), list(widget.label) or definition.languages)
        shown["label"] = text_in(widget.label, language, definition.languages) or offer.survey.name
        shown["look"], shown["language"] = look_of(definition), language
    return shown
