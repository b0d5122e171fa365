"""The facts of cases on a customer's timeline, as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Properties = Mapping[str, Any]
Sentence = Callable[[str, Properties], str]


KIND_LABELS: Mapping[str, Promise] = {
    "case_opened": gettext_lazy("Case opened"),
    "case_acknowledged": gettext_lazy("Case acknowledged"),
    "case_replied": gettext_lazy("Case answered"),
    "case_assigned": gettext_lazy("Case assigned"),
    "case_handed_over": gettext_lazy("Case handed over"),
    "case_reopened": gettext_lazy("Case reopened"),
    "case_snoozed": gettext_lazy("Case snoozed"),
    "case_merged": gettext_lazy("Case merged"),
    "case_resolved": gettext_lazy("Case resolved"),
    "case_closed": gettext_lazy("Case closed"),
}


def _case(name: str, properties: Properties) -> str:
    words = {
        "case": f"#{properties.get('number', '')}",
        "by": str(properties.get("by") or _("Somebody")),
        "team": str(properties.get("team") or ""),
        "cause": str(properties.get("root_cause") or ""),
        "into": f"#{properties.get('into', '')}",
    }
    if name == "case_resolved" and words["cause"]:
        return _("Case %(case)s was resolved. Root cause: %(cause)s.") % words
    if name == "case_replied" and properties.get("automatic"):
        return _("An automatic answer was sent about case %(case)s.") % words
    return {
        "case_opened": _("Case %(case)s was opened."),
        "case_acknowledged": _("We confirmed that we have case %(case)s."),
        "case_replied": _("%(by)s answered about case %(case)s."),
        "case_assigned": _("Case %(case)s was given to %(team)s."),
        "case_handed_over": _("Case %(case)s was handed over to %(team)s."),
        "case_reopened": _("Case %(case)s was reopened."),
        "case_snoozed": _("Case %(case)s was snoozed."),
        "case_merged": _("Case %(case)s was merged into %(into)s."),
        "case_resolved": _("Case %(case)s was resolved."),
        "case_closed": _("Case %(case)s was closed."),
    }[name] % words


SENTENCES: Mapping[str, tuple[str, Sentence]] = {
    "case_opened": ("message-2", _case),
    "case_acknowledged": ("send", _case),
    "case_replied": ("mail", _case),
    "case_assigned": ("user-check", _case),
    "case_handed_over": ("arrow-right", _case),
    "case_reopened": ("arrow-back-up", _case),
    "case_snoozed": ("clock", _case),
    "case_merged": ("git-merge", _case),
    "case_resolved": ("circle-check", _case),
    "case_closed": ("lock", _case),
}
