"""Columns of any kind as a few integer codes, so that one search serves numbers, dates and text.

Numbers and dates are cut near their quantiles, at readable places; text, categories and true/false
have a code for each value. Columns that name rows instead of describing them are left out.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.console import printable
from assay.stats.columns import Label, pick, plain_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MOST_BINS = 32
"""Numbers are cut into about so many parts with the same number of rows."""
MOST_VALUES = 50
"""Text with more distinct values is taken for a name or an id."""
_LONGEST_VALUE = 40
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_PLAIN_VALUE = re.compile(r"[\w+-]([\w .+-]*[\w+-])?")


class UnfitError(Exception):
    """A column that no slice can be made of; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a slice asks of one column: a range of its numbers, or some of its values."""

    column: str
    at_least: float | str | None = None
    """A number, or a date as text."""
    below: float | str | None = None
    values: tuple[Label | None, ...] = ()
    """One of these; None stands for rows without a value."""
    negated: bool = False
    """None of `values`, instead of one of them."""
    missing: bool = False
    """Of a range: whether rows without a value belong to the slice."""

    def __str__(self) -> str:
        name = _quoted(self.column, _PLAIN_NAME)
        if self.values:
            return _membership(name, self.values, negated=self.negated)
        bounds = [
            f"{name} {sign} {_value(bound)}"
            for sign, bound in ((">=", self.at_least), ("<", self.below))
            if bound is not None
        ]
        if not bounds:
            return f"{name} is missing" if self.missing else f"{name} is not missing"
        together = " and ".join(bounds)
        return f"({together} or {name} is missing)" if self.missing else together

    @property
    def expression(self) -> str:
        """The same as `where` of assay.yaml has it, exactly: see `expressions`."""
        plain = self.column.isidentifier() and not keyword.iskeyword(self.column)
        name = self.column if plain else f"`{self.column}`"
        if self.values:
            given = [value for value in self.values if value is not None]
            parts = [f"{name} is None"] if None in self.values else []
            if given:
                parts.append(f"{name} in ({', '.join(map(repr, given))},)")
            return f"{'not ' if self.negated else ''}({' or '.join(parts)})"
        bounds = [
            f"{name} {sign} {bound!r}"
            for sign, bound in ((">=", self.at_least), ("<", self.below))
            if bound is not None
        ]
        if not bounds:
            return f"{name} is None" if self.missing else f"{name} is not None"
        together = " and ".join(bounds)
        return f"({together} or {name} is None)" if self.missing else together


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """One column, as codes."""

    name: str
    codes: NDArray[np.intp]
    """(n,): below `size`. Of numbers, the last code is for rows without a value."""
    size: int
    cuts: tuple[float | str, ...] = ()
    """Of numbers and dates: code i holds the values from cut i - 1 up to, and without, cut i."""
    values: tuple[Label | None, ...] = ()
    """Of text, categories and true/false: the value of each code."""

    @property
    def ordered(self) -> bool:
        """Whether the codes are ranges of numbers, rather than values without an order."""
        return bool(self.cuts)

    def condition(self, inside: NDArray[np.bool_]) -> Condition:
        """The codes that a mask (size,) selects, in words; of numbers they are without a gap."""
        if not self.ordered:
            chosen = [value for value, kept in zip(self.values, inside, strict=True) if kept]
            others = [value for value, kept in zip(self.values, inside, strict=True) if not kept]
            negated = len(others) < len(chosen)
            return Condition(
                column=self.name, values=tuple(others if negated else chosen), negated=negated
            )
        bins = np.flatnonzero(inside[:-1])
        missing = bool(inside[-1])
        if not bins.size:
            return Condition(column=self.name, missing=missing)
        first, last = int(bins[0]), int(bins[-1])
        return Condition(
            column=self.name,
            at_least=self.cuts[first - 1] if first > 0 else None,
            below=self.cuts[last] if last < len(self.cuts) else None,
            missing=missing and bool((self.codes == self.size - 1).any()),
        )


def code(frame: pd.DataFrame, name: str) -> Coded:
    """One column as codes.

    Raises:
        UnfitError: It is constant, names rows, or holds what cannot be compared.
    """
    series = pick(frame, name)
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return _values(name, series)
    if pd.api.types.is_complex_dtype(dtype):
        raise UnfitError("it holds complex numbers")
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return _dates(name, series)
    if pd.api.types.is_numeric_dtype(dtype):
        return _numbers(name, series.to_numpy(dtype=np.float64, na_value=np.nan))
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind in {"integer", "floating", "mixed-integer-float", "decimal"}:
        return _numbers(name, pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in {"date", "datetime"} or (kind == "string" and _looks_like_dates(series)):
        moments = pd.to_datetime(series, format="ISO8601", errors="coerce", utc=True)
        if (moments.isna() == series.isna()).all():
            return _dates(name, moments)
    return _values(name, series)


def _looks_like_dates(series: pd.Series) -> bool:
    """Whether the first text begins as an ISO date does; parsing all of a column takes time."""
    first = series.first_valid_index()
    return first is not None and _DATE.match(str(series.dropna().iloc[0])) is not None


def _numbers(name: str, numbers: NDArray[np.float64]) -> Coded:
    finite = np.sort(numbers[np.isfinite(numbers)])
    if not finite.size:
        raise UnfitError("it has no value" if np.isnan(numbers).all() else "it has no finite value")
    new = finite[1:] != finite[:-1]
    distinct = int(new.sum()) + 1
    if distinct == len(numbers) > MOST_VALUES and (finite == np.floor(finite)).all():
        raise UnfitError("every row has another whole number: it looks like an id")
    if distinct <= 2:
        return _values(name, pd.Series(numbers))
    if distinct <= MOST_BINS:
        edges = finite[1:][new]
    else:
        edges = _readable(finite[np.arange(1, MOST_BINS) * finite.size // MOST_BINS])
    codes = np.searchsorted(edges, numbers, side="right").astype(np.intp, copy=False)
    codes[np.isnan(numbers)] = edges.size + 1
    cuts = tuple(float(edge) for edge in edges)
    return Coded(name, codes, edges.size + 2, cuts=cuts)


def _readable(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cuts near the quantiles with as few digits as the distance to their neighbours allows."""
    distinct = np.unique(quantiles)
    if distinct.size == 1:
        return distinct
    # Halved first: the distance between the largest numbers is none itself.
    gaps = np.diff(distinct / 2)
    room = np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    rounded = [_rounded(float(e), float(gap)) for e, gap in zip(distinct, room, strict=True)]
    return np.unique(np.array(rounded))


