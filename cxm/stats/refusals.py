"""Refusing numbers that would make a figure quietly wrong: each check raises ValueError with a sentence."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
"""Relative slack for sums that a database added up in another order."""


def refuse_non_finite(**numbers: float) -> None:
    """Raise ValueError when a number is NaN or infinite."""
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise ValueError(f"{name} must be a finite number, not {number!r}")


def refuse_negative(**numbers: float) -> None:
    """Raise ValueError when a number is negative, NaN or infinite."""
    refuse_non_finite(**numbers)
    for name, number in numbers.items():
        if number < 0:
            raise ValueError(f"{name} must not be negative, got {number!r}")


def refuse_fractional(**numbers: float) -> None:
    """Raise ValueError when a number is not a whole number from 0."""
    refuse_negative(**numbers)
    for name, number in numbers.items():
        if number != int(number):
            raise ValueError(f"{name} must be a whole number, got {number!r}")


def refuse_outside_unit(**numbers: float) -> None:
    """Raise ValueError when a number is not strictly between 0 and 1."""
    refuse_non_finite(**numbers)
    for name, number in numbers.items():
        if not 0 < number < 1:
            raise ValueError(f"{name} must lie strictly between 0 and 1, got {number!r}")


def finite_array(name: str, values: ArrayLike) -> Floats:
    """A one-dimensional float array; ValueError on another shape or on a NaN or infinite element."""
    array: NDArray[Any] = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got {array.ndim} dimensions")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers only; drop missing ones first and say how many")
    return array


def variance_sum(n: float, total: float, total_of_squares: float) -> float:
    """Sum of squared deviations from the mean, from sums; what is only rounding error counts as 0.

    Raises ValueError where the sum of squares is impossible for that total.
    """
    deviations = total_of_squares - total * total / n
    if deviations < -_ROUNDING * max(total_of_squares, 1e-300):
        raise ValueError(f"total_of_squares {total_of_squares!r} is too small for a total of {total!r}")
    return deviations if deviations > 1e-13 * total_of_squares else 0.0
