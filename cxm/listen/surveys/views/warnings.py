"""What the linter says about the wording, as the builder shows it."""

from __future__ import annotations

from cxm.listen.surveys.checking import Problem
from cxm.listen.surveys.definition import Definition


def linted(definition: Definition, language: str) -> list[Problem]:
    return []
