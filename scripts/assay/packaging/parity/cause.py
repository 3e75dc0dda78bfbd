"""Why an export differs from its model: by experiment where there is one, else by what is known."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.console import printable
from assay.packaging.facts import Mismatch
from assay.packaging.parity import rows
from assay.packaging.parity.answers import ask_each
from assay.packaging.parity.compare import answers_differ

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import Parity, Tolerance
    from assay.packaging.parity import Held
    from assay.packaging.parity.answers import Answerer, Original

_SHOWN = 10
"""Rows that are shown, and looked into."""
_SHOWN_OF_A_SET = 4
_SHOWN_COLUMNS = 8
_TRIED_COLUMNS = 64
_TRIED_ROWS = 200
HIDDEN = "(sensitive)"
_SINGLE = frozenset(
    {"Scaler", "LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor"}
)
"""Operators of ai.onnx.ml that give float32 whatever they are given; no shape is inferred for them.

Those of trees do so too, and may compare in float64.
"""


def explained(
    parity: Parity,
    held: Sequence[Held],
    model: Original,
    export: Answerer,
    *,
    sensitive: set[str],
    graph: bytes | None,
) -> Parity:
    """A parity that did not hold, with rows and the cause.

    Args:
        parity: Without either.
        held: What it was made of.
        model: It is asked about changed rows.
        export: So is the export.
        sensitive: Columns whose values are not shown.
        graph: The ONNX file.
    """
    worst = sorted(
        (one for one in held if one.any_wrong.any()),
        # Real rows first: a reader knows them.
        key=lambda one: (one.question.rows.name != rows.EVALUATION, -int(one.any_wrong.sum())),
    )
    pair = _Pair(model, export, parity.tolerance)
    each = [
        (one, int(row)) for one in worst for row in np.flatnonzero(one.any_wrong)[:_SHOWN_OF_A_SET]
    ][:_SHOWN]
    decided = [_deciding(one, row, held[0], pair) for one, row in each]
    names = _in_order(map(str, held[0].question.rows.frame.columns), decided)
    shown = tuple(_mismatch(one, row, names, sensitive) for one, row in each)
    why = _cause(worst[0], decided[0], pair, sensitive, graph)
    return parity.model_copy(update={"mismatches": shown, "cause": why})


def _in_order(columns: Iterable[str], decided: Sequence[Sequence[str]]) -> list[str]:
    """The columns that are shown, in the order of every row: those that decide first."""
    first = dict.fromkeys(name for names in decided for name in names)
    return list(dict.fromkeys([*first, *columns]))[: max(_SHOWN_COLUMNS, len(first))]


class _Pair:
    """Model and export, asked about the same changed rows."""

    def __init__(self, model: Original, export: Answerer, tolerance: Tolerance) -> None:
        self._model, self._export, self._tolerance = model, export, tolerance

    def differ(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(n,): whether they differ; what the model refuses is no difference."""
        expected, refused, _ = ask_each(self._model, frame, self._model.at_once)
        there = np.flatnonzero(~refused)
        found = np.zeros(len(frame), dtype=np.bool_)
        got, refused, _ = ask_each(self._export, frame.iloc[there], self._model.at_once)
        found[there[refused]] = True
        both = ~refused
        for name, values in expected.items():
            if not both.any():
                break
            found[there[both]] |= answers_differ(name, values[both], got[name], self._tolerance)
        return found


def _deciding(held: Held, row: int, evaluation: Held, pair: _Pair) -> list[str]:
    """The columns without whose value a row would not differ: they are tried one by one."""
    if held.question.rows.changed:
        return [held.question.rows.changed[row]]
    right = np.flatnonzero(~evaluation.any_wrong)
    if not right.size:
        return []
    frame = held.question.rows.frame
    columns = list(map(str, frame.columns))[:_TRIED_COLUMNS]
    tried = frame.iloc[np.full(len(columns), row)].reset_index(drop=True)
    other = evaluation.question.rows.frame.iloc[[int(right[0])]]
    changes = {}
    for position, name in enumerate(columns):
        values = tried[name].to_numpy(dtype=object).copy()
        values[position] = other[name].to_numpy(dtype=object)[0]
        changes[name] = _typed(values, tried[name])
    still = pair.differ(tried.assign(**changes))
    return [name for name, wrong in zip(columns, still, strict=True) if not wrong]


def _typed(values: NDArray[Any], like: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=like.index).astype(like.dtype)


