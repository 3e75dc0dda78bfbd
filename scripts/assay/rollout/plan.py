"""The steps of a rollout, from what `assay.yaml` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.configrollout import SHADOW

if TYPE_CHECKING:
    from assay.configrollout import AnalysisSpec, EnvironmentSpec


@dataclass(frozen=True)
class Stage:
    """One step: how much traffic the candidate gets, and for how long at least."""

    name: str
    """For people: `5 %`."""
    percent: int = 0
    shadow: bool = False
    seconds: float = 0.0
    """It lasts at least so long; the bake of the last step."""
    baseline: bool = False
    """Whether nothing is judged: stable is measured, to be compared with later."""

    @property
    def against_earlier(self) -> bool:
        """Whether stable has no traffic of its own to be compared with."""
        return self.percent == 100


@dataclass(frozen=True)
class Plan:
    """How a version is brought to users."""

    stages: tuple[Stage, ...]
    interval: float
    """Seconds between judgements."""
    patience: int
    """Intervals that a stage may go on without a yes or no."""
    analysis: AnalysisSpec | None
    """`None`: nothing is judged but that the version lives and answers."""


def plan(spec: EnvironmentSpec) -> Plan:
    """The steps of an environment.

    Where all traffic moves at once there is no step in which both versions answer users: stable is
    measured before.
    """
    stages = [_stage(step, spec) for step in spec.steps]
    judged = spec.analysis or None
    if stages[0].percent == 100 and judged is not None:
        stages.insert(0, Stage("before", baseline=True))
    return Plan(tuple(stages), spec.interval, spec.patience, judged)


def _stage(step: str | int, spec: EnvironmentSpec) -> Stage:
    if step == SHADOW:
        return Stage(SHADOW, shadow=True)
    percent = int(step)
    return Stage(f"{percent} %", percent, seconds=spec.bake if percent == 100 else 0.0)
