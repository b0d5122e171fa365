"""The linter: how often it is right on a sample of questions, and each of its other checks by an example."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cxm.listen.surveys import presets
from cxm.listen.surveys.definition import Choice, Definition, Page, Question, Scale, Section
from cxm.listen.surveys.linting import CODES, feeling, lint, lint_text

from .lint_held_out import HELD_OUT
from .lint_sample import SAMPLE

DOCS = Path(__file__).resolve().parents[4] / "docs" / "reference" / "survey-lint.md"


def measured(sample: list[tuple[str, str, str]] = SAMPLE) -> dict[tuple[str, str], tuple[int, int, int]]:
    """For each code, over all languages and in each: rightly found, found in all, faults in all."""
    right: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    faults: Counter[tuple[str, str]] = Counter()
    for language, fault, text in sample:
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


@pytest.mark.parametrize("sample", [SAMPLE, HELD_OUT], ids=["sample", "held out"])
def test_a_sound_question_is_left_alone_in_each_language(sample: list[tuple[str, str, str]]) -> None:
    sound = [(language, text) for language, fault, text in sample if not fault]
    assert {language for language, _text in sound} == set(presets.LANGUAGES)
    assert [(text, found) for language, text in sound if (found := lint_text(text, language))] == []


def test_the_figures_in_the_documentation_are_those_measured() -> None:
    text = DOCS.read_text()
    seen, unseen = measured(), measured(HELD_OUT)
    for code in ("leading", "double_barrelled", "negated"):
        right, found, faults = seen[code, "all"]
        told = f"{right} of {found} | {right} of {faults} | {{0}} of {{1}} | {{0}} of {{2}} |".format(
            *unseen[code, "all"]
        )
        assert re.search(rf"^\| `{code}` \|.*\| {re.escape(told)}$", text, re.MULTILINE), told
    for sample in (SAMPLE, HELD_OUT):
        sound = sum(1 for one in sample if not one[1])
        assert f"{len(sample)} questions" in text
        assert f"{sound} sound" in text
    assert all(f"`{code}`" in text for code in CODES)


# Four labels of which three praise, in each language, and the four that are fair.
LABELS = {
    "en": (["Excellent", "Very good", "Good", "Poor"], ["Very good", "Good", "Bad", "Very bad"]),
    "pl": (["Doskonale", "Bardzo dobrze", "Dobrze", "Źle"], ["Bardzo dobrze", "Dobrze", "Źle", "Bardzo źle"]),
    "ru": (["Отлично", "Очень хорошо", "Хорошо", "Плохо"], ["Очень хорошо", "Хорошо", "Плохо", "Очень плохо"]),
    "uk": (["Відмінно", "Дуже добре", "Добре", "Погано"], ["Дуже добре", "Добре", "Погано", "Дуже погано"]),
    "zh-hant": (["極佳", "非常好", "好", "差"], ["非常好", "好", "差", "非常差"]),
}
SATISFIED = {
    "en": ("Very dissatisfied", "Very satisfied"),
    "pl": ("Bardzo niezadowolony", "Bardzo zadowolony"),
    "ru": ("Очень недоволен", "Очень доволен"),
    "uk": ("Дуже незадоволений", "Дуже задоволений"),
    "zh-hant": ("非常不滿意", "非常滿意"),
}


@pytest.mark.parametrize("language", presets.LANGUAGES)
def test_scales_are_weighed_in_each_language(language: str) -> None:
    lopsided, fair = LABELS[language]
    for labels, found in ((lopsided, [("unbalanced_scale", "question/q/title", language)]), (fair, [])):
        choices = [Choice(str(n), {language: one}) for n, one in enumerate(labels)]
        question = Question(
            "q", "single", {language: presets.question("csat", [language]).title[language]}, choices=choices
        )
        assert codes(question, languages=(language,)) == found


@pytest.mark.parametrize("language", [one for one in presets.LANGUAGES if one != "en"])
def test_translations_are_held_against_the_first_language(language: str) -> None:
    low, high = SATISFIED[language]
    title = presets.question("csat", ["en", language]).title
    for ends, found in (((low, high), []), ((high, low), ["scale/lowest", "scale/highest"])):
        scale = Scale(
            lowest_label={"en": SATISFIED["en"][0], language: ends[0]},
            highest_label={"en": SATISFIED["en"][1], language: ends[1]},
        )
        question = Question("q", "csat", title, scale=scale)
        expected = [("inconsistent_scale", f"question/q/{place}", language) for place in found]
        assert codes(question, languages=("en", language)) == expected
    missing = Question("q", "csat", {"en": title["en"]})
    assert ("untranslated", "question/q/title", language) in codes(missing, languages=("en", language))


@pytest.mark.parametrize("one", presets.PRESETS, ids=lambda one: one.key)
def test_the_ready_made_surveys_have_no_finding_in_any_language(one: presets.Preset) -> None:
    assert [
        (found.code, found.path, found.language) for found in lint(presets.preset(one.key, list(presets.LANGUAGES)))
    ] == []


def test_the_attention_check_has_no_finding_either() -> None:
    languages = presets.LANGUAGES
    assert codes(presets.question("attention", list(languages)), languages=languages) == []


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
