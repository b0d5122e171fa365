"""Words and phrases are found in every inflection and both Chinese scripts, and only where they tell of the topic."""

from __future__ import annotations

import pytest

from cxm.understand.text.reading.reading import Reading, Sentence, Span
from cxm.understand.text.topics.patterns import Matcher, TopicWords, Unreadable, read_entry
from cxm.understand.text.topics.starter import starter_topics, starter_trees

pytestmark = pytest.mark.once

TOPICS = Matcher(
    [
        TopicWords(
            "delivery",
            {
                "en": ["delivery", "late + parcel", "ship*"],
                "ru": ["доставка", "курьер"],
                "uk": ["доставка", "кур'єр"],
                "pl": ["dostawa", "paczka"],
                "zh": ["送货", "配送 + app"],
            },
            {"en": ["delivery room"], "zh": ["送货单"]},
        ),
        TopicWords("price", {"en": ["too expensive"], "uk": ["ціна"], "ru": ["цена"], "pl": ["cena"], "zh": ["貴"]}),
        TopicWords("app", {"en": ["app", '"log in"']}),
    ]
)


def read(text: str, language: str) -> Reading:
    """Sentences end at a full stop, whatever the reader would say."""
    sentences, start = [], 0
    while start < len(text):
        end = text.find(".", start) + 1 or len(text)
        sentences.append(Sentence(start, end, language, "neutral", 0.0))
        start = end
    return Reading(language=language, supported=True, sentences=tuple(sentences))


def found(text: str, language: str) -> dict[str, list[str]]:
    return {
        key: [text[one.start : one.end] for one in spans]
        for key, spans in TOPICS.find(text, read(text, language)).items()
    }


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (
            "Deliveries are TOO expensive for what they are worth.",
            "en",
            {"delivery": ["Deliveries"], "price": ["TOO expensive"]},
        ),
        ("Задержали доставку, курьера я не дождался.", "ru", {"delivery": ["доставку", "курьера"]}),
        ("Доставкою задоволені всі, але ціни зависокі.", "uk", {"delivery": ["Доставкою"], "price": ["ціни"]}),
        ("Кур’єром була дуже приємна людина, дякую.", "uk", {"delivery": ["Кур’єром"]}),
        ("Paczki nie dostałem do dzisiaj, a ceny są wysokie.", "pl", {"delivery": ["Paczki"], "price": ["ceny"]}),
        ("送貨很快,就是有點貴", "zh", {"delivery": ["送貨"], "price": ["貴"]}),  # traditional, from simplified words
        ("配送在APP里看不到", "zh", {"delivery": ["配送", "APP"], "app": ["APP"]}),
        ("送货单不见了", "zh", {}),  # an exclusion
        ("My parcel, as ever, came late.", "en", {"delivery": ["parcel", "late"]}),
        ("It came late. The parcel was fine.", "en", {}),  # both parts in one sentence
        ("Shipping and shipment, not worship, please do.", "en", {"delivery": ["Shipping", "shipment"]}),
        ("In the delivery room of the ward. A delivery came.", "en", {"delivery": ["delivery"]}),  # the other sentence
        ("I can log in; logging in was harder before that.", "en", {"app": ["log in"]}),  # in quotes: this form only
        ("Ваше приложение App постоянно закрывается само", "ru", {"app": ["App"]}),  # Latin within another script
        ("Доставкою!", "ru", {"delivery": ["Доставкою"]}),  # too short to tell Russian from Ukrainian
        ("expensive, too", "en", {}),
        ("", "", {}),
        ("   …!!! 👍🏽", "", {}),
    ],
)
def test_an_entry_is_found_in_each_language(text: str, language: str, expected: dict[str, list[str]]) -> None:
    assert found(text, language) == expected


def test_an_unsupported_language_has_no_topics() -> None:
    assert TOPICS.find("App delivery", Reading(language="other")) == {}


def test_places_hold_in_texts_with_odd_characters() -> None:
    text = "İ\u200b😀 ‮delivery‬ <b>delivery</b>"  # İ is longer in small letters
    [spans] = TOPICS.find(text, read(text, "en")).values()
    assert [text[one.start : one.end] for one in spans] == ["delivery", "delivery"]
    assert TOPICS.find("a" * 1_000_000, read("a" * 1_000_000, "en")) == {}


def test_words_that_overlap_are_one_place() -> None:
    matcher = Matcher([TopicWords("late", {"en": ["late delivery", "delivery", "delivery date"]})])
    text = "What a late delivery date that was for all of us."
    assert matcher.find(text, read(text, "en")) == {"late": [Span(7, 25)]}


@pytest.mark.parametrize("entry", ["", "   ", "!!!", "one + ", "x" * 101])
def test_an_entry_without_words_is_refused(entry: str) -> None:
    with pytest.raises(Unreadable):
        read_entry(entry, "en")


def test_starter_trees_are_whole() -> None:
    topics = starter_topics()
    languages = {"en", "pl", "ru", "uk", "zh"}
    for key, topic in topics.items():
        assert set(topic.words) == languages, key
        assert set(topic.names) == {"en", "pl", "ru", "uk", "zh-hant"}, key
        for language, entries in [*topic.words.items(), *topic.exclusions.items()]:
            assert len(set(entries)) == len(entries), (key, language)
            for entry in entries:
                read_entry(entry, language)
    assert set(starter_trees()) == {"retail", "telecom", "bank", "clinic", "saas", "delivery", "hospitality"}
    for tree in starter_trees().values():
        keys = [top for top, _below in tree.tree] + [one for _top, below in tree.tree for one in below]
        assert len(set(keys)) == len(keys), tree.key
        assert set(keys) <= set(topics), tree.key
        assert len(tree.first_names) == len(tree.tree)
    # Each topic is found by what it is called with: by the first of its words, in a sentence of that language.
    matcher = Matcher([TopicWords(one.key, one.words, one.exclusions) for one in topics.values()])
    for key, topic in topics.items():
        for language, entries in topic.words.items():
            entry = next(one for one in entries if "*" not in one)
            text = entry.replace(" + ", " ") + "."
            assert key in matcher.find(text, read(text, language)), (key, language, entry)
