"""What a comment says, in whatever words, rings alerts, routes cases and begins workflows at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from cxm.act.automations.definition import Definition, Step, Trigger
from cxm.act.automations.dry_run import rehearse
from cxm.act.automations.models import Run
from cxm.act.automations.steps import run_automations
from cxm.act.cases.alerts.actions import create_rule
from cxm.act.cases.alerts.fields import fields
from cxm.act.cases.alerts.preview import preview
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Alert, AlertRule, Case
from cxm.act.cases.routing import save_rule, save_team
from cxm.act.cases.steps import open_cases, wanted
from cxm.lib.conditions import Condition
from cxm.testing.captured import Captured, captured
from cxm.testing.cast import answer, at, given_events, make_customer, make_workspace
from cxm.understand.text import signals, understanding
from cxm.understand.text.reading.reading import Reading, Tag

from .given import happened, made

pytestmark = pytest.mark.django_db


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were read; a reader who knows three of them."""
    known = {
        "I am off to Beta": Reading(language="en", sentiment="negative", score=-0.6, intent="leaving", urgent=True,
                                    tags=(Tag("topic", "price", 0.9), Tag("topic", "contract", 0.5))),
        "Zu teuer": Reading(language="other"),
        "Lovely": Reading(language="en", sentiment="positive", score=0.9, emotion="joy"),
    }  # fmt: skip
    seen: list[str] = []

    def understand(workspace_id: int, texts: Sequence[str], questions: Sequence[str] = ()) -> list[Reading]:
        seen.extend(texts)
        return [known[one] for one in texts]

    monkeypatch.setattr(understanding, "understand", understand)
    signals.forget_signals()
    return seen


def leaf(field: str, *values: str | float | bool, operator: str = "is") -> Condition:
    return Condition(field=field, operator=operator, values=values)  # type: ignore[arg-type]  # a name of one


def test_a_threat_to_leave_rings_and_its_case_goes_to_those_who_keep_people(reads: list[str]) -> None:
    workspace = make_workspace()
    by = workspace.memberships.get().user
    keepers = save_team(workspace=workspace, name="Keepers", by=by)
    save_rule(workspace=workspace, name="Price", team=keepers, by=by, condition=leaf("text.topic", "price"))
    nps = leaf("answer.metric", "nps")
    threat = Condition(all=(leaf("text.intent", "leaving"), leaf("text.score", -0.5, operator="at_most"), nps))
    made_rule = create_rule(
        workspace=workspace, name="Leaving", kind="answer", by=by, condition=threat, opens_case=True
    )  # fmt: skip
    AlertRule.objects.filter(pk=made_rule.pk).update(on_since=datetime(2026, 1, 1, tzinfo=UTC))

    def said(user: str, comment: str, metric: str = "nps") -> Captured:
        properties = {"metric": metric, "score": 3, "scale": "0-10", "question": "q", "comment": comment}
        return Captured(user_id=user, when="2026-03-02 12:00", name="answer_given", properties=properties)

    events = [captured(workspace, said(user, text)) for user, text in
              (("ada", "I am off to Beta"), ("bob", "Zu teuer"), ("eve", "Lovely"), ("joe", " "))]  # fmt: skip
    events.append(captured(workspace, said("tim", "Lovely", "csat")))
    some = wanted(events)
    open_cases(some)
    open_cases(some)
    assert [one.event_id for one in some] == [events[0].event_id]
    assert sorted(reads) == ["I am off to Beta", "Lovely", "Zu teuer"]  # each once, together
    [alert] = Alert.objects.all()
    assert alert.data["comment"] == "I am off to Beta"
    [case] = Case.objects.all()
    assert case.team == keepers
    assert case.properties["text"] == {
        "language": "en", "sentiment": "negative", "score": -0.6, "emotion": "", "intent": "leaving", "effort": False,
        "urgent": True, "topic": ["price", "contract"], "touchpoint": [],
    }  # fmt: skip
    # The editor offers the fields, refuses one that there is not, and tells how often the rule would have rung.
    offered = {one.name for one in fields(workspace, "answer")}
    assert {"text.sentiment", "text.intent", "text.topic", "text.urgent"} <= offered
    with pytest.raises(Refused):
        create_rule(workspace=workspace, name="?", kind="answer", by=by, condition=leaf("text.smell", "bad"))
    assert AlertRule.objects.count() == 1
    given_events([answer(workspace, 3, "2026-03-02 10:00", comment=text) for text in ("I am off to Beta", "Lovely")])
    made_rule.refresh_from_db()
    assert preview(made_rule, now=at("2026-03-03 00:00")).times == 1


def test_a_workflow_begins_with_what_a_comment_says(reads: list[str]) -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    steps, trigger = [Step(id="tag", kind="tag", name="at risk")], Trigger(kind="answer")
    condition = Condition(all=(leaf("text.urgent", True), leaf("text.topic", "contract")))
    workflow = made(workspace, steps, trigger=trigger, condition=condition)
    threat = happened(workspace, "answer_given", ada.pk, metric="nps", score=9, comment="I am off to Beta")
    run_automations(
        [threat, happened(workspace, "answer_given", ada.pk, comment="Lovely"),
         happened(workspace, "answer_given", ada.pk, metric="nps", score=1)]
    )  # fmt: skip
    [run] = Run.objects.all()
    assert (run.workflow, run.cause) == (workflow, threat.event_id)
    # The rehearsal asks the same of what has happened.
    given_events([answer(workspace, 3, "2026-03-02 10:00", comment=text) for text in ("I am off to Beta", "Lovely")])
    definition = Definition(trigger=trigger, steps=steps, condition=condition)
    assert rehearse(workspace, definition, now=at("2026-03-03 00:00")).runs == 1
