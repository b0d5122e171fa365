"""Complete submissions of a five-question survey, client and server on the same machine, beside a bare Django view.

A submission is one POST of the whole form as a browser sends it, each with the token of a page that was loaded before;
it is answered when the response and its facts are on disk. The baseline is a Django view without middleware that saves
one row of the same size, in a process of its own with the same server and the same database settings. In turn, in one
run. At the end every acknowledged response is in the database, and every fact in the log, once.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from bench.capture import Answers, connected
from bench.report import Report, arguments
from cxm.testing.engines import free_port
from cxm.testing.site import Site

CONNECTIONS = 16
GIVEN = """
import json
from cxm.testing.cast import make_user, make_workspace
from cxm.listen.surveys.respond.tests.given import make_survey
print(json.dumps(make_survey(make_workspace("Load", owner=make_user())).public_id))
"""
STORED = """
import json
from cxm.listen.surveys.models import Response
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.engine import engine
with engine().client() as client:
    facts, distinct = client.query(
        "SELECT count(), uniqExact(event_id) FROM events WHERE name = 'answer_given'").result_rows[0]
print(json.dumps({"responses": Response.objects.filter(state="completed").count(), "facts": facts,
                  "distinct": distinct, "waiting": OutboxFact.objects.count()}))
"""
BARE = '''
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "bare"
sys.path.insert(0, sys.argv[1])
import django
from pathlib import Path
Path(sys.argv[1], "bare.py").write_text("""
from pathlib import Path
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bare_urls"
INSTALLED_APPS = ["bare_app"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "bare.sqlite3",
  "CONN_MAX_AGE": None,
  "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20,
              "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"}}}
""")
app = Path(sys.argv[1], "bare_app"); app.mkdir(exist_ok=True); (app / "__init__.py").write_text("")
(app / "models.py").write_text("""
from django.db import models
class Row(models.Model):
    survey = models.CharField(max_length=20)
    answers = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)
""")
Path(sys.argv[1], "bare_urls.py").write_text("""
from django.http import HttpResponse
from django.urls import path
from bare_app.models import Row
def save(request):
    Row.objects.create(survey="s", answers=dict(request.POST.lists()))
    return HttpResponse("ok", headers={"Content-Length": "2"})
urlpatterns = [path("save", save)]
""")
django.setup()
from django.db import connection
from bare_app.models import Row
with connection.schema_editor() as editor:
    editor.create_model(Row)
connection.close()
'''


def read(url: str) -> tuple[bytes, dict[str, str]]:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return reply.read(), dict(reply.headers)


def first_page(site: Site, public_id: str) -> tuple[int, int, float]:
    """Bytes of the first page with all that it loads, the same as they travel compressed, and milliseconds of it."""
    page, _headers = read(site.url(f"/s/{public_id}"))
    sizes = [len(page)]
    packed = [len(page)]
    for name in re.findall(rb'(?:href|src)="(/static/[^"]+)"', page):
        body, _headers = read(site.url(name.decode()))
        request = urllib.request.Request(site.url(name.decode()), headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            packed.append(len(reply.read()))
        sizes.append(len(body))
    waits = []
    for _ in range(50):
        started = time.perf_counter()
        read(site.url(f"/s/{public_id}"))
        waits.append((time.perf_counter() - started) * 1000)
    return sum(sizes), sum(packed), statistics.median(waits)


def submission(action: str, fields: list[tuple[str, str]], chance: random.Random) -> bytes:
    answers = [
        ("a.nps", str(chance.randint(0, 10))), ("a.why", f"It came on day {chance.randrange(30)} and that was fine."),
        ("a.speed", str(chance.randint(1, 5))), ("a.reason", chance.choice(["price", "tip"])),
        ("a.again", chance.choice(["yes", "no"])),
    ]  # fmt: skip
    return posted(action, urlencode([*fields, *answers, ("step", "next")]).encode())


def posted(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\n"
        "Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def prepared(site: Site, public_id: str, n: int, chance: random.Random) -> list[bytes]:
    """So many filled-in forms, each of a page of its own."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    made = []
    hidden = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)">')
    for _ in range(n):
        connection.request("GET", f"/s/{public_id}")
        page = connection.getresponse().read()
        action = re.search(rb'action="([^"]+)"', page)
        assert action is not None, page[:500]
        fields = [(name.decode(), value.decode()) for name, value in hidden.findall(page)]
        made.append(submission(action[1].decode(), [*fields, ("website", "")], chance))
    return made


