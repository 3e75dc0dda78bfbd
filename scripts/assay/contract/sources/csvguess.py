"""What pandas makes of the texts of a CSV column, as far as SQL can tell for certain."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.datadiff.csvload import NULLS

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = 2000
"""Rows from which types are guessed."""

_GUESSES = (
    ("BIGINT", re.compile(r"-?(0|[1-9][0-9]{0,17})")),
    ("DOUBLE", re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")),
    ("BOOLEAN", re.compile(r"true|false", re.IGNORECASE)),
)
_FRACTION = re.compile("[.eE]")
_NUMBER_OR_WORD = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]*)?|[-+]?inf(inity)?|true|false"
# What a value that is not missing becomes, and whether pandas may see something else in it.
_VALUE = {
    "BIGINT": "TRY_CAST({0} AS BIGINT)",
    "DOUBLE": "TRY_CAST({0} AS DOUBLE)",
    "BOOLEAN": "CASE lower({0}) WHEN 'true' THEN true WHEN 'false' THEN false END",
    "VARCHAR": "{0}",
}
_DOUBT = {
    # A whole number in its usual form; the cast alone takes `1.5`, `1_000` and `0x1F`.
    "BIGINT": "{1} IS NULL OR CAST({1} AS VARCHAR) <> {0}",
    "DOUBLE": "{1} IS NULL OR NOT isfinite({1}) OR contains({0}, '_')"
    " OR left({0}, 1) <= ' ' OR right({0}, 1) <= ' '"
    " OR (length({0}) > 18 AND NOT contains({0}, '.')){2}",
    "BOOLEAN": "{1} IS NULL",
    # The first character rules most texts out, at a tenth of the cost. Not by `IN`: DuckDB makes a
    # join of a long list, after which rows no longer come in the order of the file.
    "VARCHAR": "contains('+-.0123456789iItTfF ' || chr(9) || chr(10) || chr(11) || chr(12)"
    " || chr(13), left({0}, 1))"
    f" AND regexp_full_match(lower(trim({{0}}, ' ' || chr(9) || chr(10) || chr(11) || chr(12)"
    f" || chr(13))), '{_NUMBER_OR_WORD}')",
}


@dataclass(frozen=True)
class Column:
    """One column after the pass over all rows."""

    sql: str
    dtype: Any


_MISSING = frozenset(NULLS)
IS_PLAIN = (
    "{0} IS NOT NULL AND TRY_CAST({0} AS DOUBLE) IS NOT NULL"
    " AND regexp_full_match({0}, '-?[0-9]{{1,15}}[.][0-9]*')"
)


def guessed(start: bytes, separator: str, width: int) -> list[str]:
    """For each column the type that the first rows of a file suggest.

    Args:
        start: The beginning of the file.
        separator: What parts its fields.
        width: How many columns there are.
    """
    content = io.StringIO(start.decode("utf-8-sig", errors="ignore"), newline="")
    seen: list[list[str]] = [[] for _ in range(width)]
    try:
        for row in itertools.islice(csv.reader(content, delimiter=separator), 1, SAMPLE):
            for values, value in zip(seen, row, strict=False):
                if value not in _MISSING:
                    values.append(value)
    except csv.Error:
        pass  # a stray quote: what was seen before it will do
    return [_guess(values) for values in seen]


def _guess(values: Sequence[str]) -> str:
    if not values:
        return "BIGINT"  # without any value, all rows may well have none
    found = next((t for t, form in _GUESSES if all(map(form.fullmatch, values))), "VARCHAR")
    if found == "DOUBLE" and not any(_FRACTION.search(value) for value in values):
        return "VARCHAR"  # whole numbers in an unusual form, which all may be
    return found


def tried(number: int, guess: str) -> tuple[str, str]:
    """The SQL of what the texts of a column become, and of whether pandas may see another thing."""
    column = f"c{number}"
    value = _VALUE[guess].format(column)
    # Some versions of pandas round the last of many digits otherwise.
    digits = "" if _rounds_correctly() else f" OR length({column}) > 15"
    return value, _DOUBT[guess].format(column, value, digits)


def settled(
    number: int, guess: str, counts: tuple[int, int, int, int], sampled: Any
) -> Column | None:
    """A column whose dtype is certain; `None` where pandas must look.

    Args:
        number: Which one.
        guess: The type that was tried.
        counts: Rows, values, doubts, and doubts that are plain numbers.
        sampled: The dtype that the first rows have in pandas.
    """
    import numpy as np

    rows, values, doubts, plain = counts
    name = f"c{number}"
    if guess == "BIGINT" and doubts and doubts == plain and _rounds_correctly():
        sql = f"coalesce(TRY_CAST(x{number} AS DOUBLE), CAST({name} AS DOUBLE))"
        return Column(sql, np.dtype("float64"))
    if doubts:
        return None
    if guess == "VARCHAR":
        return Column(name, sampled) if values == rows or _keeps_text() else None
    if guess == "BOOLEAN":
        return Column(name, np.dtype("bool" if values == rows else "object"))
    if guess == "BIGINT" and values == rows:
        return Column(name, np.dtype("int64"))
    return Column(f"CAST({name} AS DOUBLE)", np.dtype("float64"))


@functools.cache
def _rounds_correctly() -> bool:
    """Whether this pandas gives the double that is nearest to a decimal number."""
    import pandas as pd

    texts = [repr(n / 9973 * 10.0**e) for n in range(1, 400, 7) for e in range(-8, 16)]
    read = pd.read_csv(io.StringIO("\n".join(["x", *texts])))["x"]
    return bool((read == [float(each) for each in texts]).all())


@functools.cache
def _keeps_text() -> bool:
    """Whether a chunk without values leaves a column of texts what it is."""
    import pandas as pd

    texts = pd.read_csv(io.StringIO("x\na\n"))["x"]
    missing = pd.read_csv(io.StringIO("x,y\n,1\n"))["x"]
    return bool(pd.concat([texts, missing]).dtype == texts.dtype)
