"""Two questions crossed: how many people gave each pair of answers, and whether the two go together.

Shares are of the column: of the people who gave the answer above, how many gave the one at the side. Scores keep their
order and are tested by ranks; choices are tested by chi-square or an exact test. A question with several choices is
no table of people, so each of its choices is tested by itself, and judged together with the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.lib import numbers
from cxm.listen.surveys.wordings import Asked
from cxm.stats.comparison import benjamini_hochberg
from cxm.stats.intervals import share
from cxm.stats.tables import Association, independence, rank_by_group, rank_correlation

from .asking import ANY, pairs
from .figures import ONE, SCORES, SEVERAL, YES_NO
from .results import Results

Nature = Literal["score", "choice", "several"]
MOST_ANSWERS: Final = 50  # on one side
MOST_TESTS: Final = 25  # shown, the clearest
SMALL: Final = 10  # people of a column below which its shares say little


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a question, or one row of a matrix. `name` is that of the log."""

    asked: Asked
    name: str
    title: str
    nature: Nature

    @property
    def versions(self) -> list[int]:
        series = self.asked.series()
        return [*series[-1], 0] if len(series) == 1 else series[-1]


@dataclass(frozen=True, slots=True)
class Cell:
    n: int
    share: str
    interval: str


@dataclass(slots=True)
class Tested:
    """One test of the page. `clear` holds over all of them (false-discovery rate 5 %)."""

    label: str
    association: Association
    clear: bool = False

    @property
    def p(self) -> str:
        p = self.association.p_value
        if p is None:
            return numbers.NOTHING
        return _("under 0.0001") if p < 0.0001 else numbers.decimal(p, 4)

    @property
    def method(self) -> str:
        return {
            "chi_square": _("Chi-square test"),
            "fisher": _("Fisher's exact test"),
            "permutation": _("Chi-square against 9,999 tables dealt at random"),
            "kruskal_wallis": _("Kruskal–Wallis test of ranks"),
            "spearman": _("Spearman's rank correlation"),
            "none": _("Nothing to test"),
        }[self.association.test]

    @property
    def strength_name(self) -> str:
        return _("Rank correlation") if self.association.test == "spearman" else _("Cramér's V")

    @property
    def strength(self) -> str:
        found = self.association.strength
        if found.value is None:
            return numbers.NOTHING
        return numbers.statement(found.value, found.low, found.high, found.n, "score")

    @property
    def verdict(self) -> str:
        if self.association.p_value is None:
            return _("There are too few answers to tell.")
        if self.clear:
            return _("The two answers go together.")
        return _("No evidence that the two answers go together.")


@dataclass(slots=True)
class Crosstab:
    rows: list[str]
    columns: list[str]
    counts: list[list[int]]
    cells: list[list[Cell]]
    totals: list[int]
    people: int
    tests: list[Tested] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[tuple[str, list[Cell]]]:
        return list(zip(self.rows, self.cells, strict=True))


def sides_of(results: Results) -> list[Side]:
    """What can be crossed: scores and choices, and the rows of a matrix."""
    found = []
    for asked in results.questions:
        title = asked.title(results.language)
        if asked.kind in SCORES:
            found.append(Side(asked, asked.id, title, "score"))
        elif asked.kind in ONE or asked.kind in YES_NO:
            found.append(Side(asked, asked.id, title, "choice"))
        elif asked.kind in SEVERAL:
            found.append(Side(asked, asked.id, title, "several"))
        elif asked.kind == "matrix":
            scored = [one.score for one in asked.newest.choices if one.score is not None]
            nature: Nature = "several" if asked.newest.several else "score" if scored else "choice"
            for row in asked.rows():
                name = _("%(question)s – %(part)s") % {"question": title, "part": asked.label(row.id, results.language)}
                found.append(Side(asked, f"{asked.id}.{row.id}", name, nature))
    return found


