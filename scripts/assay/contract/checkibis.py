"""What Pandera says of Ibis tables: of failing rows it gives a query, or dicts in a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract import check
from assay.contract.privacy import as_text
from assay.stages.validate import CheckFailure

if TYPE_CHECKING:
    from assay.contract.privacy import Sight


def finding(error: Any, frame: Any, sight: Sight) -> check.Finding:
    """What an error says that is about rows, counted, with examples of what may be shown.

    Args:
        error: Pandera's.
        frame: The table.
        sight: What of it may be shown.
    """
    column, cases = check.column_of(error), error.failure_cases
    if type(cases).__module__.startswith("ibis"):
        count, rows = check.rows_of(cases), cases.limit(check.EXAMPLES).to_pyarrow().to_pylist()
        labels = [None] * len(rows)
    else:
        count, found = len(cases), cases.head(check.EXAMPLES)
        rows = [
            cell if isinstance(cell, dict) else {column: cell} for cell in found["failure_case"]
        ]
        labels = found["index"].tolist() if sight.labels else [None] * len(rows)
    if column is not None and rows and len(rows[0]) == 1:
        [column] = rows[0]  # Pandera has the pattern that a column's name matches
    hidden = sight.hides(column)
    if column is None:
        values = [None if hidden else check.row_text(row.items()) for row in rows]
    else:
        values = [as_text(_stored(row.get(column), frame, column)) for row in rows]
    failure = CheckFailure(
        check=sight.check(check.checked(error), column),
        column=sight.column(column),
        count=count,
        share=check.share(count, check.rows_of(frame)) if count else None,
        examples=check.examples(labels, values, hidden=hidden),
    )
    return check.Finding(failure, check.reason_of(error))


def _stored(value: Any, frame: Any, column: str) -> Any:
    """A value as the table has it: pandas makes midnight of a date."""
    dates = column in frame.columns and frame[column].type().is_date()
    return value.date() if dates and hasattr(value, "date") else value
