"""train: `dvc repro` here, or proof that somebody ran it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.config import TrainMode
from assay.section import Fact, Section

if TYPE_CHECKING:
    from assay.context import Context


class StageRun(Fact):
    """What happened to one stage of `dvc.yaml`."""

    name: str
    outcome: Literal["ran", "restored", "unchanged", "verified", "stale", "failed"]
    """`restored`: DVC's run cache had its outputs. `stale`: `dvc.lock` does not match."""
    seconds: float | None = None
    """Wall time, where it ran."""
    changes: tuple[str, ...] = ()
    """Why it is stale: `params.yaml train.depth modified`."""


class TrainSection(Section):
    """The stages of the pipeline."""

    mode: TrainMode = "run"
    stages: tuple[StageRun, ...] = ()


def run(context: Context) -> TrainSection:
    """Train, verify or skip, as `train:` in `assay.yaml` says."""
    raise NotImplementedError
