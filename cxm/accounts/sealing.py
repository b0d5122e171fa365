"""Secrets that lie sealed in the database: passwords of mailboxes, signing secrets, second factors.

They are encrypted (Fernet: AES-128-CBC with HMAC-SHA256) with a key made from settings.SECRET_KEY, which lies in the
data directory or the environment, so that a stolen dump of the database alone gives none of them away. Former keys
(SECRET_KEY_FALLBACKS) still open what they sealed; `cxm reseal` seals everything with the present one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models

logger = logging.getLogger(__name__)
MARK = "sealed:"  # what begins otherwise was written by hand, and is sealed when it is next saved
STORED = "secrets at rest"


def box(purpose: str) -> MultiFernet:
    """Seals with the present key and opens with the former ones, too. What is sealed for one purpose opens no other."""
    return _box(purpose, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def _box(purpose: str, keys: tuple[str, ...]) -> MultiFernet:
    digests = [hashlib.sha256(f"cxm {purpose} {key}".encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


if TYPE_CHECKING:
    Base = models.TextField[Any, Any]
else:
    Base = models.TextField  # of which there are kinds for a type checker only


class SealedTextField(Base):
    """A text that is sealed in the database. It cannot be searched for: each sealing looks different."""

    def get_prep_value(self, value: Any) -> Any:
        if value in (None, ""):
            return value
        return MARK + box(STORED).encrypt(self._written(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        if not value or not value.startswith(MARK):
            return value if not value else self._read(value)
        try:
            return self._read(box(STORED).decrypt(value.removeprefix(MARK).encode()).decode())
        except InvalidToken:
            logger.error("A secret in %s cannot be opened: the secret key is not the one that sealed it.", self)
            return self._read("")

    def _written(self, value: Any) -> str:
        return str(value)

    def _read(self, text: str) -> Any:
        return text


class SealedJSONField(SealedTextField):
    """An object of JSON that is sealed as a whole."""

    if TYPE_CHECKING:  # what django-stubs reads of a field
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value) if value else "{}"

    def to_python(self, value: Any) -> Any:
        return self._read(value) if isinstance(value, str) else value

    def _written(self, value: Any) -> str:
        return json.dumps(value)

    def _read(self, text: str) -> Any:
        return json.loads(text) if text else {}


def sealed_fields() -> Iterator[tuple[type[models.Model], list[str]]]:
    """Every model that keeps secrets, with the names of these fields."""
    for model in apps.get_models():
        names = [field.attname for field in model._meta.concrete_fields if isinstance(field, SealedTextField)]
        if names:
            yield model, names


def reseal() -> int:
    """Seal every secret with the present key; returns how many rows. Safe to repeat, and while the server runs."""
    count = 0
    for model, names in sealed_fields():
        for row in model._default_manager.only("pk", *names).iterator():
            if all(getattr(row, name) for name in names):
                count += model._default_manager.filter(pk=row.pk).update(**{name: getattr(row, name) for name in names})
    return count
