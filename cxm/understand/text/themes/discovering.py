"""A run: look through the texts of a workspace, group them, name the groups, give each text its theme.

At most `SAMPLE` texts are grouped; the others find their theme among the groups. So a run takes minutes whatever
there is, and its memory does not grow with it. A run that was killed begins anew; until it is done, the one before it
holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cxm.understand.text.deep.encoder import encoder
from cxm.understand.text.models import Theme, ThemeRun
from cxm.understand.text.reading.reader import reader

from . import members, terms
from .clustering import Groups, groups_of, least_similarity, means
from .members import Text
from .naming import Name, names_of
from .space import Centres, Floats, heaviest, load, space_of

LEAST_TEXTS = 30  # below which there is nothing to group
SAMPLE = 50_000
DEEP_SAMPLE = 5_000  # texts that an encoder is asked about: two minutes at forty a second
DEEP_STEP = 200
PART = 20_000  # texts that get their theme in one go
SAME = 0.5  # cosine of a theme to one of the run before, to be the same theme
TYPICAL = 8

State, Phase = ThemeRun.State, ThemeRun.Phase


class Stopped(Exception):
    """Somebody stopped the run."""


class _Report:
    """Writes the progress down, at most twice a second, and finds out whether to stop."""

    def __init__(self, run: ThemeRun) -> None:
        self._run, self._next = run, 0.0

    def phase(self, phase: ThemeRun.Phase) -> None:
        self._run.phase, self._next = phase, 0.0
        self(0)

    def __call__(self, share: float) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.5
        running = ThemeRun.objects.filter(pk=self._run.pk, state=State.RUNNING)
        if not running.update(phase=self._run.phase, share=min(max(share, 0.0), 1.0)):
            raise Stopped


def run(run_id: int) -> None:
    """Carry out a run that waits or was interrupted. Raises EventlogError; the run has failed then."""
    one = ThemeRun.objects.filter(pk=run_id, state__in=[State.WAITING, State.RUNNING]).first()
    if one is None or not ThemeRun.objects.filter(pk=run_id, state=one.state).update(state=State.RUNNING):
        return
    report = _Report(one)
    try:
        _run(one, report)
    except Stopped:
        return
    except BaseException:
        ThemeRun.objects.filter(pk=run_id).update(state=State.FAILED, finished_at=timezone.now())
        raise


def _run(one: ThemeRun, report: _Report) -> None:
    workspace_id = one.workspace_id
    report.phase(Phase.READING)
    total = members.count_texts(workspace_id)
    texts = members.some_texts(workspace_id, SAMPLE)
    languages = languages_of([text.comment for text in texts], report)
    documents = terms.all_terms([text.comment for text in texts], languages)
    space = space_of(documents)
    rows = space.rows(documents)
    deep = _vectors(one, texts, report)
    report.phase(Phase.GROUPING)
    groups = grouped(rows, deep, report) if len(texts) >= LEAST_TEXTS else groups_of(rows[:0])
    report.phase(Phase.NAMING)
    named = names_of(
        ((text.comment, language, int(group))
         for text, language, group in zip(texts, languages, groups.labels, strict=False)), groups.n,
    )  # fmt: skip
    centres = Centres(
        space, tuple(range(1, groups.n + 1)), heaviest(groups.centres),
        least_similarity(rows, groups.labels, groups.centres),
    )  # fmt: skip
    typical = [_typical(rows, groups, number, texts) for number in range(groups.n)]
    with transaction.atomic():
        numbers = _themes(one, centres, named, typical)
    centres = Centres(space, tuple(numbers), centres.rows, centres.least)
    report.phase(Phase.ASSIGNING)
    themed = _assign_all(one, centres, total, report)
    finish(one, centres, texts=total, themed=themed)


def finish(one: ThemeRun, centres: Centres, *, texts: int, themed: int) -> None:
    """From here on this run holds."""
    with transaction.atomic():
        now = timezone.now()
        done = ThemeRun.objects.filter(pk=one.pk, state=State.RUNNING).update(
            state=State.DONE, share=1, texts=texts, themed=themed, themes=len(centres.numbers),
            encoder=one.encoder, space=centres.dump(), finished_at=now,
        )  # fmt: skip
        if done:
            themes = Theme.objects.filter(workspace=one.workspace_id)
            themes.filter(pk__in=centres.numbers).update(is_current=True)
            themes.exclude(pk__in=centres.numbers).update(is_current=False)
            # The words of a run that holds no longer are of no use.
            ThemeRun.objects.filter(workspace=one.workspace_id).exclude(pk=one.pk).update(space=None)
    if done:
        members.forget_other_runs(one.workspace_id, one.pk)


def languages_of(texts: Sequence[str], report: _Report | None = None) -> list[str]:
    found: list[str] = []
    for start in range(0, len(texts), 2_000):
        found += [one.language for one in reader().read(texts[start : start + 2_000])]
        if report:
            report(start / len(texts))
    return found


def _vectors(one: ThemeRun, texts: Sequence[Text], report: _Report) -> Floats | None:
    """Of the first texts, which are as good as any: they come in the order of a hash."""
    encode = encoder(settings.ENCODER)
    if encode is None or len(texts) < LEAST_TEXTS:
        return None
    report.phase(Phase.ENCODING)
    one.encoder = encode.name
    some, found = texts[:DEEP_SAMPLE], []
    for start in range(0, len(some), DEEP_STEP):
        found.append(encode.encode([text.comment for text in some[start : start + DEEP_STEP]]))
        report(start / len(some))
    return np.concatenate(found)


def grouped(rows: scipy.sparse.csr_matrix, deep: Floats | None, report: _Report | None = None, k: int = 0) -> Groups:
    """Groups of all rows. Where vectors are there for the first of them, those are grouped by both, and the others
    join the group whose words they share."""
    progress = report or (lambda share: None)
    if deep is None:
        return groups_of(rows, k=k, progress=progress)
    first = groups_of(rows[: len(deep)], k=k, vectors=deep, progress=progress)
    if len(deep) == rows.shape[0] or not first.n:
        labels = np.full(rows.shape[0], -1, np.int64)
        labels[: len(deep)] = first.labels
        return Groups(labels, first.centres)
    least = least_similarity(rows[: len(deep)], first.labels, first.centres)
    near = np.asarray(rows[len(deep) :] @ first.centres.T)
    best = near.argmax(axis=1)
    rest = np.where(near[np.arange(len(best)), best] >= least[best], best, -1)
    labels = np.concatenate([first.labels, rest])
    return Groups(labels, means(rows, labels, first.n))


def _typical(rows: scipy.sparse.csr_matrix, groups: Groups, number: int, texts: Sequence[Text]) -> list[str]:
    """Ids of the texts that are nearest to the theme, each wording once; neither very short nor very long ones."""
    inside = np.flatnonzero(groups.labels == number)
    near = rows[inside] @ groups.centres[number]
    lengths = np.array([len(texts[int(place)].comment) for place in inside])
    near = near - 0.15 * (lengths < 25) - 0.15 * (lengths > 400)
    found: dict[str, str] = {}
    for place in inside[np.argsort(-near, kind="stable")]:
        text = texts[int(place)]
        found.setdefault(" ".join(text.comment.lower().split()), str(text.event_id))
        if len(found) == TYPICAL:
            break
    return list(found.values())


def _themes(
    one: ThemeRun, centres: Centres, named: Sequence[dict[str, Name]], typical: Sequence[list[str]]
) -> list[int]:  # fmt: skip
    """The numbers of the themes, in the order of the groups: of one found before, the number that it had."""
    before = _same_as(one.workspace_id, centres)
    numbers = []
    for group, names in enumerate(named):
        fields = {
            "names": {language: name.text for language, name in names.items()},
            "words": {language: name.words for language, name in names.items()},
            "typical": typical[group],
        }
        theme = Theme.objects.filter(workspace=one.workspace_id, pk=before.get(group, 0)).first()
        if theme is None:
            # It shows once the run is done.
            theme = Theme.objects.create(workspace_id=one.workspace_id, is_current=False, **fields)
        else:
            theme.changed(**fields)
        numbers.append(theme.pk)
    return numbers


def _same_as(workspace_id: int, centres: Centres) -> dict[int, int]:
    """By group the number of the theme of the run before that has the same words, each at most once."""
    old = current_centres(workspace_id)
    if old is None or not old[1].numbers:
        return {}
    old_centres = old[1]
    places = np.array([centres.space.columns.get(word, -1) for word in old_centres.space.columns], np.int64)
    there = np.flatnonzero(places >= 0)
    wide = scipy.sparse.csr_matrix(
        (np.ones(len(there), np.float32), (there, places[there])), shape=(len(places), len(centres.space.columns))
    )  # fmt: skip
    near = np.asarray((centres.rows @ (old_centres.rows @ wide).T).todense())
    found: dict[int, int] = {}
    while near.size and near.max() >= SAME:
        group, number = divmod(int(near.argmax()), near.shape[1])
        found[group] = old_centres.numbers[number]
        near[group, :] = -1
        near[:, number] = -1
    return found


def current_run(workspace_id: int) -> ThemeRun | None:
    """The run that holds, without its space."""
    return ThemeRun.objects.filter(workspace=workspace_id, state=State.DONE).defer("space").first()


def current_centres(workspace_id: int) -> tuple[int, Centres] | None:
    """The number of the run that holds, and its themes."""
    one = ThemeRun.objects.filter(workspace=workspace_id, state=State.DONE).first()
    return (one.pk, load(bytes(one.space))) if one and one.space else None


def _assign_all(one: ThemeRun, centres: Centres, total: int, report: _Report) -> int:
    parts = max(1, -(-total // PART))
    themed = 0
    for part in range(parts):
        report(part / parts)
        themed += assign(one.workspace_id, one.pk, centres, members.texts_in(one.workspace_id, part, parts))
    return themed


def assign(workspace_id: int, run_id: int, centres: Centres, texts: Sequence[Text]) -> int:
    """Write down the theme of each of these texts; returns how many have one."""
    documents = terms.all_terms([text.comment for text in texts], languages_of([text.comment for text in texts]))
    found, strength = centres.find(documents)
    members.put_members(workspace_id, run_id, texts, found, strength)
    return int((found > 0).sum())


def assign_new(workspace_id: int, stopping: Callable[[], bool], until: float) -> bool:
    """Give texts that came since the run their theme, up to `until` (time.monotonic); whether all have one or none."""
    found = current_centres(workspace_id)
    while found and not stopping() and time.monotonic() < until:
        texts = members.texts_without_theme(workspace_id, found[0], PART // 4)
        if not texts:
            return True
        assign(workspace_id, found[0], found[1], texts)
    return not found
