"""What a schema promises of a table, where Pandera looks at all of it: names only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract.patterns import matches
from assay.stages.validate import PlannedCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.contract.privacy import Sight


def of(schema: Any, columns: list[str], sight: Sight) -> tuple[PlannedCheck, ...]:
    """The promises of a pandas or polars schema about a table.

    Args:
        schema: Pandera's.
        columns: Those of the table, for regular expressions over names.
        sight: What of the table may be shown.
    """
    found: list[tuple[Any, str | None]] = [*_of_table(schema)]
    for name, component in schema.columns.items():
        regex = getattr(component, "regex", False)
        names = [one for one in columns if matches(str(name), one)] if regex else [str(name)]
        found += [(check, one) for one in names for check in of_column(component)]
    return tuple(
        PlannedCheck(check=sight.check(check, name), column=sight.column(name), how="table")
        for check, name in found
    )


def _of_table(schema: Any) -> Iterator[tuple[Any, None]]:
    if schema.strict is True:
        yield "column_in_schema", None
    if schema.unique:
        yield "multiple_fields_uniqueness", None
    yield from ((check, None) for check in schema.checks)


def of_column(component: Any) -> Iterator[Any]:
    """What a column of a schema promises: Pandera's words for it, then its checks."""
    if component.dtype is not None:
        yield f"dtype('{component.dtype}')"
    if not component.nullable:
        yield "not_nullable"
    if component.unique:
        yield "field_uniqueness"
    yield from component.checks
