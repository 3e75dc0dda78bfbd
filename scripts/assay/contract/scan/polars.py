"""What polars schemas mean: `pandera.polars` as expressions of a scan.

Of each built-in check Pandera itself is asked, on a frame of one null and one NaN, what it says of
them: that differs between its versions and must not between engines. What is left to translate is
what a check says of a value, and only for types where both sides surely mean the same by it.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from assay.contract.scan import builtin, polarschecks, polarsparts
from assay.contract.scan.copies import copied
from assay.contract.scan.plan import DROPPED, Decided, Part, Plan, Promise, Repeats, Rows, Whole
from assay.contract.scan.polarsframe import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from assay.contract.scan.plan import Place
    from assay.contract.scan.polarsframe import Frame
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout

Piece = Decided | Promise | Rows | Whole | Repeats | Part

# Places: parsers, presence, sets of columns, columns, checks of the table.
_PARSERS, _PRESENCE, _SETS, _COLUMNS, _TABLE = range(5)
_STAGES = {
    "COLUMN_NOT_IN_SCHEMA": _PARSERS,
    "COLUMN_NOT_ORDERED": _PARSERS,
    "COLUMN_NOT_IN_DATAFRAME": _PRESENCE,
}
# What happens within a column, in Pandera's order.
_NULLS, _UNIQUE, _DTYPE, _CHECKS = range(4)

_KEYS = (*polarschecks.INTEGERS, "Float32", "Float64", "String", "Boolean", "Date")
"""Types whose equal values are equal in every engine."""


def plan(layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool) -> Plan:  # noqa: ARG001 (nothing of the user's runs here)
    """How a table is held against a polars schema; see `Semantics.plan`."""
    from pandera.errors import SchemaError

    schema = loaded.schema
    try:
        frame = parsed(layout, schema)
        found = gather(list(_pieces(frame, schema)))
    except builtin.NotInScan as reason:
        return polarsparts.whole_table(schema, str(reason))
    except SchemaError as error:
        # What ends Pandera's validation is all that it reports.
        return Plan(decided=(Decided((_PARSERS,), error),))
    if frame.assumed:
        table = polarsparts.whole_table(
            schema, "values are turned into a type that may not hold them"
        )
        found = replace(found, assumed=frame.assumed, otherwise=lambda _: table)
    if not schema.drop_invalid_rows:
        return found
    promises = tuple(replace(one, why=one.why or DROPPED) for one in found.promises)
    whole = polarsparts.whole_table(
        schema, "a check has one answer for all rows, of which some are dropped"
    )
    return replace(found, promises=promises, drops=True, undropped=whole)


def gather(pieces: Sequence[Piece]) -> Plan:
    """A plan of its pieces."""

    def of(kind: type) -> tuple[Any, ...]:
        return tuple(piece for piece in pieces if isinstance(piece, kind))

    return Plan(
        promises=(*of(Promise), *(part.promise for part in of(Part))),
        decided=of(Decided),
        rows=of(Rows),
        wholes=of(Whole),
        repeats=of(Repeats),
        parts=of(Part),
    )


def _pieces(frame: Frame, schema: Any) -> Iterator[Piece]:
    if schema.strict == "filter":
        yield Promise("strict='filter'", None, "scan", "columns that it does not name are left out")
    yield from _of_layout(frame, schema)
    yield from _sets(frame, schema)
    for number, component in enumerate(_components(frame, schema)):
        yield from _of_component(frame, component, (_COLUMNS, number))
    for number, check in enumerate(schema.checks):
        known = builtin.arguments(check)
        row_wise = check.element_wise or (known is not None and known[0] != "unique_values_eq")
        together = not row_wise or _how(check, row_wise=True) != "batches"
        why = "a function of the user's" if known is None else "a check of whole rows"
        promise = Promise(check, None, "table" if together else "batches", why)
        before = [polarsparts.passing()] * number if check.raise_warning else []
        alone = polarsparts.alone(frame.turned, checks=[*before, check])
        yield polarsparts.part(alone, frame.some, promise, (_TABLE, number))


def _of_layout(frame: Frame, schema: Any) -> Iterator[Decided]:
    """What Pandera says of the columns' presence and order."""
    for error in _schema_errors(schema, frame.empty):
        stage = _STAGES.get(error.reason_code.name)
        if stage is not None:
            yield Decided((stage,), error)


