"""What a query gives, as Python's own values."""

from __future__ import annotations

import warnings
from typing import Any


def rows(expression: Any) -> list[dict[str, Any]]:
    """The rows of an Ibis table expression."""
    with warnings.catch_warnings():
        # Ibis calls DuckDB by a name that later versions of it call old.
        warnings.simplefilter("ignore", DeprecationWarning)
        found: list[dict[str, Any]] = expression.to_pyarrow().to_pylist()
    return found


def count(table: Any) -> int:
    """How many rows an Ibis table expression gives."""
    return int(rows(table.aggregate(rows=table.count()))[0]["rows"])
