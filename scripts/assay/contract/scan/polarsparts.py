"""What of a polars schema is left to Pandera, as schemas with nothing else in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract.scan.plan import Part, Plan, Promise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.contract.scan.plan import Place

WHOLE: Place = (0,)
"""Where failures come of which all are told at once."""


def whole_table(schema: Any, why: str) -> Plan:
    """The plan that leaves everything to Pandera."""
    promise = Promise("schema", None, "table", why)
    part = Part(schema, None, "table", lambda _: WHOLE, WHOLE, promise)
    return Plan(promises=(promise,), parts=(part,))


def alone(turned: Mapping[str, Any], name: str | None = None, **options: Any) -> Any:
    """A schema with nothing but one promise in it.

    Args:
        turned: The types that columns are turned into first: none of them fails to.
        name: The column that it is about; by default the table.
        options: The promise.
    """
    import pandera.polars as pa

    columns = {one: pa.Column(to, coerce=True, nullable=True) for one, to in turned.items()}
    if name is None:
        return pa.DataFrameSchema(columns, **options)
    to = turned.get(name)
    columns[name] = pa.Column(to, coerce=to is not None, nullable=True, **options)
    return pa.DataFrameSchema(columns)


def passing() -> Any:
    """A check that holds."""
    import pandera.polars as pa

    return pa.Check(lambda _: True)


def part(schema: Any, columns: tuple[str, ...] | None, promise: Promise, place: Place) -> Part:
    """What Pandera looks at itself, and reports at one place."""
    return Part(schema, columns, promise.how, lambda _: place, place, promise)  # type: ignore[arg-type]
