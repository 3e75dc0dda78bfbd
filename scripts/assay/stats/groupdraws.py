"""Drawing rows anew where the rates of groups are compared.

The rows are drawn as the table of how often each (group, truth, base's label, head's label) occurs;
with weights or clusters, in packs. Half a row is added for every group, truth and label, as in
`tables`: where nobody was selected, that is little evidence that nobody ever is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.stats import fairness
from assay.stats.resampling import counts, deal, effective, stream, weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.stats.difference import Settings
    from assay.stats.fairness import Rate
    from assay.stats.predictions import Predictions

MOST_DRAWS = 20_000
"""More would move an end of an interval by less than a hundredth of its width."""
_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sample:
    """Rows of one revision, and the group of each."""

    predictions: Predictions
    codes: NDArray[np.signedinteger]
    """(n,): the position of the group, -1 for none."""
    clusters: NDArray[np.signedinteger] | None = None
    """(n,): which rows belong together, as several of one customer do; None where each is its
    own."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Drawn:
    """Rates in draws of the rows of one or two models."""

    seen: list[dict[Rate, NDArray[np.float64]]]
    """By model and rate: (g,), of the data with the half rows."""
    rates: list[dict[Rate, NDArray[np.float64]]]
    """By model and rate: (b, g)."""
    degrees: float | None
    """Of freedom; None where single rows of one weight were drawn."""


def draw(samples: Sequence[Sample], groups: int, settings: Settings, name: str) -> Drawn:
    """Draw the rows of models that predicted the same ones.

    Args:
        samples: The same rows as each model predicts them; the first one's weights and clusters
            hold for all.
        groups: How many there are.
        settings: Number of draws, and the seed.
        name: Which stream of chance.
    """
    generator = stream(settings.seed, f"fairness of {name}")
    units = _units(samples, groups, generator)
    pieces: list[list[dict[Rate, NDArray[np.float64]]]] = [[] for _ in samples]
    mass = np.concatenate([units.mass, units.halves])
    for often in counts(mass, min(settings.resamples, MOST_DRAWS), generator):
        for piece, total in zip(pieces, units.totals, strict=True):
            piece.append(_smooth(often @ total, groups, units.one))
    data = np.concatenate([units.mass, units.halves * 0])
    return Drawn(
        seen=[_smooth(data @ total, groups, units.one) for total in units.totals],
        rates=[
            {rate: np.concatenate([part[rate] for part in piece]) for rate in piece[0]}
            for piece in pieces
        ],
        degrees=units.degrees,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Units:
    """What is drawn: cells of the joint table, or packs of rows; and half rows."""

    mass: NDArray[np.float64]
    """(u,): how many of each there are."""
    halves: NDArray[np.float64]
    """(h,): what is added to them, for each cell of the joint table."""
    totals: list[NDArray[np.float64]]
    """By model (u + h, 4 g): what one of each adds to the model's table."""
    one: float
    """The weight of a row that is added."""
    degrees: float | None


def _units(samples: Sequence[Sample], groups: int, generator: np.random.Generator) -> _Units:
    places = [_inside(sample) for sample in samples]
    weight, clusters = _inside_weight(samples[0]), _inside_clusters(samples[0])
    cells = [np.eye(groups * 4)[place] for place in _joint(groups, len(samples))]
    halves = np.full(len(cells[0]), _HALF / 2 ** (len(samples) - 1))
    if weight is None and clusters is None:
        cell = places[0] if len(places) == 1 else places[0] * 2 + places[1] % 2
        mass = np.bincount(cell, minlength=halves.size).astype(np.float64)
        totals = [np.concatenate([cell, cell]) for cell in cells]
        return _Units(mass=mass, halves=halves, totals=totals, one=1.0, degrees=None)
    codes, unit_weight = weigh(len(places[0]), weight, clusters)
    packs = deal(unit_weight.size, generator)
    pack = packs if codes is None else packs[codes]
    size = int(packs.max(initial=-1)) + 1
    worth = effective(unit_weight) if unit_weight.any() else 1.0
    one = float(unit_weight.sum()) / worth
    totals = [
        np.concatenate([_sums(pack, size, place, groups, weight), cell * one])
        for place, cell in zip(places, cells, strict=True)
    ]
    return _Units(
        mass=np.ones(size), halves=halves, totals=totals, one=one, degrees=max(worth - 1, 1.0)
    )


def _inside(sample: Sample) -> NDArray[np.intp]:
    """The place in the table of each row that is in a group."""
    return fairness.cells(sample.predictions, sample.codes)[sample.codes >= 0]


def _inside_weight(sample: Sample) -> NDArray[np.float64] | None:
    weight = sample.predictions.weight
    return None if weight is None else weight[sample.codes >= 0]


def _inside_clusters(sample: Sample) -> NDArray[np.intp] | None:
    if sample.clusters is None:
        return None
    return sample.clusters[sample.codes >= 0].astype(np.intp, copy=False)


def _joint(groups: int, models: int) -> list[NDArray[np.intp]]:
    """For each cell of the joint table of models, its place in the table of each."""
    cell = np.arange(groups * 2 * 2**models)
    if models == 1:
        return [cell]
    # (group and truth, first model's label, second model's label)
    return [cell // 2, cell // 4 * 2 + cell % 2]


def _sums(
    pack: NDArray[np.intp],
    packs: int,
    place: NDArray[np.intp],
    groups: int,
    weight: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """(packs, 4 g): the weight of each pack's rows by their place in the table."""
    width = groups * 4
    found = np.bincount(pack * width + place, weights=weight, minlength=packs * width)
    return found.reshape(packs, width).astype(np.float64)


def _smooth(
    tables: NDArray[np.float64], groups: int, one: float
) -> dict[Rate, NDArray[np.float64]]:
    """Rates (..., g) of tables (..., 4 g) and half a row of weight `one` in each cell."""
    shape = (*tables.shape[:-1], groups, 2, 2)
    return fairness.rates(tables.reshape(shape) + _HALF * one)
