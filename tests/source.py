"""The project's own source, as the tests of rules and docs read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CXM = ROOT / "cxm"


@cache
def python_files(*, tests: bool = True) -> list[Path]:
    """Every Python file of cxm, tests and bench; migrations, which are generated, not among them."""
    found = sorted(file for folder in ("cxm", "tests", "bench") for file in (ROOT / folder).rglob("*.py"))
    return [
        file
        for file in found
        if "migrations" not in file.parts and (tests or not ({"tests", "bench"} & set(file.relative_to(ROOT).parts)))
    ]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def calls(file: Path, name: str) -> Iterator[ast.Call]:
    """Calls of a function or method of that name."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == name) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                yield node


def texts_of(node: ast.expr) -> list[str]:
    """The texts that an expression may be: a literal, or one of two of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return texts_of(node.body) + texts_of(node.orelse)
    return []


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))
