"""Rules for the tests and the benchmark of the flow."""

from __future__ import annotations

from cxm.accounts.models import Workspace
from cxm.act.cases.alerts.actions import create_rule
from cxm.act.cases.alerts.rules import CaseOf, What
from cxm.lib.conditions import Condition


def make_rules(workspace: Workspace, n: int) -> None:
    """One rule for NPS 0 that opens a case and tells the owner; the others look at every answer and find little."""
    owner = workspace.memberships.get().user
    for number in range(n):
        kinds = ("answer", "words", "pattern", "answer", "words")
        kind = "answer" if number == 0 else kinds[number % 5]
        score = 0 if number == 0 else -number
        condition = Condition(
            all=(
                Condition(field="answer.metric", operator="is", values=("nps",)),
                Condition(field="answer.score", operator="at_most", values=(float(score),)),
                Condition(field="answer.channel", operator="is", values=("web", "app", "email")),
            )
        )
        what = {"words": What(phrases=(f"lawyer{number}", f"never again{number}", "refund*")),
                "pattern": What(event=f"complaint_{number}", times=3, days=7)}.get(kind, What())  # fmt: skip
        create_rule(
            workspace=workspace, name=f"Rule {number}", kind=kind, by=None, what=what, again_after_h=0,
            condition=condition if kind == "answer" else None, opens_case=number == 0, case=CaseOf(priority=3),
            users=[owner.pk], by_mail=False,
        )  # fmt: skip
