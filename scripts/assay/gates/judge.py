"""What the rules of `assay.yaml` are about: metrics on all rows and on slices, and fairness."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from assay.config import Rules
from assay.gates import Subject, bounds, significance
from assay.inference.recent import WHERE
from assay.stats.catalogue import direction_of
from assay.stats.holm import holm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.config import Config, FairnessSpec, MetricSpec
    from assay.evaluation import Evaluation, Metric
    from assay.evidence import SliceEvidence
    from assay.gates import Gate, Result
    from assay.stages.evaluate import EvaluateSection

_UNKNOWN = "could not be tested, so that nobody knows what is chance"


def judge(config: Config, evaluated: EvaluateSection | None) -> tuple[Gate, ...]:
    """Every gate, in the order of `assay.yaml`: of each metric, of its slices, then fairness.

    Raises:
        UsageError: `evaluated` was made with other margins than `config` has.
    """
    subjects = tuple(_subjects(config, evaluated))
    alarms = [significance.alarm(subject) for subject in subjects]
    corrected = iter(holm([p_value for p_value in alarms if p_value is not None]))
    level = significance.alpha(config)
    gates: list[Gate] = []
    for subject, alarm in zip(subjects, alarms, strict=True):
        found = None if alarm is None else next(corrected)
        if subject.absent is not None:
            gates.append(subject.gate("present", *subject.absent))
            continue
        gates += bounds.decide(subject)
        gates += significance.decide(subject, level=level, corrected=found)
    return tuple(gates)


def _subjects(config: Config, evaluated: EvaluateSection | None) -> Iterator[Subject]:
    for name, spec in config.metrics.items():
        whole = _whole(name, spec, config, evaluated)
        yield whole
        # What is not there as a whole is said once, not of each slice.
        if whole.absent is None and spec.slices is not None and spec.slices.gated:
            yield from _sliced(whole, spec.slices, evaluated, config)
        if whole.absent is None and spec.gated:
            yield from _newer(whole, evaluated, config)
    for index, fairness in enumerate(config.fairness):
        yield _fairness(index, fairness, evaluated)


def _newer(whole: Subject, evaluated: EvaluateSection | None, config: Config) -> Iterator[Subject]:
    """The same rules on the rows that neither model was trained on, where those are not all."""
    found = evaluated.recent if evaluated else None
    if found is None or found.whole:
        return
    evidence = next((one for one in found.evidence if one.metric == whole.metric), None)
    label = f"{whole.metric} on {WHERE}"
    least = config.predictions.min_slice_rows if config.predictions else 0
    absent: tuple[Result, str] | None = None
    if found.rows < least:
        absent = "not decided", f"{label}: {found.rows:,} rows, and {least:,} are needed"
    elif evidence is None:
        why = found.no_evidence.get(whole.metric, "these rows do not give it")
        absent = "not decided", f"{label} is not known: {why}"
    yield replace(
        whole,
        label=label,
        head=evidence.head if evidence else None,
        base=evidence.base if evidence else None,
        slice=WHERE,
        absent=absent,
        evidence=evidence,
        blind=("failed", _UNKNOWN),
    )


def _whole(
    name: str, spec: MetricSpec, config: Config, evaluated: EvaluateSection | None
) -> Subject:
    head = evaluated.head if evaluated else None
    base = evaluated.base if evaluated else None
    value = head.value(name) if head else None
    absent: tuple[Result, str] | None = None
    if value is None:
        why = head.undefined.get(name) if head else None
        message = f"{name} is configured in assay.yaml, and this run has no value for it"
        absent = "failed", f"{message}: {why}" if why else message
    evidence = evaluated.evidence if evaluated else ()
    return Subject(
        metric=name,
        label=name,
        path=("metrics", name),
        rules=spec,
        head=value,
        base=base.value(name) if base else None,
        base_absent=base.undefined.get(name, "") if base else "",
        direction=spec.direction or direction_of(name),
        absent=absent,
        evidence=next((found for found in evidence if found.metric == name), None),
        blind=_blind(name, evaluated),
        unit="groups of rows" if config.predictions and config.predictions.group else "rows",
    )


def _blind(name: str, evaluated: EvaluateSection | None) -> tuple[Result, str]:
    """What becomes of a test without evidence: what could have had it, and has not, fails."""
    head = _found(name, evaluated.head if evaluated else None)
    base = _found(name, evaluated.base if evaluated else None)
    if head is not None and not head.recomputed:
        return "failed", (
            f"stands in {head.source} as one number, and a test needs rows: name the predictions "
            "that it comes from under `predictions:` in assay.yaml"
        )
    if base is not None and not base.recomputed:
        return "not decided", "has no predictions at base to be tested against"
    why = evaluated.no_evidence.get(name) if evaluated else None
    if why is None and evaluated and evaluated.rows is None:
        why = "head's rows could not be held against base's"
    return "failed", f"{_UNKNOWN}{f': {why}' if why else ''}"


def _found(name: str, evaluation: Evaluation | None) -> Metric | None:
    metrics = evaluation.metrics if evaluation else ()
    return next((metric for metric in metrics if metric.name == name), None)


def _sliced(
    whole: Subject, rules: Rules, evaluated: EvaluateSection | None, config: Config
) -> Iterator[Subject]:
    name, path = whole.metric, (*whole.path, "slices")
    parts = evaluated.slices if evaluated else ()
    if not parts:
        absent: tuple[Result, str] = (
            "failed",
            f"{name} has rules for slices, and these predictions have no slice",
        )
        if evaluated and evaluated.left_out:
            absent = "not decided", f"{name} has rules for slices, and none has enough rows"
        yield Subject(metric=name, label=name, path=path, rules=rules, head=None, absent=absent)
    for part in parts:
        label = f"{name} on {part.name}"
        yield Subject(
            metric=name,
            label=label,
            path=path,
            rules=rules,
            head=part.head.get(name),
            base=part.base.get(name),
            direction=whole.direction,
            slice=part.name,
            absent=_absent(label, name, part, config),
            evidence=part.of(name),
            blind=("failed", _UNKNOWN),
            unit=whole.unit,
        )


def _absent(
    label: str, name: str, part: SliceEvidence, config: Config
) -> tuple[Result, str] | None:
    """What becomes of the rules for a slice that gives nothing to hold them against.

    What somebody named, or what this change lost, fails. What the data happen not to have, or to
    have too little of, is not decided.
    """
    if part.rows == 0:
        if part.declared:
            return "failed", f"{label} has rules in assay.yaml, and no row is in that slice"
        return "not decided", f"{label} has no rows any more; base had some"
    if not part.judged:
        least = config.predictions.min_slice_rows if config.predictions else 0
        rows = f"{part.rows:,} {'row' if part.rows == 1 else 'rows'}"
        return "not decided", f"{label} has {rows}, fewer than the {least} of `min_slice_rows`"
    if name in part.head:
        return None
    why = part.undefined.get(name, "these rows do not give it")
    if name in part.base:
        return "failed", f"{label} has a value at base and none at head: {why}"
    return "not decided", f"{label} has no value: {why}"


def _fairness(index: int, spec: FairnessSpec, evaluated: EvaluateSection | None) -> Subject:
    facts = evaluated.fairness if evaluated else ()
    found = next((f for f in facts if (f.column, f.measure) == (spec.column, spec.measure)), None)
    head = found.head if found else None
    label = f"{spec.measure.replace('_', ' ')} between groups of {spec.column}"
    why = (found.undefined if found else None) or "it could not be measured"
    return Subject(
        metric=spec.measure,
        label=label,
        path=("fairness", index),
        rules=Rules(min=spec.min, max=spec.max, severity=spec.severity),
        head=head,
        base=found.base if found else None,
        column=spec.column,
        absent=None
        if head is not None
        else ("failed", f"{label} is configured in assay.yaml, and has no value: {why}"),
    )
