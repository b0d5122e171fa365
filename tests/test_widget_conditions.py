"""The widget's conditions, in Node.js, say what the product's own say: on random trees and properties of events."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from cxm.lib.conditions import Condition, Operator, holds

from .source import ROOT

VALUES: list[Any] = [
    "", "a", "A", "ab", "Äb", "b a", 0, 1, -1, 2.5, 1e-7, 2.5e-9, 10**21, True, False, None, "0", "1", "1.0", "-2.50",
    "007", "1e3", " 5", "٣", "nan", "true", "2026-03-01", "2026-03-01T10:00:00Z", "2026-03-02", [], ["a", 1],
    [["b"], None], {}, {"a": "b"}, {"a": None}, "x" * 50,
]  # fmt: skip
PLAIN = [one for one in VALUES if isinstance(one, str | int | float) and one != ""]
SCRIPT = """
import { holds } from './frontend/src/widget/conditions.js';
import { readFileSync } from 'node:fs';
const cases = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(cases.map(([condition, values]) => holds(condition, values))));
"""


def node() -> Path:
    """As the pages are built."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "frontend" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    try:
        found: Path = build.find_node()[0]
    except build.BuildError as error:
        pytest.skip(f"needs Node.js: {error}")
    return found


def tree(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = dice.choice(["leaf", "leaf", "all", "any", "not"]) if depth < 3 else "leaf"
    if kind == "not":
        return {"not": tree(dice, depth + 1)}
    if kind != "leaf":
        return {kind: [tree(dice, depth + 1) for _n in range(dice.randint(0, 3))]}
    operator = dice.choice([one for one in get_args(Operator) if one != "matches"])
    return {"field": dice.choice("pq"), "operator": operator, "values": dice.choices(PLAIN, k=dice.randint(1, 2))}


def test_both_say_the_same_on_random_trees() -> None:
    dice = random.Random(4)
    cases = [[tree(dice), {"p": dice.choice(VALUES), "q": dice.choice(VALUES)}] for _n in range(20_000)]
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", SCRIPT], input=json.dumps(cases), cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    differing = [
        (condition, values, theirs)
        for (condition, values), theirs in zip(cases, json.loads(done.stdout), strict=True)
        if holds(msgspec.convert(condition, Condition), values) != theirs
    ]
    assert differing[:3] == []
