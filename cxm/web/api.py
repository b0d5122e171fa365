"""The REST API under /api/v1/: one list of routers, one key, one kind of error.

A shelf adds its router to ROUTERS. Errors are `application/problem+json` (RFC 9457) with a `code` that stays the same
and a `detail` in the language that the caller accepts.
"""

from __future__ import annotations

import logging
from codecs import BOM_UTF8
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI, Router
from ninja import errors as ninja_errors
from ninja.parser import Parser

from cxm import __version__
from cxm.accounts.access import sees_personal
from cxm.accounts.api import router as workspace_router
from cxm.accounts.rest import Problem, SecretKey
from cxm.act.automations.api import router as automations_router
from cxm.act.cases.alerts.api import router as alerts_router
from cxm.act.cases.api import router as cases_router
from cxm.act.cases.feedback.api import router as feedback_router
from cxm.act.cases.level_api import router as levels_router
from cxm.act.cases.recovery_api import router as recovery_router
from cxm.lib.personal import mask_all, mask_texts
from cxm.listen.channels.api import router as messages_router
from cxm.listen.channels.channel_api import router as channels_router
from cxm.listen.channels.voices_api import router as voices_router
from cxm.listen.channels.webhooks.api import router as webhooks_router
from cxm.listen.surveys.api import router as surveys_router
from cxm.listen.surveys.distribution.api import router as mailings_router
from cxm.record.capture.api.imports import router as imports_router
from cxm.record.capture.api.regulations import router as regulations_router
from cxm.record.capture.api.sources import router as sources_router
from cxm.record.customers.api import router as customers_router
from cxm.record.customers.segment_api import router as segments_router
from cxm.steer.dashboards.api import router as results_router
from cxm.understand.journeys.discovery.api import router as paths_router
from cxm.understand.journeys.drivers.api import router as drivers_router
from cxm.understand.journeys.evidence.api import router as evidence_router
from cxm.understand.journeys.evidence.moments_api import router as moments_router
from cxm.understand.journeys.maps.api import router as maps_router
from cxm.understand.metrics.api import router as metrics_router
from cxm.understand.text.accuracy.api import router as text_router
from cxm.understand.text.themes.api import router as themes_router
from cxm.understand.text.topics.api import router as topics_router

from .flow_page import router as flow_router

logger = logging.getLogger(__name__)

