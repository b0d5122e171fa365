"""Which of several sayings about a trait counts: a rule that gives the same answer in whatever order they come.

A saying has a time and the event that made it. The last one counts, ties go by the id of the event, and an erasure
(null) is a saying like any other. What was said “once” counts only as long as nobody said it plainly, and of several
the earliest. `Customer.trait_times` keeps for each trait the saying that counts: [milliseconds, event], with a rank
behind them unless it was said plainly. Fields of the profile stand there with a colon before their name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from .models import Customer

FIELDS = ("name", "email", "phone", "language")
MOST_TRAITS = 500  # of one profile; the newest are kept
NAME_LIMIT, TEXT_LIMIT, JSON_LIMIT = 60, 2000, 4000
LIMITS = {"name": 300, "email": 254, "phone": 40, "language": 10}
SPELLINGS = {"firstName": "first_name", "lastName": "last_name", "createdAt": "created_at"}
Rank = Literal[1, 0, -1]
PLAIN: Rank = 1
ONCE: Rank = 0
MADE: Rank = -1  # put together from other traits


@dataclass(frozen=True, slots=True)
class Saying:
    """What one event says: `values` by trait, or by ":" and field; None erases."""

    at_ms: int
    event: str
    values: Mapping[str, Any]
    rank: Rank = PLAIN


@dataclass(slots=True)
class Said:
    """Traits as they stand, and which saying each is from."""

    traits: dict[str, Any] = field(default_factory=dict)
    times: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def default_entry(customer: Customer) -> list[Any]:
    """The saying behind whatever of the profile has no time of its own: an import, or the form that made it."""
    return [milliseconds(customer.traits_at or customer.updated_at), ""]


def beats(new: Sequence[Any], old: Sequence[Any] | None) -> bool:
    """Whether the saying `new` counts instead of `old`."""
    if old is None:
        return True
    rank, held = _rank(new), _rank(old)
    if rank != held:
        return rank > held
    if rank == ONCE:
        return (new[0], new[1]) < (old[0], old[1])
    return (new[0], new[1]) > (old[0], old[1])


def _rank(entry: Sequence[Any]) -> int:
    return int(entry[2]) if len(entry) > 2 else PLAIN


def _order(entry: Sequence[Any]) -> tuple[Any, ...]:
    """Sorts sayings from the least to the most valuable one to keep."""
    rank = _rank(entry)
    return (rank, -entry[0], "") if rank == ONCE else (rank, entry[0], entry[1])


def say(customer: Customer, saying: Saying) -> bool:
    """Put a saying into a profile; whether it changed anything. In memory only."""
    entry = [saying.at_ms, saying.event] if saying.rank == PLAIN else [saying.at_ms, saying.event, saying.rank]
    changed = False
    for key, value in saying.values.items():
        if beats(entry, entry_of(customer, key)):
            customer.trait_times[key] = entry
            _put(customer, key, value)
            changed = True
    if changed:
        _make_name(customer)
        _keep_newest(customer)
    return changed


def entry_of(customer: Customer, key: str) -> Sequence[Any] | None:
    """The saying that counts for a trait or a field; None if nobody ever said anything about it."""
    found: Sequence[Any] | None = customer.trait_times.get(key)
    if found is None and (getattr(customer, key[1:]) if key.startswith(":") else key in customer.traits):
        return default_entry(customer)
    return found


def _put(customer: Customer, key: str, value: Any) -> None:
    if key.startswith(":"):
        setattr(customer, key[1:], value or "")
    elif value is None:
        customer.traits.pop(key, None)
    else:
        customer.traits[key] = value


def _make_name(customer: Customer) -> None:
    """First and last name make the name of somebody whose name nobody said."""
    held = entry_of(customer, ":name")
    if held is not None and _rank(held) != MADE:
        return
    parts = [str(customer.traits.get(key) or "").strip() for key in ("first_name", "last_name")]
    name = " ".join(part for part in parts if part)[: LIMITS["name"]]
    entries = [entry for key in ("first_name", "last_name") if (entry := customer.trait_times.get(key))]
    if entries:
        customer.name = name
        newest = max(entries, key=lambda entry: (entry[0], entry[1]))
        customer.trait_times[":name"] = [newest[0], newest[1], MADE]


def _keep_newest(customer: Customer) -> None:
    """TRICKY: keeping the newest of a growing set is the same in any order, because no saying ever grows older."""
    own = [key for key in customer.trait_times if not key.startswith(":")]
    if len(own) <= MOST_TRAITS:
        return
    own.sort(key=lambda key: (_order(customer.trait_times[key]), key), reverse=True)
    for key in own[MOST_TRAITS:]:
        del customer.trait_times[key]
        customer.traits.pop(key, None)


def combined(family: Iterable[Customer]) -> Said:
    """What is said of one person over all profiles: of each trait and field the saying that counts."""
    whole = Said(fields=dict.fromkeys(FIELDS, ""))
    for customer in family:
        keys = {*customer.trait_times, *customer.traits, *(f":{name}" for name in FIELDS if getattr(customer, name))}
        for key in sorted(keys):
            entry = entry_of(customer, key)
            if entry is None or not beats(entry, whole.times.get(key)):
                continue
            whole.times[key] = entry
            if key.startswith(":"):
                whole.fields[key[1:]] = getattr(customer, key[1:])
            elif key in customer.traits:
                whole.traits[key] = customer.traits[key]
            else:
                whole.traits.pop(key, None)
    return whole


def read_traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Traits of an identify call as they are kept: reserved ones as fields, what cannot be kept left out."""
    kept: dict[str, Any] = {}
    for raw, value in traits.items():
        name = SPELLINGS.get(raw, raw).strip()
        if not name or len(name) > NAME_LIMIT or name.startswith(":") or any(ord(letter) < 32 for letter in name):
            continue
        if raw != name and name in traits:
            continue  # both spellings: ours counts
        if (as_field := _field(name, value)) is not None:
            kept.update(as_field)
        elif (usable := _usable(value)) is not None or value is None:
            kept[name] = usable
    return kept


def _field(name: str, value: Any) -> dict[str, Any] | None:
    """The field that a reserved trait fills; None for one that stays a trait."""
    if name == "locale":
        name = "language"
    if name not in FIELDS:
        return None
    if value is None or value == "":
        return {f":{name}": None}
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None
    text = " ".join(str(value).split())
    text = "".join(letter for letter in text if letter.isprintable())
    if not text or len(text) > LIMITS[name] or (name == "email" and not _is_email(text)):
        return None
    return {f":{name}": text}


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _usable(value: Any) -> Any:
    """A value as the profile keeps it; None for one that is too large."""
    if isinstance(value, str):
        return "".join(letter for letter in value if letter >= " " or letter in "\n\t")[:TEXT_LIMIT]
    if isinstance(value, (dict, list)):
        return value if len(json.dumps(value)) <= JSON_LIMIT else None
    return value
