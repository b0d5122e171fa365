"""Numbers by what comments say: filters, breakdowns and net sentiment."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.record.eventlog.scope import Filter, Scope, UnknownField
from cxm.record.eventlog.texts import Annotation, texts_by_id, write_annotations
from cxm.testing.cast import answer, at, given_events, make_user, make_workspace
from cxm.understand.metrics.asking import read_filters
from cxm.understand.metrics.behind import answers_behind
from cxm.understand.metrics.fields import fields
from cxm.understand.metrics.queries import measure
from cxm.understand.text.models import Topic

pytestmark = pytest.mark.django_db


def read_as(sentiment: str, topics: tuple[str, ...] = (), *, version: int = 1, effort: bool = False) -> dict[str, Any]:
    return {
        "version": version, "model": "m", "language": "en", "script": "", "sentiment": sentiment,
        "sentiment_score": 0.0, "emotion": "none", "intent": "", "effort": effort, "urgent": False, "topics": topics,
        "topic_sentiments": tuple(0.0 for _ in topics), "personal": (), "tags": "{}",
    }  # fmt: skip


def test_scores_by_topic_and_sentiment_of_their_comments() -> None:
    workspace = make_workspace()
    said = [
        (10, "good", read_as("positive", ("staff",))),
        (9, "nice, but late", read_as("mixed", ("delivery", "staff"))),
        (0, "late", read_as("negative", ("delivery",), effort=True)),
        (3, "bad", read_as("negative")),
        (5, "qwerty", None),  # not read yet
        (10, "", None),
    ]
    events = [answer(workspace, score, f"2026-03-0{n + 1} 12:00", comment=text)
              for n, (score, text, _reading) in enumerate(said)]  # fmt: skip
    given_events(events)
    for one, (_score, _text, reading) in zip(events, said, strict=True):
        if reading:
            [text] = texts_by_id(workspace.pk, [one.event_id])
            whose = {name: getattr(text, name)
                     for name in ("workspace_id", "event_id", "customer_id", "occurred_at", "import_id")}  # fmt: skip
            write_annotations(
                [Annotation(**whose, **read_as("neutral")), Annotation(**whose, **{**reading, "version": 2})]
            )
    scope = Scope(workspace.pk)

    def by(field: str, metric: str = "nps") -> dict[str, tuple[float | None, int]]:
        return {one.by: (one.value, one.n) for one in measure(metric, scope, by=field)}

    # delivery: 9 and 0; staff: 10 and 9, the answer with two topics counts in both; none: 3, 5 and 10
    assert by("text.topic") == {
        "delivery": (0.0, 2), "staff": (100.0, 2), "": (pytest.approx(100 * (1 - 2) / 3), 3)
    }  # fmt: skip
    assert by("text.sentiment") == {"positive": (100.0, 1), "mixed": (100.0, 1), "negative": (-100.0, 2), "": (0.0, 2)}
    assert by("text.effort") == {"yes": (-100.0, 1), "no": (pytest.approx(100 / 3), 3), "": (0.0, 2)}

    def n(*filters: Filter, metric: str = "nps") -> int:
        return measure(metric, scope.where(*filters))[0].n

    assert n(Filter("text.topic", "is", ("delivery", "price"))) == 2
    assert n(Filter("text.topic", "is_not", ("delivery",))) == 4
    assert n(Filter("text.topic", "is", ("",))) == 3
    assert n(Filter("text.topic", "contains", ("STAF",))) == 2
    assert n(Filter("text.topic", "is_set")) == 3
    assert n(Filter("text.sentiment", "is", ("negative",)), Filter("channel", "is", ("",))) == 2
    # A topic counts with all below it, and with what was merged into those: service has staff below it.
    service = Topic.objects.create(workspace=workspace, key="service")
    staff = Topic.objects.create(workspace=workspace, key="staff", parent=service)
    assert n(*read_filters(["text.topic:is:service"], workspace.pk)) == 2
    assert n(*read_filters(["text.topic:is_not:service"], workspace.pk)) == 4
    Topic.objects.create(workspace=workspace, key="delivery", merged_into=staff)
    assert n(*read_filters(["text.topic:is:service", "text.topic:is:"], workspace.pk)) == 6  # of two values, either
    assert n(*read_filters(["text.topic:is:service"], make_workspace("Other", make_user("o@example.com")).pk)) == 0
    with pytest.raises(UnknownField):
        n(Filter("text.topic", "at_least", ("1",)))
    with pytest.raises(UnknownField):
        measure("orders", scope, by="text.topic")
    # Net sentiment: 1 positive, 2 negative of 4 that were read. On the second and third day: 1 of 2 is negative.
    (net,) = measure("sentiment", scope)
    assert (net.value, net.n, dict(net.parts)) == (-25.0, 4, {"positive": 1, "neither": 1, "negative": 2})
    (negative,) = measure("negative_texts", Scope(workspace.pk, since=at("2026-03-02"), until=at("2026-03-04")))
    assert (negative.value, negative.n) == (50.0, 2)
    assert by("text.topic", "sentiment") == {"delivery": (-50.0, 2), "staff": (50.0, 2), "": (-100.0, 1)}
    assert answers_behind("sentiment", scope).total == 4
    assert answers_behind("nps", scope.where(Filter("text.topic", "is", ("staff",)))).total == 2
    offered = {one.field: one.values for one in fields(workspace.pk, ("feedback",)).fields["feedback"]}
    assert sorted(offered["text.topic"]) == [("delivery", 2), ("staff", 2)]
    assert offered["text.effort"][0] == ("no", 3)
