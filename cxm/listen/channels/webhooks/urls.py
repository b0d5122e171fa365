"""Addresses under /w/<slug>/webhooks/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "webhooks"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("new/", views.new, name="new"),
    path("<uuid:endpoint_id>/", views.show, name="show"),
    path("<uuid:endpoint_id>/change/", views.change, name="change"),
    path("<uuid:endpoint_id>/rotate/", views.rotate, name="rotate"),
    path("<uuid:endpoint_id>/replay/", views.replay, name="replay"),
    path("<uuid:endpoint_id>/switch/", views.switch, name="switch"),
    path("<uuid:endpoint_id>/test/", views.test, name="test"),
    path("<uuid:endpoint_id>/remove/", views.remove, name="remove"),
    path("<uuid:endpoint_id>/messages/<uuid:message_id>/", views.show_message, name="message"),
    path("<uuid:endpoint_id>/messages/<uuid:message_id>/replay/", views.replay_message, name="replay_message"),
]
