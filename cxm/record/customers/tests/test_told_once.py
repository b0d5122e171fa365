"""What a transaction changes of many customers is told to the log in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from cxm.record.customers import snapshot
from cxm.record.customers.marks import tag
from cxm.testing.cast import make_customer, make_user, make_workspace

pytestmark = pytest.mark.django_db
Capture = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


def test_a_transaction_is_told_once_and_what_did_not_hold_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Capture
) -> None:
    told: list[Sequence[UUID]] = []
    monkeypatch.setattr(snapshot, "put_snapshot", lambda _workspace, customers, _names: told.append(sorted(customers)))
    owner = make_user()
    workspace = make_workspace(owner=owner)
    ann, bob, cid = (make_customer(workspace, name=name) for name in ("Ann", "Bob", "Cid"))
    with django_capture_on_commit_callbacks(execute=True):
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # the first to be told of, and taken back
            tag(workspace=workspace, customers=[ann], name="vip", by=owner)
            raise ZeroDivisionError
        tag(workspace=workspace, customers=[bob], name="vip", by=owner)
        tag(workspace=workspace, customers=[cid], name="new", by=owner)
        assert told == []
    assert told == [sorted([bob.pk, cid.pk])]
    with django_capture_on_commit_callbacks(execute=True):
        tag(workspace=workspace, customers=[ann], name="vip", by=owner)
    assert told[1:] == [[ann.pk]]
