"""What of an Ibis schema no query of ours can hold: Pandera is asked, in queries of its own."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from assay.contract.scan.copies import copied
from assay.contract.scan.plan import Decided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.contract.scan.plan import Place


def alone(check: Any, name: str | None, number: int) -> Any:
    """A schema with nothing but one check in it, which has its number where it warns."""
    import pandera.ibis as pa

    before = [pa.Check(lambda _: True)] * (number if check.raise_warning else 0)
    checks = [*before, check]
    if name is None:
        return pa.DataFrameSchema(checks=checks)
    return pa.DataFrameSchema({name: pa.Column(None, checks, nullable=True)})


def looked_at(
    schema: Any, table: Any, place: Place, component: Any = None
) -> Iterator[Decided | str]:
    """What Pandera itself says of the table, in queries of its own; of a part of `component`."""
    from pandera import errors

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", errors.SchemaWarning)
        try:
            schema.validate(table, lazy=True)
        except errors.SchemaErrors as found:
            for error in found.schema_errors:
                error.column_name = getattr(component, "name", None)
                yield Decided(place, error)
    yield from (str(w.message) for w in caught if issubclass(w.category, errors.SchemaWarning))


def warning(component: Any, check: Any, name: str | None, number: int, *, whole: bool) -> str:
    """Pandera's words, before the failing values."""
    import pandas as pd
    from pandera.backends.pandas import error_formatters

    if name is not None:
        component = copied(component)
        component.name = name
    if whole:
        return str(error_formatters.format_generic_error_message(component, check, number))
    cases = pd.DataFrame({"failure_case": []})
    told = error_formatters.format_vectorized_error_message(component, check, number, cases)
    return str(told)
