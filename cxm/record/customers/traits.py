"""Traits have a kind: learnt from the first value, and a later value must fit it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace

from .errors import Refused
from .models import Trait

Kind = Trait.Kind
YES = {"yes", "true", "1", "on", "tak", "да", "так", "是"}
NO = {"no", "false", "0", "off", "nie", "нет", "ні", "否"}
NAME_LIMIT = 60
VALUE_LIMIT = 2000


def kind_of(value: object) -> Trait.Kind:
    """The kind that a value shows: a text counts as a date only in the form 2026-03-01."""
    match value:
        case bool():
            return Kind.YES_NO
        case int() | float():
            return Kind.NUMBER
        case list() | tuple() | set():
            return Kind.LIST
        case date():
            return Kind.DATE
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\d", value) and _date(value):
            return Kind.DATE
    return Kind.TEXT


def learn(workspace: Workspace, values: Mapping[str, object]) -> dict[str, Trait.Kind]:
    """The kinds of these traits; those that the workspace does not know yet are learnt from the values."""
    known = kinds(workspace, values) if values else {}
    new = {name: kind_of(value) for name, value in values.items() if name not in known and value is not None}
    Trait.objects.bulk_create(
        [Trait(workspace=workspace, name=name, kind=kind) for name, kind in new.items()], ignore_conflicts=True
    )
    return {**known, **new}


def kinds(workspace: Workspace, names: Iterable[str] | None = None) -> dict[str, Trait.Kind]:
    rows = Trait.objects.filter(workspace=workspace)
    if names is not None:
        rows = rows.filter(name__in=list(names))
    return {name: Kind(kind) for name, kind in rows.values_list("name", "kind")}


def checked(workspace: Workspace, values: Mapping[str, object]) -> dict[str, Any]:
    """The values as they are stored (JSON; dates as text), None for a trait to be removed. Raises Refused."""
    for name in values:
        if not name.strip() or len(name) > NAME_LIMIT or any(ord(letter) < 32 for letter in name):
            raise Refused(_("A trait needs a name of at most %(limit)d characters.") % {"limit": NAME_LIMIT})
    known = learn(workspace, {name: value for name, value in values.items() if value not in (None, "")})
    return {name: None if value in (None, "") else fit(name, known[name], value) for name, value in values.items()}


def fit(name: str, kind: Trait.Kind, value: object) -> Any:
    """`value` as a value of that kind; a text is read as a person writes it. Raises Refused."""
    words = {"name": name, "value": str(value)[:60]}
    if len(str(value)) > VALUE_LIMIT:
        raise Refused(
            _("The trait “%(name)s” is too long: at most %(limit)d characters.") % {**words, "limit": VALUE_LIMIT}
        )
    match kind:
        case Kind.NUMBER:
            number = _number(value)
            if number is None:
                raise Refused(_("The trait “%(name)s” holds numbers, and “%(value)s” is not a number.") % words)
            return number
        case Kind.YES_NO:
            text = str(value).strip().casefold()
            if text in YES | NO:
                return text in YES
            raise Refused(_("The trait “%(name)s” holds yes or no, and “%(value)s” is neither.") % words)
        case Kind.DATE:
            day = _date(value)
            if day is None:
                raise Refused(
                    _("The trait “%(name)s” holds dates, and “%(value)s” is not a date such as 2026-03-01.") % words
                )
            return day.isoformat()
        case Kind.LIST:
            parts = value if isinstance(value, (list, tuple, set)) else str(value).split(",")
            return [text for part in parts if (text := _text(part))]
    if isinstance(value, (list, tuple, set, dict)):
        raise Refused(_("The trait “%(name)s” holds one text, and “%(value)s” is more than that.") % words)
    return _text(value)


def shown(value: object) -> str:
    """A stored value as a person reads it."""
    match value:
        case bool():
            return _("yes") if value else _("no")
        case int() | float():
            return str(formats.number_format(value))
        case list():
            return ", ".join(shown(part) for part in value)
        case dict():
            return ", ".join(f"{key}: {shown(part)}" for key, part in value.items())
        case str() if kind_of(value) is Kind.DATE:
            return str(formats.date_format(date.fromisoformat(value)))
    return "" if value is None else str(value)


def written(value: object) -> str:
    """A stored value as a form field shows it, ready to be sent back."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _text(value: object) -> str:
    return "".join(letter for letter in str(value) if letter >= " " or letter == "\n").strip()


def _number(value: object) -> int | float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if abs(value) < 1e15 else None
    text = re.sub(r"[\s  ]", "", str(value)).replace(",", ".")
    if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,10})?", text):
        return None
    return float(text) if "." in text else int(text)


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None
