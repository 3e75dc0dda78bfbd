"""The section of *package*: what the record keeps; the bundle's manifest says the rest.

Every command reads the record, so what it needs is built of few models.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.section import Fact, Section

Kind = Literal["onnx", "native"]


class Mismatch(Fact):
    """One row for which model and export say different things."""

    rows: str
    """The set of rows that it is of, a name of `ParityRows`."""
    row: int
    """Its position in that set, from 0."""
    output: str
    expected: str
    """What the model says."""
    got: str
    """What the export says."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """The row itself; its columns stand in the same order in every row, those that decide first."""


class PackageSection(Section):
    """The bundle that was made; without one, why there is none."""

    name: str | None = None
    digest: str | None = None
    """The bundle's address."""
    folder: str | None = None
    """Relative to the project, with `/`."""
    archive: str | None = None
    bytes: int | None = None
    """Of the archive."""
    kind: Kind | None = None
    why_native: str | None = None
    rows: int | None = None
    """How many rows model and export were both asked about."""
    mismatches: tuple[Mismatch, ...] = ()
    """Of an export that does not give the same answers: the first few rows."""
