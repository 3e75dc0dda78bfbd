"""`data:` of `assay.yaml` as frozen models. Their docstrings are its documentation."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from assay.configmodels import Documented, File, NotNegative, Number, Strings, Whole, none_is_empty

BASE = "base"
"""The reference of `expect` that stands for the table at the base revision."""

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w|sec(?:ond)?s?|minutes?|hours?|days?|weeks?)(?![a-z])"
)


def duration(text: str) -> timedelta:
    """`36 h`, `2 days`, `1 day 12 h` as a time span.

    Raises:
        ValueError: It is none.
    """
    parts = _PART.findall(text.lower())
    if not parts or _PART.sub("", text.lower()).strip():
        message = f"is {text!r}, which is no time span as `36 h`, `2 days` or `1 day 12 h`"
        raise ValueError(message)
    seconds = sum(float(number) * _UNITS[_unit(word)] for number, word in parts)
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        message = f"is {text!r}, which is longer than any calendar"
        raise ValueError(message) from error


def _unit(word: str) -> str:
    return "min" if word.startswith("min") else word[0]


def _is_duration(text: str) -> str:
    duration(text)
    return text


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"is {name!r}, which is no time zone; name one as `Europe/Berlin`"
        raise ValueError(message) from error
    return name


def _is_variable(name: str) -> str:
    if _VARIABLE.fullmatch(name) is None:
        # The value is not shown: it may be the URL itself, with its password.
        message = (
            "is not the name of an environment variable; put the URL of the database into one, as "
            "`WAREHOUSE_URL`, and name that here"
        )
        raise ValueError(message)
    return name


Duration = Annotated[str, AfterValidator(_is_duration)]
Zone = Annotated[str, Field(min_length=1), AfterValidator(_is_zone)]
Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[Whole, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[Strings, Field(min_length=1)]


class ReferenceSpec(Documented):
    """A foreign key: each value of some columns stands in another file."""

    columns: Names
    """The columns of this table."""
    to: File
    """The other file, or a glob over the parts of one table, relative to `assay.yaml`."""
    to_columns: Strings = ()
    """Its columns, in the same order; by default those of the same names."""
    nulls: bool = True
    """Whether a row passes that has a null in one of the columns, as in SQL."""
    unique: bool = True
    """Whether the other table must have each key once, as in SQL; `false` for a set of values."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns of the other table."""
        return self.to_columns or self.columns

    @model_validator(mode="after")
    def _as_many(self) -> ReferenceSpec:
        if len(self.targets) != len(self.columns):
            message = (
                f"has {len(self.columns)} `columns` and {len(self.targets)} `to_columns`; they "
                "belong together one by one"
            )
            raise ValueError(message)
        return self


class FreshSpec(Documented):
    """How old the newest row may be."""

    column: Name
    """A date, a time, or text with one in ISO 8601."""
    within: Duration
    """The newest is not older than this: `36 h`, `2 days`."""
    ahead: Duration = "5 min"
    """No row is further in the future than this: clocks differ."""
    zone: Zone = "UTC"
    """The zone of times that name none, as `Europe/Berlin`."""


class RowsSpec(Documented):
    """How many rows the table has."""

    min: Count | None = None
    """At least so many."""
    max: Count | None = None
    """At most so many."""
    max_drop: Share | None = None
    """The largest share of base's rows that may be gone: `0.1` allows 10 % fewer."""
    max_growth: NotNegative | None = None
    """The same for rows that are more: `0.5` allows 50 % more."""

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> RowsSpec:
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"has `min` ({self.min}) above `max` ({self.max}); nothing could pass"
            raise ValueError(message)
        return self


class LabelsSpec(Documented):
    """What the classes of the label must be like."""

    column: Name | None = None
    """By default that of `label`."""
    classes: tuple[str | bool | int | float, ...] = ()
    """Each of these occurs, and nothing else."""
    min_share: Share | None = None
    """The least share of a class, of the rows with a label."""
    max_share: Share | None = None
    """The largest share of a class."""
    min_rows: Count | None = None
    """The least number of rows of a class."""
    missing: Share = 0.0
    """The largest share of rows without a label."""
    conflicting: Share | None = None
    """The largest share of rows whose features another row has with another label; not looked at
    by default, because it compares all columns of all rows."""
    features: Strings = ()
    """The columns that `conflicting` compares; by default all but the label and `key`."""

    @model_validator(mode="after")
    def _can_be_kept(self) -> LabelsSpec:
        low, high = self.min_share, self.max_share
        if low is not None and high is not None and low > high:
            message = f"has `min_share` ({low}) above `max_share` ({high}); nothing could pass"
            raise ValueError(message)
        if low is not None and low * len(self.classes) > 1:
            message = f"has a `min_share` ({low}) that {len(self.classes)} classes cannot all have"
            raise ValueError(message)
        if len(set(self.classes)) < len(self.classes):
            message = "names one of its `classes` twice"
            raise ValueError(message)
        return self


