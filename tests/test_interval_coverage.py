"""The promises of the statistics: coverage within 93–98.5 %, quiet boards, planned power, and their table."""

import pytest

from cxm.stats import coverage, coverage_table

LEAST, MOST = 0.93, 0.985
BOARDS = 4000


@pytest.mark.parametrize("n", coverage.SIZES)
def test_nps_covers(n: int) -> None:
    cells = coverage.nps_coverage(n)
    assert len(cells) == 4
    assert all(LEAST <= cell <= MOST for cell in cells), cells


@pytest.mark.parametrize("n", coverage.SIZES)
def test_shares_cover(n: int) -> None:
    cells = coverage.share_coverage(n)
    assert len(cells) == 4
    assert all(LEAST <= cell <= MOST for cell in cells), cells


def test_shares_that_the_interval_covers_badly_are_shown_as_such() -> None:
    # Of 20 answers 16 or fewer leave 92 % out (17 of 20 reaches to 94.8 %): P(k ≤ 16) = 0.070615
    at_20 = dict(zip(coverage.WEAK_SHARES, coverage.share_coverage(20, coverage.WEAK_SHARES), strict=True))
    assert at_20[0.92] == pytest.approx(0.929385, abs=1e-6)
    by_size = [coverage.share_coverage(n, coverage.WEAK_SHARES) for n in coverage.SIZES]
    assert all(min(cells) < LEAST for cells in zip(*by_size, strict=True))


@pytest.mark.parametrize("n", coverage.SIZES)
def test_means_on_a_scale_cover(n: int) -> None:
    cells = coverage.mean_coverage(n, seed=11)
    assert all(LEAST <= cell <= MOST for cell in cells), cells


@pytest.mark.parametrize("n", coverage.SIZES)
def test_medians_cover(n: int) -> None:
    assert LEAST <= coverage.quantile_coverage(n, 0.5) <= MOST


@pytest.mark.parametrize("name", coverage.BOARDS)
def test_boards_without_change_stay_quiet(name: str) -> None:
    # 3 standard errors of 4000 boards, 1.03 points, above 5 %
    allowed = 0.05 + 3 * (0.05 * 0.95 / BOARDS) ** 0.5
    assert coverage.false_boards(coverage.BOARDS[name], BOARDS, seed=12) <= allowed


def test_the_planned_answers_see_the_change() -> None:
    # 3 standard errors of 4000 simulations, 1.9 points, below 80 %
    for name, (n, seen) in coverage.promised_power(seed=13).items():
        assert seen >= 0.80 - 3 * (0.8 * 0.2 / 4000) ** 0.5, (name, n, seen)


def test_the_committed_table_is_the_measured_one() -> None:
    assert coverage_table.TARGET.read_text(encoding="utf-8") == coverage_table.table(), (
        "run python -m cxm.stats.coverage_table and commit docs/reference/intervals.md"
    )
