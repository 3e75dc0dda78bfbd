"""Queries, and what an engine says when it cannot answer one."""

from __future__ import annotations

from typing import Any

from assay.console import printable
from assay.contract.sources import duck
from assay.errors import AssayError, DataError, OutsideError


class QueryError(DataError):
    """An engine could not compute what it was asked for."""


def fetch(expression: Any, *, private: bool) -> list[dict[str, Any]]:
    """The rows of an Ibis expression.

    Args:
        expression: A table of a bounded number of rows.
        private: Whether what the engine says must not appear: it may quote values.

    Raises:
        OutsideError: Memory or disk space ran out, or a remote does not answer.
        QueryError: The data cannot be read, or an expression of a user's not be computed.
    """
    try:
        rows: list[dict[str, Any]] = expression.to_pyarrow().to_pylist()
    except AssayError:
        raise
    except Exception as error:
        raise translated(error, private=private) from error
    return rows


def translated(error: BaseException, *, private: bool) -> AssayError:
    """An engine's error as one of ours."""
    unread = duck.of_remote(error)
    if unread is not None:
        return unread
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if duck.ran_short(error):
        return OutsideError(
            "The data cannot be scanned: memory or disk space ran out.",
            hint="Use a larger runner, or free some space in the temporary folder.",
        )
    said = type(error).__name__ if private else printable(lines[0])[:300].rstrip(".")
    return QueryError(
        f"The data cannot be scanned: {said}.",
        hint="The file is damaged, or a value in it is not of its column's type.",
    )
