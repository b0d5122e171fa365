"""What a map must be before it is stored: within bounds, and naming only what there is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from cxm.accounts.models import Membership, Workspace
from cxm.record.customers.actions import TURNING
from cxm.record.customers.models import Segment
from cxm.record.eventlog.scope import UnknownField, expression
from cxm.understand.journeys.definition import Binding, MapDefinition, Stage, Test, Touchpoint

from .errors import Refused

MOST_STAGES: Final = 40
MOST_TOUCHPOINTS: Final = 200
MOST_LANES: Final = 10
MOST_RULES: Final = 20  # of one kind, of a touchpoint
MOST_TESTS: Final = 5  # of a rule
MOST_PROMISES: Final = 5
MOST_TOPICS: Final = 50
LONGEST_NAME: Final = 120
LONGEST_TEXT: Final = 2000
LONGEST_VALUE: Final = 300
LONGEST_S: Final = 10 * 366 * 86_400  # a gap, or the time of a promise: ten years
KEY = re.compile(r"[a-z0-9_]{1,60}")
FEELINGS: Final = ("-2", "-1", "0", "1", "2")


def checked(definition: MapDefinition, workspace: Workspace) -> MapDefinition:
    """The definition, if it can be stored in that workspace; raises Refused with the first thing that is wrong.

    Marks that turn the direction of text are taken out: they would turn what stands around the text, too.
    """
    definition = msgspec.convert(_unturned(msgspec.to_builtins(definition)), MapDefinition)
    touchpoints = definition.touchpoints()
    if len(definition.stages) > MOST_STAGES or len(touchpoints) > MOST_TOUCHPOINTS:
        raise Refused(
            _("A map has at most %(stages)s stages and %(touchpoints)s touchpoints.")
            % {"stages": MOST_STAGES, "touchpoints": MOST_TOUCHPOINTS}
        )
    _unique([one.key for one in definition.stages])
    _unique([one.key for one in touchpoints])
    _texts([definition.persona, definition.goal])
    _short([definition.case, definition.currency, *definition.lanes])
    if len(definition.lanes) > MOST_LANES or len(set(definition.lanes)) < len(definition.lanes):
        raise Refused(_("A map has at most %(n)s lanes, each with a name of its own.") % {"n": MOST_LANES})
    if not definition.case or any(not lane.strip() for lane in definition.lanes):
        raise Refused(_("A lane needs a name, and the map must say what one journey is."))
    if definition.gap_s is not None and not 60 <= definition.gap_s <= LONGEST_S:
        raise Refused(_("A journey can end after one minute of silence at the soonest, after ten years at the latest."))
    if not 1 <= definition.stale_after_days <= 3660:
        raise Refused(_("Evidence can be called stale after 1 to 3,660 days."))
    if definition.segment and not _segment(workspace, definition.segment):
        raise Refused(_("The segment of this map does not exist any more. Choose another one."))
    for stage in definition.stages:
        _stage(stage)
    keys = {one.key for one in touchpoints}
    for one in touchpoints:
        _touchpoint(one, keys)
    owners = {one.owner for one in touchpoints if one.owner is not None}
    if owners and Membership.objects.filter(workspace=workspace, user_id__in=owners).count() < len(owners):
        raise Refused(_("The owner of a touchpoint must be a member of this workspace."))
    return definition


def _unturned(part: Any) -> Any:
    if isinstance(part, str):
        return part.translate(TURNING)
    if isinstance(part, dict):
        return {_unturned(name): _unturned(value) for name, value in part.items()}
    return [_unturned(one) for one in part] if isinstance(part, list | tuple) else part


def _segment(workspace: Workspace, segment: str) -> bool:
    try:
        return Segment.objects.filter(workspace=workspace, pk=UUID(segment)).exists()
    except ValueError:
        return False


def _stage(stage: Stage) -> None:
    if not stage.name.strip():
        raise Refused(_("Every stage needs a name."))
    _short([stage.name])


def _touchpoint(one: Touchpoint, keys: set[str]) -> None:
    if not one.name.strip():
        raise Refused(_("Every touchpoint needs a name."))
    _short([one.name, one.channel, one.partner])
    _texts([one.text, *one.lanes.values()])
    _short(one.lanes)
    if one.lanes.get("emotion", "") not in ("", *FEELINGS):
        raise Refused(_("A feeling is a whole number from −2 (very bad) to 2 (very good)."))
    if len(one.promises) > MOST_PROMISES:
        raise Refused(_("A touchpoint makes at most %(n)s promises.") % {"n": MOST_PROMISES})
    for promise in one.promises:
        _short([promise.text, promise.until])
        if not promise.text.strip():
            raise Refused(_("A promise needs the words that customers are told."))
        if not promise.until and not 1 <= promise.within_s <= LONGEST_S:
            raise Refused(_("Say within which time a promise is kept: from one second to ten years."))
        if promise.reaches and promise.reaches not in keys:
            raise Refused(_("A promise of “%(name)s” names a touchpoint that is not on the map.") % {"name": one.name})
    if one.cost is not None and not 0 <= one.cost <= 1e9:
        raise Refused(_("The cost of a contact must be a number from 0 to 1,000,000,000."))
    if one.target is not None and not -100 <= one.target <= 100:
        raise Refused(_("The target of the score must be a number from −100 to 100."))
    _binding(one.binding, one.name)


def _binding(binding: Binding, name: str) -> None:
    rules = (binding.events, binding.feedback, binding.tickets)
    if max(len(one) for one in rules) > MOST_RULES or len(binding.topics) > MOST_TOPICS:
        raise Refused(_("“%(name)s” has too many rules: at most %(n)s of a kind.") % {"name": name, "n": MOST_RULES})
    _short(binding.topics)
    for event in binding.events:
        if not event.event.strip():
            raise Refused(_("A rule of “%(name)s” does not say which event it is about.") % {"name": name})
        _short([event.event])
        _tests(event.where, "events", name)
    for table, kind in (("feedback", binding.feedback), ("tickets", binding.tickets)):
        for rule in kind:
            if not rule.where:
                raise Refused(_("A rule of “%(name)s” tests nothing.") % {"name": name})
            _tests(rule.where, table, name)


def _tests(tests: tuple[Test, ...], table: str, name: str) -> None:
    if len(tests) > MOST_TESTS:
        raise Refused(_("A rule of “%(name)s” has more than %(n)s tests.") % {"name": name, "n": MOST_TESTS})
    for test in tests:
        _short([test.field, *test.values])
        try:
            expression(test.field, table)
        except UnknownField as error:
            raise Refused(
                _("A rule of “%(name)s” names the field “%(field)s”, which there is not.")
                % {"name": name, "field": test.field}
            ) from error
        if test.field.startswith(("trait.", "order.", "text.")) or (table == "events" and test.field == "name"):
            raise Refused(
                _("A rule of “%(name)s” names the field “%(field)s”, which there is not.")
                % {"name": name, "field": test.field}
            )
        if test.operator not in ("is_set", "is_not_set") and not test.values:
            raise Refused(_("A test of “%(name)s” has no value to compare with.") % {"name": name})
        if test.operator in ("at_least", "at_most") and not _number(test.values[0]):
            raise Refused(_("A test of “%(name)s” compares with a number, and has none.") % {"name": name})


def _number(text: str) -> bool:
    try:
        return abs(float(text)) < 1e15
    except ValueError:
        return False


def _unique(keys: list[str]) -> None:
    if len(set(keys)) < len(keys) or not all(KEY.fullmatch(key) for key in keys):
        raise Refused(_("Each stage and touchpoint needs a key of its own, of small letters, digits and underscores."))


def _short(texts: Iterable[str]) -> None:
    _within(texts, LONGEST_VALUE)


def _texts(texts: Iterable[str]) -> None:
    _within(texts, LONGEST_TEXT)


def _within(texts: Iterable[str], longest: int) -> None:
    for text in texts:
        if len(text) > longest:
            raise Refused(
                _("A text is longer than %(n)s characters: “%(start)s…”") % {"n": longest, "start": text[:40]}
            )
        if "\x00" in text:
            raise Refused(_("A text holds a character that cannot be stored."))


def read_definition(said: object) -> MapDefinition:
    """What a file or a program sent, as a definition. Raises Refused where its form is wrong."""
    try:
        return msgspec.convert(said, MapDefinition)
    except msgspec.ValidationError as error:
        raise Refused(_("The map cannot be read: %(reason)s") % {"reason": str(error)}) from error
