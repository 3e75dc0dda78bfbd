"""Conditions on the rows of a table, as `age >= 60 and region in ('north', 'east')`.

The text is somebody's: Python's parser reads it, and what is not in a short list of harmless
things is refused. Nothing is ever executed: every condition is a comparison of arrays.

- A comparison with a missing value is false, `!=` and `not in` too. `not` turns a condition round,
  so `not x > 3` holds for the rows without an `x`, and `x <= 3` does not.
- Arithmetic is done in floating point; what divides zero by zero is missing.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.console import printable
from assay.stats.columns import PredictionsError
from assay.stats.conditions import (
    Among,
    Calculated,
    Compared,
    Condition,
    Constant,
    Flag,
    Joined,
    Missing,
    Name,
    Not,
    Value,
)
from assay.stats.operands import Sign, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

MOST_CHARACTERS = 2000
"""Longer texts are refused: nobody could read them in a report."""
MOST_LEVELS = 60
"""Deeper nesting is refused, long before Python's own limit."""
_GREATEST = 2**64

ALLOWED = (
    "Allowed: columns (in backticks where the name is not a plain one) compared with values by "
    "== != < <= > >=, in (...), not in (...), is None, is not None; joined by and, or, not, with "
    "parentheses; + - * / of numbers."
)


class ExpressionError(PredictionsError):
    """A text is no expression that we evaluate."""

    def __init__(self, text: str, problem: str) -> None:
        shown = text if len(text) <= 200 else f"{text[:200]}..."
        super().__init__(f"the expression {shown!r}: {problem}", hint=ALLOWED)


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on rows. Make one with `compile`."""

    text: str
    columns: tuple[str, ...]
    """The columns that it names, in order of appearance."""
    condition: Condition

    def mask(self, frame: pd.DataFrame | Table) -> NDArray[np.bool_]:
        """(n,): for which rows it is true.

        Raises:
            PredictionsError: A column is missing, or cannot be compared with what it is held
                against.
        """
        try:
            table = frame if isinstance(frame, Table) else Table(frame)
            table.require(self.columns)
            return self.condition.mask(table)
        except PredictionsError as error:
            message = f"the expression {self.text!r}: {error.message}"
            raise PredictionsError(message, hint=error.hint) from error


def compile(text: str) -> Expression:  # noqa: A001 (as in `re.compile`)
    """Read an expression.

    Raises:
        ExpressionError: It is not one; says at which part, and what is allowed.
    """
    text = text.strip()
    if not text:
        raise ExpressionError(text, "it is empty")
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(
            text, f"it has {len(text):,} characters; at most {MOST_CHARACTERS:,} are allowed"
        )
    tree = _parse(text)
    condition = _Reader(text).condition(tree)
    return Expression(text, tuple(dict.fromkeys(condition.names())), condition)


_TOKEN = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?P<column>`[^`]+`)|(?P<refused>[`#\x00])|\s|.""",
    re.DOTALL,
)


