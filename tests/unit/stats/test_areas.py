"""Differences of areas, held against published figures, definitions and bootstraps by others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics as sk
from assay.stats.areas import compare_areas, compare_areas_unpaired
from assay.stats.difference import Difference, Settings
from assay.stats.metrics import compute
from assay.stats.predictions import Predictions
from assay.stats.ranking import rank
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

if TYPE_CHECKING:
    from numpy.typing import NDArray

bounded = settings(max_examples=60, deadline=None, derandomize=True)
BINARY = ("roc_auc", "average_precision")
CLASSES = ("roc_auc_ovr", "roc_auc_ovo")
Rng = np.random.Generator

# 43 of the 49 patients of DeLong, DeLong and Clarke-Pearson 1988, those with all three values:
# albumin, total protein, Krebs-Goplerud score, and whether surgery helped. As printed in SAS/STAT's
# manual with the figures that are tested for below.
# https://support.sas.com/documentation/cdl/en/statug/68162/HTML/default/statug_logistic_examples08.htm
PATIENTS = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6  5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0  4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7  8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1  5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2  5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6  5 1
"""


def of_scores(truth: Any, score: Any, weight: Any = None) -> Predictions:
    score = np.asarray(score, dtype=np.float64)
    single = score.ndim == 1
    return Predictions(
        task="binary" if single else "multiclass",
        truth=np.asarray(truth).astype(np.intp),
        prediction=None,
        score=score,
        classes=(0, 1) if single else tuple(range(score.shape[1])),
        weight=None if weight is None else np.asarray(weight, dtype=np.float64),
        positive=1 if single else None,
    )


def compared(head: Predictions, base: Predictions, name: str, **options: Any) -> Difference:
    found, undefined = compare_areas(
        head, base, metrics=[name], settings=options.pop("level", Settings()), **options
    )
    assert not undefined
    return found[name]


def two_models(rng: Rng, n: int, *, share: float = 0.3) -> tuple[Any, Any, Any]:
    """Truth and the correlated scores of two models that really differ."""
    truth = (rng.random(n) < share).astype(np.intp)
    common = rng.normal(size=n)
    base = common + rng.normal(size=n) + 1.2 * truth
    head = common + rng.normal(size=n) + 1.8 * truth
    return truth, np.round(head, 1), np.round(base, 1)


def several_classes(rng: Rng, n: int, groups: Any = None) -> tuple[Any, Any, Any]:
    """Truth and the probabilities of two models; with groups, most of one are of one class."""
    truth = rng.choice(4, size=n, p=[0.4, 0.3, 0.2, 0.1])
    if groups is not None:
        truth = np.where(rng.random(n) < 0.7, truth[groups], truth)
    common = rng.normal(size=(n, 4))
    scores = []
    for pull in (1.6, 1.0):
        raw = np.exp(common + rng.normal(size=(n, 4)) + pull * (truth[:, None] == np.arange(4)))
        scores.append(raw / raw.sum(axis=1, keepdims=True))
    return truth, scores[0], scores[1]


# By definition -----------------------------------------------------------------------------------


def components(truth: Any, score: Any, weight: Any) -> tuple[Any, Any, float]:
    """DeLong's structural components from every pair of a positive and a negative row."""
    positive = truth == 1
    upper, lower = score[positive][:, None], score[~positive][None, :]
    wins = (upper > lower) + 0.5 * (upper == lower)
    of_positive = np.average(wins, axis=1, weights=weight[~positive])
    of_negative = np.average(wins, axis=0, weights=weight[positive])
    return of_positive, of_negative, float(np.average(of_positive, weights=weight[positive]))


