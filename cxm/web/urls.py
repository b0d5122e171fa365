"""Every address of the product."""

from __future__ import annotations

from django.urls import include, path

from .health import health

urlpatterns = [
    path("health", health, name="health"),
    path("account/", include("allauth.account.urls")),
    path("account/", include("allauth.mfa.urls")),
    path("account/", include("allauth.usersessions.urls")),
]
