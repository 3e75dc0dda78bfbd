"""What a pandas schema promises of the table, beside its columns.

Follows `DataFrameSchemaBackend` of Pandera.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from assay.contract import promised
from assay.contract.privacy import has_plain_rows
from assay.contract.scan.copies import copied
from assay.contract.scan.pandascolumn import CUSTOM, WHOLE, comparable
from assay.contract.scan.pandasparts import COMPONENT, Component, Pieces, aside, only, passing
from assay.contract.scan.plan import Decided, Part, Promise, Repeats
from assay.contract.scan.values import values_of

if TYPE_CHECKING:
    from assay.contract.scan.plan import How, Place
    from assay.contract.scan.values import Values
    from assay.contract.sources.base import Layout

_UNIQUE, _TABLE = 3, 5
"""Where Pandera reports sets of columns that are not unique, and the checks of the table."""

_UNIQUENESS = "multiple_fields_uniqueness"


def uniqueness(
    schema: Any,
    layout: Layout,
    components: list[Component],
    views: dict[tuple[int, int], Values | str],
    into: Pieces,
) -> None:
    """Add sets of columns that are unique together; Pandera reports the first that is not."""
    sets = [schema.unique] if all(isinstance(x, str) for x in schema.unique) else schema.unique
    seen_as = {name: values_of(layout, name) for name in layout.empty.columns}
    for component in components:
        view = views[component.at]
        seen_as[component.name] = view  # type: ignore[assignment]
    absent = [name for one in sets for name in one if name not in seen_as]
    subsets = [[name for name in one if name in seen_as] for one in sets]
    used = {name for subset in subsets for name in subset}
    unclear = [name for name in used if getattr(seen_as[name], "kind", None) is None]
    if unclear or (absent and schema.add_missing_columns) or not has_plain_rows(layout.empty):
        why = (
            f"values of {unclear[0]} are compared by pandas" if unclear else "pandas compares rows"
        )
        _unique_by_pandera(schema, why, tuple(sorted(used)), into)
        return
    places: list[Place] = []
    into.promises.append(Promise(_UNIQUENESS, None, "scan"))
    for number, subset in enumerate(subsets):
        if not subset:
            continue
        columns = [seen_as[name] for name in subset]
        into.repeats.append(
            Repeats(
                place=(_UNIQUE, number),
                check=_UNIQUENESS,
                column=None,
                key=partial(_key, columns),
                shown=tuple(subset),
                keep=schema.report_duplicates,
                counts_null=False,
                unless=tuple(places),
                values=partial(_values, columns),
                dtypes=tuple(values.dtype for values in columns),
            )
        )
        places.append((_UNIQUE, number))


def _values(columns: list[Values], table: Any) -> list[Any]:
    return [values.of(table) for values in columns]


def _key(columns: list[Values], table: Any) -> list[Any]:
    return [comparable(values, table) for values in columns]


def _unique_by_pandera(schema: Any, why: str, used: tuple[str, ...], into: Pieces) -> None:
    promise = Promise(_UNIQUENESS, None, "table", why)
    part = _unpromising(schema)
    part.unique = schema.unique
    alone = not any(column.regex for column in schema.columns.values())
    into.promises.append(promise)
    into.parts.append(
        Part(
            schema=part,
            columns=used if alone and not schema.add_missing_columns else None,
            how="table",
            place=lambda error: (_UNIQUE,) if error.check == _UNIQUENESS else None,
            order=(_UNIQUE,),
            promise=promise,
        )
    )


def _unpromising(schema: Any) -> Any:
    """The schema with what changes a table's values, but without what it promises of them."""
    part = copied(schema)
    part.columns = {}
    for name, column in schema.columns.items():
        one = copied(column)
        one.checks = []
        one.nullable, one.unique = column.nullable or schema.add_missing_columns is False, False
        one.required = column.required and schema.add_missing_columns
        one.drop_invalid_rows = False
        part.columns[name] = one
    part.checks, part.unique, part.index = [], None, None
    part.drop_invalid_rows = False
    return part


def absent_columns(schema: Any, layout: Layout, decided: tuple[Decided, ...], into: Pieces) -> None:
    """Add columns that are missing: Pandera makes them of their defaults."""
    refused = any(one.error.check == "add_missing_has_default" for one in decided)
    if not schema.add_missing_columns or refused:
        return
    names = set(layout.empty.columns)
    for number, (name, column) in enumerate(schema.columns.items()):
        if column.regex or not column.required or name in names:
            continue
        part = only(schema, {name: column})
        part.add_missing_columns, part.coerce = True, schema.coerce
        into.promises += [
            Promise(one, name, "column", _ADDED) for one in promised.of_column(column)
        ]
        place: Place = (COMPONENT, number, 0)
        promise = Promise(f"dtype('{column.dtype}')", name, "column", _ADDED)
        into.parts.append(aside(part, layout, place, promise))


_ADDED = "the column is missing, and added with its default"


def checks(schema: Any, into: Pieces, *, by_rows: bool) -> None:
    """Add the checks of the whole table.

    Args:
        schema: The table's.
        into: Where they are added.
        by_rows: Whether what a check says of a row hangs on that row alone.
    """
    hows: dict[How, list[int]] = {"batches": [], "table": []}
    why = {}
    for number, one in enumerate(schema.checks):
        rows = type(one).__name__ == "Check" and one.element_wise and one.groupby is None
        rows = rows and by_rows
        rows = rows and (one.n_failure_cases is None or one.n_failure_cases > 0)
        how: How = "batches" if rows else "table"
        hows[how].append(number)
        why[number] = CUSTOM if one.element_wise else WHOLE
        into.promises.append(Promise(one, None, how, why[number]))
    for how, numbers in hows.items():
        if not numbers:
            continue
        part = _unpromising(schema)
        part.checks = [
            one if number in numbers else passing() for number, one in enumerate(schema.checks)
        ]
        into.parts.append(
            Part(
                schema=part,
                columns=None,
                how=how,  # type: ignore[arg-type]
                place=_of_table,
                order=(_TABLE,),
                promise=Promise(schema.checks[numbers[0]], None, how, why[numbers[0]]),
            )
        )


def _of_table(error: Any) -> Place | None:
    ours = type(error.schema).__name__ == "DataFrameSchema" and not isinstance(error.check, str)
    return (_TABLE, error.check_index or 0) if ours else None