def obuchowski(
    truth: Any, head: Any, base: Any, weight: Any, groups: Any
) -> tuple[float, float | None]:
    """Variance of the difference of two areas, group by group, and its degrees of freedom.

    With a group for each row it is DeLong's.
    """
    new, old = components(truth, head, weight), components(truth, base, weight)
    area = new[2] - old[2]
    sums = np.zeros((2, groups.max() + 1))
    unsure, variance = 0.0, 0.0
    for at, code in enumerate((1, 0)):
        mass, members = weight[truth == code], groups[truth == code]
        for row, group in enumerate(members):
            sums[at, group] += mass[row] * (new[at][row] - old[at][row] - area) / mass.sum()
        count = np.unique(members).size
        own = count / (count - 1) * float((sums[at] ** 2).sum())
        fourth = float((sums[at] ** 4).sum() - (sums[at] ** 2).sum() ** 2 / count)
        variance += own
        unsure += max(2 * own**2 / (count - 1), fourth)
    every = np.unique(groups).size
    if every < groups.size:
        variance += 2 * every / (every - 1) * float((sums[0] * sums[1]).sum())
        whole = sums.sum(axis=0)
        fourth = float((whole**4).sum() - (whole**2).sum() ** 2 / every)
        unsure = max(unsure, fourth, 2 * variance**2 / (every - 1))
    return variance, max(1.0, 2 * variance**2 / unsure) if unsure else None


@st.composite
def scored_rows(draw: st.DrawFn) -> dict[str, Any]:
    """At least two rows of each class, in at least two groups each, with many equal scores."""
    n = draw(st.integers(8, 40))
    level = st.integers(0, 6)
    truth = draw(hnp.arrays(np.intp, n, elements=st.integers(0, 1)))
    truth[:4] = [0, 0, 1, 1]
    groups = draw(hnp.arrays(np.intp, n, elements=st.integers(0, 5)))
    groups[:4] = [0, 1, 2, 3]
    return {
        "truth": truth,
        "head": draw(hnp.arrays(np.float64, n, elements=level)),
        "base": draw(hnp.arrays(np.float64, n, elements=level)),
        "weight": draw(hnp.arrays(np.float64, n, elements=st.sampled_from([0.5, 1.0, 2.0, 7.0]))),
        "groups": groups,
    }


def test_delongs_own_patients() -> None:
    table = np.array(PATIENTS.split(), dtype=np.float64).reshape(-1, 4)
    albumin, protein, score, truth = table.T
    base = of_scores(truth, 10 - score)
    for test, area, error, difference, spread, chi_square in (
        (albumin, 0.7366, 0.0927, 0.0108, 0.0953, 0.0127),
        (protein, 0.6478, 0.1000, -0.0780, 0.1046, 0.5554),
    ):
        head = of_scores(truth, test)
        found = compared(head, base, "roc_auc")
        assert round(found.head, 4) == area
        assert round(found.base, 4) == 0.7258
        assert round(found.difference, 4) == difference
        assert round(found.standard_error, 4) == spread
        assert round((found.difference / found.standard_error) ** 2, 4) == chi_square
        assert (found.method, found.units) == ("delong", 43)
        # Of one area: against one that always is a half.
        alone = compared(head, of_scores(truth, np.zeros(43)), "roc_auc")
        assert round(alone.standard_error, 4) == error


@bounded
@given(scored_rows(), st.booleans(), st.booleans())
def test_roc_auc_is_delongs_and_obuchowskis_variance(
    rows: dict[str, Any], weighted: bool, grouped: bool
) -> None:
    truth = rows["truth"]
    weight = rows["weight"] if weighted else None
    groups = rows["groups"] if grouped else None
    head = of_scores(truth, rows["head"], weight)
    found = compared(head, of_scores(truth, rows["base"]), "roc_auc", groups=groups)
    variance, degrees = obuchowski(
        truth,
        rows["head"],
        rows["base"],
        np.ones(truth.size) if weight is None else weight,
        np.arange(truth.size) if groups is None else groups,
    )
    if variance > 1e-20:
        assert found.standard_error == pytest.approx(variance**0.5, rel=1e-9)
        assert degrees is not None
        reach = scipy.stats.t.ppf(0.975, degrees) * found.standard_error
        assert found.high == pytest.approx(min(1, found.difference + reach), rel=1e-6)
        distance = abs(found.difference) / found.standard_error
        assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(distance, degrees), rel=1e-6)
    assert found.head == pytest.approx(sk.roc_auc_score(truth, rows["head"], sample_weight=weight))
    assert found.base == pytest.approx(sk.roc_auc_score(truth, rows["base"], sample_weight=weight))
    assert found.units == (truth.size if groups is None else np.unique(groups).size)


