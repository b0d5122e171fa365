"""Pytest plug-in, loaded before Django: every test process gets a data directory and engines of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_directory = tempfile.mkdtemp(prefix="cxm-test-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
os.environ["CXM_DATA_DIR"] = _directory
if "CXM_EVENTLOG_URL" in os.environ:
    os.environ["CXM_EVENTLOG_URL"] = os.environ["CXM_EVENTLOG_URL"].replace(
        "/cxm_test", f"/cxm_test_{_worker or 'alone'}"
    )


@pytest.fixture(scope="session", autouse=True)
def _close_the_log() -> Iterator[None]:
    yield
    from cxm.record.eventlog.engine import close_engine

    close_engine()
