"""Calibrate the experience score on answers after tickets, and say what one interaction came to. Pure.

The model is proportional odds (`cxm.stats.ordinal`) of the satisfaction answer on the signals of the ticket. It is used
only where it predicts answers that it has not seen better than their mean does: the lower end of the interval of the
cross-validated R² is above 0. The score of an interaction is the mean answer that people give after such a ticket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cxm.stats.estimate import Estimate
from cxm.stats.ordinal import CannotFit, Ordinal, cross_validated, fit

from .signals import SIGNALS, Interaction, numbers

LEAST: Final = 60  # answers
LEAST_DIFFERENT: Final = 10  # interactions that differ from the rest in a signal, for it to be asked at all


@dataclass(frozen=True, slots=True)
class Effect:
    """What one more of a signal does, other things equal: the odds of a higher answer times `ratio`."""

    signal: str
    ratio: Estimate
    typical: float  # the mean of the signal over the interactions


@dataclass(frozen=True, slots=True)
class Calibrated:
    """`r_squared` of unseen answers; `enough`: better than the mean. `effects` of the signals that could be asked."""

    enough: bool
    n: int
    scale: str
    mean: float
    r_squared: Estimate
    effects: tuple[Effect, ...]
    model: Ordinal


@dataclass(frozen=True, slots=True)
class Share:
    """What a signal adds for this interaction against a typical one: the odds of a higher answer times `ratio`."""

    signal: str
    number: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Scored:
    """The experience score of an interaction: the expected answer, between `lowest` and `highest`.

    `satisfied` is the probability of one of the two highest scores.
    """

    expected: Estimate
    lowest: float
    highest: float
    satisfied: float
    mean: float
    shares: tuple[Share, ...]


class TooFewAnswers(ValueError):
    """`n` answers, all counted; `why` is few or same."""

    def __init__(self, n: int, why: str) -> None:
        super().__init__(f"{n} answers: {why}")
        self.n, self.why = n, why


def calibrate(found: Sequence[Interaction]) -> Calibrated:
    """Fit the model to the interactions that were answered, on the scale of most answers. Raises TooFewAnswers."""
    answered = [one for one in found if one.score is not None]
    [(scale, _n)] = Counter(one.scale for one in answered).most_common(1) or [("", 0)]
    answered = [one for one in answered if one.scale == scale]
    if len(answered) < LEAST:
        raise TooFewAnswers(len(answered), "few")
    scores = np.array([one.score for one in answered], dtype=np.float64)
    table = np.array([numbers(one) for one in answered])
    used = [column for column in range(len(SIGNALS)) if _differs(table[:, column])]
    if not used:
        raise TooFewAnswers(len(answered), "same")
    rows = table[:, used]
    try:
        model, told = fit(rows, scores), cross_validated(rows, scores)
    except CannotFit as error:
        raise TooFewAnswers(len(answered), "same") from error
    effects = []
    for place, column in enumerate(used):
        one = model.coefficient(place)
        effects.append(Effect(SIGNALS[column], _ratio(one), float(rows[:, place].mean())))
    return Calibrated(
        enough=told.better_than_the_mean,
        n=len(answered),
        scale=scale,
        mean=float(scores.mean()),
        r_squared=told.r_squared,
        effects=tuple(effects),
        model=model,
    )


def _differs(column: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    _values, counts = np.unique(column, return_counts=True)
    return bool(len(column) - counts.max() >= LEAST_DIFFERENT)


def _ratio(coefficient: Estimate) -> Estimate:
    """An odds ratio from a coefficient."""
    value, low, high = (
        None if end is None else float(np.exp(end)) for end in (coefficient.value, coefficient.low, coefficient.high)
    )
    return Estimate(value, low, high, coefficient.n, coefficient.method)


def score(one: Interaction, calibrated: Calibrated) -> Scored:
    """The experience score of an interaction by a calibrated model."""
    model = calibrated.model
    by_signal = dict(zip(SIGNALS, numbers(one), strict=True))
    row = [by_signal[effect.signal] for effect in calibrated.effects]
    shares = [
        Share(effect.signal, number, float(np.exp(slope * (number - effect.typical))))
        for effect, number, slope in zip(calibrated.effects, row, model.coefficients, strict=True)
    ]
    return Scored(
        expected=model.mean(row),
        lowest=model.levels[0],
        highest=model.levels[-1],
        satisfied=float(model.probabilities([row])[0, np.array(model.levels) >= model.levels[-1] - 1].sum()),
        mean=calibrated.mean,
        shares=tuple(shares),
    )


# As the table keeps it


def kept(found: Calibrated) -> dict[str, Any]:
    """A calibrated model as JSON."""
    model = found.model
    return {
        "enough": found.enough, "n": found.n, "scale": found.scale, "mean": found.mean,
        "r_squared": [found.r_squared.value, found.r_squared.low, found.r_squared.high],
        "effects": [{"signal": one.signal, "typical": one.typical} for one in found.effects],
        "levels": list(model.levels), "cuts": model.cuts.tolist(), "coefficients": model.coefficients.tolist(),
        "covariance": model.covariance.tolist(), "log_likelihood": model.log_likelihood,
        "null_log_likelihood": model.null_log_likelihood,
    }  # fmt: skip


def read(stored: dict[str, Any]) -> Calibrated:
    """The inverse of `kept`."""
    model = Ordinal(
        levels=tuple(stored["levels"]), cuts=np.array(stored["cuts"]), coefficients=np.array(stored["coefficients"]),
        covariance=np.array(stored["covariance"]), n=stored["n"], log_likelihood=stored["log_likelihood"],
        null_log_likelihood=stored["null_log_likelihood"],
    )  # fmt: skip
    value, low, high = stored["r_squared"]
    return Calibrated(
        enough=stored["enough"], n=stored["n"], scale=stored["scale"], mean=stored["mean"],
        r_squared=Estimate(value, low, high, stored["n"], "bootstrap"),
        effects=tuple(
            Effect(one["signal"], _ratio(model.coefficient(place)), one["typical"])
            for place, one in enumerate(stored["effects"])
        ),
        model=model,
    )  # fmt: skip
