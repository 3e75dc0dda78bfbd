"""Two tables side by side: which columns they share, and views that call these `c0`, `c1`, ..."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assay.datadiff.engine import Engine, Table
    from assay.datadiff.section import Kind

_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
_FLOAT = re.compile(r"FLOAT|DOUBLE|DECIMAL\(.*\)")
_TIME = re.compile(r"DATE|TIMESTAMP.*")
_CATEGORY = re.compile(r"VARCHAR|BOOLEAN|ENUM\(.*\)|UUID|TIME( WITH TIME ZONE)?|BIT", re.DOTALL)


def kind_of(type_: str) -> Kind:
    """How a type is looked at; `text` is found out later, from the number of values."""
    if _WHOLE.fullmatch(type_) or _FLOAT.fullmatch(type_):
        return "number"
    if _TIME.fullmatch(type_):
        return "time"
    return "category" if _CATEGORY.fullmatch(type_) else "other"


@dataclass(frozen=True)
class Named:
    """A column of one table or both."""

    name: str
    alias: str
    """What the views call it."""
    head_type: str | None
    """`None` where head has no such column."""
    base_type: str | None

    @property
    def is_common(self) -> bool:
        """Whether both tables have it."""
        return self.head_type is not None and self.base_type is not None

    @property
    def is_same(self) -> bool:
        """Whether both tables have it with the same type."""
        return self.is_common and self.head_type == self.base_type


@dataclass(frozen=True)
class Pair:
    """The tables `head` and `base` of an engine, seen through views of the same aliases.

    Args:
        engine: It has a table `head` and a table `base`.
        columns: Of both, head's first, each in the order of its file.
    """

    engine: Engine
    columns: tuple[Named, ...]

    @property
    def head(self) -> Table:
        """The table that `head_view` shows."""
        return self.engine.tables["head"]

    @property
    def base(self) -> Table:
        """The table that `base_view` shows."""
        return self.engine.tables["base"]

    def named(self, names: Sequence[str]) -> list[Named]:
        """The columns of these names, in this order; without those that neither table has."""
        found = {column.name: column for column in self.columns}
        return [found[name] for name in names if name in found]

    @property
    def common(self) -> list[Named]:
        """The columns that both tables have."""
        return [column for column in self.columns if column.is_common]


def paired(engine: Engine) -> Pair:
    """Make `head_view` and `base_view`, with the columns as they are."""
    columns = _columns(engine)
    for side in ("head", "base"):
        _view(engine, side, columns, lambda _, sql: sql)
    return Pair(engine, columns)


def unified(engine: Engine) -> Pair:
    """The same, with columns of different types made comparable: as numbers, or else as text."""
    columns = _columns(engine)
    for side in ("head", "base"):
        _view(engine, side, columns, comparable)
    return Pair(engine, columns)


def comparable(column: Named, sql: str) -> str:
    """The SQL of a column, cast where the two tables have it in different types."""
    if not column.is_common or column.is_same:
        return sql
    both = (column.head_type or "", column.base_type or "")
    if all(_WHOLE.fullmatch(type_) for type_ in both):
        return f"CAST({sql} AS HUGEINT)"
    numbers = all(kind_of(type_) == "number" for type_ in both)
    return f"CAST({sql} AS {'DOUBLE' if numbers else 'VARCHAR'})"


def _columns(engine: Engine) -> tuple[Named, ...]:
    head, base = engine.tables["head"].columns, engine.tables["base"].columns
    return tuple(
        Named(
            name=name,
            alias=f"c{number}",
            head_type=head[name].type if name in head else None,
            base_type=base[name].type if name in base else None,
        )
        for number, name in enumerate(dict.fromkeys([*head, *base]))
    )


def _view(
    engine: Engine, side: str, columns: Sequence[Named], cast: Callable[[Named, str], str]
) -> None:
    table = engine.tables[side]
    shown = ", ".join(
        f"{cast(column, table.columns[column.name].sql)} AS {column.alias}"
        for column in columns
        if column.name in table.columns
    )
    engine.run(
        f"CREATE VIEW {side}_view AS SELECT {shown}, {table.position} AS position FROM {side}"
    )
