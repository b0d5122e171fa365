"""From the ribbons of streams and the cells of who comes back down to the customers: as many as said."""

from __future__ import annotations

import re
from html import escape, unescape

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, User, Workspace
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.testing.cast import make_customer, make_user, make_workspace
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.discovery import flow
from cxm.understand.journeys.discovery.showing import flow_picture
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.actions import create_process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.journeys.steps.queries import Flow

from .shop import DAY, four_visits, visit


def built(workspace: Workspace, **more: object) -> Process:
    definition = ProcessDefinition(events=("look", "buy"), **more)  # type: ignore[arg-type]  # fields of a process
    owner = User.objects.get(email="olena@example.com")
    process = create_process(workspace=workspace, name="Shop", definition=definition, by=owner)
    build_steps(process)
    return process


def rows_of(client: Client, address: str) -> list[str]:
    """The rows of the list behind an address, by its file."""
    answer = client.get(address.replace("/journeys/?", "/journeys.csv?"))
    return b"".join(answer.streaming_content).decode().splitlines()[1:]  # type: ignore[attr-defined]  # a streaming answer


def by_rest(process: Process, query: str) -> list[str]:
    """The customers of the same list by REST, whose number is that of its rows."""
    key = create_api_key(workspace=process.workspace, kind=ApiKey.Kind.SECRET, name="k", by=None, role=Role.VIEWER)[1]
    rest = Client(headers={"authorization": f"Bearer {key}"})
    said = rest.get(f"/api/v1/journeys/processes/{process.pk}/journeys?{query}").json()
    assert said["journeys"] == len(said["items"]), said
    return [one["customer"] for one in said["items"]]


@pytest.mark.django_db
def test_each_stream_leads_to_as_many_journeys_as_it_shows() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    four_visits(workspace)
    process = built(workspace)
    client, base = Client(), f"/w/{workspace.slug}/journeys/paths/{process.pk}/"
    client.force_login(owner)

    def streams(query: str) -> dict[tuple[str, ...], tuple[int, str]]:
        shown = client.get(f"{base}streams/{query}")
        return {tuple(row[:3]): (int(row[3]), row[4]) for row in shown.context["table"]}

    # look buy look buy · look look buy · look look · buy look
    first = streams("?steps=3")
    assert {key: n for key, (n, _url) in first.items()} == {
        ("Step 1", "Look", "Buy"): 1, ("Step 1", "Look", "Look"): 2, ("Step 1", "Buy", "Look"): 1,
        ("Step 2", "Look", "End"): 2, ("Step 2", "Look", "Buy"): 1, ("Step 2", "Buy", "Look"): 1,
    }  # fmt: skip
    last = streams("?steps=3&side=last")
    assert {key: n for key, (n, _url) in last.items()} == {
        ("3 from the end", "Look", "Look"): 1, ("3 from the end", "Buy", "Look"): 1,
        ("2 from the end", "Look", "Buy"): 2, ("2 from the end", "Look", "Look"): 1,
        ("2 from the end", "Buy", "Look"): 1,
    }  # fmt: skip
    for n, url in (*first.values(), *last.values()):
        assert len(rows_of(client, url)) == n, url
        assert f">{n} journey" in client.get(url).content.decode()
        assert len(by_rest(process, url.partition("?")[2])) == n, url
    assert len(by_rest(process, "number=2&step=look&ends=1")) == 2
    assert len(by_rest(process, "number=1&step_not=buy&next_not=buy")) == 2  # who looks twice
    assert len(by_rest(process, "funnel=look&funnel=buy&within=15m&level=2")) == 1  # after ten minutes
    assert len(by_rest(process, "funnel=look&funnel=buy&level=1&dropped=1")) == 2  # who never buys after looking
    _n, url = first["Step 2", "Look", "End"]
    assert "Step 2 · Journeys that end with “Look”" in client.get(url).content.decode()
    # All bars and ribbons of the picture lead somewhere, and to as many.
    for query in ("?steps=3", "?steps=3&side=last"):
        picture = client.get(f"{base}streams/{query}").context["picture"]
        for drawn in (*picture.bars, *picture.ribbons):
            assert len(rows_of(client, drawn.url)) == drawn.shape.n, drawn.url
    client.force_login(make_user("eve@example.com"))
    assert client.get(url).status_code == 404


