"""The rows of a window that have a label by now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.errors import DataError
from assay.monitor import frames, scan
from assay.monitor.labels import joined, text
from assay.monitor.model import PREDICTION, TRUTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from assay.configmonitor import TruthSpec
    from assay.monitor.scan import Table
    from assay.monitor.watching import Watch


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows with a label."""

    frame: pd.DataFrame
    """The columns that were asked for, and `TRUTH`."""
    notes: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def labelled(watch: Watch, table: Table, columns: Mapping[str, str], *, count: int) -> Labelled:
    """Join the labels to a window.

    Args:
        watch: Has the labels.
        table: The window, with a key.
        columns: What is wanted of it, by the name that it gets.
        count: Rows of the window.

    Raises:
        DataError: A column is missing, or the labels cannot be read.
    """
    spec, rows = watch.spec.labels, None if watch.labels is None else watch.labels.of(None)
    if spec is None or rows is None:
        return Labelled(_empty(columns), ())
    id_, row = _key(spec, rows.columns)
    by_row = row is not None and len(table.key) > 1
    keys = {"__id__": table.key[0]} | ({"__row__": table.key[1]} if by_row else {})
    theirs = {"__id__": id_} | ({"__row__": str(row)} if by_row else {})
    window = frames.of(
        table.rows,
        {**keys, **columns},
        key=table.key,
        time=table.time,
        count=count,
        private=watch.private,
    )
    near = _near(rows, id_, table)
    labels = frames.of(near, {**theirs, TRUTH: spec.truth}, most=_ALL, private=watch.private)
    texts = set(window["__id__"].map(text))
    labels = labels[labels["__id__"].map(text).isin(texts)].reset_index(drop=True)
    found = joined(window, labels, key=list(keys), truth=TRUTH)
    frame = window.iloc[found.predictions].drop(columns=list(keys)).reset_index(drop=True)
    frame[TRUTH] = labels[TRUTH].iloc[found.labels].reset_index(drop=True)
    said = [name for name in columns if name.startswith(PREDICTION)]
    whole = frame.dropna(subset=said)
    notes = []
    if found.disagreeing:
        notes.append(
            f"{found.disagreeing:,} rows have labels that contradict each other: left out."
        )
    if found.repeated:
        notes.append(f"{found.repeated:,} labels came twice: counted once.")
    if found.empty:
        notes.append(f"{found.empty:,} labels have no value: left out.")
    if lost := len(frame) - len(whole):
        notes.append(f"{lost:,} labelled rows have no prediction: left out.")
    doubts = []
    if found.disagreeing > len(whole):  # else what is left says how the model does
        doubts.append(
            f"{found.disagreeing:,} rows have labels that contradict each other, and only "
            f"{len(whole):,} have one that counts"
        )
    return Labelled(whole.reset_index(drop=True), tuple(notes), tuple(doubts))


_ALL = 1 << 62


def _key(spec: TruthSpec, there: list[str]) -> tuple[str, str | None]:
    row = spec.row if spec.row is not None else "row" if "row" in there else None
    wanted = [spec.id, spec.truth] + ([spec.row] if spec.row is not None else [])
    missing = next((name for name in wanted if name not in there), None)
    if missing is not None:
        listed = ", ".join(repr(printable(str(one))) for one in there[:20])
        raise DataError(
            f"The labels have no column {printable(missing)!r}.",
            hint=f"Name it in `monitor.labels`. There: {listed}.",
            key=("monitor", "labels"),
        )
    return spec.id, row


def _near(rows: Any, id_: str, table: Table) -> Any:
    """The labels of a window, where one engine has both; else all of them."""
    window = table.rows
    if rows.get_backend() is not window.get_backend():
        return rows
    own = window.select(__assay_id__=window[table.key[0]].cast("string")).distinct()
    return rows.semi_join(own, rows[id_].cast("string") == own["__assay_id__"])


def strangers(watch: Watch, table: Table) -> str | None:
    """What to say where there are labels, and none is of a row of the log; `None` else.

    Args:
        watch: Has the labels and the log.
        table: A window, with a key, no row of which has a label.
    """
    spec, rows = watch.spec.labels, None if watch.labels is None else watch.labels.of(None)
    every = watch.log.of(None)
    if spec is None or rows is None or every.get_backend() is not rows.get_backend():
        return None
    id_, _ = _key(spec, rows.columns)
    count = scan.answer(rows.aggregate(n=rows.count()), private=watch.private)["n"]
    near = _near(rows, id_, replace(table, rows=every))
    some = scan.answer(near.aggregate(n=near.count()), private=watch.private)["n"]
    if some or not count:
        return None
    return f"none of the {count:,} labels belongs to a row of the log, by what `id` names in both"


def _empty(columns: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=[*columns, TRUTH])
