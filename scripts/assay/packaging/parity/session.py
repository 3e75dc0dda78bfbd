"""An exported model that onnxruntime runs, asked in the names and types of its signature."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from assay.contract import usercode
from assay.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import DType, Signature
    from assay.packaging.parity.answers import Answers

_TYPES = {"double": "float64", "float": "float32", "string": "string"}


class Session:
    """A graph, loaded.

    Args:
        model: The bytes of the ONNX file.
        signature: Of the model.

    Raises:
        DataError: onnxruntime does not run it, or it has other inputs or outputs than agreed.
    """

    def __init__(self, model: bytes, signature: Signature) -> None:
        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what matters is raised
        options.intra_op_num_threads = 1  # the order of additions depends on their number
        try:
            self._session: Any = runtime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes derive from nothing in common
            raise DataError(
                f"onnxruntime does not run the graph: {usercode.first_line(error)}"
            ) from error
        self._inputs = {one.name: _dtype(one.type) for one in self._session.get_inputs()}
        self._outputs = {one.name: _dtype(one.type) for one in self._session.get_outputs()}
        self._names = [one.name for one in signature.outputs]
        if missing := [name for name in self._names if name not in self._outputs]:
            raise DataError(f"the graph has no output {', '.join(missing)}")
        self.signature = signature.model_copy(
            update={
                "inputs": tuple(
                    one.model_copy(update={"dtype": self._inputs[one.name]})
                    for one in signature.inputs
                    if one.name in self._inputs
                ),
                "outputs": tuple(
                    one.model_copy(update={"dtype": self._outputs[one.name]})
                    for one in signature.outputs
                ),
            }
        )
        """With the types that the graph has: they are what a caller must send."""

    def ask(self, frame: pd.DataFrame) -> Answers:
        """What it says of rows.

        Raises:
            DataError: It refuses them.
        """
        try:
            found = self._session.run(self._names, self.feeds(frame))
        except Exception as error:
            raise DataError(f"onnxruntime raises: {usercode.first_line(error)}") from error
        return {
            name: _flat(values, len(frame)) for name, values in zip(self._names, found, strict=True)
        }

    def feeds(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Rows as the inputs of the graph; missing text is the empty string."""
        name, dtype = next(iter(self._inputs.items()))
        if len(self._inputs) == 1 and name not in frame.columns:  # a matrix
            return {name: frame.to_numpy(dtype=object if dtype == "string" else dtype)}
        return {name: column(frame[name], dtype) for name, dtype in self._inputs.items()}


def column(values: pd.Series, dtype: DType) -> NDArray[Any]:
    """(n, 1): a column of a table as an input of a graph."""
    if dtype == "string":
        texts = values.to_numpy(dtype=object, copy=True)
        texts[values.isna().to_numpy()] = ""
        return texts.reshape(-1, 1)
    missing: Any = np.nan if dtype.startswith("float") else None
    with np.errstate(over="ignore"):
        found = values.to_numpy(dtype=dtype, na_value=missing) if missing is not None else values
        return np.asarray(found, dtype=dtype).reshape(-1, 1)


def _dtype(name: str) -> DType:
    """From the name that onnxruntime has for a type, as `tensor(double)`."""
    inner = name.removeprefix("tensor(").removesuffix(")")
    return cast("DType", _TYPES.get(inner, inner))


def _flat(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """An output (n, 1) is one of one target."""
    one = values.ndim == 2 and values.shape[1] == 1
    return values.reshape(rows) if one else values
