"""`manifest.json`: what a bundle is, where it comes from, and the digest of every file in it.

The SHA-256 of this file's bytes is the address of the bundle. So nothing in it depends on when or
where it was made: the same commit, data and packages give the same bytes.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, field_validator

from assay.packaging.envelope import FILE as SIGNATURE
from assay.packaging.facts import Conversion, Kind, Parity, Signature
from assay.section import Fact, Result

FILE = "manifest.json"
ATTESTATIONS = "attestations"
"""A folder."""
PROVENANCE = f"{ATTESTATIONS}/provenance.json"
TEST_RESULTS = f"{ATTESTATIONS}/test-results.json"
OUTSIDE = (PROVENANCE, TEST_RESULTS, SIGNATURE)
"""What is about the bundle, so not of it: made later, by whoever vouches for it."""
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2242, 1, 1, tzinfo=UTC)
PASSED = ("pass", "warn")
"""What the verdict of a bundle may be that somebody vouches for, and that is released."""


class FileEntry(Fact):
    """One file of the bundle."""

    path: str
    """Relative to the bundle, with `/`."""
    bytes: int
    sha256: str


class Tracked(Fact):
    """A file or folder that DVC tracks, at the commit."""

    path: str
    md5: str
    """Ends in `.dir` for a folder."""
    bytes: int | None = None


class MetricValue(Fact):
    """A metric of the model on the evaluation data."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    """The interval; `None` where there are no predictions, or no interval is known."""
    configured: bool = False
    """Whether `assay.yaml` names it."""


class GateResult(Fact):
    """What a gate decided for this commit."""

    name: str
    result: Result
    message: str


class Source(Fact):
    """Where the model comes from.

    Not the address of the repository: a clone by another address has the same commits, and makes
    the same bundle. Provenance names it.
    """

    commit: str
    committed: str
    """When the commit was made: ISO 8601, UTC, as far as the header of a tar can tell."""
    base: str | None = None
    """The commit that it was compared with, which the gates are about."""
    project: str = ""
    """The project folder in the repository, with a `/` at its end; empty for the root."""
    model: Tracked
    data: tuple[Tracked, ...] = ()
    """Everything else that DVC tracks and the pipeline reads."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """`file:key` to the value as JSON text, as locked when the stages last ran."""
    lock: str | None = None
    """SHA-256 of the project's lock file."""

    @field_validator("committed")
    @classmethod
    def _is_a_time(cls, text: str) -> str:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None or not _FIRST <= time < _LAST:
            raise ValueError("no time of a commit")
        return text


class Environment(Fact):
    """What the model was loaded and exported in."""

    python: str
    packages: dict[str, str]


class Manifest(Fact):
    """A bundle."""

    format: Literal[1] = 1
    name: str
    """The artifact, as GTO names it."""
    description: str | None = None
    """What it predicts, as `dvc.yaml` says."""
    license: str | None = None
    """Of the model: an SPDX expression, as `assay.yaml` says."""
    kind: Kind
    model: str
    """The file with the model."""
    estimator: str
    signature: Signature
    source: Source
    environment: Environment
    conversion: Conversion | None = None
    why_native: str | None = None
    parity: Parity
    tested: int | None = None
    """How many rows of the evaluated predictions the model was found to give, all of them; `None`
    where that could not be asked."""
    metrics: tuple[MetricValue, ...] = ()
    confidence: float | None = None
    """Of the intervals."""
    gates: tuple[GateResult, ...] = ()
    verdict: str
    """Of the run whose record was packaged: `pass`, `warn`, `no gate`, ..."""
    files: tuple[FileEntry, ...]
    """All of the bundle but this file and what is `OUTSIDE`, by path."""

    def to_json(self) -> str:
        """The file's text; equal manifests have equal text."""
        return self.model_dump_json(indent=1) + "\n"

    @property
    def denied(self) -> tuple[str, ...]:
        """Gates that failed, or could not tell.

        Those that only warn, or that somebody accepted, make the verdict `warn`: with `pass` there
        is none.
        """
        return tuple(one.name for one in self.gates if one.result in ("failed", "inconclusive"))

    @property
    def digest(self) -> str:
        """The bundle's address: the SHA-256 of `to_json()`, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()
