"""Charts of what a rollout measured: each measure that failed, both versions over time. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assay.report.charts import Chart
from assay.report.rollout import measure
from assay.report.vegalite import THEMELESS, Palette, Spec, bars, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.rollout.outcome import Judgement, Outcome

MOST = 4
"""Charts of one rollout."""
_THOUSANDTHS = ("latency", "latency_p99")


def of(outcome: Outcome, palette: Palette = THEMELESS) -> tuple[Chart, ...]:
    """The charts of a rollout that went back; those of one that is through are for nobody."""
    return tuple(_charts(outcome, palette))[:MOST]


def _charts(outcome: Outcome, palette: Palette) -> Iterator[Chart]:
    if not outcome.verdicts or outcome.ending not in {"rolled back", "inconclusive"}:
        return
    last = outcome.verdicts[-1]
    new = outcome.version.version if outcome.version else "candidate"
    old = outcome.before.version if outcome.before else "stable"
    names = [f"{new} (new)", f"{old} (stable)"]
    for one in last.failed or last.open:
        chart = _bars(one, names, palette) if one.bars else _over_time(outcome, one, names, palette)
        if chart is not None:
            yield chart


def _over_time(
    outcome: Outcome, failed: Judgement, names: list[str], palette: Palette
) -> Chart | None:
    """One value of both versions, a point for each judgement."""
    scale = 1000 if failed.measure in _THOUSANDTHS else 1
    rows: list[Spec] = []
    for at, verdict in enumerate(outcome.verdicts, 1):
        for one in verdict.judgements:
            if one.measure != failed.measure:
                continue
            for who, side in zip(names, (one.candidate, one.stable), strict=True):
                if side is not None and side.value is not None:
                    rows.append({"who": who, "i": at, "x": at, "y": side.value * scale})
    if not rows:
        return None
    spec = lines(
        rows,
        names,
        palette,
        x="Judgement",
        y=measure(failed.measure).capitalize() + (" (ms)" if scale == 1000 else ""),
        under=[],
        dots=True,
        unit_square=False,
    )
    return Chart(_name(failed), _title(failed), failed.sentence, spec)


def _bars(failed: Judgement, names: list[str], palette: Palette) -> Chart:
    """How answers are distributed, both versions beside each other in each bin."""
    rows: list[Spec] = []
    for bar in failed.bars:
        for who, share in zip(names, (bar.candidate, bar.stable), strict=True):
            rows.append({"who": who, "bin": bar.label, "share": share})
    labels = [bar.label for bar in failed.bars]
    spec = bars(rows, names, labels, palette, y="Share of the answers")
    return Chart(_name(failed), _title(failed), failed.sentence, spec)


def _title(failed: Judgement) -> str:
    return measure(failed.measure).capitalize()


def _name(failed: Judgement) -> str:
    """Of the files: lower case letters, digits and hyphens, whatever a column is called."""
    return re.sub(r"[^a-z0-9]+", "-", failed.measure.lower()).strip("-") or "measure"
