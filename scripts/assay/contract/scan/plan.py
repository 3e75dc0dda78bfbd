"""What is to be done to hold a table against a schema: values only, nothing is read here.

A flavour (`pandas.py`, `polars.py`, ...) turns a schema and a layout into a `Plan`; `execute.py`
carries out any plan. What Pandera finds comes in an order, and so does what a plan finds: each
finding has a `Place`, and places sort as Pandera's errors do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Known, Layout

Place = tuple[int, ...]
"""Where Pandera would report a failure, among all failures of a schema."""

Turned = dict[Place, "bool | None"]
"""By the place of an assumption: whether Pandera turns all of the column's values into its type;
`None` where only the column as a whole tells."""

How = Literal["scan", "batches", "column", "table"]

DROPPED = "rows that fail are dropped"
"""Why a promise fails in no row."""


@dataclass(frozen=True)
class Promise:
    """One promise of a schema, and how it is looked at; becomes a `PlannedCheck`."""

    check: Any
    """A Pandera `Check`, or the text that its errors have in place of one (`not_nullable`)."""
    column: str | None
    how: How
    why: str | None = None


@dataclass(frozen=True)
class Decided:
    """What Pandera says of the layout alone: of a frame without rows."""

    place: Place
    error: Any
    """A Pandera `SchemaError`."""


@dataclass(frozen=True)
class Rows:
    """Rows that fail, by an expression: an aggregate of the scan."""

    place: Place
    check: Any
    column: str | None
    fails: Callable[[Any], Any]
    """From an `ibis.Table` (`Layout.table` or `.numbered`) to a boolean column: where a row fails;
    null counts as false."""
    shown: tuple[str, ...]
    """The columns whose values are the examples."""
    most: int | None = None
    """Pandera's `n_failure_cases`: not more are counted."""
    said: str | None = None
    """For a check that only warns: the warning that it gives, in place of a failure."""
    values: Callable[[Any], list[Any]] | None = None
    """How `shown` is read off a table, where the schema changes it first."""
    dtypes: tuple[Any, ...] = ()
    """The data frame's types of `shown`, where the schema changes them first."""
    labelled: bool = True
    """Whether pandas has a label for the rows, by which Pandera names them."""


@dataclass(frozen=True)
class Whole:
    """One answer for a whole column, as an aggregate of the scan."""

    place: Place
    check: Any
    column: str | None
    holds: Callable[[Any], Any]
    """From an `ibis.Table` to a boolean scalar; never null."""
    said: str | None = None
    count: int = 1
    """0 for a check of rows that fails without one: it says nothing of any."""


@dataclass(frozen=True)
class Repeats:
    """Values, or combinations of values, that must not come twice: a query of its own."""

    place: Place
    check: Any
    column: str | None
    key: Callable[[Any], list[Any]]
    """From an `ibis.Table` to the columns that are unique together."""
    shown: tuple[str, ...]
    keep: Literal["all", "exclude_first", "exclude_last"]
    """Which rows of a group are reported, as Pandera's `report_duplicates`."""
    counts_null: bool
    """Whether a row is counted whose key is null in all of its columns. Nulls always equal each
    other: where they alone come twice and are not counted, the failure is one of 0 rows."""
    unless: tuple[Place, ...] = ()
    """Not reported where one of these places has a failure."""
    values: Callable[[Any], list[Any]] | None = None
    """How `shown` is read off a table, where the schema changes it first."""
    dtypes: tuple[Any, ...] = ()
    """The data frame's types of `shown`, where the schema changes them first."""
    known: Known | None = None
    """What is certain of the values, where `key` is one column."""


@dataclass(frozen=True)
class Part:
    """A part of the schema that Pandera looks at itself, on data in memory."""

    schema: Any
    """A schema of the table with nothing but this part in it."""
    columns: tuple[str, ...] | None
    """The columns that it needs; `None` for all."""
    how: Literal["batches", "column", "table"]
    place: Callable[[Any], Place | None]
    """Of an error: where it belongs; `None` for one that another part reports."""
    order: Place
    """Where its warnings come."""
    promise: Promise
    """What it is about, for messages; the first where there are several."""
    pattern: str | None = None
    """What Pandera calls its column, by a regular expression, where it cannot be coerced."""


@dataclass(frozen=True)
class Assumed:
    """That every value of a column can be turned into its type: the plan goes on from there."""

    place: Place
    """Where it is reported that some cannot."""
    column: str
    schema: Any
    """A schema of the table which turns this column, and promises nothing."""
    holds: Callable[[Any], Any] | None
    """From an `ibis.Table` to a boolean scalar, an aggregate of the scan: true only where all can
    be turned, and into what the plan takes them for. `None` where no query tells."""
    in_batches: bool
    """Whether Pandera may be asked about one part after the other, where `holds` does not tell."""
    pattern: str | None = None
    """As of a `Part`."""


@dataclass(frozen=True)
class Plan:
    """How a table is held against a schema."""

    promises: tuple[Promise, ...] = ()
    decided: tuple[Decided, ...] = ()
    said: tuple[str, ...] = ()
    """Warnings that the layout alone gives, as Pandera words them."""
    rows: tuple[Rows, ...] = ()
    wholes: tuple[Whole, ...] = ()
    repeats: tuple[Repeats, ...] = ()
    parts: tuple[Part, ...] = ()
    assumed: tuple[Assumed, ...] = ()
    """What all else of the plan rests on."""
    otherwise: Callable[[Turned], Plan] | None = None
    """The plan where assumptions are not certain, by what is found of them."""
    layout: Layout | None = None
    """What the expressions are of, where not of the source's layout."""
    drops: bool = False
    """Whether the rows that fail are dropped, so that they are no failure."""
    undropped: Plan | None = None
    """The plan where a check fails that has one answer for all rows, of which some are dropped;
    `None` where Pandera then cannot apply the schema."""


class Semantics(Protocol):
    """What a table means to one of Pandera's backends: missing values, types, order of errors."""

    def plan(self, layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool) -> Plan:
        """How a table of this layout is held against a schema.

        Args:
            layout: Of the table.
            loaded: The schema.
            root: The project folder, to point at the user's code when it raises.
            private: Whether what an exception says must not appear.

        Raises:
            SchemaError: The schema cannot be applied to any table of this layout.
        """
