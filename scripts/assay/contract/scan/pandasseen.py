"""A column of a pandas table as the checks of a schema see it: filled, and turned into its type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract.scan import engines, pandascoerced
from assay.contract.scan.copies import copied
from assay.contract.scan.pandasparts import COERCION
from assay.contract.scan.plan import Assumed
from assay.contract.scan.values import Values, filled, values_of, widened
from assay.contract.sources.base import Known

if TYPE_CHECKING:
    from assay.contract.scan.pandasparts import Component, Pieces
    from assay.contract.scan.plan import Turned
    from assay.contract.sources.base import Layout

# Types that look at the column's type and at no value.
STRUCTURAL = {"Bool", "BOOL", "Category", "DateTime", "DateTime64", "Timedelta64", "Object"} | {
    f"{kind}{bits}" for kind in ("Int", "INT", "UInt", "UINT") for bits in (8, 16, 32, 64)
}
STRUCTURAL |= {f"{kind}{bits}" for kind in ("Float", "FLOAT") for bits in (16, 32, 64)}


def seen(component: Component, layout: Layout, into: Pieces, turning: Turned) -> Values | str:
    """The column's values as its checks see them; why not, where only Pandera can tell.

    Args:
        component: The column.
        layout: The table's.
        into: Where it is added what is assumed.
        turning: What was found of such assumptions.
    """
    schema, values = component.schema, values_of(layout, component.name)
    if schema.parsers:
        return "it has parsers"
    if schema.default is not None:
        after = filled(values, schema.default)
        if after is None:
            return "it has a default for what is missing"
        values = after
    if not component.coerce or schema.dtype is None or is_already(schema.dtype, values):
        return values
    wider = widened(values, getattr(schema.dtype, "type", None))
    if wider is None or type(schema.dtype).__name__ not in STRUCTURAL:
        return _turned(component, values, layout, into, turning)
    return wider


def _turned(
    component: Component, values: Values, layout: Layout, into: Pieces, turning: Turned
) -> Values | str:
    """The column after a coercion that may fail."""
    schema, why = component.schema, f"it is turned into {component.schema.dtype}"
    place = (COERCION, *component.at)
    if type(schema.dtype).__module__ not in _ENGINES or getattr(schema, "drop_invalid_rows", False):
        return why
    if place in turning:
        after = replace(values, dtype=schema.dtype.type, kind=None, nulls=False, known=Known())
        return after if turning[place] else why
    known = None
    if engines.is_duckdb(layout.table):  # others cast, and match texts, in their own ways
        known = pandascoerced.turned(values, schema.dtype)
    if known is not None and known.holds is None:
        return known.values
    by_value = pandascoerced.by_value(values, schema.dtype)
    in_batches = by_value and component.plain and schema.default is None
    if known is None and not in_batches:
        return why
    column = copied(schema)
    column.checks, column.nullable, column.unique = [], True, False
    into.assumed.append(
        Assumed(
            place=place,
            column=component.name,
            schema=column,
            holds=None if known is None else known.holds,
            in_batches=in_batches,
            pattern=component.pattern,
        )
    )
    return why if known is None else known.values


_ENGINES = {"pandera.engines.numpy_engine", "pandera.engines.pandas_engine"}
"""Types of the user's own have a way to coerce of their own."""


def is_already(dtype: Any, values: Values) -> bool:
    """Whether the column has this very type, so that turning it into that changes nothing."""
    kind = type(dtype).__name__
    if kind == "NpString":
        return str(values.dtype) == "object" and values.kind == "text"
    if kind not in STRUCTURAL | {"STRING"} or getattr(dtype, "time_zone_agnostic", False):
        return False
    plain = kind != "Category" or dtype.type.categories is not None
    return plain and bool(dtype.type == values.dtype) and str(values.dtype) != "object"
