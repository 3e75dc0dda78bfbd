"""Parts of a table's rows: by the values of columns, by bins of numbers, by expressions.

A slice is found in one table, head's, and can be found again in another, by `Slices.of`: with the
same values, the same edges and the same name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from assay import config
from assay.stats.columns import PredictionsError
from assay.stats.definitions import MOST_SLICES
from assay.stats.operands import Table
from assay.stats.partitions import Bins, ByValue, Coded, Condition, quantile_edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.config import SliceSpec
    from assay.stats.partitions import SliceValue

Reason = Literal["too few rows", "too many values", "equal values", "not in head"]
"""Why something has no slice.

- `too few rows`: fewer than the least number of rows.
- `too many values`: others of the same column have more rows; or the column has many values, none
  with enough rows, as an id has.
- `equal values`: a column has fewer bins than asked for, because many rows have one value.
- `not in head`: head has no such slice, so that there is nothing to hold base's rows against.
"""

Rule: TypeAlias = "ByValue | Bins | Condition"


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Some of the rows, by one rule."""

    name: str
    """`season = winter`, `temp in [10, 20)`, `season = winter and day = 6`, or the user's own."""
    columns: tuple[str, ...]
    values: tuple[SliceValue, ...]
    """Of each column, None where it has no value; of bins the range; of an expression nothing."""
    rows: int
    codes: NDArray[np.signedinteger]
    """(n,): of the part that it belongs to."""
    code: int
    declared: bool
    """Whether an expression names it; else its value was found in the data."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(n,): which rows. Made anew each time, so that many slices need little memory."""
        return np.asarray(self.codes == self.code)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Values of one specification that get no slice."""

    name: str
    """The column, the columns that are crossed, or the name of the expression."""
    columns: tuple[str, ...]
    reason: Reason
    values: int
    """How many values, or bins."""
    rows: int
    """How many rows they have together."""
    examples: tuple[str, ...]
    """What the largest of them would be called."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The slices of one specification; a row is in one of them at most."""

    rule: Rule
    codes: NDArray[np.signedinteger]
    """(n,), as few bytes as will do: the position in `slices`, -1 for none."""
    slices: tuple[Slice, ...]
    elsewhere: tuple[tuple[SliceValue, ...], ...] = ()
    """Values whose slice is that of an earlier specification."""


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Iterate over it for each `Slice`."""

    parts: tuple[Part, ...]
    """One for each specification."""
    left_out: tuple[LeftOut, ...]
    """What is not iterated over, and why."""

    def __iter__(self) -> Iterator[Slice]:
        for part in self.parts:
            yield from part.slices

    def __len__(self) -> int:
        return sum(len(part.slices) for part in self.parts)

    def of(self, frame: pd.DataFrame) -> Slices:
        """The same slices of another table: as many, in the same order, with the same names.

        A slice may have few rows there, or none. Rows of values that have no slice are in
        `left_out`, as `not in head`.

        Raises:
            PredictionsError: A column does not exist there, or holds something else.
        """
        table = Table(frame)
        table.require([name for part in self.parts for name in part.rule.columns])
        parts: list[Part] = []
        left_out: list[LeftOut] = []
        for part in self.parts:
            coded = part.rule.encode(table)
            groups = np.flatnonzero(coded.counts)
            chosen, shared = _find(part, coded, groups)
            names = [one.name for one in part.slices]
            values = [one.values for one in part.slices]
            found = _part(part.rule, coded, chosen, names, values)
            parts.append(replace(found, elsewhere=part.elsewhere))
            rest = groups[~np.isin(groups, [*chosen, *shared])]
            left_out += _left_out(part.rule, coded, "not in head", _largest(coded, rest))
        return Slices(tuple(parts), tuple(left_out))


def slices(
    frame: pd.DataFrame,
    specs: Sequence[SliceSpec],
    *,
    min_rows: int,
    max_values: int = MOST_SLICES,
) -> Slices:
    """The slices of a table, in the order of their specifications.

    Values are sorted, numbers before text, rows without a value last; bins rise. What two
    specifications give under one name is one slice: that of the first.

    Args:
        frame: The table whose rows are sliced.
        specs: What to slice by, as `assay.yaml` has it.
        min_rows: A slice with fewer rows is left out.
        max_values: At most so many values a column, or combinations of crossed columns: those with
            the most rows. Bins are all kept, because somebody asked for each.

    Raises:
        PredictionsError: A column does not exist or cannot be cut as asked, an expression is none,
            two slices have one name, or the table has no rows.
    """
    table = Table(frame)
    parts: list[Part] = []
    left_out: list[LeftOut] = []
    taken: dict[str, bool] = {}
    for spec in specs:
        rule, collapsed = _rule(spec, table)
        coded = rule.encode(table)
        kept, dropped = _choose(rule, coded, min_rows=min_rows, max_values=max_values)
        values = coded.values(kept)
        names = _names(rule, values)
        new = [i for i, name in enumerate(names) if _is_new(name, rule, taken)]
        part = _part(rule, coded, kept[new], [names[i] for i in new], [values[i] for i in new])
        elsewhere = tuple(value for i, value in enumerate(values) if i not in new)
        parts.append(replace(part, elsewhere=elsewhere))
        left_out += collapsed
        for reason, groups in dropped:
            left_out += _left_out(rule, coded, reason, groups)
    return Slices(tuple(parts), tuple(left_out))


def _rule(spec: SliceSpec, table: Table) -> tuple[Rule, list[LeftOut]]:
    if isinstance(spec, config.Where):
        return Condition.of(spec.name, spec.where), []
    if isinstance(spec, config.Cross):
        table.require(spec.cross)
        return ByValue.of(table, spec.cross), []
    table.require([spec.column])
    if spec.bins is not None:
        return Bins(spec.column, spec.bins), []
    if spec.quantiles is None:
        return ByValue.of(table, (spec.column,)), []
    edges = quantile_edges(table, spec.column, spec.quantiles)
    rule = Bins(spec.column, edges)
    lost = spec.quantiles - len(edges) - 1
    note = LeftOut(rule.title, rule.columns, "equal values", values=lost, rows=0, examples=())
    return rule, [note] if lost else []


def _choose(
    rule: Rule, coded: Coded, *, min_rows: int, max_values: int
) -> tuple[NDArray[np.intp], list[tuple[Reason, NDArray[np.intp]]]]:
    """The groups that become slices, in order, and the others, largest first, by reason."""
    by_size = _largest(coded, np.arange(coded.counts.size))
    enough = by_size[coded.counts[by_size] >= min_rows]
    small = by_size[coded.counts[by_size] < min_rows]
    if not isinstance(rule, ByValue):
        return np.sort(enough), [("too few rows", small)]
    if not enough.size and small.size > max_values:
        return enough, [("too many values", small)]
    kept, surplus = enough[:max_values], enough[max_values:]
    values = coded.values(kept)
    order = sorted(range(kept.size), key=lambda index: [_order(value) for value in values[index]])
    return kept[order], [("too many values", surplus), ("too few rows", small)]


def _largest(coded: Coded, groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Most rows first; among equals the one seen first, so that it is the same every time."""
    return groups[np.argsort(-coded.counts[groups], kind="stable")]