def defined(truth: Any, score: Any, weight: Any) -> float:
    """Average precision, from what lies at or above each positive row."""
    above = weight * (score >= score[:, None])
    precision = (above * truth).sum(axis=1) / above.sum(axis=1)
    return float(np.average(precision, weights=weight * truth))


@bounded
@given(scored_rows(), st.booleans())
def test_average_precision_varies_as_its_derivatives_by_the_weights_say(
    rows: dict[str, Any], weighted: bool
) -> None:
    truth = rows["truth"]
    weight = rows["weight"] if weighted else np.ones(truth.size)

    def apart(weight: Any) -> float:
        return defined(truth, rows["head"], weight) - defined(truth, rows["base"], weight)

    step = 1e-5
    influence = np.zeros(truth.size)
    for row in range(truth.size):
        nudge = np.zeros(truth.size)
        nudge[row] = step * weight[row]
        influence[row] = (apart(weight + nudge) - apart(weight - nudge)) / (2 * step)
    variance = sum(
        (truth == code).sum() / ((truth == code).sum() - 1) * (influence[truth == code] ** 2).sum()
        for code in (0, 1)
    )
    head = of_scores(truth, rows["head"], weight if weighted else None)
    found = compared(head, of_scores(truth, rows["base"]), "average_precision")
    expected = sk.average_precision_score(truth, rows["head"], sample_weight=weight)
    assert found.head == pytest.approx(expected)
    assert found.difference == pytest.approx(apart(weight), abs=1e-12)
    if variance > 1e-12:
        assert found.standard_error == pytest.approx(variance**0.5, rel=1e-5)
    assert found.method == "linearized"


@bounded
@given(scored_rows(), st.booleans())
def test_values_are_those_of_the_metrics_to_the_last_bit(
    rows: dict[str, Any], weighted: bool
) -> None:
    head = of_scores(rows["truth"], rows["head"], rows["weight"] if weighted else None)
    values = compute(head, metrics=BINARY).values
    for name in BINARY:
        assert compared(head, head, name).head == values[name]


@pytest.mark.parametrize("weighted", [False, True])
def test_several_classes_have_the_values_of_scikit_learn(weighted: bool) -> None:
    rng = np.random.default_rng(5)
    truth, new, old = several_classes(rng, 300)
    weight = rng.uniform(0.5, 2, 300) if weighted else None
    head, base = of_scores(truth, new, weight), of_scores(truth, old)
    for name in CLASSES[: 1 if weighted else 2]:
        found = compared(head, base, name)
        for value, score in ((found.head, new), (found.base, old)):
            expected = sk.roc_auc_score(
                truth, score, multi_class=name.removeprefix("roc_auc_"), sample_weight=weight
            )
            assert value == pytest.approx(expected, rel=1e-12)


def test_one_against_one_of_two_classes_is_delongs_test() -> None:
    truth, new, old = two_models(np.random.default_rng(6), 120)
    plain = compared(of_scores(truth, new), of_scores(truth, old), "roc_auc")
    shares = (scipy.special.expit(score) for score in (new, old))
    head, base = (of_scores(truth, np.column_stack([1 - share, share])) for share in shares)
    for name in CLASSES:
        found = compared(head, base, name)
        assert found.head == pytest.approx(plain.head)
        assert found.standard_error == pytest.approx(plain.standard_error)
        assert found.p_value == pytest.approx(plain.p_value)


