"""Whether the features together changed: can a classifier tell the window from the reference?

Where no feature moves by itself but what they have to do with each other does, a classifier that is
asked from which side a row comes is right more often than by chance. It is trained on one half of
both sides and asked about the other, and the other way round; so its area under the ROC curve is of
rows that it has not seen, and is 0.5 between equal distributions. The interval is DeLong's.

Rabanser, Guennemann and Lipton (2019), "Failing Loudly", section 3; NannyML's domain classifier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.monitor.performance import normal_question
from assay.stats.areas import areas_alone
from assay.stats.difference import Settings
from assay.stats.predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from assay.monitor.verdict import Question

BOUND = 0.1
"""An area of so much more than 0.5 is no drift; NannyML alarms from 0.65 on, by default."""
MOST_ROWS = 10_000
"""Of each side; more make it slow, and surer than anybody needs."""
LEAST_ROWS = 100
_MOST_CODES = 254
"""Categories that the trees tell apart."""


@dataclass(frozen=True)
class Separation:
    """How well a classifier tells the window from the reference."""

    auc: float
    error: float
    """Standard error."""
    rows: int
    reference_rows: int

    def question(self, *, bound: float = BOUND, confidence: float = 0.95) -> Question:
        """Whether that is more than it may be; the effect is what it is above 0.5."""
        return normal_question(
            "all features",
            self.auc - 0.5,
            self.error,
            about="features together",
            bound=bound,
            rows=(self.rows, self.reference_rows),
            confidence=confidence,
        )


def separation(
    reference: pd.DataFrame, window: pd.DataFrame, *, seed: int = 0, most: int = MOST_ROWS
) -> Separation | None:
    """Train and ask the classifier; `None` where a side has fewer than `LEAST_ROWS` rows.

    Args:
        reference: Rows where the model was tested, with the columns of `window`.
        window: Rows of production.
        seed: Of the samples and of the halves.
        most: Rows of each side that are used.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    if min(len(reference), len(window)) < LEAST_ROWS:
        return None
    chance = np.random.default_rng(seed)
    sides = [
        side.iloc[np.sort(chance.choice(len(side), size=min(most, len(side)), replace=False))]
        for side in (reference, window)
    ]
    table, categorical = _coded(*sides)
    new = np.repeat([False, True], [len(side) for side in sides])
    half = np.concatenate([chance.permutation(len(side)) % 2 for side in sides]).astype(np.bool_)
    found = []
    for held in (half, ~half):
        model = HistGradientBoostingClassifier(
            max_iter=50, max_leaf_nodes=15, random_state=seed, categorical_features=categorical
        )
        model.fit(table[~held], new[~held])
        found.append(_area(model.predict_proba(table[held])[:, 1], new[held]))
    return Separation(
        auc=sum(value for value, _ in found) / 2,
        error=math.hypot(*(error for _, error in found)) / 2,
        rows=len(sides[1]),
        reference_rows=len(sides[0]),
    )


def _coded(reference: pd.DataFrame, window: pd.DataFrame) -> tuple[NDArray[np.float64], list[bool]]:
    """Both sides as numbers: of text the most frequent values have a code, others are missing."""
    import pandas as pd

    columns, categorical = [], []
    for name in reference.columns:
        both = pd.concat([reference[name], window[name]], ignore_index=True)
        is_number = pd.api.types.is_numeric_dtype(both.dtype)
        if is_number:
            columns.append(both.to_numpy(dtype=np.float64, na_value=np.nan))
        else:
            texts = both.astype("string")
            listed = texts.value_counts().index[:_MOST_CODES]
            codes = listed.get_indexer(pd.Index(texts)).astype(np.float64)
            columns.append(np.where(codes < 0, np.nan, codes))
        categorical.append(not is_number)
    return np.column_stack(columns), categorical


def _area(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """The area and its standard error."""
    predictions = Predictions(
        task="binary",
        truth=positive.astype(np.intp),
        prediction=None,
        score=score,
        classes=(0, 1),
        positive=1,
    )
    found = areas_alone(predictions, metrics=["roc_auc"], settings=Settings())["roc_auc"]
    return found.head, found.standard_error
