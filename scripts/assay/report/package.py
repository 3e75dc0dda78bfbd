"""The package in a report: what was made of the model, or where the export answers otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import wording
from assay.report.escape import Code, Phrase, pieces
from assay.report.lines import joined
from assay.section import Status

if TYPE_CHECKING:
    from assay.packaging.section import Mismatch, PackageSection
    from assay.record import RunRecord

MOST_VALUES = 8
"""Of a row; the columns that decide come first."""
_SHORT = 12
"""Characters of a digest, as the bundle's folder has them."""


@dataclass(frozen=True, kw_only=True)
class MismatchRow:
    """A row on which model and export say different things."""

    row: Phrase
    """`thresholds`, row 13."""
    output: Code
    expected: Code
    """What the model says."""
    got: Code
    """What the export says."""
    values: Phrase
    """Of its columns, those that decide first."""


def summary(section: PackageSection) -> Phrase:
    """The bundle in one line; without one, that there is none."""
    if section.digest is None:
        why = ", because the export does not answer as the model does" if section.mismatches else ""
        return () if section.status is Status.SKIPPED else (f"no bundle was made{why}",)
    said = ["ONNX" if section.kind == "onnx" else "native"]
    said += (
        [] if section.rows is None else [f"same answers on {wording.count(section.rows, 'row')}"]
    )
    said += [] if section.bytes is None else [wording.size(section.bytes)]
    bundle: Phrase = (f"{', '.join(said)}, digest ", Code(section.digest[:_SHORT]))
    if section.why_native is None or section.status is not Status.PASS:
        return bundle  # a problem says why
    return (*bundle, ": ", *pieces(section.why_native.rstrip(".")))


def mismatches(record: RunRecord) -> tuple[MismatchRow, ...]:
    """The rows that kept the export from becoming a bundle."""
    return tuple(map(_row, record.package.mismatches if record.package else ()))


def _row(one: Mismatch) -> MismatchRow:
    values = tuple(f"{name} = {value}" for name, value in one.inputs.items())
    left = len(values) - MOST_VALUES
    more: Phrase = (f" and {left:,} more",) if left > 0 else ()
    return MismatchRow(
        row=(Code(one.rows), f", row {one.row + 1:,}"),
        output=Code(one.output),
        expected=Code(one.expected),
        got=Code(one.got),
        values=(*joined(values[:MOST_VALUES]), *more),
    )
