"""Every text is read once, whatever comes in between; all are read anew when that is wanted."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Question
from cxm.record.eventlog import texts as log_texts
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.forget import forget_customer, forget_import
from cxm.record.eventlog.models import FollowCursor
from cxm.record.eventlog.rebuild import rebuild
from cxm.record.eventlog.repair import repair
from cxm.record.eventlog.texts import annotations_of, write_annotations
from cxm.testing.answered import make_survey
from cxm.testing.cast import answer, event, given_events, make_user, make_workspace
from cxm.understand.text import annotating, understanding
from cxm.understand.text.annotating import Annotator, annotate_events, annotate_workspace, reading_of
from cxm.understand.text.reading.reading import Reading, Sentence, Span, Tag
from cxm.understand.text.rereading import read_again, rereading_of

pytestmark = pytest.mark.django_db


def rows_of(workspace: Workspace) -> list[tuple[Any, ...]]:
    with engine().client() as client:
        return list(
            map(
                tuple,
                client.query(
                    "SELECT event_id, sentiment, version, corrected FROM annotations FINAL"
                    " WHERE workspace_id = {w:UInt32} ORDER BY occurred_at, event_id",
                    parameters={"w": workspace.pk},
                ).result_rows,
            )
        )


def pass_by_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the cursor stand behind the texts of the tests before: there may be tens of thousands."""
    with monkeypatch.context() as patched:
        patched.setattr(annotating, "annotate_texts", lambda *_texts, **_options: True)
        before = Annotator("before")
        assert before.annotate_due()
        before.end()


def test_each_text_is_read_once_and_anew_when_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, other = make_workspace(), make_workspace("Other", owner=make_user("other@example.com"))
    pass_by_what_is_there(monkeypatch)
    whole = log_texts.AT_ONCE
    monkeypatch.setattr(log_texts, "AT_ONCE", 3)  # stretches that end in the middle of a block
    good = [answer(workspace, 9, f"2026-03-01 12:{n:02d}", comment="Thank you, great service!") for n in range(5)]
    bad = event(workspace, "review_received", "2025-01-01 10:00", metric="rating", comment="Bad. Slow and broken.")
    silent = answer(workspace, 3)
    given_events([*good, bad, silent, answer(other, 9, comment="good")])
    reads: list[str] = []
    understand = understanding.understand

    def counting(workspace_id: int, texts: list[str], questions: list[str], points: object) -> list[Reading]:
        reads.extend(texts if workspace_id == workspace.pk else [])
        if workspace_id not in {workspace.pk, other.pk}:  # of another test
            return [Reading()] * len(texts)
        return understand(workspace_id, texts, questions)

    monkeypatch.setattr(annotating, "understand", counting)
    annotator = Annotator("p")
    assert annotator.annotate_due()
    rows = rows_of(workspace)
    assert [row[1] for row in rows] == ["negative", *["positive"] * 5]  # the answer without words has none
    assert rows[0][0] == bad.event_id
    assert len(reads) == 6
    # Seen again, from the start or under other block numbers, nothing is read twice.
    FollowCursor.objects.filter(name=log_texts.NAME).update(positions={})
    annotator.end()
    monkeypatch.setattr(log_texts, "AT_ONCE", whole)
    rebuild()
    assert Annotator("q").annotate_due()
    assert len(reads) == 6
    assert not Annotator("r").annotate_due()  # q holds the lease
    # A reading that was wanted reads all of this workspace again; what a person has corrected holds for it too.
    said: dict[uuid.UUID, Any] = {bad.event_id: lambda reading: replace(reading, sentiment="neutral")}
    monkeypatch.setattr(annotating, "corrections_for", lambda _workspace, _ids: said)
    monkeypatch.setattr(log_texts, "AT_ONCE", 3)
    row = read_again(workspace)
    reads.clear()
    stopped = iter([False, False, False, True])
    Annotator("q").annotate_due(lambda: next(stopped, True))  # the process ends in the middle
    row.refresh_from_db()
    assert row.done_at is None
    assert row.total == 6
    assert Annotator("q").annotate_due()
    assert len(reads) == 6
    found = rereading_of(workspace)
    assert found is not None
    assert (found.done, found.percent) == (6, 100.0)
    newer = rows_of(workspace)
    assert [row[1] for row in newer] == ["neutral", *["positive"] * 5]
    assert all(after[2] > before[2] for before, after in zip(rows, newer, strict=True))
    assert rows_of(workspace)[0][3] == 1
    # A correction that is taken back is read anew at once.
    said.clear()
    assert annotate_events(workspace.pk, [bad.event_id, silent.event_id]) == 1
    assert rows_of(workspace)[0][1::2] == ("negative", 0)


