"""Style sheets that authors write for their survey, reduced to what can harm nobody.

Everything is read by a parser and written anew from what is allowed by name, so neither escapes nor broken syntax bring
anything through. Allowed are rules, @media, @supports and @keyframes; of functions, those that compute, colour or
shape; of addresses, pictures inside the sheet (data:). Nothing can load anything from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import tinycss2

LONGEST: Final = 20_000  # characters: it is part of each page
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")
AT_RULES: Final = {"media", "supports", "keyframes"}
COMPUTING = """
  var calc min max clamp abs sign round rem mod env attr counter counters
  rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark
  linear-gradient radial-gradient conic-gradient
  repeating-linear-gradient repeating-radial-gradient repeating-conic-gradient
  translate translatex translatey translatez translate3d scale scalex scaley scalez scale3d
  rotate rotatex rotatey rotatez rotate3d skew skewx skewy matrix matrix3d perspective cubic-bezier steps linear
  blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia
  repeat minmax fit-content inset circle ellipse polygon path rect xywh
"""
CHOOSING = "is where not has nth-child nth-last-child nth-of-type nth-last-of-type lang dir selector"
FUNCTIONS: Final = frozenset((COMPUTING + CHOOSING).split())
PROPERTIES_REFUSED: Final = {"behavior", "-moz-binding"}  # ran scripts in old browsers


@dataclass
class Stylesheet:
    """`text` is what may be served; `dropped` says what was left out: lines, and names if it is one that may not be."""

    text: str = ""
    dropped: list[tuple[int, str]] = field(default_factory=list)


class _Refused(Exception):
    """This part may not stay."""


def cleaned(css: str) -> Stylesheet:
    """The part of a style sheet that may be served; of one that is too long, nothing."""
    if len(css) > LONGEST:
        return Stylesheet(dropped=[(1, "")])
    found = Stylesheet()
    try:
        found.text = "\n".join(_rules(tinycss2.parse_stylesheet(css, True, True), found))
    except RecursionError:  # brackets in brackets in brackets
        return Stylesheet(dropped=[(1, "")])
    if "<" in found.text:  # nothing may end the <style> that it stands in; only ranges of media queries need it
        return Stylesheet(dropped=[(css[: css.index("<")].count("\n") + 1 if "<" in css else 1, "<")])
    return found


def _rules(nodes: Iterable[Any], found: Stylesheet) -> Iterator[str]:
    for node in nodes:
        try:
            yield _rule(node, found)
        except _Refused as refused:
            found.dropped.append((node.source_line, str(refused)[:60]))


def _rule(node: Any, found: Stylesheet) -> str:
    if node.type == "qualified-rule":
        return f"{_kept(node.prelude).strip()}{{{';'.join(_declarations(node.content, found))}}}"
    if node.type != "at-rule":
        raise _Refused
    if node.lower_at_keyword not in AT_RULES or node.content is None:
        raise _Refused(f"@{node.at_keyword}")
    inner = _rules(tinycss2.parse_rule_list(node.content, True, True), found)
    return f"@{node.lower_at_keyword} {_kept(node.prelude).strip()}{{{''.join(inner)}}}"


def _declarations(content: Iterable[Any], found: Stylesheet) -> Iterator[str]:
    for node in tinycss2.parse_blocks_contents(content, True, True):
        try:
            if node.type != "declaration":  # a rule in a rule, or an error
                raise _Refused
            if node.lower_name in PROPERTIES_REFUSED:
                raise _Refused(node.name)
            important = " !important" if node.important else ""
            name = tinycss2.serialize([tinycss2.ast.IdentToken(0, 0, node.name)])
            yield f"{name}:{_kept(node.value).strip()}{important}"
        except _Refused as refused:
            found.dropped.append((node.source_line, str(refused)[:60]))


def _kept(values: Iterable[Any]) -> str:
    """Written anew from its tokens. Raises _Refused with the first of them that may not stay."""
    values = list(values)
    for one in _all(values):
        if one.type == "error":
            raise _Refused
        if one.type == "function" and one.lower_name not in FUNCTIONS and one.lower_name != "url":
            raise _Refused(f"{one.name}()")
        if one.type == "function" and one.lower_name == "url":  # with a string in it
            inside = [part for part in one.arguments if part.type not in ("whitespace", "comment")]
            if [part.type for part in inside] != ["string"] or not PICTURE.fullmatch(inside[0].value):
                raise _Refused("url()")
        if one.type == "url" and not PICTURE.fullmatch(one.value):
            raise _Refused("url()")
        if one.type == "at-keyword":
            raise _Refused(f"@{one.value}")
    return str(tinycss2.serialize([one for one in values if one.type != "comment"]))


def _all(values: Iterable[Any]) -> Iterator[Any]:
    """Tokens and what is inside of blocks and functions."""
    for one in values:
        yield one
        yield from _all(getattr(one, "arguments", None) or getattr(one, "content", None) or [])
