"""What Ibis schemas mean: `pandera.ibis` with all of its checks in one query.

Its checks are Ibis expressions already, a user's own too, each of which Pandera runs as several
queries. Here they are put over the same table. What a check says of null and NaN is what the
database says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract.refused import refused
from assay.contract.scan import builtin, ibisparts
from assay.contract.scan.plan import Decided, Plan, Promise, Repeats, Rows, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from assay.contract.scan.plan import How, Place
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout

Piece = Decided | Promise | Rows | Whole | Repeats | str
"""Text is a warning."""

# Places: parsers, presence, sets of columns, columns, checks of the table.
_PARSERS, _PRESENCE, _SETS, _COLUMNS, _TABLE = range(5)
_STAGES = {
    "COLUMN_NOT_IN_SCHEMA": _PARSERS,
    "COLUMN_NOT_ORDERED": _PARSERS,
    "COLUMN_NOT_IN_DATAFRAME": _PRESENCE,
}
# What happens within a column, in Pandera's order.
_NULLS, _DTYPE, _CHECKS = range(3)


def plan(layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool) -> Plan:
    """How a table is held against an Ibis schema; see `Semantics.plan`."""
    drops = getattr(loaded.schema, "drop_invalid_rows", False)
    try:
        pieces = list(_pieces(layout.table, loaded.schema))
        if drops and not all(map(_is_of_rows, pieces)):
            pieces, drops = list(_by_pandera(layout.table, loaded.schema)), False
    except Exception as error:
        if not int(layout.table.count().to_pyarrow().as_py()):
            return Plan()  # a table without rows fails for that, whatever else it lacks
        raise refused(error, loaded, root=root, private=private) from error

    def of(kind: type) -> tuple[Any, ...]:
        return tuple(piece for piece in pieces if isinstance(piece, kind))

    return Plan(
        promises=of(Promise),
        decided=of(Decided),
        said=(*_unlooked(loaded.schema), *of(str)),
        rows=of(Rows),
        wholes=() if drops else of(Whole),
        repeats=of(Repeats),
        drops=drops,
    )


def _unlooked(schema: Any) -> Iterator[str]:
    """What a user may take for checked, and Pandera does not check."""
    for name, column in schema.columns.items():
        if column.unique:
            yield f"pandera.ibis does not look at `unique` of column '{name}', but a schema's."


def _is_of_rows(piece: Piece) -> bool:
    """Whether it is about single rows, which can be dropped; one that says nothing drops none."""
    return isinstance(piece, Promise | Rows | str) or (isinstance(piece, Whole) and not piece.count)


def _by_pandera(table: Any, schema: Any) -> Iterator[Piece]:
    why = "rows that fail are dropped (`drop_invalid_rows`), and not all promises are about rows"
    yield Promise("schema", None, "table", why)
    yield from ibisparts.looked_at(schema, table, (_PARSERS,))


def _pieces(table: Any, schema: Any) -> Iterator[Piece]:
    from pandera.config import ValidationDepth, get_config_context

    depth = get_config_context(validation_depth_default=None).validation_depth
    if depth != ValidationDepth.DATA_ONLY:
        yield from _of_structure(table, schema)
    if depth != ValidationDepth.SCHEMA_ONLY:
        yield from _of_data(_filtered(table, schema), schema)


def _of_structure(table: Any, schema: Any) -> Iterator[Piece]:
    for error in _schema_errors(schema, table):
        stage = _STAGES.get(error.reason_code.name)
        if stage is not None:
            yield Decided((stage,), error)
    for number, component in enumerate(_components(table, schema)):
        yield from _dtypes(table, component, (_COLUMNS, number))


def _of_data(table: Any, schema: Any) -> Iterator[Piece]:
    yield from _sets(table, schema)
    for number, component in enumerate(_components(table, schema)):
        for at, name in enumerate(_names(table, component)):
            yield from _of_column(table, component, name, (_COLUMNS, number, at))
    for number, check in enumerate(schema.checks):
        yield from _check(table, schema, check, None, (_TABLE, number))


def _schema_errors(schema: Any, table: Any) -> list[Any]:
    """Pandera's errors that need no data."""
    from pandera import errors
    from pandera.config import ValidationDepth, config_context

    with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
        try:
            schema.validate(table, lazy=True)
        except errors.SchemaErrors as found:
            return list(found.schema_errors)
    return []


