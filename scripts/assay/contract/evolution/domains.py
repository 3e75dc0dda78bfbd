"""Sets of values that checks allow together: an interval, a list, or what they leave of another."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from assay.contract.evolution.section import CheckDescription, Effect, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COMPARED = frozenset(
    {
        *("equal_to", "not_equal_to", "greater_than", "greater_than_or_equal_to", "less_than"),
        *("less_than_or_equal_to", "in_range", "isin", "notin"),
    }
)
"""Pandera's checks that allow a set of values."""

Key = tuple[str, Decimal | str]


class IncomparableError(Exception):
    """Values of different kinds, or of a kind without an order, are no set that we can tell."""


@dataclass(frozen=True)
class End:
    """One end of an interval."""

    value: Value
    closed: bool


@dataclass(frozen=True)
class Domain:
    """A set of values; by default all."""

    low: End | None = None
    high: End | None = None
    only: Mapping[Key, Value] | None = None
    """Only these, as far as they are inside of the interval."""
    never: Mapping[Key, Value] = field(default_factory=dict)

    @property
    def everything(self) -> bool:
        """Whether nothing is ruled out."""
        return self == Domain()

    def has(self, value: Value) -> bool:
        """Whether a value is in it."""
        key = _key(value)
        return (
            (self.only is None or key in self.only)
            and key not in self.never
            and (self.low is None or _above(value, self.low))
            and (self.high is None or _below(value, self.high))
        )

    def members(self) -> list[Value] | None:
        """All values, where they are listed."""
        return None if self.only is None else [v for v in self.only.values() if self.has(v)]

    def is_empty(self) -> bool:
        """Whether no value is in it, for sure."""
        if self.only is not None:
            return not self.members()
        if self.low is None or self.high is None:
            return False
        order = _compare(self.low.value, self.high.value)
        return order > 0 or (order == 0 and not (self.low.closed and self.high.closed))


def of(checks: Iterable[CheckDescription], *, whole: bool) -> Domain:
    """What several checks of `COMPARED` allow together.

    Args:
        checks: Pandera's own.
        whole: Whether all values are whole numbers: more than 0 is then at least 1.

    Raises:
        IncomparableError: Their arguments are no values that can be compared.
    """
    domain = Domain()
    for check in checks:
        domain = _and(domain, check)
    return _whole(domain) if whole else domain


def lengths(checks: Iterable[CheckDescription]) -> Domain:
    """What several checks of `str_length` allow together, as numbers of characters."""
    domain = Domain()
    for check in checks:
        arguments = {k: v[0] for k, v in check.arguments.items() if v and v[0].kind != "none"}
        exact = arguments.get("exact_value")
        low, high = arguments.get("min_value", exact), arguments.get("max_value", exact)
        domain = _from(domain, low) if low is not None else domain
        domain = _to(domain, high) if high is not None else domain
    return domain


def effect(base: Domain, head: Domain) -> Effect | None:
    """What it does to put one in the place of the other; `None` where they are the same."""
    forth, back = contains(head, base), contains(base, head)
    if forth and back:
        return None
    if forth:
        return "widens"
    return "narrows" if back else "both"


def contains(outer: Domain, inner: Domain) -> bool:
    """Whether all values of one are in the other."""
    if inner.is_empty():
        return True
    if (members := inner.members()) is not None:
        return all(outer.has(value) for value in members)
    if outer.only is not None:
        return False
    return (
        (outer.low is None or (inner.low is not None and _within(inner.low, outer.low, "low")))
        and (
            outer.high is None
            or (inner.high is not None and _within(inner.high, outer.high, "high"))
        )
        and not any(inner.has(value) for value in outer.never.values())
    )


def _and(domain: Domain, check: CheckDescription) -> Domain:
    arguments = check.arguments
    match check.name:
        case "isin" | "equal_to":
            listed = arguments.get("allowed_values", arguments.get("value", ()))
            only = {_key(value): value for value in listed if value.kind != "none"}
            if domain.only is not None:
                only = {key: value for key, value in only.items() if key in domain.only}
            return replace(domain, only=only)
        case "notin" | "not_equal_to":
            listed = arguments.get("forbidden_values", arguments.get("value", ()))
            return replace(domain, never={**domain.never, **{_key(v): v for v in listed}})
    low, high = arguments.get("min_value", ()), arguments.get("max_value", ())
    if low:
        domain = _from(domain, low[0], closed=_closed(check, "include_min", "greater_than"))
    if high:
        domain = _to(domain, high[0], closed=_closed(check, "include_max", "less_than"))
    return domain


