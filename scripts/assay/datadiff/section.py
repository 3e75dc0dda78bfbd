"""What the record says about a change of data."""

from __future__ import annotations

from typing import Literal

from assay.section import Fact, Reason

Kind = Literal["number", "time", "category", "text", "other"]
"""`category`: values are counted one by one; `text`: too many different values for that; `other`:
nested or binary, of which only nulls are counted."""
Size = Literal["small", "moderate", "large"]


class Shift(Fact):
    """How far a column's distribution moved from base to head; nulls left out."""

    psi: float
    """Population stability index over base's decile bins, or over the categories."""
    size: Size
    """The usual reading of `psi`: small below 0.1, moderate to 0.25, large above (Siddiqi 2006)."""
    within_chance: bool
    """Whether two independent samples of this many rows differ as much once in 20 times."""
    distance: float
    """Between the distributions, 0 to 1: Kolmogorov-Smirnov at the edges of the bins for numbers
    and times, total variation for categories."""
    mean_difference: float | None = None
    """(head's mean - base's mean) / pooled standard deviation; numbers only."""


class Profile(Fact):
    """One column of one revision. Values of a sensitive column are left out."""

    nulls: int
    null_share: float
    """0 to 1; 0 of no rows."""
    not_finite: int = 0
    """NaN and infinities, which no other number here covers."""
    distinct: int | None = None
    """Different values; `None` where they were not counted."""
    distinct_is_exact: bool = False
    """Else it is an estimate (HyperLogLog), off by some percent, in old DuckDBs by a fifth."""
    minimum: float | str | None = None
    """Times are ISO 8601 text, in UTC."""
    maximum: float | str | None = None
    mean: float | None = None
    std: float | None = None
    """Standard deviation of the population."""


class Category(Fact):
    """A value and how often it occurs."""

    value: str
    head: int
    base: int
    head_share: float
    """Of the rows that are not null."""
    base_share: float


class ColumnChange(Fact):
    """One column of head and base."""

    name: str
    change: Literal["added", "removed", "retyped", "kept"]
    kind: Kind
    sensitive: bool = False
    head_type: str | None = None
    """As DuckDB names it: `BIGINT`, `VARCHAR`; `None` where there is no such column."""
    base_type: str | None = None
    head: Profile | None = None
    base: Profile | None = None
    changed_rows: int | None = None
    """In how many of `RowChange.compared` rows the value differs; `None` where it is unknown."""
    shift: Shift | None = None
    categories: tuple[Category, ...] = ()
    """The most frequent."""
    new: int = 0
    """Categories that base does not have."""
    new_examples: tuple[str, ...] = ()
    vanished: int = 0
    """Categories that head does not have."""
    vanished_examples: tuple[str, ...] = ()


class RowChange(Fact):
    """Rows of head and base.

    `head` = added + changed + unchanged + head_left_out, and
    `base` = removed + changed + unchanged + base_left_out.
    """

    head: int
    base: int
    key: tuple[str, ...] = ()
    """What rows were matched by; empty: by their whole content, where nothing is `changed`."""
    added: int
    removed: int
    changed: int
    unchanged: int
    compared: int = 0
    """How many of the changed rows were compared column by column."""
    head_left_out: int = 0
    """Rows that cannot be matched: their key is missing, or stands twice in a revision."""
    base_left_out: int = 0
    head_missing_keys: int = 0
    base_missing_keys: int = 0
    head_duplicate_keys: int = 0
    """Rows whose key another row of the same revision has."""
    base_duplicate_keys: int = 0


class LabelBalance(Fact):
    """How the classes of the label are spread."""

    column: str
    classes: tuple[Category, ...] = ()
    """All of them; empty where the label is sensitive."""
    distance: float
    """Total variation distance, 0 to 1."""


class Leakage(Fact):
    """Rows of a file that another file has too."""

    path: str
    other: str
    rows: int
    """Of `path`."""
    shared_rows: int | None
    """Rows with the same values in all columns that both files have; `None` where they have none in
    common."""
    shared_keys: int | None = None
    """Rows whose key `other` has; `None` without a key."""
    shared_content: int | None = None
    """Rows with the same values in all common columns but the key; `None` without a key."""
    columns: int = 0
    """How many columns the files have in common."""
    problems: tuple[Reason, ...] = ()


class DataChange(Fact):
    """What changed in one entry of `data`."""

    path: str
    """As `assay.yaml` names it."""
    rows: RowChange | None = None
    """`None` where the two could not be compared; `problems` says why."""
    columns: tuple[ColumnChange, ...] = ()
    label: LabelBalance | None = None
    problems: tuple[Reason, ...] = ()
