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


def coded(model: Any, data: Data, categories: Sequence[Sequence[Any]]) -> Tensor:
    """All columns as numbers: (n, d); a category is its place among those that were fitted.

    Args:
        model: Whose columns they are.
        data: What it is given.
        categories: Of each column that had the type `category`, in order.

    Raises:
        NotConvertible: Other columns have that type in the table at hand.
    """
    if not len(categories):
        return matrix(data)
    if not isinstance(data, Frame) or any(width != 1 for width in data.widths):
        raise unsupported(model, "columns of the type `category` behind a transformer")
    sample = data.blocks[0].graph.sample
    names = data.names or ()
    of_type = [name for name in names if hasattr(sample.get(name, np.array(0)).dtype, "categories")]
    if len(of_type) != len(categories):
        raise unsupported(
            model,
            f"{len(categories)} columns of the type `category`, of which {len(of_type)} are so",
        )
    known = dict(zip(of_type, categories, strict=True))
    parts = []
    for name, block in zip(names, data.blocks, strict=True):
        if name in known:
            fitted = np.array(list(known[name]), dtype=object)
            place = codes(model, block, fitted).cast("float64")
            parts.append(place.equals(float(len(fitted))).where(place.like(np.nan), place))
        else:
            parts.append(block)
    return matrix(Frame(tuple(parts), data.widths, data.names))
