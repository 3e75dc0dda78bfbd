"""How both models do on rows that neither was trained on, as a sentence. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report.escape import Code
from assay.report.wording import count, interval, metric_title, pair, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.evidence import Evidence
    from assay.inference.recent import Recent
    from assay.report.escape import Phrase

MOST = 3
"""Metrics that are named."""


def phrases(found: Recent) -> Iterator[Phrase]:
    """`On 2,184 rows ... newer than ...: ROC AUC 0.9100 → 0.9500 (...)`; nothing of no row."""
    if not found.rows:
        return
    every = "all " if found.whole else ""
    told = "; ".join(_moved(one) for one in found.evidence[:MOST]) or "no metric can be compared"
    yield (
        f"On {every}{count(found.rows, 'labelled row')} from ",
        Code(str(found.first)),
        " to ",
        Code(str(found.last)),
        ", newer than all that either model was trained on (until ",
        Code(found.trained_until),
        f"): {told}.",
    )


def _moved(one: Evidence) -> str:
    base, head, difference = pair(one.base, one.head)
    sure = f"{percent(one.confidence)} interval {interval(one)}"
    return f"{metric_title(one.metric)} {base} → {head} ({difference}, {sure})"