@pytest.mark.django_db
def test_each_number_of_a_funnel_told_apart_leads_to_the_journeys_of_its_group() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    four_visits(workspace)
    visit(workspace, "2026-01-13 10:00", [("look", 0), ("buy", 5)])  # without a channel
    process = built(workspace)
    client, base = Client(), f"/w/{workspace.slug}/journeys/paths/{process.pk}/"
    client.force_login(owner)
    page = client.get(f"{base}funnel/?funnel=look&funnel=buy&by=channel")
    shown = {by: [(one["level"].n, one["level"].dropped) for one in levels] for by, levels in page.context["rows"]}
    # Both of the web buy after they looked, of the app nobody does.
    assert shown == {"web": [(2, 0), (2, 0)], "app": [(2, 2), (0, 0)], "": [(1, 0), (1, 0)]}
    links = 0
    for by, levels in page.context["rows"]:
        for one in levels:
            for n, url in ((one["level"].n, one["url"]), (one["level"].dropped, one["dropped_url"])):
                links += escape(url) in page.content.decode()
                if n:
                    assert len(rows_of(client, url)) == n, url
                    assert len(by_rest(process, url.partition("?")[2])) == n, url
                    assert f"· {by or 'Not known'}" in client.get(url).content.decode()
    assert links == 6  # where there is somebody


