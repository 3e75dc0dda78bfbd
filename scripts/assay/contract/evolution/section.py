"""Two revisions of a schema as facts: what each of them says, and what a change does."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from assay.section import Fact, Reason

Effect = Literal["widens", "narrows", "both", "unknown"]
"""Of the data that are accepted: more, less, some more and others not any more."""

Aspect = Literal[
    "flavour", "column", "index", "dtype", "coerce", "nullable", "unique", "required", "range",
    "categories", "length", "check", "parser", "default", "strict", "ordered", "key", "option",
]  # fmt: skip
ValueKind = Literal["number", "text", "time", "zoned time", "duration", "none", "other"]


class Value(Fact):
    """An argument of a check."""

    kind: ValueKind
    text: str
    """As people read it."""
    key: str
    """Tells values of one kind apart: a number's decimals, a time's ISO form in UTC."""

    @property
    def order(self) -> Decimal | str:
        """What sorts values of one kind."""
        return Decimal(self.key) if self.kind in {"number", "duration"} else self.key


class CheckDescription(Fact):
    """One check of a column or of the table."""

    name: str
    builtin: bool
    """Whether it is one of Pandera's own."""
    arguments: dict[str, tuple[Value, ...]] = Field(default_factory=dict)
    ignore_na: bool = True
    options: tuple[str, ...] = ()
    """What else makes it another check: `element_wise`, `groupby`."""
    warns: bool = False
    """Whether it lets everything pass, with a warning."""
    code: str | None = None
    """Of a function of the user's: a fingerprint of its source and of what that refers to."""


class ColumnDescription(Fact):
    """One column, or one level of the index."""

    name: str | None
    """`None` of an index without a name."""
    regex: bool = False
    dtype: str | None = None
    categories: tuple[Value, ...] | None = None
    """Of a categorical type that lists them."""
    coerce: bool = False
    nullable: bool = False
    unique: bool = False
    required: bool = True
    checks: tuple[CheckDescription, ...] = ()
    parsers: tuple[str, ...] = ()
    """Fingerprints."""
    default: str | None = None
    options: dict[str, str] = Field(default_factory=dict)


class Description(Fact):
    """All of a schema that decides which data it accepts."""

    name: str
    flavour: str
    columns: tuple[ColumnDescription, ...] = ()
    index: tuple[ColumnDescription, ...] = ()
    checks: tuple[CheckDescription, ...] = ()
    parsers: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    """Sets of columns that are unique together."""
    dtype: str | None = None
    coerce: bool = False
    strict: Literal["no", "yes", "filter"] = "no"
    ordered: bool = False
    unique_column_names: bool = False
    add_missing_columns: bool = False
    drop_invalid_rows: bool = False
    options: dict[str, str] = Field(default_factory=dict)


class SchemaChange(Fact):
    """One thing that another revision of a schema says otherwise."""

    column: str | None = None
    """`None` for the whole table."""
    aspect: Aspect
    base: str | None = None
    """In words; `None` where base says nothing of it. Without values for sensitive columns."""
    head: str | None = None
    effect: Effect
    name: str | None = None
    """Of a check or an option."""
    new: str | None = None
    gone: str | None = None
    """Of two lists of values: what only one of them has, in words."""

    @property
    def breaking(self) -> bool | None:
        """Whether data that passed before may be rejected now; `None` where that is not known."""
        return None if self.effect == "unknown" else self.effect != "widens"


class SchemaComparison(Fact):
    """What became of one schema between base and head."""

    reference: str
    """As `assay.yaml` names it."""
    added: bool = False
    """Whether base has no such schema."""
    changes: tuple[SchemaChange, ...] = ()
    problem: Reason | None = None
    """Why it could not be compared."""
