"""Make the derived tables anew from `events`, by the same SQL that fills them as events arrive."""

from __future__ import annotations

import re
from collections.abc import Callable

from .engine import SCHEMA, engine

DERIVED = ("feedback", "texts", "tickets", "order_milestones", "subscriptions", "purchase_histories")
# Not made by views: understand.text fills the first three, act.cases.feedback the fourth, understand.journeys the last.
# The journeys made of the last (`steps`) are made anew where a step goes, see `steps.drop_cases`.
READ = ("annotations", "theme_members", "text_vectors", "text_marks", "step_events")


def view_queries() -> dict[str, str]:
    """The SELECT of each materialised view in the schema, by the table that it fills, with @names unresolved."""
    text = "\n".join(file.read_text() for file in sorted(SCHEMA.glob("*.sql")))
    found = re.findall(r"CREATE MATERIALIZED VIEW @\w+ TO @(\w+) AS\n(.*?);\n", text, re.DOTALL)
    return dict(found)


def rebuild(progress: Callable[[str], None] = lambda table: None) -> None:
    """Drop the content of every derived table and fill it again. Appends wait meanwhile."""
    opened = engine()
    queries = view_queries()
    with opened.nobody_writes():
        for table in DERIVED:
            progress(table)
            if table == "feedback":
                _everywhere("TRUNCATE TABLE @feedback_rollup")
            _everywhere(f"TRUNCATE TABLE @{table}")
            # Filling @feedback fills its roll-up too: the view between them sees the insert.
            _everywhere(f"INSERT INTO @{table} {queries[table].replace('@arrivals', '@events')}")


def rebuild_rollup(workspace_id: int) -> None:
    """Count the roll-up of one workspace anew."""
    query = view_queries()["feedback_rollup"].replace("WHERE ", f"WHERE workspace_id = {int(workspace_id)} AND ")
    with engine().nobody_writes():
        _everywhere(f"DELETE FROM @feedback_rollup WHERE workspace_id = {int(workspace_id)}")
        _everywhere(f"INSERT INTO @feedback_rollup {query}")


def _everywhere(sql: str) -> None:
    opened = engine()
    opened.everywhere(re.sub(r"@(\w+)", lambda match: opened.local(match[1]), sql))