def _mismatch(held: Held, row: int, names: Sequence[str], sensitive: set[str]) -> Mismatch:
    output = next(name for name, wrong in held.wrong.items() if wrong[row])
    frame = held.question.rows.frame
    if held.refused[row]:
        got = held.why or "an error"
    else:
        got = _shown(held.got[output][row - int(held.refused[:row].sum())])
    return Mismatch(
        rows=held.question.rows.name,
        row=row,
        output=output,
        expected=_shown(held.question.expected[output][row]),
        got=printable(got),
        inputs={
            name: HIDDEN if name in sensitive else _shown(frame[name].iloc[row]) for name in names
        },
    )


def _shown(value: Any) -> str:
    """One value, or one of each class, in as few digits as tell it from its neighbours."""
    if isinstance(value, np.ndarray):
        more = ", ..." if value.size > _SHOWN_COLUMNS else ""
        return ", ".join(_shown(one) for one in value.ravel()[:_SHOWN_COLUMNS]) + more
    plain = value.item() if isinstance(value, np.generic) else value
    text = repr(plain) if isinstance(plain, str | float) else str(plain)
    return printable(text if len(text) <= 100 else f"{text[:97]}...")


def _cause(
    held: Held, columns: Sequence[str], pair: _Pair, sensitive: set[str], graph: bytes | None
) -> str:
    frame = held.question.rows.frame
    wrong = np.flatnonzero(held.any_wrong)
    if held.refused.any():
        return f"The export refuses rows that the model answers: {printable(held.why or '')}."
    for name, expected in held.question.expected.items():
        if held.got[name].shape != expected.shape:
            shapes = f"{held.got[name].shape}, the model's {expected.shape}"
            return f"`{name}` of the export is of the shape {shapes}."
    tried = frame.iloc[wrong[:_TRIED_ROWS]]
    before = int(pair.differ(tried).sum())
    after = int(pair.differ(_single(tried)).sum())
    named = ", ".join(f"`{printable(name)}`" for name in columns[:4]) or "several columns at once"
    if after * 2 < before:
        return (
            f"The export computes with float32: with the inputs rounded to float32, "
            f"{before - after:,} of {before:,} rows agree{_where(graph)}."
        )
    where = _where(graph)
    rounded = f" Numbers are rounded to float32{where}." if where else ""
    if columns and (special := _special(held, int(wrong[0]), columns[0], sensitive)):
        return f"{special}{rounded}"
    if rounded:
        return f"Rows differ by {named}.{rounded}"
    return f"Rows differ by {named}; rounding to float32 does not explain it."


def _special(held: Held, row: int, column: str, sensitive: set[str]) -> str | None:
    """What is special about the value that decides."""
    import pandas as pd

    value, name = held.question.rows.frame[column].iloc[row], f"`{printable(column)}`"
    kind = held.question.rows.name
    if pd.isna(value):
        return f"A missing value in {name} is treated in another way."
    shown = "" if column in sensitive else f" {_shown(value)}"
    if isinstance(value, str) and kind != rows.UNSEEN:
        return f"The text{shown} in {name} means something else."
    return {
        rows.UNSEEN: f"A category that the model was not fitted with, in {name}, means something "
        "else.",
        rows.THRESHOLDS: f"A number at a tree's threshold, in {name}, falls on the other side of "
        "it.",
        rows.EDGES: f"A number that float32 does not have, in {name}, is computed in another way.",
        rows.EXTREMES: f"The extreme value{shown} in {name} is computed in another way.",
    }.get(kind)


def _single(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with every number that float32 can nearly hold rounded to it."""
    changes = {}
    for name in frame.columns:
        if frame[name].dtype == np.float64:
            values = frame[name].to_numpy()
            with np.errstate(over="ignore"):
                rounded = values.astype(np.float32).astype(np.float64)
            changes[name] = np.where(np.isfinite(rounded), rounded, values)
    return frame.assign(**changes)


def _where(graph: bytes | None) -> str:
    """The operators of a graph that give float32, as the end of a sentence."""
    if graph is None:
        return ""
    onnx = importlib.import_module("onnx")
    try:
        inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph)).graph
    except Exception:  # noqa: BLE001 (operators of others: then the cause is told without them)
        return ""
    single = {
        one.name
        for one in [*inferred.value_info, *inferred.output]
        if one.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    kinds = {
        node.op_type
        for node in inferred.node
        if node.op_type in _SINGLE
        or (single.intersection(node.output) and node.op_type != "Identity")
    }
    return f" (in {', '.join(sorted(kinds))})" if kinds else ""
