"""The thresholds of fitted trees and bins, as values of the columns that a model is given.

An export that rounds a number, or asks for `<` in place of `<=`, gives another answer there and
nowhere else. Behind a scaler the threshold is one of the scaled number: the value of the column
that just reaches it is found by halving an interval until two neighbouring floats are left.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.parity.answers import quiet
from assay.packaging.structure import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MOST = 256
"""Thresholds that are tried, those that most training rows met first."""
_MOST_INVERTED = 128
"""Of those behind a transformer: every step of halving transforms so many rows, twice."""
_MOST_COUNTED = 100_000
"""Splits of a forest that are looked at; the rest met fewer rows than any of them."""


@dataclass(frozen=True, eq=False)
class Space:
    """The numbers that a part of a pipeline is given."""

    columns: tuple[str, ...] | None
    """The columns that they are, one by one; `None` where a transformer made them."""
    of: Callable[[Any], Any]
    """From rows of the table to them."""

    def through(self, transform: Callable[[Any], Any]) -> Space:
        """What a transformer makes of them."""
        return Space(None, lambda frame: transform(self.of(frame)))

    def subset(self, positions: Sequence[int]) -> Space:
        """Some of them."""
        chosen = list(positions)
        columns = None if self.columns is None else tuple(self.columns[at] for at in chosen)
        return Space(columns, lambda frame: _columns_at(self.of(frame), chosen))


@dataclass(frozen=True, eq=False)
class Splits:
    """The thresholds of one tree or forest."""

    space: Space
    features: NDArray[np.intp]
    """(n,): positions in `space`."""
    thresholds: Numbers
    """(n,)"""
    weights: Numbers
    """(n,): about how many training rows met it."""


def _columns_at(values: Any, positions: list[int]) -> Any:
    return values.iloc[:, positions] if hasattr(values, "iloc") else values[:, positions]


def find(
    estimator: Any, frame: pd.DataFrame, numbers: Sequence[str], given: Callable[[Any], Any]
) -> list[tuple[str, float]]:
    """Columns and values of them at which a tree decides, the most important first.

    Args:
        estimator: Fitted.
        frame: Rows that it can be asked about.
        numbers: The columns whose values are numbers.
        given: From rows of `frame` to what the estimator is given.
    """
    weights: dict[tuple[str, float], float] = {}
    root = Space(tuple(map(str, frame.columns)), given)
    for splits in _grouped(_walk(estimator, root)):
        # What cannot be transformed or inverted has no thresholds; other rows ask about it.
        with contextlib.suppress(Exception):
            for key, weight in _in_columns(splits, frame, set(numbers)):
                weights[key] = weights.get(key, 0.0) + weight
    ranked = sorted(weights, key=lambda key: (-weights[key], key))
    return ranked[:MOST]


def _grouped(found: Iterator[Splits]) -> list[Splits]:
    """Splits of the same space as one: a forest has one space and a thousand trees."""
    groups: dict[int, list[Splits]] = {}
    for splits in found:
        groups.setdefault(id(splits.space), []).append(splits)
    return [
        Splits(
            group[0].space,
            np.concatenate([one.features for one in group]),
            np.concatenate([one.thresholds for one in group]),
            np.concatenate([one.weights for one in group]),
        )
        for group in groups.values()
    ]


def _walk(found: Any, space: Space) -> Iterator[Splits]:
    """The splits of an estimator or transformer, and of all that it is made of."""
    if steps := getattr(found, "steps", None):
        for _, step in steps[:-1]:
            yield from _walk(step, space)
            if hasattr(step, "transform"):
                space = space.through(step.transform)
        yield from _walk(steps[-1][1], space)
    elif hasattr(found, "transformers_") and space.columns is not None:
        for part, names in parts(found, space.columns):
            yield from _walk(part, space.subset([space.columns.index(name) for name in names]))
    else:
        # Attributes of a library's own: in a version that has others, there are no thresholds.
        for reader in _READERS:
            with contextlib.suppress(Exception):
                yield from [one for one in reader(found, space) if one.features.size]
        yield from _children(found, space)


def _children(found: Any, space: Space) -> Iterator[Splits]:
    """Of the estimators that a meta-estimator was fitted with."""
    several = getattr(found, "estimators_", None)
    if isinstance(several, list | tuple | np.ndarray):
        chosen = getattr(found, "estimators_features_", None)
        spaces = [space] * len(several)
        if chosen is not None and not _all_features(chosen):
            spaces = [space.subset(positions) for positions in chosen]
        for each, own in zip(several, spaces, strict=False):
            for one in each.ravel() if isinstance(each, np.ndarray) else [each]:
                yield from _walk(one, own)
    elif (one := getattr(found, "estimator_", None)) is not None:
        support = getattr(found, "support_", None)  # of feature selection
        chosen = None if support is None else np.flatnonzero(support).tolist()
        yield from _walk(one, space if chosen is None else space.subset(chosen))
    for name in ("best_estimator_", "regressor_"):
        if (one := getattr(found, name, None)) is not None:
            yield from _walk(one, space)
    for one in getattr(found, "calibrated_classifiers_", ()):
        yield from _walk(one.estimator, space)


def _all_features(chosen: Any) -> bool:
    return all(np.array_equal(one, np.arange(len(one))) for one in chosen)


def _tree(found: Any, space: Space) -> Iterator[Splits]:
    """A tree of scikit-learn."""
    tree = getattr(found, "tree_", None)
    if tree is not None and hasattr(tree, "threshold"):
        inner = tree.children_left != tree.children_right
        yield Splits(
            space, tree.feature[inner], tree.threshold[inner], 1.0 * tree.n_node_samples[inner]
        )


def _histogram(found: Any, space: Space) -> Iterator[Splits]:
    """A HistGradientBoosting of scikit-learn."""
    predictors = getattr(found, "_predictors", None)
    if predictors is None:
        return
    own, categorical = space, found.is_categorical_
    if getattr(found, "_preprocessor", None) is not None:  # it puts categories first
        order = [*np.flatnonzero(categorical), *np.flatnonzero(~categorical)]
        own = space.subset([int(position) for position in order])
    nodes = np.concatenate([tree.nodes for iteration in predictors for tree in iteration])
    nodes = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
    features, counts = nodes["feature_idx"].astype(np.intp), nodes["count"].astype(np.float64)
    yield Splits(own, features, nodes["num_threshold"].astype(np.float64), counts)


def _lightgbm(found: Any, space: Space) -> Iterator[Splits]:
    """A model of LightGBM, from the text that it is saved as."""
    booster = getattr(found, "booster_", None)
    if booster is None or not hasattr(booster, "model_to_string"):
        return
    rows: dict[str, list[str]] = {}
    for line in booster.model_to_string().splitlines():
        name, _, values = line.partition("=")
        if name in {"split_feature", "threshold", "decision_type", "internal_count"}:
            rows.setdefault(name, []).extend(values.split())
    numeric = np.asarray(rows["decision_type"], dtype=np.intp) % 2 == 0
    yield Splits(
        space,
        np.asarray(rows["split_feature"], dtype=np.intp)[numeric],
        np.asarray(rows["threshold"], dtype=np.float64)[numeric],
        np.asarray(rows["internal_count"], dtype=np.float64)[numeric],
    )


def _xgboost(found: Any, space: Space) -> Iterator[Splits]:
    """A model of XGBoost, from the JSON that it is saved as."""
    if not hasattr(found, "get_booster"):
        return
    saved = json.loads(bytes(found.get_booster().save_raw("json")))
    for tree in saved["learner"]["gradient_booster"]["model"]["trees"]:
        inner = np.asarray(tree["left_children"]) >= 0
        inner &= np.asarray(tree["split_type"]) == 0
        yield Splits(
            space,
            np.asarray(tree["split_indices"], dtype=np.intp)[inner],
            np.asarray(tree["split_conditions"], dtype=np.float64)[inner],
            np.asarray(tree["sum_hessian"], dtype=np.float64)[inner],
        )


def _borders(found: Any, space: Space) -> Iterator[Splits]:
    """The borders of CatBoost, and of the bins of a KBinsDiscretizer."""
    edges: dict[int, Any] = {}
    if hasattr(found, "get_borders"):
        edges = found.get_borders()
    elif isinstance(bins := getattr(found, "bin_edges_", None), np.ndarray):
        edges = dict(enumerate(bins))
    for feature, values in edges.items():
        thresholds = np.asarray(values, dtype=np.float64)
        yield Splits(
            space, np.full(thresholds.shape, feature), thresholds, np.ones(thresholds.shape)
        )


_READERS = (_tree, _histogram, _lightgbm, _xgboost, _borders)


def _in_columns(
    splits: Splits, frame: pd.DataFrame, numbers: set[str]
) -> Iterator[tuple[tuple[str, float], float]]:
    """((column, value), weight) of splits."""
    heavy = np.argsort(-splits.weights, kind="stable")[:_MOST_COUNTED]
    keys, inverse = np.unique(
        np.column_stack([splits.features[heavy], splits.thresholds[heavy]]),
        axis=0,
        return_inverse=True,
    )
    weights = np.bincount(inverse.ravel(), weights=splits.weights[heavy])
    order = np.argsort(-weights, kind="stable")
    found = [(int(keys[at, 0]), float(keys[at, 1]), float(weights[at])) for at in order]
    columns = splits.space.columns
    if columns is not None:
        for feature, threshold, weight in found[: 4 * MOST]:
            if feature < len(columns) and columns[feature] in numbers:
                yield (columns[feature], threshold), weight
        return
    from assay.packaging.parity.inverting import invert

    with quiet():
        chosen = found[:_MOST_INVERTED]
        values = invert(splits.space.of, frame, numbers, [one[:2] for one in chosen])
    for (_, _, weight), reached in zip(chosen, values, strict=True):
        for key in reached:
            yield key, weight
