"""Running a survey: what is shown, what is wrong and how it ends, worked out by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cxm.listen.surveys.definition import Definition, Page
from cxm.listen.surveys.runtime import (
    Facts,
    Prepared,
    View,
    check_page,
    finish,
    next_page,
    put,
    read_form,
    read_json,
    read_number,
    read_value,
    visit,
)


def survey(*pages: list[dict[str, Any]], **more: Any) -> Definition:
    """Pages p1, p2 … each with one section of these questions; titles are their ids unless given."""
    made = [
        {
            "id": f"p{number}",
            "sections": [{"id": f"s{number}", "questions": [{"title": {"en": one["id"]}, **one} for one in questions]}],
        }
        for number, questions in enumerate(pages, 1)
    ]
    return msgspec.convert({"title": {"en": "Survey"}, "languages": ["en", "uk"], "pages": made, **more}, Definition)


def choices(*ids: str) -> list[dict[str, Any]]:
    return [{"id": one, "label": {"en": one.upper()}} for one in ids]


def leaf(name: str, operator: str, *values: Any) -> dict[str, Any]:
    return {"field": name, "operator": operator, "values": list(values)}


def shown(view: View) -> list[str]:
    return [question.id for question in view.page.questions()] if view.page else []


NPS = {"id": "nps", "kind": "nps", "required": True}
WHY = {"id": "why", "kind": "long_text", "explains": "nps", "show": leaf("answer.nps", "at_most", 6)}


def test_a_follow_up_comes_with_a_low_score_and_goes_with_a_high_one() -> None:
    definition = survey([NPS, WHY])
    assert shown(visit(definition, {}, language="en")) == ["nps"]
    assert shown(visit(definition, {"nps": 6}, language="en")) == ["nps", "why"]
    assert shown(visit(definition, {"nps": 7, "why": "kept while editing"}, language="en")) == ["nps"]
    assert finish(definition, {"nps": 7, "why": "not counted"}, language="en").answers == {"nps": 7.0}


def test_a_question_says_when_its_answer_changes_the_page() -> None:
    view = visit(survey([NPS, WHY]), {"nps": 3}, language="en")
    assert view.page
    assert {question.id: question.live for question in view.page.questions()} == {"nps": True, "why": False}


def test_the_view_becomes_json_and_back() -> None:
    view = visit(survey([NPS, WHY]), {"nps": 3}, language="en")
    assert msgspec.json.decode(msgspec.json.encode(view), type=View) == view


def test_a_hidden_question_is_not_compulsory() -> None:
    definition = survey([NPS, WHY | {"required": True}])
    assert check_page(definition, {"nps": 9}, language="en", page="p1") == {}
    wrong = check_page(definition, {"nps": 2}, language="en", page="p1")
    assert [(id_, [one.code for one in found]) for id_, found in wrong.items()] == [("why", ["required"])]


def test_an_answer_of_a_hidden_question_counts_for_no_condition() -> None:
    definition = survey(
        [NPS, WHY],
        [{"id": "third", "kind": "short_text", "show": leaf("answer.why", "is_set")}],
    )
    assert next_page(definition, {"nps": 9, "why": "old"}, language="en", page="p1") is None
    assert next_page(definition, {"nps": 1, "why": "old"}, language="en", page="p1") == "p2"


def test_a_skip_leads_forward_and_what_it_jumped_over_does_not_count() -> None:
    definition = survey(
        [{"id": "a", "kind": "yes_no"}],
        [{"id": "b", "kind": "short_text", "required": True}],
        [{"id": "c", "kind": "short_text"}, {"id": "d", "kind": "short_text", "show": leaf("answer.b", "is_set")}],
        rules=[{"id": "r", "do": "skip", "after": "p1", "target": "p3", "when": leaf("answer.a", "is", True)}],
    )
    answers = {"a": True, "b": "kept", "c": "x"}
    assert next_page(definition, answers, language="en", page="p1") == "p3"
    view = visit(definition, answers, language="en", page="p3")
    assert shown(view) == ["c"] and view.back == "p1" and (view.number, view.of) == (2, 2) and view.last
    outcome = finish(definition, answers, language="en")
    assert outcome.answers == {"a": True, "c": "x"} and outcome.problems == {}
    assert next_page(definition, answers | {"a": False}, language="en", page="p1") == "p2"


def test_skips_that_lead_back_or_nowhere_are_passed_over() -> None:
    rules = [
        {"id": "r1", "do": "skip", "after": "p2", "target": "p1"},
        {"id": "r2", "do": "skip", "after": "p2", "target": "p2"},
        {"id": "r3", "do": "skip", "after": "p2", "target": "gone"},
    ]
    definition = survey(*([{"id": one, "kind": "short_text"}] for one in "abc"), rules=rules)
    assert next_page(definition, {}, language="en", page="p2") == "p3"


def test_the_first_rule_that_holds_is_followed() -> None:
    rules = [
        {"id": "r1", "do": "end", "after": "p1", "target": "out", "when": leaf("answer.a", "is", "no")},
        {"id": "r2", "do": "skip", "after": "p1", "target": "p3"},
    ]
    endings = [
        {"id": "thanks", "title": {"en": "Thanks"}},
        {"id": "out", "title": {"en": "Not for you"}, "completes": False},
    ]
    definition = survey(*([{"id": one, "kind": "short_text"}] for one in "abc"), rules=rules, endings=endings)
    assert next_page(definition, {"a": "no"}, language="en", page="p1") is None
    assert finish(definition, {"a": "no"}, language="en").ending.completes is False
    assert next_page(definition, {"a": "yes"}, language="en", page="p1") == "p3"
    assert finish(definition, {"a": "yes"}, language="en").ending.title == "Thanks"


def test_the_ending_is_the_first_whose_condition_holds() -> None:
    endings = [
        {"id": "rest", "title": {"en": "Thank you {hidden.name|dear customer}"}},
        {"id": "low", "title": {"en": "Sorry"}, "when": leaf("answer.nps", "at_most", 6)},
    ]
    definition = survey([NPS], endings=endings)
    assert finish(definition, {"nps": 0}, language="en").ending.id == "low"
    assert finish(definition, {"nps": 9}, language="en").ending.title == "Thank you dear customer"
    assert finish(definition, {"nps": 9}, Facts(hidden={"name": "Ada"}), language="en").ending.title == "Thank you Ada"


def test_variables_are_what_the_last_rule_that_holds_makes_of_them() -> None:
    rules = [
        {"id": "1", "do": "compute", "target": "x", "formula": {"do": "add", "of": ["{answer.nps}", 1]}},
        {"id": "2", "do": "compute", "target": "x", "formula": {"do": "multiply", "of": ["{variable.x}", 10]},
         "when": leaf("answer.nps", "more_than", 5)},
        {"id": "3", "do": "tag", "target": "big", "when": leaf("variable.x", "at_least", 70)},
        {"id": "4", "do": "open_case", "target": "high", "when": leaf("variable.x", "less_than", 10)},
    ]  # fmt: skip
    definition = survey([NPS], rules=rules)
    high = finish(definition, {"nps": 6}, language="en")  # (6 + 1) × 10
    assert (high.variables, high.tags, high.cases) == ({"x": 70.0}, ("big",), ())
    low = finish(definition, {"nps": 5}, language="en")  # 5 + 1
    assert (low.variables, low.tags, [one.priority for one in low.cases]) == ({"x": 6.0}, (), ["high"])


def test_choices_are_carried_forward_with_the_text_of_other() -> None:
    pick = {"id": "pick", "kind": "multiple", "choices": [*choices("a", "b"), *choices("o")]}
    pick["choices"][2]["other"] = True  # type: ignore[index]  # a list of dicts
    best = {"id": "best", "kind": "single", "carry": {"question": "pick"}, "choices": choices("none")}
    definition = survey([pick], [best])
    answers = {"pick": ["o", "a"], "pick.other": "A shop of my own"}
    view = visit(definition, answers, language="en", page="p2")
    assert view.page
    [question] = view.page.questions()
    assert [(one.id, one.label, one.other) for one in question.choices] == [
        ("a", "A", False), ("o", "A shop of my own", False), ("none", "NONE", False),
    ]  # fmt: skip
    assert finish(definition, answers | {"best": "o"}, language="en").answers["best"] == "o"
    # b was not picked, so it cannot be the best
    assert "best" not in finish(definition, answers | {"best": "b"}, language="en").answers


def test_a_question_with_nothing_left_to_choose_is_not_shown() -> None:
    definition = survey(
        [{"id": "pick", "kind": "multiple", "choices": choices("a", "b")}],
        [{"id": "rank", "kind": "ranking", "carry": {"question": "pick"}, "required": True}],
    )
    assert next_page(definition, {}, language="en", page="p1") is None
    assert next_page(definition, {"pick": ["a"]}, language="en", page="p1") == "p2"


def test_sections_of_a_page_in_random_order_keep_what_belongs_together() -> None:
    """Each of the six orders of three sections comes about equally often; a text that opens the page stays first."""
    definition = survey([])
    sections: list[dict[str, Any]] = [{"id": "hello", "text": {"en": "Hello."}}]
    for name in "abc":
        questions = [{"id": f"{name}{number}", "kind": "yes_no", "title": {"en": "?"}} for number in (1, 2)]
        sections.append({"id": name, "questions": questions})
    definition.pages = [msgspec.convert({"id": "p", "order": "random", "sections": sections}, Page)]
    seen: dict[str, int] = {}
    for seed in range(1200):
        page = visit(definition, {}, language="en", seed=seed).page
        assert page is not None and page.sections[0].id == "hello"
        order = "".join(one.id for one in page.sections[1:])
        assert [one.id for one in page.questions()] == [f"{name}{number}" for name in order for number in (1, 2)]
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 6
    assert all(148 <= times <= 252 for times in seen.values()), seen  # 200 ± 4 deviations of 12.9
    definition.look.one_at_a_time = True
    way = visit(definition, {}, language="en", seed=1)
    assert way.of == 7  # the text, then question after question


def test_random_order_is_the_same_for_one_seed_and_different_for_others() -> None:
    options = choices(*"abcdef")
    options[5]["fixed"] = True
    definition = survey([{"id": "q", "kind": "single", "choices": options, "order": "random"}])

    def order(seed: int) -> str:
        view = visit(definition, {}, language="en", seed=seed)
        assert view.page
        return "".join(one.id for one in next(view.page.questions()).choices)

    assert order(1) == order(1)
    orders = {order(seed) for seed in range(50)}
    assert len(orders) > 30 and all(sorted(one) == list("abcdef") and one[-1] == "f" for one in orders)


def test_reversed_half_turns_the_order_around_for_about_half() -> None:
    definition = survey([{"id": "q", "kind": "single", "choices": choices(*"abc"), "order": "reversed_half"}])
    orders = []
    for seed in range(400):
        view = visit(definition, {}, language="en", seed=seed)
        assert view.page
        orders.append("".join(one.id for one in next(view.page.questions()).choices))
    assert set(orders) == {"abc", "cba"}
    assert 160 < orders.count("abc") < 240  # 200 ± 4 standard deviations of 10


def test_what_a_respondent_wrote_is_never_a_template() -> None:
    definition = survey(
        [{"id": "name", "kind": "short_text"}],
        [{"id": "q", "kind": "yes_no", "title": {"en": "{answer.name|you} {curly} {answer.nothing|there}"}}],
    )
    view = visit(definition, {"name": "{hidden.secret}<b>"}, Facts(hidden={"secret": "s3"}), language="en", page="p2")
    assert view.page
    assert next(view.page.questions()).title == "{hidden.secret}<b> {curly} there"


def test_an_answer_in_an_address_stays_one_part_of_it() -> None:
    definition = survey(
        [{"id": "q", "kind": "short_text"}],
        endings=[{"id": "e", "title": {"en": "Bye"}, "link": "https://shop.example/?c={answer.q}", "redirect": True}],
    )
    assert finish(definition, {"q": "a&b=/#"}, language="en").ending.link == "https://shop.example/?c=a%26b%3D%2F%23"
    scripts = survey([], endings=[{"id": "e", "title": {"en": "Bye"}, "link": "javascript:alert(1)", "redirect": True}])
    assert (finish(scripts, {}, language="en").ending.link, finish(scripts, {}, language="en").ending.redirect) == (
        "",
        False,
    )


def test_one_question_at_a_time_makes_each_question_a_screen() -> None:
    definition = survey([NPS, WHY], [{"id": "more", "kind": "short_text"}], look={"one_at_a_time": True})
    assert visit(definition, {}, language="en").page.id == "p1:nps"  # type: ignore[union-attr]  # it has a page
    assert next_page(definition, {"nps": 9}, language="en", page="p1:nps") == "p2:more"
    assert next_page(definition, {"nps": 2}, language="en", page="p1:nps") == "p1:why"
    # going on from a screen that is gone leads to what comes after it
    assert next_page(definition, {"nps": 9}, language="en", page="p1:why") == "p2:more"


def test_a_full_quota_ends_it_for_those_it_concerns() -> None:
    definition = survey(
        [{"id": "q", "kind": "single", "choices": choices("a", "b")}],
        [{"id": "more", "kind": "short_text"}],
        quotas=[{"id": "as", "name": "A", "limit": 1, "when": leaf("answer.q", "is", "a"), "ending": "full"}],
        endings=[
            {"id": "e", "title": {"en": "Bye"}},
            {"id": "full", "title": {"en": "Enough"}, "when": leaf("url", "is", "-")},
        ],
    )
    assert finish(definition, {"q": "a"}, language="en").quotas == ("as",)
    assert next_page(definition, {"q": "a"}, language="en", page="p1", full={"as"}) is None
    outcome = finish(definition, {"q": "a"}, language="en", full={"as"})
    assert (outcome.full, outcome.ending.id, outcome.ending.completes, outcome.quotas) == ("as", "full", False, ())
    assert next_page(definition, {"q": "b"}, language="en", page="p1", full={"as"}) == "p2"


def test_conditions_see_facts_and_earlier_surveys() -> None:
    when = {"all": [leaf("trait.plan", "is", "pro"), leaf("segment", "is", "7"), leaf("language", "is", "uk"),
                    leaf("survey.nps.score", "at_most", 6), leaf("survey.nps.days", "less_than", 30)]}  # fmt: skip
    definition = survey([{"id": "q", "kind": "short_text", "show": when}])
    facts = Facts(traits={"plan": "pro"}, segments=["3", "7"], earlier={"nps": {"score": 4, "days": 12.5}})
    assert shown(visit(definition, {}, facts, language="uk")) == ["q"]
    assert visit(definition, {}, facts, language="en").page is None
    assert visit(definition, {}, language="uk").page is None


def test_a_question_that_depends_on_itself_ends_the_walk_all_the_same() -> None:
    definition = survey(
        [
            {"id": "a", "kind": "short_text", "show": leaf("answer.b", "is_set")},
            {"id": "b", "kind": "short_text", "show": leaf("answer.a", "is_set")},
            {"id": "c", "kind": "short_text", "show": leaf("variable.v", "is_set")},
        ],
        rules=[{"id": "r", "do": "compute", "target": "v", "formula": {"do": "value", "of": ["{answer.c}"]}}],
    )
    assert visit(definition, {"a": "x", "b": "x", "c": "x"}, language="en").page is None


def test_forms_are_read_by_kind() -> None:
    matrix = {"id": "m", "kind": "matrix", "rows": choices("r", "s"), "choices": choices("x", "y")}
    other = [*choices("a"), {"id": "o", "label": {"en": "Other"}, "other": True}]
    definition = survey([
        NPS, {"id": "yes", "kind": "yes_no"}, {"id": "many", "kind": "multiple", "choices": other}, matrix,
        {"id": "rank", "kind": "ranking", "choices": choices("a", "b", "c")},
        {"id": "sum", "kind": "constant_sum", "choices": choices("a", "b"), "total": 100},
        {"id": "max", "kind": "maxdiff", "choices": choices(*"abcde")},
        {"id": "n", "kind": "number"}, {"id": "d", "kind": "date"}, {"id": "t", "kind": "long_text"},
        {"id": "ok", "kind": "consent"}, {"id": "who", "kind": "contact", "choices": choices("name", "email")},
    ])  # fmt: skip
    form = {
        "a.nps": ["7"], "a.yes": ["no"], "a.many": ["a", "o", "forged"], "a.many.other": ["  mine "], "a.m.r": ["y"],
        "a.rank.a": ["2"], "a.rank.c": ["1"], "a.sum.a": ["33,5"], "a.sum.b": ["66.5"],
        "a.max.0.best": ["a"], "a.max.0.worst": ["b"], "a.n": ["1 234,5"], "a.d": ["3.2.2026"], "a.t": ["a\r\nb\x00"],
        "a.ok": ["yes"], "a.who.name": ["Ада"], "a.who.email": [""],
    }  # fmt: skip
    read = read_form(definition, [question.id for question in definition.questions()], form)
    assert read.problems == {}
    assert read.answers == {
        "nps": 7.0, "yes": False, "many": ["a", "o"], "many.other": "mine", "m": {"r": "y"}, "rank": ["c", "a"],
        "sum": {"a": 33.5, "b": 66.5}, "max": [{"best": "a", "worst": "b"}], "n": 1234.5, "d": "2026-02-03",
        "t": "a\nb", "ok": True, "who": {"name": "Ада"},
    }  # fmt: skip


def test_an_empty_field_takes_the_answer_away() -> None:
    definition = survey(
        [{"id": "many", "kind": "multiple", "choices": choices("a")}, {"id": "t", "kind": "short_text"}]
    )
    read = read_form(definition, ["many", "t"], {"a.t": [" "]})
    assert put({"many": ["a"], "t": "x", "else": 1}, read.answers) == {"else": 1}


def test_what_cannot_be_read_is_refused_and_shown_again() -> None:
    definition = survey([NPS, {"id": "n", "kind": "number"}, {"id": "d", "kind": "date"}])
    read = read_form(definition, ["nps", "n", "d"], {"a.nps": ["11"], "a.n": ["many"], "a.d": ["2026-02-30"]})
    assert {id_: found[0].code for id_, found in read.problems.items()} == {
        "nps": "not_on_scale", "n": "number", "d": "date",
    }  # fmt: skip
    view = visit(definition, read.answers, language="en", problems=read.problems, entered=read.entered)
    assert view.page
    assert [(one.value, one.entered) for one in view.page.questions()] == [
        (None, "11"),
        (None, "many"),
        (None, "2026-02-30"),
    ]


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [
        ("1,234", "en", 1234.0), ("1,234", "de", 1.234), ("1.234,5", "de", 1234.5), ("1,234.5", "en", 1234.5),
        ("−3", "", -3.0), ("1e999", "", None), ("nan", "", None), ("", "", None), ("12abc", "", None),
        ("1\u00a0000", "", 1000.0),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, language: str, number: float | None) -> None:
    assert read_number(text, language) == number


NONE = {"id": "n", "label": {}, "exclusive": True}
OTHER = {"id": "o", "label": {}, "other": True}
TOO_LARGE = {"name": "a.exe", "type": "", "size": 9e9, "key": "k"}
LIMITS: list[tuple[dict[str, Any], Any, list[str]]] = [
    ({"kind": "multiple", "choices": choices(*"abc"), "at_least": 2}, ["a"], ["too_few"]),
    ({"kind": "multiple", "choices": choices(*"abc"), "at_most": 2}, ["a", "b", "c"], ["too_many"]),
    ({"kind": "multiple", "choices": [*choices("a"), NONE]}, ["a", "n"], ["exclusive"]),
    ({"kind": "single", "choices": [OTHER]}, "o", ["other_text"]),
    ({"kind": "number", "at_least": 3}, 2, ["too_small"]),
    ({"kind": "slider", "at_most": 30}, 31, ["too_large"]),
    ({"kind": "short_text", "at_most": 3}, "four", ["too_long"]),
    ({"kind": "long_text", "at_least": 3}, "ab", ["too_short"]),
    ({"kind": "email"}, "nobody@", ["email"]),
    ({"kind": "email"}, "ада@пошта.укр", []),
    ({"kind": "phone"}, "+380 (44) 123-45-67", []),
    ({"kind": "phone"}, "call me", ["phone"]),
    ({"kind": "url"}, "example.com/a?b", []),
    ({"kind": "url"}, "javascript:alert(1)", ["url"]),
    ({"kind": "date"}, "2026-13-01", ["date"]),
    ({"kind": "constant_sum", "choices": choices("a", "b"), "total": 10}, {"a": 4, "b": 5}, ["total"]),
    ({"kind": "constant_sum", "choices": choices("a", "b"), "total": 0.3}, {"a": 0.1, "b": 0.2}, []),
    ({"kind": "ranking", "choices": choices("a", "b"), "required": True}, ["b"], ["too_few"]),
    ({"kind": "matrix", "rows": choices("r", "s"), "choices": choices("x"), "required": True}, {"r": "x"},
     ["required"]),
    ({"kind": "consent", "required": True}, False, ["consent"]),
    ({"kind": "contact", "choices": choices("email", "name")}, {"email": "x"}, ["email"]),
    ({"kind": "file", "accept": [".pdf"]}, [TOO_LARGE], ["file_type", "file_size"]),
    ({"kind": "maxdiff", "choices": choices("a", "b", "c"), "per_task": 3, "tasks": 1},
     [{"best": "a", "worst": "a"}], ["same_choice"]),
]  # fmt: skip


@pytest.mark.parametrize(("question", "value", "codes"), LIMITS)
def test_limits_of_each_kind(question: dict[str, Any], value: Any, codes: list[str]) -> None:
    definition = survey([{"id": "q", **question}])
    assert [one.code for one in check_page(definition, {"q": value}, language="en", page="p1").get("q", ())] == codes


def test_an_authors_rule_speaks_with_the_authors_words() -> None:
    check = {
        "must": leaf("value", "matches", "^[A-Z]{2}[0-9]{4}$"),
        "message": {"en": "Two letters", "uk": "Дві літери"},
    }
    definition = survey([{"id": "q", "kind": "short_text", "checks": [check]}])
    assert check_page(definition, {"q": "AB1234"}, language="uk", page="p1") == {}
    assert check_page(definition, {"q": "x"}, language="uk", page="p1")["q"][0].message == "Дві літери"
    assert check_page(definition, {}, language="uk", page="p1") == {}  # optional: may stay empty


def test_maxdiff_shows_every_choice_equally_often() -> None:
    definition = survey([{"id": "q", "kind": "maxdiff", "choices": choices(*"abcdefgh"), "per_task": 4}])
    view = visit(definition, {}, language="en", seed=5)
    assert view.page
    tasks = next(view.page.questions()).tasks
    assert len(tasks) == 6 and all(len(set(task)) == 4 for task in tasks)  # 8 choices × 3 times ÷ 4 in a task
    assert {one: sum(one in task for task in tasks) for one in "abcdefgh"} == dict.fromkeys("abcdefgh", 3)


def test_json_of_wrong_types_is_refused_by_question() -> None:
    definition = survey(
        [NPS, {"id": "t", "kind": "short_text"}, {"id": "s", "kind": "single", "choices": choices("a")}]
    )
    read = read_json(definition, {"nps": "7", "t": {"$ne": 1}, "s": "b", "unknown": 1, "t.other": 5})
    assert read.answers == {}
    assert {id_: found[0].code for id_, found in read.problems.items()} == {
        "nps": "wrong_type", "t": "wrong_type", "s": "unknown_choice",
    }  # fmt: skip
    assert read_json(definition, {"nps": 7, "t": None}).answers == {"nps": 7.0, "t": None}


def test_a_default_is_shown_and_becomes_an_answer_only_when_sent() -> None:
    definition = survey(
        [{"id": "mail", "kind": "email", "default": "{hidden.mail}"}, {"id": "n", "kind": "nps", "default": "x"}]
    )
    facts = Facts(hidden={"mail": "a@b.example"})
    view = visit(definition, {}, facts, language="en")
    assert view.page
    assert [(one.value, one.prefill) for one in view.page.questions()] == [(None, "a@b.example"), (None, None)]
    assert finish(definition, {}, facts, language="en").answers == {}


def test_a_rule_makes_questions_compulsory() -> None:
    rule = {"id": "r", "do": "require", "targets": ["t"], "when": leaf("answer.nps", "is", 0)}
    definition = survey([NPS, {"id": "t", "kind": "short_text"}], rules=[rule])
    assert "t" in check_page(definition, {"nps": 0}, language="en", page="p1")
    assert check_page(definition, {"nps": 1}, language="en", page="p1") == {}


def test_a_survey_without_anything_has_nothing_to_show() -> None:
    view = visit(Prepared(survey()), {}, language="en")
    assert view.page is None and view.progress == 1.0
    assert finish(survey(), {}, language="en").ending.completes is True


def test_one_value_reads_like_a_form() -> None:
    assert read_value(survey([NPS]), "nps", {"a.nps": ["10"]}).answers == {"nps": 10.0}