def _rounded(edge: float, gap: float) -> float:
    if gap == 0:  # half of the smallest number
        return edge
    try:
        return round(edge, -math.floor(math.log10(gap)))
    except OverflowError:  # the largest number of all, upwards
        return edge


def _dates(name: str, series: pd.Series) -> Coded:
    """Dates are cut as numbers, at moments that some row has."""
    given = series.dropna().sort_values()
    if given.empty:
        raise UnfitError("it has no value")
    positions = np.arange(1, MOST_BINS) * len(given) // MOST_BINS
    edges = pd.Index(given.iloc[positions].unique())
    if given.iloc[0] in edges:
        edges = edges[1:]
    if edges.empty:
        raise UnfitError("almost every row has the same value")
    codes = np.asarray(edges.searchsorted(series.to_numpy(), side="right"), dtype=np.intp)
    codes[series.isna().to_numpy(dtype=bool)] = len(edges) + 1
    return Coded(name, codes, len(edges) + 2, cuts=tuple(_moment(edge) for edge in edges))


def _moment(edge: Any) -> str:
    return str(edge).removesuffix("+00:00").removesuffix(" 00:00:00")


def _values(name: str, series: pd.Series) -> Coded:
    try:
        codes, uniques = pd.factorize(series, use_na_sentinel=True)
    except TypeError:
        raise UnfitError("it holds lists or the like") from None
    if len(uniques) > MOST_VALUES:
        raise UnfitError(f"it has {len(uniques):,} distinct values: it looks like a name or an id")
    values: list[Label | None] = [_label(value) for value in uniques]
    codes = codes.astype(np.intp, copy=True)
    if (codes < 0).any():
        codes[codes < 0] = len(values)
        values.append(None)
    if len(values) < 2:
        raise UnfitError("every row has the same value")
    return Coded(name, codes, len(values), values=tuple(values))


def _label(value: Any) -> Label:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return plain_label(value, "number")
    return str(value)


def _membership(name: str, values: tuple[Label | None, ...], *, negated: bool) -> str:
    if len(values) == 1:
        if values[0] is None:
            return f"{name} is {'not ' if negated else ''}missing"
        return f"{name} {'!=' if negated else '='} {_value(values[0])}"
    shown = ", ".join("missing" if value is None else _value(value) for value in values)
    return f"{name} {'not ' if negated else ''}in ({shown})"


def _value(value: Label) -> str:
    if isinstance(value, str):
        return _quoted(value, _PLAIN_VALUE)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _quoted(text: str, plain: re.Pattern[str]) -> str:
    """Text as it is where it reads as a word, else in quotes, so that a rule can be told apart."""
    short = text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
    if plain.fullmatch(short):
        return short
    return printable(json.dumps(short, ensure_ascii=False))


def coded(
    frame: pd.DataFrame, names: Iterable[str]
) -> tuple[list[Coded], tuple[tuple[str, str], ...]]:
    """The columns that slices can be made of, and (name, why not) of the others."""
    fit: list[Coded] = []
    unfit: list[tuple[str, str]] = []
    for name in names:
        try:
            fit.append(code(frame, name))
        except UnfitError as reason:
            unfit.append((name, str(reason)))
    return fit, tuple(unfit)
