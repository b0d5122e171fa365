"""docs/reference/settings.md explains every CXM_* variable that the code reads, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "settings.md"


def read_by_the_code() -> set[str]:
    texts = [file.read_text() for file in (ROOT / "cxm").rglob("*.py") if "tests" not in file.parts]
    return {name for text in texts for name in re.findall(r"[\"'](CXM_[A-Z_]+)[\"']", text)}


def sections() -> dict[str, str]:
    parts = re.split(r"^### `(CXM_[A-Z_]+)`$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_variable_is_explained() -> None:
    assert read_by_the_code() - sections().keys() == set()


def test_no_variable_is_explained_that_is_gone() -> None:
    assert sections().keys() - read_by_the_code() == set()


def test_every_section_gives_default_and_example() -> None:
    for name, text in sections().items():
        assert "Default:" in text, name
        assert "Example:" in text, name
