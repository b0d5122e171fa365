"""The documentation names everything there is, and nothing in it leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from .source import CXM, ROOT, calls, python_files, shown, texts_of

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))])
REFERENCE = DOCS / "reference"
# Event names that are not the first argument of a call: imports and derived tables compare and choose them.
EVENT = re.compile(
    r"""["'](customer_identified|answer_given|ticket_updated|order_(?:placed|approved|shipped|delivered|cancelled)"""
    r"""|subscription_updated|purchase_history_reported|survey_(?:invited|sent)|note_(?:added|removed|restored))["']"""
)


def event_names() -> set[str]:
    """Every event name that the source writes: facts by `emit`, the sample's by `sink.add`, and the known ones."""
    found: set[str] = set()
    for file in python_files(tests=False):
        for name in ("emit", "add") if file.parent.name == "sample" else ("emit",):
            for call in calls(file, name):
                for text in texts_of(call.args[0]) if call.args else []:
                    if re.fullmatch(r"[a-z]+(_[a-z]+)+", text):
                        found.add(text)
        found |= set(EVENT.findall(file.read_text(encoding="utf-8")))
    schema = (CXM / "record/eventlog/schema/0001_log.sql").read_text(encoding="utf-8")
    return found | set(re.findall(r"'((?:order|answer|ticket|subscription|purchase)_\w+)'", schema))


def documented(file: str) -> set[str]:
    """What stands in backquotes on a page of the reference."""
    return set(re.findall(r"`([^`\n]+)`", (REFERENCE / file).read_text(encoding="utf-8")))


def test_every_event_name_has_an_entry() -> None:
    assert event_names() - documented("events.md") == set()


def test_the_tree_of_the_architecture_names_every_shelf_and_every_app() -> None:
    """Two levels of packages, each under its shelf: no more and no less than there are."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    drawn, shelf = set(), ""
    for depth, name in re.findall(
        r"^( {2}| {4})(\w+)/ ", page.partition("```\ncxm/\n")[2].partition("```")[0], re.MULTILINE
    ):
        shelf = name if len(depth) == 2 else shelf
        drawn.add(name if len(depth) == 2 else f"{shelf}/{name}")
    shelves = {"record", "listen", "understand", "act", "steer"}
    folders = [file.parent.relative_to(CXM) for file in python_files(tests=False) if file.name == "__init__.py"]
    there = {str(one) for one in folders if len(one.parts) == 1 or (len(one.parts) == 2 and one.parts[0] in shelves)}
    assert drawn == there


def test_every_command_has_an_entry() -> None:
    commands = {file.stem for file in CXM.rglob("management/commands/*.py") if file.stem != "__init__"}
    guides = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in commands if f"cxm {name}" not in guides} == set()


def test_every_address_and_every_reason_of_the_tracking_api_has_an_entry() -> None:
    from cxm.record.capture.intake.app import ROUTES
    from cxm.record.capture.reasons import Reason

    page = (DOCS / "reference" / "tracking-api.md").read_text()
    named = {path: (f"/{path}`", f"`{path.rpartition('/')[2]}`", f"/{path}?") for path in ROUTES}
    assert [path for path, spellings in named.items() if not any(one in page for one in spellings)] == []
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in page] == []


def test_every_metric_has_an_entry() -> None:
    from cxm.understand.metrics.registry import METRICS

    assert {metric.key for metric in METRICS} - documented("metrics.md") == set()


def test_every_api_route_has_an_entry_and_the_page_is_fresh() -> None:
    from .api_page import PAGE, render

    assert PAGE.read_text(encoding="utf-8") == render(), "Run: python -m tests.api_page"


def anchors(text: str) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        for title in re.findall(r"^#+\s+(.+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert file.is_relative_to(ROOT), f"{target} leads out of the project"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target} names no heading"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in re.findall(r"\]\(([^)\s]+)\)", index)}
    lost = [page for page in DOCS.rglob("*.md") if page not in linked and page.parent.name != "decisions"]
    assert [shown(page) for page in lost if page.name != "README.md"] == []


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_decisions_are_numbered_once_and_have_the_same_parts() -> None:
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(numbers) == len(set(numbers)), "Two decisions share a number."
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith("# "), shown(page)
        assert "## Decision" in text, shown(page)


def test_the_sample_guide_tells_the_planted_sizes() -> None:
    from cxm.web.sample import stories

    guide = (DOCS / "guide" / "sample.md").read_text(encoding="utf-8")
    for text in (
        f"{stories.LATE:.0%}", f"{stories.NORDPOST_LATE:.0%}", stories.BEST_STORE, f"{stories.CHURN_AFTER_RISE:.0%}",
        f"{stories.FULL.customers:,}", f"{stories.FULL.events:,}", f"{stories.FULL.answers:,}",
        f"{stories.FULL.tickets:,}", f"month {stories.NORDPOST_WORSE_FROM}", f"month {stories.CHECKOUT_NEW_FROM}",
        f"month {stories.PRICE_RISE_FROM}", f"{stories.CHECKOUT_EASE}", f"{stories.CHECKOUT_EASE_NEW}",
    ):  # fmt: skip
        assert text.replace("%", " %") in guide or text in guide, f"{text} is missing"
