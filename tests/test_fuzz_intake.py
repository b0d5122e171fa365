"""The fuzzer of the tracking API, for a moment; by hand it runs longer (`python -m tests.fuzz_intake 600`)."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cxm.testing.effort import full_or


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this system")
def test_inputs_found_by_coverage_break_no_rule(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz_intake", str(full_or(60, 5)), f"-artifact_prefix={tmp_path}/"],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