@pytest.mark.parametrize("name", CLASSES)
def test_several_classes_vary_by_the_components_of_every_two_sides(name: str) -> None:
    truth, new, old = several_classes(np.random.default_rng(27), 60)
    # One class is hard to tell from one other: the areas of the pairs are far apart.
    new[:, 1], old[:, 1] = new[:, 0], old[:, 0]
    new, old = (score / score.sum(axis=1, keepdims=True) for score in (new, old))
    weights = np.ones(60)
    influence = np.zeros(60)
    for sign, score in ((1, new), (-1, old)):
        for one in range(4):
            others = [other for other in range(4) if other != one]
            for rest in [others] if name == "roc_auc_ovr" else [[other] for other in others]:
                rows = np.flatnonzero(np.isin(truth, [one, *rest]))
                is_one = truth[rows] == one
                parts = components(is_one.astype(int), score[rows, one], weights[rows])
                scale = sign / (4 if name == "roc_auc_ovr" else 12)
                influence[rows[is_one]] += scale * (parts[0] - parts[2]) / is_one.sum()
                influence[rows[~is_one]] += scale * (parts[1] - parts[2]) / (~is_one).sum()
    sizes = np.bincount(truth)
    variance = (influence**2 * (sizes / (sizes - 1))[truth]).sum()
    found = compared(of_scores(truth, new), of_scores(truth, old), name)
    assert found.standard_error == pytest.approx(variance**0.5, rel=1e-9)


# Against bootstraps ------------------------------------------------------------------------------


def drawn(rng: Rng, head: Predictions, base: Predictions, name: str, *, times: int) -> float:
    """Standard error of the difference by drawing rows with replacement."""
    differences = []
    while len(differences) < times:
        rows = rng.integers(0, len(head), len(head))
        new, old = (compute(one.subset(rows), metrics=[name]).values for one in (head, base))
        if name in new:
            differences.append(new[name] - old[name])
    return float(np.std(differences))


@pytest.mark.parametrize("name", BINARY)
def test_standard_error_is_that_of_scipys_paired_bootstrap(name: str) -> None:
    truth, new, old = two_models(np.random.default_rng(7), 500)

    def apart(truth: NDArray[Any], *scores: NDArray[Any]) -> float:
        new, old = (rank(score, truth == 1) for score in scores)
        if name == "roc_auc":
            return new.roc_area() - old.roc_area()
        return new.average_precision() - old.average_precision()

    oracle = scipy.stats.bootstrap(
        (truth, new, old),
        apart,
        paired=True,
        vectorized=False,
        n_resamples=800,
        method="percentile",
        random_state=np.random.default_rng(8),
    )
    found = compared(of_scores(truth, new), of_scores(truth, old), name)
    assert found.standard_error == pytest.approx(oracle.standard_error, rel=0.08)
    assert found.low == pytest.approx(oracle.confidence_interval.low, abs=found.standard_error / 3)
    assert found.high == pytest.approx(
        oracle.confidence_interval.high, abs=found.standard_error / 3
    )


@pytest.mark.parametrize("name", BINARY)
def test_weighted_rows_vary_as_drawn_rows_with_their_weights(name: str) -> None:
    rng = np.random.default_rng(9)
    truth, new, old = two_models(rng, 600)
    weight = rng.exponential(size=600)
    head, base = of_scores(truth, new, weight), of_scores(truth, old, weight)
    expected = drawn(rng, head, base, name, times=800)
    assert compared(head, base, name).standard_error == pytest.approx(expected, rel=0.08)
    ignored = compared(replace(head, weight=None), base, name).standard_error
    assert ignored != pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("name", CLASSES)
def test_several_classes_vary_as_drawn_rows(name: str) -> None:
    rng = np.random.default_rng(10)
    truth, new, old = several_classes(rng, 500)
    head, base = of_scores(truth, new), of_scores(truth, old)
    expected = drawn(rng, head, base, name, times=500)
    assert compared(head, base, name).standard_error == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("name", [*BINARY, "roc_auc_ovr", "roc_auc_ovo"])
