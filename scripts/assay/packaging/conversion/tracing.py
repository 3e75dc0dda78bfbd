"""A user's function of a DataFrame or an array, called with the graph's tensors in its place.

What it does to them is written down as nodes. A function that asks for the data itself (a mean, a
loop over rows, an `if`) cannot be written down, and raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.frame import Data, Frame, column, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.tensor import Tensor, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def traced(estimator: Any, function: Any, options: dict[str, Any] | None, data: Data) -> Data:
    """What a function makes of a table.

    Raises:
        NotConvertible: It is more than a formula of columns and NumPy's elementwise functions.
    """
    name = getattr(function, "__name__", type(function).__name__)
    given = Table.of(data) if isinstance(data, Frame) and data.names is not None else matrix(data)
    try:
        made = function(given, **(options or {}))
    except Exception as error:
        what = f"the function `{name}`, which is more than a formula of columns"
        raise unsupported(estimator, what) from error
    if isinstance(made, Table):
        return made.frame()
    if not isinstance(made, Tensor):
        raise unsupported(estimator, f"the function `{name}`, which does not give columns")
    return made


class Table(Unknown, np.lib.mixins.NDArrayOperatorsMixin):
    """What pandas' DataFrame can do without knowing its rows.

    Args:
        columns: (n, 1) by name.
    """

    def __init__(self, columns: dict[str, Tensor]) -> None:
        self._columns = columns

    @classmethod
    def of(cls, frame: Frame) -> Table:
        """A table of a graph; integers are read as float64, as most of what is done makes them."""
        names = frame.names or ()
        return cls({name: _read(column(frame, at)) for at, name in enumerate(names)})

    def frame(self) -> Frame:
        """The table as a converter gives it."""
        blocks = tuple(self._columns.values())
        return Frame(blocks, (1,) * len(blocks), tuple(self._columns))

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self._columns)

    @property
    def values(self) -> Tensor:
        """As one array."""
        return matrix(self.frame())

    def to_numpy(self) -> Tensor:
        """As one array."""
        return self.values

    def copy(self) -> Table:
        """Another one, so that this one stays as it is."""
        return Table(dict(self._columns))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._columns[key]
        return Table({name: self._columns[name] for name in key})

    def __setitem__(self, key: str, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError("A column that follows from no other is not supported.")
        self._columns[key] = value

    def assign(self, **columns: Tensor | Callable[[Table], Tensor]) -> Table:
        """With more columns, or others."""
        made = self.copy()
        for name, value in columns.items():
            made[name] = value if isinstance(value, Tensor) else value(made)
        return made

    def drop(self, *, columns: str | Iterable[str]) -> Table:
        """Without some columns."""
        gone = {columns} if isinstance(columns, str) else set(columns)
        return Table({name: one for name, one in self._columns.items() if name not in gone})

    def fillna(self, value: float) -> Table:
        """With a number in place of what is missing."""
        return Table({name: one.fillna(value) for name, one in self._columns.items()})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Column by column."""
        return NotImplemented if method != "__call__" or options else self._each(ufunc, inputs)

    def __array_function__(
        self, function: Any, kinds: Any, inputs: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        """`np.where` and `np.clip`, column by column."""
        del kinds
        known = getattr(function, "__name__", "") in {"where", "clip"}
        return self._each(function, inputs, **options) if known else NotImplemented

    def _each(self, function: Any, inputs: Sequence[Any], **options: Any) -> Table:
        return Table(
            {
                name: function(
                    *(one[name] if isinstance(one, Table) else one for one in inputs), **options
                )
                for name in self._columns
            }
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)


def _read(one: Tensor) -> Tensor:
    return one if one.dtype in {"string", "bool"} else one.cast("float64")
