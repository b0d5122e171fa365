"""Addresses that the script asks, under /widget/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "widget"
urlpatterns = [
    path("surveys", views.offered, name="offered"),
    path("<str:public_id>/open", views.opened, name="opened"),
]
