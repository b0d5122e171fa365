"""The process: what `cxm serve`, `cxm web` and `cxm work` are made of.

One event loop in the main thread answers requests; threads beside it run jobs, move facts to the log, follow it and
tick the clocks. Everything that a thread does is safe to repeat, so an end at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import hashlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import msgspec
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import Error, close_old_connections, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from cxm import __version__
from cxm.act.automations import starting as runs
from cxm.act.automations.running import run_due
from cxm.listen.channels import actions as outgoing
from cxm.listen.channels.mail.smtp import Away
from cxm.listen.channels.sending import Sender, give_up_claims
from cxm.listen.channels.webhooks import actions as webhooks
from cxm.listen.channels.webhooks import sending as webhook_sending
from cxm.listen.surveys.distribution.running import advance_all
from cxm.listen.surveys.respond.app import stop_respond
from cxm.record.capture.intake.app import stop_intake
from cxm.record.eventlog import outbox
from cxm.record.eventlog.engine import Engine, EventlogError, close_engine, engine, load_library
from cxm.record.eventlog.memory import give_back_memory
from cxm.record.eventlog.priority import merges_give_way
from cxm.record.eventlog.repair import repair
from cxm.understand.journeys.steps import building
from cxm.understand.text import rereading
from cxm.understand.text.annotating import Annotator
from cxm.understand.text.themes import keeping_up

from . import workers
from .data_directory import Refused, check_usable, held
from .flow import URGENT_NAME, FlowThread
from .incoming import InboundMail, PollThread
from .restore import finish_swap
from .timers import ClockThread

logger = logging.getLogger(__name__)

JOB_THREADS = 2  # so that a long import does not keep a short job waiting
CONNECTIONS = 2048  # requests in progress; pages are limited in asgi.py, the tracking API in its own
MAIL_EVERY = 2.0  # seconds; messages of this process leave at once, those of others and late ones at the latest then
WEBHOOKS_EVERY = 1.0  # seconds; webhooks of this process leave at once, those of others and late ones then
OUTBOX_EVERY = 5.0  # seconds; facts of this process are moved at once, those of others at the latest then
TEXTS_EVERY = 1.0  # seconds between two looks for texts that nobody has read
RUNS_EVERY = 1.0  # seconds; runs that this process begins go on at once, those of others at the latest then
GATHER = 0.3  # seconds after facts were moved in which others gather: an insert costs much the same for few and many
CROWD, GATHER_CROWD = 300, 0.5  # so many facts at once are a crowd, after which they gather for longer
TURN = (
    0.001  # seconds that a busy thread keeps the interpreter before the event loop gets it; Python's default is 0.005
)
GRACE = 20.0  # seconds that requests and jobs get to finish after SIGTERM


class Loop(threading.Thread):
    """Does the same again and again: as soon as `waiting` is set, and every so many seconds.

    `do` gets a question whether to stop, and returns whether there is more to do at once. What it raises of `away`
    (a database, a mail server) is waited for, longer each time.
    """

    def __init__(
        self, name: str, do: Callable[[Callable[[], bool]], object], *, waiting: threading.Event, every: float,
        away: tuple[type[Exception], ...] = (Error, EventlogError), end: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, daemon=True)
        self._stopping = threading.Event()
        self._do, self._waiting, self._every, self._away, self._end = do, waiting, every, away, end

    def stop(self) -> None:
        self._stopping.set()
        self._waiting.set()

    def run(self) -> None:
        pause = 1.0
        while not self._stopping.is_set():
            self._waiting.clear()
            close_old_connections()
            try:
                more = self._do(self._stopping.is_set)
                pause = 1.0
            except self._away as error:
                logger.warning("%s waits: %s", self.name, error)
                self._stopping.wait(pause)
                pause = min(pause * 2, 60)
                continue
            except Exception:
                logger.exception("%s failed", self.name)
                self._stopping.wait(60)
                continue
            if not more:
                self._waiting.wait(self._every)
        try:
            self._end()
        except Error:
            logger.exception("What became of the last work of %s could not be written down", self.name)
        connections.close_all()


def outbox_loop() -> Loop:
    """Opens the log, then moves facts to it as transactions commit them."""
    is_open = False

    def move(_stopping: Callable[[], bool]) -> None:
        nonlocal is_open
        log = engine()
        if not is_open:
            end_in_a_crash()
            mend(log)
        moved = outbox.move_outbox()
        if not is_open:
            is_open = True
            give_back_memory()
        if moved:
            time.sleep(GATHER if moved < CROWD else GATHER_CROWD)

    return Loop("outbox", move, waiting=outbox.waiting, every=OUTBOX_EVERY)


def mail_loops(process: str) -> list[Loop]:
    """One carries the mailings on; each of the others sends messages over a connection of its own."""

    def sending(number: int) -> Loop:
        sender = Sender(f"{process}/{number}")

        def end() -> None:
            try:
                sender.settle()
            finally:
                sender.close()

        def send(stopping: Callable[[], bool]) -> None:
            sender.send_due(stopping)

        return Loop(f"mail-{number}", send, waiting=outgoing.waiting, every=MAIL_EVERY,
                    away=(Error, Away, EventlogError), end=end)  # fmt: skip

    def carry_on(stopping: Callable[[], bool]) -> None:
        advance_all(stopping)

    mailings = Loop("mail-0", carry_on, waiting=outgoing.waiting, every=MAIL_EVERY, away=(Error, Away, EventlogError))
    return [mailings, *(sending(number) for number in range(1, settings.EMAIL_CONNECTIONS + 1))]


def webhook_loop(process: str) -> Loop:
    """Claims webhooks and writes down what became of them; the requests are in an event loop beside it."""
    courier = webhook_sending.Courier(f"{process}/webhooks")
    return Loop("webhooks", courier.step, waiting=webhooks.waiting, every=WEBHOOKS_EVERY, away=(Error,),
                end=courier.close)  # fmt: skip


def run_loop() -> Loop:
    """Carries on the runs of workflows that are due."""

    def carry_on(stopping: Callable[[], bool]) -> None:
        run_due(stopping)

    return Loop("runs", carry_on, waiting=runs.waiting, every=RUNS_EVERY)


def text_loop(process: str, *, alone: bool) -> Loop:
    """Reads texts: new ones, and all of a workspace when that is wanted."""
    annotator = Annotator(process, alone=alone)

    def annotate(stopping: Callable[[], bool]) -> None:
        annotator.annotate_due(stopping)

    return Loop("texts", annotate, waiting=rereading.waiting, every=TEXTS_EVERY, end=annotator.end)


def theme_loop() -> Loop:
    """New texts find their theme, and get the vector by which similar ones are found."""
    return Loop("themes", keeping_up.keep_up, waiting=keeping_up.waiting, every=keeping_up.EVERY)


def step_loop(process: str, *, alone: bool) -> Loop:
    """Keeps the steps of journeys as the log says."""
    keeper = building.StepKeeper(process, alone=alone)
    return Loop("steps", keeper.keep_up, waiting=building.waiting, every=building.EVERY, end=keeper.end)


Worker = Loop | ClockThread | FlowThread | PollThread | InboundMail | workers.JobThread


def mend(log: Engine) -> None:
    """What an end in the middle of an insert has torn. A server has other writers: there only what has settled."""
    if not log.in_process:
        repair()
        return
    with log.nobody_writes():
        repair(timedelta(0))
    merges_give_way()


def end_in_a_crash() -> None:
    """Put Python's handler back over the one that chDB brings when it opens the log.

    That one leaves a crashed process standing for ever, so nobody could see that it has to be started again.
    """
    faulthandler.disable()
    faulthandler.enable()


def check_port(host: str, port: int, option: str = "--port") -> None:
    """Raise Refused unless a server can listen there. The server itself would share the port with another one."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Refused(
            _("Port %(port)s on %(host)s cannot be used: %(reason)s. Stop the program that uses it or choose another"
              " one with %(option)s.")
            % {"port": port, "host": host, "reason": error.strerror or error, "option": option}
        ) from error  # fmt: skip


