"""Addresses of maps under /w/<slug>/journeys/; a shared one stands with its figures, see evidence.urls."""

from __future__ import annotations

from django.urls import path

from .views import around, editor, listing, versions

app_name = "journeys"
urlpatterns = [
    path("", listing.show_list, name="list"),
    path("new/", listing.new, name="new"),
    path("suggestions/", editor.suggestions, name="suggestions"),
    path("<uuid:map_id>/edit/", editor.edit, name="edit"),
    path("<uuid:map_id>/matching/<str:key>/", editor.show_matching, name="matching"),
    path("<uuid:map_id>/drawing/", around.drawing, name="drawing"),
    path("<uuid:map_id>/map.svg", around.svg, name="svg"),
    path("<uuid:map_id>/map.csv", around.csv, name="csv"),
    path("<uuid:map_id>/versions/", versions.show, name="versions"),
    path("<uuid:map_id>/pair/", versions.pair, name="pair"),
    path("<uuid:map_id>/change/", versions.change, name="change"),
    path("<uuid:map_id>/comments/", around.comments, name="comments"),
    path("<uuid:map_id>/share/", around.share, name="share"),
]
