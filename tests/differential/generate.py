"""Cases of chance: a schema, and data that lies near it.

What draws is a `Random`: of a seed, or hypothesis' own (`st.randoms()`), which can shrink.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.differential import functions, kinds
from tests.differential.case import ANNOTATIONS, Case, Check, Column, Field, Flavour, Format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_NAMES = ("a", "b", "c", "A", "x y", "é", "select", 'q"q', "a.b", "0")
_ORDER = ("gt", "ge", "ge", "ge", "lt", "le", "le", "le", "in_range", "in_range", "in_range")
_SETS = ("eq", "ne", "isin", "isin", "isin", "notin", "notin", "unique_values_eq")
_TEXT = ("str_matches", "str_contains", "str_startswith", "str_endswith", "str_length")
_PATTERNS = (
    *("a", "^a", "^[a-z]*$", ".*", "b$", "[0-9]+", r"\d", r"\w+$", r"\s", "(a|b)", "a.b", ""),
    *(".", "^.$", "(?i)A", r"a\Z", "^$", "[^a]", r"\bb", "a{1,2}$", "é", "(?=a)", r"(a)\1", "$"),
    "[",  # is no regular expression
)
_REPORTS = ("'all'", "'exclude_first'", "'exclude_last'")


def one_in(draw: Random, chances: int) -> bool:
    """True once in so many; False is the simpler."""
    return draw.randint(0, chances - 1) == chances - 1


def pandas_case(draw: Random) -> Case:
    """A case of pandas, in Parquet or CSV."""
    written: Format = draw.choice(("parquet", "parquet", "bare", "csv"))
    every = kinds.CSV if written == "csv" else kinds.PANDAS
    return _case(draw, "pandas", written, every)


def polars_case(draw: Random) -> Case:
    """A case of polars, in Parquet."""
    from tests.differential.polarskinds import POLARS

    return _case(draw, "polars", "parquet", POLARS)


def ibis_case(draw: Random) -> Case:
    """A case of Ibis: a table of DuckDB."""
    from tests.differential.polarskinds import IBIS, IN_IBIS

    case = _case(draw, "ibis", "parquet", IBIS)
    columns = (replace(column, dtype=IN_IBIS.get(str(column.dtype))) for column in case.columns)
    return replace(case, columns=tuple(columns), style="schema")


def _case(draw: Random, flavour: Flavour, written: Format, every: Sequence[kinds.Kind]) -> Case:
    rows = 0 if one_in(draw, 40) else draw.randint(1, 12)
    # DuckDB does not tell `a` from `A`; the scan of an Ibis table refuses to.
    allowed = [name for name in _NAMES if name != "A" or flavour != "ibis"]
    names = draw.sample(allowed, draw.randint(1, 4))
    drawn = [(name, draw.choice(every)) for name in names]
    fields = tuple(_field(draw, name, kind, rows, written) for name, kind in drawn)
    plain = one_in(draw, 8)  # a model or a document: what can be written in every style
    columns = [
        _column(draw, part, kind, flavour, plain)
        for part, (_, kind) in zip(fields, drawn, strict=True)
    ]
    style = draw.choice(("model", "yaml")) if plain else "schema"
    if flavour != "pandas" and style == "yaml":
        style = "model"
    if style == "model":
        columns = [column for column in columns if _annotated(column, flavour)]
    elif one_in(draw, 12):
        columns = _astray(draw, columns)
    index, levels = (), ()
    indexed = one_in(draw, 6 if written == "parquet" else 60)
    if flavour == "pandas" and style == "schema" and indexed:
        index, levels = _index(draw, rows, written)
    checks = ()
    if style == "schema" and one_in(draw, 8):
        checks = (draw.choice(functions.of_tables(flavour, names)),)
    return Case(
        fields=fields,
        columns=tuple(columns),
        checks=checks,
        options=_table_options(draw, names, flavour, style),
        index=index if written == "parquet" else (),
        levels=levels,
        flavour=flavour,
        style=style,
        format=written,
    )


def _annotated(column: Column, flavour: Flavour) -> bool:
    return column.dtype in ANNOTATIONS if flavour == "pandas" else column.dtype is not None


def _field(draw: Random, name: str, kind: kinds.Kind, rows: int, written: Format) -> Field:
    # Few different values: duplicates, and sets that hold all of them.
    few = [draw.choice(kind.values) for _ in range(draw.randint(1, 4))]
    values: list[Any] = []
    lacking = bool(kind.missing) and one_in(draw, 3)
    for _ in range(rows):
        if lacking and one_in(draw, 4):
            values.append(draw.choice(kind.missing))
        else:
            values.append(draw.choice(kind.values if one_in(draw, 3) else few))
    if written == "csv" and not any(values):
        values = ["0" for _ in values]  # a line that is empty would be no row
    return Field(name, draw.choice(kind.dtypes), tuple(values))


def _column(draw: Random, part: Field, kind: kinds.Kind, flavour: Flavour, plain: bool) -> Column:
    known = _known(part, kind)
    missing = len(known) < len(part.values)
    options: dict[str, str] = {}
    if missing and not one_in(draw, 4):
        options["nullable"] = "True"
    dtype = _dtype(draw, part, kind)
    if kind.cast and one_in(draw, 8):
        dtype, options["coerce"] = draw.choice(kind.cast), "True"
    if one_in(draw, 5 if len(_different(known)) == len(known) else 15):
        options["unique"] = "True"
        if flavour == "pandas" and not plain:
            options["report_duplicates"] = draw.choice(_REPORTS)
    if one_in(draw, 12):
        options["required"] = "False"
    if kind.default is not None and one_in(draw, 12) and not plain:
        options["default"] = repr(kind.default)
    if not plain and flavour == "pandas" and one_in(draw, 40):
        options["drop_invalid_rows"] = "True"
    checks = [_check(draw, known, kind, flavour, plain) for _ in range(draw.randint(0, 3))]
    if plain:  # an argument of a field is given once
        checks = list({check.name: check for check in checks}.values())
    return Column(part.name, dtype, tuple(checks), tuple(options.items()))


def _dtype(draw: Random, part: Field, kind: kinds.Kind) -> str | None:
    if one_in(draw, 6):
        return None
    if one_in(draw, 25):
        return draw.choice(("'int64'", "'float64'", "str", "'bool'")) if part.dtype else "object"
    options = [option for option in (part.dtype, *kind.near) if option]
    return draw.choice(options) if options else None


def _known(part: Field, kind: kinds.Kind) -> list[Any]:
    """The values that are not missing, as a check would name them."""
    values = [v for v in part.values if not (v is None or v != v)]  # noqa: PLR0124 (NaN)
    if part.dtype:
        return values
    return [
        _as_number(v) if kind.family == "number" else v for v in values if v not in kind.missing
    ]


def _as_number(text: str) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return 0


def _check(
    draw: Random, known: list[Any], kind: kinds.Kind, flavour: Flavour, plain: bool
) -> Check:
    if not plain and one_in(draw, 6):
        function = draw.choice(functions.of_columns(flavour, kind.family))
        return Check(function.name, options=_check_options(draw, function), builtin=False)
    # A set of lists is no set: Pandera refuses it.
    names = [*_SETS] if not isinstance(kind.values[0], list) else ["eq", "ne"]
    if kind.family in {"number", "time", "text"}:
        names += _ORDER
    if kind.family == "text" or one_in(draw, 30):
        names += [*_TEXT, *_TEXT]
    name = draw.choice(names)
    pool = list(known)
    others = kind.values if kind.family != "number" else (0, 1, 2, 1.5, 100)
    if not pool or one_in(draw, 4):
        pool += [draw.choice(others)]
    if name in {"ne", "notin"} and not one_in(draw, 3):
        pool = [value for value in others if value not in known] or pool
    if one_in(draw, 40) and not plain:  # what cannot be compared with the column
        pool = [draw.choice((None, "text", 0, 1.5, True, math.nan))]
    arguments = _arguments(draw, name, pool)
    options = () if plain else _check_options(draw, None)
    return Check(name, arguments, options)


def _arguments(draw: Random, name: str, pool: list[Any]) -> tuple[tuple[str, Any], ...]:
    if name in _TEXT:
        return _text_arguments(draw, name, pool)
    if name in _ORDER:
        return _bounds(draw, name, pool)
    if name in {"eq", "ne"}:
        return (("value", draw.choice(pool)),)
    some = _different(pool)
    if one_in(draw, 5) or name == "notin":
        some = some[-draw.randint(0, 2) :]
    if one_in(draw, 10):
        some = [*some, draw.choice((None, math.nan, "a", 0))]
    if name == "unique_values_eq":
        return (("values", some),)
    return (("allowed_values" if name == "isin" else "forbidden_values", some),)


def _bounds(draw: Random, name: str, pool: list[Any]) -> tuple[tuple[str, Any], ...]:
    least, most = _ends(pool)
    value = draw.choice(pool)
    if name in {"gt", "ge"}:
        return (("min_value", value if one_in(draw, 4) else least),)
    if name in {"lt", "le"}:
        return (("max_value", value if one_in(draw, 4) else most),)
    low = value if one_in(draw, 4) else least
    ends = [end for end in ("include_min", "include_max") if one_in(draw, 4) and low != most]
    return (("min_value", low), ("max_value", most), *((end, False) for end in ends))


def _ends(pool: list[Any]) -> tuple[Any, Any]:
    try:
        return min(pool), max(pool)
    except TypeError:
        return pool[0], pool[-1]


def _different(values: list[Any]) -> list[Any]:
    different: list[Any] = []
    for value in values:
        if value not in different:
            different.append(value)
    return different


def _text_arguments(draw: Random, name: str, pool: list[Any]) -> tuple[tuple[str, Any], ...]:
    texts = [value for value in pool if isinstance(value, str)] or ["a"]
    if name in {"str_matches", "str_contains"}:
        return (("pattern", draw.choice(_PATTERNS)),)
    text = draw.choice(texts)
    if name == "str_startswith":
        return (("string", text[: draw.randint(0, 2)]),)
    if name == "str_endswith":
        return (("string", text[-1:] if one_in(draw, 2) else ""),)
    least, most = min(map(len, texts)), max(map(len, texts))
    return draw.choice(
        (
            (("min_value", least),),
            (("max_value", most),),
            (("exact_value", len(text)),),
            (("min_value", least), ("max_value", most)),
            (("min_value", least), ("max_value", max(most - 1, least))),
        )
    )


def _check_options(draw: Random, function: Check | None) -> tuple[tuple[str, Any], ...]:
    options = dict(function.options) if function is not None else {}
    if one_in(draw, 12):
        options["ignore_na"] = False
    if one_in(draw, 15):
        options["raise_warning"] = True
    if one_in(draw, 20):
        options["n_failure_cases"] = draw.randint(1, 3)
    if one_in(draw, 20):
        options["error"] = "is as we said"
    elif one_in(draw, 20):
        options["name"] = "ours"
    return tuple(options.items())


def _astray(draw: Random, columns: list[Column]) -> list[Column]:
    """The schema names another column, one by a pattern, or they stand in another order."""
    how = draw.randint(0, 2)
    first, *rest = columns
    if how == 0:
        return [*rest, first]
    name = "gone" if how == 1 else draw.choice(("^[abc]$", "^.$", "^x", "^z"))
    options = dict(first.options) | ({"regex": "True"} if how == 2 else {})
    return [Column(name, first.dtype, first.checks, tuple(options.items())), *rest]


def _index(
    draw: Random, rows: int, written: Format
) -> tuple[tuple[Field, ...], tuple[Column, ...]]:
    every = [kind for kind in kinds.PANDAS if kind.dtypes[0] in {"'int64'", "str", "'float64'"}]
    fields, levels = [], []
    for number in range(1 if not one_in(draw, 3) else 2):
        kind = draw.choice(every)
        name = f"level{number}" if one_in(draw, 2) else ""
        part = _field(draw, name or f"level{number}", kind, rows, written)
        fields.append(Field(name or f"level{number}", kind.dtypes[0], part.values))
        column = _column(draw, part, kind, "pandas", plain=False)
        allowed = {"nullable", "unique", "coerce", "report_duplicates"}
        options = tuple((key, value) for key, value in column.options if key in allowed)
        levels.append(Column(part.name, column.dtype, column.checks, options))
    if one_in(draw, 4):
        return (), tuple(levels)
    return tuple(fields), tuple(levels) if not one_in(draw, 4) else ()


def _table_options(
    draw: Random, names: Sequence[str], flavour: Flavour, style: str
) -> tuple[tuple[str, str], ...]:
    options: dict[str, str] = {}
    if one_in(draw, 8):
        options["strict"] = draw.choice(("True", "'filter'"))
    if one_in(draw, 10):
        options["ordered"] = "True"
    if one_in(draw, 6):
        options["unique"] = repr(list(names[: draw.randint(1, 2)]))
        if flavour == "pandas" and style == "schema":
            options["report_duplicates"] = draw.choice(_REPORTS)
    if one_in(draw, 12):
        options["coerce"] = "True"
    if one_in(draw, 20):
        options["unique_column_names"] = "True"
    if one_in(draw, 20):
        options["add_missing_columns"] = "True"
    if one_in(draw, 20):
        options["drop_invalid_rows"] = "True"
    if one_in(draw, 40) and flavour == "pandas" and style == "schema":
        options["dtype"] = draw.choice(("str", "'float64'", "'int64'"))
    return tuple(options.items())


MAKERS = {"pandas": pandas_case, "polars": polars_case, "ibis": ibis_case}
