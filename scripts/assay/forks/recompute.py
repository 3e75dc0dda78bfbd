"""What can be known of a record without its word: gates, changes, statuses, verdict.

The numbers themselves cannot: who computed them could have written any. So a gate says what base's
rules make of the evidence that the untrusted run reports, and the report says so.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from assay.changes import metric_changes, slice_changes
from assay.console import printable
from assay.forks import quoted
from assay.gates import Gate, disjoint, nulls
from assay.gates.judge import judge
from assay.section import Reason, Status
from assay.stages.compare import CompareSection, reason_of, status_of
from assay.stats.catalogue import direction_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.config import Config, Rules
    from assay.datadiff.section import Leakage
    from assay.evaluation import Metric
    from assay.evidence import Evidence
    from assay.record import RunRecord
    from assay.section import Section
    from assay.stages.evaluate import EvaluateSection

_EXIT_CODES = {
    Status.PASS: (0,),
    Status.WARN: (0,),
    Status.SKIPPED: (0, 1, 2, 3, 4, 130),  # that of the stage that kept it from running
    Status.FAIL: (1, 2),
    Status.ERROR: (3, 2, 4, 130),
}
"""What each status may return; the first is the usual one."""
_LEAST = {"no_significant_regression": False, "non_inferior": None, "superior": False}
"""Rules that need evidence, and what leaves each of them out."""


def sound(record: RunRecord) -> tuple[RunRecord, tuple[str, ...]]:
    """The record with no section that calls itself better than what it holds."""
    told = []
    for stage, section in list(record.sections()):
        mended, wrong = _mended(stage, section)
        record = record.with_section(stage, mended)
        told += wrong
    return record, tuple(told)


def _mended(stage: str, section: Section) -> tuple[Section, list[str]]:
    codes = _EXIT_CODES[section.status]
    least = _least(section)
    if least is None or section.status in (Status.FAIL, Status.ERROR):
        code = section.exit_code if section.exit_code in codes else codes[0]
        return section.model_copy(update={"exit_code": code}), []
    said = f"The record calls `{stage}` {quoted(section.status.value)}, and holds {least}."
    reasons = (Reason(message=said), *section.reasons)
    update = {"status": Status.FAIL, "exit_code": 1, "reasons": reasons}
    return section.model_copy(update=update), [said]


def _least(section: Section) -> str | None:
    """What a section holds that no stage passes with."""
    # By what the models are, so that a stage without such facts is only held to its reasons.
    failed = getattr(section, "failed", 0) + getattr(section, "errors", 0)
    if failed or getattr(section, "failures", ()):
        return "tests that failed"
    files = [file for file in getattr(section, "files", ()) if hasattr(file, "failures")]
    if any(file.failures or file.error for file in files):
        return "checks of data that failed"
    if any(getattr(stage, "outcome", "") in ("failed", "stale") for stage in _stages(section)):
        return "stages of the pipeline that failed"
    # Of a comparison they are what gates say, and those are decided again.
    errors = any(reason.severity == "error" for reason in section.reasons)
    return "errors" if errors and not isinstance(section, CompareSection) else None


def _stages(section: Section) -> tuple[object, ...]:
    found: tuple[object, ...] = getattr(section, "stages", ())
    return found


def judged(record: RunRecord, rules: Config) -> tuple[RunRecord, tuple[str, ...]]:
    """The record with gates, changes and status as `rules` make them of its evidence.

    Returns:
        The record, and which rules could not be held against it.
    """
    evaluate = _directed(record.evaluate, rules)
    record = record.model_copy(update={"config": rules, "evaluate": evaluate})
    compare = record.compare
    if _ended_before(record):
        if compare is not None:  # of what was never compared there is nothing to show
            bare = {"baseline": False, "metrics": (), "slices": (), "gates": ()}
            record = record.with_section("compare", compare.model_copy(update=bare))
        return record, ()  # its verdict says so
    compare = compare or CompareSection(status=Status.WARN)
    missing = tuple(_unanswerable(rules, record.evaluate))
    gates = (
        *judge(_without(rules, {name for name, _ in missing}), record.evaluate),
        *(_unanswered(rules, name, slices=slices) for name, slices in missing),
        *disjoint.decide(rules, tuple(_leaks(rules, compare))),
    )
    kept = [reason for reason in compare.reasons if _stays(reason)]
    status = status_of(gates, evaluated=record.evaluate is not None)
    said = tuple(reason_of(gate) for gate in gates if gate.stops or gate.warns)
    compare = compare.model_copy(
        update={
            "status": status,
            "exit_code": 1 if status is Status.FAIL else 0,
            "blocked_by": None,
            "reasons": (*said, *kept),
            "baseline": record.evaluate is not None and record.evaluate.base is not None,
            "metrics": metric_changes(record.evaluate, rules),
            "slices": slice_changes(record.evaluate, rules, gates),
            "gates": gates,
        }
    )
    told = tuple(
        f"{quoted(name)} was not compared with the margin that base's rules allow."
        for name in dict.fromkeys(name for name, _ in missing)
    )
    return record.model_copy(update={"compare": compare}), told


def _ended_before(record: RunRecord) -> bool:
    """Whether the run ended without a comparison, in a way that its verdict has to say."""
    compare = record.compare
    if compare is not None and compare.status is Status.ERROR:
        return True
    # Of a comparison that calls itself blocked, its own failure proves nothing.
    earlier = (section for stage, section in record.sections() if stage != "compare")
    bad = any(section.status in (Status.FAIL, Status.ERROR) for section in earlier)
    return bad and (compare is None or compare.blocked_by is not None)


def _directed(evaluated: EvaluateSection | None, rules: Config) -> EvaluateSection | None:
    """With the ways that are better, which decide what is called so, as base's rules have them."""
    if evaluated is None:
        return None
    sides = {"head": evaluated.head, "base": evaluated.base}
    directed = {
        side: found.model_copy(update={"metrics": tuple(_directions(found.metrics, rules))})
        for side, found in sides.items()
        if found is not None
    }
    return evaluated.model_copy(update=directed)


