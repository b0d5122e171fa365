"""Every address of the product."""

from __future__ import annotations

from django.urls import include, path

from cxm.accounts import urls as accounts_urls

from . import workspaces
from .api import api_urls

urlpatterns = [
    path("account/", include("cxm.accounts.login_urls")),
    path("", include((accounts_urls.urlpatterns + workspaces.urlpatterns, "accounts"))),
    *api_urls(),
]
