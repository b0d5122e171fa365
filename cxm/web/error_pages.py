"""The pages that say what went wrong.

Django's own read the body of the request once more, for the token of a form: where it is the body that cannot be read,
the page that should say so fails as well. These look at nothing that was sent; tokens come from the cookie.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Without the request: its headers may be what is wrong."""
    return HttpResponse(render_to_string("400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("403.html", request=request), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("404.html", request=request), status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Without the request: it may be what fails."""
    return HttpResponse(render_to_string("500.html"), status=500)