def test_groups_vary_as_drawn_groups(name: str) -> None:
    rng = np.random.default_rng(11)
    n, every = 900, 180
    groups = np.sort(rng.integers(0, every, n)).astype(np.intp)
    truth, new, old = several_classes(rng, n, groups)
    # Head is right, or wrong, about all rows of a group together.
    new = new * np.exp(rng.normal(size=(every, 4)))[groups]
    new /= new.sum(axis=1, keepdims=True)
    if name in BINARY:
        head, base = (of_scores(truth == 0, score[:, 0]) for score in (new, old))
    else:
        head, base = of_scores(truth, new), of_scores(truth, old)
    members = [np.flatnonzero(groups == group) for group in range(every)]
    differences = []
    for _ in range(400):
        rows = np.concatenate([members[group] for group in rng.integers(0, every, every)])
        one, two = (compute(side.subset(rows), metrics=[name]).values for side in (head, base))
        differences.append(one[name] - two[name])
    found = compared(head, base, name, groups=groups)
    assert found.standard_error == pytest.approx(np.std(differences), rel=0.12)
    assert found.units == np.unique(groups).size
    alone = compared(head, base, name).standard_error
    assert alone < 0.9 * found.standard_error


# Both ways round, and what must not matter -------------------------------------------------------


@bounded
@given(scored_rows(), st.booleans(), st.booleans(), st.sampled_from(BINARY))
def test_swapping_the_models_flips_the_sign_and_nothing_else(
    rows: dict[str, Any], weighted: bool, grouped: bool, name: str
) -> None:
    weight = rows["weight"] if weighted else None
    groups = rows["groups"] if grouped else None
    one, two = (of_scores(rows["truth"], rows[side], weight) for side in ("head", "base"))
    there = compared(one, two, name, groups=groups, nulls={name: [0.05]})
    back = compared(two, one, name, groups=groups, nulls={name: [-0.05]})
    assert (there.head, there.base) == (back.base, back.head)
    assert there.low == pytest.approx(-back.high, abs=1e-12)
    assert there.high == pytest.approx(-back.low, abs=1e-12)
    assert there.standard_error == pytest.approx(back.standard_error, rel=1e-9)
    assert there.p_value == pytest.approx(back.p_value, rel=1e-9)
    assert there.tails[0].p_less == pytest.approx(back.tails[0].p_greater, rel=1e-9)
    assert there.tails[0].p_greater == pytest.approx(back.tails[0].p_less, rel=1e-9)
    assert -1 <= there.low <= there.difference <= there.high <= 1
    assert 0 <= there.p_value <= 1


@bounded
@given(scored_rows(), st.sampled_from(BINARY), st.randoms(use_true_random=False))
def test_order_scale_names_and_rows_without_weight_do_not_matter(
    rows: dict[str, Any], name: str, shuffle: Any
) -> None:
    truth, weight, groups = rows["truth"], rows["weight"], rows["groups"]
    plain = compared(
        of_scores(truth, rows["head"], weight),
        of_scores(truth, rows["base"], weight),
        name,
        groups=groups,
    )
    order = list(range(truth.size))
    shuffle.shuffle(order)
    added = np.array([*order, 0, 1, 2])
    mass = np.append(3 * weight[order], [0, 0, 0])
    other = compared(
        of_scores(truth[added], np.exp(rows["head"][added]), mass),
        of_scores(truth[added], 5 - 2 / (1 + rows["base"][added]), mass),
        name,
        groups=(7 - groups)[added],
    )
    for field in ("head", "base", "low", "high", "standard_error", "p_value"):
        assert getattr(other, field) == pytest.approx(getattr(plain, field), rel=1e-6, abs=1e-9)
    assert other.units == plain.units


@bounded
@given(scored_rows(), st.sampled_from(BINARY))
def test_groups_of_one_row_are_rows(rows: dict[str, Any], name: str) -> None:
    head, base = (of_scores(rows["truth"], rows[side]) for side in ("head", "base"))
    alone = compared(head, base, name, groups=np.arange(len(head))[::-1])
    plain = compared(head, base, name)
    assert alone.standard_error == pytest.approx(plain.standard_error, rel=1e-9)
    assert alone.units == plain.units


