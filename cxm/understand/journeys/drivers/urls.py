"""Driver models: w/<slug>/journeys/drivers/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "drivers"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("new/", views.edit, name="new"),
    path("<uuid:model_id>/", views.show, name="show"),
    path("<uuid:model_id>/edit/", views.edit, name="edit"),
    path("<uuid:model_id>/compute/", views.compute, name="compute"),
    path("<uuid:model_id>/remove/", views.remove, name="remove"),
    path("<uuid:model_id>/drivers.csv", views.export, name="export"),
]
