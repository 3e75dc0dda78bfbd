"""What PySpark schemas mean: `pandera.pyspark` with its built-in checks in one query of Spark.

Pandera runs a job of Spark for each check, and says only that a check fails, not how often: the
scan counts. What it says of a table without rows (types, presence, checks that raise) is asked of
Pandera; so are functions of the user's, on all of the data.
"""

from __future__ import annotations

import importlib
import math
import re
import warnings
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.contract.refused import refused
from assay.contract.scan import builtin
from assay.contract.scan.copies import copied
from assay.contract.scan.plan import Decided, Plan, Promise, Repeats, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from assay.contract.scan.plan import Place
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout

Piece = Decided | Promise | Rows | Repeats

_STRUCTURE, _SET, _COLUMNS, _TABLE = range(4)
_NULLS, _CHECKS = range(2)
_OF_ROWS = {"CHECK_ERROR", "DATAFRAME_CHECK"}
_OF_NAMES = {
    "COLUMN_NOT_IN_SCHEMA": "' not in ",
    "COLUMN_NOT_ORDERED": "' out-of-order",
}


class _Error(NamedTuple):
    """What Pandera reports of one failure."""

    reason: str
    column: str | None
    check: str
    text: str


def plan(layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool) -> Plan:
    """How a table is held against a PySpark schema; see `Semantics.plan`."""
    held = _Held(layout.empty, layout.table, loaded.schema)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PySpark about pandas
        try:
            pieces = list(held.pieces())
        except Exception as error:
            raise refused(error, loaded, root=root, private=private) from error

    def of(kind: type) -> tuple[Any, ...]:
        return tuple(piece for piece in pieces if isinstance(piece, kind))

    return Plan(
        promises=of(Promise),
        decided=of(Decided),
        said=(*_unlooked(loaded.schema), *held.said),
        rows=of(Rows),
        repeats=of(Repeats),
    )


def _unlooked(schema: Any) -> Iterator[str]:
    """What a user may take for checked, and Pandera does not check."""
    for name, column in schema.columns.items():
        if column.regex and not column.required:
            yield f"pandera.pyspark does not look at the pattern '{name}', which is not `required`."


