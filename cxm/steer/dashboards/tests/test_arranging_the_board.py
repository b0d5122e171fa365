"""Arranging the home board: add, move, remove, undo, choose automatically; who may, and what the trail says."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, Workspace
from cxm.listen.surveys.actions import create_survey, publish, read_definition
from cxm.listen.surveys.respond.tests.given import FIVE
from cxm.steer.dashboards.address import read
from cxm.steer.dashboards.models import Board
from cxm.steer.dashboards.tiles import named_tiles
from cxm.testing.cast import given_events, make_member, make_workspace

from .given import client_of, days_ago, nps_answers, owner_of, viewer_of

pytestmark = pytest.mark.django_db


def post(workspace: Workspace, **fields: object) -> int:
    analyst = client_of(owner_of(workspace))
    board = Board.objects.filter(workspace=workspace).first()
    fields.setdefault("version", board.version if board else 0)
    return analyst.post(f"/w/{workspace.slug}/board/", fields).status_code


def metrics_of(workspace: Workspace) -> list[str] | None:
    tiles = Board.objects.get(workspace=workspace).tiles
    return None if tiles is None else [tile["metric"] for tile in tiles]


def test_the_first_change_keeps_the_automatic_choice() -> None:
    workspace = make_workspace()
    given_events(nps_answers(workspace, 6, 3, 1, days_ago(5)))
    assert post(workspace, do="add", metric="csat", title="Happy") == 302
    assert Board.objects.get(workspace=workspace).tiles == [
        {"metric": "nps", "query": "", "title": ""},
        {"metric": "csat", "query": "", "title": "Happy"},
    ]
    entry = AuditEntry.objects.get(subject="board")
    assert (entry.verb, entry.changes["tiles"][0]) == ("arranged", None)


def test_tiles_move_go_and_come_back() -> None:
    workspace = make_workspace()
    for key in ("nps", "csat", "sla"):
        post(workspace, do="add", metric=key)
    post(workspace, do="up", number=2)
    assert metrics_of(workspace) == ["nps", "sla", "csat"]
    post(workspace, do="down", number=0)
    assert metrics_of(workspace) == ["sla", "nps", "csat"]
    post(workspace, do="remove", number=1)
    assert metrics_of(workspace) == ["sla", "csat"]
    post(workspace, do="undo")
    assert metrics_of(workspace) == ["sla", "nps", "csat"]
    post(workspace, do="undo")
    assert metrics_of(workspace) == ["nps", "sla", "csat"]
    post(workspace, do="automatic")
    assert metrics_of(workspace) is None
    post(workspace, do="undo")
    assert metrics_of(workspace) == ["nps", "sla", "csat"]


def test_a_figure_with_its_filters_goes_on_the_board_once() -> None:
    workspace = make_workspace()
    query = "f=channel:is:email&o.question=q1&period=90d&by=channel"
    assert post(workspace, do="add", metric="nps", query=query) == 302
    tile = Board.objects.get(workspace=workspace).tiles[0]
    assert tile["query"] == "f=channel%3Ais%3Aemail&o.question=q1"  # the period belongs to the board
    assert post(workspace, do="add", metric="nps", query=query) == 422
    assert metrics_of(workspace) == ["nps"]


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "up", "number": 7},
        {"do": "remove", "number": "x"},
        {"do": "undo", "version": 99},
        {"do": "add", "metric": "nothing"},
        {"do": "dance"},
        {},
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(fields: dict[str, object]) -> None:
    workspace = make_workspace()
    post(workspace, do="add", metric="nps")
    before = Board.objects.values().get(workspace=workspace)
    assert post(workspace, **fields) == 422
    assert Board.objects.values().get(workspace=workspace) == before


def test_two_people_do_not_overwrite_each_other() -> None:
    workspace = make_workspace()
    post(workspace, do="add", metric="nps")
    post(workspace, do="add", metric="csat")
    assert post(workspace, do="remove", number=0, version=1) == 422
    assert metrics_of(workspace) == ["nps", "csat"]


def test_viewers_and_agents_may_look_but_not_arrange() -> None:
    workspace = make_workspace()
    for user in (viewer_of(workspace), make_member(workspace, Role.AGENT, "agent@example.com")):
        client = client_of(user)
        assert client.get(f"/w/{workspace.slug}/").status_code == 200
        assert "Arrange" not in client.get(f"/w/{workspace.slug}/").content.decode()
        assert client.post(f"/w/{workspace.slug}/board/", {"do": "add", "metric": "nps"}).status_code == 403
    assert not Board.objects.exists()
    analyst = client_of(make_member(workspace, Role.ANALYST, "analyst@example.com"))
    assert analyst.post(f"/w/{workspace.slug}/board/", {"do": "add", "metric": "nps"}).status_code == 302


def test_a_tile_of_one_question_says_what_it_asks() -> None:
    workspace = make_workspace()
    definition = read_definition(FIVE)  # asks "nps" among others
    survey = create_survey(workspace=workspace, name="Five", definition=definition, by=owner_of(workspace))
    publish(survey=survey, by=owner_of(workspace))
    for query in ("o.question=nps", "o.question=Would you recommend us?"):
        assert post(workspace, do="add", metric="nps", query=query) == 302
    view = read(QueryDict("")).view
    details = [tile.detail for tile in named_tiles(workspace, Board.objects.get().tiles, view, timezone.now())]
    asked = next(one for one in definition.questions() if one.id == "nps").title["en"]
    assert details == [asked, "Would you recommend us?"]
