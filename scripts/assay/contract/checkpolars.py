"""What Pandera says of polars frames: failing cells or rows, and which rows of a frame pass."""

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
        frame: The `polars.DataFrame`.
        sight: What of it may be shown.
    """
    cases, output, reason = error.failure_cases, error.check_output, check.reason_of(error)
    if hasattr(cases, "collect"):  # in older versions of Pandera
        cases = cases.collect()
    column, count = check.column_of(error), cases.height
    if column is None and reason == "DATATYPE_COERCION" and cases.width == 1:
        column = str(cases.columns[0])
    hidden = sight.hides(column)
    failure = CheckFailure(
        check=sight.check(check.checked(error), column), column=sight.column(column), count=count
    )
    if output is not None and output.height != check.rows_of(frame):  # one answer for the column
        return check.Finding(failure, reason)
    some = cases.head(check.EXAMPLES)
    if cases.width == 1:
        values: list[str | None] = [as_text(value) for value in some.to_series().to_list()]
    else:
        rows = some.iter_rows(named=True)
        values = [None if hidden else check.row_text(row.items()) for row in rows]
    failed = _failed(output, count)
    labels: list[int | None] = [*failed[: check.EXAMPLES]] or [None] * check.EXAMPLES
    of_rows = {
        "share": check.share(count, check.rows_of(frame)),
        "examples": check.examples(labels, values, hidden=hidden and column is not None),
    }
    positions = tuple(failed[: check.MOST_POSITIONS])
    return check.Finding(failure.model_copy(update=of_rows), reason, positions)


def _failed(output: Any, count: int) -> list[int]:
    """The first rows that fail; none where we cannot tell which are meant."""
    if output is None or "check_output" not in output.columns:
        return []
    failed = output["check_output"].eq(other=False).fill_null(value=False).arg_true()
    if len(failed) != count:
        return []
    first: list[int] = failed.head(max(check.EXAMPLES, check.MOST_POSITIONS)).to_list()
    return first