class _Held:
    """A schema and the table that it is held against.

    Args:
        frame: A `pyspark.sql.DataFrame` of all of the data; nothing of it is read yet.
        table: The same one, for Ibis.
        schema: A `DataFrameSchema` of `pandera.pyspark`.
    """

    def __init__(self, frame: Any, table: Any, schema: Any) -> None:
        from pandera.config import ValidationDepth, get_config_context

        self._frame, self._table, self._schema = frame, table, schema
        self._without_rows = frame.sparkSession.createDataFrame([], schema=frame.schema)
        self._types: dict[str, Any] = {}
        depth = get_config_context(validation_depth_default=None).validation_depth
        self._of_schema = depth != ValidationDepth.DATA_ONLY
        self._of_data = depth != ValidationDepth.SCHEMA_ONLY
        self.said: list[str] = []

    def pieces(self) -> Iterator[Piece]:
        """All that the schema promises."""
        bare = _with_checks(self._schema, lambda check: builtin.arguments(check) is not None)
        errors, parsed = self._errors(bare, self._without_rows)
        # The columns that Pandera's parsers leave, and their types.
        self._types = {field.name: field.dataType for field in parsed.schema}
        for number, error in enumerate(errors):
            if error.reason not in _OF_ROWS:
                yield Decided((_STRUCTURE, number), self._raised(error, error.check))
        raised = {(e.column, e.check): e for e in errors if e.reason == "CHECK_ERROR"}
        yield from self._set()
        for number, component in enumerate(self._schema.columns.values()):
            for at, name in enumerate(self._names(component)):
                yield from self._column(component, name, (_COLUMNS, number, at), raised)
        for number, check in enumerate(self._schema.checks if self._of_data else ()):
            yield from self._by_pandera(check, None, (_TABLE, number), "a function of the table")

    def _names(self, component: Any) -> Sequence[str]:
        if not component.regex:
            return [component.name] if component.name in self._types else []
        names = self._types if component.required else ()
        return [name for name in names if re.match(component.name, name)]

    def _set(self) -> Iterator[Piece]:
        unique = self._schema.unique
        names = [unique] if isinstance(unique, str) else list(unique or ())
        if not names or not self._of_data or set(names) - set(self._types):
            return
        yield Promise("unique", None, "scan")
        yield Repeats(
            place=(_SET,),
            check="unique",
            column=None,
            key=lambda table: [self._value(table, name) for name in names],
            shown=tuple(names),
            keep="all",
            counts_null=True,
        )

    def _column(
        self, component: Any, name: str, place: Place, raised: dict[tuple[str | None, str], _Error]
    ) -> Iterator[Piece]:
        dtype = self._schema.dtype or component.dtype
        if dtype is not None and self._of_schema:
            yield Promise(f"dtype('{dtype}')", name, "scan")
        if not component.nullable and self._of_schema:
            yield Promise("not_nullable", name, "scan")
            yield Rows((*place, _NULLS), "not_nullable", name, self._nulls(name), (name,))
        for number, check in enumerate(component.checks if self._of_data else ()):
            at = (*place, _CHECKS, number)
            error = raised.get((name, str(check.error or check.name)))
            if error is None:
                yield from self._check(component, check, name, at)
            else:
                yield Promise(check, name, "scan")
                yield Decided(at, self._raised(error, check))

    def _check(self, component: Any, check: Any, name: str, place: Place) -> Iterator[Piece]:
        try:
            failing = self._failing(check, name)
        except builtin.NotInScan as reason:
            yield from self._by_pandera(check, name, place, str(reason), component)
            return
        yield Promise(check, name, "scan")
        said = f"{component} failed validation {check.error}" if check.raise_warning else None
        yield Rows(place, check, name, failing, (name,), None, said)

    def _nulls(self, name: str) -> Callable[[Any], Any]:
        def missing(table: Any) -> Any:
            value = self._value(table, name)
            # As text: Ibis takes NaN for null on Spark, and Pandera does not.
            return (value.cast("string") if value.type().is_floating() else value).isnull()

        return missing

    def _failing(self, check: Any, name: str) -> Callable[[Any], Any]:
        known = builtin.arguments(check)
        if known is None or check.element_wise:
            raise builtin.NotInScan("a function of the user's")
        function, given = known
        if function not in _CONDITIONS:
            raise builtin.NotInScan("it is about all values together")
        if not _alike(self._value(self._table, name).type(), function, given):
            raise builtin.NotInScan("not surely the same in Ibis as in PySpark")
        condition = _CONDITIONS[function]

        def fails(table: Any) -> Any:
            # A condition that is null lets a row pass, whatever `ignore_na` is.
            failing = ~condition(self._value(table, name), **given)
            return failing.fill_null(False)  # noqa: FBT003 (Ibis' signature)

        return fails

    def _value(self, table: Any, name: str) -> Any:
        """A column after coercion: Spark's own cast."""
        from ibis.backends.pyspark.datatypes import PySparkType

        if self._frame.schema[name].dataType == self._types[name]:
            return table[name]
        return table[name].cast(PySparkType.to_ibis(self._types[name]))

    def _by_pandera(
        self, check: Any, name: str | None, place: Place, why: str, component: Any = None
    ) -> Iterator[Piece]:
        yield Promise(check, name, "table" if name is None else "column", why)
        # The parsers run as in the user's schema; a built-in check asks for the declared type.
        alone = _with_checks(self._schema, lambda _: False)
        alone.unique = None
        for each in alone.columns.values():
            each.nullable = True
        if name is None:
            alone.checks = [check]
        else:
            column = copied(component)
            column.name, column.regex = name, False
            column.checks, column.nullable = [check], True
            alone.columns = {**alone.columns, name: column}
        errors, _ = self._errors(alone, self._frame)
        for error in errors:
            if error.reason in _OF_ROWS:
                yield Decided(place, self._raised(error._replace(column=name), check))

    def _errors(self, schema: Any, frame: Any) -> tuple[list[_Error], Any]:
        """Pandera's errors, and the frame after its parsers."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            parsed = schema.validate(frame)
        self.said += [str(w.message) for w in caught if w.category.__name__ == "SchemaWarning"]
        found = [
            _Error(reason, error["column"], str(error["check"]), str(error["error"]))
            for by_reason in (parsed.pandera.errors or {}).values()
            for reason, errors in by_reason.items()
            for error in errors
        ]
        return found, parsed

    def _raised(self, error: _Error, check: Any) -> Any:
        """An error as Pandera's other backends give it."""
        pa: Any = importlib.import_module("pandera.pyspark")
        errors: Any = importlib.import_module("pandera.errors")

        column, cases = error.column, error.text
        if error.reason in _OF_NAMES:  # Pandera names it among other words
            words = _OF_NAMES[error.reason]
            cases = error.text.removeprefix("column '").partition(words)[0]
        elif error.reason == "WRONG_DATATYPE":
            cases = str(self._frame.schema[column].dataType)
        elif error.reason not in _OF_ROWS and column is not None:
            cases = column
        return errors.SchemaError(
            schema=pa.DataFrameSchema({}) if column is None else pa.Column(name=column),
            data=None,
            message=error.text,
            failure_cases=cases,
            check=check,
            reason_code=errors.SchemaErrorReason[error.reason],
        )


