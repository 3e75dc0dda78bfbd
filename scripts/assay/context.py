"""What a stage is given: built once in `cli.py`, injected everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.config import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.ci import CiContext
    from assay.config import Config
    from assay.console import Console
    from assay.record import RunRecord
    from assay.workspace import Workspace


@dataclass(frozen=True)
class Context:
    """Everything that a stage may use. Nothing in it is created by a stage."""

    config: Config
    workspace: Workspace
    ci: CiContext
    record: RunRecord
    """What earlier stages found."""
    console: Console
    clock: Callable[[], float]
    """Seconds, from any start."""
    environ: Mapping[str, str]
    config_file: str = FILE
    """The configuration file, relative to the project."""

    def with_record(self, record: RunRecord) -> Context:
        """The same context after a stage has added its section."""
        return replace(self, record=record)
