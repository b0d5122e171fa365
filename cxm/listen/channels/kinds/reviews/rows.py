"""A review in words of ours, and how rows of a file become reviews. Pure: no tables here."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from cxm.record.capture.guessing import column_type
from cxm.record.capture.times import reader

LONGEST = {
    "id": 200,
    "name": 200,
    "title": 300,
    "text": 50_000,
    "place": 200,
    "url": 1000,
    "site": 60,
    "answer": 20_000,
}
STARS = 5  # reviews are kept on this scale, whatever a site uses


class Unusable(ValueError):
    """This row or body is no review; the message says why."""


@dataclass(frozen=True, slots=True)
class Review:
    """`rating` is on 1 to 5. An answer is what the company wrote below it on the site."""

    id: str
    at: datetime
    rating: float | None = None
    title: str = ""
    text: str = ""
    name: str = ""
    place: str = ""
    url: str = ""
    site: str = ""
    language: str = ""
    email: str = ""
    user_id: str = ""
    answer: str = ""
    answered_at: datetime | None = None
    rated: str = ""  # as the site has it: "8.5", "★★★★☆"


# What columns are called by the sites and by people, in the product's languages. The first name of a field is ours.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "id": ("id", "review id", "reviewid", "review number", "id opinii", "id отзыва", "id відгуку", "評論編號"),
    "at": ("date", "at", "created", "created at", "published", "published at", "review date", "time", "timestamp",
           "submitted", "data", "data opinii", "дата", "дата отзыва", "дата відгуку", "日期", "評論日期"),
    "rating": ("rating", "stars", "score", "star rating", "review rating", "note", "grade", "ocena", "gwiazdki",
               "оценка", "рейтинг", "звезды", "оцінка", "зірки", "評分", "星級"),
    "title": ("title", "headline", "subject", "review title", "summary", "tytuł", "заголовок", "標題"),
    "text": ("text", "review", "review text", "content", "comment", "body", "message", "treść", "opinia", "komentarz",
             "отзыв", "текст", "комментарий", "відгук", "коментар", "評論", "內容", "評論內容"),
    "name": ("author", "name", "reviewer", "reviewer name", "customer", "user", "nickname", "consumer", "autor",
             "imię", "автор", "имя", "ім'я", "імя", "作者", "姓名"),
    "place": ("place", "location", "store", "shop", "branch", "location name", "business unit", "miejsce", "sklep",
              "lokalizacja", "oddział", "место", "магазин", "филиал", "місце", "філія", "地點", "門市", "分店"),
    "url": ("url", "link", "review url", "permalink", "adres", "ссылка", "посилання", "連結", "網址"),
    "site": ("site", "source", "platform", "portal", "źródło", "serwis", "источник", "площадка", "джерело", "來源",
             "平台"),
    "language": ("language", "lang", "locale", "język", "язык", "мова", "語言"),
    "email": ("email", "e mail", "mail", "reviewer email", "customer email", "consumer email", "adres e mail", "почта",
              "пошта", "電子郵件"),
    "user_id": ("user id", "customer id", "userid", "customerid", "reference id", "order reference id"),
    "answer": ("answer", "reply", "response", "owner response", "company reply", "reply text", "odpowiedź", "ответ",
               "відповідь", "回覆"),
    "answered_at": ("answered at", "reply date", "response date", "replied at", "data odpowiedzi", "дата ответа",
                    "дата відповіді", "回覆日期"),
}  # fmt: skip


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[^\w']+", " ", unicodedata.normalize("NFKC", name).casefold().replace("_", " ")).split())


def guessed(header: Sequence[str]) -> dict[str, str]:
    """Field → the column that it most likely is; each column at most once."""
    by_name = {_plain(column): column for column in reversed(header)}
    found: dict[str, str] = {}
    for field, names in SYNONYMS.items():
        for name in names:
            column = by_name.get(name)
            if column is not None and column not in found.values():
                found[field] = column
                break
    return found


def rating_of(text: str, most: float = STARS) -> float | None:
    """On 1 to 5, from "4", "4,5", "4/5", "8.4 / 10", "90%", "★★★★☆" or "4 stars"; None for nothing. Raises Unusable.

    A number without its own scale is one of `most`. Scales longer than five keep their proportion: 8.4 of 10 is 4.2.
    """
    text = unicodedata.normalize("NFKC", text).strip().replace(",", ".")
    if not text:
        return None
    if set(text) <= set("★⭐☆✩ \ufe0f"):
        value, most = float(len(re.findall("[★⭐]", text))), float(STARS)
    elif found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text):
        value, most = float(found[1]), 100.0
    elif found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:/|of|out of|z|из|з)\s*(\d+(?:\.\d+)?)(?:\s*[^\W\d]+)?", text):
        value, most = float(found[1]), float(found[2])
    elif found := re.fullmatch(r"(\d+(?:\.\d+)?)(?:\s*[^\W\d]+)?", text):
        value = float(found[1])
    else:
        raise Unusable(_("“%(text)s” is no rating.") % {"text": text[:40]})
    if not 0 <= value <= most or most < 1:
        raise Unusable(_("The rating %(text)s is beyond the scale up to %(most)g.") % {"text": text[:40], "most": most})
    return max(1.0, round(value / most * STARS, 2))


def review_of(
    fields: Mapping[str, str], *, zone: tzinfo, formats: Sequence[str] = (), most: float = STARS, now: datetime
) -> Review:
    """From texts by the names of SYNONYMS. Raises Unusable with what is wrong."""
    said = {name: value.replace("\x00", "").strip() for name, value in fields.items()}
    for name, longest in LONGEST.items():
        if len(said.get(name, "")) > longest:
            raise Unusable(_("“%(field)s” is longer than %(most)s characters.") % {"field": name, "most": longest})
    rating = rating_of(said.get("rating", ""), most)
    text, title = said.get("text", ""), said.get("title", "")
    if rating is None and not text and not title:
        raise Unusable(_("There is neither a rating nor a text."))
    at = _moment(said.get("at", ""), zone, formats) or now
    if at > now:
        at = now
    url = said.get("url", "")
    if url and not _is_address(url):
        raise Unusable(_("“%(url)s” is no address of the web.") % {"url": url[:80]})
    return Review(
        id=said.get("id") or _made_id(said), at=at, rating=rating, title=title, text=text,
        name=said.get("name", ""), place=said.get("place", ""), url=url, site=said.get("site", ""),
        language=said.get("language", "").replace("_", "-").lower()[:10], email=said.get("email", "")[:254],
        user_id=said.get("user_id", ""), answer=said.get("answer", ""),
        answered_at=_moment(said.get("answered_at", ""), zone, formats), rated=said.get("rating", ""),
    )  # fmt: skip


def _made_id(said: Mapping[str, str]) -> str:
    """Where a site gives no id: what makes a review the same review. Its answer comes later and is no part of it."""
    own = "\x1f".join(said.get(name, "") for name in ("site", "place", "name", "at", "rating", "title", "text"))
    return f"made:{hashlib.sha256(own.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _moment(text: str, zone: tzinfo, formats: Sequence[str]) -> datetime | None:
    if not text:
        return None
    try:
        return reader(tuple(formats), zone)(text)
    except ValueError as error:
        raise Unusable(_("“%(text)s” is no date that we can read.") % {"text": text[:40]}) from error


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def date_formats(cells: Sequence[str]) -> tuple[str, ...]:
    """The format that the dates of a column have; none: ISO 8601, which is always read."""
    kind = column_type([one.strip() for one in cells if len(re.findall(r"\d", one)) >= 4])  # a word is nobody's format
    return (kind.format,) if kind.kind == "date" and kind.format else ()


def scale_of(cells: Sequence[str]) -> float:
    """The scale that the ratings of a column are most likely on: 5, 10 or 100."""
    numbers = []
    for cell in cells:
        if found := re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*", cell):
            numbers.append(float(found[1].replace(",", ".")))
    largest = max(numbers, default=0.0)
    return 5.0 if largest <= 5 else 10.0 if largest <= 10 else 100.0
