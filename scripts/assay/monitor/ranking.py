"""Which drift matters: what a feature means to the model, times how far it moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.monitor.comparing import ColumnDrift


class Ranked(Fact):
    """A feature among the others."""

    name: str
    drift: float
    """Jensen-Shannon distance, freed of chance."""
    importance: float | None
    """Part of the importance of all features, from 0 to 1; `None` where it is not known."""
    weight: float | None
    """Both together."""


def ranked(columns: Sequence[ColumnDrift], importance: Mapping[str, float]) -> tuple[Ranked, ...]:
    """The features, those first that matter most; at the end those of unknown importance.

    Args:
        columns: As they were compared; predictions are left out.
        importance: By feature, of any scale, such as `stats.importance` measures it. A feature that
            makes the model worse counts as one that it does not use.
    """
    useful = {name: max(0.0, value) for name, value in importance.items()}
    whole = sum(useful.values())
    found = []
    for one in columns:
        if one.role != "feature":
            continue
        share = useful[one.name] / whole if one.name in useful and whole > 0 else None
        drift = one.drift.unbiased
        weight = None if share is None else share * drift
        found.append(Ranked(name=one.name, drift=drift, importance=share, weight=weight))
    return tuple(sorted(found, key=_place))


def _place(one: Ranked) -> tuple[bool, float, float, str]:
    return one.weight is None, -(one.weight or 0.0), -one.drift, one.name
