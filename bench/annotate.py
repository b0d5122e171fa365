"""A million stored texts: read once after an import, and read anew by one command, while the server answers.

The baseline is the reading alone, in one process without a log, measured in the same run on the same texts. The
server is killed with SIGKILL in the middle of the first reading: every text has one annotation in the end. While all
are read anew, a client asks for /health twenty times a second.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from bench.report import Report, arguments
from cxm.testing.site import Site

TEXTS, FEW = 1_000_000, 20_000
ALONE = 10_000  # texts for the baseline
SEED = """
import json, random, time, uuid
from cxm.record.eventlog.append import append_lines, encode_properties
from cxm.testing.cast import make_user, make_workspace
from cxm.understand.text.understanding import understand
workspace = make_workspace("Load", owner=make_user())
chance = random.Random({seed})
parts = ["The courier was late again", "Доставка приїхала вчасно, дякую", "Служба поддержки не отвечает", "great app",
         "Obsługa bardzo miła", "客服很有耐心，但是等太久", "the price has gone up", "third time that I call about it",
         "Can I change my address?", "nothing to add"]
def text():
    return ". ".join(chance.sample(parts, chance.randrange(2, 5)))[:160]
texts = [text() for _ in range({alone})]
understand(workspace.pk, texts[:100])
started = time.perf_counter()
for at in range(0, len(texts), 250):
    understand(workspace.pk, texts[at : at + 250])
alone = len(texts) / (time.perf_counter() - started)
for start in range(0, {n}, 50_000):
    append_lines([
        ("\\t".join([str(workspace.pk), str(uuid.UUID(int=chance.getrandbits(128))), "answer_given",
                    str(uuid.UUID(int=chance.getrandbits(128))),
                    f"2026-{{1 + n % 6:02d}}-{{1 + n % 28:02d}} 12:00:{{n % 60:02d}}", "import", str(uuid.UUID(int=7)),
                    encode_properties({{"metric": "nps", "question": "q", "scale": "0-10", "score": n % 11,
                                        "comment": text()}})]) + "\\n").encode()
        for n in range(start, min(start + 50_000, {n}))
    ])
print(json.dumps([workspace.slug, alone]))
"""
STATE = """
import json
from cxm.record.eventlog.engine import engine
from cxm.understand.text.models import Rereading
with engine().client() as client:
    one = client.query("SELECT uniqExact(event_id), count() FROM annotations FINAL").result_rows[0]
    texts = client.query("SELECT count() FROM feedback WHERE comment != ''").result_rows[0][0]
rows = [[row.done, row.done_at is not None] for row in Rereading.objects.all()]
print(json.dumps([texts, *one, rows]))
"""
POSITION = """
import json
from cxm.record.eventlog.models import FollowCursor
row = FollowCursor.objects.filter(name="annotate").first()
print(json.dumps(row.positions if row else {}))
"""


class Client(threading.Thread):
    """Asks for /health until it is told to stop; keeps how long each answer took."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.site, self.waits, self.over = site, list[float](), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            started = time.perf_counter()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(self.site.url("/health"), timeout=10).read()
                self.waits.append(time.perf_counter() - started)


def is_over(position: dict[str, dict[str, object]]) -> bool:
    return bool(position) and all("until" not in one for one in position.values())


def wait_until_read(site: Site, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not is_over(site.ask(POSITION)):
        time.sleep(2)


def peak_mb(site: Site) -> float:
    assert site.process is not None
    status = Path(f"/proc/{site.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> int:
    options = arguments(__doc__)
    report = Report("annotate", small=options.small)
    n = FEW if options.small else TEXTS
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), servers=False)
        site.install()
        slug, alone = site.ask(SEED.format(seed=options.seed, alone=ALONE, n=n))
        site.start()
        started = time.perf_counter()
        time.sleep(0.4 * n / alone)
        site.kill()
        site.start()
        wait_until_read(site, 20 * n / alone + 60)
        first = n / (time.perf_counter() - started)
        client = Client(site)
        client.start()
        started = time.perf_counter()
        done = subprocess.run(  # may take longer than Site.run waits
            [sys.executable, "-m", "cxm", "annotate", "--workspace", slug],
            env=site.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        again = n / (time.perf_counter() - started)
        client.over.set()
        client.join()
        memory = peak_mb(site)
        site.stop()
        texts, annotated, rows, rereadings = site.ask(STATE)
    print(f"{texts} texts, {annotated} annotated, {rows} rows, {rereadings}, {done.stdout.strip()}")
    waits = sorted(client.waits) or [99.0]
    report.line("texts without exactly one annotation", abs(texts - annotated) + abs(rows - annotated), bound=0)
    report.line("read once, killed in between", first, alone, bound=0.4, at_least=True, unit="/s")
    report.line("read anew beside the server", again, alone, bound=0.5, at_least=True, unit="/s")
    report.line("health p95", 1000 * waits[int(0.95 * len(waits))], bound=200, unit="ms")
    report.line("memory peak", memory, bound=700, unit="MB")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
