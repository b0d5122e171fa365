"""What the reader says about texts, as those who use it see it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bench.text import FOREIGN, HOSTILE, without
from cxm.understand.text.reading.heads import Head, Heads, train
from cxm.understand.text.reading.reader import Reader, reader
from cxm.understand.text.reading.reading import Reading, Span
from cxm.understand.text.reading.weights import FILE

pytestmark = pytest.mark.once


def one(text: str, question: str = "") -> Reading:
    return reader().read([text], questions=[question] if question else [])[0]


def quoted(text: str, spans: tuple[Span, ...]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def test_languages_scripts_and_sentiments_of_plain_texts() -> None:
    expected = {
        "Great service, I love it!": ("en", "", "positive"),
        "This is terrible, the worst support ever.": ("en", "", "negative"),
        "Отличный магазин, всё очень понравилось, спасибо!": ("ru", "", "positive"),
        "Ужасное обслуживание, больше никогда сюда не приду.": ("ru", "", "negative"),
        "Дуже дякую, все чудово, найкращий сервіс!": ("uk", "", "positive"),
        "Жахливий сервіс, гірше не буває, розчарування.": ("uk", "", "negative"),
        "Bardzo miła obsługa, polecam wszystkim!": ("pl", "", "positive"),
        "Fatalna obsługa, brudny pokój, nie polecam.": ("pl", "", "negative"),
        "服务非常好，很满意！": ("zh", "Hans", "positive"),
        "服務態度太差了，非常失望。": ("zh", "Hant", "negative"),
    }
    texts = list(expected)
    found = reader().read(texts)
    assert {text: (r.language, r.script, r.sentiment) for text, r in zip(texts, found, strict=True)} == expected
    assert all(reading.supported and np.sign(reading.score) == (1 if reading.sentiment == "positive" else -1)
               for reading in found)  # fmt: skip
    # the quick way says the same
    quick = reader().sentiments(texts)
    assert [row[:3] for row in quick] == list(expected.values())


def test_each_sentence_has_its_language_and_sentiment_and_opposites_make_a_mixed_text() -> None:
    text = "Дякую, персонал дуже привітний і все сподобалося. Но доставка была просто отвратительной, ужас!"
    reading = one(text)
    assert [(sentence.language, sentence.sentiment) for sentence in reading.sentences] == [
        ("uk", "positive"),
        ("ru", "negative"),
    ]
    assert [text[sentence.start : sentence.end] for sentence in reading.sentences] == [
        "Дякую, персонал дуже привітний і все сподобалося.",
        "Но доставка была просто отвратительной, ужас!",
    ]
    assert reading.sentiment == "mixed"
    assert [tag.name for tag in reading.tags if tag.kind == "sentiment"] == ["positive", "negative"]
    # an abbreviation and a number end no sentence
    assert len(one("Dr. Nowak przyjął mnie o godz. 10.30 i był miły.").sentences) == 1


def test_spans_fit_the_text_as_it_came_and_without_them_the_tag_weakens() -> None:
    text = "\u200b  The   room was <b>absolutely</b> \U0001f600 WONDERFUL… and I am soooo happy!!! https://x.example/a"
    reading = one(text)
    (tag,) = [tag for tag in reading.tags if tag.kind == "sentiment"]
    assert "WONDERFUL" in " ".join(quoted(text, tag.spans))
    later = one(without(text, tag.spans))
    assert later.sentiment != "positive" or later.score < reading.score
    # a denied word takes its denial with it
    text = "The staff was not helpful."
    (tag,) = [tag for tag in one(text).tags if tag.kind == "sentiment"]
    assert tag.name == "negative"
    assert any("not" in piece for piece in quoted(text, tag.spans))


@pytest.mark.parametrize(
    ("text", "effort", "urgent", "intent", "touchpoint", "phrase"),
    [
        ("This is the third time I call about my parcel, still no answer.", True, False, "", "delivery", "third time"),
        ("Срочно верните деньги, я подаю в суд!", False, True, "request", "", "Срочно"),
        ("Втретє телефоную в підтримку, чекаю вже годину.", True, False, "", "support", "Втретє"),
        ("Rezygnuję z waszych usług, przechodzę do konkurencji.", False, False, "leaving", "", "przechodzę do"),
        ("打了三次電話都沒人接，再也不會來了。", True, False, "leaving", "", "打了三次"),
        ("It would be nice to see an app for Android.", False, False, "suggestion", "app", "would be nice"),
        ("How long does the delivery take?", False, False, "question", "delivery", "How long"),
    ],
)
def test_effort_urgency_intent_and_touchpoints(
    text: str, effort: bool, urgent: bool, intent: str, touchpoint: str, phrase: str
) -> None:
    reading = one(text)
    assert (reading.effort, reading.urgent) == (effort, urgent)
    assert not intent or reading.intent == intent
    assert not touchpoint or touchpoint in [tag.name for tag in reading.tags if tag.kind == "touchpoint"]
    assert phrase in [piece for tag in reading.tags for piece in quoted(text, tag.spans)]


def test_the_question_shifts_a_short_answer() -> None:
    text, better, liked = "The delivery", "What can we do better?", "What did you like most?"
    assert one(text, better).score < one(text).score < one(text, liked).score
    assert one("Nothing", better).score > one("Nothing", liked).score
    with pytest.raises(ValueError, match="as many questions"):
        reader().read(["a", "b"], questions=["c"])


def test_hostile_texts_make_no_nonsense_and_other_languages_are_left_alone() -> None:
    model = reader()
    for text, reading in zip(HOSTILE, model.read(HOSTILE), strict=True):
        assert -1 <= reading.score <= 1
        assert all(0 <= span.start < span.end <= len(text) for tag in reading.tags for span in tag.spans)
        assert all(0 <= s.start <= s.end <= len(text) for s in reading.sentences)
        if not re.search(r"\w", text):
            assert not reading.supported
            assert reading.sentiment == ""
    foreign = model.read(FOREIGN)
    assert sum(reading.language == "other" for reading in foreign) >= len(FOREIGN) - 1
    for reading in foreign:
        assert reading.supported == (reading.language != "other")
        assert reading.supported or not (reading.sentiment or reading.tags or reading.intent)
    assert model.read([]) == []
    # a text reads the same alone and among others
    texts = ["Good", "", "Плохо!", "a" * 300, "很好"]
    assert [model.read([text])[0].sentiment for text in texts] == [r.sentiment for r in model.read(texts)]


def test_heads_of_ones_own_are_trained_stored_and_used() -> None:
    texts = [f"{word} {number}" for number in range(12) for word in ("my card is lost", "when do you open")]
    labels = ["card", "hours"] * 12
    head = train(reader().features(texts), labels)
    again = Head.from_bytes(head.to_bytes())
    assert again.classes == ("card", "hours")
    chances = again.probabilities(reader().features(["I lost my card", "are you open today"]))
    assert chances.argmax(axis=1).tolist() == [0, 1]
    found = reader().read(["I lost my card"], heads=Heads("1", {"intent": again}))
    assert found[0].intent == "card"
    with pytest.raises(ValueError, match="two different labels"):
        train(reader().features(["a"]), ["x"])


def test_the_weights_are_small_and_loaded_anew_they_read_the_same() -> None:
    assert FILE.stat().st_size <= 3_000_000
    text = "The hotel was clean but the breakfast was awful."
    assert Reader().read([text]) == reader().read([text])
    vectors = reader().vectors([text, "", "The hotel room was clean"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1], atol=1e-3)


@pytest.mark.parametrize(
    ("text", "touchpoint"),
    [
        ("Почта работает плохо", "delivery"), ("Почти всё работает плохо", ""),
        ("Цены высокие", "price"), ("Центр города", ""), ("Центр міста", ""), ("Ценю вашу помощь", ""),
        ("Очередь на кассе", "store"), ("Очередной раз пишу", ""),
        ("Додаток не працює", "app"), ("Додаткові питання", ""),
        ("Słaba jakość", "product"), ("Jakoś dziwnie", ""), ("Miłe towarzystwo", ""),
        ("Opóźniony lot", "booking"), ("Thanks a lot", ""),
    ],
)  # fmt: skip
def test_words_that_only_begin_as_a_stem_does_name_no_touchpoint(text: str, touchpoint: str) -> None:
    named = {tag.name for tag in reader().read([text])[0].tags if tag.kind == "touchpoint"}
    assert named == ({touchpoint} if touchpoint else set())


def test_threats_and_suggestions_are_known_by_their_words() -> None:
    texts = ["I am cancelling my subscription and moving to a competitor", "Fajnie byłoby dodać ciemny motyw"]
    assert [reading.intent for reading in reader().read(texts)] == ["leaving", "suggestion"]
