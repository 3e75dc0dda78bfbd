"""Columns that a client sent, as the model's inputs: names, types, shapes and categories checked.

What is sent has to be of the type that the signature names. A whole number is a float too; a float
is no whole number even where it has no fraction, and true is no 1: a client that mixes them up
sends another thing than it means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from assay.serving import packed
from assay.serving.errors import RequestError, shown, wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from assay.packaging.facts import InputSpec, Parity, Scalar
    from assay.serving.protocols.base import Feeds

_KINDS = {"b": "true or false", "i": "a whole number", "u": "a whole number", "f": "a number"}
_TYPES: dict[str, frozenset[type]] = {
    "O": frozenset({str}),
    "b": frozenset({bool}),
    "f": frozenset({int, float}),
}
_UNSEEN = "unseen categories"
"""The rows of that name in `Parity`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One input of the model."""

    name: str
    width: int
    """Numbers a row; 1 unless it is a matrix."""
    dtype: np.dtype[Any]
    """`object` of text."""
    types: frozenset[type]
    """What a value may be in JSON."""
    missing: Any
    """What stands for a missing value; `None` where there has to be one."""
    limits: tuple[int, int] | None
    """The least and the largest whole number, where it is one."""
    categories: frozenset[Scalar] | None
    """Those that the model answers, where it answers no others."""

    @classmethod
    def of(cls, spec: InputSpec, parity: Parity | None) -> Column:
        """What an input of a signature takes."""
        dtype = np.dtype(object if spec.dtype == "string" else spec.dtype)
        missing: Any = None
        if spec.nullable and dtype.kind in "Of":
            missing = "" if dtype.kind == "O" else math.nan
        whole: Any = np.iinfo(cast("Any", dtype)) if dtype.kind in "iu" else None
        return cls(
            name=spec.name,
            width=math.prod(one or 1 for one in spec.shape[1:]),
            dtype=dtype,
            types=_TYPES.get(dtype.kind, frozenset({int})),
            missing=missing,
            limits=None if whole is None else (int(whole.min), int(whole.max)),
            categories=None
            if spec.categories is None or _answers_unseen(parity)
            else frozenset(spec.categories),
        )

    def one(self, value: Any) -> NDArray[Any]:
        """(1, 1): the value of a single row.

        Raises:
            RequestError: The model cannot be given it.
        """
        kind = type(value)
        if self.categories is None and (
            (self.dtype.char == "d" and (kind is float or kind is int))
            or (kind is int and self.limits and self.limits[0] <= value <= self.limits[1])
        ):
            return np.array(((value,),), self.dtype)
        return self.many([value], 1)

    def many(self, values: list[Any], rows: int) -> NDArray[Any]:
        """(rows, width): values one after the other, row by row.

        Raises:
            RequestError: The model cannot be given them.
        """
        if len(values) != rows * self.width:
            raise wrong(
                f"Input `{self.name}` has {len(values):,} values; {rows:,} rows need "
                f"{rows * self.width:,}."
            )
        if not self.types.issuperset(map(type, values)):
            values = self._filled(values)
        if self.limits is not None:
            self._check_range(values, *self.limits)
        if self.categories is not None and not self.categories.issuperset(values):
            self._check_categories(values)
        try:
            with np.errstate(over="raise"):
                found = np.array(values, self.dtype)
        except (OverflowError, FloatingPointError):
            raise wrong(
                f"Input `{self.name}` has a number that is too large for {self.dtype}."
            ) from None
        return found.reshape(rows, self.width)

    def given(self, found: NDArray[Any]) -> NDArray[Any]:
        """(rows, width): an array of the right type and shape that came as bytes, checked.

        Raises:
            RequestError: The model cannot be given it.
        """
        if self.dtype.kind == "f":
            if np.isinf(found).any():
                raise wrong(f"Input `{self.name}` has a number that is infinite.")
            if self.missing is None and np.isnan(found).any():
                raise wrong(f"Input `{self.name}` has a number that is missing (NaN).")
        if self.categories is not None:
            self._check_categories(found.ravel().tolist())
        return found

    def _filled(self, values: list[Any]) -> list[Any]:
        """Values with what stands for null in place of it."""
        for at, value in enumerate(values):
            if type(value) not in self.types and (value is not None or self.missing is None):
                where = f"Input `{self.name}`, row {at // self.width + 1}"
                raise wrong(f"{where}: {shown(value)} is not {self._wanted()}.")
        return [self.missing if value is None else value for value in values]

    def _wanted(self) -> str:
        kind = _KINDS.get(self.dtype.kind, "text")
        return kind if self.missing is None else f"{kind} or null"

    def _is_missing(self, value: Any) -> bool:
        if self.missing is None:
            return False
        return value == "" if self.dtype.kind == "O" else math.isnan(value)

    def _check_range(self, values: list[Any], low: int, high: int) -> None:
        if low <= min(values) and max(values) <= high:
            return
        for at, value in enumerate(values):
            if not low <= value <= high:
                raise wrong(
                    f"Input `{self.name}`, row {at // self.width + 1}: {shown(value)} is no "
                    f"{self.dtype}: those are {low} to {high}."
                )

    def _check_categories(self, values: list[Any]) -> None:
        known = self.categories or frozenset()
        for at, value in enumerate(values):
            if value not in known and not self._is_missing(value):
                some = ", ".join(shown(one) for one in sorted(known, key=str)[:10])
                more = f" and {len(known) - 10} more" if len(known) > 10 else ""
                raise wrong(
                    f"Input `{self.name}`, row {at // self.width + 1}: {shown(value)} is a "
                    f"category that the model does not know. It knows {some}{more}."
                )


def _answers_unseen(parity: Parity | None) -> bool:
    """Whether the model was shown to answer categories that it was not fitted with.

    Packaging asks about them. Where the model itself refused one, nothing is known of what an
    export would say, so nobody may ask.
    """
    if parity is None:
        return False
    return any(one.name == _UNSEEN and one.count and not one.undefined for one in parity.rows)


class Table:
    """All inputs of a model.

    Args:
        columns: In the order of the signature.
        most: Rows of a request.
    """

    def __init__(self, columns: Iterable[Column], most: int) -> None:
        self.columns = {one.name: one for one in columns}
        self.most = most
        self._names = self.columns.keys()
        self._plain = all(one.width == 1 for one in self.columns.values())
        packing = packed.packing(self.columns.values())
        self._packer = None if packing is None else packed.Packer(self.columns.values(), packing)

    def feeds(self, columns: Mapping[str, list[Any]], rows: int) -> Feeds:
        """Columns, checked.

        Args:
            columns: Values by name, row by row.
            rows: How many rows there are.

        Raises:
            RequestError: They are not what the model takes.
        """
        self.check_rows(rows)
        self.check_names(columns)
        if rows == 1 and self._plain:
            return {
                name: column.one(values[0]) if len(values) == 1 else column.many(values, 1)
                for name, column in self.columns.items()
                for values in (columns[name],)
            }
        return {name: column.many(columns[name], rows) for name, column in self.columns.items()}

    def row(self, values: Mapping[str, Any]) -> Feeds:
        """A single row, checked; a matrix's numbers are a list.

        Raises:
            RequestError: It is not what the model takes.
        """
        if values.keys() != self._names:
            self.check_names(values)
        if self._packer is not None:
            found = self._packer.row(values)
            if found is not None:
                return found
        if self._plain:
            return {name: column.one(values[name]) for name, column in self.columns.items()}
        return self.rows([values])

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> Feeds:
        """Rows by name, checked.

        Raises:
            RequestError: They are not what the model takes.
        """
        self.check_rows(len(rows))
        for one in rows:
            if one.keys() != self._names:
                self.check_names(one)
        return {
            name: column.many(_of_rows(rows, column), len(rows))
            for name, column in self.columns.items()
        }

    def check_rows(self, rows: int) -> None:
        """Refuse no rows, and too many.

        Raises:
            RequestError: It is so.
        """
        if rows < 1:
            raise wrong("The request has no rows.")
        if rows > self.most:
            raise RequestError(
                413, f"The request has {rows:,} rows; at most {self.most:,} are answered at once."
            )

    def check_names(self, names: Mapping[str, Any]) -> None:
        """Refuse names that the model does not know, and where one is missing.

        Raises:
            RequestError: It is so.
        """
        if names.keys() == self._names:
            return
        for name in names:
            if name not in self.columns:
                raise wrong(f"There is no input {shown(name)}. The model takes {self._listed()}.")
        missing = next(name for name in self.columns if name not in names)
        raise wrong(f"Input `{missing}` is missing. The model takes {self._listed()}.")

    def _listed(self) -> str:
        names = [f"`{name}`" for name in self.columns]
        return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")


def _of_rows(rows: Sequence[Mapping[str, Any]], column: Column) -> list[Any]:
    """The values of a column, row by row."""
    if column.width == 1:
        return [one[column.name] for one in rows]
    found: list[Any] = []
    for at, one in enumerate(rows, start=1):
        values = one[column.name]
        if not isinstance(values, list) or len(values) != column.width:
            raise wrong(
                f"Input `{column.name}`, row {at}: a list of {column.width} values is needed."
            )
        found += values
    return found
