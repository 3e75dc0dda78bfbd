"""Expectations of distributions, against scipy and the comparison of data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from assay.contract.relations import BaseFacts, brackets, distribution, expect
from assay.contract.relations.side import Side
from assay.datadiff import shift
from assay.errors import ConfigError, DataError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from tests.unit.contract.tables import Table, look, told

R = "reference: ref.csv"


def held(head: pd.DataFrame, ref: pd.DataFrame, bounds: str) -> list[tuple[str, str | None, str]]:
    found = look(head, f"{{expect: {{{R}, {bounds}}}}}", others={"ref.csv": Table(ref, "ref.csv")})
    return [(one.check, one.column, "".join(one.examples[:1])) for one in found.failures]


def numbers(*values: float | None) -> pd.DataFrame:
    return pd.DataFrame({"x": np.array(values, dtype="float64")})


def side(frame: pd.DataFrame) -> Side:
    table = Table(frame)
    return Side(table, table.layout("pandas", has_index=False))


FEW = st.lists(st.integers(-3, 6).map(float), min_size=1, max_size=80)


@settings(max_examples=6)
@given(FEW, FEW)
def test_the_exact_distance_is_that_of_scipy(own: list[float], its: list[float]) -> None:
    head, ref = (pd.DataFrame({"x": [*values, np.nan]}) for values in (own, its))
    found = distribution.ordered(side(head), side(ref), "x", rows=len(own), reference_rows=len(its))
    assert found.ks == pytest.approx(ks_2samp(own, its).statistic, abs=1e-12)
    deciles = np.quantile(its, np.arange(1, 10) / 10, method="inverted_cdf")
    assert found.psi == pytest.approx(_psi(own, its, deciles), abs=1e-12)


def _psi(own: list[float], its: list[float], deciles: np.ndarray) -> float:
    """By hand: a bin up to each decile, and one for a value that is several deciles."""
    edges: list[float] = []
    for place in sorted(set(deciles)):
        edges += [np.nextafter(place, -np.inf)] if (deciles == place).sum() > 1 else []
        edges += [place]
    counts = [
        np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (own, its)
    ]
    return shift.psi(*(count.tolist() for count in counts))


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["normal", "integers", "atom", "heavy"]))
@example(207, "normal")  # an edge that a decimal rounds away from its value
def test_a_bracket_holds_the_exact_distance(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    moved = random.uniform(0, 0.5)
    own, its = random.normal(moved, 1, 500), random.normal(0, 1, 700)
    if kind == "integers":
        own, its = own.round(), its.round()
    elif kind == "atom":
        own[:200], its[:300] = 0.0, 0.0
    elif kind == "heavy":
        own, its = np.exp(5 * own), np.exp(5 * its)
    tables = [side(pd.DataFrame({"x": values})) for values in (own, its)]
    found = brackets.measured(*tables, ["x"], reference_rows=len(its))["x"]
    exact = ks_2samp(own, its).statistic
    assert found.least - 1e-12 <= exact <= found.most + 1e-12
    assert found.most - found.least < (0.2 if kind == "integers" else 0.06), "or it says nothing"
    value = distribution.ordered(*tables, "x", rows=500, reference_rows=700).psi
    assert found.psi == pytest.approx(value, abs=1e-12), "a sample of all rows has its deciles"


def test_large_tables_are_judged_by_their_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    head, ref = (pd.DataFrame({"x": random.normal(m, 1, 3000)}) for m in (0.5, 0))
    exact = ks_2samp(head.x, ref.x).statistic
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for frame in (head, ref):
        frame["t"] = [start + timedelta(hours=value) for value in frame.x]
        frame["c"] = np.where(frame.x > 0, "up", "down")
    bounds = "columns: {x: {ks: %s}, t: {ks: %s, psi: 9}, c: {new_categories: 0, psi: 0.01}}"
    monkeypatch.setattr(expect, "EXACT", 0)
    far = held(head, ref, bounds % (0.1, 0.9))
    assert [one[:2] for one in far] == [("expect(ks=0.1)", "x"), ("expect(psi=0.01)", "c")]
    assert far[0][2].startswith("ks is at least 0.2")
    near = held(head, ref, bounds % (exact - 1e-9, exact + 1e-4))
    assert near[0][2] == f"ks is {exact:.4g}", "the bracket cannot tell; each value is looked at"
    assert [one[1] for one in near] == ["x", "c"]


def test_a_mean_is_held_in_standard_deviations() -> None:
    head, ref = numbers(1, 2, 3, 4), numbers(2, 3, 4, 5)
    apart = 1 / np.std([1, 2, 3, 4])
    assert held(head, ref, f"columns: {{x: {{mean_within: {apart + 1e-9}}}}}") == []
    assert held(head, ref, "columns: {x: {mean_within: 0.5}}") == [
        ("expect(mean_within=0.5)", "x", f"means apart by {apart:.4g}")
    ]


def test_constants_are_the_same_or_worlds_apart() -> None:
    assert held(numbers(1, 1), numbers(1, 1, 1), "columns: {x: {mean_within: 0}}") == []
    assert held(numbers(2, 2), numbers(1, 1, 1), "columns: {x: {mean_within: 9}}") != []


def test_shares_of_nulls() -> None:
    bounds = "columns: {x: {null_share_within: 0.25}}"
    assert held(numbers(1, 2, None, None), numbers(1, 2, 3, None), bounds) == []
    assert held(numbers(1, None, None, None), numbers(1, 2, 3, None), bounds) == [
        ("expect(null_share_within=0.25)", "x", "75 % null, reference 25 %")
    ]


def test_new_categories_are_rows_that_can_be_looked_up() -> None:
    head = pd.DataFrame({"c": ["a", "z", None, "b", "y", "z"]})
    ref = pd.DataFrame({"c": ["a", "b", "c"]})
    promise = f"{{expect: {{{R}, columns: {{c: {{new_categories: 1}}}}}}}}"
    found = look(head, promise, others={"ref.csv": ref})
    (failure,) = found.failures
    assert (failure.check, failure.count) == ("expect(new_categories=1)", 3)
    assert failure.examples == ("row 1: 'z'", "row 4: 'y'", "row 5: 'z'")
    assert found.positions == ((1, 4, 5),)
    hidden = look(head, f"{{sensitive: c, {promise[1:]}", others={"ref.csv": ref})
    assert hidden.failures[0].examples == ()
    assert held(head, ref, "columns: {c: {new_categories: 2}}") == []


def test_categories_have_the_index_of_the_comparison() -> None:
    head = pd.DataFrame({"c": [*"aaab"], "b": [True, True, False, None]})
    ref = pd.DataFrame({"c": [*"abb"], "b": [True, False, False]})
    psi = shift.psi([3, 1], [1, 2])
    assert held(head, ref, f"default: {{psi: {psi + 1e-9}}}") == []
    assert held(head, ref, "default: {psi: 0.3}") == [
        ("expect(psi=0.3)", "c", f"psi is {psi:.4g}"),
        ("expect(psi=0.3)", "b", f"psi is {shift.psi([2, 1], [1, 2]):.4g}"),
    ]


def test_a_default_is_for_what_it_fits_and_no_named_column() -> None:
    head = pd.DataFrame({"x": [1.0, 9.0], "c": ["p", "q"], "only": [1, 2], "id": [7, 8]})
    ref = pd.DataFrame({"c": ["a", "a"], "x": [1.0, 1.0], "id": [1, 2]})
    bounds = "default: {ks: 0.1, new_categories: 0}, columns: {id: {}}"
    assert [one[:2] for one in held(head, ref, bounds)] == [
        ("expect(ks=0.1)", "x"),
        ("expect(new_categories=0)", "c"),
    ]
    found = look(head, f"{{expect: {{{R}, {bounds}}}}}", others={"ref.csv": ref})
    assert [(one.check, one.column) for one in found.plan] == [
        ("expect(ks=0.1)", "x"),
        ("expect(new_categories=0)", "c"),
    ]


def test_base_is_the_reference() -> None:
    promise = "{expect: {reference: base, default: {ks: 0.1}}}"
    base = BaseFacts(rows=2, source=Table(numbers(1, 2)))
    assert told(look(numbers(8, 9), promise, base=base)) == [("expect(ks=0.1)", "x", 1)]
    found = look(numbers(8, 9), promise)
    assert (found.failures, found.plan) == ((), ())
    assert found.warnings == ("`data.0.expect` is not judged: there is no base to compare with.",)


def test_a_column_without_values() -> None:
    bounds = "columns: {x: {psi: 0.1, ks: 0.1, mean_within: 0.1}}"
    assert [(check, said) for check, _, said in held(numbers(None), numbers(1), bounds)] == [
        ("expect(mean_within=0.1)", "no values"),
        ("expect(psi=0.1)", "no values"),
        ("expect(ks=0.1)", "no values"),
    ]
    with pytest.raises(DataError) as caught:
        held(numbers(1), numbers(None), bounds)
    assert caught.value.message == (
        "`data.0.expect.columns.x` cannot be judged: the reference has no value of it."
    )
    frames = {"ref.csv": numbers(None)}
    found = look(numbers(1), f"{{expect: {{{R}, default: {{psi: 0.1}}}}}}", others=frames)
    assert found.warnings == (
        "`data.0.expect.default` is not judged for `x`: the reference has no value of it.",
    )


def test_text_with_too_many_values_for_an_index() -> None:
    many = pd.DataFrame({"c": [f"v{n}" for n in range(1001)]})
    with pytest.raises(DataError, match=r"cannot be judged: it has more than 1,000 different"):
        held(many, many, "columns: {c: {psi: 0.1}}")
    assert held(many, many, "columns: {c: {new_categories: 0}}") == []


WRONG = {
    "columns: {y: {psi: 0.1}}": "`data.0.expect.columns.y` names the column `y`, which",
    "columns: {c: {ks: 0.1}}": (
        "`data.0.expect.columns.c.ks`: `ks` does not apply to `c`, which is string in"
        " data/orders.parquet."
    ),
    "default: {psi: 0.1}": (
        "`data.0.expect` compares `k`, which is int64 in data/orders.parquet, and string in"
        " ref.csv."
    ),
}


@pytest.mark.parametrize("bounds", WRONG)
def test_bounds_that_do_not_fit(bounds: str) -> None:
    head = pd.DataFrame({"c": ["a"], "k": [1]})
    ref = pd.DataFrame({"c": ["a"], "k": ["1"]})
    with pytest.raises(ConfigError) as caught:
        held(head, ref, bounds)
    assert caught.value.message.startswith(WRONG[bounds])
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_a_reference_without_rows() -> None:
    with pytest.raises(DataError, match=r"`data.0.expect.reference`: ref.csv has no rows."):
        held(numbers(1), numbers(1).head(0), "default: {null_share_within: 0.1}")
