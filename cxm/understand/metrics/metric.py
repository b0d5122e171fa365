"""The shape of a metric: what is said about it, what it may be asked, and what its module gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cxm.record.eventlog.scope import SEGMENT, Grain, Scope, UnknownField
from cxm.stats.estimate import Estimate
from cxm.stats.samples import MeanSample, NpsSample, ShareSample

from .figure import Direction, Unit
from .refusals import BadOption

MOST_ROWS = 20_000
Kind = Literal["text", "texts", "number", "whole", "choice"]


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a metric may be told; `read` turns what a person or an address says into its value.

    `values` are the choices of a choice. `low` and `high` bound a number. A default of None means "not said".
    """

    key: str
    name: Promise
    kind: Kind
    default: Any = None
    values: tuple[str, ...] = ()
    low: float = 0
    high: float = 1e9

    def read(self, said: Any) -> Any:
        if said is None or said == "" or said == ():
            return self.default
        if self.kind == "texts":
            return (said,) if isinstance(said, str) else tuple(str(one) for one in said)
        if isinstance(said, list | tuple):
            said = said[-1]
        if self.kind == "text":
            return str(said)
        if self.kind == "choice":
            if said not in self.values:
                raise BadOption(
                    _("“%(said)s” is not a choice for %(option)s. Choose one of: %(values)s.")
                    % {"said": said, "option": self.key, "values": ", ".join(self.values)}
                )
            return said
        return self._number(said)

    def _number(self, said: Any) -> float | int:
        try:
            number = float(said)
        except (TypeError, ValueError):
            number = float("nan")
        if not self.low <= number <= self.high or (self.kind == "whole" and number != int(number)):
            raise BadOption(
                _("“%(said)s” is not a number from %(low)g to %(high)g for %(option)s.")
                % {"said": said, "option": self.key, "low": self.low, "high": self.high}
            )
        return int(number) if self.kind == "whole" else number


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a metric's module. `now` is when, for what reaches up to the present."""

    scope: Scope
    grain: Grain
    by: str | None
    weighted: bool
    options: Mapping[str, Any]
    now: datetime

    def of_each_segment(self) -> Iterator[tuple[str, Question]]:
        """The id of each segment, and the question within it alone. Raises UnknownField where the scope knows none."""
        if not self.scope.segments:
            raise UnknownField(SEGMENT)
        for one in self.scope.segments:
            yield one.values[0], replace(self, scope=self.scope.where(one), by=None)


@dataclass(frozen=True, slots=True)
class Means:
    """Sums for a mean, with the lowest and the highest possible value where there is a scale."""

    sample: MeanSample
    bounds: tuple[float, float] | None = None


Sample = NpsSample | ShareSample | Means


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a measurement: of one period and one group, in the unit of its estimate (shares 0..1)."""

    period: date
    by: str
    estimate: Estimate
    sample: Sample | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    cells: list[Cell]
    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the registry.

    `definition` says in words who is counted, at which time, and what happens to ties and missing values; `formula`
    and `interval` say how the number and its interval are made; `source` where the interval or the model comes from.
    `table` is the table whose columns filters and breakdowns may name. `weighted`: whether answers' weights can count.
    `excluded` counts what the definition leaves out, by reason. `counted`: SQL that picks, from `table`, the records
    behind the number; for scores $low and $high are the ends of the scale.
    """

    key: str
    name: Promise
    definition: Promise
    formula: str
    interval: str
    unit: Unit
    direction: Direction
    table: str
    measure: Callable[[Question], Measurement]
    options: tuple[Option, ...] = ()
    weighted: bool = False
    kinds: tuple[str, ...] = ()  # of answers that it counts
    excluded: Callable[[Question], Mapping[str, int]] | None = None
    counted: str = "1"
    source: str = ""
    events: str = ""  # what has to be recorded for it

    def read_options(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Every option's value; BadOption for one that the metric does not have or cannot read."""
        known = {option.key for option in self.options}
        for key in said:
            if key not in known:
                raise BadOption(
                    _("The metric “%(metric)s” has no option “%(option)s”.") % {"metric": self.key, "option": key}
                )
        return {option.key: option.read(said.get(option.key)) for option in self.options}
