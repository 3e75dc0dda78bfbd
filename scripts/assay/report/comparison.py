"""Head against base as rows to show: metrics with their gates, slices, parameters, files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import wording
from assay.report.escape import Code, Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.changes import Change, MetricChange, SliceChange
    from assay.evaluation import Evaluation
    from assay.evidence import Evidence
    from assay.gates import Gate, Result
    from assay.record import RunRecord
    from assay.stages.compare import FileChange

MOST_THAT_MATTER = 30
"""Configured metrics in the short table; nobody reads a longer one."""
MOST_UNCONFIGURED = 6


@dataclass(frozen=True, kw_only=True)
class GateWords:
    """A rule and what became of it."""

    rule: str
    """`at least 0.65`; `each slice: at least 0.65`."""
    result: str
    """Icon and word; of slices also on how many."""
    passed: bool | None


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric of base and head."""

    name: str
    title: Phrase
    base: str
    head: str
    difference: str
    change: str
    """Arrow and word."""
    interval: str
    """Of the difference: `+0.0040 to +0.0390`; empty without evidence."""
    kind: Change
    configured: bool
    gates: tuple[GateWords, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class SliceRow:
    """A metric of base and head on some of the rows."""

    name: Code
    rows: str
    title: Phrase
    metric: str
    base: str
    head: str
    difference: str
    change: str
    interval: str
    kind: Change
    amount: float
    """How far it moved, whichever way."""


@dataclass(frozen=True, kw_only=True)
class ParameterRow:
    """A parameter that differs."""

    file: Code
    key: Code
    base: Phrase
    head: Phrase


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A tracked file that differs."""

    path: Code
    kind: str
    change: str
    base: str
    head: str


def metrics(record: RunRecord) -> tuple[MetricRow, ...]:
    """All metrics, the configured ones first; those that a gate misses too."""
    compare = record.compare
    gates = [gate for gate in compare.gates if gate.column is None] if compare else []
    sources = _sources(record)
    changes = tuple(compare.metrics) if compare and compare.metrics else tuple(evaluated(record))
    rows = [_metric(change, gates, sources.get(change.name, "")) for change in changes]
    known = {change.name for change in changes}
    rows += [
        _missing(name, gates)
        for name in dict.fromkeys(g.metric for g in gates)
        if name not in known
    ]
    return tuple(sorted(rows, key=lambda row: not row.configured))


def that_matter(rows: tuple[MetricRow, ...]) -> tuple[MetricRow, ...]:
    """The configured metrics; where none is, the first few."""
    configured = tuple(row for row in rows if row.configured)
    return configured[:MOST_THAT_MATTER] or rows[:MOST_UNCONFIGURED]


def slices(record: RunRecord) -> tuple[SliceRow, ...]:
    """All slices, in the record's order."""
    return tuple(_slice(change) for change in record.compare.slices) if record.compare else ()


def worse(rows: Iterable[SliceRow]) -> tuple[SliceRow, ...]:
    """The slices that got worse, the hardest hit first."""
    return tuple(sorted((r for r in rows if r.kind == "worse"), key=lambda r: -r.amount))


def parameters(record: RunRecord) -> tuple[ParameterRow, ...]:
    """The parameters that differ."""
    compare = record.compare
    return tuple(
        ParameterRow(
            file=Code(change.file),
            key=Code(change.key),
            base=_value(change.base),
            head=_value(change.head),
        )
        for change in (compare.parameters if compare else ())
    )


def files(record: RunRecord) -> tuple[FileRow, ...]:
    """The tracked files that differ."""
    compare = record.compare
    return tuple(
        FileRow(
            path=Code(change.path),
            kind={"data": "data", "out": "output", "metric": "metrics", "plot": "plot"}[
                change.kind
            ],
            change=change.change,
            base=wording.size(change.base_bytes),
            head=wording.size(change.head_bytes),
        )
        for change in (compare.files if compare else ())
    )


def file_phrase(change: FileChange) -> Phrase:
    """`data/raw.csv` modified, 1.2 MB → 1.3 MB."""
    path = Code(change.path)
    if (
        change.change == "modified"
        and change.base_bytes is not None
        and change.head_bytes is not None
    ):
        sizes = f"{wording.size(change.base_bytes)} → {wording.size(change.head_bytes)}"
        return (path, f" modified, {sizes}")
    one = change.head_bytes if change.head_bytes is not None else change.base_bytes
    return (path, f" {change.change}" + ("" if one is None else f", {wording.size(one)}"))


def title(name: str) -> Phrase:
    """`ROC AUC`; `Mean absolute error (mae)`, so that a reader can find it in a file."""
    known = wording.metric_title(name)
    if known == name:
        return (Code(name),)
    plain = known.replace(" ", "_").casefold()
    return (known,) if plain == name.casefold() else (f"{known} ", Code(name))


def _metric(change: MetricChange, gates: Iterable[Gate], source: str) -> MetricRow:
    base, head, difference = wording.pair(change.base, change.head)
    moved = None if change.difference is None else change.difference
    return MetricRow(
        name=change.name,
        title=title(change.name),
        base=base,
        head=head,
        difference=difference,
        change=wording.change_words(change.change, moved),
        interval=_interval(change.evidence),
        kind=change.change,
        configured=change.configured,
        gates=_gates(gates, change.name),
        source=source,
    )


def _missing(name: str, gates: Iterable[Gate]) -> MetricRow:
    return MetricRow(
        name=name,
        title=title(name),
        base=wording.MISSING,
        head=wording.MISSING,
        difference="",
        change="missing",
        interval="",
        kind="removed",
        configured=True,
        gates=_gates(gates, name),
        source="",
    )


_RULES = {
    "min": "at least {}",
    "max": "at most {}",
    "max_regression": "worse by at most {}",
    "max_relative_regression": "worse by at most {} of base",
    "min_improvement": "better by at least {}",
    "min_relative_improvement": "better by at least {} of base",
    "no_significant_regression": "not significantly worse",
    "non_inferior": "surely not worse by more than {}",
    "superior": "surely better",
    "present": "must be there",
    "disjoint_from": "at most {} in common",
}
_RESULTS: dict[Result, str] = {
    "failed": "❌ failed",
    "inconclusive": "❔ inconclusive",
    "not decided": "⚪ not decided",
    "passed": "✅ passed",
}
"""The worst first."""


def _gates(gates: Iterable[Gate], metric: str) -> tuple[GateWords, ...]:
    """The gates of a metric; those of its slices as one for each rule."""
    of_metric = [gate for gate in gates if gate.metric == metric]
    on_slices = [gate for gate in of_metric if gate.slice]
    slices = len({gate.slice for gate in on_slices})
    rules = dict.fromkeys(gate.rule for gate in on_slices)
    return (
        *(gate_words(gate) for gate in of_metric if not gate.slice),
        *(_on_slices([g for g in on_slices if g.rule == rule], slices) for rule in rules),
    )


def gate_words(gate: Gate) -> GateWords:
    """A rule and what became of it, in words."""
    limit = "" if gate.limit is None else wording.bound(gate.limit)
    if gate.limit is not None and "relative" in gate.rule:
        limit = f"{wording.bound(100 * gate.limit)} %"
    result = _RESULTS[gate.result]
    if gate.warns:
        result = f"{result.replace('❌', '⚠️')} (warning)"
    rule = _RULES[gate.rule].format(limit)
    if "slices" in gate.key and not gate.slice:  # no slice was there to be held against
        rule = f"each slice: {rule}"
    return GateWords(rule=rule, result=result, passed=gate.passed)


def _on_slices(gates: list[Gate], slices: int) -> GateWords:
    """One rule on every slice: the worst result, and on how many."""
    order = list(_RESULTS)
    worst = min(gates, key=lambda gate: order.index(gate.result))
    count = sum(gate.result == worst.result for gate in gates)
    words = gate_words(worst)
    on = f"on {count} of {slices}"
    return GateWords(
        rule=f"each slice: {words.rule}", result=f"{words.result} {on}", passed=words.passed
    )


def _slice(change: SliceChange) -> SliceRow:
    base, head, difference = wording.pair(change.base, change.head)
    return SliceRow(
        name=Code(change.name),
        rows=f"{change.rows:,}",
        title=title(change.metric),
        metric=change.metric,
        base=base,
        head=head,
        difference=difference,
        change=wording.change_words(change.change, change.difference, of_slice=True),
        interval=_interval(change.evidence),
        kind=change.change,
        amount=abs(change.difference or 0.0),
    )


def _interval(evidence: Evidence | None) -> str:
    return "" if evidence is None else wording.interval(evidence)


def _value(value: str | None) -> Phrase:
    return ("not set",) if value is None else (Code(value),)


def _sources(record: RunRecord) -> dict[str, str]:
    evaluation = record.evaluate.head if record.evaluate else None
    if evaluation is None:
        return {}
    return {
        metric.name: metric.source + (" (recomputed)" if metric.recomputed else "")
        for metric in evaluation.metrics
    }


def evaluated(record: RunRecord) -> Iterator[MetricChange]:
    """What is known of the metrics when the run ended before it compared them."""
    from assay.changes import MetricChange

    evaluate = record.evaluate
    if evaluate is None or evaluate.head is None:
        return
    head: Evaluation = evaluate.head
    for metric in head.metrics:
        base = evaluate.base.value(metric.name) if evaluate.base else None
        yield MetricChange(
            name=metric.name,
            head=metric.value,
            base=base,
            difference=None if base is None else metric.value - base,
            change="added" if base is None else "changed",
            direction=metric.direction,
            configured=metric.name in record.config.metrics,
        )