def _order(value: SliceValue) -> tuple[int, float, str]:
    if value is None:
        return (2, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")


def _find(part: Part, coded: Coded, groups: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[int]]:
    """The group of each slice of a part, -1 for none, and the groups that are sliced elsewhere."""
    chosen = np.full(len(part.slices), -1, dtype=np.intp)
    shared: list[int] = []
    if not part.slices and not part.elsewhere:
        return chosen, shared  # an id, of whose values none need be looked at
    position = {one.values: index for index, one in enumerate(part.slices)}
    for group, values in zip(groups.tolist(), coded.values(groups), strict=True):
        if values in position:
            chosen[position[values]] = group
        elif values in part.elsewhere:
            shared.append(group)
    return chosen, shared


def _names(rule: Rule, values: Sequence[tuple[SliceValue, ...]]) -> list[str]:
    """What slices are called; 1 and '1' in one column are told apart by quotes."""
    names = [rule.name(value) for value in values]
    count = Counter(names)
    return [
        name if count[name] == 1 else rule.name(value, quote=True)
        for name, value in zip(names, values, strict=True)
    ]


def _is_new(name: str, rule: Rule, taken: dict[str, bool]) -> bool:
    """Whether no earlier slice has this name. By columns the same name means the same rows."""
    named = isinstance(rule, Condition)
    if name not in taken:
        taken[name] = named
        return True
    if named or taken[name]:
        raise PredictionsError(
            f"two slices are called {name!r}", hint="Give each expression a name of its own."
        )
    return False


def _part(
    rule: Rule,
    coded: Coded,
    groups: NDArray[np.intp],
    names: Sequence[str],
    values: Sequence[tuple[SliceValue, ...]],
) -> Part:
    """Slices of some groups, in this order; a group of -1 has no rows."""
    # The last place stands for -1: rows that are in no group.
    places = np.full(coded.counts.size + 1, -1, dtype=np.min_scalar_type(-groups.size - 1))
    present = groups >= 0
    places[groups[present]] = np.flatnonzero(present)
    codes = places[coded.codes]
    named = isinstance(rule, Condition)
    rows = np.where(present, coded.counts[groups], 0) if coded.counts.size else groups * 0
    return Part(
        rule,
        codes,
        tuple(
            Slice(name, rule.columns, value, int(count), codes, code, named)
            for code, (name, value, count) in enumerate(zip(names, values, rows, strict=True))
        ),
    )


def _left_out(rule: Rule, coded: Coded, reason: Reason, groups: NDArray[np.intp]) -> list[LeftOut]:
    if not groups.size:
        return []
    return [
        LeftOut(
            name=rule.title,
            columns=rule.columns,
            reason=reason,
            values=int(groups.size),
            rows=int(coded.counts[groups].sum()),
            examples=tuple(_names(rule, coded.values(groups[:3]))),
        )
    ]
