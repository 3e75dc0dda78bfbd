"""One revision, evaluated: its metrics files, and what scikit-learn would make of its predictions.

Head and base go through the same functions, so that a difference between them is one of the models.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from assay import metricsfile
from assay.config import Direction, Task
from assay.console import printable
from assay.errors import AssayError, DataError
from assay.section import Fact
from assay.stats.catalogue import canonical, direction_of, find
from assay.stats.curves import Curve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from assay.config import Config, PredictionsSpec
    from assay.ownmetrics import OwnMetric
    from assay.stats.predictions import Predictions
    from assay.workspace.dvcfiles import DvcFiles


class Metric(Fact):
    """One number of one revision."""

    name: str
    value: float
    source: str
    """The metrics file that it stands in, or the predictions file that it was recomputed from."""
    recomputed: bool = False
    direction: Direction | None = None
    """Which way is better; `None` where nobody said."""


class Evaluation(Fact):
    """One revision, evaluated."""

    metrics: tuple[Metric, ...] = ()
    undefined: dict[str, str] = Field(default_factory=dict)
    """Metrics that these predictions cannot give, and why (one class only, ...)."""
    task: Task | None = None
    rows: int | None = None
    """Rows of the predictions file."""
    curves: tuple[Annotated[Curve, Field(discriminator="kind")], ...] = ()

    def value(self, name: str) -> float | None:
        """The value of a metric, or `None`."""
        return next((m.value for m in self.metrics if m.name == name), None)


@dataclass
class Found:
    """What reading one revision brought, before it becomes an `Evaluation`."""

    numbers: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Of metrics files: name -> (value, file)."""
    frame: pd.DataFrame | None = None
    predictions: Predictions | None = None
    own: dict[str, float] = field(default_factory=dict)
    """Of the user's own functions."""
    problems: list[AssayError] = field(default_factory=list)


def read(root: Path, files: DvcFiles, config: Config, *, like: Found | None = None) -> Found:
    """Metrics files and predictions below `root`.

    Args:
        root: The project, or the folder with base's files.
        files: What DVC's files say at that revision.
        config: Which predictions.
        like: Head, when base is read: its task and positive class hold for both, and a file that
            base does not have is simply not there.
    """
    optional = like is not None
    found = Found()
    written: list[tuple[str, str, float]] = []
    for path in files.metrics:
        target = root / path
        if optional and not target.exists():
            continue
        try:
            numbers = metricsfile.numbers(_bytes(target, path), file=path)
        except AssayError as error:
            found.problems.append(error)
            continue
        written += [(path, name, value) for name, value in numbers.items()]
    found.numbers = _named(written, like.numbers if like else {})
    spec = config.predictions
    if spec is not None and not (optional and not (root / spec.path).exists()):
        try:
            found.frame, found.predictions = _read_predictions(
                root, spec, like.predictions if like else None
            )
        except AssayError as error:
            found.problems.append(error)
    if like is None:
        found.problems += _ambiguous(found, config)
    return found


def _named(
    written: list[tuple[str, str, float]], head: Mapping[str, tuple[float, str]]
) -> dict[str, tuple[float, str]]:
    """Numbers of (file, name, value) by name, and by `file:name` where several files use it.

    Base follows head: what is told apart there is told apart here, and a name that head's only
    file has is that file's here too.
    """
    times = Counter(name for _, name, _ in written)
    apart = {key.removeprefix(f"{file}:") for key, (_, file) in head.items()} - head.keys()
    named: dict[str, tuple[float, str]] = {}
    for file, name, value in written:
        alone = times[name] == 1 and name not in apart
        same_file = name in head and head[name][1] == file
        named[name if alone or same_file else f"{file}:{name}"] = (value, file)
    return named


def _ambiguous(found: Found, config: Config) -> Iterator[AssayError]:
    """Metrics of `assay.yaml` that several files have, and nothing else gives."""
    for name, spec in config.metrics.items():
        keys = [key for key, (_, file) in found.numbers.items() if key == f"{file}:{name}"]
        if len(keys) < 2 or spec.function or (found.predictions is not None and find(name)):
            continue
        yield DataError(
            f"`{printable(name)}` stands in {len(keys)} metrics files, so it is not clear which "
            "is meant.",
            key=("metrics", name),
            hint=f"Name one of them: {', '.join(f'`{printable(key)}`' for key in keys)}.",
        )


def _bytes(target: Path, path: str) -> bytes:
    try:
        return target.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"The metrics file {printable(path)} is missing.",
            file=path,
            hint="dvc.yaml declares it; run the stage that writes it, or remove it there.",
        ) from None
    except OSError as error:
        message = f"The metrics file {printable(path)} cannot be read: {error.strerror}."
        raise DataError(message, file=path) from error


