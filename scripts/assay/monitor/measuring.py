"""The performance of a window: with the labels that came, and estimated while they have not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.configmodels import Column
from assay.console import printable
from assay.monitor import deciding, estimated, estimatedclasses, model, performance
from assay.monitor.labels import text
from assay.monitor.model import PREDICTION, TRUTH
from assay.monitor.performance import Known
from assay.monitor.watched import Measured
from assay.packaging import kept as keeping
from assay.stats.catalogue import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.config import SliceSpec
    from assay.monitor.baseline import Side
    from assay.monitor.estimated import Estimate
    from assay.monitor.model import Model
    from assay.monitor.verdict import Question
    from assay.stats.difference import Settings
    from assay.stats.predictions import Predictions


UNKNOWN = "How well the model does is not known: there are too few labels, and no estimate."


@dataclass(frozen=True)
class Asked:
    """What is asked of the performance, of every window alike."""

    model: Model
    allowed: Mapping[str, float]
    """By metric, how much it may lose."""
    settings: Settings
    slices: Sequence[SliceSpec] = ()
    least_rows: int = 500


@dataclass(frozen=True)
class Found:
    """What it came to."""

    questions: tuple[Question, ...] = ()
    metrics: tuple[Measured, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    """What could not be told."""

    def and_(self, other: Found) -> Found:
        """Both."""
        return Found(
            self.questions + other.questions,
            self.metrics + other.metrics,
            self.notes + other.notes,
            self.doubts + other.doubts,
        )


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows that are judged: all, or a slice."""

    window: Predictions
    reference: Predictions | None
    slice: str | None = None
    known: Mapping[str, Known] | None = None
    """Of a slice without rows of a reference."""


def with_labels(asked: Asked, window: pd.DataFrame, side: Side) -> Found:
    """Of rows that have a label.

    Args:
        asked: What is asked.
        window: Features by name, `prediction.NAME`, and `TRUTH`, without missing values there.
        side: The reference.
    """
    from assay.stats.columns import PredictionsError

    if not asked.allowed:
        return Found()
    try:
        own = model.predictions(window, asked.model)
        labelled = side.labelled
        base = None if labelled is None else model.predictions(labelled, asked.model)
    except PredictionsError as error:
        why = printable(error.message).replace(f" '{TRUTH}'", "")  # a name of ours
        return Found(doubts=(f"the labels do not fit the predictions: {why}",))
    rule = _kept_rule(asked) if base is None else deciding.of(base)
    asked, lost = _comparable(asked, own=deciding.of(own), base=rule)
    if not asked.allowed:
        return Found(notes=lost)
    found = _judged(asked, _Part(own, base)).and_(Found(notes=lost))
    parts, notes = _slices(asked, window, labelled, own, base)
    for part in parts:
        # What all rows cannot give is said once.
        found = found.and_(replace(_judged(asked, part), doubts=()))
    return found.and_(Found(notes=notes))


def _kept_rule(asked: Asked) -> bool | None:
    return asked.model.kept.by_largest if asked.model.kept else None


def _comparable(
    asked: Asked, *, own: bool | None, base: bool | None
) -> tuple[Asked, tuple[str, ...]]:
    """What can be asked where labels were decided by these rules; and a note on what cannot."""
    if own is None or base is None or own == base:
        return asked, ()
    lost = [name for name in asked.allowed if _is_of_labels(name)]
    if not lost:
        return asked, ()
    rest = {name: loss for name, loss in asked.allowed.items() if name not in lost}
    note = (
        f"Not compared: {', '.join(lost)}. The model's labels were decided by another rule where "
        "it was tested, as a threshold of its own."
    )
    return replace(asked, allowed=rest), (note,)


def _is_of_labels(metric: str) -> bool:
    known = find(metric)
    return known is not None and known.needs == "prediction"


def _judged(asked: Asked, part: _Part) -> Found:
    from assay.stats.alone import intervals
    from assay.stats.metrics import compute

    names = list(asked.allowed)
    values = compute(part.window, metrics=names).values
    around = intervals(part.window, metrics=list(values), settings=asked.settings)
    known = asked.model.known if part.known is None else part.known
    if part.reference is None:
        questions, without = performance.against_known(
            part.window, known, allowed=asked.allowed, settings=asked.settings
        )
        base = {name: one.value for name, one in known.items()}
    else:
        questions, without = performance.questions(
            part.window, part.reference, allowed=asked.allowed, settings=asked.settings
        )
        base = dict(compute(part.reference, metrics=names).values)
    metrics = tuple(
        Measured(
            metric=name,
            value=value,
            low=around[name].low if name in around else value,
            high=around[name].high if name in around else value,
            reference=base.get(name),
            rows=len(part.window),
            slice=part.slice,
        )
        for name, value in values.items()
    )
    doubts = tuple(
        f"{name} of the labelled rows is not known: {why}" for name, why in without.items()
    )
    return Found(tuple(_named(questions, part.slice)), metrics, doubts=doubts)


def _named(questions: Iterable[Question], slice_: str | None) -> Iterable[Question]:
    if slice_ is None:
        return questions
    return [one.model_copy(update={"name": f"{one.name} ({slice_})"}) for one in questions]


