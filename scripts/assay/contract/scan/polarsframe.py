"""A polars table as the checks of Pandera see it: after its parsers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.contract.scan import builtin, polarschecks, polarscoerced
from assay.contract.scan.plainvalues import are_all
from assay.contract.scan.plan import Assumed
from assay.contract.sources.base import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.contract.scan.polarscoerced import Turned
    from assay.contract.sources.base import Layout


@dataclass(frozen=True)
class Frame:
    """The table as Pandera's checks see it: after coercion and defaults."""

    empty: Any
    """A `polars.DataFrame` without rows."""
    engine: str
    """Ibis' name of what runs the query."""
    read: dict[str, Callable[[Any], Any]]
    """How a column is read off an `ibis.Table`, where not by its name alone."""
    stored: Mapping[str, Known] = field(default_factory=dict)
    """What is certain of the columns of that table."""
    some: tuple[str, ...] | None = None
    """The columns that are left, where the schema leaves others out."""
    assumed: tuple[Assumed, ...] = ()
    """Which columns can be cast."""
    turned: Mapping[str, Any] = field(default_factory=dict)
    """Pandera's types of the columns that are cast."""

    def has_nan(self, name: str) -> bool:
        """Whether a column may hold NaN: there is none in SQLite."""
        return self.dtype(name) in polarschecks.FLOATS and self.engine != "sqlite"

    def dtype(self, name: str) -> str:
        """The name of a polars type, without its parameters."""
        return polarschecks.name_of(self.empty.schema[name])

    def known(self, name: str) -> Known:
        """What is certain of the values of a column."""
        return Known() if name in self.read else self.stored.get(name, Known())

    def alone(self, name: str) -> dict[str, Any]:
        """As `turned`, of one column."""
        return {name: self.turned[name]} if name in self.turned else {}

    def value(self, table: Any, name: str) -> Any:
        """A column of an `ibis.Table`."""
        return self.read[name](table) if name in self.read else table[name]


def parsed(layout: Layout, schema: Any) -> Frame:
    """The table after Pandera's parsers.

    Raises:
        NotInScan: They do what is left to Pandera.
    """
    _refuse(schema)
    if layout.table is None:
        raise builtin.NotInScan("its columns cannot be told apart in SQL")
    return _coerced(layout, schema)


def _refuse(schema: Any) -> None:
    """Raise `NotInScan` for what is left to Pandera, as far as the schema alone shows."""
    from pandera.config import get_config_context

    depth = get_config_context(validation_depth_default=None).validation_depth
    if depth is not None and depth.value != "SCHEMA_AND_DATA":
        raise builtin.NotInScan(f"PANDERA_VALIDATION_DEPTH is {depth.value}")
    components = [schema, *schema.columns.values()]
    modules = {type(component).__module__.rpartition(".")[0] for component in components}
    if modules != {"pandera.api.polars"}:
        raise builtin.NotInScan("the schema, or a column, is of a class of the user's own")
    if any(getattr(column, "drop_invalid_rows", False) for column in schema.columns.values()):
        raise builtin.NotInScan("a column drops rows that fail (`drop_invalid_rows`)")
    if any(getattr(component, "parsers", None) for component in components):
        raise builtin.NotInScan("it has parsers")
    if schema.coerce and schema.dtype is not None:
        raise builtin.NotInScan("the whole table is coerced")


def _coerced(layout: Layout, schema: Any) -> Frame:
    """The table with the types that the schema turns its columns into."""
    empty = _filtered(layout.empty, schema)
    absent = (
        column.required and not column.regex and name not in empty.columns
        for name, column in schema.columns.items()
    )
    if getattr(schema, "add_missing_columns", False) and any(absent):
        raise builtin.NotInScan("missing columns are added (`add_missing_columns`)")
    engine = str(layout.table.get_backend().name)
    read: dict[str, Callable[[Any], Any]] = {}
    assumed: list[Assumed] = []
    turned: dict[str, Any] = {}
    for name, column in schema.columns.items():
        changed = schema.coerce or column.coerce
        if column.default is not None or (changed and column.regex):
            raise builtin.NotInScan(f"`{name}` has a default, or stands for several and is coerced")
        if changed and name in empty.columns:
            target, may_fail = _target(empty.schema[name], column.dtype, engine)
            if may_fail is not None:
                read[name] = _turned(name, may_fail)
                assumed.append(_assumed(name, may_fail))
            elif target != empty.schema[name]:
                read[name] = _cast(name, target)
            if name in read:
                turned[name] = column.dtype
            empty = empty.with_columns(empty[name].cast(target))
    some = None if empty.width == layout.empty.width else tuple(empty.columns)
    return Frame(empty, engine, read, layout.known, some, tuple(assumed), turned)


def _target(dtype: Any, wanted: Any, engine: str) -> tuple[Any, Turned | None]:
    """The type after coercion, and what that does where it may fail.

    Raises:
        NotInScan: No query tells what it does.
    """
    try:
        return polarschecks.coerced(dtype, wanted), None
    except builtin.NotInScan:
        target = getattr(wanted, "type", None)
        own = type(wanted).__module__ != "pandera.engines.polars_engine"
        if own or target is None or engine != "duckdb":
            raise
        found = polarscoerced.turned(dtype, target)
        if found is None:
            raise
        return target, found


def _turned(name: str, how: Turned) -> Callable[[Any], Any]:
    return lambda table: how.read(table[name])


def _assumed(name: str, how: Turned) -> Assumed:
    return Assumed(
        place=(),
        column=name,
        schema=None,
        holds=lambda table: are_all(table[name], how.fits(table[name]), nulls=True),
        in_batches=False,
    )


def _filtered(empty: Any, schema: Any) -> Any:
    """What `strict="filter"` leaves of the columns: all of them, where one is out of order."""
    from pandera.errors import SchemaError

    if schema.strict != "filter":
        return empty
    lazy = empty.lazy()
    backend = schema.get_backend(lazy)
    info = backend.collect_column_info(lazy, schema)
    try:
        left = backend.strict_filter_columns(lazy, schema, info).collect()
    except SchemaError:
        return empty
    if not left.width:  # polars forgets the rows, or does not
        raise builtin.NotInScan("no column is left by `strict`")
    return left


def _cast(name: str, target: Any) -> Callable[[Any], Any]:
    return lambda table: table[name].cast(polarschecks.name_of(target).lower())
