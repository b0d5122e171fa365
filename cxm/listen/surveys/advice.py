"""What the linter found, in sentences with places: advice beside the problems of checking.py, never in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .checking import Problem
from .definition import Definition
from .linting import Finding, lint
from .places import Place

GATHERED = ("untranslated", "copied")  # one sentence for each language


def advice(definition: Definition) -> list[Problem]:
    """All that the linter found, in the order of the survey; missing translations are counted by language."""
    found = lint(definition)
    missing: Counter[tuple[str, str]] = Counter((one.code, one.language) for one in found if one.code in GATHERED)
    return [*_told(found), *(_gathered(code, language, count) for (code, language), count in missing.items())]


def _told(found: Iterable[Finding]) -> Iterator[Problem]:
    for one in found:
        if one.code not in GATHERED:
            yield Problem("warning", one.code, place_of(one.path), f"{sentence(one)} ({one.language})")


def _gathered(code: str, language: str, count: int) -> Problem:
    if code == "untranslated":
        message = ngettext(
            "%(count)s text has no translation into “%(language)s”.",
            "%(count)s texts have no translation into “%(language)s”.", count,
        )  # fmt: skip
    else:
        message = ngettext(
            "%(count)s text in “%(language)s” is the same as in the first language.",
            "%(count)s texts in “%(language)s” are the same as in the first language.", count,
        )  # fmt: skip
    return Problem("warning", code, Place("translations"), message % {"count": count, "language": language})


def place_of(path: str) -> Place:
    """The part that the address of a text belongs to: question/nps/title → question:nps."""
    part, _slash, rest = path.partition("/")
    name = rest.partition("/")[0]
    return Place(part, name) if part in ("page", "section", "question", "ending") else Place()


def sentence(finding: Finding) -> str:
    """What is doubtful, and what to do about it."""
    match finding.code:
        case "leading":
            text = _("“%(words)s” pushes people towards an answer. Ask neutrally.")
        case "double_barrelled":
            text = _("“%(words)s” may ask two things at once. Make two questions of it, or leave one out.")
        case "negated":
            text = _("“%(words)s” is a denial that is easily missed. Ask the positive way round.")
        case "too_long":
            text = _("The text has %(length)s words or signs; more than %(most)s are hard to take in. Make it shorter.")
        case "unbalanced_scale":
            text = _("%(good)s good and %(bad)s bad points are named. Name as many on both sides.")
        case "overlapping_ranges":
            text = _("“%(first)s” and “%(second)s” overlap. Let each number belong to one choice.")
        case "inconsistent_scale":
            text = {
                "direction": _(
                    "The scale runs the other way than in the first language. Answers could not be compared."
                ),
                "numbers": _("The text names other numbers than in the first language. Answers could not be compared."),
            }.get(
                str(finding.params.get("what")),
                _("Other points of the scale are named than in the first language. Answers could not be compared."),
            )
        case "different_fields":
            text = _("Other answers are put into the text than in the first language (%(fields)s).")
        case _:
            return finding.code
    params = {
        name: ", ".join(map(str, one)) if isinstance(one, list | tuple) else one for name, one in finding.params.items()
    }
    return text % params
