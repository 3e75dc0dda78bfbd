"""Counting the values of a window at the edges and categories of a reference.

A batch is sorted, which a processor does while it lies in its cache, and the edges are looked up
in it: at each edge the counts are exact, jumps included. Counts of parts add up to the counts of
the whole, so profiles merge: all integers exactly; mean and standard deviation to 1e-12 of their
size by the formula of Chan, Golub and LeVeque (1983), "Algorithms for Computing the Sample
Variance", https://doi.org/10.1080/00031305.1983.10483115

Of a category's values that the reference does not list the first `MOST_UNLISTED` are counted apart,
and those that occur `LEAST` times are named; the rest is `other`. So a value that is new may be
named less often in merged parts than in the whole, and is then in `other`: no row is lost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.profile import LEAST, Categories, Numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOST_UNLISTED = 1000
"""Values that the reference does not list and that are counted apart."""
MOST_NAMED = 20
"""Of these, so many at most are named."""
LONGEST = 100
"""Characters of a value that is named; of one that is longer no more is looked at."""


class NumberCounter:
    """Counts numbers at the edges of a reference.

    Args:
        reference: The column where the model was tested.
    """

    def __init__(self, reference: Numbers) -> None:
        self._name = reference.name
        self._edges = np.asarray(reference.edges, dtype=np.float64)
        self._below = np.zeros(len(self._edges), dtype=np.int64)
        self._upto = np.zeros(len(self._edges), dtype=np.int64)
        self._count = self._nulls = self._infinite = 0
        self._moments = _Moments(0, 0.0, 0.0)
        self._least, self._most = math.inf, -math.inf

    def add(self, values: NDArray[np.float64]) -> None:
        """Count values of shape (n,); NaN is missing."""
        ordered = np.sort(values)  # NaN comes last
        numbers = int(np.searchsorted(ordered, np.nan))
        start = int(np.searchsorted(ordered, -np.inf, side="right"))
        end = int(np.searchsorted(ordered, np.inf, side="left"))
        self._count += len(ordered)
        self._nulls += len(ordered) - numbers
        self._infinite += start + numbers - end
        finite = ordered[start:end]
        if not finite.size:
            return
        self._below += np.searchsorted(finite, self._edges, side="left")
        self._upto += np.searchsorted(finite, self._edges, side="right")
        self._least, self._most = (
            min(self._least, float(finite[0])),
            max(self._most, float(finite[-1])),
        )
        self._moments = self._moments.with_part(_moments(finite))

    def found(self) -> Numbers:
        """What was counted."""
        there = self._moments.count > 0
        return Numbers(
            name=self._name,
            count=self._count,
            nulls=self._nulls,
            infinite=self._infinite,
            edges=tuple(self._edges.tolist()),
            below=tuple(self._below.tolist()),
            upto=tuple(self._upto.tolist()),
            min=self._least + 0.0 if there else None,  # no negative zero
            max=self._most + 0.0 if there else None,
            **self._moments.facts(),
        )


class _Moments:
    """Count, mean, and the sum of squared distances from it."""

    __slots__ = ("count", "mean", "squares")

    def __init__(self, count: int, mean: float, squares: float) -> None:
        self.count, self.mean, self.squares = count, mean, squares

    def with_part(self, other: _Moments) -> _Moments:
        """Of both together."""
        count = self.count + other.count
        if not other.count or not self.count:
            return self if self.count else other
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        between = apart * apart * (self.count * (other.count / count))
        return _Moments(count, mean, self.squares + other.squares + between)

    def facts(self) -> dict[str, float | None]:
        """As `Numbers` has them: `None` where there are no numbers, or too large ones."""
        if not self.count or not math.isfinite(self.mean):
            return {"mean": None, "std": None}
        std = math.sqrt(self.squares / self.count) if math.isfinite(self.squares) else None
        return {"mean": self.mean, "std": std}


def _moments(finite: NDArray[np.float64]) -> _Moments:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
        apart = finite - mean
        return _Moments(len(finite), mean, float(np.square(apart, out=apart).sum()))


class CategoryCounter:
    """Counts categories.

    Args:
        reference: The column where the model was tested.
    """

    def __init__(self, reference: Categories) -> None:
        self._name = reference.name
        self._counts = dict.fromkeys(reference.values, 0)
        self._unlisted: dict[str, int] = {}
        self._other = self._count = self._nulls = 0

    def add(self, counted: Mapping[Any, int], *, nulls: int = 0) -> None:
        """Add how often each value was seen.

        Args:
            counted: By plain Python value; `None` and NaN are missing.
            nulls: Rows without a value, beside those in `counted`.
        """
        self._nulls += nulls
        self._count += nulls
        for value, count in counted.items():
            self._count += count
            if value is None or value != value:  # noqa: PLR0124 (NaN)
                self._nulls += count
                continue
            name = self._listed(value)
            if name in self._counts:
                self._counts[name] += count
            else:
                self._other += count
                if name in self._unlisted or len(self._unlisted) < MOST_UNLISTED:
                    self._unlisted[name] = self._unlisted.get(name, 0) + count

    def _listed(self, value: Any) -> str:
        """As the reference writes it: 1 and 1.0 are one category."""
        text = str(value)
        if text in self._counts or not isinstance(value, int | float) or isinstance(value, bool):
            return text
        number = float(value)
        if not math.isfinite(number):
            return text
        other = str(int(number)) if number.is_integer() else text
        return next((way for way in (other, str(number)) if way in self._counts), text)

    def found(self) -> Categories:
        """What was counted: the reference's values in its order, then new ones."""
        new = [one for one in self._unlisted.items() if one[1] >= LEAST and len(one[0]) <= LONGEST]
        named = sorted(new, key=lambda one: (-one[1], one[0]))[:MOST_NAMED]
        listed = [*self._counts.items(), *named]
        return Categories(
            name=self._name,
            count=self._count,
            nulls=self._nulls,
            values=tuple(value for value, _ in listed),
            counts=tuple(count for _, count in listed),
            other=self._other - sum(count for _, count in named),
        )


