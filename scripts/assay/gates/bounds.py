"""Rules that need no statistics: a number, or a change of it, held against a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.gates import changed, improved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.gates import Gate, Result, Rule, Subject


def decide(subject: Subject) -> Iterator[Gate]:
    """Hold a metric that has a value against its bounds. Exactly on a bound passes."""
    for rule, decision in _RULES.items():
        limit = getattr(subject.rules, rule, None)
        if limit is not None:
            yield decision(subject, rule, limit)


def undecidable(subject: Subject, rule: Rule, **facts: object) -> Gate | None:
    """The gate of a rule on a change, where direction or baseline are not known."""
    if subject.direction is None:
        message = f"{subject.metric} has no known direction: say `direction: higher` or `lower`"
        return subject.gate(rule, "failed", message, **facts)
    if subject.base is None:
        message = f"{subject.label} has no baseline to be compared with"
        message += f": at base, {subject.base_absent}" if subject.base_absent else ""
        return subject.gate(rule, "not decided", message, **facts)
    return None


def at_most(value: float, limit: float, *, scale: float = 0.0) -> bool:
    """Whether `value` is at most `limit` in decimals.

    0.80 - 0.79 is 0.010000000000000009 in binary: on the bound means on it as people write it.

    Args:
        value: What is held against the limit.
        limit: The most that it may be.
        scale: The largest of the numbers whose difference `value` is.
    """
    return value <= limit or value - limit <= 1e-9 * abs(limit) + 1e-12 * scale


def _value(subject: Subject, rule: Rule, limit: float) -> Gate:
    head = _known(subject.head)
    passed = at_most(head, limit) if rule == "max" else at_most(-head, -limit)
    side, word = ("above", "maximum") if rule == "max" else ("below", "minimum")
    message = f"{subject.label} {head:.4g} {'is not' if passed else 'is'} {side} its {word}"
    return subject.gate(rule, _result(passed), f"{message} {limit:g}", limit=limit, value=head)


def _regression(subject: Subject, rule: Rule, limit: float) -> Gate:
    early = undecidable(subject, rule, limit=limit)
    if early is not None:
        return early
    worse_by = subject.worse_by
    passed = at_most(worse_by, limit, scale=_scale(subject))
    change = changed(worse_by, subject.direction)
    message = f"{subject.label} {change}, {_within(passed)} the {limit:g} that is allowed"
    return subject.gate(rule, _result(passed), message, limit=limit, value=worse_by)


def _relative_regression(subject: Subject, rule: Rule, limit: float) -> Gate:
    share, early = _share(subject, rule, limit)
    if early is not None:
        return early
    passed = at_most(share, limit, scale=1.0)
    change = changed(subject.worse_by, subject.direction)
    by = f" ({_percent(share)} of base)" if share > 0 else ""
    message = f"{subject.label} {change}{by}, {_within(passed)} the {_percent(limit)}"
    message += " that is allowed"
    return subject.gate(rule, _result(passed), message, limit=limit, value=share)


def _improvement(subject: Subject, rule: Rule, limit: float) -> Gate:
    early = undecidable(subject, rule, limit=limit)
    if early is not None:
        return early
    better_by = -subject.worse_by
    passed = at_most(-better_by, -limit, scale=_scale(subject))
    message = f"{subject.label} {_better(subject)}, {_enough(passed)} the {limit:g}"
    message += " that is asked for"
    return subject.gate(rule, _result(passed), message, limit=limit, value=better_by)


def _relative_improvement(subject: Subject, rule: Rule, limit: float) -> Gate:
    share, early = _share(subject, rule, limit)
    if early is not None:
        return early
    passed = at_most(share, -limit, scale=1.0)
    by = f" ({_percent(-share)} of base)" if share < 0 else ""
    message = f"{subject.label} {_better(subject)}{by}, {_enough(passed)} the {_percent(limit)}"
    message += " that is asked for"
    return subject.gate(rule, _result(passed), message, limit=limit, value=-share)


def _share(subject: Subject, rule: Rule, limit: float) -> tuple[float, Gate | None]:
    """By what share of base's value head is worse; or the gate, where base has no share."""
    early = undecidable(subject, rule, limit=limit)
    if early is not None:
        return 0.0, early
    base = _known(subject.base)
    share = subject.worse_by / abs(base) if base else math.inf
    if math.isfinite(share):
        return share, None
    absolute = rule.replace("_relative", "")
    message = f"{subject.label} was {base:g} at base, and a share of that says nothing: use"
    return 0.0, subject.gate(rule, "failed", f"{message} `{absolute}`", limit=limit)


_RULES: dict[Rule, Callable[[Subject, Rule, float], Gate]] = {
    "min": _value,
    "max": _value,
    "max_regression": _regression,
    "max_relative_regression": _relative_regression,
    "min_improvement": _improvement,
    "min_relative_improvement": _relative_improvement,
}


def _known(value: float | None) -> float:
    assert value is not None  # noqa: S101 (`judge` asks only of metrics with a value)
    return value


def _scale(subject: Subject) -> float:
    return max(abs(_known(subject.head)), abs(_known(subject.base)))


def _result(passed: bool) -> Result:  # noqa: FBT001 (a mapping of two values)
    return "passed" if passed else "failed"


def _within(passed: bool) -> str:  # noqa: FBT001
    return "within" if passed else "more than"


def _enough(passed: bool) -> str:  # noqa: FBT001
    return "at least" if passed else "less than"


def _better(subject: Subject) -> str:
    return improved(-subject.worse_by, subject.direction)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
