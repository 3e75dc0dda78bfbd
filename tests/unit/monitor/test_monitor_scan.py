"""Windows of real tables, by DuckDB and another engine: one scan, each row once, nothing silent."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.errors import DataError
from assay.monitor import frames, reference, scan
from assay.monitor.window import breaches, together
from assay.packaging.profile import Categories, Numbers, Profile, column, numbers
from assay.serving import predictiontable
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from assay.monitor.window import WindowProfile

ROWS = 700
START = datetime(2026, 3, 1, tzinfo=UTC)


def frame(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "heat": chance.normal(size=rows),
            "hour": chance.integers(0, 24, size=rows),
            "kind": chance.choice(["a", "b", "c"], size=rows, p=[0.6, 0.3, 0.1]),
            "is_open": chance.random(rows) < 0.5,
            "label": chance.integers(0, 2, size=rows),
        }
    )


def profiled(table: pd.DataFrame) -> Profile:
    categorical = {"label"}
    found = [column(n, table[n], categorical=n in categorical) for n in table.columns]
    return Profile(rows=len(table), features=tuple(found[:-1]), predictions=tuple(found[-1:]))


REFERENCE = profiled(frame())
FEATURES = [one.name for one in REFERENCE.features]


def logged(table: pd.DataFrame, *, start: int = 0) -> pd.DataFrame:
    """As a server logs it: two rows a request."""
    renamed = {n: f"feature.{n}" for n in FEATURES} | {"label": "prediction.label"}
    places = np.arange(start, start + len(table))
    return table.rename(columns=renamed).assign(
        id=[f"r{place // 2}" for place in places],
        row=(places % 2).astype(np.int32),
        time=[START + timedelta(seconds=int(place)) for place in places],
    )


@pytest.fixture(scope="module")
def duck() -> Any:
    return ibis.duckdb.from_connection(duckdb.connect(config={"threads": 1}))


_tables = iter(range(10**6))


def stored(duck: Any, table: pd.DataFrame | pa.Table) -> Any:
    name = f"t{next(_tables)}"
    duck.con.register(f"{name}_given", table)
    duck.con.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_given")
    return duck.table(name)


def window(duck: Any, table: pd.DataFrame | pa.Table) -> WindowProfile:
    return scan.profile(scan.of_log(stored(duck, table), REFERENCE), REFERENCE)


def named(found: WindowProfile, name: str) -> Numbers | Categories:
    return next(one for one in (*found.features, *found.predictions) if one.name == name)


def test_the_reference_is_found_again(duck: Any) -> None:
    found = window(duck, logged(frame()))
    assert (found.rows, found.duplicates, found.gone, found.mistyped) == (ROWS, 0, (), ())
    for one, other in zip(REFERENCE.features, found.features, strict=True):
        if isinstance(one, Numbers):
            assert isinstance(other, Numbers)
            assert (one.below, one.upto, one.min, one.max) == (
                (other.below, other.upto, other.min, other.max)
            )
            assert one.std == pytest.approx(other.std, rel=1e-12)
        else:
            assert one == other
    assert found.predictions == REFERENCE.predictions
    assert breaches(REFERENCE, found) == ()


def test_the_columns_are_those_that_the_server_logs() -> None:
    table = scan.of_log(None, REFERENCE)
    assert set(table.key) | {table.time} <= set(predictiontable.FIXED)
    assert table.features["heat"] == f"{predictiontable.FEATURE}heat"
    assert table.predictions["label"] == f"{predictiontable.PREDICTION}label"


def test_files_in_batches(duck: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, seed in enumerate((1, 2, 3)):
        table = pa.Table.from_pandas(logged(frame(seed=seed), start=part * ROWS))
        pq.write_table(table, tmp_path / f"predictions-{part}.parquet", row_group_size=100)
    whole = pd.concat([frame(seed=seed) for seed in (1, 2, 3)])
    monkeypatch.setattr(scan, "BATCH", 64)
    table = duck.read_parquet(str(tmp_path / "*.parquet"))
    found = scan.profile(scan.of_log(table, REFERENCE), REFERENCE)
    expected = window(duck, logged(whole))
    assert found.rows == 3 * ROWS
    for one, other in zip(found.features, expected.features, strict=True):
        if isinstance(one, Numbers):
            assert isinstance(other, Numbers)
            assert one.below == other.below
        else:
            assert one == other


@settings(max_examples=12)
@given(st.lists(st.integers(0, ROWS - 1), max_size=60), st.booleans())
def test_what_was_logged_twice_counts_once(duck: Any, again: list[int], shuffled: bool) -> None:
    log = logged(frame())
    doubled = pd.concat([log, log.iloc[again]])
    if shuffled:
        doubled = doubled.sample(frac=1, random_state=1)
    found, once = window(duck, doubled), window(duck, log)
    assert found.duplicates == len(again)
    assert found.rows == ROWS
    assert named(found, "kind") == named(once, "kind")
    one, other = named(found, "heat"), named(once, "heat")
    assert isinstance(one, Numbers)
    assert isinstance(other, Numbers)
    assert (one.below, one.upto, one.count) == (other.below, other.upto, other.count)


def test_of_a_key_with_two_contents_the_first_by_time_counts(duck: Any) -> None:
    log = logged(frame(2))
    later = log.iloc[:1].assign(**{"feature.kind": "new", "time": START + timedelta(days=1)})
    found = window(duck, pd.concat([later, log]))
    assert (found.rows, found.duplicates) == (2, 1)
    assert "new" not in named(found, "kind").values  # type: ignore[union-attr]
    assert named(found, "kind") == named(window(duck, log), "kind")


def test_rows_without_an_id_are_rows(duck: Any) -> None:
    log = logged(frame())
    log["id"] = None
    assert (window(duck, log).rows, window(duck, log).duplicates) == (ROWS, 0)


def test_two_windows_are_the_whole(duck: Any) -> None:
    log = logged(frame(seed=4))
    again = [3, 4, 250, 260, 300]
    parts = [
        window(duck, pd.concat([log.iloc[:200], log.iloc[again[:2]]])),
        window(duck, pd.concat([log.iloc[200:], log.iloc[again[2:]]])),
    ]
    both, whole = together(*parts), window(duck, pd.concat([log, log.iloc[again]]))
    assert (both.rows, both.duplicates) == (whole.rows, whole.duplicates) == (ROWS, 5)
    for one, other in zip(both.features, whole.features, strict=True):
        assert one.count == other.count
        if isinstance(one, Numbers):
            assert isinstance(other, Numbers)
            assert (one.below, one.upto) == (other.below, other.upto)
        else:
            assert one == other


# Bad input ------------------------------------------------------------------------------------


def told(found: WindowProfile) -> set[tuple[str, str]]:
    return {(one.column, one.problem) for one in breaches(REFERENCE, found)}


def test_no_rows_break_nothing(duck: Any) -> None:
    found = window(duck, logged(frame(0)))
    assert found.rows == 0
    assert told(found) == set()


def test_a_renamed_column_is_gone(duck: Any) -> None:
    log = logged(frame()).rename(columns={"feature.heat": "feature.temperature"})
    found = window(duck, log)
    assert told(found) == {("heat", "gone")}
    assert "heat" not in {one.name for one in found.features}


def test_a_table_without_any_column_of_ours_still_has_rows(duck: Any) -> None:
    found = window(duck, pd.DataFrame({"x": [1, 2, 3]}))
    assert found.rows == 3
    assert {problem for _, problem in told(found)} == {"gone"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("heat", ["1.5"] * ROWS),
        ("heat", [True] * ROWS),
        ("heat", [START] * ROWS),
        ("kind", [True] * ROWS),
        ("is_open", [1] * ROWS),
    ],
)
def test_another_type_is_told(duck: Any, name: str, values: list[object]) -> None:
    log = logged(frame()).assign(**{f"feature.{name}": values})
    found = window(duck, log)
    assert told(found) == {(name, "type")}
    assert name not in {one.name for one in found.features}


@pytest.mark.parametrize("empty", [pa.null(), pa.string(), pa.float64(), pa.int32()])
def test_a_column_without_any_value_is_told(duck: Any, empty: pa.DataType) -> None:
    table = pa.Table.from_pandas(logged(frame()), preserve_index=False)
    for name in ("feature.heat", "feature.kind"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.nulls(ROWS, empty))
    found = window(duck, table)
    assert told(found) == {("heat", "empty"), ("kind", "empty")}
    assert named(found, "heat").nulls == named(found, "kind").nulls == ROWS


def test_infinite_numbers_are_told_and_nan_is_missing(duck: Any) -> None:
    log = logged(frame())
    log.loc[:1, "feature.heat"] = [math.inf, -math.inf]
    log.loc[2, "feature.heat"] = math.nan
    found = window(duck, log)
    assert [(one.problem, one.rows) for one in breaches(REFERENCE, found)] == [("infinite", 2)]
    assert named(found, "heat").nulls == 1


def test_text_without_end_is_not_held(duck: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks the model may send a category of a megabyte in every request."""
    sizes: list[int] = []
    count = scan._add
    monkeypatch.setattr(
        scan, "_add", lambda batch, counters: (sizes.append(batch.nbytes), count(batch, counters))
    )
    table = frame(200)
    plain = frame(200)
    table["kind"] = [f"{name}{'x' * 100_000}" for name in table["kind"]]
    found = window(duck, logged(table))
    kind = named(found, "kind")
    assert isinstance(kind, Categories)
    assert kind.other == 200
    assert sum(sizes) < 500_000
    rows = frames.of(stored(duck, table), {"kind": "kind"})
    assert rows["kind"].str.len().max() == 1_000
    rows = frames.of(stored(duck, plain), {"kind": "kind"})
    assert rows["kind"].tolist() == plain["kind"].tolist()


