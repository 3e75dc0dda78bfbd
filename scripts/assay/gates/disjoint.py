"""Files that must not have a row in common: evaluation data, and what the model learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.gates import Gate
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.config import Config
    from assay.datadiff.section import Leakage
    from assay.gates import Result


def decide(config: Config, found: Sequence[Leakage | Reason]) -> Iterator[Gate]:
    """One gate for each `disjoint_from`; what could not be looked at fails.

    Args:
        config: With the entries of `data`.
        found: For each of those with `disjoint_from`, in order: what they share, or why that is
            not known.
    """
    wanted = [
        (i, spec)
        for i, spec in enumerate(config.data)
        if spec.disjoint_from is not None and spec.is_local
    ]
    for (number, spec), leak in zip(wanted, found, strict=True):
        limit = 0 if isinstance(leak, Reason) else int(round(spec.max_shared * leak.rows, 6))
        result, value, message = _judged(leak, limit)
        yield Gate(
            metric="rows in common",
            column=spec.path,
            rule="disjoint_from",
            key=("data", number, "disjoint_from"),
            limit=float(limit),
            value=value,
            result=result,
            message=message,
        )


def _judged(leak: Leakage | Reason, limit: int) -> tuple[Result, float | None, str]:
    if isinstance(leak, Reason):
        return "failed", None, leak.message.rstrip(".")
    counts = [count for count in (leak.shared_rows, leak.shared_keys) if count is not None]
    if not counts:
        return "failed", None, f"{leak.path} and {leak.other} have no column in common to look at"
    most = max(counts)
    what = "rows" if leak.shared_rows == most else "keys"
    if most == 0:
        return "passed", 0.0, f"{leak.path} has no row in common with {leak.other}"
    message = f"{most:,} of the {leak.rows:,} {what} of {leak.path} are in {leak.other} too"
    return "passed" if most <= limit else "failed", float(most), message
