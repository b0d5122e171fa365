"""The words that show each tag, in the text; personal data hidden from who may not see it."""

from __future__ import annotations

import pytest

from cxm.understand.text.evidence import Piece, evidence_of
from cxm.understand.text.reading.reading import Reading, Span, Tag

pytestmark = pytest.mark.once
TEXT = "Courier was late, app is great. Call +48 600 100 200"
#       0         1         2         3         4         5
READING = Reading(
    language="en", supported=True, sentiment="mixed", score=0.1, emotion="none", intent="complaint", effort=True,
    tags=(Tag("sentiment", "negative", -0.8, (Span(12, 16),)), Tag("sentiment", "positive", 0.8, (Span(25, 30),)),
          Tag("topic", "delivery", 0.9, (Span(0, 16),)), Tag("topic", "delivery", 0.9, (Span(0, 7),)),
          Tag("touchpoint", "app", 1.0, (Span(18, 21),)), Tag("effort", "effort", 1.0),
          Tag("personal", "phone", 1.0, (Span(37, 52),))),
)  # fmt: skip


def test_words_are_marked_with_what_they_show() -> None:
    found = evidence_of(TEXT, READING, topics={"delivery": "Delivery"}, feelings={"delivery": -0.5})
    assert [(one.kind, one.label, one.tone, one.marked) for one in found.chips] == [
        ("sentiment", "Mixed", "mixed", True), ("intent", "Complaint", "bad", False),
        ("effort", "Effort", "bad", False), ("topic", "Delivery", "bad", True),
        ("touchpoint", "Mentions: App", "plain", True),
    ]  # fmt: skip
    assert found.pieces == [
        Piece("Courier was ", "Delivery", "bad"), Piece("late", "Mixed · Delivery", "mixed"), Piece(", "),
        Piece("app", "Mentions: App", "plain"), Piece(" is "), Piece("great", "Mixed", "mixed"),
        Piece(". Call +48 600 100 200"),
    ]  # fmt: skip
    assert "".join(one.text for one in found.pieces) == TEXT
    assert found.language == "en"


def test_personal_data_is_hidden_even_where_a_mark_runs_through_it() -> None:
    wide = Reading(language="en", supported=True, sentiment="negative", score=-1.0,
                   tags=(*READING.tags, Tag("sentiment", "negative", -1.0, (Span(32, 45),))))  # fmt: skip
    found = evidence_of(TEXT, wide, masked=True)
    assert "600" not in "".join(one.text for one in found.pieces)
    assert [one.hidden for one in found.pieces if one.hidden] == ["phone"]
    assert found.pieces[-2].text == "Call "
    # Nothing was read, or the tags are of another text: the text stands as it is.
    assert evidence_of("Hm", Reading()).pieces == [Piece("Hm")]
    assert "".join(one.text for one in evidence_of("Hm", READING).pieces) == "Hm"
    assert evidence_of("", READING).pieces == []