def test_groups_with_rows_of_both_classes_are_no_more_units_than_they_are() -> None:
    rng = np.random.default_rng(28)
    groups = np.arange(40) % 20
    truth = (np.arange(40) < 20).astype(np.intp)
    # Where head is wrong, it is wrong about both rows of a group.
    wrong = rng.normal(size=20)[groups] * np.where(truth == 1, -1, 1)
    new, old = 2 * truth + wrong, 2 * truth + 0.3 * rng.normal(size=40)
    found = compared(of_scores(truth, new), of_scores(truth, old), "roc_auc", groups=groups)
    reach = (found.difference - found.low) / found.standard_error
    assert reach >= scipy.stats.t.ppf(0.975, 19)
    variance, degrees = obuchowski(truth, new, old, np.ones(40), groups)
    assert found.standard_error == pytest.approx(variance**0.5)
    assert reach == pytest.approx(scipy.stats.t.ppf(0.975, degrees))


def test_confidence_widens_the_interval_and_a_null_is_where_it_ends() -> None:
    truth, new, old = two_models(np.random.default_rng(12), 200)
    head, base = of_scores(truth, new), of_scores(truth, old)
    for name in BINARY:
        plain = compared(head, base, name)
        wide = compared(
            head,
            base,
            name,
            level=Settings(confidence=0.99),
            nulls={name: [plain.low, plain.high], "other": [0.5]},
        )
        assert wide.low < plain.low < plain.high < wide.high
        at_low, at_high = wide.tails
        assert at_low.p_greater == pytest.approx(0.025)
        assert at_high.p_less == pytest.approx(0.025)


# Unpaired ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BINARY)
def test_unpaired_variances_add(name: str) -> None:
    rng = np.random.default_rng(13)
    truth, new, _ = two_models(rng, 300)
    other, _, old = two_models(rng, 500)
    head, base = of_scores(truth, new), of_scores(other, old)
    found, _ = compare_areas_unpaired(head, base, metrics=BINARY, settings=Settings())
    squares = []
    for one in (head, base):
        assert one.score is not None
        against = of_scores(one.truth, np.zeros(len(one)))
        alone, _ = compare_areas(one, against, metrics=["roc_auc"], settings=Settings())
        squares.append(alone["roc_auc"].standard_error ** 2)
    if name == "roc_auc":
        assert found[name].standard_error ** 2 == pytest.approx(sum(squares))
    new_values, old_values = [], []
    for _ in range(600):
        for one, into in ((head, new_values), (base, old_values)):
            rows = rng.integers(0, len(one), len(one))
            into.append(compute(one.subset(rows), metrics=[name]).values[name])
    expected = np.std(np.subtract(new_values, old_values))
    assert found[name].standard_error == pytest.approx(expected, rel=0.08)
    assert found[name].method == "unpaired"
    assert found[name].units == 800


def test_unpaired_groups_are_each_sides_own() -> None:
    rng = np.random.default_rng(14)
    truth, new, old = two_models(rng, 200)
    head, base = of_scores(truth, new), of_scores(truth, old)
    pairs = np.arange(200) // 2

    def unpaired(**groups: Any) -> Difference:
        found, _ = compare_areas_unpaired(
            head, base, metrics=["roc_auc"], settings=Settings(), **groups
        )
        return found["roc_auc"]

    assert unpaired(head_groups=pairs).units == 300
    assert unpaired(head_groups=pairs, base_groups=pairs).units == 200
    twice = [np.repeat(part, 2) for part in (truth, new, old)]
    doubled, _ = compare_areas_unpaired(
        of_scores(twice[0], twice[1]),
        of_scores(twice[0], twice[2]),
        metrics=["roc_auc"],
        settings=Settings(),
        head_groups=np.arange(400) // 2,
        base_groups=np.arange(400) // 2,
    )
    assert doubled["roc_auc"].standard_error == pytest.approx(unpaired().standard_error, rel=0.01)


