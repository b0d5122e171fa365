"""Driver models of the sample company: each finds one of the planted stories."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cxm.accounts.models import User, Workspace
from cxm.understand.journeys.drivers.actions import create_model
from cxm.understand.journeys.drivers.definition import Driver, DriverDefinition, Outcome
from cxm.understand.journeys.drivers.jobs import compute_model
from cxm.understand.journeys.models import DriverModel

from .feedback import DELIVERY, RELATIONSHIP, SUPPORT
from .feedback import Survey as Asked


def explain(workspace: Workspace, owner: User) -> None:
    """Made once; the server computes them while somebody looks at the first pages."""
    late, waiting, hand_overs = (Driver("fact", one) for one in ("days_late", "waiting", "hand_overs"))
    models = {
        _("What moves the recommendation"): DriverDefinition(
            outcome=_answer(RELATIONSHIP), window_days=60,
            drivers=(late, Driver("fact", "contacts"), waiting, Driver("group", "trait.plan", value="Lumo Plus"),
                     *(Driver("group", "trait.segment", value=one) for one in ("loyal", "new")),
                     Driver("group", "trait.country", value="PL")),
        ),
        _("What moves satisfaction with the delivery"): DriverDefinition(
            outcome=_answer(DELIVERY), window_days=30,
            drivers=(late, Driver("group", "property.delivery_partner", value="NordPost"),
                     Driver("group", "property.delivery_partner", value="HomeRun")),
        ),
        _("What moves satisfaction with support"): DriverDefinition(
            outcome=_answer(SUPPORT), window_days=14, drivers=(waiting, hand_overs, Driver("fact", "reopened"), late),
        ),
    }  # fmt: skip
    for name, definition in models.items():
        if not DriverModel.objects.filter(workspace=workspace, name=name).exists():
            made = create_model(workspace=workspace, name=name, definition=definition, by=owner)
            compute_model.enqueue(str(made.pk))


def _answer(survey: Asked) -> Outcome:
    return Outcome(metric=survey.metric, question=survey.question)
