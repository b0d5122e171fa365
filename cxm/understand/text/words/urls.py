"""Words and phrases: w/<slug>/words/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "words"
urlpatterns = [path("", views.show, name="list")]
