"""Addresses under /w/<slug>/cases/."""

from __future__ import annotations

from django.urls import path

from .views import case

app_name = "cases"
urlpatterns = [
    path("<int:number>/", case.show, name="show"),
]
