"""Addresses under /w/<slug>/imports/."""

from __future__ import annotations

from django.urls import path

from .views import imports

app_name = "imports"
urlpatterns = [
    path("", imports.show_list, name="list"),
    path("new/", imports.new, name="new"),
    path("<uuid:import_id>/", imports.show, name="show"),
    path("<uuid:import_id>/mapping/", imports.mapping, name="mapping"),
    path("<uuid:import_id>/rejected.csv", imports.rejected, name="rejected"),
    path("<uuid:import_id>/mapping.yaml", imports.mapping_file, name="mapping_file"),
    path("<uuid:import_id>/resume/", imports.resume, name="resume"),
    path("<uuid:import_id>/undo/", imports.undo, name="undo"),
    path("<uuid:import_id>/discard/", imports.discard, name="discard"),
]
