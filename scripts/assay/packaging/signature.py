"""What a fitted model takes and gives: names, types, shapes and categories.

Found by looking at the estimator and at a table of rows that it is asked about.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from assay.console import printable
from assay.errors import DataError
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.parity.answers import Original, classes
from assay.packaging.structure import encoded, plain, unused

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.models import Model
    from assay.packaging.facts import DType, Meaning, Scalar, Task

MATRIX = "X"
"""The input of a model that was fitted without names."""

_FEW = 200
"""Rows that tell types and shapes of outputs."""
_MEANINGS: dict[str, Meaning] = {
    "label": "label",
    "probabilities": "probability",
    "scores": "score",
    "value": "value",
}


class SignatureError(DataError):
    """The table does not fit the model, or no signature can say what the model takes."""


def of(
    estimator: Any,
    frame: pd.DataFrame,
    *,
    matrix: bool,
    shown: str,
    sensitive: Collection[str] = (),
) -> Signature:
    """The signature of a model.

    Args:
        estimator: Fitted.
        frame: The columns that it is given, at least one row.
        matrix: Whether it was fitted without names.
        shown: How messages call the table.
        sensitive: Columns whose categories are not told.

    Raises:
        SignatureError: The table is not one for the model.
    """
    if frame.empty:
        raise SignatureError(
            f"{shown} has no rows: there is nothing to show on that the export is right.",
            hint="Name the table of the evaluation data as `package.features`.",
        )
    inputs = _inputs(estimator, frame, matrix=matrix, shown=shown, sensitive=sensitive)
    dtype = inputs[0].dtype if matrix else None
    original = Original(estimator, dtype, private=bool(sensitive))
    task, outputs = _outputs(original, frame, shown)
    known = classes(estimator)
    return Signature(
        task=task,
        inputs=inputs,
        outputs=outputs,
        classes=tuple(known[0].tolist()) if task in {"binary", "multiclass"} else None,
    )


def rows_of(model: Model, table: pd.DataFrame, *, apart: Collection[str]) -> pd.DataFrame:
    """The columns that a model is given, without those of other types that it does not look at.

    Args:
        model: Loaded.
        table: The table of features, its columns named by text.
        apart: What is no feature: key, truth.

    Raises:
        ModelError: The table lacks a column that the model was fitted with.
        SignatureError: It has two of a name.
    """
    columns = model.columns(table, apart=apart)
    times = Counter(table.columns)
    if twice := [name for name in columns if times[name] > 1]:
        raise SignatureError(
            f"The table of features has several columns that are called `{printable(twice[0])}`.",
            hint="Give every column a name of its own.",
        )
    ignored = unused(model.estimator, columns)
    return table[[name for name in columns if name not in ignored or _has_type(table[name])]]


def _has_type(values: pd.Series) -> bool:
    try:
        dtype_of(values, "")
    except SignatureError:
        return False
    return True


def _inputs(
    estimator: Any, frame: pd.DataFrame, *, matrix: bool, shown: str, sensitive: Collection[str]
) -> tuple[InputSpec, ...]:
    types = {str(name): dtype_of(frame[name], f"{shown}: `{name}`") for name in frame.columns}
    nullable = {str(name): bool(frame[name].isna().any()) for name in frame.columns}
    if matrix:
        dtype = _common(list(types.values()), shown)
        return (
            InputSpec(
                name=MATRIX, dtype=dtype, shape=(None, len(types)), nullable=any(nullable.values())
            ),
        )
    found = dict(encoded(estimator, list(types)))
    for name, (values, encoder) in found.items():
        _check_categories(name, types[name], values, encoder, shown)
    return tuple(
        InputSpec(
            name=name,
            dtype=dtype,
            nullable=nullable[name],
            categories=None
            if name in sensitive
            else found[name][0]
            if name in found
            else _of_dtype(frame[name]),
        )
        for name, dtype in types.items()
    )


def dtype_of(values: pd.Series, what: str) -> DType:
    """The type of a column as an export takes it: missing numbers need a float.

    Raises:
        SignatureError: It holds dates, or values of several kinds.
    """
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        text = pd.Series(values.cat.categories)
        kind = dtype_of(text, what)
        return "float64" if kind not in {"string", "float32"} and values.hasnans else kind
    missing = bool(values.isna().any())
    numpy: object = getattr(
        values.dtype, "numpy_dtype", values.dtype
    )  # of a nullable or an Arrow type
    if isinstance(numpy, np.dtype) and numpy.kind in "biuf":
        if missing and numpy.kind in "biu":
            return "float64"
        width = {"float16": "float32", "longdouble": "float64"}.get(numpy.name, numpy.name)
        return cast("DType", width)
    names: dict[str, DType] = {
        "string": "string",
        "boolean": "float64" if missing else "bool",
        "integer": "float64" if missing else "int64",
        "floating": "float64",
        "mixed-integer-float": "float64",
        "decimal": "float64",
        "empty": "float64",
    }
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred not in names:
        raise SignatureError(
            f"{what} holds {printable(inferred)} ({printable(str(values.dtype))}), which no served "
            "model takes.",
            hint="Models take numbers, true/false and text: make it one of them before the model.",
        )
    return names[inferred]


def _common(types: Sequence[DType], shown: str) -> DType:
    """The type of a matrix of such columns."""
    if len(set(types)) == 1:
        return types[0]
    if "string" in types:
        raise SignatureError(
            f"{shown} has text and numbers, and the model was fitted without names of columns.",
            hint="Fit the model on a DataFrame, so that every column has a type of its own.",
        )
    return cast("DType", np.result_type(*types).name)


def _of_dtype(values: pd.Series) -> tuple[Scalar, ...] | None:
    """The categories of a column that has them itself."""
    categories = getattr(values.dtype, "categories", None)
    return None if categories is None else plain(categories.to_numpy())


def _check_categories(
    name: str, dtype: DType, values: tuple[Scalar, ...], encoder: str, shown: str
) -> None:
    """Text where an encoder knows numbers is no row that it knows, and mostly no error either."""
    text = [isinstance(value, str) for value in values]
    if text and (all(text) != (dtype == "string") or any(text) != all(text)):
        kinds = ("text", "numbers") if all(text) else ("numbers", "text")
        raise SignatureError(
            f"{shown}: `{printable(name)}` holds {kinds[1]}, and the model's {encoder} was fitted "
            f"with {kinds[0]}.",
            hint="Write the column with the type that it was trained on.",
        )


def _outputs(
    model: Original, frame: pd.DataFrame, shown: str
) -> tuple[Task, tuple[OutputSpec, ...]]:
    rows = model.given(frame.iloc[:_FEW])
    try:
        said = model.output("label", rows)
    except DataError as error:
        raise SignatureError(f"{shown} does not fit the model: {error.message}.") from error
    if said.shape[:1] != (min(len(frame), _FEW),) or said.ndim > 2:
        raise SignatureError(
            f"{shown}: of {min(len(frame), _FEW)} rows, `predict` gives an array of shape "
            f"{said.shape}.",
            hint="A model gives one answer a row, or several in columns.",
        )
    task = _task(model.estimator, said)
    name = "value" if task == "regression" else "label"
    found = [_output(name, said)]
    more = {"regression": (), "clustering": (), "outliers": ("scores",)}.get(
        task, ("probabilities", "scores")
    )
    for other in more:
        values = _scored(model, other, rows)
        if values is not None and _fits(other, values, said, model.estimator, task):
            found.append(_output(other, values))
            break
    return task, tuple(found)


def _task(estimator: Any, said: NDArray[Any]) -> Task:
    known = classes(estimator)
    if known and (len(known) > 1 or said.ndim == 2):
        return "multilabel"
    if known:
        return "binary" if len(known[0]) <= 2 else "multiclass"
    if said.dtype.kind in "iu" and hasattr(estimator, "fit_predict"):
        return "outliers" if hasattr(estimator, "decision_function") else "clustering"
    return "regression"


def _scored(model: Original, name: str, rows: Any) -> NDArray[Any] | None:
    """An output that an estimator may have, or not."""
    try:
        found = model.output(name, rows)
    except DataError:
        return None
    return found if found.dtype.kind == "f" else None


def _fits(name: str, values: NDArray[Any], said: NDArray[Any], estimator: Any, task: Task) -> bool:
    """Whether there is one number a class (or target), as a reader of the output expects."""
    if task in {"outliers", "multilabel"}:
        return values.shape == said.shape
    known = len(classes(estimator)[0])
    if name == "scores" and known == 2:
        return values.shape == said.shape
    return values.shape == (len(said), known) and not (name == "scores" and _by_pairs(estimator))


def _by_pairs(estimator: Any) -> bool:
    """Whether scores are of pairs of classes, of which three classes have three."""
    if not hasattr(estimator, "get_params"):
        return False
    return any(
        value == "ovo"
        for name, value in estimator.get_params().items()
        if name.endswith("decision_function_shape")
    )


def _output(name: str, values: NDArray[Any]) -> OutputSpec:
    kind = values.dtype.kind
    if kind == "O":
        texts = [isinstance(value, str) for value in values.ravel()[:_FEW]]
        kind = "U" if all(texts) else np.asarray(values.ravel()[:_FEW].tolist()).dtype.kind
    types: dict[str, DType] = {"U": "string", "b": "bool", "i": "int64", "u": "int64"}
    width: DType = "float32" if values.dtype == np.float32 else "float64"
    return OutputSpec(
        name=name,
        meaning=_MEANINGS[name],
        dtype=types.get(kind, width),
        shape=(None, *values.shape[1:]),
    )