def _closed(check: CheckDescription, flag: str, strict: str) -> bool:
    flags = check.arguments.get(flag, ())
    return check.name != strict and (not flags or flags[0].key == "1")


def _from(domain: Domain, value: Value, *, closed: bool = True) -> Domain:
    end = End(value, closed)
    if domain.low is not None and _within(domain.low, end, "low"):
        return domain
    return replace(domain, low=end)


def _to(domain: Domain, value: Value, *, closed: bool = True) -> Domain:
    end = End(value, closed)
    if domain.high is not None and _within(domain.high, end, "high"):
        return domain
    return replace(domain, high=end)


def _within(inner: End, outer: End, side: Literal["low", "high"]) -> bool:
    """Whether one end of an interval goes no further out than another."""
    order = _compare(inner.value, outer.value)
    if order == 0:
        return outer.closed or not inner.closed
    return order > 0 if side == "low" else order < 0


def _above(value: Value, low: End) -> bool:
    order = _compare(value, low.value)
    return order > 0 or (order == 0 and low.closed)


def _below(value: Value, high: End) -> bool:
    order = _compare(value, high.value)
    return order < 0 or (order == 0 and high.closed)


def _compare(one: Value, other: Value) -> int:
    if one.kind != other.kind or one.kind in {"none", "other"}:
        raise IncomparableError
    first, second = one.order, other.order
    return (first > second) - (first < second)  # type: ignore[operator]  # of one kind


def _key(value: Value) -> Key:
    if value.kind == "other":
        raise IncomparableError
    return value.kind, value.order


def _whole(domain: Domain) -> Domain:
    """A set of whole numbers, with ends that are in it."""
    low, high = domain.low, domain.high
    if low is not None and low.value.kind == "number" and Decimal(low.value.key).is_finite():
        number = Decimal(low.value.key)
        least = math.floor(number) + 1 if not low.closed else math.ceil(number)
        domain = replace(domain, low=End(_number(least), closed=True))
    if high is not None and high.value.kind == "number" and Decimal(high.value.key).is_finite():
        number = Decimal(high.value.key)
        greatest = math.ceil(number) - 1 if not high.closed else math.floor(number)
        domain = replace(domain, high=End(_number(greatest), closed=True))
    return domain


def _number(value: int) -> Value:
    return Value(kind="number", text=str(value), key=str(value))


def words(domain: Domain) -> str:
    """`0 to 23`, `at least 0`, `one of a, b`."""
    said = []
    if domain.only is not None:
        said.append(f"one of {listed(domain.only.values())}" if domain.only else "nothing")
    elif (
        domain.low is not None
        and domain.high is not None
        and domain.low.closed
        and domain.high.closed
    ):
        said.append(f"{domain.low.value.text} to {domain.high.value.text}")
    else:
        if domain.low is not None:
            said.append(
                f"{'at least' if domain.low.closed else 'more than'} {domain.low.value.text}"
            )
        if domain.high is not None:
            said.append(
                f"{'at most' if domain.high.closed else 'less than'} {domain.high.value.text}"
            )
    if domain.never:
        said.append(f"not {listed(domain.never.values())}")
    return ", ".join(said)


def only_in(one: Domain, other: Domain) -> str | None:
    """The values that are in one list and not in the other; nothing where one is no list."""
    if one.only is None or other.only is None:
        return None
    return listed(value for key, value in one.only.items() if key not in other.only) or None


MOST_LISTED = 8


def listed(values: Iterable[Value]) -> str:
    """A few values, in the order that they are given."""
    texts = [value.text for value in values]
    more = f" and {len(texts) - MOST_LISTED:,} more" if len(texts) > MOST_LISTED else ""
    return ", ".join(texts[:MOST_LISTED]) + more
