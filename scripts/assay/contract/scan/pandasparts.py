"""What of a pandas column is left to Pandera, as schemas with nothing else in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract import promised
from assay.contract.patterns import matches
from assay.contract.scan.copies import copied
from assay.contract.scan.plan import Part, Promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.contract.scan.plan import Assumed, How, Place, Repeats, Rows, Whole
    from assay.contract.sources.base import Layout

COERCION, COMPONENT = 1, 4
"""Where Pandera reports what a column cannot be turned into, and all else about it."""
NULLS, UNIQUE, DTYPE, CHECKS = 1, 2, 3, 4
"""The order of a column's errors."""


@dataclass(frozen=True)
class Component:
    """A column of the data frame under one column of the schema."""

    name: str
    schema: Any
    """Pandera's `Column`, by the name of the column, with the type that counts for it."""
    coerce: bool
    """Whether its values are turned into that type first."""
    at: tuple[int, int]
    """Which column of the schema, and which of those that it matches."""
    plain: bool
    """Whether the rows of the data frame are only numbered."""
    labelled: bool
    """Whether no row can stand under a missing label: Pandera does not count such failures."""
    pattern: str | None = None
    """What the column of the schema is called, where that is a regular expression."""

    @property
    def place(self) -> Place:
        """Where its failures come."""
        return (COMPONENT, *self.at)


@dataclass
class Pieces:
    """What a plan is put together from."""

    promises: list[Promise] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    wholes: list[Whole] = field(default_factory=list)
    repeats: list[Repeats] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    assumed: list[Assumed] = field(default_factory=list)


@dataclass
class Left:
    """What of a column is left to Pandera."""

    checks: dict[int, How] = field(default_factory=dict)
    """By their numbers."""
    promises: dict[How, Promise] = field(default_factory=dict)
    """One for each way in which Pandera looks at the column."""
    dtype: bool = False
    nulls: How | None = None
    unique: bool = False

    def add(self, promise: Promise, number: int | None = None) -> None:
        """Leave a promise to Pandera; of a check, with its number."""
        if number is not None:
            self.checks[number] = promise.how
        self.promises.setdefault(promise.how, promise)


def all_by_pandera(component: Component, whole: Any, why: str, into: Pieces) -> None:
    """Leave a column to Pandera altogether."""
    schema = component.schema
    grouped = [one for one in schema.checks if one.groupby is not None]
    how: How = "table" if grouped else "column"
    promises = [Promise(one, component.name, how, why) for one in promised.of_column(schema)]
    into.promises += promises
    columns = _with_groups(component.name, grouped)
    part = only(whole, _with_others(component, schema, whole, columns))
    into.parts.append(
        Part(
            schema=part,
            columns=columns,
            how="table" if columns is None else "column",
            place=lambda error: _place_in(error, component),
            order=component.place,
            promise=promises[0] if promises else Promise("column", component.name, how, why),
            pattern=component.pattern,
        )
    )


def _with_groups(name: str, grouped: Iterable[Any]) -> tuple[str, ...] | None:
    """The columns that grouped checks of a column need; `None` where only they know."""
    names = [name]
    for one in grouped:
        if not isinstance(one.groupby, list) or not all(isinstance(n, str) for n in one.groupby):
            return None
        names += one.groupby
    return tuple(dict.fromkeys(names))


def _with_others(
    component: Component, schema: Any, whole: Any, columns: tuple[str, ...] | None
) -> dict[str, Any]:
    """A column; beside checks of groups also what changes the columns that these may be of."""
    found = {component.name: schema}
    for name, column in whole.columns.items():
        if columns is not None and not any(_is_of(column, name, one) for one in columns[1:]):
            continue
        coerce = column.coerce or whole.coerce
        if _is_of(column, name, component.name) or not (
            coerce or column.parsers or column.default is not None
        ):
            continue
        other = copied(column)
        other.checks, other.unique, other.coerce = [], False, coerce
        other.nullable = True
        found[name] = other
    return found


def _is_of(column: Any, name: str, one: str) -> bool:
    """Whether a column of the schema describes one of the table."""
    return matches(name, one) if column.regex else name == one


def _place_in(error: Any, component: Component) -> Place | None:
    """Where an error of a part belongs; those of other columns are reported with these."""
    own = contract_check.column_of(error) == component.name
    return place_of(error, component) if own else None


def parts(component: Component, whole: Any, left: Left) -> Iterator[Part]:
    """What is left of a column, as schemas for Pandera."""
    for how, promise in left.promises.items():
        schema = copied(component.schema)
        schema.checks = [
            one if left.checks.get(number) == how else passing()
            for number, one in enumerate(component.schema.checks)
        ]
        schema.nullable = left.nulls != how
        schema.unique = how == "column" and left.unique
        if not component.coerce and not (how == "batches" and left.dtype):
            schema.dtype = None
        grouped = [one for one in schema.checks if one.groupby is not None]
        columns = _with_groups(component.name, grouped)
        yield Part(
            schema=only(whole, _with_others(component, schema, whole, columns)),
            columns=columns,
            how=how,  # type: ignore[arg-type]
            place=lambda error: _place_in(error, component),
            order=component.place,
            promise=promise,
            pattern=component.pattern,
        )


def only(whole: Any, columns: dict[str, Any]) -> Any:
    """A table's schema that promises nothing but some columns."""
    part = copied(whole)
    part.dtype = None
    part.columns, part.index = columns, None
    part.checks, part.parsers = [], []
    part.strict = part.ordered = part.coerce = False
    part.unique = None
    part.unique_column_names = part.add_missing_columns = part.drop_invalid_rows = False
    return part


def passing() -> Any:
    """A check that holds: it keeps the numbers of those after it as they are."""
    from pandera.api.checks import Check

    return Check(lambda _: True, ignore_na=False)


def aside(schema: Any, layout: Layout, place: Place, promise: Promise) -> Part:
    """What Pandera looks at next to any column, and reports at one place, but for coercion."""
    return Part(
        schema=schema,
        columns=tuple(layout.empty.columns[:1]),
        how="column",
        place=partial(_in_order, place),
        order=place,
        promise=promise,
    )


def _in_order(place: Place, error: Any) -> Place:
    coerced = error.reason_code is not None and error.reason_code.name == "DATATYPE_COERCION"
    return (COERCION, *place[1:]) if coerced else place


def place_of(error: Any, component: Component) -> Place:
    """Where Pandera reports an error of a column."""
    if error.reason_code is not None and error.reason_code.name == "DATATYPE_COERCION":
        return (COERCION, *component.at)
    if not isinstance(error.check, str):
        return (*component.place, CHECKS, error.check_index or 0)
    named = {"not_nullable": NULLS, "field_uniqueness": UNIQUE}
    return (*component.place, named.get(error.check, DTYPE))