class Bounds(Documented):
    """How far a column may be from its reference."""

    psi: NotNegative | None = None
    """The largest population stability index, over the reference's deciles or over categories."""
    ks: Share | None = None
    """The largest Kolmogorov-Smirnov distance, for numbers and times."""
    mean_within: NotNegative | None = None
    """The largest difference of the means in standard deviations (pooled), for numbers."""
    null_share_within: Share | None = None
    """The largest difference of the shares of nulls."""
    new_categories: Count | None = None
    """So many values at most that the reference does not have, for text and true/false."""

    @property
    def set(self) -> tuple[str, ...]:
        """The names of the bounds that are set."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)


def _columns_may_be_empty(schema: dict[str, Any]) -> None:
    """For editors: what `none_is_empty` allows is more than the model says."""
    columns = schema["properties"]["columns"]
    columns["additionalProperties"] = {"anyOf": [columns["additionalProperties"], {"type": "null"}]}


class ExpectSpec(Documented):
    """What the distributions of columns must be like."""

    model_config = ConfigDict(json_schema_extra=_columns_may_be_empty)

    reference: File
    """A file, a glob over the parts of one table, or `base`: this table at the base revision."""
    columns: dict[str, Annotated[Bounds, BeforeValidator(none_is_empty)]] = Field(
        default_factory=dict
    )
    """Bounds by column; `default` does not apply to a column that stands here."""
    default: Bounds = Field(default_factory=Bounds)
    """Bounds for all other columns that both tables have, each as far as it fits the column."""

    @model_validator(mode="after")
    def _expects_something(self) -> ExpectSpec:
        if not self.default.set and not any(bounds.set for bounds in self.columns.values()):
            message = "has no bound: add `default: {psi: 0.2}`, or bounds to `columns`"
            raise ValueError(message)
        return self


def _path_is_a_path(schema: dict[str, Any]) -> None:
    """For editors: `path` is absent where a table is named, and never empty."""
    schema["properties"]["path"].pop("default")
    schema["properties"]["path"]["minLength"] = 1


class DataSpec(Documented):
    """Data that is validated, and the Pandera schema that it must satisfy."""

    model_config = ConfigDict(json_schema_extra=_path_is_a_path)

    path: str = ""
    """A file (CSV, Parquet, Arrow, JSON lines), a folder of Parquet files, which are one table, or
    a glob, whose files are each a table of their own; relative to `assay.yaml`. Required, but for a
    table in a database."""
    pandera_schema: str = Field(alias="schema", min_length=1)
    """`file.py:Name`, `package.module:Name`, or a Pandera YAML or JSON file."""
    sensitive: Strings = ()
    """Columns whose values are never shown."""
    key: Strings = ()
    """The columns that identify a row, to tell changed rows from new ones."""
    label: str | None = None
    """The column that the model learns, whose balance is reported."""
    disjoint_from: File | None = None
    """A file that must not have a row of this one: the training data of evaluation data."""
    disjoint_on: Strings = ()
    """Columns of which `disjoint_from` must not have a value (or a tuple of values) either: the
    customer, where one has many rows."""
    max_shared: Share = 0.0
    """The largest share of rows that may be in `disjoint_from` too."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """What scans the data: DuckDB on this machine, or Spark."""
    connection: Annotated[str, AfterValidator(_is_variable)] | None = None
    """The environment variable with the URL of a database, in place of `path`."""
    table: Name | None = None
    """The table of that database, as `schema.table`."""
    remote: bool = False
    """Whether to read the file straight from DVC's remote, without pulling it."""
    references: tuple[ReferenceSpec, ...] = ()
    """Foreign keys into other files."""
    fresh: FreshSpec | None = None
    rows: RowsSpec | None = None
    labels: LabelsSpec | None = None
    expect: ExpectSpec | None = None

    @property
    def is_local(self) -> bool:
        """Whether its data is files of the work tree: no database, and not left in the remote."""
        return bool(self.path) and not self.remote

    @property
    def promises_more(self) -> bool:
        """Whether it promises anything that `assay.contract.relations` looks at."""
        held = (self.fresh, self.rows, self.labels, self.expect)
        return bool(self.references or self.disjoint_on) or any(one is not None for one in held)

    @property
    def looks_at_base(self) -> bool:
        """Whether a promise compares it with the table at the base revision."""
        grown = self.rows is not None and (self.rows.max_drop, self.rows.max_growth) != (None, None)
        return grown or (self.expect is not None and self.expect.reference == BASE)

    @model_validator(mode="after")
    def _one_place(self) -> DataSpec:
        if self.path and (self.connection or self.table):
            message = "has `path` and `connection` or `table`; a file, or a table of a database"
            raise ValueError(message)
        if not self.path and not (self.connection and self.table):
            named = "`table`" if self.connection else "`connection`" if self.table else "`path`"
            or_else = " (or `connection` and `table`)" if named == "`path`" else ""
            message = f"has no {named}{or_else}"
            raise ValueError(message)
        if self.remote and not self.path:
            message = "has `remote`, which is for files that DVC tracks, and no `path`"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _promises_are_whole(self) -> DataSpec:
        if self.labels is not None and not (self.labels.column or self.label):
            message = "has `labels` and no `label`; name the label's column"
            raise ValueError(message)
        if self.disjoint_on and self.disjoint_from is None:
            message = "has `disjoint_on` and no `disjoint_from`; name the other file"
            raise ValueError(message)
        if self.disjoint_from is not None and not self.path and not self.disjoint_on:
            message = "has `disjoint_from` for a table of a database, which needs `disjoint_on`"
            raise ValueError(message)
        return self
