"""Head against base as rows to show: metrics with their gates, slices, parameters, files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import bars, gatewords, wording
from assay.report.escape import Code, Phrase
from assay.stats import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.changes import Change, MetricChange, SliceChange
    from assay.evaluation import Evaluation
    from assay.evidence import Evidence
    from assay.gates import Gate
    from assay.record import RunRecord
    from assay.report.gatewords import GateWords
    from assay.stages.compare import FileChange

MOST_THAT_MATTER = 30
"""Configured metrics in the short table; nobody reads a longer one."""
MOST_UNCONFIGURED = 6
MOST_WORSE = 10
"""Slices that got worse, of which the report tells at its top."""


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
    bar: str
    """The interval against zero, drawn; it says nothing that the numbers do not."""
    kind: Change
    configured: bool
    gates: tuple[GateWords, ...]


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
    bar: str
    kind: Change


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


def changes(record: RunRecord) -> tuple[MetricChange, ...]:
    """All metrics, the configured ones first; those that a gate misses too."""
    from assay.changes import MetricChange

    compare = record.compare
    found = tuple(compare.metrics) if compare and compare.metrics else tuple(evaluated(record))
    known = {change.name for change in found}
    gates = compare.gates if compare else ()
    missing = dict.fromkeys(g.metric for g in gates if g.column is None and g.metric not in known)
    found += tuple(
        MetricChange(
            name=name, head=None, base=None, difference=None, change="removed", configured=True
        )
        for name in missing
    )
    return tuple(sorted(found, key=lambda change: not change.configured))


def that_matter(found: tuple[MetricChange, ...]) -> tuple[MetricChange, ...]:
    """The configured metrics; where none is, the first few."""
    configured = tuple(change for change in found if change.configured)
    return configured[:MOST_THAT_MATTER] or found[:MOST_UNCONFIGURED]


def metrics(
    record: RunRecord, shown: tuple[MetricChange, ...] | None = None, *, drawn: bool = False
) -> tuple[MetricRow, ...]:
    """Metrics as rows of one table.

    Args:
        record: The run.
        shown: Of `changes`, those that are shown; by default all.
        drawn: Whether with bars.
    """
    shown = changes(record) if shown is None else shown
    gates: dict[str, list[Gate]] = defaultdict(list)
    for gate in record.compare.gates if record.compare else ():
        if gate.column is None:
            gates[gate.metric].append(gate)
    found = bars.draw([_span(c.name, c.evidence) if drawn else None for c in shown])
    return tuple(
        _metric(change, gates.get(change.name, []), bar)
        for change, bar in zip(shown, found, strict=True)
    )


def slices(shown: tuple[SliceChange, ...], *, drawn: bool = False) -> tuple[SliceRow, ...]:
    """Slices as rows of one table, with or without bars."""
    found = bars.draw([_span(c.metric, c.evidence) if drawn else None for c in shown])
    return tuple(_slice(change, bar) for change, bar in zip(shown, found, strict=True))


def worse(record: RunRecord) -> tuple[SliceChange, ...]:
    """The slices that got worse, the hardest hit first."""
    found = (c for c in (record.compare.slices if record.compare else ()) if c.change == "worse")
    return tuple(sorted(found, key=lambda change: -abs(change.difference or 0.0)))


def _span(metric: str, evidence: Evidence | None) -> bars.Span | None:
    if evidence is None:
        return None
    return bars.Span(
        low=evidence.low,
        middle=evidence.difference,
        high=evidence.high,
        unit=scale(metric),
    )


def scale(metric: str) -> str:
    """What metrics have in common whose differences can be drawn to one scale: their unit."""
    known = catalogue.find(catalogue.canonical(metric) or "")
    return f"unit {known.unit}" if known else f"metric {metric}"


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


def _metric(change: MetricChange, gates: list[Gate], bar: str) -> MetricRow:
    base, head, difference = wording.pair(change.base, change.head)
    absent = change.head is None and change.base is None
    return MetricRow(
        name=change.name,
        title=title(change.name),
        base=base,
        head=head,
        difference=difference,
        change="missing" if absent else wording.change_words(change.change, change.difference),
        interval=_interval(change.evidence),
        bar=bar,
        kind=change.change,
        configured=change.configured,
        gates=gatewords.of_metric(gates),
    )


def _slice(change: SliceChange, bar: str) -> SliceRow:
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
        bar=bar,
        kind=change.change,
    )


def _interval(evidence: Evidence | None) -> str:
    return "" if evidence is None else wording.interval(evidence)


def _value(value: str | None) -> Phrase:
    return ("not set",) if value is None else (Code(value),)


def sources(record: RunRecord) -> Phrase:
    """Where the metrics come from, in one sentence; empty where nobody knows."""
    evaluation = record.evaluate.head if record.evaluate else None
    by_file: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for metric in evaluation.metrics if evaluation else ():
        by_file[metric.source, metric.recomputed].append(metric.name)
    said: Phrase = ()
    for (file, recomputed), names in by_file.items():
        how = "computed anew from " if recomputed else "read from "
        what: Phrase = (Code(names[0]),) if len(names) == 1 else (f"{len(names):,} metrics",)
        said += ("; " if said else "", *what, f" {how}", Code(file))
    return (*said, ".") if said else ()


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