def _parse(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            # What Python would only warn of (an escape that is none) is a mistake here.
            warnings.simplefilter("error")
            tree = ast.parse(_masked(text), mode="eval").body
    except SyntaxError as error:
        # Counted from 1; Python says 0 where it met the end.
        part = text[error.offset - 1 :][:30] if error.offset else ""
        where = f"it is not understood from `{printable(part)}` on" if part else "it ends too early"
        raise ExpressionError(text, where) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError(text, "it cannot be read") from error
    level, nodes = 0, [tree]
    while nodes:
        level += 1
        nodes = [c for node in nodes for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
    if level > MOST_LEVELS:
        raise ExpressionError(text, f"it is nested more than {MOST_LEVELS} levels deep")
    return tree


def _masked(text: str) -> str:
    """The text with every name in backticks as a plain name of the same length."""
    parts: list[str] = []
    quoted = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match["refused"]:
            part = printable(text[match.start() :][:30])
            raise ExpressionError(text, f"it is not understood from {part} on")
        if quoted and token[0] in "'\"":
            raise ExpressionError(text, "one quote follows another; put an operator between them")
        quoted = match["text"] is not None or (quoted and token.isspace())
        if match["column"]:
            parts.append("_" * len(token))
        else:
            parts.append(" " if token.isspace() else token)
    return "".join(parts)


_SIGNS: Mapping[type[ast.cmpop], Sign] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[..., NDArray[np.float64]]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
_REFUSED: Mapping[type[ast.AST], str] = {
    ast.Call: "calls a function",
    ast.Attribute: "looks into an object",
    ast.Subscript: "looks into an object",
    ast.JoinedStr: "is a text with code in it",
    ast.BitAnd: "is no condition: write `and` in place of `&`",
    ast.BitOr: "is no condition: write `or` in place of `|`",
    ast.Invert: "is no condition: write `not` in place of `~`",
}


class _Reader:
    """From Python's syntax tree to ours; what has no counterpart is refused."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Python counts in bytes of UTF-8.
        self._bytes = _masked(text).encode()

    def condition(self, node: ast.expr) -> Condition:
        """What is true or false for each row."""
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.condition(value) for value in node.values)
            return Joined(parts, every=isinstance(node.op, ast.And))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.condition(node.operand))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Name):
            return Flag(self._name(node))
        raise self._refuse(node, "is no condition: compare it with something")

    def _comparison(self, node: ast.Compare) -> Condition:
        sides = [node.left, *node.comparators]
        pairs = zip(sides, node.ops, sides[1:], strict=False)
        parts = tuple(self._pair(*pair) for pair in pairs)
        for part, left, right in zip(parts, sides, sides[1:], strict=False):
            if not any(part.names()):
                raise self._refuse(left, f"and `{self._part(right)}` are both no column")
        return parts[0] if len(parts) == 1 else Joined(parts, every=True)

    def _pair(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(sign, ast.Is | ast.IsNot):
            if not isinstance(right, ast.Constant) or right.value is not None:
                raise self._refuse(right, "after `is` is not None: write == or !=")
            return Missing(self._value(left), negated=isinstance(sign, ast.IsNot))
        if isinstance(sign, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List):
                raise self._refuse(right, "is no list: write in ('a', 'b'), or in ('a',)")
            among = tuple(self._constant(item) for item in right.elts)
            return Among(self._value(left), among, negated=isinstance(sign, ast.NotIn))
        return Compared(self._value(left), _SIGNS[type(sign)], self._value(right))

    def _value(self, node: ast.expr) -> Value:
        """A column, a value, or what is calculated from them."""
        if isinstance(node, ast.Name):
            return Name(self._name(node))
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            sides = (self._value(node.left), self._value(node.right))
            return Calculated(self._part(node), _ARITHMETIC[type(node.op)], sides)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            if isinstance(node.operand, ast.Constant):
                return self._constant(node)
            change = np.negative if isinstance(node.op, ast.USub) else np.positive
            return Calculated(self._part(node), change, (self._value(node.operand),))
        return self._constant(node)

    def _constant(self, node: ast.expr) -> Constant:
        signed = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd)
        inner = node.operand if isinstance(node, ast.UnaryOp) and signed else node
        if not isinstance(inner, ast.Constant):
            raise self._refuse(inner, "is no value: text in quotes, a number, True or False")
        value = inner.value
        if value is None:
            raise self._refuse(inner, "is no value: write `is None` or `is not None`")
        if not isinstance(value, bool | int | float | str) or (
            signed and isinstance(value, bool | str)
        ):
            raise self._refuse(node, "is no value: text in quotes, a number, True or False")
        if isinstance(value, int) and value >= _GREATEST:
            raise self._refuse(node, "is too large a number")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = -value  # type: ignore[operator]  # text was refused above
        return Constant(self._part(node), value)

    def _name(self, node: ast.Name) -> str:
        # From the text, because Python normalizes the letters of a name.
        return self._part(node).strip("`")

    def _part(self, node: ast.expr) -> str:
        """What stands in the text."""
        start = len(self._bytes[: node.col_offset].decode())
        return self._text[start : len(self._bytes[: node.end_col_offset].decode())]

    def _refuse(self, node: ast.expr, problem: str) -> ExpressionError:
        kind = getattr(node, "op", node)
        problem = _REFUSED.get(type(node)) or _REFUSED.get(type(kind)) or problem
        return ExpressionError(self._text, f"`{printable(self._part(node))}` {problem}")
