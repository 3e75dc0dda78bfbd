"""The notes of a release, as Markdown: what is new since the previous version, from the manifests.

Names and values come from somebody's data and code: each is escaped where it stands.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.packaging.cardtables import folded, section, table
from assay.release import versions
from assay.report import escape, wording
from assay.report.escape import Code
from assay.stats.catalogue import direction_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.config import Direction
    from assay.packaging.manifest import Manifest, MetricValue, Tracked
    from assay.release.versions import Next

_ICONS = {"passed": "✅", "failed": "❌", "inconclusive": "❔", "not decided": "⚪"}
_DIGITS = 12
"""Of a digest that people compare by eye; the manifest has all of them."""
_MOST_SHOWN = 12
"""Rows of a table that is not folded away."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the notes are of."""

    tag: str
    manifest: Manifest
    archive: str
    """The name of the asset with the whole bundle."""
    next: Next
    """Which version it is, and why."""
    old: Manifest | None = None
    """The manifest of the previous version, where it is at hand."""
    words: str = ""
    """What a person says of this version, as Markdown: `release.notes`."""
    verify: tuple[str, ...] = ("--key", "KEY.pub")
    """The arguments of `assay verify` that say who is to have signed it."""
    directions: Mapping[str, Direction] = field(default_factory=dict)
    """Which way is better, where assay.yaml says so."""


