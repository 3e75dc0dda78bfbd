"""What Pandera looks at itself: parts of the schema, on data in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import check as contract_check
from assay.contract.check import EXAMPLES, MOST_POSITIONS, Finding
from assay.contract.scan import memory
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.scan.plan import Part, Place
    from assay.contract.scan.rows import Scan

Found = list[tuple["Place", Finding]]
Said = list[tuple["Place", str]]


def run(parts: Sequence[Part], scan: Scan) -> tuple[Found, Said]:
    """Let Pandera look at the parts of a plan.

    Raises:
        DataError: A part needs more memory than there is.
        SchemaError: A part cannot be applied.
    """
    found: Found = []
    said: Said = []
    in_batches = [part for part in parts if part.how == "batches"]
    whole = [part for part in parts if part.how != "batches"]
    for part in whole:
        _refuse_what_is_too_large(part, scan)
    if in_batches:
        _in_batches(in_batches, scan, found, said)
    for part in whole:
        columns = _columns(part, scan)
        frame = next(iter(scan.source.frames(scan.layout, columns)))
        for place, one, _ in _look(part, frame, scan, said):
            found.append((place, one))
    return found, said


def _columns(part: Part, scan: Scan) -> tuple[str, ...]:
    """The columns of a part, in the order of the table."""
    names = tuple(str(name) for name in scan.layout.empty.columns)
    wanted = part.columns
    return names if wanted is None else tuple(name for name in names if name in wanted)


def _in_batches(parts: Sequence[Part], scan: Scan, found: Found, said: Said) -> None:
    needs = [_columns(part, scan) for part in parts]
    names = tuple(str(name) for name in scan.layout.empty.columns)
    columns = tuple(name for name in names if any(name in need for need in needs))
    parted: list[dict[Place, list[Piece]]] = [{} for _ in parts]
    offset = 0
    for frame in batches(columns, scan):
        for part, need, pieces in zip(parts, needs, parted, strict=True):
            for place, one, most in _look(part, frame[list(need)], scan, said):
                pieces.setdefault(place, []).append((one, offset, most))
        offset += int(frame.shape[0])
    for pieces in parted:
        found += [(place, merged(some, scan.rows)) for place, some in pieces.items()]


def batches(columns: Sequence[str], scan: Scan) -> Iterator[Any]:
    """The table in frames of a bounded size."""
    wide = max(memory.width(scan.layout, columns), 1)
    rows = max(min(memory.BATCH // wide, memory.MOST_ROWS), 1)
    return scan.source.frames(scan.layout, columns, rows=rows)


Piece = tuple[Finding, int, "int | None"]
"""What one batch shows of a failure, the number of its first row, and `n_failure_cases`."""


def _look(part: Part, frame: Any, scan: Scan, said: Said) -> Iterator[tuple[Place, Finding, Any]]:
    """Pandera's findings in a frame, each at its place and with the number that it may count."""
    schema = replace(scan.loaded, schema=part.schema)
    errors, warned = contract_check.errors_of(frame, schema, root=scan.root, private=scan.private)
    known = {text.partition(" failure case")[0] for place, text in said if place == part.order}
    for text in warned:
        if text.partition(" failure case")[0] not in known:
            said.append((part.order, text))
    for error in errors:
        place = part.place(error)
        if place is not None:
            one = by_pattern(contract_check.finding(error, frame, scan.sight), part.pattern, scan)
            yield place, one, getattr(error.check, "n_failure_cases", None)


def by_pattern(one: Finding, pattern: str | None, scan: Scan) -> Finding:
    """A failed coercion as Pandera names it: by the pattern that the column matches."""
    if pattern is None or one.reason != "DATATYPE_COERCION":
        return one
    column = scan.sight.column(pattern)
    return replace(one, failure=one.failure.model_copy(update={"column": column}))


def merged(pieces: Sequence[Piece], rows: int) -> Finding:
    """One failure, from what the batches show of it."""
    for one, *_ in pieces:
        if one.reason == "CHECK_ERROR":  # a check that raises in one row has no other answer
            return one
    by_rows = [piece for piece in pieces if piece[0].failure.share is not None]
    if not by_rows:
        return pieces[0][0]
    first, _, most = by_rows[0]
    count = sum(one.failure.count for one, *_ in by_rows)
    count = count if most is None else min(count, most)
    examples = [text for one, *_ in by_rows for text in one.failure.examples]
    positions = [row + offset for one, offset, _ in by_rows for row in one.positions]
    failure = first.failure.model_copy(
        update={
            "count": count,
            "share": contract_check.share(count, rows),
            "examples": tuple(examples[: min(EXAMPLES, count)]),
        }
    )
    shown = tuple(positions[: min(MOST_POSITIONS, count)])
    told = next((one for one, *_ in pieces if one.cases != "rows"), first)
    return Finding(failure, first.reason, shown, told.cases)


def _refuse_what_is_too_large(part: Part, scan: Scan) -> None:
    """Refuse what memory cannot hold, before anything is loaded."""
    room = memory.available()
    about_index = getattr(part.schema, "index", None) is not None
    wide = memory.width(scan.layout, _columns(part, scan), numbers=about_index)
    size = wide * scan.rows * memory.COPIES
    if room is None or size <= room:
        return
    promise = part.promise
    check = printable(scan.sight.check(promise.check, promise.column))
    what = "the index" if about_index else "its columns"
    what = "the table" if part.columns is None else what
    of = "" if promise.column is None else f" of column `{printable(promise.column)}`"
    raise DataError(
        f"The check `{check}`{of} needs {what} in memory: about {memory.in_words(size)}, where "
        f"{memory.in_words(room)} are free ({promise.why}).",
        hint="Give the check `element_wise=True` if it looks at single values; then batches do. "
        "Or validate on a larger machine.",
    )
