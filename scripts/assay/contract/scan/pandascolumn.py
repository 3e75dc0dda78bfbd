"""One column of a pandas schema: which of its promises are part of the scan.

Follows `ArraySchemaBackend` and `ColumnBackend` of Pandera.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract.scan import builtin, proofs
from assay.contract.scan.builtin import NotInScan
from assay.contract.scan.pandasparts import (
    CHECKS,
    NULLS,
    UNIQUE,
    Component,
    Left,
    Pieces,
    all_by_pandera,
    parts,
)
from assay.contract.scan.pandasseen import STRUCTURAL, is_already
from assay.contract.scan.plan import DROPPED, Promise, Repeats, Rows, Whole
from assay.contract.scan.values import Values, is_categorical

if TYPE_CHECKING:
    from assay.contract.scan.builtin import Kind
    from assay.contract.scan.plan import How, Place
    from assay.contract.sources.base import Layout

CUSTOM = "the check is the user's own"
WHOLE = f"{CUSTOM}, and not element_wise"


def plan_column(
    component: Component, values: Values | str, layout: Layout, whole: Any, into: Pieces
) -> None:
    """Add a column's promises.

    Args:
        component: The column.
        values: From `seen`.
        layout: The table's.
        whole: The table's schema.
        into: Where they are added.
    """
    if isinstance(values, str):
        all_by_pandera(component, whole, values, into)
    elif getattr(component.schema, "drop_invalid_rows", False):
        _dropping(component, values, layout, whole, into)
    else:
        _plan(component, values, layout, whole, into)


def _dropping(
    component: Component, values: Values, layout: Layout, whole: Any, into: Pieces
) -> None:
    """Add a column of which rows that fail are dropped: what tells of rows fails in none."""
    own = Pieces()
    _plan(component, values, layout, whole, own)
    if own.parts or own.wholes or layout.empty.index.nlevels > 1:
        all_by_pandera(component, whole, DROPPED, into)
        return
    into.promises += [replace(one, why=DROPPED) for one in own.promises]
    into.rows += [one for one in own.rows if one.said is not None]


def _plan(component: Component, values: Values, layout: Layout, whole: Any, into: Pieces) -> None:
    """Add a column whose values are known."""
    schema, left = component.schema, Left()
    if schema.dtype is not None:
        _dtype(component, values, layout, left, into)
    if not schema.nullable:
        _nullable(component, values, left, into)
    if schema.unique:
        _unique(component, values, left, into)
    for number, one in enumerate(schema.checks):
        _check((component, number), one, values, left, into)
    into.parts.extend(parts(component, whole, left))


def _dtype(component: Component, values: Values, layout: Layout, left: Left, into: Pieces) -> None:
    dtype, text = component.schema.dtype, f"dtype('{component.schema.dtype}')"
    if is_already(dtype, values) or (
        type(dtype).__name__ in STRUCTURAL and _holds(dtype, layout.empty[component.name], values)
    ):
        into.promises.append(Promise(text, component.name, "scan"))
        return
    promise = Promise(text, component.name, "batches", f"the file has {values.dtype}")
    into.promises.append(promise)
    left.dtype = True
    left.add(promise)


def _holds(dtype: Any, empty: Any, values: Values) -> bool:
    """Whether a type that looks at no values accepts the column's."""
    from pandera.engines.pandas_engine import Engine

    if getattr(dtype, "time_zone_agnostic", False):
        return False
    answer = dtype.check(Engine.dtype(values.dtype), empty)
    return bool(answer if isinstance(answer, bool) else answer.all())


def _nullable(component: Component, values: Values, left: Left, into: Pieces) -> None:
    how: How = "scan"
    why = None
    if not values.nulls:
        how, why = "batches", f"it is turned into {values.dtype}" if component.coerce else _TOLD
    elif not component.labelled and values.known.nulls != 0:
        how, why = "column", _UNLABELLED
    promise = Promise("not_nullable", component.name, how, why)
    into.promises.append(promise)
    if how != "scan":
        left.nulls = how
        left.add(promise)
    if how != "scan" or values.known.nulls == 0:
        return
    into.rows.append(
        Rows(
            place=(*component.place, NULLS),
            check="not_nullable",
            column=component.name,
            fails=lambda table: values.of(table).isnull(),
            shown=(component.name,),
            values=lambda table: [values.of(table)],
            dtypes=(values.dtype,),
        )
    )


_ORDER = {"in_range"} | {
    f"{side}_than{end}" for side in ("less", "greater") for end in ("", "_or_equal_to")
}
_UNLABELLED = "rows may have no label in the index"
_TOLD = "this type tells NaN from missing"


