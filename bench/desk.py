"""The agents' desk with 100,000 open cases: every view's server time, then 20 agents at work at once.

Cases, customers and messages are written straight into the operational database; writing them through the verbs would
only measure the verbs. Each view is asked of the application itself (`django.test.Client`, all middleware, no network);
the figure is the median of several rounds, in seconds. Then `cxm serve` runs, and 20 agents look at a list, open a
case, read the customer's story, keep a note, resolve, and go on to the next, twelve seconds for each case, which is
faster than anybody works; the figures are of whole requests, as the agents wait for them. Each begins at a moment of
their own; before that, all open their list at the same moment once (`at_once`), as after a break of the network: these
twenty pages are made by one process, one after another, and the last one waits for all.
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

CASES = 100_000
AGENTS = 20
TEAMS = 8
VIEW_BOUND = 0.2  # seconds of server time
WAIT_BOUND = 1.0  # seconds that 19 of 20 requests of agents take at most, 20 of whom share the machine
BURST_BOUND = AGENTS * VIEW_BOUND / 2  # seconds until the last of them has the list that all opened at one moment
WORDS = ["parcel", "invoice", "kettle", "refund", "late", "broken", "login", "delivery", "lid", "colour", "voucher",
         "return", "price", "courier", "warranty", "address"]  # fmt: skip
CATEGORIES = ["delivery", "billing", "product", "account", "returns", "other"]


def main() -> int:
    from bench.report import Report, arguments, installation

    options = arguments(__doc__)
    n = 2_000 if options.small else CASES
    with installation() as directory:
        report = Report("desk", small=options.small)
        desk = fill(n, random.Random(options.seed))
        views(report, desk, rounds=3 if options.small else 9)
        from django.db import connections

        from cxm.record.eventlog.engine import close_engine

        close_engine()
        connections.close_all()
        together(report, desk, directory, seconds=20 if options.small else 60, seed=options.seed)
    return report.exit_code


@dataclass
class Desk:
    """What was filled in: the workspace's address, a session for each agent, and the number of cases."""

    slug: str
    sessions: list[str]
    n: int
    customer: str
    team: int
    me: int
    numbers: list[int] = field(default_factory=list)  # some cases that wait for us