def _with_checks(schema: Any, wanted: Callable[[Any], bool]) -> Any:
    """A schema without the checks of its table, and with some of those of its columns."""
    bare = copied(schema)
    bare.checks = []
    bare.columns = {name: copied(column) for name, column in schema.columns.items()}
    for column in bare.columns.values():
        column.checks = [check for check in column.checks if wanted(check)]
    return bare


def _alike(kind: Any, function: str, given: dict[str, Any]) -> bool:
    """Whether values are compared with some of their own type."""
    values: list[Any] = []
    for key, value in given.items():
        if isinstance(value, list | tuple | set | frozenset):
            values += value
        elif value is not None and not key.startswith("include_"):
            values.append(value)
    types = {type(value) for value in values}
    if function == "str_length":
        return bool(kind.is_string()) and types == {int}
    if kind.is_integer() or kind.is_floating():
        listed = len(types) == 1 or function not in {"isin", "notin"}
        finite = types <= {int, float} and all(abs(v) < 2**63 and math.isfinite(v) for v in values)
        return bool(types) and listed and finite
    wanted = {"string": str, "boolean": bool, "date": date}.get(str(kind).lstrip("!"))
    return types == {wanted}


def _within(
    column: Any, *, min_value: Any, max_value: Any, include_min: bool, include_max: bool
) -> Any:
    above = column >= min_value if include_min else column > min_value
    below = column <= max_value if include_max else column < max_value
    return above & below


def _long(
    length: Any,
    *,
    min_value: int | None = None,
    max_value: int | None = None,
    exact_value: int | None = None,
) -> Any:
    if exact_value is not None:
        return length == exact_value
    if min_value is None:
        return length <= max_value
    return length >= min_value if max_value is None else length.between(min_value, max_value)


_CONDITIONS: dict[str, Callable[..., Any]] = {
    "equal_to": lambda column, value: column == value,
    "not_equal_to": lambda column, value: column != value,
    "greater_than": lambda column, min_value: column > min_value,
    "greater_than_or_equal_to": lambda column, min_value: column >= min_value,
    "less_than": lambda column, max_value: column < max_value,
    "less_than_or_equal_to": lambda column, max_value: column <= max_value,
    "in_range": _within,
    "isin": lambda column, allowed_values: column.isin(list(allowed_values)),
    "notin": lambda column, forbidden_values: ~column.isin(list(forbidden_values)),
    "str_startswith": lambda column, string: column.startswith(string),
    "str_endswith": lambda column, string: column.endswith(string),
    "str_length": lambda column, **given: _long(column.length(), **given),
    "str_contains": lambda column, pattern: column.re_search(pattern),
    "str_matches": lambda column, pattern: column.re_search(
        pattern if pattern.startswith("^") else f"^{pattern}"
    ),
}
