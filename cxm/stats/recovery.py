"""Did helping help? The effect of a recovery play, from customers of whom chance held some out.

**Intention to treat.** Customers are compared by what chance gave them, never by what was done: who is called depends
on who answers the phone, so "called against not called" compares different people. The effect is that of *offering*
the play; where only some of it is carried out, it is smaller than that of the play itself.

**One look.** A test has a number of customers, fixed before it begins; its verdict is passed once, on exactly these
(`Plan`). Looking every day for the first "significant" difference finds a success far too often where there is none.

**Without a control group** there is `difference_in_differences`, which is as good as its assumption: without the play,
both groups would have changed alike. It takes what both share out of the change, such as the way back to the usual
after a bad day (regression to the mean), and nothing else.

Sources: Imbens and Rubin, Causal Inference, 2015, chapters 6 and 23; Lee, Review of Economic Studies 76, 2009 (bounds);
Newcombe, Statistics in Medicine 17, 1998; Angrist and Pischke, Mostly Harmless Econometrics, 2009, chapter 5.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import numpy as np
import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server
from numpy.typing import ArrayLike

from cxm.stats.comparison import Difference, difference_mean, difference_share, verdicts
from cxm.stats.estimate import Estimate, Z
from cxm.stats.intervals import Bounds, student
from cxm.stats.planning import Z_POWER
from cxm.stats.refusals import Floats, finite_array, refuse_fractional, refuse_negative, refuse_outside_unit
from cxm.stats.samples import MeanSample, ShareSample

UNEVEN: Final = 0.05
"""p-value below which the arms are said to answer differently often, so that who answered are not alike."""
WELCH_FROM: Final = 30

Result = Literal["works", "harms", "no_evidence", "too_early"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`customers`: how many the test takes, both arms together. `hold_out`: the share that gets no play, 0..1."""

    customers: int
    hold_out: float

    def __post_init__(self) -> None:
        refuse_fractional(customers=self.customers)
        refuse_outside_unit(hold_out=self.hold_out)

    @property
    def arms(self) -> tuple[float, float]:
        """Expected customers: held out, helped."""
        return self.customers * self.hold_out, self.customers * (1 - self.hold_out)


