"""Addresses under /w/<slug>/feedback/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "feedback"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("deal/", views.deal, name="deal"),
    path("undo/<uuid:deed_id>/", views.undo, name="undo"),
    path("views/save/", views.save_view, name="save_view"),
    path("views/<int:view_id>/remove/", views.remove_view, name="remove_view"),
    path("compare/", views.compare, name="compare"),
    path("quotes/", views.quotes, name="quotes"),
    path("export.csv", views.export, {"form": "csv"}, name="export_csv"),
    path("export.xlsx", views.export, {"form": "xlsx"}, name="export_xlsx"),
    path("<uuid:event_id>/", views.show, name="show"),
    path("<uuid:event_id>/correct/", views.correct, name="correct"),
]
