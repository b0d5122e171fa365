"""Random questionnaires and random fills, for comparing the runtime with others that do the same."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from cxm.listen.surveys.definition import Definition

SCORES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7), "rating": (1, 5)}
CHOOSING = ("single", "multiple", "dropdown", "picture", "ranking")
KINDS = (*SCORES, "slider", *CHOOSING, "yes_no", "thumbs", "matrix", "constant_sum", "short_text", "long_text",
         "number", "email", "date", "consent", "statement", "contact")  # fmt: skip
WORDS = ("fast", "slow", "kind", "ok")


def random_definition(random: Random, *, questions: int = 8, kinds: tuple[str, ...] = KINDS) -> Definition:
    """Conditions look back at earlier questions only; rules lead forward."""
    made: list[dict[str, Any]] = []
    pages: list[dict[str, Any]] = []
    number = 0
    while number < questions:
        sections = []
        for _ in range(random.choice((1, 1, 1, 2))):
            held = []
            before = list(made)  # what stands in earlier sections
            for _ in range(random.randint(1, 3)):
                number += 1
                held.append(_question(random, f"q{number}", made, kinds))
                made.append(held[-1])
            section: dict[str, Any] = {"id": f"s{number}", "questions": held}
            if before and random.random() < 0.2:
                section["show"] = condition(random, before)
            sections.append(section)
        page: dict[str, Any] = {"id": f"p{len(pages) + 1}", "sections": sections}
        earlier = [question for one in pages for held in one["sections"] for question in held["questions"]]
        if earlier and random.random() < 0.2:
            page["show"] = condition(random, earlier)
        pages.append(page)
    rules = _rules(random, pages)
    return msgspec.convert({"title": {"en": "Random"}, "languages": ["en"], "pages": pages, "rules": rules}, Definition)


def _rules(random: Random, pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for number, page in enumerate(pages[:-1]):
        here = [question for one in pages[: number + 1] for held in one["sections"] for question in held["questions"]]
        if random.random() < 0.35:
            do = random.choice(("skip", "skip", "end"))
            target = random.choice(pages[number + 1 :])["id"] if do == "skip" else ""
            rules.append({"id": f"r{len(rules)}", "do": do, "after": page["id"], "target": target,
                          "when": condition(random, here)})  # fmt: skip
    everything = [question for one in pages for held in one["sections"] for question in held["questions"]]
    if random.random() < 0.4 and len(everything) > 2:
        place = random.randrange(1, len(everything))
        rules.append({"id": "require", "do": "require", "targets": [everything[place]["id"]],
                      "when": condition(random, everything[:place])})  # fmt: skip
    return rules


def _choices(random: Random, prefix: str, least: int = 2) -> list[dict[str, Any]]:
    return [{"id": f"{prefix}{n}", "label": {"en": f"{prefix} {n}"}} for n in range(1, random.randint(least, 5) + 1)]


def _question(random: Random, id_: str, before: list[dict[str, Any]], kinds: tuple[str, ...]) -> dict[str, Any]:
    kind = random.choice(kinds)
    question: dict[str, Any] = {"id": id_, "kind": kind, "title": {"en": id_}}
    if kind != "statement" and random.random() < 0.4:
        question["required"] = True
    if before and random.random() < 0.4:
        question["show"] = condition(random, before)
    if kind in CHOOSING:
        question["choices"] = _choices(random, "c")
        sources = [
            one for one in before if one["kind"] == "multiple" and not any(c.get("other") for c in one["choices"])
        ]
        if sources and kind != "ranking" and random.random() < 0.2:
            question["choices"] = _choices(random, "own", 1)
            question["carry"] = {"question": random.choice(sources)["id"],
                                 "which": random.choice(("selected", "unselected", "shown"))}  # fmt: skip
        elif before and kind != "ranking" and random.random() < 0.3:
            for choice in random.sample(question["choices"], random.randint(1, len(question["choices"]))):
                choice["show"] = condition(random, before)
        if kind in ("single", "multiple", "dropdown") and random.random() < 0.2:
            question["choices"].append({"id": "other", "label": {"en": "Other"}, "other": True})
        if kind in ("multiple", "picture"):
            question["several"] = kind == "picture" and random.random() < 0.5
            if kind == "multiple" and random.random() < 0.3:
                question["at_least"], question["at_most"] = 1, 2
    elif kind == "matrix":
        question |= {"choices": _choices(random, "c"), "rows": _choices(random, "r"), "several": random.random() < 0.3}
    elif kind == "constant_sum":
        question |= {"choices": _choices(random, "c"), "total": 10}
    elif kind == "contact":
        question["choices"] = [{"id": "name", "label": {"en": "Name"}, "required": random.random() < 0.5},
                               {"id": "email", "label": {"en": "E-mail"}}]  # fmt: skip
    elif kind == "number":
        question |= {"at_least": 1, "at_most": 5}
    elif kind in ("short_text", "long_text") and random.random() < 0.4:
        question |= random.choice((
            {"at_least": 3}, {"at_most": 3},
            {"checks": [{"must": {"field": "value", "operator": "matches", "values": ["^[fk]"]}, "message": {}}]},
        ))  # fmt: skip
    return question


def condition(random: Random, before: list[dict[str, Any]], depth: int = 0) -> dict[str, Any]:
    if depth < 2 and random.random() < 0.35:
        parts = [condition(random, before, depth + 1) for _ in range(random.randint(1, 3))]
        return random.choice(({"all": parts}, {"any": parts}, {"not": parts[0]}))
    question = random.choice(before)
    name, kind = f"answer.{question['id']}", question["kind"]
    if kind in ("matrix", "contact", "constant_sum"):
        part = random.choice(question["rows" if kind == "matrix" else "choices"])["id"]
        name += f".{part}"
    if kind == "statement" or random.random() < 0.15:
        return {"field": name, "operator": random.choice(("is_set", "is_not_set"))}
    values: list[Any]
    if kind in SCORES or kind in ("slider", "number", "constant_sum"):
        low, high = SCORES.get(kind, (0, 5))
        values = [random.randint(low, high)]
        operators = ("is", "is_not", "at_least", "at_most", "more_than", "less_than")
        return {"field": name, "operator": random.choice(operators), "values": values}
    if kind in ("yes_no", "thumbs", "consent"):
        return {"field": name, "operator": random.choice(("is", "is_not")), "values": [random.random() < 0.5]}
    if kind in (*CHOOSING, "matrix"):
        ids = [choice["id"] for choice in question["choices"]]
        values = random.sample(ids, random.randint(1, min(2, len(ids))))
        listed = kind in ("multiple", "ranking") or question.get("several")
        choosing = ("is", "is_not", "includes_all") if listed else ("is", "is_not")
        return {"field": name, "operator": random.choice(choosing), "values": values}
    if kind == "date":
        return {"field": name, "operator": random.choice(("at_least", "less_than")), "values": ["2026-06-15"]}
    return {"field": name, "operator": random.choice(("is", "is_not", "contains", "not_contains")),
            "values": [random.choice(WORDS)]}  # fmt: skip


def random_answers(random: Random, definition: Definition, *, wrong: float = 0.15) -> dict[str, Any]:
    """Answers to some of the questions, right in type, now and then against a rule."""
    answers: dict[str, Any] = {}
    for question in definition.questions():
        if random.random() < 0.25 or (question.kind in (*CHOOSING, "constant_sum") and not question.choices):
            continue
        kind, ids = question.kind, [choice.id for choice in question.choices]
        bad = random.random() < wrong
        if kind in SCORES:
            low, high = SCORES[kind]
            if question.scale is not None:
                low, high = int(question.scale.lowest), int(question.scale.highest)
            answers[question.id] = random.randint(low, high)
        elif kind == "slider":
            answers[question.id] = random.randint(0, 6)
        elif kind == "number":
            answers[question.id] = random.choice((0, 9)) if bad else random.randint(1, 5)
        elif kind in ("yes_no", "thumbs", "consent"):
            answers[question.id] = random.random() < 0.5
        elif kind in ("single", "dropdown") or (kind == "picture" and not question.several):
            answers[question.id] = random.choice(ids)
        elif kind in ("multiple", "picture"):
            answers[question.id] = random.sample(ids, random.randint(1, len(ids)))
        elif kind == "ranking":
            answers[question.id] = random.sample(ids, len(ids))
        elif kind == "matrix":
            rows = random.sample([row.id for row in question.rows], random.randint(1, len(question.rows)))
            answers[question.id] = {
                row: [random.choice(ids)] if question.several else random.choice(ids) for row in rows
            }
        elif kind == "constant_sum":
            parts = [random.randint(0, 3) for _ in ids[1:]]
            parts = [max(0, 10 - sum(parts)), *parts]
            answers[question.id] = dict(zip(ids, [part + bad for part in parts], strict=True))
        elif kind == "contact":
            answers[question.id] = {"email": "nobody" if bad else "ada@shop.example"}
            if random.random() < 0.6:
                answers[question.id]["name"] = "Ada"
        elif kind == "email":
            answers[question.id] = "nobody" if bad else "ada@shop.example"
        elif kind == "date":
            answers[question.id] = random.choice(("2026-01-31", "2026-06-15", "2026-12-01"))
        elif kind != "statement":
            answers[question.id] = " ".join(random.sample(WORDS, random.randint(1, 2)))
        chosen = answers.get(question.id)
        if "other" in ids and not bad and "other" in (chosen if isinstance(chosen, list) else [chosen]):
            answers[f"{question.id}.other"] = "something else"
    return answers
