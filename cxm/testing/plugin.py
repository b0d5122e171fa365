"""Pytest plug-in, loaded before Django: every test process gets a data directory and engines of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_directory = tempfile.mkdtemp(prefix="cxm-test-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
os.environ["CXM_DATA_DIR"] = _directory
if "CXM_EVENTLOG_URL" in os.environ:
    os.environ["CXM_EVENTLOG_URL"] = os.environ["CXM_EVENTLOG_URL"].replace(
        "/cxm_test", f"/cxm_test_{_worker or 'alone'}"
    )
# A time limit for each example asserts a time, which a busy machine breaks.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

# Files that share what takes long to make, so that one worker makes it once.
TOGETHER = {"tests/test_snippets.py": "tests/test_real_clients.py"}


@pytest.fixture(scope="session", autouse=True)
def _close_the_log() -> Iterator[None]:
    yield
    from cxm.record.eventlog.engine import close_engine

    close_engine()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Argon2 is slow on purpose, and nearly every test makes a user: it took a third of the run."""
    from django.conf import settings
    from django.contrib.auth import hashers

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    hashers.reset_hashers(setting="PASSWORD_HASHERS")


@pytest.fixture(scope="session", autouse=True)
def _one_chain_of_middleware() -> None:
    """Each test client makes the whole chain anew and looks through all static files for it: 11 ms a client."""
    from django.conf import settings
    from django.core.handlers.base import BaseHandler
    from django.test.client import ClientHandler

    parts = ("_view_middleware", "_template_response_middleware", "_exception_middleware", "_middleware_chain")
    made: dict[tuple[object, ...], BaseHandler] = {}

    def load_middleware(self: ClientHandler, is_async: bool = False) -> None:
        key = (is_async, *settings.MIDDLEWARE, settings.SECURE_SSL_REDIRECT, settings.STATIC_ROOT)
        if key not in made:
            BaseHandler.load_middleware(self, is_async)
            made[key] = self
        for part in parts:
            setattr(self, part, getattr(made[key], part))

    ClientHandler.load_middleware = load_middleware  # type: ignore[assignment,method-assign]  # of this process only


@pytest.fixture(autouse=True)
def _own_language_and_clock() -> None:
    """A request of the test before leaves its language and time zone in the thread."""
    from django.utils import timezone, translation

    translation.deactivate()
    timezone.deactivate()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow files with engines of their own come first, so that no worker begins one when the other has nothing left.

    Slow files without fill the log of their worker with whole data sets, which makes what comes after them slow too.
    On servers only those run that can meet one: arithmetic, documents and rules have been tested with the first pair.
    """
    if "CXM_EVENTLOG_URL" in os.environ:
        pure = [item for item in items if not _meets_an_engine(item)]
        config.hook.pytest_deselected(items=pure)
        items[:] = [item for item in items if item not in set(pure)]
    slow = {item.path: bool(item.get_closest_marker("once")) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: 1 if item.path not in slow else 0 if slow[item.path] else 2)


def _meets_an_engine(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) or item.get_closest_marker("django_db") is not None


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """A worker takes whole files. (pytest-xdist 3.8 does not see its own group marks under pytest 9.)"""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):  # type: ignore[misc]  # ships no types
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return TOGETHER.get(file, file)

    config.option.loadscopereorder = False
    return ByFile(config, log)
