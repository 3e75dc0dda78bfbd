"""One column of a user's table, read as numbers or as labels, whatever dtype it came in.

CSV readers, Parquet, databases and pandas versions give the same data as `int64`, `Int64`,
`object`, `category`, `bool` or `str`. Everything past this module sees float64 numbers, or integer
codes with a list of plain Python labels.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Label: TypeAlias = bool | int | float | str
Kind = Literal["boolean", "number", "text"]

_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "string": "text",
}
_WORDS: dict[Kind, str] = {"boolean": "true/false", "number": "numbers", "text": "text"}


class PredictionsError(DataError):
    """A predictions table cannot be read as predictions."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column without missing values.

    Exactly one of `numbers` and `codes` is set, by `kind`.
    """

    name: str
    role: str
    """What it is used as, for messages: `truth`, `prediction`, `score`, ..."""
    kind: Kind
    numbers: NDArray[np.float64] | None
    """Of booleans and numbers: the values, as float64."""
    codes: NDArray[np.intp] | None
    """Of text: the position in `texts`."""
    texts: tuple[str, ...]

    def __str__(self) -> str:
        return f"the {self.role} column {self.name!r}"

    def encoded(self) -> tuple[NDArray[np.intp], list[Label]]:
        """Codes (n,) and the distinct labels they point to, in order of appearance.

        Whole numbers become int, so that a class read as 1 here and as 1.0 there is one class.
        """
        if self.numbers is None:
            return self.codes_or_fail(), list(self.texts)
        codes, values = pd.factorize(self.numbers)
        return codes.astype(np.intp, copy=False), [plain_label(v, self.kind) for v in values]

    def codes_or_fail(self) -> NDArray[np.intp]:
        """The codes of a text column."""
        if self.codes is None:
            raise TypeError(self.kind)
        return self.codes

    def as_numbers(self) -> NDArray[np.float64]:
        """The values (n,), finite.

        Raises:
            PredictionsError: The column holds text, or infinities.
        """
        if self.numbers is None:
            found = ", ".join(repr(text) for text in self.texts[:3])
            raise PredictionsError(f"{self} must hold numbers; found text: {found}")
        infinite = np.flatnonzero(~np.isfinite(self.numbers))
        if infinite.size:
            raise PredictionsError(
                f"{self} has {infinite.size} infinite values ({rows_text(infinite)})"
            )
        return self.numbers

    @property
    def fractional(self) -> float | None:
        """The first value that is not a whole number, or None."""
        if self.numbers is None:
            return None
        found = self.numbers[self.numbers != np.floor(self.numbers)]
        return float(found[0]) if found.size else None


def require(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Check that the frame has rows and each of these columns exactly once.

    Raises:
        PredictionsError: It has not; lists the columns that do exist.
    """
    existing = [str(name) for name in frame.columns]
    missing = [name for name in dict.fromkeys(names) if name not in existing]
    if missing:
        raise PredictionsError(
            f"no column {listed(missing)}; the table has {listed(existing, limit=30)}",
            hint="Name the columns of the predictions file in assay.yaml.",
        )
    twice = [name for name in dict.fromkeys(names) if existing.count(name) > 1]
    if twice:
        raise PredictionsError(f"the table has more than one column {listed(twice)}")
    if frame.empty:
        raise PredictionsError("the table has no rows")


def text_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The same columns, named by text also where pandas holds a name as a number."""
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def pick(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column by its name, also where pandas holds that name as a number."""
    return frame.iloc[:, [str(column) for column in frame.columns].index(name)]


