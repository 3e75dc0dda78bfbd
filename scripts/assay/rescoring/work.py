"""Head's and base's models, checked against their predictions files; base's on head's rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import models
from assay.console import printable
from assay.contract import reader
from assay.errors import DataError
from assay.evaluation import parse
from assay.models import Model, ModelError, Said
from assay.rescoring.facts import Rescoring
from assay.rescoring.rule import File, NotReproducedError, Rule, agreed, learn, moved
from assay.rescoring.table import on_rows_of
from assay.section import Reason
from assay.stats.columns import listed, text_names
from assay.stats.rows import align

if TYPE_CHECKING:
    import pandas as pd

    from assay.config import PredictionsSpec
    from assay.rescoring.facts import Job
    from assay.rescoring.rule import Columns
    from assay.stats.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Scorer:
    """A model, the columns that it is given, and how a predictions file follows from it."""

    model: Model
    columns: list[str]
    rule: Rule

    def say(self, table: pd.DataFrame) -> Said:
        """What the model says of rows of a table of features, as far as it is needed."""
        asks = {"labels": self.rule.asks_labels, "scores": self.rule.asks_scores}
        return self.model.say(table[self.columns], **asks)

    def predict(self, table: pd.DataFrame, file: File, spec: PredictionsSpec) -> Predictions:
        """Predictions for rows whose truth a predictions file has."""
        frame = file.frame.assign(**self.rule.apply(self.say(table)))
        return parse(frame, spec, like=file.predictions)


@dataclass(frozen=True, eq=False)
class Head:
    """Head's side: its model was found to give its predictions file."""

    file: File
    table: pd.DataFrame
    """The features of the file's rows, in its order."""
    scorer: Scorer
    classes: tuple[object, ...]
    """The model's."""


@dataclass(frozen=True, eq=False)
class Base:
    """Base's side."""

    scorer: Scorer
    checked: int
    """On how many rows its model was found to give its predictions file."""
    notes: tuple[Reason, ...] = ()


def rescore(job: Job) -> tuple[Rescoring, Columns]:
    """Base's predictions of head's rows, as columns of the predictions file.

    Raises:
        AssayError: It cannot be done, or not so that the result is sure to be right.
    """
    head = prepare(job)
    base = prepare_base(job, head)
    rule = base.scorer.rule
    said = base.scorer.say(head.table)
    columns = rule.apply(said)
    notes = [*head.scorer.model.notes, *base.scorer.model.notes, *base.notes]
    if rule.threshold is not None and (unsure := rule.unsure(said)):
        low, high = rule.margin
        notes.append(
            note(
                f"{unsure:,} of base's scores lie between {low:g} and {high:g}, where base's file "
                f"does not tell which label they get: {rule.threshold:g} is taken as the threshold."
            )
        )
    fact = Rescoring(
        model=printable(job.base_model or ""),
        rows=len(head.table),
        checked=base.checked,
        threshold=rule.threshold,
        head_threshold=head.scorer.rule.threshold,
        notes=tuple(notes),
    )
    return fact, columns


def prepare(job: Job) -> Head:
    """Load head's side, and check that its model gives its predictions.

    Raises:
        AssayError: Something is missing or damaged, or the model does not.
    """
    root = Path(job.root)
    return reproduced(
        models.load(root / job.model, shown=printable(job.model), root=root), root, job.predictions
    )


def reproduced(model: Model, root: Path, spec: PredictionsSpec) -> Head:
    """Check that a model gives a predictions file.

    Raises:
        NotReproducedError: It does not.
        AssayError: Something is missing or damaged.
    """
    file = _file(root, spec, like=None)
    table = _table(root, spec, file)
    columns = model.columns(table, apart=[*spec.key, spec.truth])
    said = model.say(table[columns])
    what = f"{model.shown} does not give {printable(spec.path)}"
    rule = _learned(said, file, spec, f"{what} from {printable(spec.features or '')}")
    return Head(file, table, Scorer(model, columns, rule), said.classes)


def prepare_base(job: Job, head: Head) -> Base:
    """Load base's model, and find out how base's predictions follow from it.

    It is asked for rows of which base's predictions are known: with head's code, packages and
    features it must say what it said at base, or what it says of other rows is worth nothing.

    Raises:
        AssayError: Something is missing or damaged, or the model says something else.
    """
    spec, root = job.predictions, Path(job.base_root)
    if job.base_model is None:
        raise ModelError("Base has no model, or several and none that is declared.")
    file = _file(root, spec, like=head.file.predictions)
    shown = f"Base's {printable(job.base_model)}"
    model = models.load(root / job.base_model, shown=shown, root=Path(job.root))
    columns = model.columns(head.table, apart=[*spec.key, spec.truth])
    found = align(head.file.frame, file.frame, truth=spec.truth, key=spec.key or None)
    if found.shared and (found.by_key or found.same):
        said = model.say(head.table.iloc[found.head_rows][columns])
        what = (
            f"Base's model does not give base's predictions from head's features of the "
            f"{found.shared:,} rows that are in both"
        )
        hint = "Features, code or packages that the model depends on have changed."
        rule = _learned(said, file.rows(found.base_rows), spec, what, whole=file, hint=hint)
        return Base(Scorer(model, columns, agreed(rule, head.scorer.rule)), found.shared)
    if (root / (spec.features or "")).is_file():
        table = _table(root, spec, file)
        what = "Base's model does not give base's predictions with head's code and packages"
        rule = _learned(model.say(table[columns]), file, spec, what)
        message = "No row is in both revisions: that features still mean the same is not checked."
        scorer = Scorer(model, columns, agreed(rule, head.scorer.rule))
        return Base(scorer, len(table), (note(message),))
    classes = model.say(head.table[:1][columns]).classes
    if classes != head.classes:
        raise ModelError(
            f"{shown} knows the classes {listed(classes)}, head's {listed(head.classes)}."
        )
    message = "Base's model could not be held against predictions of its own."
    rule = agreed(moved(head.scorer.rule, file), head.scorer.rule)
    return Base(Scorer(model, columns, rule), 0, (note(message),))


def _learned(
    said: Said,
    file: File,
    spec: PredictionsSpec,
    what: str,
    *,
    whole: File | None = None,
    hint: str | None = None,
) -> Rule:
    try:
        return learn(said, file, spec, whole=whole)
    except NotReproducedError as error:
        raise NotReproducedError(f"{what}: {error.message}.", hint=hint) from error


def note(message: str) -> Reason:
    """Something that a reader should know, and that is wrong with nothing."""
    return Reason(message=message, severity="note")


def _read(path: Path, shown: str) -> pd.DataFrame:
    return text_names(reader.read(path, backend="pandas", shown=shown))


def _file(root: Path, spec: PredictionsSpec, *, like: Predictions | None) -> File:
    """A predictions file; base's where head's is given."""
    shown = f"{'Base: ' if like else ''}{printable(spec.path)}"
    frame = _read(root / spec.path, shown)
    try:
        return File(frame, parse(frame, spec, like=like))
    except DataError as error:
        raise DataError(f"{shown}: {error.message.rstrip('.')}.", hint=error.hint) from error


def _table(root: Path, spec: PredictionsSpec, file: File) -> pd.DataFrame:
    name = spec.features or ""
    table = _read(root / name, printable(name))
    return on_rows_of(table, file.frame, key=spec.key, shown=printable(name))
