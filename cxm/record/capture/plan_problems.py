"""What is wrong with the text of a tracking plan, in the user's language: libraries say it in English only."""

from __future__ import annotations

import re

import msgspec
import yaml
from django.utils.translation import gettext as _


class Told(yaml.constructor.ConstructorError):
    """A problem of ours, which is in the user's language already."""


def of_yaml(error: yaml.YAMLError) -> str:
    """Why a text is no YAML, as a part of a sentence."""
    problem = str(getattr(error, "problem", None) or "")
    if isinstance(error, Told):
        return problem
    if isinstance(error, yaml.reader.ReaderError):
        return _("there is a character that no text can hold")
    if "'\\t'" in problem:
        return _("there is a tab; indent with spaces")
    if found := re.search("found character '(.+)' that cannot start", problem):
        return _("no text can begin with “%(character)s”; put it in quotes") % {"character": found[1]}
    for sign, words in (
        ("mapping values are not allowed", _("there is a colon where none can be; put the text in quotes")),
        ("could not find expected ':'", _("there is no colon behind a name")),
        ("expected <block end>", _("the indentation does not fit the lines above")),
        ("expected ',' or", _("a comma or a closing bracket is missing")),
        ("<stream end>", _("a quotation mark or a bracket is not closed")),
        ("unexpected end of stream", _("a quotation mark or a bracket is not closed")),
        ("recursive", _("aliases and anchors cannot be used here")),
        ("alias", _("aliases and anchors cannot be used here")),
        ("anchor", _("aliases and anchors cannot be used here")),
        ("tag", _("tags that begin with ! cannot be used here")),
    ):
        if sign in problem:
            return words
    return _("it cannot be read")


def of_shape(error: msgspec.ValidationError) -> str:
    """Why a plan cannot be used, as a part of a sentence: `msgspec` says what, and at which path."""
    text, _sep, path = str(error).partition(" - at ")
    words = {"place": place_of(path.strip("`"))}
    if found := re.search("unknown field `(.*)`", text):
        return _("“%(name)s” is no word of a plan, in %(place)s") % {**words, "name": found[1]}
    if found := re.search("missing required field `(.*)`", text):
        return _("“%(name)s” is missing in %(place)s") % {**words, "name": found[1]}
    if found := re.search("Invalid enum value '?(.*?)'?$", text):
        return _("“%(name)s” cannot stand in %(place)s") % {**words, "name": found[1]}
    if found := re.search("Expected `(.*)`, got `(.*)`", text):
        kinds = " | ".join(kind_of(one) for one in found[1].split(" | "))
        return _("%(place)s must be: %(wanted)s; it is: %(got)s") % {**words, "wanted": kinds, "got": kind_of(found[2])}
    return _("something is wrong in %(place)s") % words


def place_of(path: str) -> str:
    """`$.events[...].type` as events → … → type."""
    names = [
        name for name in re.split(r"[.\[\]]+", path.replace("[...]", ".…").removeprefix("$").replace("key", "")) if name
    ]
    return " → ".join(names) or _("the plan")


def kind_of(name: str) -> str:
    return {
        "object": _("names with values"), "str": _("a text"), "int": _("a number"), "float": _("a number"),
        "bool": _("yes or no"), "array": _("a list"), "null": _("nothing"),
    }.get(name, name)  # fmt: skip
