"""Groups of texts that are about the same, found without being told how many.

Short texts share few words, so each text first takes in the words of the ten that are nearest to it. Then spherical
k-means (Dhillon and Modha, Machine Learning 42, 2001) with k-means++ starts makes some groups; a group of two parts
that have nothing in common is parted, groups whose centres lie near each other become one, and groups that are small
or loose are given up: their texts have no theme. Vectors of an encoder of sentences, where there are some, stand
beside the words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server
from numpy.typing import NDArray

from .space import Floats, unit

NEIGHBOURS = 10
SAME_TEXT = 0.99
BLOCK = 1_000  # texts whose neighbours are looked for in one go
STARTS = 3
STEPS = 25
MOST_THEMES = 60  # that one begins with
ALIKE = 0.45  # cosine of two centres that are one theme
APART = 0.12  # cosine of two centres that have nothing in common
LOOSEST = 0.10  # mean similarity of the texts of a group to its centre, without their neighbours' words
WORDS_BESIDE_VECTORS = 0.6
Labels = NDArray[np.int64]
Progress = Callable[[float], None]  # share that is done


@dataclass(frozen=True, slots=True)
class Groups:
    """`labels`: the group of each row, −1 for none. `centres` (groups, terms): the mean of the plain rows, unit."""

    labels: Labels
    centres: Floats

    @property
    def n(self) -> int:
        return len(self.centres)


def groups_of(
    rows: scipy.sparse.csr_matrix, *, k: int = 0, vectors: Floats | None = None, seed: int = 0,
    progress: Progress = lambda share: None,
) -> Groups:  # fmt: skip
    """Group the rows (texts, terms; unit or empty). `k`: exactly so many; 0: found from the texts.

    `vectors` (texts, dimensions; unit): what an encoder of sentences says of the same texts.
    """
    full = np.flatnonzero(np.diff(rows.indptr) > 0) if vectors is None else np.arange(rows.shape[0])
    labels = np.full(rows.shape[0], -1, np.int64)
    if len(full) < 2:
        return Groups(labels, np.zeros((0, rows.shape[1]), np.float32))
    plain = rows[full]
    points = with_neighbours(plain, progress=lambda share: progress(share * 0.5))
    if vectors is not None:
        beside = vectors[full] - vectors[full].mean(axis=0)
        points = unit(scipy.sparse.csr_matrix(scipy.sparse.hstack([
            scipy.sparse.csr_matrix(unit(scipy.sparse.csr_matrix(beside))), points * WORDS_BESIDE_VECTORS
        ]).astype(np.float32)))  # fmt: skip
    wanted = min(k or first_guess(len(full)), len(full))
    found = k_means(points, wanted, seed, lambda share: progress(0.5 + share * 0.5))
    if not k:
        least = max(5, math.ceil(0.004 * len(full))) if len(full) > 50 else 3
        found = parted(points, found, least)
        found = without_loose(plain, joined(points, found), least)
    labels[full] = found
    return Groups(labels, means(plain, found, int(found.max(initial=-1)) + 1))


def first_guess(n: int) -> int:
    """How many groups to begin with: 8 for 200 texts, 42 for 5 000."""
    return max(3, min(MOST_THEMES, round(0.6 * math.sqrt(n))))


def with_neighbours(
    rows: scipy.sparse.csr_matrix, most: int = NEIGHBOURS, progress: Progress = lambda share: None
) -> scipy.sparse.csr_matrix:
    """Each row with those of its nearest rows added, as much as they are near; unit again."""
    n = rows.shape[0]
    # Words that very many texts have say little about neighbours and cost the most.
    often = np.bincount(rows.indices, minlength=rows.shape[1]) > max(2_000, 0.05 * n)
    telling = (
        scipy.sparse.csr_matrix(rows @ scipy.sparse.diags_array((~often).astype(np.float32))) if n > 20_000 else rows
    )
    transposed = scipy.sparse.csr_matrix(telling.T)
    columns, values, ends = [], [], [0]
    for start in range(0, n, BLOCK):
        near = scipy.sparse.csr_matrix(telling[start : start + BLOCK] @ transposed)
        for number in range(near.shape[0]):
            begin, end = near.indptr[number], near.indptr[number + 1]
            others, strength = near.indices[begin:end], near.data[begin:end]
            apart = strength < SAME_TEXT  # a text that says the same in the same words has no others to add
            others, strength = others[apart], strength[apart]
            if len(others) > most:
                top = np.argpartition(-strength, most)[:most]
                others, strength = others[top], strength[top]
            columns.append(others)
            values.append(strength)
            ends.append(ends[-1] + len(columns[-1]))
        progress(min(1.0, (start + BLOCK) / n))
    weights = scipy.sparse.csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(ends)), shape=(n, n))
    return unit(scipy.sparse.csr_matrix(rows + weights @ rows).astype(np.float32))


def k_means(points: scipy.sparse.csr_matrix, k: int, seed: int, progress: Progress) -> Labels:
    """The best of some starts. Shape (rows,), values below k, without gaps."""
    starts = STARTS if points.shape[0] <= 20_000 else 1
    best, best_sum = np.zeros(points.shape[0], np.int64), -1.0
    for start in range(starts):
        centres = first_centres(points, k, np.random.default_rng(seed + start))
        labels = np.zeros(points.shape[0], np.int64)
        for step in range(STEPS):
            near = np.asarray(points @ centres.T)
            now = near.argmax(axis=1)
            progress((start + (step + 1) / STEPS) / starts)
            if step and (now == labels).mean() > 0.9995:
                break
            labels = now
            # A group that lost all its texts begins anew at the text that is worst off.
            empty = np.setdiff1d(np.arange(k), labels)
            if len(empty):
                labels[np.argsort(near.max(axis=1))[: len(empty)]] = empty
            centres = means(points, labels, k)
        total = float(near.max(axis=1).sum())
        if total > best_sum:
            best, best_sum = now, total
    return dense_labels(best)


def first_centres(points: scipy.sparse.csr_matrix, k: int, random: np.random.Generator) -> Floats:
    """k-means++: far from each other, the best of three draws each time."""
    n = points.shape[0]

    def distance(number: int) -> Floats:
        near = points @ np.asarray(points[[number]].todense(), np.float32).ravel()
        away: Floats = np.maximum(1 - near, 0).astype(np.float32)
        return away

    chosen = [int(random.integers(n))]
    away = distance(chosen[0])
    while len(chosen) < k:
        total = float(away.sum())
        drawn = random.choice(n, 3, p=away / total) if total > 0 else random.integers(n, size=1)
        tried = [(np.minimum(away, distance(int(one))), int(one)) for one in drawn]
        away, one = min(tried, key=lambda pair: float(pair[0].sum()))
        chosen.append(one)
    return np.asarray(points[chosen].todense(), np.float32)


def means(points: scipy.sparse.csr_matrix, labels: Labels, k: int) -> Floats:
    """Shape (k, columns): the mean direction of each group, unit; nought for an empty one."""
    inside = np.flatnonzero(labels >= 0)
    member = scipy.sparse.csr_matrix(
        (np.ones(len(inside), np.float32), (labels[inside], inside)), shape=(k, points.shape[0])
    )  # fmt: skip
    sums = np.asarray((member @ points).todense(), np.float32)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    made: Floats = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    return made


def parted(points: scipy.sparse.csr_matrix, labels: Labels, least: int) -> Labels:
    """Groups that are two which have nothing in common, such as one in two languages, become two."""
    labels = labels.copy()
    todo = list(range(int(labels.max(initial=-1)) + 1))
    k = len(todo)
    while todo and k < 2 * MOST_THEMES:
        group = todo.pop()
        inside = np.flatnonzero(labels == group)
        if len(inside) < 2 * least:
            continue
        halves = k_means(points[inside], 2, 1, lambda share: None)
        one, other = means(points[inside], halves, 2)
        if np.bincount(halves, minlength=2).min() >= least and float(one @ other) < APART:
            labels[inside[halves == 1]] = k
            todo += [group, k]
            k += 1
    return dense_labels(labels)


def joined(points: scipy.sparse.csr_matrix, labels: Labels) -> Labels:
    """The nearest two groups become one for as long as their centres are alike."""
    k = int(labels.max(initial=-1)) + 1
    while k > 1:
        centres = means(points, labels, k)
        near = centres @ centres.T
        np.fill_diagonal(near, -1)
        one, other = divmod(int(near.argmax()), k)
        if near[one, other] < ALIKE:
            break
        labels = dense_labels(np.where(labels == max(one, other), min(one, other), labels))
        k = int(labels.max()) + 1
    return labels


def without_loose(rows: scipy.sparse.csr_matrix, labels: Labels, least: int) -> Labels:
    """Groups of fewer than `least` texts, or whose texts have little in common, have no theme: −1."""
    k = int(labels.max(initial=-1)) + 1
    near = np.asarray(rows.multiply(means(rows, labels, k)[labels]).sum(axis=1)).ravel()
    sizes = np.bincount(labels, minlength=k)
    tight = np.bincount(labels, weights=near, minlength=k) / np.maximum(sizes, 1)
    kept = (sizes >= least) & (tight >= LOOSEST)
    return dense_labels(np.where(kept[labels], labels, -1))


def dense_labels(labels: Labels) -> Labels:
    """The same groups, the largest first, numbered without gaps; −1 stays."""
    there = labels[labels >= 0]
    if not len(there):
        return labels
    sizes = np.bincount(there)
    order = np.argsort(-sizes, kind="stable")
    place = np.empty(len(sizes), np.int64)
    place[order] = np.arange(len(sizes))
    return np.where(labels >= 0, place[np.maximum(labels, 0)], -1)


def least_similarity(rows: scipy.sparse.csr_matrix, labels: Labels, centres: Floats) -> Floats:
    """Shape (groups,): how near to a centre a text must be to have its theme: half of what its texts are."""
    found = np.full(len(centres), 1.0, np.float32)
    for number in range(len(centres)):
        near = rows[np.flatnonzero(labels == number)] @ centres[number]
        if len(near):
            found[number] = max(0.08, 0.5 * float(np.median(near)))
    return found
