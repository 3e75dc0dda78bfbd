"""The worst slice: found where it was planted, and quiet where there is none."""

from __future__ import annotations

import math
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay.stats import expressions
from assay.stats.columns import PredictionsError
from assay.stats.predictions import from_frame
from assay.stats.search import Found, Nothing, row_losses, worst_slice
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import stats
from sklearn.metrics import log_loss, mean_absolute_error

if TYPE_CHECKING:
    from assay.stats.predictions import Predictions
    from numpy.typing import NDArray

N = 4000


def _table(seed: int = 0, n: int = N) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "temp": random.normal(20, 5, n),
            "day": random.choice(["weekday", "weekend"], n, p=[0.7, 0.3]),
            "region": random.choice(list("abcdefgh"), n),
            "age": random.integers(18, 90, n),
        }
    )


def _search(frame: pd.DataFrame, change: NDArray[np.float64], **more: Any) -> Found | Nothing:
    options = {"columns": list(frame), "min_rows": 30, "confidence": 0.95, "seed": 0, **more}
    return worst_slice(frame, change, **options)


def _found(frame: pd.DataFrame, change: NDArray[np.float64], **more: Any) -> Found:
    result = _search(frame, change, **more)
    assert isinstance(result, Found), result
    return result


def _planted(
    frame: pd.DataFrame, where: object, size: float = 0.8, seed: int = 1
) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(0, 0.5, len(frame))
    return np.asarray(noise + size * np.asarray(where, dtype=float))


# --- what is found ------------------------------------------------------------------------------


def test_planted_harm_is_found_and_described() -> None:
    frame = _table()
    harm = ((frame.temp >= 23) & (frame.day == "weekend")).to_numpy()

    found = _found(frame, _planted(frame, harm))

    by_column = {condition.column: condition for condition in found.conditions}
    assert set(by_column) == {"temp", "day"}
    assert by_column["day"].values == ("weekend",)
    assert by_column["temp"].at_least == pytest.approx(23, abs=0.6)
    assert by_column["temp"].below is None
    assert found.rule.count(" and ") == 1
    assert "day = weekend" in found.rule
    assert found.significant
    assert found.low < found.inside < found.high
    assert found.inside == pytest.approx(0.8, abs=0.15)
    assert found.outside == pytest.approx(0, abs=0.05)
    assert found.searched == N
    assert found.tested == found.units < found.rows


def test_swapped_the_mirror_is_found() -> None:
    """What head made better is worse in base, and the other way round."""
    frame = _table()
    better, worse = frame.region == "b", frame.age >= 70
    change = _planted(frame, worse) - _planted(frame, better, seed=2)

    assert "age >=" in _found(frame, change).rule
    assert "region = b" in _found(frame, -change).rule


def test_several_values_and_two_bounds_of_one_column() -> None:
    frame = _table(n=8000)
    several = _found(frame, _planted(frame, frame.region.isin(["c", "f"])))
    assert several.rule in {"region in (c, f)", "region in (f, c)"}
    but_one = _found(frame, _planted(frame, frame.region != "c"))
    assert but_one.rule == "region != c"
    assert but_one.expression == "not (region in ('c',))"
    between = _found(frame, _planted(frame, frame.age.between(40, 60)), depth=3)
    (age,) = between.conditions
    assert age.at_least == pytest.approx(40, abs=2)
    assert age.below == pytest.approx(61, abs=2)
    assert between.rule == f"age >= {age.at_least:g} and age < {age.below:g}"


def test_a_slice_is_not_split_further_by_noise() -> None:
    frame = _table()
    found = [
        _found(frame, _planted(frame, frame.day == "weekend", seed=s), seed=s) for s in range(20)
    ]
    assert sum(one.rule == "day = weekend" for one in found) >= 18


def test_rows_without_a_value_are_a_slice() -> None:
    frame = _table(seed=2)
    frame.loc[::5, "temp"] = np.nan
    frame.loc[::4, "region"] = None
    numbers = _found(frame, _planted(frame, frame.temp.isna()))
    text = _found(frame, _planted(frame, frame.region.isna()))
    without = _found(frame, _planted(frame, frame.temp.notna()))
    either = _found(frame, _planted(frame, frame.temp.isna() | (frame.temp < 17)))

    assert numbers.rule == "temp is missing"
    assert text.rule == "region is missing"
    assert without.rule == "temp is not missing"
    assert either.rule.startswith("(temp < 1")
    assert either.rule.endswith(" or temp is missing)")
    assert (numbers.expression, text.expression) == ("temp is None", "(region is None)")
    for found, rows in ((without, frame.temp.notna()), (text, frame.region.isna())):
        assert found.expression is not None
        assert_array_equal(expressions.compile(found.expression).mask(frame), rows)
    assert either.expression is not None
    assert expressions.compile(either.expression).mask(frame).sum() == either.rows