async def timed(port: int, requests: list[bytes], good: int) -> tuple[float, list[float]]:
    """Seconds in all, and of each request, CONNECTIONS at a time."""
    lines = await connected(port, CONNECTIONS)
    waiting = iter(requests)
    waits: list[float] = []

    async def work(line: Answers) -> None:
        for one in waiting:
            began = time.perf_counter()
            status = await line.send(one)
            waits.append(time.perf_counter() - began)
            if status != good:
                raise RuntimeError(f"answered {status}")

    started = time.perf_counter()
    await asyncio.gather(*map(work, lines))
    return time.perf_counter() - started, waits


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bare:
    """The baseline, until `stop`: WSGI with threads, which suits a synchronous view best."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        directory.mkdir()
        subprocess.run([sys.executable, "-c", BARE, str(directory)], check=True)
        (directory / "bare_wsgi.py").write_text(
            "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'bare'\n"
            "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(self.port),
             "--blocking-threads", "4", "--no-access-log", "--log-level", "error", "bare_wsgi:application"],
            cwd=directory, env=environment,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/nothing", timeout=5)
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the bare view does not answer")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def main() -> int:
    options = arguments(__doc__)
    report = Report("surveys", small=options.small)
    chance = random.Random(options.seed)
    n, rounds = (400, 1) if options.small else (6_000, 3)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        site = Site(directory / "data")
        site.install()
        public_id = site.ask(GIVEN)
        site.start()
        bare = Bare(directory / "bare")
        ours, theirs, waits, cpu = [], [], [], []
        try:
            size, packed, milliseconds = first_page(site, public_id)
            assert site.process is not None
            for _ in range(rounds):
                requests = prepared(site, public_id, n, chance)
                before = cpu_s(site.process.pid)
                taken, some = asyncio.run(timed(site.port, requests, 303))
                ours.append(n / taken)
                waits += some
                time.sleep(3)  # the facts of the last second move; their work belongs to these submissions
                cpu.append((cpu_s(site.process.pid) - before) / n * 1000)
                body = requests[0].partition(b"\r\n\r\n")[2]
                taken, _some = asyncio.run(timed(bare.port, [posted("/save", body)] * n, 200))
                theirs.append(n / taken)
            waits.sort()
            report.line("submissions", statistics.median(ours), bound=600, at_least=True, unit="/s")
            report.line("of a bare view", statistics.median(ours), statistics.median(theirs), bound=0, at_least=True,
                        unit="/s")  # fmt: skip
            report.line("p99", waits[int(len(waits) * 0.99)] * 1000, bound=100, unit="ms")
            report.line("median", waits[len(waits) // 2] * 1000, bound=100, unit="ms")
            report.line("CPU of a submission", statistics.median(cpu), bound=5, unit="ms")
            report.line("first page", size / 1000, bound=40, unit="KB")
            report.line("first page, compressed files", packed / 1000, bound=40, unit="KB")
            report.line("first page takes", milliseconds, bound=100, unit="ms")
            deadline = time.monotonic() + 60
            moved = False
            while not moved and time.monotonic() < deadline:
                time.sleep(1)
                moved = not json.loads(waiting_facts(site))
        finally:
            bare.stop()
            site.stop()
        stored = site.ask(STORED)
        wanted = {"responses": n * rounds, "facts": 4 * n * rounds, "distinct": 4 * n * rounds, "waiting": 0}
        if stored != wanted:
            raise RuntimeError(f"{wanted} were acknowledged, {stored} are stored.")
    return report.exit_code


def waiting_facts(site: Site) -> str:
    """How many facts have not reached the log yet; read beside the running server."""
    code = (
        "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1])"
        '.execute("SELECT count(*) FROM eventlog_outboxfact").fetchone()[0]))'
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(site.directory / "cxm.sqlite3")], capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
