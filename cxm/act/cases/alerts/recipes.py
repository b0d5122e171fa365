"""Rules that most companies want, ready to be looked at and switched on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxm.act.cases.models import AlertRule, Case
from cxm.lib.conditions import Condition

from .rules import CONTACT

Kind = AlertRule.Kind


@dataclass(frozen=True, slots=True)
class Recipe:
    key: str
    name: Promise
    text: Promise
    kind: str
    initial: dict[str, Any] = field(default_factory=dict)
    condition: Condition | None = None


def _low(metric: str, *more: Condition) -> Condition:
    return Condition(all=(Condition(field="answer.metric", operator="is", values=(metric,)), *more))


RECIPES = (
    Recipe(
        "detractor", _("Detractor"), _("Somebody would not recommend us: 0 to 6 of 10."), Kind.ANSWER,
        {"opens_case": True, "priority": Case.Priority.HIGH, "category": "recovery"},
        _low("nps", Condition(field="answer.score", operator="at_most", values=(6.0,))),
    ),
    Recipe(
        "dissatisfied", _("Dissatisfied customer"), _("Satisfaction in the lower quarter of its scale."), Kind.ANSWER,
        {"opens_case": True, "priority": Case.Priority.HIGH, "category": "recovery"},
        _low("csat", Condition(field="answer.percent", operator="at_most", values=(25.0,))),
    ),
    Recipe(
        "effort", _("Hard effort"), _("It was hard to get something done."), Kind.ANSWER, {"opens_case": False},
        _low("ces", Condition(field="answer.percent", operator="at_most", values=(25.0,))),
    ),
    Recipe(
        "words", _("Words of danger"), _("A comment speaks of leaving, of lawyers or of danger."), Kind.WORDS,
        {"opens_case": True, "priority": Case.Priority.URGENT, "severe": True,
         "phrases": "cancel*\nlawyer*\nlawsuit\ninjur*\nunsafe\ndanger*\nfraud\nnever again"},
    ),
    Recipe(
        "leaving", _("Wants to leave"), _("Somebody says that they will leave, in whatever words."), Kind.ANSWER,
        {"opens_case": True, "priority": Case.Priority.URGENT, "category": "retention"},
        Condition(all=(Condition(field="text.intent", operator="is", values=("leaving",)),)),
    ),
    Recipe(
        "angry", _("Angry comment"), _("A negative comment, and the anger can be read in it."), Kind.ANSWER,
        {"opens_case": True, "priority": Case.Priority.HIGH, "category": "recovery"},
        Condition(
            all=(
                Condition(field="text.sentiment", operator="is", values=("negative",)),
                Condition(field="text.emotion", operator="is", values=("anger",)),
            )
        ),
    ),
    Recipe(
        "contacts", _("Third contact in seven days"), _("Somebody has to ask again and again."), Kind.PATTERN,
        {"event": CONTACT, "times": 3, "days": 7, "opens_case": False, "again_after_h": 168},
    ),
    Recipe(
        "late", _("Late delivery"), _("An order came late, or has not come by the promised day."), Kind.LATE,
        {"hours": 0, "opens_case": True, "category": "delivery"},
    ),
    Recipe(
        "nps_falls", _("NPS falls"), _("The score has fallen, and it is not chance."), Kind.METRIC,
        {"metric": "nps", "mode": "changed", "side": "below", "days": 60},
    ),
    Recipe(
        "silence", _("Key customer silent"), _("Nothing was seen of an important customer for a month."), Kind.SILENCE,
        {"days": 30, "opens_case": True, "category": "retention"},
        Condition(field="tag", operator="is", values=("key",)),
    ),
)  # fmt: skip
BY_KEY = {one.key: one for one in RECIPES}
