"""Pandera's pandas schemas: which promises are part of a scan, and which Pandera looks at.

Follows `DataFrameSchemaBackend` of Pandera. Its errors come in the order: structure, coercion,
names, uniqueness of the table, columns, index, checks of the table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract import promised
from assay.contract.privacy import has_plain_rows
from assay.contract.scan import pandasindex
from assay.contract.scan.copies import copied
from assay.contract.scan.pandascolumn import plan_column
from assay.contract.scan.pandasparts import COERCION, COMPONENT, Component, Pieces, only
from assay.contract.scan.pandasseen import seen
from assay.contract.scan.pandastable import absent_columns, checks, uniqueness
from assay.contract.scan.plan import DROPPED, Decided, Part, Plan, Promise
from assay.contract.sources.base import LEVEL, Known

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.contract.scan.plan import Turned
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout

_STRUCTURE, _NAMES = 0, 2
"""Where Pandera reports what is wrong with columns as such."""

_BEFORE = {"COLUMN_NOT_IN_SCHEMA", "COLUMN_NOT_ORDERED", "ADD_MISSING_COLUMN_NO_DEFAULT"}
_FILTERED = "columns that are not in the schema are left out"
_NAMED = {"DUPLICATE_COLUMN_LABELS", "COLUMN_NOT_IN_DATAFRAME"}


def plan(layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool) -> Plan:
    """How a table is held against a pandas schema; see `Semantics.plan`."""
    return _plan(layout, loaded, {}, root=root, private=private)


def _plan(
    layout: Layout, loaded: LoadedSchema, turning: Turned, *, root: Path, private: bool
) -> Plan:
    """The same, where it is known of some columns whether they can be turned into their type."""
    why = _only_as_a_whole(loaded.schema, layout)
    if why is not None:
        return _whole(loaded.schema, why)
    schema = loaded.schema
    decided, said = _structure(layout, loaded, root=root, private=private)
    into = Pieces()
    _promises_of_structure(schema, into)
    left = _left(schema, layout, decided)
    components = [_as_it_stays(one, turning) for one in _components(schema, left)]
    views = {one.at: seen(one, layout, into, turning) for one in components}
    if schema.unique:
        uniqueness(schema, left, components, views, into)
    for component in components:
        plan_column(component, views[component.at], layout, schema, into)
    absent_columns(schema, layout, decided, into)
    about = layout
    if schema.index is not None:
        about, more = pandasindex.index(layout, loaded, into, root=root, private=private)
        decided += more
    changed = any(one.coerce or one.schema.default is not None for one in components)
    changed = changed or schema.add_missing_columns
    # Rows under one label count as one, wherever they are.
    checks(schema, into, by_rows=not changed and has_plain_rows(layout.empty))
    promises = into.promises
    if schema.drop_invalid_rows:
        promises = [replace(one, why=one.why or DROPPED) for one in promises]
    return Plan(
        promises=tuple(promises),
        decided=decided,
        said=said,
        rows=tuple(into.rows),
        wholes=tuple(into.wholes),
        repeats=tuple(into.repeats),
        parts=tuple(into.parts),
        layout=about,
        drops=schema.drop_invalid_rows,
        assumed=tuple(
            replace(one, schema=only(schema, {one.column: one.schema})) for one in into.assumed
        ),
        otherwise=lambda more: _plan(
            layout, loaded, {**turning, **more}, root=root, private=private
        ),
    )


def _as_it_stays(component: Component, turning: Turned) -> Component:
    """A column that cannot be turned into its type is looked at as it is."""
    if turning.get((COERCION, *component.at)) is not False:
        return component
    schema = copied(component.schema)
    schema.coerce = False
    return replace(component, schema=schema, coerce=False)


def _left(schema: Any, layout: Layout, decided: tuple[Decided, ...]) -> Layout:
    """What `strict="filter"` leaves of the table's columns, which is all if one is out of order."""
    astray = any(one.error.reason_code.name == "COLUMN_NOT_ORDERED" for one in decided)
    if schema.strict != "filter" or astray:
        return layout
    empty = layout.empty
    known = {name for key, one in schema.columns.items() for name in _matched(key, one, empty)}
    return replace(layout, empty=empty[[name for name in empty.columns if name in known]])


