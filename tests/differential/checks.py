"""Checks of chance, about values that are there or nearly there."""

from __future__ import annotations

import math
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any

from tests.differential import functions, kinds
from tests.differential.case import Check, Flavour, Source

if TYPE_CHECKING:
    from random import Random

_ORDER = ("gt", "ge", "ge", "ge", "lt", "le", "le", "le", "in_range", "in_range", "in_range")
_SETS = ("eq", "ne", "isin", "isin", "isin", "notin", "notin", "unique_values_eq")
_TEXT = ("str_matches", "str_contains", "str_startswith", "str_endswith", "str_length")
_PATTERNS = (
    *("a", "^a", "^[a-z]*$", ".*", "b$", "[0-9]+", r"\d", r"\w+$", r"\s", "(a|b)", "a.b", ""),
    *(".", "^.$", "(?i)A", r"a\Z", "^$", "[^a]", r"\bb", "a{1,2}$", "é", "(?=a)", r"(a)\1", "$"),
    "[",  # is no regular expression
)
_FOREIGN: dict[kinds.Family, tuple[Any, ...]] = {
    "number": (
        *("1", True, 1.5, 2**53 + 1, -1, -(2**70), 0.1, None, math.nan, math.inf),
        *(Source("np.int64(1)"), Source("np.float32(0.1)"), Source("Decimal('1')")),
    ),
    "text": (1, 1.5, None, b"a", True, Source("np.str_('a')"), Source("re.compile('a')")),
    "time": (
        *("2020-01-01", 0, None, Source("datetime.date(2020, 1, 1)")),
        *(Source("Timestamp('2020-01-01')"), Source("Timestamp('2020-01-01', tz='UTC')")),
        *(Source("np.datetime64('2020-01-01')"), Source("datetime.datetime(2020, 1, 1)")),
    ),
    "bool": (0, 1, 1.0, "True", None),
    "other": (None, 1, "a"),
}
"""Bounds of another type than the column's values, or of one that is only nearly the same."""
_HOLDERS = ("tuple", "set", "frozenset", "np.array", "pd.Series", "iter", "dict.fromkeys")


def one_in(draw: Random, chances: int) -> bool:
    """True once in so many; False is the simpler."""
    return draw.randint(0, chances - 1) == chances - 1


def drawn(draw: Random, known: list[Any], kind: kinds.Kind, flavour: Flavour, plain: bool) -> Check:
    """A check of a column, whose values are `known`."""
    if not plain and one_in(draw, 6):
        function = draw.choice(functions.of_columns(flavour, kind.family))
        return Check(function.name, options=_check_options(draw, function), builtin=False)
    # A set of lists is no set: Pandera refuses it.
    names = [*_SETS] if not isinstance(kind.values[0], list) else ["eq", "ne"]
    if flavour == "pyspark" and kind.family == "bool":
        names = ["eq", "ne"]  # others it refuses for such columns, and an order of texts
    if kind.family in {"number", "time"} or (kind.family == "text" and flavour != "pyspark"):
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
    if one_in(draw, 15) and not plain:
        pool = [draw.choice(_FOREIGN[kind.family]), *(pool if one_in(draw, 2) else ())]
    arguments = _arguments(draw, name, pool)
    if isinstance(arguments[0][1], list) and not plain and one_in(draw, 10):
        arguments = ((arguments[0][0], Source(f"{draw.choice(_HOLDERS)}({arguments[0][1]})")),)
    options = () if plain else _check_options(draw, None)
    return Check(name, arguments, options)


def _arguments(draw: Random, name: str, pool: list[Any]) -> tuple[tuple[str, Any], ...]:
    if name in _TEXT:
        return _text_arguments(draw, name, pool)
    if name in _ORDER:
        return _bounds(draw, name, pool)
    if name in {"eq", "ne"}:
        return (("value", draw.choice(pool)),)
    some = different(pool)
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
    wide = str(low) != str(most)  # Pandera refuses an empty interval
    ends = [end for end in ("include_min", "include_max") if one_in(draw, 4) and wide]
    return (("min_value", low), ("max_value", most), *((end, False) for end in ends))


def _ends(pool: list[Any]) -> tuple[Any, Any]:
    try:
        return min(pool), max(pool)
    except (TypeError, InvalidOperation):  # decimals and NaN have no order
        return pool[0], pool[-1]


def different(values: list[Any]) -> list[Any]:
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
