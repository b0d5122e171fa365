"""A group of a breakdown is set against the records that are not in it, also where a record is in several groups."""

from __future__ import annotations

import pytest
from django.utils import timezone

from cxm.record.eventlog.scope import Scope
from cxm.record.eventlog.texts import Annotation, texts_by_id, write_annotations
from cxm.steer.dashboards.breakdown import groups
from cxm.testing.cast import answer, given_events, make_workspace
from cxm.understand.metrics.registry import metric_called

pytestmark = pytest.mark.django_db


def test_an_answer_with_two_topics_is_not_on_both_sides() -> None:
    """Ten who speak of delivery and staff give 0, ten who speak of staff alone give 10."""
    workspace = make_workspace()
    sad = [answer(workspace, 0, "2026-03-01 12:00", comment="late and rude") for _ in range(10)]
    glad = [answer(workspace, 10, "2026-03-02 12:00", comment="kind") for _ in range(10)]
    given_events([*sad, *glad])
    for some, topics in ((sad, ("delivery", "staff")), (glad, ("staff",))):
        for text in texts_by_id(workspace.pk, [one.event_id for one in some]):
            write_annotations([
                Annotation(
                    workspace_id=workspace.pk, event_id=text.event_id, customer_id=text.customer_id,
                    occurred_at=text.occurred_at, import_id=text.import_id, version=1, model="m", language="en",
                    script="", sentiment="neutral", sentiment_score=0.0, emotion="none", intent="", effort=False,
                    urgent=False, topics=topics, topic_sentiments=tuple(0.0 for _ in topics), personal=(), tags="{}",
                )
            ])  # fmt: skip
    figures, changes = groups(
        metric_called("nps"), Scope(workspace.pk), "text.topic", weighted=False, options={}, now=timezone.now()
    )
    assert {one.by: (one.value, one.n) for one in figures} == {"delivery": (-100.0, 10), "staff": (0.0, 20)}
    against = {by: (change.difference, change.n_before, change.n_after) for by, change in changes.items()}
    assert against["delivery"] == (-200.0, 10, 10)  # not against all twenty who speak of staff
    assert against["staff"] == (None, 0, 20)  # nobody speaks of anything else
