"""The audit trail in words: what people read instead of the names that the code uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from .models import AuditEntry, Workspace

# A verb or subject without an entry is shown as the code calls it.
VERBS = {
    "accepted": pgettext_lazy("audit trail", "accepted"),
    "added": pgettext_lazy("audit trail", "added"),
    "archived": pgettext_lazy("audit trail", "put into the archive"),
    "changed": pgettext_lazy("audit trail", "changed"),
    "commented": pgettext_lazy("audit trail", "commented"),
    "comment removed": pgettext_lazy("audit trail", "comment removed"),
    "comment reopened": pgettext_lazy("audit trail", "comment opened again"),
    "comment settled": pgettext_lazy("audit trail", "comment settled"),
    "created": pgettext_lazy("audit trail", "created"),
    "deleted": pgettext_lazy("audit trail", "deleted"),
    "erased": pgettext_lazy("audit trail", "erased"),
    "invited": pgettext_lazy("audit trail", "invited"),
    "kept": pgettext_lazy("audit trail", "version kept"),
    "merged": pgettext_lazy("audit trail", "merged"),
    "removed": pgettext_lazy("audit trail", "removed"),
    "renamed": pgettext_lazy("audit trail", "renamed"),
    "restored": pgettext_lazy("audit trail", "restored"),
    "revoked": pgettext_lazy("audit trail", "revoked"),
    "saved": pgettext_lazy("audit trail", "saved"),
    "shared": pgettext_lazy("audit trail", "shared publicly"),
    "started": pgettext_lazy("audit trail", "started"),
    "stopped using": pgettext_lazy("audit trail", "stopped using"),
    "tagged": pgettext_lazy("audit trail", "tagged"),
    "unarchived": pgettext_lazy("audit trail", "taken out of the archive"),
    "undone": pgettext_lazy("audit trail", "undone"),
    "unmerged": pgettext_lazy("audit trail", "taken apart"),
    "unshared": pgettext_lazy("audit trail", "public address taken back"),
    "untagged": pgettext_lazy("audit trail", "tag taken off"),
    "used": pgettext_lazy("audit trail", "used"),
}
SUBJECTS = {
    "apikey": gettext_lazy("API key"),
    "consent": gettext_lazy("Consent"),
    "customer": gettext_lazy("Customer"),
    "dashboard": gettext_lazy("Dashboard"),
    "experiencemodel": gettext_lazy("Experience score"),
    "identity": gettext_lazy("Identity"),
    "import": gettext_lazy("Import"),
    "invitation": gettext_lazy("Invitation"),
    "journeymap": gettext_lazy("Journey map"),
    "mapping": gettext_lazy("Mapping"),
    "membership": gettext_lazy("Member"),
    "note": gettext_lazy("Note"),
    "ownmodel": gettext_lazy("Own model"),
    "regulation": gettext_lazy("Privacy request"),
    "source": gettext_lazy("Source"),
    "tag": gettext_lazy("Tag"),
    "trackingplan": gettext_lazy("Tracking plan"),
    "user": gettext_lazy("Account"),
    "workspace": gettext_lazy("Workspace"),
}


def verb_label(verb: str) -> str:
    return str(VERBS.get(verb, verb.replace("_", " ")))


def subject_label(subject: str) -> str:
    return str(SUBJECTS.get(subject, subject.replace("_", " ")))


def labelled(names: Iterable[str], words: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(words.get(name, name.replace("_", " ")))) for name in names]


def change_lines(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """(field, before, after) of each change, as text; a change that is no pair is shown as what it became."""
    lines = []
    for field, value in entry.changes.items():
        before, after = value if isinstance(value, list) and len(value) == 2 else (None, value)
        lines.append((field.replace("_", " "), shown(before), shown(after)))
    return lines


def shown(value: object) -> str:
    match value:
        case None | "":
            return "–"
        case True:
            return _("yes")
        case False:
            return _("no")
        case _:
            return str(value)


def csv_rows(workspace: Workspace, entries: Iterable[AuditEntry]) -> Iterator[list[object]]:
    """The trail as a table; times are in the time zone of the workspace, with their offset."""
    zone = ZoneInfo(workspace.time_zone)
    yield [
        pgettext("column", "time"), pgettext("column", "person"), pgettext("column", "action"),
        pgettext("column", "kind"), pgettext("column", "name"), pgettext("column", "id"), pgettext("column", "changes"),
    ]  # fmt: skip
    for entry in entries:
        changes = "; ".join(f"{field}: {before} → {after}" for field, before, after in change_lines(entry))
        yield [
            entry.at.astimezone(zone).isoformat(timespec="seconds"), entry.by_name, verb_label(entry.verb),
            subject_label(entry.subject), entry.subject_name, entry.subject_id, changes,
        ]  # fmt: skip
