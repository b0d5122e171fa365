"""Addresses under /w/<slug>/messages/."""

from __future__ import annotations

from django.urls import path

from .views import messages

app_name = "messages"
urlpatterns = [
    path("", messages.show_list, name="list"),
    path("<uuid:delivery_id>/", messages.show, name="show"),
    path("<uuid:delivery_id>/cancel/", messages.cancel, name="cancel"),
    path("<uuid:delivery_id>/again/", messages.again, name="again"),
    path("suppressions/", messages.suppressions, name="suppressions"),
    path("suppressions/<int:suppression_id>/release/", messages.release, name="release"),
]
