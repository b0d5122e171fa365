"""Which channel handles which request, and how well."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from cxm.accounts.models import Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.scope import Scope, UnknownField
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.stats.samples import ShareSample
from cxm.stats.strata import difference_share_stratified
from cxm.testing.cast import answer, at, event, given_events, make_user, make_workspace
from cxm.understand.journeys.definition import MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.evidence.channels import Flow, Row, flows, judge, kinds, orders, requests
from cxm.understand.journeys.evidence.channels_page import costs_of
from cxm.understand.journeys.maps.actions import create_map

NOW = int(at("2026-05-01 00:00").timestamp() * 1000)


def ticket(workspace: Workspace, who: int, number: str, day: str, channel: str, **more: object) -> Event:
    said = {"topic": "billing", **more.pop("properties", {})}  # type: ignore[dict-item]  # the builder's own dict
    return event(
        workspace, "ticket_updated", f"{day} 12:00", customer_id=uuid.UUID(int=who), ticket_id=number, channel=channel,
        touchpoint="support", **{"opened_at": f"{day}T12:00:00Z", "version": 1, "properties": said, **more},
    )  # fmt: skip


def tickets(workspace: Workspace) -> Iterator[Event]:
    solved = {"resolved_at": "2026-03-02T13:00:00Z"}
    # 1: the chat, solved at once; content with it.
    yield ticket(workspace, 1, "T1", "2026-03-01", "chat", **solved)
    yield answer(workspace, 5, "2026-03-03 12:00", metric="csat", scale="1-5", customer_id=uuid.UUID(int=1))
    yield answer(
        workspace, 1, "2026-03-04 12:00", metric="csat", scale="1-5", customer_id=uuid.UUID(int=1)
    )  # not the next
    # 2: the chat, six days later the phone, and mail: one request on three channels; then after eight days another one.
    yield ticket(workspace, 2, "T2", "2026-03-01", "chat")
    yield ticket(workspace, 22, "T3", "2026-03-07", "phone")  # a profile that was merged into theirs
    yield ticket(workspace, 2, "T4", "2026-03-07", "email", opened_at="2026-03-07T18:00:00Z",
                 resolved_at="2026-03-08T12:00:00Z")  # fmt: skip
    yield answer(workspace, 2, "2026-03-09 12:00", metric="ces", scale="1-7", customer_id=uuid.UUID(int=2))
    yield ticket(workspace, 2, "T5", "2026-03-16", "chat", resolved_at="2026-03-16T13:00:00Z")
    # 3: the phone, reopened; about something else, two days later, by chat and left unsolved.
    yield ticket(workspace, 3, "T6", "2026-03-01", "phone", **solved)
    yield ticket(workspace, 3, "T6", "2026-03-01", "phone", **{**solved, "version": 2, "reopened": 1})
    yield ticket(workspace, 3, "T7", "2026-03-03", "chat", properties={"topic": "return"})
    # Too young to judge, and without a channel.
    yield ticket(workspace, 4, "T8", "2026-04-28", "phone")
    yield ticket(workspace, 5, "T9", "2026-03-01", "")


@pytest.mark.django_db
def test_contacts_about_the_same_within_a_week_are_one_request() -> None:
    workspace = make_workspace()
    given_events(tickets(workspace))
    put_customers([customer_row(workspace.pk, uuid.UUID(int=22), {}, canonical_id=uuid.UUID(int=2))])
    scope = Scope(workspace.pk)
    found = {(row.kind, row.channel): row for row in requests(scope, "property.topic", NOW).rows}
    assert set(found) == {("billing", "chat"), ("billing", "phone"), ("return", "chat")}
    chat = found["billing", "chat"]
    # Requests of customer 1, and two of customer 2, of which one was solved at once.
    assert (chat.requests, chat.contacts, chat.at_once, chat.solved, chat.switched) == (3, 5, 2, 3, 1)
    assert (chat.content, chat.answered, chat.easy, chat.felt) == (1, 1, 0, 1)
    # 25 hours, 7 days (from the first contact to the last ticket's solution), 1 hour.
    assert chat.median_s == 25 * 3600
    assert dict(zip(*chat.by_channel, strict=True)) == {"chat": 3, "phone": 1, "email": 1}
    assert (found["billing", "phone"].at_once, found["billing", "phone"].solved) == (0, 1)
    assert (found["return", "chat"].at_once, found["return", "chat"].solved, found["return", "chat"].closable) == (
        0,
        0,
        1,
    )

    paths = orders(scope, "property.topic", NOW)
    assert [(row.path, row.n) for row in paths] == [
        (["chat"], 3), (["chat", "phone", "email"], 1), (["phone"], 1),
    ]  # fmt: skip
    assert flows(paths) == [Flow("chat", "phone", 1), Flow("phone", "email", 1)]
    # By touchpoint all of customer 3 is one request.
    assert {row.channel: row.requests for row in requests(scope, "touchpoint", NOW).rows} == {"chat": 3, "phone": 1}
    assert kinds(workspace.pk) == ["touchpoint", "priority", "property.topic", "topic"]
    assert requests(scope, "topic", NOW).rows == []
    with pytest.raises(UnknownField):
        requests(scope, "survey", NOW)


def row(kind: str, channel: str, requests: int, at_once: int, content: int = 0, answered: int = 0) -> Row:
    return Row(
        kind, channel, requests, requests, at_once, 0, 0, 0, content, answered, 0, 0, None, ([channel], [requests])
    )


def test_a_channel_is_recommended_only_on_evidence() -> None:
    found = judge(
        [
            row("billing", "chat", 400, 320), row("billing", "phone", 400, 200), row("billing", "email", 400, 200),
            # Chat solves more of these at once too, but its customers are less content.
            row("return", "chat", 300, 240, 60, 200), row("return", "phone", 300, 150, 160, 200),
            row("voucher", "chat", 20, 12), row("voucher", "phone", 20, 10),
            row("fax", "fax", 500, 100),
        ],
        {"chat": 2.0, "phone": 6.0},
    )  # fmt: skip
    kinds = {one.name: one for one in found.kinds}
    billing = kinds["billing"]
    assert (billing.advice, billing.channel, billing.because) == ("recommend", "chat", "at_once")
    by = {one.row.channel: one for one in billing.handlings}
    # 80 % less the 50 % of both others.
    assert by["chat"].results["at_once"].difference.value == pytest.approx(0.3)
    assert (by["chat"].cost, by["phone"].cost, by["email"].cost) == (2.0, 6.0, None)
    # The phone leaves its customers more content, but solves less at once: each is worse in something.
    assert (kinds["return"].advice, kinds["return"].channel) == ("no_evidence", "")
    voucher = kinds["voucher"]
    assert voucher.advice == "no_evidence"
    assert voucher.needed is not None and voucher.needed > 100  # 60 against 50 %
    assert kinds["fax"].advice == "only_one"

    channels = {one.name: one for one in found.channels}
    # Mail solves less than the others of the same kind, is recommended for nothing, and others handle all it does.
    assert channels["email"].close and channels["email"].replaced == 1
    assert not channels["chat"].close and channels["chat"].recommended == ["billing"]
    assert not channels["phone"].close  # its customers are more content
    assert not channels["fax"].close  # nobody else handles that
    assert judge([]).kinds == []


def test_the_hard_requests_are_not_held_against_the_channel_that_takes_them() -> None:
    # On both channels 80 % of the easy and 20 % of the hard are solved; the phone is given the hard ones.
    rows = [row("easy", "chat", 900, 720), row("hard", "chat", 100, 20), row("easy", "phone", 100, 80),
            row("hard", "phone", 900, 180)]  # fmt: skip
    phone = next(one for one in judge(rows).channels if one.name == "phone")
    assert phone.results["at_once"].here.value == 0.26  # of 74 % of the chat
    assert phone.results["at_once"].difference.value == pytest.approx(0)
    assert phone.results["at_once"].verdict == "no_evidence"


def test_the_stratified_difference_is_that_of_mantel_and_haenszel() -> None:
    # One stratum: 6/10 less 3/10. Sato: P = (100·3 − 100·6) / 400, Q = (6·7 + 3·4) / 40, weight 5.
    found = difference_share_stratified([(ShareSample(3, 10), ShareSample(6, 10))])
    assert found.value == pytest.approx(0.3)
    error = (0.3 * (-0.75) + 1.35) ** 0.5 / 5
    assert found.high == pytest.approx(0.3 + 1.959963984540054 * error)
    assert found.p_value is not None and 0.1 < found.p_value < 0.2
    # Weights 10·30/40 = 7.5 and 20·20/40 = 10: (7.5 · 0.1 + 10 · 0.25) / 17.5.
    two = [(ShareSample(2, 10), ShareSample(9, 30)), (ShareSample(5, 20), ShareSample(10, 20))]
    assert difference_share_stratified(two).value == pytest.approx(3.25 / 17.5)
    assert difference_share_stratified([(ShareSample(0, 0), ShareSample(1, 2))]).value is None


@pytest.mark.django_db
def test_costs_of_contacts_are_of_one_currency() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    for name, currency, costs in (("A", "EUR", [2.0, 4.0]), ("B", "USD", [90.0]), ("C", "EUR", [6.0])):
        points = tuple(Touchpoint(f"t{n}", "T", channel="chat", cost=cost) for n, cost in enumerate(costs))
        definition = MapDefinition(currency=currency, stages=(Stage("s", "S", points),))
        create_map(workspace=workspace, name=name, definition=definition, by=owner)
    assert costs_of(workspace) == ({"chat": 4.0}, "EUR")  # (2 + 4 + 6) / 3; dollars are not added to it
