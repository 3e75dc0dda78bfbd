"""How a fitted estimator is put together: pipelines, column transformers, encoders, by duck typing.

Nothing of scikit-learn is imported, and no class has to be known by name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from assay.packaging.facts import Scalar


def plain(values: NDArray[Any]) -> tuple[Scalar, ...]:
    """Categories as plain values, without the one that stands for missing."""
    return tuple(
        value
        for value in values.tolist()
        if isinstance(value, str | bool | int | float)
        and not (isinstance(value, float) and not math.isfinite(value))
    )


def encoded(
    estimator: Any, columns: Sequence[str]
) -> Iterator[tuple[str, tuple[tuple[Scalar, ...], str]]]:
    """(column, (categories, class of the encoder)) of every column that an encoder reads first.

    Args:
        estimator: Fitted; pipelines, column transformers and unions are looked into.
        columns: What it is given, in order.
    """
    kind = type(estimator).__name__
    categories = getattr(estimator, "categories_", None)
    if isinstance(categories, list) and len(categories) == len(columns):
        for name, values in zip(columns, categories, strict=True):
            yield name, (plain(np.asarray(values)), kind)
    elif steps := getattr(estimator, "steps", None):
        for _, step in steps:
            yield from encoded(step, columns)
            if not _keeps_columns(step, len(columns)):
                return
    elif hasattr(estimator, "transformers_"):
        for part, names in parts(estimator, columns):
            yield from encoded(part, names)
    elif hasattr(estimator, "transformer_list"):
        for _, part in estimator.transformer_list:
            yield from encoded(part, columns)


def parts(transformer: Any, columns: Sequence[str]) -> Iterator[tuple[Any, list[str]]]:
    """The fitted transformers of a ColumnTransformer that are not dropped, with their columns."""
    indices = getattr(transformer, "_transformer_to_input_indices", {})
    for name, part, _ in transformer.transformers_:
        if part != "drop":
            yield part, [columns[index] for index in indices.get(name, ())]


def unused(estimator: Any, columns: Sequence[str]) -> set[str]:
    """The columns that a model was fitted with, and does not look at."""
    steps = getattr(estimator, "steps", None)
    first = steps[0][1] if steps else estimator
    if not hasattr(first, "transformers_"):
        return set()
    return set(columns) - {name for _, names in parts(first, columns) for name in names}


def _keeps_columns(step: Any, count: int) -> bool:
    """Whether what a step gives are its columns one by one, as scalers and imputers do."""
    if not hasattr(step, "transform"):
        return step is None or isinstance(step, str)  # CatBoost's models have no hash
    names = list(getattr(step, "feature_names_in_", [f"x{place}" for place in range(count)]))
    try:
        made = list(step.get_feature_names_out(names))
    except Exception:  # noqa: BLE001 (a step that cannot say: then it is taken to change them)
        return False
    return made == names and len(names) == count


def described(estimator: Any) -> str:
    """The classes of an estimator, outermost first: `Pipeline(StandardScaler, SVC)`."""
    kind = type(estimator).__name__
    inner: list[Any] = []
    if steps := getattr(estimator, "steps", None):
        inner = [step for _, step in steps]
    elif transformers := getattr(estimator, "transformers", None):
        inner = [part for _, part, _ in transformers if part not in ("drop", "passthrough")]
    elif listed_parts := getattr(estimator, "transformer_list", None):
        inner = [part for _, part in listed_parts]
    else:
        inner = [
            part
            for attribute in ("best_estimator_", "estimator", "regressor", "estimators")
            for part in _inner(getattr(estimator, attribute, None))
        ][:8]
    shown = [described(part) for part in inner if not isinstance(part, str) and part is not None]
    return f"{kind}({', '.join(shown)})" if shown else kind


def _inner(found: Any) -> list[Any]:
    """The estimators that a parameter or attribute of a meta-estimator holds."""
    if isinstance(found, list):
        return [one[1] if isinstance(one, tuple) else one for one in found]
    return [found] if hasattr(found, "get_params") else []
