"""Webhooks leave signed, at least once, and as often as the standard says; a dead endpoint delays no other."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError
from svix.webhooks import Webhook as SvixWebhook

from cxm.accounts.models import AuditEntry, User, Workspace
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.models import Delivery
from cxm.listen.channels.webhook_models import WebhookAttempt, WebhookEndpoint, WebhookMessage, WebhookSecret
from cxm.listen.channels.webhooks import actions, outcomes
from cxm.listen.channels.webhooks.sending import ALTOGETHER, EACH, OF_FAILING, Courier, give_up_claims, share_out
from cxm.listen.channels.webhooks.signing import sign
from cxm.testing.cast import at, make_customer, make_user, make_workspace
from cxm.testing.receiver import Answer, Posted, Receiver, receiver

pytestmark = pytest.mark.django_db

State = WebhookMessage.State
HAPPENED = at("2026-03-01 12:00")
PATIENCE = 60  # seconds, for a slow machine


@pytest.fixture
def box(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]
    with receiver() as box:
        yield box


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def workspace(owner: User) -> Workspace:
    return make_workspace(owner=owner)


@pytest.fixture
def courier() -> Iterator[Courier]:
    courier = Courier("host-1/webhooks", timeout=10)
    yield courier
    courier.close(0)


def make_endpoint(workspace: Workspace, url: str, owner: User, **more: Any) -> WebhookEndpoint:
    return actions.create_endpoint(workspace=workspace, url=url, by=owner, **more)[0]


def tell(workspace: Workspace, n: int = 1, kind: str = "case.created", **more: Any) -> int:
    with transaction.atomic():
        return sum(
            actions.tell(workspace=workspace, type=kind, data={"number": number}, at=HAPPENED, **more)
            for number in range(n)
        )


def until(courier: Courier, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it stands still"
        if not courier.step():
            actions.waiting.wait(0.02)
            actions.waiting.clear()


def send(courier: Courier) -> None:
    """All that is due, once, and written down."""
    due = WebhookMessage.objects.filter(state=State.WAITING, next_at__lte=timezone.now(), endpoint__off_at=None)
    until(courier, lambda: not due.exists() and courier.in_progress == 0)


def now_due(*, minutes_ago: float = 0) -> None:
    WebhookMessage.objects.filter(state=State.WAITING).update(next_at=timezone.now() - timedelta(minutes=minutes_ago))


def verified(posted: Posted, secret: str) -> Any:
    """What both published receivers make of it; they raise for a wrong signature."""
    SvixWebhook(secret).verify(posted.body, posted.headers)
    return Webhook(secret).verify(posted.body, posted.headers)


def test_the_vector_of_the_standard() -> None:
    # interfaces.md 5.6, computed there by hand and by standardwebhooks 1.1.0
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        b'{"test": 2432232314}',
    )  # fmt: skip
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_published_receivers_verify_every_message_through_a_rotation(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    endpoint, first = actions.create_endpoint(workspace=workspace, url=box.url(), by=owner)
    assert tell(workspace, 3) == 3
    send(courier)
    told = [verified(one, first.secret) for one in box.posted]
    assert sorted(told, key=lambda one: int(one["data"]["number"])) == [
        {"type": "case.created", "timestamp": "2026-03-01T12:00:00.000Z", "data": {"number": number}}
        for number in range(3)
    ]
    assert len({one.headers["webhook-id"] for one in box.posted}) == 3
    assert all("." not in one.headers["webhook-id"] for one in box.posted)
    assert box.posted[0].headers["content-type"] == "application/json"
    assert box.posted[0].headers["user-agent"].startswith("OpenCXM/")

    second = actions.rotate(endpoint=endpoint, by=owner, overlap=timedelta(hours=1))
    assert second.secret != first.secret
    tell(workspace)
    send(courier)
    verified(box.posted[3], first.secret), verified(box.posted[3], second.secret)
    assert box.posted[3].headers["webhook-signature"].count("v1,") == 2

    WebhookSecret.objects.filter(pk=first.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    third = actions.rotate(endpoint=endpoint, by=owner, scheme="v1a", overlap=timedelta(hours=1))
    tell(workspace)
    send(courier)
    with pytest.raises(WebhookVerificationError):
        verified(box.posted[4], first.secret)
    verified(box.posted[4], second.secret)  # a v1a signature beside it disturbs nobody
    check_v1a(box.posted[4], third.public)
    assert third.public.startswith("whpk_")

    actions.rotate(endpoint=endpoint, by=owner, scheme="v1", overlap=timedelta(0))
    tell(workspace)
    send(courier)
    assert box.posted[5].headers["webhook-signature"].count(",") == 1, "no overlap ends all secrets before"
    assert set(WebhookMessage.objects.values_list("state", "attempts")) == {(State.DELIVERED, 1)}
    assert set(WebhookAttempt.objects.values_list("status", "error", "number")) == {(204, "", 1)}
    assert not AuditEntry.objects.filter(changes__icontains="whs").exists()


def check_v1a(posted: Posted, public: str) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    [text] = [one[4:] for one in posted.headers["webhook-signature"].split() if one.startswith("v1a,")]
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode()
    key.verify(base64.b64decode(text), signed + posted.body)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(text), signed + posted.body + b" ")


def test_an_endpoint_hears_of_what_it_wants_once(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    make_endpoint(workspace, box.url("/cases"), owner, types=["case"])
    make_endpoint(workspace, box.url("/closed"), owner, types=["case.closed", "mine.of_tea"])
    make_endpoint(workspace, box.url("/all"), owner)
    off = make_endpoint(workspace, box.url("/off"), owner)
    actions.switch_off(endpoint=off, by=owner)
    make_endpoint(make_workspace("Other", owner=owner), box.url("/other"), owner)
    assert tell(workspace, kind="case.closed", key="event 7") == 3
    tell(workspace, kind="case.closed", key="event 7")
    tell(workspace, kind="casework")
    tell(workspace, kind="mine.of_tea")
    with pytest.raises(ValueError):
        tell(workspace, kind="no type!")
    with pytest.raises(ValueError):
        actions.body_of("a", HAPPENED, {"t": "x" * 21_000})
    send(courier)
    heard = {path: sorted(json.loads(one.body)["type"] for one in box.at(path)) for path in
             ("/cases", "/closed", "/all", "/off", "/other")}  # fmt: skip
    assert heard == {
        "/cases": ["case.closed"], "/closed": ["case.closed", "mine.of_tea"],
        "/all": ["case.closed", "casework", "mine.of_tea"], "/off": [], "/other": [],
    }  # fmt: skip
    ids = {one.headers["webhook-id"] for one in box.posted if b"case.closed" in one.body}
    assert len(ids) == 1, "one event has one id, whoever hears of it"


def test_a_failed_message_is_tried_ten_times_in_three_days_under_one_id(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    # A redirect is a failure, too, and is not followed.
    said = [500, 302, 404, 503, 400, 401, 500, 500, 500, 500]
    box.answer = lambda _one: Answer(said[len(box.posted) - 1], {"Location": box.url("/elsewhere")}, b"not\x00 now")
    endpoint = make_endpoint(workspace, box.url(), owner)
    tell(workspace)
    waits = []
    for number in range(10):
        send(courier)
        message = WebhookMessage.objects.get()
        assert message.attempts == number + 1
        waits.append((message.next_at - timezone.now()).total_seconds())
        WebhookEndpoint.objects.update(rests_until=None)
        if number < 9:
            assert message.state == State.WAITING
            now_due()
    assert message.state == State.FAILED
    assert box.at("/elsewhere") == []
    planned = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]  # 5 s … 24 h
    assert all(0.9 * one - 3 < wait <= 1.1 * one for one, wait in zip(planned, waits, strict=False))
    assert sum(planned) == pytest.approx(75.6 * 3600, rel=0.001)
    assert len({one.headers["webhook-id"] for one in box.posted}) == 1
    assert [one.status for one in WebhookAttempt.objects.order_by("pk")] == said
    assert WebhookAttempt.objects.first().answer == "not now"  # type: ignore[union-attr]  # there are ten
    endpoint.refresh_from_db()
    assert endpoint.failing_since and endpoint.off_at is None, "it has failed for seconds, not for days"

    box.answer = lambda _one: None
    actions.replay(message=message, by=owner)
    send(courier)
    assert len({one.headers["webhook-id"] for one in box.posted}) == 1
    assert WebhookMessage.objects.get().state == State.DELIVERED
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_a_pause_that_is_asked_for_is_given_to_the_whole_endpoint(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    box.answer = lambda _one: Answer(429, {"Retry-After": "600"})
    endpoint = make_endpoint(workspace, box.url(), owner)
    WebhookEndpoint.objects.update(failing_since=timezone.now())  # so that one request is made at a time
    tell(workspace, 3)
    until(courier, lambda: len(box.posted) == 1 and courier.in_progress == 0)
    assert courier.step() == 0, "the others wait without losing an attempt"
    assert sorted(WebhookMessage.objects.values_list("attempts", flat=True)) == [0, 0, 1]
    endpoint.refresh_from_db()
    assert endpoint.rests_until is not None
    assert 590 < (endpoint.rests_until - timezone.now()).total_seconds() <= 600
    tried = WebhookMessage.objects.get(attempts=1)
    assert 590 < (tried.next_at - timezone.now()).total_seconds() <= 600, "not after 5 seconds"
    now = at("2026-03-01 12:00")
    asked = ["120", "Sun, 01 Mar 2026 12:02:00 GMT", "99999999999", "-5", "soon", "Sun, 01 Mar 2020 12:00:00 GMT", ""]
    seconds = [outcomes.asked_pause(one, now).total_seconds() for one in asked]
    assert seconds == [120, 120, 86_400, 0, 0, 0, 0]


def test_an_endpoint_that_is_gone_is_switched_off_and_its_owner_told(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    box.answer = lambda _one: Answer(410)
    endpoint = make_endpoint(workspace, box.url(), owner)
    WebhookEndpoint.objects.update(failing_since=timezone.now())
    tell(workspace, 3)
    send(courier)
    endpoint.refresh_from_db()
    assert (endpoint.off_reason, len(box.posted)) == ("gone", 1)
    assert set(WebhookMessage.objects.values_list("state", flat=True)) == {"cancelled"}
    assert tell(workspace) == 0
    [mail] = Delivery.objects.all()
    assert (mail.to, mail.message["bulk"]) == (owner.email, False)
    assert endpoint.url in mail.message["text"] and f"/webhooks/{endpoint.pk}/" in mail.message["text"]
    with pytest.raises(Refused):
        actions.send_test(endpoint=endpoint, by=owner)

    box.answer = lambda _one: None
    actions.switch_on(endpoint=endpoint, by=owner)
    since = HAPPENED - timedelta(minutes=1)
    assert actions.replay_range(endpoint=endpoint, since=since, until=HAPPENED, by=owner) == 0
    assert actions.replay_range(endpoint=endpoint, since=since, until=HAPPENED + timedelta(seconds=1), by=owner) == 3
    send(courier)
    assert set(WebhookMessage.objects.values_list("state", flat=True)) == {State.DELIVERED}
    assert actions.replay_range(
        endpoint=endpoint, since=since, until=timezone.now(), delivered=True, by=owner
    ) == 3  # fmt: skip


def test_an_endpoint_that_fails_for_days_is_told_of_then_switched_off_and_loses_nothing(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    box.answer = lambda _one: Answer(500)
    endpoint = make_endpoint(workspace, box.url(), owner)
    tell(workspace)
    WebhookMessage.objects.update(attempts=6)
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(hours=25))
    for _twice in range(2):
        send(courier)
        now_due()
    assert [one.message["subject"] for one in Delivery.objects.all()] == [
        f"The webhook endpoint “{endpoint.url}” takes no messages"
    ], "told once"
    WebhookMessage.objects.update(attempts=9)
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(hours=80))
    tell(workspace)
    send(courier)
    endpoint.refresh_from_db()
    assert endpoint.off_reason == "failing"
    assert Delivery.objects.count() == 2
    assert tell(workspace, 2) == 2, "what happens meanwhile is kept for it"
    assert courier.step() == 0

    box.answer = lambda _one: None
    actions.switch_on(endpoint=endpoint, by=owner)
    send(courier)
    assert WebhookMessage.objects.filter(state=State.DELIVERED).count() == 3
    assert WebhookMessage.objects.filter(state=State.FAILED).count() == 1


def test_dead_endpoints_delay_no_other(box: Receiver, workspace: Workspace, owner: User) -> None:
    courier = Courier("host-1/webhooks", timeout=PATIENCE)
    box.answer = lambda one: Answer(wait_s=2 * PATIENCE) if one.path.startswith("/dead") else None
    dead = 20
    WebhookEndpoint.objects.bulk_create(
        [WebhookEndpoint(workspace=workspace, url=box.url(f"/dead{n}"), types=["dead"]) for n in range(dead)]
    )
    tell(workspace, EACH, kind="dead")
    until(courier, lambda: courier.step() == 0 and courier.in_progress > 0)
    assert courier.in_progress == ALTOGETHER // 2, "twenty that died at once leave half of the room for others"
    make_endpoint(workspace, box.url("/alive"), owner, types=["alive"])
    tell(workspace, 100, kind="alive")
    until(courier, lambda: WebhookMessage.objects.filter(state=State.DELIVERED).count() == 100)
    assert len(box.at("/alive")) == 100
    assert WebhookAttempt.objects.count() == 100, "no dead one has even ended"
    courier.close(0)
    assert not WebhookMessage.objects.filter(state=State.SENDING).exists()
    assert set(WebhookMessage.objects.filter(type="dead").values_list("state", "attempts")) == {(State.WAITING, 0)}


def test_room_is_shared_out() -> None:
    one, two, three = (UUID(int=n) for n in (1, 2, 3))
    assert share_out([one, two], [two], {}) == {one: EACH, two: 1}
    assert share_out([one, two], [two], {one: 5, two: 1}) == {one: 3}
    assert share_out([one, two], [], {three: 99}) == {one: 1, two: 1}, "beyond the half one each"
    assert share_out([one, two], [], {three: 199}) == {one: 1}
    assert share_out([one, two], [one], {}, other_failing=OF_FAILING) == {two: EACH}


def test_what_a_killed_process_was_sending_is_sent_again(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    make_endpoint(workspace, box.url(), owner)
    tell(workspace, 2)
    WebhookMessage.objects.update(state=State.SENDING, claimed_by="host-0/webhooks", attempts=1)
    assert give_up_claims(lambda _name: True) == 0
    assert give_up_claims(lambda _name: False) == 2
    send(courier)
    assert set(WebhookMessage.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_who_is_erased_leaves_no_message_and_old_ones_go(
    box: Receiver, workspace: Workspace, owner: User, courier: Courier
) -> None:
    make_endpoint(workspace, box.url(), owner)
    ada = make_customer(workspace)
    tell(workspace, customer=ada)
    tell(workspace, 2)
    ada.delete()
    assert WebhookMessage.objects.count() == 2
    send(courier)
    WebhookMessage.objects.filter(pk=WebhookMessage.objects.first().pk).update(  # type: ignore[union-attr]  # there are two
        created_at=timezone.now() - timedelta(days=31)
    )
    assert actions.forget_old() == 1
    assert (WebhookMessage.objects.count(), WebhookAttempt.objects.count()) == (1, 1)