# Edges -------------------------------------------------------------------------------------------


def perfect(rng: Rng, n: int, positives: int) -> tuple[Any, Any]:
    truth = (np.arange(n) < positives).astype(np.intp)
    return truth, truth + rng.uniform(0, 0.5, n)


@pytest.mark.parametrize("name", BINARY)
def test_models_that_rank_every_row_alike_are_one_model(name: str) -> None:
    truth, new, _ = two_models(np.random.default_rng(15), 80)
    weight = np.random.default_rng(16).uniform(0, 1, 80)
    for head in (of_scores(truth, new), of_scores(truth, new, weight)):
        found = compared(head, of_scores(truth, 2 * new - 7), name, nulls={name: [-0.01, 0.01]})
        assert (found.low, found.high, found.standard_error) == (0, 0, 0)
        assert found.p_value == 1
        assert found.tails[0].p_greater == 0
        assert found.tails[1].p_less == 0


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("weighted", [False, True])
def test_two_perfect_models_are_not_known_to_be_equal(name: str, weighted: bool) -> None:
    rng = np.random.default_rng(17)
    reach = []
    for n in (40, 400, 4000):
        truth, new = perfect(rng, n, n // 2)
        _, old = perfect(rng, n, n // 2)
        head = of_scores(truth, new, np.full(n, 0.3) if weighted else None)
        found = compared(head, of_scores(truth, old), name)
        assert found.difference == pytest.approx(0)
        assert found.p_value == pytest.approx(1)
        assert found.low == pytest.approx(-found.high)
        reach.append(found.high)
    # The rule of three: at 97.5 % up to 3.7 rows of as many.
    if name == "roc_auc":
        assert reach == pytest.approx([3.69 / 20, 3.69 / 200, 3.69 / 2000], rel=0.01)
    assert 0.35 > reach[0] > 4 * reach[1] > 16 * reach[2] > 0


def test_a_perfect_model_against_an_almost_perfect_one() -> None:
    rng = np.random.default_rng(18)
    truth, new = perfect(rng, 200, 20)
    old = new.copy()
    old[0] = np.median(old)
    for name in BINARY:
        found = compared(of_scores(truth, new), of_scores(truth, old), name)
        assert found.head == 1
        assert found.low < 0 < found.difference < found.high
        # One row made all of it: next to nothing is known of the variance.
        assert found.p_value > 0.3
        reach = (found.high - found.difference) / found.standard_error
        assert reach > 3


def test_a_perfect_model_against_constant_scores() -> None:
    rng = np.random.default_rng(19)
    truth, new = perfect(rng, 200, 60)
    for name, base in (("roc_auc", 0.5), ("average_precision", 0.3)):
        found = compared(of_scores(truth, new), of_scores(truth, np.full(200, 0.4)), name)
        assert (found.head, found.base) == (1, pytest.approx(base))
        assert found.standard_error > 0
        assert 0 < found.low < found.difference < found.high <= 1
        assert found.p_value < 0.001
        if name == "roc_auc":
            # A row not seen could be from half a win to a whole loss: one and a half.
            reach = found.difference - found.low
            assert reach == pytest.approx(1.5 * 3.69 / 60, rel=0.01)


def test_constant_scores_of_both() -> None:
    truth, _ = perfect(np.random.default_rng(20), 30, 10)
    found = compared(of_scores(truth, np.zeros(30)), of_scores(truth, np.ones(30)), "roc_auc")
    assert (found.head, found.base, found.low, found.high) == (0.5, 0.5, 0, 0)
    assert found.p_value == 1


@pytest.mark.parametrize("name", BINARY)
def test_of_one_positive_row_nothing_is_known(name: str) -> None:
    rng = np.random.default_rng(21)
    truth = (np.arange(50) == 7).astype(np.intp)
    head, base = of_scores(truth, rng.random(50)), of_scores(truth, rng.random(50))
    found = compared(head, base, name)
    assert (found.low, found.high) == (-1, 1)
    assert found.p_value > 0.3
    assert compared(head, head, name).high == 0
    # Nor of several in one group.
    truth = (np.arange(50) < 5).astype(np.intp)
    groups = np.maximum(np.arange(50) - 4, 0)
    head, base = of_scores(truth, rng.random(50)), of_scores(truth, rng.random(50))
    assert compared(head, base, name, groups=groups).high == 1
    assert compared(head, base, name, groups=np.zeros(50, dtype=np.intp)).high == 1


def test_a_class_with_one_row_widens_the_mean_over_classes() -> None:
    rng = np.random.default_rng(22)
    truth, new, old = several_classes(rng, 200)
    truth[truth == 3] = 2
    truth[0] = 3
    for name in CLASSES:
        found = compared(of_scores(truth, new), of_scores(truth, old), name)
        assert 0.5 <= found.standard_error < 0.6


def test_average_precision_of_positive_rows_alone() -> None:
    rng = np.random.default_rng(23)
    truth = np.ones(100, dtype=np.intp)
    found = compared(
        of_scores(truth, rng.random(100)), of_scores(truth, rng.random(100)), "average_precision"
    )
    assert (found.head, found.base) == (1, 1)
    assert found.low < 0 < found.high


@pytest.mark.parametrize("paired", [True, False])
def test_what_is_undefined_is_so_in_the_words_of_the_metrics(paired: bool) -> None:
    compare = compare_areas if paired else compare_areas_unpaired
    rng = np.random.default_rng(24)
    truth, new, old = two_models(rng, 60)
    labels, scores, _ = several_classes(rng, 60)
    good = of_scores(truth, new)
    several = of_scores(labels, scores)
    cases: list[tuple[Predictions, Predictions, str, str]] = [
        (of_scores(np.zeros(60), new), of_scores(np.zeros(60), old), "roc_auc", "both classes"),
        (of_scores(np.zeros(60), new), of_scores(np.zeros(60), old), "average_precision", "all 60"),
        (good, replace(good, score=None), "roc_auc", "the predictions have none"),
        (good, good, "roc_auc_ovr", "it is for multiclass tasks"),
        (several, several, "roc_auc", "it is for binary tasks"),
        (replace(several, weight=np.ones(60)), several, "roc_auc_ovo", "weighted rows"),
        (replace(good, weight=np.zeros(60)), good, "roc_auc", "all weights are zero"),
        (replace(good, weight=np.full(60, 1e200)), good, "roc_auc", "overflows"),
        (good.subset(np.zeros(60, bool)), good.subset(np.zeros(60, bool)), "roc_auc", "no rows"),
    ]
    for head, base, name, reason in cases:
        found, undefined = compare(head, base, metrics=[name], settings=Settings())
        assert not found
        assert reason in undefined[name]
        computed = [compute(side, metrics=[name]).undefined.get(name) for side in (head, base)]
        assert undefined[name] in computed


def test_what_is_defined_is_compared_where_another_is_not() -> None:
    rng = np.random.default_rng(25)
    truth = np.ones(30, dtype=np.intp)
    head, base = of_scores(truth, rng.random(30)), of_scores(truth, rng.random(30))
    found, undefined = compare_areas(head, base, metrics=BINARY, settings=Settings())
    assert list(found) == ["average_precision"]
    assert list(undefined) == ["roc_auc"]


def test_a_class_without_rows_leaves_one_against_one_defined() -> None:
    truth, new, old = several_classes(np.random.default_rng(26), 200)
    rows = truth != 3
    head, base = of_scores(truth[rows], new[rows]), of_scores(truth[rows], old[rows])
    found, undefined = compare_areas(head, base, metrics=CLASSES, settings=Settings())
    assert undefined == {"roc_auc_ovr": "it needs rows of every class; none is 3"}
    value = compute(head, metrics=["roc_auc_ovo"]).values["roc_auc_ovo"]
    assert found["roc_auc_ovo"].head == pytest.approx(value, rel=1e-12)
