"""What a query gives, as Python's own values."""

from __future__ import annotations

import warnings
from typing import Any

from assay.contract.scan import query


def rows(expression: Any) -> list[dict[str, Any]]:
    """The rows of an Ibis table expression.

    Raises:
        DataError: The data cannot be read. An engine's words may quote them, so they are not told.
        OutsideError: Memory or disk space ran out.
    """
    with warnings.catch_warnings():
        # Ibis calls DuckDB by a name that later versions of it call old.
        warnings.simplefilter("ignore", DeprecationWarning)
        return query.fetch(expression, private=True)


def count(table: Any) -> int:
    """How many rows an Ibis table expression gives."""
    return int(rows(table.aggregate(rows=table.count()))[0]["rows"])
