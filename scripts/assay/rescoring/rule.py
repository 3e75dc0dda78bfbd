"""How a predictions file follows from what a model says: columns, spelling, rounding, threshold.

Between the model and the file stands code of the user's that we do not run: it picks a column of
`predict_proba`, rounds, names classes, applies a threshold. All of it can be told from the file.
What was told is then checked on every row, so that a wrong guess is an error and never a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from assay.models import ModelError, Said
from assay.stats.columns import Kind, Label, label_as, listed, read
from assay.stats.predictions import THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from assay.config import PredictionsSpec
    from assay.stats.predictions import Predictions

MOST_DECIMALS = 10
"""Numbers with more are taken as not rounded."""
TOLERANCE = 1e-6
"""Of scores, and of predicted values relative to the largest: what float32 and CSV lose."""
COARSE = 0.05
"""Rounding to more than this share of the standard deviation leaves nothing to check."""

Columns: TypeAlias = "dict[str, NDArray[Any]]"


class NotReproducedError(ModelError):
    """A model does not give what the predictions file says."""


@dataclass(frozen=True, eq=False)
class File:
    """Rows of a predictions file, raw and checked."""

    frame: pd.DataFrame
    predictions: Predictions

    def rows(self, positions: NDArray[np.intp]) -> File:
        """Some of the rows."""
        return File(self.frame.iloc[positions], self.predictions.subset(positions))


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule:
    """From what a model says to the columns of a predictions file."""

    labels: tuple[Label, ...] = ()
    """What the file calls each class of the model."""
    kind: Kind = "number"
    """Of the file's labels."""
    scores: tuple[tuple[str, Label], ...] = ()
    """Columns of scores, and the class that each is of."""
    prediction: str | None = None
    """The column of labels or values."""
    decimals: int | None = None
    """To which the file rounds; `None` where it does not."""
    threshold: float | None = None
    """A row is `positive` from this score on; `None` where `predict` says the label."""
    margin: tuple[float, float] = (math.nan, math.nan)
    """The highest score below the threshold, and the lowest one from it on."""
    positive: Label | None = None
    negative: Label | None = None

    @property
    def asks_labels(self) -> bool:
        """Whether the model's `predict` is needed."""
        return self.prediction is not None and self.threshold is None

    @property
    def asks_scores(self) -> bool:
        """Whether the model's scores are needed."""
        return bool(self.scores) or self.threshold is not None

    def apply(self, said: Said) -> Columns:
        """The columns of the file.

        Raises:
            ModelError: The model does not say what the file has.
        """
        columns = {name: self.rounded(self._score(said, label)) for name, label in self.scores}
        if self.prediction is not None:
            columns[self.prediction] = self._predicted(said)
        return columns

    def rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """As the file rounds."""
        return values if self.decimals is None else np.round(values, self.decimals)

    def unsure(self, said: Said) -> int:
        """How many rows lie where the file does not tell on which side of the threshold."""
        if self.threshold is None or self.positive is None:
            return 0
        score = self.rounded(self._score(said, self.positive))
        return int(np.count_nonzero((score > self.margin[0]) & (score < self.margin[1])))

    def _score(self, said: Said, label: Label) -> NDArray[np.float64]:
        if said.scores is None:
            raise ModelError("the model gives no scores: it has no `predict_proba`")
        if label not in self.labels:
            if not said.probability:
                raise ModelError(f"the model does not know the class {label!r}")
            return np.zeros(len(said.scores))
        return said.scores[:, self.labels.index(label)]

    def _predicted(self, said: Said) -> NDArray[Any]:
        if self.threshold is not None and self.positive is not None:
            above = self.rounded(self._score(said, self.positive)) >= self.threshold
            return np.array([self.negative, self.positive])[above.astype(np.intp)]
        if said.labels is None:
            raise ModelError("the model was not asked for labels")
        if not self.labels and self.kind == "number" and said.labels.dtype.kind == "f":
            return self.rounded(said.labels.astype(np.float64))
        values, at = np.unique(said.labels, return_inverse=True)
        return np.array([self._label(value, said.classes) for value in values.tolist()])[at]

    def _label(self, value: object, classes: tuple[Any, ...]) -> Label:
        if value in classes:
            return self.labels[classes.index(value)]
        found = label_as(value, self.kind)
        if found is None:
            raise ModelError(f"the model predicts {value!r}, which the file cannot hold")
        return found


