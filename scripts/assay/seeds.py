"""What another random seed would have given: head trained again, in a copy of the repository.

Two models that differ in their seed alone differ in their metrics. The rows of one evaluation say
nothing about that; only training again does.
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field

from assay import evaluation, paramsfile
from assay.console import printable
from assay.errors import AssayError, ConfigError, DataError, ProgramError
from assay.section import Fact, Reason
from assay.workspace import dvccli, scratch
from assay.workspace.dvcfiles import is_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from assay.context import Context
    from assay.evaluation import Found
    from assay.evidence import Evidence
    from assay.workspace.dvccli import Dvc

MOST_FAILURES = 2
"""After so many trainings that failed, the others are not tried."""
# What `dvc repro` says of a stage that it runs, or whose outputs it has from such a run.
_STARTED = re.compile(r"Running stage '.+':$|Stage '.+' is cached - skipping run")


class SeedNoise(Fact):
    """How much the metrics of head vary with the seed."""

    param: str
    """The parameter that was varied, as `train.seed`."""
    seeds: tuple[int, ...] = ()
    """With which head was trained again, and its metrics read."""
    values: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """By metric, one for each of `seeds`."""
    standard_deviation: dict[str, float] = Field(default_factory=dict)
    """By metric. Head's own value is not counted: its seed may have been chosen for it."""
    seconds: float = 0.0
    problems: tuple[Reason, ...] = ()


def repeat(
    context: Context,
    head: Found,
    *,
    measure: Callable[[Found], Mapping[str, float]] | None = None,
) -> SeedNoise:
    """Train head again as often as `seeds` in `assay.yaml` says, each time with the next seed.

    The user's work tree is not touched, and what is trained gets into no cache.

    Args:
        context: With `seeds` in its configuration.
        head: What was read of head: task, positive class and rows of the repetitions are held
            against it.
        measure: The metrics of what was read; those of `evaluation.evaluate` by default.
    """
    spec = context.config.seeds
    if spec is None:
        raise ValueError("there are no seeds in the configuration")
    begun = context.clock()
    found: dict[int, Found] = {}
    problems: list[Reason] = []
    try:
        file, key = paramsfile.located(spec.param)
        text = _read(context.workspace.root, file)
        seed = paramsfile.number(text, file=file, key=key)
        with scratch.copied(context.workspace) as dvc:
            for at in range(1, spec.repeats + 1):
                content = paramsfile.replaced(text, file=file, key=key, value=seed + at)
                _inside(dvc.root, file).write_text(content, encoding="utf-8", newline="")
                said = f"{printable(spec.param)} = {seed + at}"
                context.console.line(f"Training again with {said} ({at} of {spec.repeats})")
                try:
                    found[seed + at] = _trained(context, dvc, head)
                except (DataError, ProgramError) as error:
                    reason = Reason.of(error, severity="warning", prefix=f"With {said}: ")
                    problems.append(reason)
                    if len(problems) >= MOST_FAILURES:
                        break
    except AssayError as error:
        problems.append(Reason.of(error))
    metrics = {number: _metrics(one, context, measure) for number, one in found.items()}
    if not any(problem.severity == "error" for problem in problems):
        problems += _judged(
            metrics, {n: _same_rows(head, one) for n, one in found.items()}, spec.param
        )
    return _noise(spec.param, metrics, context.clock() - begun, problems)