def test_the_rule_is_what_was_tested() -> None:
    """The numbers are those of the rows that the conditions select, by pandas and scipy."""
    frame = _table()
    change = _planted(frame, frame.age >= 60)
    found = _found(frame, change, depth=1)
    (condition,) = found.conditions
    member = (frame.age >= condition.at_least).to_numpy()
    assert found.rows == member.sum()
    half = np.random.default_rng(0).permutation(N) % 2 == 1

    expected = stats.ttest_1samp(change[member & half], 0, alternative="greater")
    interval = stats.ttest_1samp(change[member & half], 0).confidence_interval(0.95)
    assert found.tested == (member & half).sum()
    assert found.inside == pytest.approx(change[member & half].mean())
    assert found.outside == pytest.approx(change[~member & half].mean())
    assert (found.low, found.high) == pytest.approx(interval)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_the_first_split_is_scikit_learns() -> None:
    from sklearn.tree import DecisionTreeRegressor

    random = np.random.default_rng(4)
    for seed in range(5):
        frame = pd.DataFrame({"a": random.integers(0, 12, N), "b": random.integers(0, 9, N)})
        change = random.normal(size=N) + 0.1 * frame.a.to_numpy() * (frame.b.to_numpy() > 5)
        grown_on = np.random.default_rng(seed).permutation(N) % 2 == 0
        tree = DecisionTreeRegressor(max_depth=1, min_samples_leaf=30, random_state=0)
        tree.fit(frame[grown_on], change[grown_on])
        column, cut = frame.columns[tree.tree_.feature[0]], tree.tree_.threshold[0]

        (condition,) = _found(frame, change, depth=1, seed=seed).conditions

        assert condition.column == column
        assert condition.at_least == math.ceil(cut)