def _filtered(table: Any, schema: Any) -> Any:
    """The table after Pandera's parsers."""
    if schema.strict != "filter":
        return table
    backend = schema.get_backend(table)
    known = backend.collect_column_info(table, schema).expanded_column_names
    return table.drop(*(name for name in table.columns if name not in known))


def _components(table: Any, schema: Any) -> list[Any]:
    """The schemas of columns that apply to the table, as Pandera chooses them."""
    backend = schema.get_backend(table)
    info = backend.collect_column_info(table, schema)
    return list(backend.collect_schema_components(table, schema, info))


def _names(table: Any, component: Any) -> Sequence[str]:
    if not component.regex:
        return [component.name]
    names: Sequence[str] = component.get_backend(table).get_regex_columns(component, table)
    return names


def _dtypes(table: Any, component: Any, place: Place) -> Iterator[Piece]:
    names = list(_names(table, component))
    if component.dtype is not None:
        yield from (Promise(f"dtype('{component.dtype}')", name, "scan") for name in names)
    for number, error in enumerate(_schema_errors(component, table)):
        yield Decided((*place, min(number, len(names) - 1), _DTYPE, number), error)


def _sets(table: Any, schema: Any) -> Iterator[Piece]:
    """Sets of columns that are unique together; Pandera stops at the first that is not."""
    if not schema.unique:
        return
    plain = all(isinstance(name, str) for name in schema.unique)
    sets = [schema.unique] if plain else schema.unique
    places: list[Place] = [(_SETS, number) for number in range(len(sets))]
    for number, names in enumerate(sets):
        check = "multiple_fields_uniqueness"
        yield Promise(check, None, "scan")
        yield Repeats(
            place=places[number],
            check=check,
            column=None,
            key=_key([name for name in names if name in table.columns]),
            shown=tuple(table.columns),
            keep=schema.report_duplicates,
            counts_null=True,
            unless=tuple(places[:number]),
        )


def _key(names: Sequence[str]) -> Callable[[Any], list[Any]]:
    if not names:  # to Pandera, all rows are alike then: a column that is true everywhere
        return lambda table: [table[table.columns[0]].isnull() | True]
    return lambda table: [table[name] for name in names]


def _of_column(table: Any, component: Any, name: str, place: Place) -> Iterator[Piece]:
    if not component.nullable:
        yield Promise("not_nullable", name, "scan")
        missing = _missing(table, name)
        yield Rows((*place, _NULLS), "not_nullable", name, _over(table, missing), (name,))
    for number, check in enumerate(component.checks):
        yield from _check(table, component, check, name, (*place, _CHECKS, number))


def _missing(table: Any, name: str) -> Any:
    """Null, and NaN where the database knows of it."""
    import ibis

    column = table[name]
    floating = column.type().is_floating()
    if floating and ibis.get_backend(table).has_operation(ibis.expr.operations.IsNan):
        return column.isnull() | column.isnan().fill_null(False)  # noqa: FBT003 (Ibis' signature)
    return column.isnull()


def _over(table: Any, expression: Any) -> Callable[[Any], Any]:
    """An expression of `table`, for that table or one with more columns."""
    root = table.op()
    return lambda other: expression.op().replace({root: other.op()}).to_expr()


