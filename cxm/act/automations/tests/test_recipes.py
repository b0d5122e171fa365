"""The ready workflows: complete in five languages, and doing what they say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cxm.act.automations import actions
from cxm.act.automations.definition import every_step, problems
from cxm.act.automations.models import Run, Workflow
from cxm.act.automations.recipes import LANGUAGES, RECIPES, definition_of, recipe_called
from cxm.act.automations.steps import run_automations
from cxm.act.cases import actions as cases
from cxm.act.cases.models import Case
from cxm.listen.channels.models import Message
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_workspace

from .given import carry_on, happened


def test_every_recipe_speaks_every_language_and_needs_only_what_it_says() -> None:
    open_questions = {}
    for recipe in RECIPES:
        definition = definition_of(recipe, "uk")
        assert definition.languages[0] == "uk"
        open_questions[recipe.key] = problems(definition)
        for step in every_step(definition.steps):
            for texts in (step.subject, step.text):
                assert not texts or set(texts) == set(LANGUAGES), f"{recipe.key}.{step.id}"
                assert len({text.count("{property") for text in texts.values()}) <= 1
    assert {key: found for key, found in open_questions.items() if found} == {
        "win_back": [("trigger", "no_segment_entered")], "onboarding": [("ask", "no_survey")],
    }  # fmt: skip
    assert {one.key for one in RECIPES} == set(definition_of.__globals__["_stored"]())


@pytest.mark.django_db
def test_detractors_late_parcels_and_sorrow() -> None:
    workspace = make_workspace()
    for key in ("detractor_recovery", "late_delivery", "bereavement_card"):
        recipe = recipe_called(key)
        assert recipe is not None
        workflow = actions.create_workflow(
            workspace=workspace, name=str(recipe.name), by=None, definition=definition_of(recipe), recipe=key
        )
        actions.publish(workflow=workflow, by=None)
        actions.turn_on(workflow=workflow, by=None)
    Workflow.objects.update(on_since=None)
    ada = make_customer(workspace, "Ada Byron", email="ada@example.com", language="pl")
    now = timezone.now()

    def delivered(days: float) -> None:
        promised = (now - timedelta(days=days)).isoformat()
        order = happened(workspace, "order_delivered", ada.pk, at=now, order_id=f"O{days}", promised_at=promised)
        run_automations([order])

    for days in (-1, 2, 8):
        delivered(days)
    run_automations([happened(workspace, "customer_tagged", ada.pk, tag="bereavement")])
    run_automations([happened(workspace, "answer_given", ada.pk, metric="nps", score=3, comment="Too slow")])
    carry_on()
    assert sorted(Case.objects.values_list("subject", flat=True)) == [
        "Ada Byron would not recommend us (3 of 10)", "Call Ada Byron: order O8 was 8 days late",
        "Write a card of condolence by hand to Ada Byron",
    ]  # fmt: skip
    assert Message.objects.count() == 2 and "przepraszamy" in Message.objects.order_by("pk")[0].text
    ada.refresh_from_db()
    assert ada.traits == {"quiet": True}

    # The case of one detractor stays open for two days and becomes urgent; all cases closed, nothing more happens.
    recovery = Case.objects.get(category="recovery")
    assert recovery.entries.get(kind="note").text == "Too slow"
    run = Run.objects.get(workflow__recipe="detractor_recovery")
    assert run.wait_until is not None and OutboxFact.objects.filter(name="rule_ran").count() == 3
    bob = make_customer(workspace, "Bob")
    run_automations([happened(workspace, "answer_given", bob.pk, metric="nps", score=0)])
    carry_on()
    cases.resolve(case=Case.objects.get(customer=bob), resolution="solved", by=None)
    run_automations([happened(workspace, "case_resolved", bob.pk)])
    carry_on()
    assert Run.objects.get(customer=bob).state == "done"
    carry_on(run.wait_until)
    recovery.refresh_from_db()
    assert (recovery.priority, Case.objects.get(customer=bob).priority) == (Case.Priority.URGENT, Case.Priority.HIGH)
