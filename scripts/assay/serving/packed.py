"""A single row of numbers as a few bytes: that is what most requests are.

An array for each input, made and handed to a graph and counted and logged one by one, costs as much
as a small model. The values of a row lie side by side instead, 8 bytes each. `Row` is a mapping of
arrays all the same, which are made where somebody asks for them.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from operator import contains
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from assay.packaging.facts import OutputSpec, Scalar
    from assay.serving.inputs import Column
    from assay.serving.protocols.base import Answers, Feeds

_SLOT = 8
"""Bytes of a value, whatever its type: all of them are aligned."""


class Packing:
    """How values lie side by side.

    Args:
        types: By name, in order; all of them booleans or numbers.
    """

    def __init__(self, types: Mapping[str, np.dtype[Any]]) -> None:
        self.names = tuple(types)
        self.dtype = np.dtype(
            {
                "names": list(types),
                "formats": list(types.values()),
                "offsets": [_SLOT * at for at in range(len(types))],
                "itemsize": _SLOT * len(types),
            }
        )
        """One row as NumPy has it."""
        form = "".join(f"{one.char}{_SLOT - one.itemsize}x" for one in types.values())
        self.pack = struct.Struct(f"={form}".translate({ord("l"): "q", ord("L"): "Q"})).pack


class Row(Mapping[str, "NDArray[Any]"]):
    """One row: input by name, (1, 1).

    Args:
        packing: How it lies.
        packed: Its bytes.
    """

    __slots__ = ("packed", "packing")

    def __init__(self, packing: Packing, packed: bytes) -> None:
        self.packing, self.packed = packing, packed

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A copy: who drops the other columns does not keep their bytes."""
        return np.frombuffer(self.packed, self.packing.dtype)[name].reshape(1, 1).copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self.packing.names)

    def __len__(self) -> int:
        return len(self.packing.names)


class Packer:
    """Checks a row, and packs it; what is wrong or unusual with one it leaves to `Column`.

    Args:
        columns: The inputs of a model, as `packing` takes them.
        packing: How they lie.
    """

    def __init__(self, columns: Iterable[Column], packing: Packing) -> None:
        self._packing = packing
        self._names = packing.names
        columns = tuple(columns)
        self._types = [one.types for one in columns]
        self._categories: list[tuple[int, frozenset[Scalar]]] = [
            (at, one.categories) for at, one in enumerate(columns) if one.categories is not None
        ]

    def row(self, values: Mapping[str, Any]) -> Row | None:
        """A row of values by name; all names are there.

        Returns:
            `None` where a value is missing, or is not what the input takes.
        """
        plain = [values[name] for name in self._names]
        if not all(map(contains, self._types, map(type, plain))):
            return None
        if any(plain[at] not in known for at, known in self._categories):
            return None
        try:
            return Row(self._packing, self._packing.pack(*plain))
        except (struct.error, OverflowError):  # a number that is too large
            return None


def packing(columns: Iterable[Column]) -> Packing | None:
    """How rows of a model lie; `None` where one of its inputs is text or a matrix."""
    columns = tuple(columns)
    if any(one.width != 1 or one.dtype.kind == "O" for one in columns):
        return None
    return Packing({one.name: one.dtype for one in columns})


def stacked(tables: Sequence[Feeds]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Several requests' arrays by name, one below the other: (n, width)."""
    if all(type(one) is Row for one in tables):
        rows: Any = tables
        content = b"".join([one.packed for one in rows])
        whole = np.frombuffer(content, rows[0].packing.dtype)
        for name in rows[0]:
            yield name, whole[name].reshape(-1, 1)
        return
    for name in tables[0]:
        yield name, np.concatenate([one[name] for one in tables])


class Bound:
    """A graph that is asked about rows in memory that it knows: nothing is made or converted.

    Args:
        session: Of onnxruntime.
        packing: How its inputs lie.
        outputs: Of the model.

    Raises:
        Exception: The graph answers in other types or shapes than the signature says.
    """

    def __init__(self, session: Any, packing: Packing, outputs: Sequence[OutputSpec]) -> None:
        self._memory = bytearray(packing.dtype.itemsize)
        self._given = np.frombuffer(self._memory, packing.dtype)  # keeps it where it is
        self._binding = binding = session.io_binding()
        for at, name in enumerate(packing.names):
            place = self._given.ctypes.data + _SLOT * at
            binding.bind_input(name, "cpu", 0, packing.dtype[at], (1, 1), place)
        self._answers = {one.name: _answer(one) for one in outputs}
        for name, array in self._answers.items():
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        self._run = session.run_with_iobinding
        self._turn = threading.Lock()
        self._run(binding)

    def ask(self, row: Row) -> Answers | None:
        """What the graph says of a row; `None` while another thread asks it."""
        if not self._turn.acquire(blocking=False):
            return None
        try:
            self._memory[:] = row.packed
            self._run(self._binding)
            return {name: array.copy() for name, array in self._answers.items()}
        finally:
            self._turn.release()


def _answer(one: OutputSpec) -> NDArray[Any]:
    """Memory for the answer to one row."""
    if one.dtype == "string":
        raise TypeError(f"{one.name} is text, which has no size")
    return np.zeros([length or 1 for length in one.shape], one.dtype)
