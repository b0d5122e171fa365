"""Django's own deployment checks, for an installation that is reached by https."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CXM_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "cxm", *command],
        capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parent.parent,
        env={**kept, "CXM_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "cxm.settings", **environment},
    )  # fmt: skip


def test_the_deployment_checks_have_nothing_to_say(tmp_path: Path) -> None:
    result = run(tmp_path, "check", "--deploy", "--fail-level", "INFO", CXM_BASE_URL="https://cxm.example.com")
    assert result.returncode == 0, result.stderr
    assert "no issues (0 silenced)" in result.stdout


def test_an_https_address_secures_cookies_and_redirects(tmp_path: Path) -> None:
    names = "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"
    code = f"from django.conf import settings; print([bool(getattr(settings, n)) for n in {names!r}])"
    secure = run(tmp_path, "shell", "--no-imports", "-c", code, CXM_BASE_URL="https://cxm.example.com")
    assert secure.stdout.strip() == "[True, True, True, True]"


@pytest.mark.parametrize(
    ("name", "value"),
    [("CXM_BASE_URL", "cxm.example.com"), ("CXM_TRUSTED_PROXIES", "-1"), ("CXM_DEBUG", "perhaps")],
)
def test_a_wrong_value_stops_the_start_with_a_sentence(tmp_path: Path, name: str, value: str) -> None:
    result = run(tmp_path, "check", **{name: value})
    assert result.returncode != 0
    assert name in result.stderr and "Traceback" not in result.stderr


def test_passwords_are_kept_as_argon2() -> None:
    import cxm.settings

    assert cxm.settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_a_command_on_a_new_database_says_what_to_do_first(tmp_path: Path) -> None:
    result = run(tmp_path, "demo", "--small")
    assert result.returncode == 1
    assert result.stderr == "cxm demo: The database is older than this program. Run cxm migrate first.\n"
