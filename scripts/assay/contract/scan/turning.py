"""Whether Pandera can turn the values of a column into its type, told in batches."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract.scan import byparts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.contract.check import Finding
    from assay.contract.scan.plan import Assumed, Turned
    from assay.contract.scan.rows import Scan


def tried(doubtful: Sequence[Assumed], scan: Scan) -> tuple[Turned, byparts.Found]:
    """What becomes of columns of which it is not certain that they can be turned.

    Returns:
        What to plan by, and the failures where Pandera cannot.

    Raises:
        OutsideError: Memory ran out.
        SchemaError: The column's type raised otherwise than where values do not fit.
    """
    turned: Turned = {}
    found: byparts.Found = []
    for one in doubtful:
        error = _first_error(one, scan) if one.in_batches else None
        turned[one.place] = error is None if one.in_batches else None
        if error is not None:
            found.append((one.place, _failure(one, error, scan)))
    return turned, found


def _first_error(one: Assumed, scan: Scan) -> Any:
    schema = replace(scan.loaded, schema=one.schema)
    for frame in byparts.batches([one.column], scan):
        errors, _ = contract_check.errors_of(frame, schema, root=scan.root, private=scan.private)
        for error in errors:
            if error.reason_code.name == "DATATYPE_COERCION":
                return error
    return None


def _failure(one: Assumed, error: Any, scan: Scan) -> Finding:
    """The failure of the whole column; of values that Pandera cannot turn one by one, with rows."""
    from pandera import errors
    from pandera.engines.utils import numpy_pandas_coerce_failure_cases

    made: Any = errors.SchemaError  # which has no types
    pieces: list[byparts.Piece] = []
    offset = 0
    for frame in byparts.batches([one.column], scan):
        # A batch may hold what fails alone, and yet be turned as a whole.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases = numpy_pandas_coerce_failure_cases(frame[one.column], error.schema.dtype)
        some = made(
            error.schema,
            frame,
            "",
            failure_cases=cases,
            check=error.check,
            reason_code=error.reason_code,
        )
        pieces.append((contract_check.finding(some, frame, scan.sight), offset, None))
        offset += len(frame)
    by_rows = [piece for piece in pieces if piece[0].failure.share is not None]
    return byparts.by_pattern(byparts.merged(by_rows or pieces[:1], scan.rows), one.pattern, scan)