def prepare(say: Callable[[str], None]) -> None:
    """Bring the database and the collected static files up to this version; quick when there is nothing to do."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say(_("Preparing the database …"))
        apart("migrate", "--no-input")
    with connection.cursor() as cursor:
        if "web_cache" not in connection.introspection.table_names(cursor):
            call_command("createcachetable", verbosity=0)
    collect_static(say)


def load_all(*, web: bool) -> None:
    """Import what the threads would import beside each other.

    While one thread makes a class, another that asks `isinstance` may get an answer that is wrong and kept: a server
    was seen that took every tuple for a Mapping until its end. And msgspec looks at a Struct when it is first used:
    a second thread that uses it meanwhile reads what is half there, and the process crashes.
    """
    # chDB takes pandas for results as tables, of which we ask for none: 50 MB. So Python says that it is not there.
    gc.disable()  # it would look again and again through what stays; `run` goes on with it
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]  # None is what says so
    faulthandler.enable()
    load_library()
    import_module(settings.ROOT_URLCONF)
    if web:
        import_module("cxm.web.asgi")
    look_at_structs(msgspec.Struct)


def look_at_structs(base: type[msgspec.Struct]) -> None:
    kinds: list[type[msgspec.Struct]] = base.__subclasses__()
    for kind in kinds:
        msgspec.json.Decoder(kind)
        look_at_structs(kind)


def collect_static(say: Callable[[str], None]) -> None:
    root = Path(settings.STATIC_ROOT)
    mark, wanted = root / ".collected", static_fingerprint()
    if mark.is_file() and mark.read_text() == wanted:
        return
    say(_("Preparing the pages …"))
    mark.unlink(missing_ok=True)
    apart("collectstatic", "--no-input", "--clear")
    mark.write_text(wanted)


def apart(*command: str) -> None:
    """Run a command in a process of its own, because the memory that it takes would stay with the server."""
    done = subprocess.run([sys.executable, "-m", "cxm", *command, "--verbosity", "0"], check=False)
    if done.returncode:
        raise Refused(_("The start failed in “%(command)s”; the reason is above.") % {"command": command[0]})


def static_fingerprint() -> str:
    """Changes whenever a static file, the version or the place of the package does."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256(f"{__version__} {settings.BASE_DIR}".encode())
    for finder in get_finders():
        for name, storage in finder.list(ignore_patterns=[]):
            state = Path(storage.path(name)).stat()
            digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def run(*, host: str = "", port: int = 0, web: bool, work: bool, say: Callable[[str], None]) -> None:
    """Be the server until SIGTERM or SIGINT. Raises Refused when it cannot start.

    `web` answers requests at `host`:`port`, `work` does jobs, facts and clocks. Both together hold the data directory
    alone; the one without the other needs servers for the data.
    """
    with ExitStack() as stack:
        check_usable()
        if web:
            check_port(host, port)
        if web and work:
            stack.enter_context(held())
            finish_swap()
        elif not (settings.DATABASE_URL and settings.EVENTLOG_URL):
            raise Refused(
                _("Several processes need a PostgreSQL server (CXM_DATABASE_URL) and a ClickHouse server"
                  " (CXM_EVENTLOG_URL). Without them, use cxm serve.")
            )  # fmt: skip
        prepare(say)
        load_all(web=web)
        process = workers.new_process_name()
        threads: list[Worker] = []
        if work:
            alone = web and not settings.DATABASE_URL
            workers.say_alive(process)
            workers.requeue_interrupted(alone=alone)
            threads = [outbox_loop(), *(workers.JobThread(process, number) for number in range(JOB_THREADS + 1))]
            give_up_claims(lambda sender: not alone and workers.is_alive(sender))
            webhook_sending.give_up_claims(lambda courier: not alone and workers.is_alive(courier))
            threads += [ClockThread(process), FlowThread(process, alone=alone)]
            threads += [FlowThread(process, alone=alone, name=URGENT_NAME)]
            threads += [run_loop(), webhook_loop(process), text_loop(process, alone=alone), theme_loop()]
            threads += [step_loop(process, alone=alone)]
            threads += mail_loops(process)
            threads += [PollThread(), *([InboundMail(*settings.INBOUND_SMTP)] if settings.INBOUND_SMTP else [])]
            if settings.INBOUND_SMTP:
                check_port(*settings.INBOUND_SMTP, option="CXM_INBOUND_SMTP")
        connections.close_all()
        sys.setswitchinterval(TURN)
        # Looking through all that was loaded for garbage takes 250 ms, in which nobody is answered; it stays anyway.
        gc.freeze()
        # A batch of events is thousands of short-lived objects: 54,000 events a second became 57,000.
        gc.set_threshold(20_000)
        gc.enable()
        started = time.monotonic()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            ended = runner.run(_serve(host, port, web=web, threads=threads, say=say))
        logger.info("Stopped after %.0f s", time.monotonic() - started)
        if not ended:
            # A job outlasts the grace: it runs again at the next start. A thread in the middle of a query would
            # make a regular end of the interpreter hang or crash.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
        cache.close()
        connections.close_all()
        close_engine()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's event loop, with which a request costs less of the main thread; asyncio's where it is missing."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(
    host: str,
    port: int,
    *,
    web: bool,
    threads: list[Worker],
    say: Callable[[str], None],
) -> bool:
    """Run until a signal; returns whether every thread came to its end within the grace."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():  # asked twice: at once
            os._exit(130)
        say(_("Stopping; running jobs may finish their step …"))
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    serving: asyncio.Task[None] | None = None
    server = None
    if web:
        from granian.log import LogLevels
        from granian.server.embed import Server

        from .asgi import application

        server = Server(
            application,
            address=host,
            port=port,
            interface="asginl",  # type: ignore[arg-type]  # the enum's value
            backpressure=CONNECTIONS,
            websockets=False,
            log_level=LogLevels.error,
        )
        serving = asyncio.create_task(server.serve())
    for thread in threads:
        thread.start()
    say(
        _("OpenCXM %(version)s is at %(address)s (stop with Ctrl+C)")
        % {"version": __version__, "address": f"http://{'[' + host + ']' if ':' in host else host}:{port}"}
        if web
        else _("OpenCXM %(version)s does its background work (stop with Ctrl+C)") % {"version": __version__}
    )
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({waiting} | ({serving} if serving else set()), return_when=asyncio.FIRST_COMPLETED)
    for thread in threads:
        thread.stop()
    deadline = time.monotonic() + GRACE
    if server is not None and serving is not None:
        server.stop()  # type: ignore[no-untyped-call]  # granian's
        await asyncio.wait({serving}, timeout=GRACE)
        if serving.done() and serving.exception():
            raise Refused(str(serving.exception()))
    await loop.run_in_executor(None, stop_intake)
    await loop.run_in_executor(None, stop_respond)
    for thread in threads:
        await loop.run_in_executor(None, thread.join, max(0.1, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads) and (serving is None or serving.done())
