"""Customer effort: how easy it was, as a mean and as the share of easy answers.

A high score means easy, unless the option `easy_is` says low: then scores are mirrored on their scale first (1 of 1–5
counts as 5), so that a higher number is always less effort. Easy are 4–5 of 1–5, 5–7 of 1–7, and on other scales the
two points at the easy end. An answer that names no scale is taken to be on 1–5. Answers without a score, or with one
outside their scale, are left out and counted (`excluded`).
"""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from .metric import Measurement, Metric, Option, Question
from .scores import (
    MEAN_SQL,
    ON_SCALE,
    QUESTION,
    SHARE_SQL,
    MeanRow,
    ShareRow,
    ask_scores,
    bounds_of,
    excluded,
    mean_cells,
    share_cells,
    top_of,
)

KINDS = ("ces",)
EASY_IS = Option("easy_is", _("The easy end of the scale"), "choice", default="high", values=("high", "low"))
EASY_OF_SEVEN = 5.0


def easy_from(scale: str) -> float:
    """The lowest score that counts as easy."""
    return EASY_OF_SEVEN if bounds_of(scale) == (1.0, 7.0) else top_of(scale)


def mean_ease(question: Question) -> Measurement:
    answer = ask_scores(question, MEAN_SQL, MeanRow, name="ces.mean", kinds=KINDS)
    return mean_cells(answer, question.weighted, mirrored=question.options["easy_is"] == "low")


def easy_share(question: Question) -> Measurement:
    sql = SHARE_SQL
    if question.options["easy_is"] == "low":
        # the mirror image of "score ≥ easy" on its scale
        sql = sql.replace("score >= $top", "$low + $high - score >= $top")
    answer = ask_scores(question, sql, ShareRow, name="ces.easy", kinds=KINDS, lowest_top=easy_from)
    return share_cells(answer, question.weighted)


CES = Metric(
    key="ces",
    name=_("Customer effort: mean ease"),
    definition=_(
        "The mean score of effort questions, in points of their scale, where a higher score means less effort. With the"
        " easy end at the low scores, scores are mirrored first. Every answer counts at the time it was given. Answers"
        " on different scales have no common mean. Answers without a score, or with one outside their scale, do not"
        " count."
    ),
    formula="sum of scores / answers",
    interval="mean_plus_one",
    unit="score",
    direction="higher",
    table="feedback",
    measure=mean_ease,
    options=(QUESTION, EASY_IS),
    weighted=True,
    kinds=KINDS,
    excluded=partial(excluded, kinds=KINDS),
    counted=ON_SCALE,
    events="answer_given (metric ces)",
)
CES_EASY = Metric(
    key="ces_easy",
    name=_("Customer effort: share easy"),
    definition=_(
        "The share of effort answers that say it was easy: 4–5 of 1–5, 5–7 of 1–7. With the easy end at the low scores,"
        " scores are mirrored first. Every answer counts at the time it was given. Answers without a score, or with one"
        " outside their scale, do not count."
    ),
    formula="100 × easy answers / answers",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="feedback",
    measure=easy_share,
    options=(QUESTION, EASY_IS),
    weighted=True,
    kinds=KINDS,
    excluded=partial(excluded, kinds=KINDS),
    counted=ON_SCALE,
    events="answer_given (metric ces)",
)