@pytest.mark.django_db
def test_streams_of_other_steps_lead_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one label that stands alone in each column, the rarer one is among the other steps."""
    monkeypatch.setattr("cxm.understand.journeys.discovery.showing.MOST_BARS", 1)
    owner = make_user()
    workspace = make_workspace(owner=owner)
    four_visits(workspace)
    process = built(workspace)
    client = Client()
    client.force_login(owner)
    table = client.get(f"/w/{workspace.slug}/journeys/paths/{process.pk}/streams/?steps=3").context["table"]
    # Step 1: look 3, buy 1; step 2: look 3, buy 1; step 3: look and buy once each, of which buy comes first by name.
    assert {tuple(row[:3]): int(row[3]) for row in table} == {
        ("Step 1", "Look", "Look"): 2, ("Step 1", "Look", "Other steps"): 1, ("Step 1", "Other steps", "Look"): 1,
        ("Step 2", "Look", "End"): 2, ("Step 2", "Look", "Buy"): 1, ("Step 2", "Other steps", "Other steps"): 1,
    }  # fmt: skip
    for *_names, n, url in table:
        assert len(rows_of(client, url)) == int(n), url


def test_the_last_bar_of_other_steps_says_which_they_are_not() -> None:
    asked: list[dict[str, object]] = []
    flow_picture(
        [Flow(1, f"s{number}", "", 1) for number in range(11)], 2, from_end=False, named=str,
        url=lambda **more: asked.append(more) or "",  # type: ignore[func-returns-value]  # keeps what was asked
    )  # fmt: skip
    kept = sorted(f"s{number}" for number in range(11))[:9]
    assert {"number": "1", "step_not": kept} in asked
    assert flow.OTHER not in str(asked)


@pytest.mark.django_db
def test_each_cell_of_who_comes_back_leads_to_its_customers() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    ada, twin = make_customer(workspace, "Ada"), make_customer(workspace, "Ada at work")
    # Began on Monday 5 January: Ada, who comes back a day later (under her other profile) and in the second week; and
    # somebody who comes back in the first week. On the 12th: somebody who never does, and one who does in the first.
    visit(workspace, "2026-01-05 10:00", [("look", 0), ("buy", 8 * DAY)], ada.pk)
    visit(workspace, "2026-01-06 10:00", [("buy", 0), ("look", 15 * DAY)], twin.pk)
    visit(workspace, "2026-01-06 10:00", [("look", 0), ("buy", 7 * DAY)])
    visit(workspace, "2026-01-12 10:00", [("look", 0)])
    visit(workspace, "2026-01-12 11:00", [("look", 0), ("look", 9 * DAY)])
    put_customers([customer_row(workspace.pk, twin.pk, {}, canonical_id=ada.pk)])
    process = built(workspace, gap_s=3600)  # so that each visit is a journey, and customers have several
    client, base = Client(), f"/w/{workspace.slug}/journeys/paths/{process.pk}/"
    client.force_login(owner)

    def cells(query: str = "") -> list[tuple[str, int]]:
        """Address and number of customers, cell by cell."""
        text = client.get(f"{base}returning/{query}").content.decode()
        return [(unescape(url), int(n))
                for url, n in re.findall(r'<a href="([^"]+)" title="(\d+) customers? ·', text)]  # fmt: skip

    # All: 3 of 4 in the first week (Ada, the second, the last), 1 in the second (Ada, after 16 days).
    # 5 January: 2 and 1. 12 January: 1.
    assert [n for _url, n in cells()] == [3, 1, 2, 1, 1]
    for url, n in cells():
        assert len(rows_of(client, url)) == n, url
        assert f"{n} customer" in client.get(url).content.decode()
    # By the day: Ada after 1, 8 and 16 days, of which the last is beyond the table; the others after 7 and 9.
    for query in ("?unit=day", "?unit=month", "?then=buy", "?first=buy", "?from=2026-01-06&to=2026-01-20"):
        for url, n in cells(query):
            assert len(rows_of(client, url)) == n, url
    assert [n for _url, n in cells("?unit=day")][:3] == [1, 1, 1]  # all: Ada, the second, Ada
    began = re.findall(
        r'<td class="number"><a href="([^"]+)">(\d+)</a>', client.get(f"{base}returning/").content.decode()
    )
    assert [(len(rows_of(client, unescape(url))), int(n)) for url, n in began] == [(4, 4), (2, 2), (2, 2)]
    listed = client.get(cells()[1][0]).content.decode()
    assert ">Ada</bdi>" in listed
    assert "Ada at work" not in listed
    # The same as a file, in which a cell is never a formula.
    assert by_rest(process, "stretch=2&back=1") == by_rest(process, "stretch=2&back=1&cohort=2026-01-05") == [
        str(ada.pk)
    ]  # fmt: skip
    assert len(by_rest(process, "stretch=1&cohort=2026-01-05")) == 2
    # Of those who began, only Ada buys after a day, and nobody after two.
    assert by_rest(process, "stretch=1&back=1&unit=day&then=buy") == [str(ada.pk)]
    assert by_rest(process, "stretch=2&back=1&unit=day&then=buy") == []
    csv = b"".join(client.get(f"{base}returning.csv").streaming_content).decode().splitlines()  # type: ignore[attr-defined]  # a streaming answer
    assert csv[0].endswith("began,stretch,back,customers,share,low,high")
    assert [line.split(",")[:4] for line in csv[1:3]] == [["", "1", "3", "4"], ["", "2", "1", "4"]]
    assert ["2026-01-05", "1", "2", "2"] in [line.split(",")[:4] for line in csv]
    client.force_login(make_user("eve@example.com"))
    assert client.get(f"{base}returning.csv").status_code == 404
    assert client.get(f"{base}journeys/?stretch=1&back=1").status_code == 404


@pytest.mark.django_db
def test_a_new_process_in_an_empty_workspace_says_what_to_do_first() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    client, address = Client(), f"/w/{workspace.slug}/journeys/paths/new/"
    client.force_login(owner)
    page = client.get(address).content.decode()
    assert "none has been received yet" in page
    assert f'href="/w/{workspace.slug}/imports/"' in page
    assert 'name="events"' not in page
    # What is sent all the same comes back with its form.
    assert 'name="name"' in client.post(address, {"do": "save"}).content.decode()
    visit(workspace, "2026-01-05 10:00", [("look", 0)])
    page = client.get(address).content.decode()
    assert "none has been received yet" not in page
    assert 'value="look"' in page
