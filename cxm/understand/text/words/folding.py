"""Traditional Chinese characters as simplified ones, so that one list of words serves both scripts.

Character by character, so that places in the folded text are places in the text as it came. The table is from OpenCC
(Apache-2.0); where one simplified character stands for several, the text says too little to tell and need not: words
are compared, never shown, in this form.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def table() -> dict[int, str]:
    """From the code of a traditional character to its simplified one; capital Latin letters to small ones."""
    traditional, simplified = (Path(__file__).parent / "data" / "hant.txt").read_text(encoding="utf-8").split()
    capitals = {ord(one): one.lower() for one in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    return capitals | {ord(one): other for one, other in zip(traditional, simplified, strict=True)}


def folded(text: str) -> str:
    """Of the same length as the text."""
    return text.translate(table())


def has_han(text: str) -> bool:
    """Whether there is a Chinese character (of the two blocks that texts of people use)."""
    return any("\u3400" <= one <= "\u9fff" for one in text)
