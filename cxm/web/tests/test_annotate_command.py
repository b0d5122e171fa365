"""`cxm annotate`: everything anew by one command, and what the server does by itself."""

from __future__ import annotations

import threading
import time
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from cxm.record.eventlog.models import FollowCursor
from cxm.record.eventlog.texts import NAME, Annotation, annotations_of
from cxm.testing.cast import answer, given_events, make_user, make_workspace
from cxm.understand.text.annotating import Annotator
from cxm.understand.text.models import Rereading
from cxm.web.process import text_loop


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("annotate", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_reads_everything_anew_or_goes_on() -> None:
    workspace = make_workspace()
    make_workspace("Other", owner=make_user("other@example.com"))
    events = [answer(workspace, 9, comment="Great service") for _ in range(3)]
    given_events(events)
    with pytest.raises(CommandError, match="There is no workspace"):
        said("--workspace", "nobody")
    assert not Rereading.objects.exists()
    assert said("--workspace", workspace.slug) == "3 texts were read anew.\n"
    before = annotations_of(workspace.pk, [one.event_id for one in events])
    assert len(before) == 3
    row = Rereading.objects.get()
    assert said("--workspace", workspace.slug, "--resume") == "3 texts were read anew.\n"  # done: it begins anew
    assert Rereading.objects.get().wanted_at > row.wanted_at
    Rereading.objects.update(done_at=None, positions={}, total=None, done=0)
    wanted = Rereading.objects.get().wanted_at
    assert "3 texts" in said("--workspace", workspace.slug, "--resume")
    assert Rereading.objects.get().wanted_at == wanted
    said()
    assert Rereading.objects.filter(done_at=None).count() == 0
    assert Rereading.objects.count() == 2
    after = annotations_of(workspace.pk, [one.event_id for one in events])
    assert all(after[key].version > before[key].version for key in before)


@pytest.mark.django_db(transaction=True)
def test_the_server_reads_new_texts_within_a_moment(settings: object) -> None:
    workspace = make_workspace()
    loop = text_loop("p", alone=True)
    loop.start()
    try:
        one = answer(workspace, 1, comment="Terrible, it is broken")
        given_events([one])
        found: dict[UUID, Annotation] = {}
        until = time.monotonic() + 30
        while not found and time.monotonic() < until:
            time.sleep(0.2)
            found = annotations_of(workspace.pk, [one.event_id])
        assert found
    finally:
        loop.stop()
        loop.join(30)
    assert not loop.is_alive()
    # The lease is given back: the next one takes it at once.
    cursor = FollowCursor.objects.get(name=NAME)
    assert cursor.holder == "p"
    assert Annotator("q").annotate_due()
    assert threading.active_count() >= 1
    connections.close_all()
