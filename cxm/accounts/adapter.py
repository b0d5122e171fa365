"""How allauth meets this product: nobody signs up by themselves, people are invited."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from .models import User
from .sealing import box


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        """Speak the language that the person chose, in this browser too."""
        response: HttpResponse = super().post_login(request, user, **more)
        remember_language(response, user.language)
        return response


def remember_language(response: HttpResponse, language: str) -> None:
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=365 * 24 * 3600,
            secure=settings.SECURE,
            httponly=True,
            samesite="Lax",
        )


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Authenticator secrets and recovery codes lie encrypted: the database alone does not give them away."""

    def encrypt(self, text: str) -> str:
        return box("second factor").encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return box("second factor").decrypt(encrypted_text.encode()).decode()
