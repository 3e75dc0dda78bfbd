"""Whether an export says what its model says: on the evaluation data, and where it would not.

`questions` asks the model, once; `hold` asks an export the same and compares. That a conversion
does not raise proves nothing: the widely used converter is silently wrong for several estimators.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError
from assay.packaging.facts import Parity, ParityOutput, ParityRows
from assay.packaging.parity import cause, rows
from assay.packaging.parity.answers import ask_each
from assay.packaging.parity.cells import features
from assay.packaging.parity.compare import answers_differ, furthest, rounded_up
from assay.packaging.parity.deciding import beside, is_undecided
from assay.packaging.parity.ties import is_tied

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import Signature, Tolerance
    from assay.packaging.parity.answers import Answerer, Answers, Original
    from assay.packaging.parity.rows import RowSet


@dataclass(frozen=True, eq=False)
class Question:
    """Rows, and what the model says of them."""

    rows: RowSet
    """Without those that the model refuses."""
    expected: Answers
    refused: int = 0


@dataclass(frozen=True, eq=False)
class Questions:
    """All that an export is asked."""

    each: tuple[Question, ...]
    """The evaluation data first."""
    nullable: frozenset[str]
    """The columns without a value of which the model answers."""

    @property
    def evaluation(self) -> Question:
        """The evaluation data and what the model says of it."""
        return self.each[0]


def questions(model: Original, frame: pd.DataFrame, signature: Signature) -> Questions:
    """Ask the model about the evaluation data, and about rows made of it.

    Args:
        model: It is asked for the outputs of its signature.
        frame: The columns that it is given, at least one row.
        signature: Which types they have.

    Raises:
        DataError: The model refuses a row of the evaluation data.
    """
    expected, refused, why = ask_each(model, frame, model.at_once)
    if refused.any():
        first = int(np.flatnonzero(refused)[0]) + 1
        raise DataError(
            f"The model refuses {int(refused.sum()):,} of {len(frame):,} rows of the evaluation "
            f"data, first row {first:,}: {why}.",
            hint="Give it the rows that it is meant for, in the types that it was trained on.",
        )
    known = features(signature, frame)
    asked = [Question(rows.RowSet(rows.EVALUATION, frame), expected)]
    asked.append(_asked(model, rows.at_thresholds(model, frame, known)))
    # One row a column tells which may be missing: a model that refuses does so one by one.
    tried = _asked(model, rows.nulls(frame, known, each=1))
    nullable = frozenset(tried.rows.changed)
    missing = rows.nulls(frame, [one for one in known if one.name in nullable], each=8)
    without = _asked(model, missing)
    without = replace(without, refused=without.refused + tried.refused)
    asked += [
        without,
        _asked(model, rows.unseen(frame, known, set(nullable))),
        _asked(model, rows.extremes(frame, known)),
        _asked(model, rows.edges(frame, known)),
    ]
    return Questions(tuple(asked), nullable)


def _asked(model: Original, made: RowSet) -> Question:
    expected, refused, _ = ask_each(model, made.frame, model.at_once)
    if made.name == rows.EXTREMES and expected:
        # A number that overflowed on the way is no answer either.
        numbers = [values for values in expected.values() if values.dtype.kind == "f"]
        void = [~np.isfinite(values).reshape(len(values), -1).all(axis=1) for values in numbers]
        lost = np.logical_or.reduce([np.zeros(int((~refused).sum()), dtype=np.bool_), *void])
        expected = {name: values[~lost] for name, values in expected.items()}
        refused[np.flatnonzero(~refused)[lost]] = True
    kept = np.flatnonzero(~refused)
    changed = tuple(made.changed[at] for at in kept)
    left = rows.RowSet(made.name, made.frame.iloc[kept], changed)
    return Question(left, expected, int(refused.sum()))


@dataclass(frozen=True, eq=False)
class Held:
    """An export's answers to one question, compared."""

    question: Question
    got: Answers
    """Of the rows that it does not refuse."""
    refused: NDArray[np.bool_]
    """(n,): the rows that it refuses and the model does not."""
    why: str | None
    wrong: dict[str, NDArray[np.bool_]]
    """(n,) by output."""
    undecided: NDArray[np.bool_]
    """(n,): where they differ, and the model might as well have answered as the export does."""

    @property
    def any_wrong(self) -> NDArray[np.bool_]:
        """(n,): whether any output of a row differs."""
        found: NDArray[np.bool_] = np.logical_or.reduce(list(self.wrong.values()))
        return found


def hold(
    asked: Questions,
    model: Original,
    export: Answerer,
    tolerance: Tolerance,
    *,
    sensitive: Collection[str] = (),
    graph: bytes | None = None,
) -> Parity:
    """Ask an export what the model was asked, and compare.

    Args:
        asked: Questions with the model's answers.
        model: It is asked again where the two differ, to find out why.
        export: The export.
        tolerance: How far numbers may be apart.
        sensitive: Columns whose values are not shown.
        graph: The bytes of an ONNX file, in which a cause is looked for.
    """
    held = [_hold(one, model, export, tolerance) for one in asked.each if len(one.rows.frame)]
    parity = Parity(
        passed=not any(one.any_wrong.any() for one in held),
        tolerance=tolerance,
        rows=tuple(_facts(one) for one in held),
    )
    if parity.passed:
        return parity
    return cause.explained(
        parity, held, model, export, sensitive=set(map(str, sensitive)), graph=graph
    )


def _hold(question: Question, model: Original, export: Answerer, tolerance: Tolerance) -> Held:
    frame = question.rows.frame
    got, refused, why = ask_each(export, frame, model.at_once)
    there = np.flatnonzero(~refused)
    wrong = {}
    undecided = np.zeros(len(frame), dtype=np.bool_)
    for name, expected in question.expected.items():
        mask = refused.copy()
        if there.size:
            mask[there] = answers_differ(name, expected[there], got[name], tolerance)
        doubtful = np.flatnonzero(mask & ~refused)
        if doubtful.size:
            excused = is_tied(model, frame.iloc[doubtful])
            chosen = got[name][np.searchsorted(there, doubtful)]
            for near in beside(model, frame.iloc[doubtful], name):
                excused |= ~answers_differ(name, near, chosen, tolerance)
            if name == "label":
                excused |= is_undecided(model, frame.iloc[doubtful], chosen, tolerance)
            mask[doubtful] = ~excused
            undecided[doubtful] |= excused
        wrong[name] = mask
    return Held(question, got, refused, why, wrong, undecided)


def _facts(held: Held) -> ParityRows:
    there = ~held.refused
    sure = ~held.undecided[there]
    outputs = []
    for name, expected in held.question.expected.items():
        absolute = relative = None
        if name != "label" and there.any():
            apart = furthest(expected[there][sure], held.got[name][sure])
            absolute, relative = map(rounded_up, apart)
        outputs.append(
            ParityOutput(
                output=name,
                mismatches=int(held.wrong[name].sum()),
                max_absolute=absolute,
                max_relative=relative,
            )
        )
    return ParityRows(
        name=held.question.rows.name,
        count=len(held.question.rows.frame),
        outputs=tuple(outputs),
        undefined=held.question.refused,
        undecided=int(held.undecided.sum()),
    )
