"""What a fitted estimator says of rows, by output, in the names and shapes of its signature."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from assay.contract import usercode
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import DType

Answers = dict[str, "NDArray[Any]"]
"""By output. Labels (n,) or (n, m); probabilities (n, k); scores (n, k) or (n,); value (n,) or
(n, m)."""

_ROWS = 16_384
"""Rows that are asked about at once, at most."""
_NUMBERS = 1 << 24
"""Numbers that one array may hold: 128 MB."""


@contextmanager
def quiet() -> Iterator[None]:
    """Neither warnings nor floating-point errors: some rows are made to overflow."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class Answerer(Protocol):
    """The model, or an export of it."""

    def ask(self, frame: pd.DataFrame) -> Answers:
        """What it says of rows.

        Raises:
            DataError: It refuses them.
        """


@dataclass(frozen=True, eq=False)
class Original:
    """A fitted estimator."""

    estimator: Any
    matrix: DType | None
    """Of one that was fitted without names of columns: the type of the matrix that it takes."""
    outputs: tuple[str, ...] = ()
    """Which it is asked for; names of `METHODS`."""
    private: bool = False
    """Whether what it raises is kept quiet: it may name a value of a sensitive column."""

    @cached_property
    def at_once(self) -> int:
        """Rows to ask it or an export of it about at once.

        A kernel makes of each row a number for each row that it was fitted on, and a vocabulary
        one a word.
        """
        return max(min(_ROWS, _NUMBERS // _width(self.estimator)), 1)

    def given(self, frame: pd.DataFrame) -> Any:
        """Rows as the estimator is given them: a table, or a matrix where columns have no names."""
        if self.matrix is None:
            return frame
        return frame.to_numpy(dtype=object if self.matrix == "string" else self.matrix)

    def ask(self, frame: pd.DataFrame) -> Answers:
        """What it says of rows.

        Raises:
            DataError: It raises; the message says what.
        """
        rows = self.given(frame)
        return {name: self.output(name, rows) for name in self.outputs}

    def output(self, name: str, rows: Any) -> NDArray[Any]:
        """One output.

        Raises:
            DataError: The estimator raises.
        """
        try:
            with quiet():
                return METHODS[name](self.estimator, rows)
        except (Exception, SystemExit) as error:
            text = "" if self.private else f": {usercode.first_line(error)}"
            raise DataError(f"it raises {type(error).__name__}{text}") from error


def _width(estimator: Any) -> int:
    """The longest axis of the tables and vocabularies inside of a fitted estimator; 1 or more."""
    widest, seen, pending = 1, set(), [estimator]
    while pending:
        one = pending.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        shape = getattr(one, "shape", None)
        if isinstance(shape, tuple):
            widest = max(widest, *shape) if len(shape) == 2 else widest
        elif isinstance(one, dict):
            widest = max(widest, len(one))
            pending += one.values()
        elif isinstance(one, list | tuple):
            pending += one
        elif hasattr(one, "get_params") or type(one).__module__.startswith("sklearn."):
            pending += getattr(one, "__dict__", {}).values()
    return widest


def classes(estimator: Any) -> list[NDArray[Any]]:
    """The classes of every target; none of what is no classifier."""
    try:
        found = getattr(estimator, "classes_", None)
    except Exception:  # noqa: BLE001 (a property of somebody's class)
        return []
    if isinstance(found, list | tuple) and len(found) and np.ndim(found[0]) == 1:
        return [np.asarray(one) for one in found]
    if isinstance(found, list | tuple | np.ndarray) and np.ndim(found) == 1 and len(found):
        return [np.asarray(found)]
    return []


def _flat(found: Any) -> NDArray[Any]:
    """Answers of one target have one axis, whatever the library thinks of columns."""
    values = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _predict(estimator: Any, rows: Any) -> NDArray[Any]:
    return _flat(estimator.predict(rows))


def _probabilities(estimator: Any, rows: Any) -> NDArray[Any]:
    """(n, k) in the order of the classes; of several targets of two classes, (n, m) of the second.

    Raises:
        ValueError: It is of another shape.
    """
    found = estimator.predict_proba(rows)
    if isinstance(found, list):
        if any(np.shape(one)[1] != 2 for one in found):
            message = "a target has other than two classes"
            raise ValueError(message)
        return np.column_stack([np.asarray(one)[:, 1] for one in found])
    return np.asarray(found)


def _scores(estimator: Any, rows: Any) -> NDArray[Any]:
    """(n, k), or (n,) of two classes: above zero is the second."""
    return _flat(estimator.decision_function(rows))


METHODS: dict[str, Callable[[Any, Any], NDArray[Any]]] = {
    "label": _predict,
    "value": _predict,
    "probabilities": _probabilities,
    "scores": _scores,
}


def ask_each(
    answerer: Answerer, frame: pd.DataFrame, at_once: int = _ROWS
) -> tuple[Answers, NDArray[np.bool_], str | None]:
    """Ask about rows some of which may be refused.

    Args:
        answerer: The model, or an export.
        frame: The rows.
        at_once: How many it is asked about together.

    Returns:
        The answers to the rows that are not refused, in order; (n,) which are; one reason why.
    """
    parts: list[Answers] = []
    refused = np.zeros(len(frame), dtype=np.bool_)
    why = None
    # Halves of halves, the first rows first: a refused batch hides few refused rows, or all.
    pending = [(start, min(start + at_once, len(frame))) for start in range(0, len(frame), at_once)]
    pending.reverse()
    while pending:
        start, stop = pending.pop()
        try:
            parts.append(answerer.ask(frame.iloc[start:stop]))
        except DataError as error:
            why = why or error.message
            if stop - start == 1:
                refused[start] = True
                continue
            middle = (start + stop) // 2
            pending += [(middle, stop), (start, middle)]
    return joined(parts), refused, why


def joined(parts: Iterable[Answers]) -> Answers:
    """Answers to consecutive rows as one."""
    listed = list(parts)
    if not listed:
        return {}
    return {name: np.concatenate([part[name] for part in listed]) for name in listed[0]}