# --- how sure it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["normal", "error", "skewed", "groups"])
def test_noise_raises_few_alarms(kind: str) -> None:
    """At most 1 - confidence; without the second half it would be most of them."""
    alarms, runs = 0, 400
    for seed in range(runs):
        random = np.random.default_rng(1000 + seed)
        n = 400
        frame = pd.DataFrame({"x": random.normal(size=n), "c": random.choice(list("abcd"), n)})
        frame["y"] = random.integers(0, 5, n)
        groups = None
        if kind == "normal":
            change = random.normal(size=n)
        elif kind == "error":
            change = random.choice([-1.0, 0.0, 1.0], n, p=[0.03, 0.94, 0.03])
        elif kind == "skewed":
            change = random.exponential(size=n) - random.exponential(size=n) ** 2 / 2
        else:
            groups = np.repeat(np.arange(n // 8), 8)
            change = np.repeat(random.normal(size=n // 8), 8) + random.normal(size=n) * 0.3
            frame["x"] = np.repeat(random.normal(size=n // 8), 8)
        result = _search(frame, change, groups=groups, seed=seed, confidence=0.9)
        alarms += isinstance(result, Found) and result.significant
    assert alarms / runs <= 0.1


def test_groups_are_summed() -> None:
    """Each row three times, in groups, says no more than each row once."""
    frame = _table()
    change = _planted(frame, frame.day == "weekend", size=0.1)
    tripled = pd.concat([frame] * 3, ignore_index=True)
    groups = np.tile(np.arange(N), 3)

    once = _found(frame, change, depth=1)
    thrice = _found(tripled, np.tile(change, 3), groups=groups, depth=1)

    assert thrice.rule == once.rule
    assert thrice.tested == 3 * thrice.units == 3 * once.tested
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert thrice.p_value == pytest.approx(once.p_value)


def test_groups_of_unequal_size_have_the_error_of_a_ratio() -> None:
    """Against the linearization written out: the mean's influence of each group."""
    random = np.random.default_rng(5)
    groups = np.repeat(np.arange(300), random.integers(1, 30, 300))
    frame = pd.DataFrame({"c": random.choice(["a", "b"], groups.size)})
    change = _planted(frame, frame.c == "a", size=0.3) + random.normal(size=300)[groups] * 0.5
    found = _found(frame, change, groups=groups)
    half = np.random.default_rng(0).permutation(300)[groups] % 2 == 1
    tested = pd.DataFrame({"g": groups, "d": change})[half & (frame.c == "a").to_numpy()]
    by_group = tested.groupby("g").d.agg(["sum", "size"])
    mean = tested.d.mean()
    influence = (by_group["sum"] - mean * by_group["size"]) / by_group["size"].mean()
    error = influence.std(ddof=0) / math.sqrt(len(by_group) - 1)

    assert found.rule == "c = a"
    assert found.units == len(by_group)
    assert found.p_value == pytest.approx(stats.t.sf(mean / error, len(by_group) - 1))


def test_no_doubt_is_none_where_hardly_anything_changed() -> None:
    """Every tested row of the slice got worse by the same: t would be infinite."""
    frame = pd.DataFrame({"c": ["a"] * 20 + ["b"] * 180})
    change = np.where(frame.c == "a", 1.0, 0.0)
    found = _found(frame, change, min_rows=4)
    assert found.inside == found.low == found.high == 1
    assert found.p_value == 0.5**found.tested


def test_the_same_seed_finds_the_same() -> None:
    frame = _table()
    change = _planted(frame, frame.day == "weekend", size=0.05)
    assert _search(frame, change, seed=3) == _search(frame.copy(), change.copy(), seed=3)
    assert len({_found(frame, change, seed=s).p_value for s in range(4)}) == 4


def test_of_many_rows_some_are_drawn_in_whole_groups() -> None:
    frame = _table(n=6000)
    groups = np.arange(6000) // 10
    change = _planted(frame, frame.day == "weekend")
    found = _found(frame, change, groups=groups, max_rows=2005)
    assert found.searched == 2000
    assert found.rule == "day = weekend"
    assert _found(frame, change, max_rows=2005).searched == 2005


def test_a_large_table_takes_no_time() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": random.normal(size=100_000) for i in range(8)})
    frame["a"] = random.choice(list("abcdefghij"), 100_000)
    frame["b"] = random.choice(["yes", "no"], 100_000)
    change = random.normal(size=100_000)
    _search(frame.head(1000), change[:1000])
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        _search(frame, change)
        took.append(time.perf_counter() - begun)
    assert min(took) < 1


# --- columns of any kind ------------------------------------------------------------------------

_HALF = np.arange(N) % 2 == 1
_THIRD = np.arange(N) % 3
KINDS: dict[str, tuple[Any, str]] = {
    "bool": (_HALF, "c = true"),
    "object bool": (pd.array(_HALF, dtype=object), "c = true"),
    "nullable bool": (pd.array(_HALF, dtype="boolean"), "c = true"),
    "category": (pd.Categorical(np.where(_HALF, "x", "y")), "c = x"),
    "category of numbers": (pd.Categorical(np.where(_HALF, 7, 9)), "c = 7"),
    "string": (pd.array(np.where(_HALF, "x", "y"), dtype="string"), "c = x"),
    "object": (np.where(_HALF, "x", "y").astype(object), "c = x"),
    "two numbers": (np.where(_HALF, 1, 0), "c = 1"),
    "int8": (np.where(_HALF, 5, _THIRD).astype("int8"), "c >= 5"),
    "Int64": (pd.array(np.where(_HALF, 5, _THIRD), dtype="Int64"), "c >= 5"),
    "Float64": (pd.array(np.where(_HALF, 0.5, _THIRD - 3), dtype="Float64"), "c >= 0.5"),
    "decimal": (np.array([Decimal(5 if h else -1) for h in _HALF], dtype=object), "c = 5"),
    "all but": (np.where(_HALF, -(10.0**300), 10.0**300 - _THIRD * 1e290), "c < "),
    "dates": (pd.Timestamp("2024-03-01") + pd.to_timedelta(_HALF * 90 + _THIRD, "D"), "c >= 2024-"),
    "zoned": (
        pd.Timestamp("2024-03-01", tz="Europe/Berlin") + pd.to_timedelta(_HALF * 90 + _THIRD, "D"),
        "c >= ",
    ),
    "ISO text": (
        [
            f"2024-{6 if half else 1:02}-{third + 1:02}"
            for half, third in zip(_HALF, _THIRD, strict=True)
        ],
        "c >= 2024-06-01",
    ),
    "timedelta": (pd.to_timedelta(_HALF * 90 + _THIRD, "h"), "c >= "),
    "missing": (np.where(_HALF, None, "y"), "c is missing"),
    "mixed": (np.array([1 if half else "one" for half in _HALF], dtype=object), "c = 1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_columns(kind: str) -> None:
    values, rule = KINDS[kind]
    frame = pd.DataFrame({"c": values, "noise": np.random.default_rng(0).normal(size=N)})
    found = _found(frame, _planted(frame, _HALF))
    assert found.rule.startswith(rule)
    assert found.significant
    assert found.rows == N / 2
    if kind in {"timedelta", "mixed"}:
        assert found.expression is None, "there are no expressions of these"
    else:
        assert found.expression is not None
        assert_array_equal(expressions.compile(found.expression).mask(frame), _HALF)


def test_infinities_are_beyond_every_cut() -> None:
    values = np.where(_HALF, np.inf, np.arange(N) % 100)
    frame = pd.DataFrame({"c": values})
    found = _found(frame, _planted(frame, _HALF))
    assert found.rule.startswith("c >= 9")
    assert found.rows == (values >= found.conditions[0].at_least).sum()


LEFT_OUT: dict[str, tuple[Any, str]] = {
    "all missing": (np.full(N, np.nan), "no value"),
    "all missing text": (np.full(N, None), "every row has the same value"),
    "all infinite": (np.full(N, np.inf), "no finite value"),
    "no date": (pd.Series([pd.NaT] * N), "no value"),
    "constant": (np.ones(N), "every row has the same value"),
    "one date": (pd.Series([pd.Timestamp("2024-01-01")] * N), "the same value"),
    "id": (np.random.default_rng(0).permutation(N), "looks like an id"),
    "names": ([f"customer {i % 300}" for i in range(N)], "300 distinct values"),
    "lists": ([[i] for i in range(N)], "holds lists"),
    "complex": (np.full(N, 1j), "complex"),
}


@pytest.mark.parametrize(("values", "why"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_columns_that_are_left_out_are_named(values: Any, why: str) -> None:
    frame = pd.DataFrame({"c": values, "day": np.where(_HALF, "x", "y")})
    found = _found(frame, _planted(frame, _HALF))
    ((name, reason),) = found.left_out
    assert name == "c"
    assert why in reason

    alone = _search(frame, _planted(frame, _HALF), columns=["c"])
    assert isinstance(alone, Nothing)
    assert "no column" in alone.reason
    assert alone.left_out == found.left_out


def test_hostile_names_and_values() -> None:
    name = "a` | <b>\n= 1 and b"
    values = np.where(_HALF, "x) or (\ny\x1b[31m", "y")
    frame = pd.DataFrame({name: values, 7: np.where(_THIRD == 1, "z" * 500, "and")})

    found = _found(frame, _planted(frame, _HALF), columns=[name, "7"])
    long = _found(frame, _planted(frame, _THIRD == 1), columns=[name, "7"])

    assert found.conditions[0].column == name
    assert found.rule.isprintable()
    assert found.rule.startswith('"a` | <b>\\n= 1 and b" = "x) or (\\ny')
    assert len(long.rule) < 70
    assert found.expression is None, "a name with a backtick cannot be written"
    assert long.expression == f"(`7` in ({'z' * 500!r},))"


# --- nothing to find ----------------------------------------------------------------------------


def test_reasons_for_nothing() -> None:
    frame = _table(n=200)
    noise = np.random.default_rng(0).normal(size=200)
    cases = {
        "no column": _search(frame, noise, columns=[]),
        "119 rows are too few": _search(frame.head(119), noise[:119]),
        "too few to search": _search(frame, noise, groups=np.zeros(200)),
        "no column parts": _search(frame, np.zeros(200)),
        "no slice was found that got worse": _search(frame, noise - 10),
    }
    for reason, result in cases.items():
        assert isinstance(result, Nothing)
        assert reason in result.reason


def test_what_cannot_be_searched_is_an_error() -> None:
    frame = _table()
    with pytest.raises(PredictionsError, match="no column 'nope'"):
        _search(frame, np.zeros(N), columns=["nope"])
    for change in (np.zeros(3), np.full(N, np.nan), np.full(N, np.inf)):
        with pytest.raises(PredictionsError, match="4,000 finite numbers"):
            _search(frame, change)


@pytest.mark.parametrize("edge", [5e-324, 1.7976931348623157e308])
def test_the_smallest_and_the_largest_numbers_can_be_cut(edge: float) -> None:
    values = np.where(np.arange(N) % 3 == 0, edge, -edge * (np.arange(N) / N))
    _search(pd.DataFrame({"x": values}), np.random.default_rng(1).normal(size=N))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_the_table_there_is_an_answer(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 60))
    cells = st.one_of(
        st.lists(st.floats(), min_size=n, max_size=n),
        st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=n, max_size=n),
        st.lists(
            st.one_of(st.integers(), st.booleans(), st.text(max_size=1)), min_size=n, max_size=n
        ),
    )
    frame = pd.DataFrame({"a": data.draw(cells), "b": data.draw(cells)})
    changes = st.floats(-1e6, 1e6)
    change = np.array(data.draw(st.lists(changes, min_size=n, max_size=n)))
    groups = data.draw(st.none() | st.lists(st.integers(0, 20), min_size=n, max_size=n))
    result = _search(
        frame, change, min_rows=2, groups=None if groups is None else np.array(groups), depth=3
    )
    if isinstance(result, Found):
        assert 0 <= result.p_value <= 1
        assert result.low <= result.inside <= result.high
        assert 0 < result.tested < result.rows < result.searched <= n
        assert result.rule.isprintable()


# --- losses of rows -----------------------------------------------------------------------------


def _predictions(frame: dict[str, Any], **roles: Any) -> Predictions:
    return from_frame(pd.DataFrame(frame), truth="y", **roles)


def test_losses_of_probabilities_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    truth = np.array([0, 1, 0, 1, 1])
    one, two = random.random(5), np.array([0.0, 1.0, 0.2, 0.0, 0.5])
    head = _predictions({"y": truth, "s": one}, score="s")
    base = _predictions({"y": truth, "s": two}, score="s")

    change, name = row_losses(head, base)

    assert name == "log loss"
    assert change.mean() == pytest.approx(log_loss(truth, one) - log_loss(truth, two))
    assert_array_equal(row_losses(base, head)[0], -change)


def test_losses_of_several_classes() -> None:
    """Base knows a class that head does not: codes differ, and losses do not care."""
    names = {"a": "pa", "b": "pb", "c": "pc"}
    frame = {"y": ["a", "b", "c"], "pa": [0.8, 0.3, 0.1], "pb": [0.1, 0.6, 0.1]}
    frame["pc"] = [0.1, 0.1, 0.8]
    more = {**frame, "p0": [0.0, 0.0, 0.0]}
    head = _predictions(frame, score=names)
    base = _predictions(more, score={"0": "p0", **names})
    assert np.all(row_losses(head, base)[0] == 0)

    labels = _predictions({"y": ["a", "b", "c"], "p": ["a", "c", "c"]}, prediction="p")
    change, name = row_losses(labels, base)
    assert name == "error rate"
    assert change.tolist() == [0, 1, 0]


def test_losses_of_a_regression_and_of_margins() -> None:
    numbers = {"y": [1.5, 2.5, 3.5], "p": [1.0, 2.5, 5.5]}
    head = _predictions(numbers, prediction="p")
    base = _predictions({**numbers, "p": [1.5, 1.5, 3.5]}, prediction="p")
    change, name = row_losses(head, base)
    assert name == "absolute error"
    assert change.tolist() == [0.5, -1.0, 2.0]
    expected = mean_absolute_error(numbers["y"], numbers["p"]) - 1 / 3
    assert change.mean() == pytest.approx(expected)

    margins = {"y": [0, 1, 1], "s": [-2.0, 3.0, -1.0], "p": [0, 1, 0]}
    with_labels = _predictions(margins, score="s", prediction="p")
    assert row_losses(with_labels, with_labels)[1] == "error rate"
    without = _predictions(margins, score="s")
    with pytest.raises(PredictionsError, match="needs predicted labels or probabilities"):
        row_losses(with_labels, without)
    with pytest.raises(PredictionsError, match=r"head has 3 rows \(regression\)"):
        row_losses(head, with_labels)
