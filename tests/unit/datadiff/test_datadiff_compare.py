"""Two versions of a table, held against pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay.datadiff import engine, rows
from assay.datadiff.compare import compare, leakage
from assay.errors import OutsideError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from assay.datadiff.section import ColumnChange, DataChange, Leakage

bounded = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def save(folder: Path, name: str, frame: pd.DataFrame, form: str = "parquet") -> Path:
    path = folder / f"{name}.{form}"
    if form == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def compared(
    folder: Path, head: pd.DataFrame, base: pd.DataFrame, form: str = "parquet", **options: Any
) -> DataChange:
    paths = save(folder, "head", head, form), save(folder, "base", base, form)
    return compare(*paths, shown=f"data.{form}", **options)


def leaked(folder: Path, first: pd.DataFrame, second: pd.DataFrame, **options: Any) -> Leakage:
    paths = save(folder, "first", first), save(folder, "second", second)
    return leakage(*paths, shown=("test.parquet", "train.parquet"), **options)


def column(change: DataChange, name: str) -> ColumnChange:
    return next(c for c in change.columns if c.name == name)


def said(change: DataChange | Leakage) -> list[str]:
    return [problem.message for problem in change.problems]


# --- rows ---------------------------------------------------------------------------------------

cells = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))
keyed = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 6)), st.integers(0, 2), cells), max_size=12
)


def frame(listed: list[tuple[int | None, int, str | None]]) -> pd.DataFrame:
    made = pd.DataFrame(listed, columns=["id", "n", "c"])
    return made.astype({"id": "Int64", "n": "int64", "c": "string"})


@bounded
@given(keyed, keyed)
def test_rows_by_key_are_those_of_a_merge(tmp_path: Path, head: list, base: list) -> None:
    found = compared(tmp_path, frame(head), frame(base), key=["id"]).rows
    assert found is not None
    sides = {}
    for name, listed in (("head", head), ("base", base)):
        keys = pd.Series([row[0] for row in listed], dtype="Int64")
        twice = keys.dropna()[keys.dropna().duplicated(keep=False)]
        sides[name] = (listed, set(twice), int(keys.isna().sum()), len(twice))
    ambiguous = sides["head"][1] | sides["base"][1]
    kept = {
        name: frame([r for r in listed if r[0] is not None and r[0] not in ambiguous])
        for name, (listed, *_) in sides.items()
    }
    merged = kept["head"].merge(kept["base"], on="id", how="outer", indicator=True)
    both = merged[merged["_merge"] == "both"]
    n = both["n_x"] != both["n_y"]
    c = both["c_x"].fillna("") != both["c_y"].fillna("")
    assert found.added == (merged["_merge"] == "left_only").sum()
    assert found.removed == (merged["_merge"] == "right_only").sum()
    assert found.changed == (n | c).sum()
    assert found.unchanged == (~(n | c)).sum()
    assert (found.head_missing_keys, found.head_duplicate_keys) == sides["head"][2:]
    assert (found.base_missing_keys, found.base_duplicate_keys) == sides["base"][2:]
    assert found.head == found.added + found.changed + found.unchanged + found.head_left_out
    assert found.base == found.removed + found.changed + found.unchanged + found.base_left_out


@bounded
@given(keyed, keyed)
def test_rows_without_a_key_are_multisets(tmp_path: Path, head: list, base: list) -> None:
    found = compared(tmp_path, frame(head), frame(base)).rows
    counts = [frame(r).value_counts(dropna=False) for r in (head, base)]
    difference = counts[0].sub(counts[1], fill_value=0)
    assert found is not None
    assert found.added == difference[difference > 0].sum()
    assert found.removed == -difference[difference < 0].sum()
    assert found.unchanged == len(head) - found.added
    assert (found.key, found.changed) == ((), 0)


def test_changed_rows_are_counted_by_column(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": range(100), "x": 1.5, "y": "a", "z": [None] * 50 + [1.0] * 50})
    head = base.copy()
    head.loc[:9, "x"] = 2.5
    head.loc[5:24, "y"] = "b"
    head.loc[0, "z"] = 3.0
    found = compared(tmp_path, head, base, key=["id"])
    assert found.rows is not None
    assert (found.rows.changed, found.rows.compared) == (25, 25)
    assert {c.name: c.changed_rows for c in found.columns} == {
        "id": None,
        "x": 10,
        "y": 20,
        "z": 1,
    }


def test_of_very_many_changed_rows_some_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LOOKED_AT", 100)
    base = pd.DataFrame({"id": range(1000), "x": 1.0, "y": 1})
    found = compared(tmp_path, base.assign(x=2.0), base, key=["id"])
    assert found.rows is not None
    assert found.rows.changed == 1000
    assert 50 < found.rows.compared < 200
    assert column(found, "x").changed_rows == found.rows.compared
    assert column(found, "y").changed_rows == 0


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_key_of_several_columns(tmp_path: Path, form: str) -> None:
    base = pd.DataFrame({"day": ["mo", "mo", "tu"], "hour": [1, 2, 1], "x": [1, 2, 3]})
    head = pd.DataFrame({"day": ["tu", "mo", "we"], "hour": [1, 1, 1], "x": [3, 7, 4]})
    found = compared(tmp_path, head, base, form, key=["day", "hour"]).rows
    assert found is not None
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 1, 1)


def test_key_of_another_type_still_matches(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": [1, 2, 3], "x": [1, 2, 3]})
    found = compared(tmp_path, base.astype({"id": "str"}), base, key=["id"])
    assert found.rows is not None
    assert found.rows.unchanged == 3
    assert column(found, "id").change == "retyped"


def test_duplicate_and_missing_keys_are_said(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": [1.0, 1.0, None, 4.0], "x": [1, 2, 3, 4]})
    found = compared(tmp_path, base, base, key=["id"])
    assert found.rows is not None
    assert found.rows.unchanged == 1
    assert said(found) == [
        "1 row has no key in head: left out of the counts of rows.",
        "2 rows have a key that another row has too in head: left out of the counts of rows.",
        "1 row has no key in base: left out of the counts of rows.",
        "2 rows have a key that another row has too in base: left out of the counts of rows.",
    ]


def test_a_key_that_one_side_lacks_is_said(tmp_path: Path) -> None:
    base = pd.DataFrame({"x": [1, 2]})
    found = compared(tmp_path, base.assign(id=[1, 2]), base, key=["id"])
    assert said(found) == ["base's data.parquet has no key column `id`."]
    assert found.rows is not None
    assert (found.rows.key, found.rows.unchanged) == ((), 2)


def test_row_order_does_not_matter(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": range(50), "x": np.arange(50) / 7})
    found = compared(tmp_path, base.sample(frac=1, random_state=1), base, key=["id"])
    assert found.rows is not None
    assert found.rows.unchanged == 50
    assert all(c.shift is None or c.shift.psi == 0 for c in found.columns)


# --- columns ------------------------------------------------------------------------------------


def test_columns_added_removed_and_retyped(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": [1, 2], "old": [1, 1], "kind": [1, 2]})
    head = pd.DataFrame({"id": [1, 2], "kind": ["1", "2"], "new": ["a", None]})
    found = compared(tmp_path, head, base, key=["id"])
    assert {c.name: c.change for c in found.columns} == {
        "id": "kept",
        "kind": "retyped",
        "new": "added",
        "old": "removed",
    }
    assert found.rows is not None
    assert found.rows.unchanged == 2  # what has another type is reported by itself
    kind, new = column(found, "kind"), column(found, "new")
    assert (kind.head_type, kind.base_type, kind.changed_rows) == ("VARCHAR", "BIGINT", None)
    assert new.head is not None
    assert (new.head.nulls, new.head.null_share, new.base) == (1, 0.5, None)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_numbers_are_those_of_pandas(tmp_path: Path, form: str) -> None:
    random = np.random.default_rng(3)
    base = pd.DataFrame({"x": random.normal(1e9, 2, 5000), "n": random.integers(0, 40, 5000)})
    head = pd.DataFrame({"x": random.normal(1e9 + 1, 2, 4000), "n": random.integers(5, 40, 4000)})
    head.loc[:99, "x"] = None
    found = compared(tmp_path, head, base, form)
    for name in ("x", "n"):
        moved = column(found, name)
        assert moved.shift is not None
        for side, table in ((moved.head, head), (moved.base, base)):
            assert side is not None
            assert side.nulls == table[name].isna().sum()
            assert side.mean == pytest.approx(table[name].mean(), rel=1e-5)
            assert side.std == pytest.approx(table[name].std(ddof=0), rel=1e-5)
            assert (side.minimum, side.maximum) == (table[name].min(), table[name].max())
        edges = base[name].quantile(np.arange(1, 10) / 10, interpolation="lower")
        shares = [
            np.histogram(t[name].dropna(), [-np.inf, *np.nextafter(edges, np.inf), np.inf])[0]
            for t in (head, base)
        ]
        p, q = (np.maximum(s / s.sum(), 1e-4) for s in shares)
        assert moved.shift.psi == pytest.approx(np.sum((p - q) * np.log(p / q)), rel=0.05)
        assert moved.shift.distance == pytest.approx(np.abs(np.cumsum(p - q)).max(), abs=0.01)
    x = column(found, "x").shift
    assert x is not None
    assert x.mean_difference == pytest.approx(0.5, abs=0.05)
    assert not x.within_chance


def test_the_same_data_has_not_moved(tmp_path: Path) -> None:
    base = pd.DataFrame({"x": np.arange(200) % 7, "c": ["a", "b"] * 100, "k": 3})
    found = compared(tmp_path, base, base)
    for moved in found.columns:
        assert moved.shift is not None
        assert (moved.shift.psi, moved.shift.distance, moved.shift.size) == (0, 0, "small")
    assert found.problems == ()


@pytest.mark.parametrize("value", [2, 4])
def test_a_constant_that_changed_is_a_large_shift_both_ways(tmp_path: Path, value: int) -> None:
    base = pd.DataFrame({"x": [3] * 100})
    moved = column(compared(tmp_path, base.assign(x=value), base), "x").shift
    assert moved is not None
    assert (moved.size, moved.distance, moved.mean_difference) == ("large", 1.0, None)


def test_infinities_and_nan_are_counted_apart(tmp_path: Path) -> None:
    import polars as pl  # pandas writes NaN as null

    base = [1.0, 2.0, 3.0, 4.0]
    pl.DataFrame({"x": [*base, float("nan"), float("inf"), float("-inf"), None]}).write_parquet(
        tmp_path / "head.parquet"
    )
    pl.DataFrame({"x": base}).write_parquet(tmp_path / "base.parquet")
    found = compare(tmp_path / "head.parquet", tmp_path / "base.parquet", shown="d")
    head = column(found, "x").head
    assert head is not None
    assert (head.nulls, head.not_finite, head.minimum, head.maximum) == (1, 3, 1.0, 4.0)
    assert head.mean == 2.5


def test_times_have_a_range_and_no_mean(tmp_path: Path) -> None:
    base = pd.DataFrame({"t": pd.date_range("2020-01-01", periods=100, freq="D")})
    head = base + pd.Timedelta(days=50)
    moved = column(compared(tmp_path, head, base), "t")
    assert moved.kind == "time"
    assert moved.base is not None
    assert moved.base.minimum == "2020-01-01T00:00:00Z"
    assert moved.base.mean is None
    assert moved.shift is not None
    assert moved.shift.distance == pytest.approx(0.5, abs=0.02)


def test_categories_come_and_go(tmp_path: Path) -> None:
    base = pd.DataFrame({"c": ["a"] * 60 + ["b"] * 30 + ["x"] * 10})
    head = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 60 + ["y"] * 10})
    moved = column(compared(tmp_path, head, base), "c")
    assert (moved.kind, moved.new, moved.vanished) == ("category", 1, 1)
    assert (moved.new_examples, moved.vanished_examples) == (("y",), ("x",))
    assert [(c.value, c.head, c.base) for c in moved.categories] == [
        ("a", 30, 60),
        ("b", 60, 30),
        ("x", 0, 10),
        ("y", 10, 0),
    ]
    assert moved.shift is not None
    assert moved.shift.distance == pytest.approx(0.4)
    assert moved.head is not None
    assert (moved.head.distinct, moved.head.distinct_is_exact) == (3, True)


def test_a_column_of_many_texts_is_no_category(tmp_path: Path) -> None:
    base = pd.DataFrame({"c": [f"text {i}" for i in range(5000)]})
    moved = column(compared(tmp_path, base, base), "c")
    assert (moved.kind, moved.shift, moved.categories) == ("text", None, ())
    assert moved.head is not None
    assert moved.head.distinct == pytest.approx(5000, rel=0.3)


def test_nested_columns_are_compared_and_not_profiled(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": [1, 2], "v": [[1, 2], [3]]})
    head = pd.DataFrame({"id": [1, 2], "v": [[1, 2], [4]]})
    found = compared(tmp_path, head, base, key=["id"])
    assert found.rows is not None
    assert found.rows.changed == 1
    assert (column(found, "v").kind, column(found, "v").shift) == ("other", None)


def test_balance_of_the_label(tmp_path: Path) -> None:
    base = pd.DataFrame({"x": range(100), "y": [0] * 90 + [1] * 10})
    found = compared(tmp_path, base.assign(y=[0] * 70 + [1] * 30), base, label="y").label
    assert found is not None
    assert [(c.value, c.head_share, c.base_share) for c in found.classes] == [
        ("0", 0.7, 0.9),
        ("1", 0.3, 0.1),
    ]
    assert found.distance == pytest.approx(0.2)


def test_a_label_that_is_a_number_has_no_balance(tmp_path: Path) -> None:
    base = pd.DataFrame({"y": np.arange(1000) / 3})
    assert compared(tmp_path, base, base, label="y").label is None


def test_a_label_that_is_not_there_is_said(tmp_path: Path) -> None:
    base = pd.DataFrame({"x": [1]})
    found = compared(tmp_path, base, base, label="y")
    assert said(found) == ["data.parquet and base's data.parquet have no label column `y`."]


# --- privacy and names --------------------------------------------------------------------------


def test_values_of_sensitive_columns_are_never_shown(tmp_path: Path) -> None:
    base = pd.DataFrame({"name": ["Ada7431", "Bob"] * 20, "pay": [7431.5, 10.0] * 20})
    head = pd.DataFrame({"name": ["Eve7431", "Bob"] * 20, "pay": [10.0, 97431.25] * 20})
    found = compared(tmp_path, head, base, label="name", sensitive=["name", "pay"])
    text = found.model_dump_json()
    assert not any(secret in text for secret in ("7431", "Ada", "Eve", "Bob"))
    name, pay = column(found, "name"), column(found, "pay")
    assert (name.new, name.vanished) == (1, 1)
    assert name.shift is not None
    assert pay.head is not None
    assert (pay.head.minimum, pay.head.mean, pay.head.nulls) == (None, None, 0)
    assert found.label is not None
    assert found.label.classes == ()


def test_a_header_that_may_be_data_is_hidden(tmp_path: Path) -> None:
    base = pd.DataFrame({"name": ["Ada"], "x": [1]})
    head = pd.DataFrame([["Bob7431", 2]], columns=["Ada7431", "x"])
    found = compared(tmp_path, head, base, sensitive=["name"])
    assert "7431" not in found.model_dump_json()
    assert [c.name for c in found.columns] == ["(hidden)", "x", "(hidden)"]


NASTY = ['a"b', "x'); DROP TABLE head; --", "c0", "file_row_number", "k", "sélect 名", " "]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_names_of_columns_are_only_names(tmp_path: Path, form: str) -> None:
    base = pd.DataFrame({name: range(10) for name in NASTY})
    head = base.copy()
    head.loc[3, NASTY[1]] = 77
    found = compared(tmp_path, head, base, form, key=[NASTY[0]])
    assert [c.name for c in found.columns] == NASTY
    assert found.rows is not None
    assert found.rows.changed == 1
    assert column(found, NASTY[1]).changed_rows == 1


def test_names_that_differ_in_case_are_different(tmp_path: Path) -> None:
    base = pd.DataFrame({"id": [1, 2], "Age": [1, 2]})
    head = base.rename(columns={"Age": "age"})
    found = compared(tmp_path, head, base, key=["id"])
    assert [(c.name, c.change) for c in found.columns] == [
        ("id", "kept"),
        ("age", "added"),
        ("Age", "removed"),
    ]


def test_names_of_files_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] *"
    folder.mkdir()
    table = pd.DataFrame({"x": [1]})
    found = compared(folder, table, table)
    assert found.rows is not None
    assert found.rows.unchanged == 1


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    base = pd.DataFrame({"id": range(30_000), "x": random.normal(size=30_000)})
    head = base.assign(x=base["x"] + random.normal(size=30_000) * (base["id"] % 9 == 0))
    runs = {compared(tmp_path, head, base, key=["id"]).model_dump_json() for _ in range(3)}
    assert len(runs) == 1


# --- leakage ------------------------------------------------------------------------------------


@bounded
@given(keyed, keyed)
def test_shared_rows_are_those_of_pandas(tmp_path: Path, first: list, second: list) -> None:
    found = leaked(tmp_path, frame(first), frame(second), key=["id"])
    keys = {row[0] for row in second} - {None}
    assert found.rows == len(first)
    assert found.shared_rows == sum(row in second for row in first)
    assert found.shared_keys == sum(row[0] in keys for row in first)
    assert found.shared_content == sum(row[1:] in [r[1:] for r in second] for row in first)


def test_leakage_compares_numbers_of_different_types(tmp_path: Path) -> None:
    test = pd.DataFrame({"x": [1, 2, 3]})
    train = pd.DataFrame({"x": [2.0, 3.0, 4.5], "y": 0})
    found = leaked(tmp_path, test, train)
    assert (found.shared_rows, found.shared_keys, found.columns) == (2, None, 1)


def test_leakage_without_a_common_column(tmp_path: Path) -> None:
    found = leaked(tmp_path, pd.DataFrame({"x": [1]}), pd.DataFrame({"y": [1]}), key=["x"])
    assert found.shared_rows is None
    assert said(found) == [
        "train.parquet has no key column `x`.",
        "test.parquet and train.parquet have no column in common.",
    ]


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [["id"], []])
def test_where_memory_is_short_the_same_is_found_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: list[str]
) -> None:
    base = pd.DataFrame({"id": [*range(60), 7, 7, None], "x": range(63)}).astype({"id": "Int64"})
    head = base.iloc[5:].assign(x=lambda t: t["x"] + (t["id"] % 9 == 0).fillna(value=False))
    whole = compared(tmp_path, head, base, key=key)

    def in_parts(work: Any, _: int) -> Any:
        work(1)  # as far as it gets before memory runs out
        return work(7)

    monkeypatch.setattr(rows, "in_parts", in_parts)
    assert compared(tmp_path, head, base, key=key) == whole


def test_running_out_of_memory_is_tried_in_parts() -> None:
    tried: list[int] = []

    def work(parts: int) -> str:
        tried.append(parts)
        if parts == 1:
            raise engine.MemoryShortError("short")
        return "done"

    assert rows.in_parts(work, 10_000_000) == "done"
    assert tried == [1, 6]


def test_memory_that_is_never_enough_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MEMORY", 1)
    monkeypatch.setattr(engine, "PER_THREAD", 0)
    base = pd.DataFrame({"id": range(300_000), "x": np.arange(300_000) / 7})
    with pytest.raises(OutsideError, match="not enough memory and disk space to compare"):
        compared(tmp_path, base, base, key=["id"])