def _schema_errors(schema: Any, empty: Any) -> list[Any]:
    """Pandera's errors that need no data."""
    from pandera import errors
    from pandera.config import ValidationDepth, config_context

    schema = copied(schema)
    schema.drop_invalid_rows = False
    with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
        try:
            schema.validate(empty, lazy=True)
        except errors.SchemaErrors as found:
            return list(found.schema_errors)
        except errors.SchemaError:
            raise
        except Exception as error:  # where Pandera looks at everything, it is told as ever
            raise builtin.NotInScan(f"Pandera raises {type(error).__name__}") from error
    return []


def _components(frame: Frame, schema: Any) -> list[Any]:
    """The schemas of columns that apply to the table, as Pandera chooses and names them."""
    lazy = frame.empty.lazy()
    backend = schema.get_backend(lazy)
    info = backend.collect_column_info(lazy, schema)
    return list(backend.collect_schema_components(lazy, schema, info))


def _sets(frame: Frame, schema: Any) -> Iterator[Piece]:
    """Sets of columns that are unique together."""
    if not schema.unique:
        return
    plain = all(isinstance(name, str) for name in schema.unique)
    sets = [schema.unique] if plain else schema.unique
    places: list[Place] = [(_SETS, number) for number in range(len(sets))]
    for number, names in enumerate(sets):
        present = [name for name in names if name in frame.empty.columns]
        if not present or any(frame.dtype(name) not in _KEYS for name in present):
            raise builtin.NotInScan("columns are unique whose types engines compare differently")
        check = "multiple_fields_uniqueness"
        yield Promise(check, None, "scan")
        yield Repeats(
            place=places[number],
            check=check,
            column=None,
            key=_key(frame, present),
            shown=tuple(frame.empty.columns),
            keep="all",
            counts_null=True,
            unless=tuple(places[:number]),
        )


def _key(frame: Frame, names: Sequence[str]) -> Callable[[Any], list[Any]]:
    return lambda table: [frame.value(table, name) for name in names]


def _of_component(frame: Frame, component: Any, place: Place) -> Iterator[Piece]:
    import polars as pl
    from pandera.errors import SchemaError

    lazy = frame.empty.lazy()
    names = [component.name]
    if getattr(component, "regex", False):
        names = lazy.select(pl.col(component.selector)).collect_schema().names()
    try:
        found = _schema_errors(component, lazy)
    except SchemaError as unmatched:  # a pattern that matches no column
        found = [unmatched]
    for number, error in enumerate(found):
        column = getattr(error, "column_name", None) or error.schema.name
        at = names.index(column) if column in names else number
        yield Decided((*place, at, _DTYPE), error)
    for number, name in enumerate(names):
        yield from _of_column(frame, component, name, (*place, number))


def _of_column(frame: Frame, component: Any, name: str, place: Place) -> Iterator[Piece]:
    if component.dtype is not None:
        yield Promise(f"dtype('{component.dtype}')", name, "scan")
    if not component.nullable:
        yield Promise("not_nullable", name, "scan")
        missing = _missing(frame, name)
        if missing is not None:
            yield Rows((*place, _NULLS), "not_nullable", name, missing, (name,))
    if component.unique:
        yield from _unique(frame, name, (*place, _UNIQUE))
    for number, check in enumerate(component.checks):
        yield from _check(frame, check, name, (*place, _CHECKS, number), number)


def _missing(frame: Frame, name: str) -> Callable[[Any], Any] | None:
    """Null, and for floats NaN too: only here does `pandera.polars` take it for missing.

    `None` where it is certain that nothing is.
    """
    full = frame.known(name).nulls == 0
    if not frame.has_nan(name):
        return None if full else lambda table: frame.value(table, name).isnull()
    if full:
        return lambda table: frame.value(table, name).isnan()

    def fails(table: Any) -> Any:
        value = frame.value(table, name)
        return value.isnull() | value.isnan().fill_null(False)  # noqa: FBT003 (Ibis' signature)

    return fails


def _unique(frame: Frame, name: str, place: Place) -> Iterator[Piece]:
    if frame.dtype(name) not in _KEYS:
        why = f"engines compare values of type {frame.empty.schema[name]} differently"
        promise = Promise("field_uniqueness", name, "column", why)
        alone = polarsparts.alone(frame.alone(name), name, unique=True)
        yield polarsparts.part(alone, (name,), promise, place)
        return
    yield Promise("field_uniqueness", name, "scan")
    yield Repeats(
        place=place,
        check="field_uniqueness",
        column=name,
        key=_key(frame, [name]),
        shown=(name,),
        keep="all",
        counts_null=True,
        known=frame.known(name),
    )


