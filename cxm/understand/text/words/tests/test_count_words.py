"""Words are counted under one form, phrases whole, Chinese without spaces."""

from __future__ import annotations

import pytest

from cxm.understand.text.words.counting import Said, common_words, count_terms
from cxm.understand.text.words.folding import folded
from cxm.understand.text.words.lemmas import lemma
from cxm.understand.text.words.queries import compare

pytestmark = pytest.mark.once


def counted(language: str, *texts: str, least: int = 1) -> dict[str, int]:
    return {
        term.name: term.n
        for term in count_terms([Said(one, language, -0.5) for one in texts], language, least=least).values()
    }


@pytest.mark.parametrize(
    ("language", "expected", "forms"),
    [
        ("en", "delivery", "delivery deliveries Delivery"),
        ("pl", "dostawa", "dostawa dostawy dostawie dostawą dostaw dostawami"),
        ("pl", "opóźnienie", "opóźnienie opóźnienia opóźnień opóźnieniami"),
        ("ru", "доставка", "доставка доставки доставке доставку доставкой доставок доставками"),
        ("ru", "курьер", "курьер курьера курьеру курьером курьеры курьеров"),
        ("ru", "черный", "чёрный чёрного черная черными"),
        ("uk", "замовлення", "замовлення замовленню замовленням замовленнями замовленнях"),
        ("uk", "кур'єр", "кур’єр кур'єра кур’єром кур'єри"),
    ],
)
def test_every_form_is_led_back_to_one(language: str, expected: str, forms: str) -> None:
    assert {lemma(form, language) for form in forms.split()} == {expected}


def test_words_are_counted_once_a_text_and_phrases_whole() -> None:
    texts = ["Late delivery! The deliveries are always late.", "Late delivery again", "A late delivery.", "I am late",
             "Good soup @shop https://example.com/late"]  # fmt: skip
    found = counted("en", *texts, least=2)
    assert found == {"late": 4, "delivery": 3, "late delivery": 3}
    assert common_words([(one, "en") for one in texts], limit=2) == [("late", 4), ("delivery", 3)]
    assert counted("en") == counted("en", "", "!!! 👍") == {}
    assert counted("en", "Привет") == {"привет": 1}  # as it stands, whatever the reader took it for


def test_chinese_words_are_found_without_spaces_in_both_scripts() -> None:
    around = ["我們的{}太慢", "昨天{}很好", "他說{}不行", "這次{}還可以", "因為{}破了", "希望{}快一點"]
    texts = [one.format(word) for word in ("物流", "客服", "包裝") for one in around]
    found = counted("zh", *texts, *[one.replace("說", "说") for one in texts], least=6)
    assert {"物流", "客服", "包裝"} <= set(found)
    assert found["包裝"] == 12
    assert folded("包裝 APP 臺灣 ，") == "包装 app 台湾 ，"


def test_a_word_that_became_more_frequent_is_said_to_only_if_it_is_real() -> None:
    before = [Said("soup", "en", 0.5)] * 90 + [Said("queue", "en", -0.5)] * 10
    after = [Said("soup", "en", 0.5)] * 50 + [Said("queue", "en", -0.5)] * 50
    rows = {row.name: row for row in compare(count_terms(after, "en"), count_terms(before, "en", least=1), 100, 100)}
    assert (rows["queue"].verdict, rows["soup"].verdict) == ("up", "down")
    assert rows["queue"].sentiment.value == -0.5
    rows = {
        row.name: row
        for row in compare(count_terms(after[:54], "en"), count_terms(before[-14:], "en", least=1), 54, 14)
    }
    assert rows["queue"].verdict != "up"
