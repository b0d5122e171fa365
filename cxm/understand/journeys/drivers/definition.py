"""What a driver model asks, and what comes out, as data. The REST API takes and gives the same."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cxm.stats.estimate import Estimate

Kind = Literal["rating", "topic", "fact", "passed", "group"]
Fact = Literal["contacts", "waiting", "hand_overs", "reopened", "days_late"]
FACTS: tuple[Fact, ...] = ("contacts", "waiting", "hand_overs", "reopened", "days_late")


class Outcome(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is explained.

    `answer`: the score of each answer to `question` of `metric` (nps, csat, ces, rating). `left`: whether a customer
    with a subscription has none any more. `returned`: whether a customer orders again in the `days` after the window
    that follows the first order of the period.
    """

    kind: Literal["answer", "left", "returned"] = "answer"
    metric: str = ""
    question: str = ""
    days: int = 90


class Driver(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What may explain it.

    `rating`: the score of question `key` of `metric` in the same response (of customers: their mean in the window).
    `topic`: whether topic `key` is mentioned in the same response, and with which sentiment. `fact`: what happened to
    the customer in the window before, one of FACTS. `passed`: whether the customer passed the step `key` of `process`
    in the window. `group`: whether the field `key` (property.NAME or trait.NAME of the outcome) is `value`.

    `target`: what would be good enough, in the unit of the driver. `owner`: number of the user who answers for it.
    """

    kind: Kind
    key: str
    metric: str = ""
    process: int = 0
    value: str = ""
    target: float | None = None
    owner: int | None = None

    @property
    def name(self) -> str:
        """What tells it apart from the other drivers of a model; it stands in forms and in the API."""
        parts = {"rating": self.metric, "passed": str(self.process)}
        said = f"{self.kind}:{parts[self.kind]}:{self.key}" if self.kind in parts else f"{self.kind}:{self.key}"
        return f"{said}={self.value}" if self.kind == "group" else said


class DriverDefinition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`missing`: rows without some answer are left out (`complete`), or the answer counts as the mean of the others and
    a column says that it was missing (`mean`). `period_days`: how far back outcomes are taken from; 0: all of them.
    `filters`: field:operator:value, as for metrics, on the outcome."""

    outcome: Outcome = Outcome()
    drivers: tuple[Driver, ...] = ()
    missing: Literal["complete", "mean"] = "complete"
    window_days: int = 90
    period_days: int = 0
    filters: tuple[str, ...] = ()
    weighted: bool = False


class Numbers(Struct, frozen=True):
    """A value with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


class Found(Struct, frozen=True):
    """One driver in the figures. All `Numbers` but shares and `at_target` are in the unit of the outcome.

    `share`: of the outcome's variation, 0..1. `matters`: more than chance would give. `first`, `last`: the places that
    the data leave open. `mean`: of the driver, in its unit; `concerned`: share of rows that do not meet `target`, and
    `distance` their mean distance to it. `at_target`: the share that does. `step`: the outcome's change if the driver
    were one point better for all who are not at its end; `gain`: if all reached the target. `slope`: per unit.
    """

    driver: Driver
    share: Numbers
    p_value: float
    matters: bool
    first: int
    last: int
    vif: float | None
    slope: float
    standardised: float | None
    mean: float
    n: int
    missing: int
    target: float
    at_target: Numbers
    concerned: float
    distance: float
    step: Numbers
    gain: Numbers


class LeftOut(Struct, frozen=True):
    """A driver that could not be used: `constant` (nearly the same for all), or `empty` (known of too few)."""

    driver: Driver
    reason: Literal["constant", "empty"]
    known: int


class Asked(Struct, frozen=True):
    """A question to the log, as the engine saw it."""

    about: str
    sql: str
    parameters: dict[str, str]


class Findings(Struct, frozen=True):
    """What came out. `rows`: outcomes in the period; `n`: those that were used; `unit` of the outcome: points, score or
    percent (0..1). `error`: of the shares, from drawing orders. `capped`: more outcomes than are taken at once."""

    rows: int
    n: int
    unit: str
    mean: float
    r2: Numbers
    adjusted_r2: float | None
    error: float
    condition: float | None
    average: float
    found: list[Found]
    left_out: list[LeftOut]
    asked: list[Asked]
    capped: bool = False


def numbers(estimate: Estimate) -> Numbers:
    return Numbers(estimate.value or 0.0, estimate.low, estimate.high)