def learn(said: Said, file: File, spec: PredictionsSpec, *, whole: File | None = None) -> Rule:
    """The rule by which a file follows from what its model said of the same rows.

    Args:
        said: What the model says of the rows of `file`.
        file: Those rows.
        spec: Which columns.
        whole: All rows of the file, where `file` is some of them: a threshold is known better.

    Raises:
        NotReproducedError: There is none; by how much the best guess is off.
    """
    if file.predictions.task == "regression":
        return _regression(said, file, spec)
    problem: NotReproducedError | None = None
    for labels in _spellings(said.classes, file.predictions):
        try:
            return _classification(said, file, spec, labels=labels, whole=whole or file)
        except NotReproducedError as error:
            problem = problem or error
    assert problem is not None  # noqa: S101 (there is at least one spelling)
    raise problem


def moved(rule: Rule, file: File) -> Rule:
    """A rule for a file whose model could not be asked: with the threshold of its own labels."""
    margin = _written_margin(file)
    if rule.prediction is None or not rule.scores or margin is None:
        return rule
    if rule.threshold is None and _may_be_predict(margin, file):
        return rule
    return _at_threshold(rule, margin, file)


def agreed(rule: Rule, head: Rule) -> Rule:
    """Base's rule, with head's threshold if that can be base's too: most changes leave it alone."""
    low, high = max(rule.margin[0], head.margin[0]), min(rule.margin[1], head.margin[1])
    if rule.threshold is None or head.threshold is None or low >= high:
        return rule
    return replace(rule, threshold=roundest(low, high))


def _regression(said: Said, file: File, spec: PredictionsSpec) -> Rule:
    name = spec.prediction or ""
    if said.labels is None or said.labels.dtype.kind not in "fiub":
        raise NotReproducedError("the model does not predict numbers")
    values = read(file.frame, name, "prediction").as_numbers()
    decimals = _decimals(values)
    _same(name, said.labels.astype(np.float64), values, decimals)
    return Rule(prediction=name, decimals=decimals)


def _spellings(classes: tuple[Any, ...], file: Predictions) -> Iterator[tuple[Label, ...]]:
    """What the file may call each class of the model: the same, or by the order of both."""
    kind = _kind(file)
    named = tuple(label_as(value, kind) for value in classes)
    known = [label for label in named if label is not None]
    if not classes or (len(known) == len(named) and set(known) & set(file.classes)):
        yield tuple(known)
        return
    if len(classes) == len(file.classes):
        yield file.classes
        if len(classes) == 2:
            yield file.classes[::-1]
        return
    raise NotReproducedError(
        f"the model's classes are {listed(classes)} and the file's {listed(file.classes)}"
    )


def _kind(file: Predictions) -> Kind:
    first = file.classes[0]
    return "boolean" if isinstance(first, bool) else "text" if isinstance(first, str) else "number"


def _classification(
    said: Said, file: File, spec: PredictionsSpec, *, labels: tuple[Label, ...], whole: File
) -> Rule:
    predictions = file.predictions
    scores = tuple(_score_columns(spec, predictions))
    written = {name: read(whole.frame, name, "score").as_numbers() for name, _ in scores}
    decimals = _decimals(np.concatenate(list(written.values()))) if written else None
    rule = Rule(labels=labels, kind=_kind(predictions), scores=scores)
    if scores and said.scores is None:
        raise NotReproducedError("the file has scores, and the model gives none")
    for name, column in rule.apply(said).items():
        _same(name, column, read(file.frame, name, "score").as_numbers(), decimals)
    rule = replace(rule, decimals=decimals, prediction=spec.prediction)
    return rule if spec.prediction is None else _with_labels(rule, said, file, whole)


def _score_columns(spec: PredictionsSpec, predictions: Predictions) -> Iterator[tuple[str, Label]]:
    if isinstance(spec.score, Mapping):
        for key, name in spec.score.items():
            label = label_as(key, _kind(predictions))
            if label is not None:
                yield name, label
    elif spec.score is not None and predictions.positive is not None:
        yield spec.score, predictions.positive