def _unique(component: Component, values: Values, left: Left, into: Pieces) -> None:
    if values.kind is None or not component.labelled:
        why = _UNLABELLED if values.kind else f"values of {values.dtype} are compared by pandas"
        promise = Promise("field_uniqueness", component.name, "column", why)
        left.unique = True
        left.add(promise)
    else:
        promise = Promise("field_uniqueness", component.name, "scan")
        into.repeats.append(
            Repeats(
                place=(*component.place, UNIQUE),
                check="field_uniqueness",
                column=component.name,
                key=lambda table: [comparable(values, table)],
                shown=(component.name,),
                keep=component.schema.report_duplicates,
                counts_null=False,
                values=lambda table: [values.of(table)],
                dtypes=(values.dtype,),
                known=values.known,
            )
        )
    into.promises.append(promise)


def comparable(values: Values, table: Any) -> Any:
    """The column such that equal values have one form: 0.0 and -0.0 are equal."""
    column = values.of(table)
    return column + 0.0 if values.kind in {"float64", "float32"} else column


def _check(at: tuple[Component, int], one: Any, values: Values, left: Left, into: Pieces) -> None:
    component, number = at
    place = (*component.place, CHECKS, number)
    try:
        _in_scan(component, place, one, values, into)
    except NotInScan as reason:
        promise = Promise(one, component.name, _how(one, values, component), str(reason))
        left.add(promise, number)
    else:
        promise = Promise(one, component.name, "scan")
    into.promises.append(promise)


def _how(one: Any, values: Values, component: Component) -> How:
    """How Pandera looks at a check: in batches where no row's answer hangs on other rows."""
    if one.groupby is not None:
        return "table"
    if _counts_oddly(one, component):
        return "column"
    if type(one).__name__ == "Check" and one.element_wise:
        return "batches"
    built_in = builtin.arguments(one)
    if built_in is None or built_in[0] == "unique_values_eq":
        return "column"
    # The text methods of an object column raise, or not, by the types of all its values.
    return "column" if values.is_object and built_in[0].startswith("str_") else "batches"


def _counts_oddly(one: Any, component: Component) -> bool:
    """Whether `n_failure_cases` does something else than to count no further."""
    most = one.n_failure_cases
    return most is not None and (most < 1 or not component.plain)


def _scannable(one: Any, values: Values, component: Component) -> Kind:
    """What a built-in check is about; raise `NotInScan` where no query follows its options."""
    if one.element_wise:
        raise NotInScan("it is called for each value")
    if not one.ignore_na:
        raise NotInScan("it looks at missing values too")
    if values.kind is None or not values.nulls:
        raise NotInScan(f"values of {values.dtype} are compared by pandas")
    if not component.labelled:
        raise NotInScan(_UNLABELLED)
    if _counts_oddly(one, component):
        raise NotInScan("its n_failure_cases counts by the index")
    return values.kind


def _in_scan(component: Component, place: Place, one: Any, values: Values, into: Pieces) -> None:
    """Add a check to the scan; raise `NotInScan` where it is none of it."""
    built_in = builtin.arguments(one)
    if one.groupby is not None:
        raise NotInScan("it compares groups of rows")
    if built_in is None:
        raise NotInScan(CUSTOM if one.element_wise else WHOLE)
    kind = _scannable(one, values, component)
    name, given = built_in
    said = _said(component, one, place[-1], rows=name != "unique_values_eq")
    if name == "unique_values_eq":
        if not isinstance(given["values"], set | frozenset):
            raise NotInScan("it compares with what is no set")
        holds = builtin.same_values(given["values"], kind)
        into.wholes.append(
            Whole(
                place=place,
                check=one,
                column=component.name,
                holds=lambda table: holds(values.of(table)),
                said=said,
            )
        )
        return
    if is_categorical(values.dtype) and name in _ORDER:
        raise NotInScan("categories have an order of their own, or none")
    fails = builtin.fails(name, given, kind)
    if proofs.passes(name, given, kind, values.known):
        return
    into.rows.append(
        Rows(
            place=place,
            check=one,
            column=component.name,
            fails=lambda table: fails(values.of(table)),
            shown=(component.name,),
            most=one.n_failure_cases,
            said=said,
            values=lambda table: [values.of(table)],
            dtypes=(values.dtype,),
        )
    )


def _said(component: Component, one: Any, number: int, *, rows: bool) -> str | None:
    """The warning that a check gives which only warns."""
    if not one.raise_warning:
        return None
    import pandas as pd
    from pandera.backends.pandas import error_formatters

    if not rows:
        return error_formatters.format_generic_error_message(component.schema, one, number)
    none = pd.DataFrame({"failure_case": pd.Series([], dtype=object)})
    return error_formatters.format_vectorized_error_message(component.schema, one, number, none)
