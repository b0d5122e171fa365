"""Finding customers by name, e-mail, phone or any identity: in any script, and with a slip of the finger.

`search_text` of a customer holds one field per line, normalised and in Latin letters, then one line of typo keys: each
word of the name, and the word with one letter left out, between bars. Two words that differ by one wrong, missing,
extra or swapped letter share such a key (the symmetric delete method of SymSpell). Both databases find parts of this
text by an index of trigrams: FTS5 in SQLite, pg_trgm in PostgreSQL (without the extension the same SQL is slower).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL

from cxm.accounts.models import Workspace

from .models import Customer

TEXT_LIMIT = 1000  # characters of one customer that can be found
QUERY_LIMIT = 120
FIELD_LIMIT = 300
WORDS_LIMIT = 6  # words of a name or a query that count
KEY_WORD = range(3, 13)  # lengths of words that get typo keys; in longer ones trigrams survive a typo
LIMIT = 200  # hits of one search
CANDIDATES = 300  # similar names that are looked at closely

# One Latin form for Russian and Ukrainian letters, close to what people type: neither language's official
# system, so that one search finds both spellings; what still differs (Oleh, Oleg) is a typo apart.
LATIN = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ie", "ж": "zh", "з": "z",
        "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
        "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "",
        "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia", "ў": "u",
        "'": "", "’": "", "ʼ": "", "`": "", "_": " ",
        "ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d",
    }
)  # fmt: skip
# The same for ASCII, in one step.
PLAIN = {
    code: LATIN.get(code, chr(code).lower() if chr(code).isalnum() or chr(code) in "@.+-" else " ")
    for code in range(128)
}
MARKS = re.compile(r"[^\w@.+\-]+")
PHONE = re.compile(r"[\s\d+().\-/]+")


def normalise(text: str) -> str:
    """The form in which texts are compared: no case, accents, punctuation or width, and Latin letters for Cyrillic.

    >>> normalise("  Ołena  O'Brien-Żak "), normalise("Олена"), normalise("王小明")
    ('olena obrien-zak', 'olena', '王小明')
    """
    text = text[: 4 * FIELD_LIMIT]
    if text.isascii():  # most of an import
        return " ".join(text.translate(PLAIN).split())[:FIELD_LIMIT].strip()
    text = unicodedata.normalize("NFKC", text).casefold().translate(LATIN)
    text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", " ".join(MARKS.sub(" ", text).split()))[:FIELD_LIMIT].strip()


def digits_of(text: str) -> str:
    """The digits of something that looks like a phone number; empty for anything else.

    A trunk zero is left out: it is dialled at home but is no part of the number abroad.
    """
    if not PHONE.fullmatch(text):
        return ""
    digits = re.sub(r"\D", "", text)
    return digits.lstrip("0") if len(digits) >= 5 else ""


def search_text_of(name: str, email: str = "", phone: str = "", identities: Iterable[str] = ()) -> str:
    """What `Customer.search_text` must hold; `identities` are their values, of any kind."""
    fields: dict[str, None] = {}
    for text in dict.fromkeys((name, email, phone, *identities)):
        for form in (normalise(text), digits_of(text)):
            if form:
                fields.setdefault(form)
    keys = typo_keys(normalise(name).split()[:WORDS_LIMIT])
    line = "\n|" + "|".join(keys) + "|" if keys else "\n"
    body = "\n" + "\n".join(fields)
    return body[: TEXT_LIMIT - len(line)] + line if fields else ""


def typo_keys(words: Iterable[str]) -> list[str]:
    """Each word and all that one missing letter leaves of it, without repeats.

    >>> typo_keys(["ada"])
    ['ada', 'da', 'aa', 'ad']
    """
    keys: dict[str, None] = {}
    for word in words:
        if len(word) in KEY_WORD:
            keys.setdefault(word)
            for place in range(len(word)):
                keys.setdefault(word[:place] + word[place + 1 :])
    return list(keys)


@dataclass(frozen=True, slots=True)
class Hit:
    """`customer_id` is canonical. `closeness` is 0 for a whole field, 1 for its beginning, 2 for the beginning of
    a word, 3 for a part, 4 and more for texts that are only similar."""

    customer_id: UUID
    closeness: float
    name: str


def find(
    workspace: Workspace, text: str, *, within: QuerySet[Customer] | None = None, limit: int | None = LIMIT
) -> list[Hit]:
    """The customers that `text` may mean, closest first, then by name; at most `limit`.

    A merged profile is found by its own names and answered by the customer it belongs to; `within` restricts these.
    Similar names are offered only where no name, e-mail or identity holds the text itself.
    """
    wanted = normalise(text[:QUERY_LIMIT])
    words = wanted.split()[:WORDS_LIMIT]
    if not words:
        return []
    digits = digits_of(text.strip())
    rows = _rows(workspace, within)
    found: dict[UUID, Row] = {}
    # From the closest to the widest, so that a limit cuts off the least close.
    near = [[f"\n{wanted}\n"], [f"\n{wanted}"], [f" {wanted}"]] if limit else []
    for parts in [*near, words, *([[digits]] if digits and digits != wanted else [])]:
        if limit and len(found) >= limit:
            break
        found |= {row[0]: row for row in _containing(rows, parts).values_list(*COLUMNS)[:limit]}
    hits = _ranked(found.values(), wanted, words, digits)
    return (hits or _ranked(_similar(rows, words), wanted, words, digits))[:limit]


Row = tuple[UUID, UUID | None, str, str]
COLUMNS = ("id", "canonical_id", "name", "search_text")


def _rows(workspace: Workspace, within: QuerySet[Customer] | None) -> QuerySet[Customer]:
    # TRICKY: without statistics SQLite takes the index on the workspace for the best one, and then reads every
    # customer. A sum is nothing that an index can answer, so the trigrams lead.
    rows = Customer.objects.alias(owner=F("workspace_id") + 0).filter(owner=workspace.pk).order_by()
    if within is not None:
        chosen = within.order_by().values("pk")
        rows = rows.filter(Q(pk__in=chosen) | Q(canonical__in=chosen))
    return rows


def _containing(rows: QuerySet[Customer], parts: list[str]) -> QuerySet[Customer]:
    """Customers whose text holds all the parts."""
    indexed = [part for part in parts if len(part) >= 3] if connection.vendor == "sqlite" else []
    if indexed:
        rows = rows.filter(pk__in=_fts(" AND ".join(map(_phrase, indexed))))
    for part in parts:
        if part not in indexed:
            rows = rows.filter(search_text__contains=part)
    return rows


def _similar(rows: QuerySet[Customer], words: list[str]) -> Iterable[Row]:
    """Customers whose name is a typo away in every word, or that share many trigrams with a long one."""
    choices = [
        [f"|{key}|" for key in typo_keys([word])] if len(word) in KEY_WORD else [word]
        for word in words
        if len(word) >= 3
    ]
    if not choices:
        return []
    near = rows
    if connection.vendor == "sqlite":
        near = rows.filter(pk__in=_fts(" AND ".join("(" + " OR ".join(map(_phrase, keys)) + ")" for keys in choices)))
    else:
        for keys in choices:
            near = near.filter(reduce(or_, (Q(search_text__contains=key) for key in keys)))
    found = list(near.values_list(*COLUMNS)[:CANDIDATES])
    longest = max(words, key=len)  # the word that says most; every further trigram costs time
    grams = sorted({longest[place : place + 3] for place in range(len(longest) - 2)}) if len(longest) >= 7 else []
    if found or not grams:
        return found
    return _sharing(rows, grams).values_list(*COLUMNS)[:CANDIDATES]


def _sharing(rows: QuerySet[Customer], grams: list[str]) -> QuerySet[Customer]:
    """Customers that share trigrams, those that share most first."""
    if connection.vendor == "sqlite":
        return rows.filter(pk__in=_fts(" OR ".join(map(_phrase, grams)), f"ORDER BY s.rank LIMIT {CANDIDATES}"))
    shared = " + ".join(["(strpos(customers_customer.search_text, %s) > 0)::int"] * len(grams))
    near = rows.filter(reduce(or_, (Q(search_text__contains=gram) for gram in grams)))
    return near.order_by(RawSQL(shared, grams).desc())


def _fts(expression: str, order: str = "") -> RawSQL:
    return RawSQL(
        "SELECT k.customer_id FROM customers_search AS s CROSS JOIN customers_search_key AS k ON k.number = s.rowid"
        f" WHERE s.customers_search MATCH %s {order}",
        (expression,),
    )


def _phrase(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _ranked(rows: Iterable[Row], wanted: str, words: list[str], digits: str) -> list[Hit]:
    best: dict[UUID, Hit] = {}
    for customer_id, canonical_id, name, text in rows:
        closeness = how_close(text, wanted, words, digits)
        if closeness is None:
            continue
        key = canonical_id or customer_id
        if key not in best or closeness < best[key].closeness:
            best[key] = Hit(key, closeness, name)
    return sorted(best.values(), key=lambda hit: (hit.closeness, hit.name, hit.customer_id))


def how_close(text: str, wanted: str, words: list[str], digits: str = "") -> float | None:
    """See `Hit.closeness`; None where the texts are not even similar."""
    fields = text.rpartition("\n")[0] + "\n"
    for form in (wanted, digits):
        if form and form in fields:
            return 0 if f"\n{form}\n" in fields else 1 if f"\n{form}" in fields else 2 if f" {form}" in fields else 3
    if all(word in fields for word in words):
        return 2 if all(re.search(rf"[\s]{re.escape(word)}", fields) for word in words) else 3
    known = set(fields.split())
    worst = min(max((similarity(word, other) for other in known), default=0.0) for word in words)
    return 5 - worst if worst >= 0.6 else None


def similarity(one: str, other: str) -> float:
    """From 0 to 1: 1 less the edits (insert, delete, change, swap neighbours) per letter of the longer word."""
    if one in other:
        return 1 - (len(other) - len(one)) / (2 * len(other))
    longest = max(len(one), len(other))
    # Letters that the other word does not have must be edited: a cheap bound before the costly count.
    if abs(len(one) - len(other)) > longest / 2 or sum(letter in other for letter in one) < longest / 2:
        return 0.0
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, row, previous = row, [i], before
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return 1 - row[-1] / longest
