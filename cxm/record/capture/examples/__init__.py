"""Mappings that ship with the product, for public data sets; each is a start for a file of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxm.record.capture.mapping import read_mapping

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Example:
    slug: str
    name: str
    yaml: str


def example(slug: str) -> Example:
    """The mapping of that file name; raises FileNotFoundError."""
    text = (FOLDER / f"{slug}.yaml").read_text()
    return Example(slug, read_mapping(text).name, text)


def examples() -> list[Example]:
    return [example(path.stem) for path in sorted(FOLDER.glob("*.yaml"))]