def _with_labels(rule: Rule, said: Said, file: File, whole: File) -> Rule:
    """The rule, with how labels are made: by `predict`, or by a threshold of the score."""
    predictions = file.predictions
    differ = _labels_that_differ(rule, said, file)
    margin = _written_margin(whole)
    if not differ and (whole is file or margin is None or _may_be_predict(margin, whole)):
        return rule
    problem = f"{differ:,} of {len(predictions):,} labels are not those of `predict`"
    code = predictions.positive_code
    if code is None or said.scores is None:
        raise NotReproducedError(problem)
    if not rule.scores:  # the score is not in the file
        positive = predictions.classes[code]
        at = rule.labels.index(positive) if positive in rule.labels else 1
        margin = _margin(said.scores[:, at], np.asarray(predictions.prediction == code))
    if margin is None:
        raise NotReproducedError(f"{problem}, and no threshold of the score gives them")
    rule = _at_threshold(rule, margin, file)
    if differ := _labels_that_differ(rule, said, file):
        raise NotReproducedError(
            f"{differ:,} of {len(predictions):,} labels are not those of a threshold"
        )
    return rule


def _at_threshold(rule: Rule, margin: tuple[float, float], file: File) -> Rule:
    code = file.predictions.positive_code
    assert code is not None  # noqa: S101 (or there would be no margin)
    positive, negative = file.predictions.classes[code], file.predictions.classes[1 - code]
    return replace(
        rule, threshold=roundest(*margin), margin=margin, positive=positive, negative=negative
    )


def _written_margin(file: File) -> tuple[float, float] | None:
    """Between which scores of a file its threshold lies, if it has one."""
    predictions = file.predictions
    code = predictions.positive_code
    if code is None or predictions.score is None or predictions.prediction is None:
        return None
    return _margin(predictions.score, predictions.prediction == code)


def _may_be_predict(margin: tuple[float, float], file: File) -> bool:
    """Whether labels can be those of scikit-learn's `predict`: of probabilities, from 0.5 on."""
    return file.predictions.score_problem is not None or margin[0] < THRESHOLD <= margin[1]


def _labels_that_differ(rule: Rule, said: Said, file: File) -> int:
    predictions = file.predictions
    assert rule.prediction is not None  # noqa: S101 (the caller has set it)
    found = rule.apply(said)[rule.prediction]
    values, at = np.unique(found, return_inverse=True)
    codes = {label: code for code, label in enumerate(predictions.classes)}
    coded = np.array([codes.get(value, -1) for value in values.tolist()])[at]
    return int(np.count_nonzero(coded != predictions.prediction))


def _margin(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The highest score of a negative row, and the lowest of a positive one, if that is higher."""
    if positive.all() or not positive.any():
        return None  # any threshold outside of the scores would do
    low, high = float(score[~positive].max()), float(score[positive].min())
    return (low, high) if low < high else None


def roundest(low: float, high: float) -> float:
    """The number with the fewest decimals that is above `low` and at most `high`."""
    middle = (low + high) / 2
    for decimals in range(17):
        # Around the middle, and at the upper end, which is allowed itself.
        candidates = [round(middle, decimals), math.floor(high * 10.0**decimals) / 10.0**decimals]
        inside = [value for value in candidates if low < value <= high]
        if inside:
            return min(inside, key=lambda value: abs(value - middle))
    return high


def _decimals(values: NDArray[np.float64]) -> int | None:
    """To how many decimals all values are rounded."""
    for decimals in range(MOST_DECIMALS + 1):
        rest = np.abs(np.round(values, decimals) - values)
        if (rest <= 1e-14 * np.maximum(1, np.abs(values))).all():
            return decimals
    return None


def _same(
    name: str, found: NDArray[np.float64], written: NDArray[np.float64], decimals: int | None
) -> None:
    """Fail unless a column, not rounded, is what the file has, up to its rounding."""
    scale = max(1.0, float(np.abs(written).max(initial=0)))
    exact = TOLERANCE * scale
    rounding = 0.0 if decimals is None else 0.5 * 10.0**-decimals
    off = np.abs(found - written)
    # What is not a number is never within the tolerance.
    if (off <= exact).all():
        return
    if rounding > COARSE * float(np.std(written)):
        raise NotReproducedError(
            f"{name!r} has {decimals} decimals, too few to tell whether the model gives it"
        )
    wrong = ~(off <= exact + rounding)
    if wrong.any():
        raise NotReproducedError(
            f"{int(wrong.sum()):,} of {wrong.size:,} values of {name!r} differ, by up to "
            f"{float(np.nan_to_num(off[wrong]).max()):.3g}"
        )
