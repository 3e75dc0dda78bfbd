"""Rules that say for each row of a table which of several groups it is in."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from assay.stats import expressions
from assay.stats.columns import Label, PredictionsError, pick
from assay.stats.operands import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from assay.stats.expressions import Expression
    from assay.stats.operands import Kind, Table

SliceValue: TypeAlias = "Label | None"


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Which group each row is in."""

    codes: NDArray[np.intp]
    """(n,): the group, -1 for none."""
    counts: NDArray[np.intp]
    """(m,): rows of each group."""
    values: Callable[[NDArray[np.intp]], list[tuple[SliceValue, ...]]]
    """The values that make some of the groups; only when asked, as there may be a million."""


@dataclass(frozen=True, slots=True)
class ByValue:
    """A group for each value of a column, or for each combination of several columns' values."""

    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    """What the columns hold where the rule was made."""

    @classmethod
    def of(cls, table: Table, columns: Sequence[str]) -> ByValue:
        """The rule for some columns of a table."""
        return cls(tuple(columns), tuple(kind_of(pick(table.frame, name)) for name in columns))

    @property
    def title(self) -> str:
        """What messages call it."""
        return " x ".join(shown(name) for name in self.columns)

    def name(self, values: Sequence[SliceValue], *, quote: bool = False) -> str:
        """What the group with these values is called."""
        return " and ".join(
            f"{shown(column)} is missing"
            if value is None
            else f"{shown(column)} = {shown(value, quote=quote)}"
            for column, value in zip(self.columns, values, strict=True)
        )

    def encode(self, table: Table) -> Coded:
        """The groups of a table's rows.

        Raises:
            PredictionsError: A column cannot be grouped, or holds something else than where the
                rule was made.
        """
        found = [
            self._factorize(table, *pair) for pair in zip(self.columns, self.kinds, strict=True)
        ]
        if len(found) == 1:
            ((codes, known),) = found
            counts = np.bincount(codes, minlength=len(known) + 1)
            # The first is for rows without a value; where there are none it is no group.
            absent = int(counts[0] == 0)
            return Coded(
                codes - absent,
                counts[absent:],
                lambda groups: [(value,) for value in _values(known, groups + absent)],
            )
        ids: NDArray[np.intp] = np.zeros(len(table), dtype=np.intp)
        for codes, known in found:
            # Numbered anew after each column, so that the product cannot overflow.
            ids = pd.factorize(ids * (len(known) + 1) + codes)[0].astype(np.intp, copy=False)
        counts = np.bincount(ids)
        first = np.empty(counts.size, dtype=np.intp)
        first[ids[::-1]] = np.arange(ids.size)[::-1]
        return Coded(
            ids,
            counts,
            lambda groups: list(
                zip(*(_values(known, codes[first[groups]]) for codes, known in found), strict=True)
            ),
        )

    def _factorize(self, table: Table, name: str, kind: Kind) -> tuple[NDArray[np.intp], Any]:
        """(n,) codes, 0 for a missing value; and the values, from code 1 on."""
        series = pick(table.frame, name)
        then, now = _FAMILIES.get(kind), _FAMILIES.get(kind_of(series))
        if then and now and then != now:
            raise PredictionsError(
                f"the column {name!r} holds {then} in the head and {now} in the base: their slices "
                "cannot be matched",
                hint="Write the column with the same type in both.",
            )
        try:
            codes, known = pd.factorize(series, use_na_sentinel=True)
        except TypeError as error:
            raise PredictionsError(
                f"the table cannot be sliced by {name!r}: it holds lists or the like ({error})"
            ) from error
        return codes.astype(np.intp, copy=False) + 1, known


# 1 and True are the same value.
_FAMILIES: Mapping[Kind, str] = {
    "number": "numbers",
    "boolean": "numbers",
    "text": "text",
    "date": "dates",
}


