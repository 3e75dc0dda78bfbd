"""Expectations of distributions: how far each column may be from a reference."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.relations import brackets, distribution
from assay.contract.relations.distribution import usable
from assay.contract.relations.meeting import together
from assay.contract.relations.side import dotted, plain, whole
from assay.datadiff import shift
from assay.datadiff.columns import MOST_CATEGORIES
from assay.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.configdata import Bounds, ExpectSpec
    from assay.contract.relations.brackets import Bracket
    from assay.contract.relations.side import Found, KeyPath, Kind, Side

EXACT = 2_000_000
"""Rows of both tables up to which every value is sorted."""
_FITS: dict[Kind, frozenset[str]] = {
    "number": frozenset({"psi", "ks", "mean_within", "null_share_within"}),
    "time": frozenset({"psi", "ks", "null_share_within"}),
    "category": frozenset({"psi", "null_share_within", "new_categories"}),
    "other": frozenset({"null_share_within"}),
}
"""The bounds that apply to a kind of column."""
_OF_BOTH = {"psi", "ks", "new_categories"}
"""Those for which one query must see both tables."""


@dataclass(frozen=True)
class Expected:
    """A column and its bounds."""

    column: str
    kind: Kind
    bounds: Bounds
    explicit: bool
    """Whether the column is named, and not just one of all."""
    hidden: bool = False
    """Whether its name may be a value: of the first row, taken for a header."""

    @property
    def shown(self) -> str:
        """What reports call the column."""
        return "(hidden)" if self.hidden else self.column

    def bound(self, name: str) -> Any:
        """A bound, as far as it applies to the kind of column."""
        return getattr(self.bounds, name) if name in _FITS[self.kind] else None

    @property
    def set(self) -> list[str]:
        """The names of the bounds that are set and apply."""
        return [name for name in self.bounds.set if name in _FITS[self.kind]]

    def called(self, name: str) -> str:
        """What reports call a bound: `expect(psi=0.2)`."""
        return f"expect({name}={self.bound(name):g})"


@dataclass(frozen=True)
class Summary:
    """A column of one table."""

    rows: int
    nulls: int
    usable: int
    """Values that are neither null nor infinite nor NaN."""
    moments: tuple[float, float] | None
    """Mean and standard deviation of the population; `None` where it has none."""

    @property
    def null_share(self) -> float:
        """0 to 1; 0 of no rows."""
        return self.nulls / self.rows if self.rows else 0.0


def plan(side: Side, other: Side, spec: ExpectSpec, *, key: KeyPath) -> list[Expected]:
    """The columns that are looked at, and their bounds.

    Raises:
        ConfigError: A column is missing, a bound does not apply to it, or the tables have it in
            different kinds.
    """
    expected = []
    for column, bounds in spec.columns.items():
        for table in (side, other):
            table.require([column], (*key, "columns", column))
        expected.append(Expected(column, side.kind(column), bounds, explicit=True))
        for name in bounds.set:
            if name not in expected[-1].set:
                raise _does_not_apply(side, column, name, (*key, "columns", column, name))
    common = [str(name) for name in side.table.columns if name in other.table.columns]
    expected += [
        Expected(
            column, side.kind(column), spec.default, explicit=False, hidden=side.header_in_doubt
        )
        for column in common
        if column not in spec.columns
    ]
    judged = [one for one in expected if one.set]
    for wanted in judged:
        if other.kind(wanted.column) != wanted.kind:
            raise _other_kind(side, other, wanted, key)
    return judged


def find(
    side: Side, other: Side, expected: list[Expected], *, key: KeyPath
) -> tuple[list[Found], list[str]]:
    """The bounds that are not kept, and warnings of what could not be judged.

    Args:
        side: The table.
        other: Its reference.
        expected: Of `plan`.
        key: Where `expect` stands in `assay.yaml`.

    Raises:
        DataError: The reference has no rows, or a column that is named cannot be judged.
    """
    own, its = _summaries(side, expected), _summaries(other, expected)
    if any(summary.rows == 0 for summary in its.values()):
        message = f"`{dotted((*key, 'reference'))}`: {other.shown} has no rows."
        raise DataError(message, key=(*key, "reference"))
    found: list[Found] = []
    warnings: list[str] = []
    with _prepared(side, other, expected, own, its) as tables:
        for one in expected:
            summaries = own[one.column], its[one.column]
            for looked in (*_summarized(one, *summaries), *_compared(tables, one, *summaries)):
                if not isinstance(looked, str):
                    found.append(looked)
                elif one.explicit:
                    place = (*key, "columns", one.column)
                    raise DataError(f"`{dotted(place)}` cannot be judged: {looked}.", key=place)
                else:
                    warnings.append(
                        f"`{dotted((*key, 'default'))}` is not judged for"
                        f" `{printable(one.shown)}`: {looked}."
                    )
    return found, warnings


@dataclass(frozen=True)
class _Tables:
    """Both tables, and what is known of their large columns of numbers and times."""

    left: Side
    right: Side
    brackets: Mapping[str, Bracket]


@contextlib.contextmanager
def _prepared(
    side: Side,
    other: Side,
    expected: Sequence[Expected],
    own: Mapping[str, Summary],
    its: Mapping[str, Summary],
) -> Iterator[_Tables]:
    """Small tables brought together once; of large ones, which are not, brackets."""
    compared = [one.column for one in expected if _OF_BOTH.intersection(one.set)]
    rows = sum(summaries[name].rows for name in compared[:1] for summaries in (own, its))
    if not compared:
        yield _Tables(side, other, {})
    elif rows <= EXACT or other.layout.numbered is None:
        with together(side, other, compared, compared) as (left, right):
            yield _Tables(left, right, {})
    else:
        large = [
            one.column
            for one in expected
            if one.column in compared
            and one.kind in {"number", "time"}
            and own[one.column].usable
            and its[one.column].usable
        ]
        total = its[compared[0]].rows
        found = brackets.measured(side, other, large, reference_rows=total)
        yield _Tables(side, other, found)


def _summaries(side: Side, expected: list[Expected]) -> dict[str, Summary]:
    """What one query says of all columns."""
    asked: dict[str, Any] = {"rows": side.table.count()}
    for number, one in enumerate(expected):
        column = side.table[one.column]
        values = usable(column)
        missing = column.isnull() | column.isnan() if column.type().is_floating() else None
        asked[f"nulls_{number}"] = (column.isnull() if missing is None else missing).sum()
        asked[f"usable_{number}"] = values.count()
        if one.bound("mean_within") is not None:
            asked[f"mean_{number}"] = values.mean()
            asked[f"std_{number}"] = values.std(how="pop")
    row = side.row(asked)
    return {
        one.column: Summary(
            rows=int(row["rows"]),
            nulls=int(row[f"nulls_{number}"] or 0),
            usable=int(row[f"usable_{number}"]),
            moments=None
            if row.get(f"mean_{number}") is None
            else (float(row[f"mean_{number}"]), float(row[f"std_{number}"])),
        )
        for number, one in enumerate(expected)
    }


def _summarized(one: Expected, own: Summary, its: Summary) -> Iterator[Found | str]:
    """The bounds that need no more than each table's own summary; text says why one is not judged.

    A column that has values on one side alone is told of by `_compared` or by its nulls.
    """
    most = one.bound("null_share_within")
    if most is not None and abs(own.null_share - its.null_share) > most:
        said = f"{plain(100 * own.null_share)} % null, reference {plain(100 * its.null_share)} %"
        yield _broken(one, "null_share_within", said)
    most = one.bound("mean_within")
    if most is None:
        return
    if its.moments is None:
        yield "the reference has no value of it"
    elif own.moments is None:
        yield _broken(one, "mean_within", "no values")
    else:
        difference = shift.standardized(own.moments, its.moments)
        if difference is None:  # no spread on either side: the means are the same, or worlds apart
            difference = 0.0 if own.moments[0] == its.moments[0] else math.inf
        if not abs(difference) <= most:
            yield _broken(one, "mean_within", f"means apart by {plain(abs(difference))}")


def _compared(tables: _Tables, one: Expected, own: Summary, its: Summary) -> Iterator[Found | str]:
    """The bounds that compare value by value."""
    left, right = tables.left, tables.right
    if not _OF_BOTH.intersection(one.set):
        return
    if its.usable == 0:
        yield "the reference has no value of it"
    elif own.usable == 0:
        for name in ("psi", "ks"):
            if one.bound(name) is not None:
                yield _broken(one, name, "no values")
    elif one.kind == "category":
        yield from _new(left, right, one, total=own.rows)
        if one.bounds.psi is not None:
            value = distribution.categories(left, right, one.column)
            if value is None:
                yield f"it has more than {MOST_CATEGORIES:,} different values, too many for `psi`"
            else:
                yield from _judged(one, "psi", value)
    else:
        yield from _ordered(tables, one, own, its)


def _ordered(tables: _Tables, one: Expected, own: Summary, its: Summary) -> Iterator[Found]:
    """Numbers and times: by their bracket, and value by value where that cannot tell."""
    bracket, most = tables.brackets.get(one.column), one.bound("ks")
    if bracket is not None and (most is None or not bracket.least <= most < bracket.most):
        yield from _judged(one, "psi", bracket.psi)
        yield from _judged(one, "ks", bracket.least, "ks is at least")
        return
    apart = distribution.ordered(
        tables.left, tables.right, one.column, rows=own.usable, reference_rows=its.usable
    )
    yield from _judged(one, "psi", apart.psi)
    yield from _judged(one, "ks", apart.ks)


def _judged(one: Expected, name: str, value: float, said: str | None = None) -> Iterator[Found]:
    most = one.bound(name)
    if most is not None and value > most:
        yield _broken(one, name, f"{said or f'{name} is'} {plain(value)}")


def _new(left: Side, right: Side, one: Expected, *, total: int) -> Iterator[Found]:
    """Values that the reference does not have."""
    most = one.bound("new_categories")
    if most is None:
        return
    new = distribution.novelty(left, right, one.column)
    if new.values <= most:
        return
    with together(left, right, [one.column], [one.column]) as (head, reference):
        known = reference.table.select(one.column)
        found = head.failing(
            lambda table: table.filter(table[one.column].notnull()).anti_join(known, one.column),
            [one.column],
            check=one.called("new_categories"),
            count=new.rows,
            total=total,
        )
    update = {"column": one.shown, "examples": ()} if one.hidden else {}
    yield found._replace(failure=found.failure.model_copy(update=update))


def _broken(one: Expected, name: str, said: str) -> Found:
    return whole(one.called(name), column=one.shown, found=said)


def _does_not_apply(side: Side, column: str, name: str, key: KeyPath) -> ConfigError:
    allowed = ", ".join(f"`{bound}`" for bound in sorted(_FITS[side.kind(column)]))
    return ConfigError(
        f"`{dotted(key)}`: `{name}` does not apply to `{printable(column)}`, which is"
        f" {side.table.schema()[column]} in {side.shown}.",
        hint=f"Bounds for this type: {allowed}.",
        key=key,
    )


def _other_kind(side: Side, other: Side, wanted: Expected, key: KeyPath) -> ConfigError:
    types = [one.table.schema()[wanted.column] for one in (side, other)]
    column = printable(wanted.shown)
    return ConfigError(
        f"`{dotted(key)}` compares `{column}`, which is {types[0]} in {side.shown}, and"
        f" {types[1]} in {other.shown}.",
        hint=f"Write both files with the same type, or leave it out: `columns: {{{column}: {{}}}}`",
        key=key,
    )
