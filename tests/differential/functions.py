"""Checks that are functions, as users write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.differential.case import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.differential.case import Flavour
    from tests.differential.kinds import Family


def _own(source: str, **options: object) -> Check:
    return Check(source, options=tuple(options.items()), builtin=False)


_PANDAS_ANY = (
    _own("lambda s: s.notna()"),
    _own("lambda s: s == s.iloc[0]"),
    _own("lambda s: ~s.duplicated()"),
    _own("lambda s: len(s) > 3"),
    _own("lambda s: s.nunique() < 3"),
    _own("lambda s: 1 / 0"),
    _own("lambda s: s.isna().to_numpy()"),
    _own("lambda x: x == x", element_wise=True),
    _own("lambda x: str(x) < 'b'", element_wise=True),
    _own("lambda x: x is not None", element_wise=True),
    _own("lambda x: hash(str(x)) and x.nothing", element_wise=True),
)
_PANDAS_NUMBER = (
    _own("lambda s: s > 0"),
    _own("lambda s: s <= s.max()"),
    _own("lambda s: s.mean() > 0"),
    _own("lambda x: x >= 0", element_wise=True),
    _own("lambda x: float(x) % 2 == 0", element_wise=True),
    _own("lambda s: s.abs() < 50"),
)
_PANDAS_TEXT = (
    _own("lambda s: s.str.len() > 0"),
    _own("lambda x: len(x) < 2", element_wise=True),
    _own("lambda x: x.islower()", element_wise=True),
)
PARSERS = (
    "pa.Parser(lambda s: s)",
    "pa.Parser(lambda s: s.ffill())",
    "pa.Parser(lambda s: s.astype(str))",
    "pa.Parser(lambda s: s.nothing)",
)
GROUPS = "lambda groups: all(len(group) < 4 for group in groups.values())"
_POLARS_ANY = (
    _own("lambda d: d.lazyframe.select(pl.col(d.key).is_not_null())"),
    _own("lambda d: d.lazyframe.select(pl.col(d.key) == pl.col(d.key).first())"),
    _own("lambda d: d.lazyframe.select(pl.col(d.key).is_first_distinct())"),
    _own("lambda d: d.lazyframe.select(pl.len() > 3)"),
    _own("lambda d: 1 / 0"),
    _own("lambda x: x == x", element_wise=True),
    _own("lambda x: str(x) < 'b'", element_wise=True),
)
_POLARS_NUMBER = (
    _own("lambda d: d.lazyframe.select(pl.col(d.key) > 0)"),
    _own("lambda d: d.lazyframe.select(pl.col(d.key).mean() > 0)"),
    _own("lambda x: x >= 0", element_wise=True),
)
_IBIS_ANY = (
    _own("lambda d: d.table[d.key].notnull()"),
    _own("lambda d: d.table.select(d.table[d.key].notnull())"),
    _own("lambda d: d.table[d.key].nunique() < 3"),
    _own("lambda d: 1 / 0"),
)
_IBIS_NUMBER = (
    _own("lambda d: d.table[d.key] > 0"),
    _own("lambda d: d.table[d.key].mean() > 0"),
    _own("lambda d: d.table.select(d.table[d.key] <= d.table[d.key].max())"),
)
# A function without arguments of its own is given the whole table, whatever its column is.
_SPARK_ANY = (
    _own("lambda df: df.count() > 3"),
    _own("lambda df: df.dropna().limit(1).count() == 1"),
    _own("lambda df: False"),
    _own("lambda df: 1 / 0"),
    _own("lambda d: d.dataframe.count() > 3"),
)


def of_columns(flavour: Flavour, family: Family) -> Sequence[Check]:
    """Checks of one column."""
    if flavour == "ibis":
        return (*_IBIS_ANY, *(_IBIS_NUMBER if family == "number" else ()))
    if flavour == "pyspark":
        return _SPARK_ANY
    if flavour == "polars":
        return (*_POLARS_ANY, *(_POLARS_NUMBER if family == "number" else ()))
    more = {"number": _PANDAS_NUMBER, "text": _PANDAS_TEXT}
    return (*_PANDAS_ANY, *more.get(family, ()))


def of_tables(flavour: Flavour, names: Sequence[str]) -> Sequence[Check]:
    """Checks of whole tables."""
    first, last = names[0], names[-1]
    if flavour == "pyspark":
        return (*_SPARK_ANY, _own(f"lambda df: df.filter(F.col({f'`{first}`'!r}) > 0).count() > 0"))
    if flavour == "ibis":
        return (
            _own(f"lambda d: d.table[{first!r}] == d.table[{last!r}]"),
            _own(f"lambda d: d.table.select(d.table[{first!r}].notnull())"),
            _own("lambda d: d.table.count() > 3"),
            _own("lambda d: d.table['gone'] > 0"),
        )
    if flavour == "polars":
        return (
            _own(f"lambda d: d.lazyframe.select(pl.col({first!r}) == pl.col({last!r}))"),
            _own(f"lambda d: d.lazyframe.select(pl.col({first!r}).is_not_null())"),
            _own("lambda d: d.lazyframe.select(pl.len() > 3)"),
            _own("lambda d: d.lazyframe.select(pl.col('gone') > 0)"),
        )
    return (
        _own(f"lambda df: df[{first!r}] == df[{last!r}]"),
        _own(f"lambda df: df[{first!r}].notna()"),
        _own("lambda df: len(df) > 3"),
        _own("lambda df: df.notna()"),
        _own("lambda df: df['gone'] > 0"),
        _own("lambda row: row.notna().all()", element_wise=True),
        Check("ge", (("min_value", 0),)),
        Check("notin", (("forbidden_values", ["a", 1]),), (("ignore_na", False),)),
        _own(f"lambda g: len(g) < 3 and all(len(v) for v in g.values()), groupby={first!r}"),
    )
