"""Many cases, one after the other, and what came of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.differential import generate, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.differential.case import Case, Flavour


@dataclass(frozen=True)
class Difference:
    """A case in which the two answers differ."""

    flavour: Flavour
    seed: int
    signature: str
    problems: tuple[str, ...]

    def describe(self) -> str:
        """What differs, in the smallest case that shows it."""
        with tempfile.TemporaryDirectory() as folder:
            case = run.smallest(make(self.flavour, self.seed), Path(folder))
            verdict = run.judge(case, Path(folder))
        again = f"python -m tests.differential --cases 1 --seed {self.seed} {self.flavour}"
        return "\n".join([f"# {again}", case.source, *verdict.problems])


@dataclass
class Tally:
    """What came of some cases."""

    cases: int = 0
    unusable: int = 0
    """Pandera refuses the schema: there is nothing to compare."""
    failed: int = 0
    """Pandera found failures."""
    refused: int = 0
    """Pandera raised another error."""
    how: Counter[str] = field(default_factory=Counter)
    """Promises, by the way in which the scan looked at them."""
    checks: Counter[str] = field(default_factory=Counter)
    """Cases in which a check failed, by Pandera's word for it."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def scanned(self) -> float:
        """The share of promises that were part of the one query."""
        return self.how["scan"] / max(self.how.total(), 1)

    def add(self, other: Tally) -> None:
        for name in ("cases", "unusable", "failed", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.how += other.how
        self.checks += other.checks
        self.differences += other.differences

    def __str__(self) -> str:
        ways = ", ".join(f"{count:,} by {how}" for how, count in self.how.most_common())
        return (
            f"{self.cases:,} cases: {self.failed:,} fail, {self.refused:,} raise, "
            f"{self.unusable:,} unusable; "
            f"promises: {ways or 'none'} ({self.scanned:.0%} in the scan); "
            f"{len(self.differences)} differences"
        )


def make(flavour: Flavour, seed: int) -> Case:
    """The case of a seed."""
    return generate.MAKERS[flavour](Random(f"{flavour}-{seed}"))


def verdicts(flavour: Flavour, seeds: Iterable[int]) -> Iterator[tuple[int, run.Verdict | None]]:
    """The cases of some seeds, judged; `None` where Pandera refuses the schema."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            try:
                yield seed, run.judge(make(flavour, seed), Path(folder))
            except run.UnusableError:
                yield seed, None


def sweep(flavour: Flavour, seeds: Iterable[int]) -> Tally:
    """What comes of the cases of some seeds."""
    tally = Tally()
    for seed, verdict in verdicts(flavour, seeds):
        tally.cases += 1
        if verdict is None:
            tally.unusable += 1
            continue
        tally.failed += bool(verdict.expected.failures)
        tally.refused += verdict.expected.error is not None
        tally.how += verdict.how
        tally.checks.update(verdict.kinds)
        if verdict.problems:
            kind = run.signature(verdict)
            tally.differences.append(Difference(flavour, seed, kind, verdict.problems))
    return tally
