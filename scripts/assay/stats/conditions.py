"""The parts of a condition on the rows of a table, evaluated as comparisons of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from assay.stats import operands
from assay.stats.columns import PredictionsError
from assay.stats.operands import Operand, Sign, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Name:
    """A column."""

    name: str

    def names(self) -> Iterator[str]:
        """The columns below."""
        yield self.name

    def operand(self, table: Table) -> Operand:
        """Its values."""
        return table.read(self.name)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the text."""

    text: str
    value: bool | float | str

    def names(self) -> Iterator[str]:
        """The columns below: none."""
        yield from ()

    def operand(self, table: Table) -> Operand:
        """The same value whatever the table."""
        del table
        return operands.constant(self.value, self.text)


@dataclass(frozen=True, slots=True)
class Calculated:
    """Numbers made of numbers."""

    text: str
    function: Callable[..., NDArray[np.float64]]
    sides: tuple[Value, ...]

    def names(self) -> Iterator[str]:
        """The columns below."""
        for side in self.sides:
            yield from side.names()

    def operand(self, table: Table) -> Operand:
        """Its values; missing where one of the sides is."""
        with np.errstate(all="ignore"):
            values = self.function(*(side.operand(table).floats() for side in self.sides))
        if not any(self.names()):
            return Operand(self.text, "number", float(values))
        return Operand(f"`{self.text}`", "number", values, np.isnan(values))


@dataclass(frozen=True, slots=True)
class Compared:
    """Two values, held against each other."""

    left: Value
    sign: Sign
    right: Value

    def names(self) -> Iterator[str]:
        """The columns below."""
        yield from self.left.names()
        yield from self.right.names()

    def mask(self, table: Table) -> NDArray[np.bool_]:
        """(n,): where it is true."""
        return operands.compare(self.left.operand(table), self.sign, self.right.operand(table))


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a value is one of several."""

    value: Value
    among: tuple[Constant, ...]
    negated: bool

    def names(self) -> Iterator[str]:
        """The columns below."""
        yield from self.value.names()

    def mask(self, table: Table) -> NDArray[np.bool_]:
        """(n,): where it is true."""
        column = self.value.operand(table)
        found = np.zeros(len(table), dtype=np.bool_)
        for constant in self.among:
            found |= operands.compare(column, "==", constant.operand(table))
        return ~found & ~column.absent() if self.negated else found


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether there is no value."""

    value: Value
    negated: bool

    def names(self) -> Iterator[str]:
        """The columns below."""
        yield from self.value.names()

    def mask(self, table: Table) -> NDArray[np.bool_]:
        """(n,): where it is true."""
        missing = self.value.operand(table).absent()
        return ~missing if self.negated else missing


@dataclass(frozen=True, slots=True)
class Flag:
    """A column of truth values, by itself."""

    name: str

    def names(self) -> Iterator[str]:
        """The columns below."""
        yield self.name

    def mask(self, table: Table) -> NDArray[np.bool_]:
        """(n,): where it is true."""
        column = table.read(self.name)
        if column.kind not in {"boolean", "empty"}:
            raise PredictionsError(
                f"{column.label} does not hold true/false, so it is no condition by itself",
                hint="Compare it with something, as `column == 'value'`.",
            )
        return operands.compare(column, "==", operands.constant(True, "True"))  # noqa: FBT003


@dataclass(frozen=True, slots=True)
class Not:
    """The rows for which something is not true."""

    part: Condition

    def names(self) -> Iterator[str]:
        """The columns below."""
        yield from self.part.names()

    def mask(self, table: Table) -> NDArray[np.bool_]:
        """(n,): where it is true."""
        return ~self.part.mask(table)


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions: every one of them, or any."""

    parts: tuple[Condition, ...]
    every: bool

    def names(self) -> Iterator[str]:
        """The columns below."""
        for part in self.parts:
            yield from part.names()

    def mask(self, table: Table) -> NDArray[np.bool_]:
        """(n,): where it is true."""
        found = self.parts[0].mask(table)
        for part in self.parts[1:]:
            found = found & part.mask(table) if self.every else found | part.mask(table)
        return found


Value: TypeAlias = "Name | Constant | Calculated"
Condition: TypeAlias = "Compared | Among | Missing | Flag | Not | Joined"
