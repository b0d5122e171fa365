"""What every benchmark shares: its options, measuring in turn, its lines, and its exit code.

    def main() -> int:
        options = arguments(__doc__)
        report = Report("import", small=options.small)
        ours, theirs = in_turn([run_ours, run_theirs], rounds=3)
        report.line("incident_log", ours, theirs, bound=3)          # at most 3 × the baseline
        report.line("memory", peak_mb, bound=700, unit="MB")        # no baseline: at most 700 MB
        report.line("speed-up", tuned, ours, bound=15, at_least=True)
        return report.exit_code

Each line reads `NAME figure=… baseline=… ratio=… bound=… ok|short`, and the exit code is 0 only if every bound holds.
With `--small` the load is small and proves the path, not the bound: the lines are printed, the exit code stays 0.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


def arguments(description: str | None, given: Sequence[str] | None = None) -> argparse.Namespace:
    """`--small` and `--seed N`, the same in every benchmark."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="a small load that checks the path, not the bound")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the generated load")
    return parser.parse_args(given)


@contextmanager
def installation() -> Iterator[Path]:
    """An installation of its own in this process, on files: its data directory, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cxm-bench-") as directory:
        os.environ["CXM_DATA_DIR"] = directory  # never the data of an installation
        for name in ("CXM_EVENTLOG_URL", "CXM_DATABASE_URL"):
            os.environ.pop(name, None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "cxm.settings"
        import django

        django.setup()
        from django.core.management import call_command

        from cxm.record.eventlog.engine import close_engine

        call_command("migrate", verbosity=0)
        try:
            yield Path(directory)
        finally:
            close_engine()


def in_turn(runs: Sequence[Callable[[], object]], *, rounds: int = 3) -> list[float]:
    """Seconds that each run takes: the median of `rounds`, measured in turn so that all meet the same machine."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, taken, strict=True):
            started = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in taken]


@dataclass(slots=True)
class Report:
    """Prints the lines of one benchmark and remembers whether every bound held."""

    name: str
    small: bool = False
    short: list[str] = field(default_factory=list)

    def line(
        self,
        name: str,
        figure: float,
        baseline: float | None = None,
        *,
        bound: float,
        at_least: bool = False,
        unit: str = "s",
    ) -> bool:
        """Print one figure; returns whether its bound holds.

        The bound is on figure / baseline, or on the figure itself where there is no baseline; it is the highest good
        value, or with `at_least` the lowest.
        """
        judged = figure if baseline is None else figure / baseline if baseline else float("inf")
        good = judged >= bound if at_least else judged <= bound
        if not good:
            self.short.append(name)
        parts = (
            f"{self.name}.{name}",
            f"figure={shown(figure)}{unit}",
            f"baseline={'-' if baseline is None else shown(baseline) + unit}",
            f"ratio={'-' if baseline is None else shown(judged)}",
            f"bound={'>=' if at_least else '<='}{shown(bound)}{unit if baseline is None else ''}",
            "ok" if good else "short",
        )
        print(" ".join(parts), flush=True, file=sys.stdout)
        return good

    @property
    def exit_code(self) -> int:
        return 1 if self.short and not self.small else 0


def shown(value: float) -> str:
    """Three significant digits, whole from a hundred on, never in powers of ten."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.6f}"
