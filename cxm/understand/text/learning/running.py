"""Train one version in the background: collect labels, train, compare, keep."""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.accounts.models import Workspace
from cxm.understand.text.models import OwnModel
from cxm.understand.text.reading.reader import reader

from .labels import SENTIMENT, Label, by_source, labels_of
from .training import LEAST, LEAST_OF_A_CLASS, TooFew, packed, study, too_few

KEPT: Final = 10  # versions that can be used; of older ones only the report stays
State = OwnModel.State


def run(version_id: UUID) -> None:
    """Train the version; one that is not waiting any more is left alone. It is safe to run twice."""
    version = OwnModel.objects.select_related("workspace").filter(pk=version_id, state=State.TRAINING).first()
    if version is None:
        return
    started = time.monotonic()

    def progress(percent: float) -> None:
        OwnModel.objects.filter(pk=version_id).update(progress=round(percent, 1))

    labels = labels_of(version.workspace_id)
    version.labels, version.reader = by_source(labels), reader().version
    trained = study(labels, progress=progress)
    if trained:
        version.state, version.progress = State.READY, 100
        version.weights = packed({kind: one.head for kind, one in trained.items()})
        version.report = {kind: one.kept() for kind, one in trained.items()}
    else:
        version.state, version.problem = State.REFUSED, why_not(labels)
    version.seconds = round(time.monotonic() - started, 1)
    version.save()
    drop_old_weights(version.workspace)


def drop_old_weights(workspace: Workspace) -> None:
    """Keep the newest versions that can be used, and the one that is."""
    ready = OwnModel.objects.filter(workspace=workspace, state=State.READY, is_used=False)
    old = list(ready.order_by("-number").values_list("pk", flat=True)[KEPT:])
    OwnModel.objects.filter(pk__in=old).update(weights=b"")


def why_not(labels: list[Label]) -> str:
    """Why the labels are too few, in a sentence; empty where sentiment can be trained."""
    lack = too_few(SENTIMENT, [label.name for label in labels if label.kind == SENTIMENT])
    return _said(lack) if lack else ""


def _said(lack: TooFew) -> str:
    have = ngettext("There is %(n)d labelled text", "There are %(n)d labelled texts", lack.texts) % {"n": lack.texts}
    rarest = _("negative") if lack.rarest == "negative" else _("positive")
    return _(
        "%(have)s, and %(rarest_n)d of the rarer side (%(rarest)s). It takes %(least)d texts, and %(least_side)d of"
        " each side: what is learnt from fewer is chance."
    ) % {
        "have": have, "rarest_n": lack.of_rarest, "rarest": rarest, "least": LEAST, "least_side": LEAST_OF_A_CLASS,
    }  # fmt: skip
