"""Head against base on the same rows: what others' implementations say, both ways round."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.stats.catalogue import CATALOGUE
from assay.stats.difference import Settings
from assay.stats.metrics import MetricError, compute
from assay.stats.paired import Compared, compare, compare_unpaired
from assay.stats.predictions import Predictions, PredictionsError, from_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

bounded = settings(max_examples=30, deadline=None, derandomize=True)
FAST = Settings(resamples=1000)
LABELS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc")
AVERAGED = tuple(
    f"{name}_{how}" for name in ("precision", "recall", "f1") for how in ("macro", "weighted")
)
LOSSES = ("log_loss", "brier")
ERRORS = ("r2", "mae", "mse", "rmse", "mape", "pinball_0.9", "median_absolute_error")


def labels(
    truth: Any, prediction: Any, *, weight: Any = None, classes: tuple[Any, ...] = (0, 1)
) -> Predictions:
    several = len(classes) > 2
    return Predictions(
        task="multiclass" if several else "binary",
        truth=np.asarray(truth, dtype=np.intp),
        prediction=np.asarray(prediction, dtype=np.intp),
        score=None,
        classes=classes,
        weight=weight,
        positive=None if several else classes[1],
    )


def scored(n: int, seed: int = 0, noise: tuple[float, float] = (0.5, 1.5)) -> tuple[Any, Any]:
    """Two models that really differ, on rows of which one in five is positive."""
    chance = np.random.default_rng(seed)
    odds = 2 * chance.normal(size=n) - 2
    truth = (chance.random(n) < 1 / (1 + np.exp(-odds))).astype(int)

    def model(level: float) -> Predictions:
        score = 1 / (1 + np.exp(-odds - level * chance.normal(size=n)))
        frame = pd.DataFrame({"truth": truth, "score": score})
        return from_frame(frame, truth="truth", score="score")

    return model(noise[0]), model(noise[1])


def numbers(n: int, seed: int = 0) -> tuple[Predictions, Predictions]:
    chance = np.random.default_rng(seed)
    truth = 5 + chance.gamma(3, size=n)

    def model(level: float) -> Predictions:
        told = truth + level * chance.normal(size=n)
        return Predictions(task="regression", truth=truth, prediction=told, score=None)

    return model(0.8), model(1.2)


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unpaired", [False, True])
def test_values_are_those_of_the_metrics(unpaired: bool) -> None:
    for head, base in (scored(300), numbers(300)):
        names = [name for name, metric in CATALOGUE.items() if head.task in metric.tasks]
        function = compare_unpaired if unpaired else compare
        found = function(head, base, metrics=names, settings=FAST)
        new, old = (compute(one, metrics=names).values for one in (head, base))
        assert found.undefined == {}
        assert {name: one.head for name, one in found.differences.items()} == pytest.approx(new)
        assert {name: one.base for name, one in found.differences.items()} == pytest.approx(old)
        assert list(found.differences) == names


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not() -> None:
    head, base = scored(400)
    once, again, other = (
        compare(head, base, metrics=LABELS, settings=Settings(resamples=500, seed=seed))
        for seed in (3, 3, 4)
    )
    assert once == again
    assert once != other


def test_another_metric_does_not_change_an_interval() -> None:
    head, base = scored(400)
    alone = compare(head, base, metrics=["f1"], settings=FAST).differences["f1"]
    among = compare(head, base, metrics=[*LABELS, *LOSSES, "roc_auc"], settings=FAST)
    assert among.differences["f1"] == alone


# Against others ---------------------------------------------------------------------------------


def by_scipy(metric: Any, truth: Any, head: Any, base: Any, **given: Any) -> Any:
    def difference(t: Any, h: Any, b: Any) -> Any:
        return metric(t, h) - metric(t, b)

    return stats.bootstrap(
        (truth, head, base),
        difference,
        paired=True,
        vectorized=False,
        n_resamples=1500,
        method="percentile",
        rng=np.random.default_rng(0),
        **given,
    )


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        # In numpy: scikit-learn takes a minute for so many calls.
        ("accuracy", lambda t, p: np.mean(t == p)),
        ("f1", lambda t, p: 2 * np.sum(t & p) / (np.sum(t) + np.sum(p))),
        ("mcc", lambda t, p: np.corrcoef(t, p)[0, 1]),
        ("log_loss", lambda t, p: -np.mean(np.log(np.where(t, p, 1 - p)))),
    ],
)
def test_intervals_of_a_classifier_are_those_of_scipy(name: str, metric: Any) -> None:
    head, base = scored(1500)
    column = "score" if name == "log_loss" else "prediction"
    theirs = by_scipy(metric, head.truth, getattr(head, column), getattr(base, column))
    assert_close(compare(head, base, metrics=[name], settings=Settings()), name, theirs)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("r2", lambda t, p: 1 - np.mean((t - p) ** 2) / np.var(t)),
        ("rmse", lambda t, p: np.mean((t - p) ** 2) ** 0.5),
        ("mape", lambda t, p: np.mean(np.abs((t - p) / t))),
        ("median_absolute_error", lambda t, p: np.median(np.abs(t - p))),
    ],
)
def test_intervals_of_a_regression_are_those_of_scipy(name: str, metric: Any) -> None:
    head, base = numbers(1500)
    theirs = by_scipy(metric, head.truth, head.prediction, base.prediction)
    assert_close(compare(head, base, metrics=[name], settings=FAST), name, theirs)


def assert_close(found: Compared, name: str, theirs: Any) -> None:
    ours = found.differences[name]
    # The ends of a percentile interval of 1,500 resamples are known to 8 % of the standard error.
    slack = 0.25 * theirs.standard_error * (2 if name.startswith("median") else 1)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=slack)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=slack)
    assert ours.low > 0 or ours.high < 0


@pytest.mark.parametrize(("only_base", "only_head"), [(40, 65), (90, 85), (130, 200)])
def test_p_value_of_accuracy_is_that_of_mcnemar(only_base: int, only_head: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    both, neither = 1500, 200
    theirs = tables.mcnemar(
        [[both, only_base], [only_head, neither]], exact=False, correction=False
    ).pvalue
    truth = np.zeros(both + neither + only_base + only_head)
    wrong = np.repeat([[0, 0], [1, 1], [0, 1], [1, 0]], [both, neither, only_base, only_head], 0)
    found = compare(
        labels(truth, wrong[:, 1]),
        labels(truth, wrong[:, 0]),
        metrics=["accuracy"],
        settings=Settings(resamples=50_000),
    ).differences["accuracy"]
    assert found.difference == pytest.approx((only_head - only_base) / truth.size)
    assert found.p_value == pytest.approx(theirs, rel=0.25, abs=0.01)


# Both ways round --------------------------------------------------------------------------------


def test_swapping_the_models_turns_every_sign() -> None:
    settings = Settings(resamples=20_000)
    for (head, base), names in (
        (scored(800), (*LABELS, *LOSSES, "roc_auc")),
        (numbers(800), ERRORS),
    ):
        one = compare(head, base, metrics=names, settings=settings, nulls={"f1": [0.02]})
        two = compare(base, head, metrics=names, settings=settings, nulls={"f1": [-0.02]})
        for name in names:
            ours, theirs = one.differences[name], two.differences[name]
            noise = 0.08 * ours.standard_error
            assert ours.difference == -theirs.difference
            assert (ours.low, ours.high) == pytest.approx((-theirs.high, -theirs.low), abs=noise)
            assert ours.p_value == pytest.approx(theirs.p_value, rel=0.3, abs=0.02)
            for mine, other in zip(ours.tails, theirs.tails, strict=True):
                assert mine.p_less == pytest.approx(other.p_greater, abs=0.02)


def test_a_model_that_really_is_better_is_seen_either_way() -> None:
    head, base = scored(4000)
    names = ("accuracy", "precision", "log_loss", "roc_auc")
    up = compare(head, base, metrics=names, settings=FAST).differences
    down = compare(base, head, metrics=names, settings=FAST).differences
    for name in names:
        better = CATALOGUE[name].direction == "higher"
        assert (up[name].low > 0) == better
        assert (down[name].low > 0) != better
        assert up[name].p_value < 0.001


@bounded
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_the_order_of_rows_changes_nothing(seed: int, k: int) -> None:
    chance = np.random.default_rng(seed)
    n = int(chance.integers(2, 200))
    truth, first, second = chance.integers(k, size=(3, n))
    classes = tuple(range(k))
    order = chance.permutation(n)
    names = ["accuracy", "balanced_accuracy", "f1_macro", "mcc"]

    def result(rows: Any) -> Compared:
        pair = (labels(truth[rows], one[rows], classes=classes) for one in (first, second))
        return compare(*pair, metrics=names, settings=Settings(resamples=200))

    assert result(np.arange(n)) == result(order)


@bounded
@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_any_rows_give_a_finite_answer_or_a_reason(
    seed: int, weighted: bool, grouped: bool
) -> None:
    chance = np.random.default_rng(seed)
    n, k = int(chance.integers(1, 60)), int(chance.integers(2, 5))
    truth, first, second = chance.integers(k, size=(3, n))
    weight = chance.integers(0, 3, size=n).astype(float) if weighted else None
    groups = chance.integers(4, size=n) if grouped else None
    classes = tuple(range(k))
    names = [*LABELS, *AVERAGED]
    found = compare(
        labels(truth, first, weight=weight, classes=classes),
        labels(truth, second, classes=classes),
        metrics=names,
        settings=Settings(resamples=200),
        groups=groups,
    )
    assert len(found.differences) + len(found.undefined) == len(names)
    assert all(found.undefined.values())
    for one in found.differences.values():
        assert np.isfinite([one.low, one.high, one.standard_error, one.p_value]).all()
        assert one.low <= one.difference <= one.high
        assert 0 <= one.p_value <= 1


# Weights and groups -----------------------------------------------------------------------------


def test_weights_of_one_change_nothing_but_the_method() -> None:
    for (head, base), names in ((scored(400), (*LABELS, *LOSSES)), (numbers(400), ERRORS)):
        plain = compare(head, base, metrics=names, settings=Settings()).differences
        ones = replace(head, weight=np.ones(400))
        heavy = compare(ones, base, metrics=names, settings=Settings()).differences
        for name in names:
            # Counts come in steps, of a tenth of the standard error or so.
            noise = 0.2 * plain[name].standard_error
            assert heavy[name].low == pytest.approx(plain[name].low, abs=noise)
            assert heavy[name].high == pytest.approx(plain[name].high, abs=noise)


@pytest.mark.parametrize("n", [120, 3000])
def test_a_group_is_one_row_however_often_it_is_repeated(n: int) -> None:
    # Every row five times, as a group, knows no more than every row once; 3,000 are dealt.
    times = 5
    for (head, base), names in ((scored(n), (*LABELS, *LOSSES)), (numbers(n), ERRORS[:-1])):
        once = compare(
            replace(head, weight=np.ones(n)), base, metrics=names, settings=Settings()
        ).differences
        rows = np.repeat(np.arange(n), times)
        many = compare(
            head.subset(rows), base.subset(rows), metrics=names, settings=Settings(), groups=rows
        ).differences
        for name in names:
            assert many[name].units == n
            assert many[name].standard_error == pytest.approx(once[name].standard_error, rel=0.15)
            if name not in LABELS:
                assert many[name].low == pytest.approx(once[name].low)


def test_weights_are_those_of_repeated_rows_in_the_values() -> None:
    head, base = scored(200)
    times = np.random.default_rng(0).integers(0, 4, size=200)
    heavy = replace(head, weight=times.astype(float))
    rows = np.repeat(np.arange(200), times)
    names = (*LABELS, *LOSSES)
    found = compare(heavy, base, metrics=names, settings=FAST).differences
    for name in names:
        for revision, model in (("head", head), ("base", base)):
            wanted = compute(model.subset(rows), metrics=[name]).values[name]
            assert getattr(found[name], revision) == pytest.approx(wanted)
    assert {one.units for one in found.values()} == {np.count_nonzero(times)}


def test_many_units_are_dealt_without_changing_what_is_known() -> None:
    head, base = scored(20_000)
    heavy = replace(head, weight=np.ones(20_000))
    plain = compare(head, base, metrics=LABELS, settings=Settings()).differences
    dealt = compare(heavy, base, metrics=LABELS, settings=Settings()).differences
    for name in LABELS:
        assert dealt[name].method == "bootstrap"
        assert dealt[name].standard_error == pytest.approx(plain[name].standard_error, rel=0.12)


def test_a_hundred_classes_are_compared_in_bounded_memory() -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(100, size=30_000)

    def model(right: float) -> Predictions:
        told = np.where(chance.random(30_000) < right, truth, chance.integers(100, size=30_000))
        return labels(truth, told, classes=tuple(range(100)))

    found = compare(
        model(0.8),
        model(0.7),
        metrics=["accuracy", "f1_macro", "mcc"],
        settings=Settings(resamples=500),
    ).differences
    assert all(0.08 < one.low < one.high < 0.12 for one in found.values())


# Few rows, and none that differs ----------------------------------------------------------------


def test_same_scores_are_one_model() -> None:
    head, _ = scored(200)
    names = (*LABELS, *LOSSES, "roc_auc", "average_precision")
    found = compare(head, head, metrics=names, settings=FAST, nulls={key: [-0.01] for key in names})
    for one in found.differences.values():
        assert (one.low, one.high, one.p_value) == (0, 0, 1)
        assert one.tails[0].p_greater == 0
    head, _ = numbers(200)
    found = compare(head, head, metrics=ERRORS, settings=FAST)
    assert {(one.low, one.high, one.p_value) for one in found.differences.values()} == {(0, 0, 1)}


def test_same_labels_on_few_rows_are_no_proof() -> None:
    widths = []
    for n in (100, 10_000):
        truth = np.arange(n) % 2
        model = labels(truth, truth)
        one = compare(model, model, metrics=["accuracy"], settings=FAST).differences["accuracy"]
        assert (one.difference, one.p_value) == (0, 1)
        assert one.low < 0 < one.high
        widths.append(one.high - one.low)
    # Up to one or two rows of the hundred.
    assert 0.01 <= widths[0] <= 0.05
    assert widths[1] < widths[0] / 50


@pytest.mark.parametrize("differ", [5, 6, 8, 12])
def test_a_handful_of_rows_is_not_taken_for_certainty(differ: int) -> None:
    truth = np.zeros(300)
    wrong = (np.arange(300) < differ).astype(int)
    found = compare(
        labels(truth, truth),
        labels(truth, wrong),
        metrics=["accuracy"],
        settings=Settings(resamples=50_000),
        nulls={"accuracy": [0.0]},
    ).differences["accuracy"]
    # Of the rows that one model alone gets right, and half a row more to either side. The raw
    # percentile bootstrap says e^-differ: a tenth of it at 12 rows.
    wanted = stats.skellam.cdf(0, differ + 0.5, 0.5)
    assert wanted / 3 < found.tails[0].p_greater < wanted * 2


# Classes ----------------------------------------------------------------------------------------


def read(truth: list[Any], prediction: list[Any], **given: Any) -> Predictions:
    frame = pd.DataFrame({"truth": truth, "prediction": prediction})
    return from_frame(frame, truth="truth", prediction="prediction", **given)


def test_a_label_that_one_model_alone_predicts_is_a_class_of_both() -> None:
    truth = ["a", "b", "c"] * 20
    head, base = read(truth, truth), read(truth, [*truth[:-1], "d"])
    found = compare(head, base, metrics=["accuracy", "f1_macro"], settings=FAST).differences
    assert found["accuracy"].difference == pytest.approx(1 / 60)
    assert found["f1_macro"].head == 1
    assert found["f1_macro"].base == compute(base, metrics=["f1_macro"]).values["f1_macro"]


def test_a_third_label_of_one_model_makes_both_multiclass() -> None:
    truth = ["a", "b"] * 30
    head, base = read(truth, truth, positive="b"), read(truth, [*truth[:-1], "c"])
    assert (head.task, base.task) == ("binary", "multiclass")
    found = compare(head, base, metrics=["accuracy", "precision"], settings=FAST)
    assert found.differences["accuracy"].difference == pytest.approx(1 / 60)
    assert "multiclass" in found.undefined["precision"]


def test_probabilities_of_classes_are_brought_to_one_order() -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(3, size=90)
    scores = chance.dirichlet(np.ones(3), size=90)

    def model(names: str) -> Predictions:
        columns = {f"p{c}": scores[:, "abc".index(c)] for c in "abc"}
        extra = {f"p{c}": np.zeros(90) for c in names if c not in "abc"}
        frame = pd.DataFrame({"truth": [*map("abc".__getitem__, truth)], **columns, **extra})
        return from_frame(frame, truth="truth", score={c: f"p{c}" for c in names})

    found = compare(model("abc"), model("Zabc"), metrics=["log_loss", "accuracy"], settings=FAST)
    assert found.undefined == {}
    for one in found.differences.values():
        assert (one.difference, one.low, one.high) == (0, 0, 0)


def test_a_filler_class_gives_way_to_the_real_one() -> None:
    frame = pd.DataFrame({"truth": ["spam"] * 40, "score": np.linspace(0.6, 0.9, 40)})
    head = from_frame(frame, truth="truth", score="score", positive="spam")
    told = ["spam"] * 39 + ["ham"]
    base = read(["spam"] * 40, told, positive="spam")
    found = compare(head, base, metrics=["accuracy"], settings=FAST).differences["accuracy"]
    assert found.difference == pytest.approx(1 / 40)


# Bad input --------------------------------------------------------------------------------------


def test_different_tasks_cannot_be_compared() -> None:
    with pytest.raises(PredictionsError, match="head are a classification, those of base a regr"):
        compare(scored(50)[0], numbers(50)[0], metrics=["accuracy"], settings=FAST)


def test_different_positive_classes_cannot_be_compared() -> None:
    truth = ["a", "b"] * 5
    head, base = (read(truth, truth, positive=which) for which in "ab")
    with pytest.raises(PredictionsError, match="positive class is 'a' in head and 'b' in base"):
        compare(head, base, metrics=["accuracy"], settings=FAST)


def test_three_labels_are_no_binary_task() -> None:
    head = read(["a"] * 5, ["a"] * 4 + ["b"], positive="a")
    base = read(["a"] * 5, ["a"] * 4 + ["c"], positive="a")
    with pytest.raises(PredictionsError, match="binary task has two classes; head and base"):
        compare(head, base, metrics=["accuracy"], settings=FAST)


def test_rows_that_are_not_the_same_are_a_mistake_of_the_caller() -> None:
    head, base = scored(50)
    with pytest.raises(ValueError, match="head has 50 rows and base 49"):
        compare(head, base.subset(np.arange(49)), metrics=["accuracy"], settings=FAST)
    with pytest.raises(ValueError, match="differ in their truth"):
        compare(head, base.subset(np.arange(50)[::-1]), metrics=["accuracy"], settings=FAST)
    with pytest.raises(ValueError, match="3 groups for 50 rows"):
        compare(head, base, metrics=["accuracy"], settings=FAST, groups=np.arange(3))


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(MetricError, match="unknown metric 'f2'"):
        compare(*scored(50), metrics=["f2"], settings=FAST)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "roc_auc"])
def test_no_rows_no_weight_and_one_row_are_reasons(metric: str) -> None:
    head, base = scored(60)
    nothing = np.zeros(0, dtype=np.intp)
    empty = compare(head.subset(nothing), base.subset(nothing), metrics=[metric], settings=FAST)
    assert "there are no rows" in empty.undefined[metric]
    weightless = replace(head, weight=np.zeros(60))
    none = compare(weightless, base, metrics=[metric], settings=FAST)
    assert "all weights are zero" in none.undefined[metric]
    first = np.array([0])
    one = compare(head.subset(first), base.subset(first), metrics=[metric], settings=FAST)
    assert one.undefined[metric]


def test_one_group_is_a_reason() -> None:
    head, base = scored(60)
    found = compare(
        head, base, metrics=["accuracy", "log_loss"], settings=FAST, groups=np.zeros(60, dtype=int)
    )
    assert found.differences == {}
    assert set(found.undefined.values()) == {
        "there is one group of rows: how much it varies is not known"
    }


def test_a_reason_says_which_revision_it_is_about() -> None:
    head, base = scored(60)
    found = compare(head, replace(base, score=base.score * 3), metrics=["log_loss"], settings=FAST)
    assert found.undefined["log_loss"].startswith("base: the scores are not probabilities")


def test_one_class_alone_still_has_an_accuracy() -> None:
    truth = np.zeros(50)
    found = compare(
        labels(truth, truth), labels(truth, np.arange(50) < 5), metrics=LABELS, settings=FAST
    )
    assert found.differences["accuracy"].difference == pytest.approx(0.1)
    assert found.differences["recall"].difference == 0
