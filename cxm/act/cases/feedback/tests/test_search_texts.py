"""Finding texts: by words in any inflection and script, by phrases, without words."""

from __future__ import annotations

import pytest

from cxm.act.cases.feedback import queries
from cxm.act.cases.feedback.searching import places, stem, terms_of
from cxm.act.cases.feedback.wanted import Wanted, wanted_in
from cxm.testing.cast import answer, given_events, make_user, make_workspace

TEXTS = [
    "The delivery was late, I'm very disappointed 😡",
    "Deliveries are always late in May",
    "Доставка опоздала на три дня, но товар отличный",
    "Опоздание с доставкой, третий раз пишу в службу поддержки",
    "Затримка з доставкою: п'ять днів чекаю на посилку!",
    "Dostawa przyszła z opóźnieniem, obsługa klienta milczy",
    "Bardzo zadowolony z dostawy i obsługi",
    "客服態度很差，等了三天",
    "客服态度很好，送货也快",
    "Все супер, ёлка огонь",
    "Great app, no delivery needed",
    "100% C++ (beta) - works?",
]


def test_what_was_typed_is_cut_into_terms() -> None:
    [word, phrase, without] = terms_of("Delivery “very late” −may")
    assert (word.pieces, word.exact, word.wanted) == (("delivery",), False, True)
    assert (phrase.pieces, phrase.exact, phrase.wanted) == (("very", "late"), True, True)
    assert (without.pieces, without.exact, without.wanted) == (("may",), False, False)
    assert terms_of('" " - --') == []
    assert terms_of("\x00") == []
    assert [one.pieces for one in terms_of("п'ять 態度ok")] == [("п", "ять"), ("態度", "ok")]
    assert [stem(one) for one in ("delivery", "доставками", "ёлка", "obsługa", "app", "the", "ok")] == [
        "deliver", "доставк", "ёлк", "obsług", "app", "the", "ok",
    ]  # fmt: skip


def test_what_was_found_is_marked_in_the_text_as_it_came() -> None:
    text = "Ёлки! Доставкой и Доставки недовольны"
    assert [text[start:end] for start, end in places("елка доставка -и", text)] == ["Ёлки", "Доставкой", "Доставки"]
    assert places("态度", "客服態度很差") == [(2, 4)]
    assert places('"late"', "lately late, Late") == [(7, 11), (13, 17)]


@pytest.mark.django_db
def test_texts_are_found_in_every_language_and_nobody_elses() -> None:
    workspace = make_workspace()
    other = make_workspace("Other", make_user("other@example.com", "Other"))
    given_events(
        answer(workspace, None, f"2026-03-{day:02} 12:00", metric="text", question="why", comment=text)
        for day, text in enumerate(TEXTS, start=1)
    )
    given_events([answer(other, 0, comment="Our delivery is secret"), answer(workspace, 9)])  # the last has no text

    def found(typed: str) -> list[int]:
        """Days of the texts, the newest first."""
        wanted = Wanted(text=typed)
        rows = queries.rows_of(workspace, wanted)
        assert queries.count(workspace, wanted) == len(rows)
        return [row.occurred_at.day for row in rows]

    assert found("") == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert found("delivery") == [11, 2, 1]  # Deliveries, too
    assert found("delivery late") == [2, 1]
    assert found('"delivery"') == [11, 1]  # as it stands
    assert found('"delivery was late"') == [1]
    assert found('"was delivery"') == []
    assert found("delivery -late") == [11]
    assert found('delivery -"in May"') == [11, 1]
    assert found("доставка") == [5, 4, 3]  # Ukrainian доставкою shares the stem
    assert found("доставку опоздание") == [4]
    assert found("служба") == [4]
    assert found("елка") == [10]  # ё as е
    assert found("п'ять") == [5]
    assert found("dostawa") == [7, 6]
    assert found("obsługi klientów") == [6]
    assert found("态度") == [9, 8]  # both scripts
    assert found("態度") == [9, 8]
    assert found("态度很差") == [8]
    assert found("差") == [8]  # one character has no pair
    assert found("😡") == [1]
    assert found("c++") == [12]  # its only word is c
    assert found("100% beta") == [12]
    assert found("secret") == []
    assert found("'); DROP TABLE texts; --") == []
    assert found("$scope {x:String} \\") == []
    assert [row.occurred_at.day for row in queries.rows_of(workspace, wanted_in("q=late&sort=oldest"))] == [1, 2]
