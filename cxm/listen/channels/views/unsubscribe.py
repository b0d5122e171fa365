"""The page behind List-Unsubscribe. A GET only shows it: mail scanners open links. RFC 8058 posts without cookies."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from cxm.listen.channels import unsubscribing
from cxm.listen.channels.models import Delivery
from cxm.listen.channels.tokens import delivery_id_of


@csrf_exempt  # the token is the proof; mailbox providers have no cookie and no form of ours
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    delivery_id = delivery_id_of(token)
    delivery = (
        Delivery.objects.select_related("workspace", "customer")
        .filter(pk=delivery_id, workspace__deleted_at=None)
        .first()
        if delivery_id
        else None
    )
    if delivery is None:
        raise Http404
    if request.method == "POST":
        if request.POST.get("again") == "yes":
            unsubscribing.subscribe_again(delivery=delivery)
        else:
            unsubscribing.unsubscribe(delivery=delivery)
    context = {"sender": delivery.workspace.name, "gone": unsubscribing.is_unsubscribed(delivery), "token": token}
    response = render(request, "channels/unsubscribe.html", context)
    response["Content-Language"] = translation.get_language()
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
