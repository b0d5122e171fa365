"""Django's own deployment checks, for an installation that is reached by https."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import resolve

ROOT = Path(__file__).resolve().parent.parent


def run(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CXM_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "cxm", *command],
        capture_output=True, text=True, check=False, cwd=ROOT,
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
    result = run(tmp_path, "export", str(tmp_path / "out.csv"), "--workspace", "lumo", "--what", "customers")
    assert result.returncode == 1
    assert result.stderr.strip() == "cxm export: The database is older than this program. Run cxm migrate first."


@pytest.mark.once
def test_the_sample_company_prepares_a_new_database(tmp_path: Path) -> None:
    """`make run` after somebody removed the data directory."""
    result = run(tmp_path, "demo", "--small")
    assert result.returncode == 0, result.stderr
    assert "The sample company is loaded" in result.stdout
    assert "Log in as demo@example.com" in result.stdout


def served(words: str) -> None:
    """Fails unless `words` is a command line of ours that its parser takes."""
    program, name, *options = words.split()
    assert program.rpartition("/")[2] in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    load_command_class(get_commands()[name], name).create_parser("cxm", name).parse_args(options)


def test_the_unit_of_systemd_names_what_exists(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "cxm.service").read_text()
    said = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    served(said["ExecStart"])
    assert (ROOT / said["Documentation"].removeprefix("file:/opt/cxm/")).exists()
    guide = (ROOT / "docs" / "guide" / "install.md").read_text()
    for path in re.findall(r"\b(?:deploy|docs)/[\w./-]+", guide):
        assert (ROOT / path).exists(), path
    for words in re.findall(r"(?:bin/|exec cxm )(cxm \w+)", guide):
        assert words.split()[1] in get_commands(), words
    if checker := shutil.which("systemd-analyze"):
        unit = tmp_path / "cxm.service"
        unit.write_text(text.replace("/opt/cxm/.venv/bin/cxm", sys.executable))
        verified = subprocess.run([checker, "verify", str(unit)], capture_output=True, text=True, check=False)
        assert (verified.returncode, verified.stderr) == (0, "")


def test_the_container_names_what_exists() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    for path in re.findall(r"(?:python|cp -r) ((?:frontend|cxm)/[\w/.]+)", text):
        made = path == "cxm/web/static/vendor"  # by the line before
        assert (ROOT / path).exists() or made, path
    for module in re.findall(r"python -m (cxm[\w.]+)", text):
        assert importlib.util.find_spec(module), module
    [removed] = re.findall(r"pip uninstall --yes --quiet ([\w -]+)$", text, re.MULTILINE)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert not {re.split(r"[^\w-]", one)[0] for one in needed} & set(removed.split())
    [command] = re.findall(r"^CMD \[(.*)\]$", text, re.MULTILINE)
    served(" ".join(re.findall(r'"([^"]+)"', command)))
    [address] = re.findall(r"http://127\.0\.0\.1:8000(/\w+)", text)
    assert resolve(address)
    [of_build, of_run] = re.findall(r"^FROM python:(\d\.\d+)-slim", text, re.MULTILINE)
    assert of_build == of_run and set(re.findall(r"lib/python([\d.]+)/", text)) == {of_run}
