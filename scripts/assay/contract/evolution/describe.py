"""A loaded Pandera schema, of any flavour, as plain facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from assay.console import printable
from assay.contract.evolution import fingerprint
from assay.contract.evolution.section import (
    CheckDescription,
    ColumnDescription,
    Description,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.contract.schema import LoadedSchema

_OPTIONS = ("on_missing", "on_missing_columns")


def describe(loaded: LoadedSchema) -> Description:
    """All of a schema that decides which data it accepts."""
    schema = loaded.schema
    coerce = bool(getattr(schema, "_coerce", False) or getattr(schema, "coerce", False))
    index = getattr(schema, "index", None)
    levels = [] if index is None else list(getattr(index, "indexes", [index]))
    return Description(
        name=loaded.name,
        flavour=loaded.backend,
        columns=tuple(
            _column(column, name=str(name), coerce=coerce)
            for name, column in schema.columns.items()
        ),
        index=tuple(
            _column(level, name=None if level.name is None else str(level.name), coerce=coerce)
            for level in levels
        ),
        checks=tuple(map(_check, _listed(getattr(schema, "checks", None)))),
        parsers=_parsers(schema),
        keys=_keys(getattr(schema, "unique", None)),
        dtype=_dtype(getattr(schema, "dtype", None)),
        coerce=coerce,
        strict=_strict(getattr(schema, "strict", False)),
        ordered=bool(getattr(schema, "ordered", False)),
        unique_column_names=bool(getattr(schema, "unique_column_names", False)),
        add_missing_columns=bool(getattr(schema, "add_missing_columns", False)),
        drop_invalid_rows=bool(getattr(schema, "drop_invalid_rows", False)),
        options=_options(schema),
    )


def _column(column: Any, *, name: str | None, coerce: bool) -> ColumnDescription:
    dtype = getattr(column, "dtype", None)
    categories = getattr(dtype, "categories", None)
    default = getattr(column, "default", None)
    return ColumnDescription(
        name=name,
        regex=bool(getattr(column, "regex", False)),
        dtype=_dtype(dtype),
        categories=None if categories is None else tuple(map(value, categories)),
        coerce=dtype is not None and (coerce or bool(getattr(column, "coerce", False))),
        nullable=bool(getattr(column, "nullable", False)),
        unique=bool(getattr(column, "unique", False)),
        required=bool(getattr(column, "required", True)),
        checks=tuple(map(_check, _listed(getattr(column, "checks", None)))),
        parsers=_parsers(column),
        default=None if default is None else value(default).text,
        options=_options(column),
    )


def _dtype(dtype: Any) -> str | None:
    if dtype is None:
        return None
    # That of a categorical may list its values.
    return "category" if getattr(dtype, "categories", None) is not None else printable(str(dtype))


def _listed(found: Any) -> list[Any]:
    if found is None:
        return []
    return list(found) if isinstance(found, list | tuple) else [found]


def _parsers(schema: Any) -> tuple[str, ...]:
    found = _listed(getattr(schema, "parsers", None))
    return tuple(fingerprint.of(getattr(parser, "_parser_fn", parser)) for parser in found)


def _keys(unique: Any) -> tuple[tuple[str, ...], ...]:
    """`unique="a"`, `["a", "b"]` or `[["a", "b"], ["c"]]`."""
    if not unique:
        return ()
    if isinstance(unique, str):
        return ((unique,),)
    if all(isinstance(part, str) for part in unique):
        return (tuple(unique),)
    return tuple((part,) if isinstance(part, str) else tuple(map(str, part)) for part in unique)


def _strict(strict: object) -> Literal["no", "yes", "filter"]:
    if strict == "filter":
        return "filter"
    return "yes" if strict else "no"


def _options(schema: Any) -> dict[str, str]:
    found = {name: getattr(schema, name, None) for name in _OPTIONS}
    return {name: printable(str(option)) for name, option in found.items() if option is not None}


def _check(check: Any) -> CheckDescription:
    name = str(check.name or "check")
    function = getattr(check, "_check_fn", None)
    builtin = type(function).__name__ == "Dispatcher" and name in _builtin_names(check)
    groups = getattr(check, "groupby", None)
    options = ["element_wise"] if getattr(check, "element_wise", False) else []
    if groups is not None:
        named = fingerprint.of(groups) if callable(groups) else str(groups)
        options.append(f"groupby {named} {getattr(check, 'groups', None)}")
    statistics = getattr(check, "statistics", None) or {}
    return CheckDescription(
        name=printable(name),
        builtin=builtin,
        arguments={str(key): _values(each) for key, each in statistics.items()},
        ignore_na=bool(getattr(check, "ignore_na", True)),
        options=tuple(options),
        warns=bool(getattr(check, "raise_warning", False)),
        code=None if builtin else fingerprint.of((function, getattr(check, "_check_kwargs", None))),
    )


def _builtin_names(check: Any) -> Iterable[str]:
    return getattr(type(check), "CHECK_FUNCTION_REGISTRY", {})


def _values(argument: Any) -> tuple[Value, ...]:
    if isinstance(argument, set | frozenset):
        return tuple(sorted(map(value, argument), key=lambda each: (each.kind, each.key)))
    if isinstance(argument, str | bytes) or not hasattr(argument, "__iter__"):
        return (value(argument),)
    return tuple(map(value, argument))


def value(given: Any) -> Value:
    """An argument of a check as a fact."""
    if type(given).__module__ == "numpy" and hasattr(given, "item"):
        given = given.item()
    found = Value(kind="other", text=printable(str(given)), key=printable(repr(given)))
    match given:
        case None:
            found = Value(kind="none", text="none", key="")
        case bool():
            found = Value(kind="number", text=str(given), key=str(int(given)))
        case int() | float() | Decimal() if str(given).lower() != "nan":
            found = Value(kind="number", text=str(given), key=str(given))
        case str():
            found = Value(kind="text", text=printable(given), key=given)
        case date() if str(given) != "NaT":
            found = _time(given)
        case timedelta() if str(given) != "NaT":
            found = Value(kind="duration", text=str(given), key=str(_seconds(given)))
    return found


def _seconds(given: timedelta) -> Decimal:
    nanoseconds = given.microseconds * 1000 + int(getattr(given, "nanoseconds", 0))
    return given.days * 86_400 + given.seconds + Decimal(nanoseconds) / 10**9


def _time(given: date) -> Value:
    text = given.isoformat().removesuffix("T00:00:00")
    if not isinstance(given, datetime):
        return Value(kind="time", text=text, key=f"{text}T00:00:00.000000000")
    zoned = given.tzinfo is not None
    moment = given.astimezone(UTC).replace(tzinfo=None) if zoned else given
    nanoseconds = int(getattr(given, "nanosecond", 0))
    key = f"{datetime.isoformat(moment, timespec='microseconds')}{nanoseconds:03d}"
    return Value(kind="zoned time" if zoned else "time", text=text, key=key)
