# mypy: disable-error-code="no-any-return"
"""Encoders of categories: each is a table with a row a category, and one for unseen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.frame import Data, column
from assay.packaging.conversion.graph import ML
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


def codes(encoder: Any, values: Tensor, categories: NDArray[Any]) -> Tensor:
    """The place of each value among the categories, their number where it is not one: (n, 1) int64.

    Raises:
        NotConvertible: The categories are of several types, or both "" and missing are among them.
    """
    missing = np.array([is_missing(one) for one in categories], dtype=bool)
    if values.dtype == "string":
        return _text_codes(encoder, values, categories, missing)
    try:
        numbers = np.array(
            [0 if lost else one for one, lost in zip(categories, missing, strict=True)]
        )
        exact = not values.dtype.startswith("float")
        whole = exact and numbers.dtype.kind in "iub"
        numbers = numbers.astype(np.int64 if whole else np.float64)
    except (TypeError, ValueError) as error:
        raise unsupported(encoder, "categories that are text for a column of numbers") from error
    asked = values.cast("int64" if whole else "float64")
    hit = asked.equals(numbers[None, :]) & (~missing)[None, :]
    if missing.any():
        hit = hit | (asked.isnan() & missing[None, :])
    count = len(categories)
    behind = hit.cast("int64") * (count - np.arange(count))[None, :]
    return count - behind.max()


def _text_codes(
    encoder: Any, values: Tensor, categories: NDArray[Any], missing: NDArray[np.bool_]
) -> Tensor:
    if not all(isinstance(one, str) for one in categories[~missing]):
        raise unsupported(encoder, "categories that are numbers for a column of text")
    keys = ["" if lost else str(one) for one, lost in zip(categories, missing, strict=True)]
    if len(set(keys)) < len(keys):
        raise unsupported(encoder, "both the empty text and a missing value as categories")
    return values.op(
        "LabelEncoder",
        dtype="int64",
        domain=ML,
        keys_strings=keys,
        values_int64s=list(range(len(keys))),
        default_int64=len(keys),
    )


def is_missing(value: Any) -> bool:
    """NaN, None and `pandas.NA`: what a category can be that is no value."""
    return value is None or value != value or type(value).__name__ == "NAType"  # noqa: PLR0124 (NaN)


def lookup(code: Tensor, table: NDArray[Any]) -> Tensor:
    """The row of a table for each code: (n, width)."""
    rows = code.graph.constant(np.ascontiguousarray(table, dtype=np.float64))
    return rows.take(code.reshape(-1), axis=0)


@converts("sklearn.OneHotEncoder", method="transform")
def one_hot(encoder: Any, data: Data) -> Tensor:
    """A column a category, without those dropped; infrequent ones share a column."""
    dropped = encoder._drop_idx_after_grouping  # noqa: SLF001 (`drop_idx_` is before the grouping)
    parts = []
    for place, categories in enumerate(encoder.categories_):
        groups, unseen = _groups(encoder, place)
        size = int(max(groups, default=-1)) + 1
        table = np.zeros((len(categories) + 1, size))
        table[np.arange(len(categories)), groups] = 1.0
        if unseen is not None and encoder.handle_unknown in {"infrequent_if_exist", "warn"}:
            table[-1, unseen] = 1.0
        if dropped is not None and dropped[place] is not None:
            table = np.delete(table, int(dropped[place]), axis=1)
        parts.append(lookup(codes(encoder, column(data, place), categories), table))
    return parts[0].graph.concat(parts)


def _groups(encoder: Any, place: int) -> tuple[NDArray[np.int64], int | None]:
    """The column of each category after grouping, and that of infrequent ones."""
    count = len(encoder.categories_[place])
    if not getattr(encoder, "_infrequent_enabled", False):
        return np.arange(count), None
    mapping = encoder._default_to_infrequent_mappings[place]  # noqa: SLF001 (the resolved grouping)
    if mapping is None:
        return np.arange(count), None
    # of OrdinalEncoder, a missing value is last among the categories and in no group
    groups = np.append(np.asarray(mapping, dtype=np.int64), np.arange(len(mapping), count))
    return groups, int(groups[encoder._infrequent_indices[place][0]])  # noqa: SLF001 (as above)


@converts("sklearn.OrdinalEncoder", method="transform")
def ordinal(encoder: Any, data: Data) -> Tensor:
    """The category's number; what stands for missing and for unseen ones as it was configured."""
    unseen = encoder.unknown_value
    parts = []
    for place, categories in enumerate(encoder.categories_):
        lost = encoder._missing_indices.get(place)  # noqa: SLF001 (scikit-learn's own resolution)
        groups = _groups(encoder, place)[0].astype(np.float64)
        if lost is not None:
            groups[lost] = lost
            groups[groups == lost] = encoder.encoded_missing_value
        table = np.append(groups, np.nan if unseen is None else float(unseen))[:, None]
        parts.append(lookup(codes(encoder, column(data, place), categories), table))
    return parts[0].graph.concat(parts)


@converts("sklearn.TargetEncoder", method="transform")
def target(encoder: Any, data: Data) -> Tensor:
    """The mean of the target for the category: a column a class of several."""
    several = encoder.target_type_ == "multiclass"
    width = len(encoder.classes_) if several else 1
    means = np.asarray(encoder.target_mean_, dtype=np.float64).reshape(1, -1)
    parts = []
    for place, categories in enumerate(encoder.categories_):
        encodings = encoder.encodings_[place * width : (place + 1) * width]
        table = np.concatenate([np.stack(encodings, axis=1), means])
        parts.append(lookup(codes(encoder, column(data, place), categories), table))
    return parts[0].graph.concat(parts)
