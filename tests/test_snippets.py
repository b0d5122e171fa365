"""The code that the page of a source offers is pasted as it stands and run: each piece must bring its event."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from cxm.testing.site import PATIENCE, Site

from .clients import install
from .source import ROOT

pytestmark = [pytest.mark.once, pytest.mark.slow]
GIVEN = """
import json
from cxm.record.capture.models import Source
from cxm.record.capture.snippets import snippets
from cxm.record.capture.source_actions import create_source
from cxm.testing.cast import make_workspace
workspace, found = make_workspace(), {}
for one in snippets("website"):
    source, key = create_source(workspace=workspace, name=one.slug, kind=Source.Kind.WEBSITE, by=None)
    code = {other.slug: other.code for other in snippets("website", key)}
    found[one.slug] = [source.pk, code[one.slug]]
print(json.dumps(found))
"""
DUMP = """
import json
from cxm.record.eventlog.engine import engine
with engine().client() as client:
    rows = client.query("SELECT source_id, name FROM events WHERE source = 'capture'").result_rows
print(json.dumps(sorted(rows)))
"""
ORDER, ORDER_AND_PERSON = ["order_placed"], ["customer_identified", "order_placed"]
EXPECTED = {
    "python": ORDER_AND_PERSON,
    "curl": ORDER,
    "segment-node": ORDER_AND_PERSON,
    "segment-python": ORDER_AND_PERSON,
    "rudder-python": ORDER_AND_PERSON,
    "rudder-node": ORDER_AND_PERSON,
    "posthog-python": ORDER,
    "pixel": ["email_opened"],
}
# Run elsewhere, in a page of another site, by tests/test_real_clients.py and tests/test_browser_snippet.py; an Android
# app cannot be run here.
NOT_RUN = {"browser", "segment-browser", "segment-kotlin"}
PYTHON = {
    "segment-python": "segment-python 2.4.0",
    "rudder-python": "rudder-python",
    "posthog-python": "posthog-python",
}


def paste(slug: str, code: str, folder: Path) -> None:
    """Run a piece of code as the person would who copied it."""
    folder.mkdir()
    if slug == "pixel":
        (address,) = re.findall(r'src="([^"]+)"', code)
        with urllib.request.urlopen(unescape(address), timeout=PATIENCE) as answer:
            assert answer.headers["Content-Type"] == "image/gif"
        return
    environment = dict(os.environ)
    if slug == "curl":
        command = ["sh", "-c", code]
    elif slug.endswith("node"):
        node, modules = install.node_clients()
        (folder / "node_modules").symlink_to(modules / "node_modules")
        file = folder / ("code.mjs" if "import " in code else "code.cjs")
        file.write_text(code)
        command = [str(node), str(file)]
    else:
        (folder / "code.py").write_text(code)
        client = ROOT / "clients" / "python" if slug == "python" else install.python_client(PYTHON[slug])
        environment["PYTHONPATH"] = str(client)
        command = [sys.executable, str(folder / "code.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, f"{slug}: {done.stderr}"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """Snippet to the names of the events that it brought."""
    folder = tmp_path_factory.mktemp("snippets")
    site = Site(folder / "data")
    try:
        site.install()
        given: dict[str, Any] = site.ask(GIVEN)
        assert set(given) == EXPECTED.keys() | NOT_RUN
        site.start()
        for slug in EXPECTED:
            if slug != "curl" or shutil.which("curl"):
                try:
                    paste(slug, given[slug][1], folder / slug)
                except install.NotInstalled as error:
                    pytest.skip(f"a published client is not here: {error}")
        site.stop()
        slug_of = {number: slug for slug, (number, _code) in given.items()}
        found: dict[str, list[str]] = {}
        for number, name in site.ask(DUMP):
            found.setdefault(slug_of[number], []).append(name)
        yield found
    finally:
        site.kill()


@pytest.mark.parametrize("slug", EXPECTED)
def test_the_code_brings_its_events(outcome: dict[str, list[str]], slug: str) -> None:
    if slug == "curl" and not shutil.which("curl"):
        pytest.skip("curl is not installed here")
    assert outcome.get(slug) == EXPECTED[slug]
