"""Rows that are newer than all that either model was trained on: what a retraining is judged by.

A champion is at home in the data that it learned from, and a candidate in what came since. Only
rows that are newer than the training data of both are fair to both. Where the pipeline sets the
newest rows aside, its evaluation set is made of nothing else: then that is said, and no second set
is made. Otherwise the gates are held against the newer rows once more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from assay.console import printable
from assay.errors import AssayError, DataError
from assay.evidence import Evidence
from assay.inference import metrics, samples
from assay.section import Fact, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from assay.config import Config
    from assay.configmonitor import RecentSpec
    from assay.evaluation import Found
    from assay.ownmetrics import OwnMetric
    from assay.pairing import Paired

WHERE = "rows newer than the training data"
"""What these rows are called, as a slice is by its condition."""


class Recent(Fact):
    """Both models on the rows that are newer than what either was trained on."""

    column: str
    """That puts rows in order."""
    trained_until: str
    """The largest value of it in the training data of either model."""
    rows: int
    """That are newer."""
    of: int
    """How many were evaluated."""
    first: str | None = None
    """The smallest value in these rows."""
    last: str | None = None
    """The largest."""
    evidence: tuple[Evidence, ...] = ()
    """One for each metric that matters and that these rows give."""
    no_evidence: dict[str, str] = Field(default_factory=dict)
    """Metrics without, and why."""

    @property
    def whole(self) -> bool:
        """Whether the whole evaluation set is newer: then its gates are these gates."""
        return self.rows == self.of


def recent(
    head: Found,
    paired: Paired | None,
    config: Config,
    folders: tuple[Path, Path],
    *,
    measured: Sequence[str],
    own: Mapping[str, OwnMetric],
) -> tuple[Recent | None, tuple[Reason, ...]]:
    """Both models on rows that neither knows; nothing where `retrain.recent` is not set.

    Args:
        head: This change.
        paired: Base, as it is compared.
        config: What is asked for.
        folders: Head's files, and base's.
        measured: The metrics that head's rows give, in order.
        own: The user's own metrics.
    """
    spec = config.retrain.recent
    if spec is None or paired is None or head.frame is None:
        return None, ()
    if not paired.is_paired:
        why = "Base's model could not be asked about head's rows, so newer ones cannot be compared."
        return None, (_warning(why),)
    try:
        rows = samples.samples(head, paired, config, own)
        if rows is None or rows.base is None:
            return None, ()
        until, evaluated = _times(head.frame, config, folders, spec)
    except AssayError as error:
        return None, (Reason.of(error, severity="warning"),)
    mask = evaluated.values > until.last
    found = Recent(
        column=spec.time,
        trained_until=until.shown(until.last),
        rows=int(mask.sum()),
        of=len(mask),
    )
    if not found.rows:
        why = (
            f"No evaluated row is newer than what the models were trained on (`{found.column}` "
            f"until {found.trained_until}), so nothing shows how they do on data that is new to "
            "both."
        )
        return found, (_warning(why),)
    import numpy as np

    kept = evaluated.values[mask]
    part = replace(rows, head=rows.head.subset(mask), base=rows.base.subset(mask))
    wanted = metrics.of_slices(config, measured)
    with np.errstate(over="ignore", invalid="ignore"):  # as of all rows
        evidence, missing = metrics.whole(part, wanted)
    update = {
        "first": evaluated.shown(kept.min()),
        "last": evaluated.shown(kept.max()),
        "evidence": evidence,
        "no_evidence": missing,
    }
    return found.model_copy(update=update), ()


def _times(
    frame: pd.DataFrame, config: Config, folders: tuple[Path, Path], spec: RecentSpec
) -> tuple[_Ordered, _Ordered]:
    """Of what was learned from, by the model that knows newer rows; and of what was evaluated."""
    learned = (
        _ordered(_column(folders[0], spec, ""), spec.trained_on, spec),
        _ordered(_column(folders[1], spec, "Base: "), spec.trained_on, spec),
    )
    evaluated = _ordered(_own_column(frame, config, folders[0], spec), "the evaluated rows", spec)
    if any(one.dates != evaluated.dates for one in learned):
        raise DataError(
            f"`{printable(spec.time)}` is dates in one of the evaluated rows and "
            f"{printable(spec.trained_on)}, and numbers in the other."
        )
    return max(learned, key=lambda one: one.last), evaluated


def _warning(message: str) -> Reason:
    return Reason(message=message, severity="warning", key=("retrain", "recent"))


def _own_column(
    frame: pd.DataFrame, config: Config, folder: Path, spec: RecentSpec
) -> pd.Series[Any]:
    """The column of the evaluated rows: of the predictions file, or of the table of features."""
    from assay.rescoring.table import on_rows_of
    from assay.stats.columns import pick, require, text_names

    predictions = config.predictions
    features = predictions.features if predictions is not None else None
    if spec.time in map(str, frame.columns) or predictions is None or features is None:
        require(frame, [spec.time])
        return pick(frame, spec.time)
    table = _read(folder / features, printable(features), [*predictions.key, spec.time])
    placed = on_rows_of(text_names(table), frame, key=predictions.key, shown=printable(features))
    return pick(placed, spec.time)


def _column(folder: Path, spec: RecentSpec, whose: str) -> pd.Series[Any]:
    """The column of a table that a model was trained on; nothing else of it is kept."""
    shown = f"{whose}{printable(spec.trained_on)}"
    return _read(folder / spec.trained_on, shown, [spec.time])[spec.time]


def _read(path: Path, shown: str, columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    wanted = list(dict.fromkeys(columns))
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path, columns=wanted)
        return pd.read_csv(path, usecols=wanted)
    except FileNotFoundError:
        raise DataError(
            f"{shown} is not there, so which rows are new to both models is not known.",
            key=("retrain", "recent"),
        ) from None
    except (OSError, ValueError, ImportError) as error:
        said = printable(str(error).split("\n", maxsplit=1)[0])[:200]
        names = ", ".join(f"`{printable(name)}`" for name in wanted)
        raise DataError(
            f"{shown}: {names} cannot be read: {said}.", key=("retrain", "recent")
        ) from error


class _Ordered:
    """A column as numbers that sort.

    Args:
        values: float64; dates are nanoseconds since 1970.
        dates: Whether they are dates.
    """

    def __init__(self, values: NDArray[np.float64], *, dates: bool) -> None:
        self.values, self.dates = values, dates
        self.last = float(values.max())

    def shown(self, value: float) -> str:
        """`2012-03-31`, `2012-03-31 06:00`, `8759`."""
        if not self.dates:
            return f"{value:.15g}"
        import pandas as pd

        moment = pd.Timestamp(int(value), unit="ns")
        midnight = moment == moment.normalize()
        return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M}"


def _ordered(column: pd.Series[Any], where: str, spec: RecentSpec) -> _Ordered:
    import numpy as np
    import pandas as pd

    wrong = f"`{printable(spec.time)}` of {printable(where)}"
    key = ("retrain", "recent", "time")
    if column.empty or column.isna().any():
        what = "is empty" if column.empty else f"has no value in {int(column.isna().sum()):,} rows"
        raise DataError(f"{wrong} {what}, so rows cannot be put in order.", key=key)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _Ordered(column.to_numpy(dtype="float64"), dates=False)
    try:
        moments = pd.to_datetime(column, format="ISO8601", utc=True)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{wrong} is neither dates nor numbers.",
            hint="Write dates as 2012-03-31 or 2012-03-31T06:00:00.",
            key=key,
        ) from error
    since = moments - pd.Timestamp(0, tz="UTC")
    nanoseconds = (since / pd.Timedelta(1, "ns")).to_numpy().astype(np.float64)
    return _Ordered(nanoseconds, dates=True)
