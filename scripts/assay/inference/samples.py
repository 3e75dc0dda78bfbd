"""The rows of head and base that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from assay.config import Config
    from assay.evaluation import Found
    from assay.ownmetrics import OwnMetric
    from assay.pairing import Paired
    from assay.stats.difference import Settings
    from assay.stats.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one revision."""

    table: pd.DataFrame
    predictions: Predictions
    groups: NDArray[np.intp] | None = None
    mask: NDArray[np.bool_] | None = None
    """Which rows of the table; `None` for all."""

    @property
    def frame(self) -> pd.DataFrame:
        """The rows of the table; only the user's own metrics need them."""
        return self.table if self.mask is None else self.table.loc[self.mask]

    @property
    def units(self) -> int:
        """How many rows, or groups of rows."""
        return len(self.predictions) if self.groups is None else len(set(self.groups.tolist()))

    def subset(self, mask: NDArray[np.bool_]) -> Sample:
        """Some of all rows."""
        groups = None if self.groups is None else self.groups[mask]
        return Sample(self.table, self.predictions.subset(mask), groups, mask)


@dataclass(frozen=True, eq=False)
class Samples:
    """The rows that are compared.

    Args:
        head: Of this change.
        base: `None` without a baseline.
        paired: Whether base's rows are head's, in the same order.
        config: Rules, confidence, seed.
        own: The user's own metrics.
    """

    head: Sample
    base: Sample | None
    paired: bool
    config: Config
    own: Mapping[str, OwnMetric]

    @cached_property
    def settings(self) -> Settings:
        """How sure is sure."""
        from assay.stats.difference import Settings

        wanted = self.config.statistics
        return Settings(confidence=wanted.confidence, resamples=wanted.resamples, seed=wanted.seed)


def samples(
    head: Found, paired: Paired | None, config: Config, own: Mapping[str, OwnMetric]
) -> Samples | None:
    """The rows that are compared; `None` without predictions at head.

    Raises:
        PredictionsError: The column `group` is missing, or has rows without a value.
    """
    if head.frame is None or head.predictions is None:
        return None
    group = config.predictions.group if config.predictions else None
    first = Sample(head.frame, head.predictions, _groups(head.frame, group))
    second = None
    is_paired = paired is not None and paired.is_paired
    if paired is not None and paired.base.frame is not None and paired.base.predictions is not None:
        groups = first.groups if is_paired else _groups(paired.base.frame, group)
        second = Sample(paired.base.frame, paired.base.predictions, groups)
    return Samples(first, second, is_paired, config, own)


def _groups(frame: pd.DataFrame, column: str | None) -> NDArray[np.intp] | None:
    if column is None:
        return None
    import pandas as pd

    from assay.stats.columns import PredictionsError, pick, require

    require(frame, [column])
    codes, _ = pd.factorize(pick(frame, column))
    if (codes < 0).any():
        missing = int((codes < 0).sum())
        raise PredictionsError(f"the group column {column!r} has no value in {missing:,} rows")
    return codes