def _only_as_a_whole(schema: Any, layout: Layout) -> str | None:
    """Why Pandera must see the whole table, if it must."""
    return _oddity_of_schema(schema) or _oddity_of_table(schema, layout)


def _oddity_of_schema(schema: Any) -> str | None:
    from pandera.config import get_config_context

    depth = get_config_context().validation_depth
    components = list(schema.columns.values())
    if type(schema).__module__ != "pandera.api.pandas.container" or any(
        type(one).__module__ != "pandera.api.pandas.components" for one in components
    ):
        return "the schema is of a class of the user's own"
    if depth is not None and depth.value != "SCHEMA_AND_DATA":
        return f"PANDERA_VALIDATION_DEPTH is {depth.value}"
    return _oddity_of_values(schema, components)


def _oddity_of_values(schema: Any, components: list[Any]) -> str | None:
    """Why what a schema makes of a table's values can only be told of the whole table."""
    if schema.parsers:
        return "the schema has parsers"
    if schema.dtype is not None and (schema.coerce or any(one.coerce for one in components)):
        return f"the table is turned into {schema.dtype}"
    turned = [one for one in components if one.coerce or schema.coerce]
    if any(one.regex and one.default is not None for one in turned):
        return "the default of columns by a pattern is set after they are turned into their type"
    return None


def _oddity_of_table(schema: Any, layout: Layout) -> str | None:
    names = list(layout.empty.columns)
    if layout.table is None:
        return "columns have names that databases take for one"
    if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        return "columns share a name, or have none"
    if names != list(layout.table.columns):
        return "the table's columns are not those of the data frame"
    if _changed_for_another(schema, layout.empty):
        return "a column is changed by one column of the schema, and told of by another"
    if schema.drop_invalid_rows and layout.empty.index.nlevels > 1:
        return "rows are dropped by the labels of several levels"
    return None if schema.index is None else _oddity_of_index(schema, layout.empty.index)


def _changed_for_another(schema: Any, empty: Any) -> bool:
    """Whether a column stands under several columns of the schema, one of which changes it."""
    times = Counter(
        name for key, one in schema.columns.items() for name in _matched(key, one, empty)
    )
    changes = schema.coerce or any(
        one.coerce or one.default is not None for one in schema.columns.values()
    )
    return changes and max(times.values(), default=0) > 1


def _oddity_of_index(schema: Any, index: Any) -> str | None:
    several = hasattr(schema.index, "indexes")
    if schema.dtype is not None and (several or schema.index.coerce):
        return "the type of the table counts for the index too"
    if not schema.index.coerce and not schema.coerce:
        return None
    levels = schema.index.indexes if several else [schema.index]
    if several and [level.name for level in levels] != list(index.names):
        return "the index is put together of other levels"
    wanted = [level.dtype for level in levels]
    found = [index.get_level_values(number).dtype for number in range(index.nlevels)]
    same = all(
        want is None or getattr(want, "type", None) == have
        for want, have in zip(wanted, found, strict=False)
    )
    # Numbers stay as many labels, and none is missing.
    told_apart = index.dtype.kind in "iu" and type(wanted[0]).__name__ in _APART
    return None if same or (told_apart and not several) else "the labels of rows are turned"


_APART = {"NpString", "STRING", "Int64", "INT64"}