def crosstab(results: Results, first: Side, second: Side) -> Crosstab:
    """`first` down the side, `second` across. Raises what `pairs` raises."""
    found = pairs(results.asking, first.name, first.versions, second.name, second.versions)
    rows = _answers(first, {a for a, _b in found} - {ANY})
    columns = _answers(second, {b for _a, b in found} - {ANY})
    totals = [found.get((ANY, column), 0) for column in columns]
    counts = [[found.get((row, column), 0) for column in columns] for row in rows]
    table = Crosstab(
        rows=[label_of(first, one, results.language) for one in rows],
        columns=[label_of(second, one, results.language) for one in columns],
        counts=counts,
        cells=[[_cell(n, total) for n, total in zip(line, totals, strict=True)] for line in counts],
        totals=totals,
        people=found.get((ANY, ANY), 0),
    )
    if rows and columns:
        given = [found.get((row, ANY), 0) for row in rows]
        table.tests = _judged(_tests(first, second, table, given))
    table.notes = _notes(first, second, table)
    return table


def _answers(side: Side, given: set[str]) -> list[str]:
    """Scores in their order; choices as they are offered, then any besides."""
    if side.nature == "score":
        return sorted(given, key=float)
    known = [one.id for one in side.asked.choices()] or ["yes", "no"]
    return [*(one for one in known if one in given), *sorted(given - set(known))][:MOST_ANSWERS]


def label_of(side: Side, answer: str, language: str) -> str:
    if side.asked.kind in YES_NO:
        return {"yes": _("Yes"), "no": _("No")}.get(answer, answer)
    return answer if side.nature == "score" else side.asked.label(answer, language)


def _cell(n: int, total: int) -> Cell:
    estimate = share(n, total)
    return Cell(n, numbers.amount(estimate.value, "percent"), numbers.interval(estimate.low, estimate.high, "percent"))


def _tests(first: Side, second: Side, table: Crosstab, given: list[int]) -> list[Tested]:
    """`given`: how many people gave each answer at the side."""
    counts, totals = table.counts, table.totals
    across = [list(line) for line in zip(*counts, strict=True)]
    natures = first.nature, second.nature
    if "several" not in natures:
        if natures == ("score", "score"):
            association = rank_correlation(counts)
        elif second.nature == "score":
            association = rank_by_group(counts)
        elif first.nature == "score":
            association = rank_by_group(across)
        else:
            association = independence(counts)
        return [Tested("", association)]
    if natures == ("several", "several"):
        return [
            Tested(
                _("%(one)s and %(other)s") % {"one": row, "other": column},
                independence([[n, g - n], [t - n, table.people - g - t + n]]),
            )
            for row, line, g in zip(table.rows, counts, given, strict=True)
            for column, n, t in zip(table.columns, line, totals, strict=True)
        ]
    if first.nature == "several":
        test = rank_by_group if second.nature == "score" else independence
        return [
            Tested(row, test([line, [t - n for n, t in zip(line, totals, strict=True)]]))
            for row, line in zip(table.rows, counts, strict=True)
        ]
    test = rank_by_group if first.nature == "score" else independence
    return [
        Tested(column, test([line, [g - n for n, g in zip(line, given, strict=True)]]))
        for column, line in zip(table.columns, across, strict=True)
    ]


def _judged(tests: list[Tested]) -> list[Tested]:
    clear = benjamini_hochberg([one.association.p_value for one in tests])
    for one, found in zip(tests, clear, strict=True):
        one.clear = found
    ordered = sorted(tests, key=lambda one: (one.association.p_value is None, one.association.p_value or 0.0))
    return ordered[:MOST_TESTS]


def _notes(first: Side, second: Side, table: Crosstab) -> list[str]:
    notes = []
    if any(len(side.asked.series()) > 1 for side in (first, second)):
        notes.append(_("Only answers under the present scale are counted."))
    if "several" in (first.nature, second.nature):
        notes.append(
            _("People could choose several answers, so each is tested by itself; the verdicts hold for all together.")
        )
    small = sum(1 for total in table.totals if 0 < total < SMALL)
    if small:
        notes.append(
            ngettext(
                "%(n)d column holds fewer than %(least)d people: read its shares with care.",
                "%(n)d columns hold fewer than %(least)d people each: read their shares with care.",
                small,
            )
            % {"n": small, "least": SMALL}
        )
    if any(one.association.small for one in table.tests if one.association.test in {"fisher", "permutation"}):
        notes.append(_("Some cells are expected to hold fewer than 5 people, so an exact test was taken."))
    return notes
