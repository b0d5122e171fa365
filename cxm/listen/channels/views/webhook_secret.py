"""The secret of an inbound webhook: a new one is shown once, and the former one counts until somebody ends that."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.listen.channels.kinds.webhook.secret import forget_former, new_secret_for

from .reviews import channel_of, context_of


@never_cache
@require_POST
def change(request: HttpRequest, slug: str, channel_id: int) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ADMIN)
    channel = channel_of(membership, channel_id, "webhook")
    if request.POST.get("do") == "forget":
        forget_former(channel=channel, by=membership.user)
        messages.success(request, _("Only the present secret counts now."))
        return redirect("channels:show", slug, channel_id)
    secret = new_secret_for(channel=channel, by=membership.user)
    return render(request, "channels/webhook_secret.html", context_of(membership, channel=channel, secret=secret))