def is_held_out(secret: str, customer: UUID, hold_out: float) -> bool:
    """What chance says of a customer: the same at every case of theirs, and nobody can know it without the secret."""
    digest = hashlib.blake2b(customer.bytes, key=secret.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big") < hold_out * 2**64


def effect_on_share(held_out: ShareSample, helped: ShareSample) -> Difference:
    """Helped minus held out, as a fraction −1..1: all customers of the test count, by the arm that chance gave them."""
    return difference_share(held_out, helped)


def effect_on_mean(held_out: MeanSample, helped: MeanSample, bounds: Bounds | None = None) -> Difference:
    """Helped minus held out, in the unit of the values (points, money).

    Welch's interval and p-value (Biometrika 34, 1947) where each arm has `WELCH_FROM` values and scatter: between arms
    that chance made, whose skew is alike, it covers 95–96 % also of money. Below, the more careful `difference_mean`.
    """
    if min(held_out.n, helped.n) >= WELCH_FROM:
        (n1, m1, q1), (n2, m2, q2) = held_out.effective(), helped.effective()
        v1, v2 = q1 / (n1 - 1) / n1, q2 / (n2 - 1) / n2
        if v1 + v2 > 0:
            error, value = math.sqrt(v1 + v2), m2 - m1
            df = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
            half = student(df) * error
            p_value = 2 * float(scipy.special.stdtr(df, -abs(value) / error))
            return Difference(value, value - half, value + half, p_value, held_out.n, helped.n)
    return difference_mean(held_out, helped, bounds)


def difference_in_differences(others: ArrayLike, helped: ArrayLike) -> Difference:
    """How much more the helped changed than the others: each array holds, per customer, after minus before."""
    return difference_mean(_sums(others), _sums(helped))


def _sums(values: ArrayLike) -> MeanSample:
    array = finite_array("changes", values)
    return MeanSample(array.size, float(array.sum()), float((array**2).sum()))


def bounds_of_the_same(held_out: ArrayLike, helped: ArrayLike, n_held_out: int, n_helped: int) -> tuple[float, float]:
    """Lowest and highest effect on the mean among those who would answer in either arm (Lee 2009).

    `held_out`, `helped`: the values of those who answered; `n_…`: customers of the arm. In the arm that answers more
    often, the surplus is taken from the top for one bound and from the bottom for the other. Assumes that the play
    moves answering in one direction only. Raises ValueError where an arm has no answer.
    """
    first, second = np.sort(finite_array("held_out", held_out)), np.sort(finite_array("helped", helped))
    if not first.size or not second.size:
        raise ValueError("each arm needs an answer")
    share1, share2 = first.size / n_held_out, second.size / n_helped
    if share2 >= share1:
        low, high = _trimmed(second, share1 / share2)
        return low - float(first.mean()), high - float(first.mean())
    low, high = _trimmed(first, share2 / share1)
    return float(second.mean()) - high, float(second.mean()) - low


def _trimmed(ordered: Floats, kept: float) -> tuple[float, float]:
    """Mean of the lowest and of the highest part of sorted values; the value at the cut counts in part."""
    size = max(kept * ordered.size, 1e-9)
    weights = np.clip(size - np.arange(ordered.size), 0.0, 1.0)
    return float(ordered @ weights / size), float(ordered[::-1] @ weights / size)


def answers_unevenly(held_out: ShareSample, helped: ShareSample) -> bool:
    """Whether one arm answers more often, so that a comparison of answers alone compares different customers."""
    p_value = difference_share(held_out, helped).p_value
    return p_value is not None and p_value < UNEVEN


def results(differences: Sequence[tuple[Difference, bool]], *, complete: bool) -> list[Result]:
    """What a page may say of the effects of one test: each difference, and whether higher is better.

    Judged together (`comparison.verdicts`: the chance that a play without any effect "works" in any of them is below
    5 %), and only when the outcome of all customers of the plan is known; before, every result is `too_early`.
    """
    if not complete:
        return ["too_early"] * len(differences)
    said = verdicts([difference for difference, _higher in differences])
    return [
        "no_evidence" if verdict == "no_evidence" else "works" if (verdict == "up") == higher else "harms"
        for verdict, (_difference, higher) in zip(said, differences, strict=True)
    ]


def cost_per_recovered(cost_per_customer: float, effect: Difference) -> Estimate:
    """What one customer costs who came back because of the play: cost of a customer of the helped arm / effect.

    `effect`: of the play on the share of recovered customers. The interval is the costs at the two ends of that of the
    effect; `high` is None where the effect may be nothing, and there is no value where it is not above 0.
    """
    refuse_negative(cost_per_customer=cost_per_customer)
    n = effect.n_before + effect.n_after
    value = cost_per_customer / effect.value if effect.value is not None and effect.value > 0 else None
    low = cost_per_customer / effect.high if effect.high is not None and effect.high > 0 else None
    high = cost_per_customer / effect.low if effect.low is not None and effect.low > 0 else None
    return Estimate(value, low, high, n, "ratio_of_ends" if low is not None else "none")


def smallest_effect(plan: Plan, deviation: float) -> float:
    """The smallest true effect that the test finds in four of five cases, in the unit of `deviation`.

    `deviation`: standard deviation of the outcome between customers; √(p (1 − p)) of a share p.
    """
    refuse_negative(deviation=deviation)
    held_out, helped = plan.arms
    reach = Z + Z_POWER
    return reach * deviation * math.sqrt(1 / max(held_out, 1.0) + 1 / max(helped, 1.0))


def change_of_rate(before: ArrayLike, after: ArrayLike) -> Difference:
    """Change of a count per week: each array holds the counts of whole weeks.

    Weeks are compared as they scatter (`comparison.difference_mean`), so that counts that come in clusters, as
    complaints do, do not look more certain than they are. Raises ValueError for negative or missing counts.
    """
    for name, values in (("before", before), ("after", after)):
        if (finite_array(name, values) < 0).any():
            raise ValueError(f"{name} must hold counts")
    return difference_mean(_sums(before), _sums(after))