def _read_predictions(
    root: Path, spec: PredictionsSpec, like: Predictions | None
) -> tuple[pd.DataFrame, Predictions]:
    from assay.contract import reader
    from assay.stats.columns import PredictionsError

    if not (root / spec.path).exists():
        raise DataError(
            f"The predictions file {printable(spec.path)} is missing.",
            key=("predictions", "path"),
            hint="A stage of dvc.yaml should write it; or correct `predictions.path`.",
        )
    try:
        frame = reader.read(root / spec.path, backend="pandas", shown=printable(spec.path))
        return frame, parse(frame, spec, like=like)
    except PredictionsError as error:
        raise DataError(
            f"{printable(spec.path)}: {error.message.rstrip('.')}.", hint=error.hint, file=spec.path
        ) from error
    except DataError as error:
        error.file = error.file or spec.path
        raise


def parse(frame: pd.DataFrame, spec: PredictionsSpec, *, like: Predictions | None) -> Predictions:
    """The columns of a predictions file that `assay.yaml` names, checked.

    Args:
        frame: The file's rows.
        spec: Which columns.
        like: Head's, when base's are parsed: its task and positive class hold for both.

    Raises:
        PredictionsError: A column is missing, or holds what it cannot.
    """
    from assay.stats.predictions import from_frame

    return from_frame(
        frame,
        truth=spec.truth,
        prediction=spec.prediction,
        score=spec.score,
        weight=spec.weight,
        positive=_positive(spec, like),
        task=spec.task or (like.task if like else None),
    )


def _positive(spec: PredictionsSpec, like: Predictions | None) -> object | None:
    if spec.positive is not None or like is None or like.task != "binary":
        return spec.positive
    return like.positive


def measure(found: Found, own: Mapping[str, OwnMetric]) -> None:
    """Call the user's own metrics on the rows of one revision; what raises is a problem."""
    if found.frame is None:
        return
    for name, metric in own.items():
        try:
            found.own[name] = metric(found.frame)
        except AssayError as error:
            found.problems.append(error)


def evaluate(found: Found, config: Config) -> Evaluation:
    """All metrics of one revision; contradictions are added to `found.problems`."""
    if found.predictions is None or found.frame is None or config.predictions is None:
        return Evaluation(metrics=tuple(_from_files(found, {}, config)))
    from assay.stats.curves import curves

    values, undefined = _recompute(found, config)
    values |= found.own
    found.problems += _contradictions(found.numbers, values, config.predictions.path)
    return Evaluation(
        metrics=(
            *(
                Metric(
                    name=name,
                    value=value,
                    source=config.predictions.path,
                    recomputed=True,
                    direction=_direction(name, config),
                )
                for name, value in values.items()
            ),
            *_from_files(found, values, config),
        ),
        undefined=undefined,
        task=found.predictions.task,
        rows=len(found.predictions),
        curves=curves(found.predictions),
    )


def _recompute(found: Found, config: Config) -> tuple[dict[str, float], dict[str, str]]:
    """The usual metrics of the task, what `assay.yaml` names, and what the metrics files claim."""
    from assay.stats.metrics import compute

    assert found.predictions is not None  # noqa: S101 (checked by the caller)
    usual = compute(found.predictions)
    claimed = [known for name in found.numbers if (known := canonical(name))]
    wanted = [name for name, spec in config.metrics.items() if spec.function is None]
    more = [n for n in dict.fromkeys([*wanted, *claimed]) if find(n)]
    extra = compute(found.predictions, metrics=[n for n in more if n not in usual.values])
    undefined = usual.undefined | {n: extra.undefined[n] for n in extra.undefined}
    return usual.values | extra.values, undefined


def _from_files(found: Found, recomputed: dict[str, float], config: Config) -> list[Metric]:
    """Metrics of files, without those that were recomputed under their usual name."""
    return [
        Metric(name=name, value=value, source=file, direction=_direction(name, config))
        for name, (value, file) in found.numbers.items()
        if name not in recomputed and (name in config.metrics or canonical(name) not in recomputed)
    ]


def _contradictions(
    claimed: dict[str, tuple[float, str]], recomputed: dict[str, float], predictions: str
) -> list[AssayError]:
    problems: list[AssayError] = []
    for name, (value, file) in claimed.items():
        known = canonical(name)
        if known is None or known not in recomputed:
            continue
        actual = recomputed[known]
        if abs(value - actual) > _tolerance(value):
            message = (
                f"{printable(file)} says {printable(name)} = {value:.6g}, but the predictions in "
                f"{printable(predictions)} give {actual:.6g}."
            )
            hint = "One of the two is of another run. Write both from the same predictions."
            problems.append(DataError(message, file=file, hint=hint))
    return problems


def _tolerance(written: float) -> float:
    """How far apart two values of one metric may be: half of the last digit that was written."""
    _, _, decimals = f"{written!r}".partition(".")
    digits = len(decimals) if decimals.isdigit() else 9  # an exponent: written in full
    rounding = 0.5 * 10.0 ** -max(digits, 2)
    return max(rounding, 1e-6 * abs(written)) + 1e-9


def _direction(name: str, config: Config) -> Direction | None:
    named = config.metrics.get(name)
    return (named.direction if named else None) or direction_of(name)
