"""Which function makes which method of which class: one small module a family in `converters`.

A converter is `function(estimator, data) -> Tensor` (or `Frame`), registered for classes by their
top-level package and name, and for one method:

- `transform`, `predict`, `predict_proba`, `decision_function`: what scikit-learn calls so;
- `index`: of a classifier, the place of its answer in `classes_`: int64. Without one it is the
  first place of the highest of `predict_proba`.

What a converter gives has two axes: (n, 1) where scikit-learn gives (n,). Of several outputs
`predict_proba` is a list.

Classes are looked up exactly: a subclass may do something else under the same name.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from assay.packaging.conversion import converters, foreign
from assay.packaging.conversion.frame import Data, TextError, blocks_of
from assay.packaging.conversion.refusal import no_converter, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.packaging.conversion.graph import Graph
    from assay.packaging.conversion.tensor import Tensor

Converter: TypeAlias = "Callable[[Any, Any], Any]"
PREDICTING = ("predict", "predict_proba", "decision_function", "index")
METHODS = (*PREDICTING, "transform")
"""What a pipeline, a search and the like leave to what is inside of them."""
_CONVERTERS: dict[tuple[str, str], Converter] = {}


def converts(*classes: str, method: str) -> Callable[[Converter], Converter]:
    """Register a converter.

    Args:
        classes: `sklearn.Ridge`: top-level package and class, whatever modules lie between.
        method: What it makes.

    Raises:
        ValueError: A class has one already.
    """

    def register(function: Converter) -> Converter:
        for name in classes:
            if (name, method) in _CONVERTERS:
                raise ValueError(f"`{method}` of `{name}` has two converters.")
            _CONVERTERS[name, method] = function
        return function

    return register


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(converters.__path__):
        importlib.import_module(f"{converters.__name__}.{module.name}")


def named(estimator: Any) -> str:
    """How a class is registered."""
    kind = type(estimator)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def has(estimator: Any, method: str) -> bool:
    """Whether `apply` has a converter of ours."""
    _load()
    return (named(estimator), method) in _CONVERTERS


def apply(estimator: Any, method: str, data: Data) -> Any:
    """What a method of an estimator gives.

    Raises:
        NotConvertible: There is no converter, or not for this configuration.
    """
    blocks = blocks_of(data)
    graph = blocks[0].graph
    key = (id(estimator), method, *(block.name for block in blocks))
    if key not in graph.memo:
        try:
            graph.memo[key] = _apply(estimator, method, data)
        except TextError:
            raise unsupported(estimator, "columns of text as numbers, or the reverse") from None
    return graph.memo[key]


def _apply(estimator: Any, method: str, data: Data) -> Any:
    if has(estimator, method):
        return _CONVERTERS[named(estimator), method](estimator, data)
    classifies = has(estimator, "index") or has(estimator, "predict_proba")
    if method == "predict" and classifies:
        return labels(estimator, data)
    if method == "index" and classifies:
        return _likeliest(apply(estimator, "predict_proba", data))
    if not foreign.knows(estimator):
        raise no_converter(estimator, method)
    if method == "index":
        said = foreign.convert(estimator, "predict", data)
        return said.equals(np.asarray(estimator.classes_)[None, :]).argmax()
    return foreign.convert(estimator, method, data)


def _likeliest(chances: Any) -> Tensor:
    if isinstance(chances, list):
        graph: Graph = chances[0].graph
        return graph.concat([one.argmax() for one in chances])
    index: Tensor = chances.argmax()
    return index


def labels(estimator: Any, data: Data) -> Tensor:
    """What a classifier's `predict` gives: (n, 1), or (n, m) of several outputs."""
    index = apply(estimator, "index", data)
    return classes_at(estimator.classes_, index)


def classes_at(classes: Any, index: Tensor) -> Tensor:
    """Classes at places; of several outputs `classes` is a list, and `index` (n, m)."""
    if not isinstance(classes, list):
        return index.graph.constant(np.asarray(classes)).take(index, axis=0)
    taken = [classes_at(one, index.column(place)) for place, one in enumerate(classes)]
    return index.graph.concat(taken)
