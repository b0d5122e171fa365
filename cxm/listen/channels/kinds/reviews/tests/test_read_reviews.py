"""Rows of review sites become reviews, or say what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cxm.listen.channels.kinds.reviews.rows import Unusable, date_formats, guessed, rating_of, review_of, scale_of

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
KYIV = ZoneInfo("Europe/Kyiv")


def test_columns_of_sites_and_of_people_are_recognised() -> None:
    assert guessed(["Review ID", "Star_Rating", "Review Title", "Review", "Reviewer Name", "Created", "ignored"]) == {
        "id": "Review ID", "rating": "Star_Rating", "title": "Review Title", "text": "Review",
        "name": "Reviewer Name", "at": "Created",
    }  # fmt: skip
    assert guessed(["Data", "Ocena", "Treść", "Autor", "Sklep", "Odpowiedź"]) == {
        "at": "Data", "rating": "Ocena", "text": "Treść", "name": "Autor", "place": "Sklep", "answer": "Odpowiedź",
    }  # fmt: skip
    assert guessed(["дата", "оцінка", "відгук"]) == {"at": "дата", "rating": "оцінка", "text": "відгук"}
    assert guessed(["Дата отзыва", "Оценка", "Отзыв"]) == {"at": "Дата отзыва", "rating": "Оценка", "text": "Отзыв"}
    assert guessed(["評論日期", "評分", "評論內容"]) == {"at": "評論日期", "rating": "評分", "text": "評論內容"}
    assert guessed(["a", "b", ""]) == {}


@pytest.mark.parametrize(
    ("text", "most", "stars"),
    [("4", 5, 4.0), ("4,5", 5, 4.5), ("4/5", 5, 4.0), ("8.4 / 10", 5, 4.2), ("90%", 5, 4.5), ("★★★★☆", 5, 4.0),
     ("5 stars", 5, 5.0), ("3 out of 5 stars", 5, 3.0), ("8.4", 10, 4.2), ("0", 5, 1.0), ("", 5, None),
     ("４", 5, 4.0), ("2 гвіздки", 5, 2.0)],
)  # fmt: skip
def test_ratings_of_all_scales_come_to_five(text: str, most: float, stars: float | None) -> None:
    assert rating_of(text, most) == stars


@pytest.mark.parametrize("text", ["good", "6", "-1", "11/10", "1/0", "4..5", "9" * 400])
def test_what_is_no_rating_is_said(text: str) -> None:
    with pytest.raises(Unusable):
        rating_of(text)


def test_a_row_becomes_a_review() -> None:
    row = {"id": "", "at": "21.11.2026 09:30", "rating": "2", "text": " Cold tea.\x00 ",
           "name": "Ada", "place": "Podil",
           "url": "https://reviews.example/7", "language": "uk_UA", "answer": "Sorry!", "answered_at": ""}  # fmt: skip
    formats = date_formats(["21.11.2026 09:30", "02.01.2026 10:00"])
    one = review_of(row, zone=KYIV, formats=formats, now=NOW)
    assert one.at == datetime(2026, 11, 21, 7, 30, tzinfo=UTC)  # Kyiv is two hours ahead in winter
    assert (one.rating, one.text, one.name, one.place, one.language) == (2.0, "Cold tea.", "Ada", "Podil", "uk-ua")
    # Without an id it follows from the review itself; an answer that comes later makes no other review of it.
    assert one.id.startswith("made:")
    assert review_of({**row, "answer": ""}, zone=KYIV, formats=formats, now=NOW).id == one.id
    assert review_of({**row, "text": "Hot tea."}, zone=KYIV, formats=formats, now=NOW).id != one.id
    assert review_of({"rating": "5", "at": "2027-01-01"}, zone=KYIV, now=NOW).at == NOW  # nobody reviews tomorrow
    assert scale_of(["4", "5", ""]) == 5
    assert scale_of(["8,4", "10"]) == 10
    assert scale_of(["80"]) == 100


@pytest.mark.parametrize(
    "wrong", [{}, {"rating": ""}, {"text": "x", "at": "yesterday"}, {"text": "x", "url": "javascript:alert(1)"},
              {"text": "x" * 50_001}, {"text": "x", "url": "http://[bad"}],
)  # fmt: skip
def test_a_row_that_is_no_review_says_why(wrong: dict[str, str]) -> None:
    with pytest.raises(Unusable):
        review_of(wrong, zone=KYIV, now=NOW)
