"""Addresses under /w/<slug>/journeys/ of what is computed about maps."""

from __future__ import annotations

from django.urls import path

from . import channels_page, comparing_page, conformance_page, moments_page, views

app_name = "evidence"
urlpatterns = [
    path("moments/", moments_page.show, name="moments"),
    path("channels/", channels_page.show, name="channels"),
    path("<uuid:map_id>/compare/", comparing_page.show, name="compare"),
    path("<uuid:map_id>/conformance/", conformance_page.show, name="conformance"),
    path("<uuid:map_id>/", views.show, name="show"),
    path("<uuid:map_id>/at/<str:key>/<slug:kind>/", views.customers, name="customers"),
    path("<uuid:map_id>/at/<str:key>/<slug:kind>/segment/", views.segment, name="segment"),
]
public_urls = [path("j/<str:token>", views.shared, name="shared_map")]  # everybody who has the address of a map
