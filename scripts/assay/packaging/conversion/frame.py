"""What an estimator is given inside of the graph: a matrix, or columns of several types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.packaging.conversion.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Frame:
    """Columns side by side that no one matrix can hold: text beside numbers, or as they came."""

    blocks: tuple[Tensor, ...]
    """(n, width) each."""
    widths: tuple[int, ...]
    names: tuple[str, ...] | None = None
    """Of the columns, where they have any."""


Data: TypeAlias = "Tensor | Frame"


def blocks_of(data: Data) -> tuple[Tensor, ...]:
    """The tensors that it consists of."""
    return data.blocks if isinstance(data, Frame) else (data,)


def matrix(data: Data, dtype: str = "float64") -> Tensor:
    """All columns as one (n, d).

    Raises:
        TextError: There is text among them, and numbers are asked for; or the other way round.
    """
    blocks = blocks_of(data)
    for block in blocks:
        _hold(block, dtype)
    return blocks[0].graph.concat([block.cast(dtype) for block in blocks])


class TextError(Exception):
    """Text stands where numbers are asked for, or numbers where text is."""


def _hold(block: Tensor, dtype: str) -> None:
    if (block.dtype == "string") != (dtype == "string"):
        raise TextError


def in_place(data: Data, values: Tensor) -> Tensor:
    """As NumPy stores the result of an operation in place: float32 stays float32."""
    return typed(data, values).cast("float64")


def typed(data: Data, values: Tensor) -> Tensor:
    """A result as scikit-learn gives it for a table: float32 where all of it is float32."""
    single = all(block.dtype == "float32" for block in blocks_of(data))
    return values.cast("float32") if single else values


def column(data: Data, place: int) -> Tensor:
    """One column as (n, 1)."""
    if not isinstance(data, Frame):
        return data.column(place)
    for block, width in zip(data.blocks, data.widths, strict=True):
        if place < width:
            return block if width == 1 else block.column(place)
        place -= width
    raise IndexError(place)


def select(data: Data, places: Sequence[int]) -> Data:
    """Some columns, in that order."""
    if not isinstance(data, Frame):
        return data.take(np.asarray(places, dtype=np.int64))
    names = tuple(data.names[place] for place in places) if data.names else None
    picked = tuple(column(data, place) for place in places)
    return Frame(picked, (1,) * len(picked), names)


def join(parts: Sequence[Data], widths: Sequence[int]) -> Data:
    """Tables side by side: one matrix where all are numbers, or all text."""
    blocks: list[Tensor] = []
    sizes: list[int] = []
    for part, width in zip(parts, widths, strict=True):
        if isinstance(part, Frame):
            blocks += part.blocks
            sizes += part.widths
        else:
            blocks.append(part)
            sizes.append(width)
    if len({block.dtype == "string" for block in blocks}) == 1:
        return blocks[0].graph.concat(blocks)
    return Frame(tuple(blocks), tuple(sizes))
