"""One side of a comparison: a column of a table, or a value that somebody wrote down.

Whatever dtype a column came in, it is a number, a truth value, text or a date here, with its
missing values apart. What cannot be compared is an error, never a silent False.
"""

from __future__ import annotations

import difflib
import operator
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from assay.stats import columns
from assay.stats.columns import PredictionsError, listed, pick

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

Kind = Literal["number", "boolean", "text", "date", "empty", "other"]
Sign = Literal["==", "!=", "<", "<=", ">", ">="]

OPERATIONS: Mapping[Sign, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)
_MIRRORED: Mapping[Sign, Sign] = {
    "==": "==",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_WORDS: Mapping[Kind, str] = {
    "number": "numbers",
    "boolean": "true/false",
    "text": "text",
    "date": "dates",
    "empty": "nothing",
    "other": "values that are neither numbers, text, true/false nor dates",
}
_INFERRED: Mapping[str, Kind] = {
    "string": "text",
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "datetime": "date",
    "datetime64": "date",
    "date": "date",
    "empty": "empty",
}
_NUMBERS = frozenset({"number", "boolean"})


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """A column (n,), or one value that stands for each row."""

    label: str
    """What messages call it."""
    kind: Kind
    values: Any
    """Numbers and truth values: an array; text: codes into `texts`; dates: a DatetimeIndex.
    Of one value: that value."""
    missing: NDArray[np.bool_] | None = None
    """(n,); None for one value."""
    texts: NDArray[np.object_] | None = None
    """Of a text column: its distinct texts."""
    ranked: bool = False
    """Whether `texts` are in an order of their own: ordered categories."""

    @property
    def constant(self) -> bool:
        """Whether it is one value."""
        return self.missing is None

    def absent(self) -> NDArray[np.bool_]:
        """(n,): where a column has no value."""
        if self.missing is None:
            raise TypeError(self.label)
        return self.missing

    def floats(self) -> NDArray[np.float64]:
        """Numbers as float64, nan where they are missing.

        Raises:
            PredictionsError: It holds no numbers.
        """
        if self.kind == "empty":
            return np.full(self.absent().shape, np.nan)
        if self.kind not in _NUMBERS:
            raise PredictionsError(f"{self.label} holds {_WORDS[self.kind]}, not numbers")
        values = np.asarray(self.values, dtype=np.float64)
        return values if self.missing is None else np.where(self.missing, np.nan, values)


def kind_of(values: pd.Series | pd.Index) -> Kind:
    """What a column holds, by its dtype or, where that says nothing, by its values."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(dtype.categories)
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_complex_dtype(dtype):
        return "other"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "other")


class Table:
    """A table whose columns are read once, however many conditions name them."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._columns: dict[str, Operand] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def require(self, names: Sequence[str]) -> None:
        """Check that there are rows, and each of these columns exactly once.

        Raises:
            PredictionsError: It is not so; says which column may have been meant.
        """
        existing = [str(name) for name in self.frame.columns]
        for name in names:
            if name not in existing and (close := difflib.get_close_matches(name, existing, n=1)):
                raise PredictionsError(
                    f"no column {name!r}; the table has {listed(existing, limit=30)}",
                    hint=f"Did you mean {close[0]!r}?",
                )
        columns.require(self.frame, names)

    def read(self, name: str) -> Operand:
        """A column that `require` has found.

        Raises:
            PredictionsError: Dates that cannot be read as such.
        """
        if name not in self._columns:
            series = pick(self.frame, name)
            self._columns[name] = _read(series, f"the column {name!r} ({series.dtype})")
        return self._columns[name]


def _read(series: pd.Series, label: str) -> Operand:
    kind = kind_of(series)
    missing = series.isna().to_numpy(dtype=bool)
    if kind in {"other", "empty"}:
        return Operand(label, kind, None, missing)
    if kind == "text":
        return _text(series, label, missing)
    if isinstance(series.dtype, pd.CategoricalDtype):
        known = _read(pd.Series(series.dtype.categories), label)
        # A missing one has the code -1: the last category, which `missing` then masks.
        return Operand(label, kind, known.values[series.cat.codes.to_numpy()], missing)
    if kind == "date":
        return Operand(label, kind, _dates(series, label), missing)
    return Operand(label, kind, _numbers(series, kind, missing), missing)


def _numbers(series: pd.Series, kind: Kind, missing: NDArray[np.bool_]) -> NDArray[Any]:
    if not missing.any():
        # Whole numbers stay whole: an id of 18 digits is no float.
        whole = pd.api.types.is_integer_dtype(series.dtype)
        unsigned = pd.api.types.is_unsigned_integer_dtype(series.dtype)
        exact = (np.uint64 if unsigned else np.int64) if whole else np.float64
        return np.asarray(series, dtype=np.bool_ if kind == "boolean" else exact)
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _text(series: pd.Series, label: str, missing: NDArray[np.bool_]) -> Operand:
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes: NDArray[Any] = series.cat.codes.to_numpy()
        known: Any = series.dtype.categories
        ranked = bool(series.dtype.ordered)
    else:
        (codes, known), ranked = pd.factorize(series), False
    texts = np.asarray(known, dtype=object)
    return Operand(label, "text", codes, missing, texts=texts, ranked=ranked)


def _dates(series: pd.Series, label: str) -> pd.DatetimeIndex:
    try:
        return pd.DatetimeIndex(pd.to_datetime(series))
    except (ValueError, TypeError) as error:
        raise PredictionsError(f"{label} holds dates that cannot be compared: {error}") from error


def constant(value: bool | float | str, label: str) -> Operand:  # noqa: FBT001 (a value, no switch)
    """A value that somebody wrote down."""
    kind: Kind = "text" if isinstance(value, str) else "number"
    return Operand(label, "boolean" if isinstance(value, bool) else kind, value)


def compare(left: Operand, sign: Sign, right: Operand) -> NDArray[np.bool_]:
    """(n,): whether `left sign right` is true. Where a value is missing, it is not.

    One of the two is a column. True/false compares with numbers as 1 and 0; dates compare with
    dates in ISO format; ordered categories compare by their order, other text by code points.

    Raises:
        PredictionsError: The two cannot be compared.
    """
    if left.constant:
        left, right, sign = right, left, _MIRRORED[sign]
    absent = left.absent() if right.constant else left.absent() | right.absent()
    kinds = {left.kind, right.kind}
    if "empty" in kinds:
        return np.zeros(absent.shape, dtype=np.bool_)
    if kinds <= _NUMBERS:
        found = OPERATIONS[sign](left.values, right.values)
    elif kinds == {"text"}:
        found = _compare_texts(left, sign, right)
    elif left.kind == "date" and (right.kind == "date" or (right.constant and kinds <= _DATED)):
        found = _compare_dates(left, sign, right)
    else:
        raise PredictionsError(
            f"{left.label} holds {_WORDS[left.kind]} and cannot be compared with {_told(right)}",
            hint=_advice(left, right),
        )
    return np.asarray(found & ~absent, dtype=np.bool_)


_DATED = frozenset({"date", "text"})


def _told(side: Operand) -> str:
    if side.constant:
        return f"the {_WORDS[side.kind].removesuffix('s')} {side.label}"
    return f"{side.label}, which holds {_WORDS[side.kind]}"


def _advice(left: Operand, right: Operand) -> str | None:
    if left.kind == "other" or not right.constant:
        return None
    if left.kind == "text":
        return f"Write the value in quotes: '{right.label}'."
    if left.kind == "boolean" and right.kind == "text":
        return "Write True or False, without quotes."
    return "Write the number without quotes." if right.kind == "text" else None


def _compare_texts(left: Operand, sign: Sign, right: Operand) -> NDArray[np.bool_]:
    assert left.texts is not None  # noqa: S101 (of a text column)
    compared = OPERATIONS[sign]
    if not right.constant:
        assert right.texts is not None  # noqa: S101
        if sign not in {"==", "!="} and (left.ranked or right.ranked):
            return _compare_ranks(left, sign, right)
        return np.asarray(compared(_spelled(left), _spelled(right)), dtype=np.bool_)
    if left.ranked and sign not in {"==", "!="}:
        ranks = {text: rank for rank, text in enumerate(left.texts)}
        if right.values not in ranks:
            raise PredictionsError(
                f"{left.label} has no category {right.label}, so that nothing is above or below "
                f"it; its order is {listed(list(ranks))}"
            )
        table = compared(np.arange(len(ranks)), ranks[right.values])
    else:
        table = np.array([compared(text, right.values) for text in left.texts], dtype=np.bool_)
    return np.asarray(table[left.values] if table.size else np.zeros(left.values.shape, np.bool_))


def _compare_ranks(left: Operand, sign: Sign, right: Operand) -> NDArray[np.bool_]:
    same = left.ranked and right.ranked and np.array_equal(left.texts, right.texts)  # type: ignore[arg-type]
    if not same:
        raise PredictionsError(f"{left.label} and {right.label} are not ordered in the same way")
    return np.asarray(OPERATIONS[sign](left.values, right.values))


def _spelled(side: Operand) -> NDArray[np.object_]:
    """(n,) texts; what is missing is an empty one, for `missing` to mask."""
    assert side.texts is not None  # noqa: S101 (of a text column)
    return np.asarray(np.append(side.texts, "")[side.values], dtype=object)


def _compare_dates(left: Operand, sign: Sign, right: Operand) -> NDArray[np.bool_]:
    other = _moment(left, right) if right.kind == "text" else right.values
    if (left.values.tz is None) != (other.tz is None):
        with_zone, without = (right, left) if left.values.tz is None else (left, right)
        raise PredictionsError(
            f"{left.label} and {right.label} cannot be compared: {with_zone.label} has a time zone "
            f"and {without.label} has none"
        )
    return np.asarray(OPERATIONS[sign](left.values, other))


def _moment(left: Operand, right: Operand) -> pd.Timestamp:
    """A date as somebody wrote it, in the time zone of the column."""
    try:
        moment = pd.Timestamp(datetime.fromisoformat(right.values))
        zone = left.values.tz
        return moment.tz_localize(zone) if zone is not None and moment.tz is None else moment
    except ValueError as error:
        raise PredictionsError(
            f"{left.label} holds dates, and {right.label} is no date",
            hint="Write dates as '2024-01-31' or '2024-01-31T18:30'.",
        ) from error