def widen(evidence: Evidence, noise_sd: float, repeats: int) -> Evidence:
    """Evidence that also covers what the seeds of the two trainings did.

    The variance of the difference is that of the rows, and twice that of the seed: once for head
    and once for base, whose noise is taken to be the same. The standard deviation of a few
    trainings is itself a guess, so the interval is that of Howe (1974), "Approximate Confidence
    Limits on the Mean of X + Y", JASA 69: the squares of the two half-widths add, each with its
    own t. Satterthwaite's single t with pooled degrees of freedom covers less than it
    says for few trainings (of 95 %: 88 % with two, 92 % with three, in simulation); this never.

    Args:
        evidence: Of the rows alone.
        noise_sd: Standard deviation of the metric over seeds.
        repeats: From how many trainings that comes; at least 2.
    """
    from assay.evidence import TailFact

    if noise_sd == 0:
        return evidence
    curve = _Curve(
        of_rows=evidence.standard_error,
        units=evidence.units,
        of_seeds=math.sqrt(2) * noise_sd,
        repeats=repeats,
    )
    difference = evidence.difference
    reach = curve.reach((1 - evidence.confidence) / 2)
    return evidence.model_copy(
        update={
            "low": difference - reach,
            "high": difference + reach,
            "standard_error": math.hypot(curve.of_rows, curve.of_seeds),
            "p_value": min(1.0, 2 * curve.chance(abs(difference))),
            "tails": tuple(
                TailFact(
                    null=tail.null,
                    p_less=curve.chance(tail.null - difference),
                    p_greater=curve.chance(difference - tail.null),
                )
                for tail in evidence.tails
            ),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """How far an estimate strays that has two errors: interval and p-values are read from it."""

    of_rows: float
    """Standard error."""
    units: int
    of_seeds: float
    repeats: int

    def reach(self, chance: float) -> float:
        """The distance that is exceeded, on one side, with this chance below one half."""
        from scipy.special import stdtrit

        return math.hypot(
            float(stdtrit(max(self.units - 1, 1), chance)) * self.of_rows,
            float(stdtrit(self.repeats - 1, chance)) * self.of_seeds,
        )

    def chance(self, distance: float) -> float:
        """The chance to stray this far on one side, by bisection of `reach`."""
        if distance <= 0:
            return 0.5 if distance == 0 else 1 - self.chance(-distance)
        rare, common = -700.0, math.log(0.5)  # logarithms: e^-700 is about the smallest number
        for _ in range(60):
            middle = (rare + common) / 2
            if self.reach(math.exp(middle)) > distance:
                rare = middle
            else:
                common = middle
        return math.exp(common)


# --- training -----------------------------------------------------------------------------------


def _read(root: Path, file: str) -> str:
    if not is_inside(file):
        message = f"`seeds.param` names {printable(file)}, which is not inside of the project."
        raise ConfigError(message, key=("seeds", "param"))
    try:
        return (root / file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no parameters file {printable(file)}.",
            key=("seeds", "param"),
            hint="Name another as `file.yaml:train.seed`.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f"{printable(file)} cannot be read: {reason}.", file=file) from error


def _inside(root: Path, file: str) -> Path:
    """Where a file of the copy is; by a link it may be one of the real project, or any other.

    Raises:
        ConfigError: It is not in the copy.
    """
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ConfigError(
            f"`seeds.param` names {printable(file)}, a link that leads out of the project.",
            key=("seeds", "param"),
            hint="Put the file itself there, or make the link relative.",
        )
    return path


def _trained(context: Context, dvc: Dvc, head: Found) -> Found:
    """What the pipeline gives with the parameters that stand in the copy now.

    Raises:
        ConfigError: No stage depends on the parameter.
        ProgramError: Training failed.
        DataError: Its metrics or predictions cannot be read.
    """
    files = context.workspace.head_files()
    nested = any(":" in name for name in files.stages)
    started = False

    def on_line(line: str) -> None:
        nonlocal started
        started = started or _STARTED.match(line) is not None
        context.console.raw(line)

    with context.console.untrusted():
        # Not committed: a model that nobody will use need not fill the cache.
        arguments = ["--no-commit", *(["--all-pipelines"] if nested else [])]
        done = dvc.stream("repro", *arguments, on_line=on_line)
    if done.code != 0:
        detail = dvccli.explanation(done.tail) or f"dvc {done.ending}"
        hint = "Its output is in the log. Training ran in a copy of what git tracks or would track."
        raise ProgramError(f"training failed: {detail.rstrip('.')}.", hint=hint)
    if not started:
        raise ConfigError(
            "No stage of dvc.yaml depends on the parameter that `seeds.param` names.",
            key=("seeds", "param"),
            hint="List it under `params` of the stage that trains.",
        )
    found = evaluation.read(dvc.root, files, context.config, like=head)
    if found.problems:
        raise DataError(found.problems[0].message, hint=found.problems[0].hint)
    return found


# --- what came out ------------------------------------------------------------------------------


def _metrics(
    found: Found, context: Context, measure: Callable[[Found], Mapping[str, float]] | None
) -> Mapping[str, float]:
    if measure is not None:
        return measure(found)
    # Contradictions with a metrics file are head's to report.
    evaluated = evaluation.evaluate(replace(found, problems=[]), context.config)
    return {metric.name: metric.value for metric in evaluated.metrics}


def _same_rows(head: Found, found: Found) -> bool:
    if head.predictions is None or found.predictions is None:
        return True
    import numpy as np

    return np.array_equal(head.predictions.truth, found.predictions.truth)


def _noise(
    param: str, metrics: Mapping[int, Mapping[str, float]], seconds: float, problems: list[Reason]
) -> SeedNoise:
    values = {name: tuple(one[name] for one in metrics.values()) for name in _shared(metrics)}
    enough = len(metrics) > 1
    return SeedNoise(
        param=param,
        seeds=tuple(metrics),
        values=values,
        # statistics, and not numpy: of equal values it is exactly zero.
        standard_deviation={n: statistics.stdev(v) for n, v in values.items()} if enough else {},
        seconds=round(seconds, 3),
        problems=tuple(problems),
    )


def _shared(metrics: Mapping[int, Mapping[str, float]]) -> list[str]:
    """The metrics that all repetitions have."""
    every = list(metrics.values())
    return [name for name in every[0] if all(name in one for one in every)] if every else []


def _judged(
    metrics: Mapping[int, Mapping[str, float]], same_rows: Mapping[int, bool], param: str
) -> Iterator[Reason]:
    """What to know of the repetitions before one trusts them."""
    shown = f"`{printable(param)}`"
    if len(metrics) < 2:
        yield Reason(
            message=f"How much {shown} matters is not known: {len(metrics)} trainings succeeded, "
            "and 2 are needed.",
            key=("seeds",),
        )
        return
    shared = _shared(metrics)
    some = {name for one in metrics.values() for name in one if name not in shared}
    if some:
        names = ", ".join(f"`{printable(name)}`" for name in sorted(some)[:5])
        message = f"Not every seed gives these metrics, so their noise is not known: {names}."
        yield Reason(message=message, severity="warning")
    if shared and all(len({one[name] for one in metrics.values()}) == 1 for name in shared):
        yield Reason(
            message=f"The seed has no effect: {len(metrics)} trainings with other values of "
            f"{shown} gave the same metrics.",
            severity="warning",
            key=("seeds", "param"),
            hint="Check that training uses the parameter; else remove `seeds`: it only takes time.",
        )
    if not all(same_rows.values()):
        yield Reason(
            message=f"With another {shown} other rows are evaluated: part of its noise is theirs.",
            severity="warning",
            key=("seeds", "param"),
            hint="Split the data by a seed of its own.",
        )
