"""What a table is to the contract: something that can be scanned, and read in part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.contract.schema import Backend

POSITION = "__assay_row__"
"""The column with the number of a row, from 0, in the order of the file."""

LEVEL = "__assay_level_{}__"
"""The columns with the levels of a pandas index that is stored beside the data, by number."""


@dataclass(frozen=True)
class Known:
    """What is certain of a column's values before any of them is read."""

    least: Any = None
    """No value is less, but for null and NaN; `None` where that is not known."""
    most: Any = None
    """No value is greater, but for null and NaN."""
    nulls: int | None = None
    """How many values are null; `None` where that is not known."""


@dataclass(frozen=True)
class Layout:
    """A table as the user's own three lines would read it, before any row was read."""

    empty: Any
    """A data frame of the schema's backend without rows: with the columns, dtypes and index that
    reading all of the data gives. For Ibis, the table itself."""
    table: Any
    """An `ibis.Table` with the columns of `empty`, by their names and in their order. What the
    backend takes for missing is null here; for pandas that includes NaN. A column of values that
    have no common type is binary, and tells only which of them are missing. `None` where SQL
    cannot tell the columns apart (`a` and `A`): then only `frames` knows the rows."""
    numbered: Any = None
    """`table` with the column `POSITION`, where rows have a number, and a `LEVEL` for each level of
    an index that is stored beside the data; it may cost more to scan."""
    known: Mapping[str, Known] = field(default_factory=dict)
    """Of columns of `table`, and of levels, what the file says of them; need not name all."""


class Source(Protocol):
    """A table: a file, several, or one in a database."""

    @property
    def shown(self) -> str:
        """What messages call it."""

    @property
    def bytes(self) -> int:
        """Its size on disk; 0 where that is not known."""

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:
        """How its columns look to a backend.

        Raises:
            DataError: It cannot be read as a table.
        """

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """The data as frames of the layout's backend and dtypes, in order.

        Args:
            layout: From `layout`.
            columns: Those that are wanted; all by default.
            rows: At most so many in a frame; by default all come in one. The index goes on from
                frame to frame.
        """

    def check_unchanged(self) -> None:
        """Look whether it is still what it was when it was opened.

        Raises:
            DataError: It was changed meanwhile.
        """

    def close(self) -> None:
        """Let go of connections and of what was spilled."""
