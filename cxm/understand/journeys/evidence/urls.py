"""Addresses under /w/<slug>/journeys/ of what is computed about maps."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "evidence"
urlpatterns = [
    path("<uuid:map_id>/", views.show, name="show"),
    path("<uuid:map_id>/at/<str:key>/<slug:kind>/", views.customers, name="customers"),
]
public_urls = [path("j/<str:token>", views.shared, name="shared_map")]  # everybody who has the address of a map
