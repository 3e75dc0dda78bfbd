"""What is learnt of a table, and what is proposed from it: values that pass between the steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["integer", "number", "boolean", "text", "time", "date", "category", "other"]
"""What a column holds; `time` is a moment, `other` is nothing that more can be said of."""

Flavour = Literal["pandas", "polars"]

Scalar = bool | int | float | str | datetime | date


@dataclass(frozen=True)
class Declared:
    """How a schema of some flavour writes the type of a column."""

    kind: Kind
    written: str
    """`int`, `pd.Int64Dtype`, `pl.Datetime("us", "UTC")`."""
    coerce: bool = False
    """Whether reading the file gives another type, which Pandera has to turn into this one."""
    zone: str | None = None
    """Of a `time` column; `None` is a wall clock."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The form that the values of a text column have in common."""

    shortest: int
    longest: int
    """Characters."""
    spaced: bool
    """Whether a value has a space in it."""
    pattern: str | None = None
    """A regular expression for them, where all have the same length."""


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """One column."""

    name: str
    declared: Declared
    missing: int
    """Rows without a value; for polars those with NaN are of them, as Pandera has it."""
    distinct: int = 0
    """Exact where it is small, or all rows; else about right."""
    low: Scalar | None = None
    high: Scalar | None = None
    """The smallest and the largest finite value."""
    open_below: bool = False
    open_above: bool = False
    """Whether a value is infinite, or NaN, which polars takes for larger than all."""
    whole: bool = False
    """Whether all values of a `number` column are whole, and exact."""
    values: Mapping[Scalar, int] = field(default_factory=dict)
    """How often each value is there; empty where there are too many."""
    texts: Texts | None = None
    in_order: bool = False
    """Whether a `time` column never goes back from one row to the next."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A table."""

    shown: str
    """What the table is called."""
    flavour: Flavour
    rows: int
    columns: tuple[ColumnProfile, ...]
    key: tuple[str, ...] = ()
    """The smallest set of columns that tells all rows apart, if that is no accident."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user asks for."""

    class_name: str | None = None
    sensitive: frozenset[str] = frozenset()
    """Columns of which only the type and whether values may be missing is told."""


Setting = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, kw_only=True)
class ColumnProposal:
    """One field of the model."""

    name: str
    written: str
    zone: str | None = None
    settings: tuple[tuple[str, Setting], ...] = ()
    """Keywords of `pa.Field`."""
    note: str | None = None
    """A comment above it."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A model."""

    name: str
    flavour: Flavour
    docstring: str
    columns: tuple[ColumnProposal, ...]
    unique: tuple[str, ...] = ()
    in_order: tuple[str, ...] = ()
    """Columns whose values must not go back from one row to the next."""