def test_whole_numbers_that_became_fractions_are_the_same_categories(duck: Any) -> None:
    log = logged(frame())
    log["prediction.label"] = log["prediction.label"].astype(float)
    assert named(window(duck, log), "label") == REFERENCE.predictions[0]


def test_a_half_written_file_is_an_error(duck: Any, tmp_path: Path) -> None:
    path = tmp_path / "predictions-1.parquet"
    pq.write_table(pa.Table.from_pandas(logged(frame())), path, row_group_size=100)
    whole = path.read_bytes()
    table = duck.read_parquet(str(path))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be scanned"):
        scan.profile(scan.of_log(table, REFERENCE), REFERENCE)


def test_private_errors_quote_nothing(duck: Any) -> None:
    duck.con.execute("CREATE OR REPLACE VIEW wrong AS SELECT 'secret' AS \"feature.heat\"")
    table = duck.table("wrong")
    broken = table.mutate(**{"feature.heat": table["feature.heat"].cast("int64")})
    with pytest.raises(DataError) as caught:
        scan.profile(scan.Table(broken, {"heat": "feature.heat"}, private=True), REFERENCE)
    assert "secret" not in str(caught.value)


def test_another_engine(tmp_path: Path) -> None:
    """Polars streams by Ibis's own way."""
    pytest.importorskip("polars")
    backend = ibis.polars.connect()
    log = logged(frame(seed=8))
    table = backend.create_table("log", pa.Table.from_pandas(log, preserve_index=False))
    found = scan.profile(
        scan.Table(table, {n: f"feature.{n}" for n in FEATURES}, {"label": "prediction.label"}),
        REFERENCE,
    )
    expected = profiled(frame(seed=8))
    kind = next(one for one in expected.features if one.name == "kind")
    assert named(found, "kind").counts == kind.counts  # type: ignore[union-attr]
    assert found.rows == ROWS


