"""Addresses under /w/<slug>/text/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "text"
urlpatterns = [
    path("", views.show, name="settings"),
    path("train/", views.train, name="train"),
    path("shipped/", views.use_shipped, name="use_shipped"),
    path("calibrate/", views.calibrate, name="calibrate"),
    path("versions/<uuid:version_id>/use/", views.use, name="use"),
]
