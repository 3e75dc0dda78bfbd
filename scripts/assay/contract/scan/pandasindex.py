"""The index of a pandas table: which of its promises are part of the scan.

Follows `IndexBackend` and `MultiIndexBackend` of Pandera. A level is planned as a column is: one of
an index that only counts follows from the numbers of the rows, one that is stored stands beside the
data.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract import promised
from assay.contract.privacy import INDEX
from assay.contract.scan.builtin import NotInScan
from assay.contract.scan.copies import copied
from assay.contract.scan.pandascolumn import plan_column
from assay.contract.scan.pandasparts import (
    COMPONENT,
    Component,
    Pieces,
    aside,
    only,
    place_of,
)
from assay.contract.scan.pandasseen import seen
from assay.contract.scan.plan import Decided, Part, Promise
from assay.contract.sources.base import LEVEL, POSITION, Known

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.scan.plan import How, Place, Repeats, Rows
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout


def index(
    layout: Layout, loaded: LoadedSchema, into: Pieces, *, root: Path, private: bool
) -> tuple[Layout, tuple[Decided, ...]]:
    """Add the index of the data frame.

    Args:
        layout: Of the table.
        loaded: Its schema, which has an index.
        into: Where its promises are added.
        root: The project folder, to point at the user's code when it raises.
        private: Whether what an exception says must not appear.

    Returns:
        The layout that the plan is about, and what Pandera says of a frame without rows.
    """
    schema = loaded.schema
    named = _is_several(schema.index) and layout.empty.index.nlevels > 1
    try:
        _refuse(schema.index, layout.empty.index)
        counted = _leveled(layout)
        decided = () if named else _structure(layout, loaded, root=root, private=private)
        own = [] if _is_mismatch(decided) else _planned(schema, counted)
    except NotInScan as reason:
        _by_pandera(schema, layout, str(reason), into)
        return layout, ()
    if not own:
        into.promises += promises(schema, "scan")
    for component, pieces in own:
        _add(component, pieces, layout, into)
    return counted, decided


def _is_several(index: Any) -> bool:
    return hasattr(index, "indexes")


def _levels(index: Any) -> list[Any]:
    return list(getattr(index, "indexes", [index]))


def _shown(level: Any) -> str:
    return INDEX if level.name is None else str(level.name)


def _refuse(promised: Any, index: Any) -> None:
    """Raise `NotInScan` for an index that is left to Pandera, as far as its schema shows."""
    levels = _levels(promised)
    if any(type(one).__module__ != "pandera.api.pandas.components" for one in (promised, *levels)):
        raise NotInScan("the index is of a class of the user's own")
    for level in levels:
        if level.parsers or getattr(level, "default", None) is not None:
            raise NotInScan("the index has parsers or a default")
        if level.drop_invalid_rows:
            raise NotInScan("what the index drops is told by Pandera")
    if not _is_several(promised) or (index.nlevels == 1 < len(levels) and not promised.coerce):
        return
    names = [level.name for level in levels]
    plain = len(set(names)) == len(names) or set(names) == {None}
    if index.nlevels < 2 or names != list(index.names) or not plain:
        raise NotInScan("the levels of the index have other names")
    if promised.unique or any(level.unique for level in levels):
        # Which of them Pandera looks at hangs on its version, and on the checks beside.
        raise NotInScan("levels of the index are unique")


def _leveled(layout: Layout) -> Layout:
    """The layout with a column for each level of the index."""
    index, table = layout.empty.index, layout.numbered
    if table is None:
        raise NotInScan("the rows have no number")
    names = [LEVEL.format(number) for number in range(index.nlevels)]
    known = dict(layout.known)
    if type(index).__name__ == "RangeIndex":
        table = table.mutate(**{names[0]: table[POSITION] * index.step + index.start})
        known[names[0]] = Known(nulls=0)
    elif not set(names) <= set(table.columns):
        raise NotInScan("the index is not stored beside the data")
    return replace(layout, table=table, numbered=table, known=known)


def _structure(
    layout: Layout, loaded: LoadedSchema, *, root: Path, private: bool
) -> tuple[Decided, ...]:
    """What Pandera says of an index without rows of which nothing but the name is promised."""
    part = only(loaded.schema, {})
    part.index = copied(loaded.schema.index)
    part.index.checks, part.index.dtype, part.index.coerce = [], None, False
    part.index.nullable, part.index.unique = True, False
    errors, _ = contract_check.errors_of(
        layout.empty, replace(loaded, schema=part), root=root, private=private
    )
    at = len(loaded.schema.columns)
    return tuple(Decided((COMPONENT, at, 0, 0), error) for error in errors)


def _is_mismatch(decided: tuple[Decided, ...]) -> bool:
    return any(one.error.reason_code.name == "MISMATCH_INDEX" for one in decided)


def _planned(schema: Any, layout: Layout) -> list[tuple[Component, Pieces]]:
    """Each level as a column of the layout."""
    import pandas as pd

    index = layout.empty.index
    if len(_levels(schema.index)) != index.nlevels:  # of which older versions say something else
        raise NotInScan("the index has not as many levels")
    values = [index.get_level_values(number) for number in range(index.nlevels)]
    columns = {LEVEL.format(number): level.array for number, level in enumerate(values)}
    as_columns = replace(layout, empty=pd.DataFrame(columns))
    found = []
    for number, level in enumerate(_levels(schema.index)):
        component = _component(schema, level, number, index)
        own = Pieces()
        seen_as = seen(component, as_columns, own, {})
        if isinstance(seen_as, str) or own.assumed:
            raise NotInScan(f"the index is turned into {level.dtype}")
        plan_column(component, seen_as, as_columns, schema, own)
        if _is_several(schema.index) and (own.parts or own.wholes):
            raise NotInScan("Pandera looks at the levels of an index together")
        found.append((component, own))
    return found


def _component(schema: Any, level: Any, number: int, index: Any) -> Component:
    """A level as a column."""
    coerce = bool(level.coerce or schema.index.coerce or schema.coerce) and level.dtype is not None
    one = copied(level)
    if _is_several(schema.index):
        from pandera.api.pandas.components import Column

        # As Pandera itself, whose warnings tell.
        one = Column(level.dtype, level.checks, nullable=level.nullable, name=level.name)
    one.dtype = level.dtype if schema.dtype is None else schema.dtype
    one.coerce = coerce
    return Component(
        name=LEVEL.format(number),
        schema=one,
        coerce=coerce,
        at=(len(schema.columns), number),
        plain=type(index).__name__ == "RangeIndex",
        labelled=True,
    )


def _add(component: Component, own: Pieces, layout: Layout, into: Pieces) -> None:
    """Add what is planned of a level, under its own name."""
    shown = _shown(component.schema)

    def named(one: Any) -> Any:
        return replace(one, column=shown, shown=(shown,), dtypes=_dtypes(one))

    parts = [_part(one, component, layout) for one in own.parts]
    hows: dict[How, How] = {a.how: b.how for a, b in zip(own.parts, parts, strict=True)}
    into.promises += [
        replace(one, column=shown, how=hows.get(one.how, one.how)) for one in own.promises
    ]
    into.wholes += [replace(one, column=shown) for one in own.wholes]
    if not component.plain:  # numbers of rows differ
        into.repeats += map(named, own.repeats)
    unlabelled = layout.empty.index.nlevels == 1 and not _numbers_labels()
    into.rows += [
        replace(named(one), labelled=not (unlabelled and one.check == "not_nullable"))
        for one in own.rows
    ]
    into.parts += parts


@functools.cache
def _numbers_labels() -> bool:
    """Whether Pandera names rows of an index by numbers, as older versions do.

    Now it names them by their labels, and counts without naming it a row whose label is missing.
    """
    import pandas as pd
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    schema = pa.DataFrameSchema({}, index=pa.Index(None))
    try:
        schema.validate(pd.DataFrame({"a": [1]}, index=pd.Index([None])), lazy=True)
    except SchemaErrors as found:
        return bool(found.schema_errors[0].failure_cases["index"].notna().all())
    return False


def _dtypes(one: Rows | Repeats) -> tuple[Any, ...]:
    """Objects are texts here, which are shown as they are stored."""
    return tuple(None if str(dtype) == "object" else dtype for dtype in one.dtypes)


def _part(part: Part, component: Component, layout: Layout) -> Part:
    """What is left of an index, as Pandera looks at it: beside a column."""
    schema = copied(part.schema)
    [schema.index] = schema.columns.values()
    schema.columns = {}
    # Where rows may have no label, batches do not add up.
    whole = part.how == "batches" and layout.empty.index.dtype.kind not in "iub"
    return replace(
        part,
        schema=schema,
        columns=None if part.columns is None else tuple(layout.empty.columns[:1]),
        how="column" if whole else part.how,
        place=partial(_of_part, component),
    )


def _of_part(component: Component, error: Any) -> Place | None:
    return None if error.reason_code.name == "WRONG_FIELD_NAME" else place_of(error, component)


def promises(schema: Any, how: How, why: str | None = None) -> list[Promise]:
    """What a schema promises of the index, if it has one."""
    return [
        Promise(one, _shown(level), how, why)
        for level in ([] if schema.index is None else _levels(schema.index))
        for one in promised.of_column(level)
    ]


def _by_pandera(schema: Any, layout: Layout, why: str, into: Pieces) -> None:
    """Leave the index to Pandera altogether."""
    part = only(schema, {})
    part.index, part.coerce = schema.index, schema.coerce
    if schema.dtype is not None:  # which counts for the index too
        part.index = copied(schema.index)
        part.index.dtype, part.coerce = schema.dtype, False
    into.promises += promises(schema, "column", why)
    place: Place = (COMPONENT, len(schema.columns), 0)
    promise = Promise("index", None, "column", why)
    into.parts.append(aside(part, layout, place, promise))
