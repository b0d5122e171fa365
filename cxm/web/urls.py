"""Every address of the product."""

from __future__ import annotations

from django.urls import include, path, re_path

from cxm.accounts import urls as accounts_urls
from cxm.act.automations.views.called import called
from cxm.act.cases.urls import recovery_urls
from cxm.listen.channels.urls import channel_urls, voice_urls
from cxm.listen.channels.views import contact_form
from cxm.listen.channels.views.unsubscribe import unsubscribe
from cxm.listen.channels.views.webhook_in import receive_webhook
from cxm.record.capture.urls import source_urls
from cxm.steer.dashboards.urls import metric_urls, public_urls, result_urls
from cxm.understand.journeys.evidence.urls import public_urls as map_urls

from . import flow_page, views, workspaces
from .api import api_urls
from .health import health

handler400, handler403 = "cxm.web.error_pages.bad_request", "cxm.web.error_pages.forbidden"
handler404, handler500 = "cxm.web.error_pages.not_found", "cxm.web.error_pages.failed"
urlpatterns = [
    # Like the addresses of the tracking API: with or without a slash and a project.
    re_path(r"^(?:(?!w/)[\w-]+/)?health/?$", health, name="health"),
    path("language", views.set_language, name="set_language"),
    path("account/", include("cxm.accounts.login_urls")),
    path("widget/", include("cxm.listen.surveys.widget.public_urls")),
    path("", include((accounts_urls.urlpatterns + workspaces.urlpatterns, "accounts"))),
    path("w/<slug:slug>/", include("cxm.steer.dashboards.urls")),
    path("w/<slug:slug>/metrics/", include(metric_urls)),
    path("w/<slug:slug>/surveys/", include(result_urls)),
    *public_urls,
    path("w/<slug:slug>/customers/", include("cxm.record.customers.urls")),
    path("w/<slug:slug>/surveys/", include("cxm.listen.surveys.urls")),
    path("w/<slug:slug>/cases/alerts/", include("cxm.act.cases.alerts.urls")),
    path("w/<slug:slug>/topics/", include("cxm.understand.text.topics.urls")),
    path("w/<slug:slug>/words/", include("cxm.understand.text.words.urls")),
    path("w/<slug:slug>/feedback/", include("cxm.act.cases.feedback.urls")),
    path("w/<slug:slug>/imports/", include("cxm.record.capture.urls")),
    path("w/<slug:slug>/sources/", include(source_urls)),
    path("w/<slug:slug>/messages/", include("cxm.listen.channels.urls")),
    path("w/<slug:slug>/channels/", include(channel_urls)),
    path("w/<slug:slug>/automations/", include("cxm.act.automations.urls")),
    path("w/<slug:slug>/text/endpoint/", include("cxm.understand.text.endpoint.urls")),
    path("w/<slug:slug>/text/", include("cxm.understand.text.accuracy.urls")),
    path("w/<slug:slug>/cases/", include("cxm.act.cases.urls")),
    path("w/<slug:slug>/webhooks/", include("cxm.listen.channels.webhooks.urls")),
    path("w/<slug:slug>/recovery/", include(recovery_urls)),
    path("w/<slug:slug>/journeys/paths/", include("cxm.understand.journeys.discovery.urls")),
    path("w/<slug:slug>/journeys/drivers/", include("cxm.understand.journeys.drivers.urls")),
    path("w/<slug:slug>/journeys/", include("cxm.understand.journeys.evidence.urls")),
    path("w/<slug:slug>/journeys/", include("cxm.understand.journeys.maps.urls")),
    *map_urls,
    path("w/<slug:slug>/themes/", include("cxm.understand.text.themes.urls")),
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
    path("a/<str:key>", called, name="automation_called"),
    path("w/<slug:slug>/channels/", include(voice_urls)),
    path("f/<uuid:public_id>", contact_form.show, name="contact_form"),
    path("hooks/<uuid:public_id>", receive_webhook, name="webhook_in"),
    path("w/<slug:slug>/flow/", flow_page.show, name="flow"),
    path("w/<slug:slug>/flow/deal/", flow_page.deal, name="flow_deal"),
    path("w/<slug:slug>/flow/<uuid:letter_id>/", flow_page.show_event, name="flow_event"),
    *api_urls(),
]