def _slices(
    asked: Asked,
    window: pd.DataFrame,
    labelled: pd.DataFrame | None,
    own: Predictions,
    base: Predictions | None,
) -> tuple[list[_Part], tuple[str, ...]]:
    """Slices that have enough rows on both sides."""
    from assay.stats.columns import PredictionsError
    from assay.stats.slicing import slices

    known = _known_slices(asked)
    parts: list[_Part] = []
    missing = [name for one in asked.slices if (name := _missing(one, window)) is not None]
    notes = [_no_slices(missing)] if missing else []
    for spec in asked.slices:
        if _missing(spec, window) is not None:
            continue
        try:
            here = slices(window, [spec], min_rows=asked.least_rows)
            there = here if labelled is None else here.of(labelled)
        except PredictionsError as error:
            notes.append(f"A slice cannot be made: {printable(error.message)}.")
            continue
        for one, other in zip(here, there, strict=True):
            part = own.subset(one.mask)
            if base is None and one.name in known:
                parts.append(_Part(part, None, one.name, known[one.name]))
            elif base is not None and other.rows >= asked.least_rows:
                parts.append(_Part(part, base.subset(other.mask), one.name))
    return parts, tuple(notes)


def _missing(spec: SliceSpec, window: pd.DataFrame) -> str | None:
    """The column of a slice, where the table has none of that name."""
    if not isinstance(spec, Column) or spec.column in window.columns:
        return None
    return spec.column


def _no_slices(columns: Sequence[str]) -> str:
    """One sentence for all: the slices of the gates may be of columns that no request has."""
    named = ", ".join(map(printable, columns))
    return f"There are no slices by {named}: the model has no such feature."


def _known_slices(asked: Asked) -> dict[str, dict[str, Known]]:
    """By slice what the bundle keeps of it, where that rests on enough rows."""
    kept = asked.model.kept
    if kept is None or kept.confidence is None:
        return {}
    return {
        one.name: {
            name: Known(span.value, span.low, span.high, kept.confidence, one.rows)
            for name, span in one.metrics.items()
        }
        for one in kept.slices
        if one.rows >= asked.least_rows
    }


def without_labels(asked: Asked, window: pd.DataFrame, side: Side) -> Found:
    """Estimated from the model's own probabilities.

    Args:
        asked: What is asked.
        window: `prediction.NAME` of rows.
        side: The reference.
    """
    learned = _learned(asked, side)
    if learned is None:
        return Found(notes=(UNKNOWN,))
    classes, calibrations, expected, rule = learned
    answers = _answers(window, classes)
    if answers is None:
        return Found(notes=(UNKNOWN,))
    asked, lost = _comparable(asked, own=deciding.by_largest(*answers), base=rule)
    own = _estimates(*answers, asked, calibrations)
    questions = estimated.questions(
        own, expected, allowed=asked.allowed, confidence=asked.settings.confidence
    )
    by_name = {one.name: one for one in questions}
    if not questions:
        return Found(notes=(*lost, UNKNOWN))
    metrics = tuple(
        Measured(
            metric=name,
            value=one.value,
            low=one.value - _reach(asked) * one.error,
            high=one.value + _reach(asked) * one.error,
            reference=expected[name].value,
            rows=one.rows,
            estimated=True,
        )
        for name, one in own.items()
        if name in by_name
    )
    return Found(tuple(questions), metrics, lost)


def _reach(asked: Asked) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + asked.settings.confidence) / 2))


def _learned(asked: Asked, side: Side) -> Any:
    """Classes, calibrations, estimates and rule of the reference; `None` where there are none."""
    if side.labelled is not None:
        from assay.stats.columns import PredictionsError

        try:
            rows = model.predictions(side.labelled, asked.model)
        except PredictionsError:
            rows = None
        if rows is not None and rows.score is not None and rows.score_problem is None:
            found = keeping.learned(rows)
            return (*found, deciding.of(rows)) if found[1] else None
    kept = asked.model.kept
    if kept is None or not kept.calibrations:
        return None
    return kept.classes, keeping.calibrations(kept), keeping.estimates(kept), kept.by_largest


def _answers(
    window: pd.DataFrame, classes: Sequence[Any]
) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
    """Scores and what was said, of rows whose probabilities are finite; `None` without any."""
    names = [f"{PREDICTION}probabilities[{one}]" for one in classes]
    if any(name not in window.columns for name in names):
        return None
    score = window[names].to_numpy(dtype=np.float64, na_value=np.nan)
    good = np.isfinite(score).all(axis=1)
    return (score[good], _said(window[good], classes, score[good])) if good.any() else None


def _estimates(
    score: NDArray[np.float64],
    said: NDArray[np.intp],
    asked: Asked,
    calibrations: Sequence[Any],
) -> dict[str, Estimate]:
    """What the labels are expected to give."""
    if score.shape[1] == 1:
        wanted = [name for name in asked.allowed if name in estimated.METRICS]
        return estimated.estimates(score[:, 0], said == 0, calibrations[0], metrics=wanted)
    wanted = [name for name in asked.allowed if name in estimatedclasses.NAMES]
    return estimatedclasses.estimates(score, said, calibrations, metrics=wanted)


def _said(
    window: pd.DataFrame, classes: Sequence[Any], score: NDArray[np.float64]
) -> NDArray[np.intp]:
    """(n,): the position in `classes` of what the model said; -1 for none of them."""
    name = f"{PREDICTION}label"
    if name not in window.columns:
        if len(classes) == 1:
            return np.where(score[:, 0] >= 0.5, 0, -1).astype(np.intp)
        return np.asarray(score.argmax(axis=1), dtype=np.intp)
    places = {str(one): place for place, one in enumerate(classes)}
    texts = window[name].map(text)
    return np.asarray(texts.map(places).fillna(-1).to_numpy(dtype=np.intp))
