"""The tracking API under load, client and server on the same machine, beside the bare engine.

Every answer is awaited, and it goes out when the rows are on disk (fsync). The baseline is the same rows, in the same
table and as durable, by one `INSERT … FORMAT JSONEachRow` for each 10 000, in turn with the server in one run.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Report, arguments
from cxm.testing.site import Site

BATCH = 500
BARE_BLOCK = 10_000
GIVEN = """
import json
from cxm.testing.cast import make_user, make_workspace, make_write_key
print(json.dumps(make_write_key(make_workspace("Load", owner=make_user()))))
"""
STORED = """
from cxm.record.eventlog.engine import engine
with engine().client() as client:
    print(client.query("SELECT count() FROM events WHERE type != ''").result_rows[0][0])
"""
BARE = """
import os, sys, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
from pathlib import Path
import clickhouse_connect
path, block_files = sys.argv[1], sys.argv[2:]
client = clickhouse_connect.get_client(interface="chdb", path=path)
from cxm.record.eventlog.engine import SCHEMA
text = (SCHEMA / "0001_log.sql").read_text()
create = text[text.index("CREATE TABLE @events"):].partition(";\\n")[0].replace("@", "")
client.command(create)
blocks = [Path(name).read_bytes() for name in block_files]
taken = []
for block in blocks:
    started = time.perf_counter()
    client.raw_insert("events", insert_block=block, fmt="JSONEachRow")
    taken.append(time.perf_counter() - started)
print(sum(taken))
"""
NAMES = ["Item Purchased", "Article Read", "Basket Left", "Search Made", "Video Played", "Coupon Used"]


def event(chance: random.Random) -> dict[str, object]:
    return {
        "type": "track",
        "event": chance.choice(NAMES),
        "userId": f"user-{chance.randrange(50_000)}",
        "anonymousId": None,
        "messageId": str(uuid.UUID(int=chance.getrandbits(128))),
        "timestamp": datetime.now(UTC).isoformat(),
        "integrations": {},
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "properties": {"product_id": chance.randrange(5000), "name": "Mat", "revenue": 14.99, "channel": "web"},
    }


def request(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Answers(asyncio.Protocol):
    """One connection that sends a request when told and resolves a future when its answer is whole."""

    def __init__(self) -> None:
        self.rest = b""
        self.waiting: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, mark, body = self.rest.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length and self.waiting is not None:
            self.rest = body[length:]
            waiting, self.waiting = self.waiting, None
            waiting.set_result(int(head[9:12]))

    def send(self, request: bytes) -> asyncio.Future[int]:
        assert self.transport is not None
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiting


async def connected(port: int, n: int) -> list[Answers]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Answers, "127.0.0.1", port))[1] for _ in range(n)]


async def as_fast_as_possible(port: int, requests: list[bytes], connections: int) -> float:
    """Seconds until every request is answered with 200, `connections` at a time."""
    lines = await connected(port, connections)
    waiting = iter(requests)

    async def work(line: Answers) -> None:
        for one in waiting:
            status = await line.send(one)
            if status != 200:
                raise RuntimeError(f"answered {status}")

    started = time.perf_counter()
    await asyncio.gather(*map(work, lines))
    return time.perf_counter() - started


async def at_a_rate(port: int, requests: list[bytes], per_second: int) -> list[float]:
    """Seconds from the moment each request was due to its answer: a server that stalls is not let off."""
    gc.freeze()  # or the client would stop to look through all the bodies that it holds, and say that the server did
    free: asyncio.LifoQueue[Answers] = asyncio.LifoQueue()
    for connection in await connected(port, 128):
        free.put_nowait(connection)
    taken: list[float] = []

    async def one(request: bytes, due: float) -> None:
        line = await free.get()
        await line.send(request)
        taken.append(time.perf_counter() - due)
        free.put_nowait(line)

    started = time.perf_counter()
    tasks = []
    for number, body in enumerate(requests):
        due = started + number / per_second
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(body, due)))
    await asyncio.gather(*tasks)
    return taken


def bare_rows(bodies: list[list[dict[str, object]]]) -> list[bytes]:
    """The same events as the rows that the server makes of them, in blocks of BARE_BLOCK."""
    from cxm.record.eventlog.ids import customer_id_of, event_id_of

    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    lines = [
        json.dumps({
            "workspace_id": 1, "event_id": str(event_id_of(1, str(one["messageId"]))), "name": one["event"],
            "customer_id": str(customer_id_of(1, "user_id", str(one["userId"]))), "occurred_at": now,
            "received_at": now, "source": "capture", "source_id": 1, "type": "track", "user_id": one["userId"],
            "anonymous_id": "", "sent_at": now, "remark": "", "properties": json.dumps(one["properties"]),
            "context": json.dumps(one["context"]),
        })
        for batch in bodies for one in batch
    ]  # fmt: skip
    return [
        ("\n".join(lines[start : start + BARE_BLOCK]) + "\n").encode() for start in range(0, len(lines), BARE_BLOCK)
    ]


def bare(directory: Path, blocks: list[bytes]) -> float:
    """Seconds that the engine alone takes for these blocks, in a process of its own."""
    files = []
    for number, block in enumerate(blocks):
        (directory / f"{number}.jsonl").write_bytes(block)
        files.append(str(directory / f"{number}.jsonl"))
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(directory / "bare"), *files],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def main() -> int:
    options = arguments(__doc__)
    report = Report("capture", small=options.small)
    chance = random.Random(options.seed)
    batches, singles, rounds, seconds = (20, 200, 1, 2) if options.small else (200, 10_000, 3, 20)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        site = Site(directory / "data")
        site.install()
        key = site.ask(GIVEN)
        site.start()
        try:
            ours, theirs, single = [], [], []
            for number in range(rounds):
                bodies = [[event(chance) for _ in range(BATCH)] for _ in range(batches)]
                requests = [
                    request("/v1/batch", json.dumps({"batch": some, "writeKey": key}).encode()) for some in bodies
                ]
                taken = asyncio.run(as_fast_as_possible(site.port, requests, 8))
                ours.append(batches * BATCH / taken)
                place = directory / str(number)
                place.mkdir()
                theirs.append(batches * BATCH / bare(place, bare_rows(bodies)))
                ones = [request("/v1/track", json.dumps({**event(chance), "writeKey": key}).encode())
                        for _ in range(singles)]  # fmt: skip
                single.append(singles / asyncio.run(as_fast_as_possible(site.port, ones, 64)))
            report.line("batches", statistics.median(ours), bound=50_000, at_least=True, unit="/s")
            report.line("of the bare engine", statistics.median(ours), statistics.median(theirs), bound=0.25,
                        at_least=True, unit="/s")  # fmt: skip
            report.line("single events", statistics.median(single), bound=2_500, at_least=True, unit="/s")
            ones = [request("/v1/track", json.dumps({**event(chance), "writeKey": key}).encode())
                    for _ in range(500 * seconds)]  # fmt: skip
            waits = sorted(asyncio.run(at_a_rate(site.port, ones, 500)))
            report.line("p99 at 500/s", waits[int(len(waits) * 0.99)] * 1000, bound=60, unit="ms")
        finally:
            site.stop()
        sent = rounds * (batches * BATCH + singles) + 500 * seconds
        if (stored := site.ask(STORED)) != sent:
            raise RuntimeError(f"{sent} events were acknowledged, {stored} are in the log.")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