ROUTERS: list[tuple[str, Router]] = [
    ("", workspace_router),
    ("", imports_router),
    ("", regulations_router),
    ("", sources_router),
    ("/customers", customers_router),
    ("/segments", segments_router),
    ("/automations", automations_router),
    ("", metrics_router),
    ("/topics", topics_router),
    ("", cases_router),
    ("", messages_router),
    ("", voices_router),
    ("", channels_router),
    ("", webhooks_router),
    ("", mailings_router),  # before the surveys, whose addresses would take its own for a state
    ("/surveys", surveys_router),
    ("/alerts", alerts_router),
    ("", feedback_router),
    ("", results_router),
    ("", levels_router),
    ("/recovery", recovery_router),
    ("", text_router),
    ("", themes_router),
    ("", paths_router),
    ("", maps_router),
    ("", evidence_router),
    ("", moments_router),
    ("/journeys", drivers_router),
    ("", flow_router),
]
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stays the same in every language and version."},
        "detail": {"type": "string", "description": "A sentence in the language of Accept-Language."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


# What people wrote, by the names that answers give it. Keys of viewers get it masked.
SAID = frozenset((
    "about", "answer", "body", "comment", "context", "details", "hidden", "note", "notes", "properties",
    "quoted", "said", "snippet", "subject", "text", "texts", "title", "traits", "turns", "words",
))  # fmt: skip
BY_QUESTION = frozenset(("answers", "variables"))  # below them are ids that the author of a survey gave


def masked(value: Any) -> Any:
    """An answer of the API with personal data masked in what people wrote and in what was said of them."""
    if isinstance(value, dict):
        return {
            key: mask_all(one, under=key) if key in SAID else mask_texts(one) if key in BY_QUESTION else masked(one)
            for key, one in value.items()
        }
    return [masked(one) for one in value] if isinstance(value, list) else value


class JsonParser(Parser):
    """JSON as RFC 8259 has it: no NaN, and no half of a surrogate pair, which no database keeps."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        read: dict[str, Any] = msgspec.json.decode(request.body.removeprefix(BOM_UTF8))
        return read


class Api(NinjaAPI):
    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._schemas: dict[str, Any] = {}  # by the arguments that were asked for

    def create_response(self, request: HttpRequest, data: Any, **more: Any) -> HttpResponse:
        key = getattr(request, "auth", None)
        return super().create_response(request, masked(data) if key and not sees_personal(key) else data, **more)

    def get_openapi_schema(self, *args: Any, **more: Any) -> Any:
        """The schema, with the one form of errors at every operation. It takes half a second, so it is made once."""
        if (made := self._schemas.get(key := repr((args, more)))) is not None:
            return made
        schema = super().get_openapi_schema(*args, **more)
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        problem = {
            "description": "A problem (RFC 9457)",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].setdefault("default", problem)
        self._schemas[key] = schema
        return schema


api = Api(
    title="OpenCXM",
    version=__version__,
    description="Send `Authorization: Bearer cxm_secret_…` with a secret key of your workspace.",
    servers=[{"url": settings.BASE_URL}],
    auth=SecretKey(),
    docs_url=None,
    urls_namespace="api",
    parser=JsonParser(),
)
for _prefix, _router in ROUTERS:
    api.add_router(_prefix, _router)


def problem(status: int, code: str, title: str, detail: str, **more: Any) -> HttpResponse:
    content = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **more}
    response = JsonResponse(content, status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(Problem)
def on_problem(request: HttpRequest, error: Problem) -> HttpResponse:
    return problem(error.status, error.code, TITLES.get(error.status, "Problem"), error.detail, **error.more)


@api.exception_handler(ninja_errors.AuthenticationError)
def on_no_key(request: HttpRequest, error: ninja_errors.AuthenticationError) -> HttpResponse:
    detail = _("Send a living secret key of your workspace as “Authorization: Bearer cxm_secret_…”.")
    return problem(401, "key_required", TITLES[401], detail)


@api.exception_handler(PermissionDenied)
def on_denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return problem(403, "forbidden", TITLES[403], _("This key may not do that."))


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, "not_found", TITLES[404], _("There is no such thing in the workspace of this key."))


@api.exception_handler(ninja_errors.ValidationError)
def on_bad_input(request: HttpRequest, error: ninja_errors.ValidationError) -> HttpResponse:
    errors = [
        {"field": ".".join(str(part) for part in one.get("loc", ())), "message": str(one.get("msg", ""))}
        for one in error.errors
    ]
    return problem(422, "invalid_input", TITLES[422], _("Some values cannot be used; see errors."), errors=errors)


@api.exception_handler(DataError)
def on_unstorable(request: HttpRequest, error: DataError) -> HttpResponse:
    """PostgreSQL keeps no NUL. It is not left out for the sender: an id without it is that of somebody else."""
    return problem(422, "invalid_input", TITLES[422], _("Some values cannot be used: %(why)s") % {"why": error})


@api.exception_handler(ValidationError)
def on_refused(request: HttpRequest, error: ValidationError) -> HttpResponse:
    code = getattr(error, "code", None) or "refused"
    return problem(422, code, TITLES[422], " ".join(error.messages))


@api.exception_handler(ninja_errors.HttpError)
def on_http_error(request: HttpRequest, error: ninja_errors.HttpError) -> HttpResponse:
    detail = _("The request cannot be read: its body is no valid JSON, or a part is missing.")
    return problem(error.status_code, "bad_request", TITLES.get(error.status_code, "Problem"), detail)


@api.exception_handler(Exception)
def on_failure(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.exception("The API failed at %s %s.", request.method, request.path, exc_info=error)
    detail = _("Something went wrong on our side. Nothing was changed; please try again.")
    return problem(500, "internal", TITLES[500], detail)


@login_not_required
@csrf_exempt
def unknown_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    return problem(404, "no_such_address", TITLES[404], _("There is no such address in this API."))


TITLES = {
    400: "Bad request",
    401: "A key is required",
    403: "Forbidden",
    404: "Not found",
    409: "Conflict",
    422: "Invalid input",
    500: "Internal error",
    503: "Not available",
}


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The reference for people, made from the schema: nothing is loaded from elsewhere."""
    schema = api.get_openapi_schema()
    operations = [
        {
            "method": method.upper(),
            "path": address,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "tag": (operation.get("tags") or [""])[0],
            "parameters": [described(one) for one in operation.get("parameters", [])],
            "body": fields(operation.get("requestBody", {}), schema),
            "answer": fields(operation["responses"].get(200, operation["responses"].get("200", {})), schema),
        }
        for address, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "web/api_docs.html", {"operations": operations, "base_url": settings.BASE_URL})


def described(parameter: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "where": parameter["in"],
        "required": parameter.get("required", False),
        "type": type_name(parameter.get("schema", {})),
        "description": parameter.get("description", ""),
    }


def fields(part: dict[str, Any], schema: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, type) of each field of a JSON body or answer; the items of a page or a list stand for it."""
    shape = part.get("content", {}).get("application/json", {}).get("schema", {})
    shape = shape.get("items", shape)
    for _step in range(2):
        if "$ref" in shape:
            shape = schema["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]]
    return [(name, type_name(one)) for name, one in shape.get("properties", {}).items()]


def type_name(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return str(shape["$ref"].rsplit("/", 1)[-1])
    for several in ("anyOf", "allOf", "oneOf"):
        if several in shape:
            return " | ".join(type_name(one) for one in shape[several])
    if shape.get("type") == "array":
        return f"[{type_name(shape.get('items', {}))}]"
    return str(shape.get("format") or shape.get("type") or "any")


def api_urls() -> list[Any]:
    """The addresses of the API, for `cxm.web.urls`. The key is the login here, and no cookie is looked at."""
    urls = api.urls  # new at each look
    for pattern in urls[0]:
        if pattern.callback:
            login_not_required(pattern.callback)
    # Programs that were written for Segment's Public API name the host only.
    bare = [one for one in urls[0] if str(one.pattern).startswith(("regulations", "suppressions"))]
    return [
        path("", include((bare, "regulations"))),
        path("api/v1/docs", docs, name="api_docs"),
        path("api/v1/", urls),
        path("api/", unknown_address),
        path("api/<path:rest>", unknown_address),
    ]
