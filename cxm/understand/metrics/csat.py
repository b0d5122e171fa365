"""Customer satisfaction, and any other rating: the share of the two highest scores, and the mean.

Every answer counts at the time it was given. Top boxes are the two highest points of the answer's own scale: 4–5 of
1–5, 6–7 of 1–7, 9–10 of 1–10; the option `top` sets another lowest score. Shares may mix scales, means may not
(MixedScales). An answer that names no scale is taken to be on 1–5. Answers without a score, or with one outside their
scale, are left out and counted (`excluded`).
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
    excluded,
    mean_cells,
    share_cells,
)

TOP = Option("top", _("Lowest score that counts as satisfied"), "number", low=-1000, high=1000)


def top_share(question: Question, kinds: tuple[str, ...]) -> Measurement:
    top = question.options["top"]
    answer = ask_scores(question, SHARE_SQL, ShareRow, name=f"{kinds[0]}.share", kinds=kinds, top=top)
    return share_cells(answer, question.weighted)


def mean_score(question: Question, kinds: tuple[str, ...]) -> Measurement:
    answer = ask_scores(question, MEAN_SQL, MeanRow, name=f"{kinds[0]}.mean", kinds=kinds)
    return mean_cells(answer, question.weighted)


CSAT_KINDS, RATING_KINDS = ("csat",), ("rating",)
CSAT = Metric(
    key="csat",
    name=_("Customer satisfaction"),
    definition=_(
        "The share of satisfied answers: those with one of the two highest scores of their scale (4–5 of 1–5, 6–7 of"
        " 1–7, 9–10 of 1–10). Every answer counts at the time it was given. Answers without a score, or with one"
        " outside their scale, do not count."
    ),
    formula="100 × answers with a top-two score / answers",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="feedback",
    measure=partial(top_share, kinds=CSAT_KINDS),
    options=(QUESTION, TOP),
    weighted=True,
    kinds=CSAT_KINDS,
    excluded=partial(excluded, kinds=CSAT_KINDS),
    counted=ON_SCALE,
    events="answer_given (metric csat)",
)
CSAT_MEAN = Metric(
    key="csat_mean",
    name=_("Mean satisfaction"),
    definition=_(
        "The mean score of satisfaction questions, in points of their scale. Every answer counts at the time it was"
        " given. Answers on different scales have no common mean. Answers without a score, or with one outside their"
        " scale, do not count."
    ),
    formula="sum of scores / answers",
    interval="mean_plus_one",
    unit="score",
    direction="higher",
    table="feedback",
    measure=partial(mean_score, kinds=CSAT_KINDS),
    options=(QUESTION,),
    weighted=True,
    kinds=CSAT_KINDS,
    excluded=partial(excluded, kinds=CSAT_KINDS),
    counted=ON_SCALE,
    events="answer_given (metric csat)",
)
RATING = Metric(
    key="rating",
    name=_("Mean rating"),
    definition=_(
        "The mean score of rating questions, such as single touchpoints or statements of agreement, in points of their"
        " scale. Every answer counts at the time it was given. Answers on different scales have no common mean. Answers"
        " without a score, or with one outside their scale, do not count."
    ),
    formula="sum of scores / answers",
    interval="mean_plus_one",
    unit="score",
    direction="higher",
    table="feedback",
    measure=partial(mean_score, kinds=RATING_KINDS),
    options=(QUESTION,),
    weighted=True,
    kinds=RATING_KINDS,
    excluded=partial(excluded, kinds=RATING_KINDS),
    counted=ON_SCALE,
    events="answer_given (metric rating)",
)
RATING_TOP = Metric(
    key="rating_top",
    name=_("Good ratings"),
    definition=_(
        "The share of ratings with one of the two highest scores of their scale (4–5 of 1–5, 6–7 of 1–7, 9–10 of 1–10)."
        " Every answer counts at the time it was given. Answers without a score, or with one outside their scale, do"
        " not count."
    ),
    formula="100 × answers with a top-two score / answers",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="feedback",
    measure=partial(top_share, kinds=RATING_KINDS),
    options=(QUESTION, TOP),
    weighted=True,
    kinds=RATING_KINDS,
    excluded=partial(excluded, kinds=RATING_KINDS),
    counted=ON_SCALE,
    events="answer_given (metric rating)",
)
