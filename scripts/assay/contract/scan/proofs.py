"""What the least and the greatest value of a column prove, so that its rows need not be read."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from assay.contract.scan import builtin

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.contract.scan.builtin import Kind
    from assay.contract.sources.base import Known


def passes(name: str, given: dict[str, Any], kind: Kind, known: Known) -> bool:
    """Whether it is certain that all values of a column pass a check.

    Args:
        name: Of the check's function; `builtin.fails` compiles it.
        given: Its arguments.
        kind: Of the column's values.
        known: What is certain of the column.
    """
    if known.least is None or known.most is None:
        return False
    if name in _COMPARISONS:
        [value] = given.values()
        return _compared(name, value, kind, known)
    if name == "in_range":
        above = "greater_than_or_equal_to" if given["include_min"] else "greater_than"
        below = "less_than_or_equal_to" if given["include_max"] else "less_than"
        return _compared(above, given["min_value"], kind, known) and _compared(
            below, given["max_value"], kind, known
        )
    if name == "isin":
        return kind == "integer" and _all_listed(given["allowed_values"], known)
    return name == "notin" and _none_listed(given["forbidden_values"], kind, known)


def _compared(name: str, value: Any, kind: Kind, known: Known) -> bool:
    bound = builtin.as_number(value, kind)
    low, high = known.least, known.most
    if isinstance(bound, float):
        low, high = float(low), float(high)  # as in the query: a large number is rounded
    return _COMPARISONS[name](low, high, value if bound is None else bound)


def _all_listed(values: Any, known: Known) -> bool:
    if not isinstance(values, Collection) or known.most - known.least >= len(values):
        return False
    return all(number in values for number in range(known.least, known.most + 1))


def _none_listed(values: Any, kind: Kind, known: Known) -> bool:
    return isinstance(values, Collection) and all(
        value is None or _compared("not_equal_to", value, kind, known) for value in values
    )


_COMPARISONS: dict[str, Callable[[Any, Any, Any], bool]] = {
    "equal_to": lambda low, high, bound: bool(low == high == bound),
    "not_equal_to": lambda low, high, bound: not low <= bound <= high,
    "greater_than": lambda low, _, bound: bool(low > bound),
    "greater_than_or_equal_to": lambda low, _, bound: bool(low >= bound),
    "less_than": lambda _, high, bound: bool(high < bound),
    "less_than_or_equal_to": lambda _, high, bound: bool(high <= bound),
}