@dataclass(frozen=True, slots=True)
class Bins:
    """A group for each range of numbers, and one for rows without a value."""

    column: str
    edges: tuple[float, ...]
    """Rising. A number on an edge is in the bin above it; the outer bins are open."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{shown(self.column)} in bins"

    def name(self, values: Sequence[SliceValue], *, quote: bool = False) -> str:
        """What the group with this range is called."""
        del quote
        (value,) = values
        return f"{shown(self.column)} {'is missing' if value is None else value}"

    def encode(self, table: Table) -> Coded:
        """The groups of a table's rows: bins from the lowest on, with and without rows.

        Raises:
            PredictionsError: The column holds no numbers.
        """
        numbers = _numbers(table, self.column)
        missing = np.isnan(numbers)
        codes = np.searchsorted(self.edges, numbers, side="right").astype(np.intp, copy=False)
        bins = len(self.edges) + 1
        codes[missing] = bins
        ranges: list[SliceValue] = [*self._ranges(), None]
        return Coded(
            codes,
            np.bincount(codes, minlength=bins + int(missing.any())),
            lambda groups: [(ranges[group],) for group in groups],
        )

    def _ranges(self) -> list[str]:
        if not self.edges:
            return ["is given"]
        told = [shown(plain(edge)) for edge in self.edges]
        between = [f"in [{low}, {high})" for low, high in itertools.pairwise(told)]
        return [f"< {told[0]}", *between, f">= {told[-1]}"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One group: the rows for which an expression is true."""

    title: str
    expression: Expression

    @classmethod
    def of(cls, name: str, text: str) -> Condition:
        """The rule for an expression.

        Raises:
            PredictionsError: The text is none.
        """
        return cls(name, expressions.compile(text))

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that the expression names."""
        return self.expression.columns

    def name(self, values: Sequence[SliceValue], *, quote: bool = False) -> str:
        """What the user calls it."""
        del values, quote
        return self.title

    def encode(self, table: Table) -> Coded:
        """The group of a table's rows: 0 where the expression is true.

        Raises:
            PredictionsError: A column is missing or cannot be compared.
        """
        mask = self.expression.mask(table)
        counts = np.array([np.count_nonzero(mask)], dtype=np.intp)
        return Coded(mask.astype(np.intp) - 1, counts, lambda groups: [() for _ in groups])


def quantile_edges(table: Table, column: str, bins: int) -> tuple[float, ...]:
    """Edges that cut a column's numbers into bins with about the same number of rows.

    An edge may be off by one row in a hundred where that makes it shorter to write. Where many rows
    have one value there are fewer edges; none if all rows have the same.

    Raises:
        PredictionsError: The column holds no numbers.
    """
    numbers = _numbers(table, column)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return ()
    places = np.arange(1, bins) * finite.size // bins
    lowest = finite.min()
    above = finite[finite > lowest]
    if not above.size:
        return ()
    # An edge on the lowest value would have nothing below it.
    exact = np.maximum(np.partition(finite, places)[places], above.min())
    return tuple(sorted({_readable(float(edge), finite) for edge in exact}))


def _readable(edge: float, numbers: NDArray[np.float64]) -> float:
    """The number with the fewest digits that cuts at nearly the same place."""
    below = np.count_nonzero(numbers < edge)
    for digits in range(1, 17):
        short = float(f"{edge:.{digits}g}")
        count = np.count_nonzero(numbers < short)
        if 0 < count < numbers.size and abs(count - below) <= numbers.size // 100:
            return short
    return edge


def _numbers(table: Table, column: str) -> NDArray[np.float64]:
    operand = table.read(column)
    if operand.kind not in {"number", "empty"}:
        raise PredictionsError(
            f"{operand.label} cannot be cut into bins: it holds no numbers",
            hint="Leave out `bins` and `quantiles` to slice by its values, or use `where`.",
        )
    return operand.floats()


def _values(known: Any, codes: NDArray[np.intp]) -> list[SliceValue]:
    """The plain values of codes from 1 on; 0 is a missing one."""
    if not len(known):
        return [None] * codes.size
    taken = np.asarray(known.take(np.maximum(codes - 1, 0)), dtype=object)
    return [
        None if code == 0 else plain(value)
        for code, value in zip(codes.tolist(), taken, strict=True)
    ]


def plain(value: Any) -> Label:
    """A value of a column as JSON has it: the same for 3 and 3.0, dates as text."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)  # JSON has no infinity
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    return value if isinstance(value, bool | int | str) else str(value)


def shown(value: Label, *, quote: bool = False) -> str:
    """A name or a value, in quotes where it could be misread."""
    if not isinstance(value, str):
        return str(value)
    misread = " and " in value or " = " in value
    clear = value.isprintable() and value == value.strip() != ""
    return value if clear and not misread and not quote else repr(value)
