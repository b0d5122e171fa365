"""What can be done with maps: draw, change, undo, keep a version, set beside what should be, archive."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import AuditEntry, Role, Workspace
from cxm.record.customers.actions import TURNING
from cxm.record.eventlog.steps import forget_process
from cxm.understand.journeys.definition import MapDefinition
from cxm.understand.journeys.models import JourneyMap, MapEdit, MapVersion, Process
from cxm.understand.journeys.steps.actions import process_for_map

from .checking import checked
from .editing import Edit
from .errors import Refused
from .queries import definition_of, version_of

MOST_MAPS = 500  # of a workspace, archived ones too
MOST_VERSIONS = 500  # of a map
MOST_EDITS = 100  # that can be undone
LARGEST = 1_000_000  # bytes of a definition
LONGEST_NAME = 200
ONE_ENTRY_FOR = timedelta(minutes=10)  # a map saves itself at every touch: the trail names a spell of work once


@transaction.atomic
def create_map(
    *, workspace: Workspace, name: str, definition: MapDefinition, by: Actor,
    kind: JourneyMap.Kind | str = JourneyMap.Kind.AS_IS, as_is: JourneyMap | None = None,
) -> JourneyMap:  # fmt: skip
    """A new map. `as_is`: the map of what is, of which this one says how it should be. Raises Refused."""
    require_role(workspace, by, Role.ANALYST)
    if JourneyMap.objects.filter(workspace=workspace).count() >= MOST_MAPS:
        raise Refused(_("A workspace has at most %(n)s maps. Remove one from the archive first.") % {"n": MOST_MAPS})
    if kind not in JourneyMap.Kind.values:
        raise Refused(_("A map shows what is, or what should be."))
    made = JourneyMap(workspace=workspace, name=_name(name), kind=kind, as_is=as_is, created_by=user_behind(by))
    _put(made, checked(definition, workspace))
    made.save(force_insert=True)
    audit("created", made, workspace=workspace, by=by)
    process_for_map(made)
    return made


@transaction.atomic
def rename_map(*, journey_map: JourneyMap, name: str, by: Actor) -> JourneyMap:
    require_role(journey_map.workspace, by, Role.ANALYST)
    kept, before = _locked(journey_map), journey_map.name
    kept.name, kept.updated_at = _name(name), timezone.now()
    _put(kept, definition_of(kept))
    kept.save(update_fields=["name", "words", "updated_at"])
    if kept.name != before:
        audit("renamed", kept, workspace=kept.workspace, by=by, changes={"name": [before, kept.name]})
    return kept


@transaction.atomic
def change_map(*, journey_map: JourneyMap, change: Edit, by: Actor) -> JourneyMap:
    """Apply `change` (see editing.py) to the definition as it is now. Raises Refused: then nothing has changed."""
    require_role(journey_map.workspace, by, Role.ANALYST)
    kept = _locked(journey_map)
    if kept.archived_at:
        raise Refused(_("The map is in the archive. Take it out first."))
    before = definition_of(kept)
    after = change(before)
    if after == before:
        return kept
    checked(after, kept.workspace)
    _remember(kept)
    MapEdit.objects.filter(map=kept, position__gt=kept.position).delete()  # what was undone is gone now
    MapEdit.objects.filter(map=kept, position__lt=kept.position - MOST_EDITS).delete()
    kept.position += 1
    _store(kept, after, by, before)
    return kept


def put_definition(*, journey_map: JourneyMap, definition: MapDefinition, by: Actor) -> JourneyMap:
    """Replace the whole definition; one step back undoes it."""
    return change_map(journey_map=journey_map, change=lambda _before: definition, by=by)


def undo_edit(*, journey_map: JourneyMap, by: Actor) -> JourneyMap:
    """Take the last edit back, whoever made it; as often as there are edits."""
    return _step(journey_map, -1, _("There is nothing to undo."), by)


def redo_edit(*, journey_map: JourneyMap, by: Actor) -> JourneyMap:
    """Make an undone edit again."""
    return _step(journey_map, 1, _("There is nothing to make again."), by)


@transaction.atomic
def keep_version(*, journey_map: JourneyMap, by: Actor, note: str = "") -> MapVersion:
    """Keep the map as it stands now under the next number."""
    require_role(journey_map.workspace, by, Role.ANALYST)
    kept = _locked(journey_map)
    newest = MapVersion.objects.filter(map=kept).aggregate(number=Max("number"))["number"] or 0
    if newest >= MOST_VERSIONS:
        raise Refused(_("A map keeps at most %(n)s versions.") % {"n": MOST_VERSIONS})
    version = MapVersion.objects.create(
        map=kept, number=newest + 1, definition=kept.definition, note=_line(note, 300), created_by=user_behind(by)
    )
    audit("kept", kept, workspace=kept.workspace, by=by, changes={"version": [newest or None, version.number]})
    return version


@transaction.atomic
def restore_version(*, journey_map: JourneyMap, number: int, by: Actor) -> JourneyMap:
    """Make the map as it was in that version; one step back undoes it. Raises Refused where there is no such one."""
    version = version_of(journey_map, number)
    if version is None:
        raise Refused(_("There is no such version of this map."))
    kept = put_definition(journey_map=journey_map, definition=definition_of(version), by=by)
    audit("restored", kept, workspace=kept.workspace, by=by, changes={"version": [None, number]})
    return kept


@transaction.atomic
def copy_map(*, journey_map: JourneyMap, name: str, by: Actor) -> JourneyMap:
    """A map of its own that begins like this one."""
    return create_map(
        workspace=journey_map.workspace,
        name=name,
        definition=definition_of(_locked(journey_map)),
        by=by,
        kind=journey_map.kind,
    )


@transaction.atomic
def copy_as_to_be(*, journey_map: JourneyMap, by: Actor, name: str = "") -> JourneyMap:
    """A map of how it should be, which begins as what is and stays beside it."""
    if journey_map.kind == JourneyMap.Kind.TO_BE:
        raise Refused(_("This map shows already how it should be."))
    name = name or _("%(name)s, as it should be") % {"name": journey_map.name[:150]}
    return create_map(
        workspace=journey_map.workspace, name=name, definition=definition_of(_locked(journey_map)), by=by,
        kind=JourneyMap.Kind.TO_BE, as_is=journey_map,
    )  # fmt: skip


@transaction.atomic
def archive_map(*, journey_map: JourneyMap, by: Actor) -> JourneyMap:
    """Out of the lists, with its public addresses shut and its steps no longer kept; nothing that was drawn is lost."""
    require_role(journey_map.workspace, by, Role.ANALYST)
    kept = _locked(journey_map)
    if kept.archived_at is None:
        kept.archived_at = timezone.now()
        kept.save(update_fields=["archived_at"])
        _stop_steps(kept)
        audit("archived", kept, workspace=kept.workspace, by=by)
    return kept


@transaction.atomic
def unarchive_map(*, journey_map: JourneyMap, by: Actor) -> JourneyMap:
    require_role(journey_map.workspace, by, Role.ANALYST)
    kept = _locked(journey_map)
    if kept.archived_at is not None:
        kept.archived_at = None
        kept.save(update_fields=["archived_at"])
        process_for_map(kept)
        audit("unarchived", kept, workspace=kept.workspace, by=by)
    return kept


@transaction.atomic
def remove_map(*, journey_map: JourneyMap, by: Actor) -> None:
    """For good, with its versions, comments and public addresses: only out of the archive."""
    require_role(journey_map.workspace, by, Role.ANALYST)
    kept = _locked(journey_map)
    if kept.archived_at is None:
        raise Refused(_("Put the map into the archive first."))
    audit("removed", kept, workspace=kept.workspace, by=by)
    kept.delete()


# Parts of verbs


def _locked(journey_map: JourneyMap) -> JourneyMap:
    """The map as it is now, with its row held until the end of the transaction."""
    rows = JourneyMap.objects.select_for_update(of=("self",)).select_related("workspace", "as_is")
    return rows.get(pk=journey_map.pk)


def _step(journey_map: JourneyMap, step: int, nothing: str, by: Actor) -> JourneyMap:
    with transaction.atomic():
        require_role(journey_map.workspace, by, Role.ANALYST)
        kept = _locked(journey_map)
        wanted = MapEdit.objects.filter(map=kept, position=kept.position + step).first()
        if wanted is None or kept.archived_at:
            raise Refused(nothing)
        before = definition_of(kept)
        _remember(kept)
        kept.position = wanted.position
        # An owner may have left and a segment may be gone since: then the step is refused with the reason.
        _store(kept, checked(msgspec.convert(wanted.definition, MapDefinition), kept.workspace), by, before)
        return kept


def _remember(kept: JourneyMap) -> None:
    MapEdit.objects.update_or_create(
        map=kept, position=kept.position, defaults={"definition": kept.definition}
    )  # fmt: skip


def _store(kept: JourneyMap, after: MapDefinition, by: Actor, before: MapDefinition) -> None:
    _put(kept, after)
    kept.revision += 1
    kept.updated_at = timezone.now()
    kept.save(update_fields=["definition", "words", "revision", "position", "updated_at"])
    _audit_change(kept, by)
    if after.process() != before.process():
        process_for_map(kept)


def _audit_change(kept: JourneyMap, by: Actor) -> None:
    newest = AuditEntry.objects.filter(workspace=kept.workspace).order_by("-id").first()
    if (
        newest
        and (newest.verb, newest.subject_id, newest.by_id)
        == ("changed", str(kept.pk), getattr(user_behind(by), "pk", None))
        and newest.by_name == (str(by) if by else "OpenCXM")
        and newest.at > timezone.now() - ONE_ENTRY_FOR
    ):
        return
    audit("changed", kept, workspace=kept.workspace, by=by, changes={"revision": [kept.revision - 1, kept.revision]})


def _put(one: JourneyMap, definition: MapDefinition) -> None:
    encoded = msgspec.json.encode(definition)
    if len(encoded) > LARGEST:
        raise Refused(_("The map is larger than 1 MB. Shorten its texts, or divide it into two maps."))
    one.definition = msgspec.json.decode(encoded)
    said = [one.name, definition.persona, definition.goal]
    for stage in definition.stages:
        said.append(stage.name)
        said += [text for each in stage.touchpoints for text in (each.name, each.text, each.partner, each.channel)]
    one.words = "\n".join(dict.fromkeys(text.casefold() for text in said if text))


def _stop_steps(kept: JourneyMap) -> None:
    """Drop the table of steps of the map; it is built anew when the map comes back into use."""
    process = Process.objects.filter(map=kept).first()
    if process:
        workspace_id, number = process.workspace_id, process.pk
        process.delete()
        transaction.on_commit(lambda: forget_process(workspace_id, number))


def _name(name: str) -> str:
    line = _line(name, LONGEST_NAME)
    if not line:
        raise Refused(_("A map needs a name."))
    return line


def _line(text: str, longest: int) -> str:
    line = " ".join(text.replace("\x00", "").translate(TURNING).split())
    if len(line) > longest:
        raise Refused(_("A text is longer than %(n)s characters: “%(start)s…”") % {"n": longest, "start": line[:40]})
    return line