def _directions(metrics: Sequence[Metric], rules: Config) -> Iterator[Metric]:
    for metric in metrics:
        spec = rules.metrics.get(metric.name)
        known = (spec.direction if spec else None) or direction_of(metric.name)
        yield metric.model_copy(update={"direction": known})


def _unanswerable(rules: Config, evaluated: EvaluateSection | None) -> Iterator[tuple[str, bool]]:
    """Metrics whose evidence lacks a p-value that their rules need; with whether it is of slices.

    It was computed for the margins of the pull request's own `assay.yaml`.
    """
    if evaluated is None:
        return
    for name, spec in rules.metrics.items():
        wanted = nulls(rules, name)
        whole = [one for one in evaluated.evidence if one.metric == name]
        parts = [one for part in evaluated.slices for one in part.evidence if one.metric == name]
        for slices, held, found in ((False, spec, whole), (True, spec.slices, parts)):
            if held is not None and _tested(held) and _lacks(found, wanted):
                yield name, slices


def _tested(rules: Rules) -> bool:
    return any(rule in _LEAST for rule in rules.set_rules)


def _lacks(found: list[Evidence], wanted: tuple[float, ...]) -> bool:
    return any(one.tail(null) is None for one in found for null in wanted)


def _without(rules: Config, names: set[str]) -> Config:
    """The rules without the tests of some metrics."""
    metrics = dict(rules.metrics)
    for name in names:
        spec = metrics[name]
        parts = spec.slices
        if parts is not None:
            kept = {rule: value for rule, value in _LEAST.items() if rule != "superior"}
            parts = parts.model_copy(update=kept)
        metrics[name] = spec.model_copy(update={**_LEAST, "slices": parts})
    return rules.model_copy(update={"metrics": metrics})


def _unanswered(rules: Config, name: str, *, slices: bool) -> Gate:
    spec = rules.metrics[name]
    held: Rules = spec.slices if slices and spec.slices is not None else spec
    rule = next(rule for rule in held.set_rules if rule in _LEAST)
    message = f"{name} was not compared with the margin that base's rules allow"
    return Gate.model_validate(
        {
            "metric": name,
            "rule": rule,
            "key": ("metrics", name, *(("slices",) if slices else ()), rule),
            "limit": held.non_inferior if rule == "non_inferior" else None,
            "result": "inconclusive",
            "severity": held.severity,
            "message": f"{message}: the pull request has other rules",
        }
    )


def _leaks(rules: Config, compare: CompareSection) -> Iterator[Leakage | Reason]:
    known = {(leak.path, leak.other): leak for leak in compare.leakage}
    for spec in rules.data:
        if spec.disjoint_from is not None and spec.is_local:
            path, other = printable(spec.path), printable(spec.disjoint_from)
            missing = f"The rows that {path} and {other} have in common are not in the record."
            yield known.get((path, other)) or Reason(message=missing, severity="warning")


def _stays(reason: Reason) -> bool:
    """Whether a reason of the comparison is not a gate's."""
    return reason.severity != "error" and (reason.key is None or reason.key[0] == "data")


def contradictions(record: RunRecord) -> Iterator[str]:
    """Where numbers of the record cannot all be true.

    Few and cheap. Who forges with care passes them; who changes a number by hand does not.
    """
    evaluated = record.evaluate
    if evaluated is None or evaluated.head is None:
        return
    if evaluated.rows is not None and evaluated.rows.same:
        # On the same rows the evidence is of the very values that are reported.
        for one in evaluated.evidence:
            value = evaluated.head.value(one.metric)
            if value is not None and abs(value - one.head) > 1e-6 * max(1.0, abs(value)):
                yield f"{quoted(one.metric)} is {value:g}, and in its evidence {one.head:g}."
    area, curve = evaluated.head.value("roc_auc"), _area(evaluated)
    if area is not None and curve is not None and abs(area - curve) > _AREA:
        yield f"`roc_auc` is {area:.4g}, and the area below its curve {curve:.4g}."


_AREA = 0.02
"""How far the area of a curve of at most 200 points may be from the whole one's."""


def _area(evaluated: EvaluateSection) -> float | None:
    """The area below head's ROC curve by the trapezoidal rule; `None` without one curve."""
    curves = evaluated.head.curves if evaluated.head else ()
    found = [curve for curve in curves if curve.kind == "roc"]
    if len(found) != 1 or (evaluated.head and evaluated.head.task != "binary"):
        return None
    x, y = found[0].false_positive_rate, found[0].true_positive_rate
    steps = itertools.pairwise(zip(x, y, strict=False))
    return sum((right - left) * (low + high) / 2 for (left, low), (right, high) in steps)
