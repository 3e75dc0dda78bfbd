"""Columns of the pandas type `category`, as libraries of boosted trees take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.encoding import codes
from assay.packaging.conversion.frame import Data, Frame, matrix
from assay.packaging.conversion.refusal import unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.packaging.conversion.tensor import Tensor


def coded(model: Any, data: Data, categories: Sequence[Sequence[Any]] | None) -> Tensor:
    """All columns as numbers: (n, d); a category is its place among those that were fitted.

    Args:
        model: Whose columns they are.
        data: What it is given.
        categories: Of each column that had the type `category`, in order; `None` of a model that
            does not know them: it takes the places in the table at hand.

    Raises:
        NotConvertible: Other columns have that type in the table at hand.
    """
    here = of_type(data)
    if categories is None:
        categories = list(here.values())
    if not categories:
        return matrix(data)
    if not isinstance(data, Frame) or len(here) != len(categories):
        raise unsupported(
            model,
            f"{len(categories)} columns of the type `category`, of which {len(here)} are so where "
            "the model is given them",
        )
    known = dict(zip(here, categories, strict=True))
    parts = []
    for name, block in zip(data.names or (), data.blocks, strict=True):
        if name in known:
            fitted = np.array(list(known[name]), dtype=object)
            place = codes(model, block, fitted).cast("float64")
            parts.append(place.equals(float(len(fitted))).where(np.nan, place))
        else:
            parts.append(block)
    return matrix(Frame(tuple(parts), data.widths, data.names))


def of_type(data: Data) -> dict[str, Sequence[Any]]:
    """The columns of the type `category` in the table at hand, and their categories."""
    if not isinstance(data, Frame) or any(width != 1 for width in data.widths):
        return {}
    sample = data.blocks[0].graph.sample
    types = {name: sample[name].dtype for name in data.names or () if name in sample}
    return {name: of.categories for name, of in types.items() if hasattr(of, "categories")}