# A reference that is a table --------------------------------------------------------------------


def test_a_small_reference_is_the_profile_that_package_writes(duck: Any) -> None:
    table = scan.Table(stored(duck, frame(seed=3)))
    found = reference.of_table(
        table, features=FEATURES, predictions=["label"], categorical=["label"]
    )
    expected = profiled(frame(seed=3))
    assert found.rows == ROWS
    for one, other in zip(found.features, expected.features, strict=True):
        if isinstance(one, Numbers):
            assert isinstance(other, Numbers)
            assert (one.edges, one.below, one.upto) == (other.edges, other.below, other.upto)
        else:
            assert one == other
    assert found.predictions == expected.predictions


def test_a_large_reference_is_counted_whole(duck: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "SAMPLE", 2000)
    duck.con.execute("CREATE OR REPLACE TABLE many AS SELECT range::DOUBLE AS x FROM range(20000)")
    (found,) = reference.of_table(scan.Table(duck.table("many")), features=["x"]).features
    assert isinstance(found, Numbers)
    assert found.edges != numbers("x", np.arange(20_000.0)).edges
    # A decile of the sample lies near that of the data, and its count is that of the data.
    assert found.upto == tuple(int(edge) + 1 for edge in found.edges)
    assert found.count == 20_000
    middle = found.upto[len(found.upto) // 2] / found.count
    assert middle == pytest.approx(0.5, abs=0.05)


def test_numbers_that_no_row_has(duck: Any) -> None:
    duck.con.execute("CREATE OR REPLACE TABLE none AS SELECT NULL::DOUBLE AS x FROM range(9)")
    (found,) = reference.of_table(scan.Table(duck.table("none")), features=["x"]).features
    assert found == numbers("x", np.full(9, np.nan))
