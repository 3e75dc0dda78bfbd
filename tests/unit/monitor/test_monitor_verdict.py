"""One verdict: by effect and not by rows, at the promised rate of false alarms, with hysteresis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from assay.monitor import sureness
from assay.monitor.bounds import FLOOR, learned
from assay.monitor.comparing import ColumnDrift, compared
from assay.monitor.counting import CategoryCounter, NumberCounter
from assay.monitor.ranking import ranked
from assay.monitor.verdict import Question, judge, of_column, settled
from assay.monitor.window import Breach
from assay.packaging.profile import Categories, Numbers, column, numbers
from hypothesis import given
from hypothesis import strategies as st


def at_edges(reference: Numbers, values: np.ndarray) -> Numbers:
    counter = NumberCounter(reference)
    counter.add(values)
    return counter.found()


def drift(
    reference: np.ndarray, window: np.ndarray, *, bound: float = FLOOR, name: str = "x"
) -> ColumnDrift:
    profile = numbers(name, reference)
    found = compared(profile, at_edges(profile, window), role="feature", bound=bound)
    assert found is not None
    return found


def question(effect: float = 0.0, p: float = 1.0, *, rows: int = 5000, name: str = "x") -> Question:
    return Question(
        name=name,
        about="feature",
        effect=effect,
        low=0,
        high=1,
        bound=0.1,
        p_value=p,
        rows=rows,
        reference_rows=9000,
    )


# A column -------------------------------------------------------------------------------------


def test_a_column_with_every_statistic() -> None:
    chance = np.random.default_rng(0)
    one, other = chance.normal(size=4000), chance.normal(0.5, 1.2, size=3000)
    other[:150] = math.nan
    found = drift(one, other)
    there = other[150:]
    assert found.missing.value == pytest.approx(0.05)
    assert found.missing.low > 0.03
    assert found.kolmogorov_smirnov is not None
    assert found.kolmogorov_smirnov.value == pytest.approx(0.213, abs=0.03)
    assert found.wasserstein is not None
    expected = np.abs(np.quantile(there, q := np.linspace(0, 1, 999)) - np.quantile(one, q)).mean()
    assert found.wasserstein.value * one.std() == pytest.approx(expected, rel=0.05)
    assert found.out_of_range is not None
    outside = ((there < one.min()) | (there > one.max())).mean()
    assert found.out_of_range.value == pytest.approx(outside)
    assert found.p_value < 1e-6
    for each in (found.drift, found.psi, found.wasserstein, found.kolmogorov_smirnov):
        assert each.low <= each.unbiased <= each.high
        assert each.unbiased <= each.value


def test_categories_with_every_statistic() -> None:
    reference = column("k", _series("a" * 600 + "b" * 400), categorical=True)
    assert isinstance(reference, Categories)
    counter = CategoryCounter(reference)
    counter.add({"a": 500, "new": 300, "b": 200}, nulls=0)
    found = compared(reference, counter.found(), role="prediction", bound=0.1)
    assert found is not None
    assert found.role == "prediction"
    assert found.new == ("new",)
    assert found.unseen is not None
    assert found.unseen.value == pytest.approx(0.3)
    assert found.cramers_v is not None
    # 600, 400, 0 against 500, 200, 300.
    assert found.chi2 == pytest.approx(10000 / 1100 + 40000 / 600 + 300)
    assert found.cramers_v.value == pytest.approx(math.sqrt(found.chi2 / 2000))
    assert found.wasserstein is None


def _series(letters: str):  # type: ignore[no-untyped-def]
    import pandas as pd

    return pd.Series(list(letters))


def test_no_rows_are_no_comparison() -> None:
    profile = numbers("x", np.arange(50.0))
    assert compared(profile, at_edges(profile, np.zeros(0)), role="feature", bound=0.1) is None


def test_only_missing_values_are_drift_of_what_is_missing() -> None:
    found = drift(np.arange(5000.0), np.full(5000, math.nan))
    assert found.drift.value == 1
    assert (found.kolmogorov_smirnov, found.wasserstein) == (None, None)
    assert judge([of_column(found)], rows=5000).outcome == "drift"


@pytest.mark.parametrize("size", [1e-200, 1e150, 1e300])
def test_numbers_of_any_size_have_a_verdict(size: float) -> None:
    chance = np.random.default_rng(0)
    with np.errstate(over="ignore", invalid="ignore"):
        found = drift(size * chance.normal(size=2000), size * chance.normal(3, size=2000))
    assert judge([of_column(found)], rows=2000).outcome == "drift"


def test_the_verdict_does_not_depend_on_how_many_rows_there_are() -> None:
    """A shift that is too small to matter stays quiet, one that matters is drift, at any size."""
    for rows in (2_000, 20_000, 500_000):
        chance = np.random.default_rng(rows)
        one = chance.normal(size=rows)
        small, large = drift(one, one + 0.05), drift(one, one + 0.6)
        assert judge([of_column(small)], rows=rows).outcome == "quiet"
        assert judge([of_column(large)], rows=rows).outcome == "drift"


def test_what_seems_large_in_few_rows_is_inconclusive() -> None:
    chance = np.random.default_rng(3)
    found = drift(chance.normal(size=5000), chance.normal(0.3, size=500))
    assert found.drift.unbiased > found.bound
    assert judge([of_column(found)], rows=500).outcome == "inconclusive"


def test_equal_distributions_alarm_no_more_than_promised() -> None:
    """20 columns, from 500 to 10 million rows, drawn as counts of bins; no bound, so that there
    is nothing to hide behind: the rate is that of the test alone."""
    chance = np.random.default_rng(11)
    shares = np.full(10, 0.1)
    for rows, of in ((500, 500), (500, 100_000), (20_000, 20_000), (10_000_000, 1_000_000)):
        alarms = sure = 0
        for _ in range(60):
            found = [
                sureness.of_divergence(a.tolist(), b.tolist())
                for a, b in zip(
                    chance.multinomial(of, shares, 20),
                    chance.multinomial(rows, shares, 20),
                    strict=True,
                )
            ]
            asked = [
                question(max(one.unbiased, 0.0), one.beyond(0.0)).model_copy(update={"bound": 0.0})
                for one in found
            ]
            alarms += judge(asked, rows=rows, alpha=0.05).outcome == "drift"
            bounded = [question(one.unbiased**0.5, one.beyond(FLOOR**2)) for one in found]
            sure += judge(bounded, rows=rows).outcome == "drift"
        # 3 of 60 are promised; more than 9 come once in two thousand times.
        assert alarms <= 9
        assert sure == 0


# The bound --------------------------------------------------------------------------------------


def chunked(values: np.ndarray, parts: int) -> tuple[Numbers, list[Numbers]]:
    reference = numbers("x", values)
    return reference, [at_edges(reference, part) for part in np.array_split(values, parts)]


def test_a_steady_reference_has_the_least_bound() -> None:
    values = np.random.default_rng(0).normal(size=12_000)
    assert learned(*chunked(values, 12)) == FLOOR
    # Chance makes chunks differ, and no drift.
    assert learned(*chunked(values, 12), floor=0.0) < 0.03


def test_a_reference_with_seasons_learns_them() -> None:
    chance = np.random.default_rng(0)
    month = np.repeat(np.arange(12), 1000)
    values = chance.normal(np.sin(month / 6 * np.pi) * 1.5)
    bound = learned(*chunked(values, 12))
    assert bound > 0.3
    summer = chance.normal(1.5, size=1000)
    assert judge([of_column(drift(values, summer, bound=bound))], rows=1000).outcome == "quiet"
    assert judge([of_column(drift(values, summer))], rows=1000).outcome == "drift"


def test_a_learned_bound_does_not_depend_on_rows() -> None:
    found = []
    for rows in (600, 6000, 60_000):
        chance = np.random.default_rng(1)
        means = np.repeat(np.linspace(-1, 1, 12), rows)
        found.append(learned(*chunked(chance.normal(means), 12)))
    assert max(found) / min(found) < 1.1


def test_a_bound_is_not_learned_from_few_chunks() -> None:
    with pytest.raises(ValueError, match="from 6 chunks, not from 5"):
        learned(*chunked(np.arange(100.0), 5))


# The verdict ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (question(0.05, 1e-9), "quiet"),
        (question(0.1, 1e-9), "quiet"),  # at the bound
        (question(0.11, 1e-9), "drift"),
        (question(0.11, 0.2), "inconclusive"),
        (question(0.9, 1e-9, rows=499), "inconclusive"),
        (question(0.9, 1e-9, rows=500), "drift"),
    ],
)
def test_answers(asked: Question, outcome: str) -> None:
    found = judge([asked], rows=5000)
    assert found.outcome == outcome
    assert bool(found.why) == (outcome != "quiet")


def test_many_columns_are_corrected_for() -> None:
    one = question(0.2, 0.004)
    assert judge([one], rows=5000).outcome == "drift"
    found = judge([one, *(question(name=f"q{n}") for n in range(9))], rows=5000)
    assert found.outcome == "inconclusive"
    assert found.answers[0].adjusted == pytest.approx(0.04)


@pytest.mark.parametrize(("rows", "words"), [(0, "no row"), (1, "one row"), (3, "only 3 rows")])
def test_an_empty_window_is_no_quiet_one(rows: int, words: str) -> None:
    found = judge([question(rows=rows), question(rows=rows)] if rows else [], rows=rows)
    assert found.outcome == "inconclusive"
    assert found.why == (f"the window has {words}; 500 are needed",)


def test_nothing_to_compare_is_no_quiet_window() -> None:
    assert judge([], rows=5000).outcome == "inconclusive"


def test_another_models_reference_says_nothing() -> None:
    found = judge([question(0.9, 0.0)], rows=5000, unusable="the reference is of version v1")
    assert (found.outcome, found.answers) == ("inconclusive", ())
    assert found.why == ("the reference is of version v1",)


def test_a_broken_contract_is_the_gravest() -> None:
    gone = Breach(column="heat", problem="gone", rows=5000)
    found = judge([question(0.9, 0.0)], rows=5000, breaches=[gone])
    assert found.outcome == "contract broken"
    assert found.why == ("the column heat is gone",)
    assert found.answers[0].outcome == "drift"


@pytest.mark.parametrize(("rows", "outcome"), [(3, "inconclusive"), (5000, "contract broken")])
def test_a_column_may_be_empty_in_three_rows(rows: int, outcome: str) -> None:
    empty = Breach(column="heat", problem="empty", rows=rows)
    assert judge([question(rows=rows)], rows=rows, breaches=[empty]).outcome == outcome


WORDS = {"q": "quiet", "d": "drift", "i": "inconclusive", "b": "contract broken"}


@pytest.mark.parametrize(
    ("windows", "alarm"),
    [
        ("d", False),
        ("dd", True),
        ("dqd", True),
        ("ddq", True),  # two of the last five still drift
        ("ddqqq", True),
        ("ddqqqq", False),
        ("dqqqqd", False),
        ("dqqqd", True),
        ("dqqqdq", False),  # no longer the newest, and only one of the last five
        ("ddi", True),
        ("qqi", False),
        ("did", True),  # what is not sure does not count
        ("diiiiid", True),
        ("b", True),
        ("bq", False),
        ("bd", False),
        ("ddb", True),
        ("qdqdqdq", True),
    ],
)
def test_hysteresis(windows: str, *, alarm: bool) -> None:
    state = settled([WORDS[letter] for letter in windows])  # type: ignore[misc]
    assert state.alarm is alarm
    assert state.newest == WORDS[windows[-1]]


@given(st.text("qdi", min_size=1, max_size=12))
def test_one_drifting_window_among_many_is_never_an_alarm(windows: str) -> None:
    if windows.count("d") < 2:
        assert not settled([WORDS[letter] for letter in windows]).alarm  # type: ignore[misc]
    if not windows.strip("q") or not windows.strip("i"):
        assert not settled([WORDS[letter] for letter in windows]).alarm  # type: ignore[misc]


@given(st.text("qdib", min_size=2, max_size=12))
def test_an_alarm_starts_with_drift_and_ends_with_a_quiet_window(windows: str) -> None:
    outcomes = [WORDS[letter] for letter in windows]
    before, after = settled(outcomes[:-1]), settled(outcomes)  # type: ignore[arg-type]
    if after.alarm and not before.alarm:
        assert after.newest in ("drift", "contract broken")
    if before.alarm and not after.alarm:
        assert after.newest == "quiet" or before.newest == "contract broken"


@pytest.mark.parametrize(("k", "n"), [(0, 5), (6, 5)])
def test_impossible_hysteresis_is_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="windows cannot drift"):
        settled(["quiet"], k=k, n=n)


def test_one_of_one_is_without_hysteresis() -> None:
    assert settled(["quiet", "drift"], k=1, n=1).alarm
    assert not settled(["drift", "quiet"], k=1, n=1).alarm


# What matters -----------------------------------------------------------------------------------


def test_what_the_model_uses_comes_first() -> None:
    chance = np.random.default_rng(0)
    one = chance.normal(size=3000)
    columns = [
        drift(one, one + 1, name="unused"),
        drift(one, one + 0.3, name="vital"),
        drift(one, one, name="calm"),
        drift(one, one + 2, name="unknown"),
        drift(one, one + 1, name="harmful"),
    ]
    found = ranked(columns, {"unused": 0.01, "vital": 0.8, "calm": 0.19, "harmful": -0.2})
    assert [each.name for each in found] == ["vital", "unused", "harmful", "calm", "unknown"]
    assert found[0].importance == pytest.approx(0.8)
    assert found[0].weight == pytest.approx(0.8 * found[0].drift)
    assert (found[2].weight, found[4].weight) == (0.0, None)
    assert [each.name for each in ranked(columns, {})][:2] == ["unknown", "harmful"]