def merged(one: Numbers | Categories, other: Numbers | Categories) -> Numbers | Categories:
    """The profile of two parts together.

    Raises:
        ValueError: They were not counted by the same reference.
    """
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        return _merged_numbers(one, other)
    if isinstance(one, Categories) and isinstance(other, Categories) and one.name == other.name:
        return _merged_categories(one, other)
    raise ValueError(f"{one.name} and {other.name} were not counted by the same reference")


def _merged_numbers(one: Numbers, other: Numbers) -> Numbers:
    if (one.name, one.edges) != (other.name, other.edges):
        raise ValueError(f"{one.name} and {other.name} were not counted by the same reference")
    moments = _of_facts(one).with_part(_of_facts(other))
    least = [part.min for part in (one, other) if part.min is not None]
    most = [part.max for part in (one, other) if part.max is not None]
    return Numbers(
        name=one.name,
        count=one.count + other.count,
        nulls=one.nulls + other.nulls,
        infinite=one.infinite + other.infinite,
        edges=one.edges,
        below=tuple(map(sum, zip(one.below, other.below, strict=True))),
        upto=tuple(map(sum, zip(one.upto, other.upto, strict=True))),
        min=min(least, default=None),
        max=max(most, default=None),
        **moments.facts(),
    )


def finite_count(column: Numbers) -> int:
    """How many finite numbers there are."""
    return column.count - column.nulls - column.infinite


def _of_facts(column: Numbers) -> _Moments:
    count = finite_count(column)
    mean = math.nan if column.mean is None else column.mean
    std = math.nan if column.std is None else column.std
    return _Moments(count, mean, std * std * count)


def _merged_categories(one: Categories, other: Categories) -> Categories:
    counted = dict(zip(one.values, one.counts, strict=True))
    for value, count in zip(other.values, other.counts, strict=True):
        counted[value] = counted.get(value, 0) + count
    return Categories(
        name=one.name,
        count=one.count + other.count,
        nulls=one.nulls + other.nulls,
        values=tuple(counted),
        counts=tuple(counted.values()),
        other=one.other + other.other,
    )
