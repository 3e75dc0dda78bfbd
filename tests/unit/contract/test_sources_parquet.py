"""Parquet as a source, with pandas' and polars' own readers as the oracle."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.contract.sources import open_source
from assay.contract.sources.base import POSITION
from assay.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout, Source

_FIRST, _LAST = dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)  # noqa: DTZ001 (a column without a zone)

_VALUES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats()),
    (pa.float32(), st.floats(width=32)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text(max_size=3)),
    (pa.large_string(), st.text(max_size=3)),
    (pa.binary(), st.binary(max_size=3)),
    (pa.date32(), st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1))),
    (pa.timestamp("us"), st.datetimes(_FIRST, _LAST)),
    (pa.timestamp("ms", "Europe/Berlin"), st.datetimes(_FIRST, _LAST)),
    (pa.decimal128(6, 2), st.integers(-9999, 9999).map(lambda n: decimal.Decimal(n) / 100)),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "c"])),
    (pa.list_(pa.int32()), st.lists(st.integers(0, 9), max_size=2)),
    (pa.struct([("x", pa.int32())]), st.fixed_dictionaries({"x": st.integers(0, 9)})),
    (pa.time64("us"), st.times()),
    (pa.duration("us"), st.timedeltas(dt.timedelta(-9), dt.timedelta(9))),
    (pa.null(), st.none()),
]


@st.composite
def _tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 5))
    columns = {}
    for number in range(draw(st.integers(1, 4))):
        type_, values = draw(st.sampled_from(_VALUES))
        cell = values if draw(st.booleans()) else st.none() | values
        listed = draw(st.lists(cell, min_size=rows, max_size=rows))
        array = pa.array(listed, type_.value_type if pa.types.is_dictionary(type_) else type_)
        columns[f"c{number}"] = (
            array.dictionary_encode() if pa.types.is_dictionary(type_) else array
        )
    return pa.table(columns)


@contextlib.contextmanager
def opened(path: Path, backend: Backend, **options: Any) -> Iterator[tuple[Source, Layout]]:
    source = open_source(path, shown=path.name, private=options.pop("private", False), **options)
    try:
        yield source, source.layout(backend, has_index=False)
    finally:
        source.close()


def same_as_pandas(path: Path, real: pd.DataFrame) -> None:
    """All that the source says of a file, against what pandas reads."""
    with opened(path, "pandas") as (source, layout):
        flat = not isinstance(real.index, pd.MultiIndex)  # whose levels are told by their values
        pd.testing.assert_frame_equal(layout.empty, real.iloc[:0], check_index_type=flat)
        pd.testing.assert_frame_equal(next(iter(source.frames(layout))), real)
        for rows in (1, 2):
            parts = list(source.frames(layout, rows=rows))
            pd.testing.assert_frame_equal(pd.concat(parts), real)
            assert all(len(part) <= rows for part in parts)
            for part in parts:
                assert list(part.dtypes) == list(real.dtypes)
        assert layout.table.columns == tuple(map(str, real.columns))
        missing = layout.table.aggregate(
            [layout.table[name].isnull().sum().name(name) for name in layout.table.columns]
        ).to_pyarrow()
        found = {name: missing[name][0].as_py() or 0 for name in missing.column_names}
        assert found == {str(n): int(real[n].isna().sum()) for n in real.columns}
        numbers = layout.numbered[POSITION].to_pyarrow().to_pylist()
        assert sorted(numbers) == list(range(len(real)))


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Categories of two frames do not compare in older versions."""
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def same_as_polars(path: Path, real: pl.DataFrame) -> None:
    with opened(path, "polars") as (source, layout):
        assert layout.empty.schema == real.schema
        whole, parts = next(iter(source.frames(layout))), source.frames(layout, rows=2)
        assert_frame_equal(_plain(whole), _plain(real))
        assert_frame_equal(pl.concat(map(_plain, parts)), _plain(real))
        assert layout.table.columns == tuple(real.columns)