def fill(n: int, chance: random.Random) -> Desk:
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from cxm.accounts.models import Membership, Role, User
    from cxm.act.cases.models import Case, CaseEntry, Team, TeamMember
    from cxm.act.cases.searching import text_of
    from cxm.listen.channels.models import Channel, Conversation, Message
    from cxm.record.customers.models import Customer
    from cxm.record.customers.searching import search_text_of
    from cxm.testing.cast import make_user, make_workspace

    workspace = make_workspace("Busy", owner=make_user())
    agents = [User.objects.create(email=f"agent{one}@example.com", name=f"Agent {one}") for one in range(AGENTS)]
    Membership.objects.bulk_create([Membership(workspace=workspace, user=one, role=Role.AGENT) for one in agents])
    teams = [Team.objects.create(workspace=workspace, name=f"Team {one}") for one in range(TEAMS)]
    for number, agent in enumerate(agents):
        TeamMember.objects.create(team=teams[number % TEAMS], user=agent)
    channel = Channel.objects.create(workspace=workspace, kind="email", name="Support", address="help@example.com")
    now = timezone.now()
    customers = [Customer(workspace=workspace, name=f"Name{one % 5000} {WORDS[one % 16]}", email=f"c{one}@example.com")
                 for one in range(n // 2)]  # fmt: skip
    for customer in customers:
        customer.search_text = search_text_of(customer.name, customer.email)
    Customer.objects.bulk_create(customers, batch_size=1000)
    states = ["new"] * 3 + ["open"] * 4 + ["waiting"] * 2 + ["snoozed"]
    numbers: list[int] = []
    for start in range(0, n, 5000):
        conversations, cases, said, entries = [], [], [], []
        for number in range(start + 1, min(start + 5000, n) + 1):
            customer, state = chance.choice(customers), chance.choice(states)
            at = now - timedelta(minutes=chance.randrange(60 * 24 * 30))
            subject = " ".join(chance.choices(WORDS, k=5))
            conversation = Conversation(workspace=workspace, channel=channel, kind="email", customer=customer,
                                        address=customer.email, subject=subject, created_at=at, last_at=at)  # fmt: skip
            case = Case(
                workspace=workspace, number=number, subject=subject, state=state,
                priority=chance.choice([1, 2, 2, 2, 3, 4]),
                is_complaint=chance.random() < 0.1, opened_by=f"message:{number}", category=chance.choice(CATEGORIES),
                channel="email", customer=customer, conversation=conversation, team=chance.choice(teams),
                owner=chance.choice([*agents, None, None, None, None]), opened_at=at, tags=chance.sample(WORDS, 2),
                due_at=at + timedelta(hours=chance.randrange(800)) if chance.random() < 0.9 else None,
                last_customer_at=at if state in {"new", "open"} else None,
                snoozed_until=now + timedelta(days=3) if state == "snoozed" else None,
            )  # fmt: skip
            case.search_text = text_of(case)
            conversations.append(conversation)
            cases.append(case)
            for turn in range(2):
                said.append(
                    Message(conversation=conversation, workspace=workspace, direction="in" if turn == 0 else "out",
                            external_id=f"<{number}.{turn}@example.com>", sender=customer.email,
                            text=" ".join(chance.choices(WORDS, k=40)), at=at + timedelta(minutes=turn))
                )  # fmt: skip
            entries.append(CaseEntry(case=case, at=at, kind="opened"))
            if state in {"new", "open"} and len(numbers) < 500:
                numbers.append(number)
        Conversation.objects.bulk_create(conversations, batch_size=1000)
        Case.objects.bulk_create(cases, batch_size=1000)
        Message.objects.bulk_create(said, batch_size=1000)
        CaseEntry.objects.bulk_create(entries, batch_size=1000)
    sessions = []
    for agent in agents:
        client = Client()
        client.force_login(agent)
        sessions.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    return Desk(workspace.slug, sessions, n, str(customers[0].pk), teams[0].pk, agents[0].pk, numbers)


def addresses(desk: Desk) -> dict[str, str]:
    """Every view of the desk: its name in the report, its address."""
    home, last = f"/w/{desk.slug}/cases/", desk.numbers[len(desk.numbers) // 2]
    queues = ("mine", "team", "unassigned", "overdue", "todo", "waiting", "snoozed", "done", "all")
    lists = {f"queue_{one}": f"{home}?queue={one}" for one in queues}
    lists |= {f"sort_{one}": f"{home}?queue=todo&sort={one}" for one in ("priority", "patience", "newest", "oldest")}
    narrowed = {
        "team": f"team={desk.team}", "owner": f"owner={desk.me}", "nobody": "owner=nobody", "state": "state=open",
        "priority": "priority=4", "category": "category=billing", "tag": "tag=kettle", "channel": "channel=email",
        "complaint": "complaint=1", "customer": f"customer={desk.customer}",
        "several": f"team={desk.team}&priority=4&complaint=1&category=returns&sort=patience",
    }  # fmt: skip
    lists |= {f"only_{name}": f"{home}?queue=todo&{query}" for name, query in narrowed.items()}
    lists |= {f"all_{name}": f"{home}?queue=all&{query}" for name, query in narrowed.items()}
    lists |= {
        "page_20": f"{home}?queue=todo&page=20", "page_200": f"{home}?queue=all&page=200",
        "search_word": f"{home}?queue=all&q=kettle", "search_words": f"{home}?queue=todo&q=kettle+lid+refund",
        "search_name": f"{home}?queue=all&q=Name77", "search_nothing": f"{home}?queue=all&q=zebra",
        "search_number": f"{home}?queue=all&q=%23{last}",
    }  # fmt: skip
    return lists | {
        "case": f"{home}{last}/?queue=todo", "story": f"{home}{last}/story/",
        "next": f"{home}{last}/next/?queue=todo", "next_narrowed": f"{home}{last}/next/?queue=todo&priority=4",
        "tasks": f"{home}tasks/", "for_me": f"{home}for-me/", "new": f"{home}new/", "causes": f"{home}causes/",
        "replies": f"{home}replies/", "macros": f"{home}macros/",
        "customer_page": f"/w/{desk.slug}/customers/{desk.customer}/",
    }  # fmt: skip


def views(report: Any, desk: Desk, rounds: int) -> None:
    from django.conf import settings
    from django.test import Client

    client = Client(HTTP_HOST="127.0.0.1")
    client.cookies[settings.SESSION_COOKIE_NAME] = desk.sessions[0]
    for name, address in addresses(desk).items():
        taken = []
        for _ in range(rounds + 1):
            started = time.perf_counter()
            answered = client.get(address)
            taken.append(time.perf_counter() - started)
            if answered.status_code not in {200, 302}:
                raise SystemExit(f"{address} answered {answered.status_code}")
        report.line(f"view.{name}", statistics.median(taken[1:]), bound=VIEW_BOUND)  # the first one loads templates


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


@dataclass
class Agent:
    """One person at a browser: asks, waits, thinks."""

    base: str
    slug: str
    session: str
    chance: random.Random
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    token: str = ""

    def ask(self, what: str, path: str, **fields: str) -> str:
        """The page, or where it leads."""
        headers = {"Cookie": f"sessionid={self.session}; csrftoken={self.token}", "X-CSRFToken": self.token,
                   "Referer": self.base + path}  # fmt: skip
        body = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(self.base + path, data=body, headers=headers)
        opener = urllib.request.build_opener(NoRedirect)
        started = time.perf_counter()
        try:
            with opener.open(request, timeout=60) as reply:
                text, headers_back = str(reply.read().decode()), reply.headers
        except urllib.error.HTTPError as error:
            text, headers_back = str(error.headers.get("Location", "")), error.headers
            if error.code != 302:  # a redirect is an answer here
                self.wrong.append(f"{path}: {error.code}")
        self.waits[what].append(time.perf_counter() - started)
        for cookie in headers_back.get_all("Set-Cookie") or []:
            if cookie.startswith("csrftoken="):
                self.token = cookie.partition("=")[2].partition(";")[0]
        return text

    def work(self, until: float) -> None:
        home = f"/w/{self.slug}/cases/"
        while time.monotonic() < until:
            self.think()
            self.ask("list", f"{home}?queue=team")
            self.think()
            here = self.ask("next", f"{home}{self.chance.randint(1, 500)}/next/?queue=team")
            for _case in range(5):
                if not here.startswith(home) or time.monotonic() > until:
                    break
                path = here.partition("?")[0]
                self.ask("case", here)
                self.ask("story", f"{path}story/")
                self.think()
                self.ask("look", f"{path}look/", types="1")
                again = self.ask("note", f"{path}write/", how="note", text="Called, nobody there.", list="queue=team")
                self.ask("case", again)
                self.think()
                if self.chance.random() < 0.5:
                    self.ask("resolve", f"{path}resolve/", resolution="solved", list="queue=team")
                here = self.ask("next", f"{path}next/?queue=team")

    def think(self) -> None:
        time.sleep(self.chance.uniform(3, 9))


def beside_each_other(deeds: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=deed) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def together(report: Any, desk: Desk, directory: Path, *, seconds: float, seed: int) -> None:
    from cxm.testing.site import Site

    site = Site(directory, servers=False)
    site.start()
    try:
        agents = [Agent(site.url(""), desk.slug, session, random.Random(seed + number))
                  for number, session in enumerate(desk.sessions)]  # fmt: skip
        for agent in agents:
            agent.ask("warm up", f"/w/{desk.slug}/cases/?queue=team")
            agent.waits.clear()
        lists = f"/w/{desk.slug}/cases/?queue=team"
        beside_each_other([partial(agent.ask, "at_once", lists) for agent in agents])
        burst = max(agent.waits.pop("at_once")[0] for agent in agents)
        until = time.monotonic() + seconds
        beside_each_other([partial(agent.work, until) for agent in agents])
    finally:
        site.stop()
    wrong = [one for agent in agents for one in agent.wrong]
    if wrong:
        raise SystemExit(f"{len(wrong)} requests were refused, first {wrong[0]}")
    report.line(f"{AGENTS}_agents.at_once", burst, bound=BURST_BOUND)
    for what in sorted({name for agent in agents for name in agent.waits}):
        waits = sorted(wait for agent in agents for wait in agent.waits[what])
        report.line(f"{AGENTS}_agents.{what}", waits[int(len(waits) * 0.95)], bound=WAIT_BOUND)
    n = sum(len(waits) for agent in agents for waits in agent.waits.values())
    report.line(f"{AGENTS}_agents.requests", n / seconds, bound=0, at_least=True, unit="/s")


if __name__ == "__main__":
    sys.exit(main())