def _whole(schema: Any, why: str) -> Plan:
    """Pandera looks at everything."""
    promises = [
        Promise(one, str(name), "table", why)
        for name, column in schema.columns.items()
        for one in promised.of_column(column)
    ]
    promises += pandasindex.promises(schema, "table", why)
    promises += [Promise(one, None, "table", why) for one in schema.checks]
    about = promises[0] if promises else Promise("schema", None, "table", why)
    part = Part(
        schema=schema,
        columns=None,
        how="table",
        place=lambda _: (),
        order=(),
        promise=replace(about, how="table", why=why),
    )
    return Plan(promises=tuple(promises), parts=(part,))


def _structure(
    layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool
) -> tuple[tuple[Decided, ...], tuple[str, ...]]:
    """What Pandera says of a frame without rows to a schema that promises nothing of values."""
    skeleton = copied(loaded.schema)
    present = set(layout.empty.columns)
    skeleton.columns = {
        name: _bare(one, absent=name not in present) for name, one in loaded.schema.columns.items()
    }
    skeleton.checks, skeleton.index, skeleton.unique, skeleton.coerce = [], None, None, False
    skeleton.dtype, skeleton.drop_invalid_rows = None, False
    errors, said = contract_check.errors_of(
        layout.empty, replace(loaded, schema=skeleton), root=root, private=private
    )
    order = list(loaded.schema.columns)
    decided = []
    for number, error in enumerate(errors):
        reason = error.reason_code.name
        if reason in _BEFORE:
            decided.append(Decided((_STRUCTURE, number), error))
        elif reason in _NAMED:
            decided.append(Decided((_NAMES, number), error))
        elif reason == "INVALID_COLUMN_NAME":  # a pattern that matches nothing
            decided.append(Decided((COMPONENT, order.index(error.schema.name), 0), error))
    return tuple(decided), tuple(said)


def _bare(column: Any, *, absent: bool) -> Any:
    """A column that may hold anything; where it is absent, what it would be filled with stays."""
    bare = copied(column)
    bare.checks, bare.parsers = [], []
    bare.unique = bare.coerce = bare.drop_invalid_rows = False
    if not absent:
        bare.dtype, bare.default, bare.nullable = None, None, True
    return bare


def _promises_of_structure(schema: Any, into: Pieces) -> None:
    held = {
        "column_in_schema": schema.strict is True,
        "column_ordered": schema.ordered,
        "dataframe_column_labels_unique": schema.unique_column_names,
    }
    into.promises += [
        Promise(name, None, "scan") for name, is_promised in held.items() if is_promised
    ]
    if schema.strict == "filter":
        into.promises.append(Promise("strict='filter'", None, "scan", _FILTERED))


def _components(schema: Any, layout: Layout) -> Iterator[Component]:
    """The columns of the data frame, each under the columns of the schema that describe it."""
    empty = layout.empty
    columns, plain = schema.columns, has_plain_rows(empty)
    labelled = plain or empty.index.nlevels > 1 or empty.index.dtype.kind in "iub"
    labelled = labelled or layout.known.get(LEVEL.format(0), Known()).nulls == 0
    if not columns and schema.dtype is not None:
        from pandera.api.pandas.components import Column

        columns = {name: Column(schema.dtype, name=name) for name in empty.columns}
    for number, (key, column) in enumerate(columns.items()):
        for which, name in enumerate(_matched(key, column, empty)):
            one = copied(column)
            one.name, one.regex = name, False
            one.dtype = column.dtype if schema.dtype is None else schema.dtype
            coerce = bool(column.coerce or schema.coerce) and schema.dtype is None
            one.coerce = coerce
            yield Component(
                name=name,
                schema=one,
                coerce=coerce,
                at=(number, which),
                plain=plain,
                labelled=labelled,
                pattern=key if column.regex else None,
            )


def _matched(key: str, column: Any, empty: Any) -> list[str]:
    from pandera.errors import SchemaError

    if not column.regex:
        return [key] if key in empty.columns else []
    try:
        return list(column.get_backend(empty).get_regex_columns(column, empty))
    except SchemaError:
        return []
