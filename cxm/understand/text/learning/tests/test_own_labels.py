"""A firm trains heads of its own on what its customers rated, uses them, and goes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import answer, event, given_events, make_member, make_user, make_workspace
from cxm.understand.text import own
from cxm.understand.text.learning import running
from cxm.understand.text.learning.fitting import Names
from cxm.understand.text.learning.labels import Label, labels_of, once, said_by
from cxm.understand.text.learning.training import (
    compare,
    folds_of,
    macro_f1,
    packed,
    study,
    train_heads,
    unpacked,
)
from cxm.understand.text.models import Correction, OwnModel, Rereading
from cxm.understand.text.reading.heads import Heads
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.understanding import understand, version_of
from cxm.web import tables

GOOD = ("the grommet clicks nicely", "grommet fits", "clicks and fits, splendid grommet")
BAD = ("the flange rattles", "my flange leaks again", "rattles, leaks, that flange")
PLAIN = ("grommet and flange arrived on Monday", "the parcel holds a flange", "I ordered one grommet")


@dataclass(frozen=True)
class Id:
    event_id: UUID


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    own.forget_loaded()
    yield
    own.forget_loaded()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return make_workspace()


@pytest.fixture
def analyst(workspace: Workspace) -> User:
    return make_member(workspace, Role.ANALYST, "ana@example.com")


def given_labels(workspace: Workspace, each: int) -> None:
    """`each` texts of each label, in words that no shipped lexicon knows; every text is another."""
    given_events(
        answer(workspace, score, metric="csat", question="csat", scale="1-5", comment=f"{texts[n % 3]}, number {n}")
        for score, texts in ((5, GOOD), (1, BAD), (3, PLAIN))
        for n in range(each)
    )


def test_scores_become_labels(workspace: Workspace) -> None:
    # 0–10: detractors to 6, promoters from 9. 1–5: 1–2 and 4–5. 1–7: (3 − 1) / 6 = 0.33 is in the middle already.
    said = [said_by("nps", "0-10", score) for score in (0, 6, 7, 8, 9, 10, 11)]
    assert said == ["negative", "negative", "neutral", "neutral", "positive", "positive", ""]
    assert [said_by("csat", "", score) for score in (1, 2, 3, 4, 5)] == [
        *["negative"] * 2,
        "neutral",
        *["positive"] * 2,
    ]
    assert [said_by("rating", "1-7", score) for score in (2, 3, 5, 6)] == ["negative", "neutral", "neutral", "positive"]
    assert [said_by("csat", "-2-2", score) for score in (-2, 0, 2)] == ["negative", "neutral", "positive"]
    given_events([
        answer(workspace, 10, comment="Great", scale="0-10"),
        answer(workspace, 2, metric="ces", question="ces", comment="Hard", scale="1-7"),  # effort is no sentiment
        answer(workspace, None, metric="text", question="why", comment="Slow courier", response_id="r1"),
        answer(workspace, 3, scale="0-10", response_id="r1"),
        answer(workspace, 5, metric="csat", question="shop", scale="1-5", response_id="r1"),  # the promoter score wins
        answer(workspace, None, metric="text", question="why", comment="Which one?", response_id="r2"),
        answer(workspace, 5, metric="csat", question="shop", scale="1-5", response_id="r2"),
        answer(workspace, 1, metric="csat", question="site", scale="1-5", response_id="r2"),  # two scores: nobody knows
        answer(make_workspace("Other", make_user("o@example.com")), 1, comment="Theirs", scale="0-10"),
        event(workspace, "review_received", "2026-03-02 12:00", metric="rating", scale="1-5", score=1, comment="Bad"),
        answer(workspace, 1, comment=" great ", scale="0-10", when="2026-01-01 12:00"),  # an older copy says nothing
    ])  # fmt: skip
    found = {(one.text, one.name, one.source) for one in labels_of(workspace.pk)}
    assert found == {
        ("Great", "positive", "nps"), ("Slow courier", "negative", "nps"), ("Bad", "negative", "rating"),
    }  # fmt: skip
    # What a person said better counts instead of the score; what they took back does not.
    [great] = ask(
        "SELECT event_id FROM feedback WHERE $scope AND comment = 'Great'", Scope(workspace.pk), row=Id, name="t"
    ).rows
    about = {"workspace": workspace, "event_id": great.event_id, "kind": "sentiment"}
    Correction.objects.create(**about, value="mixed")
    Correction.objects.create(**about, value="negative", undone_at=timezone.now())
    Correction.objects.create(**{**about, "kind": "intent"}, value="praise")
    said_of_it = {(one.kind, one.name, one.source) for one in labels_of(workspace.pk) if one.text == "Great"}
    assert said_of_it == {("sentiment", "neutral", "correction"), ("intent", "praise", "correction")}
    corrected = Label("Great", "sentiment", "neutral", "correction")
    assert once([corrected, Label("great", "sentiment", "positive", "nps")]) == [corrected]


def test_a_version_is_trained_compared_used_and_given_up(workspace: Workspace, analyst: User) -> None:
    given_labels(workspace, 80)
    version = own.new_version(workspace=workspace, by=analyst)
    with pytest.raises(own.Refused):
        own.new_version(workspace=workspace, by=analyst)
    running.run(version.pk)
    running.run(version.pk)  # a job that comes twice changes nothing
    version.refresh_from_db()
    assert (version.state, version.number, version.labels, version.progress) == ("ready", 1, {"csat": 240}, 100)
    report = version.report["sentiment"]
    assert report["classes"] == {"positive": 80, "negative": 80, "neutral": 80}
    after, gain = report["all"]["after"], report["all"]["difference"]
    assert after["value"] > 0.95 and after["low"] <= after["value"] <= after["high"] and after["n"] == 240
    assert report["all"]["better"] and gain["low"] > 0 and report["sides"]["after"]["n"] == 160
    # A backup keeps it.
    lines = list(tables.dump(OwnModel))
    OwnModel.objects.all().delete()
    assert tables.load(OwnModel, lines) == 1
    assert bytes(OwnModel.objects.get().weights) == bytes(version.weights) and len(version.weights) > 1000
    # Nothing changes before somebody says so.
    text = "that flange rattles and leaks"
    assert own.heads_of(workspace.pk) is None and understand(workspace.pk, [text])[0].sentiment != "negative"
    with pytest.raises(PermissionDenied):
        own.use_version(version=version, by=make_member(workspace, Role.AGENT, "petro@example.com"))
    assert not OwnModel.objects.filter(is_used=True).exists() and not Rereading.objects.exists()
    own.use_version(version=version, by=analyst)
    own.forget_loaded()
    heads = own.heads_of(workspace.pk)
    assert heads is not None and heads.version == "own1" and "own1" in version_of(workspace.pk)
    assert own.heads_of(workspace.pk) is heads
    chances = heads.heads["sentiment"].probabilities(reader().features([text]))
    assert heads.heads["sentiment"].classes[int(chances[0].argmax())] == "negative"
    assert Rereading.objects.filter(workspace=workspace).exists()
    second = own.new_version(workspace=workspace, by=analyst)
    running.run(second.pk)
    second.refresh_from_db()
    own.use_version(version=second, by=analyst)
    assert list(OwnModel.objects.filter(is_used=True)) == [second]
    own.use_shipped(workspace=workspace, by=analyst)
    own.forget_loaded()
    assert own.heads_of(workspace.pk) is None
    verbs = AuditEntry.objects.filter(subject="ownmodel").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "used", "created", "used", "stopped using"]


def test_too_few_labels_are_refused_with_the_numbers(workspace: Workspace, analyst: User) -> None:
    given_labels(workspace, 20)
    version = own.new_version(workspace=workspace, by=analyst)
    running.run(version.pk)
    version.refresh_from_db()
    assert version.state == "refused" and not version.weights
    assert "60" in version.problem and "200" in version.problem
    with pytest.raises(own.Refused):
        own.use_version(version=version, by=analyst)
    stuck = own.new_version(workspace=workspace, by=analyst)
    OwnModel.objects.filter(pk=stuck.pk).update(created_at=timezone.now() - timedelta(hours=1))
    third = own.new_version(workspace=workspace, by=analyst)
    stuck.refresh_from_db()
    assert (stuck.state, third.number) == ("refused", 3)
    with pytest.raises(PermissionDenied):
        own.new_version(workspace=workspace, by=make_member(workspace, Role.AGENT, "petro@example.com"))


def test_the_comparison_is_that_of_a_naive_count() -> None:
    rng = np.random.default_rng(3)
    names = np.array(["negative", "neutral", "positive"])
    truth = rng.choice(names, 400, p=[0.5, 0.3, 0.2])
    before = np.where(rng.random(400) < 0.6, truth, rng.choice(names, 400))
    after = np.where(rng.random(400) < 0.75, truth, rng.choice(np.array([*names, "mixed"]), 400))

    def naive(said: Names) -> float:
        found = []
        for name in names:
            hits = float(((truth == name) & (said == name)).sum())
            found.append(2 * hits / float((truth == name).sum() + (said == name).sum()))
        return sum(found) / 3

    made = compare(truth, before, after)
    assert made.before.value == pytest.approx(naive(before)) and made.after.value == pytest.approx(naive(after))
    assert made.difference.value == pytest.approx(naive(after) - naive(before))
    # Drawn text by text, the spread of the difference is the same.
    draws = []
    for _draw in range(400):
        chosen = rng.integers(0, 400, 400)
        draws.append([truth[chosen], before[chosen], after[chosen]])
    tables = [[[(t[b == m] == n).sum() for m in names] + [0] for n in names] for t, b, _a in draws]
    spread = np.std(macro_f1(np.array(tables)))
    assert (made.before.high - made.before.low) / 3.92 == pytest.approx(spread, rel=0.15)
    fold = folds_of(truth, 5)
    assert all(np.ptp(np.bincount(fold[truth == name], minlength=5)) <= 1 for name in names)


def test_heads_are_kept_as_bytes_and_rare_kinds_are_left_out() -> None:
    labels = [Label(f"{texts[n % 3]} {n}", "sentiment", name, "csat")
              for name, texts in (("positive", GOOD), ("negative", BAD)) for n in range(120)]  # fmt: skip
    few = [Label(f"please call {n}", "intent", "request", "correction") for n in range(50)]
    assert set(study([*labels, *few])) == {"sentiment"}
    heads = train_heads([*labels, *few], version="x")
    again = unpacked(packed(heads.heads))["sentiment"]
    texts = reader().features(["the grommet clicks", "flange leaks"])
    assert again.classes == ("negative", "positive")
    assert again.probabilities(texts) == pytest.approx(heads.heads["sentiment"].probabilities(texts), abs=0.01)


def test_corrections_of_effort_and_urgency_are_learnt() -> None:
    labels = [
        Label(f"{text}, number {n}", kind, name, "correction")
        for kind in ("effort", "urgency")
        for name, some in (("yes", BAD), ("no", GOOD)) for n in range(120) for text in (some[n % 3],)
    ]  # fmt: skip
    made = study(labels)
    assert set(made) == {"effort", "urgency"}
    # The shipped lexicon knows no flanges: it finds effort in none of the texts, F1 of "no" = 2 · 120 / (120 + 240).
    compared = made["effort"].all_classes
    assert compared.before.value == pytest.approx((2 * 120 / 360) / 2) and compared.better
    heads = Heads("x", {kind: one.head for kind, one in made.items()})
    rattles, fits = reader().read(["that flange rattles and leaks", "it clicks and fits"], heads=heads)
    assert (rattles.effort, rattles.urgent, fits.effort, fits.urgent) == (True, True, False, False)
    assert {tag.kind for tag in rattles.tags if not tag.spans} >= {"effort", "urgency"}
    # What the phrases find, the own head may deny; the other kind stays with its phrases.
    [calm] = reader().read(["Third time I call, it clicks and fits, splendid grommet"], heads=heads)
    assert not calm.effort and "effort" not in {tag.kind for tag in calm.tags}
    [shipped] = reader().read(["Third time I call, it clicks and fits, splendid grommet"])
    assert shipped.effort