def markdown(subject: Subject) -> str:
    """The notes, ending in a line end."""
    manifest, old = subject.manifest, subject.old
    parts = [
        subject.words.strip(),
        _headline(subject),
        section("Metrics", *_metrics(subject)),
        section("What changed", *(_changes(old, manifest) if old else ())),
        section("Checks", *_checks(manifest)),
        section("How to get and verify it", *_use(subject)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(subject: Subject) -> str:
    following, manifest = subject.next, subject.manifest
    kind = "ONNX" if manifest.kind == "onnx" else "skops"
    parts = [f"{escape.code(manifest.estimator)} as {kind}."]
    if following.previous:
        which = f"A {following.bump} version" if following.bump else "The version"
        parts.append(f"{which} after {escape.code(following.previous)}.")
    if subject.old is None:  # else all changes are listed
        parts += [str(escape.message(reason)) for reason in following.reasons]
    return " ".join(parts)


def _metrics(subject: Subject) -> Iterator[str]:
    old = {metric.name: metric for metric in subject.old.metrics} if subject.old else {}
    new = {metric.name: metric for metric in subject.manifest.metrics}
    # What assay.yaml names comes first; what only the previous version had, last.
    names = sorted(new, key=lambda name: not new[name].configured)
    names += [name for name in old if name not in new]
    if subject.old is None:
        rows = [(wording.metric_title(n), _value(new[n], None)) for n in names]
        yield _folded_table(("Metric", "Value"), rows, "lr", "metrics")
    else:
        head = ("Metric", subject.next.previous or "Before", "This version", "Difference", "")
        compared = []
        for name in names:
            direction = subject.directions.get(name) or direction_of(name)
            ends = _ends(old.get(name), new.get(name))
            compared.append((*_values(name, old.get(name), new.get(name)), _word(ends, direction)))
        yield _folded_table(head, compared, "lrrrl", "metrics")
    yield _footnote(subject)


def _footnote(subject: Subject) -> str:
    confidence, old = subject.manifest.confidence, subject.old
    lines = []
    if confidence is not None and any(m.low is not None for m in subject.manifest.metrics):
        lines.append(f"In brackets: {wording.percent(confidence)} intervals.")
    if old is not None and any(m.low is not None for m in old.metrics):
        lines.append(
            "Better or worse is said where the intervals of the two versions do not meet. Where "
            "they overlap, they tell neither that something changed nor that nothing did."
        )
    if old is not None and old.source.data != subject.manifest.source.data:
        lines.append("The data changed too, so the numbers may not be of the same rows.")
    return " ".join(lines)


def _value(metric: MetricValue | None, places: int | None) -> str:
    if metric is None:
        return wording.MISSING
    places = wording.decimals(metric.value) if places is None else places
    shown = wording.number(metric.value, places)
    if metric.low is None or metric.high is None:
        return shown
    ends = f"{wording.number(metric.low, places)} to {wording.number(metric.high, places)}"
    return f"{shown} ({ends})"


def _values(name: str, old: MetricValue | None, new: MetricValue | None) -> tuple[str, ...]:
    """The cells of a metric but the last, with the same number of decimals."""
    difference = None if old is None or new is None else new.value - old.value
    values = (None if old is None else old.value, None if new is None else new.value)
    places = wording.decimals(*values, difference=difference)
    return (
        wording.metric_title(name),
        _value(old, places),
        _value(new, places),
        wording.signed(difference, places),
    )


def _ends(old: MetricValue | None, new: MetricValue | None) -> tuple[float, float] | None:
    """Where new - old lies."""
    if old is None or old.low is None or old.high is None:
        return None
    if new is None or new.low is None or new.high is None:
        return None
    return new.low - old.high, new.high - old.low


def _word(ends: tuple[float, float] | None, direction: Direction | None) -> str:
    """An interval of the difference, in words; nothing where it is not known."""
    if ends is None:
        return ""
    low, high = ends
    if low <= 0 <= high:
        return "intervals overlap"
    if direction is None:
        return "higher" if low > 0 else "lower"
    return "better" if (low > 0) == (direction == "higher") else "worse"


def _changes(old: Manifest, new: Manifest) -> Iterator[str]:
    found = [f"- {escape.message(change.message)}" for change in versions.changes(old, new)]
    yield "\n".join(found) or "The same model is packaged again."
    yield _differing(
        "data",
        _digests((old.source.model, *old.source.data)),
        _digests((new.source.model, *new.source.data)),
        "Path",
    )
    yield _differing("parameters", old.source.parameters, new.source.parameters, "Parameter")
    was = {"Python": old.environment.python, **old.environment.packages}
    now = {"Python": new.environment.python, **new.environment.packages}
    yield _differing("packages", was, now, "Package")


def _digests(tracked: Sequence[Tracked]) -> dict[str, str]:
    return {one.path: one.md5[:_DIGITS] for one in tracked}


def _differing(what: str, old: Mapping[str, str], new: Mapping[str, str], head: str) -> str:
    """What two mappings differ in, as a table."""
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    rows = [(Code(name), *(_cell(side.get(name)) for side in (old, new))) for name in names]
    return _folded_table((head, "Before", "This version"), rows, "lll", what)


def _cell(value: str | None) -> str:
    return wording.MISSING if value is None else Code(value)


def _folded_table(
    head: Sequence[str], rows: Sequence[Sequence[object]], align: str, what: str
) -> str:
    """A table, folded away where it is long."""
    text = table([str(escape.markdown(cell)) for cell in head], rows, align)
    return folded(f"{len(rows)} {what}", text) if len(rows) > _MOST_SHOWN else text


def _checks(manifest: Manifest) -> Iterator[str]:
    rows = [
        (
            f"{_ICONS.get(gate.result, '')} {gate.result}".strip(),
            Code(gate.name),
            escape.message(gate.message),
        )
        for gate in manifest.gates
    ]
    yield _folded_table(("Result", "Gate", ""), rows, "lll", "gates")
    parity = manifest.parity
    count = sum(rows.count for rows in parity.rows)
    within = parity.tolerance
    names = ", ".join(rows.name for rows in parity.rows)
    verb = "gives" if parity.passed else "does not give"
    yield (
        f"The packaged model {verb} the same answers as the trained one on "
        f"{wording.count(count, 'row')} ({escape.markdown(names)}), numbers within "
        f"{within.absolute:g} and {within.relative:g} of the value."
    )
    if manifest.why_native:
        yield f"It is not ONNX: {escape.message(manifest.why_native)}"


def _use(subject: Subject) -> Iterator[str]:
    tag, archive = shlex.quote(subject.tag), shlex.quote(subject.archive)
    commands = (
        f"gh release download {tag} --pattern {archive}",
        f"assay verify {archive} {shlex.join(subject.verify)}",
    )
    yield str(escape.block("\n".join(commands), "sh"))
    yield (
        f"Bundle {escape.code('sha256:' + subject.manifest.digest)}, of commit "
        f"{subject.manifest.source.commit}."
    )
