# mypy: disable-error-code="no-any-return"
"""Pipelines and what picks and joins columns."""

from __future__ import annotations

from typing import Any

from assay.packaging.conversion.frame import Data, Frame, join, matrix, select
from assay.packaging.conversion.registry import METHODS, apply, converts
from assay.packaging.conversion.tracing import traced


def _pipeline(method: str) -> None:
    @converts("sklearn.Pipeline", "imblearn.Pipeline", method=method)
    def convert(pipeline: Any, data: Data) -> Any:
        for _, step in pipeline.steps[:-1]:
            if not _passes(step) and not hasattr(step, "fit_resample"):
                data = apply(step, "transform", data)
        last = pipeline.steps[-1][1]
        return data if _passes(last) else apply(last, method, data)


for _method in METHODS:
    _pipeline(_method)


def _passes(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


@converts("sklearn.ColumnTransformer", method="transform")
def column_transformer(transformer: Any, data: Data) -> Data:
    """Each transformer's columns, in the order of `output_indices_`."""
    parts: list[Data] = []
    widths: list[int] = []
    for name, step, _ in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue  # its columns may be of a type that no export takes
        places = _places(transformer, name, data)
        if not places:
            continue
        chosen = select(data, places)
        parts.append(chosen if _passes(step) else apply(step, "transform", chosen))
        output = transformer.output_indices_[name]
        widths.append(output.stop - output.start)
        weight = (transformer.transformer_weights or {}).get(name)
        if weight is not None:
            parts[-1] = matrix(parts[-1]) * float(weight)
    return join(parts, widths)


def _places(transformer: Any, part: str, data: Data) -> list[int]:
    """Position in `data` of a transformer's columns."""
    places = transformer._transformer_to_input_indices.get(part, ())  # noqa: SLF001 (its one resolved form)
    names = getattr(transformer, "feature_names_in_", None)
    if isinstance(data, Frame) and data.names and names is not None:
        at = {name: place for place, name in enumerate(data.names)}
        return [at[str(names[one])] for one in places]
    return [int(one) for one in places]


@converts("sklearn.FeatureUnion", method="transform")
def feature_union(union: Any, data: Data) -> Data:
    """What each transformer makes of all columns, side by side."""
    parts = []
    for name, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        part = data if _passes(step) else apply(step, "transform", data)
        weight = (union.transformer_weights or {}).get(name)
        parts.append(matrix(part) if weight is None else matrix(part) * float(weight))
    return parts[0].graph.concat(parts)


@converts("sklearn.FunctionTransformer", method="transform")
def function_transformer(transformer: Any, data: Data) -> Data:
    """The identity, or a formula of NumPy's functions."""
    if transformer.func is None:
        return data
    return traced(transformer, transformer.func, transformer.kw_args, data)
