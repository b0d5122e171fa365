"""The linter: how often it is right on a sample of questions, and each of its other checks by an example."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cxm.listen.surveys.definition import Choice, Definition, Page, Question, Scale, Section
from cxm.listen.surveys.linting import CODES, feeling, lint, lint_text

from .lint_sample import SAMPLE

DOCS = Path(__file__).resolve().parents[4] / "docs" / "reference" / "survey-lint.md"


def measured() -> dict[tuple[str, str], tuple[int, int, int]]:
    """For each code, over all languages and in each: rightly found, found in all, faults in all."""
    right: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    faults: Counter[tuple[str, str]] = Counter()
    for language, fault, text in SAMPLE:
        codes = set(lint_text(text, language))
        for where in (language, "all"):
            for code in codes:
                found[code, where] += 1
                right[code, where] += code == fault
            if fault:
                faults[fault, where] += 1
    return {key: (right[key], found[key], faults[key]) for key in faults}


@pytest.mark.parametrize("code", ["leading", "double_barrelled", "negated"])
def test_wording_is_judged_precisely_on_the_sample(code: str) -> None:
    right, found, faults = measured()[code, "all"]
    assert right / found >= 0.9
    assert right / faults >= 0.75


def test_the_figures_in_the_documentation_are_those_measured() -> None:
    text = DOCS.read_text()
    for (code, where), (right, found, faults) in measured().items():
        if where == "all":
            row = re.search(rf"^\| `{code}` \|.*\| (\d+) of (\d+) \| (\d+) of (\d+) \|$", text, re.MULTILINE)
            assert row, code
            assert tuple(map(int, row.groups())) == (right, found, right, faults)
    assert all(f"`{code}`" in text for code in CODES)


def codes(*questions: Question, languages: tuple[str, ...] = ("en",)) -> list[tuple[str, str, str]]:
    page = Page("p", [Section("s", list(questions))])
    definition = Definition({one: f"Survey {one}" for one in languages}, list(languages), [page])
    return [(found.code, found.path, found.language) for found in lint(definition)]


def test_a_sound_question_has_no_finding() -> None:
    scale = Scale(0, 10, lowest_label={"en": "Not at all likely"}, highest_label={"en": "Extremely likely"})
    assert codes(Question("nps", "nps", {"en": "How likely are you to recommend us to a friend?"}, scale=scale)) == []


def test_an_open_question_may_ask_for_two_things() -> None:
    assert codes(Question("q", "long_text", {"en": "What did you like and what did you not like?"})) == []


def test_too_long_a_question_is_found() -> None:
    assert codes(Question("q", "yes_no", {"en": "word " * 26})) == [("too_long", "question/q/title", "en")]
    assert codes(Question("q", "yes_no", {"en": "word " * 25})) == []
    long = Question("q", "yes_no", {"zh-hant": "請" * 46})
    assert codes(long, languages=("zh-hant",)) == [("too_long", "question/q/title", "zh-hant")]


def labelled(*labels: str) -> Question:
    return Question(
        "q", "single", {"en": "How was it?"}, choices=[Choice(str(n), {"en": one}) for n, one in enumerate(labels)]
    )


def test_a_scale_with_more_praise_than_blame_is_unbalanced() -> None:
    assert codes(labelled("Excellent", "Very good", "Good", "Poor")) == [("unbalanced_scale", "question/q/title", "en")]
    assert codes(labelled("Very good", "Good", "Neither", "Bad", "Very bad")) == []
    assert codes(labelled("By train", "By car", "On foot")) == []


def test_two_good_ends_are_unbalanced() -> None:
    scale = Scale(1, 5, lowest_label={"en": "Good"}, highest_label={"en": "Excellent"})
    assert codes(Question("q", "csat", {"en": "How was it?"}, scale=scale)) == [
        ("unbalanced_scale", "question/q/scale/lowest", "en")
    ]


def test_ranges_that_share_a_number_overlap() -> None:
    assert codes(labelled("0–5", "5–10", "11–20")) == [("overlapping_ranges", "question/q/choice/1", "en")]


def test_missing_and_copied_translations_are_found() -> None:
    question = Question("q", "short_text", {"en": "Tell us your name"}, hint={"en": "First name", "uk": "Ім'я"})
    assert codes(question, languages=("en", "uk")) == [("untranslated", "question/q/title", "uk")]
    copied = Question("q", "short_text", {"en": "Tell us your name", "uk": "Tell us your name"})
    assert codes(copied, languages=("en", "uk")) == [("copied", "question/q/title", "uk")]


def test_a_scale_that_is_turned_around_in_a_translation_is_found() -> None:
    turned = Scale(
        lowest_label={"en": "Very dissatisfied", "uk": "Дуже задоволений"},
        highest_label={"en": "Very satisfied", "uk": "Дуже незадоволений"},
    )
    question = Question("q", "csat", {"en": "How was it?", "uk": "Як це було?"}, scale=turned)
    assert codes(question, languages=("en", "uk")) == [
        ("inconsistent_scale", "question/q/scale/lowest", "uk"),
        ("inconsistent_scale", "question/q/scale/highest", "uk"),
    ]


def test_numbers_that_differ_between_languages_or_from_the_scale_are_found() -> None:
    title = {"en": "From 0 to 10, how likely is it?", "pl": "W skali od 1 do 10, jak bardzo prawdopodobne?"}
    found = codes(Question("q", "nps", title), languages=("en", "pl"))
    assert set(found) == {("inconsistent_scale", "question/q/title", "pl")}


def test_answers_in_a_text_are_the_same_in_each_language() -> None:
    title = {"en": "Why {answer.score}?", "uk": "Чому саме так?"}
    assert codes(Question("q", "long_text", title), languages=("en", "uk")) == [
        ("different_fields", "question/q/title", "uk")
    ]


def test_words_are_good_or_bad() -> None:
    labels = ("Satisfied", "Dissatisfied", "Neither satisfied nor dissatisfied", "Blue")
    assert [feeling(one, "en") for one in labels] == [1, -1, 0, 0]
    assert [feeling(one, "zh-hant") for one in ("非常滿意", "非常不滿意", "普通")] == [1, -1, 0]
