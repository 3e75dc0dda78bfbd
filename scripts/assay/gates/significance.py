"""Rules that need evidence: is head surely better, surely not much worse, or surely worse?

Two kinds of question, and two ways to ask several of them at once:

- `no_significant_regression` raises an alarm where head is worse than chance explains. The run
  fails if any of many such alarms is raised, so that their p-values are corrected (Holm), over
  metrics and slices together, whatever their severity: what is true of one metric does not depend
  on what somebody does about another.
- `superior` and `non_inferior` are claims, each of which must be shown. The run passes only if all
  of them are, so that each can be tested at alpha and the chance to pass wrongly is at most alpha
  too: an intersection-union test (R. L. Berger, "Multiparameter hypothesis testing and acceptance
  sampling", Technometrics 24, 1982). A correction would only cost power.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.gates import SignificanceTest, changed, improved, null
from assay.gates.bounds import at_most, undecidable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.config import Config
    from assay.evidence import Evidence
    from assay.gates import Gate, Result, Rule, Subject
    from assay.stats.holm import Corrected

LEAST_UNITS = 30
"""Below this nothing is tested: the tests rest on many rows, and would raise alarms on few."""


def alpha(config: Config) -> float:
    """The level of every one-sided test: 0.025 where intervals are of 95 %.

    So a gate is sure exactly where the interval of the report lies beyond its limit, as ICH E9
    (1998, 5.5) asks for: a test and an interval beside it must not contradict each other.
    """
    return round((1 - config.statistics.confidence) / 2, 12)  # not 0.025000000000000022


def alarm(subject: Subject) -> float | None:
    """The p-value that Holm corrects, where `no_significant_regression` can be tested."""
    evidence = subject.evidence
    if not subject.rules.no_significant_regression or evidence is None or subject.absent:
        return None
    if undecidable(subject, "no_significant_regression") or evidence.units < LEAST_UNITS:
        return None
    return _p_value(subject, evidence, 0.0, better=False)


def decide(subject: Subject, *, level: float, corrected: Corrected | None) -> Iterator[Gate]:
    """Hold a metric that has a value against what is claimed of it.

    Args:
        subject: The metric.
        level: Alpha.
        corrected: Its alarm among all alarms, where it has one.
    """
    rules = subject.rules
    if rules.no_significant_regression:
        early = _too_little(subject, "no_significant_regression")
        yield early or _no_regression(subject, corrected, level)
    if rules.non_inferior is not None:
        early = _too_little(subject, "non_inferior", limit=rules.non_inferior)
        yield early or _non_inferior(subject, rules.non_inferior, level)
    if getattr(rules, "superior", False):  # of a slice there is no such rule
        yield _too_little(subject, "superior") or _superior(subject, level)


def rows_needed(units: int, *, standard_error: float, distance: float, level: float) -> int | None:
    """How many rows would have told, had the difference and the spread of a row stayed the same.

    A standard error falls with the root of the number of rows, so that the estimate is z standard
    errors from the null at units * (z * standard_error / distance)**2 rows.

    Args:
        units: Rows, or groups of them, that there are.
        standard_error: Of the difference.
        distance: From the null to the estimate, positive towards what is claimed.
        level: Alpha of the one-sided test.
    """
    reach = NormalDist().inv_cdf(1 - level) * standard_error
    if distance <= 0 or reach > 1e6 * distance:
        return None  # no number of rows that anybody has
    needed = math.ceil(units * (reach / distance) ** 2)
    return max(needed, units + 1, LEAST_UNITS)


def _too_little(subject: Subject, rule: Rule, **facts: object) -> Gate | None:
    """The gate of a rule that cannot be tested, or should not be."""
    early = undecidable(subject, rule, **facts)
    if early is not None:
        return early
    if subject.evidence is None:
        result, why = subject.blind
        return subject.gate(rule, result, f"{subject.label} {why}", **facts)
    units = subject.evidence.units
    if units < LEAST_UNITS:
        message = f"{subject.label} rests on {units} {subject.unit}, which are too few to tell;"
        message += f" at least {LEAST_UNITS} are needed"
        return subject.gate(
            rule, "inconclusive", message, rows_needed=LEAST_UNITS, value=subject.worse_by, **facts
        )
    return None


def _no_regression(subject: Subject, corrected: Corrected | None, level: float) -> Gate:
    assert corrected is not None  # noqa: S101 (`alarm` has one wherever `_too_little` says nothing)
    test = SignificanceTest(
        null=0.0,
        p_value=corrected.p_value,
        adjusted=corrected.adjusted,
        rank=corrected.rank,
        family=corrected.family,
        alpha=level,
    )
    chance = _chance(corrected.adjusted)
    if corrected.family > 1:
        chance += f", corrected for {corrected.family} tests"
    change = changed(subject.worse_by, subject.direction)
    if test.adjusted < level:
        text = f"{change}, more than chance explains ({chance})"
        return _gate(subject, "no_significant_regression", "failed", text, test)
    text = f"{change}, no more than chance explains ({chance})" if subject.worse_by > 0 else change
    return _gate(subject, "no_significant_regression", "passed", text, test)


def _non_inferior(subject: Subject, margin: float, level: float) -> Gate:
    test = _claim(subject, null(subject.direction, margin), level)
    worse_by = subject.worse_by
    change = changed(worse_by, subject.direction)
    chance = _chance(test.p_value)
    if test.p_value < level:
        text = f"{change}, and is surely within the {margin:g} that is allowed ({chance})"
        return _gate(subject, "non_inferior", "passed", text, test, limit=margin)
    if not at_most(worse_by, margin, scale=max(abs(subject.head or 0), abs(subject.base or 0))):
        text = f"{change}, more than the {margin:g} that is allowed"
        return _gate(subject, "non_inferior", "failed", text, test, limit=margin)
    text = f"{change}, and it is not sure that this is within the {margin:g} that is allowed"
    return _unsure(subject, "non_inferior", text, test, margin - worse_by, limit=margin)


def _superior(subject: Subject, level: float) -> Gate:
    test = _claim(subject, 0.0, level)
    better_by = -subject.worse_by
    if test.p_value < level:
        text = f"{improved(better_by, subject.direction)}, surely better ({_chance(test.p_value)})"
        return _gate(subject, "superior", "passed", text, test)
    if better_by <= 0:
        text = "did not get better, and has to"
        return _gate(subject, "superior", "failed", text, test)
    text = f"{improved(better_by, subject.direction)}, and it is not sure that this is better"
    return _unsure(subject, "superior", text, test, better_by)


def _claim(subject: Subject, against: float, level: float) -> SignificanceTest:
    evidence = subject.evidence
    assert evidence is not None  # noqa: S101 (`_too_little` says so otherwise)
    p_value = _p_value(subject, evidence, against, better=True)
    return SignificanceTest(null=against, p_value=p_value, adjusted=p_value, alpha=level)


def _p_value(subject: Subject, evidence: Evidence, against: float, *, better: bool) -> float:
    """One-sided, against "head is no better (or no worse) than `against`"."""
    tail = evidence.tail(against)
    if tail is None:
        raise UsageError(
            f"{subject.label} was not compared with a difference of {against:g}, which a gate in "
            "assay.yaml needs.",
            hint="Run `assay evaluate` again: assay.yaml has changed since.",
        )
    return tail.p_greater if better == (subject.direction == "higher") else tail.p_less


def _unsure(
    subject: Subject,
    rule: Rule,
    text: str,
    test: SignificanceTest,
    distance: float,
    **facts: object,
) -> Gate:
    evidence = subject.evidence
    assert evidence is not None  # noqa: S101 (`_too_little` says so otherwise)
    needed = rows_needed(
        evidence.units,
        standard_error=evidence.standard_error,
        distance=distance,
        level=test.alpha,
    )
    text += f" ({_chance(test.p_value)}); "
    if needed is None:
        text += "the difference is so near to the limit that no number of rows would tell"
    else:
        text += f"about {_rounded(needed)} {subject.unit} would tell"
        text += f", and there are {evidence.units:,}"
    return _gate(subject, rule, "inconclusive", text, test, rows_needed=needed, **facts)


def _gate(
    subject: Subject, rule: Rule, result: Result, text: str, test: SignificanceTest, **facts: object
) -> Gate:
    message = f"{subject.label} {text}"
    if subject.evidence is not None and subject.evidence.method == "unpaired":
        message += "; head and base have different rows, so they were compared unpaired"
    return subject.gate(rule, result, message, test=test, value=subject.worse_by, **facts)


def _chance(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.3g}"


def _rounded(count: int) -> str:
    """Two digits, upwards: the third would be a promise."""
    step: int = 10 ** max(len(str(count)) - 2, 0)
    return f"{-(-count // step) * step:,}"
