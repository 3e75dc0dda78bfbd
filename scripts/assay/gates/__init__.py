"""Gates: the rules of `assay.yaml` in, decisions out. What they mean is in `docs/gates.md`.

`judge.py` finds what each rule is about, `bounds.py` holds numbers against limits,
`significance.py` holds evidence against claims, and `explain.py` shows the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from assay.config import Direction, Severity
from assay.section import Fact
from assay.section import Result as Result  # for who has to do with gates
from assay.stats.catalogue import direction_of

if TYPE_CHECKING:
    from assay.config import Config, Rules
    from assay.evidence import Evidence

Rule = Literal[
    "min",
    "max",
    "max_regression",
    "max_relative_regression",
    "min_improvement",
    "min_relative_improvement",
    "no_significant_regression",
    "non_inferior",
    "superior",
    "present",
    "disjoint_from",
]


class SignificanceTest(Fact):
    """A one-sided test, as a gate used it."""

    null: float
    """The value of head - base that is held against."""
    p_value: float = Field(ge=0, le=1)
    adjusted: float = Field(ge=0, le=1)
    """The p-value after Holm's correction; the same where there is none."""
    rank: int | None = None
    """Among the p-values that were corrected together, from 1, the smallest."""
    family: int | None = None
    """How many were corrected together; `None` where nothing is corrected."""
    alpha: float
    """What the adjusted p-value is held against."""


class Gate(Fact):
    """One rule of `assay.yaml`, and what it decided."""

    metric: str
    """Or the measure of fairness."""
    slice: str | None = None
    """The slice that it was held against; `None` for all rows."""
    column: str | None = None
    """Of a measure of fairness: the column whose groups are compared; of `disjoint_from` the file.
    `None` of a metric."""
    rule: Rule
    key: tuple[str | int, ...] = ()
    """Where the rule stands in `assay.yaml`; of `present`, what is missing."""
    limit: float | None = None
    value: float | None = None
    """What was held against the limit."""
    head: float | None = None
    base: float | None = None
    direction: Direction | None = None
    test: SignificanceTest | None = None
    rows_needed: int | None = None
    """Of an inconclusive gate: how many rows (or groups of them) would tell."""
    result: Result
    severity: Severity = "fail"
    message: str
    """In words: `f1 0.61 is below its minimum 0.65`."""

    @property
    def passed(self) -> bool | None:
        """Whether it passed; `None` where it neither passed nor failed."""
        return {"passed": True, "failed": False}.get(self.result)

    @property
    def stops(self) -> bool:
        """Whether the run ends with exit code 1 because of it."""
        return self.severity == "fail" and self.result in ("failed", "inconclusive")

    @property
    def warns(self) -> bool:
        """Whether it would stop the run, but for its severity."""
        return self.severity == "warn" and self.result in ("failed", "inconclusive")

    @property
    def name(self) -> str:
        """The rule as it stands in `assay.yaml`: `metrics.f1.slices.min: 0.65 on season = 3`."""
        path = ".".join(map(str, self.key or ("metrics", self.metric, self.rule)))
        limit = "" if self.rule == "present" else ": true"
        limit = limit if self.limit is None else f": {self.limit:g}"
        return f"{path}{limit}{f' on {self.slice}' if self.slice else ''}"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What rules are held against: a metric, on all rows or on a slice; a measure of fairness."""

    metric: str
    label: str
    """In messages: `f1`, `f1 on season = 3`."""
    path: tuple[str | int, ...]
    """Where its rules stand in `assay.yaml`."""
    rules: Rules
    head: float | None
    base: float | None = None
    direction: Direction | None = None
    slice: str | None = None
    column: str | None = None
    base_absent: str = ""
    """Why base has no value, where that is known."""
    absent: tuple[Result, str] | None = None
    """Where head has no value: what that makes of the rules, and the message."""
    evidence: Evidence | None = None
    blind: tuple[Result, str] = ("failed", "")
    """Where there is no evidence: what that makes of a test, and why there is none."""
    unit: str = "rows"
    """What `evidence.units` counts: rows, or groups of them."""

    @property
    def worse_by(self) -> float:
        """By how much head is worse than base; negative where it is better.

        Only to be asked where both have a value and the direction is known.
        """
        assert self.head is not None  # noqa: S101 (callers check it)
        assert self.base is not None  # noqa: S101
        return self.base - self.head if self.direction == "higher" else self.head - self.base

    def gate(self, rule: Rule, result: Result, message: str, **facts: object) -> Gate:
        """What a rule decided about it."""
        return Gate.model_validate(
            {
                "metric": self.metric,
                "slice": self.slice,
                "column": self.column,
                "rule": rule,
                "key": (*self.path, rule),
                "head": self.head,
                "base": self.base,
                "direction": self.direction,
                "result": result,
                "severity": self.rules.severity,
                "message": message,
                **facts,
            }
        )


def changed(worse_by: float, direction: Direction | None) -> str:
    """`fell by 0.01`; `did not get worse`."""
    if worse_by <= 0:
        return "did not get worse"
    return f"{'fell' if direction == 'higher' else 'rose'} by {worse_by:.4g}"


def improved(better_by: float, direction: Direction | None) -> str:
    """`rose by 0.01`; `did not get better`."""
    if better_by <= 0:
        return "did not get better"
    return f"{'rose' if direction == 'higher' else 'fell'} by {better_by:.4g}"


def nulls(config: Config, metric: str) -> tuple[float, ...]:
    """The differences head - base that the gates of a metric, of its slices too, test against."""
    spec = config.metrics.get(metric)
    if spec is None:
        return (0.0,)
    direction = spec.direction or direction_of(metric)
    margins = [rules.non_inferior for rules in (spec, spec.slices) if rules is not None]
    wanted = [0.0, *(null(direction, margin) for margin in margins if margin is not None)]
    return tuple(dict.fromkeys(wanted))


def null(direction: Direction | None, margin: float) -> float:
    """The difference head - base that is worse by exactly `margin`."""
    return margin if direction == "lower" else 0.0 - margin
