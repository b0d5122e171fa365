"""Every address of the product."""

from __future__ import annotations

from django.urls import include, path

from . import views

urlpatterns = [
    path("health", views.health, name="health"),
    path("language", views.set_language, name="set_language"),
    path("account/", include("allauth.account.urls")),
    path("account/", include("allauth.mfa.urls")),
    path("account/", include("allauth.usersessions.urls")),
]