def _check(
    table: Any, component: Any, check: Any, name: str | None, place: Place
) -> Iterator[Piece]:
    seen = table if name is None else table[name].as_table()
    try:
        found = _answer(check, seen, name)
    except builtin.NotInScan as reason:
        yield Promise(check, name, "table", str(reason))
        yield from ibisparts.looked_at(
            ibisparts.alone(check, name, place[-1]), table, place, component
        )
        return
    how: How = "batches" if check.element_wise else "scan"
    yield Promise(check, name, how, "a function of one value" if check.element_wise else None)
    # A column is a table of its own to Pandera; one query has them all in one.
    passes = found.op().replace({seen.op(): table.op()}).to_expr()
    said = None
    if check.raise_warning:
        said = ibisparts.warning(component, check, name, place[-1], whole=_is_scalar(passes))
    # Of an answer about a whole column Pandera says only by which pattern it was found.
    about = None if name is None else component.name
    if _is_scalar(passes):
        holds = passes.fill_null(False)  # noqa: FBT003 (Ibis' signature)
        yield Whole(place, check, about, _over(table, holds), said)
        return
    # Of rows of which the check says nothing, it is not known that it holds of all of them.
    yield Whole(place, check, about, _over(table, passes.any().notnull()), said, count=0)
    failing = (~passes).fill_null(False)  # noqa: FBT003 (Ibis' signature)
    shown = tuple(table.columns) if name is None else (name,)
    most = check.n_failure_cases
    yield Rows(place, check, name, _over(table, failing), shown, most, said)


def _is_scalar(expression: Any) -> bool:
    return bool(expression.op().shape.is_scalar())


def _looks_around(expression: Any) -> bool:
    """Whether what an expression says of a row hangs on other rows: no aggregate can hold that."""
    from ibis.expr import operations

    node = expression.op()
    if not _is_scalar(expression) and node.find(operations.Reduction):
        return True
    return bool(node.find((operations.WindowFunction, operations.Analytic)))


def _answer(check: Any, seen: Any, name: str | None) -> Any:
    """What a check says, as an expression of `seen`: null where it says nothing.

    Raises:
        NotInScan: It is none: Pandera has to run it.
    """
    from pandera.api.ibis.types import IbisData

    known = builtin.arguments(check)
    if known is not None and known[0] == "unique_values_eq":
        return _same_values(known[1]["values"], seen[name])
    try:
        backend = check.get_backend(seen)(check)
        if check.element_wise:
            found = _each(backend.check_fn, seen, name)
        elif known is not None:
            # The one that is registered now: copies of a check may know no Ibis yet.
            function = check.get_builtin_check_fn(known[0])
            found = function(IbisData(seen, name), **known[1])
        else:
            found = backend.check_fn(IbisData(seen, name))
    except Exception as error:
        raise builtin.NotInScan(f"it raised {type(error).__name__}") from error
    passes = _joined(found, seen)
    if check.ignore_na and name is not None and not _is_scalar(passes):
        passes = passes | seen[name].isnull()
    return passes


def _each(function: Callable[[Any], Any], seen: Any, name: str | None) -> dict[str, Any]:
    names = seen.columns if name is None else [name]
    return {each: function(seen[each]) for each in names}


def _joined(found: Any, seen: Any) -> Any:
    """One boolean expression of `seen`, of what a check returned."""
    import ibis
    from ibis.expr import operations, types

    parts = [found]
    if isinstance(found, dict):
        parts = list(found.values())
    elif isinstance(found, types.Table):
        node = found.op()
        if not isinstance(node, operations.Project) or node.parent != seen.op():
            raise builtin.NotInScan("it returns a table that is not made of the columns alone")
        parts = [value.to_expr() for value in node.values.values()]
    boolean = all(isinstance(part, types.BooleanValue) for part in parts)
    if not boolean or any(part.op().relations - {seen.op()} for part in parts):
        raise builtin.NotInScan("it returns no expression of the table")
    if any(_looks_around(part) for part in parts):
        raise builtin.NotInScan("it compares rows with other rows")
    return parts[0] if len(parts) == 1 else ibis.and_(*parts)


def _same_values(values: Any, column: Any) -> Any:
    """Whether the values of a column, but null, are exactly these."""
    kind = column.type()
    wanted = set(values)
    whole = kind.is_integer() and all(type(v) is int and abs(v) < 2**63 for v in wanted)
    text = kind.is_string() and all(type(value) is str for value in wanted)
    if not (whole or text) or not wanted:
        raise builtin.NotInScan("Python's sets compare such values in their own way")
    others = column.notin(list(wanted)).sum().fill_null(0)
    return (others == 0) & (column.nunique() == len(wanted))
