"""The line and the exit code that every benchmark shares."""

from __future__ import annotations

import pytest

from bench.report import Report, arguments, in_turn


def test_a_ratio_within_its_bound_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("import")
    assert report.line("incident_log", 6.0, 2.5, bound=3)
    # 6.0 / 2.5 = 2.4
    assert capsys.readouterr().out == "import.incident_log figure=6.00s baseline=2.50s ratio=2.40 bound=<=3.00 ok\n"
    assert report.exit_code == 0


def test_one_short_figure_makes_the_benchmark_fail(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("metrics")
    report.line("board", 0.04, bound=0.05)
    assert not report.line("memory", 812.4, bound=700, unit="MB")
    assert capsys.readouterr().out.splitlines() == [
        "metrics.board figure=0.0400s baseline=- ratio=- bound=<=0.0500s ok",
        "metrics.memory figure=812MB baseline=- ratio=- bound=<=700MB short",
    ]
    assert report.short == ["memory"]
    assert report.exit_code == 1


def test_a_bound_may_be_a_lowest_value() -> None:
    assert Report("metrics").line("ahead", 1.6, 0.1, bound=15, at_least=True)  # 16 times
    assert not Report("metrics").line("ahead", 1.6, 0.2, bound=15, at_least=True)  # 8 times


def test_a_small_run_checks_the_path_and_not_the_bound() -> None:
    report = Report("import", small=arguments("About", ["--small"]).small)
    assert not report.line("incident_log", 9.0, 1.0, bound=3)
    assert report.exit_code == 0


def test_runs_are_measured_in_turn() -> None:
    order: list[str] = []
    seconds = in_turn([lambda: order.append("ours"), lambda: order.append("theirs")], rounds=2)
    assert order == ["ours", "theirs", "ours", "theirs"]
    assert len(seconds) == 2
