"""Why a model may have changed, one line a subject: rows, leaks, code, the worst slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report import wording
from assay.report.escape import Code, Phrase
from assay.report.lines import Line, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.datadiff.section import DataChange, Leakage
    from assay.inference.worst import WorstSlice
    from assay.record import RunRecord

MOST = 3
"""Names in one line; a table has the rest."""


def lines(record: RunRecord) -> Iterator[Line]:
    """What there is to say."""
    compare, evaluate = record.compare, record.evaluate
    for change in compare.data if compare else ():
        if change.rows is not None:
            yield Line(label="Rows", status="", text=_rows(change))
    for leak in compare.leakage if compare else ():
        if leak.shared_rows or leak.shared_keys:
            yield Line(label="Leakage", status=wording.status_words("warn") + ":", text=_leak(leak))
    if compare is not None and compare.causes is not None:
        code = [*(f.path for s in compare.causes.stages for f in s.code)]
        code += [file.path for file in compare.causes.unclaimed]
        if code:
            yield Line(label="Code", status="", text=_some(code, "file"))
        direct = [package for package in compare.causes.packages if package.direct]
        if direct:
            names = [f"{p.name} {p.base or 'none'} → {p.head or 'none'}" for p in direct]
            yield Line(label="Packages", status="", text=_some(names, "package"))
    if evaluate is not None and evaluate.search is not None and evaluate.search.found is not None:
        yield _worst(evaluate.search.found)


def _some(names: list[str], what: str) -> Phrase:
    unique = tuple(dict.fromkeys(names))
    more = f" and {len(unique) - MOST:,} more" if len(unique) > MOST else ""
    return (f"{wording.count(len(unique), what)} changed: ", *joined(unique[:MOST]), more)


def _rows(change: DataChange) -> Phrase:
    rows = change.rows
    assert rows is not None  # noqa: S101 (the caller checked it)
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (rows.added, "added"),
            (rows.removed, "removed"),
            (rows.changed, "changed"),
            (rows.head_left_out, "that cannot be matched"),
        )
        if count
    ]
    said = ", ".join(parts) or "the same rows in another form"
    return (Code(change.path), f": {said} ({rows.base:,} → {rows.head:,} rows)")


def _leak(leak: Leakage) -> Phrase:
    counts = [
        f"{count:,} {what}"
        for count, what in (
            (leak.shared_rows, "of its rows"),
            (leak.shared_keys, "of its keys"),
        )
        if count
    ]
    return (Code(leak.path), f" has {' and '.join(counts)} in common with ", Code(leak.other))


def _worst(found: WorstSlice) -> Line:
    """The slice that the search found: a warning only where other rows confirm it."""
    low, high = (wording.signed(end, 3) or "0" for end in (found.low, found.high))
    change = f"{found.loss} {wording.signed(found.inside, 3) or 'unchanged'} ({low} to {high})"
    where = f" ({wording.count(found.rows, 'row')})"
    if found.significant:
        text: Phrase = (Code(found.rule), f"{where} got worse: {change}")
        if found.expression is not None:
            text += ("; watch it with ", Code(f"where: {found.expression}"))
        return Line(label="Found", status=wording.status_words("warn") + ":", text=text)
    said = f" at worst{where}, {change}: within chance"
    return Line(label="Searched", status="", text=(Code(found.rule), said))
