"""The first rows as they would be stored: nothing is written."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from cxm.record.customers.bulk import Person

from . import abouts, files, running
from .converting import Rejected
from .mapping import MappingFile
from .models import Import

ROWS = 50


@dataclass(frozen=True, slots=True)
class Shown:
    row: int
    name: str
    at: str
    customer: str
    details: dict[str, Any]


@dataclass(slots=True)
class Preview:
    rows: int
    events: list[Shown] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    becomes: dict[str, list[str]] = field(default_factory=dict)  # column to what the mapping makes of it


def preview_of(one: Import, mapping: MappingFile, look: files.Look, rows: int = ROWS) -> Preview:
    """Raises MappingError where the mapping does not fit the file."""
    converter = running.compiled(one, mapping, look)
    made = Preview(min(rows, len(look.rows)))
    for part in converter.fields:
        if part.index is not None:
            labels = made.becomes.setdefault(look.header[part.index], [])
            if part.label not in labels:
                labels.append(part.label)
    names: dict[str, str] = {}

    def find(people: list[Person]) -> list[uuid.UUID]:
        found = []
        for person in people:
            known = uuid.uuid5(uuid.NAMESPACE_OID, repr(person.identities[:1]))
            names[str(known)] = person.fields.get("name") or ", ".join(value for _kind, value in person.identities)
            found.append(known)
        return found

    batch = converter.convert(
        look.rows[:rows],
        2 if look.format.header else 1,
        find,
        lambda kind, ids: abouts.facts_of(one.workspace_id, kind, ids),
    )
    made.rejected = batch.rejected
    for row, line in zip(batch.rows, batch.lines, strict=True):
        cells = line.decode().rstrip("\n").split("\t")
        details = msgspec.json.decode(cells[7].replace("\\\\", "\\"))
        made.events.append(Shown(row, cells[2], cells[4][:16], names.get(cells[3], ""), details))
    made.events.sort(key=lambda shown: shown.row)
    converter.seen.close()
    return made


def look_at(one: Import, mapping: MappingFile | None = None) -> files.Look:
    """The file of an import that is being prepared; raises FileProblem."""
    return files.look(Path(one.file_path), one.file_name, mapping.format if mapping else None)
