"""Every address of the product."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("account/", include("allauth.account.urls")),
    path("account/", include("allauth.mfa.urls")),
    path("account/", include("allauth.usersessions.urls")),
]
