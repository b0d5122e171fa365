"""Addresses under /w/<slug>/imports/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "imports"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("new/", views.new, name="new"),
    path("<uuid:import_id>/", views.show, name="show"),
    path("<uuid:import_id>/mapping/", views.mapping, name="mapping"),
    path("<uuid:import_id>/rejected.csv", views.rejected, name="rejected"),
    path("<uuid:import_id>/mapping.yaml", views.mapping_file, name="mapping_file"),
    path("<uuid:import_id>/resume/", views.resume, name="resume"),
    path("<uuid:import_id>/undo/", views.undo, name="undo"),
    path("<uuid:import_id>/discard/", views.discard, name="discard"),
]