def _check(frame: Frame, check: Any, name: str, place: Place, number: int) -> Iterator[Piece]:
    # Pandera's warnings name the number of a check among those of its column.
    before = [polarsparts.passing()] * number if check.raise_warning else []
    known = builtin.arguments(check)
    sees_table = known is None and not check.element_wise
    turned = frame.turned if sees_table else frame.alone(name)
    alone = polarsparts.alone(turned, name, checks=[*before, check])
    if known is None or check.element_wise:
        yield _own(frame, alone, check, name, place)
        return
    errors = _raised(alone, frame, name)
    if errors:  # for every row alike, as for whole numbers that a pattern should match
        yield Promise(check, name, "scan")
        yield from (Decided(place, error) for error in errors)
        return
    what = str(number) if known[0] == "unique_values_eq" else f"validator number {number}"
    said = f"Column '{name}' failed {what}: {check}" if check.raise_warning else None
    try:
        yield from _compiled(frame, check, name, place, said)
        yield Promise(check, name, "scan")
    except builtin.NotInScan as reason:
        row_wise = known[0] != "unique_values_eq"
        promise = Promise(check, name, _how(check, row_wise=row_wise), str(reason))
        yield polarsparts.part(alone, (name,), promise, place)


def _compiled(
    frame: Frame, check: Any, name: str, place: Place, said: str | None
) -> Iterator[Piece]:
    function, given = builtin.arguments(check) or ("", {})
    dtype = frame.empty.schema[name]
    if function == "unique_values_eq":
        holds = polarschecks.values_equal(given, dtype)
        yield Whole(place, check, name, lambda table: holds(frame.value(table, name)), said)
        return
    failing = polarschecks.fails(function, given, dtype, frame.engine)
    on_null, on_nan = _of_missing(check, dtype, name)
    floating, known = frame.has_nan(name), frame.known(name)
    passes = polarschecks.passes(function, given, dtype, known)
    passes = passes and (known.nulls == 0 or not on_null)
    if passes and not (floating and on_nan):
        return

    def fails(table: Any) -> Any:
        value = frame.value(table, name)
        if passes:
            return value.isnan()
        failed = failing(value)
        if floating:
            failed = (failed | value.isnan()) if on_nan else (failed & ~value.isnan())
        return (failed.fill_null(True) | value.isnull()) if on_null else failed  # noqa: FBT003 (Ibis' signature)

    yield Rows(place, check, name, fails, (name,), check.n_failure_cases, said)


def _how(check: Any, *, row_wise: bool) -> Literal["batches", "column"]:
    """A warning, and a number of cases that is not to be exceeded, are of all batches together."""
    together = check.raise_warning or check.n_failure_cases is not None
    return "batches" if row_wise and not together else "column"


def _of_missing(check: Any, dtype: Any, name: str) -> tuple[bool, bool]:
    """Whether a check fails for null, and for NaN."""
    import polars as pl

    values = [None, float("nan")] if dtype.is_float() else [None]
    probe = pl.LazyFrame({name: pl.Series(values, dtype=dtype)})
    output = check(probe, name).check_output.collect().to_series().to_list()
    # Older versions leave null where they mean that it passes.
    return output[0] is False, output[-1] is False


def _own(frame: Frame, alone: Any, check: Any, name: str, place: Place) -> Part:
    """A check of the user's: what it sees beside its column cannot be told."""
    if check.element_wise:
        how = _how(check, row_wise=True)
        return polarsparts.part(
            alone,
            (name,),
            Promise(check, name, how, "a function of the user's, of one value"),
            place,
        )
    promise = Promise(check, name, "table", "a function of the user's, which is given the table")
    return polarsparts.part(alone, frame.some, promise, place)


def _raised(alone: Any, frame: Frame, name: str) -> list[Any]:
    """What a check raises whatever the values are."""
    from pandera import errors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is said of no values is not of these
        try:
            alone.validate(frame.empty.select(name), lazy=True)
        except errors.SchemaErrors as found:
            return [e for e in found.schema_errors if e.reason_code.name == "CHECK_ERROR"]
    return []
