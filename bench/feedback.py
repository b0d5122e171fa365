"""The feedback inbox over 1,000,000 texts: searching, filtering, a page of the list, comparing two periods.

The texts are in five languages, of words drawn by their real frequencies, over two years; readings and marks are made
up beside them. Each line is the median of several rounds in seconds: `search …` of finding the page's texts in the log,
`page …` of the whole answer of the application (all middleware, no network).
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

TEXTS = 1_000_000
SEARCH_BOUND = 0.2  # seconds
FILTER_BOUND = 0.5
PAGE_BOUND = 0.6
BATCH = 50_000
LANGUAGES = ("en", "ru", "uk", "pl", "zh")
SEARCHES = {
    "a rare word": "warranty", "a frequent word": "people", "two words": "delivery problem", "a phrase": '"last night"',
    "without": "service -good", "Russian": "доставка", "Ukrainian": "підтримка", "Polish": "dostawa",
    "Chinese": "服务", "nothing": "zzyzx",
}  # fmt: skip
FILTERS = {
    "sentiment": "sentiment=negative", "topic and channel": "topic=t3&channel=email", "not handled": "handled=no",
    "assigned to me": "assignee=me", "word and sentiment": "q=service&sentiment=negative", "rare topic": "topic=t39",
}  # fmt: skip


def main() -> int:
    from bench.report import Report, arguments, installation

    options = arguments(__doc__)
    n = 20_000 if options.small else TEXTS
    with installation():
        report = Report("feedback", small=options.small)
        workspace, user = fill(n, random.Random(options.seed))
        measure(report, workspace, user, rounds=3 if options.small else 7)
    return report.exit_code


def fill(n: int, rng: random.Random) -> tuple[Any, Any]:
    """Texts by the door that every event takes, and their readings and marks beside them."""
    from cxm.record.eventlog.engine import engine
    from cxm.testing.cast import make_user, make_workspace

    user = make_user()
    workspace = make_workspace(owner=user)
    draw = {language: words(language, rng) for language in LANGUAGES}
    now = datetime.now(UTC)
    began = time.perf_counter()
    for start in range(0, n, BATCH):
        lines = []
        for number in range(start, min(start + BATCH, n)):
            language = LANGUAGES[number % 5]
            comment = ("" if language == "zh" else " ").join(draw[language](rng.randint(6, 26)))
            properties = {
                "metric": rng.choice(("nps", "csat", "text")), "question": rng.choice("abcdef"), "comment": comment,
                "score": rng.randint(0, 10), "channel": rng.choice(("web", "email", "app", "reviews")),
            }  # fmt: skip
            at = now - timedelta(seconds=rng.randrange(730 * 86_400))
            lines.append(json.dumps({
                "workspace_id": workspace.pk, "event_id": str(uuid.UUID(int=rng.getrandbits(128))),
                "name": "answer_given", "customer_id": str(uuid.UUID(int=rng.getrandbits(40))),
                "occurred_at": at.strftime("%Y-%m-%d %H:%M:%S.000"), "source": "sample",
                "properties": json.dumps(properties, ensure_ascii=False),
            }, ensure_ascii=False))  # fmt: skip
        with engine().client() as client:
            client.raw_insert("arrivals", insert_block="\n".join(lines).encode(), fmt="JSONEachRow")
    print(f"filled {n} texts in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    with engine().client() as client:
        client.command(
            "INSERT INTO annotations (workspace_id, event_id, customer_id, occurred_at, version, model, language,"
            " sentiment, sentiment_score, emotion, intent, topics, topic_sentiments, tags)"
            " SELECT workspace_id, event_id, customer_id, occurred_at, 1, 'bench', 'en',"
            " ['negative', 'neutral', 'positive'][1 + cityHash64(event_id) % 3], 0.5, 'joy', '',"
            " arrayDistinct([concat('t', toString(cityHash64(event_id) % 40)),"
            " concat('t', toString(cityHash64(event_id) % 7))]), [0.5, 0.5], '' FROM texts"
        )
        client.command(
            "INSERT INTO text_marks (workspace_id, event_id, customer_id, occurred_at, version, handled, assignee)"
            f" SELECT workspace_id, event_id, customer_id, occurred_at, 1, 1, {user.pk if user.pk else 0}"
            " FROM texts WHERE cityHash64(event_id) % 50 = 0"
        )
    return workspace, user


def words(language: str, rng: random.Random) -> Callable[[int], list[str]]:
    """Draws neighbours from a long stretch of words, each as frequent as it is in the language."""
    import wordfreq

    known = wordfreq.top_n_list(language, 20_000)
    weights = list(accumulate(wordfreq.word_frequency(one, language) for one in known))
    stretch = rng.choices(known, cum_weights=weights, k=300_000)

    def draw(n: int) -> list[str]:
        start = rng.randrange(len(stretch) - n)
        return stretch[start : start + n]

    return draw


def measure(report: Any, workspace: Any, user: Any, *, rounds: int) -> None:
    from django.test import Client
    from django.urls import reverse

    from cxm.act.cases.feedback import comparing, queries
    from cxm.act.cases.feedback.wanted import Wanted, wanted_in

    def median(run: Callable[[], object]) -> float:
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            run()
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    def line(name: str, run: Callable[[], object], bound: float) -> None:
        report.line(name.replace(" ", "_"), median(run), bound=bound, unit="s")

    def page(wanted: Wanted) -> Callable[[], object]:
        return lambda: queries.rows_of(workspace, wanted, user, size=51)

    def count(wanted: Wanted) -> Callable[[], object]:
        return lambda: queries.count(workspace, wanted, user)

    page(Wanted())()  # what is loaded at the first call
    line("list newest", page(Wanted()), SEARCH_BOUND)
    for name, typed in SEARCHES.items():
        line(f"search {name}", page(Wanted(text=typed)), SEARCH_BOUND)
        line(f"count {name}", count(Wanted(text=typed)), SEARCH_BOUND)
    for name, query in FILTERS.items():
        line(f"filter {name}", page(wanted_in(query)), FILTER_BOUND)
        line(f"count {name}", count(wanted_in(query)), FILTER_BOUND)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    address = reverse("feedback:list", args=[workspace.slug])
    for query in ("", "q=service", "sentiment=negative&handled=no"):
        line(f"page {query or 'newest'}", partial(client.get, f"{address}?{query}"), PAGE_BOUND)
    today = comparing.today(workspace)
    before, after = comparing.periods_of(Wanted(period="90d"), {}, today)
    line("compare 90 days", lambda: comparing.compare(workspace, Wanted(), before, after, user), 1.0)


if __name__ == "__main__":
    sys.exit(main())
