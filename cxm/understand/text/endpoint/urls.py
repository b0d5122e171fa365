from __future__ import annotations

from django.urls import path

from . import views

app_name = "endpoint"
urlpatterns = [path("", views.show, name="settings")]
