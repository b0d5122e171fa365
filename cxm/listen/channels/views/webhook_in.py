"""Where other systems tell us things: POST /hooks/<id>, signed. The answer is JSON; 2xx means that it is stored."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from cxm.listen.channels.kinds.webhook.mapping import MOST_BYTES
from cxm.listen.channels.kinds.webhook.taking import take
from cxm.listen.channels.models import Channel


@csrf_exempt  # the signature is the proof
@login_not_required
def receive_webhook(request: HttpRequest, public_id: UUID) -> HttpResponse:
    channel = (
        Channel.objects.select_related("workspace")
        .filter(public_id=public_id, kind="webhook", workspace__deleted_at=None)
        .first()
    )
    if channel is None:
        return _answer(404, "unknown")
    if request.method != "POST":
        answer = _answer(405, "use_post")
        answer["Allow"] = "POST"
        return answer
    if channel.is_paused:
        return _answer(503, "paused")  # the sender tries again later
    try:
        body = request.body
    except RequestDataTooBig:
        return _answer(413, "too_large")
    if len(body) > MOST_BYTES:
        return _answer(413, "too_large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    outcome = take(channel, headers, body)
    return _answer(outcome.status, outcome.code)


def _answer(status: int, code: str) -> HttpResponse:
    response = JsonResponse({"code": code}, status=status)
    response["Cache-Control"] = "no-store"
    return response
