"""What every client is asked to do, and the processes that do it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cxm.testing.recorder import Answer, Recorder

from . import install

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ALL = frozenset({"identify", "track", "page", "screen", "group", "alias"})
LONGEST = 150.0  # seconds that a client may take for a plan
TEXT = "українська 繁體中文 🫖 "
ONCE = "0f8fad5b-d9cb-469f-a165-70867728950e"
HEAVY = 20  # events of 26 KB each: 520 KB in all
KEPT = 500  # events around the kill

Step = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A client, and in what it differs. `retries`: it repeats what failed; `ids`: takes ids of ours."""

    name: str
    runs: str  # python · node · browser
    calls: frozenset[str] = ALL
    anonymous: bool = True  # its anonymous id can be chosen
    ids: bool = True
    retries: bool = True


CLIENTS = [
    Kind("segment-python 2.4.0", "python"),
    Kind("segment-python 2.3.4", "python"),
    Kind("rudder-python", "python"),
    Kind("posthog-python", "python"),
    Kind("opencxm", "python"),
    Kind("segment-node", "node"),
    Kind("rudder-node", "node"),
    Kind("posthog-node", "node"),
    Kind("jitsu", "node", ALL - {"screen", "alias"}, retries=False),
    Kind("analytics-next", "browser"),
    Kind("cx", "browser", ALL - {"screen"}, anonymous=False, ids=False),
]


def everything(client: str) -> list[Step]:
    """Each call, odd texts, 1, 100 and 2 501 events, too large ones, and one event twice."""
    user = {"user": f"{client} user"}
    traits = {"email": "olena@example.com", "name": TEXT.strip(), "odd": "nul:\0."}
    return [
        {"do": "track", "anonymous": f"{client} device", "event": "Before", "properties": {}},
        {"do": "flush"},
        {"do": "identify", **user, "anonymous": f"{client} device", "traits": traits},
        {"do": "track", **user, "event": "Order Completed", "properties": {"order_id": "A1", "total": 12.5}},
        {"do": "track", **user, "event": f"Чайник {TEXT}", "properties": {"text": TEXT + "nul:\0."}},
        {"do": "page", **user, "name": "Home", "properties": {"plan": "pro"}},
        {"do": "screen", **user, "name": "Main", "properties": {"plan": "pro"}},
        {"do": "group", **user, "group": "company 7", "traits": {"plan": "pro"}},
        {"do": "track", **user, "event": "Twice", "id": ONCE},
        {"do": "flush"},
        {"do": "track", **user, "event": "Twice", "id": ONCE},
        {"do": "track", **user, "event": "One", "times": 1},
        {"do": "flush"},
        {"do": "track", **user, "event": "Hundred", "times": 100},
        {"do": "flush"},
        {"do": "track", **user, "event": "Many", "times": 2501},
        {"do": "flush"},
        {"do": "track", **user, "event": "Large", "properties": {"text": "x" * 33_000}},
        {"do": "track", **user, "event": "Heavy", "properties": {"text": "x" * 26_000}, "times": HEAVY},
        {"do": "flush"},
        {"do": "alias", **user, "previous": f"{client} old"},
    ]


def around_a_kill(client: str) -> list[Step]:
    """A hundred events, the word "go", and then so many more in small steps that the kill falls among them."""
    user = {"user": f"{client} user"}
    steps: list[Step] = [
        {"do": "identify", **user, "traits": {"round": 2}},
        {"do": "track", **user, "event": "First", "times": 100},
        {"do": "say", "word": "go"},
    ]
    for start in range(0, KEPT, 25):
        steps.append({"do": "track", **user, "event": "Kept", "properties": {"part": start}, "times": 25})
        steps.append({"do": "pause", "seconds": 0.1})
    return steps


@dataclass
class Run:
    """A driver at work, or done: what it left out, what it complained of."""

    kind: Kind
    process: subprocess.Popen[str]
    gone: threading.Event = field(default_factory=threading.Event)  # said "go", or ended
    report: dict[str, Any] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def finish(self) -> None:
        """Read it to its end. Raises AssertionError when it failed."""
        watchdog = threading.Timer(LONGEST, self.process.kill)
        watchdog.start()
        assert self.process.stdout is not None
        lines: IO[str] = self.process.stdout
        last = ""
        for line in lines:
            if line.strip() == "go":
                self.gone.set()
            elif line.startswith("! "):
                self.complaints.append(line.strip())
            else:
                last = line.strip() or last
        self.gone.set()
        code = self.process.wait()
        watchdog.cancel()
        assert code == 0, f"{self.kind.name} ended with {code}: {self.complaints[-3:]} {last[-2000:]}"
        self.report = json.loads(last)


def begin(kind: Kind, host: str, key: str, steps: list[Step]) -> Run:
    """Start the driver of a Python or Node client."""
    if kind.runs == "python":
        path = ROOT / "clients" / "python" if kind.name == "opencxm" else install.python_client(kind.name)
        command = [sys.executable, str(HERE / "drive.py")]
        environment = {**os.environ, "PYTHONPATH": str(path)}
    else:
        node, modules = install.node_clients()
        command = [str(node), str(HERE / "drive.mjs")]
        environment = {**os.environ, "CLIENTS": str(modules)}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"client": kind.name, "host": host, "key": key, "steps": steps}))
    process.stdin.close()
    return Run(kind, process)


def run_all(kinds: list[Kind], host: str, keys: dict[str, str], *, at_once: int) -> dict[str, Run]:
    """Let each client do everything, so many at a time; returns them by name, finished."""

    def one(kind: Kind) -> Run:
        run = begin(kind, host, keys[kind.name], everything(kind.name))
        run.finish()
        return run

    with ThreadPoolExecutor(at_once) as pool:
        return {run.kind.name: run for run in pool.map(one, kinds)}


def open_shop(page: Page, theirs: Recorder, kind: Kind) -> None:
    """A page of another site that has loaded the client."""
    script = {"Content-Type": "text/javascript; charset=utf-8"}
    if kind.name == "cx":
        source = ROOT / "cxm" / "web" / "static" / "vendor" / "root" / "cx.js"
    else:
        source = install.node_clients()[1] / "node_modules/@segment/analytics-next/dist/umd/index.js"
    theirs.pages |= {
        "/client.js": Answer(200, source.read_bytes(), script),
        "/browser.js": Answer(200, (HERE / "browser.js").read_bytes(), script),
        "/favicon.ico": Answer(200, b""),
        "/": Answer(
            200,
            b"<!DOCTYPE html><title>Shop</title><script src=/browser.js></script><script src=/client.js></script>",
            {"Content-Type": "text/html; charset=utf-8"},
        ),
    }
    page.goto(theirs.url)
    page.set_default_timeout(LONGEST * 1000)


def in_page(kind: Kind, host: str, key: str, steps: list[Step]) -> dict[str, Any]:
    """The argument of window.drive of browser.js."""
    batching = steps == everything(kind.name)
    return {"client": kind.name, "host": host, "key": key, "steps": steps, "batching": batching}
