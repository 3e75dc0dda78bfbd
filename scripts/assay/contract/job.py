"""What passes between the stage and the process that runs the user's schema."""

from __future__ import annotations

from typing import Any

from assay.section import Fact, Reason
from assay.stages.validate import FileResult

DONE = "done"
"""The last line of the results: without it the process died."""


class Table(Fact):
    """One table to validate."""

    path: str
    """A file or folder relative to the project folder, or a table of a database."""
    base: tuple[tuple[str, str], ...] = ()
    """Its files at the base revision: their names, and where their content lies."""


class JobSpec(Fact):
    """One entry of `data:`, its glob expanded."""

    number: int
    """Of the entry, from 0."""
    reference: str
    """The schema, as `assay.yaml` names it."""
    tables: tuple[Table, ...]
    sensitive: tuple[str, ...] = ()
    engine: str = "duckdb"
    connection: str | None = None
    """The environment variable with the URL of the database that holds the tables."""
    remote: bool = False
    """Whether the files are read where DVC's remote holds them."""
    more: dict[str, Any] | None = None
    """The entry itself, where it promises more than its schema."""
    config: str = "assay.yaml"
    """Where the entry stands, relative to the project folder."""
    no_base: str = "there is no base to compare with"
    """Why tables have no `base`, where they have none."""


class Job(Fact):
    """All that there is to validate."""

    root: str
    state: str
    """The folder of the record."""
    now: str
    """The time by which data is fresh or not: ISO 8601 with its zone."""
    specs: tuple[JobSpec, ...]


class Outcome(Fact):
    """What became of one table, or of the schema before any; or what is begun."""

    begun: str | None = None
    """The schema or the table that is worked on now, for when the process dies of it."""
    file: FileResult | None = None
    problem: Reason | None = None
    exit_code: int = 0
