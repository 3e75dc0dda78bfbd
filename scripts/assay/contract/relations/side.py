"""A table with what every promise needs of it: columns that are there, rows that fail."""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from assay.console import printable
from assay.contract.check import EXAMPLES, MOST_POSITIONS
from assay.contract.privacy import CHECK_WIDTH, WIDTH, as_text, cut, index_names
from assay.contract.scan import query
from assay.contract.sources.base import POSITION
from assay.errors import AssayError, ConfigError
from assay.stages.validate import CheckFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assay.contract.sources.base import Layout, Source

KeyPath = tuple[str | int, ...]
Kind = Literal["number", "time", "category", "other"]


class Found(NamedTuple):
    """A promise that is broken."""

    failure: CheckFailure
    positions: tuple[int, ...] = ()
    """See `Findings.positions`."""


@dataclass(frozen=True)
class Side:
    """One table of a promise."""

    source: Source
    layout: Layout
    sensitive: frozenset[str] = frozenset()

    @property
    def shown(self) -> str:
        """What messages call it."""
        return printable(self.source.shown)

    @property
    def table(self) -> Any:
        """The `ibis.Table`."""
        return self.layout.table

    @property
    def header_in_doubt(self) -> bool:
        """Whether a sensitive column is missing: the header may be a row of data."""
        empty = self.layout.empty
        levels = index_names(empty) if hasattr(empty, "iloc") else set()
        return not self.sensitive <= {*map(str, self.table.columns), *levels}

    def hides(self, columns: Sequence[str]) -> bool:
        """Whether values of these columns must not be shown."""
        return not self.sensitive.isdisjoint(columns)

    def require(self, columns: Sequence[str], key: KeyPath) -> None:
        """Look whether the table has these columns.

        Raises:
            ConfigError: One is missing.
        """
        names = [str(name) for name in self.table.columns]
        for wanted in columns:
            if wanted in names:
                continue
            # Where a sensitive column is missing too, the header may be a row of data.
            known = names if self.sensitive <= set(names) else []
            close = difflib.get_close_matches(wanted, known, n=1)
            guess = f"Did you mean `{printable(close[0])}`? " if close else ""
            raise ConfigError(
                f"`{dotted(key)}` names the column `{printable(wanted)}`, which {self.shown} does"
                " not have.",
                hint=f"{guess}Correct the name, or add the column to the file.",
                key=key,
            )

    def kind(self, column: str) -> Kind:
        """How a column is looked at."""
        return kind_of(self.table.schema()[column])

    def row(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The values of aggregates over the table, in one query."""
        return self.rows(self.table.aggregate(**asked))[0]

    def rows(self, asked: Any) -> list[dict[str, Any]]:
        """The rows that a query gives; it must be known to be small.

        Raises:
            DataError: The data cannot be processed.
            OutsideError: Memory and disk space are not enough, or a database does not answer.
        """
        found: list[dict[str, Any]] = self.arrow(asked).to_pylist()
        return found

    def arrow(self, asked: Any) -> Any:
        """The same as a `pyarrow.Table`."""
        with translated(self.shown, private=bool(self.sensitive)):
            return asked.to_pyarrow()

    def failing(
        self,
        narrow: Callable[[Any], Any],
        columns: Sequence[str],
        *,
        check: str,
        count: int,
        total: int,
    ) -> Found:
        """A check that some rows do not satisfy, with the first of them.

        Args:
            narrow: From the table to the rows that fail.
            columns: Those that the check is about.
            check: What it is called.
            count: The rows that fail.
            total: All rows.
        """
        hidden = self.hides(columns)
        numbered = self.layout.numbered
        shown = [] if hidden else list(columns)
        if numbered is not None:
            ordered = narrow(numbered).select(POSITION, *shown).order_by(POSITION)
            first = self.rows(ordered.limit(MOST_POSITIONS))
        else:
            first = self.rows(narrow(self.table).select(*shown).limit(EXAMPLES)) if shown else []
        examples = [_example(row, shown) for row in first[:EXAMPLES]] if shown else []
        return Found(
            CheckFailure(
                check=named(check),
                column=columns[0] if len(columns) == 1 else None,
                count=count,
                share=min(count / total, 1.0) if total else None,
                examples=tuple(examples),
            ),
            tuple(int(row[POSITION]) for row in first) if numbered is not None else (),
        )


def kind_of(dtype: Any) -> Kind:
    """How values of an Ibis type are compared."""
    if dtype.is_numeric():
        return "number"
    if dtype.is_timestamp() or dtype.is_date():
        return "time"
    return "category" if dtype.is_string() or dtype.is_boolean() or dtype.is_uuid() else "other"


def whole(check: str, *, column: str | None = None, found: str | None = None) -> Found:
    """A broken promise about the table or the column as a whole."""
    examples = () if found is None else (cut(printable(found), WIDTH),)
    return Found(CheckFailure(check=named(check), column=column, count=1, examples=examples))


def named(check: str) -> str:
    """The name of a check as it may be shown."""
    return cut(printable(check), CHECK_WIDTH)


def dotted(key: KeyPath) -> str:
    """A key of `assay.yaml` in one word."""
    return ".".join(map(str, key))


def plain(number: float) -> str:
    """A number in a few digits."""
    return f"{number:.4g}"


def _example(row: dict[str, Any], columns: Sequence[str]) -> str:
    values = [as_text(row[name]) for name in columns]
    if len(columns) > 1:
        values = [f"{name}={value}" for name, value in zip(columns, values, strict=True)]
    text = cut(", ".join(values), WIDTH)
    return printable(f"row {row[POSITION]}: {text}" if POSITION in row else text)


@contextlib.contextmanager
def translated(shown: str, *, private: bool) -> Iterator[None]:
    """What a database says, as one of our errors; its words may quote the data."""
    try:
        yield
    except AssayError:
        raise
    except Exception as error:
        told = query.translated(error, private=private)
        message = told.message.replace("The data", shown, 1)
        raise type(told)(message, hint=told.hint) from error
