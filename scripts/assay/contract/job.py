"""What passes between the stage and the process that runs the user's schema."""

from __future__ import annotations

from assay.section import Fact, Reason
from assay.stages.validate import FileResult

DONE = "done"
"""The last line of the results: without it the process died."""


class JobSpec(Fact):
    """One entry of `data:`, its glob expanded."""

    number: int
    """Of the entry, from 0."""
    reference: str
    """The schema, as `assay.yaml` names it."""
    files: tuple[str, ...]
    """Relative to the project folder."""
    sensitive: tuple[str, ...] = ()


class Job(Fact):
    """All that there is to validate."""

    root: str
    specs: tuple[JobSpec, ...]


class Outcome(Fact):
    """What became of one file, or of the schema before any file; or what is begun."""

    begun: str | None = None
    """The schema or the file that is worked on now, for when the process dies of it."""
    file: FileResult | None = None
    problem: Reason | None = None
    exit_code: int = 0
