"""The pages: from a recipe or nothing to a workflow that runs, without scripts; who may, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.automations import actions
from cxm.act.automations.definition import STEPS, TRIGGERS, Step, read
from cxm.act.automations.models import Run, Workflow
from cxm.act.automations.steps import run_automations
from cxm.lib.conditions import Condition
from cxm.testing.cast import answer, event, given_events, make_customer, make_member, make_user, make_workspace

from .given import carry_on, happened, made

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


class Pages:
    def __init__(self, workspace: Workspace, user: User) -> None:
        self.client, self.base = client_of(user), f"/w/{workspace.slug}/automations/"

    def get(self, path: str = "", status: int = 200) -> str:
        response = self.client.get(self.base + path)
        assert response.status_code == status, path
        return response.content.decode()

    def post(self, path: str, status: Any = 302, **sent: Any) -> Any:
        data = {name.replace("__", "-"): value for name, value in sent.items()}
        response = self.client.post(self.base + path, data)
        assert response.status_code == status, response.content.decode()[:3000]
        return response


def row(path: str, field: str, operator: str, *values: str) -> dict[str, Any]:
    """A row of the condition form as a browser sends it."""
    key = f"when-{path}"
    return {"when-0-join": "all", f"{key}-field": field, f"{key}-shown": field, f"{key}-operator": operator,
            f"{key}-value": list(values)}  # fmt: skip


def test_a_workflow_is_built_rehearsed_published_and_followed() -> None:
    workspace = make_workspace()
    analyst = make_member(workspace, Role.ANALYST, "ann@example.com")
    pages = Pages(workspace, analyst)
    assert "No automations yet" in pages.get()
    assert "Win detractors back" in pages.get("new/")
    pages.post("new/", name="Unhappy", recipe="")
    workflow = Workflow.objects.get()
    at = f"{workflow.pk}/"
    assert "Choose the event that begins it." in pages.get(at)

    # What begins it, with a condition.
    assert "Survey" in pages.get(at + "trigger/?kind=answer")
    start = {"survey": "", "metric": "nps", "again": "days", "again_days": "7", "most_per_hour": "500",
             "languages": ["en", "uk"]}  # fmt: skip
    grown = pages.post(at + "trigger/?kind=answer", 200, **start, when__do="add:0", **{"when-0-join": "all"})
    assert "when-0.0-field" in grown.content.decode()
    wrong = row("0.0", "property.score", "at_most", "six")
    assert "is not a number" in pages.post(at + "trigger/?kind=answer", 422, **start, **wrong).content.decode()
    pages.post(at + "trigger/?kind=answer", **start, **row("0.0", "property.score", "at_most", "6"))
    draft = read(Workflow.objects.get().draft)
    assert (draft.trigger.kind, draft.trigger.metric, draft.again_days, draft.languages) == (
        "answer", "nps", 7, ["en", "uk"],
    )  # fmt: skip
    assert draft.condition == Condition(all=(Condition(field="property.score", operator="at_most", values=(6.0,)),))

    # Steps: added, filled in, moved, removed; a branch and a split hold steps of their own.
    pages.post(at, do="add:", **{"kind-": "mail"})
    pages.post(at + "steps/s1/", subject_en="Sorry", text_en="Dear {name}", subject_uk="Вибачте", text_uk="{name}")
    pages.post(at, do="add:", **{"kind-": "branch"})
    assert "Say what to compare with" in pages.post(
        at + "steps/s2/", 422, **row("0.0", "property.score", "is", "")
    ).content.decode()  # fmt: skip
    pages.post(at + "steps/s2/", **row("0.0", "property.score", "is", "0"))
    pages.post(at, do="add:s2.then", **{"kind-s2.then": "case"})
    pages.post(at + "steps/s3/", subject_en="{name} gave nothing", team="", priority="4", category="x", text_en="")
    pages.post(at, do="add:", **{"kind-": "split"})
    assert "add up to 100" in pages.post(at + "steps/s4/", 422, shares="50, 60").content.decode()
    pages.post(at + "steps/s4/", shares="20, 30, 50")
    pages.post(at, do="add:s4.2", **{"kind-s4.2": "tag"})
    pages.post(at, do="add:", **{"kind-": "stop"})
    pages.post(at, do="up:s6")
    pages.post(at, do="remove:s4")
    draft = read(Workflow.objects.get().draft)
    assert [one.id for one in draft.steps] == ["s1", "s2", "s6"]
    assert [one.priority for one in draft.steps[1].then] == [4]
    shown = pages.get(at)
    trigger = "When somebody answers a question of NPS"
    for words in (trigger, "E-mail: Sorry", "Then", "Open a case: {name} gave nothing"):
        assert words in shown

    # The dry run, then for real.
    ada = make_customer(workspace, "Ada", email="ada@example.com")
    given_events([answer(workspace, 0, f"{timezone.now():%Y-%m-%d %H:%M}", customer_id=ada.pk)])
    rehearsed = pages.get(at + "dry-run/")
    assert "Ada" in rehearsed and "E-mail: Sorry → If a condition holds → Open a case" in rehearsed
    pages.post(at + "state/", do="on")
    assert not Workflow.objects.get().is_on
    pages.post(at + "state/", do="publish")
    pages.post(at + "state/", do="on")
    workflow.refresh_from_db()
    assert (workflow.version, workflow.is_on, workflow.event) == (1, True, "answer_given")
    run_automations([happened(workspace, "answer_given", ada.pk, metric="nps", score=0)])
    carry_on()
    run = Run.objects.get()
    assert "Ada" in pages.get(at + "runs/") and "Ada" in pages.get(at + "runs/?state=done")
    assert "Case #1" in pages.get(f"runs/{run.pk}/")
    assert "Unhappy" in pages.get(f"of/{ada.pk}/")
    assert ">1</td>" in pages.get().replace(" ", "").replace("\n", "")
    pages.post(at + "state/", do="rename", name="Very unhappy")
    pages.post(at + "state/", do="archive")
    pages.get()  # shows the message
    assert "Very unhappy" not in pages.get() and "Very unhappy" in pages.get("?archived")
    verbs = list(AuditEntry.objects.filter(subject="workflow").order_by("pk").values_list("verb", flat=True))
    assert verbs[0] == "created" and verbs[-5:] == ["published", "turned on", "renamed", "turned off", "archived"]


@pytest.mark.once
def test_every_kind_of_trigger_and_step_has_its_form() -> None:
    workspace = make_workspace()
    pages = Pages(workspace, make_member(workspace, Role.ANALYST, "ann@example.com"))
    given_events([event(workspace, "tea_brewed", "2026-03-01 12:00")])
    for key in ("win_back", "detractor_recovery"):
        pages.post("new/", recipe=key)
    workflow = Workflow.objects.get(recipe="win_back")
    assert "Choose the segment of customers who have become silent." in pages.get(f"{workflow.pk}/")
    rest = {"again": "once", "most_per_hour": "5", "languages": ["en"]}
    sent: dict[str, dict[str, str]] = {
        "event": {"event": "tea_brewed"}, "case": {"fact": "case_opened"}, "date": {"trait": "", "days": "3",
        "before": "before", "hour": "9"}, "schedule": {"every": "month", "day": "31", "hour": "7"},
    }  # fmt: skip
    for kind in TRIGGERS:
        pages.get(f"{workflow.pk}/trigger/?kind={kind}")
        pages.post(f"{workflow.pk}/trigger/?kind={kind}", **rest, **sent.get(kind, {}))
        draft = read(Workflow.objects.get(pk=workflow.pk).draft)
        assert (draft.trigger.kind, draft.again_days) == (kind, None)
        pages.get(f"{workflow.pk}/")
        pages.get(f"{workflow.pk}/dry-run/")
    for number, kind in enumerate(STEPS, start=1):
        pages.post(f"{workflow.pk}/", do="add:", **{"kind-": kind})
        pages.get(f"{workflow.pk}/steps/s{number}/")
    pages.get(f"{workflow.pk}/trigger/?kind=nonsense", 404)
    pages.post(f"{workflow.pk}/", do="add:gone.then", **{"kind-gone.then": "mail"})
    assert "This place is not there any more" in pages.get(f"{workflow.pk}/")


def test_who_may_look_who_may_change_and_what_a_second_hand_overwrites() -> None:
    workspace = make_workspace()
    agent, viewer = (make_member(workspace, role, f"{role}@example.com") for role in (Role.AGENT, Role.VIEWER))
    workflow = made(workspace, [Step(id="w", kind="wait", days=1)])
    run_automations([happened(workspace, customer_id=make_customer(workspace).pk)])
    at = f"{workflow.pk}/"
    looking = Pages(workspace, agent)
    assert "Wait 1 day" in looking.get(at) and "Turn off" not in looking.get(at)
    before = Workflow.objects.values().get()
    for path, sent in ((at, {"do": "remove:w"}), (at + "state/", {"do": "off"}), ("new/", {"recipe": "win_back"})):
        looking.post(path, 403, **sent)
    Pages(workspace, viewer).get(at, 403)
    Pages(workspace, make_user("stranger@example.com")).get(at, 404)
    assert Workflow.objects.values().get() == before
    run = Run.objects.get()
    looking.post(f"runs/{run.pk}/", do="stop")
    run.refresh_from_db()
    assert run.state == "stopped"
    with pytest.raises(actions.Refused):
        actions.change_draft(workflow=workflow, change=lambda _draft: None, by=None, revision=99)
    with pytest.raises(actions.Refused):
        actions.create_workflow(workspace=workspace, name="Rule", by=None)
    with pytest.raises(actions.Refused):
        actions.put_draft(workflow=workflow, definition={"steps": [{"id": "a", "kind": "explode"}]}, by=None)