def read(frame: pd.DataFrame, name: str, role: str) -> Column:
    """Read one column, which `require` has found.

    Args:
        frame: The table.
        name: The column.
        role: What it is used as, for messages.

    Raises:
        PredictionsError: Missing values, or values that are neither numbers, text nor booleans.
    """
    series = pick(frame, name)
    missing = np.flatnonzero(series.isna().to_numpy(dtype=bool))
    if missing.size:
        raise PredictionsError(
            f"the {role} column {name!r} has {missing.size} missing values of {len(series)} "
            f"({rows_text(missing)})",
            hint="Drop these rows where the file is written, or fix what made them missing.",
        )
    # The type of a category is that of its values.
    categorical = isinstance(series.dtype, pd.CategoricalDtype)
    kind = _kind(series.cat.categories if categorical else series, name, role)
    if kind == "text":
        codes, uniques = pd.factorize(series)
        texts = tuple(str(text) for text in uniques)
        return Column(name, role, kind, None, codes.astype(np.intp, copy=False), texts)
    return Column(name, role, kind, _floats(series), None, ())


def _kind(values: pd.Series | pd.Index, name: str, role: str) -> Kind:
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if pd.api.types.is_complex_dtype(values.dtype):
        inferred = "complex"
    elif pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    else:
        inferred = pd.api.types.infer_dtype(values, skipna=False)
    if inferred not in _KINDS:
        raise PredictionsError(
            f"the {role} column {name!r} must hold numbers, text or true/false; "
            f"found {values.dtype} ({inferred})"
        )
    return _KINDS[inferred]


def _floats(series: pd.Series) -> NDArray[np.float64]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        known = np.asarray(series.cat.categories, dtype=np.float64)
        return np.asarray(known[series.cat.codes.to_numpy()])
    return np.asarray(series, dtype=np.float64)


def plain_label(value: float, kind: Kind) -> Label:
    """A number as a label: `True` for a boolean, 3 for 3.0, 0.5 for 0.5."""
    number = float(value)
    if kind == "boolean":
        return bool(number)
    return int(number) if math.isfinite(number) and number.is_integer() else number


def label_as(value: object, kind: Kind) -> Label | None:
    """A label that was written in a configuration, as a column of this kind would hold it.

    YAML and CSV differ in what they make of `1`, `"1"` and `true`; None where nothing fits.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if kind == "text":
        return value if isinstance(value, str) else str(value)
    if isinstance(value, str):
        spoken = {"true": 1.0, "false": 0.0}.get(value.strip().lower())
        try:
            number = float(value) if spoken is None else spoken
        except ValueError:
            return None
    elif isinstance(value, bool | int | float) and abs(value) <= sys.float_info.max:
        number = float(value)
    else:
        return None
    if not math.isfinite(number):
        return None
    if kind == "boolean" and number not in {0.0, 1.0}:
        return None
    return plain_label(number, kind)


def same_kind(first: Column, second: Column) -> Kind:
    """The kind in which the labels of two columns are compared: that of the first.

    0/1 and true/false are the same labels in two spellings.

    Raises:
        PredictionsError: One holds text and the other does not, or a number has no truth value.
    """
    if first.kind == second.kind:
        return first.kind
    kinds = {first.kind, second.kind}
    numbers = second.numbers if second.kind == "number" else first.numbers
    if kinds == {"boolean", "number"} and numbers is not None and np.isin(numbers, [0, 1]).all():
        return first.kind
    raise PredictionsError(
        f"{first} holds {_WORDS[first.kind]} and {second} holds {_WORDS[second.kind]}: "
        "they cannot name the same classes",
        hint="Write both columns with the same labels.",
    )


def ordered(labels: Iterable[Label]) -> list[Label]:
    """Labels in a stable order: numbers by size, text by code point, as `numpy.unique` does."""
    return sorted(labels, key=lambda label: (isinstance(label, str), label))


def listed(values: Sequence[object], *, limit: int = 8) -> str:
    """A few values for a message."""
    shown = ", ".join(repr(value) for value in values[:limit])
    more = len(values) - limit
    return f"{shown} and {more:,} more" if more > 0 else shown


def rows_text(positions: NDArray[np.intp], *, limit: int = 5) -> str:
    """The first rows of some positions, counted from 1 without the header."""
    shown = ", ".join(str(position + 1) for position in positions[:limit].tolist())
    word = "row" if positions.size == 1 else "rows"
    return f"{word} {shown}{', ...' if positions.size > limit else ''}"
