"""What every REST router shares: the key that asks, problems in the words of RFC 9457, pages by cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Schema
from ninja.security import HttpBearer
from pydantic import Field

from .access import api_key_for
from .models import ApiKey, Role

TOUCH_EVERY = timedelta(minutes=1)
T = TypeVar("T")
M = TypeVar("M", bound=Model)


class Problem(Exception):
    """An error of the API: an HTTP status, a code that never changes, and a sentence in the caller's language."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.more: Mapping[str, Any] = more


class SecretKey(HttpBearer):
    """`Authorization: Bearer cxm_secret_…`. Handlers find the key as `request.auth`, its workspace as `.workspace`."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        key = api_key_for(token, ApiKey.Kind.SECRET)
        if key:
            touch(key)
        return key


def touch(key: ApiKey) -> None:
    """Note that the key was used, at most once a minute."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - TOUCH_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def require_key(request: HttpRequest, at_least: Role = Role.VIEWER) -> ApiKey:
    """The key that asks, if its role suffices; else a Problem with status 403."""
    key: ApiKey = request.auth  # type: ignore[attr-defined]  # set by ninja before any handler runs
    if not Role(key.role).includes(at_least):
        raise Problem(
            403, "role_too_small",
            _("This key has the role %(has)s; this needs %(needs)s.")
            % {"has": Role(key.role).label, "needs": at_least.label},
        )  # fmt: skip
    return key


class EstimateOut(Schema):
    """A value with its 95 % interval and how many things it was made from; null where there is none."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class DifferenceOut(Schema):
    """The second number less the first, with its 95 % interval and the p-value of “no difference”."""

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None


class PageQuery(Schema):
    """How to walk through a list: ask again with the `next` of the answer as `cursor` until there is none."""

    limit: int = Field(50, ge=1, le=500)
    cursor: str = Field("", max_length=500)


class PageOut(Schema, Generic[T]):
    items: list[T]
    next: str | None = None


def page_of(rows: QuerySet[M], query: PageQuery, *, by: str = "pk", newest_first: bool = False) -> dict[str, Any]:
    """One page of `rows` in the order of `by`, a unique field of numbers or texts. The cost does not grow with depth.

    Raises Problem 400 `bad_cursor` for a cursor that we did not give.
    """
    rows = rows.order_by(f"-{by}" if newest_first else by)
    if query.cursor:
        try:
            after = base64.urlsafe_b64decode(query.cursor.encode("ascii")).decode()
            rows = rows.filter(**{f"{by}__{'lt' if newest_first else 'gt'}": after})
        except (UnicodeError, binascii.Error, ValueError) as error:
            raise bad_cursor() from error
        if "\x00" in after:
            raise bad_cursor()
    found = list(rows[: query.limit + 1])
    items = found[: query.limit]
    last = str(getattr(items[-1], by)) if len(found) > len(items) else None
    return {"items": items, "next": base64.urlsafe_b64encode(last.encode()).decode() if last else None}


def bad_cursor() -> Problem:
    return Problem(400, "bad_cursor", _("This cursor is not one that an answer of ours held as next."))
