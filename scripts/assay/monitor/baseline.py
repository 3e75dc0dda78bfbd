"""What a window is held against: the profile in the bundle, or rows of a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.errors import DataError
from assay.monitor import bounds, frames, model, reference, scan, windows
from assay.monitor.model import DIGEST, FEATURE, PREDICTION, TRUTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from assay.configmonitor import BaselineSpec
    from assay.monitor.model import Model
    from assay.monitor.opening import Rows
    from assay.monitor.window import WindowProfile
    from assay.monitor.windows import Span
    from assay.packaging.profile import Profile

_CHUNKS = 20
_PART = "__assay_part__"


@dataclass(frozen=True, eq=False)
class Side:
    """The reference of a window."""

    profile: Profile
    table: scan.Table | None = None
    """Its rows, where there are some."""
    labelled: pd.DataFrame | None = None
    """Of them those with a truth: features by name, `prediction.NAME`, `TRUTH`."""
    unusable: str | None = None
    """Why nothing can be held against it."""


class Baseline:
    """The reference.

    Args:
        watched: The version.
        spec: Of `assay.yaml`; `None` for the profile in the bundle.
        rows: Those of `spec`.
        private: Whether values must not appear in messages.
    """

    def __init__(
        self, watched: Model, spec: BaselineSpec | None, rows: Rows | None, *, private: bool
    ) -> None:
        self._model, self._spec, self._rows, self._private = watched, spec, rows, private
        self._sides: dict[Span | None, Side | None] = {}

    def of(self, span: Span) -> Side | None:
        """The reference of a window; `None` where it has no row.

        Raises:
            DataError: It cannot be read, or lacks a column.
        """
        season = self._spec.season if self._spec else None
        place = None if season is None else windows.earlier(span, season)
        if place not in self._sides:
            self._sides[place] = self._side(place)
        return self._sides[place]

    def _side(self, span: Span | None) -> Side | None:
        if self._rows is None or self._spec is None:
            return Side(self._model.profile)
        rows = self._rows.of(span)
        if rows is None:
            return None
        table = self._table(rows)
        found = reference.of_table(
            table,
            features=list(table.features),
            predictions=list(table.predictions),
            categorical=self._model.categorical,
        )
        if not found.rows:
            return None
        if self._is_of_others(rows):
            why = "the reference is of another model version than the one that is watched"
            return Side(found, unusable=why)
        return Side(found, table, self._labelled(table))

    def _is_of_others(self, rows: Any) -> bool:
        """Whether the reference is a log, and no row of it is of the version that is watched."""
        if DIGEST not in rows.columns:
            return False
        own = rows.filter(rows[DIGEST] == self._model.digest)
        found: int = scan.answer(own.aggregate(n=own.count()), private=self._private)["n"]
        return found == 0

    def _table(self, rows: Any) -> scan.Table:
        spec, profile = self._spec, self._model.profile
        given = spec.columns if spec else {}
        there = rows.columns
        names = [one.name for one in profile.features]
        features = model.columns(names, FEATURE, given, there)
        if lost := [name for name, column in features.items() if column not in there]:
            raise DataError(
                f"The reference has no column {printable(lost[0])!r}, which the model is given.",
                hint="Name its column in `monitor.reference.columns`, or `ignore` it. There: "
                + ", ".join(printable(str(one)) for one in there[:20]),
                key=("monitor", "reference"),
            )
        said = [one.name for one in profile.predictions]
        predictions = {
            name: column
            for name, column in model.columns(said, PREDICTION, given, there).items()
            if column in there
        }
        return scan.Table(rows, features, predictions, private=self._private)

    def _labelled(self, table: scan.Table) -> pd.DataFrame | None:
        truth = self._spec.truth if self._spec else None
        if truth is None or not table.predictions:
            return None
        if truth not in table.rows.columns:
            raise DataError(
                f"The reference has no column {printable(truth)!r} with the label.",
                hint="Name it as `monitor.reference.truth`. There: "
                + ", ".join(printable(str(one)) for one in table.rows.columns[:20]),
                key=("monitor", "reference", "truth"),
            )
        named = {f"{PREDICTION}{name}": one for name, one in table.predictions.items()}
        columns = {**table.features, **named, TRUTH: truth}
        frame = frames.of(table.rows, columns, private=self._private)
        return frame.dropna(subset=[TRUTH, *named]).reset_index(drop=True)

    def learned(self, least_rows: int) -> tuple[dict[str, float], str | None]:
        """By column the bound that parts of the reference give, and why there is none.

        Args:
            least_rows: Of a part.

        Raises:
            DataError: The reference cannot be read.
        """
        rows = None if self._rows is None else self._rows.of(None)
        whole = None if rows is None else self._side(None)
        if rows is None or whole is None or whole.table is None:
            return {}, "`bound: learned` needs `reference` with rows; 0.1 is taken"
        parts = min(_CHUNKS, whole.profile.rows // least_rows)
        if parts < bounds.LEAST_CHUNKS:
            needed = bounds.LEAST_CHUNKS * least_rows
            return {}, f"a bound is learned from {needed:,} rows and more; 0.1 is taken"
        return _learned(whole.profile, self._parts(whole.table, parts, whole.profile.rows)), None

    def _parts(self, table: scan.Table, parts: int, rows: int) -> list[scan.Table]:
        """The rows in parts as they came: by time, or as the file has them."""
        import ibis

        time = self._spec.time if self._spec else None
        place = ibis.row_number()
        if time is not None:
            place = place.over(ibis.window(order_by=table.rows[time]))
        cut = table.rows.mutate(**{_PART: place * parts // rows})
        return [
            scan.Table(
                cut.filter(cut[_PART] == part),
                table.features,
                table.predictions,
                private=self._private,
            )
            for part in range(parts)
        ]


def _learned(whole: Profile, parts: list[scan.Table]) -> dict[str, float]:
    chunks = [scan.profile(part, whole) for part in parts]
    by_name = [_by_name(one) for one in chunks]
    return {
        one.name: bounds.learned(one, [part[one.name] for part in by_name])
        for one in (*whole.features, *whole.predictions)
        if one.count and all(one.name in part for part in by_name)
    }


def _by_name(found: WindowProfile) -> Mapping[str, Any]:
    return {one.name: one for one in (*found.features, *found.predictions)}