def test_what_is_erased_loses_its_annotation_and_gets_no_new_one() -> None:
    workspace = make_workspace()
    someone, brought = uuid.uuid4(), uuid.uuid4()
    first = answer(workspace, 9, comment="great", customer_id=someone)
    second = answer(workspace, 9, comment="bad")
    second = second.__class__(**{**{name: getattr(second, name) for name in second.__struct_fields__},
                                 "import_id": brought})  # fmt: skip
    third = answer(workspace, 9, comment="good")
    given_events([first, second, third])
    assert annotate_workspace(workspace.pk) == 3
    assert annotate_workspace(workspace.pk) == 0
    rows = list(annotations_of(workspace.pk, [first.event_id, second.event_id]).values())
    forget_customer(workspace.pk, [someone])
    forget_import(workspace.pk, brought)
    assert [row[0] for row in rows_of(workspace)] == [third.event_id]
    assert write_annotations(rows) == 0  # they were read before the erasure, and come too late
    # On a server another process may be that late all the same: what has no event goes.
    lines = annotating._encoder.encode(rows[0])
    with engine().client() as client:
        client.raw_insert("annotations", insert_block=lines, fmt="JSONEachRow",
                          settings={"date_time_input_format": "best_effort"})  # fmt: skip
    repair()
    assert [row[0] for row in rows_of(workspace)] == [third.event_id]


def test_one_text_that_cannot_be_read_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    events = [answer(workspace, 9, comment=text) for text in ("good", "poison", "bad")]
    given_events(events)
    understand = understanding.understand

    def failing(workspace_id: int, texts: list[str], questions: list[str], points: object) -> list[Reading]:
        if "poison" in texts:
            raise ZeroDivisionError
        return understand(workspace_id, texts, questions)

    monkeypatch.setattr(annotating, "understand", failing)
    annotate_workspace(workspace.pk)
    found = annotations_of(workspace.pk, [one.event_id for one in events])
    assert [found[one.event_id].sentiment for one in events] == ["positive", "", "negative"]


def test_a_reading_is_kept_whole() -> None:
    workspace = make_workspace()
    one = answer(workspace, 9, comment="Late again. Nice courier.")
    given_events([one])
    reading = Reading(
        language="en", supported=True, sentiment="mixed", score=0.125, emotion="anger", intent="complaint",
        effort=True, urgent=False, model="m", emotions={"anger": 0.5},
        sentences=(Sentence(0, 12, "en", "negative", -0.75), Sentence(12, 25, "en", "positive", 0.5)),
        tags=(Tag("topic", "delivery", 0.875, (Span(0, 4), Span(17, 24))), Tag("topic", "staff", 0.5, (Span(17, 24),)),
              Tag("topic", "all", 0.5), Tag("personal", "phone", 1.0, (Span(0, 4),))),
    )  # fmt: skip
    [text] = log_texts.texts_by_id(workspace.pk, [one.event_id])
    [felt] = annotating.feelings_of([text.comment], [reading])
    write_annotations([annotating.annotation(text, reading, felt, "m", 5)])
    [row] = annotations_of(workspace.pk, [one.event_id]).values()
    assert reading_of(row) == reading
    # delivery: in both sentences, (−0.75 + 0.5) / 2; staff: in the second; a topic without a place: the whole text
    assert dict(zip(row.topics, row.topic_sentiments, strict=True)) == {"delivery": -0.125, "staff": 0.5, "all": 0.125}
    assert row.personal == ("phone",)


def test_a_text_is_read_beside_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    title = {"en": "What can we do better?", "pl": "Co możemy poprawić?"}
    make_survey(workspace, Question(id="q", kind="nps", title=title), key="after")
    given_events(
        [
            answer(workspace, 9, "2026-03-01 12:00", comment="a", survey="after", question="q", question_version=1,
                   language="pl"),
            answer(workspace, 9, "2026-03-01 12:01", comment="b", survey="elsewhere", question="q", question_version=1),
            answer(workspace, 9, "2026-03-01 12:02", comment="c", question="Any wishes?"),
        ]
    )  # fmt: skip
    asked: dict[str, str] = {}

    def understand(workspace_id: int, texts: list[str], questions: list[str], points: object) -> list[Reading]:
        asked.update(zip(texts, questions, strict=True))
        return [Reading() for _ in texts]

    monkeypatch.setattr(annotating, "understand", understand)
    annotate_workspace(workspace.pk)
    assert asked == {"a": "Co możemy poprawić?", "b": "q", "c": "Any wishes?"}