@settings(max_examples=12)
@given(_tables())
def test_any_table_looks_as_pandas_and_polars_read_it(table: pa.Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        pq.write_table(table, path, row_group_size=2)

        same_as_pandas(path, pd.read_parquet(path))
        same_as_polars(path, pl.read_parquet(path))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [1, 2]}, index=pd.Index([5, 9], name="id")),
        pd.DataFrame({"x": [1, 2]}, index=pd.RangeIndex(3, 7, 2, name="q")),
        pd.DataFrame({"x": pd.array([1, None], dtype="Int64"), "y": [True, None]}),
        pd.DataFrame({"c": pd.Categorical(["a", "b"], ["z", "b", "a"], ordered=True)}),
        pd.DataFrame({"x": [1.5, 2.5]}, index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])),
    ],
    ids=["index", "range", "nullable", "ordered", "levels"],
)
def test_what_pandas_stored_beside_the_columns(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(tmp_path / "f.parquet")

    same_as_pandas(tmp_path / "f.parquet", pd.read_parquet(tmp_path / "f.parquet"))


def test_nulls_where_the_footer_has_no_statistics(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    table = pa.table({"i": [1, None], "j": [1, 2], "b": pa.array([None, True])})
    pq.write_table(table, path, write_statistics=False)

    same_as_pandas(path, pd.read_parquet(path))


@pytest.mark.parametrize("keys", [("1", "2"), ("b", "a"), ("2020-01-01", "2020-01-02")])
def test_hive_partitions(tmp_path: Path, keys: tuple[str, str]) -> None:
    for number, key in enumerate(keys):
        folder = tmp_path / "t" / f"k={key}"
        folder.mkdir(parents=True)
        # A name that is a glob is a file here.
        pq.write_table(pa.table({"i": [number, None]}), folder / f"part[{number}].parquet")
    (tmp_path / "t" / "_SUCCESS").write_text("")

    same_as_pandas(tmp_path / "t", pd.read_parquet(tmp_path / "t"))
    same_as_polars(tmp_path / "t", pl.read_parquet(tmp_path / "t", glob=False))


def test_rows_of_a_folder_are_numbered_in_its_order(tmp_path: Path) -> None:
    for number in range(3):
        pq.write_table(pa.table({"i": [10 * number, 10 * number + 1]}), tmp_path / f"{number}.pq")

    with opened(tmp_path, "polars") as (_, layout):
        rows = layout.numbered.order_by(POSITION).to_pyarrow().to_pylist()

    assert [row["i"] for row in rows] == [0, 1, 10, 11, 20, 21]


def test_nan_is_missing_for_pandas_and_a_value_for_polars(tmp_path: Path) -> None:
    # The footer's greatest value leaves NaN out: DuckDB must not believe it.
    pq.write_table(pa.table({"x": [1.0, float("nan")]}), tmp_path / "f.parquet")

    with opened(tmp_path / "f.parquet", "pandas") as (_, layout):
        assert layout.table.x.isnull().sum().to_pyarrow().as_py() == 1
    with opened(tmp_path / "f.parquet", "polars") as (_, layout):
        assert layout.table.x.isnan().sum().to_pyarrow().as_py() == 1
        assert layout.table.filter(layout.table.x.isnan()).count().to_pyarrow().as_py() == 1
        assert (layout.table.x > 5).sum().to_pyarrow().as_py() == 1


def test_whole_numbers_with_nulls_are_floats_for_pandas(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [2**53 + 1, None]}), tmp_path / "f.parquet")

    with opened(tmp_path / "f.parquet", "pandas") as (_, layout):
        assert layout.table.x.max().to_pyarrow().as_py() == float(2**53)


def test_an_ibis_table_is_the_file_as_it_is(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2, None], "y": ["a", "b", "c"]}), tmp_path / "f.parquet")

    with opened(tmp_path / "f.parquet", "ibis") as (source, layout):
        assert layout.empty is layout.table
        (whole,) = source.frames(layout, ["y"])
        assert whole.to_pyarrow().to_pydict() == {"y": ["a", "b", "c"]}
        assert [t.count().to_pyarrow().as_py() for t in source.frames(layout, rows=2)] == [2, 1]


def test_columns_that_sql_cannot_tell_apart_have_no_table(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"a": [1, 2], "A": ["x", "y"]}), path)

    with opened(path, "pandas") as (source, layout):
        assert layout.table is None
        pd.testing.assert_frame_equal(next(iter(source.frames(layout))), pd.read_parquet(path))
    with pytest.raises(DataError, match="SQL cannot tell apart"), opened(path, "ibis"):
        pass


def test_a_column_that_is_called_like_the_row_number(tmp_path: Path) -> None:
    pq.write_table(pa.table({"File_Row_Number": [7, 7]}), tmp_path / "f.parquet")

    with opened(tmp_path / "f.parquet", "pandas") as (_, layout):
        assert layout.table.to_pyarrow().to_pydict() == {"File_Row_Number": [7, 7]}
        assert layout.numbered is None


def test_mixed_schemas_name_the_two_files_and_the_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["x"], "a": [1]}), tmp_path / "2.parquet")

    with pytest.raises(DataError) as caught:
        open_source(tmp_path, shown="data", private=False)

    assert caught.value.exit_code == 2
    assert caught.value.message == (
        "data has parts with different schemas: column `b` is int64 in data/1.parquet, and"
        " string in data/2.parquet."
    )


def test_a_column_that_a_part_does_not_have(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "2.parquet")

    with pytest.raises(DataError, match=r"column `b` is missing in .*1\.parquet, and int64 in"):
        open_source(tmp_path, shown="data", private=False)


def test_a_column_and_a_folder_with_one_name(tmp_path: Path) -> None:
    (tmp_path / "a=1").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a=1" / "f.parquet")

    with pytest.raises(DataError, match="has a column `a`, and a folder of that name"):
        open_source(tmp_path, shown="data", private=False)


def test_column_names_that_stand_twice(tmp_path: Path) -> None:
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "f.parquet")

    with pytest.raises(DataError, match="has the column `a` 2 times"):
        open_source(tmp_path / "f.parquet", shown="f.parquet", private=False)


@pytest.mark.parametrize("keep", [4, 30, 500])
def test_a_file_that_was_cut_off(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"f\.parquet is not a readable Parquet file") as caught:
        open_source(path, shown="f.parquet", private=False)

    assert caught.value.exit_code == 2
    assert "dvc pull --force" in (caught.value.hint or "")


def test_what_was_made_is_gone_after_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "f.parquet")
    pd.DataFrame({"a": [1], "b": [2]}).to_csv(tmp_path / "f.csv.gz")

    for name in ("f.parquet", "f.csv.gz"):
        for backend in ("pandas", "polars", "ibis"):
            with opened(tmp_path / name, backend):
                assert list((tmp_path / "temporary").iterdir())

    assert list((tmp_path / "temporary").iterdir()) == []


def test_duckdb_reads_nothing_else(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "f.parquet")
    (tmp_path / "secret.csv").write_text("x\n1\n")

    with opened(tmp_path / "f.parquet", "polars") as (_, layout):
        backend = layout.table.get_backend()
        with pytest.raises(Exception, match=r"disabled|allowed|permission|Permission"):
            backend.raw_sql(f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
        with pytest.raises(Exception, match="locked"):
            backend.raw_sql("SET enable_external_access = true")
