"""What was asked: when two wordings of a question are the same, when its scale breaks, how two versions differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from .definition import SCORED, Definition, Kind, Question, Scale, Text, default_scale, said
from .places import Place

_SHAPES: dict[str, tuple[Kind, ...]] = {
    "number": ("nps", "csat", "ces", "rating", "slider", "number"),
    "truth": ("yes_no", "thumbs", "consent"),
    "choice": ("single", "dropdown"),
    "choices": ("multiple",),
    "order": ("ranking",),
    "parts": ("constant_sum",),
    "tasks": ("maxdiff",),
    "text": ("short_text", "long_text", "email", "phone", "url"),
    "date": ("date",),
    "files": ("file",),
    "contact": ("contact",),
    "nothing": ("statement",),
}
SHAPE_OF: dict[str, str] = {kind: shape for shape, kinds in _SHAPES.items() for kind in kinds}


def shape_of(question: Question) -> str:
    """What an answer is made of. Under one id all answers have one shape, however often its wording changes."""
    if question.kind == "picture":
        return "choices" if question.several else "choice"
    if question.kind == "matrix":
        return "rows of choices" if question.several else "rows"
    return SHAPE_OF[question.kind]


def scale_of(question: Question) -> Scale | None:
    return question.scale or default_scale(question.kind) if question.kind in SCORED else None


def asked(question: Question) -> dict[str, Any]:
    """What a person sees of a question, in a form that compares; not where it stands or when it is shown."""
    scale = scale_of(question)
    return {
        "kind": question.kind,
        "title": question.title,
        "hint": question.hint,
        "placeholder": question.placeholder,
        "link": [question.link, question.link_label],
        "scale": msgspec.to_builtins(scale) if scale else None,
        "choices": [[one.id, one.label, one.score, one.image, one.other, one.exclusive] for one in question.choices],
        "rows": [[one.id, one.label] for one in question.rows],
        "carry": msgspec.to_builtins(question.carry) if question.carry else None,
        "several": question.several,
        "total": question.total,
        "maxdiff": [question.per_task, question.tasks] if question.kind == "maxdiff" else None,
    }


def scale_changed(before: Question, after: Question) -> bool:
    """Whether numbers of the two cannot be put into one line: another kind, another range, other values of choices."""
    if before.kind != after.kind or shape_of(before) != shape_of(after) or before.total != after.total:
        return True
    first, second = scale_of(before), scale_of(after)
    if first and second:
        return (first.lowest, first.highest, first.step) != (second.lowest, second.highest, second.step)
    scores = {one.id: one.score for one in before.choices}
    if before.kind == "matrix" and scores.keys() != {one.id for one in after.choices}:
        return True
    return any(one.id in scores and scores[one.id] != one.score for one in after.choices)


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `what`: added, removed, moved, kind, scale, wording, choices, logic, changed."""

    place: Place
    what: str
    name: str
    before: str = ""
    after: str = ""


def differences(before: Definition, after: Definition, language: str) -> list[Difference]:
    """What a person who compares two versions wants to know, question by question, then the rest."""
    old = {one.id: one for one in before.questions()}
    new = {one.id: one for one in after.questions()}
    found: list[Difference] = []

    def name(text: Text, definition: Definition) -> str:
        return said(text, language, definition.languages)

    for question in new.values():
        place, title = Place("question", question.id), name(question.title, after) or question.id
        earlier = old.get(question.id)
        if earlier is None:
            found.append(Difference(place, "added", title))
            continue
        if earlier.kind != question.kind:
            found.append(Difference(place, "kind", title, earlier.kind, question.kind))
        elif scale_changed(earlier, question):
            found.append(Difference(place, "scale", title, _scale_text(earlier), _scale_text(question)))
        if earlier.title != question.title:
            pairs = [(one, earlier.title.get(one, ""), question.title.get(one, "")) for one in
                     dict.fromkeys((*earlier.title, *question.title))]  # fmt: skip
            for one, was, now in pairs:
                if was != now:
                    found.append(
                        Difference(place, "wording", f"{title} ({one})" if len(pairs) > 1 else title, was, now)
                    )
        if [(c.id, c.label) for c in earlier.choices] != [(c.id, c.label) for c in question.choices] or [
            (c.id, c.label) for c in earlier.rows
        ] != [(c.id, c.label) for c in question.rows]:
            found.append(
                Difference(place, "choices", title, _choices_text(earlier, before, language),
                           _choices_text(question, after, language))
            )  # fmt: skip
        if (earlier.show, earlier.required, earlier.carry, earlier.checks) != (
            question.show, question.required, question.carry, question.checks,
        ):  # fmt: skip
            found.append(Difference(place, "logic", title))
    for question in old.values():
        if question.id not in new:
            found.append(Difference(Place("question", question.id), "removed", name(question.title, before)))
    stayed = [one for one in new if one in old]
    if stayed != [one for one in old if one in new]:
        found.append(Difference(Place(), "moved", ""))
    for part in ("pages", "rules", "quotas", "endings", "look", "languages", "title", "intro", "purpose"):
        first, second = getattr(before, part), getattr(after, part)
        if (_frame(before) != _frame(after)) if part == "pages" else (first != second):
            found.append(Difference(Place(part), "changed", ""))
    return found


def _frame(definition: Definition) -> list[Any]:
    """Pages and sections without their questions."""
    return [
        (page.id, page.title, page.show, [(one.id, one.title, one.text, one.show, one.order) for one in page.sections])
        for page in definition.pages
    ]


def _scale_text(question: Question) -> str:
    scale = scale_of(question)
    if scale:
        return f"{scale.lowest:g}–{scale.highest:g}"
    return ", ".join(f"{one.id} = {one.score:g}" for one in question.choices if one.score is not None)


def _choices_text(question: Question, definition: Definition, language: str) -> str:
    return " · ".join(said(one.label, language, definition.languages) for one in (*question.choices, *question.rows))
